/* SPDX-License-Identifier: MIT */
/*
 * test_payload.c - when the bytes at an entry's address are believed to be its counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "payload.h"

#define WORDS 38 /* of an entry, with its Arc's head */

/* Three guards were opened and one was closed, on two slots; payload is told apart by its place. */
struct fixture {
	const struct layout *layout;
	uint64_t words[WORDS];
	uint64_t before[2], after[2];
	__u64 payload[MOQSTAT_SLOT_SESSION][MOQSTAT_PAYLOAD_FIELDS];
};

static int setup(void **state)
{
	static struct fixture f;
	uint32_t slot, k;

	memset(&f, 0, sizeof(f));
	f.layout = layout_find("moq-net 0.1.8");
	f.words[0] = 3;
	f.words[1] = 1;
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		for (k = 0; k < MOQSTAT_PAYLOAD_FIELDS; k++)
			f.words[2 + 9 * slot + 6 + k] = 100 * (slot + 1) + k;
	}
	f.words[2] = 1;		/* publisher, external: announced */
	f.words[2 + 2] = 1;	/* subscriptions */
	f.words[2 + 9 + 4] = 1; /* publisher, internal: broadcasts */
	f.words[2 + 9 + 5] = 1; /* broadcasts_closed */
	f.before[0] = f.after[0] = 3;
	f.before[1] = f.after[1] = 1;
	*state = &f;
	return 0;
}

static bool believed(struct fixture *f)
{
	return payload_read(f->layout, f->before, f->after, (const uint8_t *)f->words, f->payload);
}

static void where_payload_lies(void **state)
{
	struct fixture *f = *state;
	static const enum moqstat_field other[] = {
		MOQSTAT_ANNOUNCED,
		MOQSTAT_ANNOUNCED_CLOSED,
		MOQSTAT_BYTES,
		MOQSTAT_SUBSCRIPTIONS,
		MOQSTAT_SUBSCRIPTIONS_CLOSED,
		MOQSTAT_BROADCASTS,
		MOQSTAT_FRAMES,
		MOQSTAT_GROUPS,
		MOQSTAT_BROADCASTS_CLOSED,
	};
	struct layout apart = *f->layout;
	uint32_t offsets[MOQSTAT_SLOT_SESSION];

	assert_true(payload_offsets(f->layout, offsets));
	assert_int_equal(offsets[0], 16 + 48);
	assert_int_equal(offsets[1], 16 + 72 + 48);
	assert_int_equal(offsets[3], 16 + 3 * 72 + 48);
	apart.memory = other;
	assert_false(payload_offsets(&apart, offsets));
	/* Nor where they don't fit. */
	apart = *f->layout;
	apart.stride = 64;
	assert_false(payload_offsets(&apart, offsets));
	/* Nor where an entry is of one tier: the slots are others. */
	apart = *f->layout;
	apart.tiers = 1;
	assert_false(payload_offsets(&apart, offsets));
}

static void an_entry_that_is_held(void **state)
{
	struct fixture *f = *state;
	uint32_t slot, k;

	assert_true(believed(f));
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		for (k = 0; k < MOQSTAT_PAYLOAD_FIELDS; k++)
			assert_int_equal(f->payload[slot][k], 100 * (slot + 1) + k);
	}
}

/* More is opened and closed while it is read. */
static void an_entry_that_is_busy(void **state)
{
	struct fixture *f = *state;

	f->after[0] = 7;
	f->after[1] = 2;
	assert_true(believed(f));
	f->words[2 + 2] += 4;
	assert_true(believed(f));
	f->words[2 + 2]++;
	assert_false(believed(f));
}

/* All guards that were open before may have been let go: its memory may be anyone's. */
static void an_entry_let_go_meanwhile(void **state)
{
	struct fixture *f = *state;

	f->after[0] = 9;
	f->after[1] = 3;
	assert_false(believed(f));
	f->after[1] = 2;
	assert_true(believed(f));
	f->before[1] = f->after[1] = 3;
	assert_false(believed(f));
	f->after[1] = 4;
	assert_false(believed(f));
}

/* Should our counts be wrong, the memory isn't the entry's, or is told so by what is there. */
static void memory_of_something_else(void **state)
{
	struct fixture *f = *state;
	uint64_t words[WORDS];

	memcpy(words, f->words, sizeof(words));
	f->words[0] = 1; /* only the table's */
	assert_false(believed(f));
	f->words[0] = 0x7f0012345678; /* a free list's */
	assert_false(believed(f));
	memcpy(f->words, words, sizeof(words));
	f->words[1] = 0x1234567890abcdef;
	assert_false(believed(f));
	memset(f->words, 0, sizeof(f->words));
	assert_false(believed(f));
	f->words[0] = 3;
	f->words[1] = 1;
	assert_false(believed(f)); /* a new entry */
	memcpy(f->words, words, sizeof(words));
	f->words[2 + 9 + 5] = 2; /* a close that no probe has seen */
	assert_false(believed(f));
	memcpy(f->words, words, sizeof(words));
	f->words[2] = 0; /* an opening that it hasn't made */
	assert_false(believed(f));
}

/* It tells of each of them, and of nothing else. */
static void the_sum(void **state)
{
	struct fixture *f = *state;
	uint32_t offsets[MOQSTAT_SLOT_SESSION];
	uint64_t was;
	size_t i;

	assert_true(payload_offsets(f->layout, offsets));
	was = payload_sum(offsets, (const uint8_t *)f->words);
	for (i = 0; i < WORDS; i++) {
		f->words[i]++;
		assert_int_equal(payload_sum(offsets, (const uint8_t *)f->words) - was,
				 i >= 2 && (i - 2) % 9 >= 6);
		f->words[i]--;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(where_payload_lies, setup),
		cmocka_unit_test_setup(an_entry_that_is_held, setup),
		cmocka_unit_test_setup(an_entry_that_is_busy, setup),
		cmocka_unit_test_setup(an_entry_let_go_meanwhile, setup),
		cmocka_unit_test_setup(memory_of_something_else, setup),
		cmocka_unit_test_setup(the_sum, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
