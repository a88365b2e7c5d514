/* SPDX-License-Identifier: MIT */
/*
 * health.h - the agent's own numbers of one tick, as the line `{"health":{…}}` carries them from
 * the side that ticks to those who read. All of it is cumulative unless it says otherwise:
 *
 *   { "version": "0.2.0",
 *     "ticks": 812,                  ticks made
 *     "interval_ns": 1000000000,     from one to the next
 *     "skipped": 0,                  lines that the reader of the pipe was too slow for
 *     "cpu_ns": 81200000,            CPU time of the agent
 *     "resident_bytes": 9000000,     its memory now
 *     "tick": { histogram },         how long a tick took: from reading the maps to the last line
 *     "lag": { histogram },          how late it began
 *     "budget": {                    only with --budget
 *         "limit_ppm": 10000,        what the agent may cost of the machine's CPU time, millionths
 *         "cost_ppm": 2300,          and what it cost in the last second or tick
 *         "shed": { "frames": { "now": 1, "times": 2 }, … } },   by kind: is it, and how often
 *     "bpf_stats": "off",            does the kernel measure programs: "held" by this agent's
 *                                    --bpf-stats, by "sysctl" kernel.bpf_stats_enabled, or "off"
 *     "relays": { "<broadcast>": {   those attached to now, by their stats broadcast
 *         "programs": { "bump": { "hits": 7, "runs": 9, "run_ns": 4100, "missed": 0 }, … },
 *         "maps": { "opened": { "entries": 12, "max": 65536 }, … },
 *         "lost": { "entry_null": 0, … } } } }        by enum moqstat_lost
 *
 * A histogram is as of histogram_json(). `hits` are those in the relay that led on to a bump, and
 * `runs` all that the kernel made of the program, in any process of that executable. What isn't
 * known is left out: runs and run_ns while nobody has the kernel measure them. `hits` and `maps`
 * are up to VITALS_COUNT_NS old.
 */
#ifndef MOQSTAT_HEALTH_H
#define MOQSTAT_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "budget.h"
#include "histogram.h"

/** A number that isn't known. */
#define HEALTH_UNKNOWN UINT64_MAX

/** A BPF program: hits of its sites, and struct bpf_prog_info's run_cnt, run_time_ns and
 *  recursion_misses. Several of one name are added up. */
struct health_program {
	const char *name;
	uint64_t hits, runs, run_ns, missed;
};

/** How full a BPF map is: entries in use now, and room for how many. */
struct health_map {
	const char *name;
	uint64_t entries, max;
};

struct health_relay {
	const char *broadcast; /* UTF-8 */
	const struct health_program *programs;
	size_t programs_len;
	const struct health_map *maps;
	size_t maps_len;
	const uint64_t *lost; /* by enum moqstat_lost; or NULL */
};

/** What --budget does; shares are of the machine's CPU time. */
struct health_budget {
	uint64_t limit_ppm, cost_ppm;
	bool now[BUDGET_KINDS]; /* it is shed */
	uint64_t times[BUDGET_KINDS];
};

/** Who has the kernel measure programs. */
enum health_measure {
	HEALTH_OFF = 0,
	HEALTH_HELD,
	HEALTH_SYSCTL,
};

struct health {
	uint64_t ticks, interval_ns, skipped, cpu_ns, resident_bytes;
	enum health_measure measure;
	const struct histogram *tick, *lag; /* or NULL */
	const struct health_budget *budget; /* or NULL */
	const struct health_relay *relays;
	size_t relays_len;
};

/** The object. A new reference; NULL without memory. */
json_t *health_json(const struct health *h);

/** A member of such an object, which is one of the numbers. HEALTH_UNKNOWN where it isn't there, or
 *  is no number. NULL is fine. */
uint64_t health_number(const json_t *object, const char *name);

#endif /* MOQSTAT_HEALTH_H */
