/* SPDX-License-Identifier: MIT */
/*
 * test_explain.c - the table of --explain, as it is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "explain.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define BUMP(r, f, h)                                                                             \
	{                                                                                         \
		.what = {.event = MOQSTAT_EVENT_BUMP, .role = (r), .field = (f), .handles = (h) } \
	}

static struct site list[] = {
	BUMP(MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED, MOQSTAT_HANDLE_PENDING),
	BUMP(MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED, MOQSTAT_HANDLE_PATH),
	BUMP(MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED, MOQSTAT_HANDLE_ODD),
	BUMP(MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED, MOQSTAT_HANDLE_GUARD),
	BUMP(MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED, MOQSTAT_HANDLE_GUARD),
	BUMP(MOQSTAT_ROLE_MAX, MOQSTAT_BROADCASTS, MOQSTAT_HANDLE_PENDING),
	{ .what = { .event = MOQSTAT_EVENT_SESSION_BUMP, .opens = 1 } },
	{ .what = { .event = MOQSTAT_EVENT_SESSION_BUMP,
		    .field = MOQSTAT_SESSIONS_CLOSED,
		    .handles = MOQSTAT_HANDLE_GUARD } },
};

static void explain(const struct collect_live_info *info, const struct worths *worths, char *text,
		    size_t size)
{
	struct sites sites = { .layout = layout_find("moq-net 0.1.8"),
			       .list = list,
			       .len = LEN(list) };
	FILE *out = fmemopen(text, size, "w");

	explain_write(".stats/node/n1", &sites, info, worths, out);
	fclose(out);
}

/* All fields alike, but where a test says otherwise. */
static void fill(struct worths *worths, enum worth_state state, const char *reason)
{
	unsigned int track, field;

	memset(worths, 0, sizeof(*worths));
	for (track = 0; track < TRACKS_OF_TIER; track++) {
		for (field = 0; field < MOQSTAT_FIELD_MAX; field++)
			worths->of[track][field] = (struct worth){ state, reason };
		/* What lies between the two is of no account. */
		memset((char *)&worths->of[track][0].state + sizeof(state), (int)track,
		       offsetof(struct worth, reason) - sizeof(state));
	}
}

static void assert_text(const char *text, const char *expected)
{
	if (strcmp(text, expected))
		fail_msg("expected:\n%s\ngot:\n%s", expected, text);
}

static void table_of_a_relay_without_statistics(void **state)
{
	const struct collect_live_info info = { .statistics = COLLECT_LIVE_OFF, .guarded = true };
	struct worths worths;
	char text[8192];

	(void)state;
	fill(&worths, WORTH_EXACT, "all was seen");
	worths.of[MOQSTAT_PUBLISHER][MOQSTAT_GROUPS] =
		(struct worth){ WORTH_UNAVAILABLE, "no group was" };
	worths.of[MOQSTAT_SUBSCRIBER][MOQSTAT_BYTES] =
		(struct worth){ WORTH_SINCE_ATTACH, "some are elsewhere" };
	explain(&info, &worths, text, sizeof(text));
	assert_text(
		text,
		"what each field of .stats/node/n1 is worth (its own statistics are off)\n"
		"\n"
		"publisher.json, internal/publisher.json\n"
		"  announced             exact         [1]  by: path just named\n"
		"  announced_closed      exact         [1]  by: live path; place of the guard\n"
		"  broadcasts            exact         [1]  by: path just named\n"
		"  broadcasts_closed     exact         [1]  by: none\n"
		"  subscriptions         exact         [1]  by: none\n"
		"  subscriptions_closed  exact         [1]  by: none\n"
		"  bytes                 exact         [1]  by: none\n"
		"  frames                exact         [1]  by: none\n"
		"  groups                unavailable   [2]  by: none\n"
		"\n"
		"subscriber.json, internal/subscriber.json\n"
		"  announced             exact         [1]  by: none\n"
		"  announced_closed      exact         [1]  by: none\n"
		"  broadcasts            exact         [1]  by: path just named\n"
		"  broadcasts_closed     exact         [1]  by: none\n"
		"  subscriptions         exact         [1]  by: none\n"
		"  subscriptions_closed  exact         [1]  by: none\n"
		"  bytes                 since-attach  [3]  by: none\n"
		"  frames                exact         [1]  by: none\n"
		"  groups                exact         [1]  by: none\n"
		"\n"
		"sessions.json, internal/sessions.json\n"
		"  sessions              exact         [1]  by: at the call\n"
		"  sessions_closed       exact         [1]  by: place of the guard\n"
		"\n"
		"[1] all was seen\n"
		"[2] no group was\n"
		"[3] some are elsewhere\n"
		"\n"
		"exact         what the relay itself counts, or would if its statistics were on\n"
		"since-attach  what was seen since the probes were attached; the reason says what lacks\n"
		"unavailable   not to be relied on, although the frames show what was counted\n"
		"\n");
}

static void tracks_of_all_tiers_are_named(void **state)
{
	const struct collect_live_info info = { .statistics = COLLECT_LIVE_ON };
	struct tiers tiers = tiers_default;
	struct worths worths;
	char text[8192];

	(void)state;
	fill(&worths, WORTH_EXACT, "all was seen");
	worths.tiers = &tiers;
	explain(&info, &worths, text, sizeof(text));
	assert_non_null(strstr(text, "\n\npublisher.json\n"));
	assert_int_equal(tiers_add(&tiers, "region/sjc", 10), 1);
	/* A number that isn't used has no name. */
	tiers.len = 4;
	strcpy(tiers.labels[3], "x");
	explain(&info, &worths, text, sizeof(text));
	assert_non_null(
		strstr(text, "\n\npublisher.json, region/sjc/publisher.json, x/publisher.json\n"));
	assert_non_null(
		strstr(text, "\n\nsessions.json, region/sjc/sessions.json, x/sessions.json\n"));
}

static void entry_pointers_where_there_are_any(void **state)
{
	struct collect_live_info info = { .statistics = COLLECT_LIVE_ON };
	struct worths worths;
	char text[8192];

	(void)state;
	fill(&worths, WORTH_SINCE_ATTACH, "early");
	explain(&info, &worths, text, sizeof(text));
	assert_non_null(strstr(text, "(its own statistics are on)"));
	assert_non_null(
		strstr(text, "  bytes                 since-attach  [1]  by: entry pointer\n"));
	assert_null(strstr(text, "[2]"));
	info.statistics = COLLECT_LIVE_UNKNOWN;
	explain(&info, &worths, text, sizeof(text));
	assert_non_null(strstr(text, "(its own statistics are not known yet to be on or off)"));
	assert_non_null(
		strstr(text, "  bytes                 since-attach  [1]  by: not known yet\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_of_a_relay_without_statistics),
		cmocka_unit_test(tracks_of_all_tiers_are_named),
		cmocka_unit_test(entry_pointers_where_there_are_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
