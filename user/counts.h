/* SPDX-License-Identifier: MIT */
/*
 * counts.h - reads the counters out of the maps, and puts them to the incarnations that they are
 * of.
 */
#ifndef MOQSTAT_COUNTS_H
#define MOQSTAT_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "changes.h"
#include "incarnation.h"
#include "labels.h"
#include "percpu.h"

struct moqstat_bpf;

/** One pass over a map of counters. */
struct counts_pass {
	bool closes;	/* the map of closed counters, or that of all others */
	uint32_t cells; /* of one value */
	uint32_t mark;	/* the one that is no counter */
};

#define COUNTS_PASSES 2

/** The passes in the order in which a tick makes them. closed <= open holds in what is read only
 *  because every closed counter is read before any open one, over all broadcasts and CPUs:
 *  whatever closes was open before, on whichever CPU. */
extern const struct counts_pass counts_passes[COUNTS_PASSES];

/** What they are read from, and put into. All of it stays the caller's and must outlive them. */
struct counts_source {
	struct moqstat_bpf *object;
	struct incarnations *known;
	struct labels *labels;
	const char *prefix;   /* of the stats broadcast; paths under it are hidden */
	bool no_unattributed; /* so is what can't be named */
	enum percpu_way way;
};

struct counts {
	struct moqstat_bpf *object;
	struct incarnations *known;
	struct labels *labels;
	const char *prefix;
	bool no_unattributed;
	struct percpu passes[COUNTS_PASSES];
	struct changes changes;
	struct moqstat_id *lost; /* that are to be given to the overflow */
	size_t lost_len;
	uint64_t invalid; /* paths and labels that are no UTF-8 */
	uint64_t orphans; /* counters without a name */
	size_t existing;  /* incarnations whose beginning wasn't seen */
};

/** What is wrong is logged. *out stays where it is, and is ended by counts_deinit(). 0 or -errno.
 */
int counts_init(const struct counts_source *source, struct counts *out);
void counts_deinit(struct counts *c);

/** Read the counters that something was added to since the last time, those of counts_add() and, at
 *  first or where there are too many, all of them; learn the incarnations that are new. Those whose
 *  counts have changed are touched. 0; or -errno, logged. */
int counts_read(struct counts *c);

/** Read those of an incarnation the next time, whether or not something was added to them. */
void counts_add(struct counts *c, const struct incarnation *in);

/** Delete the counters of an incarnation: of the kind that `slot` tells, as in moqstat_name. */
void counts_delete(struct counts *c, const struct moqstat_id *id, uint32_t slot);

#endif /* MOQSTAT_COUNTS_H */
