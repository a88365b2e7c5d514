/* SPDX-License-Identifier: MIT */
/*
 * A session where memory is short: each allocation of it fails once.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "publishing.h"
#include "wire_hex.h"

#define LARGE 40000

static char large[LARGE];

static int begin(void **state)
{
	memset(large, 'x', sizeof(large));
	return publishing_begin(state);
}

/* What a relay may say. */
static const char *const exchange[] = {
	PUBLISHING_ANSWER,
	PUBLISHING_ASK,
	"08 05 01 05 04 'node'",
	"08 09 02 19 00 07 'node/n1' 0e 'publisher.json' 00",
	"08 0d 02 1b 01 07 'node/n1' 10 'publisher.json.z' 00",
	"08 11 02 19",
	"08 11 02 07 'node/n1' 0e 'publisher.json' 00",
	"08 15 02 12 02 07 'node/n1' 07 'catalog' 00",
	"08 19 02 18 03 07 'node/n1' 0d 'sessions.json' 00",
	"08 1d 05",
	"04 09 00",
	"09 11",
};

/* Read some of what is said. */
static int drain(struct publishing *s, size_t most)
{
	while (most-- && publication_next(s->session, s->message))
		;
	return publication_run(s->session, s->now);
}

/* All of it, and a board that changes meanwhile, until something fails. Only the session's own
 * memory may. */
static int try_exchange(struct publishing *s, size_t n, bool *reached)
{
	uint8_t *bytes[sizeof(exchange) / sizeof(exchange[0])];
	size_t len[sizeof(exchange) / sizeof(exchange[0])], i, all = sizeof(len) / sizeof(len[0]);
	int err;

	for (i = 0; i < all; i++)
		bytes[i] = wire_hex(exchange[i], &len[i]);
	alloc_fail_arm(n);
	err = publication_create(&s->board, "", false, s->now, &s->session);
	for (i = 0; !err && i < all; i++) {
		err = publication_take(s->session, bytes[i], len[i], s->now);
		if (!err)
			err = drain(s, i % 3 ? 4 : 1);
	}
	*reached = alloc_fail_disarm();
	for (i = 0; i < all; i++)
		free(bytes[i]);
	return err;
}

/* Then the broadcast goes, and others come. */
static int try_changes(struct publishing *s, size_t n, bool *reached)
{
	int err;

	publishing_over(s, "node/n1");
	assert_int_equal(publishing_frame(s, "node/n0", "publisher.json", 0, "{}"), 0);
	assert_int_equal(publishing_frame(s, "node/n3", "publisher.json", 0, "{}"), 0);
	alloc_fail_arm(n);
	err = drain(s, 2);
	if (!err)
		err = drain(s, 100);
	if (!err)
		err = publication_close(s->session);
	*reached = alloc_fail_disarm();
	return err;
}

static void begin_exchange(struct publishing *s)
{
	publishing_over(s, "node/n0");
	publishing_over(s, "node/n3");
	assert_int_equal(publishing_status(s, "{\"broadcast\":\"node/n1\",\"compressed\":true}"),
			 0);
	assert_int_equal(publishing_bytes(s, "node/n1", "publisher.json", 0, large, LARGE), 0);
	assert_int_equal(publishing_frame(s, "node/n2", "publisher.json", 0, "{}"), 0);
}

/* A session is over by what fails; in publication_next() nothing does. */
static void short_memory_ends_a_session(void **state)
{
	struct publishing *s = *state;
	size_t n, failed = 0;
	bool reached = true;
	int err;

	assert_true(alloc_fail_works());
	for (n = 1; reached; n++) {
		begin_exchange(s);
		s->session = NULL;
		err = try_exchange(s, n, &reached);
		assert_true(!err || (reached && err == -ENOMEM));
		failed += err != 0;
		publication_destroy(s->session);
		s->session = NULL;
	}
	assert_true(failed > 30);
	for (n = 1, failed = 0, reached = true; reached; n++) {
		begin_exchange(s);
		assert_int_equal(try_exchange(s, 0, &reached), 0);
		err = try_changes(s, n, &reached);
		assert_true(!err || (reached && err == -ENOMEM));
		failed += err != 0;
		publication_destroy(s->session);
		s->session = NULL;
	}
	assert_true(failed > 5);
}

/* What publication_next() has no memory for is tried again, or told as skipped. */
static void short_memory_loses_no_group(void **state)
{
	struct publishing *s = *state;
	const struct publication_counts *c;
	size_t n, i;
	bool reached = true;

	for (n = 1; reached; n++) {
		publishing_follow(s);
		c = publication_counts(s->session);
		for (i = 1; i <= 2; i++)
			assert_int_equal(publishing_frame(s, "node/n1", "publisher.json", i, "{}"),
					 0);
		publishing_run(s);
		assert_int_equal(publication_waits(s->session), true);
		alloc_fail_arm(n);
		publication_next(s->session, s->message);
		reached = alloc_fail_disarm();
		publishing_run(s);
		while (publication_next(s->session, s->message))
			;
		assert_int_equal(c->groups + c->skipped, 3);
		publishing_over(s, "node/n1");
	}
	assert_true(n > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(short_memory_ends_a_session, begin, publishing_end),
		cmocka_unit_test_setup_teardown(short_memory_loses_no_group, begin, publishing_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
