/* SPDX-License-Identifier: MIT */
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
#include "stream.h"

static struct frame_buf work;
static struct stream *stream;

static int end(void **state)
{
	(void)state;
	stream_destroy(stream);
	stream = NULL;
	frame_buf_deinit(&work);
	stream_destroy(NULL);
	return 0;
}

/* All that is to be told, in pieces of every size. */
static void expect(const char *text)
{
	static size_t piece;
	char out[4096];
	size_t len = 0, n;

	do {
		n = stream_read(stream, out + len, 1 + piece++ % 37);
		len += n;
	} while (n);
	out[len] = '\0';
	assert_string_equal(out, text);
}

static void begin(bool delta)
{
	assert_int_equal(stream_create(delta, &work, &stream), 0);
	expect("retry: 2000\n\n");
	expect("");
}

static void group(size_t i, uint64_t sequence, uint64_t lost, const char *frame)
{
	struct group *g = group_create(sequence, 0, frame, strlen(frame));
	struct hub_message m = { .event = HUB_GROUP, .group = g, .lost = lost };

	assert_int_equal(stream_tell(stream, i, &m), 0);
	group_release(g);
}

static void event(size_t i, enum hub_event what)
{
	struct hub_message m = { .event = what };

	assert_int_equal(stream_tell(stream, i, &m), 0);
}

static void one_track_has_no_name(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(stream_add(stream, "publisher.json", false), 0);
	group(0, 7, 0, "{\"a\":{\"n\":1}}");
	expect("id: 7\ndata: {\"a\":{\"n\":1}}\n\n");
	group(0, 8, 0, "{}");
	expect("id: 8\ndata: {}\n\n");
	expect("");
	group(0, 12, 3, "{}");
	expect("event: lost\ndata: {\"track\":\"publisher.json\",\"lost\":3}\n\nid: 12\ndata: {}\n\n");
	assert_int_equal(stream_beat(stream), 0);
	expect(":\n\n");
	assert_false(stream_over(stream));
	event(0, HUB_LAGGING);
	expect("event: lagging\ndata: {}\n\n");
	assert_true(stream_over(stream));
}

static void several_have_names(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(stream_add(stream, "publisher.json", true), 0);
	assert_int_equal(stream_add(stream, ".s/\"n\"/sessions.json", true), 0);
	group(1, 4, 0, "{}");
	expect("event: .s/\"n\"/sessions.json\nid: -,4\ndata: {}\n\n");
	group(0, 17, 0, "{}");
	expect("event: publisher.json\nid: 17,4\ndata: {}\n\n");
	event(1, HUB_ENDED);
	expect("event: ended\ndata: {\"track\":\".s/\\\"n\\\"/sessions.json\"}\n\n");
	assert_false(stream_over(stream));
	group(0, 18, 0, "{}");
	expect("event: publisher.json\nid: 18,-\ndata: {}\n\n");
	event(0, HUB_EXPIRED);
	expect("event: expired\ndata: {}\n\n");
	assert_true(stream_over(stream));
}

/* Where a client was when it came is in the ids until more is told. */
static void what_a_client_has_is_in_the_ids(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(stream_add(stream, "a", true), 0);
	assert_int_equal(stream_add(stream, "b", true), 0);
	stream_resume(stream, 1, 4);
	group(0, 7, 0, "{}");
	expect("event: a\nid: 7,4\ndata: {}\n\n");
	group(1, 5, 0, "{}");
	expect("event: b\nid: 7,5\ndata: {}\n\n");
}

/* In full at the start, after a loss, and after an end; else what has changed. */
static void deltas_go_by_what_was_told(void **state)
{
	(void)state;
	begin(true);
	assert_int_equal(stream_add(stream, "t", false), 0);
	group(0, 1, 0, "{\"a\":{\"n\":1}}");
	expect("id: 1\ndata: {\"full\":{\"a\":{\"n\":1}}}\n\n");
	group(0, 2, 0, "{\"a\":{\"n\":1},\"b\":{\"n\":2}}");
	expect("id: 2\ndata: {\"set\":{\"b\":{\"n\":2}},\"gone\":[]}\n\n");
	group(0, 9, 6, "{\"b\":{\"n\":3}}");
	expect("event: lost\ndata: {\"track\":\"t\",\"lost\":6}\n\nid: 9\n"
	       "data: {\"full\":{\"b\":{\"n\":3}}}\n\n");
	group(0, 10, 0, "{}");
	expect("id: 10\ndata: {\"set\":{},\"gone\":[\"b\"]}\n\n");
	event(0, HUB_ENDED);
	expect("event: ended\ndata: {\"track\":\"t\"}\n\n");
	group(0, 0, 0, "{\"c\":{\"n\":1}}");
	expect("id: 0\ndata: {\"full\":{\"c\":{\"n\":1}}}\n\n");
}

/* Two who are at the same place share what is made for them. */
static void deltas_are_made_once(void **state)
{
	struct group *a = group_create(1, 0, "{}", 2), *b = group_create(2, 0, "{\"x\":{}}", 8);
	struct hub_message first = { .event = HUB_GROUP, .group = a };
	struct hub_message second = { .event = HUB_GROUP, .group = b };
	struct stream *other;

	(void)state;
	begin(true);
	assert_int_equal(stream_create(true, &work, &other), 0);
	assert_int_equal(stream_add(stream, "t", false), 0);
	assert_int_equal(stream_add(other, "t", false), 0);
	assert_int_equal(stream_tell(stream, 0, &first), 0);
	assert_int_equal(stream_tell(other, 0, &first), 0);
	assert_int_equal(stream_tell(stream, 0, &second), 0);
	assert_int_equal(stream_tell(other, 0, &second), 0);
	assert_non_null(b->delta);
	assert_int_equal(b->delta->holders, 3); /* the group, and the two that tell it */
	expect("id: 2\ndata: {\"set\":{\"x\":{}},\"gone\":[]}\n\n");
	stream_destroy(stream);
	stream = other;
	expect("id: 2\ndata: {\"set\":{\"x\":{}},\"gone\":[]}\n\n");
	group_release(a);
	group_release(b);
}

static void names_are_one_line(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(stream_add(stream, "a\nb", true), -EINVAL);
	assert_int_equal(stream_add(stream, "a\r", true), -EINVAL);
	assert_int_equal(stream_add(stream, "\xc3\xa9", true), 0);
}

static void ids_are_read_back(void **state)
{
	uint64_t n = 1;

	(void)state;
	assert_true(stream_id("7", 0, &n) && n == 7);
	assert_true(stream_id("-,18446744073709551615", 1, &n) && n == UINT64_MAX);
	assert_true(stream_id("1,2,3", 1, &n) && n == 2);
	assert_false(stream_id("-,4", 0, &n));
	assert_false(stream_id("7", 1, &n));
	assert_false(stream_id("", 0, &n));
	assert_false(stream_id("x", 0, &n));
	assert_false(stream_id("7x", 0, &n));
	assert_false(stream_id("18446744073709551616", 0, &n));
	assert_false(stream_id("+7", 0, &n));
}

static void short_memory_tells_nothing(void **state)
{
	struct group *g = group_create(1, 0, "{}", 2);
	struct hub_message m = { .event = HUB_GROUP, .group = g, .lost = 1 };
	size_t n;

	(void)state;
	begin(true);
	assert_true(alloc_fail_works());
	assert_int_equal(stream_add(stream, "t", false), 0);
	for (n = 1;; n++) {
		int err;

		alloc_fail_arm(n);
		err = stream_tell(stream, 0, &m);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(err, -ENOMEM);
		expect("");
	}
	expect("event: lost\ndata: {\"track\":\"t\",\"lost\":1}\n\nid: 1\ndata: {\"full\":{}}\n\n");
	group_release(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(one_track_has_no_name, end),
		cmocka_unit_test_teardown(several_have_names, end),
		cmocka_unit_test_teardown(what_a_client_has_is_in_the_ids, end),
		cmocka_unit_test_teardown(deltas_go_by_what_was_told, end),
		cmocka_unit_test_teardown(deltas_are_made_once, end),
		cmocka_unit_test_teardown(names_are_one_line, end),
		cmocka_unit_test_teardown(ids_are_read_back, end),
		cmocka_unit_test_teardown(short_memory_tells_nothing, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
