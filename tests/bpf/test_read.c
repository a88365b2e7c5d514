/* SPDX-License-Identifier: MIT */
/*
 * test_read.c - what the programs note where entries' own counters are read: who is held, what was
 * counted when a guard is let go, and when the relay ends.
 */
#include "scene.h"

#define E(n)	   (0x7f0000001000ULL + 0x1000 * (n))
#define OFFSET(s)  (16 + 72 * (s) + 48)
#define GROUP_EXIT 4

/* An entry's memory: counts of references, and payload of slot 0. */
static void entry_is(__u64 at, __u64 strong, __u64 bytes, __u64 frames, __u64 groups)
{
	__u64 memory[38] = { strong, 1 };

	memory[OFFSET(0) / 8] = bytes;
	memory[OFFSET(0) / 8 + 1] = frames;
	memory[OFFSET(0) / 8 + 2] = groups;
	host_memory_put(at, memory, sizeof(memory));
}

static void can_read(void)
{
	__u32 slot;

	readable = 1;
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++)
		read_offsets[slot] = OFFSET(slot);
}

static const struct moqstat_reading *reading_of(__u64 incarnation)
{
	return host_map_get("readings", &incarnation, 0);
}

static void assert_last(const struct moqstat_reading *r, __u64 bytes, __u64 frames, __u64 groups)
{
	assert_non_null(r);
	assert_int_equal(r->last[0][0], bytes);
	assert_int_equal(r->last[0][1], frames);
	assert_int_equal(r->last[0][2], groups);
}

static void openings_and_closings(void **state)
{
	const struct moqstat_reading *r;
	struct moqstat_id id;

	(void)state;
	can_read();
	scene_new(E(0), "a");
	id = scene_id("a", 0);
	scene_bump(AT_OPEN, E(0));
	scene_bump(AT_TRACK, E(0));
	scene_bump(AT_TRACK, E(0));
	r = reading_of(id.incarnation);
	assert_non_null(r);
	assert_int_equal(r->entry, E(0));
	assert_int_equal(r->opened, 3);
	assert_int_equal(r->closed, 0);
	entry_is(E(0), 4, 23, 7, 3);
	scene_bump(AT_TRACK_CLOSE, E(0));
	assert_last(r, 23, 7, 3);
	/* Only guards of tracks count payload. */
	entry_is(E(0), 3, 29, 11, 5);
	scene_bump(AT_CLOSE, E(0));
	assert_int_equal(r->closed, 2);
	assert_last(r, 23, 7, 3);
	scene_bump(AT_TRACK_CLOSE, E(0));
	assert_int_equal(r->closed, 3);
	assert_last(r, 29, 11, 5);
	scene_assert_lost(0, 0);
}

/* Nothing is noted where it isn't asked for. */
static void not_where_it_cant_be_read(void **state)
{
	(void)state;
	scene_new(E(0), "a");
	scene_bump(AT_TRACK, E(0));
	scene_bump(AT_TRACK_CLOSE, E(0));
	assert_int_equal(host_map_len("readings"), 0);
	scene_assert_lost(0, 0);
}

static struct moqstat_reading *raced;

/* Another thread closes at the same time, and has seen more. */
static void another_is_faster(const char *map, bool updates)
{
	(void)updates;
	if (raced && !strcmp(map, "readings"))
		raced->last[0][0] = 1000;
}

static void the_highest_stays(void **state)
{
	struct moqstat_id id;

	(void)state;
	can_read();
	scene_new(E(0), "a");
	id = scene_id("a", 0);
	scene_bump(AT_TRACK, E(0));
	scene_bump(AT_TRACK, E(0));
	entry_is(E(0), 3, 23, 7, 3);
	raced = (struct moqstat_reading *)reading_of(id.incarnation);
	host.meanwhile = another_is_faster;
	scene_bump(AT_TRACK_CLOSE, E(0));
	host.meanwhile = NULL;
	raced = NULL;
	assert_last(reading_of(id.incarnation), 1000, 7, 3);
}

/* Noted before the close is: whoever sees it closed sees what it had counted. */
static __u64 closed_when_noted;

static void look_at_counts(const char *map, bool updates)
{
	struct moqstat_id id = scene_id("a", 0);
	const struct moqstat_reading *r = reading_of(id.incarnation);

	(void)updates;
	if (!strcmp(map, "closed") && r && r->last[0][0] == 23)
		closed_when_noted = r->closed;
}

static void noted_before_the_close(void **state)
{
	(void)state;
	can_read();
	closed_when_noted = 99;
	scene_new(E(0), "a");
	scene_bump(AT_TRACK, E(0));
	entry_is(E(0), 3, 23, 7, 3);
	host.meanwhile = look_at_counts;
	scene_bump(AT_TRACK_CLOSE, E(0));
	host.meanwhile = NULL;
	assert_int_equal(closed_when_noted, 1);
}

static void what_cant_be_read_is_told(void **state)
{
	struct moqstat_id id;

	(void)state;
	can_read();
	scene_new(E(0), "a");
	id = scene_id("a", 0);
	scene_bump(AT_TRACK, E(0));
	scene_bump(AT_TRACK_CLOSE, E(0));
	scene_assert_lost(MOQSTAT_LOST_COUNTERS_UNREAD, 1);
	assert_int_equal(reading_of(id.incarnation)->closed, 1);
}

static void no_room_is_told(void **state)
{
	(void)state;
	can_read();
	host_map_limit("readings", 1);
	scene_new(E(0), "a");
	scene_bump(AT_TRACK, E(0));
	scene_new(E(1), "b");
	scene_bump(AT_TRACK, E(1));
	scene_assert_lost(MOQSTAT_LOST_READINGS_FULL, 1);
	assert_int_equal(scene_counted("b", MOQSTAT_SUBSCRIPTIONS), 1);
}

/* Those in the overflow share a row, but not their readings; nor does a new one at the same
 * address share that of the old one. */
static void each_of_the_overflow(void **state)
{
	struct moqstat_id over = scene_overflow(0), first, second, again;

	(void)state;
	can_read();
	names_max = 0;
	scene_new(E(0), "a");
	scene_new(E(1), "b");
	first = scene_entry_id(E(0));
	second = scene_entry_id(E(1));
	assert_int_equal(first.hash, 0);
	assert_true(first.incarnation & MOQSTAT_LIFE);
	assert_int_not_equal(first.incarnation, second.incarnation);
	scene_bump(AT_TRACK, E(0));
	scene_bump(AT_TRACK, E(1));
	entry_is(E(0), 3, 23, 7, 3);
	scene_bump(AT_TRACK_CLOSE, E(0));
	assert_last(reading_of(first.incarnation), 23, 7, 3);
	assert_int_equal(scene_count(&over, 0, MOQSTAT_SUBSCRIPTIONS), 2);
	scene_new(E(0), "c");
	again = scene_entry_id(E(0));
	assert_int_not_equal(first.incarnation, again.incarnation);
	scene_bump(AT_TRACK, E(0));
	assert_last(reading_of(again.incarnation), 0, 0, 0);
	assert_last(reading_of(first.incarnation), 23, 7, 3);
	assert_int_equal(scene_count(&over, 0, MOQSTAT_SUBSCRIPTIONS), 3);
}

/* Once they are read, bumps of payload aren't counted. */
static void payload_is_left_alone(void **state)
{
	(void)state;
	can_read();
	scene_new(E(0), "a");
	scene_bump(AT_TRACK, E(0));
	scene_set(MOQSTAT_RCX, 5);
	scene_bump(AT_BYTES, E(0));
	assert_int_equal(scene_counted("a", MOQSTAT_BYTES), 5);
	reading = 1;
	scene_bump(AT_BYTES, E(0));
	scene_bump(AT_TRACK, E(0));
	assert_int_equal(scene_counted("a", MOQSTAT_BYTES), 5);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 2);
	assert_int_equal(scene_hits(AT_BYTES), 1);
}

/* When the relay ends, each entry that is held is read once more. */
static void the_last_look(void **state)
{
	__u64 last[2] = { 0, 1 }, hold_old[3] = { 77, E(2), 2 };
	struct moqstat_id a, b;

	(void)state;
	can_read();
	scene_new(E(0), "a");
	scene_new(E(1), "b");
	a = scene_id("a", 0);
	b = scene_id("b", 0);
	scene_bump(AT_TRACK, E(0));
	scene_bump(AT_TRACK, E(1));
	entry_is(E(1), 3, 29, 11, 5);
	scene_bump(AT_TRACK_CLOSE, E(1));
	entry_is(E(0), 3, 23, 7, 3);
	entry_is(E(1), 3, 1000, 1000, 1000);
	/* One whose guards were open before the probes. */
	assert_int_equal(hold(hold_old), 0);
	entry_is(E(2), 3, 31, 13, 2);
	/* Not for another process, nor for a thread that isn't the last. */
	scene_thread(1, 1);
	assert_int_equal(ended(last), 0);
	scene_thread(SCENE_TGID, SCENE_THREAD);
	last[1] = 0;
	assert_int_equal(ended(last), 0);
	assert_int_equal(ending(NULL), 0);
	assert_last(reading_of(a.incarnation), 0, 0, 0);
	last[1] = 1;
	assert_int_equal(ended(last), 0);
	assert_last(reading_of(a.incarnation), 23, 7, 3);
	assert_last(reading_of(77), 31, 13, 2);
	/* What nobody holds may be anything by now. */
	assert_last(reading_of(b.incarnation), 29, 11, 5);
	/* On an older kernel. */
	entry_is(E(0), 3, 37, 17, 5);
	host.exiting = GROUP_EXIT;
	assert_int_equal(ending(NULL), 0);
	assert_last(reading_of(a.incarnation), 37, 17, 5);
	scene_assert_lost(0, 0);
}

/* Memory that is no entry's isn't taken for one. */
static void no_look_at_anything_else(void **state)
{
	__u64 last[2] = { 0, 1 };
	struct moqstat_id id;

	(void)state;
	can_read();
	scene_new(E(0), "a");
	id = scene_id("a", 0);
	scene_bump(AT_TRACK, E(0));
	entry_is(E(0), 1, 23, 7, 3);
	ended(last);
	assert_last(reading_of(id.incarnation), 0, 0, 0);
	scene_assert_lost(MOQSTAT_LOST_COUNTERS_UNREAD, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(openings_and_closings),
		scene_test(not_where_it_cant_be_read),
		scene_test(the_highest_stays),
		scene_test(noted_before_the_close),
		scene_test(what_cant_be_read_is_told),
		scene_test(no_room_is_told),
		scene_test(each_of_the_overflow),
		scene_test(payload_is_left_alone),
		scene_test(the_last_look),
		scene_test(no_look_at_anything_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
