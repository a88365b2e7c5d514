/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
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
#include "feed.h"
#include "jsonl.h"

static int pipe_fds[2];
static struct feed *feed;

static int begin(void **state)
{
	(void)state;
	assert_int_equal(pipe2(pipe_fds, O_NONBLOCK), 0);
	return feed_create(pipe_fds[0], &feed);
}

static int end(void **state)
{
	(void)state;
	feed_destroy(feed);
	feed_destroy(NULL);
	close(pipe_fds[0]);
	if (pipe_fds[1] >= 0)
		close(pipe_fds[1]);
	return 0;
}

static void put(const char *text)
{
	assert_int_equal(write(pipe_fds[1], text, strlen(text)), strlen(text));
}

static void expect_json(const struct feed_line *line, const char *json)
{
	assert_int_equal(line->len, strlen(json));
	assert_memory_equal(line->json, json, line->len);
}

/* What the one writes the other reads. */
static void reads_what_jsonl_writes(void **state)
{
	struct feed_line line;
	struct jsonl out;

	(void)state;
	jsonl_init(&out, pipe_fds[1]);
	assert_int_equal(jsonl_write_status(&out, "{\"version\":\"1\",\"x\":{}}", 22), 0);
	assert_int_equal(jsonl_write_frame(&out, ".stats/\x01\"node", "sessions.json", UINT64_MAX,
					   "{\"\\\"}\":{\"sessions\":1}}", 22),
			 0);
	assert_int_equal(jsonl_write_frame(&out, "b", "t", 0, "{}", 2), 0);
	jsonl_deinit(&out);
	put("{\"health\":{}}\n{\"limits\":{\"a\":1}}\n");
	assert_int_equal(feed_next(feed, &line), 0);
	assert_int_equal(feed_fill(feed), 0);
	assert_int_equal(feed_next(feed, &line), 1);
	assert_int_equal(line.kind, FEED_STATUS);
	expect_json(&line, "{\"version\":\"1\",\"x\":{}}");
	assert_int_equal(feed_next(feed, &line), 1);
	assert_int_equal(line.kind, FEED_FRAME);
	assert_string_equal(line.broadcast, ".stats/\x01\"node");
	assert_string_equal(line.track, "sessions.json");
	assert_true(line.sequence == UINT64_MAX);
	expect_json(&line, "{\"\\\"}\":{\"sessions\":1}}");
	assert_int_equal(feed_next(feed, &line), 1);
	assert_string_equal(line.broadcast, "b");
	assert_int_equal(line.sequence, 0);
	expect_json(&line, "{}");
	assert_int_equal(feed_next(feed, &line), 1);
	assert_int_equal(line.kind, FEED_HEALTH);
	expect_json(&line, "{}");
	assert_int_equal(feed_next(feed, &line), 1);
	assert_int_equal(line.kind, FEED_LIMITS);
	expect_json(&line, "{\"a\":1}");
	assert_int_equal(feed_next(feed, &line), 0);
	assert_int_equal(feed_lines(feed), 5);
	assert_false(feed_torn(feed));
	assert_int_equal(feed_fill(feed), -EAGAIN);
	close(pipe_fds[1]);
	pipe_fds[1] = -1;
	assert_int_equal(feed_fill(feed), -ENODATA);
}

/* One of several broadcasts, and its end. */
static void tells_whose_a_broadcast_is(void **state)
{
	const struct jsonl_broadcast b = { .name = ".stats/a\0b/node",
					   .len = 15,
					   .relay = "s/node" };
	struct feed_line line;
	struct jsonl out;

	(void)state;
	jsonl_init(&out, pipe_fds[1]);
	assert_int_equal(jsonl_write_frame_of(&out, &b, "t", 7, "{}", 2), 0);
	assert_int_equal(jsonl_write_end(&out, &b), 0);
	assert_int_equal(jsonl_write_frame(&out, "b", "t", 0, "{}", 2), 0);
	jsonl_deinit(&out);
	put("{\"ended\":{\"broadcast\":\"b\"}}\n");
	assert_int_equal(feed_fill(feed), 0);
	assert_int_equal(feed_next(feed, &line), 1);
	assert_int_equal(line.kind, FEED_FRAME);
	assert_string_equal(line.broadcast, ".stats/a\xef\xbf\xbd"
					    "b/node");
	assert_string_equal(line.relay, "s/node");
	assert_string_equal(line.track, "t");
	assert_int_equal(line.sequence, 7);
	assert_int_equal(feed_next(feed, &line), 1);
	assert_int_equal(line.kind, FEED_END);
	assert_string_equal(line.broadcast, ".stats/a\xef\xbf\xbd"
					    "b/node");
	assert_string_equal(line.relay, "s/node");
	assert_int_equal(feed_next(feed, &line), 1);
	assert_string_equal(line.broadcast, "b");
	assert_null(line.relay);
	assert_int_equal(feed_next(feed, &line), 1);
	assert_int_equal(line.kind, FEED_END);
	assert_string_equal(line.broadcast, "b");
	assert_null(line.relay);
}

/* However the bytes come, byte by byte even. */
static void lines_come_in_parts(void **state)
{
	static const char text[] = "{\"broadcast\":\"b\",\"track\":\"t\",\"sequence\":17,"
				   "\"frame\":{\"a\":{}}}\n{\"moqstat\":{}}\n";
	struct feed_line line;
	size_t i, lines = 0;

	(void)state;
	for (i = 0; i + 1 < sizeof(text); i++) {
		assert_int_equal(write(pipe_fds[1], text + i, 1), 1);
		assert_int_equal(feed_fill(feed), 0);
		if (text[i] != '\n') {
			assert_int_equal(feed_next(feed, &line), 0);
			assert_true(feed_torn(feed));
			continue;
		}
		assert_int_equal(feed_next(feed, &line), 1);
		assert_int_equal(line.kind, lines++ ? FEED_STATUS : FEED_FRAME);
		assert_false(feed_torn(feed));
	}
	assert_int_equal(lines, 2);
}

/* Many lines, longer than what is read at once. */
static void long_lines(void **state)
{
	size_t len = 700000, i;
	char *frame = malloc(len + 1);
	struct feed_line line;
	struct jsonl out;
	FILE *file = tmpfile();

	(void)state;
	memset(frame, 'x', len);
	memcpy(frame, "{\"", 2);
	memcpy(frame + len - 5, "\":{}}", 6);
	jsonl_init(&out, fileno(file));
	for (i = 0; i < 5; i++)
		assert_int_equal(jsonl_write_frame(&out, "b", "t", i, frame, len), 0);
	jsonl_deinit(&out);
	feed_destroy(feed);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(feed_create(fileno(file), &feed), 0);
	for (i = 0; i < 5;) {
		int n = feed_next(feed, &line);

		assert_true(n >= 0);
		if (!n) {
			assert_int_equal(feed_fill(feed), 0);
			continue;
		}
		assert_int_equal(line.sequence, i++);
		assert_int_equal(line.len, len);
		assert_memory_equal(line.json, frame, len);
	}
	free(frame);
	fclose(file);
}

static void what_is_none_of_ours_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"{}",
		"{\"moqstat\":1}",
		"{\"moqstat\":{}",
		"{\"moqstat\":}}",
		"{\"broadcast\":\"b\"}",
		"{\"broadcast\":b,\"track\":\"t\",\"sequence\":1,\"frame\":{}}",
		"{\"broadcast\":\"b\\",
		"{\"broadcast\":\"b\\\"",
		"{\"broadcast\":\"b\",\"relay\":1,\"track\":\"t\",\"sequence\":1,\"frame\":{}}",
		"{\"ended\":{\"broadcast\":\"b\"}",
		"{\"ended\":{\"broadcast\":\"b\"},}",
		"{\"ended\":{\"broadcast\":\"b\",\"more\":1}}",
		"{\"broadcast\":\"\xff\",\"track\":\"t\",\"sequence\":1,\"frame\":{}}",
		"{\"broadcast\":\"b\",\"track\":\"t\",\"sequence\":-1,\"frame\":{}}",
		"{\"broadcast\":\"b\",\"track\":\"t\",\"sequence\":,\"frame\":{}}",
		"{\"broadcast\":\"b\",\"track\":\"t\",\"sequence\":18446744073709551616,\"frame\":{}}",
		"{\"broadcast\":\"b\",\"track\":\"t\",\"sequence\":1,\"frame\":[]}",
		"{\"broadcast\":\"b\",\"track\":\"t\",\"sequence\":1}",
	};
	struct feed_line line;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(bad[i]);
		put("\n");
		assert_int_equal(feed_fill(feed), 0);
		assert_int_equal(feed_next(feed, &line), -EBADMSG);
		assert_int_equal(feed_lines(feed), i + 1);
	}
}

/* In JSON it is escaped, so nothing says how many there are. */
static void a_zero_is_refused(void **state)
{
	static const char bad[] = "{\"broadcast\":\"a\0\0\0\0b\",\"track\":\"t\",\"sequence\":1,"
				  "\"frame\":{}}\n";
	struct feed_line line;

	(void)state;
	assert_int_equal(write(pipe_fds[1], bad, sizeof(bad) - 1), sizeof(bad) - 1);
	assert_int_equal(feed_fill(feed), 0);
	assert_int_equal(feed_next(feed, &line), -EBADMSG);
	put("{\"broadcast\":\"\\u0000\\u0000\",\"track\":\"t\",\"sequence\":1,\"frame\":{}}\n");
	assert_int_equal(feed_fill(feed), 0);
	assert_int_equal(feed_next(feed, &line), 1);
	assert_string_equal(line.broadcast, "\xef\xbf\xbd\xef\xbf\xbd");
}

static void short_memory_is_told(void **state)
{
	struct feed_line line;
	struct feed *other;
	size_t n;
	int err = -ENOMEM;

	(void)state;
	assert_true(alloc_fail_works());
	alloc_fail_arm(1);
	assert_int_equal(feed_create(0, &other), -ENOMEM);
	assert_true(alloc_fail_disarm());
	put("{\"moqstat\":{}}\n");
	alloc_fail_arm(1);
	assert_int_equal(feed_fill(feed), -ENOMEM);
	assert_true(alloc_fail_disarm());
	assert_int_equal(feed_fill(feed), 0);
	assert_int_equal(feed_next(feed, &line), 1);
	for (n = 1; err; n++) {
		put("{\"broadcast\":\"b\\u0000\",\"track\":\"t\",\"sequence\":1,\"frame\":{}}\n");
		assert_int_equal(feed_fill(feed), 0);
		alloc_fail_arm(n);
		err = feed_next(feed, &line);
		if (alloc_fail_disarm())
			assert_int_equal(err, -ENOMEM);
		else
			assert_int_equal(err, 1);
		err = err == 1 ? 0 : err;
	}
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_what_jsonl_writes, begin, end),
		cmocka_unit_test_setup_teardown(tells_whose_a_broadcast_is, begin, end),
		cmocka_unit_test_setup_teardown(lines_come_in_parts, begin, end),
		cmocka_unit_test_setup_teardown(long_lines, begin, end),
		cmocka_unit_test_setup_teardown(what_is_none_of_ours_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(a_zero_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(short_memory_is_told, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
