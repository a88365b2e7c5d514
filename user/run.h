/* SPDX-License-Identifier: MIT */
/*
 * run.h - `moqstat run`: ticks from a relay, or from a recording, to standard output.
 */
#ifndef MOQSTAT_RUN_H
#define MOQSTAT_RUN_H

#include "options.h"

/** Run until the end; what goes wrong is logged. Returns the exit status (enum options_exit). */
int run(const struct options *o);

/** `moqstat sites`. Returns the exit status. */
int run_sites(const struct options *o);

#endif /* MOQSTAT_RUN_H */
