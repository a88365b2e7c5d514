/* SPDX-License-Identifier: MIT */
/*
 * options_top.h - the part of the command line that belongs to `moqstat top`.
 */
#ifndef MOQSTAT_OPTIONS_TOP_H
#define MOQSTAT_OPTIONS_TOP_H

#include "options.h"

/** Does it all make sense together? What doesn't is logged. 0 or -EINVAL. */
int options_top_check(const struct options *o);

#endif /* MOQSTAT_OPTIONS_TOP_H */
