/* SPDX-License-Identifier: MIT */
/*
 * test_hold.c - is an entry still the relay's? Entries lie in this process' own memory, and what
 * comes to lie there after them is as it was seen beside a real relay.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "hold.h"
#include "inventory.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* An Arc, and as many counters of each role. */
#define WORDS		  34
#define ROLE(role, field) (2 + (role) * 16 + (field))

/* In the order of the relay's memory. */
enum word {
	STARTED = 4,
	ENDED,
	ANNOUNCED_BYTES,
	SUBSCRIPTIONS,
	SUBSCRIPTIONS_ENDED,
	BYTES = 12,
	FRAMES,
	GROUPS,
};

struct fixture {
	struct target target;
	struct layout layout;
	struct incarnations known;
	struct counts counts;
	struct hold hold;
	uint64_t *entry;
	struct incarnation *in;
};

/* Let the counts be those that lie there. */
static void counted(struct fixture *f)
{
	memset(f->in->counts, 0, sizeof(f->in->counts));
	inventory_counts(&f->layout, 0, (const uint8_t *)f->entry, f->in->counts);
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct moqstat_name name = { .len = 1, .path = "a" };
	const struct moqstat_id id = { .hash = 1, .tgid = 7, .incarnation = 1 };

	*state = f;
	f->layout = *layout_find("moq-net 0.3.18");
	f->target.pid = getpid();
	f->entry = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->entry, MAP_FAILED);
	assert_int_equal(inventory_size(&f->layout, 0), WORDS * sizeof(*f->entry));
	name.entry = (uintptr_t)f->entry;
	assert_int_equal(incarnations_add(&f->known, &id, &name, &f->in), 0);
	incarnations_settle(&f->known);
	f->in->based = true;
	f->hold = (struct hold){
		.target = &f->target, .layout = &f->layout, .known = &f->known, .counts = &f->counts
	};
	f->entry[0] = 1;
	f->entry[1] = 1;
	f->entry[ROLE(0, STARTED)] = 5;
	f->entry[ROLE(0, ENDED)] = 5;
	f->entry[ROLE(0, ANNOUNCED_BYTES)] = 28;
	f->entry[ROLE(1, STARTED)] = 1;
	f->entry[ROLE(1, ENDED)] = 1;
	f->entry[ROLE(1, ANNOUNCED_BYTES)] = 8;
	counted(f);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	munmap(f->entry, 4096);
	incarnations_deinit(&f->known);
	free(f->counts.changes.keys);
	test_free(f);
	return 0;
}

static bool held(struct fixture *f)
{
	assert_int_equal(hold_check(&f->hold), 0);
	return f->in->held;
}

static void what_lies_there_is_held(void **state)
{
	struct fixture *f = *state;

	assert_true(held(f));
	f->entry[0] = 7;
	assert_true(held(f));
	assert_int_equal(f->counts.changes.len, 0);
}

static void what_is_freed_is_not(void **state)
{
	static const uint64_t heads[][2] = {
		{ 0, 0 },	  { 0, 1 }, { 1, 0 }, { 1, 2 }, { 0x7fa1d005e470, 0x32a5d1eee3 },
		{ UINT32_MAX, 1 }
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < LEN(heads); i++) {
		memcpy(f->entry, heads[i], sizeof(heads[i]));
		f->counts.changes.len = 0;
		f->in->held = true;
		assert_false(held(f));
		/* Once more, and then no more. */
		assert_int_equal(f->counts.changes.len, MOQSTAT_SLOT_SESSION);
		assert_false(held(f));
		assert_int_equal(f->counts.changes.len, MOQSTAT_SLOT_SESSION);
	}
}

/* A channel's block, which has been seen where an entry was. */
static void another_object_is_not(void **state)
{
	static const uint64_t other[WORDS] = { 2,
					       0x1,
					       0x0,
					       0x1,
					       0x1,
					       0x4,
					       0x7fa1d005e470,
					       0x0,
					       0x1,
					       0x8000000000000036,
					       0x7fa1d58e93f0,
					       0x7fa1c80388d0,
					       0x15,
					       0xb,
					       0x55f21f583140,
					       0x7fa1c8002f90,
					       0xba5,
					       0x700,
					       0x0,
					       0x7fa1d58e95e0,
					       0x0,
					       0xb,
					       0x0,
					       0x1,
					       0x1,
					       0x7cd,
					       0x3e8,
					       0x32a5d1eee3,
					       0x3e8,
					       0x32a5d1eee3,
					       0x6,
					       0x1,
					       0x6,
					       0x2 };
	struct fixture *f = *state;

	memcpy(f->entry, other, sizeof(other));
	assert_false(held(f));
}

static void zeros_behind_a_head_are_not(void **state)
{
	struct fixture *f = *state;

	memset(f->entry + 2, 0, (WORDS - 2) * sizeof(*f->entry));
	assert_false(held(f));
}

/* Of three numbers nobody can say that they aren't just late. */
static void a_few_that_lag_are_held(void **state)
{
	struct fixture *f = *state;

	f->entry[ROLE(0, ENDED)]--;
	f->entry[ROLE(1, ENDED)]--;
	f->entry[ROLE(1, ANNOUNCED_BYTES)] -= 1;
	assert_true(held(f));
	f->entry[ROLE(1, STARTED)]--;
	assert_false(held(f));
}

/* Lost, or not probed. */
static void many_that_are_ahead_are_held(void **state)
{
	struct fixture *f = *state;
	unsigned int role;

	for (role = 0; role < 2; role++) {
		f->entry[ROLE(role, STARTED)] += 3;
		f->entry[ROLE(role, SUBSCRIPTIONS)] += 9;
		f->entry[ROLE(role, BYTES)] += 1ULL << 44;
		f->entry[ROLE(role, FRAMES)] += 1000000;
		f->entry[ROLE(role, GROUPS)] += 1000;
	}
	assert_true(held(f));
	f->entry[ROLE(1, BYTES)] = 1ULL << 45;
	assert_false(held(f));
}

/* What isn't counted may be anything. */
static void what_is_not_counted_is_not_looked_at(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	for (i = 0; i < 4; i++)
		f->entry[ROLE(0, i)] = f->entry[ROLE(1, i)] = UINT64_MAX - i;
	assert_true(held(f));
}

static void what_was_before_the_probes_is_added(void **state)
{
	struct fixture *f = *state;

	/* All of it, and what was bumped between the two is taken off. */
	memcpy(f->in->base, f->in->counts, sizeof(f->in->base));
	memset(f->in->counts, 0, sizeof(f->in->counts));
	f->in->base[0][MOQSTAT_ANNOUNCED] = (uint64_t)-2;
	f->in->counts[0][MOQSTAT_ANNOUNCED] = 7;
	assert_true(held(f));
	memset(f->in->base, 0, sizeof(f->in->base));
	memset(f->entry + 2, 0, (WORDS - 2) * sizeof(*f->entry));
	f->in->counts[0][MOQSTAT_ANNOUNCED_CLOSED] = 7;
	f->in->base[1][MOQSTAT_BYTES] = 1;
	f->in->base[1][MOQSTAT_FRAMES] = 1;
	assert_false(held(f));
}

/* Where something is open, or what was before isn't known, the head alone tells. */
static void some_cannot_be_asked(void **state)
{
	struct fixture *f = *state;

	memset(f->entry + 2, 0, (WORDS - 2) * sizeof(*f->entry));
	f->in->counts[0][MOQSTAT_SUBSCRIPTIONS]++;
	assert_true(held(f));
	f->in->counts[0][MOQSTAT_SUBSCRIPTIONS]--;
	f->in->based = false;
	assert_true(held(f));
	f->in->based = true;
	assert_false(held(f));
}

static void what_is_superseded_is_not_held(void **state)
{
	struct fixture *f = *state;

	f->in->superseded = true;
	assert_false(held(f));
}

static void what_cannot_be_read_is_not_held(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mprotect(f->entry, 4096, PROT_NONE), 0);
	assert_false(held(f));
}

/* Short of the last one, that of the counters, they are taken for what they were. */
static void short_memory(void **state)
{
	struct fixture *f = *state;
	size_t n;
	bool failed;
	int err;

	if (!alloc_fail_works())
		skip();
	memset(f->entry + 2, 0, (WORDS - 2) * sizeof(*f->entry));
	for (n = 1; n <= 5; n++) {
		alloc_fail_arm(n);
		err = hold_check(&f->hold);
		failed = alloc_fail_disarm();
		assert_true(failed);
		assert_int_equal(err, n < 5 ? -ENOMEM : 0);
		assert_true(f->in->held);
	}
	assert_false(held(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		T(what_lies_there_is_held),
		T(what_is_freed_is_not),
		T(another_object_is_not),
		T(zeros_behind_a_head_are_not),
		T(a_few_that_lag_are_held),
		T(many_that_are_ahead_are_held),
		T(what_is_not_counted_is_not_looked_at),
		T(what_was_before_the_probes_is_added),
		T(some_cannot_be_asked),
		T(what_is_superseded_is_not_held),
		T(what_cannot_be_read_is_not_held),
		T(short_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
