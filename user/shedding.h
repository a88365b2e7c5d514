/* SPDX-License-Identifier: MIT */
/*
 * shedding.h - keeps a run within its budget (`--budget`): at each tick it asks what the probes of
 * all relays have cost, has that judged, and takes kinds of payload away or puts them back, of all
 * relays alike. Without a budget it does nothing.
 */
#ifndef MOQSTAT_SHEDDING_H
#define MOQSTAT_SHEDDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget.h"
#include "health.h"
#include "jsonl.h"
#include "options.h"
#include "relay.h"

struct closer;

/** A run's. Zeroed, it has no budget. */
struct shedding {
	bool on;
	bool stale;	/* what was spent until now isn't to be judged */
	bool told;	/* that nothing is left to shed */
	uint64_t begun; /* the tick, of this thread's CPU time */
	uint64_t ticks; /* CPU time of the ticks since the last judgement */
	struct budget budget;
	struct health_budget health;
	struct closer *closer;
};

/** Begin; `closer` is that of the relays' probes, and must outlive it. */
void shedding_init(const struct options *o, struct closer *closer, struct shedding *out);

/** A tick begins; it has ended. What it took counts, too. */
void shedding_begin(struct shedding *s);
void shedding_end(struct shedding *s);

/** After the frames of a tick are out. What is shed or comes back is logged, and told in a status
 * of each relay. 0, or what the writer gives. */
int shedding_tick(struct shedding *s, struct relay *const *relays, size_t len, struct jsonl *out);

/** What is to be told; NULL without a budget. */
const struct health_budget *shedding_health(const struct shedding *s);

#endif /* MOQSTAT_SHEDDING_H */
