/* SPDX-License-Identifier: MIT */
/*
 * The session server's own tests have their counterparts here (session-server text); the rest is
 * ours. There a session is found by its number; here whoever has one holds it, so that a session
 * that is not known can't be named.
 *
 *   test_realtime_config_default, test_session_server_creation   it_starts_empty
 *   test_session_connection, test_session_subscription,
 *     test_session_stats, send_to_session_delivers_message,
 *     broadcast_delta_routes_to_subscribed_session,
 *     remove_connection_purges_subscription_mappings            newest_first_then_each
 *   test_session_subscription_limit                             at_most_so_many
 *   test_try_send_backpressure,
 *     backpressure_evicts_after_max_consecutive_drops           who_does_not_read_is_evicted
 *   drop_counter_resets_on_successful_send                      room_begins_the_count_anew
 *   total_drops_evicts_intermittently_slow_client               fifty_in_all_are_too_many
 *   expired_token_session_is_evicted_on_push,
 *     valid_token_session_is_not_evicted                        who_has_expired_is_given_nothing
 *   cleanup_expired_tokens_evicts_and_notifies,
 *     cleanup_expired_tokens_skips_unauthenticated_sessions,
 *     cleanup_expired_tokens_returns_empty_when_nothing_expired expires_when_its_token_does
 *   cleanup_stale_evicts_only_idle_sessions                     stale_ones_are_swept
 *   try_send_to_missing_session_returns_not_found,
 *     try_send_to_closed_sender_returns_closed_and_evicts,
 *     add_subscription_to_unknown_session_errors,
 *     remove_unknown_subscription_is_noop,
 *     broadcast_delta_without_subscription_is_noop,
 *     send_to_unknown_session_errors                            nobody_is_there_to_be_told
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
#include "hub.h"

#define SECOND UINT64_C(1000000000)

static unsigned int woken;

static void wake(void *owner)
{
	assert_ptr_equal(owner, &woken);
	woken++;
}

static struct hub *make(size_t sessions)
{
	struct hub *h;

	assert_int_equal(hub_create(sessions, wake, &h), 0);
	return h;
}

static struct hub_session *join(struct hub *h)
{
	struct hub_session *s;

	assert_int_equal(hub_join(h, &woken, 0, HUB_NEVER, &s), 0);
	return s;
}

static struct track *track(const char *name)
{
	struct track *t;

	assert_int_equal(track_create(name, 0, &t), 0);
	return t;
}

/* A new group of a track, handed to all. */
static void tick(struct hub *h, struct track *t, uint64_t now)
{
	char frame[32];
	int len = snprintf(frame, sizeof(frame), "{\"%lu\":{}}", (unsigned long)now);

	assert_int_equal(track_append(t, now, frame, len), 0);
	hub_publish(h, t, now);
}

static void expect_group(struct hub_session *s, const struct track *t, uint64_t sequence,
			 uint64_t lost)
{
	struct hub_message m;

	assert_int_equal(hub_next(s, 0, &m), HUB_GROUP);
	assert_ptr_equal(m.track, t);
	assert_int_equal(m.group->sequence, sequence);
	assert_int_equal(m.lost, lost);
	hub_message_deinit(&m);
}

static void expect(struct hub_session *s, enum hub_event event)
{
	struct hub_message m;

	assert_int_equal(hub_next(s, 0, &m), event);
	assert_null(m.group);
	hub_message_deinit(&m);
}

/* The limits are the text's own. */
static void it_starts_empty(void **state)
{
	struct hub *h = make(10);

	(void)state;
	assert_int_equal(HUB_SUBSCRIPTIONS_MAX, 100);
	assert_int_equal(HUB_DROPS_IN_A_ROW, 10);
	assert_int_equal(HUB_DROPS_IN_ALL, 50);
	assert_int_equal(hub_counts(h)->sessions, 0);
	assert_int_equal(hub_counts(h)->subscriptions, 0);
	assert_int_equal(hub_counts(h)->sent, 0);
	assert_int_equal(hub_next_expiry(h), HUB_NEVER);
	hub_destroy(h);
}

/* Who has left, and what nobody follows. */
static void nobody_is_there_to_be_told(void **state)
{
	struct hub *h = make(10);
	struct track *t = track("t"), *other = track("other");
	struct hub_session *s = join(h);

	(void)state;
	woken = 0;
	hub_publish(h, other, 0); /* it has no group either */
	tick(h, other, 0);
	hub_end(h, other);
	expect(s, HUB_NOTHING);
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	hub_leave(s);
	tick(h, t, 0);
	hub_end(h, t);
	assert_int_equal(woken, 0);
	assert_int_equal(hub_counts(h)->sessions, 0);
	assert_int_equal(hub_counts(h)->subscriptions, 0);
	assert_int_equal(hub_counts(h)->sent, 0);
	assert_int_equal(hub_counts(h)->dropped, 0);
	hub_destroy(h);
	track_destroy(t);
	track_destroy(other);
}

/* Nine are lost, one finds room, and nine more may be lost. */
static void room_begins_the_count_anew(void **state)
{
	struct hub *h = make(10);
	struct track *t = track("t");
	struct hub_session *s = join(h);
	uint64_t i;

	(void)state;
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	for (i = 0; i < HUB_QUEUE + 1 + HUB_DROPS_IN_A_ROW - 1; i++)
		tick(h, t, 0);
	expect_group(s, t, 0, 0);
	tick(h, t, 0);
	for (i = 0; i < HUB_DROPS_IN_A_ROW - 1; i++)
		tick(h, t, 0);
	assert_int_equal(hub_counts(h)->dropped, 2 * (HUB_DROPS_IN_A_ROW - 1));
	assert_int_equal(hub_counts(h)->lagging, 0);
	expect_group(s, t, 1, 0);
	hub_destroy(h);
	track_destroy(t);
}

/* Only who would lose the next group, and still has a place. */
static void it_is_full_where_one_would_lose(void **state)
{
	struct hub *h = make(10);
	struct track *t = track("t");
	struct hub_session *s = join(h), *other = join(h);
	uint64_t i;

	(void)state;
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	assert_int_equal(hub_follow(other, t, false, 0), 0);
	for (i = 0; i < HUB_QUEUE + 1; i++) {
		assert_false(hub_full(h));
		tick(h, t, 0);
		expect_group(other, t, i, 0);
	}
	assert_true(hub_full(h));
	expect_group(s, t, 0, 0);
	assert_false(hub_full(h));
	for (i = 0; i < 1 + HUB_DROPS_IN_A_ROW; i++) {
		assert_true(!i || hub_full(h));
		tick(h, t, 0);
		expect_group(other, t, HUB_QUEUE + 1 + i, 0);
	}
	assert_int_equal(hub_counts(h)->lagging, 1);
	assert_false(hub_full(h));
	hub_destroy(h);
	track_destroy(t);
}

/* Not even what comes before it is looked for those that have expired. */
static void who_has_expired_is_given_nothing(void **state)
{
	struct hub *h = make(3);
	struct track *t = track("t");
	struct hub_session *s, *longer;

	(void)state;
	assert_int_equal(hub_join(h, &woken, 0, SECOND, &s), 0);
	assert_int_equal(hub_join(h, &woken, 0, SECOND + 1, &longer), 0);
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	assert_int_equal(hub_follow(longer, t, false, 0), 0);
	tick(h, t, SECOND - 1);
	expect_group(s, t, 0, 0);
	woken = 0;
	tick(h, t, SECOND);
	assert_int_equal(woken, 2);
	expect(s, HUB_EXPIRED);
	expect_group(longer, t, 0, 0);
	expect_group(longer, t, 1, 0);
	assert_int_equal(hub_counts(h)->expired, 1);
	assert_int_equal(hub_counts(h)->subscriptions, 1);
	hub_sweep(h, SECOND, HUB_NEVER);
	tick(h, t, SECOND);
	assert_int_equal(hub_counts(h)->expired, 1);
	hub_destroy(h);
	track_destroy(t);
}

static void newest_first_then_each(void **state)
{
	struct hub *h = make(10);
	struct track *a = track("a"), *b = track("b");
	struct hub_session *s = join(h), *other = join(h);

	(void)state;
	woken = 0;
	tick(h, a, 1);
	tick(h, a, 2);
	assert_int_equal(hub_follow(s, a, false, 0), 0);
	assert_int_equal(hub_follow(s, b, false, 0), 0);
	assert_int_equal(hub_follow(s, a, false, 0), -EALREADY);
	assert_int_equal(hub_follow(other, b, false, 0), 0);
	assert_int_equal(woken, 1);
	expect_group(s, a, 1, 0);
	expect(s, HUB_NOTHING);
	tick(h, a, 3);
	tick(h, b, 3);
	tick(h, a, 4);
	expect_group(s, a, 2, 0);
	expect_group(s, b, 0, 0);
	expect_group(s, a, 3, 0);
	expect(s, HUB_NOTHING);
	expect_group(other, b, 0, 0);
	expect(other, HUB_NOTHING);
	assert_int_equal(hub_counts(h)->sessions, 2);
	assert_int_equal(hub_counts(h)->subscriptions, 3);
	assert_int_equal(hub_counts(h)->sent, 5);
	assert_int_equal(hub_counts(h)->dropped, 0);
	hub_leave(s);
	hub_leave(NULL);
	assert_int_equal(hub_counts(h)->sessions, 1);
	assert_int_equal(hub_counts(h)->subscriptions, 1);
	tick(h, b, 5);
	hub_destroy(h);
	hub_destroy(NULL);
	track_destroy(a);
	track_destroy(b);
}

static void comes_back_where_it_was(void **state)
{
	struct hub *h = make(10);
	struct track *t = track("t");
	struct hub_session *s = join(h), *same = join(h), *other = join(h);
	uint64_t i;

	(void)state;
	for (i = 0; i < 5; i++)
		tick(h, t, i * SECOND);
	assert_int_equal(hub_follow(s, t, true, 1), 0);
	expect_group(s, t, 2, 0);
	expect_group(s, t, 3, 0);
	expect_group(s, t, 4, 0);
	expect(s, HUB_NOTHING);
	/* It has the newest already, or one of the same number of another life. */
	assert_int_equal(hub_follow(same, t, true, 4), 0);
	expect_group(same, t, 4, 0);
	expect(same, HUB_NOTHING);
	/* A number of another life. */
	assert_int_equal(hub_follow(other, t, true, 5), 0);
	expect_group(other, t, 4, 0);
	tick(h, t, 5 * SECOND);
	expect_group(same, t, 5, 0);
	hub_destroy(h);
	track_destroy(t);
}

static void what_is_no_more_is_told_as_lost(void **state)
{
	struct hub *h = make(10);
	struct track *t = track("t");
	struct hub_session *s = join(h), *far = join(h);
	uint64_t i;

	(void)state;
	for (i = 0; i < 6; i++)
		tick(h, t, 0);
	tick(h, t, 20 * SECOND);
	tick(h, t, 2 * TRACK_AGE_MAX);
	/* 7 is all there is. */
	assert_int_equal(hub_follow(s, t, true, 1), 0);
	expect_group(s, t, 7, 5);
	expect(s, HUB_NOTHING);
	for (i = 8; i < 1000; i++)
		tick(h, t, 2 * TRACK_AGE_MAX);
	assert_int_equal(hub_follow(far, t, true, 7), 0);
	for (i = 999 - (HUB_QUEUE - HUB_DROPS_IN_A_ROW) + 1; i < 1000; i++)
		expect_group(far, t, i,
			     i == 999 - (HUB_QUEUE - HUB_DROPS_IN_A_ROW) + 1 ? i - 8 : 0);
	expect(far, HUB_NOTHING);
	hub_destroy(h);
	track_destroy(t);
}

/* 33 wait; ten more in a row are lost, and with them the place. Others don't notice. */
static void who_does_not_read_is_evicted(void **state)
{
	struct hub *h = make(10);
	struct track *t = track("t");
	struct hub_session *slow = join(h), *good = join(h);
	uint64_t i;

	(void)state;
	assert_int_equal(hub_follow(slow, t, false, 0), 0);
	assert_int_equal(hub_follow(good, t, false, 0), 0);
	for (i = 0; i < HUB_QUEUE + 1 + HUB_DROPS_IN_A_ROW - 1; i++) {
		tick(h, t, 0);
		expect_group(good, t, i, 0);
	}
	assert_int_equal(hub_counts(h)->dropped, 9);
	assert_int_equal(hub_counts(h)->lagging, 0);
	tick(h, t, 0);
	assert_int_equal(hub_counts(h)->dropped, 10);
	assert_int_equal(hub_counts(h)->lagging, 1);
	assert_int_equal(hub_counts(h)->subscriptions, 1);
	expect(slow, HUB_LAGGING);
	expect(slow, HUB_LAGGING);
	tick(h, t, 0);
	expect_group(good, t, i, 0);
	expect_group(good, t, i + 1, 0);
	hub_leave(slow);
	hub_destroy(h);
	track_destroy(t);
}

/* The last groups had no room, and none comes after them: who reads at last has the newest. */
static void who_reads_all_has_the_newest(void **state)
{
	struct hub *h = make(10);
	struct track *t = track("t");
	struct hub_session *s = join(h);
	uint64_t i;

	(void)state;
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	for (i = 0; i < HUB_QUEUE + 1 + 5; i++)
		tick(h, t, 0);
	for (i = 0; i < HUB_QUEUE + 1; i++)
		expect_group(s, t, i, 0);
	expect_group(s, t, HUB_QUEUE + 5, 4);
	expect(s, HUB_NOTHING);
	tick(h, t, 0);
	expect_group(s, t, HUB_QUEUE + 6, 0);
	hub_destroy(h);
	track_destroy(t);
}

/* It reads one now and then: told what it lost, and out after fifty in all. */
static void fifty_in_all_are_too_many(void **state)
{
	struct hub *h = make(10);
	struct track *t = track("t");
	struct hub_session *s = join(h);
	uint64_t i, lost = 0, next = 0;
	unsigned int turn;

	(void)state;
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	for (i = 0; i < HUB_QUEUE + 1; i++)
		tick(h, t, 0);
	for (turn = 0; turn < 7; turn++) {
		for (i = 0; i < 7; i++)
			tick(h, t, 0);
		expect_group(s, t, next++, 0);
		tick(h, t, 0); /* this one finds room, and brings word of the seven */
	}
	assert_int_equal(hub_counts(h)->dropped, 49);
	for (i = 0; i < HUB_QUEUE + 1; i++) {
		struct hub_message m;

		assert_int_equal(hub_next(s, 0, &m), HUB_GROUP);
		lost += m.lost;
		hub_message_deinit(&m);
	}
	assert_int_equal(lost, 49);
	for (i = 0; i < HUB_QUEUE + 2 && !hub_counts(h)->lagging; i++)
		tick(h, t, 0);
	assert_int_equal(hub_counts(h)->dropped, 50);
	expect(s, HUB_LAGGING);
	hub_destroy(h);
	track_destroy(t);
}

static void at_most_so_many(void **state)
{
	struct hub *h = make(2);
	struct track *tracks[HUB_SUBSCRIPTIONS_MAX + 1];
	struct hub_session *s = join(h), *other = join(h), *third;
	size_t i;

	(void)state;
	assert_int_equal(hub_join(h, &woken, 0, HUB_NEVER, &third), -EUSERS);
	hub_leave(other);
	other = join(h);
	for (i = 0; i <= HUB_SUBSCRIPTIONS_MAX; i++) {
		tracks[i] = track("t");
		tick(h, tracks[i], 0);
		assert_int_equal(hub_follow(s, tracks[i], false, 0),
				 i < HUB_SUBSCRIPTIONS_MAX ? 0 : -ENOSPC);
	}
	/* Each track's first is there. */
	for (i = 0; i < HUB_SUBSCRIPTIONS_MAX; i++)
		expect_group(s, tracks[i], 0, 0);
	expect(s, HUB_NOTHING);
	assert_int_equal(hub_counts(h)->dropped, 0);
	hub_destroy(h);
	for (i = 0; i <= HUB_SUBSCRIPTIONS_MAX; i++)
		track_destroy(tracks[i]);
}

static void expires_when_its_token_does(void **state)
{
	struct hub *h = make(3);
	struct track *t = track("t");
	struct hub_session *s, *stays = join(h);

	(void)state;
	assert_int_equal(hub_next_expiry(h), HUB_NEVER);
	assert_int_equal(hub_join(h, &woken, 0, 10 * SECOND, &s), 0);
	assert_int_equal(hub_next_expiry(h), 10 * SECOND);
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	assert_int_equal(hub_follow(stays, t, false, 0), 0);
	tick(h, t, 1);
	hub_sweep(h, 10 * SECOND - 1, HUB_NEVER);
	assert_int_equal(hub_counts(h)->expired, 0);
	expect_group(s, t, 0, 0);
	tick(h, t, 2);
	woken = 0;
	hub_sweep(h, 10 * SECOND, HUB_NEVER);
	assert_int_equal(woken, 1);
	expect(s, HUB_EXPIRED);
	expect_group(stays, t, 0, 0);
	assert_int_equal(hub_counts(h)->expired, 1);
	hub_sweep(h, 11 * SECOND, HUB_NEVER);
	assert_int_equal(hub_counts(h)->expired, 1);
	assert_int_equal(hub_next_expiry(h), HUB_NEVER);
	hub_destroy(h);
	track_destroy(t);
}

/* Something waits and nobody comes for it. Who has nothing to read is not stale. */
static void stale_ones_are_swept(void **state)
{
	struct hub *h = make(3);
	struct track *t = track("t"), *quiet = track("quiet");
	struct hub_session *s = join(h), *idle = join(h);
	struct hub_message m;

	(void)state;
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	assert_int_equal(hub_follow(idle, quiet, false, 0), 0);
	tick(h, t, 100 * SECOND);
	hub_sweep(h, 130 * SECOND, 30 * SECOND);
	assert_int_equal(hub_next(s, 130 * SECOND, &m), HUB_GROUP);
	hub_message_deinit(&m);
	tick(h, t, 131 * SECOND);
	tick(h, t, 150 * SECOND);
	hub_sweep(h, 161 * SECOND, 30 * SECOND);
	assert_int_equal(hub_counts(h)->stale, 0);
	hub_sweep(h, 161 * SECOND + 1, 30 * SECOND);
	assert_int_equal(hub_counts(h)->stale, 1);
	expect(s, HUB_LAGGING);
	expect(idle, HUB_NOTHING);
	hub_destroy(h);
	track_destroy(t);
	track_destroy(quiet);
}

static void an_end_is_told_after_the_rest(void **state)
{
	struct hub *h = make(3);
	struct track *t = track("gone.json"), *other = track("other");
	struct hub_session *s = join(h);
	struct hub_message m;

	(void)state;
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	assert_int_equal(hub_follow(s, other, false, 0), 0);
	tick(h, t, 0);
	hub_end(h, t);
	track_destroy(t);
	tick(h, other, 0);
	assert_int_equal(hub_counts(h)->subscriptions, 1);
	assert_int_equal(hub_next(s, 0, &m), HUB_GROUP);
	assert_string_equal(m.group->frame, "{\"0\":{}}");
	hub_message_deinit(&m);
	assert_int_equal(hub_next(s, 0, &m), HUB_ENDED);
	assert_string_equal(track_name(m.track), "gone.json");
	hub_message_deinit(&m);
	expect_group(s, other, 0, 0);
	hub_destroy(h);
	track_destroy(other);
}

static void short_memory_is_a_drop(void **state)
{
	struct hub *h;
	struct track *t = track("t");
	struct hub_session *s;

	(void)state;
	assert_true(alloc_fail_works());
	alloc_fail_arm(1);
	assert_int_equal(hub_create(1, wake, &h), -ENOMEM);
	assert_true(alloc_fail_disarm());
	h = make(3);
	alloc_fail_arm(1);
	assert_int_equal(hub_join(h, &woken, 0, HUB_NEVER, &s), -ENOMEM);
	assert_true(alloc_fail_disarm());
	assert_int_equal(hub_counts(h)->sessions, 0);
	s = join(h);
	alloc_fail_arm(1);
	assert_int_equal(hub_follow(s, t, false, 0), -ENOMEM);
	assert_true(alloc_fail_disarm());
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	assert_int_equal(track_append(t, 0, "{}", 2), 0);
	alloc_fail_arm(1);
	hub_publish(h, t, 0);
	assert_true(alloc_fail_disarm());
	assert_int_equal(hub_counts(h)->dropped, 1);
	tick(h, t, 1);
	expect_group(s, t, 1, 1);
	alloc_fail_arm(1);
	hub_end(h, t);
	assert_true(alloc_fail_disarm());
	expect(s, HUB_LAGGING);
	hub_destroy(h);
	track_destroy(t);
}

/* A sequence that never came is lost to all, and nobody's fault. */
static void what_never_came_is_told_as_lost(void **state)
{
	struct hub *h = make(2);
	struct hub_session *s = join(h);
	struct track *t = track("t");

	(void)state;
	tick(h, t, 1);
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	expect_group(s, t, 0, 0);
	assert_int_equal(track_insert(t, 2, 7, "{}", 2), 0);
	hub_publish(h, t, 2);
	expect_group(s, t, 7, 6);
	tick(h, t, 3);
	expect_group(s, t, 8, 0);
	assert_int_equal(hub_counts(h)->dropped, 0);
	hub_destroy(h);
	track_destroy(t);
}

/* When nobody could read, nobody is stale for it; but later. */
static void a_stall_is_held_against_nobody(void **state)
{
	struct hub *h = make(2);
	struct hub_session *s = join(h);
	struct track *t = track("t");

	(void)state;
	tick(h, t, SECOND);
	assert_int_equal(hub_follow(s, t, false, 0), 0);
	hub_excuse(h, 60 * SECOND, 58 * SECOND);
	hub_sweep(h, 60 * SECOND, 30 * SECOND);
	assert_int_equal(hub_counts(h)->stale, 0);
	hub_excuse(h, 61 * SECOND, 58 * SECOND); /* no more than until then */
	hub_sweep(h, 90 * SECOND, 30 * SECOND);
	assert_int_equal(hub_counts(h)->stale, 0);
	hub_sweep(h, 92 * SECOND, 30 * SECOND);
	assert_int_equal(hub_counts(h)->stale, 1);
	hub_destroy(h);
	track_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_starts_empty),
		cmocka_unit_test(nobody_is_there_to_be_told),
		cmocka_unit_test(room_begins_the_count_anew),
		cmocka_unit_test(it_is_full_where_one_would_lose),
		cmocka_unit_test(who_has_expired_is_given_nothing),
		cmocka_unit_test(newest_first_then_each),
		cmocka_unit_test(comes_back_where_it_was),
		cmocka_unit_test(what_never_came_is_told_as_lost),
		cmocka_unit_test(a_stall_is_held_against_nobody),
		cmocka_unit_test(what_is_no_more_is_told_as_lost),
		cmocka_unit_test(who_does_not_read_is_evicted),
		cmocka_unit_test(who_reads_all_has_the_newest),
		cmocka_unit_test(fifty_in_all_are_too_many),
		cmocka_unit_test(at_most_so_many),
		cmocka_unit_test(expires_when_its_token_does),
		cmocka_unit_test(stale_ones_are_swept),
		cmocka_unit_test(an_end_is_told_after_the_rest),
		cmocka_unit_test(short_memory_is_a_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
