/* SPDX-License-Identifier: MIT */
/*
 * test_scan_resolve.c - relays whose sessions resolve paths themselves, as moq-relay 0.17: what
 * there is to probe in them, and what lacks where they are refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolve_image.h"

/* Refused for want of that; then begin anew. */
static void assert_lacks(const char *what)
{
	struct sites s = { .len = 77 };
	char said[1024], whole[1024];

	assert_int_equal(resolve_scan(&s, said, sizeof(said)), -ENOTSUP);
	snprintf(whole, sizeof(whole),
		 "moqstat: error: %s: unknown layout: like that of moq-relay 0.17.10 (moq-net "
		 "0.3.18), but there is %s; run a relay of a release that is listed in the README, "
		 "or a moqstat that knows this one\n",
		 resolve.im.path, what);
	assert_string_equal(said, whole);
	resolve_again();
}

/* The site of an event, or of a counter, of that number among those; *n: how many there are. */
static const struct moqstat_site *site(const struct sites *s, enum moqstat_event event, int field,
				       size_t number, size_t *n)
{
	const struct moqstat_site *found = NULL;
	size_t i;

	*n = 0;
	for (i = 0; i < s->len; i++) {
		const struct moqstat_site *what = &s->list[i].what;

		if (what->event == event && (field < 0 || what->field == field) && (*n)++ == number)
			found = what;
	}
	assert_non_null(found);
	return found;
}

static const struct moqstat_site *only(const struct sites *s, enum moqstat_event event, int field)
{
	size_t n;
	const struct moqstat_site *found = site(s, event, field, 0, &n);

	assert_int_equal(n, 1);
	return found;
}

static void assert_operand(const struct moqstat_operand *op, int kind, int reg, int disp)
{
	assert_int_equal(op->kind, kind);
	assert_int_equal(op->reg, reg);
	assert_int_equal(op->index, MOQSTAT_REG_NONE);
	assert_int_equal(op->disp, disp);
}

static void whole_relay(void **state)
{
	const struct moqstat_site *what;
	const char *reason = "";
	struct sites s;
	unsigned int i;
	size_t n;

	(void)state;
	resolve_scan_good(&s);
	assert_int_equal(s.unprobed_len, 0);

	what = only(&s, MOQSTAT_EVENT_ENTRY, -1);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RSI, 0);
	assert_operand(&what->tier, MOQSTAT_OPERAND_REG, MOQSTAT_RDI, 0x40);
	assert_operand(&what->side, MOQSTAT_OPERAND_MEM, MOQSTAT_RDI, 0x18);
	what = only(&s, MOQSTAT_EVENT_ENTRY_NEW, -1);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RAX, 0);
	assert_int_equal(what->when, MOQSTAT_WHEN_NONZERO);
	what = only(&s, MOQSTAT_EVENT_SCOPE, -1);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RBX, 0);
	assert_int_equal(what->when, MOQSTAT_WHEN_ALWAYS);

	/* Where roots are named, and where their counters are made; a session's context, which is
	 * as large, is not. */
	what = site(&s, MOQSTAT_EVENT_SESSION, -1, 0, &n);
	assert_int_equal(n, 2);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RDX, 0);
	assert_operand(&what->tier, MOQSTAT_OPERAND_REG, MOQSTAT_RSI, 0);
	assert_operand(&what->side, MOQSTAT_OPERAND_REG, MOQSTAT_RDI, 0);
	what = site(&s, MOQSTAT_EVENT_SESSION, -1, 1, &n);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_R14, 0x30);
	assert_operand(&what->tier, MOQSTAT_OPERAND_REG, MOQSTAT_RBX, 0);
	assert_operand(&what->side, MOQSTAT_OPERAND_MEM, MOQSTAT_R14, 0x28);
	site(&s, MOQSTAT_EVENT_SESSION_NEW, -1, 0, &n);
	assert_int_equal(n, 2);
	what = site(&s, MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_SESSIONS, 0, &n);
	assert_int_equal(n, 2);
	assert_int_equal(what->opens, 1);
	what = site(&s, MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_SESSIONS_CLOSED, 0, &n);
	assert_int_equal(n, 2);
	assert_int_equal(what->opens, 0);

	what = only(&s, MOQSTAT_EVENT_BUMP, MOQSTAT_DATAGRAMS);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RAX, 0);
	assert_operand(&what->side, MOQSTAT_OPERAND_MEM, MOQSTAT_RDI, 8);
	assert_int_equal(what->side.width, 1);
	assert_int_equal(what->role, MOQSTAT_ROLE_MAX);
	assert_int_equal(what->when, MOQSTAT_WHEN_NONZERO);
	for (i = 0; i < MOQSTAT_FIELD_MAX; i++) {
		assert_true(sites_complete(&s, MOQSTAT_PUBLISHER, i, &reason));
		assert_true(sites_complete(&s, MOQSTAT_SUBSCRIBER, i, &reason));
		assert_false(sites_guarded(&s, MOQSTAT_PUBLISHER, i, &reason));
	}
	assert_true(sites_sessions_complete(&s, &reason));
	assert_false(sites_sessions_guarded(&s, &reason));
	sites_deinit(&s);
}

/* What gives out a root's counters is inlined where sessions are opened. */
static void roots_inlined(void **state)
{
	const struct moqstat_site *what;
	const char *reason;
	struct sites s;
	size_t n;

	(void)state;
	resolve.parts[resolve.len++] = (struct resolve_part){ SESSION, CODE_INLINED };
	resolve_scan_good(&s);
	assert_int_equal(s.unprobed_len, 0);
	what = site(&s, MOQSTAT_EVENT_SESSION, -1, 2, &n);
	assert_int_equal(n, 3);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RSP, 8);
	assert_operand(&what->tier, MOQSTAT_OPERAND_REG, MOQSTAT_R15, 0x20);
	assert_operand(&what->side, MOQSTAT_OPERAND_MEM, MOQSTAT_R15, 0x18);
	site(&s, MOQSTAT_EVENT_SESSION_NEW, -1, 0, &n);
	assert_int_equal(n, 3);
	assert_true(sites_sessions_complete(&s, &reason));
	sites_deinit(&s);
}

/* A session that is opened by something that names no root. */
static void sessions_unnamed(void **state)
{
	const char *reason;
	struct sites s;

	(void)state;
	resolve.parts[resolve.len++] =
		(struct resolve_part){ SESSION, SESSION_HEAD SESSION_OPENS SESSION_END };
	resolve_scan_good(&s);
	assert_int_equal(s.unprobed_len, 1);
	assert_false(sites_sessions_complete(&s, &reason));
	assert_string_equal(reason, "one of its bumps has no place for a probe");
	assert_true(sites_complete(&s, MOQSTAT_PUBLISHER, MOQSTAT_BYTES, &reason));
	sites_deinit(&s);
}

static void what_lacks(void **state)
{
	(void)state;
	/* mov rcx, [rdi+0x58] where the label's second word would be */
	resolve.parts[PART_RESOLVE].hex =
		"53 4c8b4760 488b4740 488b4f58 488b5750 " RESOLVE_SHARED RESOLVE_PATH RESOLVE_TABLE
			MADE("1001") RESOLVE_GIVES;
	assert_lacks("no label where its moq_net::stats::SessionInner::resolve would find it");
	/* add rbx, 0x10 */
	resolve.parts[PART_RESOLVE].hex =
		RESOLVE_LABEL RESOLVE_SHARED RESOLVE_PATH "4883c310 " MADE("1001") RESOLVE_GIVES;
	assert_lacks("no table where its moq_net::stats::SessionInner::resolve would find one");
	/* mov rax, [rsi]; only */
	resolve.parts[PART_RESOLVE].hex =
		RESOLVE_LABEL RESOLVE_SHARED "488b06 " RESOLVE_TABLE MADE("1001") RESOLVE_GIVES;
	assert_lacks("no path that its moq_net::stats::SessionInner::resolve is called with");
	resolve.parts[PART_RESOLVE].hex =
		RESOLVE_LABEL RESOLVE_SHARED RESOLVE_PATH RESOLVE_TABLE MADE("1801") RESOLVE_GIVES;
	assert_lacks("nothing in its moq_net::stats::SessionInner::resolve that allocates entries "
		     "of 272 bytes");
	resolve.parts[PART_RESOLVE].hex =
		RESOLVE_LABEL RESOLVE_SHARED RESOLVE_PATH RESOLVE_TABLE MADE("1001")
			RESOLVE_GIVES_ELSE;
	assert_lacks("no place to see the entry in its moq_net::stats::SessionInner::resolve");
	/* add rbx, 0x18 */
	resolve.parts[PART_ROOTS].hex = ROOTS_HEAD "4883c318 " MADE("b000") ROOTS_END;
	assert_lacks("no table where its moq_net::stats::Handle::session would find one");
	/* As in moq-net 0.3.17: what was there before couldn't be read. */
	resolve.parts[PART_ROOTS].hex = ROOTS_HEAD ROOTS_TABLE MADE("2000") ROOTS_END;
	resolve.parts[PART_MOVE].hex = "c3";
	assert_lacks("nothing that allocates a root's counters of 176 bytes");
	resolve.len -= 1;
	assert_lacks("too few bumps of counters that are 128 bytes apart");
	resolve.parts[resolve.len++] = (struct resolve_part){ SCOPE, MADE("1001") "c3" };
	assert_lacks(
		"only its moq_net::stats::SessionInner::resolve that makes entries: what is at "
		"0x4013e0 does, too");
}

/* The site of a counter that a function bumps, besides what has been there. */
static const struct moqstat_site *bumped(struct sites *s, const char *name, const char *hex,
					 enum moqstat_field field)
{
	const struct moqstat_site *found;
	size_t n;

	resolve_again();
	/* All others bump something else. */
	resolve.len = PART_CLOSE + 1;
	for (size_t i = 0; i < RESOLVE_BUMPS; i++)
		resolve.parts[resolve.len++] = (struct resolve_part){ MODEL, resolve.bumps[2] };
	resolve.parts[resolve.len++] = (struct resolve_part){ name, hex };
	resolve_scan_good(s);
	assert_int_equal(s->unprobed_len, 0);
	found = site(s, MOQSTAT_EVENT_BUMP, field, 0, &n);
	return found;
}

/* Ways of the compiler that only such a relay has. */
static void shapes_of_bumps(void **state)
{
	const struct moqstat_site *what;
	struct sites s;
	size_t n;

	(void)state;
	/* mov rdx, [rdi]; test rdx, rdx; je 1f; movzx esi, byte [rdi+8]; shl esi, 7;
	 * lock add [rdx+rsi+0x78], rax; test rcx, rcx; je 1f; or rsi, 0x10;
	 * lock add [rdx+rsi+0x60], rcx; 1: ret */
	what = bumped(&s, MODEL,
		      "488b17 4885d2 741c 0fb67708 c1e607 f04801443278 4885c9 740a 4883ce10 "
		      "f048014c3260 c3",
		      MOQSTAT_BYTES);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RDX, 0);
	assert_operand(&what->n, MOQSTAT_OPERAND_REG, MOQSTAT_RCX, 0);
	assert_operand(&what->side, MOQSTAT_OPERAND_MEM, MOQSTAT_RDI, 8);
	assert_int_equal(what->when, MOQSTAT_WHEN_NONZERO);
	what = only(&s, MOQSTAT_EVENT_BUMP, MOQSTAT_FRAMES);
	assert_operand(&what->n, MOQSTAT_OPERAND_REG, MOQSTAT_RAX, 0);
	sites_deinit(&s);

	/* mov rax, [rsp+0x30]; test rax, rax; je 1f; movzx ecx, byte [rsp+0x38]; shl ecx, 7;
	 * lock inc [rax+rcx+0x88]; …0x80; …0x78; mov rdx, [rsp]; lock add [rax+rcx+0x70], rdx; 1:
	 */
	what = bumped(&s, MODEL,
		      "488b442430 4885c0 742a 0fb64c2438 c1e107 f048ff840888000000 "
		      "f048ff840880000000 f048ff440878 488b1424 f04801540870 c3",
		      MOQSTAT_BYTES);
	assert_operand(&what->n, MOQSTAT_OPERAND_MEM, MOQSTAT_RSP, 0);
	only(&s, MOQSTAT_EVENT_BUMP, MOQSTAT_DATAGRAMS);
	only(&s, MOQSTAT_EVENT_BUMP, MOQSTAT_GROUPS);
	sites_deinit(&s);

	/* push rbx; mov rbx, rdi; call [rip]; test rax, rax; je 1f; mov [rsp+8], rax;
	 * movzx ecx, byte [rbx+0x28]; shl ecx, 7; lock inc [rax+rcx+0x58]; 1: pop rbx; ret */
	what = bumped(&s, MODEL,
		      "53 4889fb ff1500000000 4885c0 7412 4889442408 0fb64b28 c1e107 "
		      "f048ff440858 5b c3",
		      MOQSTAT_FETCHES);
	assert_operand(&what->side, MOQSTAT_OPERAND_MEM, MOQSTAT_RBX, 0x28);
	sites_deinit(&s);

	/* mov rbx, rax; test rax, rax; je 1f; cmp byte [r15+0x28], 0; je 2f; lock inc [rbx+0xc8];
	 * jmp 1f; 2: lock inc [rbx+0x48]; mov rax, [rsp+8]; test rax, rax; je 1f;
	 * lock inc [rbx+0x60]; 1: ret */
	what = bumped(&s, OPENS,
		      "4889c3 4885c0 7425 41807f2800 740a f048ff83c8000000 eb14 f048ff4348 "
		      "488b442408 4885c0 7405 f048ff4360 c3",
		      MOQSTAT_BROADCASTS);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RBX, 0);
	assert_int_equal(what->side.kind, MOQSTAT_OPERAND_IMM);
	assert_int_equal(what->side.disp, MOQSTAT_PUBLISHER);
	what = site(&s, MOQSTAT_EVENT_BUMP, MOQSTAT_SUBSCRIPTIONS, 0, &n);
	assert_int_equal(n, 2);
	assert_int_equal(what->side.disp, MOQSTAT_SUBSCRIBER);
	assert_int_equal(what->when, MOQSTAT_WHEN_NONZERO);
	what = site(&s, MOQSTAT_EVENT_BUMP, MOQSTAT_SUBSCRIPTIONS, 1, &n);
	assert_int_equal(what->side.disp, MOQSTAT_PUBLISHER);
	assert_int_equal(what->when, MOQSTAT_WHEN_ZERO);
	sites_deinit(&s);
}

/* The only bump that can't be probed, and then begin anew. */
static void assert_unprobed(const char *hex, enum moqstat_field field, const char *why)
{
	const char *reason;
	struct sites s;

	resolve.parts[resolve.len++] = (struct resolve_part){ MODEL, hex };
	resolve_scan_good(&s);
	assert_int_equal(s.unprobed_len, 1);
	assert_int_equal(s.unprobed[0].field, field);
	assert_string_equal(s.unprobed[0].reason, why);
	assert_false(sites_complete(&s, MOQSTAT_SUBSCRIBER, field, &reason));
	sites_deinit(&s);
	resolve_again();
}

static void bumps_without_a_probe(void **state)
{
	(void)state;
	/* As above, but what holds the side may lie where the register is put: mov rbx, [rdi] */
	assert_unprobed("53 488b1f ff1500000000 4885c0 7412 4889442408 0fb64b28 c1e107 "
			"f048ff440858 5b c3",
			MOQSTAT_FETCHES, "what it adds to can't be read at its branch");
	/* A counter of one side, elsewhere than in what is named for it: mov rax, [rdi];
	 * test rax, rax; je 1f; lock inc [rax+0x48]; 1: ret; but that is no payload's. */
	assert_unprobed("488b07 4885c0 7407 f0480190f0000000 c3", MOQSTAT_BYTES,
			"its side is not asked for");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, resolve_setup, resolve_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_relay), TEST(roots_inlined),	  TEST(sessions_unnamed),
		TEST(what_lacks),  TEST(shapes_of_bumps), TEST(bumps_without_a_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
