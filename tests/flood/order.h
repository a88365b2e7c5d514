/* SPDX-License-Identifier: MIT */
/*
 * order.h - what the small relay (relay.c) is asked to run, and what it says it did: one piece of
 * memory, shared between it and the test.
 */
#ifndef FLOOD_ORDER_H
#define FLOOD_ORDER_H

#include <sched.h>
#include <stdint.h>

#include <moqstat.h>

#include "../fixture/sites.h"

#define FLOOD_PATHS   64 /* and as many auth roots */
#define FLOOD_THREADS 64
#define FLOOD_SWAPS   32
#define FLOOD_LIVES   (1u << 21)

/** What to run. */
enum flood_work {
	/** Each thread opens a guard of each kind on each path, bumps them at random, closing and
	 *  opening some now and then, and closes all. */
	FLOOD_BUMP = 0,
	/** Threads open and close guards of all kinds as fast as they can; some are closed by
	 *  another thread than has opened them. */
	FLOOD_CHURN,
	/** In each pair of threads, one opens guards and the other closes them. */
	FLOOD_HAND_OVER,
};

struct flood_order {
	uint32_t work;
	uint32_t threads;
	uint32_t pinned; /* 1: thread i runs on flood_cpu(i) only */
	uint32_t first;	 /* number of the first path, and how many */
	uint32_t paths;
	uint32_t collect_us; /* how often entries that nobody holds are let go; 0: never */
	uint32_t lag;	     /* let go only so many more than the test has been told of */
	uint32_t swaps;	     /* guards that FLOOD_CHURN keeps open for another thread to close */
	uint32_t pad;
	uint64_t events; /* bumps of each thread, at least; it ends earlier if told to stop */
};

/** What was bumped, by path. */
struct flood_counts {
	uint64_t broadcasts[FLOOD_PATHS][MOQSTAT_ROLE_MAX][MOQSTAT_TIER_MAX][MOQSTAT_FIELD_MAX];
	uint64_t roots[FLOOD_PATHS][MOQSTAT_TIER_MAX][MOQSTAT_SESSION_FIELD_MAX];
};

/** What an entry or a root held when it was let go. */
struct flood_life {
	uint32_t path;
	uint32_t slot; /* as in moqstat_name */
	uint64_t counts[MOQSTAT_ROLE_MAX][MOQSTAT_TIER_MAX][MOQSTAT_FIELD_MAX]; /* roots: [0] */
};

/** All of it. */
struct flood_shared {
	struct flood_order order;
	uint32_t stop; /* set by the test: end soon */
	uint32_t pad;
	uint64_t told; /* set by the test: lives that it has been told of */
	uint64_t events[FLOOD_THREADS];
	struct flood_counts counts[FLOOD_THREADS];
	uint64_t lives_len;
	struct flood_life lives[FLOOD_LIVES];
};

/** The file descriptor that the relay finds the memory at. */
#define FLOOD_FD 100

/** The names of path `i` and of root `i`, for both sides. */
#define FLOOD_PATH "flood/%u"
#define FLOOD_ROOT "root/%u"

/** The i-th CPU that this process may use; -1: there are fewer. */
static inline int flood_cpu(uint32_t i)
{
	cpu_set_t cpus;
	int cpu;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return -1;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &cpus) && !i--)
			return cpu;
	}
	return -1;
}

/** The counter at a place in the relay's memory. */
static const uint8_t flood_fields[FIXTURE_COUNTERS] = {
	[FIXTURE_ANNOUNCED] = MOQSTAT_ANNOUNCED,
	[FIXTURE_ANNOUNCED_CLOSED] = MOQSTAT_ANNOUNCED_CLOSED,
	[FIXTURE_SUBSCRIPTIONS] = MOQSTAT_SUBSCRIPTIONS,
	[FIXTURE_SUBSCRIPTIONS_CLOSED] = MOQSTAT_SUBSCRIPTIONS_CLOSED,
	[FIXTURE_BROADCASTS] = MOQSTAT_BROADCASTS,
	[FIXTURE_BROADCASTS_CLOSED] = MOQSTAT_BROADCASTS_CLOSED,
	[FIXTURE_BYTES] = MOQSTAT_BYTES,
	[FIXTURE_FRAMES] = MOQSTAT_FRAMES,
	[FIXTURE_GROUPS] = MOQSTAT_GROUPS,
};

#endif /* FLOOD_ORDER_H */
