/* SPDX-License-Identifier: MIT */
/*
 * test_crosscheck.c - counts that contradict each other, and those that only seem to.
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
#include "crosscheck.h"
#include "elf_image.h"
#include "life.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* A batch to be changed from tick to tick. */
struct fixture {
	struct crosscheck check;
	struct collect_broadcast broadcasts[3];
	struct collect_session sessions[2];
	struct collect_batch batch;
	uint64_t (*in)[MOQSTAT_FIELD_MAX];  /* counters of the first one, subscriber, by tier */
	uint64_t (*out)[MOQSTAT_FIELD_MAX]; /* publisher */
};

/* One broadcast with one publisher and one viewer, in the middle of it, and one session. */
static int setup(void **state)
{
	static const uint64_t all[MOQSTAT_FIELD_MAX] = {
		[MOQSTAT_ANNOUNCED] = 1,     [MOQSTAT_BROADCASTS] = 1,
		[MOQSTAT_SUBSCRIPTIONS] = 1, [MOQSTAT_BYTES] = 3 * 23 * 5,
		[MOQSTAT_FRAMES] = 3 * 23,   [MOQSTAT_GROUPS] = 3,
	};
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->broadcasts[0] = life("a/b", 9, true, 0, 0);
	f->in = f->broadcasts[0].counts[MOQSTAT_SUBSCRIBER];
	f->out = f->broadcasts[0].counts[MOQSTAT_PUBLISHER];
	memcpy(f->in[MOQSTAT_EXTERNAL], all, sizeof(all));
	memcpy(f->out[MOQSTAT_EXTERNAL], all, sizeof(all));
	f->sessions[0] = session("", MOQSTAT_EXTERNAL, 11, true, 2, 1);
	f->batch = (struct collect_batch){ .broadcasts = f->broadcasts,
					   .broadcasts_len = 1,
					   .sessions = f->sessions,
					   .sessions_len = 1,
					   .time_ms = 1763683200000 };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	crosscheck_deinit(&f->check);
	test_free(f);
	return 0;
}

static void tick(struct fixture *f, uint64_t ms)
{
	f->batch.time_ms += ms;
	assert_int_equal(crosscheck_update(&f->check, &f->batch), 0);
}

/* How many fields are contradicted. */
static size_t missed(const struct fixture *f)
{
	size_t role, field, n = 0;

	for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
		for (role = 0; role < MOQSTAT_ROLE_MAX; role++)
			n += f->check.missed[role][field] != NULL;
	}
	for (field = 0; field < MOQSTAT_SESSION_FIELD_MAX; field++)
		n += f->check.sessions_missed[field] != NULL;
	return n;
}

static size_t gaps(const struct fixture *f)
{
	size_t role, field, n = 0;

	for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
		for (role = 0; role < MOQSTAT_ROLE_MAX; role++)
			n += f->check.gap[role][field] != NULL;
	}
	for (field = 0; field < MOQSTAT_SESSION_FIELD_MAX; field++)
		n += f->check.sessions_gap[field] != NULL;
	return n;
}

static void agreeing_counts_are_left_alone(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 10; i++)
		tick(f, 1000);
	assert_int_equal(missed(f), 0);
	assert_int_equal(gaps(f), 0);
	/* And all of it closed, and ended. */
	for (i = MOQSTAT_ANNOUNCED; i <= MOQSTAT_SUBSCRIPTIONS; i += 2)
		f->in[0][i + 1] = f->out[0][i + 1] = 1;
	f->broadcasts[0].held = false;
	f->sessions[0].counts[MOQSTAT_SESSIONS_CLOSED] = 2;
	f->sessions[0].held = false;
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
	assert_int_equal(gaps(f), 0);
}

/* Each counter of one role that stays zero though its sisters don't: with ticks of a second the
 * second one tells, and it takes no other field along. */
static const struct {
	enum moqstat_role role;
	enum moqstat_field field;
	bool whole; /* is only told of a whole incarnation */
} silent[] = {
	{ MOQSTAT_PUBLISHER, MOQSTAT_SUBSCRIPTIONS, false },
	{ MOQSTAT_PUBLISHER, MOQSTAT_BROADCASTS, true },
	{ MOQSTAT_PUBLISHER, MOQSTAT_GROUPS, false },
	{ MOQSTAT_PUBLISHER, MOQSTAT_FRAMES, false },
	{ MOQSTAT_PUBLISHER, MOQSTAT_BYTES, true },
	{ MOQSTAT_SUBSCRIBER, MOQSTAT_ANNOUNCED, true },
	{ MOQSTAT_SUBSCRIBER, MOQSTAT_SUBSCRIPTIONS, false },
	{ MOQSTAT_SUBSCRIBER, MOQSTAT_GROUPS, false },
	{ MOQSTAT_SUBSCRIBER, MOQSTAT_FRAMES, false },
	{ MOQSTAT_SUBSCRIBER, MOQSTAT_BYTES, true },
};

static void silent_counters_are_noticed(void **state)
{
	struct fixture *f;
	void *again;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(silent); i++) {
		setup(&again);
		f = again;
		f->broadcasts[0].counts[silent[i].role][0][silent[i].field] = 0;
		tick(f, 1000);
		assert_int_equal(missed(f), 0);
		tick(f, 1000);
		if (missed(f) != 1 || !f->check.missed[silent[i].role][silent[i].field])
			fail_msg("case %zu: %zu fields", i, missed(f));
		/* For good, whatever comes. */
		f->broadcasts[0].counts[silent[i].role][0][silent[i].field] = 99;
		tick(f, 1000);
		assert_int_equal(missed(f), 1);
		teardown(&again);
	}
}

static void what_was_there_before_is_no_proof(void **state)
{
	struct fixture *f;
	void *again;
	size_t i, kind;

	(void)state;
	for (i = 0; i < LEN(silent); i++) {
		for (kind = 0; kind < 2; kind++) {
			setup(&again);
			f = again;
			f->broadcasts[0].whole = false;
			f->broadcasts[0].fresh = kind;
			f->broadcasts[0].counts[silent[i].role][0][silent[i].field] = 0;
			tick(f, 1000);
			tick(f, 1000);
			tick(f, 1000);
			assert_int_equal(missed(f), kind && !silent[i].whole);
			teardown(&again);
		}
	}
}

/* A reading takes time: what it has of one counter may be younger than what it has of another. */
static void one_reading_is_no_proof(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 10; i++) {
		/* Each time another begins, of which the groups are read too early. */
		f->broadcasts[0].incarnation++;
		f->out[0][MOQSTAT_GROUPS] = 0;
		tick(f, 1000);
		f->out[0][MOQSTAT_GROUPS] = 1;
		tick(f, 1000);
	}
	f->out[0][MOQSTAT_GROUPS] = 0;
	f->broadcasts[0].path = "a/c";
	tick(f, 1000);
	f->broadcasts[0].path = "a/d"; /* of the same number, as in a recording */
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
	tick(f, 0);
	assert_int_equal(missed(f), 1);
}

/* What another thread does may come a while later, however short the ticks are. */
static void threads_have_time(void **state)
{
	struct fixture *f = *state;
	int i;

	f->in[0][MOQSTAT_BYTES] = 0;
	for (i = 0; i < 20; i++)
		tick(f, 50);
	assert_int_equal(missed(f), 0);
	f->in[0][MOQSTAT_BYTES] = 1;
	tick(f, 50);
	f->in[0][MOQSTAT_BYTES] = 0;
	tick(f, 50); /* begins anew */
	for (i = 0; i < 19; i++)
		tick(f, 50);
	assert_int_equal(missed(f), 0);
	/* A clock that is set back. */
	f->batch.time_ms -= 3600000;
	tick(f, 50);
	assert_int_equal(missed(f), 0);
	for (i = 0; i < 20; i++)
		tick(f, 50);
	assert_int_equal(missed(f), 1);
	assert_non_null(f->check.missed[MOQSTAT_SUBSCRIBER][MOQSTAT_BYTES]);
}

/* What a relay may well do. */
static void what_only_looks_odd(void **state)
{
	struct fixture *f = *state;

	/* Frames without bytes are empty ones; on both sides. */
	f->in[0][MOQSTAT_BYTES] = f->out[0][MOQSTAT_BYTES] = 0;
	/* A peer feeds the relay before it has confirmed. */
	f->in[0][MOQSTAT_BROADCASTS] = 0;
	/* A client subscribes to what was never announced to it. */
	f->out[0][MOQSTAT_ANNOUNCED] = 0;
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
	/* The publisher is a peer: another tier. */
	memcpy(f->in[MOQSTAT_INTERNAL], f->in[MOQSTAT_EXTERNAL], sizeof(f->in[0]));
	memset(f->in[MOQSTAT_EXTERNAL], 0, sizeof(f->in[0]));
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
	/* Nobody watches. */
	memset(f->out[MOQSTAT_EXTERNAL], 0, sizeof(f->out[0]));
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
	/* Groups without frames: both are just beginning. */
	memset(f->in[MOQSTAT_INTERNAL], 0, sizeof(f->in[0]));
	f->in[0][MOQSTAT_ANNOUNCED] = f->in[0][MOQSTAT_SUBSCRIPTIONS] = 1;
	f->in[0][MOQSTAT_GROUPS] = 1;
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
}

/* Where tiers are labels, what is sent may have come on another row, or long ago. */
static void what_tiers_that_are_labels_tell(void **state)
{
	const struct tiers tiers = { .found = true, .len = 3, .labels[2] = "region" };
	struct fixture *f = *state;

	f->batch.tiers = &tiers;
	f->broadcasts[1] = f->broadcasts[0];
	f->broadcasts[1].tier = 2;
	f->batch.broadcasts_len = 2;
	memset(f->in[0], 0, sizeof(f->in[0]));
	memset(f->broadcasts[1].counts[MOQSTAT_PUBLISHER], 0, sizeof(f->broadcasts[1].counts[0]));
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
	/* What one row tells of itself holds. Both have a number here, as in recordings. */
	f->out[0][MOQSTAT_GROUPS] = 0;
	tick(f, 1000);
	f->broadcasts[1].counts[MOQSTAT_PUBLISHER][0][MOQSTAT_FRAMES] = 1;
	f->out[0][MOQSTAT_GROUPS] = 1;
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
	tick(f, 1000);
	assert_non_null(f->check.missed[MOQSTAT_PUBLISHER][MOQSTAT_GROUPS]);
}

/* Groups come by fetching, too. */
static void what_is_fetched(void **state)
{
	struct fixture *f = *state;

	f->out[0][MOQSTAT_SUBSCRIPTIONS] = f->out[0][MOQSTAT_BROADCASTS] = 0;
	f->out[0][MOQSTAT_FETCHES] = 1;
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
	f->out[0][MOQSTAT_GROUPS] = 0;
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 1);
	assert_non_null(f->check.missed[MOQSTAT_PUBLISHER][MOQSTAT_GROUPS]);
}

static void few_frames_without_bytes_are_empty_ones(void **state)
{
	struct fixture *f = *state;

	f->out[0][MOQSTAT_BYTES] = 0;
	f->out[0][MOQSTAT_FRAMES] = 15;
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
	/* And many are, if the probe has fired anywhere else. */
	f->out[0][MOQSTAT_FRAMES] = 1000;
	f->broadcasts[1] = life("elsewhere", 12, true, 0, 0);
	f->broadcasts[1].fresh = f->broadcasts[1].whole = false;
	f->broadcasts[1].counts[MOQSTAT_PUBLISHER][MOQSTAT_INTERNAL][MOQSTAT_BYTES] = 1;
	f->batch.broadcasts_len = 2;
	tick(f, 1000);
	f->batch.broadcasts_len = 1;
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
}

static void more_closed_than_opened(void **state)
{
	unsigned int role, tier, field;
	struct fixture *f;
	void *again;

	(void)state;
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (tier = 0; tier < MOQSTAT_TIER_MAX; tier++) {
			for (field = 0; field < MOQSTAT_BYTES; field += 2) {
				setup(&again);
				f = again;
				f->broadcasts[0].counts[role][tier][field + 1] =
					f->broadcasts[0].counts[role][tier][field] + 1;
				tick(f, 1000);
				assert_int_equal(missed(f), 1);
				assert_non_null(f->check.missed[role][field]);
				assert_int_equal(gaps(f), 0);
				teardown(&again);
				setup(&again);
				f = again;
				f->broadcasts[0].whole = false;
				f->broadcasts[0].counts[role][tier][field + 1] = 2;
				tick(f, 1000);
				assert_int_equal(missed(f), 0);
				assert_int_equal(gaps(f), 1);
				assert_non_null(f->check.gap[role][field + 1]);
				teardown(&again);
			}
		}
	}
}

/* What had no room is in another row: whatever the rows say then is no proof. */
static void counts_without_room_are_no_proof(void **state)
{
	struct fixture *f = *state;

	f->out[MOQSTAT_EXTERNAL][MOQSTAT_SUBSCRIPTIONS_CLOSED] = 2;
	f->in[MOQSTAT_EXTERNAL][MOQSTAT_GROUPS] = 0;
	f->batch.lost[MOQSTAT_LOST_COUNTERS_FULL] = 1;
	tick(f, 2000);
	tick(f, 2000);
	assert_int_equal(missed(f), 0);
	f->batch.lost[MOQSTAT_LOST_COUNTERS_FULL] = 0;
	tick(f, 2000);
	tick(f, 2000);
	assert_true(missed(f) > 1);
}

static void ended_but_not_closed(void **state)
{
	unsigned int role, field;
	struct fixture *f;
	void *again;

	(void)state;
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (field = 0; field < MOQSTAT_BYTES; field += 2) {
			setup(&again);
			f = again;
			memset(f->broadcasts[0].counts, 0, sizeof(f->broadcasts[0].counts));
			f->broadcasts[0].counts[role][0][field] = 1;
			f->broadcasts[0].counts[role][0][MOQSTAT_SUBSCRIPTIONS] |= 1;
			f->broadcasts[0].counts[role][0][MOQSTAT_SUBSCRIPTIONS_CLOSED] =
				field != MOQSTAT_SUBSCRIPTIONS;
			tick(f, 1000);
			tick(f, 1000);
			assert_int_equal(missed(f), 0);
			f->broadcasts[0].held = false;
			tick(f, 1000);
			assert_int_equal(missed(f), 1);
			assert_non_null(f->check.missed[role][field + 1]);
			teardown(&again);
		}
	}
}

static void sessions_too(void **state)
{
	struct fixture *f = *state;

	f->sessions[0].held = false;
	tick(f, 1000);
	assert_int_equal(missed(f), 1);
	assert_non_null(f->check.sessions_missed[MOQSTAT_SESSIONS_CLOSED]);
	f->sessions[0].counts[MOQSTAT_SESSIONS_CLOSED] = 3;
	tick(f, 1000);
	assert_int_equal(missed(f), 2);
	assert_non_null(f->check.sessions_missed[MOQSTAT_SESSIONS]);
	assert_int_equal(gaps(f), 0);
	f->sessions[0].whole = false;
	tick(f, 1000);
	assert_int_equal(gaps(f), 1);
	assert_non_null(f->check.sessions_gap[MOQSTAT_SESSIONS_CLOSED]);
}

/* One guard's place is another's by now: of tracks it isn't known of which role. */
static void places_taken_anew(void **state)
{
	struct fixture *f = *state;

	f->batch.lost[MOQSTAT_LOST_GUARD_REUSED] = 1;
	tick(f, 1000);
	assert_int_equal(missed(f), 2);
	assert_non_null(f->check.missed[MOQSTAT_PUBLISHER][MOQSTAT_SUBSCRIPTIONS_CLOSED]);
	assert_non_null(f->check.missed[MOQSTAT_SUBSCRIBER][MOQSTAT_SUBSCRIPTIONS_CLOSED]);
	f->batch.lost[MOQSTAT_LOST_SESSION_REUSED] = 1;
	tick(f, 1000);
	assert_int_equal(missed(f), 3);
	assert_non_null(f->check.sessions_missed[MOQSTAT_SESSIONS_CLOSED]);
	assert_int_equal(gaps(f), 0);
}

static void sums_under_another_name_are_gaps(void **state)
{
	struct fixture *f = *state;

	f->broadcasts[1] = life("__overflow__", 0, true, 1, 0);
	f->broadcasts[2] = life("__unattributed__", 7, true, 0, 0);
	f->broadcasts[2].counts[MOQSTAT_SUBSCRIBER][MOQSTAT_INTERNAL][MOQSTAT_BYTES] = 4711;
	f->batch.broadcasts_len = 3;
	f->sessions[1] = session("__overflow__", MOQSTAT_INTERNAL, 4, true, 1, 0);
	f->batch.sessions_len = 2;
	tick(f, 1000);
	assert_int_equal(gaps(f), 0); /* broadcasts and a root of these names */
	f->broadcasts[1].fresh = f->broadcasts[1].whole = false;
	f->broadcasts[2].fresh = f->broadcasts[2].whole = false;
	f->sessions[1].fresh = f->sessions[1].whole = false;
	tick(f, 1000);
	assert_int_equal(gaps(f), 3);
	assert_non_null(f->check.gap[MOQSTAT_PUBLISHER][MOQSTAT_ANNOUNCED]);
	assert_non_null(f->check.gap[MOQSTAT_SUBSCRIBER][MOQSTAT_BYTES]);
	assert_non_null(f->check.sessions_gap[MOQSTAT_SESSIONS]);
	/* What can't be named and isn't in that row is a session's. */
	f->broadcasts[2].counts[0][0][MOQSTAT_GROUPS] = 2;
	f->batch.lost[MOQSTAT_LOST_GUARD_UNKNOWN] = 2;
	tick(f, 1000);
	assert_int_equal(gaps(f), 4);
	f->batch.lost[MOQSTAT_LOST_GUARD_UNKNOWN] = 3;
	tick(f, 1000);
	assert_int_equal(gaps(f), 5);
	assert_non_null(f->check.sessions_gap[MOQSTAT_SESSIONS_CLOSED]);
	assert_int_equal(missed(f), 0);
}

static void losses_are_gaps(void **state)
{
	const size_t all = MOQSTAT_ROLE_MAX * MOQSTAT_FIELD_MAX + MOQSTAT_SESSION_FIELD_MAX;
	static const struct {
		enum moqstat_lost lost;
		size_t opens; /* fields that open something, and aren't touched */
	} cases[] = {
		{ MOQSTAT_LOST_ENTRY_NULL, 0 },	   { MOQSTAT_LOST_ENTRY_UNKNOWN, 0 },
		{ MOQSTAT_LOST_ENTRIES_FULL, 0 },  { MOQSTAT_LOST_COUNTERS_FULL, 0 },
		{ MOQSTAT_LOST_PENDING_FULL, 0 },  { MOQSTAT_LOST_OPERAND_FAULT, 0 },
		{ MOQSTAT_LOST_OPERAND_RANGE, 0 }, { MOQSTAT_LOST_PATH_INVALID, 0 },
		{ MOQSTAT_LOST_TIERS_FULL, 0 },	   { MOQSTAT_LOST_GUARDS_FULL, 7 },
	};
	struct fixture *f;
	void *again;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		setup(&again);
		f = again;
		f->batch.lost[cases[i].lost] = 1;
		tick(f, 1000);
		assert_int_equal(gaps(f), all - cases[i].opens);
		assert_int_equal(missed(f), 0);
		f->batch.lost[cases[i].lost] = 0;
		tick(f, 1000);
		assert_int_equal(gaps(f), all - cases[i].opens);
		teardown(&again);
	}
}

static void each_is_said_once(void **state)
{
	struct fixture *f = *state;
	struct image_catch c;
	char said[1024];

	f->out[0][MOQSTAT_GROUPS] = 0;
	f->sessions[0].held = false;
	tick(f, 1000);
	tick(f, 1000);
	c = image_catch();
	crosscheck_warn(&f->check, ".stats/node/x");
	crosscheck_warn(&f->check, ".stats/node/x");
	image_caught(c, said, sizeof(said));
	assert_non_null(strstr(said, "warning: .stats/node/x: publisher groups is unavailable"));
	assert_non_null(strstr(said, "sessions sessions_closed is unavailable"));
	assert_null(strstr(strstr(said, "sessions_closed") + 1, "\nmoqstat"));
}

static void without_memory_nothing_changes(void **state)
{
	struct fixture *f = *state;

	f->out[0][MOQSTAT_GROUPS] = 0;
	tick(f, 1000);
	alloc_fail_arm(1);
	assert_int_equal(crosscheck_update(&f->check, &f->batch), -ENOMEM);
	alloc_fail_disarm();
	assert_int_equal(missed(f), 0);
	tick(f, 1000);
	assert_int_equal(missed(f), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* What isn't probed for a time contradicts nothing, nor does it later; its sisters do. */
static void what_was_not_probed_is_no_contradiction(void **state)
{
	struct fixture *f = *state;

	crosscheck_lapse(&f->check, MOQSTAT_FRAMES, "away", true);
	f->in[0][MOQSTAT_FRAMES] = f->out[0][MOQSTAT_FRAMES] = 0;
	tick(f, 1000);
	tick(f, 1000);
	tick(f, 1000);
	crosscheck_lapse(&f->check, MOQSTAT_FRAMES, "was away", false);
	tick(f, 1000);
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
	/* Not one byte that is sent. */
	crosscheck_lapse(&f->check, MOQSTAT_BYTES, "away", true);
	f->check.sent = false;
	f->out[0][MOQSTAT_BYTES] = 0;
	f->out[0][MOQSTAT_FRAMES] = 1000;
	tick(f, 1000);
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
	f->out[0][MOQSTAT_GROUPS] = 0;
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 1);
	assert_non_null(f->check.missed[MOQSTAT_PUBLISHER][MOQSTAT_GROUPS]);
}

/* Suspected before it was taken away: it isn't judged by what came after. */
static void a_suspicion_ends_with_the_probes(void **state)
{
	struct fixture *f = *state;

	f->in[0][MOQSTAT_FRAMES] = 0;
	tick(f, 1000);
	crosscheck_lapse(&f->check, MOQSTAT_FRAMES, "away", true);
	/* Not listed, it is as it was. */
	f->batch.partial = true;
	f->batch.broadcasts_len = 0;
	tick(f, 1000);
	f->batch.partial = false;
	f->batch.broadcasts_len = 1;
	tick(f, 1000);
	tick(f, 1000);
	assert_int_equal(missed(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(agreeing_counts_are_left_alone),
		cmocka_unit_test(silent_counters_are_noticed),
		cmocka_unit_test(what_was_there_before_is_no_proof),
		TEST(one_reading_is_no_proof),
		TEST(threads_have_time),
		TEST(what_only_looks_odd),
		TEST(what_tiers_that_are_labels_tell),
		TEST(what_is_fetched),
		TEST(few_frames_without_bytes_are_empty_ones),
		cmocka_unit_test(more_closed_than_opened),
		TEST(counts_without_room_are_no_proof),
		cmocka_unit_test(ended_but_not_closed),
		TEST(sessions_too),
		TEST(places_taken_anew),
		TEST(sums_under_another_name_are_gaps),
		cmocka_unit_test(losses_are_gaps),
		TEST(each_is_said_once),
		TEST(without_memory_nothing_changes),
		cmocka_unit_test_setup_teardown(what_was_not_probed_is_no_contradiction, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_suspicion_ends_with_the_probes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
