/* SPDX-License-Identifier: MIT */
/*
 * vitals.h - what a relay's probes cost and hold, asked of the kernel: one relay's part of
 * health.h.
 */
#ifndef MOQSTAT_VITALS_H
#define MOQSTAT_VITALS_H

#include <stdbool.h>
#include <stdint.h>

#include "collect_live.h"
#include "health.h"
#include "probes.h"
#include "sites.h"

/** More programs and maps than the object has. */
#define VITALS_MAX 32

/** How often maps are counted and hits summed up at most, nanoseconds: that costs in proportion to
 *  what there is, and a tick must not. */
#define VITALS_COUNT_NS UINT64_C(10000000000)

/** One relay's; zeroed before its first use. What `out` points to lies here. */
struct vitals {
	struct health_program programs[VITALS_MAX];
	struct health_map maps[VITALS_MAX];
	struct health_relay out;
	uint64_t counted; /* when, last */
};

/** What they are asked of, and what is known already; the caller's. */
struct vitals_source {
	const struct probes *probes;
	const struct sites *sites;
	const struct collect_live_info *info;
	const char *broadcast;
	const uint64_t *lost; /* by enum moqstat_lost */
	bool measured;	      /* the kernel counts runs: none is none */
};

/** Ask, at `now` of CLOCK_MONOTONIC. Names and `lost` must outlive *v. What can't be had is
 *  unknown. */
void vitals_read(const struct vitals_source *from, uint64_t now, struct vitals *v);

/** Have the kernel measure what BPF programs cost, all there are on the machine, as long as *out
 *  stays open (BPF_ENABLE_STATS): the sysctl kernel.bpf_stats_enabled isn't touched, several
 *  holders don't disturb each other, and a killed one lets go. What fails is logged. 0 or -errno.
 */
int vitals_measure(int *out);

/** Does the sysctl have it measured? */
bool vitals_measured(void);

#endif /* MOQSTAT_VITALS_H */
