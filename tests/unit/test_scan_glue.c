/* SPDX-License-Identifier: MIT */
/*
 * test_scan_glue.c - a relay without names whose paths share their text: what ends one is learnt
 * from what lets go of a whole BroadcastSubscription, or not at all.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guard_lines.h"
#include "relay_image.h"
#include "scan_short.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Parts, as calls name them: 02 is BroadcastSubscription's drop, 15 ends a text. */
enum {
	PART_ENTRY_END = RELAY_PARTS_0_13_5, /* 18 */
	PART_COUNTS_END,		     /* 19 */
	PART_SHARED_END,		     /* 1a */
	PART_GLUE,			     /* 1b */
	PART_HOLDER,			     /* 1c */
	PART_CLOSE,			     /* 1d */
};

/* push rbx; mov rbx, rdi; call DROP */
#define UNSUBSCRIBE "53 4889fb e8020000f0 "
/* mov rax, [rbx]; test rax, rax; je 1f; lock dec [rax]; jne 1f; mov rdi, rbx; call ENTRY_END; 1: */
#define ENTRY "488b03 4885c0 740e f048ff08 7508 4889df e8180000f0 "
/* mov rax, [rbx+0x20]; lock dec [rax]; jne 1f; lea rdi, [rbx+0x20]; call COUNTS_END; 1: */
#define COUNTS "488b4320 f048ff08 7509 488d7b20 e8190000f0 "
/* mov rax, [rbx+8]; test rax, rax; je 1f; lock dec [rax]; jne 1f; lea rdi, [rbx+8]; call TEXT_END;
 * 1: */
#define PATH "488b4308 4885c0 740f f048ff08 7509 488d7b08 e8150000f0 "
#define END  "5b c3"

#define GLUE UNSUBSCRIBE ENTRY COUNTS PATH END

/* Of a Stats: push rbx; mov rbx, rdi; mov rax, [rbx]; …; mov rdi, rbx; call TEXT_END;
 * mov rax, [rbx+0x18]; …; lea rdi, [rbx+0x18]; call SHARED_END */
#define BEGIN  "53 4889fb "
#define PREFIX "488b03 4885c0 740e f048ff08 7508 4889df e8150000f0 "
#define SHARED "488b4318 4885c0 740f f048ff08 7509 488d7b18 e81a0000f0 "
#define HOLDER BEGIN PREFIX SHARED END

/* mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock
 * inc [rax+rdx+0x30]; 1: call HOLDER; mov rcx, [rbx+0x20]; test rcx, rcx; je 2f; lock dec [rcx];
 * jne 2f; lea rdi, [rbx+0x20]; call TEXT_END; 2: ret */
static const char code_of_close[] =
	"488b4360 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441030 e81c0000f0 "
	"488b4b20 4885c9 740f f048ff09 7509 488d7b20 e8150000f0 c3";

#define TOLD   "je+7 publisher.subscriptions_closed: guard path; G rbx+96, P rbx+32"
#define ODD    "je+7 publisher.subscriptions_closed: guard odd; G rbx+96"
#define UNTOLD "je+7 publisher.subscriptions_closed: none"

static struct relay relay;

static void make(const char *glue, const char *holder)
{
	relay_init(&relay);
	relay_0_13_5(&relay);
	relay_strip(&relay);
	assert_int_equal(RELAY_TEXT_END, 0x15);
	assert_int_equal(PART_HOLDER, 0x1c);
	relay_add(&relay, "end of an entry", "c3");
	relay_add(&relay, "end of counts", "c3");
	relay_add(&relay, "end of what is shared", "c3");
	relay_add_calling(&relay, "glue", glue);
	relay_add_calling(&relay, "holder", holder);
	relay_add_calling(&relay, "close", code_of_close);
}

static void assert_told(const char *glue, const char *holder, const char *expected)
{
	char text[GUARD_TEXT], said[512];
	const char *reason = "";
	struct sites s;

	make(glue, holder);
	if (relay_scan(&relay, &s, said, sizeof(said)))
		fail_msg("%s: %s", glue, said);
	assert_string_equal(s.layout->relays, "moq-relay 0.13.5");
	guard_text(&s, relay.parts[PART_CLOSE].addr, text);
	if (strncmp(text, expected, strlen(expected)))
		fail_msg("%s, %s: \"%s\", not \"%s\"", glue, holder, text, expected);
	/* In the relay's other functions nothing is let go beside a guard. */
	assert_int_equal(
		sites_guarded(&s, MOQSTAT_PUBLISHER, MOQSTAT_SUBSCRIPTIONS_CLOSED, &reason), false);
	sites_deinit(&s);
	relay_deinit(&relay);
}

/* A whole subscription: its drop is called first, and each of its Arcs is another's. */
static void a_subscription_tells_what_ends_a_text(void **state)
{
	static const struct {
		const char *glue, *expected;
	} cases[] = {
		{ GLUE, TOLD },
		/* in another order */
		{ UNSUBSCRIBE PATH COUNTS ENTRY END, TOLD },
		/* add rbx, 8; mov rdi, rbx; pop rbx; jmp TEXT_END */
		{ UNSUBSCRIBE ENTRY COUNTS
		  "488b4308 4885c0 7412 f048ff08 750c 4883c308 4889df 5b e9150000f0 5b c3",
		  TOLD },
		/* its drop is called by way of a slot */
		{ "53 4889fb ff15020000f0 " ENTRY COUNTS PATH END, TOLD },
		/* of something else */
		{ "53 4889fb ff15190000f0 " ENTRY COUNTS PATH END, UNTOLD },
		{ "53 4889fb e8190000f0 " ENTRY COUNTS PATH END, UNTOLD },
		/* of another object: push rbx; mov rbx, rdi; lea rdi, [rbx+8]; call DROP */
		{ "53 4889fb 488d7b08 e8020000f0 " ENTRY COUNTS PATH END, UNTOLD },
		/* not first of all */
		{ BEGIN ENTRY "4889df e8020000f0 " COUNTS PATH END, UNTOLD },
		/* a field is missing */
		{ UNSUBSCRIBE ENTRY PATH END, UNTOLD },
		{ UNSUBSCRIBE COUNTS PATH END, UNTOLD },
		{ UNSUBSCRIBE ENTRY COUNTS END, UNTOLD },
		/* one goes twice */
		{ UNSUBSCRIBE ENTRY COUNTS PATH PATH END, UNTOLD },
		/* what ends the path ends the counts, too */
		{ UNSUBSCRIBE ENTRY "488b4320 f048ff08 7509 488d7b20 e8150000f0 " PATH END,
		  UNTOLD },
		/* the path elsewhere: [rbx+0x10] */
		{ UNSUBSCRIBE ENTRY COUNTS
		  "488b4310 4885c0 740f f048ff08 7509 488d7b10 e8150000f0 " END,
		  UNTOLD },
		/* what is ended, lea rdi, [rbx+0x10], is not what was counted down */
		{ UNSUBSCRIBE ENTRY COUNTS
		  "488b4308 4885c0 740f f048ff08 7509 488d7b10 e8150000f0 " END,
		  UNTOLD },
		/* the count is behind the Arc's beginning: lock dec [rax+8] */
		{ UNSUBSCRIBE ENTRY COUNTS
		  "488b4308 4885c0 7410 f048ff4808 7509 488d7b08 e8150000f0 " END,
		  UNTOLD },
		/* counted up: lock inc [rax] */
		{ UNSUBSCRIBE ENTRY COUNTS
		  "488b4308 4885c0 740f f048ff00 7509 488d7b08 e8150000f0 " END,
		  UNTOLD },
		/* another register is: mov rax, [rbx+8]; mov eax, 0 */
		{ UNSUBSCRIBE ENTRY COUNTS
		  "488b4308 b800000000 f048ff08 7509 488d7b08 e8150000f0 " END,
		  UNTOLD },
		/* all of another object: mov rbx, rsi */
		{ "53 4889f3 e8020000f0 " ENTRY COUNTS PATH END, UNTOLD },
	};
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++)
		assert_told(cases[i].glue, HOLDER, cases[i].expected);
}

/* Beyond what lets go of a Stats, a path is the track's. */
static void a_stats_is_let_go_with_its_prefix(void **state)
{
	static const struct {
		const char *holder, *expected;
	} cases[] = {
		{ HOLDER, TOLD },
		/* more than a Stats, but no other path: [rbx+0x20] */
		{ BEGIN PREFIX SHARED COUNTS END, TOLD },
		{ BEGIN SHARED PREFIX END, ODD },
		{ BEGIN PREFIX END, ODD },
		{ BEGIN SHARED END, ODD },
		{ BEGIN PREFIX COUNTS END, ODD },
		{ BEGIN PREFIX SHARED PATH END, ODD },
		{ UNSUBSCRIBE PREFIX SHARED END, ODD },
		/* a text is none of a Stats: [rbx+8] */
		{ BEGIN PATH SHARED END, ODD },
	};
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++)
		assert_told(GLUE, cases[i].holder, cases[i].expected);
}

/* Where there are names, they are believed. */
static void names_come_first(void **state)
{
	char text[GUARD_TEXT], said[512];
	struct sites s;

	(void)state;
	make(GLUE, HOLDER);
	relay.im.stripped = false;
	assert_int_equal(relay_scan(&relay, &s, said, sizeof(said)), 0);
	guard_text(&s, relay.parts[PART_CLOSE].addr, text);
	assert_string_equal(text, UNTOLD);
	sites_deinit(&s);
	relay_deinit(&relay);
}

static void short_memory_is_told(void **state)
{
	(void)state;
	make(GLUE, HOLDER);
	scan_short_of_memory(relay_open(&relay));
	relay_deinit(&relay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subscription_tells_what_ends_a_text),
		cmocka_unit_test(a_stats_is_let_go_with_its_prefix),
		cmocka_unit_test(names_come_first),
		cmocka_unit_test(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
