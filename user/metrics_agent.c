/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect_format.h"
#include "health.h"
#include "metrics_node.h"

#ifndef MOQSTAT_VERSION
#define MOQSTAT_VERSION "unknown"
#endif

#define METRICS_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* How a number of the health becomes a sample. */
struct metrics_number {
	const char *member;
	bool ns; /* told in seconds */
	struct exposition_family family;
};

static const struct metrics_number metrics_agent_numbers[] = {
	{ "ticks", false, { "moqstat_ticks", EXPOSITION_COUNTER, NULL, "Ticks of the agent" } },
	{ "interval_ns",
	  true,
	  { "moqstat_tick_interval_seconds", EXPOSITION_GAUGE, "seconds",
	    "From one tick of the agent to the next" } },
	{ "skipped",
	  false,
	  { "moqstat_lines_skipped", EXPOSITION_COUNTER, NULL,
	    "Lines that the agent left out since the server did not take them in time" } },
	{ "cpu_ns",
	  true,
	  { "moqstat_agent_cpu_seconds", EXPOSITION_COUNTER, "seconds", "CPU time of the agent" } },
	{ "resident_bytes",
	  false,
	  { "moqstat_agent_resident_memory_bytes", EXPOSITION_GAUGE, "bytes",
	    "Memory of the agent" } },
};

static const struct metrics_number metrics_program_numbers[] = {
	{ "hits",
	  false,
	  { "moqstat_program_hits", EXPOSITION_COUNTER, NULL,
	    "Hits of the sites of a BPF program in the relay that led on to what is counted" } },
	{ "runs",
	  false,
	  { "moqstat_program_runs", EXPOSITION_COUNTER, NULL,
	    "Runs of a BPF program by any process of that executable, while the kernel counts "
	    "them" } },
	{ "run_ns",
	  true,
	  { "moqstat_program_run_seconds", EXPOSITION_COUNTER, "seconds",
	    "Time spent in a BPF program, while the kernel counts it" } },
	{ "missed",
	  false,
	  { "moqstat_program_missed", EXPOSITION_COUNTER, NULL,
	    "Hits that a BPF program did not get, since one was running already" } },
};

static const struct metrics_number metrics_map_numbers[] = {
	{ "entries",
	  false,
	  { "moqstat_map_entries", EXPOSITION_GAUGE, NULL, "Entries of a BPF map in use" } },
	{ "max",
	  false,
	  { "moqstat_map_capacity", EXPOSITION_GAUGE, NULL,
	    "Entries that a BPF map has room for" } },
};

static const struct metrics_number metrics_lost_number = {
	NULL,
	false,
	{ "moqstat_lost_events", EXPOSITION_COUNTER, NULL,
	  "What the relay did that could not be attributed, by why" }
};

static const struct exposition_family metrics_build = { "moqstat_build", EXPOSITION_INFO, NULL,
							"The version that serves this" };
static const struct exposition_family metrics_relays = { "moqstat_relays", EXPOSITION_GAUGE, NULL,
							 "Relays that are watched now" };
static const struct exposition_family metrics_relay_up = { "moqstat_relay_up", EXPOSITION_GAUGE,
							   NULL, "Is the relay attached to now" };
static const struct exposition_family metrics_relay = { "moqstat_relay", EXPOSITION_INFO, NULL,
							"A relay that is watched now" };
static const struct exposition_family metrics_field_state = {
	"moqstat_field_state", EXPOSITION_GAUGE, NULL,
	"What a field is worth: exact, since-attach or unavailable, which has no samples"
};
static const struct exposition_family metrics_tick = { "moqstat_tick_duration_seconds",
						       EXPOSITION_HISTOGRAM, "seconds",
						       "How long a tick of the agent took" };
static const struct exposition_family metrics_lag = { "moqstat_tick_lag_seconds",
						      EXPOSITION_HISTOGRAM, "seconds",
						      "How late a tick of the agent began" };

/* Shares are told as ratios: of ppm, which are as many thousands of ns as they are seconds'. */
static const struct exposition_family metrics_budget = {
	"moqstat_agent_budget_ratio", EXPOSITION_GAUGE, NULL,
	"What the agent may cost of the CPU time of the machine"
};
static const struct exposition_family metrics_cost = {
	"moqstat_agent_cost_ratio", EXPOSITION_GAUGE, NULL,
	"What the agent cost of the CPU time of the machine in its last period"
};
static const struct exposition_family metrics_shed = {
	"moqstat_agent_shed", EXPOSITION_GAUGE, NULL,
	"Is a kind of payload not counted now, to keep within the budget"
};
static const struct exposition_family metrics_sheddings = {
	"moqstat_agent_sheddings", EXPOSITION_COUNTER, NULL, "How often a kind of payload was shed"
};

/* Values of labels, escaped, where they aren't constants. */
struct metrics_text {
	char *data;
	size_t len, size;
};

static bool metrics_text_room(struct metrics_text *t, size_t len)
{
	char *data = len <= t->size ? t->data : realloc(t->data, len);

	if (!data)
		return false;
	t->data = data;
	t->size = len > t->size ? len : t->size;
	return true;
}

/* A label of any text; it is good until the next of the same place. */
static struct exposition_label metrics_label(struct exposition *e, struct metrics_text *t,
					     const char *name, const char *value)
{
	size_t len = strlen(value);

	if (!metrics_text_room(t, EXPOSITION_ESCAPED(len) + 1)) {
		e->err = -ENOMEM;
		return EXPOSITION_LABEL(name, "");
	}
	return (struct exposition_label){ name, t->data, exposition_escape(value, len, t->data) };
}

static void metrics_write_relay(struct exposition *e, const struct metrics_node *node)
{
	static const char *const members[] = { "build_id", "layout", "statistics" };
	const json_t *relay = json_object_get(node->status, "relay");
	const char *probes =
		json_string_value(json_object_get(json_object_get(node->status, "probes"), "kind"));
	struct exposition_label labels[2 + METRICS_LEN(members) + 1];
	struct metrics_text texts[METRICS_LEN(members) + 1] = { 0 };
	char pid[24];
	size_t n = 0, i;

	if (!relay || node->ended)
		return;
	snprintf(pid, sizeof(pid), "%" JSON_INTEGER_FORMAT,
		 json_integer_value(json_object_get(relay, "pid")));
	labels[n++] = node->label;
	labels[n++] = EXPOSITION_LABEL("pid", pid);
	for (i = 0; i < METRICS_LEN(members); i++) {
		const char *value = json_string_value(json_object_get(relay, members[i]));

		if (value)
			labels[n++] = metrics_label(e, &texts[i], members[i], value);
	}
	if (probes)
		labels[n++] = metrics_label(e, &texts[i], "probes", probes);
	exposition_sample(e, labels, n, 1);
	for (i = 0; i < METRICS_LEN(texts); i++)
		free(texts[i].data);
}

static int metrics_compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The states of one track's fields, by name. */
static void metrics_write_states(struct exposition *e, const struct metrics_node *node,
				 const char *track)
{
	const json_t *fields = json_object_get(json_object_get(node->status, "tracks"), track);
	const char *names[MOQSTAT_FIELD_MAX + MOQSTAT_SESSION_FIELD_MAX];
	size_t i, n = 0;

	for (i = 0; i < MOQSTAT_FIELD_MAX; i++)
		names[n++] = collect_format_fields[i];
	for (i = 0; i < MOQSTAT_SESSION_FIELD_MAX; i++)
		names[n++] = collect_format_session_fields[i];
	qsort(names, n, sizeof(names[0]), metrics_compare_names);
	for (i = 0; i < n; i++) {
		const char *state = json_string_value(
			json_object_get(json_object_get(fields, names[i]), "state"));
		struct metrics_text text = { 0 }, named = { 0 };

		if (!state)
			continue;
		exposition_sample(e,
				  (struct exposition_label[]){
					  node->label, metrics_label(e, &named, "track", track),
					  EXPOSITION_LABEL("field", names[i]),
					  metrics_label(e, &text, "state", state) },
				  4, 1);
		free(text.data);
		free(named.data);
	}
}

/* The states of those of its tracks that are any, by name. */
static void metrics_write_tracks(struct exposition *e, const struct metrics_node *node)
{
	struct tiers tiers = tiers_default;
	const char *names[TRACKS_MAX], *name;
	json_t *tracks = json_object_get(node->status, "tracks"), *fields;
	size_t n = 0, i;

	json_object_foreach(tracks, name, fields)
	{
		if (n < TRACKS_MAX && tracks_learn(&tiers, name) >= 0)
			names[n++] = name;
	}
	qsort(names, n, sizeof(names[0]), metrics_compare_names);
	for (i = 0; i < n; i++)
		metrics_write_states(e, node, names[i]);
}

void metrics_write_status(struct exposition *e, struct metrics_node *const *nodes, size_t len)
{
	size_t i, live = 0;

	exposition_family(e, &metrics_relay);
	for (i = 0; i < len; i++) {
		metrics_write_relay(e, nodes[i]);
		live += !nodes[i]->ended;
	}
	exposition_family(e, &metrics_relay_up);
	for (i = 0; i < len; i++)
		exposition_sample(e, &nodes[i]->label, 1, !nodes[i]->ended);
	exposition_family(e, &metrics_relays);
	exposition_sample(e, NULL, 0, live);
	exposition_family(e, &metrics_field_state);
	for (i = 0; i < len; i++) {
		if (!nodes[i]->ended)
			metrics_write_tracks(e, nodes[i]);
	}
}

static void metrics_write_number(struct exposition *e, const struct metrics_number *number,
				 const struct exposition_label *labels, size_t n, uint64_t value)
{
	if (value == HEALTH_UNKNOWN)
		return;
	if (number->ns)
		exposition_seconds(e, labels, n, value);
	else
		exposition_sample(e, labels, n, value);
}

/* A member of a part of a relay's health: a program, a map, a reason. */
struct metrics_item {
	const char *node, *name;
	const json_t *relay;
};

struct metrics_items {
	struct metrics_item *list;
	size_t len;
};

static int metrics_compare_items(const void *va, const void *vb)
{
	const struct metrics_item *a = va, *b = vb;
	int order = strcmp(a->node, b->node);

	return order ? order : strcmp(a->name, b->name);
}

/* All members of one part over all relays, in order; the list is freed by the caller. */
static int metrics_items(const json_t *health, const char *part, struct metrics_items *out)
{
	json_t *relays = json_object_get(health, "relays"), *relay, *value;
	const char *node, *name;
	struct metrics_items items = { 0 };
	size_t n = 0;

	json_object_foreach(relays, node, relay) n +=
		json_object_size(json_object_get(relay, part));
	items.list = calloc(n + 1, sizeof(*items.list));
	if (!items.list)
		return -ENOMEM;
	json_object_foreach(relays, node, relay)
	{
		json_object_foreach(json_object_get(relay, part), name, value)
			items.list[items.len++] = (struct metrics_item){ node, name, relay };
	}
	qsort(items.list, n, sizeof(*items.list), metrics_compare_items);
	*out = items;
	return 0;
}

/* The families of one part of the relays' health. */
static int metrics_write_part(struct exposition *e, const json_t *health, const char *part,
			      const char *label, const struct metrics_number *numbers, size_t n)
{
	struct metrics_text node = { 0 }, name = { 0 };
	struct metrics_items items;
	size_t i, j;
	int err = metrics_items(health, part, &items);

	if (err)
		return err;
	for (i = 0; i < n; i++) {
		exposition_family(e, &numbers[i].family);
		for (j = 0; j < items.len; j++) {
			const struct metrics_item *item = &items.list[j];
			const json_t *object = json_object_get(item->relay, part);
			struct exposition_label labels[] = {
				metrics_label(e, &node, "node", item->node),
				metrics_label(e, &name, label, item->name)
			};

			if (numbers[i].member)
				object = json_object_get(object, item->name);
			metrics_write_number(e, &numbers[i], labels, METRICS_LEN(labels),
					     health_number(object, numbers[i].member
									   ? numbers[i].member
									   : item->name));
		}
	}
	free(items.list);
	free(node.data);
	free(name.data);
	return e->err;
}

static void metrics_write_histogram(struct exposition *e, const json_t *health, const char *member,
				    const struct exposition_family *family)
{
	struct histogram h;

	if (histogram_read(json_object_get(health, member), &h))
		return;
	exposition_family(e, family);
	exposition_histogram(e, &h);
}

static void metrics_write_ratio(struct exposition *e, const struct exposition_family *family,
				uint64_t ppm)
{
	exposition_family(e, family);
	if (ppm != HEALTH_UNKNOWN)
		exposition_seconds(e, NULL, 0, 1000 * ppm);
}

/* In the order of the kinds' names. */
static void metrics_write_kinds(struct exposition *e, const struct exposition_family *family,
				const json_t *shed, const char *member)
{
	static const enum budget_kind order[] = { BUDGET_BYTES, BUDGET_FRAMES, BUDGET_GROUPS };
	size_t i;

	exposition_family(e, family);
	for (i = 0; i < METRICS_LEN(order); i++) {
		const char *name = budget_name(order[i]);
		uint64_t value = health_number(json_object_get(shed, name), member);

		if (value != HEALTH_UNKNOWN)
			exposition_sample(
				e, (struct exposition_label[]){ EXPOSITION_LABEL("kind", name) }, 1,
				value);
	}
}

static void metrics_write_budget(struct exposition *e, const json_t *budget)
{
	const json_t *shed = json_object_get(budget, "shed");

	if (!budget)
		return;
	metrics_write_ratio(e, &metrics_budget, health_number(budget, "limit_ppm"));
	metrics_write_ratio(e, &metrics_cost, health_number(budget, "cost_ppm"));
	metrics_write_kinds(e, &metrics_shed, shed, "now");
	metrics_write_kinds(e, &metrics_sheddings, shed, "times");
}

int metrics_write_health(struct exposition *e, const json_t *health)
{
	size_t i;
	int err;

	exposition_family(e, &metrics_build);
	exposition_sample(
		e, (struct exposition_label[]){ EXPOSITION_LABEL("version", MOQSTAT_VERSION) }, 1,
		1);
	for (i = 0; i < METRICS_LEN(metrics_agent_numbers); i++) {
		const struct metrics_number *number = &metrics_agent_numbers[i];

		exposition_family(e, &number->family);
		metrics_write_number(e, number, NULL, 0, health_number(health, number->member));
	}
	metrics_write_histogram(e, health, "tick", &metrics_tick);
	metrics_write_histogram(e, health, "lag", &metrics_lag);
	metrics_write_budget(e, json_object_get(health, "budget"));
	err = metrics_write_part(e, health, "programs", "program", metrics_program_numbers,
				 METRICS_LEN(metrics_program_numbers));
	if (!err)
		err = metrics_write_part(e, health, "maps", "map", metrics_map_numbers,
					 METRICS_LEN(metrics_map_numbers));
	if (!err)
		err = metrics_write_part(e, health, "lost", "reason", &metrics_lost_number, 1);
	return err;
}
