/* SPDX-License-Identifier: MIT */
/*
 * test_changed.c - that each reading of the counters is told where something was added since the
 * last one: what wasn't told would not be read.
 */
#include "scene.h"

#define E(n) (0x7f0000001000ULL + 0x100 * (n))

static void assert_told(__u32 told, const char *path, __u32 slot)
{
	struct moqstat_id id = scene_id(path, 0);

	assert_int_equal(host.told, told);
	assert_memory_equal(&host.last.id, &id, sizeof(id));
	assert_int_equal(host.last.slot, slot);
}

/* Once for each reading, of opens and of closes apart. */
static void each_reading_is_told_once(void **state)
{
	__u32 i;

	(void)state;
	scene_new(E(0), "a");
	scene_new(E(1), "b");
	assert_int_equal(host.told, 0);
	for (i = 0; i < 3; i++)
		scene_bump(AT_OPEN, E(0));
	assert_told(1, "a", 0);
	scene_bump(AT_BYTES, E(0));
	assert_told(1, "a", 0);
	scene_bump(AT_CLOSE, E(0));
	scene_bump(AT_CLOSE, E(0));
	assert_told(2, "a", 0);
	scene_bump(AT_BYTES, E(1));
	assert_told(3, "b", 0);
	reading_next++;
	assert_int_equal(host.told, 3);
	scene_bump(AT_BYTES, E(0));
	assert_told(4, "a", 0);
	scene_bump(AT_BYTES, E(0));
	assert_told(4, "a", 0);
	scene_bump(AT_CLOSE, E(1));
	assert_told(5, "b", 0);
	scene_set(MOQSTAT_R8, 1);
	scene_bump(AT_BYTES, E(1));
	assert_told(6, "b", 1);
	assert_int_equal(changed_full, 0);
}

/* Each CPU has marks of its own. */
static void each_cpu_tells(void **state)
{
	(void)state;
	scene_new(E(0), "a");
	scene_bump(AT_OPEN, E(0));
	host.cpu = 1;
	scene_bump(AT_BYTES, E(0));
	scene_bump(AT_BYTES, E(0));
	assert_told(2, "a", 0);
	host.cpu = 0;
	scene_bump(AT_BYTES, E(0));
	assert_told(2, "a", 0);
}

/* What can't be told leaves word that everything is to be read. The mark is no count. */
static void no_room_is_told(void **state)
{
	struct moqstat_id id;

	(void)state;
	host.room = 1;
	scene_new(E(0), "a");
	scene_new(E(1), "b");
	scene_bump(AT_OPEN, E(0));
	assert_int_equal(changed_full, 0);
	scene_bump(AT_OPEN, E(1));
	assert_int_equal(changed_full, 1);
	id = scene_id("b", 0);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_BROADCASTS), 1);
}

/* What has no room for counters is told of as what it is counted as. */
static void overflow_is_told(void **state)
{
	struct moqstat_id over = scene_overflow(0);

	(void)state;
	names_max = 0;
	scene_new(E(0), "a");
	scene_bump(AT_OPEN, E(0));
	assert_int_equal(host.told, 1);
	assert_memory_equal(&host.last.id, &over, sizeof(over));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(each_reading_is_told_once),
		scene_test(each_cpu_tells),
		scene_test(no_room_is_told),
		scene_test(overflow_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
