/* SPDX-License-Identifier: MIT */
/*
 * pulse.h - the agent's own numbers, gathered once a tick: how long it took and how late it was,
 * what the agent uses, what the probes of its relays cost and hold. They become the line
 * `{"health":{…}}` (health.h).
 */
#ifndef MOQSTAT_PULSE_H
#define MOQSTAT_PULSE_H

#include <stddef.h>
#include <stdint.h>

#include "health.h"
#include "histogram.h"
#include "jsonl.h"
#include "relay.h"

struct pulse {
	uint64_t ticks, interval_ns;
	struct histogram tick, lag;
	int stats; /* what makes the kernel measure; or -1 */
};

/** One tick. Times are of CLOCK_MONOTONIC, nanoseconds. */
struct pulse_tick {
	uint64_t begun;			    /* when it began */
	uint64_t late;			    /* by how much too late */
	uint64_t skipped;		    /* lines that were dropped, so far */
	const struct health_budget *budget; /* or NULL */
};

/** Begin with ticks so far apart. `measure`: have the kernel measure what the probes cost. What
 *  fails is logged; *out can be ended in any case. 0 or -errno. */
int pulse_init(uint64_t interval_ns, bool measure, struct pulse *out);
void pulse_deinit(struct pulse *p);

/** A tick that is over: write its line. 0; -ENOMEM; as jsonl_write_health(). */
int pulse_beat(struct pulse *p, const struct pulse_tick *tick, struct relay *const *relays,
	       size_t len, struct jsonl *out);

#endif /* MOQSTAT_PULSE_H */
