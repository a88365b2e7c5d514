/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "alloc_fail.h"
#include "deflate.h"
#include "group.h"

/* The other way round, as a consumer does it, by putting the tail back: what a frame stands for,
 * which must be `len` bytes; the caller's to free. */
static char *inflated(const char *frame, size_t frame_len, size_t len)
{
	const struct {
		const char *text;
		size_t len;
	} parts[] = { { frame, frame_len }, { DEFLATE_TAIL, DEFLATE_TAIL_LEN } };
	char *out = malloc(len + 1);
	z_stream z = { .next_out = (void *)out, .avail_out = len + 1 };
	size_t i;

	assert_non_null(out);
	assert_int_equal(inflateInit2(&z, -15), Z_OK);
	for (i = 0; i < 2; i++) {
		z.next_in = (void *)parts[i].text;
		z.avail_in = parts[i].len;
		assert_int_equal(inflate(&z, Z_SYNC_FLUSH), Z_OK);
		assert_int_equal(z.avail_in, 0);
	}
	assert_int_equal(z.total_out, len);
	inflateEnd(&z);
	return out;
}

/* Its length, compressed. */
static size_t there_and_back(const char *data, size_t len)
{
	char *frame, *again;
	size_t frame_len;

	assert_int_equal(deflate_frame(data, len, &frame, &frame_len), 0);
	/* It could be longer by no more than what stored blocks take, and the flush. */
	assert_true(frame_len >= 1 && frame_len <= len + len / 1000 + 16);
	again = inflated(frame, frame_len, len);
	assert_memory_equal(again, data, len);
	free(again);
	free(frame);
	return frame_len;
}

/* An idle track as moq-relay 0.14.12 and 0.17.10 serve it; and a row as Python's zlib compresses
 * it. What another library makes of a text need not be the same, but for what is so short. */
static void is_what_others_make(void **state)
{
	static const struct {
		const char *text, *frame;
		size_t len;
		bool same;
	} golden[] = {
		{ "{}", "\xaa\xae\x05\x00", 4, true },
		{ "", "\x00", 1, true },
		{ "{\"\":{\"sessions\":2,\"sessions_closed\":0}}",
		  "\xaa\x56\x52\xb2\xaa\x56\x2a\x4e\x2d\x2e\xce\xcc\xcf\x2b\x56\xb2\x32\xd2\x81\x73"
		  "\xe2\x93\x73\xf2\x8b\x53\x53\x94\xac\x0c\x6a\x6b\x01\x00",
		  34, false },
	};
	size_t i, len;
	char *text;

	(void)state;
	for (i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		text = inflated(golden[i].frame, golden[i].len, strlen(golden[i].text));
		assert_memory_equal(text, golden[i].text, strlen(golden[i].text));
		free(text);
		if (!golden[i].same)
			continue;
		assert_int_equal(deflate_frame(golden[i].text, strlen(golden[i].text), &text, &len),
				 0);
		assert_int_equal(len, golden[i].len);
		assert_memory_equal(text, golden[i].frame, len);
		free(text);
	}
}

static void frames_come_back(void **state)
{
	static const size_t lens[] = { 0, 1, 2, 23, 16383, 16384, 65535, 65536, 1 << 20, 9 << 20 };
	char *data = malloc(9 << 20);
	uint64_t random = 88172645463325252;
	size_t i, k, room = 0;

	(void)state;
	assert_non_null(data);
	assert_int_equal(there_and_back(NULL, 0), 1);
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		/* Rows, as far as they go. */
		for (k = 0, room = lens[i]; room; k++) {
			char row[64];
			size_t len = snprintf(row, sizeof(row), "{\"room/%zu\":{\"bytes\":%zu},", k,
					      k * 7919);

			len = len < room ? len : room;
			memcpy(data + lens[i] - room, row, len);
			room -= len;
		}
		k = there_and_back(data, lens[i]);
		assert_true(lens[i] < 1000 || k * 3 < lens[i]);
		/* What can't be compressed. */
		for (k = 0; k < lens[i]; k++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			data[k] = (char)(random >> 24);
		}
		there_and_back(data, lens[i]);
	}
	free(data);
}

/* Every length up to some, of bytes that don't compress: none needs more room than there is. */
static void any_length_has_room(void **state)
{
	char data[4096];
	uint32_t random = 1;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(data); i++) {
		random = random * 1664525 + 1013904223;
		data[i] = (char)(random >> 24);
		there_and_back(data, i + 1);
	}
}

static void a_group_compresses_once(void **state)
{
	static const char text[] = "{\"a\":{\"n\":1},\"b\":{\"n\":1}}";
	struct group *g = group_create(7, 0, text, strlen(text));
	const char *frame, *again;
	size_t len, again_len;
	char *back;

	(void)state;
	assert_non_null(g);
	assert_int_equal(group_compress(g, &frame, &len), 0);
	assert_int_equal(group_compress(g, &again, &again_len), 0);
	assert_ptr_equal(frame, again);
	assert_int_equal(len, again_len);
	back = inflated(frame, len, strlen(text));
	assert_memory_equal(back, text, strlen(text));
	free(back);
	group_release(g);
}

static void gzip_only_where_it_pays(void **state)
{
	char text[1000], *packed;
	size_t len;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(deflate_gzip(text, sizeof(text), &packed, &len), 0);
	assert_true(len < 100);
	assert_memory_equal(packed, "\x1f\x8b\x08", 3);
	free(packed);
	assert_int_equal(deflate_gzip("a", 1, &packed, &len), -E2BIG);
	assert_int_equal(deflate_gzip(text, (size_t)UINT32_MAX, &packed, &len), -E2BIG);
}

static void too_much_is_refused(void **state)
{
	char *frame;
	size_t len;

	(void)state;
	assert_int_equal(deflate_frame("", (size_t)UINT32_MAX, &frame, &len), -E2BIG);
	assert_int_equal(deflate_frame("", (size_t)UINT32_MAX - 10, &frame, &len), -E2BIG);
	assert_int_equal(deflate_frame("", SIZE_MAX, &frame, &len), -E2BIG);
}

static void short_memory_is_told(void **state)
{
	struct group *g = group_create(0, 0, "{}", 2);
	const char *frame;
	size_t len = 0, n;
	bool reached;
	int err;

	(void)state;
	assert_non_null(g);
	if (!alloc_fail_works())
		skip();
	for (n = 1;; n++) {
		free(g->compressed);
		g->compressed = NULL;
		alloc_fail_arm(n);
		err = group_compress(g, &frame, &len);
		reached = alloc_fail_disarm();
		if (!reached)
			break;
		/* Only to give some of it back fails without harm. */
		assert_true(!err || err == -ENOMEM);
		assert_true(!err == !!g->compressed);
	}
	assert_int_equal(err, 0);
	assert_int_equal(len, 4);
	assert_true(n > 1);
	group_release(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_what_others_make),
		cmocka_unit_test(frames_come_back),
		cmocka_unit_test(any_length_has_room),
		cmocka_unit_test(a_group_compresses_once),
		cmocka_unit_test(gzip_only_where_it_pays),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
