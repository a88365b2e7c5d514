/* SPDX-License-Identifier: MIT */
/*
 * test_collect_tiers.c - recordings of a relay whose tiers are labels: replayed, and recorded again
 * as they were.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "collect.h"
#include "recording.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
	char file[64], again[64];
	char said[1024]; /* what was logged */
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	return recording_temp(f->file, sizeof(f->file)) ||
	       recording_temp(f->again, sizeof(f->again));
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->file);
	unlink(f->again);
	test_free(f);
	return 0;
}

#define LINE(tiers, broadcasts, sessions)                                              \
	"{\"v\":1" tiers ",\"time_ms\":1763683200000,\"broadcasts\":[" broadcasts "]," \
	"\"sessions\":[" sessions "],\"lost\":{}}\n"
#define TIERS(list) ",\"tiers\":[" list "]"
#define BROADCAST(tier, counts)                                                                \
	"{\"path\":\"demo/bbb\",\"tier\":" tier ",\"incarnation\":3,\"held\":true,\"counts\":" \
	"{" counts "}}"
#define SESSION(tier) \
	"{\"root\":\"demo\",\"tier\":" tier ",\"incarnation\":0,\"held\":true,\"counts\":{}}"

#define SJC	   "\"region/sjc\""
#define OLD_COUNTS "\"publisher\":{\"external\":{\"bytes\":7}}"
#define COUNTS	   "\"publisher\":{\"bytes\":7},\"subscriber\":{\"announced\":1,\"fetches\":3}"

/* Labels are found, one number was given in vain at first, and both names of the two tiers that
 * older relays have are labels like any other. */
static const char whole[] = LINE(TIERS("\"\""), BROADCAST("\"\"", ""), "")
	LINE(TIERS("\"\",\"\"," SJC), BROADCAST("\"\"", COUNTS) "," BROADCAST(SJC, COUNTS),
	     SESSION(SJC) "," SESSION("\"\""))
		LINE(TIERS("\"\",\"external\"," SJC ",\"internal\",\"\xc3\xa4\\n\""),
		     BROADCAST("\"external\"", COUNTS), SESSION("\"\xc3\xa4\\n\""));

static void recorded_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct collect_batch batch;
	struct collect *c, *replay;
	char text[sizeof(whole) + 64];
	FILE *file;
	size_t len;
	int rc;

	recording_write(f->file, whole, sizeof(whole) - 1);
	assert_int_equal(collect_replay_create(f->file, &replay), 0);
	assert_int_equal(collect_record_create(f->again, replay, &c), 0);
	do {
		rc = collect_read(c, &batch);
		collect_batch_deinit(&batch);
	} while (!rc);
	assert_int_equal(rc, -ENODATA);
	collect_destroy(c);
	file = fopen(f->again, "r");
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	assert_string_equal(text, whole);
}

static void what_is_in_it(void **state)
{
	struct fixture *f = *state;
	struct collect_batch batch;
	struct collect *c;
	const struct tiers *tiers;

	recording_write(f->file, whole, sizeof(whole) - 1);
	assert_int_equal(collect_replay_create(f->file, &c), 0);
	assert_int_equal(collect_read(c, &batch), 0);
	tiers = batch.tiers;
	assert_non_null(tiers);
	assert_true(tiers->found);
	assert_int_equal(tiers->len, 1);
	assert_int_equal(batch.broadcasts[0].tier, 0);
	collect_batch_deinit(&batch);
	assert_int_equal(collect_read(c, &batch), 0);
	assert_ptr_equal(batch.tiers, tiers);
	assert_int_equal(tiers->len, 3);
	assert_string_equal(tiers->labels[1], "");
	assert_string_equal(tiers->labels[2], "region/sjc");
	assert_int_equal(batch.broadcasts_len, 2);
	assert_int_equal(batch.broadcasts[0].tier, 0);
	assert_int_equal(batch.broadcasts[1].tier, 2);
	assert_int_equal(batch.broadcasts[1].incarnation, 3);
	assert_int_equal(batch.broadcasts[1].counts[MOQSTAT_PUBLISHER][0][MOQSTAT_BYTES], 7);
	assert_int_equal(batch.broadcasts[1].counts[MOQSTAT_SUBSCRIBER][0][MOQSTAT_FETCHES], 3);
	assert_int_equal(batch.broadcasts[1].counts[MOQSTAT_PUBLISHER][1][MOQSTAT_BYTES], 0);
	assert_int_equal(batch.sessions[0].tier, 2);
	assert_int_equal(batch.sessions[1].tier, 0);
	collect_batch_deinit(&batch);
	assert_int_equal(collect_read(c, &batch), 0);
	assert_int_equal(tiers->len, 5);
	assert_string_equal(tiers->labels[1], "external");
	assert_int_equal(batch.broadcasts[0].tier, 1);
	assert_int_equal(batch.sessions[0].tier, 4);
	collect_batch_deinit(&batch);
	collect_destroy(c);
}

#define LABELS_14 \
	"\"\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\",\"l\",\"m\",\"n\""
#define TEN	  "0123456789"
#define ONE(list) LINE(TIERS(list), "", "")

static void bad_lists(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ ONE(LABELS_14 ",\"o\",\"p\""), NULL },
		{ ONE(LABELS_14 ",\"o\",\"p\",\"q\""), "line 1: \"tiers\" is no list" },
		{ ONE(""), "line 1: \"tiers\" is no list" },
		{ LINE(",\"tiers\":{}", "", ""), "line 1: \"tiers\" is no list" },
		{ LINE(",\"tiers\":null", "", ""), "line 1: \"tiers\" is no list" },
		{ ONE("\"a\""), "number 0 is no label" },
		{ ONE("\"\",7"), "number 1 is no label" },
		{ ONE("\"\",\"a\\u0000b\""), "number 1 is no label" },
		{ ONE("\"\",\"" TEN TEN TEN TEN TEN TEN "\""), NULL },
		{ ONE("\"\",\"" TEN TEN TEN TEN TEN TEN "x\""), "number 1 is no label" },
		{ ONE("\"\",\"a\",\"a\""), "two have one label" },
		{ ONE("\"\",\"\",\"\""), NULL },
		/* From line to line: */
		{ ONE("\"\",\"a\"") ONE("\"\""), "line 2: \"tiers\" is no list" },
		{ ONE("\"\",\"a\"") ONE("\"\",\"b\""), "line 2: \"tiers\": number 1 is another" },
		{ ONE("\"\",\"a\"") ONE("\"\",\"\""), "line 2: \"tiers\": number 1 is another" },
		{ ONE("\"\",\"a\"") ONE("\"\",\"a\",\"a\""), "line 2: \"tiers\": two have" },
		{ ONE("\"\",\"\",\"a\"") ONE("\"\",\"a\",\"a\""), "line 2: \"tiers\": two have" },
		{ ONE("\"\",\"\",\"a\"") ONE("\"\",\"b\",\"a\""), NULL },
		{ ONE("\"\"") LINE("", "", ""), "line 2: \"tiers\" is there, or isn't" },
		{ LINE("", "", "") ONE("\"\""), "line 2: \"tiers\" is there, or isn't" },
		/* What refers to them: */
		{ LINE(TIERS("\"\""), BROADCAST("\"a\"", ""), ""), "no tier is called \"a\"" },
		{ LINE(TIERS("\"\""), BROADCAST("0", ""), ""), "\"tier\" is no label" },
		{ LINE(TIERS("\"\""),
		       "{\"path\":\"a\",\"incarnation\":0,\"held\":true,\"counts\":{}}", ""),
		  "\"tier\" is no label" },
		{ LINE(TIERS("\"\",\"a\""), BROADCAST("\"a\\u0000\"", ""), ""), "no tier is" },
		{ LINE(TIERS("\"\""), BROADCAST("\"\"", OLD_COUNTS), ""), "\"external\"" },
		{ LINE(TIERS("\"\""), "", SESSION("\"external\"")), "no tier is called" },
		{ LINE("", BROADCAST("\"external\"", OLD_COUNTS), ""), "tier" },
		{ LINE("", "", SESSION("\"external\\u0000\"")), "no tier is called" },
		{ LINE("", "", SESSION("\"\"")), "no tier is called" },
	};
	struct fixture *f = *state;
	struct collect_batch batch;
	struct collect *c;
	size_t i;
	int rc;

	for (i = 0; i < LEN(cases); i++) {
		recording_write(f->file, cases[i].text, strlen(cases[i].text));
		assert_int_equal(collect_replay_create(f->file, &c), 0);
		do {
			rc = recording_read(c, &batch, f->said, sizeof(f->said));
			collect_batch_deinit(&batch);
		} while (!rc);
		collect_destroy(c);
		if (cases[i].said ? rc != -EBADMSG || !strstr(f->said, cases[i].said)
				  : rc != -ENODATA)
			fail_msg("case %zu: %d, said: %s", i, rc, f->said);
	}
}

/* A backend whose batch refers to tiers that there aren't. */
struct wrong {
	struct collect base;
	struct tiers tiers;
	uint32_t broadcast, session;
};

static int wrong_read(struct collect *c, struct collect_batch *batch)
{
	struct wrong *w = (struct wrong *)c;

	batch->tiers = &w->tiers;
	batch->broadcasts = calloc(1, sizeof(*batch->broadcasts));
	batch->sessions = calloc(1, sizeof(*batch->sessions));
	batch->broadcasts[0] = (struct collect_broadcast){ .path = "", .tier = w->broadcast };
	batch->sessions[0] = (struct collect_session){ .root = "", .tier = w->session };
	batch->broadcasts_len = batch->sessions_len = 1;
	return 0;
}

static void wrong_destroy(struct collect *c)
{
	(void)c;
}

static void tiers_that_arent_there(void **state)
{
	static const struct collect_ops ops = { .read = wrong_read, .destroy = wrong_destroy };
	static const struct {
		uint32_t broadcast, session;
		int err;
	} cases[] = {
		{ 0, 2, 0 },	   { 2, 0, 0 },	      { 1, 0, -EINVAL },
		{ 0, 1, -EINVAL }, { 3, 0, -EINVAL }, { 0, UINT32_MAX, -EINVAL },
	};
	struct wrong w = { .base.ops = &ops, .tiers = { .found = true, .len = 3 } };
	struct fixture *f = *state;
	struct collect_batch batch;
	struct collect *c;
	size_t i;

	strcpy(w.tiers.labels[2], "a");
	for (i = 0; i < LEN(cases); i++) {
		w.broadcast = cases[i].broadcast;
		w.session = cases[i].session;
		assert_int_equal(collect_record_create(f->again, &w.base, &c), 0);
		assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)), cases[i].err);
		collect_batch_deinit(&batch);
		collect_destroy(c);
	}
	strcpy(w.tiers.labels[2], "\xff");
	w.broadcast = w.session = 0;
	assert_int_equal(collect_record_create(f->again, &w.base, &c), 0);
	assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)), -EILSEQ);
	collect_batch_deinit(&batch);
	collect_destroy(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(recorded_as_it_was),
		TEST(what_is_in_it),
		TEST(bad_lists),
		TEST(tiers_that_arent_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
