/* SPDX-License-Identifier: MIT */
/*
 * top_lines.h - what the parts of top_view.h share.
 */
#ifndef MOQSTAT_TOP_LINES_H
#define MOQSTAT_TOP_LINES_H

#include "top_view.h"

/** Begin the next line; it is there also without memory, and then says so. */
struct printable *top_line_add(struct top_view *v, enum top_look look);

/** Signs that the locale has, or others in their place. */
struct top_signs {
	const char *unknown, *unavailable, *since_attach, *down, *up;
};
const struct top_signs *top_signs(void);

/** The mark of a column or a count that is worth so much; "" where it is exact. */
const char *top_mark(enum worth_state state);

/** The lines of one row's counts, and those of the help. */
void top_detail_lines(struct top_view *v, const struct top_facts *facts, const struct top_state *s,
		      const struct watch *w, size_t columns);
void top_help_lines(struct top_view *v);

#endif /* MOQSTAT_TOP_LINES_H */
