/* SPDX-License-Identifier: MIT */
/*
 * test_tracks.c - numbers and names of tracks, of two tiers and of labels.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tracks.h"

static void two_tiers_have_the_names_that_they_always_had(void **state)
{
	static const char *const names[] = {
		"publisher.json",	    "subscriber.json", "internal/publisher.json",
		"internal/subscriber.json", "sessions.json",   "internal/sessions.json",
	};
	char name[TRACK_NAME_MAX];
	unsigned int i;

	(void)state;
	assert_int_equal(tracks_count(&tiers_two), 6);
	for (i = 0; i < 6; i++) {
		assert_string_equal(tracks_two[i].name, names[i]);
		assert_string_equal(tracks_name(&tiers_two, i, name), names[i]);
		assert_int_equal(tracks_find(&tiers_two, names[i]), i);
	}
}

static void each_number_is_one_track(void **state)
{
	struct track_what what;
	bool seen[MOQSTAT_LABELS_MAX][TRACKS_OF_TIER] = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < TRACKS_MAX; i++) {
		what = tracks_what(i);
		assert_in_range(what.tier, 0, MOQSTAT_LABELS_MAX - 1);
		assert_int_equal(what.kind == TRACK_SESSIONS, what.role == MOQSTAT_ROLE_MAX);
		assert_false(seen[what.tier][what.role]);
		seen[what.tier][what.role] = true;
		assert_int_equal(tracks_number(&what), i);
	}
}

/* Of so many tiers, all tracks are below the count. */
static void a_count_has_room_for_its_tiers(void **state)
{
	struct tiers tiers;
	struct track_what what = { TRACK_SESSIONS, MOQSTAT_ROLE_MAX, 0 };
	char label[2] = "a";

	(void)state;
	tiers_init(&tiers);
	for (;; label[0]++) {
		assert_in_range(tracks_number(&what), 0, tracks_count(&tiers) - 1);
		if (tiers.len == MOQSTAT_LABELS_MAX)
			break;
		what.tier = tiers_add(&tiers, label, 1);
		assert_int_equal(what.tier, tiers.len - 1);
	}
	assert_int_equal(tracks_count(&tiers), TRACKS_MAX);
	assert_int_equal(tiers_add(&tiers, "one more", 8), -ENOSPC);
	assert_int_equal(tiers_add(&tiers, "c", 1), 3);
}

static void labels_come_in_front(void **state)
{
	struct tiers tiers;
	char name[TRACK_NAME_MAX];
	int number;

	(void)state;
	tiers_init(&tiers);
	assert_int_equal(tracks_find(&tiers, "publisher.json"), 0);
	assert_int_equal(tracks_find(&tiers, "region/sjc/publisher.json"), -ENOENT);
	number = tracks_learn(&tiers, "region/sjc/publisher.json");
	assert_int_equal(tracks_what(number).tier, 1);
	assert_int_equal(tracks_what(number).role, MOQSTAT_PUBLISHER);
	assert_int_equal(tracks_learn(&tiers, "region/sjc/publisher.json"), number);
	assert_string_equal(tracks_name(&tiers, number, name), "region/sjc/publisher.json");
	number = tracks_learn(&tiers, "x/sessions.json");
	assert_int_equal(tracks_what(number).tier, 2);
	assert_int_equal(tracks_what(number).kind, TRACK_SESSIONS);
	assert_string_equal(tracks_name(&tiers, number, name), "x/sessions.json");
	assert_int_equal(tiers.len, 3);
}

static void what_is_no_track_is_none(void **state)
{
	static const char *const names[] = { "",	   "publisher",	      "publisher.json.z",
					     "x",	   "/publisher.json", "publisher.json/",
					     "x/y",	   "xpublisher.json", "PUBLISHER.json",
					     "sessions.js" };
	struct tiers tiers;
	size_t i;

	(void)state;
	tiers_init(&tiers);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(tracks_learn(&tiers, names[i]), -ENOENT);
	assert_int_equal(tiers.len, 1);
}

static void a_label_has_its_limit(void **state)
{
	char name[MOQSTAT_LABEL_MAX + 64], out[TRACK_NAME_MAX];
	struct tiers tiers;
	int number;

	(void)state;
	tiers_init(&tiers);
	snprintf(name, sizeof(name), "%0*d/subscriber.json", MOQSTAT_LABEL_MAX + 1, 7);
	assert_int_equal(tracks_learn(&tiers, name), -ENOSPC);
	number = tracks_learn(&tiers, name + 1);
	assert_string_equal(tracks_name(&tiers, number, out), name + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_tiers_have_the_names_that_they_always_had),
		cmocka_unit_test(each_number_is_one_track),
		cmocka_unit_test(a_count_has_room_for_its_tiers),
		cmocka_unit_test(labels_come_in_front),
		cmocka_unit_test(what_is_no_track_is_none),
		cmocka_unit_test(a_label_has_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
