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

#include "elf_image.h"
#include "sites.h"

#define SCOPE	 "_ZN7moq_net5stats7Session5scope17hdf122a7a3ca85d3bE"
#define EGRESS	 "_ZN7moq_net5stats7Session6egress17hdf122a7a3ca85d3bE"
#define TIER	 "_ZN7moq_net5stats14BroadcastEntry4tier17hdf122a7a3ca85d3bE"
#define NEW	 "_ZN7moq_net5stats7Session3new17h3b5569b93cb6a6f7E"
#define TO_OWNED "_ZN7moq_net4path4Path8to_owned17h3b5569b93cb6a6f7E"
#define SESSION	 "_ZN7moq_net5stats6Handle7session17h1f9abf9be5474f5cE"
#define OPENS	 "_ZN7moq_net5stats5Scope9subscribe17h52e06436e05209bcE"
#define CLOSE                                                                      \
	"_ZN4core3ptr78drop_in_place$LT$alloc..sync..ArcInner$LT$moq_net..stats.." \
	"SessionInner$GT$$GT$17hfc66bbdca3a2ffadE"

/* A call of one of the functions in front, by number. */
#define CALL(number) "e8" number "7f7f7f "
#define CALL_TIER    CALL("00")
#define CALL_NEW     CALL("01")
#define CALL_OWN     CALL("02")

/* push rbp; mov edi, 0xd0; mov esi, 8; call [rip]; test rax, rax; je 1f; pop rbp; ret; 1: ud2 */
#define CODE_TIER "55 bfd0000000 be08000000 ff1500000000 4885c0 7402 5d c3 0f0b"
/* push rbx; mov rbx, rsi; test rsi, rsi; je 1f; lock inc [rbx+0x10]; 1: pop rbx; ret */
#define CODE_NEW "53 4889f3 4885f6 7405 f048ff4310 5b c3"

/* push rbx; mov rbx, [rsi]; test rbx, rbx; je 1f */
#define SCOPE_SELF "53 488b1e 4885db 7426 "
/* push rbx; mov rbx, rsi; … */
#define SCOPE_ITSELF "53 4889f3 4885db 7426 "
/* mov rcx, [rdx]; mov rax, [rdx+8]; mov r8, [rdx+0x10] */
#define SCOPE_PATH "488b0a 488b4208 4c8b4210 "
/* mov rax, [rbx+0x28]; mov rdi, [rax+0x10] */
#define SCOPE_SHARED "488b4328 488b7810 "
/* lea rsi, [rbx+0x30]; call tier; lock dec [rcx]; jne 1f; nop; nop; nop; nop; 1: pop rbx; ret */
#define SCOPE_LABEL "488d7330 "
#define SCOPE_END   "f048ff09 7504 90909090 5b c3"

/* push rbx; sub rsp, 0x80; mov rbx, [rdi+0x18]; mov rax, [rdi+0x20]; mov [rsp+0x38], rbx;
 * mov [rsp+0x40], rax; mov [rsp+0x48], rax; mov [rsp+0x50], rax; lea rdi, [rsp+8]; call to_owned;
 * test rax, rax; je 1f; 1: add rbx, 0x18; mov edi, 0x20; mov esi, 8; call [rip]; test rax, rax;
 * je 2f; lea rdi, [rsp+0x20]; call new; 2: add rsp, 0x80; pop rbx; ret */
#define CODE_SESSION                                                                       \
	"53 4881ec80000000 488b5f18 488b4720 48895c2438 4889442440 4889442448 4889442450 " \
	"488d7c2408 " CALL_OWN "4885c0 7400 4883c318 bf20000000 be08000000 ff1500000000 "  \
	"4885c0 740a 488d7c2420 " CALL_NEW "4881c480000000 5b c3"

/* mov rax, [rdi+0x48]; test rax, rax; je 1f; lock inc [rax+0x18]; 1: mov rax, [rdi+0x30]; ret */
#define CODE_CLOSE "488b4748 4885c0 7405 f048ff4018 488b4730 c3"

/* mov rax, [rdi]; test rax, rax; je 1f; lea rcx, [rax+0x10]; lea rdx, [rax+0x70];
 * cmp byte [rdi+8], 0; cmovne rcx, rdx; lock inc [rcx+field]; 1: ret */
#define CODE_BUMP "488b07 4885c0 7416 488d4810 488d5070 807f0800 480f45ca f048ff41%02x c3"

#define BUMPS	  16
#define PARTS	  (8 + BUMPS)

struct part {
	const char *name;
	const char *hex;
};

struct world {
	struct image im;
	struct part parts[PARTS + 2];
	size_t len;
	char bumps[BUMPS][128];
};

enum part_index {
	PART_TIER = 0,
	PART_NEW,
	PART_OWN,
	PART_SCOPE,
	PART_SESSION,
	PART_CLOSE
};

static struct world w;

static int setup(void **state)
{
	static const struct part parts[] = {
		[PART_TIER] = { TIER, CODE_TIER },
		[PART_NEW] = { NEW, CODE_NEW },
		[PART_OWN] = { TO_OWNED, "c3" },
		[PART_SCOPE] = { SCOPE, SCOPE_SELF SCOPE_PATH SCOPE_SHARED SCOPE_LABEL CALL_TIER
						SCOPE_END },
		[PART_SESSION] = { SESSION, CODE_SESSION },
		[PART_CLOSE] = { CLOSE, CODE_CLOSE },
	};
	size_t i;

	(void)state;
	memset(&w, 0, sizeof(w));
	image_init(&w.im);
	memcpy(w.parts, parts, sizeof(parts));
	w.len = sizeof(parts) / sizeof(parts[0]);
	for (i = 0; i < BUMPS; i++) {
		snprintf(w.bumps[i], sizeof(w.bumps[i]), CODE_BUMP, (unsigned int)(i % 12 * 8));
		w.parts[w.len++] =
			(struct part){ "_ZN7moq_net4more17h3b5569b93cb6a6f7E", w.bumps[i] };
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	image_deinit(&w.im);
	return 0;
}

static void link_calls(const uint64_t *addrs)
{
	size_t i;

	for (i = 0; i + 5 <= w.im.text_len; i++) {
		uint8_t *code = w.im.text + i;
		int32_t distance;

		if (code[0] != 0xe8 || code[2] != 0x7f || code[3] != 0x7f || code[4] != 0x7f)
			continue;
		distance = (int32_t)(addrs[code[1]] - (IMAGE_TEXT + i + 5));
		memcpy(code + 1, &distance, sizeof(distance));
	}
}

static int scan(struct sites *out, char *said, size_t size)
{
	uint64_t addrs[PARTS + 2];
	struct image_catch c;
	struct elf_file *f;
	size_t i;
	int rc;

	for (i = 0; i < w.len; i++)
		addrs[i] = image_function(&w.im, w.parts[i].name, w.parts[i].hex);
	link_calls(addrs);
	f = image_open(&w.im);
	c = image_catch();
	rc = sites_scan(f, NULL, NULL, out);
	image_caught(c, said, size);
	elf_file_destroy(f);
	return rc;
}

/* A relay, with nothing to say about it. */
static void scan_good(struct sites *out)
{
	char said[1024];
	int rc = scan(out, said, sizeof(said));

	assert_string_equal(said, "");
	assert_int_equal(rc, 0);
	assert_string_equal(out->layout->name, "moq-net 0.2.13");
}

/* Refused for want of that; then begin anew. */
static void assert_lacks(const char *what)
{
	struct sites s = { .len = 77 };
	char said[1024], whole[1024];

	assert_int_equal(scan(&s, said, sizeof(said)), -ENOTSUP);
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
	scan_good(&s);
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

/* Until what counts knows this layout, too. */
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
	w.parts[w.len++] =
		(struct part){ SCOPE,
			       SCOPE_SELF SCOPE_PATH SCOPE_SHARED SCOPE_LABEL CALL_TIER SCOPE_END };
	scan_good(&s);
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
	w.parts[w.len++] = (struct part){ OPENS, w.bumps[0] };
	assert_lacks("a moq_net::stats::Scope::subscribe that bumps announced");
}

/* What something else makes would be taken for what the thread has named last. */
static void made_elsewhere(void **state)
{
	struct sites s;
	char said[1024], expected[128];

	(void)state;
	w.parts[w.len++] = (struct part){ "main", CALL_TIER "c3" };
	assert_int_equal(scan(&s, said, sizeof(said)), -ENOTSUP);
	snprintf(expected, sizeof(expected), "that makes entries: what is at 0x%llx does, too",
		 (unsigned long long)w.im.symbols[w.im.symbols_len - 1].addr);
	assert_non_null(strstr(said, expected));
}

static void sessions_made_elsewhere(void **state)
{
	const char *reason;
	struct sites s;

	(void)state;
	w.parts[w.len++] = (struct part){ "main", CALL_NEW "c3" };
	scan_good(&s);
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

	w.parts[w.len++] = (struct part){ "_ZN7moq_net5model17h3b5569b93cb6a6f7E", hex };
	scan_good(&s);
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
				w.parts[w.len++] =
					(struct part){ "_ZN7moq_net4more17h3b5569b93cb6a6f7E",
						       w.bumps[k % 12] };
		}
		w.parts[w.len++] = (struct part){ OPENS, lines[i].hex };
		scan_good(&s);
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
