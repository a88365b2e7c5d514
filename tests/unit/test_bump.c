/* SPDX-License-Identifier: MIT */
/*
 * test_bump.c - the branches through which execution reaches a bump, and what it does as seen
 * from each of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bump.h"
#include "elf_image.h"
#include "eval_text.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT	   512

/* `expected` are the branches by index: when they lead to the bump, and what it adds where. Or the
 * error. The bump is the first in the code. */
struct line {
	const char *assembly;
	const char *hex;
	const char *expected;
};

static const struct line shapes[] = {
	{ "mov rax, [rdi]; test rax, rax; je 1f; movzx ecx, byte [rdi+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "488b07 4885c0 740e 0fb64f08 488d0cc9 f048ff44c818 c3",
	  "2 nonzero: 1 at rax + 72*[rdi+8]:1 + 24" },
	{ "mov rax, [rdi]; test rax, rax; {disp32} je 1f; movzx ecx, byte [rdi+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "488b07 4885c0 0f840e000000 0fb64f08 488d0cc9 f048ff44c818 c3",
	  "2 nonzero: 1 at rax + 72*[rdi+8]:1 + 24" },
	{ "test rax, rax; mov rbx, rcx; lea rdx, [rsp+8]; je 1f; movzx ecx, byte [rdi+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 4889cb 488d542408 740e 0fb64f08 488d0cc9 f048ff44c818 c3",
	  "3 nonzero: 1 at rax + 72*[rdi+8]:1 + 24" },
	{ "cmp qword [rdi], 0; je 1f; mov rax, [rdi]; movzx ecx, byte [rdi+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "48833f00 7411 488b07 0fb64f08 488d0cc9 f048ff44c818 c3",
	  "1 nonzero: 1 at [rdi+0] + 72*[rdi+8]:1 + 24" },
	{ "test rax, rax; je 1f; mov rdx, [rsp+0x110]; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "4885c0 7415 488b942410010000 0fb6c9 488d0cc9 f0480154c840 c3",
	  "1 nonzero: [rsp+272] at rax + 72*rcx:1 + 64" },
	{ "test rax, rax; je 1f; lock add qword [rax+0x10], 7; 1: ret",
	  "4885c0 7406 f04883401007 c3", "1 nonzero: 7 at rax + 16" },
	{ "test rax, rax; jne 1f; ret; 1: lock inc qword [rax]; ret", "4885c0 7501 c3 f048ff00 c3",
	  "1 nonzero: 1 at rax" },
	{ "test rax, rax; je 1f; ret; 1: lock inc qword [rbx]; ret", "4885c0 7401 c3 f048ff03 c3",
	  "1 zero: 1 at rbx" },
	{ "test rax, rax; jne 1f; lock inc qword [rbx]; 1: ret", "4885c0 7504 f048ff03 c3",
	  "1 zero: 1 at rbx" },
	{ "test rax, rax; je 2f; jmp 1f; 1: lock inc qword [rax]; 2: ret",
	  "4885c0 7406 eb00 f048ff00 c3", "1 nonzero: 1 at rax" },
	{ "test rax, rax; je 3f; mov rbx, rax; jmp 1f; 3: ret; 1: lock inc qword [rbx]; ret",
	  "4885c0 7405 4889c3 eb01 c3 f048ff03 c3", "1 nonzero: 1 at rax" },
	{ "or dl, cl; cmp dl, 1; jne 1f; movzx edx, byte [r14+0x28]; jmp 2f; 1: movzx ecx, byte [r14+0x29]; movzx edx, byte [r14+0x28]; lea rsi, [rax+0x10]; lea rdi, [rax+0xa0]; test cl, cl; cmovne rsi, rdi; lea rdi, [rdx+rdx*8]; lock inc qword [rsi+rdi*8+0x20]; 2: ret",
	  "08ca 80fa01 7507 410fb65628 eb25 410fb64e29 410fb65628 488d7010 488db8a0000000 84c9 480f45f7 488d3cd2 f048ff44fe20 c3",
	  "2 nonzero: 1 at rax + 72*[r14+40]:1 + 48 ([r14+41]:1: +144)" },
	{ "1: test rax, rax; je 2f; lock inc qword [rax]; 2: dec ecx; jne 1b; ret",
	  "4885c0 7404 f048ff00 ffc9 75f3 c3", "1 nonzero: 1 at rax" },
	{ "test rax, rax; je 2f; 1: lock inc qword [rax]; dec ecx; jne 1b; 2: ret",
	  "4885c0 7408 f048ff00 ffc9 75f8 c3", "1 nonzero: 1 at rax, 4 nonzero: 1 at rax" },
	{ "test rax, rax; je 2f; 1: mov rbx, rax; 3: lock inc qword [rbx]; cmp ecx, edx; je 1b; jmp 3b; 2: ret",
	  "4885c0 740d 4889c3 f048ff03 39d1 74f5 ebf6 c3",
	  "1 nonzero: 1 at rax, 5 always: 1 at ?" },
};

static const struct line ways[] = {
	{ "test rax, rax; je 9f; 1: lock inc qword [rax+0x28]; 9: ret; call 9b; mov rax, [r14+0x20]; test rax, rax; jne 1b; jmp 9b",
	  "4885c0 7405 f048ff4028 c3 e8faffffff 498b4620 4885c0 75ec ebef",
	  "1 nonzero: 1 at rax + 40, 7 nonzero: 1 at rax + 40" },
	{ "cmp ecx, 2; je 2f; 1: lock inc qword [rax+0x10]; ret; 2: mov rbx, rax; call 1b; mov rax, rbx; jmp 1b",
	  "83f902 7406 f048ff4010 c3 4889c3 e8f2ffffff 4889d8 ebed", "1 always: 1 at rax + 16" },
	{ "cmp ecx, 2; je 2f; 1: lock inc qword [rax+0x10]; ret; 2: call 1b; jmp 1b",
	  "83f902 7406 f048ff4010 c3 e8f5ffffff ebf3", "1 always: 1 at ?" },
	{ "cmp ecx, 2; je 2f; 1: lock add qword [rbx], rdi; ret; 2: call 1b; jmp 1b",
	  "83f902 7405 f048013b c3 e8f6ffffff ebf4", "1 always: ? at rbx" },
	{ "cmp ecx, 2; jle 2f; 1: lock inc qword [rbx+0x10]; ret; 2: call 1b; jmp 1b",
	  "83f902 7e06 f048ff4310 c3 e8f5ffffff ebf3", "1 always: 1 at rbx + 16" },
	{ "cmp ecx, 2; je 1f; 1: lock inc qword [rbx]; ret", "83f902 7400 f048ff03 c3",
	  "1 always: 1 at rbx" },
	{ "test ecx, ecx; je 2f; 1: movzx edx, bl; lea rdx, [rdx+rdx*8]; lock inc qword [r15+rdx*8+0x18]; ret; 2: call 2b; jmp 1b",
	  "85c9 740e 0fb6d3 488d14d2 f049ff44d718 c3 e8fbffffff ebeb",
	  "1 always: 1 at r15 + 72*rbx:1 + 24" },
	{ "test ecx, ecx; je 2f; 1: lea rdx, [rbx+0x10]; lea r8, [rbx+0xa0]; cmp byte [r14], 0; cmove r8, rdx; lock inc qword [r8]; ret; 2: mov edx, ecx; jmp 1b",
	  "85c9 7418 488d5310 4c8d83a0000000 41803e00 4c0f44c2 f049ff00 c3 89ca ebe4",
	  "1 always: 1 at rbx + 16 ([r14+0]:1: +144)" },
	{ "test ecx, ecx; je 2f; 1: lea rdx, [rbx+0x10]; lea r8, [rbx+0xa0]; cmp byte [r14], 0; cmove r8, rdx; lock inc qword [r8]; ret; 2: mov byte [r14], 1; jmp 1b",
	  "85c9 7418 488d5310 4c8d83a0000000 41803e00 4c0f44c2 f049ff00 c3 41c60601 ebe2",
	  "1 always: 1 at ?" },
	{ "test ecx, ecx; je 2f; cmp byte [r14], 0; 1: lea rdx, [rbx+0x10]; lea r8, [rbx+0xa0]; cmove r8, rdx; lock inc qword [r8]; ret; 2: cmp byte [r13], 0; jmp 1b",
	  "85c9 7418 41803e00 488d5310 4c8d83a0000000 4c0f44c2 f049ff00 c3 41807d0000 ebe5",
	  "1 always: 1 at ?" },
	{ "test ecx, ecx; je 2f; lea rdx, [rbx+0x10]; lea r8, [rbx+0xa0]; cmp byte [r14], 0; cmove r8, rdx; 1: lock inc qword [r8]; ret; 2: lea r8, [rbx+0x10]; jmp 1b",
	  "85c9 7418 488d5310 4c8d83a0000000 41803e00 4c0f44c2 f049ff00 c3 4c8d4310 ebf5",
	  "1 always: 1 at ?" },
	{ "test ecx, ecx; je 2f; lea r8, [rbx+0x10]; 1: lock inc qword [r8]; ret; 2: lea rdx, [rbx+0x10]; lea r8, [rbx+0xa0]; cmp byte [r14], 0; cmove r8, rdx; jmp 1b",
	  "85c9 7409 4c8d4310 f049ff00 c3 488d5310 4c8d83a0000000 41803e00 4c0f44c2 ebe6",
	  "1 always: 1 at ?" },
	{ "test ecx, ecx; je 2f; lea r8, [rbx+0xa0]; 1: lea rdx, [rbx+0x10]; cmp byte [r14], 0; cmove r8, rdx; lock inc qword [r8]; ret; 2: lea r8, [rbx+0xa8]; jmp 1b",
	  "85c9 7418 4c8d83a0000000 488d5310 41803e00 4c0f44c2 f049ff00 c3 4c8d83a8000000 ebe6",
	  "1 always: 1 at ?" },
	{ "test ecx, ecx; je 2f; 1: call 1b; lock inc qword [rax]; ret; 2: nop; jmp 1b",
	  "85c9 740a e8fbffffff f048ff00 c3 90 ebf3", "1 always: 1 at ?" },
	{ "test rax, rax; je 1f; call; lock inc qword [rax]; 1: ret",
	  "4885c0 7409 e8fbffffff f048ff00 c3", "1 nonzero: 1 at opaque0" },
	{ "test rax, rax; je 1f; call; lock inc qword [rbx]; 1: ret",
	  "4885c0 7409 e8fbffffff f048ff03 c3", "1 nonzero: 1 at rbx" },
	{ "test rax, rax; je 1f; mov byte [rsi], 0; movzx ecx, byte [rdi+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 7411 c60600 0fb64f08 488d0cc9 f048ff44c818 c3",
	  "1 nonzero: 1 at rax + 72*opaque0:1 + 24" },
	{ "test rax, rax; je 1f; mov byte [rdi+9], 0; movzx ecx, byte [rdi+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 7412 c6470900 0fb64f08 488d0cc9 f048ff44c818 c3",
	  "1 nonzero: 1 at rax + 72*[rdi+8]:1 + 24" },
};

static const struct line no_ways[] = {
	{ "lock inc qword [rax]; ret", "f048ff00 c3", "-ENOENT" },
	{ "mov rax, [rdi]; movzx ecx, byte [rdi+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; ret",
	  "488b07 0fb64f08 488d0cc9 f048ff44c818 c3", "-ENOENT" },
	{ "ret; lock inc qword [rax]; ret", "c3 f048ff00 c3", "-ENOENT" },
	{ "jmp rdx; lock inc qword [rax]; ret", "ffe2 f048ff00 c3", "-ENOENT" },
	{ "ud2; mov rbx, rax; lock inc qword [rax]; ret", "0f0b 4889c3 f048ff00 c3", "-ENOENT" },
	{ ".byte 6; lock inc qword [rax]; ret", "06 f048ff00 c3", "-ENOENT" },
	{ "jmp 1f; ret; 1: lock inc qword [rax]; ret", "eb01 c3 f048ff00 c3", "-ENOENT" },
	{ "test rax, rax; je 1f; 2: lock inc qword [rax]; 1: ret; nop; jmp 2b",
	  "4885c0 7404 f048ff00 c3 90 ebf8", "-ENOENT" },
	{ "1: lock inc qword [rax]; test rax, rax; jne 1b; ret", "f048ff00 4885c0 75f7 c3",
	  "-ENOENT" },
	{ "1: lock inc qword [rax]; jmp 1b", "f048ff00 ebfa", "-ENOENT" },
	{ "test rax, rax; jle 1f; lock inc qword [rax]; 1: ret", "4885c0 7e04 f048ff00 c3",
	  "-ENOTSUP" },
	{ "test rax, rax; js 1f; ret; 1: lock inc qword [rax]; ret", "4885c0 7801 c3 f048ff00 c3",
	  "-ENOTSUP" },
	{ "test rax, rax; es je 1f; lock inc qword [rax]; 1: ret", "4885c0 267404 f048ff00 c3",
	  "-ENOTSUP" },
	{ "jrcxz 1f; lock inc qword [rcx]; 1: ret", "e304 f048ff01 c3", "-ENOTSUP" },
	{ "test rax, rax; je 1f; test rbx, rbx; jge 1f; lock inc qword [rax]; 1: ret",
	  "4885c0 7409 4885db 7d04 f048ff00 c3", "-ENOTSUP" },
};

static void branches_text(const struct bump_branch *branches, size_t len, char *out)
{
	static const char *const whens[] = { "always", "nonzero", "zero" };
	char n[EVAL_TEXT], address[EVAL_TEXT];
	size_t i, insn, most = 0, at = 0;

	for (i = 0; i < len; i++)
		most = branches[i].insn > most ? branches[i].insn : most;
	out[0] = '\0';
	for (insn = 0; insn <= most; insn++) {
		for (i = 0; i < len; i++) {
			if (branches[i].insn != insn)
				continue;
			eval_text(&branches[i].n, n);
			eval_text(&branches[i].address, address);
			at += snprintf(out + at, TEXT - at, "%s%zu %s: %s at %s", at ? ", " : "",
				       insn, whens[branches[i].when], n, address);
		}
	}
}

static size_t bump_index(const struct code *code)
{
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		if (bump_is(&code->insns[i]))
			return i;
	}
	fail_msg("no bump in the code");
	return 0;
}

static void assert_lines(const struct line *lines, size_t len)
{
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	char text[TEXT];
	size_t i, n;

	for (i = 0; i < len; i++) {
		struct code code;
		int rc;

		image_code(lines[i].hex, &code);
		rc = bump_find(&code, bump_index(&code), branches, &n);
		if (rc)
			strcpy(text, rc == -ENOENT ? "-ENOENT" : rc == -ENOTSUP ? "-ENOTSUP" : "?");
		else
			branches_text(branches, n, text);
		if (strcmp(text, lines[i].expected))
			fail_msg("%s: expected %s, got %s", lines[i].assembly, lines[i].expected,
				 text);
		code_deinit(&code);
	}
}

static void one_branch(void **state)
{
	(void)state;
	assert_lines(shapes, LEN(shapes));
}

static void several_ways(void **state)
{
	(void)state;
	assert_lines(ways, LEN(ways));
}

static void ways_without_a_branch(void **state)
{
	(void)state;
	assert_lines(no_ways, LEN(no_ways));
}

/* lea rdx, [rip+table]; movsxd rcx, [rdx+rdi*4]; add rcx, rdx; jmp rcx; test rax, rax;
 * je 1f; mov rbx, rax; lock inc [rbx]; 1: ret */
#define TABLE_HEAD "48 8d 15 f9 ef 0f 00 48 63 0c ba 48 01 d1 ff e1 "
#define TABLE_TAIL "48 85 c0 74 07 48 89 c3 f0 48 ff 03 c3"

/* A jump table leads to the code in front of the bump, or to the test. */
static void ways_out_of_a_jump_table(void **state)
{
	static const struct {
		int32_t target;
		int rc;
	} cases[] = { { 0x10, 0 }, { 0x15, -ENOENT }, { 0x18, -ENOENT }, { 0x1c, 0 } };
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	struct elf_file *f;
	struct image im;
	struct code code;
	size_t i, n;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		int32_t distance = IMAGE_TEXT + cases[i].target - IMAGE_RODATA;

		image_init(&im);
		image_function(&im, "f", TABLE_HEAD TABLE_TAIL);
		memcpy(im.rodata, &distance, 4);
		im.rodata_len = 4;
		f = image_open(&im);
		assert_int_equal(code_init(f, IMAGE_TEXT, im.symbols[0].size, &code), 0);
		assert_int_equal(bump_find(&code, bump_index(&code), branches, &n), cases[i].rc);
		code_deinit(&code);
		elf_file_destroy(f);
		image_deinit(&im);
	}
}

/* Branches in a row that all lead to the bump: jne +N each. */
static int find_with(const char *each, unsigned int times, const char *bump, size_t *len)
{
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	char hex[2048] = "";
	struct code code;
	unsigned int i;
	int rc;

	for (i = 0; i < times; i++)
		snprintf(hex + strlen(hex), sizeof(hex) - strlen(hex), each,
			 2 * (times - 1 - i) + 1);
	strcat(hex, bump);
	image_code(hex, &code);
	rc = bump_find(&code, bump_index(&code), branches, len);
	code_deinit(&code);
	return rc;
}

static void many_branches_are_too_many(void **state)
{
	size_t len;

	(void)state;
	/* ret; lock inc [rax]; ret */
	assert_int_equal(find_with("75%02x", BUMP_BRANCHES_MAX, "c3 f048ff00 c3", &len), 0);
	assert_int_equal(len, BUMP_BRANCHES_MAX);
	assert_int_equal(find_with("75%02x", BUMP_BRANCHES_MAX + 1, "c3 f048ff00 c3", &len),
			 -E2BIG);
	assert_int_equal(find_with("75%02x", 3 * BUMP_BRANCHES_MAX, "c3 f048ff00 c3", &len),
			 -E2BIG);
}

static void a_long_way_is_too_long(void **state)
{
	size_t len;

	(void)state;
	/* The conditional branch is 255 and 256 instructions in front. */
	assert_int_equal(find_with("", 0,
				   "7500"
#define NOPS_50                                              \
	"90909090909090909090909090909090909090909090909090" \
	"90909090909090909090909090909090909090909090909090"
				   NOPS_50 NOPS_50 NOPS_50 NOPS_50 NOPS_50 "9090909090"
				   "f048ff00 c3",
				   &len),
			 0);
	assert_int_equal(len, 1);
	assert_int_equal(find_with("", 0,
				   "7500" NOPS_50 NOPS_50 NOPS_50 NOPS_50 NOPS_50 "909090909090"
				   "f048ff00 c3",
				   &len),
			 -E2BIG);
}

static void only_locked_64_bit_additions_are_bumps(void **state)
{
	static const struct {
		const char *assembly, *hex;
		bool is;
	} cases[] = {
		{ "lock inc qword [rax]", "f0 48 ff 00", true },
		{ "lock add qword [rax], rcx", "f0 48 01 08", true },
		{ "lock add qword [rax], 1", "f0 48 83 00 01", true },
		{ "lock add qword [rax], 0x1000", "f0 48 81 00 00 10 00 00", true },
		{ "lock inc dword [rax]", "f0 ff 00", false },
		{ "lock add byte [rax], 1", "f0 80 00 01", false },
		{ "inc qword [rax]", "48 ff 00", false },
		{ "lock dec qword [rax]", "f0 48 ff 08", false },
		{ "lock sub qword [rax], rcx", "f0 48 29 08", false },
		{ "lock xadd [rax], rcx", "f0 48 0f c1 08", false },
		{ "lock inc qword [rip+0x10]", "f0 48 ff 05 10 00 00 00", false },
		{ "lock inc qword [0x1000]", "f0 48 ff 04 25 00 10 00 00", false },
		{ "lock inc qword fs:[rax]", "64 f0 48 ff 00", false },
		{ "lock inc qword [eax]", "67 f0 48 ff 00", false },
	};
	struct code code;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		image_code(cases[i].hex, &code);
		if (bump_is(&code.insns[0]) != cases[i].is)
			fail_msg("%s", cases[i].assembly);
		code_deinit(&code);
	}
}

static void who_wrote_a_register(void **state)
{
	struct code code;

	(void)state;
	image_code("48 8b 07 " /* 0 mov rax, [rdi] */
		   "48 8b 1e " /* 1 mov rbx, [rsi] */
		   "48 85 c0 " /* 2 test rax, rax */
		   "74 04 "    /* 3 je 6 */
		   "89 d1 "    /* 4 mov ecx, edx */
		   "31 db "    /* 5 xor ebx, ebx */
		   "90 "       /* 6 nop */
		   "c3 "       /* 7 ret */
		   "90",       /* 8 nop */
		   &code);
	assert_int_equal(bump_writer(&code, 3, MOQSTAT_RAX), 0);
	assert_int_equal(bump_writer(&code, 3, MOQSTAT_RBX), 1);
	assert_int_equal(bump_writer(&code, 3, MOQSTAT_RCX), -1);
	assert_int_equal(bump_writer(&code, 1, MOQSTAT_RBX), -1);
	assert_int_equal(bump_writer(&code, 6, MOQSTAT_RBX), -1); /* one may have come by the je */
	assert_int_equal(bump_writer(&code, 8, MOQSTAT_RSP), -1); /* not the ret */
	code_deinit(&code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_branch),
		cmocka_unit_test(several_ways),
		cmocka_unit_test(ways_without_a_branch),
		cmocka_unit_test(ways_out_of_a_jump_table),
		cmocka_unit_test(many_branches_are_too_many),
		cmocka_unit_test(a_long_way_is_too_long),
		cmocka_unit_test(only_locked_64_bit_additions_are_bumps),
		cmocka_unit_test(who_wrote_a_register),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
