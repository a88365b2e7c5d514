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
#include "ledger.h"
#include "snapshot.h"

/** Broadcasts have a ledger, and the roots of each tier. */
enum metrics_ledger {
	METRICS_BROADCASTS = 0,
	METRICS_ROOTS_EXTERNAL,
	METRICS_ROOTS_INTERNAL,
	METRICS_LEDGERS
};

/** What ledger_list() gave. */
struct metrics_rows {
	const struct ledger_row *rows;
	size_t len;
};

struct metrics_node {
	char *name;
	struct exposition_label label;
	struct ledger *ledgers[METRICS_LEDGERS];
	struct metrics_rows rows[METRICS_LEDGERS]; /* while it is written */
	json_t *status;				   /* or NULL */
	bool ended;
	uint64_t touched; /* order of the last thing heard; of ends, once it has ended */
	size_t track;	  /* of the last frame */
	unsigned int unavailable[TRACKS_OF_TWO]; /* bits: fields */
};

/** Which of a ledger's tracks one of the six is, and whose. */
enum metrics_ledger metrics_ledger_of(size_t track, size_t *its);

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

#endif /* MOQSTAT_METRICS_NODE_H */
