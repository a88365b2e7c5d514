/* SPDX-License-Identifier: MIT */
#include "top_state.h"

#include <string.h>

void top_state_init(struct top_state *out)
{
	size_t i;

	*out = (struct top_state){ 0 };
	for (i = 0; i < TABLE_KINDS; i++)
		out->sort[i] = table_columns[i].sort;
}

struct table_wish top_state_wish(const struct top_state *s)
{
	return (struct table_wish){ .kind = s->kind,
				    .tier = s->tier,
				    .sort = s->sort[s->kind],
				    .reverse = s->reverse[s->kind],
				    .filter = s->filter };
}

/* Move within `len` lines of which `height` are seen; `page` where it goes by the screen. */
static size_t top_state_move(size_t at, size_t len, size_t height, int key)
{
	size_t page = height > 1 ? height - 1 : 1, last = len ? len - 1 : 0;

	switch (key) {
	case TOP_KEY_UP:
		return at ? at - 1 : 0;
	case TOP_KEY_DOWN:
		return at < last ? at + 1 : last;
	case TOP_KEY_PAGE_UP:
		return at > page ? at - page : 0;
	case TOP_KEY_PAGE_DOWN:
		return last - at > page ? at + page : last;
	case TOP_KEY_HOME:
		return 0;
	case TOP_KEY_END:
		return last;
	default:
		return at;
	}
}

void top_state_fit(struct top_state *s, size_t len, size_t height)
{
	s->len = len;
	s->height = height;
	if (s->at >= len)
		s->at = len ? len - 1 : 0;
	if (s->from > s->at)
		s->from = s->at;
	if (height && s->at - s->from >= height)
		s->from = s->at - height + 1;
	if (s->from + height > len)
		s->from = len > height ? len - height : 0;
}

void top_state_fit_over(struct top_state *s, size_t len, size_t height)
{
	size_t last = len > height ? len - height : 0;

	s->over_len = len;
	s->over_height = height;
	if (s->over_from > last)
		s->over_from = last;
}

/* Other rows, or in another order: from the first one on. */
static void top_state_begin(struct top_state *s)
{
	s->from = s->at = 0;
}

static void top_state_sort(struct top_state *s, bool right)
{
	size_t len = table_columns[s->kind].len, *sort = &s->sort[s->kind];

	*sort = (*sort + (right ? 1 : len - 1)) % len;
	top_state_begin(s);
}

/* A character behind the filter, in UTF-8. */
static void top_state_type(struct top_state *s, unsigned int c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;
	static const unsigned char begins[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	if (c < ' ' || c == 0x7f || (c >= 0xd800 && c < 0xe000) ||
	    s->filter_len + n > TOP_FILTER_MAX)
		return;
	for (i = n; i-- > 1; c >>= 6)
		s->filter[s->filter_len + i] = (char)(0x80 | (c & 0x3f));
	s->filter[s->filter_len] = (char)(begins[n] | c);
	s->filter_len += n;
	s->filter[s->filter_len] = '\0';
	top_state_begin(s);
}

static void top_state_clear(struct top_state *s)
{
	s->filter_len = 0;
	s->filter[0] = '\0';
	top_state_begin(s);
}

/* A key while the filter is written. */
static void top_state_edit(struct top_state *s, int key)
{
	switch (key) {
	case TOP_KEY_ENTER:
		s->editing = false;
		break;
	case TOP_KEY_ESCAPE:
		s->editing = false;
		top_state_clear(s);
		break;
	case TOP_KEY_ERASE:
		while (s->filter_len && (s->filter[--s->filter_len] & 0xc0) == 0x80)
			;
		s->filter[s->filter_len] = '\0';
		top_state_begin(s);
		break;
	default:
		if (key >= 0 && key < TOP_KEY_UP)
			top_state_type(s, (unsigned int)key);
		else
			s->at = top_state_move(s->at, s->len, s->height, key);
	}
}

/* A key while something lies over the table; false where it is for the table. */
static bool top_state_over(struct top_state *s, int key)
{
	size_t last = s->over_len > s->over_height ? s->over_len - s->over_height : 0;

	switch (key) {
	case TOP_KEY_ESCAPE:
	case TOP_KEY_ENTER:
	case 'q':
		s->over = TOP_NOTHING;
		return true;
	case 'p':
	case ' ':
	case 't':
	case '?':
		return false;
	default:
		s->over_from = top_state_move(s->over_from, last + 1, s->over_height, key);
		return true;
	}
}

static void top_state_open(struct top_state *s, enum top_over over)
{
	s->over = s->over == over ? TOP_NOTHING : over;
	s->over_from = 0;
}

static void top_state_table(struct top_state *s, int key)
{
	switch (key) {
	case 'q':
		s->quit = true;
		break;
	case 's':
	case '>':
	case TOP_KEY_RIGHT:
		top_state_sort(s, true);
		break;
	case '<':
	case TOP_KEY_LEFT:
		top_state_sort(s, false);
		break;
	case 'r':
		s->reverse[s->kind] = !s->reverse[s->kind];
		top_state_begin(s);
		break;
	case '/':
		s->editing = true;
		break;
	case 'p':
	case ' ':
		s->paused = !s->paused;
		break;
	case 't':
		s->tier = (s->tier + 1) % TABLE_TIERS;
		break;
	case '?':
		top_state_open(s, TOP_HELP);
		break;
	case TOP_KEY_TAB:
		s->kind = (s->kind + 1) % TABLE_KINDS;
		top_state_begin(s);
		break;
	case TOP_KEY_ENTER:
		if (s->len)
			top_state_open(s, TOP_DETAIL);
		break;
	case TOP_KEY_ESCAPE:
		top_state_clear(s);
		break;
	default:
		s->at = top_state_move(s->at, s->len, s->height, key);
	}
}

void top_state_key(struct top_state *s, int key)
{
	if (s->editing)
		top_state_edit(s, key);
	else if (s->over == TOP_NOTHING || !top_state_over(s, key))
		top_state_table(s, key);
}
