/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Tracks of the two sides, external; and places of fields in the schemas. */
enum {
	TABLE_OUT = 0,
	TABLE_IN = 1
};
enum {
	TABLE_ANNOUNCED = 0,
	TABLE_VIEWERS = 2,
	TABLE_SUBSCRIPTIONS = 4,
	TABLE_FLOW = ROSTER_OPEN,
};

static const struct table_column table_broadcasts[] = {
	{ "name", "BROADCAST", .type = TABLE_TEXT },
	{ "viewers", "VIEWERS", TABLE_COUNT, TABLE_OUT, TABLE_VIEWERS, .width = 10, .rank = 1 },
	{ "subscriptions", "SUBSCR", TABLE_COUNT, TABLE_OUT, TABLE_SUBSCRIPTIONS, .width = 9,
	  .rank = 3 },
	{ "sources", "SOURCES", TABLE_COUNT, TABLE_IN, TABLE_ANNOUNCED, .width = 10, .rank = 8 },
	{ "announced", "ANNCD", TABLE_COUNT, TABLE_OUT, TABLE_ANNOUNCED, .width = 8, .rank = 7 },
	{ "out-bytes", "OUT B/s", TABLE_BYTES, TABLE_OUT, TABLE_FLOW, .width = 10, .rank = 2 },
	{ "out-frames", "FRM/s", TABLE_RATE, TABLE_OUT, TABLE_FLOW + 1, .width = 9, .rank = 5 },
	{ "out-groups", "GRP/s", TABLE_RATE, TABLE_OUT, TABLE_FLOW + 2, .width = 9, .rank = 9 },
	{ "in-bytes", "IN B/s", TABLE_BYTES, TABLE_IN, TABLE_FLOW, .width = 10, .rank = 4 },
	{ "in-frames", "FRM/s", TABLE_RATE, TABLE_IN, TABLE_FLOW + 1, .width = 9, .rank = 6 },
	{ "in-groups", "GRP/s", TABLE_RATE, TABLE_IN, TABLE_FLOW + 2, .width = 9, .rank = 10 },
	{ "tier", "TIER", .type = TABLE_TEXT, .width = 9, .rank = 11 },
};

static const struct table_column table_sessions[] = {
	{ "root", "AUTH ROOT", .type = TABLE_TEXT },
	{ "sessions", "SESSIONS", TABLE_COUNT, .width = 11, .rank = 1 },
	{ "begun", "BEGUN", TABLE_COUNT, .total = true, .width = 11, .rank = 2 },
	{ "ended", "ENDED", TABLE_COUNT, .field = 1, .total = true, .width = 11, .rank = 3 },
	{ "tier", "TIER", .type = TABLE_TEXT, .width = 9, .rank = 4 },
};

const struct table_columns table_columns[TABLE_KINDS] = {
	[TABLE_BROADCASTS] = { table_broadcasts,
			       sizeof(table_broadcasts) / sizeof(table_broadcasts[0]), 1 },
	[TABLE_SESSIONS] = { table_sessions, sizeof(table_sessions) / sizeof(table_sessions[0]),
			     1 },
};

int table_column(enum table_kind kind, const char *name)
{
	size_t i;

	for (i = 0; i < table_columns[kind].len; i++) {
		if (!strcmp(table_columns[kind].list[i].name, name))
			return (int)i;
	}
	return -1;
}

/* Between a track and the same one of the internal tier. */
static unsigned int table_step(enum table_kind kind)
{
	return kind == TABLE_BROADCASTS ? 2 : 1;
}

bool table_in_tier(enum table_kind kind, unsigned int track, enum table_tier tier)
{
	return tier == TABLE_ALL || (track >= table_step(kind)) == (tier == TABLE_INTERNAL);
}

double table_value(const struct table_row *row, enum table_kind kind,
		   const struct table_column *column, enum table_tier tier)
{
	double sum = NAN, one;
	unsigned int i, track;

	for (i = 0; i < 2; i++) {
		track = column->side + i * table_step(kind);
		if (!(row->row->tracks & 1U << track) || !table_in_tier(kind, track, tier))
			continue;
		if (column->type == TABLE_COUNT)
			one = column->total ? row->row->counts[track][column->field]
					    : roster_live(row->row, track, column->field);
		else
			one = row->row->rates[track][column->field - ROSTER_OPEN].second;
		if (!isnan(one))
			sum = isnan(sum) ? one : sum + one;
	}
	return sum;
}

static unsigned int table_tier_bits(enum table_kind kind, enum table_tier tier)
{
	unsigned int external = kind == TABLE_BROADCASTS ? 3 : 1;

	return tier == TABLE_ALL	? external | external << table_step(kind)
	       : tier == TABLE_EXTERNAL ? external
					: external << table_step(kind);
}

const char *table_tiers(const struct table_row *row, enum table_kind kind)
{
	bool external = row->row->tracks & table_tier_bits(kind, TABLE_EXTERNAL);
	bool internal = row->row->tracks & table_tier_bits(kind, TABLE_INTERNAL);

	return external && internal ? "both" : external ? "external" : internal ? "internal" : "";
}

enum worth_state table_worth(const struct watch_relay *relay, enum table_kind kind,
			     const struct table_column *column, enum table_tier tier,
			     const char **reason)
{
	const struct frame_schema *schema =
		kind == TABLE_BROADCASTS ? relay->broadcasts.schema : relay->roots.schema;
	size_t first = kind == TABLE_BROADCASTS ? 0 : WATCH_SESSIONS;
	enum worth_state worst = WORTH_EXACT, state;
	unsigned int i, track;
	const char *why;

	*reason = NULL;
	if (column->type == TABLE_TEXT)
		return WORTH_EXACT;
	for (i = 0; i < 2; i++) {
		track = column->side + i * table_step(kind);
		if (!table_in_tier(kind, track, tier))
			continue;
		state = watch_worth(relay, first + track, schema->fields[column->field].name, &why);
		if (state < worst) {
			worst = state;
			*reason = why;
		}
	}
	return worst;
}

static int table_add(struct table *t, const struct watch_relay *relay, const struct roster_row *row)
{
	size_t size = t->size ? 2 * t->size : 256;
	struct table_row *rows;

	if (t->len == t->size) {
		rows = realloc(t->rows, size * sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		t->rows = rows;
		t->size = size;
	}
	t->rows[t->len++] = (struct table_row){ .relay = relay, .row = row };
	return 0;
}

static int table_gather(struct table *t, const struct watch *w, const struct table_wish *wish)
{
	unsigned int bits = table_tier_bits(wish->kind, wish->tier);
	size_t i, j, filter = strlen(wish->filter);
	int err = 0;

	t->len = t->all = 0;
	for (i = 0; i < w->len; i++) {
		const struct watch_relay *relay = w->relays[i];
		const struct roster *roster =
			wish->kind == TABLE_BROADCASTS ? &relay->broadcasts : &relay->roots;
		bool whole = !filter || (w->len > 1 && strstr(relay->name, wish->filter));

		for (j = 0; j < roster->len && !err; j++) {
			const struct roster_row *row = roster->rows[j];

			if (!(row->tracks & bits))
				continue;
			t->all++;
			if (whole || memmem(row->name, row->name_len, wish->filter, filter))
				err = table_add(t, relay, row);
		}
	}
	return err;
}

/* By the key, the largest first, those that aren't known last; then in the order of the names. */
static int table_compare(const struct table_row *a, const struct table_row *b, bool reverse)
{
	size_t common;
	int order;

	if (isnan(a->key) != isnan(b->key))
		return isnan(a->key) ? 1 : -1;
	if (a->key != b->key && !isnan(a->key))
		return (a->key > b->key) == reverse ? 1 : -1;
	common = a->row->name_len < b->row->name_len ? a->row->name_len : b->row->name_len;
	order = memcmp(a->row->name, b->row->name, common);
	if (!order)
		order = (a->row->name_len > b->row->name_len) -
			(a->row->name_len < b->row->name_len);
	return order ? order : strcmp(a->relay->name, b->relay->name);
}

/* Names come in their order where they are what is sorted by; texts have no key. */
static int table_order(const void *one, const void *other, void *arg)
{
	const struct table_wish *wish = arg;
	int order = table_compare(one, other, wish->reverse);

	return wish->sort == 0 && wish->reverse ? -order : order;
}

static void table_swap(struct table_row *a, struct table_row *b)
{
	struct table_row c = *a;

	*a = *b;
	*b = c;
}

/* Put the first `k` rows of the order in front of the others. No two rows are equal. */
static void table_select(struct table_row *rows, size_t len, size_t k, struct table_wish *wish)
{
	size_t begin = 0, end = len, i, at;

	while (k > begin && k < end) {
		/* Any one may come; a fixed place would let strangers make this slow. */
		table_swap(&rows[begin + (size_t)random() % (end - begin)], &rows[end - 1]);
		for (i = at = begin; i + 1 < end; i++) {
			if (table_order(&rows[i], &rows[end - 1], wish) < 0)
				table_swap(&rows[i], &rows[at++]);
		}
		table_swap(&rows[at], &rows[end - 1]);
		if (k <= at)
			end = at;
		else
			begin = at + 1;
	}
}

/* Put rows from `from` to `to` where they belong: the others needn't be sorted for that. */
static void table_sort(struct table *t, size_t from, size_t to, const struct table_wish *wish)
{
	struct table_wish w = *wish;

	table_select(t->rows, t->len, from, &w);
	table_select(t->rows + from, t->len - from, to - from, &w);
	qsort_r(t->rows + from, to - from, sizeof(*t->rows), table_order, &w);
}

int table_build(struct table *t, const struct watch *w, const struct table_wish *wish, size_t from,
		size_t count)
{
	const struct table_column *column = &table_columns[wish->kind].list[wish->sort];
	size_t i;
	int err = table_gather(t, w, wish);

	if (err)
		return err;
	for (i = 0; i < t->len; i++) {
		if (column->type != TABLE_TEXT)
			t->rows[i].key = table_value(&t->rows[i], wish->kind, column, wish->tier);
		else if (wish->sort)
			t->rows[i].key = *table_tiers(&t->rows[i], wish->kind);
		else
			t->rows[i].key = 0;
	}
	if (from < t->len && count)
		table_sort(t, from, count < t->len - from ? from + count : t->len, wish);
	return 0;
}

static void table_sum_flows(const struct watch_relay *relay, enum table_tier tier,
			    unsigned int side, double *sums)
{
	unsigned int track;
	size_t flow;

	for (track = side; track < ROSTER_TRACKS; track += 2) {
		if (!table_in_tier(TABLE_BROADCASTS, track, tier))
			continue;
		for (flow = 0; flow < ROSTER_FLOWS; flow++) {
			double one = relay->sums[track][flow];

			if (!isnan(one))
				sums[flow] = isnan(sums[flow]) ? one : sums[flow] + one;
		}
	}
}

struct table_sums table_sum(const struct watch *w, enum table_tier tier)
{
	struct table_sums sums = { .out = { NAN, NAN, NAN }, .in = { NAN, NAN, NAN } };
	unsigned int bits = table_tier_bits(TABLE_BROADCASTS, tier), track;
	size_t i, j;

	for (i = 0; i < w->len; i++) {
		const struct watch_relay *relay = w->relays[i];

		table_sum_flows(relay, tier, TABLE_OUT, sums.out);
		table_sum_flows(relay, tier, TABLE_IN, sums.in);
		for (j = 0; j < relay->broadcasts.len; j++) {
			const struct roster_row *row = relay->broadcasts.rows[j];

			sums.broadcasts += (row->tracks & bits) != 0;
			for (track = TABLE_OUT; track < ROSTER_TRACKS; track += 2) {
				if (!(row->tracks & bits & 1U << track))
					continue;
				sums.viewers += roster_live(row, track, TABLE_VIEWERS);
				sums.subscriptions += roster_live(row, track, TABLE_SUBSCRIPTIONS);
			}
		}
		for (j = 0; j < relay->roots.len; j++) {
			for (track = 0; track < 2; track++) {
				if (table_in_tier(TABLE_SESSIONS, track, tier))
					sums.sessions +=
						roster_live(relay->roots.rows[j], track, 0);
			}
		}
	}
	return sums;
}
