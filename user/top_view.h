/* SPDX-License-Identifier: MIT */
/*
 * top_view.h - what `moqstat top` shows, as lines of text: a screen of any size, or the plain
 * tables of an output that is none. Pure; what strangers chose is made printable here.
 */
#ifndef MOQSTAT_TOP_VIEW_H
#define MOQSTAT_TOP_VIEW_H

#include <stddef.h>

#include "printable.h"
#include "table.h"
#include "top_state.h"

/** How a line looks. No sense hangs on it. */
enum top_look {
	TOP_LOOK_PLAIN = 0,
	TOP_LOOK_BOLD,
	TOP_LOOK_REVERSE,
};

struct top_line {
	struct printable text;
	enum top_look look;
};

/** Lines; zeroed before its first use. */
struct top_view {
	struct top_line *lines;
	size_t len, size;
	struct printable scrap; /* what is put where there is no line */
	bool failed;		/* there was no memory; what is there isn't whole */
};
void top_view_deinit(struct top_view *v);

/** What is to be told besides the numbers. */
struct top_facts {
	const char *source;  /* whom it comes from: a URL, say */
	const char *state;   /* our own words: "live" */
	const char *problem; /* why it isn't; or NULL. Any bytes */
	const char *message; /* the last thing that was logged; or NULL. Any bytes */
	const char *opened;  /* TOP_DETAIL: the row's name and its relay; or NULL */
	size_t opened_len;
	const char *opened_relay;
};

/** Lay a screen of rows x columns out: as many lines, none of them wider. The state learns how much
 * there is of everything. `t` is where rows are gathered. 0 or -ENOMEM. */
int top_view_build(struct top_view *v, const struct top_facts *facts, struct top_state *s,
		   const struct watch *w, struct table *t, size_t rows, size_t columns);

/** One plain table: a line that begins with `#` for all, one with the columns' names, one for each
 * row, an empty one. Names have no spaces, and what isn't known is `-`, or `n/a` where nobody can
 * tell. 0 or -ENOMEM. */
int top_view_plain(struct top_view *v, const struct top_facts *facts, const struct top_state *s,
		   const struct watch *w, struct table *t, const char *time);

#endif /* MOQSTAT_TOP_VIEW_H */
