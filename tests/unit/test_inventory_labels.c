/* SPDX-License-Identifier: MIT */
/*
 * test_inventory_labels.c - the tables of a relay whose tiers are labels, as this process has them
 * in its own memory: entries by path and label, roots by label and root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "inventory.h"

#define BUCKETS 8
#define PATHS	6

/* What moq-net 0.2.13 has, from its source. */
struct table {
	uint8_t *control;
	uint64_t mask, growth_left, items, keys[2];
};
struct locked {
	uint64_t strong, weak;
	uint32_t futex, poisoned;
	struct table table;
};
struct bucket {
	uint64_t path[3];
	void *arc;
};
struct roots_bucket {
	uint64_t label[3];
	struct table roots;
};
struct counters {
	uint64_t strong, weak, counts[24];
};
struct text {
	uint64_t strong, weak;
	char text[80];
};

/* A table's own memory: buckets, control bytes. */
struct room {
	uint8_t bytes[BUCKETS * sizeof(struct roots_bucket)];
	uint8_t control[BUCKETS + 16];
};

struct fixture {
	struct target target;
	struct layout layout;
	struct inventory inventory;
	struct {
		uint64_t strong, weak;
		struct locked *entries, *sessions;
	} shared;
	struct locked entries, sessions, paths[PATHS];
	struct counters counters[32];
	struct text texts[64];
	struct room rooms[2 + PATHS + 4];
	size_t paths_len, counters_len, texts_len, rooms_len;
};

/* What to change in between: a byte, before the n-th time that something is read. */
static struct {
	const void *read;
	unsigned int nth; /* from 1; 0: never */
	bool always;	  /* and each time from then on */
	uint8_t *at;
} meanwhile;

/* Stands in for libc's. */
ssize_t process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_len,
			 const struct iovec *remote, unsigned long remote_len, unsigned long flags)
{
	if (meanwhile.nth && remote[0].iov_base == meanwhile.read && --meanwhile.nth == 0) {
		++*meanwhile.at;
		meanwhile.nth = meanwhile.always;
	}
	return syscall(SYS_process_vm_readv, pid, local, local_len, remote, remote_len, flags);
}

static void table_init(struct fixture *f, struct table *t)
{
	struct room *room = &f->rooms[f->rooms_len++];

	assert_true(f->rooms_len <= sizeof(f->rooms) / sizeof(f->rooms[0]));
	memset(room->bytes, 0xee, sizeof(room->bytes));
	memset(room->control, 0xff, sizeof(room->control));
	*t = (struct table){ .control = room->control, .mask = BUCKETS - 1, .growth_left = 7 };
}

/* Bucket `at` of a table, taken into use. */
static void *table_put(struct table *t, size_t at, size_t size)
{
	t->control[at] = (uint8_t)at;
	t->items++;
	t->growth_left--;
	return t->control - (at + 1) * size;
}

/* The end of a longer one; without any, nowhere. */
static void words(struct fixture *f, const char *text, uint64_t out[3])
{
	struct text *t = &f->texts[f->texts_len++];

	memset(out, 0, 24);
	out[1] = 1;
	if (!*text)
		return;
	strcpy(t->text + 4, text);
	out[0] = (uintptr_t)t;
	out[1] = 4 + strlen(text);
	out[2] = 4;
}

static struct counters *counted(struct fixture *f)
{
	struct counters *c = &f->counters[f->counters_len++];

	c->strong = 2;
	c->weak = 1;
	return c;
}

static struct locked *put_path(struct fixture *f, size_t at, const char *path)
{
	struct bucket *b = table_put(&f->entries.table, at, sizeof(*b));
	struct locked *entry = &f->paths[f->paths_len++];

	entry->strong = entry->weak = 1;
	table_init(f, &entry->table);
	words(f, path, b->path);
	b->arc = entry;
	return entry;
}

static struct counters *put(struct fixture *f, struct table *t, size_t at, const char *text)
{
	struct bucket *b = table_put(t, at, sizeof(*b));

	words(f, text, b->path);
	return b->arc = counted(f);
}

static struct table *put_label(struct fixture *f, size_t at, const char *label)
{
	struct roots_bucket *b = table_put(&f->sessions.table, at, sizeof(*b));

	words(f, label, b->label);
	table_init(f, &b->roots);
	return &b->roots;
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	f->layout = (struct layout){ .header = 16,
				     .stride = 96,
				     .tiers = 1,
				     .shared_paths = true,
				     .entries_of_shared = 0x10,
				     .sessions_of_shared = 0x18,
				     .table_of_lock = 0x18,
				     .bucket = 0x20,
				     .tables = &layout_tables_0_2 };
	f->shared.entries = &f->entries;
	f->shared.sessions = &f->sessions;
	table_init(f, &f->entries.table);
	table_init(f, &f->sessions.table);
	return target_init(getpid(), &f->target);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	memset(&meanwhile, 0, sizeof(meanwhile));
	inventory_deinit(&f->inventory);
	target_deinit(&f->target);
	test_free(f);
	return 0;
}

static int walk(struct fixture *f)
{
	inventory_deinit(&f->inventory);
	return inventory_read(&f->target, &f->layout, (uintptr_t)&f->shared, &f->inventory);
}

static void assert_item(const struct fixture *f, size_t i, const char *path, const char *label,
			uint32_t slot, const struct counters *c)
{
	const struct inventory_item *item = &f->inventory.items[i];
	struct moqstat_label expected = { .len = strlen(label) };

	memcpy(expected.text, label, expected.len);
	assert_true(i < f->inventory.len);
	assert_int_equal(item->len, strlen(path));
	assert_memory_equal(item->path, path, strlen(path));
	assert_memory_equal(&item->label, &expected, sizeof(expected));
	assert_int_equal(item->slot, slot);
	assert_int_equal(item->entry, (uintptr_t)c);
}

static void as_the_relay_has_it(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct locked), 0x48);
	assert_int_equal(offsetof(struct locked, table), 0x18);
	assert_int_equal(sizeof(struct roots_bucket), 0x48);
	assert_int_equal(sizeof(struct counters), 0xd0);
}

static void nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 0);
	/* Without memory of their own; a label without roots; a path without labels. */
	f->entries.table = f->sessions.table = (struct table){ .control = (uint8_t *)16 };
	assert_int_equal(walk(f), 0);
	table_init(f, &f->entries.table);
	table_init(f, &f->sessions.table);
	put_path(f, 3, "a");
	put_label(f, 0, "x");
	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 0);
}

static void all_of_it(void **state)
{
	struct fixture *f = *state;
	struct locked *a = put_path(f, 0, "demo/a"), *b = put_path(f, 7, "demo/b");
	struct counters *c[6];
	struct table *roots;

	c[0] = put(f, &a->table, 2, "");
	c[1] = put(f, &a->table, 5, "region/sjc");
	c[2] = put(f, &b->table, 0, "region/sjc");
	roots = put_label(f, 1, "region/sjc");
	c[3] = put(f, roots, 0, "");
	c[4] = put(f, roots, 7, "root");
	c[5] = put(f, put_label(f, 4, ""), 3, "root");
	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 6);
	assert_int_equal(f->inventory.skipped, 0);
	assert_item(f, 0, "demo/a", "", 0, c[0]);
	assert_item(f, 1, "demo/a", "region/sjc", 0, c[1]);
	assert_item(f, 2, "demo/b", "region/sjc", 0, c[2]);
	assert_item(f, 3, "", "region/sjc", MOQSTAT_SLOT_SESSION, c[3]);
	assert_item(f, 4, "root", "region/sjc", MOQSTAT_SLOT_SESSION, c[4]);
	assert_item(f, 5, "root", "", MOQSTAT_SLOT_SESSION, c[5]);
}

/* A label that can have no number is told as too long; of the others none is cut. */
static void long_labels(void **state)
{
	char label[MOQSTAT_LABEL_MAX + 2] = { 0 };
	struct fixture *f = *state;
	struct locked *a = put_path(f, 0, "a");
	struct counters *c;

	memset(label, 'x', MOQSTAT_LABEL_MAX + 1);
	put(f, &a->table, 0, label);
	label[MOQSTAT_LABEL_MAX] = '\0';
	c = put(f, &a->table, 1, label);
	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 2);
	assert_int_equal(f->inventory.items[0].label.len, MOQSTAT_LABEL_MAX + 1);
	assert_item(f, 1, "a", label, 0, c);
}

/* An inner table that changes once is read anew, and nothing of it is there twice; one that never
 * holds still is for later, as is an outer one that has changed: tables of roots are within that.
 */
static void changing_tables(void **state)
{
	struct fixture *f = *state;
	struct locked *a = put_path(f, 0, "a");
	struct table *roots = put_label(f, 4, "");
	const struct {
		struct table *table;
		bool inner;
	} cases[] = { { &a->table, true },
		      { roots, false },
		      { &f->entries.table, false },
		      { &f->sessions.table, false } };
	size_t i;

	put(f, &a->table, 2, "");
	put(f, &a->table, 3, "x");
	put(f, roots, 1, "root");
	for (i = 0; i < 4; i++) {
		meanwhile.read = cases[i].table;
		meanwhile.at = (uint8_t *)&cases[i].table->growth_left;
		meanwhile.always = false;
		meanwhile.nth = 2;
		assert_int_equal(walk(f), cases[i].inner ? 0 : -EAGAIN);
		assert_int_equal(f->inventory.len, cases[i].inner ? 3 : 0);
		assert_int_equal(meanwhile.nth, 0);
		meanwhile.nth = 2;
		meanwhile.always = true;
		assert_int_equal(walk(f), -EAGAIN);
		meanwhile.nth = 0;
		assert_int_equal(walk(f), 0);
		assert_int_equal(f->inventory.len, 3);
	}
}

static void what_makes_no_sense(void **state)
{
	struct fixture *f = *state;
	struct locked *a = put_path(f, 0, "a");
	struct table *roots = put_label(f, 4, "x");
	struct bucket *path = (struct bucket *)f->entries.table.control - 1, before = *path, *b;
	struct counters *c = put(f, &a->table, 2, "y");

	put(f, roots, 1, "root");
	b = (struct bucket *)a->table.control - 3;
	a->weak = 0;
	assert_int_equal(walk(f), -EAGAIN);
	a->weak = 1;
	c->strong = 0;
	assert_int_equal(walk(f), -EAGAIN);
	c->strong = 1;
	path->arc = NULL;
	assert_int_equal(walk(f), -EBADMSG);
	*path = before;
	a->table.mask = 5;
	assert_int_equal(walk(f), -EBADMSG);
	a->table.mask = BUCKETS - 1;
	roots->items = BUCKETS + 1;
	assert_int_equal(walk(f), -EBADMSG);
	roots->items = 2;
	assert_int_equal(walk(f), -EAGAIN);
	roots->items = 1;
	/* A label that is none, or no text. */
	b->path[2] = b->path[1] + 1;
	assert_int_equal(walk(f), -EAGAIN);
	b->path[2] = b->path[1] - 1;
	((struct text *)(uintptr_t)b->path[0])->text[4] = '\xff';
	assert_int_equal(walk(f), -EAGAIN);
	((struct text *)(uintptr_t)b->path[0])->text[4] = 'y';
	f->shared.sessions = NULL;
	assert_int_equal(walk(f), -EBADMSG);
	f->shared.sessions = &f->sessions;
	f->layout.bucket += 8;
	assert_int_equal(walk(f), -EBADMSG);
	f->layout.bucket -= 8;
	assert_int_equal(walk(f), 0);
	assert_int_equal(f->inventory.len, 2);
}

static void short_memory(void **state)
{
	struct fixture *f = *state;
	size_t n;
	int err;

	put(f, &put_path(f, 0, "a")->table, 1, "");
	put(f, put_label(f, 4, ""), 3, "root");
	assert_true(alloc_fail_works());
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		err = walk(f);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(f->inventory.items);
	}
	/* Four tables, two paths, one list. */
	assert_int_equal(n, 1 + 4 + 2 + 1);
	assert_int_equal(err, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_the_relay_has_it), TEST(nothing),	  TEST(all_of_it),
		TEST(long_labels),	   TEST(changing_tables), TEST(what_makes_no_sense),
		TEST(short_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
