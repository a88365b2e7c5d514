/* SPDX-License-Identifier: MIT */
/*
 * test_scan_find.c - a relay without names: its functions are told by what they do, or not at all.
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
	relay_strip(&relay);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	relay_deinit(&relay);
	return 0;
}

/* Each test changes one thing and starts from a whole relay again. */
static void again(void)
{
	relay_deinit(&relay);
	setup(NULL);
}

/* A relay of a later release, without names. */
static void again_as(void (*change)(struct relay *))
{
	relay_deinit(&relay);
	relay_init(&relay);
	change(&relay);
	relay_strip(&relay);
}

static void scan(struct sites *out)
{
	char said[512];

	if (relay_scan(&relay, out, said, sizeof(said)))
		fail_msg("said: %s", said);
	assert_string_equal(said, "");
}

static const char *function_name(const struct sites *s, uint64_t addr)
{
	size_t i;

	for (i = 0; i < s->functions_len; i++) {
		if (s->functions[i].addr == addr)
			return s->functions[i].name;
	}
	return "none";
}

static void structure_tells_what_names_do(void **state)
{
	char named_text[SITES_TEXT], text[SITES_TEXT];
	struct sites named, s;
	struct relay other;
	size_t i;

	(void)state;
	scan(&s);
	relay_init(&other);
	relay_strip(&other);
	other.im.stripped = false;
	assert_int_equal(relay_scan(&other, &named, text, sizeof(text)), 0);
	assert_int_equal(s.len, RELAY_SITES);
	assert_int_equal(named.len, RELAY_SITES);
	for (i = 0; i < RELAY_PARTS; i++) {
		assert_int_equal(relay.parts[i].addr, other.parts[i].addr);
		sites_text(&s, relay.parts[i].addr, text);
		sites_text(&named, relay.parts[i].addr, named_text);
		assert_string_equal(text, named_text);
	}
	for (i = 0; i < LAYOUT_FUNCTION_MAX; i++)
		assert_int_equal(sites_functions(&s, i), 1);
	assert_string_equal(function_name(&s, relay.parts[RELAY_ENTRY].addr),
			    "moq_net::stats::Stats::entry (by structure)");
	assert_string_equal(function_name(&s, relay.parts[RELAY_SESSION].addr),
			    "moq_net::stats::StatsHandle::session (by structure)");
	snprintf(text, sizeof(text), "function at 0x%lx",
		 (unsigned long)relay.parts[RELAY_SESSION_CLOSE].addr);
	assert_string_equal(function_name(&s, relay.parts[RELAY_SESSION_CLOSE].addr), text);
	assert_string_equal(function_name(&named, relay.parts[RELAY_ENTRY].addr),
			    "moq_net::stats::Stats::entry");
	sites_deinit(&s);
	sites_deinit(&named);
	relay_deinit(&other);
}

/* The code of a part with some of it replaced by as many other bytes. */
static void replace(size_t part, const char *old, const char *new)
{
	static char codes[4][1024];
	static size_t next;
	char *code = codes[next++ % LEN(codes)], *at;

	assert_int_equal(strlen(old), strlen(new));
	assert_true(strlen(relay.parts[part].hex) < sizeof(codes[0]));
	strcpy(code, relay.parts[part].hex);
	at = strstr(code, old);
	assert_non_null(at);
	memcpy(at, new, strlen(new));
	relay.parts[part].hex = code;
}

static void assert_refused(const char *why)
{
	struct sites s = { .len = 77 };
	char said[512];

	assert_int_equal(relay_scan(&relay, &s, said, sizeof(said)), -ENOTSUP);
	assert_int_equal(s.len, 77);
	if (!strstr(said, why) || !strstr(said, relay.im.path) ||
	    strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("expected \"%s\", said: %s", why, said);
	again();
}

/* All of what an entry's maker does must be there, or there is none. */
static void entries_are_made_in_one_way(void **state)
{
	static const char what[] = "what is called before an opening is counted is not it";
	static const struct {
		const char *old, *new;
	} cases[] = {
		{ "bf 30 01 00 00", "bf 38 01 00 00" }, /* another size */
		{ "bf 30 01 00 00", "be 30 01 00 00" }, /* another argument */
		{ "48 85 c0 74 04", "48 85 c0 75 04" }, /* goes on if there is no memory */
		{ "48 8b 5f 18", "48 8b 5f 10" },	/* another member of self */
		{ "48 8b 5f 18", "48 8b 5e 18" },	/* of another argument */
		{ "4c 8b 63 48", "4c 8b 63 50" },	/* another table */
		{ "4c 8b 63 48", "44 8b 63 48" },	/* half a pointer */
		{ "48 8b 4e 08", "48 8b 4e 00" },	/* nothing of the path but its capacity */
		{ "48 8b 4e 08", "48 8b 4a 08" },	/* of another argument */
		{ "48 8b 4e 08", "48 8d 4e 08" },	/* only its address */
	};
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		replace(RELAY_ENTRY, cases[i].old, cases[i].new);
		assert_refused(what);
	}
	relay.parts[RELAY_COUNTERS].calls = RELAY_SESSION_CLOSE; /* one of them calls another */
	assert_refused(what);
	relay.parts[RELAY_COUNTERS].calls = -1; /* the next instruction, which no function is at */
	assert_refused(what);
}

static void an_opening_follows_a_call(void **state)
{
	static const char why[] = "an opening is counted without a call before it";

	(void)state;
	replace(RELAY_COUNTERS, "e8 00 00 00 00", "0f 1f 44 00 00"); /* a nop */
	assert_refused(why);
	replace(RELAY_COUNTERS, "e8 00 00 00 00", "41 ff d0 66 90"); /* call r8 */
	assert_refused(why);
	replace(RELAY_COUNTERS, "48 8b 07", "75 fe 90"); /* a branch comes in between */
	assert_refused(why);
}

/* Opens publisher.announced on rax, in a relay of 80 bytes a tier: test rax, rax; je 1f;
 * movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock inc [rax+rcx+0x10]; 1: pop rbx; ret */
#define OPENS "4885c0 7411 0fb6c9 488d0c89 48c1e104 f048ff440810 5b c3"

struct giver_case {
	const char *hex; /* calls what gives the entry */
	const char *why; /* it is refused; NULL: it isn't */
};

static void assert_givers(const struct giver_case *cases, size_t len)
{
	struct sites s;
	size_t i;

	for (i = 0; i < len; i++) {
		again_as(relay_0_13_3);
		relay_add(&relay, "one more", cases[i].hex);
		relay.parts[relay.parts_len - 1].calls = RELAY_ENTRY;
		if (cases[i].why) {
			assert_refused(cases[i].why);
			continue;
		}
		scan(&s);
		assert_int_equal(s.len, RELAY_SITES + 3);
		assert_int_equal(sites_bumps(&s, MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED), 2);
		assert_int_equal(s.unprobed_len, 0);
		sites_deinit(&s);
		/* Another function is none that gives entries. */
		again_as(relay_0_13_3);
		relay_add(&relay, "one more", cases[i].hex);
		relay.parts[relay.parts_len - 1].calls = RELAY_SESSION_CLOSE;
		assert_refused("what is called before an opening is counted is not it");
	}
}

/* An IETF publisher asks for an entry, waits for the peer, and goes on with the one it has kept. */
static void an_entry_may_be_kept(void **state)
{
	static const char none[] = "an opening is counted without a call before it";
	static const struct giver_case cases[] = {
		/* push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call;
		 * mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; … */
		{ "53 4889fb 84d2 750d 488d7340 e800000000 48894310 488b4310" OPENS, NULL },
		/* … from two places */
		{ "53 4889fb 84d2 751a 488d7340 e800000000 48894310 488d7340 e800000000 48894310 "
		  "488b4310" OPENS,
		  NULL },
		/* … call; mov edx, ecx; mov [rbx+0x10], rax */
		{ "53 4889fb 84d2 750f 488d7340 e800000000 89ca 48894310 488b4310" OPENS, NULL },
		/* … call [rip] instead */
		{ "53 4889fb 84d2 750e 488d7340 ff1500000000 48894310 488b4310" OPENS, none },
		/* … two calls, of which one is call [rip] */
		{ "53 4889fb 84d2 751b 488d7340 e800000000 48894310 488d7340 ff1500000000 48894310 "
		  "488b4310" OPENS,
		  none },
		/* … call; xor eax, eax; mov [rbx+0x10], rax */
		{ "53 4889fb 84d2 750f 488d7340 e800000000 31c0 48894310 488b4310" OPENS, none },
		/* … call; mov [rbx+0x10], rax; mov [rbx+0x10], rdx */
		{ "53 4889fb 84d2 7511 488d7340 e800000000 48894310 48895310 488b4310" OPENS,
		  none },
		/* … 2: mov [rbx+0x10], rax; jmp 3f; 3: mov rax, [rbx+0x10] */
		{ "53 4889fb 84d2 7509 488d7340 e800000000 48894310 eb00 488b4310" OPENS, none },
		/* … mov [rbx+0x18], rax */
		{ "53 4889fb 84d2 750d 488d7340 e800000000 48894318 488b4310" OPENS, none },
		/* … mov rbx, rcx behind it */
		{ "53 4889fb 84d2 7510 488d7340 e800000000 48894310 4889cb 488b4310" OPENS, none },
		/* push rbx; test dl, dl; … */
		{ "53 84d2 750d 488d7340 e800000000 48894310 488b4310" OPENS, none },
		/* … mov [rsp+0x10], rax; 2: mov rax, [rsp+0x10] */
		{ "53 4889fb 84d2 750e 488d7340 e800000000 4889442410 488b442410" OPENS, none },
	};

	(void)state;
	assert_givers(cases, LEN(cases));
}

/* so many nops of 16 bits */
#define NOPS_8	"6690 6690 6690 6690 6690 6690 6690 6690 "
#define NOPS_16 NOPS_8 NOPS_8

/* An entry is put away, and is taken from there after a while, in a place that later is another's.
 */
static void an_entry_may_be_put_away(void **state)
{
	static const char none[] = "an opening is counted without a call before it";
	static const struct giver_case cases[] = {
		/* push rbx; call; mov [rbx+0x10], rax; 16 nops; mov rax, [rbx+0x10]; … */
		{ "53 e800000000 48894310" NOPS_16 "488b4310" OPENS, NULL },
		/* … jne away, as far as ret */
		{ "53 e800000000 48894310" NOPS_16 "7518 488b4310" OPENS, NULL },
		/* … call [rip] in between */
		{ "53 e800000000 48894310" NOPS_16 "ff1500000000 488b4310" OPENS, NULL },
		/* … mov [rsp+0x10], rcx; mov [rbx+0x18], rcx; mov [rbx+0xf], cl */
		{ "53 e800000000 48894310" NOPS_16 "48894c2410 48894b18 884b0f 488b4310" OPENS,
		  NULL },
		/* … mov [rbx+0x10], rcx */
		{ "53 e800000000 48894310" NOPS_16 "48894b10 488b4310" OPENS, none },
		/* … mov [rbx+0x17], cl */
		{ "53 e800000000 48894310" NOPS_16 "884b17 488b4310" OPENS, none },
		/* … mov [rdx], rcx, wherever that is */
		{ "53 e800000000 48894310" NOPS_16 "48890a 488b4310" OPENS, none },
		/* … mov rbx, rcx */
		{ "53 e800000000 48894310" NOPS_16 "4889cb 488b4310" OPENS, none },
		/* … by rcx, which calls change: mov [rcx+0x10], rax; call [rip] */
		{ "53 e800000000 48894110" NOPS_16 "ff1500000000 488b4110" OPENS, none },
		/* … jmp 1f; 1: */
		{ "53 e800000000 48894310" NOPS_16 "eb00 488b4310" OPENS, none },
		/* … too far away */
		{ "53 e800000000 48894310" NOPS_16 NOPS_16 NOPS_8 NOPS_8 "488b4310" OPENS, none },
		/* … read before it is put: mov rax, [rbx+0x10]; mov rbp, rax; call;
		 * mov [rbx+0x10], rax; 16 nops; test rbp, rbp; je 1f; movzx ecx, cl;
		 * lea rcx, [rcx+rcx*4]; shl rcx, 4; lock inc [rbp+rcx+0x10]; 1: pop rbx; ret */
		{ "53 488b6b10 e800000000 48894310" NOPS_16
		  "4885ed 7412 0fb6c9 488d0c89 48c1e104 f048ff440d10 90 5b c3",
		  none },
	};

	(void)state;
	assert_givers(cases, LEN(cases));
}

/* A table that is locked by a function of its own. */
static void tables_may_be_passed_on(void **state)
{
	struct sites s;

	(void)state;
	/* add rbx, 0x48; mov rdi, rbx; call [rip] */
	relay.parts[RELAY_ENTRY].hex =
		"55 48 8b 5f 18 48 85 db 74 02 ff c0 48 8b 4e 08 48 83 c3 48 48 89 df ff 15 00 00 00 00 "
		"bf 30 01 00 00 be 08 00 00 00 ff 15 00 00 00 00 48 85 c0 74 04 f0 48 ff 00 5d c3";
	scan(&s);
	assert_int_equal(sites_functions(&s, LAYOUT_ENTRY), 1);
	assert_int_equal(s.len, RELAY_SITES);
	sites_deinit(&s);
}

/* mov edi, 0x130; mov esi, 8; call [rip]; test rax, rax; je 1f; lock inc [rax]; 1: ret */
#define MAKES "bf30010000 be08000000 ff1500000000 4885c0 7404 f048ff00 c3"

/* What comes in between the two reads, and on which way the second one is; behind one of the path.
 */
static void tables_are_found_on_the_first_ways(void **state)
{
	static const struct {
		const char *hex;
		bool found;
	} cases[] = {
		/* push rbp; mov rcx, [rsi+8]; mov rbx, [rdi+0x18]; test rbx, rbx; jne 1f; pop rbp;
		 * ret; 1: mov r12, [rbx+0x48]; pop rbp */
		{ "55 488b4e08 488b5f18 4885db 7502 5d c3 4c8b6348 5d" MAKES, true },
		/* … je 1f; jmp 2f; 1: pop rbp; ret; 2: … */
		{ "55 488b4e08 488b5f18 4885db 7402 eb02 5d c3 4c8b6348 5d" MAKES, true },
		/* … six times je to a ret of its own; jne 1f; ret; six rets; 1: … */
		{ "488b4e08 488b5f18 4885db 740d 740c 740b 740a 7409 7408 7507 c3 c3 c3 c3 c3 c3 c3 "
		  "4c8b6348" MAKES,
		  true },
		/* … seven times */
		{ "488b4e08 488b5f18 4885db 740f 740e 740d 740c 740b 740a 7409 7508 c3 c3 c3 c3 c3 c3 c3 c3 "
		  "4c8b6348" MAKES,
		  false },
		/* push rbp; sub rsp, 0x20; mov [rsp+8], rax; mov [rsp+0x10], cl;
		 * mov rbx, [rdi+0x18]; mov r12, [rbx+0x48]; add rsp, 0x20; pop rbp */
		{ "55 4883ec20 4889442408 884c2410 488b4e08 488b5f18 4c8b6348 4883c420 5d" MAKES,
		  true },
		/* push rbp; mov [rsp+0x10], rax, where it was called from; mov rbx, … */
		{ "55 4889442410 488b4e08 488b5f18 4c8b6348 5d" MAKES, false },
		/* push rbp; mov [r8], rax, wherever that is; mov rbx, … */
		{ "55 498900 488b4e08 488b5f18 4c8b6348 5d" MAKES, false },
		/* push rbp; mov rbx, [rdi+0x18]; mov [r8], rax; … */
		{ "55 488b4e08 488b5f18 498900 4c8b6348 5d" MAKES, true },
	};
	struct sites s;
	char said[512];
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		relay.parts[RELAY_ENTRY].hex = cases[i].hex;
		if (cases[i].found) {
			if (relay_scan(&relay, &s, said, sizeof(said)))
				fail_msg("%s: %s", cases[i].hex, said);
			sites_deinit(&s);
			again();
		} else {
			assert_refused("what is called before an opening is counted is not it");
		}
	}
}

/* Which of the releases with the same tables it is, only the drop of a subscription tells. */
static void releases_are_told_by_the_drop(void **state)
{
	static const char side[] = "41 80 7e 29 00", elsewhere[] = "41 80 7e 2a 00";
	const char *reason = "";
	struct sites s;
	size_t i;

	(void)state;
	again_as(relay_0_13_3);
	scan(&s);
	assert_string_equal(s.layout->relays, "moq-relay 0.13.3");
	assert_int_equal(s.len, RELAY_SITES + 2);
	sites_deinit(&s);
	again_as(relay_0_13_5);
	scan(&s);
	assert_string_equal(s.layout->relays, "moq-relay 0.13.5");
	assert_int_equal(s.len, RELAY_SITES + 2);
	/* Nothing says what ends a text, so none is taken for an odd one, or for one of a guard
	 * that has been put somewhere. */
	for (i = 0; i < s.len; i++)
		assert_false(s.list[i].what.handles & MOQSTAT_HANDLE_ODD);
	for (i = 0; i < MOQSTAT_ROLE_MAX; i++) {
		assert_false(sites_guarded(&s, i, MOQSTAT_SUBSCRIPTIONS_CLOSED, &reason));
		assert_string_equal(reason, "whose guard it is can't be told at one of its sites");
	}
	sites_deinit(&s);
	again_as(relay_0_13_3);
	replace(RELAY_UNSUBSCRIBE, side, elsewhere);
	assert_refused("no entry where its <moq_net::stats::BroadcastSubscription as ");
	again_as(relay_0_13_5);
	replace(RELAY_UNSUBSCRIBE, side, elsewhere);
	assert_refused("no entry where its <moq_net::stats::BroadcastSubscription as ");
	/* There is but one release with those tables. */
	again_as(relay_tables_0_13);
	replace(RELAY_UNSUBSCRIBE, side, elsewhere);
	scan(&s);
	assert_string_equal(s.layout->relays, "moq-relay 0.13.0");
	assert_int_equal(sites_functions(&s, LAYOUT_UNSUBSCRIBE), 0);
	sites_deinit(&s);
}

/* Copies, as of several codegen units. */
static void every_copy_is_found(void **state)
{
	struct sites s;

	(void)state;
	relay_add(&relay, "entry again", relay.parts[RELAY_ENTRY].hex);
	relay_add(&relay, "session again", relay.parts[RELAY_SESSION].hex);
	relay_add(&relay, "subscribe again", relay.parts[RELAY_SUBSCRIBE].hex);
	relay.parts[relay.parts_len - 1].calls = RELAY_PARTS;
	relay.parts[RELAY_COUNTERS].calls = RELAY_PARTS;
	/* One that nobody calls before an opening is none, whatever it does. */
	relay_add(&relay, "entry never called", relay.parts[RELAY_ENTRY].hex);
	scan(&s);
	assert_int_equal(sites_functions(&s, LAYOUT_ENTRY), 2);
	assert_int_equal(sites_functions(&s, LAYOUT_SESSION), 2);
	assert_int_equal(sites_functions(&s, LAYOUT_SUBSCRIBE), 2);
	assert_int_equal(sites_functions(&s, LAYOUT_UNSUBSCRIBE), 1);
	assert_string_equal(function_name(&s, relay.parts[relay.parts_len - 1].addr), "none");
	sites_deinit(&s);
}

/* What isn't sure is left out, and what rests on it is unavailable. */
static void sessions_may_be_unavailable(void **state)
{
	static const struct {
		const char *old, *new;
	} cases[] = {
		{ "bf 20 00 00 00", "bf 28 00 00 00" }, /* allocates another size */
		{ "4c 8b 77 18", "4c 8b 77 20" },	/* another member of self */
		{ "44 0f b6 7f 20", "44 0f b6 7f 21" }, /* another byte for the tier */
		{ "44 0f b6 7f 20", "44 0f b7 7f 20" }, /* a word */
		{ "4f 8b 6c fe 50", "4f 8b 6c fe 58" }, /* another table */
		{ "4f 8b 6c fe 50", "4f 8b 6c be 50" }, /* of half pointers */
		{ "f0 48 ff 40 10", "f0 48 ff 40 20" }, /* counts something else */
		{ "0f 10 46 08", "0f 10 46 18" },	/* reads no path */
	};
	const char *reason;
	struct sites s;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		replace(RELAY_SESSION, cases[i].old, cases[i].new);
		scan(&s);
		assert_int_equal(sites_functions(&s, LAYOUT_SESSION), 0);
		assert_false(sites_sessions_complete(&s, &reason));
		assert_string_equal(reason, "the function that opens sessions was not found");
		assert_true(sites_complete(&s, MOQSTAT_PUBLISHER, MOQSTAT_BYTES, &reason));
		assert_int_equal(s.len, RELAY_SITES - 3);
		sites_deinit(&s);
		again();
	}
}

/* `subscribe` that keeps a pointer to its object on the stack: … 1: mov rcx, [rsp+0x50];
 * movzx edx, byte [rcx+0x28]; movzx ecx, byte [rcx+SIDE]; … */
#define SUBSCRIBE_BY_STACK(side)                                               \
	"55 4889f3 4889df 4889d6 e800000000 4889de 5d 4156 4989f6 4c89742450 " \
	"488b442410 08ca 80fa01 750c 410fb65628 410fb64e29 eb28 "              \
	"488b4c2450 0fb65128 0fb649" side " 488d7010 488db8a0000000 84c9 "     \
	"480f45f7 488d3cd2 f048ff44fe20 415e c3"

static void broadcasts_need_one_object(void **state)
{
	struct sites s;

	(void)state;
	replace(RELAY_SUBSCRIBE, "48 89 f3", "48 89 d3"); /* asks for another one's entry */
	scan(&s);
	assert_int_equal(sites_functions(&s, LAYOUT_SUBSCRIBE), 0);
	assert_int_equal(sites_functions(&s, LAYOUT_UNSUBSCRIBE), 1);
	assert_int_equal(sites_bumps(&s, MOQSTAT_PUBLISHER, MOQSTAT_BROADCASTS), 1);
	sites_deinit(&s);
	again();
	replace(RELAY_UNSUBSCRIBE, "41 80 7e 29 00", "41 80 7e 2a 00"); /* a side elsewhere */
	scan(&s);
	assert_int_equal(sites_functions(&s, LAYOUT_SUBSCRIBE), 1);
	assert_int_equal(sites_functions(&s, LAYOUT_UNSUBSCRIBE), 0);
	sites_deinit(&s);
	again();
	relay.parts[RELAY_SUBSCRIBE].hex = SUBSCRIBE_BY_STACK("29");
	scan(&s);
	assert_int_equal(sites_functions(&s, LAYOUT_SUBSCRIBE), 1);
	sites_deinit(&s);
	again();
	relay.parts[RELAY_SUBSCRIBE].hex = SUBSCRIBE_BY_STACK("2a");
	scan(&s);
	assert_int_equal(sites_functions(&s, LAYOUT_SUBSCRIBE), 0);
	sites_deinit(&s);
	again();
	/* One that asks for an entry opens. */
	replace(RELAY_UNSUBSCRIBE, "49 8b 46 20 48 85 c0 74 22", "e8 00 00 00 00 90 90 74 22");
	relay.parts[RELAY_UNSUBSCRIBE].calls = RELAY_ENTRY;
	relay_scan(&relay, &s, (char[512]){ 0 }, 512);
	assert_int_equal(sites_functions(&s, LAYOUT_UNSUBSCRIBE), 0);
	sites_deinit(&s);
}

/* With the relay's statistics off, the table that a closed announce was in depends on a name. */
static void closed_announces_have_no_guard(void **state)
{
	const char *reason = "";
	struct sites s;
	size_t i;

	(void)state;
	scan(&s);
	for (i = 0; i < s.len; i++) {
		if (s.list[i].what.event == MOQSTAT_EVENT_BUMP &&
		    s.list[i].what.field == MOQSTAT_ANNOUNCED_CLOSED)
			assert_int_equal(s.list[i].what.handles, 0);
	}
	for (i = 0; i < MOQSTAT_ROLE_MAX; i++) {
		assert_true(sites_complete(&s, i, MOQSTAT_ANNOUNCED_CLOSED, &reason));
		assert_false(sites_guarded(&s, i, MOQSTAT_ANNOUNCED_CLOSED, &reason));
		assert_string_equal(reason, "whose guard it is can't be told at one of its sites");
		assert_true(sites_guarded(&s, i, MOQSTAT_ANNOUNCED, &reason));
	}
	sites_deinit(&s);
}

/* A table that lacks some names: those that are there are believed, the rest is looked at. */
static void names_are_believed(void **state)
{
	struct sites s;
	struct elf_file *f;

	(void)state;
	relay.im.stripped = false;
	elf_file_destroy(relay_open(&relay));
	relay.im.symtab[1 + RELAY_SESSION].st_info = 0;
	relay.im.symtab[1 + RELAY_COUNTERS].st_info = 0;
	image_write(&relay.im);
	assert_int_equal(elf_file_create(relay.im.path, &f), 0);
	assert_int_equal(sites_scan(f, NULL, NULL, &s), 0);
	assert_int_equal(s.len, RELAY_SITES);
	assert_string_equal(function_name(&s, relay.parts[RELAY_SESSION].addr),
			    "moq_net::stats::StatsHandle::session (by structure)");
	assert_string_equal(function_name(&s, relay.parts[RELAY_ENTRY].addr),
			    "moq_net::stats::Stats::entry");
	sites_deinit(&s);
	elf_file_destroy(f);
	/* One that is called something else is that, and then nothing names entries. */
	again();
	relay.im.stripped = false;
	relay.parts[RELAY_ENTRY].name = "main";
	elf_file_destroy(relay_open(&relay));
	relay.im.symtab[1 + RELAY_SESSION].st_info = 0;
	image_write(&relay.im);
	assert_int_equal(elf_file_create(relay.im.path, &f), 0);
	{
		struct image_catch c = image_catch();
		char said[512];
		int rc = sites_scan(f, NULL, NULL, &s);

		image_caught(c, said, sizeof(said));
		assert_int_equal(rc, -ENOTSUP);
		assert_non_null(strstr(said, "what is called before an opening is counted"));
	}
	elf_file_destroy(f);
}

static void short_memory_is_told(void **state)
{
	(void)state;
	assert_true(scan_short_of_memory(relay_open(&relay)) > 2 * RELAY_PARTS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(structure_tells_what_names_do),
		TEST(entries_are_made_in_one_way),
		TEST(an_opening_follows_a_call),
		TEST(an_entry_may_be_kept),
		TEST(an_entry_may_be_put_away),
		TEST(tables_may_be_passed_on),
		TEST(tables_are_found_on_the_first_ways),
		TEST(releases_are_told_by_the_drop),
		TEST(every_copy_is_found),
		TEST(sessions_may_be_unavailable),
		TEST(broadcasts_need_one_object),
		TEST(closed_announces_have_no_guard),
		TEST(names_are_believed),
		TEST(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
