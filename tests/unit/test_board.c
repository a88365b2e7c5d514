/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "board.h"

static struct hub *hub;
static struct board board;

static void wake(void *owner)
{
	(void)owner;
}

static int begin(void **state)
{
	(void)state;
	assert_int_equal(hub_create(8, wake, &hub), 0);
	board_init(hub, 0, &board);
	return 0;
}

static int end(void **state)
{
	(void)state;
	board_deinit(&board);
	board_deinit(NULL);
	hub_destroy(hub);
	return 0;
}

static int frame(const char *broadcast, const char *track, uint64_t sequence, const char *json)
{
	const struct feed_line line = { .kind = FEED_FRAME,
					.broadcast = broadcast,
					.track = track,
					.sequence = sequence,
					.json = json,
					.len = strlen(json) };

	return board_take(&board, &line, sequence + 1);
}

static int status(const char *json)
{
	const struct feed_line line = { .kind = FEED_STATUS, .json = json, .len = strlen(json) };

	return board_take(&board, &line, 1);
}

static void expect_track(const char *path, const char *broadcast, uint64_t sequence)
{
	const struct board_broadcast *owner;
	bool ambiguous;
	struct track *t = board_track(&board, path, &ambiguous, &owner);

	assert_non_null(t);
	assert_false(ambiguous);
	assert_string_equal(owner->name, broadcast);
	assert_int_equal(track_latest(t)->sequence, sequence);
}

static void expect_no_track(const char *path, bool ambiguous)
{
	const struct board_broadcast *owner;
	bool told;

	assert_null(board_track(&board, path, &told, &owner));
	assert_int_equal(told, ambiguous);
}

static void tracks_are_found(void **state)
{
	(void)state;
	expect_no_track("publisher.json", false);
	assert_int_equal(frame("s/b", "publisher.json", 4, "{}"), 0);
	assert_int_equal(frame("s/b", "internal/publisher.json", 7, "{}"), 0);
	expect_track("publisher.json", "s/b", 4);
	expect_track("internal/publisher.json", "s/b", 7);
	expect_track("s/b/publisher.json", "s/b", 4);
	expect_track("s/b/internal/publisher.json", "s/b", 7);
	expect_no_track("sessions.json", false);
	expect_no_track("s/b", false);
	expect_no_track("s/b/", false);
	expect_no_track("s/bpublisher.json", false);
	expect_no_track("", false);
	expect_no_track("s/c/publisher.json", false);
	assert_int_equal(frame("s/b", "secret.json", 0, "{}"), -ENOENT);
	/* Names within names. */
	assert_int_equal(frame("s/b/internal", "publisher.json", 1, "{}"), 0);
	expect_track("s/b/internal/publisher.json", "s/b/internal", 1);
	expect_no_track("s/b/internal/internal/publisher.json", false);
	assert_int_equal(frame("s/b", "internal/sessions.json", 5, "{}"), 0);
	expect_no_track("s/b/internal/sessions.json", false);
	assert_int_equal(frame("s/b/internal", "sessions.json", 6, "{}"), 0);
	expect_track("s/b/internal/sessions.json", "s/b/internal", 6);
	assert_int_equal(frame("s", "sessions.json", 2, "{}"), 0);
	assert_int_equal(frame("a", "sessions.json", 3, "{}"), 0);
	expect_track("s/sessions.json", "s", 2);
	expect_track("a/sessions.json", "a", 3);
	expect_no_track("publisher.json", true);
	assert_int_equal(board.len, 4);
	assert_string_equal(board.list[0]->name, "a");
	assert_string_equal(board.list[1]->name, "s");
	assert_int_equal(board.frames, 7);
}

/* Where tiers are labels. */
static void tracks_of_labels_are_found(void **state)
{
	char name[128];

	(void)state;
	assert_int_equal(frame("s/b", "region/sjc/publisher.json", 4, "{}"), 0);
	assert_int_equal(frame("s/b", "x/sessions.json", 7, "{}"), 0);
	expect_track("s/b/region/sjc/publisher.json", "s/b", 4);
	expect_track("region/sjc/publisher.json", "s/b", 4);
	expect_track("x/sessions.json", "s/b", 7);
	expect_no_track("x/publisher.json", false);
	expect_no_track("sjc/publisher.json", false);
	assert_int_equal(frame("s/a", "x/publisher.json", 1, "{}"), 0);
	expect_no_track("x/sessions.json", true);
	expect_no_track("region/sjc/publisher.json", true);
	expect_track("s/a/x/publisher.json", "s/a", 1);
	assert_int_equal(frame("s/a", "/publisher.json", 0, "{}"), -ENOENT);
	snprintf(name, sizeof(name), "%0*d/publisher.json", MOQSTAT_LABEL_MAX + 1, 1);
	assert_int_equal(frame("s/c", name, 0, "{}"), -ENOENT);
	assert_int_equal(frame("s/c", name + 1, 0, "{}"), 0);
	assert_int_equal(board.len, 3);
}

/* Of several, the one that lives is meant. */
static void an_ended_one_steps_back(void **state)
{
	(void)state;
	assert_int_equal(status("{\"broadcast\":\"a\"}"), 0);
	assert_int_equal(frame("a", "publisher.json", 0, "{}"), 0);
	assert_int_equal(frame("b", "publisher.json", 1, "{}"), 0);
	expect_no_track("publisher.json", true);
	assert_int_equal(status("{\"broadcast\":\"a\",\"ended\":true}"), 0);
	assert_true(board_find(&board, "a")->ended);
	expect_track("publisher.json", "b", 1);
	expect_track("a/publisher.json", "a", 0);
	assert_int_equal(status("{\"broadcast\":\"b\",\"ended\":true}"), 0);
	expect_no_track("publisher.json", true);
	assert_int_equal(status("{\"broadcast\":\"a\",\"ended\":false}"), 0);
	expect_track("publisher.json", "a", 0);
	assert_string_equal(board_find(&board, "a")->status,
			    "{\"broadcast\":\"a\",\"ended\":false}");
	assert_int_equal(status("{\"broadcast\":\"\"}"), 0);
	assert_int_equal(status("{}"), 0);
	assert_int_equal(status("{"), -EBADMSG);
	assert_int_equal(board.len, 2);
}

/* Followers of a life are told its end, and then follow the next one if they like. */
static void a_lower_number_is_another_life(void **state)
{
	const struct board_broadcast *owner;
	struct hub_session *s;
	struct hub_message m;
	bool ambiguous;

	(void)state;
	assert_int_equal(hub_join(hub, NULL, 0, HUB_NEVER, &s), 0);
	assert_int_equal(frame("a", "publisher.json", 0, "{}"), 0);
	assert_int_equal(frame("a", "publisher.json", 1, "{\"x\":{}}"), 0);
	assert_int_equal(
		hub_follow(s, board_track(&board, "publisher.json", &ambiguous, &owner), false, 0),
		0);
	assert_int_equal(frame("a", "publisher.json", 3, "{\"y\":{}}"), 0);
	assert_int_equal(frame("a", "publisher.json", 0, "{\"z\":{}}"), 0);
	expect_track("publisher.json", "a", 0);
	assert_int_equal(hub_next(s, 0, &m), HUB_GROUP);
	assert_int_equal(m.group->sequence, 1);
	hub_message_deinit(&m);
	assert_int_equal(hub_next(s, 0, &m), HUB_GROUP);
	assert_int_equal(m.group->sequence, 3);
	hub_message_deinit(&m);
	assert_int_equal(hub_next(s, 0, &m), HUB_ENDED);
	assert_string_equal(track_name(m.track), "publisher.json");
	hub_message_deinit(&m);
	assert_int_equal(hub_next(s, 0, &m), HUB_NOTHING);
}

static void health_is_kept(void **state)
{
	const struct feed_line line = { .kind = FEED_HEALTH, .json = "{\"a\":1} ", .len = 7 };

	(void)state;
	assert_int_equal(board.updated, 0);
	assert_int_equal(board_take(&board, &line, 5), 0);
	assert_int_equal(board_take(&board, &line, 6), 0);
	assert_string_equal(board.health, "{\"a\":1}");
	assert_int_equal(board.updated, 6);
}

static int of(const char *relay, const char *broadcast, const char *track, uint64_t sequence)
{
	const struct feed_line line = { .kind = FEED_FRAME,
					.broadcast = broadcast,
					.relay = relay,
					.track = track,
					.sequence = sequence,
					.json = "{}",
					.len = 2 };

	return board_take(&board, &line, sequence + 1);
}

static void ends(const char *broadcast)
{
	const struct feed_line line = { .kind = FEED_END, .broadcast = broadcast };

	assert_int_equal(board_take(&board, &line, 1), 0);
}

/* What sequences are counted from: of the number of a track. */
static uint64_t begun_of(const char *broadcast, const char *track)
{
	const struct board_broadcast *one = board_find(&board, broadcast);
	int i = tracks_find(&one->tiers, track);

	assert_true(i >= 0);
	return one->begun[i];
}

static int frame_at(const char *broadcast, const char *track, uint64_t sequence, uint64_t now)
{
	const struct feed_line line = { .kind = FEED_FRAME,
					.broadcast = broadcast,
					.track = track,
					.sequence = sequence,
					.json = "{}",
					.len = 2 };

	return board_take(&board, &line, now);
}

/* Milliseconds from 1970, so that numbers rise over all lives, of this process too. */
static void lives_begin_after_each_other(void **state)
{
	const uint64_t ms = 1000000, epoch = UINT64_C(1700000000000);
	static const char sessions[] = "sessions.json", publisher[] = "publisher.json";

	(void)state;
	board.epoch = epoch * ms + 999999;
	assert_int_equal(frame_at("a", sessions, 7, 5 * ms), 0);
	assert_int_equal(begun_of("a", sessions), epoch + 5);
	assert_int_equal(begun_of("a", publisher), 0);
	assert_int_equal(frame_at("a", sessions, 8, 6 * ms + 1), 0);
	assert_int_equal(begun_of("a", sessions), epoch + 5);
	assert_int_equal(frame_at("a", publisher, 0, 6 * ms + 1), 0);
	assert_int_equal(begun_of("a", publisher), epoch + 7);
	/* Time has gone on by more than there were numbers. */
	assert_int_equal(frame_at("a", sessions, 8, 100 * ms), 0);
	assert_int_equal(begun_of("a", sessions), epoch + 100);
	assert_int_equal(begun_of("a", publisher), epoch + 7);
	/* By less: it goes on behind the last one, epoch + 108. */
	assert_int_equal(frame_at("a", sessions, 0, 101 * ms), 0);
	assert_int_equal(begun_of("a", sessions), epoch + 109);
	assert_int_equal(frame_at("a", sessions, 0, 101 * ms), 0);
	assert_int_equal(begun_of("a", sessions), epoch + 110);
	/* The clock of 1970 is set back, which the owner's isn't. */
	board.epoch = 0;
	assert_int_equal(frame_at("a", sessions, 0, 102 * ms), 0);
	assert_int_equal(begun_of("a", sessions), epoch + 111);
	/* Its end, where a status keeps it: so it does again. */
	assert_int_equal(frame_at("a", sessions, 9, 103 * ms), 0);
	assert_int_equal(status("{\"broadcast\":\"a\"}"), 0);
	ends("a");
	assert_int_equal(frame_at("a", sessions, 0, 104 * ms), 0);
	assert_int_equal(begun_of("a", sessions), epoch + 121);
	ends("a");
	ends("a");
	assert_int_equal(frame_at("a", sessions, 3, 105 * ms), 0);
	assert_int_equal(begun_of("a", sessions), epoch + 122);
}

/* Whoever looks at what is announced need look again; frames alone are no reason. */
static void changes_are_counted(void **state)
{
	uint64_t before;

	(void)state;
	assert_int_equal(board.changes, 0);
	assert_int_equal(frame("a", "sessions.json", 1, "{}"), 0);
	before = board.changes;
	assert_true(before > 0);
	assert_int_equal(frame("a", "sessions.json", 2, "{}"), 0);
	assert_int_equal(frame("a", "sessions.json", 9, "{}"), 0);
	assert_int_equal(frame("a", "secret.json", 9, "{}"), -ENOENT);
	assert_int_equal(status("{"), -EBADMSG);
	assert_int_equal(status("{}"), 0);
	assert_int_equal(board.changes, before);
	/* Another life. */
	assert_int_equal(frame("a", "sessions.json", 0, "{}"), 0);
	assert_true(board.changes > before);
	before = board.changes;
	assert_int_equal(frame("a", "publisher.json", 0, "{}"), 0);
	assert_true(board.changes > before);
	before = board.changes;
	assert_int_equal(status("{\"broadcast\":\"a\",\"ended\":true}"), 0);
	assert_true(board.changes > before);
	before = board.changes;
	assert_int_equal(status("{\"broadcast\":\"a\"}"), 0);
	assert_true(board.changes > before);
	before = board.changes;
	ends("a");
	assert_true(board.changes > before);
	before = board.changes;
	assert_int_equal(of("a", "b", "publisher.json", 0), 0);
	assert_true(board.changes > before);
	before = board.changes;
	ends("b");
	assert_true(board.changes > before);
}

/* Names of compressed tracks are nobody's here; that there are such, a status says. */
static void compressed_tracks_are_told_of(void **state)
{
	(void)state;
	assert_int_equal(frame("s/b", "publisher.json", 4, "{}"), 0);
	assert_int_equal(frame("s/b", "publisher.json.z", 0, "{}"), -ENOENT);
	expect_no_track("s/b/publisher.json.z", false);
	assert_false(board_find(&board, "s/b")->compressed);
	assert_int_equal(status("{\"broadcast\":\"s/b\",\"compressed\":true}"), 0);
	assert_true(board_find(&board, "s/b")->compressed);
	expect_no_track("s/b/publisher.json.z", false);
	/* Another release in its place. */
	assert_int_equal(status("{\"broadcast\":\"s/b\",\"compressed\":false}"), 0);
	assert_false(board_find(&board, "s/b")->compressed);
	assert_int_equal(status("{\"broadcast\":\"s/b\",\"compressed\":1}"), 0);
	assert_false(board_find(&board, "s/b")->compressed);
	/* That of several says it of all. */
	assert_int_equal(of("s/b", "s/a/b", "publisher.json", 0), 0);
	assert_false(board_find(&board, "s/a/b")->compressed);
	assert_int_equal(status("{\"broadcast\":\"s/b\",\"compressed\":true}"), 0);
	assert_int_equal(of("s/b", "s/a/b", "publisher.json", 1), 0);
	assert_true(board_find(&board, "s/a/b")->compressed);
	assert_int_equal(of("s/none", "s/c/b", "publisher.json", 0), 0);
	assert_false(board_find(&board, "s/c/b")->compressed);
}

/* A relay of several broadcasts: what its status names is one only if there are frames of it. */
static void a_relay_may_have_several(void **state)
{
	const struct board_broadcast *owner;
	struct hub_session *s;
	struct hub_message m;
	bool ambiguous;

	(void)state;
	assert_int_equal(status("{\"broadcast\":\"s/node\",\"depth\":1}"), 0);
	assert_false(board_announced(board_find(&board, "s/node")));
	expect_no_track("publisher.json", false);
	assert_int_equal(of("s/node", "s/a/node", "publisher.json", 0), 0);
	expect_track("publisher.json", "s/a/node", 0);
	assert_int_equal(of("s/node", "s/node", "publisher.json", 4), 0);
	assert_true(board_announced(board_find(&board, "s/node")));
	expect_no_track("publisher.json", true);
	expect_track("s/node/publisher.json", "s/node", 4);
	assert_int_equal(hub_join(hub, NULL, 0, HUB_NEVER, &s), 0);
	assert_int_equal(
		hub_follow(s, board_track(&board, "s/a/node/publisher.json", &ambiguous, &owner),
			   false, 0),
		0);
	/* Who follows is told the end. */
	ends("s/a/node");
	assert_null(board_find(&board, "s/a/node"));
	assert_int_equal(hub_next(s, 1, &m), HUB_GROUP);
	hub_message_deinit(&m);
	assert_int_equal(hub_next(s, 1, &m), HUB_ENDED);
	hub_message_deinit(&m);
	/* Of the one that has the status only the tracks go. */
	ends("s/node");
	assert_non_null(board_find(&board, "s/node")->status);
	assert_false(board_announced(board_find(&board, "s/node")));
	expect_no_track("s/node/publisher.json", false);
	ends("s/node");
	ends("s/none/node");
	assert_int_equal(of("s/node", "s/node", "publisher.json", 0), 0);
	expect_track("publisher.json", "s/node", 0);
	hub_leave(s);
}

static void broadcasts_are_bounded(void **state)
{
	char name[16];
	int i;

	(void)state;
	for (i = 0; i <= BOARD_BROADCASTS_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(frame(name, "publisher.json", 0, "{}"),
				 i < BOARD_BROADCASTS_MAX ? 0 : -E2BIG);
	}
	assert_int_equal(frame("7", "publisher.json", 1, "{}"), 0);
	/* One that ends makes room once a place is needed. */
	assert_int_equal(status("{\"broadcast\":\"9\",\"ended\":true}"), 0);
	assert_non_null(board_find(&board, "9"));
	assert_int_equal(frame("more", "publisher.json", 0, "{}"), 0);
	assert_null(board_find(&board, "9"));
	assert_non_null(board_find(&board, "more"));
	assert_int_equal(frame("yet more", "publisher.json", 0, "{}"), -E2BIG);
}

/* Each restart may have a name of its own: the last few that have ended are there, and readers of
 * those that have to go are told. */
static void what_has_ended_goes_in_time(void **state)
{
	const struct board_broadcast *owner;
	struct hub_session *s;
	struct hub_message m;
	bool ambiguous;
	char text[64];
	int i, pid;

	(void)state;
	assert_int_equal(hub_join(hub, NULL, 0, HUB_NEVER, &s), 0);
	for (i = 0; i < 3 * BOARD_BROADCASTS_MAX; i++) {
		pid = (i * 7919 + 5) % 100000; /* in no order */
		snprintf(text, sizeof(text), "n/%d", pid);
		assert_int_equal(frame(text, "publisher.json", 3, "{}"), 0);
		snprintf(text, sizeof(text), "n/%d/publisher.json", pid);
		if (!i)
			assert_int_equal(hub_follow(s,
						    board_track(&board, text, &ambiguous, &owner),
						    false, 0),
					 0);
		snprintf(text, sizeof(text), "{\"broadcast\":\"n/%d\",\"ended\":true}", pid);
		assert_int_equal(status(text), 0);
		/* Said twice it is one end. */
		assert_int_equal(status(text), 0);
		assert_int_equal(board.len, i < BOARD_ENDED_MAX ? i + 1 : BOARD_ENDED_MAX);
		snprintf(text, sizeof(text), "n/%d", pid);
		assert_non_null(board_find(&board, text));
		snprintf(text, sizeof(text), "n/%d", ((i - BOARD_ENDED_MAX) * 7919 + 5) % 100000);
		if (i >= BOARD_ENDED_MAX)
			assert_null(board_find(&board, text));
	}
	assert_int_equal(hub_next(s, 0, &m), HUB_GROUP);
	hub_message_deinit(&m);
	assert_int_equal(hub_next(s, 0, &m), HUB_ENDED);
	hub_message_deinit(&m);
	assert_int_equal(hub_next(s, 0, &m), HUB_NOTHING);
}

/* What was there before is there still. */
static void expect_as_before(int err, uint64_t frames)
{
	assert_int_equal(err, -ENOMEM);
	assert_int_equal(board.frames, frames);
	expect_track("a/sessions.json", "a", 5);
}

static void short_memory_changes_nothing(void **state)
{
	static const char said[] =
		"{\"broadcast\":\"c\",\"tracks\":{\"sessions.json\":{\"sessions\":"
		"{\"state\":\"unavailable\",\"reason\":\"x\"}}}}";
	const struct feed_line health = { .kind = FEED_HEALTH, .json = "{}", .len = 2 };
	size_t n, failed = 0;
	char name[32];
	int err;

	(void)state;
	assert_true(alloc_fail_works());
	assert_int_equal(frame("a", "sessions.json", 5, "{}"), 0);
	/* Each time another, since half of it may be there afterwards. */
	for (n = 1, err = -1; err; n++) {
		snprintf(name, sizeof(name), "b%zu", n);
		alloc_fail_arm(n);
		err = frame(name, "sessions.json", 1, "{}");
		if (alloc_fail_disarm()) {
			expect_as_before(err, 1);
			failed++;
		}
	}
	assert_true(failed > 5);
	/* Another life of a track. */
	for (n = 1, err = -1, failed = 0; err; n++) {
		alloc_fail_arm(n);
		err = frame(name, "sessions.json", 1, "{\"x\":{}}");
		if (alloc_fail_disarm()) {
			expect_as_before(err, 2);
			failed++;
		}
	}
	assert_true(failed > 2);
	for (n = 1, err = -1, failed = 0; err; n++) {
		alloc_fail_arm(n);
		err = status(said);
		if (alloc_fail_disarm() && err) {
			expect_as_before(err, 3);
			failed++;
		}
	}
	assert_true(failed > 4);
	assert_string_equal(board_find(&board, "c")->status, said);
	assert_non_null(board_find(&board, "c")->lacks);
	assert_int_equal(board_take(&board, &health, 9), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tracks_are_found, begin, end),
		cmocka_unit_test_setup_teardown(tracks_of_labels_are_found, begin, end),
		cmocka_unit_test_setup_teardown(compressed_tracks_are_told_of, begin, end),
		cmocka_unit_test_setup_teardown(an_ended_one_steps_back, begin, end),
		cmocka_unit_test_setup_teardown(a_lower_number_is_another_life, begin, end),
		cmocka_unit_test_setup_teardown(health_is_kept, begin, end),
		cmocka_unit_test_setup_teardown(lives_begin_after_each_other, begin, end),
		cmocka_unit_test_setup_teardown(changes_are_counted, begin, end),
		cmocka_unit_test_setup_teardown(a_relay_may_have_several, begin, end),
		cmocka_unit_test_setup_teardown(broadcasts_are_bounded, begin, end),
		cmocka_unit_test_setup_teardown(what_has_ended_goes_in_time, begin, end),
		cmocka_unit_test_setup_teardown(short_memory_changes_nothing, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
