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

/* What isn't probed now is unavailable, of both roles; and from then on it isn't exact any more,
 * whatever it was before. */
static void a_lapse_is_told_now_and_later(void **state)
{
	struct collect_live_info info = { .statistics = COLLECT_LIVE_ON, .inventoried = true };
	struct fixture *f = *state;
	static const char *const tracks_with[] = { "publisher.json", "internal/subscriber.json" };
	size_t i;
	json_t *json;

	crosscheck_lapse(&f->check, MOQSTAT_FRAMES, "not counted since then", true);
	json = tracks_of(f, &info);
	for (i = 0; i < LEN(tracks_with); i++) {
		json_t *track = json_object_get(json, tracks_with[i]);

		assert_field(track, "frames", "unavailable", "not counted since then");
		assert_field(track, "bytes", "exact", "");
		assert_field(track, "groups", "exact", "");
	}
	/* Sessions have fields of the same numbers. */
	assert_field(json_object_get(json, "sessions.json"), "sessions", "exact", "");
	json_decref(json);
	crosscheck_lapse(&f->check, MOQSTAT_FRAMES, "not counted from then to then", false);
	for (info.existing = 0; info.existing < 2; info.existing++) {
		json = tracks_of(f, &info);
		assert_field(json_object_get(json, "publisher.json"), "frames", "since-attach",
			     "not counted from then to then");
		assert_field(json_object_get(json, "publisher.json"), "bytes",
			     info.existing ? "since-attach" : "exact", "");
		json_decref(json);
	}
	/* What is contradicted on top of it stays unavailable. */
	f->check.missed[MOQSTAT_PUBLISHER][MOQSTAT_FRAMES] = "contradicted";
	json = tracks_of(f, &info);
	assert_field(json_object_get(json, "publisher.json"), "frames", "unavailable",
		     "contradicted");
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

/* Where tiers are labels, tracks are those of the tiers that are there; and without the relay's
 * statistics there is nothing to count by. */
static void tiers_that_are_labels(void **state)
{
	struct fixture *f = *state;
	struct collect_live_info info = { .statistics = COLLECT_LIVE_ON };
	struct worths worths = { 0 };
	struct tiers tiers = tiers_default;
	const char *name, *field;
	json_t *json, *track, *one;
	size_t i;

	f->sites.layout = layout_find("moq-net 0.2.13");
	info.tiers = &tiers;
	assert_true(worth_update(&f->sites, &info, &f->check, &worths));
	assert_false(worth_update(&f->sites, &info, &f->check, &worths));
	json = status_tracks(&f->sites, &worths);
	assert_int_equal(json_object_size(json), 3);
	assert_int_equal(json_object_size(json_object_get(json, "publisher.json")), 12);
	json_decref(json);
	/* One more tier is told of. */
	assert_int_equal(tiers_add(&tiers, "region/sjc", 10), 1);
	assert_true(worth_update(&f->sites, &info, &f->check, &worths));
	json = status_tracks(&f->sites, &worths);
	assert_int_equal(json_object_size(json), 6);
	assert_non_null(json_object_get(json, "region/sjc/sessions.json"));
	json_decref(json);
	info.statistics = COLLECT_LIVE_OFF;
	info.guarded = true;
	for (i = 0; i < f->sites.len; i++)
		f->list[i].what.handles = 0;
	assert_true(worth_update(&f->sites, &info, &f->check, &worths));
	json = status_tracks(&f->sites, &worths);
	json_object_foreach(json, name, track)
	{
		json_object_foreach(track, field, one)
		{
			assert_field(track, field, "unavailable", "statistics are off");
		}
	}
	json_decref(json);
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

/* The fields of the external tracks that aren't exact, with a letter for their state. */
static const char *amiss(struct fixture *f, bool guarded, char *out, size_t size)
{
	const struct collect_live_info info = { .statistics = guarded ? COLLECT_LIVE_OFF
								      : COLLECT_LIVE_ON,
						.inventoried = true,
						.guarded = guarded,
						.seeded = true };
	json_t *json = tracks_of(f, &info), *worth;
	FILE *text;
	const char *field, *worth_state;
	size_t i;

	out[0] = '\0'; /* where nothing is written, nothing else is */
	text = fmemopen(out, size, "w");
	for (i = 0; i < LEN(tracks); i++) {
		if (strstr(tracks[i].name, "internal"))
			continue;
		json_object_foreach(json_object_get(json, tracks[i].name), field, worth)
		{
			worth_state = json_string_value(json_object_get(worth, "state"));
			if (strcmp(worth_state, "exact"))
				fprintf(text, "%.3s.%s=%c ", tracks[i].name, field, *worth_state);
		}
	}
	fclose(text);
	json_decref(json);
	return out;
}

#define BROADCASTS(role)                                                                           \
	role ".announced=u " role ".announced_closed=u " role ".broadcasts=u " role                \
	     ".broadcasts_closed=u " role ".subscriptions=u " role ".subscriptions_closed=u " role \
	     ".bytes=u " role ".frames=u " role ".groups=u "
#define SESSIONS "ses.sessions=u ses.sessions_closed=u "

/* A site that the kernel takes no probe at takes with it what depends on it, and no more. */
static void refused_sites_make_fields_unavailable(void **state)
{
	static const struct {
		enum moqstat_event event;
		enum moqstat_role role;
		unsigned int field;
		const char *on, *off;
	} cases[] = {
		{ MOQSTAT_EVENT_BUMP, MOQSTAT_PUBLISHER, MOQSTAT_BYTES, "pub.bytes=u ",
		  "pub.bytes=u " },
		{ MOQSTAT_EVENT_BUMP, MOQSTAT_SUBSCRIBER, MOQSTAT_BROADCASTS_CLOSED,
		  "sub.broadcasts_closed=u ", "sub.broadcasts_closed=u " },
		{ MOQSTAT_EVENT_ENTRY_NEW, 0, 0, BROADCASTS("pub") BROADCASTS("sub"),
		  BROADCASTS("pub") BROADCASTS("sub") },
		{ MOQSTAT_EVENT_SESSION_NEW, 0, 0, SESSIONS, SESSIONS },
		{ MOQSTAT_EVENT_SESSION_BUMP, 0, MOQSTAT_SESSIONS_CLOSED, SESSIONS, SESSIONS },
		/* All sites of this relay go by what is learnt at such places. */
		{ MOQSTAT_EVENT_PLACE, 0, 0, "", BROADCASTS("pub") BROADCASTS("sub") },
		{ MOQSTAT_EVENT_REMOVE, 0, 0, "", BROADCASTS("pub") BROADCASTS("sub") },
		{ MOQSTAT_EVENT_TABLE, 0, 0, "", BROADCASTS("pub") BROADCASTS("sub") },
		{ MOQSTAT_EVENT_SESSION_PLACE, 0, 0, "", SESSIONS },
	};
	struct fixture *f = *state;
	char text[1024];
	size_t i, k;

	assert_string_equal(amiss(f, false, text, sizeof(text)), "");
	assert_string_equal(amiss(f, true, text, sizeof(text)), "");
	for (i = 0; i < LEN(cases); i++) {
		for (k = 0; f->list[k].what.event != cases[i].event ||
			    f->list[k].what.role != cases[i].role ||
			    f->list[k].what.field != cases[i].field;
		     k++)
			assert_true(k + 1 < f->sites.len);
		f->list[k].refused = "x";
		assert_string_equal(amiss(f, false, text, sizeof(text)), cases[i].on);
		assert_string_equal(amiss(f, true, text, sizeof(text)), cases[i].off);
		f->list[k].refused = NULL;
	}
}

/* A way to tell that needs nothing learnt is as good as before; of an opening that is missed, by
 * guards, all rows may be split. */
static void refused_sites_leave_the_others(void **state)
{
	struct fixture *f = *state;
	char text[1024];
	size_t i;

	for (i = 0; i < f->sites.len; i++) {
		if (f->list[i].what.event == MOQSTAT_EVENT_BUMP)
			f->list[i].what.handles = MOQSTAT_HANDLE_PENDING;
	}
	f->list[f->sites.len - 2].refused = "x"; /* the table's */
	assert_string_equal(amiss(f, true, text, sizeof(text)), "");
	f->list[f->sites.len - 2].refused = NULL;
	f->list[0].what.opens = 1; /* the publisher's announced */
	f->list[0].refused = "x";
	assert_string_equal(amiss(f, false, text, sizeof(text)), "pub.announced=u ");
	amiss(f, true, text, sizeof(text));
	assert_non_null(strstr(text, "pub.announced=u pub.announced_closed=s "));
	assert_non_null(strstr(text, "sub.bytes=s "));
	assert_null(strstr(text, "sub.bytes=u "));
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
		TEST(tiers_that_are_labels),
		TEST(missing_sessions_are_unavailable),
		TEST(refused_sites_make_fields_unavailable),
		TEST(refused_sites_leave_the_others),
		TEST(replay_names_its_file),
		cmocka_unit_test_setup_teardown(a_lapse_is_told_now_and_later, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
