/* SPDX-License-Identifier: MIT */
/*
 * What followers of live events are sent, as text: tests/unit/golden/events.txt, and with deltas
 * events-delta.txt. `make golden-update` writes them anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stream.h"

#define GOLDEN "tests/unit/golden/"

/* A name that must not end its line, or be taken for a field. */
#define HOSTILE ".s/\"n\\ data: id: \xf0\x9f\x90\x98/sessions.json"

static void read_all(struct stream *s, FILE *out)
{
	char piece[64];
	size_t n;

	while ((n = stream_read(s, piece, sizeof(piece))))
		fwrite(piece, 1, n, out);
}

static void tell(struct stream *s, FILE *out, size_t i, uint64_t sequence, uint64_t lost,
		 const char *frame)
{
	struct group *g = group_create(sequence, 0, frame, strlen(frame));
	const struct hub_message m = { .event = HUB_GROUP, .group = g, .lost = lost };

	assert_int_equal(stream_tell(s, i, &m), 0);
	read_all(s, out);
	group_release(g);
}

static void tell_event(struct stream *s, FILE *out, size_t i, enum hub_event event)
{
	const struct hub_message m = { .event = event };

	assert_int_equal(stream_tell(s, i, &m), 0);
	read_all(s, out);
}

static void tell_all(bool delta, bool named, enum hub_event last, FILE *out)
{
	struct frame_buf work = { 0 };
	struct stream *s;

	assert_int_equal(stream_create(delta, &work, &s), 0);
	assert_int_equal(stream_add(s, "publisher.json", named), 0);
	if (named)
		assert_int_equal(stream_add(s, HOSTILE, true), 0);
	read_all(s, out);
	tell(s, out, 0, 7, 0, "{\"a\":{\"n\":1},\"b\":{\"n\":2}}");
	tell(s, out, 0, 8, 0, "{\"b\":{\"n\":3},\"c\\n\\u0001\\\"}\":{\"n\":1}}");
	if (named)
		tell(s, out, 1, 4, 0, "{\"\xc3\xa9\":{\"sessions\":1}}");
	assert_int_equal(stream_beat(s), 0);
	read_all(s, out);
	tell(s, out, 0, 12, 3, "{\"b\":{\"n\":3}}");
	tell(s, out, 0, 13, 0, "{}");
	tell_event(s, out, 0, HUB_ENDED);
	tell(s, out, 0, 0, 0, "{\"b\":{\"n\":1}}");
	if (named)
		tell(s, out, 1, 5, 0, "{}");
	tell_event(s, out, 0, last);
	assert_true(stream_over(s));
	stream_destroy(s);
	frame_buf_deinit(&work);
}

/* The text is as it was; UPDATE_GOLDEN=1 writes what it is now. */
static void expect_golden(const char *name, const char *text)
{
	static char expected[65536];
	FILE *file;

	if (getenv("UPDATE_GOLDEN")) {
		file = fopen(name, "we");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	file = fopen(name, "re");
	if (!file)
		fail_msg("cannot read %s: run from the top of the source tree", name);
	expected[fread(expected, 1, sizeof(expected) - 1, file)] = '\0';
	fclose(file);
	if (strcmp(expected, text))
		fail_msg("other than %s (`make golden-update` writes it anew):\n%s", name, text);
}

static void compare(const char *name, bool delta)
{
	size_t len = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	fputs("--- one track\n", out);
	tell_all(delta, false, HUB_LAGGING, out);
	fputs("--- two tracks\n", out);
	tell_all(delta, true, HUB_EXPIRED, out);
	fclose(out);
	expect_golden(name, text);
	free(text);
}

static void frames_are_as_they_were(void **state)
{
	(void)state;
	compare(GOLDEN "events.txt", false);
}

static void changes_are_as_they_were(void **state)
{
	(void)state;
	compare(GOLDEN "events-delta.txt", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_as_they_were),
		cmocka_unit_test(changes_are_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
