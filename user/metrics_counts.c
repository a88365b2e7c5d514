/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "collect_format.h"
#include "metrics_node.h"

#define METRICS_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Both roles, where a family has a role label. */
#define METRICS_ANY_ROLE MOQSTAT_ROLE_MAX

/* A count of the frames: the family of each broadcast's or root's, and that of all of them. */
struct metrics_count {
	struct exposition_family of_one, of_all;
	unsigned int field;
	bool live;		/* what is open of it: it less the field behind it */
	enum moqstat_role role; /* the only one that it is told of, without a label */
};

#define METRICS_COUNTER(prefix, name, help, field, unit)                        \
	{ { "moqstat_" prefix name, EXPOSITION_COUNTER, unit, help },           \
	  { "moqstat_" name, EXPOSITION_COUNTER, unit, help " (of all ever)" }, \
	  field,                                                                \
	  false,                                                                \
	  METRICS_ANY_ROLE }
#define METRICS_GAUGE(prefix, name, help, field, role)                   \
	{ { "moqstat_" prefix name, EXPOSITION_GAUGE, NULL, help },      \
	  { "moqstat_" name, EXPOSITION_GAUGE, NULL, help " (of all)" }, \
	  field,                                                         \
	  true,                                                          \
	  role }

static const struct metrics_count metrics_broadcast_counts[] = {
	METRICS_COUNTER("broadcast_", "announced", "Announcements begun", MOQSTAT_ANNOUNCED, NULL),
	METRICS_COUNTER("broadcast_", "announced_closed", "Announcements ended",
			MOQSTAT_ANNOUNCED_CLOSED, NULL),
	METRICS_COUNTER("broadcast_", "broadcasts",
			"Sessions that began to have subscriptions to the broadcast",
			MOQSTAT_BROADCASTS, NULL),
	METRICS_COUNTER("broadcast_", "broadcasts_closed",
			"Sessions that ended their last subscription to the broadcast",
			MOQSTAT_BROADCASTS_CLOSED, NULL),
	METRICS_COUNTER("broadcast_", "subscriptions", "Track subscriptions begun",
			MOQSTAT_SUBSCRIPTIONS, NULL),
	METRICS_COUNTER("broadcast_", "subscriptions_closed", "Track subscriptions ended",
			MOQSTAT_SUBSCRIPTIONS_CLOSED, NULL),
	METRICS_COUNTER("broadcast_", "bytes", "Payload bytes", MOQSTAT_BYTES, "bytes"),
	METRICS_COUNTER("broadcast_", "frames", "Frames", MOQSTAT_FRAMES, NULL),
	METRICS_COUNTER("broadcast_", "groups", "Groups", MOQSTAT_GROUPS, NULL),
	METRICS_COUNTER("broadcast_", "announced_bytes", "Bytes of announcements",
			MOQSTAT_ANNOUNCED_BYTES, "bytes"),
	METRICS_COUNTER("broadcast_", "fetches", "Fetches of single groups", MOQSTAT_FETCHES, NULL),
	METRICS_COUNTER("broadcast_", "datagrams", "Datagrams", MOQSTAT_DATAGRAMS, NULL),
	METRICS_GAUGE("broadcast_", "announced_live", "Announcements open now", MOQSTAT_ANNOUNCED,
		      METRICS_ANY_ROLE),
	METRICS_GAUGE("broadcast_", "subscriptions_live", "Track subscriptions open now",
		      MOQSTAT_SUBSCRIPTIONS, METRICS_ANY_ROLE),
	METRICS_GAUGE("broadcast_", "viewers",
		      "Sessions that have subscriptions to the broadcast now", MOQSTAT_BROADCASTS,
		      MOQSTAT_PUBLISHER),
	METRICS_GAUGE("broadcast_", "upstreams", "Sessions that the broadcast is taken from now",
		      MOQSTAT_BROADCASTS, MOQSTAT_SUBSCRIBER),
};

static const struct metrics_count metrics_root_counts[] = {
	METRICS_COUNTER("root_", "sessions", "Sessions begun", MOQSTAT_SESSIONS, NULL),
	METRICS_COUNTER("root_", "sessions_closed", "Sessions ended", MOQSTAT_SESSIONS_CLOSED,
			NULL),
	METRICS_GAUGE("root_", "sessions_live", "Sessions open now", MOQSTAT_SESSIONS,
		      METRICS_ANY_ROLE),
};

static const struct exposition_family metrics_rows_family = {
	"moqstat_rows", EXPOSITION_GAUGE, NULL,
	"Broadcasts and roots in the last frames, by whether they have series of their own"
};

/* A track, as a node's ledgers have it. */
struct metrics_track {
	const struct metrics_node *node;
	struct track_what track;
	size_t which; /* of the ledgers */
	size_t its;
	unsigned int unavailable;
};

/* The tracks of one kind in the order of tier and role, by `i` from 0 on; false where there are no
 * more. */
static bool metrics_track(const struct metrics_node *node, enum track_kind kind, size_t i,
			  struct metrics_track *out)
{
	struct metrics_track t = { .node = node, .track = { kind, MOQSTAT_ROLE_MAX, i } };
	unsigned int number;

	if (kind == TRACK_BROADCASTS) {
		t.track.role = i % MOQSTAT_ROLE_MAX;
		t.track.tier = i / MOQSTAT_ROLE_MAX;
	}
	if (t.track.tier >= node->tiers.len)
		return false;
	number = tracks_number(&t.track);
	t.which = metrics_ledger_of(number, &t.its);
	t.unavailable = node->unavailable[number];
	*out = t;
	return true;
}

/* Is there anything to say of this count on this track? */
static bool metrics_told(const struct metrics_track *t, const struct metrics_count *c)
{
	unsigned int needed = 1U << c->field | (c->live ? 1U << (c->field + 1) : 0);

	if (!t->node->ledgers[t->which] || t->unavailable & needed ||
	    (c->role != METRICS_ANY_ROLE && c->role != t->track.role))
		return false;
	/* Not every layout has those that are appended. */
	return t->track.kind != TRACK_BROADCASTS || c->field <= MOQSTAT_GROUPS ||
	       ledger_fields(t->node->ledgers[t->which]) & needed;
}

static uint64_t metrics_value(const struct metrics_count *c, const uint64_t *counts,
			      const uint64_t *now)
{
	if (!c->live)
		return counts[c->field];
	return now[c->field] > now[c->field + 1] ? now[c->field] - now[c->field + 1] : 0;
}

static struct exposition_label metrics_tier(const struct metrics_track *t)
{
	return t->node->labels[t->track.tier];
}

static void metrics_write_row(struct exposition *e, const struct metrics_track *t,
			      const struct metrics_count *c, const struct ledger_row *row)
{
	const size_t at = t->its * LEDGER_FIELDS;
	struct exposition_label labels[4], name;
	size_t n = 0;

	if (!(row->tracks & 1U << t->its) || !metrics_told(t, c))
		return;
	name = (struct exposition_label){ t->track.kind == TRACK_BROADCASTS ? "broadcast" : "root",
					  row->label, row->label_len };
	labels[n++] = t->node->label;
	if (t->track.kind == TRACK_BROADCASTS)
		labels[n++] = name;
	labels[n++] = metrics_tier(t);
	if (t->track.kind != TRACK_BROADCASTS)
		labels[n++] = name;
	else if (c->role == METRICS_ANY_ROLE)
		labels[n++] = EXPOSITION_LABEL("role", collect_format_roles[t->track.role]);
	exposition_sample(e, labels, n, metrics_value(c, row->counts + at, row->now + at));
}

static void metrics_write_all(struct exposition *e, const struct metrics_track *t,
			      const struct metrics_count *c)
{
	const struct ledger *l = t->node->ledgers[t->which];
	struct exposition_label labels[3] = { t->node->label, metrics_tier(t) };
	const uint64_t *total = l ? ledger_total(l, t->its) : NULL;
	size_t n = 2;

	if (!total || !metrics_told(t, c) || (c->live && t->node->ended))
		return;
	if (t->track.kind == TRACK_BROADCASTS && c->role == METRICS_ANY_ROLE)
		labels[n++] = EXPOSITION_LABEL("role", collect_format_roles[t->track.role]);
	exposition_sample(e, labels, n, metrics_value(c, total, ledger_now(l, t->its)));
}

/* The family of each broadcast's, by ledger: those of two tiers side by side. */
static void metrics_write_broadcasts(struct exposition *e, const struct metrics_node *node,
				     const struct metrics_count *c)
{
	struct metrics_track tracks[LEDGER_TRACKS];
	size_t which, i, track, n;

	for (which = 0; which < METRICS_ROOTS; which++) {
		const struct metrics_rows *rows = &node->rows[which];

		for (n = 0; n < LEDGER_TRACKS; n++) {
			if (!metrics_track(node, TRACK_BROADCASTS, which * LEDGER_TRACKS + n,
					   &tracks[n]))
				break;
		}
		for (i = 0; i < rows->len; i++) {
			for (track = 0; track < n; track++)
				metrics_write_row(e, &tracks[track], c, &rows->rows[i]);
		}
	}
}

/* The family of each root's, by tier. */
static void metrics_write_roots(struct exposition *e, const struct metrics_node *node,
				const struct metrics_count *c)
{
	struct metrics_track t;
	size_t i, tier;

	for (tier = 0; metrics_track(node, TRACK_SESSIONS, tier, &t); tier++) {
		const struct metrics_rows *rows = &node->rows[t.which];

		for (i = 0; i < rows->len; i++)
			metrics_write_row(e, &t, c, &rows->rows[i]);
	}
}

static void metrics_write_count(struct exposition *e, struct metrics_node *const *nodes, size_t len,
				enum track_kind kind, const struct metrics_count *c)
{
	struct metrics_track t;
	size_t i, track;

	exposition_family(e, &c->of_one);
	for (i = 0; i < len; i++) {
		if (kind == TRACK_BROADCASTS)
			metrics_write_broadcasts(e, nodes[i], c);
		else
			metrics_write_roots(e, nodes[i], c);
	}
	exposition_family(e, &c->of_all);
	for (i = 0; i < len; i++) {
		for (track = 0; metrics_track(nodes[i], kind, track, &t); track++)
			metrics_write_all(e, &t, c);
	}
}

/* Of some of its ledgers, together. */
static void metrics_write_rows(struct exposition *e, const struct metrics_node *node,
			       const char *kind, size_t from, size_t end)
{
	struct exposition_label labels[] = { node->label, EXPOSITION_LABEL("kind", kind),
					     EXPOSITION_LABEL("series", "overflow") };
	size_t own = 0, overflown = 0, i;

	for (i = from; i < end; i++) {
		own += node->ledgers[i] ? ledger_own(node->ledgers[i]) : 0;
		overflown += node->ledgers[i] ? ledger_overflown(node->ledgers[i]) : 0;
	}
	exposition_sample(e, labels, METRICS_LEN(labels), overflown);
	labels[2] = EXPOSITION_LABEL("series", "own");
	exposition_sample(e, labels, METRICS_LEN(labels), own);
}

void metrics_write_counts(struct exposition *e, struct metrics_node *const *nodes, size_t len)
{
	size_t i;

	for (i = 0; i < METRICS_LEN(metrics_broadcast_counts); i++)
		metrics_write_count(e, nodes, len, TRACK_BROADCASTS, &metrics_broadcast_counts[i]);
	for (i = 0; i < METRICS_LEN(metrics_root_counts); i++)
		metrics_write_count(e, nodes, len, TRACK_SESSIONS, &metrics_root_counts[i]);
	exposition_family(e, &metrics_rows_family);
	for (i = 0; i < len; i++) {
		if (nodes[i]->ended)
			continue;
		metrics_write_rows(e, nodes[i], "broadcast", 0, METRICS_ROOTS);
		metrics_write_rows(e, nodes[i], "root", METRICS_ROOTS, METRICS_LEDGERS);
	}
}
