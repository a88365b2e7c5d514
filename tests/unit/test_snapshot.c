/* SPDX-License-Identifier: MIT */
/*
 * test_snapshot.c - the conformance list: one counterpart for each test at the end of the
 * relay-stats text, under its name. A small model of the relay opens and drops guards; what the
 * agent's snapshot, frame and track modules make of it is checked in the frames.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "jsonl.h"
#include "path.h"
#include "counts.h"
#include "read_order.h"
#include "relay_model.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define EXT	   MOQSTAT_EXTERNAL
#define INT	   MOQSTAT_INTERNAL
#define PUB	   MOQSTAT_PUBLISHER
#define SUB	   MOQSTAT_SUBSCRIBER

static int setup(void **state)
{
	struct model *m = test_malloc(sizeof(*m));

	model_init(m, ".stats");
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	model_deinit(*state);
	test_free(*state);
	return 0;
}

static void ticks(struct model *m, unsigned int n)
{
	while (n-- > 0)
		model_tick(m);
}

static void assert_advertised(const char *prefix, const char *node, const char *expected)
{
	char *path;

	assert_int_equal(path_advertised(prefix, node, &path), 0);
	assert_string_equal(path, expected);
	free(path);
}

static void advertised_path_with_and_without_node(void **state)
{
	(void)state;
	assert_advertised(".stats", "sjc", ".stats/node/sjc");
	assert_advertised(".stats", "sjc/1", ".stats/node/sjc/1");
	assert_advertised(".stats", NULL, ".stats/node");
	assert_advertised("metrics", "lon", "metrics/node/lon");
}

static void new_normalizes_and_drops_empty_node(void **state)
{
	(void)state;
	assert_advertised(".stats", "/sjc//1/", ".stats/node/sjc/1");
	assert_advertised(".stats", "///", ".stats/node");
}

static void per_broadcast_counters_isolated(void **state)
{
	struct model *m = *state;
	struct model_guard a = model_track(m, PUB, EXT, "demo/bbb");
	struct model_guard b = model_track(m, PUB, EXT, "demo/ccc");

	model_bump(&a, MOQSTAT_BYTES, 101);
	model_bump(&b, MOQSTAT_BYTES, 7);
	model_tick(m);
	assert_int_equal(model_value(m, "publisher.json", "demo/bbb", "bytes"), 101);
	assert_int_equal(model_value(m, "publisher.json", "demo/ccc", "bytes"), 7);
}

static void external_and_internal_tiers_are_independent(void **state)
{
	struct model *m = *state;
	struct model_guard a = model_track(m, PUB, EXT, "demo/bbb");
	struct model_guard b = model_track(m, SUB, INT, "demo/bbb");

	model_bump(&a, MOQSTAT_BYTES, 101);
	model_bump(&b, MOQSTAT_BYTES, 7);
	model_tick(m);
	assert_int_equal(model_value(m, "publisher.json", "demo/bbb", "bytes"), 101);
	assert_int_equal(model_value(m, "internal/subscriber.json", "demo/bbb", "bytes"), 7);
	assert_false(model_has(m, "subscriber.json", "demo/bbb"));
	assert_false(model_has(m, "internal/publisher.json", "demo/bbb"));
}

/* A relay with its stats off gives the agent these paths like any other: the agent must leave them
 * out, and let go of them as soon as the relay does. */
static void paths_under_prefix_are_no_op(void **state)
{
	struct model *m = *state;
	struct model_guard announced = model_announce(m, PUB, EXT, ".stats/node/sjc");
	struct model_guard track = model_track(m, PUB, EXT, ".stats/node/sjc");
	struct model_guard sibling = model_track(m, PUB, EXT, ".statsx");
	size_t i;

	model_bump(&track, MOQSTAT_BYTES, 101);
	model_tick(m);
	assert_false(model_has(m, "publisher.json", ".stats/node/sjc"));
	assert_true(model_has(m, "publisher.json", ".statsx"));

	model_drop(&track);
	model_drop(&announced);
	model_drop(&sibling);
	model_tick(m);
	assert_int_equal(m->retired, 1);
	ticks(m, 2);
	assert_int_equal(model_entries(m), 0);
	for (i = 0; i < TRACKS_OF_TWO; i++)
		assert_string_equal(m->frames[i].data, "{}");
}

/* For the agent "disabled" means a process in which nothing counts: empty handles bump nothing,
 * and all that is ever told is six times that there is nothing. */
static void disabled_stats_are_noop(void **state)
{
	struct model *m = *state;
	struct model_guard track;
	size_t i;

	m->disabled = true;
	track = model_track(m, PUB, EXT, "demo/bbb");
	assert_null(track.entry);
	model_bump(&track, MOQSTAT_BYTES, 101);
	model_tick(m);
	model_drop(&track);
	model_tick(m);
	assert_int_equal(model_entries(m), 0);
	assert_int_equal(m->retired, 0);
	for (i = 0; i < TRACKS_OF_TWO; i++) {
		assert_string_equal(m->frames[i].data, "{}");
		assert_int_equal(track_latest(m->tracks[i])->sequence, 0);
	}

	m->disabled = false;
	track = model_track(m, PUB, EXT, "demo/bbb");
	model_tick(m);
	assert_true(model_has(m, "publisher.json", "demo/bbb"));
}

/* Write the last tick's frames as lines and check that each names `broadcast`; returns how many
 * there were. */
static size_t lines_of(const struct model *m, const char *broadcast)
{
	FILE *file = tmpfile();
	char line[4096];
	struct jsonl out;
	size_t i, n = 0;
	json_t *json;

	assert_non_null(file);
	jsonl_init(&out, fileno(file));
	for (i = 0; i < TRACKS_OF_TWO; i++) {
		if (m->wrote[i])
			assert_int_equal(jsonl_write_frame(&out, broadcast,
							   track_name(m->tracks[i]),
							   track_latest(m->tracks[i])->sequence,
							   m->frames[i].data, m->frames[i].len),
					 0);
	}
	jsonl_deinit(&out);
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		json = json_loads(line, 0, NULL);
		assert_string_equal(json_string_value(json_object_get(json, "broadcast")),
				    broadcast);
		json_decref(json);
		n++;
	}
	fclose(file);
	return n;
}

static void single_broadcast_path_announced(void **state)
{
	struct model *m = *state;
	char *path;

	model_track(m, PUB, EXT, "foo/bar");
	model_track(m, PUB, EXT, "baz/qux");
	model_tick(m);
	assert_int_equal(path_advertised(".stats", "sjc/1", &path), 0);
	assert_string_equal(path, ".stats/node/sjc/1");
	assert_int_equal(lines_of(m, path), 6);
	free(path);
	/* Both are rows of one frame, in the order of their bytes. */
	assert_non_null(strstr(model_frame(m, "publisher.json"), "},\"foo/bar\":"));
	assert_memory_equal(model_frame(m, "publisher.json"), "{\"baz/qux\":", 11);
}

static void task_announces_without_node_suffix(void **state)
{
	struct model *m = *state;
	char *path;

	model_track(m, PUB, EXT, "foo/bar");
	model_tick(m);
	assert_int_equal(path_advertised(".stats", NULL, &path), 0);
	assert_string_equal(path, ".stats/node");
	assert_int_equal(lines_of(m, path), 6);
	free(path);
	/* Nothing changed, so nothing is written. */
	model_tick(m);
	assert_int_equal(lines_of(m, ".stats/node"), 0);
}

static void live_entry_kept_while_idle(void **state)
{
	struct model *m = *state;
	struct model_guard held = model_hold(m, "foo/bar");
	struct model_guard announced = model_announce(m, PUB, EXT, "foo/bar");

	ticks(m, 5);
	assert_int_equal(model_entries(m), 1);
	assert_true(model_has(m, "publisher.json", "foo/bar"));

	model_drop(&announced);
	model_drop(&held);
	model_tick(m); /* its final counts */
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "announced_closed"), 1);
	model_tick(m); /* are out, so it goes */
	assert_int_equal(model_entries(m), 0);
	assert_string_equal(model_frame(m, "publisher.json"), "{}");
}

/* The relay forgets in the tick that shows the final counts, the agent in the next, when they are
 * known to be out; either way the frame after them has no such row. */
static void entry_dropped_once_fully_closed(void **state)
{
	struct model *m = *state;
	struct model_guard announced = model_announce(m, PUB, EXT, "foo/bar");
	struct model_guard track = model_track(m, PUB, EXT, "foo/bar");

	model_drop(&announced);
	model_tick(m);
	assert_int_equal(model_entries(m), 1);

	model_drop(&track);
	model_tick(m);
	assert_int_equal(m->retired, 0);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "subscriptions_closed"), 1);
	model_tick(m);
	assert_int_equal(m->retired, 1);
	assert_int_equal(model_entries(m), 0);
	assert_string_equal(model_frame(m, "publisher.json"), "{}");
}

static void frame_emits_expected_counters(void **state)
{
	struct model *m = *state;
	struct model_session_broadcasts viewer = { .model = m, .role = PUB, .tier = EXT };
	struct model_guard track;

	model_announce(m, PUB, EXT, "foo/bar");
	track = model_track(m, PUB, EXT, "foo/bar");
	model_bump(&track, MOQSTAT_BYTES, 43);
	model_bump(&track, MOQSTAT_FRAMES, 1);
	model_subscribe(&viewer, "foo/bar");
	model_tick(m);
	assert_string_equal(model_frame(m, "publisher.json"),
			    "{\"foo/bar\":{\"announced\":1,\"announced_closed\":0,"
			    "\"broadcasts\":1,\"broadcasts_closed\":0,"
			    "\"subscriptions\":1,\"subscriptions_closed\":0,"
			    "\"bytes\":43,\"frames\":1,\"groups\":0}}");
}

static void announced_decouples_from_broadcasts(void **state)
{
	struct model *m = *state;

	model_announce(m, PUB, EXT, "foo/bar");
	model_tick(m);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "announced"), 1);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts"), 0);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "subscriptions"), 0);
}

static void short_lived_sub_is_surfaced(void **state)
{
	struct model *m = *state;
	struct model_session_broadcasts viewer = { .model = m, .role = PUB, .tier = EXT };
	struct model_guard track, sub;

	track = model_track(m, PUB, EXT, "foo/bar");
	model_bump(&track, MOQSTAT_BYTES, 127);
	model_bump(&track, MOQSTAT_FRAMES, 1);
	sub = model_subscribe(&viewer, "foo/bar");
	model_unsubscribe(&viewer, "foo/bar", &sub);
	model_drop(&track);
	model_tick(m);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "subscriptions"), 1);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "subscriptions_closed"), 1);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts"), 1);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts_closed"), 1);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "bytes"), 127);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "frames"), 1);
}

static void multiple_subs_count_as_one_broadcast(void **state)
{
	struct model *m = *state;
	struct model_session_broadcasts viewer = { .model = m, .role = PUB, .tier = EXT };
	struct model_guard announced = model_announce(m, PUB, EXT, "foo/bar");
	struct model_guard t1 = model_track(m, PUB, EXT, "foo/bar");
	struct model_guard t2 = model_track(m, PUB, EXT, "foo/bar");
	struct model_guard s1 = model_subscribe(&viewer, "foo/bar");
	struct model_guard s2 = model_subscribe(&viewer, "foo/bar");

	model_tick(m);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "subscriptions"), 2);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "subscriptions_closed"), 0);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts"), 1);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts_closed"), 0);

	model_unsubscribe(&viewer, "foo/bar", &s1);
	model_tick(m);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts_closed"), 0);

	model_unsubscribe(&viewer, "foo/bar", &s2);
	model_drop(&t1);
	model_drop(&t2);
	model_tick(m);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "subscriptions_closed"), 2);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts"), 1);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts_closed"), 1);
	model_drop(&announced);
}

static void distinct_sessions_count_as_separate_broadcasts(void **state)
{
	struct model *m = *state;
	struct model_session_broadcasts v1 = { .model = m, .role = PUB, .tier = EXT };
	struct model_session_broadcasts v2 = { .model = m, .role = PUB, .tier = EXT };
	struct model_guard s1, s2;

	s1 = model_subscribe(&v1, "foo/bar");
	model_tick(m);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts"), 1);
	s2 = model_subscribe(&v2, "foo/bar");
	model_tick(m);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts"), 2);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts_closed"), 0);

	model_unsubscribe(&v1, "foo/bar", &s1);
	model_tick(m);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts"), 2);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts_closed"), 1);
	model_unsubscribe(&v2, "foo/bar", &s2);
	model_tick(m);
	assert_int_equal(model_value(m, "publisher.json", "foo/bar", "broadcasts_closed"), 2);
}

static void session_counts_by_root(void **state)
{
	struct model *m = *state;
	struct model_guard a1 = model_session(m, EXT, "acme");
	struct model_guard a2 = model_session(m, EXT, "acme");
	struct model_guard b1 = model_session(m, EXT, "globex");

	model_tick(m);
	assert_int_equal(model_value(m, "sessions.json", "acme", "sessions"), 2);
	assert_int_equal(model_value(m, "sessions.json", "acme", "sessions_closed"), 0);
	assert_int_equal(model_value(m, "sessions.json", "globex", "sessions"), 1);

	model_drop(&a1);
	model_tick(m);
	assert_int_equal(model_value(m, "sessions.json", "acme", "sessions_closed"), 1);
	model_drop(&a2);
	model_drop(&b1);
	model_tick(m);
	assert_string_equal(model_frame(m, "sessions.json"),
			    "{\"acme\":{\"sessions\":2,\"sessions_closed\":2},"
			    "\"globex\":{\"sessions\":1,\"sessions_closed\":1}}");
}

static void session_track_surfaces_by_root(void **state)
{
	struct model *m = *state;

	model_session(m, EXT, "acme");
	model_session(m, EXT, "acme");
	model_session(m, INT, "peer");
	model_tick(m);
	assert_string_equal(model_frame(m, "sessions.json"),
			    "{\"acme\":{\"sessions\":2,\"sessions_closed\":0}}");
	assert_string_equal(model_frame(m, "internal/sessions.json"),
			    "{\"peer\":{\"sessions\":1,\"sessions_closed\":0}}");
}

static void session_root_dropped_when_empty(void **state)
{
	struct model *m = *state;
	struct model_guard session = model_session(m, EXT, "acme");

	model_tick(m);
	assert_int_equal(model_entries(m), 1);
	model_drop(&session);
	model_tick(m);
	assert_int_equal(model_value(m, "sessions.json", "acme", "sessions_closed"), 1);
	assert_int_equal(m->retired, 0);
	model_tick(m);
	assert_int_equal(model_entries(m), 0);
	assert_string_equal(model_frame(m, "sessions.json"), "{}");
}

static void unused_slots_dont_surface(void **state)
{
	struct model *m = *state;
	struct model_guard track = model_track(m, PUB, EXT, "foo/bar");
	unsigned int tick;

	model_bump(&track, MOQSTAT_FRAMES, 1);
	for (tick = 0; tick < 2; tick++) {
		model_tick(m);
		assert_true(model_has(m, "publisher.json", "foo/bar"));
		assert_string_equal(model_frame(m, "subscriber.json"), "{}");
		assert_string_equal(model_frame(m, "internal/publisher.json"), "{}");
		assert_string_equal(model_frame(m, "internal/subscriber.json"), "{}");
	}
}

/* The fields of one slot, in the order in which the live backend reads their maps. */
static size_t fields_as_read(unsigned int end, unsigned int *fields)
{
	unsigned int pass, field;
	size_t len = 0;

	for (pass = 0; pass < COUNTS_PASSES; pass++) {
		for (field = 0; field < end; field++) {
			if (MOQSTAT_FIELD_CLOSES(field) == counts_passes[pass].closes)
				fields[len++] = field;
		}
	}
	assert_int_equal(len, end); /* each is read once */
	return len;
}

static void snapshot_reads_closed_before_open(void **state)
{
	static const unsigned int opens[] = { MOQSTAT_ANNOUNCED, MOQSTAT_SUBSCRIPTIONS,
					      MOQSTAT_BROADCASTS };
	static const unsigned int wrong[] = {
		MOQSTAT_ANNOUNCED_CLOSED,  MOQSTAT_SUBSCRIPTIONS, MOQSTAT_SUBSCRIPTIONS_CLOSED,
		MOQSTAT_BROADCASTS_CLOSED, MOQSTAT_ANNOUNCED,	  MOQSTAT_BROADCASTS,
	};
	const struct read_order bad = { wrong, LEN(wrong), false };
	unsigned int fields[MOQSTAT_BYTES];
	const struct read_order good = { fields, fields_as_read(MOQSTAT_BYTES, fields), false };

	(void)state;
	assert_false(read_order_is_safe(&bad, opens, LEN(opens))); /* the check can fail */
	assert_true(read_order_is_safe(&good, opens, LEN(opens)));
}

static void session_snapshot_reads_closed_before_open(void **state)
{
	static const unsigned int opens[] = { MOQSTAT_SESSIONS };
	static const unsigned int wrong[] = { MOQSTAT_SESSIONS, MOQSTAT_SESSIONS_CLOSED };
	const struct read_order bad = { wrong, LEN(wrong), true };
	unsigned int fields[MOQSTAT_SESSION_FIELD_MAX];
	const struct read_order good = { fields, fields_as_read(MOQSTAT_SESSION_FIELD_MAX, fields),
					 true };

	(void)state;
	assert_false(read_order_is_safe(&bad, opens, LEN(opens)));
	assert_true(read_order_is_safe(&good, opens, LEN(opens)));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(advertised_path_with_and_without_node),
		TEST(new_normalizes_and_drops_empty_node),
		TEST(per_broadcast_counters_isolated),
		TEST(external_and_internal_tiers_are_independent),
		TEST(paths_under_prefix_are_no_op),
		TEST(disabled_stats_are_noop),
		TEST(single_broadcast_path_announced),
		TEST(task_announces_without_node_suffix),
		TEST(live_entry_kept_while_idle),
		TEST(entry_dropped_once_fully_closed),
		TEST(frame_emits_expected_counters),
		TEST(announced_decouples_from_broadcasts),
		TEST(short_lived_sub_is_surfaced),
		TEST(multiple_subs_count_as_one_broadcast),
		TEST(distinct_sessions_count_as_separate_broadcasts),
		TEST(session_counts_by_root),
		TEST(session_track_surfaces_by_root),
		TEST(session_root_dropped_when_empty),
		TEST(unused_slots_dont_surface),
		TEST(snapshot_reads_closed_before_open),
		TEST(session_snapshot_reads_closed_before_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
