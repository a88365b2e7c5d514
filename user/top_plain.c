/* SPDX-License-Identifier: MIT */
/* Plain tables, for pipes, files, and terminals that can't move their cursor. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "top_lines.h"

#define TOP_PLAIN_COLUMNS 16

/* Columns of numbers, each as wide as its longest one. */
struct top_plain {
	const struct table_columns *columns;
	size_t widths[TOP_PLAIN_COLUMNS];
};

static void top_plain_cell(struct printable *p, const struct table_row *row,
			   const struct top_state *s, const struct table_column *column)
{
	const char *reason;
	double value;

	if (column->type == TABLE_TEXT) {
		if (column == table_columns[s->kind].list)
			printable_name(p, row->row->name, row->row->name_len, SIZE_MAX / 2, true);
		else
			printable_put(p, table_tiers(row, s->kind));
		if (!p->width)
			printable_put(p, "(empty)");
		return;
	}
	value = table_value(row, s->kind, column, s->tier);
	if (table_worth(row->relay, s->kind, column, s->tier, &reason) == WORTH_UNAVAILABLE)
		printable_put(p, "n/a");
	else if (isnan(value))
		printable_put(p, "-");
	else
		printable_format(p, column->type == TABLE_RATE ? "%.1f" : "%.0f", value);
}

static void top_plain_measure(struct top_plain *plain, const struct top_state *s,
			      const struct table *t)
{
	struct printable cell = { 0 };
	size_t i, j;

	for (j = 0; j < plain->columns->len; j++)
		plain->widths[j] = strlen(plain->columns->list[j].name);
	for (i = 0; i < t->len; i++) {
		for (j = 0; j < plain->columns->len; j++) {
			printable_clear(&cell);
			top_plain_cell(&cell, &t->rows[i], s, &plain->columns->list[j]);
			if (cell.width > plain->widths[j])
				plain->widths[j] = cell.width;
		}
	}
	free(cell.data);
}

/* Put a cell where its column is: texts at the left, numbers at the right. */
static void top_plain_put(struct printable *p, const struct printable *cell, size_t width,
			  bool left)
{
	size_t begin = p->width;

	if (!left)
		printable_pad(p, begin + width - cell->width);
	printable_piece(p, cell->data, cell->len, cell->width);
	if (left)
		printable_pad(p, begin + width);
	printable_put(p, "  ");
}

static void top_plain_heads(struct top_view *v, const struct top_plain *plain)
{
	struct printable *p = top_line_add(v, TOP_LOOK_PLAIN), cell = { 0 };
	size_t j;

	for (j = 0; j < plain->columns->len; j++) {
		printable_clear(&cell);
		printable_put(&cell, plain->columns->list[j].name);
		if (cell.data)
			top_plain_put(p, &cell, plain->widths[j],
				      plain->columns->list[j].type == TABLE_TEXT);
	}
	printable_put(p, "relay");
	free(cell.data);
}

static void top_plain_row(struct top_view *v, const struct top_plain *plain,
			  const struct top_state *s, const struct table_row *row)
{
	struct printable *p = top_line_add(v, TOP_LOOK_PLAIN), cell = { 0 };
	size_t j;

	for (j = 0; j < plain->columns->len; j++) {
		printable_clear(&cell);
		top_plain_cell(&cell, row, s, &plain->columns->list[j]);
		if (cell.data)
			top_plain_put(p, &cell, plain->widths[j],
				      plain->columns->list[j].type == TABLE_TEXT);
	}
	printable_name(p, row->relay->name, strlen(row->relay->name), SIZE_MAX / 2, true);
	free(cell.data);
}

static void top_plain_head(struct top_view *v, const struct top_facts *facts,
			   const struct top_state *s, const struct watch *w, const char *time)
{
	struct printable *p = top_line_add(v, TOP_LOOK_PLAIN);
	struct table_sums sums = table_sum(w, s->tier);
	unsigned int counts[WORTH_EXACT + 1];
	uint64_t lost = 0;
	size_t i;

	for (i = 0; i < w->len; i++)
		lost += w->relays[i]->lost;
	watch_worths(w, counts);
	printable_format(p,
			 "# %s state=%s relays=%zu broadcasts=%zu viewers=%llu subscriptions=%llu ",
			 time, facts->state, w->len, sums.broadcasts,
			 (unsigned long long)sums.viewers, (unsigned long long)sums.subscriptions);
	printable_format(p, "sessions=%llu exact=%u since-attach=%u unavailable=%u lost=%llu",
			 (unsigned long long)sums.sessions, counts[WORTH_EXACT],
			 counts[WORTH_SINCE_ATTACH], counts[WORTH_UNAVAILABLE],
			 (unsigned long long)lost);
}

int top_view_plain(struct top_view *v, const struct top_facts *facts, const struct top_state *s,
		   const struct watch *w, struct table *t, const char *time)
{
	struct table_wish wish = top_state_wish(s);
	struct top_plain plain = { .columns = &table_columns[s->kind] };
	size_t i;
	int err = table_build(t, w, &wish, 0, SIZE_MAX);

	if (err)
		return err;
	v->len = 0;
	v->failed = false;
	top_plain_measure(&plain, s, t);
	top_plain_head(v, facts, s, w, time);
	top_plain_heads(v, &plain);
	for (i = 0; i < t->len; i++)
		top_plain_row(v, &plain, s, &t->rows[i]);
	top_line_add(v, TOP_LOOK_PLAIN);
	for (i = 0; i < v->len; i++)
		v->failed |= v->lines[i].text.failed;
	return v->failed ? -ENOMEM : 0;
}
