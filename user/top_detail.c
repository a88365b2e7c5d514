/* SPDX-License-Identifier: MIT */
/* What lies over the table: one row's counts, and the help. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top_lines.h"
#include "units.h"

static const char *const top_tracks[TABLE_KINDS][ROSTER_TRACKS] = {
	[TABLE_BROADCASTS] = { "out, external", "in, external", "out, internal", "in, internal" },
	[TABLE_SESSIONS] = { "external", "internal" },
};

/* A whole text over as many lines as it takes. */
static void top_detail_wrap(struct top_view *v, const struct printable *text, size_t columns)
{
	size_t at = 0;

	do {
		struct printable *p = top_line_add(v, TOP_LOOK_BOLD);

		at += printable_piece(p, text->data + at, text->len - at, columns);
	} while (at < text->len && columns && !v->failed);
}

static void top_detail_name(struct top_view *v, const struct top_facts *facts, size_t columns)
{
	struct printable text = { 0 };

	printable_put(&text, facts->opened_len ? "" : "(empty)");
	printable_name(&text, facts->opened, facts->opened_len, SIZE_MAX / 2, false);
	if (text.failed)
		v->failed = true;
	else
		top_detail_wrap(v, &text, columns);
	printable_clear(&text);
	printable_put(&text, "relay ");
	printable_name(&text, facts->opened_relay, strlen(facts->opened_relay), SIZE_MAX / 2,
		       false);
	if (!text.failed)
		printable_piece(top_line_add(v, TOP_LOOK_PLAIN), text.data, text.len, columns);
	free(text.data);
}

/* How a count goes on behind its numbers: what it is worth. */
static void top_detail_worth(struct printable *p, const struct watch_relay *relay, size_t track,
			     const char *field)
{
	const char *reason;
	enum worth_state state = watch_worth(relay, track, field, &reason);

	if (state == WORTH_EXACT)
		return;
	printable_format(p, "  %s %s", top_mark(state), worth_state_name(state));
	if (reason) {
		printable_put(p, ": ");
		printable_name(p, reason, strlen(reason), 300, false);
	}
}

static void top_detail_open(struct printable *p, const struct roster_row *row, unsigned int track,
			    unsigned int field)
{
	char now[UNITS_SIZE], begun[UNITS_SIZE], ended[UNITS_SIZE];

	printable_format(p, "%15s %15s %15s", units_digits(roster_live(row, track, field), now),
			 units_digits(row->counts[track][field], begun),
			 units_digits(row->counts[track][field + 1], ended));
}

static void top_detail_flow(struct printable *p, const struct roster_row *row, unsigned int track,
			    unsigned int field)
{
	double second = row->rates[track][field - ROSTER_OPEN].second;
	char text[UNITS_SIZE];

	printable_format(p, "%15s ", units_digits(row->counts[track][field], text));
	if (isnan(second)) {
		printable_pad(p, p->width + 15 - 1);
		printable_put(p, top_signs()->unknown);
		return;
	}
	printable_format(p, "%13s/s",
			 field == ROSTER_OPEN ? units_bytes(second, text)
					      : units_rate(second, text));
}

static void top_detail_track(struct top_view *v, const struct watch_relay *relay,
			     const struct roster *roster, enum table_kind kind,
			     const struct roster_row *row, unsigned int track)
{
	size_t whole = track + (kind == TABLE_SESSIONS ? WATCH_SESSIONS : 0), field;
	struct printable *p = top_line_add(v, TOP_LOOK_BOLD);

	printable_format(p, "%-16s%15s %15s %15s", top_tracks[kind][track], "now", "begun",
			 "ended");
	for (field = 0; field < roster->schema->fields_len; field++) {
		if (field == ROSTER_OPEN) {
			p = top_line_add(v, TOP_LOOK_PLAIN);
			printable_format(p, "%-16s%15s %15s", "", "in all", "now");
		}
		p = top_line_add(v, TOP_LOOK_PLAIN);
		printable_format(p, "  %-14s", roster->schema->fields[field].name);
		if (field < ROSTER_OPEN)
			top_detail_open(p, row, track, field);
		else
			top_detail_flow(p, row, track, field);
		top_detail_worth(p, relay, whole, roster->schema->fields[field].name);
		/* What was closed stands beside what was opened. */
		field += field < ROSTER_OPEN;
	}
}

void top_detail_lines(struct top_view *v, const struct top_facts *facts, const struct top_state *s,
		      const struct watch *w, size_t columns)
{
	const struct watch_relay *relay =
		facts->opened_relay ? watch_find(w, facts->opened_relay) : NULL;
	const struct roster *roster = !relay			    ? NULL
				      : s->kind == TABLE_BROADCASTS ? &relay->broadcasts
								    : &relay->roots;
	const struct roster_row *row =
		roster ? roster_find(roster, facts->opened, facts->opened_len) : NULL;
	unsigned int track;

	if (facts->opened && facts->opened_relay)
		top_detail_name(v, facts, columns);
	if (!row) {
		printable_put(top_line_add(v, TOP_LOOK_PLAIN), "is no more");
		return;
	}
	for (track = 0; track < ROSTER_TRACKS; track++) {
		if (!(row->tracks & 1U << track) || !table_in_tier(s->kind, track, s->tier))
			continue;
		top_line_add(v, TOP_LOOK_PLAIN);
		top_detail_track(v, relay, roster, s->kind, row, track);
	}
}

void top_help_lines(struct top_view *v)
{
	static const char *const lines[] = {
		"s > right      sort by the next column",
		"< left         sort by the one before",
		"r              reverse the order",
		"/              filter: a part of the name (Enter: done, Esc: none)",
		"p space        pause: what is shown stays, and all goes on",
		"t              tier: all, external, internal",
		"Tab            broadcasts, or sessions by auth root",
		"arrows PgUp PgDn Home End",
		"               move",
		"Enter          all counts of a row",
		"Esc            back; no filter",
		"? q            this help, quit",
		"",
		"VIEWERS        sessions that are subscribed to any track of the broadcast",
		"SUBSCR         subscriptions to its tracks",
		"SOURCES ANNCD  announced to the relay by so many, and by it to so many sessions",
		"OUT IN         a second, over the last three ticks; frames and groups beside it",
	};
	const struct top_signs *signs = top_signs();
	struct printable *p;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		printable_put(top_line_add(v, TOP_LOOK_PLAIN), lines[i]);
	p = top_line_add(v, TOP_LOOK_PLAIN);
	printable_put(p, signs->unknown);
	printable_pad(p, 15);
	printable_put(p, "not known yet: the count is new, or has begun anew");
	p = top_line_add(v, TOP_LOOK_PLAIN);
	printable_put(p, signs->since_attach);
	printable_pad(p, 15);
	printable_put(p, "since the agent came: rely on differences, not on totals");
	p = top_line_add(v, TOP_LOOK_PLAIN);
	printable_put(p, signs->unavailable);
	printable_pad(p, 15);
	printable_put(p, "unavailable: nobody can tell; Enter says why");
	p = top_line_add(v, TOP_LOOK_PLAIN);
	printable_put(p, "\\u{HEX} \\xHH   a character of a name that isn't fit for a terminal");
}
