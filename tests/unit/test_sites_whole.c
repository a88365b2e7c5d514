/* SPDX-License-Identifier: MIT */
/*
 * test_sites_whole.c - executables as a whole: what makes a relay, what its fields are worth, what
 * is refused and how that is explained.
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

#include "relay_image.h"
#include "scan_short.h"
#include "sites_text.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static struct relay relay;

static int setup(void **state)
{
	(void)state;
	relay_init(&relay);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	relay_deinit(&relay);
	return 0;
}

static void scan(struct sites *out)
{
	char said[512];

	assert_int_equal(relay_scan(&relay, out, said, sizeof(said)), 0);
	assert_string_equal(said, "");
}

static bool opens(const char *counter)
{
	return !strcmp(strchr(counter, '.'), ".announced") ||
	       !strcmp(strchr(counter, '.'), ".subscriptions");
}

static void a_whole_relay(void **state)
{
	static const char *const expected[RELAY_COUNTERS] = {
		[RELAY_ENTRY] = "push entry: E rsi, S [rdi+24], always; "
				"je entry-new: E rax, nonzero",
		[RELAY_SUBSCRIBE] = "jne side.broadcasts: E rax, G [rsp+16], T [r14+40]:1, "
				    "S [r14+41]:1, N 1, nonzero, opens",
		[RELAY_UNSUBSCRIBE] =
			"je side.broadcasts_closed: E rax, G [r14+32], T [r14+40]:1, "
			"S [r14+41]:1, N 1, nonzero; "
			"jne side.broadcasts_closed: E rax, G [r14+32], T [r14+40]:1, "
			"S [r14+41]:1, N 1, nonzero",
		[RELAY_SESSION] = "push session: E rsi, T [rdi+32]:1, S [rdi+24], always; "
				  "je sessions.sessions: E rax, N 1, always, opens; "
				  "je session-new: E rax, nonzero",
		[RELAY_SESSION_CLOSE] = "je sessions.sessions_closed: E rax, G [rdi+0], N 1, "
					"nonzero",
	};
	char text[SITES_TEXT], wanted[SITES_TEXT];
	struct sites s;
	size_t i;

	(void)state;
	scan(&s);
	assert_string_equal(s.layout->name, "moq-net 0.1.8");
	assert_string_equal(s.build_id, IMAGE_BUILD_ID);
	assert_int_equal(s.len, RELAY_SITES);
	assert_int_equal(s.unprobed_len, 0);
	assert_false(s.cached);
	for (i = 0; i < RELAY_PARTS; i++) {
		sites_text(&s, relay.parts[i].addr, text);
		if (i < RELAY_COUNTERS)
			snprintf(wanted, sizeof(wanted), "%s", expected[i]);
		else
			snprintf(wanted, sizeof(wanted),
				 "je %s: E rax, G [rdi+0], T [rdi+8]:1, N 1, nonzero%s",
				 relay.parts[i].name, opens(relay.parts[i].name) ? ", opens" : "");
		assert_string_equal(text, wanted);
	}
	for (i = 0; i < s.len; i++) {
		assert_int_equal(s.list[i].class, CODE_CLASS_EMULATED);
		assert_int_equal(s.list[i].offset, s.list[i].addr - IMAGE_TEXT + IMAGE_OFFSET);
		assert_true(!i || s.list[i - 1].what.event < s.list[i].what.event ||
			    s.list[i - 1].addr < s.list[i].addr);
	}
	sites_deinit(&s);
	sites_deinit(NULL);
}

/* Each test leaves or changes one thing and starts from a whole relay again. */
static void assert_refused(const char *why)
{
	struct sites s = { .len = 77 };
	char said[512];

	assert_int_equal(relay_scan(&relay, &s, said, sizeof(said)), -ENOTSUP);
	assert_int_equal(s.len, 77);
	if (!strstr(said, why) || !strstr(said, relay.im.path) ||
	    strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("expected \"%s\", said: %s", why, said);
	relay_deinit(&relay);
	relay_init(&relay);
}

static void a_relay_lacks_nothing(void **state)
{
	static const char *const missing[RELAY_COUNTERS] = {
		[RELAY_ENTRY] = "no moq_net::stats::Stats::entry;",
		[RELAY_SUBSCRIBE] = "no moq_net::stats::SessionBroadcasts::subscribe;",
		[RELAY_UNSUBSCRIBE] = "no <moq_net::stats::BroadcastSubscription as "
				      "core::ops::drop::Drop>::drop;",
		[RELAY_SESSION] = "no moq_net::stats::StatsHandle::session;",
	};
	char why[128];
	size_t i;

	(void)state;
	for (i = 0; i < RELAY_PARTS; i++) {
		if (i == RELAY_SESSION_CLOSE)
			continue;
		snprintf(why, sizeof(why), "no bump of %s;", relay.parts[i].name);
		relay.parts[i].hex = NULL;
		relay_add(&relay, "more", relay.counters[i == RELAY_COUNTERS]);
		relay_add(&relay, "more", relay.counters[i == RELAY_COUNTERS]);
		assert_refused(i < RELAY_COUNTERS ? missing[i] : why);
	}
	/* The right code under a name that is only like it. */
	relay.parts[RELAY_ENTRY].name = "_ZN7moq_net5stats5Stats7entries17h354f5041d6fe0d20E";
	assert_refused(missing[RELAY_ENTRY]);
	relay.parts[RELAY_ENTRY].name = "_ZN8moq_nets5stats5Stats5entry17h354f5041d6fe0d20E";
	assert_refused(missing[RELAY_ENTRY]);
	/* Nothing of a relay at all. */
	relay.parts_len = RELAY_COUNTERS + 1;
	assert_refused("no layout of a moq-relay that is known here");
}

static void another_stride_is_named(void **state)
{
	(void)state;
	relay_stride_88(&relay);
	relay_add(&relay, "announced_bytes", relay.counters[0]);
	relay_add(&relay, "more", relay.counters[1]);
	assert_refused(
		"unknown layout: most of its counters are 88 bytes apart, which is so in none that "
		"is known (moq-relay 0.12.5, moq-relay 0.13.0, moq-relay 0.13.3, moq-relay 0.13.5, "
		"moq-relay 0.14.12, moq-relay 0.17.10);");
}

/* mov r12, [rbx+0x48], where that release has its table of entries; and the same for roots. */
static void tables_elsewhere(void **state)
{
	static const struct {
		size_t part;
		const char *old, *new, *why;
	} cases[] = {
		{ RELAY_ENTRY, "4c 8b 63 48", "4c 8b 63 50",
		  "no table where its moq_net::stats::Stats::entry would find one;" },
		{ RELAY_SESSION, "4f 8b 6c fe 50", "4f 8b 6c fe 60",
		  "no table where its moq_net::stats::StatsHandle::session would find one;" },
		/* Half of 0.13.0 is not enough. */
		{ RELAY_ENTRY, "4c 8b 63 48", "4c 8b 63 58",
		  "no table where its moq_net::stats::Stats::entry would find one;" },
	};
	char hex[512], *at;
	struct sites s;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		strcpy(hex, relay.parts[cases[i].part].hex);
		at = strstr(hex, cases[i].old);
		assert_non_null(at);
		memcpy(at, cases[i].new, strlen(cases[i].new));
		relay.parts[cases[i].part].hex = hex;
		assert_refused(cases[i].why);
	}
	relay_tables_0_13(&relay);
	scan(&s);
	assert_string_equal(s.layout->relays, "moq-relay 0.13.0");
	assert_int_equal(s.len, RELAY_SITES);
	sites_deinit(&s);
}

/* A function of the right name may have been given other arguments, or be one of several that have
 * not. */
static void arguments_of_its_own(void **state)
{
	const char *reason;
	char hex[512], *at;
	struct sites s;

	(void)state;
	strcpy(hex, relay.parts[RELAY_ENTRY].hex);
	at = strstr(hex, "48 8b 4e 08"); /* mov rcx, [rsi+8] */
	assert_non_null(at);
	memcpy(at, "48 8b 4a 08", 11); /* mov rcx, [rdx+8] */
	relay.parts[RELAY_ENTRY].hex = hex;
	assert_refused(
		"no moq_net::stats::Stats::entry: what has its name is not called with a path");
	strcpy(hex, relay.parts[RELAY_SESSION].hex);
	at = strstr(hex, "0f 10 46 08"); /* movups xmm0, [rsi+8] */
	assert_non_null(at);
	memcpy(at, "0f 10 46 18", 11);
	relay.parts[RELAY_SESSION].hex = hex;
	assert_refused(
		"no moq_net::stats::StatsHandle::session: what has its name is not called with a path");
	/* What another one of that name opens can't be told; the rest can. */
	relay_add(&relay, "_ZN7moq_net5stats5Stats5entry17h0011223344556677E",
		  relay.parts[RELAY_SUBSCRIBE].hex);
	relay_add(&relay, "more", relay.counters[0]);
	relay.parts[RELAY_PARTS + 1].calls = RELAY_PARTS;
	scan(&s);
	assert_int_equal(sites_functions(&s, LAYOUT_ENTRY), 1);
	assert_int_equal(s.len, RELAY_SITES);
	assert_false(sites_complete(&s, MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED, &reason));
	assert_true(sites_complete(&s, MOQSTAT_SUBSCRIBER, MOQSTAT_ANNOUNCED, &reason));
	sites_deinit(&s);
}

/* Ten counters, and where the drop of a subscription finds its entry tell two releases apart. */
static void releases_with_ten_counters(void **state)
{
	static const struct {
		void (*change)(struct relay *);
		const char *name, *relays, *text;
		bool shared;
	} cases[] = {
		{ relay_0_13_3, "moq-net 0.1.14", "moq-relay 0.13.3",
		  "je side.broadcasts_closed: E rax, G [r14+32], T [r14+40]:1, S [r14+41]:1, N 1, "
		  "nonzero; jne side.broadcasts_closed: E rax, G [r14+32], T [r14+40]:1, "
		  "S [r14+41]:1, N 1, nonzero",
		  false },
		{ relay_0_13_5, "moq-net 0.1.17", "moq-relay 0.13.5",
		  "je side.broadcasts_closed: E rax, G [r14+0], T [r14+40]:1, S [r14+41]:1, N 1, "
		  "nonzero; jne side.broadcasts_closed: E rax, G [r14+0], T [r14+40]:1, "
		  "S [r14+41]:1, N 1, nonzero",
		  true },
	};
	char text[SITES_TEXT], expected[128];
	struct sites s;
	size_t i, k;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		cases[i].change(&relay);
		scan(&s);
		assert_string_equal(s.layout->name, cases[i].name);
		assert_string_equal(s.layout->relays, cases[i].relays);
		assert_int_equal(s.layout->shared_paths, cases[i].shared);
		assert_int_equal(s.len, RELAY_SITES + 2);
		assert_int_equal(s.unprobed_len, 0);
		sites_text(&s, relay.parts[RELAY_UNSUBSCRIBE].addr, text);
		assert_string_equal(text, cases[i].text);
		sites_text(&s, relay.parts[RELAY_SUBSCRIBE].addr, text);
		assert_string_equal(text, "jne side.broadcasts: E rax, G [rsp+16], T [r14+40]:1, "
					  "S [r14+41]:1, N 1, nonzero, opens");
		for (k = RELAY_COUNTERS; k < RELAY_PARTS_0_13_3; k++) {
			sites_text(&s, relay.parts[k].addr, text);
			snprintf(expected, sizeof(expected),
				 "je %s: E rax, G [rdi+0], T [rdi+8]:1, N 1, nonzero%s",
				 relay.parts[k].name, opens(relay.parts[k].name) ? ", opens" : "");
			assert_string_equal(text, expected);
		}
		for (k = 0; k < MOQSTAT_ROLE_MAX; k++)
			assert_int_equal(sites_bumps(&s, k, MOQSTAT_ANNOUNCED_BYTES), 1);
		sites_deinit(&s);
		relay_deinit(&relay);
		relay_init(&relay);
	}
}

/* What is between them is neither. */
static void half_a_release_is_none(void **state)
{
	static const char drop[] = "like that of moq-relay 0.13.3 (moq-net 0.1.14), but there is "
				   "no entry where its <moq_net::stats::BroadcastSubscription as "
				   "core::ops::drop::Drop>::drop would find one;";
	char hex[512], *at;

	(void)state;
	/* Nine counters, and the subscription of those whose paths share their text. */
	relay_entry_of_subscription(&relay, 0);
	assert_refused("like that of moq-relay 0.12.5 (moq-net 0.1.8), but there is no entry where "
		       "its <moq_net::stats::BroadcastSubscription as core::ops::drop::Drop>::drop "
		       "would find one;");
	/* An entry in between, or a word of another kind. */
	relay_0_13_3(&relay);
	relay_entry_of_subscription(&relay, 0x18);
	assert_refused(drop);
	relay_0_13_5(&relay);
	relay_entry_of_subscription(&relay, 8);
	assert_refused(drop);
	/* One of two ways into the drop finds it elsewhere. */
	relay_0_13_5(&relay);
	strcpy(hex, relay.parts[RELAY_UNSUBSCRIBE].hex);
	at = strstr(hex, "49 8b 46 00");
	assert_non_null(at);
	memcpy(at, "49 8b 46 20", strlen("49 8b 46 20"));
	relay.parts[RELAY_UNSUBSCRIBE].hex = hex;
	assert_refused(drop);
	/* The tables of nine counters. */
	relay_0_13_3(&relay);
	strcpy(hex, relay.parts[RELAY_ENTRY].hex);
	at = strstr(hex, "4c 8b 63 58");
	assert_non_null(at);
	memcpy(at, "4c 8b 63 48", strlen("4c 8b 63 48"));
	relay.parts[RELAY_ENTRY].hex = hex;
	assert_refused(
		"like that of moq-relay 0.13.3 (moq-net 0.1.14), but there is no table where "
		"its moq_net::stats::Stats::entry would find one;");
	/* Without the tenth, in one role. */
	relay_0_13_5(&relay);
	relay.parts[RELAY_PARTS].hex = NULL;
	assert_refused("no bump of publisher.announced_bytes;");
	relay_0_13_5(&relay);
	relay.parts[RELAY_PARTS + 1].hex = NULL;
	assert_refused("no bump of subscriber.announced_bytes;");
}

/* A folded function has the role of any of its names, and is scanned once. */
static void folded_functions(void **state)
{
	struct sites s;
	uint64_t entry;

	(void)state;
	elf_file_destroy(relay_open(&relay));
	entry = relay.parts[RELAY_ENTRY].addr;
	relay_deinit(&relay);
	relay_init(&relay);
	relay.parts[RELAY_ENTRY].name = "_ZN5alpha5other17h0011223344556677E";
	image_symbol(&relay.im, "_ZN7moq_net5stats5Stats5entry17h354f5041d6fe0d20E", entry,
		     strlen("55"));
	image_symbol(&relay.im, "omega", entry, strlen("55"));
	scan(&s);
	assert_int_equal(sites_functions(&s, LAYOUT_ENTRY), 1);
	assert_int_equal(s.len, RELAY_SITES);
	sites_deinit(&s);
}

/* A symbol in the middle of a function: no bump is taken twice, none at another alignment. */
static void overlapping_symbols(void **state)
{
	struct sites s;
	size_t i;

	(void)state;
	elf_file_destroy(relay_open(&relay));
	for (i = 1; i < 8; i++)
		image_symbol(&relay.im, "inner", relay.parts[RELAY_COUNTERS].addr + i,
			     relay.parts[RELAY_COUNTERS + 1].addr -
				     relay.parts[RELAY_COUNTERS].addr);
	relay.im.text_len = 0; /* the same again */
	for (i = 0; i < relay.parts_len; i++)
		relay.im.symbols[i].size = 0;
	scan(&s);
	assert_int_equal(s.len, RELAY_SITES);
	sites_deinit(&s);
}

static void assert_fields(const struct sites *s, const char *missing, const char *why)
{
	const char *reason = NULL;
	char name[64];
	size_t role, field;

	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (field = 0; field < MOQSTAT_ANNOUNCED_BYTES; field++) {
			snprintf(name, sizeof(name), "%s.%s,", layout_role_name(role),
				 layout_field_name(field));
			if (strstr(missing, "all") || strstr(missing, name)) {
				assert_false(sites_complete(s, role, field, &reason));
				assert_string_equal(reason, why);
			} else if (!sites_complete(s, role, field, &reason)) {
				fail_msg("%s: %s", name, reason);
			}
		}
	}
}

static void assert_worth(const char *missing, const char *why)
{
	const char *reason;
	struct sites s;

	scan(&s);
	if (!strcmp(missing, "sessions")) {
		assert_false(sites_sessions_complete(&s, &reason));
		assert_string_equal(reason, why);
		missing = "";
	} else {
		assert_true(sites_sessions_complete(&s, &reason));
	}
	assert_fields(&s, missing, why);
	sites_deinit(&s);
	relay_deinit(&relay);
	relay_init(&relay);
}

static void what_fields_are_worth(void **state)
{
	(void)state;
	assert_worth("", "");
	/* movzx ecx, byte [rdi+8]; lea rcx, [rcx+rcx*8]; lock inc [rax+rcx*8+0x40]; ret */
	relay_add(&relay, "more", "0fb64f08 488d0cc9 f048ff44c840 c3");
	assert_worth("publisher.bytes,", "one of its bumps has no place for a probe");
	/* the drop's shape with a way from nowhere: the side is only known when it fires */
	relay_add(&relay, "more",
		  "410fb64e28 488d5010 4805a0000000 41807e2900 480f44c2 488d0cc9 f048ff44c828 c3");
	assert_worth("publisher.broadcasts_closed,subscriber.broadcasts_closed,",
		     "one of its bumps has no place for a probe");
	/* push rbp; mov rcx, [rsi+8]; pop rbp; ret: an entry is made elsewhere */
	relay_add(&relay, "_ZN7moq_net5stats5Stats5entry17h0011223344556677E", "55 488b4e08 5d c3");
	assert_worth("all", "the place where entries are made was not found");
	/* Its closures are other functions. */
	relay_add(&relay,
		  "_ZN7moq_net5stats5Stats5entry28_$u7b$$u7b$closure$u7d$$u7d$"
		  "17h0011223344556677E",
		  "55 5d c3");
	assert_worth("", "");
	relay_add(&relay, "_ZN7moq_net5stats11StatsHandle7session17h0011223344556677E",
		  "55 488b4e10 5d c3");
	assert_worth("sessions", "the place where a session is counted was not found");
	relay.parts[RELAY_SESSION_CLOSE].hex = NULL;
	assert_worth("sessions", "no close of a session was found");
	/* mov rax, [rdi]; lock inc [rax+0x18]; lock dec [rax]; ret */
	relay_add(&relay, "more", "488b07 f048ff4018 f048ff08 c3");
	assert_worth("sessions", "one of its bumps has no place for a probe");
	/* test rax, rax; je 1f; mov rax, [rsp]; lock inc [rax+0x18]; lock dec [rax]; 1: ret */
	relay_add(&relay, "more", "4885c0 740d 488b0424 f048ff4018 f048ff08 c3");
	assert_worth("sessions", "one of its bumps has no place for a probe");
}

/* The other way into the open, after futex_wake(), has lost the pointer. */
static void an_open_without_a_place(void **state)
{
	char hex[512], *saved;

	(void)state;
	strcpy(hex, relay.parts[RELAY_SESSION].hex);
	saved = strstr(hex, "48 89 d8 "); /* mov rax, rbx */
	assert_non_null(saved);
	memcpy(saved, "90 90 90 ", 9);
	relay.parts[RELAY_SESSION].hex = hex;
	assert_worth("sessions", "one of its bumps has no place for a probe");
}

/* The allocation: mov edi, 0x130; call; je within a few instructions. */
static void places_where_entries_are_made(void **state)
{
	static const struct {
		const char *hex;
		bool found;
	} cases[] = {
		{ "55 bf30010000 be08000000 ff1500000000 4885c0 7400 5d c3", true },
		{ "55 bf30010000 be08000000 e800000000 4885c0 0f8400000000 5d c3", true },
		{ "55 bf30010000 ff1500000000 909090909090 7400 5d c3", true },
		{ "55 bf30010000 ff1500000000 90909090909090 7400 5d c3", false },    /* far off */
		{ "55 bf20010000 be08000000 ff1500000000 4885c0 7400 5d c3", false }, /* size */
		{ "55 be30010000 be08000000 ff1500000000 4885c0 7400 5d c3", false }, /* esi */
		{ "55 bf30010000 7400 be08000000 ff1500000000 5d c3", false }, /* before it */
		{ "55 bf30010000 be08000000 ff1500000000 4885c0 7500 5d c3", false }, /* jne */
		{ "55 bf30010000 be08000000 4885c0 90 7400 5d c3", false },	      /* no call */
		/* The second one is it. */
		{ "55 bf30010000 c3 bf30010000 be08000000 ff1500000000 4885c0 7400 c3", true },
	};
	const char *reason;
	struct sites s;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		relay_entry(&relay, cases[i].hex);
		scan(&s);
		if (sites_complete(&s, MOQSTAT_PUBLISHER, MOQSTAT_BYTES, &reason) != cases[i].found)
			fail_msg("%s", cases[i].hex);
		sites_deinit(&s);
		relay_deinit(&relay);
		relay_init(&relay);
	}
}

/* push rbp is emulated, but sub rsp, 8 is not. */
static void classes_are_told(void **state)
{
	struct sites s;
	size_t i;

	(void)state;
	/* Then mov rbx, [rdi+0x18]; mov rcx, [rsi+8]; mov r12, [rbx+0x48]. */
	relay.parts[RELAY_ENTRY].hex = "4883ec08 488b5f18 488b4e08 4c8b6348"
				       "bf30010000 be08000000 ff1500000000 4885c0 7400 4883c408 c3";
	scan(&s);
	for (i = 0; i < s.len; i++)
		assert_int_equal(s.list[i].class, s.list[i].what.event == MOQSTAT_EVENT_ENTRY
							  ? CODE_CLASS_STEPPED
							  : CODE_CLASS_EMULATED);
	sites_deinit(&s);
}

static void bumps_are_counted_once(void **state)
{
	struct sites s;

	(void)state;
	relay_add(&relay, "more", relay.counters[0]);
	relay.parts[RELAY_PARTS].calls = RELAY_ENTRY;
	scan(&s);
	assert_int_equal(sites_bumps(&s, MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED), 2);
	assert_int_equal(sites_bumps(&s, MOQSTAT_SUBSCRIBER, MOQSTAT_ANNOUNCED), 1);
	/* Two branches, one bump; of either role. */
	assert_int_equal(sites_bumps(&s, MOQSTAT_PUBLISHER, MOQSTAT_BROADCASTS_CLOSED), 1);
	assert_int_equal(sites_bumps(&s, MOQSTAT_SUBSCRIBER, MOQSTAT_BROADCASTS_CLOSED), 1);
	assert_int_equal(sites_bumps(&s, MOQSTAT_ROLE_MAX, MOQSTAT_BROADCASTS_CLOSED), 1);
	assert_int_equal(sites_bumps(&s, MOQSTAT_ROLE_MAX, MOQSTAT_ANNOUNCED), 0);
	sites_deinit(&s);
}

/* A bump with 16 branches, as often as it takes to exceed MOQSTAT_SITES_MAX. */
static void more_sites_than_there_is_room_for(void **state)
{
	static const size_t times[] = { (MOQSTAT_SITES_MAX - RELAY_SITES) / 16,
					(MOQSTAT_SITES_MAX - RELAY_SITES) / 16 + 1 };
	char *hex = test_malloc(1 << 16);
	struct sites s;
	size_t i, k, n;

	(void)state;
	for (i = 0; i < LEN(times); i++) {
		hex[0] = '\0';
		for (n = 0; n < times[i]; n++) {
			for (k = 0; k < 16; k++)
				sprintf(hex + strlen(hex), "75%02zx", 2 * (15 - k) + 1);
			/* ret; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc [rax+rcx*8+0x18]; ret
			 */
			strcat(hex, "c3 0fb6c9 488d0cc9 f048ff44c818 c3");
		}
		relay_add(&relay, "more", hex);
		if (i) {
			assert_refused("more than 2048 places to probe");
		} else {
			scan(&s);
			assert_int_equal(s.len, RELAY_SITES + 16 * times[i]);
			sites_deinit(&s);
			relay_deinit(&relay);
			relay_init(&relay);
		}
	}
	test_free(hex);
}

struct progress {
	size_t calls, done, all;
};

static void progress_note(size_t done, size_t all, void *arg)
{
	struct progress *p = arg;

	assert_true(done >= p->done && done <= all);
	p->done = done;
	p->all = all;
	p->calls++;
}

static void progress_is_told(void **state)
{
	struct elf_file *f = relay_open(&relay);
	struct progress p = { 0 };
	struct sites s;

	(void)state;
	assert_int_equal(sites_scan(f, progress_note, &p, &s), 0);
	assert_true(p.calls > 0);
	assert_int_equal(p.done, RELAY_PARTS);
	assert_int_equal(p.all, RELAY_PARTS);
	sites_deinit(&s);
	elf_file_destroy(f);
}

/* With a bump that has no place, and more sites than there is room for at first. */
static void assert_short_memory_is_told(size_t at_least)
{
	relay_add(&relay, "more", "0fb64f08 488d0cc9 f048ff44c840 c3");
	assert_true(scan_short_of_memory(relay_open(&relay)) > at_least);
}

static void short_memory_is_told(void **state)
{
	(void)state;
	assert_short_memory_is_told(RELAY_PARTS);
	/* Where paths share their text, that is looked for as well; and an opening is looked back
	 * from. */
	relay_deinit(&relay);
	relay_init(&relay);
	relay_0_13_5(&relay);
	relay_add(&relay, "_ZN7moq_net4lite9publisher3run17h0011223344556677E",
		  "4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441010 c3");
	assert_short_memory_is_told(2 * RELAY_PARTS_0_13_5);
}

static void names_of_counters(void **state)
{
	static const struct {
		struct moqstat_site what;
		const char *name;
	} cases[] = {
		{ { .event = MOQSTAT_EVENT_BUMP, .field = MOQSTAT_GROUPS }, "publisher.groups" },
		{ { .event = MOQSTAT_EVENT_BUMP, .role = 1, .field = 1 },
		  "subscriber.announced_closed" },
		{ { .event = MOQSTAT_EVENT_BUMP, .role = MOQSTAT_ROLE_MAX, .field = 2 },
		  "side.broadcasts" },
		{ { .event = MOQSTAT_EVENT_SESSION_BUMP }, "sessions.sessions" },
		{ { .event = MOQSTAT_EVENT_SESSION_BUMP, .field = MOQSTAT_SESSIONS_CLOSED },
		  "sessions.sessions_closed" },
		{ { .event = MOQSTAT_EVENT_ENTRY }, "entry" },
		{ { .event = MOQSTAT_EVENT_ENTRY_NEW }, "entry-new" },
		{ { .event = MOQSTAT_EVENT_SESSION }, "session" },
		{ { .event = MOQSTAT_EVENT_SESSION_NEW }, "session-new" },
	};
	char name[64];
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		sites_counter_name(&cases[i].what, name, sizeof(name));
		assert_string_equal(name, cases[i].name);
	}
	sites_counter_name(&cases[0].what, name, 6);
	assert_string_equal(name, "publi");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_relay),
		TEST(a_relay_lacks_nothing),
		TEST(another_stride_is_named),
		TEST(tables_elsewhere),
		TEST(releases_with_ten_counters),
		TEST(half_a_release_is_none),
		TEST(arguments_of_its_own),
		TEST(folded_functions),
		TEST(overlapping_symbols),
		TEST(what_fields_are_worth),
		TEST(an_open_without_a_place),
		TEST(places_where_entries_are_made),
		TEST(classes_are_told),
		TEST(bumps_are_counted_once),
		TEST(more_sites_than_there_is_room_for),
		TEST(progress_is_told),
		TEST(short_memory_is_told),
		cmocka_unit_test(names_of_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
