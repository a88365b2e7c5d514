/* SPDX-License-Identifier: MIT */
/*
 * test_inventory.c - the relay's tables, as this process has them in its own memory: whole,
 * hostile, and changing while they are read.
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
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "inventory.h"
#include "relay_memory.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE	   4096

struct fixture {
	struct target target;
	struct layout layout;
	struct relay_memory relay;
	struct inventory inventory;
	uint8_t *page; /* the next one can't be read */
};

/* What to change in between: a byte, before the n-th time that something is read. */
static struct {
	const void *read;
	unsigned int nth; /* from 1; 0: never */
	uint8_t *at;
	uint8_t value;
} meanwhile;

/* Stands in for libc's. */
ssize_t process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_len,
			 const struct iovec *remote, unsigned long remote_len, unsigned long flags)
{
	if (meanwhile.nth && remote[0].iov_base == meanwhile.read && --meanwhile.nth == 0)
		*meanwhile.at = meanwhile.value;
	return syscall(SYS_process_vm_readv, pid, local, local_len, remote, remote_len, flags);
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	f->layout = *layout_find("moq-net 0.1.8");
	relay_memory_init(&f->relay, 8);
	f->page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->page == MAP_FAILED || mprotect(f->page + PAGE, PAGE, PROT_NONE))
		return -1;
	return target_init(getpid(), &f->target);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	memset(&meanwhile, 0, sizeof(meanwhile));
	inventory_deinit(&f->inventory);
	relay_memory_deinit(&f->relay);
	munmap(f->page, 2 * PAGE);
	target_deinit(&f->target);
	test_free(f);
	return 0;
}

static int walk(struct fixture *f)
{
	inventory_deinit(&f->inventory);
	return inventory_read(&f->target, &f->layout, (uintptr_t)f->relay.shared, &f->inventory);
}

/* All that is refused leaves what the caller has as it was. */
static void assert_refused(struct fixture *f, int expected)
{
	struct inventory out = { .len = 123, .skipped = 456 };

	assert_int_equal(inventory_read(&f->target, &f->layout, (uintptr_t)f->relay.shared, &out),
			 expected);
	assert_null(out.items);
	assert_int_equal(out.len, 123);
	assert_int_equal(out.skipped, 456);
}

static void assert_item(const struct inventory_item *item, const char *path, uint32_t slot,
			const struct relay_arc *arc)
{
	assert_int_equal(item->len, strlen(path));
	assert_memory_equal(item->path, path, strlen(path));
	assert_int_equal(item->slot, slot);
	assert_int_equal(item->entry, (uintptr_t)arc);
}

static void empty_tables_have_nothing(void **state)
{
	struct fixture *f = *state;
	size_t i;

	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 0);
	/* Those that never held anything have no memory of their own. */
	for (i = 0; i < RELAY_TABLES; i++) {
		f->relay.tables[i].mask = 0;
		f->relay.tables[i].control = (uint8_t *)16;
	}
	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 0);
	inventory_deinit(NULL);
}

static void tables_are_walked_in_order(void **state)
{
	struct fixture *f = *state;
	struct relay_arc *arcs[5];

	/* The first bucket and the last. */
	arcs[0] = relay_memory_put(&f->relay, 0, 0, "room/a");
	arcs[1] = relay_memory_put(&f->relay, 0, 7, "room/\xf0\x9f\x98\x80");
	arcs[2] = relay_memory_put(&f->relay, 1, 3, "root");
	arcs[3] = relay_memory_put(&f->relay, 2, 4, "root");
	arcs[4] = relay_memory_put(&f->relay, 2, 5, "");
	/* A String without a byte points nowhere. */
	relay_memory_bucket(&f->relay, 2, 5)->text = (const char *)1;
	/* Deleted is not in use. */
	f->relay.tables[0].control[2] = 0x80;
	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 5);
	assert_int_equal(f->inventory.skipped, 0);
	assert_item(&f->inventory.items[0], "room/a", 0, arcs[0]);
	assert_item(&f->inventory.items[1], "room/\xf0\x9f\x98\x80", 0, arcs[1]);
	assert_item(&f->inventory.items[2], "root", MOQSTAT_SLOT_SESSION, arcs[2]);
	assert_item(&f->inventory.items[3], "root", MOQSTAT_SLOT_SESSION + 1, arcs[3]);
	assert_item(&f->inventory.items[4], "", MOQSTAT_SLOT_SESSION + 1, arcs[4]);
}

static void full_table_of_many(void **state)
{
	struct fixture *f = *state;
	char paths[64][16];
	size_t i;

	relay_memory_deinit(&f->relay);
	relay_memory_init(&f->relay, 64);
	for (i = 0; i < 64; i++) {
		snprintf(paths[i], sizeof(paths[i]), "room/%zu", i);
		relay_memory_put(&f->relay, 0, i, paths[i]);
	}
	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 64);
	for (i = 0; i < 64; i++)
		assert_item(&f->inventory.items[i], paths[i], 0, &f->relay.arcs[i]);
}

static void long_paths_are_left_out(void **state)
{
	char *path = test_calloc(1, MOQSTAT_PATH_MAX + 2);
	struct fixture *f = *state;

	memset(path, 'p', MOQSTAT_PATH_MAX + 1);
	relay_memory_put(&f->relay, 0, 1, path);
	relay_memory_put(&f->relay, 0, 2, path);
	relay_memory_put(&f->relay, 0, 3, path);
	relay_memory_bucket(&f->relay, 0, 2)->len = MOQSTAT_PATH_MAX;
	relay_memory_bucket(&f->relay, 0, 3)->len = (1ULL << 32) + 3;
	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 1);
	assert_int_equal(f->inventory.items[0].len, MOQSTAT_PATH_MAX);
	assert_memory_equal(f->inventory.items[0].path, path, MOQSTAT_PATH_MAX);
	assert_int_equal(f->inventory.skipped, 2);
	test_free(path);
}

/* What is no table of hashbrown's is none of the relay's. */
static void impossible_tables_are_refused(void **state)
{
	static const struct {
		uint64_t mask, items;
	} cases[] = {
		{ 5, 1 },
		{ 6, 0 },
		{ 8, 1 },
		{ 7, 9 },
		{ 7, UINT64_MAX },
		{ 0, 2 },
		{ UINT64_MAX, 1 },
		{ UINT64_MAX, 0 },
		{ UINT64_MAX >> 1, 1 },
		{ (1 << 21) - 1, 1 },
		{ (1ULL << 32) - 1, 0 },
	};
	struct fixture *f = *state;
	size_t i, table;

	relay_memory_put(&f->relay, 0, 1, "a");
	relay_memory_put(&f->relay, 1, 1, "b");
	relay_memory_put(&f->relay, 2, 1, "c");
	for (table = 0; table < RELAY_TABLES; table++) {
		struct relay_table *t = &f->relay.tables[table], before = *t;

		for (i = 0; i < LEN(cases); i++) {
			t->mask = cases[i].mask;
			t->items = cases[i].items;
			assert_refused(f, -EBADMSG);
		}
		*t = before;
	}
	f->layout.bucket = 0x28;
	assert_refused(f, -EBADMSG);
	f->layout.bucket = 0x20;
	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 3);
}

/* A number of items that its control bytes don't bear out: it is being changed. */
static void miscounted_tables_are_for_later(void **state)
{
	struct fixture *f = *state;
	struct relay_table *table = &f->relay.tables[0];

	relay_memory_put(&f->relay, 0, 1, "a");
	relay_memory_put(&f->relay, 0, 2, "b");
	for (table->items = 1; table->items <= 8; table->items++) {
		if (table->items != 2)
			assert_refused(f, -EAGAIN);
	}
	table->items = 2;
	assert_int_equal(walk(f), 0);
}

static void unreadable_memory_is_refused(void **state)
{
	struct fixture *f = *state;
	struct relay_table *table = &f->relay.tables[2];
	uint8_t *control = table->control;
	struct relay_bucket *bucket, before;

	relay_memory_put(&f->relay, 0, 1, "a");
	relay_memory_put(&f->relay, 2, 1, "b");
	bucket = relay_memory_bucket(&f->relay, 2, 1);
	before = *bucket;
	assert_int_equal(inventory_read(&f->target, &f->layout, 0, &f->inventory), -EBADMSG);
	assert_int_equal(inventory_read(&f->target, &f->layout, UINT64_MAX, &f->inventory),
			 -EBADMSG);

	f->relay.pointers[2] = NULL;
	assert_refused(f, -EBADMSG);
	f->relay.pointers[2] = (struct relay_table *)(f->page + PAGE - 16);
	assert_refused(f, -EBADMSG);
	f->relay.pointers[2] = table;

	/* Buckets may be readable and control bytes not, or none of them; or they lie where no
	 * address is. */
	table->control = f->page + PAGE;
	assert_refused(f, -EBADMSG);
	table->control = f->page + 2 * PAGE;
	assert_refused(f, -EBADMSG);
	table->control = NULL;
	assert_refused(f, -EBADMSG);
	table->control = (uint8_t *)UINTPTR_MAX;
	assert_refused(f, -EBADMSG);
	table->control = control;

	bucket->text = NULL;
	assert_refused(f, -EBADMSG);
	memset(f->page, 'x', PAGE);
	bucket->text = (const char *)f->page + PAGE - 5;
	bucket->len = 6;
	assert_refused(f, -EBADMSG);
	bucket->len = 5;
	assert_int_equal(walk(f), 0);
	assert_item(&f->inventory.items[1], "xxxxx", MOQSTAT_SLOT_SESSION + 1, before.arc);
	*bucket = before;

	bucket->arc = f->page + PAGE;
	assert_refused(f, -EBADMSG);
	bucket->arc = f->page + PAGE - 8;
	assert_refused(f, -EBADMSG);
	*bucket = before;
	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 2);
}

static void dead_entries_are_for_later(void **state)
{
	static const struct inventory_arc dead[] = {
		{ 0, 1 },	   { 0, 0 },
		{ 2, 0 },	   { 2, 2 },
		{ 2, UINT64_MAX }, { UINT32_MAX, 1 },
		{ 1ULL << 40, 1 }, { 0x5581f4a3, 0x9d1c3b7a66e0f215 },
	};
	static const struct inventory_arc alive[] = { { 1, 1 },
						      { 1000, 1 },
						      { UINT32_MAX - 1, 1 } };
	struct fixture *f = *state;
	struct relay_arc *arc = relay_memory_put(&f->relay, 0, 6, "a");
	size_t i;

	for (i = 0; i < LEN(dead); i++) {
		assert_false(inventory_arc_alive(&dead[i]));
		memcpy(arc, &dead[i], sizeof(dead[i]));
		assert_refused(f, -EAGAIN);
	}
	for (i = 0; i < LEN(alive); i++) {
		assert_true(inventory_arc_alive(&alive[i]));
		memcpy(arc, &alive[i], sizeof(alive[i]));
		assert_int_equal(walk(f), 0);
		assert_int_equal(f->inventory.len, 1);
	}
}

/* The relay's paths are Strings: anything else was read in the middle of a change. */
static void what_is_no_text_is_for_later(void **state)
{
	static const char *const paths[] = { "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80" };
	struct fixture *f = *state;
	size_t i;

	relay_memory_put(&f->relay, 1, 0, "");
	for (i = 0; i < LEN(paths); i++) {
		relay_memory_bucket(&f->relay, 1, 0)->text = paths[i];
		relay_memory_bucket(&f->relay, 1, 0)->len = strlen(paths[i]);
		assert_refused(f, -EAGAIN);
	}
}

/* Each part of a table changes once, between its two readings. */
static void changing_tables_are_for_later(void **state)
{
	struct fixture *f = *state;
	struct relay_table *table = &f->relay.tables[1];
	uint8_t *start = table->control - 8 * sizeof(struct relay_bucket);
	const struct {
		void *read;
		void *at;
	} cases[] = {
		{ start, start },	       /* a bucket not in use */
		{ start, table->control },     /* it is taken into use */
		{ start, table->control + 6 }, /* one in use goes */
		{ start, (uint8_t *)&relay_memory_bucket(&f->relay, 1, 6)->arc + 7 },
		{ &table->control, &table->growth_left },
		{ &table->control, &table->items },
		{ &table->control, &table->mask },
		{ &table->control, &table->control },
	};
	size_t i;

	relay_memory_put(&f->relay, 1, 6, "a");
	for (i = 0; i < LEN(cases); i++) {
		uint8_t *at = cases[i].at, before = *at;

		meanwhile.read = cases[i].read;
		meanwhile.nth = 2;
		meanwhile.at = at;
		meanwhile.value = before ^ 0x80;
		assert_refused(f, -EAGAIN);
		assert_int_equal(meanwhile.nth, 0);
		*at = before;
		assert_int_equal(walk(f), 0);
		assert_int_equal(f->inventory.len, 1);
	}
}

static void short_memory_is_told(void **state)
{
	struct fixture *f = *state;
	size_t n;
	int err;

	relay_memory_put(&f->relay, 0, 0, "a");
	relay_memory_put(&f->relay, 0, 1, "b");
	relay_memory_put(&f->relay, 2, 1, "c");
	assert_true(alloc_fail_works());
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		err = walk(f);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(f->inventory.items);
	}
	/* A copy of each of two tables, three paths, one list. */
	assert_int_equal(n, 1 + 2 + 3 + 1);
	assert_int_equal(err, 0);
	assert_int_equal(f->inventory.len, 3);
}

/* Where 0.1.8 has each of its counters, written down once more from its source. */
static void counters_lie_where_the_relay_has_them(void **state)
{
	static const enum moqstat_field order[] = {
		MOQSTAT_ANNOUNCED,     MOQSTAT_ANNOUNCED_CLOSED,
		MOQSTAT_SUBSCRIPTIONS, MOQSTAT_SUBSCRIPTIONS_CLOSED,
		MOQSTAT_BROADCASTS,    MOQSTAT_BROADCASTS_CLOSED,
		MOQSTAT_BYTES,	       MOQSTAT_FRAMES,
		MOQSTAT_GROUPS,
	};
	uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX];
	uint8_t bytes[304], expected[8];
	struct fixture *f = *state;
	size_t role, tier, field, i;

	assert_int_equal(inventory_size(&f->layout, 0), sizeof(bytes));
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 37);
	memset(counts, 0xa5, sizeof(counts));
	inventory_counts(&f->layout, 0, bytes, counts);
	for (role = 0; role < 2; role++) {
		for (tier = 0; tier < 2; tier++) {
			const uint64_t *slot = counts[role * 2 + tier];

			for (field = 0; field < LEN(order); field++) {
				memcpy(expected, bytes + 16 + role * 144 + tier * 72 + field * 8,
				       8);
				assert_memory_equal(&slot[order[field]], expected, 8);
			}
			/* Not in this release. */
			assert_int_equal(slot[MOQSTAT_ANNOUNCED_BYTES], 0xa5a5a5a5a5a5a5a5);
		}
	}
	for (i = MOQSTAT_SLOT_SESSION; i < MOQSTAT_SLOT_MAX; i++) {
		for (field = 0; field < MOQSTAT_FIELD_MAX; field++)
			assert_int_equal(counts[i][field], 0xa5a5a5a5a5a5a5a5);
	}
}

/* Where tiers are labels, an entry is of one, and the other slot of each role has none. */
static void counters_of_one_tier(void **state)
{
	uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX] = { { 0 } };
	uint64_t expected[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX] = { { 0 } };
	struct fixture *f = *state;
	uint64_t words[2 + 2 * 9];
	size_t role, i;

	f->layout.tiers = 1;
	assert_int_equal(inventory_size(&f->layout, 0), sizeof(words));
	for (i = 0; i < LEN(words); i++)
		words[i] = 1000 + i;
	inventory_counts(&f->layout, 0, (const uint8_t *)words, counts);
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (i = 0; i < 9; i++)
			expected[role * MOQSTAT_TIER_MAX][f->layout.memory[i]] =
				words[2 + role * 9 + i];
	}
	assert_memory_equal(counts, expected, sizeof(counts));
}

static void counters_of_sessions(void **state)
{
	const uint64_t bytes[] = { 2, 1, 77, 33 };
	uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX] = { { 0 } };
	uint64_t expected[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX] = { { 0 } };
	struct fixture *f = *state;

	assert_int_equal(inventory_size(&f->layout, MOQSTAT_SLOT_SESSION), sizeof(bytes));
	assert_int_equal(inventory_size(&f->layout, MOQSTAT_SLOT_SESSION + 1), sizeof(bytes));
	inventory_counts(&f->layout, MOQSTAT_SLOT_SESSION + 1, (const uint8_t *)bytes, counts);
	expected[MOQSTAT_SLOT_SESSION + 1][MOQSTAT_SESSIONS] = 77;
	expected[MOQSTAT_SLOT_SESSION + 1][MOQSTAT_SESSIONS_CLOSED] = 33;
	assert_memory_equal(counts, expected, sizeof(counts));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(empty_tables_have_nothing),
		TEST(tables_are_walked_in_order),
		TEST(full_table_of_many),
		TEST(long_paths_are_left_out),
		TEST(impossible_tables_are_refused),
		TEST(miscounted_tables_are_for_later),
		TEST(unreadable_memory_is_refused),
		TEST(dead_entries_are_for_later),
		TEST(what_is_no_text_is_for_later),
		TEST(changing_tables_are_for_later),
		TEST(short_memory_is_told),
		TEST(counters_lie_where_the_relay_has_them),
		TEST(counters_of_one_tier),
		TEST(counters_of_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
