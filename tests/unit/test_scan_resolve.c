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

#include "elf_image.h"
#include "sites.h"

#define RESOLVE	 "_ZN7moq_net5stats12SessionInner7resolve17hdf122a7a3ca85d3bE"
#define ROOTS	 "_ZN7moq_net5stats8Registry16session_counters17hdf122a7a3ca85d3bE"
#define SESSION	 "_ZN7moq_net5stats6Handle7session17h1f9abf9be5474f5cE"
#define MOVE	 "_ZN7moq_net5stats7Session8set_tier17h1f9abf9be5474f5cE"
#define TO_OWNED "_ZN7moq_net4path4Path8to_owned17h3b5569b93cb6a6f7E"
#define AS_PATH                                                        \
	"_ZN65_$LT$$RF$moq_net..path..Path$u20$as$u20$moq_net..path.." \
	"AsPath$GT$7as_path17hba2a745f8c4f45a0E"
#define OPENS "_ZN7moq_net5stats5Scope9subscribe17h52e06436e05209bcE"
#define MODEL "_ZN7moq_net5model17h3b5569b93cb6a6f7E"
#define SCOPE "_ZN7moq_net5stats7Session5scope17hdf122a7a3ca85d3bE"
#define CLOSE                                                          \
	"_ZN70_$LT$moq_net..stats..SessionInner$u20$as$u20$core..ops." \
	".drop..Drop$GT$4drop17he6df621073d20820E"

/* A call of one of the functions in front, by number. */
#define CALL(number) "e8" number "7f7f7f "
#define CALL_PATH    CALL("00")
#define CALL_OWN     CALL("01")
#define CALL_ROOTS   CALL("02")

/* push rbx; mov r8, [rdi+0x60]; mov rax, [rdi+0x40]; mov rcx, [rdi+0x48]; mov rdx, [rdi+0x50] */
#define RESOLVE_LABEL "53 4c8b4760 488b4740 488b4f48 488b5750 "
/* mov rbx, [rdi+0x18] */
#define RESOLVE_SHARED "488b5f18 "
/* mov rax, [rsi]; mov rcx, [rsi+8]; mov rdx, [rsi+0x10] */
#define RESOLVE_PATH "488b06 488b4e08 488b5610 "
/* add rbx, 0x18 */
#define RESOLVE_TABLE "4883c318 "
/* mov edi, size; mov esi, 8; call [rip]; test rax, rax; je 1f; mov qword [rax], 1; jmp 2f; 1: ud2;
 * 2: */
#define MADE(size) "bf" size "0000 be08000000 ff1500000000 4885c0 7409 48c70001000000 eb02 0f0b "
/* The same, but: mov rdi, rax; call [rip]; instead of the store: it is moved there. */
#define MOVED(size) \
	"bf" size "0000 be08000000 ff1500000000 4885c0 740b 4889c7 ff1500000000 eb02 0f0b "
/* test cl, cl; je 3f; mov rbx, [rdx-8]; test cl, cl; jne 1f; nop; 1: mov rax, r8; mov rdx, rbx;
 * pop rbx; ret; 3: xor ebx, ebx; jmp 1b */
#define RESOLVE_GIVES "84c9 7411 488b5af8 84c9 7501 90 4c89c0 4889da 5b c3 31db ebf4"
/* The same, but: mov rbx, rdi; in place of the load */
#define RESOLVE_GIVES_ELSE "84c9 7411 4889fb 90 84c9 7501 90 4c89c0 4889da 5b c3 31db ebf4"

#define CODE_RESOLVE \
	RESOLVE_LABEL RESOLVE_SHARED RESOLVE_PATH RESOLVE_TABLE MADE("1001") RESOLVE_GIVES

/* push rbx; sub rsp, 0x60; mov [rsp+0x50], rdx; mov rbx, rdi; mov rax, [rsi]; mov rcx, [rsi+8];
 * mov rdx, [rsi+0x10]; lea rdi, [rsp+8]; lea rsi, [rsp+0x50]; call as_path */
#define ROOTS_HEAD \
	"53 4883ec60 4889542450 4889fb 488b06 488b4e08 488b5610 488d7c2408 488d742450 " CALL_PATH
/* add rbx, 0x20 */
#define ROOTS_TABLE "4883c320 "
/* add rsp, 0x60; pop rbx; ret */
#define ROOTS_END  "4883c460 5b c3"
#define CODE_ROOTS ROOTS_HEAD ROOTS_TABLE MADE("b000") ROOTS_END

/* push r15; sub rsp, 0x40; mov r15, rdi; mov rax, [r15+0x18]; …0x20, 0x28, 0x30; lea rdi, [rsp+8];
 * call to_owned; test rax, rax; je 1f; 1: */
#define SESSION_HEAD                                                                    \
	"4157 4883ec40 4989ff 498b4718 498b4720 498b4728 498b4730 488d7c2408 " CALL_OWN \
	"4885c0 7400 "
/* test rax, rax; je 1f; lock inc [rax+0xa0]; 1: */
#define SESSION_OPENS "4885c0 7408 f048ff80a0000000 "
/* add rsp, 0x40; pop r15; ret */
#define SESSION_END  "4883c440 415f c3"
#define CODE_SESSION SESSION_HEAD CALL_ROOTS SESSION_OPENS MOVED("b000") SESSION_END
#define CODE_INLINED SESSION_HEAD MADE("b000") SESSION_OPENS MOVED("b000") SESSION_END

/* push rbx; push r14; mov rbx, rsi; mov r14, [rdi]; mov rax, [rbx]; … [rbx+8]; … [rbx+0x10];
 * lea rdi, [r14+0x50]; call [rip]; test al, al; je 1f; 1: */
#define MOVE_HEAD "53 4156 4889f3 4c8b37 488b03 488b4308 488b4310 498d7e50 ff1500000000 84c0 7400 "
/* mov rax, [r14+0x68]; test rax, rax; je 1f; lock inc [rax+0xa8]; 1: pop r14; pop rbx; ret */
#define MOVE_END  "498b4668 4885c0 7408 f048ff80a8000000 415e 5b c3"
#define CODE_MOVE MOVE_HEAD MADE("b000") SESSION_OPENS MOVE_END

/* mov rax, [rdi+0x58]; test rax, rax; je 1f; lock inc [rax+0xa8]; 1: ret */
#define CODE_CLOSE "488b4758 4885c0 7408 f048ff80a8000000 c3"

/* mov rax, [rdi]; test rax, rax; je 1f; movzx ecx, byte [rdi+8]; shl ecx, 7;
 * lock inc [rax+rcx+field]; 1: ret */
#define CODE_BUMP "488b07 4885c0 7410 0fb64f08 c1e107 f048ff8408%02x000000 c3"

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
	PART_PATH = 0,
	PART_OWN,
	PART_ROOTS,
	PART_RESOLVE,
	PART_SESSION,
	PART_MOVE,
	PART_CLOSE
};

static struct world w;

static int setup(void **state)
{
	static const struct part parts[] = {
		[PART_PATH] = { AS_PATH, "c3" },
		[PART_OWN] = { TO_OWNED, "c3" },
		[PART_ROOTS] = { ROOTS, CODE_ROOTS },
		[PART_RESOLVE] = { RESOLVE, CODE_RESOLVE },
		[PART_SESSION] = { SESSION, CODE_SESSION },
		[PART_MOVE] = { MOVE, CODE_MOVE },
		[PART_CLOSE] = { CLOSE, CODE_CLOSE },
	};
	size_t i;

	(void)state;
	memset(&w, 0, sizeof(w));
	image_init(&w.im);
	memcpy(w.parts, parts, sizeof(parts));
	w.len = sizeof(parts) / sizeof(parts[0]);
	for (i = 0; i < BUMPS; i++) {
		/* Behind the four of what was given up on. */
		snprintf(w.bumps[i], sizeof(w.bumps[i]), CODE_BUMP,
			 (unsigned int)(0x30 + i % 12 * 8));
		w.parts[w.len++] = (struct part){ MODEL, w.bumps[i] };
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
	assert_string_equal(out->layout->name, "moq-net 0.3.18");
}

static void again(void)
{
	teardown(NULL);
	setup(NULL);
}

/* Refused for want of that; then begin anew. */
static void assert_lacks(const char *what)
{
	struct sites s = { .len = 77 };
	char said[1024], whole[1024];

	assert_int_equal(scan(&s, said, sizeof(said)), -ENOTSUP);
	snprintf(whole, sizeof(whole),
		 "moqstat: error: %s: unknown layout: like that of moq-relay 0.17.10 (moq-net "
		 "0.3.18), but there is %s; run a relay of a release that is listed in the README, "
		 "or a moqstat that knows this one\n",
		 w.im.path, what);
	assert_string_equal(said, whole);
	again();
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
	scan_good(&s);
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
	w.parts[w.len++] = (struct part){ SESSION, CODE_INLINED };
	scan_good(&s);
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
	w.parts[w.len++] = (struct part){ SESSION, SESSION_HEAD SESSION_OPENS SESSION_END };
	scan_good(&s);
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
	w.parts[PART_RESOLVE].hex =
		"53 4c8b4760 488b4740 488b4f58 488b5750 " RESOLVE_SHARED RESOLVE_PATH RESOLVE_TABLE
			MADE("1001") RESOLVE_GIVES;
	assert_lacks("no label where its moq_net::stats::SessionInner::resolve would find it");
	/* add rbx, 0x10 */
	w.parts[PART_RESOLVE].hex =
		RESOLVE_LABEL RESOLVE_SHARED RESOLVE_PATH "4883c310 " MADE("1001") RESOLVE_GIVES;
	assert_lacks("no table where its moq_net::stats::SessionInner::resolve would find one");
	/* mov rax, [rsi]; only */
	w.parts[PART_RESOLVE].hex =
		RESOLVE_LABEL RESOLVE_SHARED "488b06 " RESOLVE_TABLE MADE("1001") RESOLVE_GIVES;
	assert_lacks("no path that its moq_net::stats::SessionInner::resolve is called with");
	w.parts[PART_RESOLVE].hex =
		RESOLVE_LABEL RESOLVE_SHARED RESOLVE_PATH RESOLVE_TABLE MADE("1801") RESOLVE_GIVES;
	assert_lacks("nothing in its moq_net::stats::SessionInner::resolve that allocates entries "
		     "of 272 bytes");
	w.parts[PART_RESOLVE].hex =
		RESOLVE_LABEL RESOLVE_SHARED RESOLVE_PATH RESOLVE_TABLE MADE("1001")
			RESOLVE_GIVES_ELSE;
	assert_lacks("no place to see the entry in its moq_net::stats::SessionInner::resolve");
	/* add rbx, 0x18 */
	w.parts[PART_ROOTS].hex = ROOTS_HEAD "4883c318 " MADE("b000") ROOTS_END;
	assert_lacks("no table where its moq_net::stats::Handle::session would find one");
	/* As in moq-net 0.3.17: what was there before couldn't be read. */
	w.parts[PART_ROOTS].hex = ROOTS_HEAD ROOTS_TABLE MADE("2000") ROOTS_END;
	w.parts[PART_MOVE].hex = "c3";
	assert_lacks("nothing that allocates a root's counters of 176 bytes");
	w.len -= 1;
	assert_lacks("too few bumps of counters that are 128 bytes apart");
	w.parts[w.len++] = (struct part){ SCOPE, MADE("1001") "c3" };
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

	again();
	/* All others bump something else. */
	w.len = PART_CLOSE + 1;
	for (size_t i = 0; i < BUMPS; i++)
		w.parts[w.len++] = (struct part){ MODEL, w.bumps[2] };
	w.parts[w.len++] = (struct part){ name, hex };
	scan_good(s);
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

	w.parts[w.len++] = (struct part){ MODEL, hex };
	scan_good(&s);
	assert_int_equal(s.unprobed_len, 1);
	assert_int_equal(s.unprobed[0].field, field);
	assert_string_equal(s.unprobed[0].reason, why);
	assert_false(sites_complete(&s, MOQSTAT_SUBSCRIBER, field, &reason));
	sites_deinit(&s);
	again();
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_relay), TEST(roots_inlined),	  TEST(sessions_unnamed),
		TEST(what_lacks),  TEST(shapes_of_bumps), TEST(bumps_without_a_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
