/* SPDX-License-Identifier: MIT */
/*
 * explain.h - what the numbers are worth, for people (--explain).
 */
#ifndef MOQSTAT_EXPLAIN_H
#define MOQSTAT_EXPLAIN_H

#include <stdio.h>

#include "collect_live.h"
#include "sites.h"
#include "worth.h"

/** Write a table of each field of each track: its state, how it is told whose counter is bumped,
 *  and the reason; and what the states mean. `title` names the relay. What can't be written is not
 *  an error of the run, and isn't told. */
void explain_write(const char *title, const struct sites *sites,
		   const struct collect_live_info *info, const struct worths *worths, FILE *out);

#endif /* MOQSTAT_EXPLAIN_H */
