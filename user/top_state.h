/* SPDX-License-Identifier: MIT */
/*
 * top_state.h - what one has asked of `moqstat top` by keys: what is shown, and how. Pure.
 */
#ifndef MOQSTAT_TOP_STATE_H
#define MOQSTAT_TOP_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

/** The longest filter, bytes. */
#define TOP_FILTER_MAX 256

/** A key: a character, or one of these. */
enum top_key {
	TOP_KEY_UP = 0x110000,
	TOP_KEY_DOWN,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_ENTER,
	TOP_KEY_ESCAPE,
	TOP_KEY_ERASE,
	TOP_KEY_TAB,
};

/** What lies over the table. */
enum top_over {
	TOP_NOTHING = 0,
	TOP_DETAIL, /* one row's counts */
	TOP_HELP,
};

struct top_state {
	enum table_kind kind;
	enum table_tier tier;
	size_t sort[TABLE_KINDS];
	bool reverse[TABLE_KINDS];
	char filter[TOP_FILTER_MAX + 1];
	size_t filter_len;
	bool editing; /* the filter */
	bool paused;
	bool quit;
	enum top_over over;
	size_t over_from; /* its first line that is shown */
	/* Told by who shows it: how many rows or lines there are, and are seen at once. */
	size_t len, height, over_len, over_height;
	size_t from, at; /* the first row that is shown, and the one that is marked */
};

void top_state_init(struct top_state *out);

/** Take a key. */
void top_state_key(struct top_state *s, int key);

/** There are `len` rows now, of which `height` are seen: what is shown stays within them. */
void top_state_fit(struct top_state *s, size_t len, size_t height);

/** Likewise, the lines of what lies over the table. */
void top_state_fit_over(struct top_state *s, size_t len, size_t height);

/** The rows that are wanted by that. It lasts as long as the state. */
struct table_wish top_state_wish(const struct top_state *s);

#endif /* MOQSTAT_TOP_STATE_H */
