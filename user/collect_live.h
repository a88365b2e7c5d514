/* SPDX-License-Identifier: MIT */
/*
 * collect_live.h - the collect backend that reads the BPF maps of attached probes.
 */
#ifndef MOQSTAT_COLLECT_LIVE_H
#define MOQSTAT_COLLECT_LIVE_H

#include "collect.h"
#include "probes.h"
#include "target.h"

/** Whether the relay's own statistics are on, as far as it has shown. */
enum collect_live_statistics {
	COLLECT_LIVE_UNKNOWN = 0,
	COLLECT_LIVE_ON,
	COLLECT_LIVE_OFF,
};

/** One pass over a map of counters. */
struct collect_live_pass {
	bool closes;	/* the map of closed counters, or that of all others */
	uint32_t cells; /* of one value */
};

#define COLLECT_LIVE_PASSES 2

/** The passes in the order in which a tick makes them. closed <= open holds in what is read only
 *  because every closed counter is read before any open one, over all broadcasts and CPUs:
 *  whatever closes was open before, on whichever CPU. */
extern const struct collect_live_pass collect_live_passes[COLLECT_LIVE_PASSES];

/** Read from attached probes, which stay the caller's and must outlive the result, as must
 *  `target`. *out is ended by collect_destroy(). -ENOMEM, or what the kernel gives. */
int collect_live_create(const struct probes *probes, const struct target *target,
			struct collect **out);

/** Are the relay's statistics on? `c` is from collect_live_create(). */
enum collect_live_statistics collect_live_statistics(const struct collect *c);

#endif /* MOQSTAT_COLLECT_LIVE_H */
