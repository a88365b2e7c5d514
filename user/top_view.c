/* SPDX-License-Identifier: MIT */
#include "top_view.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "top_lines.h"
#include "units.h"

/* A name that is shorter isn't worth a further column. */
#define TOP_NAME_MIN 18

/* The relay's name, where there are several. */
#define TOP_RELAY_WIDTH 18

#define TOP_COLUMNS_MAX 16

void top_view_deinit(struct top_view *v)
{
	size_t i;

	for (i = 0; i < v->size; i++)
		free(v->lines[i].text.data);
	free(v->lines);
	free(v->scrap.data);
	memset(v, 0, sizeof(*v));
}

struct printable *top_line_add(struct top_view *v, enum top_look look)
{
	size_t size = v->size ? 2 * v->size : 32;
	struct top_line *lines;

	if (v->len == v->size) {
		lines = realloc(v->lines, size * sizeof(*lines));
		if (!lines) {
			v->failed = true;
			printable_clear(&v->scrap);
			return &v->scrap;
		}
		memset(lines + v->size, 0, (size - v->size) * sizeof(*lines));
		v->lines = lines;
		v->size = size;
	}
	v->lines[v->len].look = look;
	printable_clear(&v->lines[v->len].text);
	return &v->lines[v->len++].text;
}

const struct top_signs *top_signs(void)
{
	static const struct top_signs unicode = { "–", "⊘", "≈", "↓", "↑" };
	static const struct top_signs ascii = { "-", "n/a", "~", "v", "^" };

	return printable_unicode() ? &unicode : &ascii;
}

const char *top_mark(enum worth_state state)
{
	return state == WORTH_EXACT	     ? ""
	       : state == WORTH_SINCE_ATTACH ? top_signs()->since_attach
					     : top_signs()->unavailable;
}

static void top_put_title(struct top_view *v, const struct top_facts *facts,
			  const struct top_state *s, const struct watch *w)
{
	struct printable *p = top_line_add(v, TOP_LOOK_BOLD);
	uint64_t tick = w->len ? rates_clock_tick(&w->relays[0]->clock) : 0;

	printable_put(p, "moqstat top  ");
	if (s->paused)
		printable_put(p, "PAUSED  ");
	printable_put(p, facts->state);
	if (facts->problem) {
		printable_put(p, ": ");
		printable_name(p, facts->problem, strlen(facts->problem), 120, false);
	}
	printable_put(p, "  ");
	printable_name(p, facts->source, strlen(facts->source), 80, false);
	if (tick)
		printable_format(p, "  every %.3g s", (double)tick / 1e9);
}

/* Which relay it is, and what its numbers are worth. */
static void top_put_relay(struct top_view *v, const struct watch *w)
{
	struct printable *p = top_line_add(v, TOP_LOOK_PLAIN);
	const json_t *relay = w->len ? json_object_get(w->relays[0]->status, "relay") : NULL;
	const char *text = json_string_value(json_object_get(relay, "statistics"));
	unsigned int counts[WORTH_EXACT + 1];
	uint64_t lost = 0;
	size_t i;

	for (i = 0; i < w->len; i++)
		lost += w->relays[i]->lost;
	if (w->len == 1) {
		printable_put(p, "relay ");
		printable_name(p, w->relays[0]->name, strlen(w->relays[0]->name), 40, false);
		if (w->relays[0]->ended)
			printable_put(p, " (ended)");
	} else {
		printable_format(p, w->len ? "%zu relays" : "no relay", w->len);
	}
	if (w->len == 1 && text) {
		printable_format(p, ", process %lld, statistics ",
				 (long long)json_integer_value(json_object_get(relay, "pid")));
		printable_name(p, text, strlen(text), 16, false);
	}
	watch_worths(w, counts);
	if (counts[WORTH_EXACT] || counts[WORTH_SINCE_ATTACH] || counts[WORTH_UNAVAILABLE])
		printable_format(p, "; fields: %u exact, %u since attach, %u unavailable",
				 counts[WORTH_EXACT], counts[WORTH_SINCE_ATTACH],
				 counts[WORTH_UNAVAILABLE]);
	if (lost)
		printable_format(p, "; %llu frames lost on the way", (unsigned long long)lost);
}

static void top_put_flow(struct printable *p, const char *name, const double *flow)
{
	char text[UNITS_SIZE];

	printable_format(p, "  %s ", name);
	if (isnan(flow[0])) {
		printable_put(p, top_signs()->unknown);
		return;
	}
	printable_format(p, "%s/s", units_bytes(flow[0], text));
	printable_format(p, " %s frm/s", units_rate(flow[1], text));
	printable_format(p, " %s grp/s", units_rate(flow[2], text));
}

static void top_put_totals(struct top_view *v, const struct top_state *s, const struct watch *w)
{
	struct printable *p = top_line_add(v, TOP_LOOK_PLAIN);
	struct table_sums sums = table_sum(w, s->tier);

	printable_format(p, "broadcasts %zu  viewers %llu  subscriptions %llu  sessions %llu",
			 sums.broadcasts, (unsigned long long)sums.viewers,
			 (unsigned long long)sums.subscriptions, (unsigned long long)sums.sessions);
	top_put_flow(p, "out", sums.out);
	top_put_flow(p, "in", sums.in);
}

static void top_put_bar(struct top_view *v, const struct top_state *s, const struct table *t)
{
	static const char *const tiers[] = { "all", "external", "internal" };
	struct printable *p = top_line_add(v, TOP_LOOK_PLAIN);

	printable_put(p, s->kind == TABLE_BROADCASTS ? "[broadcasts] sessions"
						     : "broadcasts [sessions]");
	printable_format(p, "  tier %s  sort %s%s", tiers[s->tier],
			 table_columns[s->kind].list[s->sort[s->kind]].name,
			 s->reverse[s->kind] ? " reversed" : "");
	if (s->filter_len) {
		printable_put(p, "  filter ");
		printable_name(p, s->filter, s->filter_len, 40, false);
		printable_format(p, " (%zu of %zu)", t->len, t->all);
	}
}

/* The columns that there is room for, and where. */
struct top_columns {
	const struct table_column *list[TOP_COLUMNS_MAX];
	size_t len;
	size_t name, relay; /* widths; without a relay's 0 */
};

static struct top_columns top_choose(enum table_kind kind, size_t width, bool several)
{
	const struct table_columns *all = &table_columns[kind];
	struct top_columns chosen = { .name = width };
	unsigned int most = 0, rank;
	size_t i, used = 0;

	if (several && width >= 2 * TOP_NAME_MIN + TOP_RELAY_WIDTH)
		chosen.relay = used = TOP_RELAY_WIDTH;
	for (rank = 1; rank <= all->len; rank++) {
		for (i = 1; i < all->len && all->list[i].rank != rank; i++)
			;
		if (i == all->len || used + all->list[i].width + TOP_NAME_MIN > width)
			break;
		used += all->list[i].width;
		most = rank;
	}
	for (i = 1; i < all->len; i++) {
		if (all->list[i].rank <= most)
			chosen.list[chosen.len++] = &all->list[i];
	}
	chosen.name = width - used;
	return chosen;
}

/* A text at the right end of the next `width` columns. */
static void top_put_right(struct printable *p, size_t width, const struct printable *text)
{
	size_t begin = p->width;

	if (text->width < width)
		printable_pad(p, begin + width - text->width);
	if (text->data)
		printable_piece(p, text->data, text->len, width);
}

static enum worth_state top_column_worth(const struct watch *w, const struct top_state *s,
					 const struct table_column *column)
{
	enum worth_state worst = WORTH_EXACT, state;
	const char *reason;
	size_t i;

	for (i = 0; i < w->len; i++) {
		state = table_worth(w->relays[i], s->kind, column, s->tier, &reason);
		worst = state < worst ? state : worst;
	}
	return worst;
}

static void top_put_heads(struct top_view *v, const struct top_state *s, const struct watch *w,
			  const struct top_columns *columns)
{
	const struct table_column *sort = &table_columns[s->kind].list[s->sort[s->kind]];
	const char *arrow = s->reverse[s->kind] ? top_signs()->up : top_signs()->down;
	struct printable *p = top_line_add(v, TOP_LOOK_REVERSE), cell = { 0 };
	size_t i;

	printable_put(p, table_columns[s->kind].list[0].title);
	if (sort == table_columns[s->kind].list)
		printable_put(p, arrow);
	printable_cut(p, columns->name);
	printable_pad(p, columns->name);
	if (columns->relay) {
		printable_put(p, " RELAY");
		printable_pad(p, columns->name + columns->relay);
	}
	for (i = 0; i < columns->len; i++) {
		printable_clear(&cell);
		printable_put(&cell, top_mark(top_column_worth(w, s, columns->list[i])));
		printable_put(&cell, columns->list[i]->title);
		if (sort == columns->list[i])
			printable_put(&cell, arrow);
		top_put_right(p, columns->list[i]->width, &cell);
	}
	free(cell.data);
}

/* What a column says of a row. */
static void top_put_value(struct printable *p, const struct table_row *row,
			  const struct top_state *s, const struct table_column *column)
{
	double value;
	const char *reason;
	char text[UNITS_SIZE];

	if (column->type == TABLE_TEXT) {
		printable_put(p, table_tiers(row, s->kind));
		return;
	}
	value = table_value(row, s->kind, column, s->tier);
	if (table_worth(row->relay, s->kind, column, s->tier, &reason) == WORTH_UNAVAILABLE)
		printable_put(p, top_signs()->unavailable);
	else if (isnan(value))
		printable_put(p, top_signs()->unknown);
	else
		printable_put(p, column->type == TABLE_COUNT   ? units_count(value, text)
				 : column->type == TABLE_BYTES ? units_bytes(value, text)
							       : units_rate(value, text));
}

static void top_put_name(struct printable *p, const char *name, size_t len, size_t width)
{
	if (len)
		printable_name(p, name, len, width, false);
	else if (width >= strlen("(empty)"))
		printable_put(p, "(empty)");
}

static void top_put_row(struct top_view *v, const struct table_row *row, const struct top_state *s,
			const struct top_columns *columns, bool marked)
{
	struct printable *p = top_line_add(v, marked ? TOP_LOOK_REVERSE : TOP_LOOK_PLAIN);
	struct printable cell = { 0 };
	size_t i;

	/* The mark isn't told by how the line looks alone. */
	printable_put(p, marked ? ">" : " ");
	top_put_name(p, row->row->name, row->row->name_len,
		     columns->name > 2 ? columns->name - 2 : 0);
	printable_pad(p, columns->name);
	if (columns->relay) {
		printable_put(p, " ");
		printable_name(p, row->relay->name, strlen(row->relay->name), columns->relay - 2,
			       false);
		printable_pad(p, columns->name + columns->relay);
	}
	for (i = 0; i < columns->len; i++) {
		printable_clear(&cell);
		top_put_value(&cell, row, s, columns->list[i]);
		top_put_right(p, columns->list[i]->width, &cell);
	}
	free(cell.data);
}

static void top_put_footer(struct top_view *v, const struct top_facts *facts,
			   const struct top_state *s)
{
	struct printable *p = top_line_add(v, s->editing ? TOP_LOOK_BOLD : TOP_LOOK_PLAIN);

	if (s->editing) {
		printable_put(p, "filter: ");
		printable_name(p, s->filter, s->filter_len, TOP_FILTER_MAX, false);
		printable_put(p, "_");
		return;
	}
	if (s->over != TOP_NOTHING)
		printable_put(p, "Esc back  arrows scroll");
	else
		printable_put(p, facts->message ? "? help  q quit  | "
						: "? help  q quit  s sort  r reverse  / filter  "
						  "p pause  t tier  Tab view  Enter counts");
	if (facts->message && s->over == TOP_NOTHING)
		printable_name(p, facts->message, strlen(facts->message), 400, false);
}

/* Rows of the table, or what lies over it, on `height` lines. */
static void top_put_body(struct top_view *v, const struct top_facts *facts, struct top_state *s,
			 const struct watch *w, struct table *t, size_t height, size_t columns)
{
	struct top_columns chosen = top_choose(s->kind, columns, w->len > 1);
	size_t begin = v->len, i;

	if (s->over != TOP_NOTHING) {
		if (s->over == TOP_HELP)
			top_help_lines(v);
		else
			top_detail_lines(v, facts, s, w, columns);
		top_state_fit_over(s, v->len - begin, height);
		/* Those above the first that is shown go behind the others, where they are cut. */
		for (i = 0; i < height && begin + i + s->over_from < v->len && s->over_from; i++) {
			struct top_line line = v->lines[begin + i];

			v->lines[begin + i] = v->lines[begin + i + s->over_from];
			v->lines[begin + i + s->over_from] = line;
		}
		if (v->len > begin + height)
			v->len = begin + height;
		return;
	}
	for (i = 0; i < height && s->from + i < t->len; i++)
		top_put_row(v, &t->rows[s->from + i], s, &chosen, s->from + i == s->at);
}

int top_view_build(struct top_view *v, const struct top_facts *facts, struct top_state *s,
		   const struct watch *w, struct table *t, size_t rows, size_t columns)
{
	/* What there is room for, the most important first. */
	bool heads = rows >= 2 && s->over == TOP_NOTHING, title = rows >= 3;
	bool footer = rows >= 5 || (s->editing && rows >= 1), totals = rows >= 7, bar = rows >= 9;
	bool relay = rows >= 11;
	size_t taken = heads + title + footer + totals + bar + relay, i;
	size_t height = rows > taken ? rows - taken : 0;
	struct table_wish wish = top_state_wish(s);
	struct top_columns chosen = top_choose(s->kind, columns, w->len > 1);
	int err;

	v->len = 0;
	v->failed = false;
	/* How many there are is known once they are gathered; then those that are seen are sorted.
	 */
	err = table_build(t, w, &wish, 0, 0);
	if (err)
		return err;
	top_state_fit(s, t->len, height);
	err = table_build(t, w, &wish, s->from, height);
	if (err)
		return err;
	if (title)
		top_put_title(v, facts, s, w);
	if (relay)
		top_put_relay(v, w);
	if (totals)
		top_put_totals(v, s, w);
	if (bar)
		top_put_bar(v, s, t);
	if (heads)
		top_put_heads(v, s, w, &chosen);
	top_put_body(v, facts, s, w, t, height, columns);
	while (!v->failed && v->len + footer < rows)
		top_line_add(v, TOP_LOOK_PLAIN);
	if (footer && v->len < rows)
		top_put_footer(v, facts, s);
	for (i = 0; i < v->len; i++) {
		printable_cut(&v->lines[i].text, columns);
		v->failed |= v->lines[i].text.failed;
	}
	return v->failed ? -ENOMEM : 0;
}
