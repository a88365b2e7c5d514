/* SPDX-License-Identifier: MIT */
/*
 * What a relay asks, and is told; its groups; and what it does wrong. What comes to an end, and who
 * is slow, is in test_publication_ends.c.
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

#include "group.h"
#include "publishing.h"
#include "wire_hex.h"

/* More than two messages take. */
#define LARGE 40000

static char large[LARGE];

static int begin(void **state)
{
	size_t i;

	for (i = 0; i < LARGE; i++)
		large[i] = 'a' + i % 23;
	return publishing_begin(state);
}

/* Ask for what there is under a prefix, on a stream of its own, and be told that, in one message.
 */
static void expect_announced(struct publishing *s, const char *root, const char *prefix,
			     const char *told)
{
	struct wire_out ask = { 0 };
	char text[512];

	publishing_join(s, root);
	publishing_says(s, PUBLISHING_ANSWER);
	wire_put_varint(&ask, wire_text_size(strlen(prefix)));
	wire_put_text(&ask, prefix, strlen(prefix));
	snprintf(text, sizeof(text), "08 01 01 %02x %02x '%s'", ask.data[0], ask.data[1], prefix);
	wire_out_deinit(&ask);
	publishing_says(s, text);
	snprintf(text, sizeof(text), "08 01 %s", told);
	publishing_expect(s, text);
	publishing_expect_none(s);
}

static void a_whole_exchange(void **state)
{
	struct publishing *s = *state;
	const struct publication_counts *c;

	assert_int_equal(publishing_frame(s, "node/n1", "publisher.json", 3, "{}"), 0);
	publishing_join(s, "");
	publishing_run(s);
	publishing_expect_none(s);
	publishing_says(s, PUBLISHING_ANSWER);
	assert_int_equal(publication_state(s->session), PUBLICATION_UNASKED);
	publishing_expect_none(s);
	publishing_says(s, PUBLISHING_ASK);
	assert_int_equal(publication_state(s->session), PUBLICATION_OPEN);
	publishing_expect(s, "08 01 09 01 07 'node/n1'");
	publishing_expect_none(s);
	c = publication_counts(s->session);
	assert_int_equal(c->broadcasts, 1);
	assert_int_equal(c->subscriptions, 0);
	/* The newest there is, at once. */
	publishing_says(s, PUBLISHING_SUBSCRIBE);
	assert_int_equal(c->subscriptions, 1);
	publishing_expect(s, "08 05 00");
	publishing_expect(s, "09 02 00 03 00 43eb 02 '{}'");
	publishing_expect_none(s);
	publishing_run(s);
	publishing_expect_none(s);
	/* Numbers go on with the track's own. */
	s->now += PUBLISHING_SECOND;
	assert_int_equal(publishing_frame(s, "node/n1", "publisher.json", 4, "{\"a\":1}"), 0);
	publishing_run(s);
	publishing_expect(s, "09 06 00 03 00 43ec 07 '{\"a\":1}'");
	publishing_expect_none(s);
	assert_int_equal(publishing_frame(s, "node/n1", "publisher.json", 9, ""), 0);
	publishing_run(s);
	publishing_expect(s, "09 0a 00 03 00 43f1 00");
	publishing_expect_none(s);
	/* What nobody has asked for isn't sent. */
	assert_int_equal(publishing_frame(s, "node/n1", "sessions.json", 0, "{}"), 0);
	publishing_run(s);
	publishing_expect_none(s);
	assert_int_equal(c->groups, 3);
	assert_int_equal(c->skipped, 0);
	assert_int_equal(c->refused, 0);
}

/* By whole segments, and relative to the path of the session and the prefix that was asked for. */
static void what_is_under_a_prefix_is_announced(void **state)
{
	struct publishing *s = *state;

	expect_announced(s, "", "", "01 00");
	assert_int_equal(publishing_frame(s, ".stats/node/n1", "publisher.json", 0, "{}"), 0);
	assert_int_equal(publishing_frame(s, ".stats/node/n10", "publisher.json", 0, "{}"), 0);
	assert_int_equal(publishing_frame(s, ".statss/node", "publisher.json", 0, "{}"), 0);
	/* This one is none: its relay has several, and there is no frame of this. */
	assert_int_equal(publishing_status(s, "{\"broadcast\":\".stats/x\",\"depth\":1}"), 0);
	assert_int_equal(publishing_status(s, "{\"broadcast\":\".stats/y\",\"ended\":true}"), 0);
	expect_announced(s, "", "",
			 "2d 03 0e '.stats/node/n1' 0f '.stats/node/n10' 0c '.statss/node'");
	expect_announced(s, "", ".stats", "12 02 07 'node/n1' 08 'node/n10'");
	expect_announced(s, ".stats", "", "12 02 07 'node/n1' 08 'node/n10'");
	expect_announced(s, "/.stats//node/", "", "08 02 02 'n1' 03 'n10'");
	expect_announced(s, ".stats", "node/n1", "02 01 00");
	expect_announced(s, ".stats/node/n1", "", "02 01 00");
	expect_announced(s, ".stat", "", "01 00");
	expect_announced(s, ".stats", "node/n", "01 00");
	expect_announced(s, ".stats", "/node/", "08 02 02 'n1' 03 'n10'");
	expect_announced(s, "elsewhere", "", "01 00");
}

/* Each has an answer of its own, and they are told the same changes. */
static void announcements_may_be_asked_for_twice(void **state)
{
	struct publishing *s = *state;

	publishing_open(s);
	publishing_says(s, "08 05 01 06 05 'other'");
	publishing_expect(s, "08 05 01 00");
	assert_int_equal(publishing_frame(s, "other/n2", "publisher.json", 0, "{}"), 0);
	publishing_run(s);
	publishing_expect(s, "08 01 0a 01 08 'other/n2'");
	publishing_expect(s, "08 05 04 01 02 'n2'");
	publishing_expect_none(s);
	publishing_over(s, "node/n1");
	publishing_run(s);
	publishing_expect(s, "08 01 09 00 07 'node/n1'");
	publishing_expect_none(s);
	/* One of them is over. */
	publishing_says(s, "09 05");
	publishing_expect(s, "09 05");
	publishing_over(s, "other/n2");
	publishing_run(s);
	publishing_expect(s, "08 01 0a 00 08 'other/n2'");
	publishing_expect_none(s);
	assert_int_equal(publication_counts(s->session)->broadcasts, 0);
}

/* A prefix is bytes, and texts of C end at the first 0. */
static void a_zero_in_a_prefix_is_refused(void **state)
{
	struct publishing *s = *state;

	publishing_open(s);
	publishing_says(s, "08 05 01 07 06 'node' 00 'x'");
	publishing_expect(s, "04 05 0d");
	publishing_expect_none(s);
}

static void paths_are_relative_to_the_session(void **state)
{
	struct publishing *s = *state;

	assert_int_equal(publishing_frame(s, ".stats/node/n1", "publisher.json", 0, "{}"), 0);
	publishing_join(s, "/.stats");
	publishing_says(s, PUBLISHING_ANSWER);
	publishing_says(s, PUBLISHING_ASK);
	publishing_expect(s, "08 01 09 01 07 'node/n1'");
	publishing_says(s, PUBLISHING_SUBSCRIBE);
	publishing_expect(s, "08 05 00");
	publishing_expect(s, "09 02 00 03 00 43e8 02 '{}'");
	/* With slashes as one likes; the whole one is nothing here. */
	publishing_says(s, "08 09 02 1b 01 09 '/node/n1/' 0e 'publisher.json' 00");
	publishing_expect(s, "08 09 00");
	publishing_expect(s, "09 06 00 03 01 43e8 02 '{}'");
	publishing_says(s, "08 0d 02 20 02 0e '.stats/node/n1' 0e 'publisher.json' 00");
	publishing_expect(s, "04 0d 0d");
	publishing_expect_none(s);
}

static void a_large_frame_takes_several_messages(void **state)
{
	struct publishing *s = *state;
	size_t len;

	publishing_follow(s);
	assert_int_equal(publishing_bytes(s, "node/n1", "publisher.json", 1, large, LARGE), 0);
	publishing_run(s);
	publishing_expect_group(s, 6, 0, 1001, large, LARGE);
	publishing_expect_none(s);
	/* Around what fills one: 9 bytes are before it. */
	for (len = WIRE_DATA_MAX - 12; len < WIRE_DATA_MAX + 12; len++) {
		uint64_t sequence = 2 + len - (WIRE_DATA_MAX - 12), stream = 2 + 4 * sequence;

		assert_int_equal(
			publishing_bytes(s, "node/n1", "publisher.json", sequence, large, len), 0);
		publishing_run(s);
		publishing_expect_group(s, stream, 0, 1000 + sequence, large, len);
		publishing_expect_none(s);
	}
	assert_int_equal(publication_counts(s->session)->groups, 26);
}

/* An answer doesn't wait for the end of a group, nor does it end that. */
static void answers_come_between_pieces(void **state)
{
	struct wire_out group = publishing_group(0, 1001, large, LARGE);
	struct publishing *s = *state;
	size_t sent;

	publishing_follow(s);
	assert_int_equal(publishing_bytes(s, "node/n1", "publisher.json", 1, large, LARGE), 0);
	publishing_run(s);
	sent = publishing_expect_piece(s, 6, &group, 0);
	publishing_says(s, "08 09 01 01 00");
	publishing_says(s, "08 0d 02 18 01 07 'node/n1' 0d 'sessions.json' 00");
	publishing_expect(s, "08 09 09 01 07 'node/n1'");
	publishing_expect(s, "08 0d 00");
	sent = publishing_expect_piece(s, 6, &group, sent);
	assert_int_equal(publishing_frame(s, "node/n1", "sessions.json", 7, "{}"), 0);
	assert_int_equal(publishing_frame(s, "node/n2", "sessions.json", 7, "{}"), 0);
	publishing_run(s);
	publishing_expect(s, "08 01 09 01 07 'node/n2'");
	publishing_expect(s, "08 09 09 01 07 'node/n2'");
	assert_int_equal(publishing_expect_piece(s, 6, &group, sent), group.len);
	publishing_expect(s, "09 0a 00 03 01 43ef 02 '{}'");
	publishing_expect_none(s);
	wire_out_deinit(&group);
}

/* What is announced takes as many messages as it takes. */
static void many_broadcasts_are_announced(void **state)
{
	struct publishing *s = *state;
	struct wire_out texts = { 0 }, all = { 0 };
	size_t i, sent = 0, len;
	struct wire_message m;
	char name[64];

	for (i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "node/with-a-long-name-of-%05zu", i);
		assert_int_equal(publishing_frame(s, name, "publisher.json", 0, "{}"), 0);
		wire_put_text(&texts, name, strlen(name));
	}
	wire_put_announces(&all, 3000, texts.len);
	wire_put(&all, texts.data, texts.len);
	publishing_join(s, "");
	publishing_says(s, PUBLISHING_ANSWER);
	publishing_says(s, PUBLISHING_ASK);
	while ((len = publication_next(s->session, s->message))) {
		assert_int_equal(wire_read(s->message, len, &m), 0);
		assert_int_equal(m.stream, 1);
		assert_false(m.fin);
		assert_true(m.len && m.len <= WIRE_DATA_MAX && sent + m.len <= all.len);
		assert_memory_equal(m.data, all.data + sent, m.len);
		sent += m.len;
	}
	assert_int_equal(sent, all.len);
	assert_int_equal(publication_counts(s->session)->broadcasts, 3000);
	wire_out_deinit(&texts);
	wire_out_deinit(&all);
}

static void compressed_tracks_are_served(void **state)
{
	struct publishing *s = *state;
	struct group *g = group_create(0, 0, large, LARGE);
	const char *packed;
	size_t len;

	assert_non_null(g);
	assert_int_equal(group_compress(g, &packed, &len), 0);
	publishing_open(s);
	/* A relay that has none. */
	publishing_says(s, "08 05 02 1b 00 07 'node/n1' 10 'publisher.json.z' 00");
	publishing_expect(s, "04 05 0d");
	assert_int_equal(publishing_status(s, "{\"broadcast\":\"node/n1\",\"compressed\":true}"),
			 0);
	assert_int_equal(publishing_bytes(s, "node/n1", "publisher.json", 1, large, LARGE), 0);
	publishing_says(s, "08 09 02 1b 01 07 'node/n1' 10 'publisher.json.z' 00");
	publishing_says(s, "08 0d 02 19 02 07 'node/n1' 0e 'publisher.json' 00");
	publishing_expect(s, "08 09 00");
	publishing_expect(s, "08 0d 00");
	publishing_expect_group(s, 2, 1, 1001, packed, len);
	publishing_expect_group(s, 6, 2, 1001, large, LARGE);
	publishing_expect_none(s);
	group_release(g);
}

static void what_is_not_there_is_refused(void **state)
{
	static const char *const unknown[] = {
		"08 05 02 19 00 07 'node/n2' 0e 'publisher.json' 00",
		"08 09 02 16 00 04 'node' 0e 'publisher.json' 00",
		"08 0d 02 12 00 00 0e 'publisher.json' 00",
		"08 11 02 12 00 07 'node/n1' 07 'catalog' 00",
		"08 15 02 0b 00 07 'node/n1' 00 00",
		"08 19 02 0d 00 07 'node/n1' 02 '.z' 00",
		"08 1d 02 20 00 07 'node/n1' 15 'region/publisher.json' 00",
		/* A 0 in either of them. */
		"08 21 02 1b 00 09 'node/n1' 00 'x' 0e 'publisher.json' 00",
		"08 25 02 1b 00 07 'node/n1' 10 'publisher.json' 00 'x' 00",
	};
	static const char *const streams[] = {
		"05", "09", "0d", "11", "15", "19", "1d", "21", "25"
	};
	struct publishing *s = *state;
	char text[16];
	size_t i;

	publishing_open(s);
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		publishing_says(s, unknown[i]);
		snprintf(text, sizeof(text), "04 %s 0d", streams[i]);
		publishing_expect(s, text);
		publishing_expect_none(s);
		assert_int_equal(publication_counts(s->session)->refused, i + 1);
	}
	assert_int_equal(publication_counts(s->session)->subscriptions, 0);
	/* What no publisher of stats need know: a group of the past, a probe. */
	publishing_says(s, "08 29 03 04 00 00 00 00");
	publishing_expect(s, "04 29 11");
	publishing_says(s, "08 29 'more'");
	publishing_says(s, "04 29 00");
	publishing_expect_none(s);
	assert_int_equal(publication_counts(s->session)->refused, i);
}

static void a_request_may_come_in_pieces(void **state)
{
	struct publishing *s = *state;
	char text[64];
	uint8_t *message;
	size_t len, i;

	publishing_open(s);
	message = wire_hex(PUBLISHING_SUBSCRIBE, &len);
	for (i = 2; i < len; i++) {
		publishing_expect_none(s);
		snprintf(text, sizeof(text), "08 05 %02x", message[i]);
		publishing_says(s, text);
		publishing_says(s, "08 05");
		/* Another one, meanwhile. */
		if (i == 10)
			publishing_says(s, "08 09 02");
	}
	publishing_expect(s, "08 05 00");
	publishing_expect(s, "09 02 00 03 00 43e8 02 '{}'");
	publishing_says(s, "08 09 19 01 07 'node/n1' 0e 'publisher.json' 00");
	publishing_expect(s, "08 09 00");
	publishing_expect(s, "09 06 00 03 01 43e8 02 '{}'");
	/* What follows a request changes nothing. */
	publishing_says(s, "08 05 'more of it'");
	publishing_expect_none(s);
	free(message);
}

/* The broadcast is there, and it may have such a track. */
static void a_track_is_waited_for(void **state)
{
	struct publishing *s = *state;

	publishing_open(s);
	publishing_says(s, "08 05 02 18 07 07 'node/n1' 0d 'sessions.json' 00");
	publishing_expect(s, "08 05 00");
	publishing_run(s);
	publishing_expect_none(s);
	s->now += 2 * PUBLISHING_SECOND;
	assert_int_equal(publishing_frame(s, "node/n1", "publisher.json", 1, "{}"), 0);
	publishing_run(s);
	publishing_expect_none(s);
	assert_int_equal(publishing_frame(s, "node/n1", "sessions.json", 5, "{\"x\":1}"), 0);
	publishing_run(s);
	/* It has begun at 3 s. */
	publishing_expect(s, "09 02 00 03 07 4bbd 07 '{\"x\":1}'");
	publishing_expect_none(s);
}

/* There are fewer numbers than the board's: a subscription ends before them. */
static void numbers_end(void **state)
{
	const uint64_t last = WIRE_VARINT_MAX - 1000;
	struct publishing *s = *state;

	publishing_follow(s);
	assert_int_equal(publishing_frame(s, "node/n1", "publisher.json", last, "{}"), 0);
	publishing_run(s);
	publishing_expect(s, "09 06 00 09 00 ffffffffffffffff 02 '{}'");
	assert_int_equal(publishing_frame(s, "node/n1", "publisher.json", last + 1, "{}"), 0);
	publishing_run(s);
	publishing_expect(s, "09 05");
	publishing_expect_none(s);
}

/* The relay's tasks open streams in one order, and may write to them in another. */
static void streams_may_come_in_any_order(void **state)
{
	struct publishing *s = *state;

	publishing_open(s);
	publishing_says(s, "08 0d 02 19 01 07 'node/n1' 0e 'publisher.json' 00");
	publishing_expect(s, "08 0d 00");
	publishing_expect(s, "09 02 00 03 01 43e8 02 '{}'");
	publishing_says(s, PUBLISHING_SUBSCRIBE);
	publishing_expect(s, "08 05 00");
	publishing_expect(s, "09 06 00 03 00 43e8 02 '{}'");
	publishing_says(s, "08 09 02 12 02 07 'node/n1' 07 'catalog' 00");
	publishing_expect(s, "04 09 0d");
	/* What has been is not begun anew. */
	publishing_says(s, "08 09 02 19 02 07 'node/n1' 0e 'publisher.json' 00");
	publishing_expect_none(s);
	assert_int_equal(publication_counts(s->session)->subscriptions, 2);
}

/* What it says of streams that are nothing to us. */
static void other_streams_are_nothing(void **state)
{
	struct publishing *s = *state;

	publishing_follow(s);
	publishing_says(s, "09 03 00 03 00 00 02 '{}'");
	publishing_says(s, "08 07 'anything'");
	publishing_says(s, "04 07 00");
	publishing_says(s, "05 02 00"); /* sent whole by now */
	publishing_says(s, "05 4062 00");
	publishing_says(s, "08 04 00");
	publishing_says(s, "08 00 'more'");
	publishing_expect_none(s);
	assert_int_equal(publication_counts(s->session)->subscriptions, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_whole_exchange, begin, publishing_end),
		cmocka_unit_test_setup_teardown(what_is_under_a_prefix_is_announced, begin,
						publishing_end),
		cmocka_unit_test_setup_teardown(announcements_may_be_asked_for_twice, begin,
						publishing_end),
		cmocka_unit_test_setup_teardown(a_zero_in_a_prefix_is_refused, begin,
						publishing_end),
		cmocka_unit_test_setup_teardown(paths_are_relative_to_the_session, begin,
						publishing_end),
		cmocka_unit_test_setup_teardown(a_large_frame_takes_several_messages, begin,
						publishing_end),
		cmocka_unit_test_setup_teardown(answers_come_between_pieces, begin, publishing_end),
		cmocka_unit_test_setup_teardown(many_broadcasts_are_announced, begin,
						publishing_end),
		cmocka_unit_test_setup_teardown(compressed_tracks_are_served, begin,
						publishing_end),
		cmocka_unit_test_setup_teardown(what_is_not_there_is_refused, begin,
						publishing_end),
		cmocka_unit_test_setup_teardown(a_request_may_come_in_pieces, begin,
						publishing_end),
		cmocka_unit_test_setup_teardown(a_track_is_waited_for, begin, publishing_end),
		cmocka_unit_test_setup_teardown(numbers_end, begin, publishing_end),
		cmocka_unit_test_setup_teardown(streams_may_come_in_any_order, begin,
						publishing_end),
		cmocka_unit_test_setup_teardown(other_streams_are_nothing, begin, publishing_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
