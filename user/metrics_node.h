/* SPDX-License-Identifier: MIT */
/*
 * metrics_node.h - the inside of metrics.c: what is known of one stats broadcast, and how it and
 * the rest are written.
 */
#ifndef MOQSTAT_METRICS_NODE_H
#define MOQSTAT_METRICS_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "exposition.h"
#include "http.h"
#include "hub.h"
#include "uplinks.h"
#include "ledger.h"
#include "tracks.h"

/** The broadcasts of each two tiers have a ledger, and the roots of each tier: these come behind.
 */
#define METRICS_ROOTS	(MOQSTAT_LABELS_MAX / MOQSTAT_TIER_MAX)
#define METRICS_LEDGERS (METRICS_ROOTS + MOQSTAT_LABELS_MAX)

/** What ledger_list() gave. */
struct metrics_rows {
	const struct ledger_row *rows;
	size_t len;
};

/** One of several stats broadcasts of a node. */
struct metrics_part {
	char *name;
	struct ledger_sheet sheets[TRACKS_MAX]; /* by track */
};

struct metrics_node {
	char *name;
	struct metrics_part **parts; /* sorted by the bytes of their names */
	size_t parts_len, parts_size;
	struct exposition_label label;
	struct tiers tiers;				    /* of which frames have come */
	struct exposition_label labels[MOQSTAT_LABELS_MAX]; /* of these: the default tier's is
							       `external`, the others are owned */
	struct ledger *ledgers[METRICS_LEDGERS];	    /* NULL: nothing has come of it */
	struct metrics_rows rows[METRICS_LEDGERS];	    /* while it is written */
	json_t *status;					    /* or NULL */
	bool ended;
	uint64_t touched; /* order of the last thing heard; of ends, once it has ended */
	size_t track;	  /* of the last frame */
	unsigned int unavailable[TRACKS_MAX]; /* bits: fields */
};

/** Whose ledger's track a track is, and which one of it. */
size_t metrics_ledger_of(unsigned int track, size_t *its);

/** Everything that is counted from frames, of nodes in order. ledger_list() has been called. */
void metrics_write_counts(struct exposition *e, struct metrics_node *const *nodes, size_t len);

/** What the relays' status says. */
void metrics_write_status(struct exposition *e, struct metrics_node *const *nodes, size_t len);

/** What the agent says of itself; NULL is nothing. -ENOMEM. */
int metrics_write_health(struct exposition *e, const json_t *health);

/** What is served. */
void metrics_write_ready(struct exposition *e, bool ready);
void metrics_write_hub(struct exposition *e, const struct hub_counts *hub);
void metrics_write_http(struct exposition *e, const struct http_counts *http);
void metrics_write_uplinks(struct exposition *e, const struct uplinks *uplinks);

#endif /* MOQSTAT_METRICS_NODE_H */
