/* SPDX-License-Identifier: MIT */
/*
 * test_sites_guarded.c - what counters are worth where the relay's statistics are off: each piece
 * that is missing takes its own away, and says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relay_image.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define NO_HANDLE  "whose guard it is can't be told at one of its sites"
#define NO_PATHS   "where its guards' paths are let go was not found"
#define NO_PLACE   "where some of its guards are put was not found"

/* Sites that a test adds, at most. */
#define MORE 8

static void add(struct sites *s, enum moqstat_event event, uint8_t handles)
{
	struct site site = { .what = { .event = event, .handles = handles } };

	s->list[s->len++] = site;
}

/* A relay of which everything is told: a place for either kind of track, a table for what is
 * announced, a place for sessions. */
static void guarded(struct sites *s)
{
	struct relay r;
	char said[512];
	size_t i;

	relay_init(&r);
	assert_int_equal(relay_scan(&r, s, said, sizeof(said)), 0);
	relay_deinit(&r);
	s->list = realloc(s->list, (s->len + 6 + MORE) * sizeof(*s->list));
	assert_non_null(s->list);
	for (i = 0; i < s->len; i++) {
		struct moqstat_site *what = &s->list[i].what;

		if (what->event == MOQSTAT_EVENT_BUMP ||
		    (what->event == MOQSTAT_EVENT_SESSION_BUMP && !what->opens))
			what->handles = what->opens ? MOQSTAT_HANDLE_PENDING : MOQSTAT_HANDLE_GUARD;
	}
	add(s, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING);
	add(s, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PATH);
	add(s, MOQSTAT_EVENT_SESSION_PLACE, MOQSTAT_HANDLE_GUARD);
	add(s, MOQSTAT_EVENT_REMOVE, 0);
	add(s, MOQSTAT_EVENT_TABLE, 0);
}

static struct site *site_of(struct sites *s, enum moqstat_event event, int role, unsigned int field)
{
	size_t i;

	for (i = 0; i < s->len; i++) {
		if (s->list[i].what.event == event && s->list[i].what.role == role &&
		    s->list[i].what.field == field)
			return &s->list[i];
	}
	fail_msg("no such site");
	return NULL;
}

/* Take the first site of an event with those handles out. */
static void take(struct sites *s, enum moqstat_event event, uint8_t handles)
{
	size_t i;

	for (i = 0; s->list[i].what.event != event || s->list[i].what.handles != handles; i++)
		assert_true(i + 1 < s->len);
	s->list[i] = s->list[--s->len];
}

/* `missing` has "role.field," of each counter that is not told, for that reason. */
static void assert_guarded(const struct sites *s, const char *missing, const char *why)
{
	const char *reason = NULL;
	char name[64];
	size_t role, field;

	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (field = 0; field < MOQSTAT_ANNOUNCED_BYTES; field++) {
			snprintf(name, sizeof(name), "%s.%s,", layout_role_name(role),
				 layout_field_name(field));
			if (!strstr(missing, name)) {
				if (!sites_guarded(s, role, field, &reason))
					fail_msg("%s: %s", name, reason);
				continue;
			}
			if (sites_guarded(s, role, field, &reason))
				fail_msg("%s is told", name);
			assert_string_equal(reason, why);
		}
	}
}

static void nothing_is_missing(void **state)
{
	const char *reason;
	struct sites s;

	(void)state;
	guarded(&s);
	assert_guarded(&s, "", "");
	assert_true(sites_sessions_guarded(&s, &reason));
	sites_deinit(&s);
}

/* What statistics that are on need is needed, too. */
static void what_is_not_complete(void **state)
{
	struct sites s;

	(void)state;
	guarded(&s);
	s.unprobed = calloc(1, sizeof(*s.unprobed));
	s.unprobed_len = 1;
	s.unprobed[0].field = MOQSTAT_FRAMES;
	assert_guarded(&s, "publisher.frames,", "one of its bumps has no place for a probe");
	sites_deinit(&s);
}

static void a_site_without_a_way(void **state)
{
	static const struct {
		int role;
		unsigned int field;
		const char *missing;
	} cases[] = {
		{ MOQSTAT_PUBLISHER, MOQSTAT_BYTES, "publisher.bytes," },
		{ MOQSTAT_SUBSCRIBER, MOQSTAT_GROUPS, "subscriber.groups," },
		{ MOQSTAT_SUBSCRIBER, MOQSTAT_ANNOUNCED, "subscriber.announced," },
		{ MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED, "publisher.announced_closed," },
		{ MOQSTAT_ROLE_MAX, MOQSTAT_BROADCASTS,
		  "publisher.broadcasts,subscriber.broadcasts," },
		{ MOQSTAT_ROLE_MAX, MOQSTAT_BROADCASTS_CLOSED,
		  "publisher.broadcasts_closed,subscriber.broadcasts_closed," },
	};
	struct site *site;
	struct sites s;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		guarded(&s);
		site = site_of(&s, MOQSTAT_EVENT_BUMP, cases[i].role, cases[i].field);
		site->what.handles = 0;
		assert_guarded(&s, cases[i].missing, NO_HANDLE);
		/* That no way leads there is a way. */
		site->what.handles = MOQSTAT_HANDLE_ODD;
		if (!MOQSTAT_FIELD_CLOSES(cases[i].field))
			assert_guarded(&s, "", "");
		sites_deinit(&s);
	}
}

/* Another site of a counter, told in another way. */
static void add_told(struct sites *s, const struct site *like, uint8_t handles)
{
	struct site site = *like;

	site.bump += s->len;
	site.what.handles = handles;
	s->list[s->len++] = site;
}

/* That no way leads there is a way to tell of a guard only if others are told by their path. */
static void odd_ones_alone(void **state)
{
	struct site *site;
	struct sites s;

	(void)state;
	guarded(&s);
	site = site_of(&s, MOQSTAT_EVENT_BUMP, MOQSTAT_PUBLISHER, MOQSTAT_SUBSCRIPTIONS_CLOSED);
	site->what.handles = MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_ODD;
	assert_guarded(&s, "publisher.subscriptions_closed,", NO_PATHS);
	add_told(&s, site, MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_PEEK);
	assert_guarded(&s, "", "");
	sites_deinit(&s);
	guarded(&s);
	site = site_of(&s, MOQSTAT_EVENT_BUMP, MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED);
	site->what.handles = MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_ODD;
	assert_guarded(&s, "publisher.announced_closed,", NO_PATHS);
	add_told(&s, site, MOQSTAT_HANDLE_PATH);
	assert_guarded(&s, "publisher.announced_closed,", NO_PATHS);
	/* That is of an IETF publisher's tables. */
	add_told(&s, site, MOQSTAT_HANDLE_PEEK | MOQSTAT_HANDLE_KEY);
	assert_guarded(&s, "publisher.announced_closed,", NO_PATHS);
	add_told(&s, site, MOQSTAT_HANDLE_PEEK);
	assert_guarded(&s, "", "");
	sites_deinit(&s);
}

static void a_track_without_a_place(void **state)
{
	static const char missing[] =
		"publisher.subscriptions_closed,publisher.bytes,publisher.frames,publisher.groups,"
		"subscriber.subscriptions_closed,subscriber.bytes,subscriber.frames,"
		"subscriber.groups,";
	struct sites s;

	(void)state;
	guarded(&s);
	take(&s, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PATH);
	assert_guarded(&s, missing, NO_PLACE);
	/* A place of another kind does not make up for it. */
	add(&s, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING | MOQSTAT_HANDLE_OWNER);
	assert_guarded(&s, missing, NO_PLACE);
	add(&s, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING);
	assert_guarded(&s, "", "");
	/* One more that is opened needs one more. */
	s.list[s.len] = *site_of(&s, MOQSTAT_EVENT_BUMP, MOQSTAT_PUBLISHER, MOQSTAT_SUBSCRIPTIONS);
	s.list[s.len++].bump++;
	assert_guarded(&s, missing, NO_PLACE);
	sites_deinit(&s);
}

/* Let that counter's function be one of IETF moq-transport. */
static void is_ietf(struct sites *s, int role)
{
	struct site *site = site_of(s, MOQSTAT_EVENT_BUMP, role, MOQSTAT_ANNOUNCED);
	char **name = &s->functions[site->function].name;

	free(*name);
	*name = strdup("moq_net::ietf::publisher::Publisher<S>::run");
	assert_non_null(*name);
}

static void an_ietf_subscriber_without_owners(void **state)
{
	struct sites s;

	(void)state;
	guarded(&s);
	is_ietf(&s, MOQSTAT_SUBSCRIBER);
	assert_guarded(&s, "subscriber.announced_closed,", NO_PLACE);
	add(&s, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING);
	assert_guarded(&s, "subscriber.announced_closed,", NO_PLACE);
	add(&s, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING | MOQSTAT_HANDLE_OWNER);
	assert_guarded(&s, "", "");
	sites_deinit(&s);
}

static void an_ietf_publisher_without_tables(void **state)
{
	struct sites s;

	(void)state;
	guarded(&s);
	is_ietf(&s, MOQSTAT_PUBLISHER);
	assert_guarded(&s, "publisher.announced_closed,", NO_PLACE);
	add(&s, MOQSTAT_EVENT_INSERT, 0);
	assert_guarded(&s, "", "");
	take(&s, MOQSTAT_EVENT_REMOVE, 0);
	assert_guarded(&s, "publisher.announced_closed,", NO_PLACE);
	add(&s, MOQSTAT_EVENT_REMOVE, 0);
	assert_guarded(&s, "", "");
	take(&s, MOQSTAT_EVENT_TABLE, 0);
	assert_guarded(&s, "publisher.announced_closed,", NO_PLACE);
	sites_deinit(&s);
}

static void sessions(void **state)
{
	const char *reason;
	struct site *close;
	struct sites s;

	(void)state;
	guarded(&s);
	close = site_of(&s, MOQSTAT_EVENT_SESSION_BUMP, 0, MOQSTAT_SESSIONS_CLOSED);
	close->what.handles = 0;
	assert_false(sites_sessions_guarded(&s, &reason));
	assert_string_equal(reason, NO_HANDLE);
	close->what.handles = MOQSTAT_HANDLE_GUARD;
	assert_true(sites_sessions_guarded(&s, &reason));
	take(&s, MOQSTAT_EVENT_SESSION_PLACE, MOQSTAT_HANDLE_GUARD);
	assert_false(sites_sessions_guarded(&s, &reason));
	assert_string_equal(reason, "where a session's guard is put was not found");
	assert_true(sites_sessions_complete(&s, &reason));
	take(&s, MOQSTAT_EVENT_SESSION_NEW, 0);
	assert_false(sites_sessions_guarded(&s, &reason));
	assert_string_equal(reason, "the place where a root's counters are made was not found");
	sites_deinit(&s);
}

static void ways_are_named(void **state)
{
	static const struct {
		uint8_t event, handles;
		const char *text;
	} cases[] = {
		{ MOQSTAT_EVENT_ENTRY, 0, "-" },
		{ MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING, "-" },
		{ MOQSTAT_EVENT_PEEK, MOQSTAT_HANDLE_KEY, "-" },
		{ MOQSTAT_EVENT_SESSION_BUMP, 0, "at the call" },
		{ MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_HANDLE_GUARD, "place of the guard" },
		{ MOQSTAT_EVENT_BUMP, 0, "none" },
		{ MOQSTAT_EVENT_BUMP, MOQSTAT_HANDLE_PENDING, "path just named" },
		{ MOQSTAT_EVENT_BUMP, MOQSTAT_HANDLE_GUARD, "place of the guard" },
		{ MOQSTAT_EVENT_BUMP, MOQSTAT_HANDLE_OWNER, "owner in front of the guard" },
		{ MOQSTAT_EVENT_BUMP, MOQSTAT_HANDLE_PATH, "live path" },
		{ MOQSTAT_EVENT_BUMP, MOQSTAT_HANDLE_PEEK, "path let go before" },
		{ MOQSTAT_EVENT_BUMP, MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_PATH,
		  "place of the guard, or live path" },
		{ MOQSTAT_EVENT_BUMP, MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_PEEK,
		  "place of the guard, or path let go before" },
		{ MOQSTAT_EVENT_BUMP, MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_ODD,
		  "none; unwinding or replacement only" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		struct site site = { .what = { .event = cases[i].event,
					       .handles = cases[i].handles } };

		assert_string_equal(sites_identity_text(&site), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_missing),
		cmocka_unit_test(what_is_not_complete),
		cmocka_unit_test(a_site_without_a_way),
		cmocka_unit_test(odd_ones_alone),
		cmocka_unit_test(a_track_without_a_place),
		cmocka_unit_test(an_ietf_subscriber_without_owners),
		cmocka_unit_test(an_ietf_publisher_without_tables),
		cmocka_unit_test(sessions),
		cmocka_unit_test(ways_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
