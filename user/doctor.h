/* SPDX-License-Identifier: MIT */
/*
 * doctor.h - `moqstat doctor`: would `moqstat run` work here, and on these relays? What can be
 * tried is tried, as run would; but nothing is attached.
 */
#ifndef MOQSTAT_DOCTOR_H
#define MOQSTAT_DOCTOR_H

#include "options.h"

/** Look at the machine, and at the relay of --pid, or those that there are, and write what was
 * found to stdout. EXIT_DONE only if run would work; else EXIT_FAILED. */
int doctor_run(const struct options *o);

#endif /* MOQSTAT_DOCTOR_H */
