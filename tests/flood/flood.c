// SPDX-License-Identifier: MIT
/*
 * flood - floods the agent with events of a small relay (relay.c), and compares what it has counted
 * with what happened, to the last one.
 *
 * The agent's programs, probes, backend and snapshots are those of the program; only the list of
 * sites is made by hand. From the environment: EVENTS, the bumps of each run that counts them;
 * SNAPSHOTS, the readings of each run in which guards are closed and opened; SECONDS, how long each
 * of the runs goes on in which broadcasts begin and end; T, a pattern for the tests to run.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "agent.h"
#include "moqstat.skel.h"

#define FLOOD_CPUS 1024

/* Broadcasts, and roots, of which there is room to begin between two ticks. Small maps are read
 * much faster. */
#define FLOOD_ROOM 1024
#define FLOOD_FEW  128

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- what the maps hold, CPU by CPU ---- */

/* What was counted for the paths from `first` on, on one CPU or (-1) all of them. */
static void add_cells(struct agent *a, struct bpf_map *map, bool closes, int cpu, uint32_t first,
		      struct flood_counts *out)
{
	struct moqstat_bpf *object = probes_object(a->probes);
	uint32_t cells = closes ? MOQSTAT_CLOSED_CELLS : MOQSTAT_OPENED_CELLS, field;
	int cpus = libbpf_num_possible_cpus(), c, path;
	uint64_t *values = calloc((size_t)cpus * cells, sizeof(*values)), *counts;
	struct moqstat_slot_key key, *last = NULL;
	static struct moqstat_name name;
	bool root;

	while (!bpf_map_get_next_key(bpf_map__fd(map), last, &key)) {
		last = &key;
		/* What has no room, or no name: there from the beginning. */
		if (!key.id.hash)
			continue;
		root = key.slot >= MOQSTAT_SLOT_SESSION;
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(root ? object->maps.roots
								      : object->maps.broadcasts),
						     &key.id, &name),
				 0);
		path = tally_number((char *)name.path, name.len, root ? FLOOD_ROOT : FLOOD_PATH);
		assert_in_range(path, 0, FLOOD_PATHS - 1);
		if ((uint32_t)path < first)
			continue;
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &key, values), 0);
		counts = root ? out->roots[path][key.slot - MOQSTAT_SLOT_SESSION]
			      : out->broadcasts[path][key.slot / MOQSTAT_TIER_MAX]
					       [key.slot % MOQSTAT_TIER_MAX];
		for (field = 0; field < (root ? MOQSTAT_SESSION_FIELD_MAX : MOQSTAT_FIELD_MAX);
		     field++) {
			for (c = 0; c < cpus && MOQSTAT_FIELD_CLOSES(field) == closes; c++)
				counts[field] += cpu >= 0 && c != cpu
							 ? 0
							 : values[(uint32_t)c * cells +
								  MOQSTAT_FIELD_CELL(field)];
		}
	}
	free(values);
}

static void read_cells(struct agent *a, int cpu, uint32_t first, struct flood_counts *out)
{
	struct moqstat_bpf *object = probes_object(a->probes);

	memset(out, 0, sizeof(*out));
	add_cells(a, object->maps.opened, false, cpu, first, out);
	add_cells(a, object->maps.closed, true, cpu, first, out);
}

/* ---- comparing ---- */

static void add_counts(struct flood_counts *to, const struct flood_counts *from)
{
	const uint64_t *in = &from->broadcasts[0][0][0][0];
	uint64_t *out = &to->broadcasts[0][0][0][0];
	size_t i;

	for (i = 0; i < sizeof(*to) / sizeof(*out); i++)
		out[i] += in[i];
}

/* Says the first difference, and how many there are. */
static void assert_counts(const struct flood_counts *got, const struct flood_counts *want,
			  const char *where)
{
	const uint64_t *g = &got->broadcasts[0][0][0][0], *w = &want->broadcasts[0][0][0][0];
	size_t i, differing = 0, broadcasts = sizeof(got->broadcasts) / sizeof(*g);

	for (i = 0; i < sizeof(*got) / sizeof(*g); i++) {
		if (g[i] == w[i])
			continue;
		if (differing++ < 8)
			print_error("%s: %s %zu, field %zu of slot %zu: %" PRIu64
				    " counted, %" PRIu64 " happened\n",
				    where, i < broadcasts ? "path" : "root",
				    i < broadcasts ? i / (4 * MOQSTAT_FIELD_MAX)
						   : (i - broadcasts) / 4,
				    i < broadcasts ? i % MOQSTAT_FIELD_MAX : (i - broadcasts) % 2,
				    i < broadcasts ? i / MOQSTAT_FIELD_MAX % 4
						   : (i - broadcasts) / 2 % 2,
				    g[i], w[i]);
	}
	assert_int_equal(differing, 0);
}

static void assert_nothing_lost(const struct agent *a)
{
	unsigned int reason, differing = 0;

	for (reason = 1; reason < MOQSTAT_LOST_MAX; reason++) {
		if (!a->tally.lost[reason])
			continue;
		print_error("%" PRIu64 " lost for reason %u\n", a->tally.lost[reason], reason);
		differing++;
	}
	assert_int_equal(differing, 0);
}

static uint64_t events_of(const struct agent *a)
{
	uint64_t events = 0;
	unsigned int i;

	for (i = 0; i < a->shared->order.threads; i++)
		events += a->shared->events[i];
	return events;
}

/* Let the relay run what it was told to; `each` is done all the while, with a pause in between. */
static void run_order(struct agent *a, int (*each)(struct agent *), unsigned int pause_ms,
		      uint64_t for_ms)
{
	uint64_t end = now_ms() + for_ms;

	agent_order(a);
	while (!agent_ordered(a)) {
		assert_int_equal(each(a), 0);
		if (for_ms && now_ms() >= end)
			__atomic_store_n(&a->shared->stop, 1, __ATOMIC_RELAXED);
		if (pause_ms)
			usleep(pause_ms * 1000);
	}
}

/* ---- the runs ---- */

static struct agent agent;

static int start_on(void **state)
{
	*state = &agent;
	return agent_start(&agent, true, FLOOD_ROOM);
}

static int start_off(void **state)
{
	*state = &agent;
	return agent_start(&agent, false, FLOOD_FEW);
}

static int end(void **state)
{
	agent_end(*state);
	return 0;
}

/* A thread a CPU, bound to it: what each CPU's part of the maps holds is what its thread did. Then
 * many threads that go from CPU to CPU and interrupt each other: the sums are what they did. */
static void bumps_are_exact(struct agent *a)
{
	static struct flood_counts got, want;
	uint32_t cpus = 0, i;
	uint64_t events = setting("EVENTS", 5000000) / 2, start = now_ms(), done;
	struct flood_order *order = &a->shared->order;
	char where[32];

	while (cpus < FLOOD_THREADS / 4 && flood_cpu(cpus) >= 0)
		cpus++;
	*order = (struct flood_order){ .work = FLOOD_BUMP,
				       .threads = cpus,
				       .pinned = 1,
				       .paths = 4,
				       .events = events / cpus };
	run_order(a, agent_read, 100, 0);
	done = events_of(a);
	for (i = 0; i < cpus; i++) {
		read_cells(a, flood_cpu(i), 0, &got);
		snprintf(where, sizeof(where), "CPU %d", flood_cpu(i));
		assert_counts(&got, &a->shared->counts[i], where);
	}
	memset(a->shared->counts, 0, sizeof(a->shared->counts));
	order->pinned = 0;
	order->first = 8;
	order->threads = 4 * cpus;
	order->events = events / order->threads;
	run_order(a, agent_read, 100, 0);
	done += events_of(a);
	read_cells(a, -1, 8, &got);
	memset(&want, 0, sizeof(want));
	for (i = 0; i < order->threads; i++)
		add_counts(&want, &a->shared->counts[i]);
	assert_counts(&got, &want, "all CPUs");
	assert_int_equal(agent_read(a), 0);
	assert_int_equal(a->tally.torn, 0);
	assert_nothing_lost(a);
	print_message("# %" PRIu64 " events on %u CPUs, by 1 and 4 threads each, in %" PRIu64
		      " ms: every count is exact\n",
		      done, cpus, now_ms() - start);
}

static void bumps_by_entry(void **state)
{
	bumps_are_exact(*state);
}

static void bumps_by_guard(void **state)
{
	bumps_are_exact(*state);
}

static int tick_and_stop(struct agent *a)
{
	if (a->tally.reads >= setting("SNAPSHOTS", 50000))
		__atomic_store_n(&a->shared->stop, 1, __ATOMIC_RELAXED);
	return agent_tick(a);
}

/* What one thread opens another closes at once, on a single broadcast, while it is read. */
static void closed_never_exceeds_open(struct agent *a)
{
	uint64_t start = now_ms();

	a->shared->order = (struct flood_order){
		.work = FLOOD_HAND_OVER, .threads = 2, .paths = 1, .events = UINT64_MAX
	};
	run_order(a, tick_and_stop, 0, 0);
	print_message("# %" PRIu64 " snapshots during %" PRIu64 " events in %" PRIu64
		      " ms: %" PRIu64 " pairs with closed > open, by %" PRIu64 " at most\n",
		      a->tally.reads, events_of(a), now_ms() - start, a->tally.torn,
		      a->tally.worst);
	assert_int_equal(a->tally.torn, 0);
	/* Of nothing at all that would hold, too. */
	assert_true(a->tally.left || a->tally.finals_len);
	assert_nothing_lost(a);
}

static void snapshots_by_entry(void **state)
{
	closed_never_exceeds_open(*state);
}

static void snapshots_by_guard(void **state)
{
	closed_never_exceeds_open(*state);
}

/* Lives in the order of paths, each path's in the order of time. */
static int compare_lives(const void *a, const void *b)
{
	const struct flood_life *const *x = a, *const *y = b;

	if ((*x)->slot != (*y)->slot)
		return (*x)->slot < (*y)->slot ? -1 : 1;
	if ((*x)->path != (*y)->path)
		return (*x)->path < (*y)->path ? -1 : 1;
	return (*x > *y) - (*x < *y);
}

static void assert_lives(struct agent *a)
{
	const struct flood_shared *shared = a->shared;
	const struct flood_life **lives = calloc(shared->lives_len + 1, sizeof(*lives));
	uint64_t differing = 0, i;

	for (i = 0; i < shared->lives_len; i++)
		lives[i] = &shared->lives[i];
	qsort(lives, shared->lives_len, sizeof(*lives), compare_lives);
	tally_sort(&a->tally);
	for (i = 0; i < shared->lives_len && i < a->tally.finals_len; i++) {
		if (!memcmp(lives[i], &a->tally.finals[i].life, sizeof(*lives[i])))
			continue;
		if (!differing++)
			print_error("life %" PRIu64 ": path %u, slot %u; told: path %u, slot %u, "
				    "incarnation %u\n",
				    i, lives[i]->path, lives[i]->slot, a->tally.finals[i].life.path,
				    a->tally.finals[i].life.slot, a->tally.finals[i].incarnation);
	}
	free(lives);
	assert_int_equal(a->tally.finals_len, shared->lives_len);
	assert_int_equal(differing, 0);
}

/* Broadcasts and roots begin and end all the time, and their addresses come back as others. Each
 * life is told with exactly the counts that it had when the relay let it go. */
static void lives_are_whole(void **state)
{
	struct agent *a = *state;

	a->shared->order = (struct flood_order){ .work = FLOOD_CHURN,
						 .threads = 4,
						 .paths = FLOOD_PATHS,
						 .collect_us = 100,
						 .lag = FLOOD_ROOM / 4,
						 .swaps = FLOOD_SWAPS,
						 .events = UINT64_MAX };
	run_order(a, agent_tick, 0, 1000 * setting("SECONDS", 4));
	agent_drain(a);
	print_message("# %" PRIu64 " events, %" PRIu64 " lives let go, %" PRIu64
		      " readings in %" PRIu64 " ticks\n",
		      events_of(a), a->shared->lives_len, a->tally.reads, a->ticks);
	assert_nothing_lost(a);
	assert_int_equal(a->tally.left, 0);
	assert_lives(a);
	assert_int_equal(a->tally.torn, 0);
}

/* The sums over all incarnations, where these are made by the agent's own ticks. */
static void assert_finals(struct agent *a)
{
	static struct flood_counts got, want;
	size_t i, n;
	uint32_t tier;

	memset(&got, 0, sizeof(got));
	memset(&want, 0, sizeof(want));
	for (i = 0; i < a->shared->order.threads; i++)
		add_counts(&want, &a->shared->counts[i]);
	for (i = 0; i < a->tally.finals_len; i++) {
		const struct flood_life *life = &a->tally.finals[i].life;
		uint64_t *to = &got.broadcasts[life->path][0][0][0];

		assert_in_range(life->path, 0, FLOOD_PATHS - 1);
		if (life->slot >= MOQSTAT_SLOT_SESSION) {
			tier = life->slot - MOQSTAT_SLOT_SESSION;
			for (n = 0; n < MOQSTAT_SESSION_FIELD_MAX; n++)
				got.roots[life->path][tier][n] += life->counts[0][tier][n];
			continue;
		}
		for (n = 0; n < sizeof(life->counts) / sizeof(*to); n++)
			to[n] += (&life->counts[0][0][0])[n];
	}
	assert_counts(&got, &want, "all incarnations");
}

static void guards_are_whole(struct agent *a, uint32_t paths, uint32_t swaps)
{
	a->shared->order = (struct flood_order){ .work = FLOOD_CHURN,
						 .threads = 4,
						 .paths = paths,
						 .swaps = swaps,
						 .events = UINT64_MAX };
	run_order(a, agent_tick, 0, 1000 * setting("SECONDS", 4));
	agent_drain(a);
	print_message("# %" PRIu64 " events, %zu incarnations told, %" PRIu64 " ticks\n",
		      events_of(a), a->tally.finals_len, a->ticks);
	assert_nothing_lost(a);
	assert_int_equal(a->tally.left, 0);
	assert_finals(a);
	assert_int_equal(a->tally.torn, 0);
}

/* Guards without entries, whose places come back as others' at once. */
static void guards_come_back(void **state)
{
	guards_are_whole(*state, 8, FLOOD_SWAPS);
}

/* The same on paths on which often nothing is open: a tick ends the incarnation, in the midst of
 * the next opening. */
static void paths_end(void **state)
{
	guards_are_whole(*state, 2, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bumps_by_entry, start_on, end),
		cmocka_unit_test_setup_teardown(bumps_by_guard, start_off, end),
		cmocka_unit_test_setup_teardown(snapshots_by_entry, start_on, end),
		cmocka_unit_test_setup_teardown(snapshots_by_guard, start_off, end),
		cmocka_unit_test_setup_teardown(lives_are_whole, start_on, end),
		cmocka_unit_test_setup_teardown(guards_come_back, start_off, end),
		cmocka_unit_test_setup_teardown(paths_end, start_off, end),
	};

	cmocka_set_test_filter(getenv("T"));
	return cmocka_run_group_tests_name("flood", tests, NULL, NULL);
}
