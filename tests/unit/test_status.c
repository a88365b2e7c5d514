/* SPDX-License-Identifier: MIT */
/*
 * test_status.c - what each field is said to be worth. status_live() as a whole needs probes, and
 * is for tests/e2e.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "status.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *name;
	bool sessions;
} tracks[] = {
	{ "publisher.json", false },
	{ "subscriber.json", false },
	{ "internal/publisher.json", false },
	{ "internal/subscriber.json", false },
	{ "sessions.json", true },
	{ "internal/sessions.json", true },
};

static const char *const fields[] = {
	"announced",	 "announced_closed",	 "broadcasts", "broadcasts_closed",
	"subscriptions", "subscriptions_closed", "bytes",      "frames",
	"groups",
};

/* Sites of a relay where each counter has one bump, for either role. */
struct fixture {
	struct site list[64];
	char name[16];
	struct sites_function functions[2];
	struct sites_unprobed unprobed[1];
	struct sites sites;
	struct crosscheck check;
};

static void add_site(struct fixture *f, struct moqstat_site what)
{
	f->list[f->sites.len] = (struct site){ .bump = 0x1000 + f->sites.len, .what = what };
	f->sites.len++;
}

/* Where guards get to, for a relay whose statistics are off. */
static void add_places(struct fixture *f)
{
	add_site(f, (struct moqstat_site){ .event = MOQSTAT_EVENT_PLACE,
					   .handles = MOQSTAT_HANDLE_PENDING });
	add_site(f, (struct moqstat_site){ .event = MOQSTAT_EVENT_PLACE,
					   .handles = MOQSTAT_HANDLE_PATH });
	add_site(f, (struct moqstat_site){ .event = MOQSTAT_EVENT_REMOVE });
	add_site(f, (struct moqstat_site){ .event = MOQSTAT_EVENT_TABLE });
	add_site(f, (struct moqstat_site){ .event = MOQSTAT_EVENT_SESSION_PLACE });
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	uint8_t field;

	*state = f;
	f->sites.layout = layout_find("moq-net 0.1.8");
	f->sites.list = f->list;
	for (field = 0; field < MOQSTAT_ANNOUNCED_BYTES; field++) {
		add_site(f, (struct moqstat_site){ .event = MOQSTAT_EVENT_BUMP,
						   .role = MOQSTAT_PUBLISHER,
						   .field = field,
						   .handles = MOQSTAT_HANDLE_GUARD });
		add_site(f, (struct moqstat_site){ .event = MOQSTAT_EVENT_BUMP,
						   .role = MOQSTAT_SUBSCRIBER,
						   .field = field,
						   .handles = MOQSTAT_HANDLE_GUARD });
	}
	add_site(f, (struct moqstat_site){ .event = MOQSTAT_EVENT_ENTRY_NEW });
	add_site(f, (struct moqstat_site){ .event = MOQSTAT_EVENT_SESSION_NEW });
	add_site(f, (struct moqstat_site){ .event = MOQSTAT_EVENT_SESSION_BUMP, .opens = 1 });
	add_site(f, (struct moqstat_site){ .event = MOQSTAT_EVENT_SESSION_BUMP,
					   .field = MOQSTAT_SESSIONS_CLOSED,
					   .handles = MOQSTAT_HANDLE_GUARD });
	add_places(f);
	strcpy(f->name, "f");
	f->functions[0].name = f->functions[1].name = f->name;
	f->functions[0].role = LAYOUT_ENTRY;
	f->functions[1].role = LAYOUT_SESSION;
	f->sites.functions = f->functions;
	f->sites.functions_len = 2;
	f->sites.unprobed = f->unprobed;
	return 0;
}

static int teardown(void **state)
{
	test_free(*state);
	return 0;
}

static void assert_field(json_t *track, const char *field, const char *state, const char *reason)
{
	json_t *json = json_object_get(track, field);

	assert_int_equal(json_object_size(json), 2);
	assert_string_equal(json_string_value(json_object_get(json, "state")), state);
	assert_non_null(strstr(json_string_value(json_object_get(json, "reason")), reason));
}

static json_t *tracks_of(struct fixture *f, const struct collect_live_info *info)
{
	struct worths worths = { 0 };

	worth_update(&f->sites, info, &f->check, &worths);
	return status_tracks(&f->sites, &worths);
}

/* Every field of every track has this state; but `field` of `track`, if there is one, is
 * unavailable. */
static void assert_all_but(struct fixture *f, struct collect_live_info info, const char *state,
			   const char *reason, const char *track, const char *field)
{
	json_t *json = tracks_of(f, &info);
	size_t i, j;

	assert_int_equal(json_object_size(json), LEN(tracks));
	for (i = 0; i < LEN(tracks); i++) {
		json_t *got = json_object_get(json, tracks[i].name);

		assert_int_equal(json_object_size(got), tracks[i].sessions ? 2 : LEN(fields));
		for (j = 0; j < LEN(fields) && !tracks[i].sessions; j++) {
			/* Without the tier, which doesn't matter. */
			bool off =
				track && strstr(tracks[i].name, track) && !strcmp(field, fields[j]);

			assert_field(got, fields[j], off ? "unavailable" : state,
				     off ? "no place for a probe" : reason);
		}
		if (tracks[i].sessions) {
			assert_field(got, "sessions", state, reason);
			assert_field(got, "sessions_closed", state, reason);
		}
	}
	json_decref(json);
}

static void state_follows_what_is_known(void **state)
{
	static const char early[] = "nothing has begun", taken[] = "taken over",
			  whole[] = "seen from its beginning";
	static const struct {
		struct collect_live_info info;
		const char *state;
		const char *reason;
	} cases[] = {
		/* In the order in which a run comes upon them. */
		{ { .statistics = COLLECT_LIVE_UNKNOWN }, "since-attach", early },
		{ { .statistics = COLLECT_LIVE_ON }, "since-attach", early },
		{ { .statistics = COLLECT_LIVE_ON, .existing = 3 }, "since-attach", early },
		{ { .statistics = COLLECT_LIVE_ON, .inventoried = true }, "exact", whole },
		{ { .statistics = COLLECT_LIVE_ON, .inventoried = true, .existing = 1 },
		  "since-attach",
		  taken },
		{ { .statistics = COLLECT_LIVE_OFF, .guarded = true },
		  "since-attach",
		  "isn't known" },
		{ { .statistics = COLLECT_LIVE_OFF, .guarded = true, .seeded = true },
		  "exact",
		  "nothing was open" },
		/* Asked for. */
		{ { .statistics = COLLECT_LIVE_ON, .guarded = true, .inventoried = true },
		  "since-attach",
		  "isn't known" },
	};
	size_t i;

	for (i = 0; i < LEN(cases); i++)
		assert_all_but(*state, cases[i].info, cases[i].state, cases[i].reason, NULL, NULL);
}

/* What was open at attach is known, but not what it had sent. */
static void payload_begins_at_attach(void **state)
{
	struct collect_live_info info = {
		.statistics = COLLECT_LIVE_OFF, .guarded = true, .seeded = true, .open = 3
	};
	json_t *json = tracks_of(*state, &info);

	assert_field(json_object_get(json, "publisher.json"), "subscriptions", "since-attach",
		     "counts as begun then");
	assert_field(json_object_get(json, "internal/publisher.json"), "bytes", "since-attach",
		     "begin when the probes were attached");
	assert_field(json_object_get(json, "sessions.json"), "sessions", "since-attach",
		     "counts as begun then");
	json_decref(json);
	info.untold = 1;
	json = tracks_of(*state, &info);
	assert_field(json_object_get(json, "publisher.json"), "broadcasts", "since-attach",
		     "can't be named");
	json_decref(json);
}

/* What contradicts itself can't be relied on, whatever else is known. */
static void contradicted_fields_are_unavailable(void **state)
{
	struct collect_live_info info = { .statistics = COLLECT_LIVE_ON, .inventoried = true };
	struct fixture *f = *state;
	json_t *json;

	f->check.missed[MOQSTAT_PUBLISHER][MOQSTAT_GROUPS] = "no place for a probe, say";
	assert_all_but(f, info, "exact", "", "publisher", "groups");
	f->check.missed[MOQSTAT_PUBLISHER][MOQSTAT_GROUPS] = NULL;
	f->check.sessions_missed[MOQSTAT_SESSIONS_CLOSED] = "a session";
	json = tracks_of(f, &info);
	assert_field(json_object_get(json, "internal/sessions.json"), "sessions", "exact", "");
	assert_field(json_object_get(json, "sessions.json"), "sessions_closed", "unavailable",
		     "a session");
	json_decref(json);
}

/* One probe that counts for both roles. */
static void contradictions_are_shared_with_the_probe(void **state)
{
	struct collect_live_info info = { .statistics = COLLECT_LIVE_ON, .inventoried = true };
	struct fixture *f = *state;
	json_t *json;
	size_t i;

	for (i = 0; i < f->sites.len; i++) {
		if (f->list[i].what.field == MOQSTAT_BROADCASTS)
			f->list[i].what.role = MOQSTAT_ROLE_MAX;
	}
	f->check.missed[MOQSTAT_PUBLISHER][MOQSTAT_BROADCASTS] = "nobody watches";
	f->check.missed[MOQSTAT_PUBLISHER][MOQSTAT_BYTES] = "frames without";
	json = tracks_of(f, &info);
	assert_field(json_object_get(json, "publisher.json"), "broadcasts", "unavailable",
		     "nobody watches");
	assert_field(json_object_get(json, "subscriber.json"), "broadcasts", "unavailable",
		     "for the other role, too");
	assert_field(json_object_get(json, "subscriber.json"), "bytes", "exact", "");
	json_decref(json);
}

/* Something is in no row of its own. */
static void gaps_are_not_exact(void **state)
{
	struct collect_live_info info = { .statistics = COLLECT_LIVE_ON, .inventoried = true };
	struct fixture *f = *state;
	json_t *json;

	f->check.gap[MOQSTAT_SUBSCRIBER][MOQSTAT_BYTES] = "summed up";
	json = tracks_of(f, &info);
	assert_field(json_object_get(json, "subscriber.json"), "bytes", "since-attach",
		     "summed up");
	assert_field(json_object_get(json, "subscriber.json"), "frames", "exact", "");
	json_decref(json);
	info.existing = 1;
	json = tracks_of(f, &info);
	assert_field(json_object_get(json, "subscriber.json"), "bytes", "since-attach",
		     "taken over");
	json_decref(json);
}

static void changes_are_told(void **state)
{
	struct collect_live_info info = { .statistics = COLLECT_LIVE_UNKNOWN };
	struct fixture *f = *state;
	struct worths worths = { 0 };

	assert_true(worth_update(&f->sites, &info, NULL, &worths));
	assert_false(worth_update(&f->sites, &info, &f->check, &worths));
	info.statistics = COLLECT_LIVE_ON;
	assert_false(worth_update(&f->sites, &info, &f->check, &worths));
	info.inventoried = true;
	assert_true(worth_update(&f->sites, &info, &f->check, &worths));
	f->check.gap[0][0] = "x";
	assert_true(worth_update(&f->sites, &info, &f->check, &worths));
	f->check.gap[0][0] = "y";
	assert_true(worth_update(&f->sites, &info, &f->check, &worths));
	assert_false(worth_update(&f->sites, &info, &f->check, &worths));
}

/* One bump that can't be probed takes one field with it, of one role, on both tiers. */
static void missing_sites_make_a_field_unavailable(void **state)
{
	const struct collect_live_info exact = { .statistics = COLLECT_LIVE_ON,
						 .inventoried = true };
	struct fixture *f = *state;

	f->sites.unprobed_len = 1;
	f->unprobed[0] =
		(struct sites_unprobed){ .role = MOQSTAT_SUBSCRIBER, .field = MOQSTAT_GROUPS };
	assert_all_but(f, exact, "exact", "", "subscriber", "groups");
	f->unprobed[0].role = MOQSTAT_PUBLISHER;
	f->unprobed[0].field = MOQSTAT_ANNOUNCED_CLOSED;
	assert_all_but(f, exact, "exact", "", "publisher", "announced_closed");
}

static void missing_sessions_are_unavailable(void **state)
{
	const struct collect_live_info exact = { .statistics = COLLECT_LIVE_ON,
						 .inventoried = true };
	struct fixture *f = *state;
	json_t *json;
	size_t i;

	f->functions[1].role = -1;
	json = tracks_of(f, &exact);
	for (i = 0; i < LEN(tracks); i++) {
		json_t *got = json_object_get(json, tracks[i].name);

		if (tracks[i].sessions) {
			assert_field(got, "sessions", "unavailable", "function that opens");
			assert_field(got, "sessions_closed", "unavailable", "function that opens");
		} else {
			assert_field(got, "bytes", "exact", "");
		}
	}
	json_decref(json);
}

static void replay_names_its_file(void **state)
{
	json_t *json = status_replay("some/\xc3\xa4.jsonl");

	(void)state;
	assert_int_equal(json_object_size(json), 2);
	assert_string_equal(json_string_value(json_object_get(json, "replay")),
			    "some/\xc3\xa4.jsonl");
	assert_string_equal(json_string_value(json_object_get(json, "version")), MOQSTAT_VERSION);
	json_decref(json);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(state_follows_what_is_known),
		TEST(payload_begins_at_attach),
		TEST(contradicted_fields_are_unavailable),
		TEST(contradictions_are_shared_with_the_probe),
		TEST(gaps_are_not_exact),
		TEST(changes_are_told),
		TEST(missing_sites_make_a_field_unavailable),
		TEST(missing_sessions_are_unavailable),
		TEST(replay_names_its_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
