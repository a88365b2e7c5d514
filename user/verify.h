/* SPDX-License-Identifier: MIT */
/*
 * verify.h - `moqstat verify`: counts beside a relay for a while, and compares with all the
 * witnesses that there are. See docs/adr/0026-verify.md.
 */
#ifndef MOQSTAT_VERIFY_H
#define MOQSTAT_VERIFY_H

#include "options.h"

/** Returns the exit status: EXIT_DONE if all that was compared is equal, and that was something;
 *  EXIT_FAILED if anything differs or nothing could be compared. What goes wrong is logged. */
int verify_run(const struct options *given);

#endif /* MOQSTAT_VERIFY_H */
