/* SPDX-License-Identifier: MIT */
/*
 * agent.h - the agent's own modules, attached to the small relay: probes, backend, snapshots.
 */
#ifndef FLOOD_AGENT_H
#define FLOOD_AGENT_H

#include <stdbool.h>

#include "../fixture/process.h"
#include "jsonl.h"
#include "closer.h"
#include "probes.h"
#include "sites.h"
#include "stats.h"
#include "tally.h"
#include "target.h"

struct agent {
	struct fixture_process relay;
	struct flood_shared *shared;
	int memory; /* behind `shared` */
	struct target target;
	struct sites sites;
	struct closer *closer;
	struct probes *probes;
	struct collect *live;
	struct tally tally;
	struct stats *stats;
	struct jsonl out; /* to nowhere */
	uint64_t ticks;
};

/** Start a relay with statistics on or off, and attach to it. All that fails is said; then it must
 *  be ended all the same. 0 or -errno. */
int agent_start(struct agent *a, bool on, uint32_t max_broadcasts);

/** Let the relay begin what a->shared->order says; and ask whether it is done. */
void agent_order(struct agent *a);
bool agent_ordered(struct agent *a);

/** A tick, as of a run. 0 or -errno. */
int agent_tick(struct agent *a);

/** Only a reading. */
int agent_read(struct agent *a);

/** Tick until nothing is left, or for some seconds. How much is left. */
size_t agent_drain(struct agent *a);

/** Detach, and end the relay. */
void agent_end(struct agent *a);

#endif /* FLOOD_AGENT_H */
