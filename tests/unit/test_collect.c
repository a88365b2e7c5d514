/* SPDX-License-Identifier: MIT */
/*
 * test_collect.c - a batch survives being recorded and replayed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "collect.h"
#include "collect_format.h"
#include "life.h"
#include "recording.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* A backend that reads the same batch `reads` times. */
struct fake {
	struct collect base;
	struct collect_broadcast broadcasts[4];
	size_t broadcasts_len;
	struct collect_session sessions[4];
	size_t sessions_len;
	uint64_t time_ms;
	uint64_t lost[MOQSTAT_LOST_MAX];
	unsigned int reads;
	const void *retired;
	unsigned int destroyed;
};

/* As a real backend, it hands over memory that the batch owns. */
static int fake_read(struct collect *c, struct collect_batch *batch)
{
	struct fake *f = (struct fake *)c;

	if (f->reads == 0)
		return -ENODATA;
	f->reads--;
	batch->broadcasts = malloc(sizeof(f->broadcasts));
	batch->sessions = malloc(sizeof(f->sessions));
	if (!batch->broadcasts || !batch->sessions)
		return -ENOMEM;
	memcpy(batch->broadcasts, f->broadcasts, sizeof(f->broadcasts));
	memcpy(batch->sessions, f->sessions, sizeof(f->sessions));
	memcpy(batch->lost, f->lost, sizeof(f->lost));
	batch->broadcasts_len = f->broadcasts_len;
	batch->sessions_len = f->sessions_len;
	batch->time_ms = f->time_ms;
	return 0;
}

static int fake_retire_broadcast(struct collect *c, const struct collect_broadcast *b)
{
	((struct fake *)c)->retired = b;
	return 0;
}

static int fake_retire_session(struct collect *c, const struct collect_session *s)
{
	((struct fake *)c)->retired = s;
	return -EIO;
}

static void fake_destroy(struct collect *c)
{
	((struct fake *)c)->destroyed++;
}

static const struct collect_ops fake_ops = {
	.read = fake_read,
	.retire_broadcast = fake_retire_broadcast,
	.retire_session = fake_retire_session,
	.destroy = fake_destroy,
};

struct fixture {
	struct fake fake;
	char file[64];
	char said[1024]; /* what was logged */
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->fake.base.ops = &fake_ops;
	*state = f;
	return recording_temp(f->file, sizeof(f->file));
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->file);
	test_free(f);
	return 0;
}

/* Record all that the fake has. */
static void record(struct fixture *f)
{
	struct collect_batch batch;
	struct collect *c;
	int rc;

	assert_int_equal(collect_record_create(f->file, &f->fake.base, &c), 0);
	do {
		rc = collect_read(c, &batch);
		collect_batch_deinit(&batch);
	} while (rc == 0);
	assert_int_equal(rc, -ENODATA);
	collect_destroy(c);
	assert_int_equal(f->fake.destroyed, 1);
}

static void assert_file(const struct fixture *f, const char *expected)
{
	FILE *file = fopen(f->file, "r");
	char text[4096];
	size_t len;

	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	assert_string_equal(text, expected);
}

static void batch_survives(void **state)
{
	struct fixture *f = *state;
	struct fake *fake = &f->fake;
	struct collect_batch batch;
	struct collect *c;
	size_t r, t, i, n;

	fake->broadcasts_len = 2;
	fake->broadcasts[0] = life("demo/\"\\\x1f\xc3\xa4\xf0\x9f\x98\x80", 0, true, 0, 0);
	fake->broadcasts[1] = life("a\0b", UINT32_MAX, false, 0, 0);
	fake->broadcasts[1].path_len = 3;
	fake->broadcasts[1].whole = false;
	for (r = 0; r < MOQSTAT_ROLE_MAX; r++)
		for (t = 0; t < MOQSTAT_TIER_MAX; t++)
			for (i = 0; i < MOQSTAT_FIELD_MAX; i++)
				fake->broadcasts[0].counts[r][t][i] = 1 + i + 100 * r + 1000 * t;
	fake->sessions_len = 2;
	fake->sessions[0] = session("", MOQSTAT_INTERNAL, 7, true, 3, 2);
	fake->sessions[1] = session("root", MOQSTAT_EXTERNAL, 0, false, 0, 0);
	fake->sessions[1].fresh = fake->sessions[1].whole = false;
	for (i = 0; i < MOQSTAT_LOST_MAX; i++)
		fake->lost[i] = 11 * i;
	fake->time_ms = 1763683200123;
	fake->reads = 3;
	record(f);

	assert_int_equal(collect_replay_create(f->file, &c), 0);
	for (n = 0; n < 3; n++) {
		assert_int_equal(collect_read(c, &batch), 0);
		assert_int_equal(batch.time_ms, 1763683200123);
		assert_memory_equal(batch.lost, fake->lost, sizeof(batch.lost));
		assert_int_equal(batch.broadcasts_len, 2);
		for (i = 0; i < 2; i++) {
			assert_int_equal(batch.broadcasts[i].path_len,
					 fake->broadcasts[i].path_len);
			assert_memory_equal(batch.broadcasts[i].path, fake->broadcasts[i].path,
					    batch.broadcasts[i].path_len);
			assert_int_equal(batch.broadcasts[i].incarnation,
					 fake->broadcasts[i].incarnation);
			assert_int_equal(batch.broadcasts[i].held, fake->broadcasts[i].held);
			assert_true(batch.broadcasts[i].fresh);
			assert_int_equal(batch.broadcasts[i].whole, i == 0);
			assert_int_equal(batch.broadcasts[i].ref, 0);
			assert_memory_equal(batch.broadcasts[i].counts, fake->broadcasts[i].counts,
					    sizeof(batch.broadcasts[i].counts));
		}
		assert_int_equal(batch.sessions_len, 2);
		assert_int_equal(batch.sessions[0].root_len, 0);
		assert_int_equal(batch.sessions[0].tier, MOQSTAT_INTERNAL);
		assert_int_equal(batch.sessions[0].incarnation, 7);
		assert_true(batch.sessions[0].held);
		assert_int_equal(batch.sessions[0].counts[MOQSTAT_SESSIONS], 3);
		assert_int_equal(batch.sessions[0].counts[MOQSTAT_SESSIONS_CLOSED], 2);
		assert_memory_equal(batch.sessions[1].root, "root", 4);
		assert_false(batch.sessions[1].held);
		assert_true(batch.sessions[0].fresh && batch.sessions[0].whole);
		assert_false(batch.sessions[1].fresh || batch.sessions[1].whole);
		collect_batch_deinit(&batch);
	}
	assert_int_equal(collect_read(c, &batch), -ENODATA);
	assert_int_equal(collect_read(c, &batch), -ENODATA);
	collect_batch_deinit(&batch);
	collect_destroy(c);
}

/* The format as it is documented: a change of it must be meant. */
static void recording_looks_as_documented(void **state)
{
	struct fixture *f = *state;

	f->fake.broadcasts_len = 1;
	f->fake.broadcasts[0] = life("demo/bbb", 0, true, 1, 0);
	f->fake.broadcasts[0].counts[0][0][MOQSTAT_BYTES] = 4711;
	f->fake.sessions_len = 1;
	f->fake.sessions[0] = session("demo", MOQSTAT_EXTERNAL, 0, true, 2, 1);
	f->fake.sessions[0].fresh = f->fake.sessions[0].whole = false;
	f->fake.lost[MOQSTAT_LOST_ENTRY_NULL] = 3;
	f->fake.time_ms = 1763683200000;
	f->fake.reads = 1;
	record(f);
	assert_file(f,
		    "{\"v\":1,\"time_ms\":1763683200000,\"broadcasts\":["
		    "{\"path\":\"demo/bbb\",\"incarnation\":0,\"held\":true,"
		    "\"counts\":{\"publisher\":{\"external\":{\"announced\":1,\"bytes\":4711}}}}],"
		    "\"sessions\":[{\"root\":\"demo\",\"tier\":\"external\",\"incarnation\":0,"
		    "\"held\":true,\"fresh\":false,\"whole\":false,"
		    "\"counts\":{\"sessions\":2,\"sessions_closed\":1}}],"
		    "\"lost\":{\"entry_null\":3}}\n");
}

static void largest_numbers_survive(void **state)
{
	static const uint64_t values[] = { INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX };
	struct fixture *f = *state;
	struct collect_batch batch;
	struct collect *c;

	f->fake.broadcasts_len = 1;
	f->fake.broadcasts[0] = life("a", 0, true, values[0], values[1]);
	f->fake.time_ms = values[2];
	f->fake.reads = 1;
	record(f);
	assert_int_equal(collect_replay_create(f->file, &c), 0);
	assert_int_equal(collect_read(c, &batch), 0);
	assert_true(batch.broadcasts[0].counts[0][0][0] == values[0]);
	assert_true(batch.broadcasts[0].counts[0][0][1] == values[1]);
	assert_true(batch.time_ms == values[2]);
	collect_batch_deinit(&batch);
	collect_destroy(c);
}

/* Whoever appends to one of the enums must give the new value a name in recordings. */
static void every_value_has_a_name(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < MOQSTAT_FIELD_MAX; i++)
		assert_non_null(collect_format_fields[i]);
	for (i = 0; i < MOQSTAT_LOST_MAX; i++)
		assert_non_null(collect_format_lost[i]);
}

static void what_cannot_be_opened_or_read_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct collect *c = (struct collect *)f;
	struct collect_batch batch;

	assert_int_equal(collect_replay_create("/nonexistent/file", &c), -ENOENT);
	assert_int_equal(collect_record_create("/nonexistent/file", &f->fake.base, &c), -ENOENT);
	assert_ptr_equal(c, f);
	assert_int_equal(f->fake.destroyed, 0); /* still the caller's */
	assert_int_equal(collect_replay_create("/tmp", &c), 0);
	assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)), -EISDIR);
	assert_non_null(strstr(f->said, "cannot read /tmp"));
	collect_destroy(c);
	collect_destroy(NULL);
	collect_batch_deinit(NULL);
}

static void recording_that_cannot_be_written_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct collect_batch batch;
	struct collect *c;

	f->fake.reads = 1;
	assert_int_equal(collect_record_create("/dev/full", &f->fake.base, &c), 0);
	assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)), -ENOSPC);
	assert_non_null(strstr(f->said, "/dev/full"));
	collect_batch_deinit(&batch);
	collect_destroy(c);
}

static void recording_replaces_and_is_private(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	recording_write(f->file, "an older file, and a longer one", 31);
	record(f);
	assert_file(f, "");
	unlink(f->file);
	f->fake.destroyed = 0;
	record(f);
	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void record_hands_retirements_on(void **state)
{
	struct collect_broadcast b = life("a", 0, false, 1, 1);
	struct collect_session s = session("r", MOQSTAT_EXTERNAL, 0, false, 1, 1);
	struct fixture *f = *state;
	struct collect *c;

	assert_int_equal(collect_record_create(f->file, &f->fake.base, &c), 0);
	assert_int_equal(c->ops->retire_broadcast(c, &b), 0);
	assert_ptr_equal(f->fake.retired, &b);
	assert_int_equal(c->ops->retire_session(c, &s), -EIO);
	assert_ptr_equal(f->fake.retired, &s);
	collect_destroy(c);
	assert_int_equal(collect_replay_create(f->file, &c), 0);
	assert_int_equal(c->ops->retire_broadcast(c, &b), 0);
	assert_int_equal(c->ops->retire_session(c, &s), 0);
	collect_destroy(c);
}

/* Open, read once, end. Whatever allocation fails, that is what is said, and nothing leaks. */
static int once(struct fixture *f, bool replay, size_t fail_at, bool *reached)
{
	struct collect_batch batch = { 0 };
	struct collect *c = NULL;
	int rc;

	f->fake.reads = 1;
	alloc_fail_arm(fail_at);
	rc = replay ? collect_replay_create(f->file, &c)
		    : collect_record_create(f->file, &f->fake.base, &c);
	if (rc == 0)
		rc = recording_read(c, &batch, f->said, sizeof(f->said));
	*reached = alloc_fail_disarm();
	collect_batch_deinit(&batch);
	collect_destroy(c);
	return rc;
}

static void short_memory_is_said(void **state)
{
	struct fixture *f = *state;
	bool reached;
	size_t n;
	int rc, i;

	assert_true(alloc_fail_works());
	f->fake.broadcasts_len = 2;
	f->fake.broadcasts[0] = life("a", 0, true, 1, UINT64_MAX);
	f->fake.broadcasts[1] = life("b", 0, true, 1, 1);
	f->fake.sessions_len = 1;
	f->fake.sessions[0] = session("r", MOQSTAT_EXTERNAL, 0, true, 2, 1);
	for (i = 0; i < 2; i++) {
		n = 0;
		do {
			n++;
			rc = once(f, i == 1, n, &reached);
			assert_int_equal(rc, reached ? -ENOMEM : 0);
		} while (reached);
		assert_in_range(n, 20, 1000);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(batch_survives),
		TEST(recording_looks_as_documented),
		TEST(largest_numbers_survive),
		TEST(every_value_has_a_name),
		TEST(what_cannot_be_opened_or_read_is_an_error),
		TEST(recording_that_cannot_be_written_is_an_error),
		TEST(recording_replaces_and_is_private),
		TEST(record_hands_retirements_on),
		TEST(short_memory_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
