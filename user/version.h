/* SPDX-License-Identifier: MIT */
/*
 * version.h - what this moqstat is made of, and what it knows: the command `version`.
 */
#ifndef MOQSTAT_VERSION_H
#define MOQSTAT_VERSION_H

#include "options.h"

/** Tell it on standard output, as text or as JSON. Returns an exit status; what fails is logged. */
int version_run(const struct options *o);

#endif /* MOQSTAT_VERSION_H */
