/* SPDX-License-Identifier: MIT */
/*
 * top.h - `moqstat top`: the relays' numbers in a terminal, or as plain tables.
 */
#ifndef MOQSTAT_TOP_H
#define MOQSTAT_TOP_H

#include "options.h"

/** Show them until the end; what goes wrong is logged. Returns the exit status (enum options_exit).
 */
int top(const struct options *o);

#endif /* MOQSTAT_TOP_H */
