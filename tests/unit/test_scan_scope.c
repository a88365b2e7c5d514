/* SPDX-License-Identifier: MIT */
/*
 * test_scan_scope.c - relays whose tiers are labels, as moq-relay 0.14: what there is to probe in
 * them, and what lacks where they are refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scope_image.h"

static struct scope_image w;

static int setup(void **state)
{
	(void)state;
	scope_image_init(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scope_image_deinit(&w);
	return 0;
}

/* Refused for want of that; then begin anew. */
static void assert_lacks(const char *what)
{
	struct sites s = { .len = 77 };
	char said[1024], whole[1024];

	assert_int_equal(scope_image_scan(&w, &s, said, sizeof(said)), -ENOTSUP);
	snprintf(whole, sizeof(whole),
		 "moqstat: error: %s: unknown layout: like that of moq-relay 0.14.12 (moq-net "
		 "0.2.13), but there is %s; run a relay of a release that is listed in the README, "
		 "or a moqstat that knows this one\n",
		 w.im.path, what);
	assert_string_equal(said, whole);
	teardown(NULL);
	setup(NULL);
}

/* The only site of an event, or of a counter. */
static const struct moqstat_site *only(const struct sites *s, enum moqstat_event event, int field)
{
	const struct moqstat_site *found = NULL;
	size_t i;

	for (i = 0; i < s->len; i++) {
		const struct moqstat_site *what = &s->list[i].what;

		if (what->event != event || (field >= 0 && what->field != field))
			continue;
		assert_null(found);
		found = what;
	}
	assert_non_null(found);
	return found;
}

static void assert_operand(const struct moqstat_operand *op, int kind, int reg, int disp, int outer)
{
	assert_int_equal(op->kind, kind);
	assert_int_equal(op->reg, reg);
	assert_int_equal(op->index, MOQSTAT_REG_NONE);
	assert_int_equal(op->disp, disp);
	assert_int_equal(op->outer, outer);
}

static void whole_relay(void **state)
{
	const struct moqstat_site *what;
	const char *reason = "";
	struct sites s;
	unsigned int i;

	(void)state;
	scope_image_scan_good(&w, &s);
	assert_int_equal(s.unprobed_len, 0);
	assert_int_equal(s.len, BUMPS + 7);

	what = only(&s, MOQSTAT_EVENT_ENTRY, -1);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RDX, 0, 0);
	assert_operand(&what->tier, MOQSTAT_OPERAND_POINT, MOQSTAT_RSI, 0, 0x30);
	assert_operand(&what->side, MOQSTAT_OPERAND_DEREF, MOQSTAT_RSI, 0, 0x28);
	what = only(&s, MOQSTAT_EVENT_SCOPE, -1);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RAX, 0, 0);
	assert_int_equal(what->when, MOQSTAT_WHEN_ALWAYS);
	what = only(&s, MOQSTAT_EVENT_ENTRY_NEW, -1);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RAX, 0, 0);
	assert_int_equal(what->when, MOQSTAT_WHEN_NONZERO);
	what = only(&s, MOQSTAT_EVENT_SESSION, -1);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RSP, 0x8, 0);
	assert_operand(&what->tier, MOQSTAT_OPERAND_REG, MOQSTAT_RSP, 0x40, 0);
	assert_operand(&what->side, MOQSTAT_OPERAND_MEM, MOQSTAT_RSP, 0x38, 0);
	what = only(&s, MOQSTAT_EVENT_SESSION_NEW, -1);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RAX, 0, 0);
	what = only(&s, MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_SESSIONS);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RBX, 0, 0);
	assert_int_equal(what->opens, 1);
	what = only(&s, MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_SESSIONS_CLOSED);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RAX, 0, 0);
	assert_int_equal(what->opens, 0);

	what = only(&s, MOQSTAT_EVENT_BUMP, MOQSTAT_DATAGRAMS);
	assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_RAX, 0, 0);
	assert_operand(&what->side, MOQSTAT_OPERAND_MEM, MOQSTAT_RDI, 8, 0);
	assert_int_equal(what->side.width, 1);
	assert_int_equal(what->tier.kind, MOQSTAT_OPERAND_IMM);
	assert_int_equal(what->tier.disp, 0);
	assert_int_equal(what->role, MOQSTAT_ROLE_MAX);
	assert_int_equal(what->when, MOQSTAT_WHEN_NONZERO);
	assert_int_equal(what->opens, 0);
	for (i = 0; i < MOQSTAT_FIELD_MAX; i++) {
		assert_true(sites_complete(&s, MOQSTAT_PUBLISHER, i, &reason));
		assert_true(sites_complete(&s, MOQSTAT_SUBSCRIBER, i, &reason));
		assert_false(sites_guarded(&s, MOQSTAT_PUBLISHER, i, &reason));
	}
	assert_true(sites_sessions_complete(&s, &reason));
	assert_false(sites_sessions_guarded(&s, &reason));
	sites_deinit(&s);
}

/* Compiled so that it is called with the session's context itself, and in what it is inlined in. */
static void other_ways_to_name(void **state)
{
	const struct moqstat_site *what;
	struct sites s;

	(void)state;
	w.parts[PART_SCOPE].name = EGRESS;
	w.parts[PART_SCOPE].hex =
		SCOPE_ITSELF SCOPE_PATH SCOPE_SHARED SCOPE_LABEL CALL_TIER SCOPE_END;
	/* The layout is known by this one, which is whole as well. */
	scope_image_add(&w, SCOPE,
			SCOPE_SELF SCOPE_PATH SCOPE_SHARED SCOPE_LABEL CALL_TIER SCOPE_END);
	scope_image_scan_good(&w, &s);
	assert_int_equal(sites_functions(&s, LAYOUT_ENTRY), 2);
	what = &s.list[BUMPS].what;
	assert_int_equal(what->event, MOQSTAT_EVENT_ENTRY);
	assert_operand(&what->tier, MOQSTAT_OPERAND_REG, MOQSTAT_RSI, 0x30, 0);
	assert_operand(&what->side, MOQSTAT_OPERAND_MEM, MOQSTAT_RSI, 0x28, 0);
	what = &s.list[BUMPS + 1].what;
	assert_int_equal(what->event, MOQSTAT_EVENT_ENTRY);
	assert_int_equal(what->tier.kind, MOQSTAT_OPERAND_POINT);
	sites_deinit(&s);
}

static void what_lacks(void **state)
{
	(void)state;
	w.parts[PART_SCOPE].hex = SCOPE_SELF SCOPE_PATH SCOPE_SHARED SCOPE_LABEL SCOPE_END;
	assert_lacks("not one call of moq_net::stats::BroadcastEntry::tier in each of its "
		     "moq_net::stats::Session::scope");
	/* lea rsi, [rbx+0x38] */
	w.parts[PART_SCOPE].hex =
		SCOPE_SELF SCOPE_PATH SCOPE_SHARED "488d7338 " CALL_TIER SCOPE_END;
	assert_lacks("no session where one of its moq_net::stats::Session::scope would find it");
	/* mov rax, [rbx+0x20] */
	w.parts[PART_SCOPE].hex =
		SCOPE_SELF SCOPE_PATH "488b4320 488b7810 " SCOPE_LABEL CALL_TIER SCOPE_END;
	assert_lacks("nothing shared where one of its moq_net::stats::Session::scope would find "
		     "it");
	/* mov rdi, [rax+0x20] */
	w.parts[PART_SCOPE].hex =
		SCOPE_SELF SCOPE_PATH "488b4328 488b7820 " SCOPE_LABEL CALL_TIER SCOPE_END;
	assert_lacks("no table where its moq_net::stats::Session::scope would find one");
	/* mov rcx, [rdx]; only */
	w.parts[PART_SCOPE].hex = SCOPE_SELF "488b0a " SCOPE_SHARED SCOPE_LABEL CALL_TIER SCOPE_END;
	assert_lacks("no path that one of its moq_net::stats::Session::scope is called with");
	/* mov edi, 0xd8; … */
	w.parts[PART_TIER].hex = "55 bfd8000000 be08000000 ff1500000000 4885c0 7402 5d c3 0f0b";
	assert_lacks("nothing in its moq_net::stats::BroadcastEntry::tier that allocates entries "
		     "of 208 bytes");
	w.len -= 1;
	assert_lacks("too few bumps of counters that are 96 bytes apart");
	scope_image_add(&w, OPENS, w.bumps[0]);
	assert_lacks("a moq_net::stats::Scope::subscribe that bumps announced");
}

/* What something else makes would be taken for what the thread has named last. */
static void made_elsewhere(void **state)
{
	struct sites s;
	char said[1024], expected[128];

	(void)state;
	scope_image_add(&w, "main", CALL_TIER "c3");
	assert_int_equal(scope_image_scan(&w, &s, said, sizeof(said)), -ENOTSUP);
	snprintf(expected, sizeof(expected), "that makes entries: what is at 0x%llx does, too",
		 (unsigned long long)w.im.symbols[w.im.symbols_len - 1].addr);
	assert_non_null(strstr(said, expected));
}

static void sessions_made_elsewhere(void **state)
{
	const char *reason;
	struct sites s;

	(void)state;
	scope_image_add(&w, "main", CALL_NEW "c3");
	scope_image_scan_good(&w, &s);
	assert_int_equal(s.unprobed_len, 1);
	assert_false(sites_sessions_complete(&s, &reason));
	assert_true(sites_complete(&s, MOQSTAT_PUBLISHER, MOQSTAT_BYTES, &reason));
	sites_deinit(&s);
}

/* The only bump that can't be probed. */
static void assert_unprobed(const char *hex, int role, enum moqstat_field field, const char *why)
{
	const char *reason;
	struct sites s;

	scope_image_add(&w, "_ZN7moq_net5model17h3b5569b93cb6a6f7E", hex);
	scope_image_scan_good(&w, &s);
	assert_int_equal(s.unprobed_len, 1);
	assert_int_equal(s.unprobed[0].role, role);
	assert_int_equal(s.unprobed[0].field, field);
	assert_string_equal(s.unprobed[0].reason, why);
	assert_int_equal(sites_complete(&s, MOQSTAT_PUBLISHER, field, &reason),
			 role == MOQSTAT_SUBSCRIBER);
	assert_int_equal(sites_complete(&s, MOQSTAT_SUBSCRIBER, field, &reason),
			 role == MOQSTAT_PUBLISHER);
	sites_deinit(&s);
	teardown(NULL);
	setup(NULL);
}

/* As stats::Scope::subscribe: an offset is picked by the side, and used again by a bump that has
 * another branch in front; in between, `ask`. */
#define KEPT(ask)                                                                               \
	"4c8b7608 4d85f6 7434 0fb64628 84c0 b970000000 41bc10000000 4c0f45e1 f04bff442618 " ask \
	" ff1500000000 83f802 740a 4585ed 7410 f049ff07 c3 ff1500000000 4585ed 75f0 "           \
	"f04bff442630 c3"

static void bumps_without_a_probe(void **state)
{
	(void)state;
	/* lea rcx, [rax+0x10]; lea rdx, [rax+0x70]; cmp byte [rdi+8], 0; cmovne rcx, rdx;
	 * lock inc [rcx+0x50]; ret */
	assert_unprobed("488d4810 488d5070 807f0800 480f45ca f048ff4150 c3", MOQSTAT_ROLE_MAX,
			MOQSTAT_GROUPS, "no branch in front");
	/* mov rax, [rdi]; test rax, rax; je 1f; lock add [rax+0x50], rdx; 1: ret */
	assert_unprobed("488b07 4885c0 7405 f048015050 c3", MOQSTAT_PUBLISHER, MOQSTAT_BYTES,
			"its side is not asked for");
	/* the same at 0xc0: lock inc */
	assert_unprobed("488b07 4885c0 7408 f048ff80c0000000 c3", MOQSTAT_SUBSCRIBER,
			MOQSTAT_GROUPS, "its side is not asked for");
	/* lock inc [rax+rcx+0x28]; ret */
	assert_unprobed("f048ff440828 c3", MOQSTAT_ROLE_MAX, MOQSTAT_FETCHES, "no branch in front");
	/* nop, five times */
	assert_unprobed(KEPT("9090909090"), MOQSTAT_ROLE_MAX, MOQSTAT_BROADCASTS,
			"which side's it is can't be read at its branch");
	/* test cl, cl: something else; je 1f; ret; 1: */
	assert_unprobed(KEPT("84c9 7401 c3"), MOQSTAT_ROLE_MAX, MOQSTAT_BROADCASTS,
			"which side's it is can't be read at its branch");
}

/* Only one side gets to a bump: the counter of the other is known to be 0. */
static void one_side_only(void **state)
{
	static const struct {
		const char *hex;
		int side;
	} lines[] = {
		/* test al, al; je 1f; ret; 1: */
		{ KEPT("84c0 7401 c3"), MOQSTAT_PUBLISHER },
		{ KEPT("84c0 7501 c3"), MOQSTAT_SUBSCRIBER },
	};
	const char *reason;
	struct sites s;
	size_t i, k, found;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		/* The other bumps of it are left out. */
		w.len = PART_CLOSE + 1;
		for (k = 0; k < BUMPS + 2; k++) {
			if (k % 12 != 6)
				scope_image_add(&w, "_ZN7moq_net4more17h3b5569b93cb6a6f7E",
						w.bumps[k % 12]);
		}
		scope_image_add(&w, OPENS, lines[i].hex);
		scope_image_scan_good(&w, &s);
		for (k = 0, found = 0; k < s.len; k++) {
			const struct moqstat_site *what = &s.list[k].what;

			if (what->event != MOQSTAT_EVENT_BUMP || what->field != MOQSTAT_BROADCASTS)
				continue;
			found++;
			assert_int_equal(what->role, MOQSTAT_ROLE_MAX);
			assert_int_equal(what->side.kind, MOQSTAT_OPERAND_IMM);
			assert_int_equal(what->side.disp, lines[i].side);
			assert_int_equal(what->when, MOQSTAT_WHEN_ZERO);
			assert_operand(&what->entry, MOQSTAT_OPERAND_REG, MOQSTAT_R14, 0, 0);
		}
		assert_int_equal(found, 2);
		assert_true(sites_complete(&s, MOQSTAT_PUBLISHER, MOQSTAT_BROADCASTS, &reason));
		assert_true(sites_complete(&s, MOQSTAT_SUBSCRIBER, MOQSTAT_BROADCASTS, &reason));
		sites_deinit(&s);
		teardown(NULL);
		setup(NULL);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_relay),    TEST(other_ways_to_name),	     TEST(what_lacks),
		TEST(made_elsewhere), TEST(sessions_made_elsewhere), TEST(bumps_without_a_probe),
		TEST(one_side_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
