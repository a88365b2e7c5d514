/* SPDX-License-Identifier: MIT */
/*
 * test_bump_pair.c - bumps of a pair of counters, of which the side tells one: as moq-relay 0.14
 * and later have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bump_pair.h"
#include "elf_image.h"
#include "eval_text.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT	   1024

/* `expected` tells of all bumps in the code; of each, the branches by index: what they test and
 * when they lead there, what is added to which field, and how the side is told. "-": it is none of
 * a pair. The stride is 96, or else it is told. */
struct line {
	const char *assembly;
	const char *hex;
	const char *expected;
};

/* The relay's own, from the load of E on; jumps out of the line may lead to where there is
 * nothing. */
static const struct line relays[] = {
	{ "0.14.12 track::Consumer::fetch_group",
	  "488b6e20 4885ed 7416 488d4510 488d4d70 41807f4000 480f45c1 f048ff4028 c3",
	  "2 rbp nonzero: 1 to 0x28, side [r15+64]:1" },
	{ "0.14.12 stats::Scope::announce: two ways to two bumps, and a clone",
	  "488b4e20 488b4608 0fb65628 4885c0 7514 eb2f 75d3 4829d1 488b4608 0fb65628 4885c0 741d "
	  "488d7010 4c8d4070 84d2 490f45f0 f048ff06 f048014e10 f048ff00 7e0e 488907 885710 "
	  "48894f08 4889f8 c3 0f0b",
	  "4 rax nonzero: 1 to 0, side rdx:1; 11 rax nonzero: 1 to 0, side rdx:1 | "
	  "4 rax nonzero: rcx to 0x10, side rdx:1; 11 rax nonzero: rcx to 0x10, side rdx:1 | -" },
	{ "0.14.12 drop of Option<stats::Announce>: the lowest bit of the side",
	  "0fb64710 3c02 7438 488b0f 4885c9 7430 488d5110 4883c170 a801 480f44ca 488b4708 "
	  "f048014110 f048ff4108 c3",
	  "5 rcx nonzero: [rdi+8] to 0x10, side rax:1&1 | 5 rcx nonzero: 1 to 0x8, side rax:1&1" },
	{ "0.14.12 stats::Subscription's drop: a branch each",
	  "4584f6 741e 488b4328 4885c0 7415 488d4810 4883c070 807b3000 480f44c1 f048ff4038 488b4328 "
	  "4885c0 7415 488d4810 4883c070 807b3000 480f44c1 f048ff4020 c3",
	  "4 rax nonzero: 1 to 0x38, side [rbx+48]:1 | 12 rax nonzero: 1 to 0x20, side [rbx+48]:1" },
	{ "0.14.12 track::Producer::write_datagram: four behind one branch",
	  "488b442420 4885c0 7425 488d4810 4883c070 f644242801 480f44c1 f048ff4058 f048ff4050 "
	  "f048ff4048 f04c017840 c3",
	  "2 rax nonzero: 1 to 0x58, side [rsp+40]:1&1 | 2 rax nonzero: 1 to 0x50, side "
	  "[rsp+40]:1&1 | 2 rax nonzero: 1 to 0x48, side [rsp+40]:1&1 | 2 rax nonzero: r15 to "
	  "0x40, side [rsp+40]:1&1" },
	{ "0.14.12 group::Consumer::poll_read_frame: also if there is nothing to add",
	  "488b7020 4885f6 7415 488d7e10 4883c670 80782800 480f44f7 f048015648 4885c9 741e 488b5020 "
	  "4885d2 7415 488d7210 4883c270 80782800 480f44d6 f048014a40 c3",
	  "2 rsi nonzero: rdx to 0x48, side [rax+40]:1 | 12 rdx nonzero: rcx to 0x40, side "
	  "[rax+40]:1" },
	{ "0.14.12 track::Producer::create_group: a clone in front (its trap is nearer here)",
	  "4d8b7740 4d85f6 741f f049ff06 7e1a 410fb66f60 498d4610 498d4e70 4084ed 480f45c1 "
	  "f048ff4050 c3 0f0b",
	  "- | 2 r14 nonzero: 1 to 0x50, side [r15+96]:1" },
	{ "0.17.10 stats::Subscription's drop: the side is the index",
	  "488b4328 4885c0 740d 0fb64b30 c1e107 f048ff440850 c3",
	  "2 rax nonzero: 1 to 0x40, side [rbx+48]:1, stride 128, indexed" },
	{ "0.17.10 group::Consumer::poll_read_frame: bits are set that are clear; nothing may be added",
	  "4885d2 741d 0fb6742408 c1e607 f04801443278 4885c9 740a 4883ce10 f048014c3260 c3",
	  "1 rdx nonzero: rax to 0x68, side [rsp+8]:1, stride 128, indexed | "
	  "1 rdx nonzero: rcx to 0x60, side [rsp+8]:1, stride 128, indexed" },
	{ "a bit is set that may be the side's: or rsi, 0x90",
	  "4885d2 7420 0fb6742408 c1e607 f04801443278 4885c9 740d 4881ce90000000 f048014c3260 c3",
	  "1 rdx nonzero: rax to 0x68, side [rsp+8]:1, stride 128, indexed | -" },
	{ "what is added is not what was asked for: test rbx, rbx",
	  "4885d2 741d 0fb6742408 c1e607 f04801443278 4885db 740a 4883ce10 f048014c3260 c3",
	  "1 rdx nonzero: rax to 0x68, side [rsp+8]:1, stride 128, indexed | -" },
};

/* stats::Scope::subscribe of 0.14.12, without what doesn't matter: the index is picked once, and
 * the second bump has other branches in front. */
#define SUBSCRIBE                                                            \
	" 0fb64628 84c0 b970000000 41bc10000000 4c0f45e1 f04bff442618 84c0 " \
	"7401 c3 ff1500000000 "
#define SUBSCRIBE_END "4585ed 7410 f049ff07 c3 ff1500000000 4585ed 75f0 f04bff442630 c3"
#define FIRST	      "2 r14 nonzero: 1 to 0x18, side [rsi+40]:1 | - | "

static const struct line kept[] = {
	{ "both ways", "4c8b7608 4d85f6 7434" SUBSCRIBE "83f802 740a " SUBSCRIBE_END,
	  FIRST
	  "16 - zero: 1 to 0x30, side r12-16, kept; 21 - zero: 1 to 0x30, side r12-16, kept" },
	{ "the index is changed on one way",
	  "4c8b7608 4d85f6 7437" SUBSCRIBE "83f802 740d 4989dc " SUBSCRIBE_END, FIRST "-" },
	{ "the entry is changed on one way",
	  "4c8b7608 4d85f6 7437" SUBSCRIBE "83f802 740d 4989de " SUBSCRIBE_END, FIRST "-" },
	{ "one way is from nowhere", "4c8b7608 4d85f6 742f" SUBSCRIBE SUBSCRIBE_END, FIRST "-" },
	{ "nothing in front", "4585ed 7506 f04bff442630 c3", "-" },
};

static const struct line branches[] = {
	{ "test rdx, rdx; je 9f; mov rax, [rdi]; test rax, rax; je 9f; …; lock add [rax+0x40], rdx",
	  "4885d2 741d 488b07 4885c0 7415 488d4810 4883c070 807f0800 480f44c1 f048015040 c3",
	  "4 rax nonzero: rdx to 0x40, side [rdi+8]:1" },
	{ "mov rax, [rdi]; test rax, rax; je 9f; test rdx, rdx; je 9f; …; lock add [rax+0x40], rdx",
	  "488b07 4885c0 741a 4885d2 7415 488d4810 4883c070 807f0800 480f44c1 f048015040 c3",
	  "4 - nonzero: rdx to 0x40, side [rdi+8]:1" },
	{ "cmp qword [rdi], 0; je 9f; mov rax, [rdi]; …; lock add [rax+0x40], rdx",
	  "48833f00 7418 488b07 488d4810 4883c070 807f0800 480f44c1 f048015040 c3",
	  "1 [rdi+0] nonzero: rdx to 0x40, side [rdi+8]:1" },
	{ "test rax, rax; mov rax, [rsi]; je 9f; …; lock add [rax+0x40], rdx",
	  "4885c0 488b06 7415 488d4810 4883c070 807f0800 480f44c1 f048015040 c3",
	  "2 - nonzero: rdx to 0x40, side [rdi+8]:1" },
	{ "…; mov [rsi], rbx; lock add [rax+0x40], rdx; mov rdx, [r8]; lock add [rax+0x48], rdx",
	  "488b07 4885c0 7420 488d4810 4883c070 807f0800 480f44c1 48891e f048015040 498b10 "
	  "f048015048 c3",
	  "2 rax nonzero: rdx to 0x40, side [rdi+8]:1 | 2 rax nonzero: ? to 0x48, side [rdi+8]:1" },
};

static const struct line clones[] = {
	{ "not to a trap: nop; ret",
	  "4d8b7740 4d85f6 741f f049ff06 7e1a 410fb66f60 498d4610 498d4e70 4084ed 480f45c1 "
	  "f048ff4050 c3 90 c3",
	  "- | -" },
	{ "nothing else behind `lock inc [r14]` but the branch: test eax, eax",
	  "4d8b7740 4d85f6 7421 f049ff06 85c0 7e1a 410fb66f60 498d4610 498d4e70 4084ed 480f45c1 "
	  "f048ff4050 c3 0f0b",
	  "- | -" },
	{ "lock inc [r14+8]",
	  "4d8b7740 4d85f6 7420 f049ff4608 7e1a 410fb66f60 498d4610 498d4e70 4084ed 480f45c1 "
	  "f048ff4050 c3 0f0b",
	  "- | -" },
	{ "the flags are the clone's",
	  "4d8b7740 410fb66f60 4084ed 498d4610 498d4e70 4d85f6 740f f049ff06 7e0a 480f45c1 "
	  "f048ff4050 c3 0f0b",
	  "- | -" },
};

/* mov rax, [rdi]; test rax, rax; je 9f; lea rcx, [rax+0x10]; add rax, 0x70; cmp byte [rdi+8], 0;
 * cmove rax, rcx; lock inc [rax+0x40]; 9: ret, and what is wrong with it */
static const struct line others[] = {
	{ "nothing", "488b07 4885c0 7415 488d4810 4883c070 807f0800 480f44c1 f048ff4040 c3",
	  "2 rax nonzero: 1 to 0x40, side [rdi+8]:1" },
	{ "lea rcx, [rax+0x18]; add rax, 0x78",
	  "488b07 4885c0 7415 488d4818 4883c078 807f0800 480f44c1 f048ff4040 c3", "-" },
	{ "cmovne: the other way round",
	  "488b07 4885c0 7415 488d4810 4883c070 807f0800 480f45c1 f048ff4040 c3", "-" },
	{ "lock inc [rax+0x60]: beyond the stride",
	  "488b07 4885c0 7415 488d4810 4883c070 807f0800 480f44c1 f048ff4060 c3", "-" },
	{ "lock inc [rax+0x44]",
	  "488b07 4885c0 7415 488d4810 4883c070 807f0800 480f44c1 f048ff4044 c3", "-" },
	{ "lock inc [rax-8]",
	  "488b07 4885c0 7415 488d4810 4883c070 807f0800 480f44c1 f048ff40f8 c3", "-" },
	{ "add rax, 0x74", "488b07 4885c0 7415 488d4810 4883c074 807f0800 480f44c1 f048ff4040 c3",
	  "-" },
	{ "add rax, 0x218",
	  "488b07 4885c0 7417 488d4810 480518020000 807f0800 480f44c1 f048ff4040 c3", "-" },
	{ "lea rax, [rbx+0x70]: of two objects",
	  "488b07 4885c0 7415 488d4810 488d4370 807f0800 480f44c1 f048ff4040 c3", "-" },
	{ "cmp byte [rdi+8], 1",
	  "488b07 4885c0 7415 488d4810 4883c070 807f0801 480f44c1 f048ff4040 c3", "-" },
	{ "lock inc [rax+0x40] alone", "488b07 4885c0 7405 f048ff4040 c3", "-" },
	{ "an index besides: 0.12.5's subscribe",
	  "488b07 4885c0 741a 488d4810 488d7070 807f0800 480f44f1 0fb64f09 f048ff44ce40 c3", "-" },
	{ "0.12.5's others are pairs of tiers",
	  "488b07 4885c0 740e 0fb64f08 488d0cc9 f048ff44c818 c3",
	  "2 rax nonzero: 1 to 0x8, side [rdi+8]:1, stride 72, indexed" },
	{ "no branch in front", "488b07 488d4810 4883c070 807f0800 480f44c1 f048ff4040 c3", "-" },
};

static void pair_text(const struct bump_pair *p, FILE *f)
{
	static const char *const whens[] = { "always", "nonzero", "zero" };
	static const char *const forms[] = { "", ", kept", ", indexed" };
	char entry[EVAL_TEXT], side[EVAL_TEXT], n[EVAL_TEXT] = "?";

	eval_text_operand(&p->entry, entry);
	eval_text_operand(&p->side, side);
	if (p->n.kind != MOQSTAT_OPERAND_NONE)
		eval_text_operand(&p->n, n);
	assert_int_equal(p->header, 16);
	fprintf(f, "%zu %s %s: %s to %#x, side %s%s", p->insn, p->tests_entry ? entry : "-",
		whens[p->when], n, p->field, side, p->side_bit ? "&1" : "");
	if (p->stride != 96)
		fprintf(f, ", stride %u", p->stride);
	fprintf(f, "%s", forms[p->form]);
}

static const struct bump_pair *pair_after(const struct bump_pair *pairs, size_t len, ptrdiff_t insn)
{
	const struct bump_pair *next = NULL;
	size_t i;

	for (i = 0; i < len; i++) {
		if ((ptrdiff_t)pairs[i].insn > insn && (!next || pairs[i].insn < next->insn))
			next = &pairs[i];
	}
	return next;
}

static void code_text(const struct code *code, char *out)
{
	struct bump_pair pairs[BUMP_BRANCHES_MAX];
	const struct bump_pair *p;
	FILE *f = fmemopen(out, TEXT, "w");
	size_t i, len, bumps = 0;

	for (i = 0; i < code->insns_len; i++) {
		if (!bump_is(&code->insns[i]))
			continue;
		fprintf(f, "%s", bumps++ ? " | " : "");
		len = 77;
		if (bump_pair_find(code, i, pairs, &len)) {
			assert_int_equal(len, 77);
			fprintf(f, "-");
			continue;
		}
		for (p = pair_after(pairs, len, -1); p; p = pair_after(pairs, len, p->insn)) {
			pair_text(p, f);
			fprintf(f, "%s", pair_after(pairs, len, p->insn) ? "; " : "");
		}
	}
	fclose(f);
}

static void assert_lines(const struct line *lines, size_t len)
{
	char text[TEXT];
	struct code code;
	size_t i;

	for (i = 0; i < len; i++) {
		image_code(lines[i].hex, &code);
		code_text(&code, text);
		if (strcmp(text, lines[i].expected))
			fail_msg("%s:\nexpected %s,\ngot      %s", lines[i].assembly,
				 lines[i].expected, text);
		code_deinit(&code);
	}
}

static void bumps_of_relays(void **state)
{
	(void)state;
	assert_lines(relays, LEN(relays));
}

static void an_index_that_was_picked_before(void **state)
{
	(void)state;
	assert_lines(kept, LEN(kept));
}

static void which_branch_it_is(void **state)
{
	(void)state;
	assert_lines(branches, LEN(branches));
}

static void only_clones_are_passed_by(void **state)
{
	(void)state;
	assert_lines(clones, LEN(clones));
}

static void other_bumps_are_none(void **state)
{
	(void)state;
	assert_lines(others, LEN(others));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bumps_of_relays),
		cmocka_unit_test(an_index_that_was_picked_before),
		cmocka_unit_test(which_branch_it_is),
		cmocka_unit_test(only_clones_are_passed_by),
		cmocka_unit_test(other_bumps_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
