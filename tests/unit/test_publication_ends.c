/* SPDX-License-Identifier: MIT */
/*
 * How it ends: a relay that wants no more, or reads too slowly; broadcasts that go; and sessions
 * that are over.
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

#include "publishing.h"
#include "subscription.h"
#include "wire_hex.h"

#define LARGE 40000

static char large[LARGE];

static int begin(void **state)
{
	memset(large, 'x', sizeof(large));
	return publishing_begin(state);
}

/* Frames `{}` of the track that is followed, of these numbers, one after the other. */
static void frames(struct publishing *s, uint64_t first, uint64_t last)
{
	for (; first <= last; first++) {
		assert_int_equal(publishing_frame(s, "node/n1", "publisher.json", first, "{}"), 0);
		publishing_run(s);
	}
}

/* That of such a number, of a board whose track began at 1000. */
static void expect_frame(struct publishing *s, uint64_t stream, uint64_t id, uint64_t number)
{
	publishing_expect_group(s, stream, id, 1000 + number, "{}", 2);
}

static void expect_subscriptions(const struct publishing *s, size_t n)
{
	assert_int_equal(publication_counts(s->session)->subscriptions, n);
}

/* Follow it, with half of a large frame sent on stream 6. */
static void send_half(struct publishing *s)
{
	struct wire_out group = publishing_group(0, 1001, large, LARGE);

	publishing_follow(s);
	assert_int_equal(publishing_bytes(s, "node/n1", "publisher.json", 1, large, LARGE), 0);
	publishing_run(s);
	publishing_expect_piece(s, 6, &group, 0);
	wire_out_deinit(&group);
}

/* In whichever way a relay says that it wants no more of a subscription. */
static void a_relay_wants_no_more(void **state)
{
	static const char *const ends[] = { "04 05 00", "05 05 00", "09 05" };
	static const char *const answers[] = { "04 05 00", "04 05 00", "09 05" };
	struct publishing *s = *state;
	size_t i;

	for (i = 0; i < 3; i++) {
		send_half(s);
		publishing_says(s, ends[i]);
		expect_subscriptions(s, 0);
		publishing_expect(s, answers[i]);
		publishing_expect(s, "04 06 00");
		frames(s, 2, 4);
		publishing_expect_none(s);
		/* Said once more, it is nothing. */
		publishing_says(s, ends[i]);
		publishing_says(s, "08 05 'more'");
		publishing_expect_none(s);
		/* It may subscribe again. */
		publishing_says(s, "08 09 02 19 01 07 'node/n1' 0e 'publisher.json' 00");
		publishing_expect(s, "08 09 00");
		expect_frame(s, 10, 1, 4);
		publishing_expect_none(s);
		expect_subscriptions(s, 1);
		assert_int_equal(publishing_frame(s, "node/n1", "publisher.json", 0, "{}"), 0);
		/* Another life, which the next one begins with. */
		publishing_over(s, "node/n1");
	}
}

/* A group that is whole by then, or has not been begun, needs no reset. */
static void only_half_a_group_is_reset(void **state)
{
	struct publishing *s = *state;

	publishing_follow(s);
	frames(s, 1, 2);
	publishing_says(s, "04 05 00");
	publishing_expect(s, "04 05 00");
	publishing_expect_none(s);
	publishing_run(s);
	publishing_expect_none(s);
	/* Before its request has come whole. */
	publishing_says(s, "08 09 02 19");
	publishing_says(s, "09 09");
	publishing_expect(s, "09 09");
	publishing_says(s, "08 0d 02 19");
	publishing_says(s, "04 0d 00");
	publishing_expect(s, "04 0d 00");
	/* With its request. */
	publishing_says(s, "09 11 02 19 01 07 'node/n1' 0e 'publisher.json' 00");
	publishing_expect(s, "08 11 00");
	publishing_expect(s, "09 11");
	publishing_expect_none(s);
	expect_subscriptions(s, 0);
}

/* It may want no more of one group, and then gets the next one. */
static void a_relay_stops_one_group(void **state)
{
	struct publishing *s = *state;

	send_half(s);
	publishing_says(s, "05 06 00");
	publishing_expect(s, "04 06 00");
	publishing_expect_none(s);
	expect_subscriptions(s, 1);
	frames(s, 2, 2);
	expect_frame(s, 10, 0, 2);
	publishing_expect_none(s);
}

/* Relays send resets before anything else, and may so end a stream that hasn't come yet. */
static void a_reset_may_overtake_its_stream(void **state)
{
	struct publishing *s = *state;

	publishing_open(s);
	publishing_says(s, "04 05 00");
	publishing_says(s, "05 05 00");
	publishing_says(s, PUBLISHING_SUBSCRIBE);
	expect_subscriptions(s, 0);
}

static void who_is_slow_goes_on_with_the_newest(void **state)
{
	struct publishing *s = *state;
	const struct publication_counts *c;
	uint64_t i;

	publishing_follow(s);
	c = publication_counts(s->session);
	frames(s, 1, 100);
	/* The first was begun. */
	expect_frame(s, 6, 0, 1);
	expect_frame(s, 10, 0, 100);
	publishing_expect_none(s);
	assert_int_equal(c->skipped, 98);
	/* So far behind, and a frame more. */
	frames(s, 101, 102 + SUBSCRIPTION_BEHIND);
	for (i = 0; i < 2 + SUBSCRIPTION_BEHIND; i++)
		expect_frame(s, 14 + 4 * i, 0, 101 + i);
	publishing_expect_none(s);
	assert_int_equal(c->skipped, 98);
	frames(s, 1001, 1003 + SUBSCRIPTION_BEHIND);
	expect_frame(s, 14 + 4 * i, 0, 1001);
	expect_frame(s, 18 + 4 * i, 0, 1003 + SUBSCRIPTION_BEHIND);
	publishing_expect_none(s);
	assert_int_equal(c->skipped, 98 + 1 + SUBSCRIPTION_BEHIND);
	assert_int_equal(c->groups, 3 + 2 + SUBSCRIPTION_BEHIND + 2);
}

/* Nor does a track keep groups for it beyond their time. */
static void groups_leave_by_age(void **state)
{
	struct publishing *s = *state;

	publishing_follow(s);
	frames(s, 1, 3);
	s->now += TRACK_AGE_MAX + 1;
	frames(s, 4, 4);
	expect_frame(s, 6, 0, 1);
	expect_frame(s, 10, 0, 4);
	publishing_expect_none(s);
	assert_int_equal(publication_counts(s->session)->skipped, 2);
}

static void subscriptions_take_turns(void **state)
{
	struct publishing *s = *state;
	uint64_t n, id, before = 2;
	struct wire_message m;
	size_t i, len;

	assert_int_equal(publishing_frame(s, "node/n1", "subscriber.json", 0, "{}"), 0);
	publishing_follow(s);
	publishing_says(s, "08 09 02 1a 01 07 'node/n1' 0f 'subscriber.json' 00");
	publishing_expect(s, "08 09 00");
	expect_frame(s, 6, 1, 0);
	for (n = 1; n <= 8; n++) {
		frames(s, n, n);
		assert_int_equal(publishing_frame(s, "node/n1", "subscriber.json", n, "{}"), 0);
		publishing_run(s);
	}
	for (i = 0; i < 16; i++) {
		len = publication_next(s->session, s->message);
		assert_int_equal(wire_read(s->message, len, &m), 0);
		assert_int_equal(m.stream, 10 + 4 * i);
		assert_true(m.fin);
		id = m.data[2];
		assert_int_equal(m.data[4], 0xe8 + 1 + i / 2);
		assert_true(id != before);
		before = id;
	}
	publishing_expect_none(s);
}

static void a_broadcast_goes_and_comes_again(void **state)
{
	struct publishing *s = *state;

	publishing_follow(s);
	publishing_says(s, "08 09 02 18 01 07 'node/n1' 0d 'sessions.json' 00");
	publishing_expect(s, "08 09 00");
	publishing_over(s, "node/n1");
	publishing_run(s);
	publishing_expect(s, "08 01 09 00 07 'node/n1'");
	publishing_expect(s, "09 05");
	publishing_expect(s, "09 09");
	publishing_expect_none(s);
	expect_subscriptions(s, 0);
	assert_int_equal(publication_counts(s->session)->broadcasts, 0);
	publishing_says(s, "09 05");
	publishing_says(s, "08 0d 02 19 00 07 'node/n1' 0e 'publisher.json' 00");
	publishing_expect(s, "04 0d 0d");
	publishing_expect_none(s);
	s->now += 5 * PUBLISHING_SECOND;
	frames(s, 0, 0);
	publishing_expect(s, "08 01 09 01 07 'node/n1'");
	publishing_says(s, "08 11 02 19 02 07 'node/n1' 0e 'publisher.json' 00");
	publishing_expect(s, "08 11 00");
	expect_frame(s, 6, 2, 5000);
	publishing_expect_none(s);
}

/* Its relay has ended, as a status says; its last frames stay on the board, for others. */
static void a_relay_of_ours_ends(void **state)
{
	struct publishing *s = *state;

	publishing_follow(s);
	assert_int_equal(publishing_status(s, "{\"broadcast\":\"node/n1\",\"ended\":true}"), 0);
	publishing_run(s);
	publishing_expect(s, "08 01 09 00 07 'node/n1'");
	publishing_expect(s, "09 05");
	publishing_expect_none(s);
	expect_subscriptions(s, 0);
}

/* Half of a group is reset then, too, or sent whole. */
static void a_broadcast_goes_amid_a_group(void **state)
{
	struct wire_out group = publishing_group(0, 1001, large, LARGE);
	struct publishing *s = *state;
	size_t sent = WIRE_DATA_MAX;

	send_half(s);
	publishing_over(s, "node/n1");
	publishing_run(s);
	publishing_expect(s, "08 01 09 00 07 'node/n1'");
	while (sent < group.len)
		sent = publishing_expect_piece(s, 6, &group, sent);
	publishing_expect(s, "09 05");
	publishing_expect_none(s);
	wire_out_deinit(&group);
}

/* Numbers rise over all lives of a track, and each has subscriptions of its own. */
static void a_track_begins_anew(void **state)
{
	struct publishing *s = *state;

	publishing_follow(s);
	frames(s, 7, 7);
	expect_frame(s, 6, 0, 7);
	frames(s, 2, 2);
	publishing_expect(s, "09 05");
	publishing_expect_none(s);
	expect_subscriptions(s, 0);
	publishing_says(s, "08 09 02 19 00 07 'node/n1' 0e 'publisher.json' 00");
	publishing_expect(s, "08 09 00");
	/* At once, its clock has not gone on: after 1007 comes 1008, that of number 0. */
	expect_frame(s, 10, 0, 8 + 2);
	publishing_expect_none(s);
}

static void patience_ends(void **state)
{
	struct publishing *s = *state;

	publishing_join(s, "");
	s->now += PUBLICATION_PATIENCE;
	publishing_run(s);
	s->now++;
	publishing_expect_over(s, publication_run(s->session, s->now), -ETIMEDOUT,
			       "the relay doesn't answer the setup");
	publishing_join(s, "");
	s->now += PUBLICATION_PATIENCE;
	publishing_says(s, PUBLISHING_ANSWER);
	s->now += PUBLICATION_PATIENCE;
	publishing_run(s);
	s->now++;
	publishing_expect_over(s, publication_run(s->session, s->now), -ETIMEDOUT,
			       "doesn't ask what there is to publish");
	assert_non_null(strstr(publication_error(s->session), "for those without one"));
	/* Who has asked may be silent. */
	s->now = PUBLISHING_SECOND;
	publishing_follow(s);
	s->now += 1000 * PUBLICATION_PATIENCE;
	publishing_run(s);
	publishing_expect_none(s);
}

static void expect_refused(struct publishing *s, const char *text, int expected, const char *why)
{
	publishing_follow(s);
	publishing_expect_over(s, publishing_take(s, text), expected, why);
	publishing_over(s, "node/n1");
}

static void a_relay_ends_the_session(void **state)
{
	struct publishing *s = *state;
	char text[1200] = "1c 01", *at = text + strlen(text);
	int i;

	expect_refused(s, "1d 0d 'shut down'", -ECONNRESET,
		       "the relay closed the session: shut down (code 13)");
	expect_refused(s, "1c 00", -ECONNRESET, "the relay closed the session:");
	expect_refused(s, "09 00", -ECONNRESET, "the relay ended the session");
	expect_refused(s, "04 00 00", -ECONNRESET, "the relay ended the session");
	expect_refused(s, "05 00 00", -ECONNRESET, "the relay ended the session");
	for (i = 0; i < 500; i++)
		at = stpcpy(at, "ff");
	expect_refused(s, text, -ECONNRESET, "the relay closed the session: \xff");
}

static void what_is_none_ends_the_session(void **state)
{
	struct publishing *s = *state;

	expect_refused(s, "", -EPROTO, "a message that is none");
	expect_refused(s, "ff", -EPROTO, "a message that is none");
	expect_refused(s, "08", -EPROTO, "a message that is none");
	expect_refused(s, "'GET / HTTP/1.1'", -EPROTO, "a message that is none");
	expect_refused(s, "08 09 02 03 00 7f 'a'", -EPROTO, "a request that is none");
	expect_refused(s, "08 09 01 00", -EPROTO, "a request that is none");
	expect_refused(s, "08 09 01 80010001", -EPROTO, "a request that is none");
}

static void expect_setup(struct publishing *s, const char *text, int expected, const char *why)
{
	publishing_join(s, "");
	publishing_expect_over(s, publishing_take(s, text), expected, why);
}

static void setups_may_fail(void **state)
{
	static const char *const pieces[] = {
		"08 00 21", "08 00 00", "08 00", "08 00 09 c0", "08 00 000000ff0dad02", "08 00 00"
	};
	struct publishing *s = *state;
	size_t i;

	expect_setup(s, "08 00 21 0009 c0000000ff0dad01 00", -EPROTO, "moq-lite-02");
	expect_setup(s, "08 00 20 0009 c0000000ff0dad02 00", -EPROTO, "setup");
	expect_setup(s, "08 00 21 0000", -EPROTO, "setup");
	expect_setup(s, "09 00 21", -EPROTO, "setup");
	expect_setup(s, "09 00", -EPROTO, "setup");
	expect_setup(s, "04 00 00", -ECONNRESET, "ended the session");
	expect_setup(s, "1d 00 'no'", -ECONNRESET, "no (code 0)");
	publishing_join(s, "");
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		assert_int_equal(publication_state(s->session), PUBLICATION_SETUP);
		publishing_says(s, pieces[i]);
	}
	assert_int_equal(publication_state(s->session), PUBLICATION_UNASKED);
	publishing_expect_none(s);
}

/* Message with bytes of a stream of any number. */
static void say_on(struct publishing *s, uint64_t stream, const char *data, size_t len)
{
	uint8_t *message = malloc(WIRE_HEAD_MAX + len);
	size_t head;

	assert_non_null(message);
	head = wire_write_head(message, stream, false);
	memcpy(message + head, data, len);
	assert_int_equal(publication_take(s->session, message, head + len, s->now), 0);
	free(message);
}

static void streams_are_bounded(void **state)
{
	struct publishing *s = *state;
	struct wire_out reset = { 0 };
	uint64_t stream = 5;
	char text[64];
	size_t len, i;

	publishing_open(s);
	/* With that of the announcements. */
	for (i = 1; i < PUBLICATION_STREAMS_MAX; i++, stream += 4)
		say_on(s, stream, "\x02", 1);
	publishing_expect_none(s);
	say_on(s, stream, "\x02", 1);
	say_on(s, stream, "more", 4);
	wire_put_reset(&reset, stream, WIRE_TOO_MANY);
	len = publication_next(s->session, s->message);
	assert_int_equal(len, reset.len);
	assert_memory_equal(s->message, reset.data, len);
	wire_out_deinit(&reset);
	publishing_expect_none(s);
	/* One that ends makes room. */
	publishing_says(s, "09 05");
	publishing_expect(s, "09 05");
	snprintf(text, sizeof(text), "08 8000%04x 02", (unsigned int)stream + 4);
	publishing_says(s, text);
	publishing_expect_none(s);
}

/* Who asks and asks, and reads no answer, isn't waited for. */
static void what_waits_is_bounded(void **state)
{
	struct publishing *s = *state;
	uint64_t stream = 5;
	int err = 0;
	size_t i;

	publishing_open(s);
	for (i = 0; !err && i < 1000000; i++, stream += 4) {
		uint8_t message[WIRE_HEAD_MAX + 1];
		size_t head = wire_write_head(message, stream, false);

		message[head] = 5;
		err = publication_take(s->session, message, head + 1, s->now);
	}
	publishing_expect_over(s, err, -EPROTO, "asks for more than it reads answers to");
	assert_true(i > 1000);
}

static void we_close(void **state)
{
	struct publishing *s = *state;

	publishing_follow(s);
	publishing_says(s, "08 09 01 01 00");
	assert_int_equal(publication_close(s->session), 0);
	assert_true(publication_waits(s->session));
	publishing_expect(s, "08 09 09 01 07 'node/n1'");
	publishing_expect(s, "1d 00");
	publishing_expect_none(s);
}

/* Nothing follows the close; whether the group that was begun is sent whole before is all one. */
static void the_close_comes_last(void **state)
{
	struct publishing *s = *state;
	struct wire_message m = { .kind = WIRE_STREAM };
	size_t len;

	send_half(s);
	frames(s, 2, 5);
	assert_int_equal(publication_close(s->session), 0);
	while (m.kind != WIRE_CLOSE) {
		len = publication_next(s->session, s->message);
		assert_int_equal(wire_read(s->message, len, &m), 0);
	}
	assert_false(publication_waits(s->session));
	publishing_expect_none(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, publishing_end)
		TEST(a_relay_wants_no_more),
		TEST(only_half_a_group_is_reset),
		TEST(a_relay_stops_one_group),
		TEST(a_reset_may_overtake_its_stream),
		TEST(who_is_slow_goes_on_with_the_newest),
		TEST(groups_leave_by_age),
		TEST(subscriptions_take_turns),
		TEST(a_broadcast_goes_and_comes_again),
		TEST(a_relay_of_ours_ends),
		TEST(a_broadcast_goes_amid_a_group),
		TEST(a_track_begins_anew),
		TEST(patience_ends),
		TEST(a_relay_ends_the_session),
		TEST(what_is_none_ends_the_session),
		TEST(setups_may_fail),
		TEST(streams_are_bounded),
		TEST(what_waits_is_bounded),
		TEST(we_close),
		TEST(the_close_comes_last),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
