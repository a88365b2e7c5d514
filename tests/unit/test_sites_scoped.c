/* SPDX-License-Identifier: MIT */
/*
 * test_sites_scoped.c - the same as test_sites_guarded.c where tiers are labels: what counters are
 * worth where the relay's statistics are off, and each piece that is missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "worth.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define NO_HANDLE  "whose guard it is can't be told at one of its sites"
#define NOT_LEARNT "where it is learnt whose guard is where was not found"
#define REFUSED	   "the kernel takes no probe at a place where it is learnt whose guard is where"

#define PENDING	   MOQSTAT_HANDLE_PENDING
#define GUARD	   MOQSTAT_HANDLE_GUARD
#define PATH	   MOQSTAT_HANDLE_PATH
#define CALL	   MOQSTAT_HANDLE_CALL
#define ACCOUNT	   MOQSTAT_HANDLE_ACCOUNT
#define VIEWER	   MOQSTAT_HANDLE_VIEWER
#define OWNER	   MOQSTAT_HANDLE_OWNER
#define KEY	   MOQSTAT_HANDLE_KEY

/* What is told by what, and where that is learnt. */
enum {
	OPENED = 0,
	ENDED, /* by a key */
	SUBSCRIBED,
	WATCHED,
	UNSUBSCRIBED,
	UNWATCHED,
	GROUP,
	GROUP_MORE,
	BYTES,
	FRAMES,
	DATAGRAM, /* of a call */
	FETCHED,
	ANNOUNCED_BYTES,
	ENTRY_NEW,
	SCOPE,
	PEEK,
	TABLE,
	PUBLISHED, /* the place of a subscription */
	CALLED,
	ROOT,
	ROOT_OFF,
	ROOT_NEW,
	SESSION_OPENED,
	SESSION_CLOSED,
	SESSION_PLACE,
	SITES
};

static const struct {
	uint8_t event, field;
	uint16_t handles;
} given[SITES] = {
	[OPENED] = { MOQSTAT_EVENT_BUMP, MOQSTAT_ANNOUNCED, PATH },
	[ENDED] = { MOQSTAT_EVENT_BUMP, MOQSTAT_ANNOUNCED_CLOSED, PENDING },
	[SUBSCRIBED] = { MOQSTAT_EVENT_BUMP, MOQSTAT_SUBSCRIPTIONS, PATH | VIEWER },
	[WATCHED] = { MOQSTAT_EVENT_BUMP, MOQSTAT_BROADCASTS, VIEWER },
	[UNSUBSCRIBED] = { MOQSTAT_EVENT_BUMP, MOQSTAT_SUBSCRIPTIONS_CLOSED, GUARD | VIEWER },
	[UNWATCHED] = { MOQSTAT_EVENT_BUMP, MOQSTAT_BROADCASTS_CLOSED, VIEWER },
	[GROUP] = { MOQSTAT_EVENT_BUMP, MOQSTAT_GROUPS, PATH | ACCOUNT },
	[GROUP_MORE] = { MOQSTAT_EVENT_BUMP, MOQSTAT_GROUPS, PATH | ACCOUNT },
	[BYTES] = { MOQSTAT_EVENT_BUMP, MOQSTAT_BYTES, ACCOUNT },
	[FRAMES] = { MOQSTAT_EVENT_BUMP, MOQSTAT_FRAMES, ACCOUNT },
	[DATAGRAM] = { MOQSTAT_EVENT_BUMP, MOQSTAT_DATAGRAMS, CALL },
	[FETCHED] = { MOQSTAT_EVENT_BUMP, MOQSTAT_FETCHES, PATH },
	[ANNOUNCED_BYTES] = { MOQSTAT_EVENT_BUMP, MOQSTAT_ANNOUNCED_BYTES, PATH },
	[ENTRY_NEW] = { MOQSTAT_EVENT_ENTRY_NEW, 0, 0 },
	[SCOPE] = { MOQSTAT_EVENT_SCOPE, 0, 0 },
	[PEEK] = { MOQSTAT_EVENT_PEEK, 0, MOQSTAT_HANDLE_KEY },
	[TABLE] = { MOQSTAT_EVENT_TABLE, 0, 0 },
	[PUBLISHED] = { MOQSTAT_EVENT_PLACE, 0, PATH },
	[CALLED] = { MOQSTAT_EVENT_CALL, 0, 0 },
	[ROOT] = { MOQSTAT_EVENT_SESSION, 0, 0 },
	[ROOT_OFF] = { MOQSTAT_EVENT_SESSION, 0, 0 },
	[ROOT_NEW] = { MOQSTAT_EVENT_SESSION_NEW, 0, 0 },
	[SESSION_OPENED] = { MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_SESSIONS, PENDING },
	[SESSION_CLOSED] = { MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_SESSIONS_CLOSED, GUARD },
	[SESSION_PLACE] = { MOQSTAT_EVENT_PLACE, 0, PENDING },
};

static struct site list[SITES];
static char name[] = "f";
static struct sites_function functions[] = { { name, 0x1000, LAYOUT_ENTRY },
					     { name, 0x2000, LAYOUT_SESSION } };
static struct sites sites;

static int setup(void **state)
{
	size_t i;

	(void)state;
	memset(list, 0, sizeof(list));
	for (i = 0; i < SITES; i++) {
		list[i].bump = 0x3000 + i;
		list[i].what = (struct moqstat_site){ .event = given[i].event,
						      .role = MOQSTAT_ROLE_MAX,
						      .field = given[i].field,
						      .handles = given[i].handles };
	}
	list[SESSION_OPENED].what.opens = 1;
	list[ROOT_OFF].what.when = MOQSTAT_WHEN_ZERO;
	sites = (struct sites){ .layout = layout_find("moq-net 0.2.13"),
				.list = list,
				.len = SITES,
				.functions = functions,
				.functions_len = LEN(functions) };
	return 0;
}

/* `missing` has "field," of each counter that is not told, for that reason. */
static void assert_missing(const char *missing, const char *why)
{
	char of[64];
	const char *reason;
	unsigned int role, field;

	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
			bool lacks;

			snprintf(of, sizeof(of), " %s,", layout_field_name(field));
			lacks = strstr(missing, of) != NULL;
			reason = "";
			if (sites_guarded(&sites, role, field, &reason) == lacks)
				fail_msg("%s %s", of, reason);
			if (lacks)
				assert_string_equal(reason, why);
		}
	}
}

static void nothing_is_missing(void **state)
{
	const char *reason;

	(void)state;
	assert_missing("", "");
	assert_true(sites_sessions_guarded(&sites, &reason));
	assert_true(sites_told_off(&sites));
}

static void sites_without_a_way(void **state)
{
	/* Broadcasts are counted with the subscriptions. */
	static const struct {
		int site;
		const char *missing;
	} cases[] = {
		{ OPENED, " announced," },
		{ ENDED, " announced_closed," },
		{ SUBSCRIBED, " subscriptions, broadcasts," },
		{ WATCHED, " broadcasts," },
		{ UNSUBSCRIBED, " subscriptions_closed, broadcasts_closed," },
		{ UNWATCHED, " broadcasts_closed," },
		{ BYTES, " bytes," },
		{ DATAGRAM, " datagrams," },
		{ FETCHED, " fetches," },
	};
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		list[cases[i].site].what.handles = 0;
		assert_missing(cases[i].missing, NO_HANDLE);
		/* That no way leads there is one. */
		list[cases[i].site].what.handles = MOQSTAT_HANDLE_ODD;
		assert_missing("", "");
		setup(NULL);
	}
}

/* What is told is complete, too. */
static void what_is_not_complete(void **state)
{
	struct sites_unprobed unprobed = { .role = MOQSTAT_ROLE_MAX, .field = MOQSTAT_FETCHES };

	(void)state;
	sites.unprobed = &unprobed;
	sites.unprobed_len = 1;
	assert_missing(" fetches,", "one of its bumps has no place for a probe");
}

static void what_it_is_learnt_by(void **state)
{
	static const struct {
		int site;
		const char *missing;
	} cases[] = {
		{ PEEK, " announced_closed," },
		{ TABLE, " announced_closed," },
		{ PUBLISHED, " subscriptions_closed, broadcasts_closed," },
		{ CALLED, " datagrams," },
	};
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		list[cases[i].site].refused = "no";
		assert_missing(cases[i].missing, REFUSED);
		setup(NULL);
		/* Of another kind. */
		list[cases[i].site].what.event = MOQSTAT_EVENT_ENTRY_NEW;
		assert_missing(cases[i].missing, NOT_LEARNT);
		setup(NULL);
		list[cases[i].site].what.handles = GUARD;
		assert_missing(cases[i].missing, NOT_LEARNT);
		setup(NULL);
	}
}

/* One of the places where groups come in is enough to be told by, if none is refused. */
static void what_accounts_are_learnt_by(void **state)
{
	const char *reason;

	(void)state;
	list[GROUP].what.handles = PATH;
	assert_missing("", "");
	list[GROUP_MORE].what.handles = PATH;
	assert_missing(" bytes, frames,", NOT_LEARNT);
	list[GROUP_MORE].what.handles = ACCOUNT;
	assert_missing(" bytes, frames, groups,", NOT_LEARNT);
	setup(NULL);
	list[GROUP_MORE].what.handles = 0;
	assert_false(sites_guarded(&sites, MOQSTAT_PUBLISHER, MOQSTAT_BYTES, &reason));
	assert_string_equal(reason, NOT_LEARNT);
	setup(NULL);
	list[GROUP].refused = "no";
	assert_false(sites_guarded(&sites, MOQSTAT_PUBLISHER, MOQSTAT_BYTES, &reason));
	assert_string_equal(reason, REFUSED);
	assert_true(sites_guarded(&sites, MOQSTAT_PUBLISHER, MOQSTAT_DATAGRAMS, &reason));
}

static void assert_sessions(const char *why)
{
	const char *reason = "";

	assert_false(sites_sessions_guarded(&sites, &reason));
	assert_string_equal(reason, why);
	setup(NULL);
}

static void sessions(void **state)
{
	const char *reason;

	(void)state;
	list[SESSION_OPENED].what.handles = 0;
	assert_sessions(NO_HANDLE);
	list[SESSION_CLOSED].what.handles = 0;
	assert_sessions(NO_HANDLE);
	list[SESSION_PLACE].refused = "no";
	assert_sessions("the kernel takes no probe at a place where a session's guard is put");
	/* That of a subscription isn't one. */
	list[SESSION_PLACE].what.handles = PATH;
	assert_sessions("where a session's guard is put was not found");
	list[ROOT_OFF].what.when = MOQSTAT_WHEN_ALWAYS;
	assert_sessions("the place where a session's root is named was not found");
	list[ROOT_OFF].what.event = MOQSTAT_EVENT_ENTRY;
	list[ROOT_OFF].what.when = MOQSTAT_WHEN_ZERO;
	assert_sessions("the place where a session's root is named was not found");
	list[SESSION_CLOSED].what.event = MOQSTAT_EVENT_ENTRY_NEW;
	assert_sessions("no close of a session was found");
	/* What broadcasts need is nothing to them. */
	list[PUBLISHED].what.event = list[PEEK].what.event = MOQSTAT_EVENT_ENTRY_NEW;
	assert_true(sites_sessions_guarded(&sites, &reason));
}

static void told_off(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < SITES; i++) {
		if (i != BYTES && list[i].what.event == MOQSTAT_EVENT_BUMP)
			list[i].what.handles = 0;
	}
	assert_true(sites_told_off(&sites));
	list[BYTES].what.handles = 0;
	assert_false(sites_told_off(&sites));
	sites.len = 0;
	assert_false(sites_told_off(&sites));
}

static void ways_are_named(void **state)
{
	static const struct {
		uint16_t handles;
		const char *text;
	} cases[] = {
		{ VIEWER, "with the session's subscriptions" },
		{ PATH | VIEWER, "scope" },
		{ GUARD | VIEWER, "place of the guard, or its session" },
		{ CALL, "scope that the function is called with" },
		{ ACCOUNT, "account of the track" },
		{ PATH | ACCOUNT, "scope" },
		{ PENDING, "path just named" },
		{ MOQSTAT_HANDLE_ODD, "none; unwinding or replacement only" },
	};
	struct site site = { .what = { .event = MOQSTAT_EVENT_BUMP } };
	char event[16];
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		site.what.handles = cases[i].handles;
		assert_string_equal(sites_identity_text(&site), cases[i].text);
	}
	site.what.event = MOQSTAT_EVENT_SESSION_BUMP;
	assert_string_equal(sites_identity_text(&site), "place of the guard");
	site.what.event = MOQSTAT_EVENT_CALL;
	assert_string_equal(sites_identity_text(&site), "-");
	sites_counter_name(&site.what, event, sizeof(event));
	assert_string_equal(event, "call");
}

/* An announcement that ends is told by a word only if that is noted where it begins; by a key only
 * if the table is known, too. */
static void what_words_are_learnt_by(void **state)
{
	const char *reason;

	(void)state;
	list[ENDED].what.handles = OWNER;
	assert_false(sites_guarded(&sites, MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED, &reason));
	assert_string_equal(reason, NOT_LEARNT);
	list[OPENED].what.handles = PATH | OWNER;
	assert_true(sites_guarded(&sites, MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED, &reason));
	assert_string_equal(sites_identity_text(&list[OPENED]), "scope");
	list[ENDED].what.handles = OWNER | KEY;
	assert_false(sites_guarded(&sites, MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED, &reason));
	list[ANNOUNCED_BYTES].what.handles = PATH | OWNER | KEY;
	assert_true(sites_guarded(&sites, MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED, &reason));
	assert_string_equal(sites_identity_text(&list[ENDED]), "key of the table");
	list[TABLE].what.event = MOQSTAT_EVENT_CALL;
	assert_false(sites_guarded(&sites, MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED, &reason));
}

static void texts_of_cursors(void **state)
{
	(void)state;
	list[FRAMES].what.handles = ACCOUNT | MOQSTAT_HANDLE_CURSOR;
	assert_string_equal(sites_identity_text(&list[FRAMES]),
			    "what its group was handed out with");
	list[FRAMES].what.handles = ACCOUNT | MOQSTAT_HANDLE_OPTION;
	assert_string_equal(sites_identity_text(&list[FRAMES]),
			    "what its group was handed out with");
	list[GROUP].what.handles = ACCOUNT | PATH | MOQSTAT_HANDLE_CURSOR;
	assert_string_equal(sites_identity_text(&list[GROUP]), "scope");
}

/* ---- what that makes fields worth ---- */

#define OFF "the relay's statistics are off, and of such a release its counters can't be told then"
#define LABELS                                                                                  \
	"the relay's statistics are off, and with more than one tier it can't be told then to " \
	"which it was sent"

/* All fields are since-attach, but those of `lacks`, " role.field,", which aren't available for
 * that reason. */
static void assert_worth(const struct collect_live_info *info, const char *lacks, const char *why)
{
	struct worths worths = { .tiers_len = 0 };
	unsigned int role, field;
	char of[64];

	worth_update(&sites, info, NULL, &worths);
	for (role = 0; role <= MOQSTAT_ROLE_MAX; role++) {
		for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
			const struct worth *worth = &worths.of[role][field];

			if (role == MOQSTAT_ROLE_MAX && field >= MOQSTAT_SESSION_FIELD_MAX)
				break;
			snprintf(of, sizeof(of), " %s.%s,",
				 role < MOQSTAT_ROLE_MAX ? layout_role_name(role) : "sessions",
				 role < MOQSTAT_ROLE_MAX ? layout_field_name(field) : "");
			if (!lacks || strstr(lacks, of)) {
				assert_int_equal(worth->state, WORTH_UNAVAILABLE);
				assert_string_equal(worth->reason, why);
			} else if (worth->state != WORTH_SINCE_ATTACH) {
				fail_msg("%s %s", of, worth->reason);
			}
		}
	}
}

static void worth_while_off(void **state)
{
	struct tiers tiers = tiers_default;
	struct collect_live_info info = { .statistics = COLLECT_LIVE_OFF, .guarded = true };
	struct worths worths = { .tiers_len = 0 };
	size_t i;

	(void)state;
	assert_worth(&info, "", "");
	info.tiers = &tiers;
	assert_worth(&info, "", "");
	/* A track's account is that of the tier that it comes from. */
	tiers.len = 2;
	assert_worth(&info, " publisher.bytes, publisher.frames,", LABELS);
	/* But not where it is known what a group was handed out with. */
	sites.layout = layout_find("moq-net 0.3.18");
	assert_worth(&info, "", "");
	sites.layout = layout_find("moq-net 0.2.13");
	/* While they are on entries tell all. */
	info.statistics = COLLECT_LIVE_ON;
	assert_worth(&info, "", "");
	info.statistics = COLLECT_LIVE_OFF;
	list[FETCHED].what.handles = 0;
	info.tiers = NULL;
	assert_worth(&info, " publisher.fetches, subscriber.fetches,", NO_HANDLE);
	for (i = 0; i < SITES; i++) {
		if (list[i].what.event == MOQSTAT_EVENT_BUMP)
			list[i].what.handles = 0;
	}
	assert_worth(&info, NULL, OFF);
	/* That is of no other release. */
	sites.layout = layout_find("moq-net 0.1.8");
	worth_update(&sites, &info, NULL, &worths);
	assert_string_equal(worths.of[MOQSTAT_PUBLISHER][MOQSTAT_BYTES].reason, NO_HANDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_missing, setup),
		cmocka_unit_test_setup(sites_without_a_way, setup),
		cmocka_unit_test_setup(what_is_not_complete, setup),
		cmocka_unit_test_setup(what_it_is_learnt_by, setup),
		cmocka_unit_test_setup(what_accounts_are_learnt_by, setup),
		cmocka_unit_test_setup(what_words_are_learnt_by, setup),
		cmocka_unit_test_setup(texts_of_cursors, setup),
		cmocka_unit_test_setup(sessions, setup),
		cmocka_unit_test_setup(told_off, setup),
		cmocka_unit_test_setup(ways_are_named, setup),
		cmocka_unit_test_setup(worth_while_off, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
