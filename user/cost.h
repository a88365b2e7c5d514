/* SPDX-License-Identifier: MIT */
/*
 * cost.h - what a hit costs on this machine, and with it what moqstat will cost a relay: `moqstat
 * sites --cost`.
 *
 * It is measured on a function of moqstat's own, with the relay's instructions, and with the
 * programs that a run attaches. No relay is touched.
 */
#ifndef MOQSTAT_COST_H
#define MOQSTAT_COST_H

#include <stdbool.h>
#include <stdio.h>

#include "sites.h"

/** Bumps that are made for every frame or group. */
enum cost_bump {
	COST_FRAMES = 0, /* and groups, which have the same shape */
	COST_BYTES,	 /* what is added lies in memory */
	COST_BUMPS
};

/** Nanoseconds of processor time a hit, medians. */
struct cost {
	double on[COST_BUMPS];	/* the relay's statistics are on: by entry pointer */
	double off[COST_BUMPS]; /* off: by guard */
};

/** Measure for some 0.2 s. What fails is logged: -EPERM a capability is missing, -ENOTSUP the
 *  kernel lacks something, -EIO the probes don't fire, other -errno. */
int cost_measure(struct cost *out);

/** Print it, and what so many frames a second would cost a relay with these sites, as text or as
 *  one JSON object. 0, or -errno where the output can't be written. */
int cost_report(const struct cost *c, const struct sites *s, double frames_per_s, bool json,
		FILE *out);

#endif /* MOQSTAT_COST_H */
