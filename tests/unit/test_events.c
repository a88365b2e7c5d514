/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "events.h"

/* What was read, as a text: name|data; for each event. */
struct heard {
	char text[4096];
	int refuse;
};

static int take(void *arg, const struct event *event)
{
	struct heard *h = arg;
	size_t len = strlen(h->text);

	assert_int_equal(strlen(event->data), event->len);
	snprintf(h->text + len, sizeof(h->text) - len, "%s|%s;", event->name, event->data);
	return h->refuse;
}

static int read_all(const char *stream, size_t piece, struct heard *h)
{
	struct events *e = NULL;
	size_t len = strlen(stream), at, n;
	int err = events_create(take, h, &e);

	for (at = 0; !err && at < len; at += n) {
		/* Of their own, so that a read beyond shows. */
		char *copy;

		n = len - at < piece ? len - at : piece;
		copy = malloc(n);
		if (!copy) {
			err = -ENOMEM;
			break;
		}
		memcpy(copy, stream + at, n);
		err = events_read(e, copy, n);
		free(copy);
	}
	events_destroy(e);
	return err;
}

static void expect(const char *stream, const char *events)
{
	size_t piece;

	for (piece = 1; piece <= strlen(stream) + 1; piece++) {
		struct heard h = { 0 };

		assert_int_equal(read_all(stream, piece, &h), 0);
		assert_string_equal(h.text, events);
	}
}

static void reads_what_a_stream_says(void **state)
{
	(void)state;
	expect("retry: 2000\n\n", "");
	expect("data: one\n\n", "message|one;");
	expect("event: a/b\nid: 1,2\ndata: {\"full\":{}}\n\n:\n\nevent: c\ndata: x\n\n",
	       "a/b|{\"full\":{}};c|x;");
}

/* The standard's own rules and examples. */
static void reads_any_stream(void **state)
{
	(void)state;
	expect("\xef\xbb\xbf"
	       "data: x\r\n\r\ndata: y\r\rdata:z\n\n",
	       "message|x;message|y;message|z;");
	expect("data\n\ndata\ndata\n\ndata:", "message|;message|\n;");
	expect("data:  two spaces\ndata:b\n\n", "message| two spaces\nb;");
	expect("event: only a name\n\ndata: next\n\n", "message|next;");
	expect("datax: no\nDATA: no\n: comment\n\ndata: cut off\n", "");
	expect("event: a\nevent: b\ndata: x\n\n", "b|x;");
}

static void an_error_ends_it(void **state)
{
	struct heard h = { .refuse = -EBADMSG };

	(void)state;
	assert_int_equal(read_all("data: x\n\ndata: y\n\n", 100, &h), -EBADMSG);
	assert_string_equal(h.text, "message|x;");
}

/* A stranger's line without an end, or an event of ever more lines, is given up. */
static void memory_is_bounded(void **state)
{
	size_t size = 1 << 20, i;
	char *block = malloc(size);
	struct heard h = { 0 };
	struct events *e;
	int err = 0;

	(void)state;
	assert_non_null(block);
	memset(block, 'x', size);
	assert_int_equal(events_create(take, &h, &e), 0);
	for (i = 0; !err && i < 1000; i++)
		err = events_read(e, block, size);
	assert_int_equal(err, -EMSGSIZE);
	assert_true(events_held(e) <= 2 * (size_t)EVENTS_MAX);
	events_destroy(e);
	memcpy(block, "data: ", 6);
	block[size - 1] = '\n';
	assert_int_equal(events_create(take, &h, &e), 0);
	for (i = 0, err = 0; !err && i < 1000; i++)
		err = events_read(e, block, size);
	assert_int_equal(err, -EMSGSIZE);
	assert_true(events_held(e) <= 4 * (size_t)EVENTS_MAX);
	events_destroy(e);
	free(block);
}

static void short_memory(void **state)
{
	struct heard h;
	size_t n = 0;
	int err;

	(void)state;
	if (!alloc_fail_works())
		skip();
	do {
		struct events *e = NULL;

		memset(&h, 0, sizeof(h));
		alloc_fail_arm(++n);
		err = events_create(take, &h, &e);
		if (!err)
			err = events_read(e, "event: a\nda", 11);
		if (!err)
			err = events_read(e, "ta: b\n\n", 7);
		events_destroy(e);
		if (err)
			assert_int_equal(err, -ENOMEM);
		else
			assert_string_equal(h.text, "a|b;");
	} while (alloc_fail_disarm());
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_a_stream_says),
		cmocka_unit_test(reads_any_stream),
		cmocka_unit_test(an_error_ends_it),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(short_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
