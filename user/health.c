/* SPDX-License-Identifier: MIT */
#include "health.h"

#include <errno.h>

#include "collect_format.h"

#ifndef MOQSTAT_VERSION
#define MOQSTAT_VERSION "unknown"
#endif

/* Add to a member. JSON's integers, as jansson has them, are signed. */
static int health_add(json_t *object, const char *name, uint64_t n)
{
	uint64_t sum = health_number(object, name);

	if (n == HEALTH_UNKNOWN)
		return 0;
	sum = sum == HEALTH_UNKNOWN ? 0 : sum;
	sum = n > INT64_MAX - sum ? INT64_MAX : sum + n;
	return json_object_set_new(object, name, json_integer((json_int_t)sum));
}

/* The member that is an object, made where it isn't there. NULL without memory. */
static json_t *health_object(json_t *object, const char *name)
{
	json_t *member = json_object_get(object, name);

	if (member)
		return member;
	member = json_object();
	return json_object_set_new(object, name, member) ? NULL : member;
}

static int health_add_programs(const struct health_relay *r, json_t *relay)
{
	json_t *programs = health_object(relay, "programs"), *program;
	size_t i;

	for (i = 0; i < r->programs_len; i++) {
		const struct health_program *p = &r->programs[i];

		program = programs ? health_object(programs, p->name) : NULL;
		if (!program || health_add(program, "hits", p->hits) ||
		    health_add(program, "runs", p->runs) ||
		    health_add(program, "run_ns", p->run_ns) ||
		    health_add(program, "missed", p->missed))
			return -ENOMEM;
	}
	return programs ? 0 : -ENOMEM;
}

static int health_add_maps(const struct health_relay *r, json_t *relay)
{
	json_t *maps = health_object(relay, "maps"), *map;
	size_t i;

	for (i = 0; i < r->maps_len; i++) {
		map = maps ? health_object(maps, r->maps[i].name) : NULL;
		if (!map || health_add(map, "entries", r->maps[i].entries) ||
		    health_add(map, "max", r->maps[i].max))
			return -ENOMEM;
	}
	return maps ? 0 : -ENOMEM;
}

static int health_add_lost(const struct health_relay *r, json_t *relay)
{
	json_t *lost;
	size_t i;

	if (!r->lost)
		return 0;
	lost = health_object(relay, "lost");
	for (i = MOQSTAT_LOST_NONE + 1; i < MOQSTAT_LOST_MAX; i++) {
		if (!lost || health_add(lost, collect_format_lost[i], r->lost[i]))
			return -ENOMEM;
	}
	return 0;
}

static int health_add_relays(const struct health *h, json_t *json)
{
	json_t *relays = health_object(json, "relays"), *relay;
	size_t i;

	for (i = 0; i < h->relays_len; i++) {
		relay = relays ? health_object(relays, h->relays[i].broadcast) : NULL;
		if (!relay || health_add_programs(&h->relays[i], relay) ||
		    health_add_maps(&h->relays[i], relay) || health_add_lost(&h->relays[i], relay))
			return -ENOMEM;
	}
	return relays ? 0 : -ENOMEM;
}

static int health_add_budget(const struct health_budget *b, json_t *json)
{
	json_t *budget = b ? health_object(json, "budget") : NULL, *shed, *one;
	unsigned int kind;

	if (!b)
		return 0;
	shed = budget ? health_object(budget, "shed") : NULL;
	if (!shed || health_add(budget, "limit_ppm", b->limit_ppm) ||
	    health_add(budget, "cost_ppm", b->cost_ppm))
		return -ENOMEM;
	for (kind = 0; kind < BUDGET_KINDS; kind++) {
		one = health_object(shed, budget_name(kind));
		if (!one || health_add(one, "now", b->now[kind]) ||
		    health_add(one, "times", b->times[kind]))
			return -ENOMEM;
	}
	return 0;
}

json_t *health_json(const struct health *h)
{
	static const char *const measures[] = { "off", "held", "sysctl" };
	json_t *json = json_pack("{s:s, s:s}", "version", MOQSTAT_VERSION, "bpf_stats",
				 measures[h->measure]);

	if (json && !health_add(json, "ticks", h->ticks) &&
	    !health_add(json, "interval_ns", h->interval_ns) &&
	    !health_add(json, "skipped", h->skipped) && !health_add(json, "cpu_ns", h->cpu_ns) &&
	    !health_add(json, "resident_bytes", h->resident_bytes) &&
	    (!h->tick || !json_object_set_new(json, "tick", histogram_json(h->tick))) &&
	    (!h->lag || !json_object_set_new(json, "lag", histogram_json(h->lag))) &&
	    !health_add_budget(h->budget, json) && !health_add_relays(h, json))
		return json;
	json_decref(json);
	return NULL;
}

uint64_t health_number(const json_t *object, const char *name)
{
	const json_t *number = json_object_get(object, name);

	if (!json_is_integer(number) || json_integer_value(number) < 0)
		return HEALTH_UNKNOWN;
	return json_integer_value(number);
}
