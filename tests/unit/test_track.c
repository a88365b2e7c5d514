/* SPDX-License-Identifier: MIT */
/*
 * The track model's own tests have their counterparts here (track-model text), most under the same
 * name; the rest is ours. A consumer there may become a producer; here that is whoever holds the
 * track.
 *
 *   evict_expired_groups, evict_keeps_max_sequence, no_eviction_when_fresh,
 *     out_of_order_max_sequence_at_front, max_sequence_at_front_blocks_trim,
 *     append_finish_cannot_be_rewritten, finish_after_groups        the same
 *   consumer_skips_evicted_groups                                    reader_skips_evicted_groups
 *   insert_finish_validates_sequence_and_freezes_to_max              finish_at_validates_sequence
 *   next_group_finishes_without_waiting_for_gaps             next_finishes_without_waiting_for_gaps
 *   get_group_finishes_without_waiting_for_gaps               get_finishes_without_waiting_for_gaps
 *   append_group_returns_bounds_exceeded_on_sequence_overflow        numbers_end
 *   consumer_produce, consumer_produce_after_drop,
 *     consumer_produce_after_abort, consumer_produce_keeps_alive     a_held_track_is_the_same
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "track.h"

#define SECOND UINT64_C(1000000000)
#define LATER  (TRACK_AGE_MAX + SECOND)

static struct track *make(void)
{
	struct track *t;

	assert_int_equal(track_create("publisher.json", 0, &t), 0);
	assert_string_equal(track_name(t), "publisher.json");
	return t;
}

static struct track_reader *begin(struct track *t)
{
	struct track_reader *r;

	assert_int_equal(track_read(t, &r), 0);
	return r;
}

/* Append a frame that says its number. */
static void append(struct track *t, uint64_t now, uint64_t sequence)
{
	char frame[32];
	int len = snprintf(frame, sizeof(frame), "{\"n\":%lu}", (unsigned long)sequence);

	assert_int_equal(track_append(t, now, frame, len), 0);
	assert_int_equal(track_latest(t)->sequence, sequence);
}

static int insert(struct track *t, uint64_t now, uint64_t sequence)
{
	return track_insert(t, now, sequence, "{}", 2);
}

static void expect_next(struct track_reader *r, uint64_t sequence, uint64_t missed)
{
	uint64_t told = 77;
	struct group *g;

	assert_int_equal(track_reader_next(r, &g, &told), 0);
	assert_int_equal(g->sequence, sequence);
	assert_int_equal(told, missed);
	group_release(g);
}

static void expect_no_next(struct track_reader *r, int err)
{
	uint64_t told;
	struct group *g = NULL;

	assert_int_equal(track_reader_next(r, &g, &told), err);
	assert_null(g);
	assert_int_equal(told, 0);
}

static bool has(struct track *t, uint64_t sequence)
{
	struct group *g;

	if (track_get(t, sequence, &g))
		return false;
	assert_int_equal(g->sequence, sequence);
	group_release(g);
	return true;
}

static void evict_expired_groups(void **state)
{
	struct track *t = make();

	(void)state;
	append(t, 0, 0);
	append(t, 0, 1);
	append(t, 0, 2);
	assert_int_equal(track_groups(t), 3);
	assert_int_equal(track_bytes(t), 21);
	append(t, LATER, 3);
	assert_int_equal(track_groups(t), 1);
	assert_int_equal(track_bytes(t), 7);
	assert_false(has(t, 0) || has(t, 1) || has(t, 2));
	assert_true(has(t, 3));
	/* What has left may come again. */
	assert_int_equal(insert(t, LATER, 1), 0);
	track_destroy(t);
}

/* Exactly of age stays, a nanosecond more doesn't. */
static void evict_keeps_max_sequence(void **state)
{
	struct track *t = make();

	(void)state;
	append(t, 0, 0);
	append(t, TRACK_AGE_MAX, 1);
	assert_true(has(t, 0));
	append(t, TRACK_AGE_MAX + 1, 2);
	assert_false(has(t, 0));
	assert_true(has(t, 1));
	append(t, 100 * LATER, 3);
	assert_int_equal(track_groups(t), 1);
	assert_true(has(t, 3));
	track_destroy(t);
}

static void no_eviction_when_fresh(void **state)
{
	struct track *t = make();

	(void)state;
	append(t, 0, 0);
	append(t, 0, 1);
	append(t, 0, 2);
	assert_int_equal(track_groups(t), 3);
	track_destroy(t);
}

static void reader_skips_evicted_groups(void **state)
{
	struct track *t = make();
	struct track_reader *r, *late;

	(void)state;
	append(t, 0, 0);
	r = begin(t);
	append(t, LATER, 1);
	late = begin(t);
	expect_next(r, 1, 1);
	expect_next(late, 1, 0);
	track_reader_destroy(r);
	track_reader_destroy(late);
	track_destroy(t);
}

static void out_of_order_max_sequence_at_front(void **state)
{
	struct track *t = make();

	(void)state;
	assert_int_equal(insert(t, 0, 5), 0);
	assert_int_equal(insert(t, 0, 3), 0);
	assert_int_equal(insert(t, 0, 4), 0);
	assert_int_equal(track_latest(t)->sequence, 5);
	append(t, LATER, 6);
	assert_int_equal(track_groups(t), 1);
	assert_false(has(t, 3) || has(t, 4) || has(t, 5));
	assert_true(has(t, 6));
	track_destroy(t);
}

static void max_sequence_at_front_blocks_trim(void **state)
{
	struct track *t = make();
	struct track_reader *r;

	(void)state;
	assert_int_equal(insert(t, 0, 5), 0);
	assert_int_equal(insert(t, LATER, 3), 0);
	assert_int_equal(track_groups(t), 2);
	assert_int_equal(insert(t, 2 * LATER, 2), 0);
	assert_int_equal(track_groups(t), 2);
	assert_true(has(t, 5) && has(t, 2));
	assert_false(has(t, 3));
	r = begin(t);
	expect_next(r, 5, 0);
	expect_next(r, 2, 0);
	expect_no_next(r, -EAGAIN);
	track_reader_destroy(r);
	track_destroy(t);
}

static void append_finish_cannot_be_rewritten(void **state)
{
	struct track *t = make();

	(void)state;
	assert_int_equal(track_finish(t), 0);
	assert_int_equal(track_finish(t), -ESHUTDOWN);
	assert_int_equal(track_append(t, 0, "{}", 2), -ESHUTDOWN);
	assert_int_equal(insert(t, 0, 0), -ESHUTDOWN);
	track_destroy(t);
}

static void finish_after_groups(void **state)
{
	struct track *t = make();
	struct track_reader *r = begin(t);

	(void)state;
	append(t, 0, 0);
	assert_int_equal(track_finish(t), 0);
	assert_int_equal(track_finish(t), -ESHUTDOWN);
	assert_int_equal(track_append(t, 0, "{}", 2), -ESHUTDOWN);
	assert_int_equal(track_write(t, 0, "{}", 2), -ESHUTDOWN);
	expect_next(r, 0, 0);
	expect_no_next(r, -ENODATA);
	track_reader_destroy(r);
	track_destroy(t);
}

static void finish_at_validates_sequence(void **state)
{
	struct track *t = make();

	(void)state;
	assert_int_equal(track_finish_at(t, 0), -ENOENT);
	assert_int_equal(insert(t, 0, 5), 0);
	assert_int_equal(track_finish_at(t, 4), -EINVAL);
	assert_int_equal(track_finish_at(t, 10), -EINVAL);
	assert_int_equal(track_finish_at(t, 5), 0);
	assert_int_equal(track_finish_at(t, 5), -ESHUTDOWN);
	assert_int_equal(insert(t, 0, 4), 0);
	assert_int_equal(insert(t, 0, 5), -EEXIST);
	assert_int_equal(insert(t, 0, 6), -ESHUTDOWN);
	track_destroy(t);
}

static void next_finishes_without_waiting_for_gaps(void **state)
{
	struct track *t = make();
	struct track_reader *r = begin(t);

	(void)state;
	assert_int_equal(insert(t, 0, 1), 0);
	assert_int_equal(track_finish_at(t, 1), 0);
	expect_next(r, 1, 0);
	expect_no_next(r, -ENODATA);
	track_reader_destroy(r);
	track_destroy(t);
}

static void get_finishes_without_waiting_for_gaps(void **state)
{
	struct track *t = make();
	struct group *g = NULL;

	(void)state;
	assert_int_equal(track_get(t, 0, &g), -EAGAIN);
	assert_int_equal(insert(t, 0, 1), 0);
	assert_int_equal(track_get(t, 2, &g), -EAGAIN);
	assert_int_equal(track_finish_at(t, 1), 0);
	assert_int_equal(track_get(t, 0, &g), -EAGAIN);
	assert_int_equal(track_get(t, 2, &g), -ENODATA);
	assert_null(g);
	assert_true(has(t, 1));
	track_destroy(t);
}

static void numbers_end(void **state)
{
	struct track *t = make();

	(void)state;
	assert_int_equal(insert(t, 0, UINT64_MAX), 0);
	assert_int_equal(track_append(t, 0, "{}", 2), -EOVERFLOW);
	assert_int_equal(track_finish(t), -EOVERFLOW);
	assert_int_equal(track_finish_at(t, UINT64_MAX), -EOVERFLOW);
	assert_int_equal(track_groups(t), 1);
	track_destroy(t);
}

static void a_number_is_given_once(void **state)
{
	struct track *t = make();

	(void)state;
	append(t, 0, 0);
	append(t, 0, 1);
	assert_int_equal(insert(t, 0, 1), -EEXIST);
	assert_int_equal(insert(t, 0, 0), -EEXIST);
	assert_int_equal(insert(t, 0, 7), 0);
	assert_int_equal(insert(t, 0, 7), -EEXIST);
	append(t, 0, 8);
	assert_int_equal(track_groups(t), 4);
	track_destroy(t);
}

static void the_reason_reaches_everyone(void **state)
{
	struct track *t = make();
	struct track_reader *r = begin(t), *other = begin(t);
	struct group *g;

	(void)state;
	append(t, 0, 0);
	assert_int_equal(track_abort(t, -ECANCELED), 0);
	assert_int_equal(track_abort(t, -EIO), -ECANCELED);
	assert_int_equal(track_append(t, 0, "{}", 2), -ECANCELED);
	assert_int_equal(insert(t, 0, 9), -ECANCELED);
	assert_int_equal(track_write(t, 0, "{}", 2), -ECANCELED);
	assert_int_equal(track_finish(t), -ECANCELED);
	assert_int_equal(track_finish_at(t, 0), -ECANCELED);
	assert_int_equal(track_get(t, 9, &g), -ECANCELED);
	expect_next(r, 0, 0);
	expect_no_next(r, -ECANCELED);
	track_destroy(t);
	expect_no_next(r, -ECANCELED);
	expect_no_next(other, -ECANCELED);
	track_reader_destroy(r);
	track_reader_destroy(other);
}

static void readers_outlive_the_track(void **state)
{
	struct track *t = make();
	struct track_reader *r = begin(t);
	uint64_t missed;
	struct group *g;

	(void)state;
	append(t, 0, 0);
	assert_int_equal(track_reader_next(r, &g, &missed), 0);
	track_destroy(t);
	assert_string_equal(g->frame, "{\"n\":0}");
	group_release(g);
	expect_no_next(r, -EPIPE);
	track_reader_destroy(r);
	track_reader_destroy(NULL);
	track_destroy(NULL);

	t = make();
	r = begin(t);
	assert_int_equal(track_finish(t), 0);
	track_destroy(t);
	expect_no_next(r, -ENODATA);
	track_reader_destroy(r);
}

/* Who holds a track writes to the one that all read; once it is destroyed, nobody does. */
static void a_held_track_is_the_same(void **state)
{
	struct track *t = make(), *held = track_hold(t);
	struct track_reader *r;
	struct group *g;

	(void)state;
	append(t, 0, 0);
	append(held, 0, 1);
	r = begin(t);
	expect_next(r, 0, 0);
	expect_next(r, 1, 0);
	expect_no_next(r, -EAGAIN);
	track_destroy(t);
	expect_no_next(r, -EPIPE);
	assert_string_equal(track_name(held), "publisher.json");
	assert_int_equal(track_append(held, 0, "{}", 2), -EPIPE);
	assert_int_equal(insert(held, 0, 9), -EPIPE);
	assert_int_equal(track_write(held, 0, "{}", 2), -EPIPE);
	assert_int_equal(track_get(held, 0, &g), -EPIPE);
	assert_null(track_latest(held));
	assert_int_equal(track_groups(held), 0);
	assert_int_equal(track_bytes(held), 0);
	assert_false(track_used(held));
	track_reader_destroy(r);
	track_release(held);
	track_release(NULL);

	/* The reason that was given stays. */
	t = make();
	held = track_hold(t);
	assert_int_equal(track_abort(t, -ECANCELED), 0);
	track_destroy(t);
	assert_int_equal(track_append(held, 0, "{}", 2), -ECANCELED);
	track_release(held);
}

static void used_while_it_is_read(void **state)
{
	struct track *t = make();
	struct track_reader *a, *b, *c;

	(void)state;
	assert_false(track_used(t));
	a = begin(t);
	b = begin(t);
	c = begin(t);
	track_reader_destroy(b);
	assert_true(track_used(t));
	track_reader_destroy(c);
	track_reader_destroy(a);
	assert_false(track_used(t));
	a = begin(t);
	assert_true(track_used(t));
	append(t, 0, 0);
	expect_next(a, 0, 0);
	track_reader_destroy(a);
	track_destroy(t);
}

static void start_at_leaves_out(void **state)
{
	struct track *t = make();
	struct track_reader *r = begin(t);
	uint64_t i;

	(void)state;
	for (i = 0; i < 5; i++)
		append(t, 0, i);
	track_reader_start_at(r, 3);
	expect_next(r, 3, 0);
	expect_next(r, 4, 0);
	expect_no_next(r, -EAGAIN);
	assert_int_equal(insert(t, 0, 10), 0);
	expect_next(r, 10, 0);
	track_reader_destroy(r);
	track_destroy(t);
}

/* Told once, and only of what it would have got. */
static void missed_is_told(void **state)
{
	struct track *t = make();
	struct track_reader *r = begin(t), *from = begin(t), *quick = begin(t);
	uint64_t i;

	(void)state;
	track_reader_start_at(from, 5);
	for (i = 0; i < 7; i++) {
		append(t, 0, i);
		expect_next(quick, i, 0);
	}
	expect_next(r, 0, 0);
	append(t, LATER, 7);
	expect_next(r, 7, 6);
	expect_no_next(r, -EAGAIN);
	expect_next(from, 7, 2);
	expect_next(quick, 7, 0);
	track_reader_destroy(r);
	track_reader_destroy(from);
	track_reader_destroy(quick);
	track_destroy(t);
}

static void bytes_are_bounded(void **state)
{
	struct track *t;
	struct track_reader *r;

	(void)state;
	assert_int_equal(track_create("t", 10, &t), 0);
	r = begin(t);
	assert_int_equal(track_append(t, 0, "aaaa", 4), 0);
	assert_int_equal(track_append(t, 0, "bbbbbb", 6), 0);
	assert_int_equal(track_groups(t), 2);
	assert_int_equal(track_append(t, 0, "c", 1), 0);
	assert_int_equal(track_groups(t), 2);
	assert_int_equal(track_bytes(t), 7);
	assert_int_equal(track_append(t, 0, "ddddddddddddd", 13), 0);
	assert_int_equal(track_groups(t), 1);
	expect_next(r, 3, 3);
	track_reader_destroy(r);
	track_destroy(t);
}

/* Many groups by few at a time: the room they had is used again, and numbers go on. */
static void goes_on(void **state)
{
	struct track *t = make();
	struct track_reader *r = begin(t);
	uint64_t i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		append(t, i * SECOND, i);
		expect_next(r, i, 0);
		assert_int_equal(track_groups(t), i < 30 ? i + 1 : 31);
	}
	track_reader_destroy(r);
	track_destroy(t);
}

static void writes_only_what_differs(void **state)
{
	char frame[] = "{\"a\":1}";
	struct track *t = make();

	(void)state;
	assert_null(track_latest(t));
	assert_int_equal(track_write(t, 0, "{}", 2), 1);
	assert_int_equal(track_write(t, 0, "{}", 2), 0);
	assert_int_equal(track_latest(t)->sequence, 0);
	assert_int_equal(track_write(t, 0, frame, 7), 1);
	frame[5] = '2';
	assert_int_equal(track_write(t, 0, frame, 7), 1);
	assert_int_equal(track_write(t, 0, frame, 7), 0);
	/* One that begins like the last is not the last. */
	assert_int_equal(track_write(t, 0, frame, 6), 1);
	assert_int_equal(track_write(t, 0, frame, 7), 1);
	assert_int_equal(track_write(t, 0, "", 0), 1);
	assert_int_equal(track_write(t, 0, "", 0), 0);
	assert_int_equal(track_latest(t)->sequence, 5);
	assert_int_equal(track_latest(t)->len, 0);
	track_destroy(t);
}

static void short_memory_changes_nothing(void **state)
{
	struct track *t = make();
	struct track_reader *r;
	size_t n;

	(void)state;
	assert_true(alloc_fail_works());
	append(t, 0, 0);
	for (n = 1;; n++) {
		int err;

		alloc_fail_arm(n);
		err = track_append(t, LATER, "{}", 2);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(track_groups(t), 1);
		assert_int_equal(track_latest(t)->sequence, 0);
	}
	assert_int_equal(track_latest(t)->sequence, 1);
	alloc_fail_arm(1);
	assert_int_equal(track_read(t, &r), -ENOMEM);
	assert_true(alloc_fail_disarm());
	assert_false(track_used(t));
	track_destroy(t);
	alloc_fail_arm(1);
	assert_int_equal(track_create("t", 0, &t), -ENOMEM);
	assert_true(alloc_fail_disarm());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evict_expired_groups),
		cmocka_unit_test(evict_keeps_max_sequence),
		cmocka_unit_test(no_eviction_when_fresh),
		cmocka_unit_test(reader_skips_evicted_groups),
		cmocka_unit_test(out_of_order_max_sequence_at_front),
		cmocka_unit_test(max_sequence_at_front_blocks_trim),
		cmocka_unit_test(append_finish_cannot_be_rewritten),
		cmocka_unit_test(finish_after_groups),
		cmocka_unit_test(finish_at_validates_sequence),
		cmocka_unit_test(next_finishes_without_waiting_for_gaps),
		cmocka_unit_test(get_finishes_without_waiting_for_gaps),
		cmocka_unit_test(numbers_end),
		cmocka_unit_test(a_number_is_given_once),
		cmocka_unit_test(the_reason_reaches_everyone),
		cmocka_unit_test(readers_outlive_the_track),
		cmocka_unit_test(a_held_track_is_the_same),
		cmocka_unit_test(used_while_it_is_read),
		cmocka_unit_test(start_at_leaves_out),
		cmocka_unit_test(missed_is_told),
		cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(goes_on),
		cmocka_unit_test(writes_only_what_differs),
		cmocka_unit_test(short_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
