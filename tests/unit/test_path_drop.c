/* SPDX-License-Identifier: MIT */
/*
 * test_path_drop.c - where code lets go of a path, in each of the shapes that the relay's compiler
 * gives it, and which path is nearest to a guard.
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

#include "alloc_fail.h"
#include "elf_image.h"
#include "eval_text.h"
#include "path_drop.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT	   256

/* Where a Stats has the pointer behind its prefix. */
static const struct path_drop_how how = { .shared = 0x18 };

/* Where texts are in Arcs: what ends one, and where the address of such lies; what lets go of a
 * Stats. */
static const uint64_t ends[] = { IMAGE_TEXT + 0x800, IMAGE_TEXT + 0x900 };
static const uint64_t holders[] = { IMAGE_TEXT + 0xa00 };
static const struct path_drop_how how_arcs = { .shared = 0x18,
					       .arcs = true,
					       .ends = ends,
					       .ends_len = LEN(ends),
					       .holders = holders,
					       .holders_len = LEN(holders) };

/* `expected` are the drops: load-branch-call by index, and where the path is, told at the branch.
 */
struct line {
	const char *assembly;
	const char *hex;
	const char *expected;
};

static const struct line finds[] = {
	{ "movabs rax, 0x8000000000000000; mov rsi, [rdi+0x40]; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rdi+0x48]; mov edx, 1; call qword [rip]; 1: ret",
	  "48b80000000000000080 488b7740 4839c6 7414 4885f6 740f 488b7f48 ba01000000 ff1500000000 c3",
	  "1-3-8 rdi+64" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7414 4885f6 740f 488b7b08 ba01000000 ff1500000000 c3",
	  "0-3-8 rbx" },
	{ "mov rsi, [rbx+0xdb8]; mov rax, rsi; neg rax; jo 1f; jae 1f; mov rdi, [rbx+0xdc0]; mov edx, 1; call qword [rip]; 1: ret",
	  "488bb3b80d0000 4889f0 48f7d8 7014 7312 488bbbc00d0000 ba01000000 ff1500000000 c3",
	  "0-3-7 rbx+3512" },
	{ "mov rsi, [rbx+0x30]; test rsi, rsi; jle 1f; mov rdi, [rbx+0x38]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b7330 4885f6 7e0f 488b7b38 ba01000000 ff1500000000 c3", "0-2-5 rbx+48" },
	{ "mov rsi, [rsp+0x30]; mov rdi, [rsp+0x38]; lea rax, [rsi*2]; test rax, rax; je 1f; mov edx, 1; call qword [rip]; 1: ret",
	  "488b742430 488b7c2438 488d047500000000 4885c0 740b ba01000000 ff1500000000 c3",
	  "0-4-6 rsp+48" },
	{ "mov rdi, [rsp+0x38]; mov rsi, [rsp+0x30]; lea rax, [rsi*2]; test rax, rax; je 1f; mov edx, 1; call qword [rip]; 1: ret",
	  "488b7c2438 488b742430 488d047500000000 4885c0 740b ba01000000 ff1500000000 c3",
	  "1-4-6 rsp+48" },
	{ "mov rsi, [rsp+0x30]; mov rdi, [rsp+0x38]; mov rax, rsi; add rax, rax; je 1f; mov edx, 1; call qword [rip]; 1: ret",
	  "488b742430 488b7c2438 4889f0 4801c0 740b ba01000000 ff1500000000 c3", "0-4-6 rsp+48" },
	{ "mov rsi, [rsp+0x30]; mov rdi, [rsp+0x38]; mov rax, rsi; shl rax, 1; je 1f; mov edx, 1; call qword [rip]; 1: ret",
	  "488b742430 488b7c2438 4889f0 48d1e0 740b ba01000000 ff1500000000 c3", "0-4-6 rsp+48" },
	{ "mov rsi, [rdi]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rdi+8]; mov edx, 1; add rsp, 8; pop rbx; jmp qword [rip]; 1: add rsp, 8; pop rbx; ret",
	  "488b37 48b80000000000000080 4839c6 7419 4885f6 7414 488b7f08 ba01000000 4883c408 5b ff2500000000 4883c408 5b c3",
	  "0-3-10 rdi" },
	{ "mov rsi, [rdi]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rdi+8]; mov edx, 1; pop rbx; jmp qword [rip]; 1: pop rbx; ret",
	  "488b37 48b80000000000000080 4839c6 7415 4885f6 7410 488b7f08 ba01000000 5b ff2500000000 5b c3",
	  "0-3-9 rdi" },
	{ "lea r15, [rbp+rax*8]; mov rsi, [rbp+rax*8-0x28]; lea rax, [rsi*2]; test rax, rax; je 1f; mov rdi, [r15-0x20]; mov edx, 1; call qword [rip]; 1: ret",
	  "4c8d7cc500 488b74c5d8 488d047500000000 4885c0 740f 498b7fe0 ba01000000 ff1500000000 c3",
	  "1-4-7 r15-40" },
	{ "mov rax, [rdi-0xc8]; mov rsi, [rdi-0xd0]; lea rcx, [rsi*2]; test rcx, rcx; je 1f; mov rdi, rax; mov edx, 1; call qword [rip]; 1: ret",
	  "488b8738ffffff 488bb730ffffff 488d0c7500000000 4885c9 740e 4889c7 ba01000000 ff1500000000 c3",
	  "1-4-7 rdi-208" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; mov edx, 1; call qword [rip]; 1: mov rsi, [rbx+0x18]; cmp rsi, r15; je 2f; test rsi, rsi; je 2f; mov rdi, [rbx+0x20]; mov edx, 1; call qword [rip]; 2: ret",
	  "49bf0000000000000080 488b33 4c39fe 7414 4885f6 740f 488b7b08 ba01000000 ff1500000000 488b7318 4c39fe 7414 4885f6 740f 488b7b20 ba01000000 ff1500000000 c3",
	  "1-3-8 rbx; 9-11-16 rbx+24" },
	{ "mov rsi, [rbx+8]; test rsi, rsi; jle 1f; lea rdx, [rbx+0x10]; mov rdi, [rdx]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b7308 4885f6 7e12 488d5310 488b3a ba01000000 ff1500000000 c3", "0-2-6 rbx+8" },
	{ "lea rax, [rbx+0x10]; mov rsi, [rax]; test rsi, rsi; jle 1f; mov rdi, [rbx+0x18]; mov edx, 1; call qword [rip]; 1: ret",
	  "488d4310 488b30 4885f6 7e0f 488b7b18 ba01000000 ff1500000000 c3", "1-3-6 rbx+16" },
	{ "mov rsi, [rbx]; test rsi, rsi; jle 1f; mov rdi, [rbx+8]; mov r12d, 8; xor ecx, ecx; mov edx, 1; call qword [rip]; 1: ret",
	  "488b33 4885f6 7e17 488b7b08 41bc08000000 31c9 ba01000000 ff1500000000 c3", "0-2-7 rbx" },
};

/* Strings, other things, and what can't be told at the branch. */
static const struct line refused[] = {
	{ "mov rsi, [rbx+0x30]; test rsi, rsi; je 1f; mov rdi, [rbx+0x38]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b7330 4885f6 740f 488b7b38 ba01000000 ff1500000000 c3", "" },
	{ "mov rsi, [rbx+0x30]; test rsi, rsi; jne 2f; ret; 2: mov rdi, [rbx+0x38]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b7330 4885f6 7501 c3 488b7b38 ba01000000 ff1500000000 c3", "" },
	{ "mov rsi, [rbx+0x30]; mov rdi, [rbx+0x38]; mov edx, 1; call qword [rip]; ret",
	  "488b7330 488b7b38 ba01000000 ff1500000000 c3", "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; mov edx, 8; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7414 4885f6 740f 488b7b08 ba08000000 ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; mov edx, 1; mov edx, ecx; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7416 4885f6 7411 488b7b08 ba01000000 89ca ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; mov edx, 1; xor edx, edx; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7416 4885f6 7411 488b7b08 ba01000000 31d2 ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 740f 4885f6 740a 488b7b08 ff1500000000 c3", "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x10]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7414 4885f6 740f 488b7b10 ba01000000 ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx+8]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b7308 48b80000000000000080 4839c6 7413 4885f6 740e 488b3b ba01000000 ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [r12+8]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7415 4885f6 7410 498b7c2408 ba01000000 ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; lea rdi, [rbx+8]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7414 4885f6 740f 488d7b08 ba01000000 ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov edi, [rbx+8]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7413 4885f6 740e 8b7b08 ba01000000 ff1500000000 c3",
	  "" },
	{ "mov esi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; mov edx, 1; call qword [rip]; 1: ret",
	  "8b33 48b80000000000000080 4839c6 7414 4885f6 740f 488b7b08 ba01000000 ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; mov rdi, rcx; mov edx, 1; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7417 4885f6 7412 488b7b08 4889cf ba01000000 ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; inc rdi; mov edx, 1; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7417 4885f6 7412 488b7b08 48ffc7 ba01000000 ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx]; mov rbx, rcx; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b33 4889cb 48b80000000000000080 4839c6 7414 4885f6 740f 488b7b08 ba01000000 ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; mov edx, 1; call qword [rip]; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 741a 4885f6 7415 488b7b08 ba01000000 ff1500000000 ff1500000000 c3",
	  "0-3-8 rbx" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; mov edx, 1; 1: ret",
	  "488b33 48b80000000000000080 4839c6 740e 4885f6 7409 488b7b08 ba01000000 c3", "" },
	{ "test ecx, ecx; jne 2f; mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; 2: mov edx, 1; call qword [rip]; 1: ret",
	  "85c9 751b 488b33 48b80000000000000080 4839c6 7414 4885f6 740f 488b7b08 ba01000000 ff1500000000 c3",
	  "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; ret; mov rdi, [rbx+8]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7415 4885f6 7410 c3 488b7b08 ba01000000 ff1500000000 c3",
	  "" },
	{ "mov rdi, [rax+8]; mov rsi, [rax]; lea rax, [rsi*2]; test rax, rax; je 1f; mov edx, 1; call qword [rip]; 1: ret",
	  "488b7808 488b30 488d047500000000 4885c0 740b ba01000000 ff1500000000 c3", "" },
	{ "mov rdi, [rax+rbx*8+8]; mov rsi, [rax+rbx*8]; lea rcx, [rsi*2]; test rcx, rcx; je 1f; mov edx, 1; call qword [rip]; 1: ret",
	  "488b7cd808 488b34d8 488d0c7500000000 4885c9 740b ba01000000 ff1500000000 c3", "" },
	{ "mov rsi, [rbp+rax*8-0x28]; lea rcx, [rsi*2]; test rcx, rcx; je 1f; mov rdi, [rbp+rax*8-0x20]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b74c5d8 488d0c7500000000 4885c9 7410 488b7cc5e0 ba01000000 ff1500000000 c3", "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+8]; mov edx, 1; jmp 1f; nop; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7411 4885f6 740c 488b7b08 ba01000000 eb01 90 c3",
	  "" },
	{ "mov rsi, [rbx]; movabs rax, 0x8000000000000000; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; mov rdi, [rbx+8]; mov edx, 1; call qword [rip]; 1: ret",
	  "488b33 48b80000000000000080 4839c6 7432 4885f6 742d 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 488b7b08 ba01000000 ff1500000000 c3",
	  "" },
};

/* A Stats lets go of its prefix, then of what it shares: the word behind the prefix. */
static const struct line prefixes[] = {
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x38]; test rax, rax; je 9f; lock dec qword [rax]; 9: ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b4338 4885c0 7404 f048ff08 c3",
	  "1-3-8 rbx+32 prefix" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: nop; nop; nop; mov rax, [rbx+0x38]; lock dec qword [rax]; ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 90 90 90 488b4338 f048ff08 c3",
	  "1-3-8 rbx+32 prefix" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x30]; test rax, rax; je 9f; lock dec qword [rax]; 9: ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b4330 4885c0 7404 f048ff08 c3",
	  "1-3-8 rbx+32" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x40]; test rax, rax; je 9f; lock dec qword [rax]; 9: ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b4340 4885c0 7404 f048ff08 c3",
	  "1-3-8 rbx+32" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: mov rax, [r12+0x38]; lock dec qword [rax]; ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 498b442438 f048ff08 c3",
	  "1-3-8 rbx+32" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x38]; lock inc qword [rax]; ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b4338 f048ff00 c3",
	  "1-3-8 rbx+32" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x38]; dec qword [rax]; ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b4338 48ff08 c3",
	  "1-3-8 rbx+32" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x38]; lock dec qword [rcx]; ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b4338 f048ff09 c3",
	  "1-3-8 rbx+32" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x38]; nop; nop; nop; lock dec qword [rax]; ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b4338 90 90 90 f048ff08 c3",
	  "1-3-8 rbx+32" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: nop; nop; nop; nop; nop; nop; nop; nop; nop; mov rax, [rbx+0x38]; lock dec qword [rax]; ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 90 90 90 90 90 90 90 90 90 488b4338 f048ff08 c3",
	  "1-3-8 rbx+32" },
};

/* The alignment and the size are laid on the stack, an alignment of 0 if there is nothing to free.
 */
static const struct line laid[] = {
	{ "mov rax, [rbx]; mov rcx, rax; neg rcx; jo 3f; jae 1f; mov rdi, [rbx+8]; mov [rsp+8], 1; lea rcx, [rsp+0x10]; jmp 2f; 1: lea rcx, [rsp+8]; 2: mov [rcx], rax; mov rdx, [rsp+8]; test rdx, rdx; je 3f; mov rsi, [rsp+0x10]; test rsi, rsi; je 3f; call qword [rip]; 3: ret",
	  "488b03 4889c1 48f7d9 7038 7314 488b7b08 48c744240801000000 488d4c2410 eb05 488d4c2408 488901 488b542408 4885d2 7410 488b742410 4885f6 7406 ff1500000000 c3",
	  "0-3-17 rbx" },
	{ "movabs r13, 0x8000000000000000; mov rax, [rbx+0x40]; cmp rax, r13; je 3f; lea rcx, [rsp+8]; test rax, rax; je 2f; mov rdi, [rbx+0x48]; mov [rsp+8], 1; lea rcx, [rsp+0x20]; 2: mov [rcx], rax; mov rdx, [rsp+8]; test rdx, rdx; je 3f; mov rsi, [rsp+0x20]; test rsi, rsi; je 3f; call qword [rip]; 3: ret",
	  "49bd0000000000000080 488b4340 4c39e8 7439 488d4c2408 4885c0 7412 488b7b48 48c744240801000000 488d4c2420 488901 488b542408 4885d2 7410 488b742420 4885f6 7406 ff1500000000 c3",
	  "1-3-17 rbx+64" },
	{ "mov rcx, [rdi-0xd0]; cmp rcx, r12; je 3f; lea rdx, [rsp+0x10]; test rcx, rcx; je 2f; mov rax, [rdi-0xc8]; mov [rsp+0x10], 1; lea rdx, [rsp+0x20]; 2: mov [rdx], rcx; mov rdx, [rsp+0x10]; test rdx, rdx; je 3f; mov rsi, [rsp+0x20]; test rsi, rsi; je 3f; mov rbx, rdi; mov rdi, rax; call qword [rip]; 3: ret",
	  "488b8f30ffffff 4c39e1 7442 488d542410 4885c9 7415 488b8738ffffff 48c744241001000000 488d542420 48890a 488b542410 4885d2 7416 488b742420 4885f6 740c 4889fb 4889c7 ff1500000000 c3",
	  "0-2-18 rdi-208" },
	{ "mov rax, [rbx+0x20]; cmp rax, r13; je 3f; test rax, rax; je 1f; mov rdi, [rbx+0x28]; mov [rsp+8], 1; lea rcx, [rsp+0x10]; jmp 2f; 1: lea rcx, [rsp+8]; 2: mov [rcx], rax; mov rdx, [rsp+8]; test rdx, rdx; je 3f; mov rsi, [rsp+0x10]; call qword [rip]; 3: mov rax, [rbx+0x38]; test rax, rax; je 9f; lock dec qword [rax]; 9: ret",
	  "488b4320 4c39e8 7436 4885c0 7414 488b7b28 48c744240801000000 488d4c2410 eb05 488d4c2408 488901 488b542408 4885d2 740b 488b742410 ff1500000000 488b4338 4885c0 7404 f048ff08 c3",
	  "0-2-15 rbx+32 prefix" },
};

/* Strings, items of two bytes, other alignments, other places and other pointers. */
static const struct line not_laid[] = {
	{ "mov rax, [rbx+0x18]; test rax, rax; je 1f; mov rdi, [rbx+0x20]; mov [rsp+8], 1; lea rcx, [rsp+0x10]; jmp 2f; 1: lea rcx, [rsp+8]; 2: mov [rcx], rax; mov rdx, [rsp+8]; test rdx, rdx; je 3f; mov rsi, [rsp+0x10]; call qword [rip]; 3: ret",
	  "488b4318 4885c0 7414 488b7b20 48c744240801000000 488d4c2410 eb05 488d4c2408 488901 488b542408 4885d2 740b 488b742410 ff1500000000 c3",
	  "" },
	{ "mov rax, [rbx]; cmp rax, r13; je 3f; test rax, rax; je 1f; add rax, rax; mov rdi, [rbx+8]; mov [rsp+8], 1; lea rcx, [rsp+0x10]; jmp 2f; 1: lea rcx, [rsp+8]; 2: mov [rcx], rax; mov rdx, [rsp+8]; test rdx, rdx; je 3f; mov rsi, [rsp+0x10]; call qword [rip]; 3: ret",
	  "488b03 4c39e8 7439 4885c0 7417 4801c0 488b7b08 48c744240801000000 488d4c2410 eb05 488d4c2408 488901 488b542408 4885d2 740b 488b742410 ff1500000000 c3",
	  "" },
	{ "mov rax, [rbx]; cmp rax, r13; je 3f; test rax, rax; je 1f; mov rdi, [rbx+8]; mov [rsp+8], 8; lea rcx, [rsp+0x10]; jmp 2f; 1: lea rcx, [rsp+8]; 2: mov [rcx], rax; mov rdx, [rsp+8]; test rdx, rdx; je 3f; mov rsi, [rsp+0x10]; call qword [rip]; 3: ret",
	  "488b03 4c39e8 7436 4885c0 7414 488b7b08 48c744240808000000 488d4c2410 eb05 488d4c2408 488901 488b542408 4885d2 740b 488b742410 ff1500000000 c3",
	  "" },
	{ "mov rax, [rbx]; cmp rax, r13; je 3f; test rax, rax; je 1f; mov rdi, [rbx+8]; mov [rsp+0x18], 1; lea rcx, [rsp+0x10]; jmp 2f; 1: lea rcx, [rsp+8]; 2: mov [rcx], rax; mov rdx, [rsp+8]; test rdx, rdx; je 3f; mov rsi, [rsp+0x10]; call qword [rip]; 3: ret",
	  "488b03 4c39e8 7436 4885c0 7414 488b7b08 48c744241801000000 488d4c2410 eb05 488d4c2408 488901 488b542408 4885d2 740b 488b742410 ff1500000000 c3",
	  "" },
	{ "mov rax, [rbx]; cmp rax, r13; je 3f; test rax, rax; je 1f; mov rdi, [rbx+0x10]; mov [rsp+8], 1; lea rcx, [rsp+0x10]; jmp 2f; 1: lea rcx, [rsp+8]; 2: mov [rcx], rax; mov rdx, [rsp+8]; test rdx, rdx; je 3f; mov rsi, [rsp+0x10]; call qword [rip]; 3: ret",
	  "488b03 4c39e8 7436 4885c0 7414 488b7b10 48c744240801000000 488d4c2410 eb05 488d4c2408 488901 488b542408 4885d2 740b 488b742410 ff1500000000 c3",
	  "" },
	{ "mov rax, [rbx]; cmp rax, r13; je 3f; test rax, rax; je 1f; mov rdi, [rbx+8]; mov [rsp+8], 1; lea rcx, [rsp+0x10]; jmp 2f; 1: lea rcx, [rsp+8]; 2: mov [rcx], rsi; mov rdx, [rsp+8]; test rdx, rdx; je 3f; mov rsi, [rsp+0x10]; call qword [rip]; 3: ret",
	  "488b03 4c39e8 7436 4885c0 7414 488b7b08 48c744240801000000 488d4c2410 eb05 488d4c2408 488931 488b542408 4885d2 740b 488b742410 ff1500000000 c3",
	  "" },
	{ "mov rax, [rbx]; cmp rax, r13; je 3f; test rax, rax; je 1f; mov rdi, [rbx+8]; mov [rsp+8], 1; lea rcx, [rsp+0x10]; jmp 2f; 1: lea rcx, [rsp+8]; 2: mov [rcx], rax; mov rdx, [rsp+8]; test rdx, rdx; je 3f; mov rsi, [rsp+0x10]; lea rdi, [rbx+8]; call qword [rip]; 3: ret",
	  "488b03 4c39e8 743a 4885c0 7414 488b7b08 48c744240801000000 488d4c2410 eb05 488d4c2408 488901 488b542408 4885d2 740f 488b742410 488d7b08 ff1500000000 c3",
	  "" },
};

/* Seen from the branch in front: where it leads when it is not taken or taken, without and with
 * `beyond`; which path comes, as told at that branch, and how many instructions on. */
static const struct line
	after[] = {
		{ "test rax, rax; je 5f; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: ret; 5: ret",
		  "4885c0 741e 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 c3 c3",
		  "no 0: rbx+64 in 0; yes 0: -; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; ret; 5: mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: ret",
		  "4885c0 7401 c3 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 c3",
		  "no 0: -; yes 0: rbx+64 in 0; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; nop; 5: nop; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: ret",
		  "4885c0 7401 90 90 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 c3",
		  "no 0: rbx+64 in 2; yes 0: rbx+64 in 1; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; nop; jmp 6f; 5: ret; 6: nop; mov rsi, [r12+0x0]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [r12+0x8]; mov edx, 1; call qword [rip]; 1: ret",
		  "4885c0 7403 90 eb01 c3 90 498b3424 4c39fe 7415 4885f6 7410 498b7c2408 ba01000000 ff1500000000 c3",
		  "no 0: r12 in 3; yes 0: -; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; mov rsi, [rbx+0x60]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x68]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x78]; lock dec qword [rax]; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: ret; 5: ret",
		  "4885c0 7443 488b7360 4c39fe 7414 4885f6 740f 488b7b68 ba01000000 ff1500000000 488b4378 f048ff08 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 c3 c3",
		  "no 0: rbx+64 in 10; yes 0: -; no 1: rbx+64 in 10; yes 1: -" },
		{ "test rax, rax; je 5f; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: mov rsi, [rbx+0x60]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x68]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x78]; lock dec qword [rax]; ret; 5: ret",
		  "4885c0 7443 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 488b7360 4c39fe 7414 4885f6 740f 488b7b68 ba01000000 ff1500000000 488b4378 f048ff08 c3 c3",
		  "no 0: rbx+64 in 0; yes 0: -; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: mov rsi, [rbx+0x60]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x68]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x78]; lock dec qword [rax]; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: ret; 5: ret",
		  "4885c0 7460 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 488b7360 4c39fe 7414 4885f6 740f 488b7b68 ba01000000 ff1500000000 488b4378 f048ff08 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3 c3",
		  "no 0: rbx+64 in 0; yes 0: -; no 1: rbx+32 in 18; yes 1: -" },
		{ "test rax, rax; je 5f; lea rbx, [r12+0x10]; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: ret; 5: ret",
		  "4885c0 7423 498d5c2410 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 c3 c3",
		  "no 0: r12+80 in 1; yes 0: -; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; mov rbx, [r12]; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: ret; 5: ret",
		  "4885c0 7422 498b1c24 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 c3 c3",
		  "no 0: -; yes 0: -; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; call qword [rip]; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: ret; 5: ret",
		  "4885c0 7424 ff1500000000 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 c3 c3",
		  "no 0: rbx+64 in 1; yes 0: -; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; call qword [rip]; mov rsi, [rcx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rcx+0x48]; mov edx, 1; call qword [rip]; 1: ret; 5: ret",
		  "4885c0 7424 ff1500000000 488b7140 4c39fe 7414 4885f6 740f 488b7948 ba01000000 ff1500000000 c3 c3",
		  "no 0: -; yes 0: -; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; 4: jmp 4b; 5: ret", "4885c0 7402 ebfe c3",
		  "no 0: -; yes 0: -; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; jmp rax; 5: ud2; mov rsi, [rbx+0x0]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x8]; mov edx, 1; call qword [rip]; 1: ",
		  "4885c0 7402 ffe0 0f0b 488b33 4c39fe 7414 4885f6 740f 488b7b08 ba01000000 ff1500000000",
		  "no 0: -; yes 0: -; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; mov rsi, [rbx+0x0]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x8]; mov edx, 1; call qword [rip]; 1: ret; 5: ret",
		  "4885c0 7476 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 488b33 4c39fe 7414 4885f6 740f 488b7b08 ba01000000 ff1500000000 c3 c3",
		  "no 0: rbx in 89; yes 0: -; no 1: -; yes 1: -" },
		{ "test rax, rax; je 5f; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; mov rsi, [rbx+0x0]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x8]; mov edx, 1; call qword [rip]; 1: ret; 5: ret",
		  "4885c0 7477 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 488b33 4c39fe 7414 4885f6 740f 488b7b08 ba01000000 ff1500000000 c3 c3",
		  "no 0: -; yes 0: -; no 1: -; yes 1: -" },
	};

/* Seen from the locked inc: without and with `beyond`. */
static const struct line before[] = {
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: lock inc qword [rax]; ret",
	  "49bf0000000000000080 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 f048ff00 c3",
	  "0: rbx+64 in 7; 1: -" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: nop; nop; lock inc qword [rax]; ret",
	  "49bf0000000000000080 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 90 90 f048ff00 c3",
	  "0: rbx+64 in 9; 1: -" },
	{ "lock inc qword [rax]; movabs r15, 0x8000000000000000; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: ret",
	  "f048ff00 49bf0000000000000080 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 c3",
	  "0: -; 1: -" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: lock inc qword [rax]; ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 f048ff00 c3",
	  "0: rbx+64 in 7; 1: -" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: jmp 3f; ret; 3: lock inc qword [rax]; ret",
	  "49bf0000000000000080 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 eb01 c3 f048ff00 c3",
	  "0: rbx+64 in 8; 1: -" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: ret; 3: lock inc qword [rax]; ret",
	  "49bf0000000000000080 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 c3 f048ff00 c3",
	  "0: -; 1: -" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: mov rsi, [rbx+0x60]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x68]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x78]; lock dec qword [rax]; lock inc qword [rax]; ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b7360 4c39fe 7414 4885f6 740f 488b7b68 ba01000000 ff1500000000 488b4378 f048ff08 f048ff00 c3",
	  "0: rbx+32 in 17; 1: rbx+32 in 17" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x60]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x68]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x78]; lock dec qword [rax]; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: lock inc qword [rax]; ret",
	  "49bf0000000000000080 488b7360 4c39fe 7414 4885f6 740f 488b7b68 ba01000000 ff1500000000 488b4378 f048ff08 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 f048ff00 c3",
	  "0: rbx+32 in 7; 1: -" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: mov rsi, [rbx+0x60]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x68]; mov edx, 1; call qword [rip]; 1: mov rax, [rbx+0x78]; lock dec qword [rax]; mov rsi, [rbx+0x40]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 1: lock inc qword [rax]; ret", "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b7360 4c39fe 7414 4885f6 740f 488b7b68 ba01000000 ff1500000000 488b4378 f048ff08 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 f048ff00 c3",
	  "0: rbx+64 in 7; 1: rbx+32 in 25" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; lock inc qword [rax]; ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 f048ff00 c3",
	  "0: rbx+32 in 89; 1: -" },
	{ "movabs r15, 0x8000000000000000; mov rsi, [rbx+0x20]; cmp rsi, r15; je 1f; test rsi, rsi; je 1f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 1: nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; lock inc qword [rax]; ret",
	  "49bf0000000000000080 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 f048ff00 c3",
	  "0: -; 1: -" },
};

/* A shared text: END ends it, by its own address or that which is kept somewhere; ELSE is another
 * function. HOLDER lets go of a Stats with all that is in it. */
static const struct line arcs[] = {
	{ "mov rax, [rbx+0x20]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; lea rdi, [rbx+0x20]; call END; 1: ret",
	  "488b4320 4885c0 740f f048ff08 7509 488d7b20 e8e8070000 c3", "0-2-6 rbx+32" },
	{ "mov rax, [rsp+0x20]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; lea rdi, [rsp+0x20]; call [END]; 1: ret",
	  "488b442420 4885c0 7411 f048ff08 750b 488d7c2420 ff15e5080000 c3", "0-2-6 rsp+32" },
	{ "mov rax, [rdi]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; jmp END; 1: ret",
	  "488b07 4885c0 740b f048ff08 7505 e9ed070000 c3", "0-2-5 rdi" },
	{ "mov rax, [rdi]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; add rsp, 8; pop rbx; jmp [END]; 1: ret",
	  "488b07 4885c0 7411 f048ff08 750b 4883c408 5b ff25e7080000 c3", "0-2-7 rdi" },
	{ "lea rcx, [rbx+0x20]; mov rbx, [rbx+0x20]; test rbx, rbx; je 1f; lock dec qword [rbx]; jne 1f; mov rdi, rcx; call END; 1: ret",
	  "488d4b20 488b5b20 4885db 740e f048ff0b 7508 4889cf e8e5070000 c3", "1-3-7 rcx" },
	{ "mov rax, [rbx+0x20]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; lea rdi, [rbx+0x20]; call END; 1: mov rax, [rbx+0x38]; lock dec qword [rax]; jne 2f; nop; 2: ret",
	  "488b4320 4885c0 740f f048ff08 7509 488d7b20 e8e8070000 488b4338 f048ff08 7501 90 c3",
	  "0-2-6 rbx+32 prefix" },
	{ "call HOLDER; ret", "e8fb090000 c3", "0-0-0 none prefix" },
	{ "mov rax, [rbx+0x20]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; lea rdi, [rbx+0x20]; call END; 1: call HOLDER; ret",
	  "488b4320 4885c0 740f f048ff08 7509 488d7b20 e8e8070000 e8e3090000 c3",
	  "0-2-6 rbx+32; 7-7-7 none prefix" },
};

static const struct line no_arcs[] = {
	{ "mov rax, [rbx+0x20]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; lea rdi, [rbx+0x20]; call ELSE; 1: ret",
	  "488b4320 4885c0 740f f048ff08 7509 488d7b20 e8f0070000 c3", "" },
	{ "mov rax, [rbx+0x20]; lock dec qword [rax]; jne 1f; lea rdi, [rbx+0x20]; call END; 1: ret",
	  "488b4320 f048ff08 7509 488d7b20 e8ed070000 c3", "" },
	{ "mov rax, [rbx+0x20]; test rax, rax; jne 1f; lock dec qword [rax]; jne 1f; lea rdi, [rbx+0x20]; call END; 1: ret",
	  "488b4320 4885c0 750f f048ff08 7509 488d7b20 e8e8070000 c3", "" },
	{ "mov rax, [rbx+0x20]; test rax, rax; je 1f; dec qword [rax]; jne 1f; lea rdi, [rbx+0x20]; call END; 1: ret",
	  "488b4320 4885c0 740e 48ff08 7509 488d7b20 e8e9070000 c3", "" },
	{ "mov rax, [rbx+0x20]; test rax, rax; je 1f; lock inc qword [rax]; jne 1f; lea rdi, [rbx+0x20]; call END; 1: ret",
	  "488b4320 4885c0 740f f048ff00 7509 488d7b20 e8e8070000 c3", "" },
	{ "mov rax, [rbx+0x20]; test rax, rax; je 1f; lock dec qword [rax+8]; jne 1f; lea rdi, [rbx+0x20]; call END; 1: ret",
	  "488b4320 4885c0 7410 f048ff4808 7509 488d7b20 e8e7070000 c3", "" },
	{ "mov rax, [rbx+0x20]; test rax, rax; je 1f; lock dec qword [rax+rcx]; jne 1f; lea rdi, [rbx+0x20]; call END; 1: ret",
	  "488b4320 4885c0 7410 f048ff0c08 7509 488d7b20 e8e7070000 c3", "" },
	{ "mov rax, rcx; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; lea rdi, [rbx+0x20]; call END; 1: ret",
	  "4889c8 4885c0 740f f048ff08 7509 488d7b20 e8e9070000 c3", "" },
	{ "mov eax, [rbx+0x20]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; lea rdi, [rbx+0x20]; call END; 1: ret",
	  "8b4320 4885c0 740f f048ff08 7509 488d7b20 e8e9070000 c3", "" },
	{ "mov rbx, [rbx+0x20]; test rbx, rbx; je 1f; lock dec qword [rbx]; jne 1f; mov rdi, rcx; call END; 1: ret",
	  "488b5b20 4885db 740e f048ff0b 7508 4889cf e8e9070000 c3", "" },
	{ "mov rax, [rbx+rcx*8]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; lea rdi, [rbx+rcx*8]; call END; 1: ret",
	  "488b04cb 4885c0 740f f048ff08 7509 488d3ccb e8e8070000 c3", "" },
	{ "mov rax, [rbx+0x20]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; call ELSE; call END; 1: ret",
	  "488b4320 4885c0 7410 f048ff08 750a e8f4070000 e8e7070000 c3", "" },
	{ "mov rax, [rbx+0x20]; test rax, rax; je 1f; lock dec qword [rax]; jmp 2f; 2: lea rdi, [rbx+0x20]; call END; 1: ret",
	  "488b4320 4885c0 740f f048ff08 eb00 488d7b20 e8e8070000 c3", "" },
	{ "mov rax, [rbx+0x20]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; call END; 1: ret",
	  "488b4320 4885c0 7416 f048ff08 7510 90 90 90 90 90 90 90 90 90 90 90 e8e1070000 c3", "" },
	{ "call END; ret", "e8fb070000 c3", "" },
	{ "jmp HOLDER", "e9fb090000", "" },
	{ "movabs rax, 0x8000000000000000; mov rsi, [rdi+0x40]; cmp rsi, rax; je 1f; test rsi, rsi; je 1f; mov rdi, [rdi+0x48]; mov edx, 1; call qword [rip]; 1: ret",
	  "48b80000000000000080 488b7740 4839c6 7414 4885f6 740f 488b7f48 ba01000000 ff1500000000 c3",
	  "" },
};

static void drops_text(const struct path_drop *drops, size_t len, char out[TEXT])
{
	FILE *f = fmemopen(out, TEXT, "w");
	char object[EVAL_TEXT];
	size_t i;

	out[0] = '\0';
	for (i = 0; i < len; i++) {
		assert_true(drops[i].borrowable || !drops[i].object.kind);
		strcpy(object, "none");
		if (drops[i].object.kind)
			eval_text_operand(&drops[i].object, object);
		fprintf(f, "%s%zu-%zu-%zu %s%s", i ? "; " : "", drops[i].load, drops[i].branch,
			drops[i].call, object, drops[i].prefix ? " prefix" : "");
	}
	fclose(f);
}

static void assert_lines(const struct line *lines, size_t len, const struct path_drop_how *by)
{
	struct path_drop *drops;
	char text[TEXT];
	struct code code;
	size_t i, n;

	for (i = 0; i < len; i++) {
		image_code(lines[i].hex, &code);
		assert_int_equal(path_drops_find(&code, by, &drops, &n), 0);
		drops_text(drops, n, text);
		if (strcmp(text, lines[i].expected))
			fail_msg("%s: expected %s, got %s", lines[i].assembly, lines[i].expected,
				 text);
		free(drops);
		code_deinit(&code);
	}
}

static void shapes_are_found(void **state)
{
	(void)state;
	assert_lines(finds, LEN(finds), &how);
}

static void other_things_are_not(void **state)
{
	(void)state;
	assert_lines(refused, LEN(refused), &how);
}

static void what_is_laid_on_the_stack(void **state)
{
	(void)state;
	assert_lines(laid, LEN(laid), &how);
	assert_lines(not_laid, LEN(not_laid), &how);
}

static void prefixes_are_told(void **state)
{
	(void)state;
	assert_lines(prefixes, LEN(prefixes), &how);
}

static void shared_texts(void **state)
{
	struct path_drop_how none = how_arcs;
	struct path_drop *drops;
	struct code code;
	size_t i, n;

	(void)state;
	assert_lines(arcs, LEN(arcs), &how_arcs);
	assert_lines(no_arcs, LEN(no_arcs), &how_arcs);
	/* Without any end known, or where paths own their texts, there is none. */
	none.ends_len = none.holders_len = 0;
	for (i = 0; i < LEN(arcs); i++) {
		image_code(arcs[i].hex, &code);
		assert_int_equal(path_drops_find(&code, i & 1 ? &none : &how, &drops, &n), 0);
		assert_int_equal(n, 0);
		code_deinit(&code);
	}
}

static void after_text(const struct code *code, const struct path_drop *drops, size_t len,
		       char out[TEXT])
{
	FILE *f = fmemopen(out, TEXT, "w");
	struct moqstat_operand address;
	char object[EVAL_TEXT];
	size_t i, steps;

	for (i = 0; i < 4; i++) {
		fprintf(f, "%s%s %zu: ", i ? "; " : "", i & 1 ? "yes" : "no", i / 2);
		if (path_drop_after(code, drops, len, 1, i & 1, i / 2, &address, &steps)) {
			eval_text_operand(&address, object);
			fprintf(f, "%s in %zu", object, steps);
		} else {
			fprintf(f, "-");
		}
	}
	fclose(f);
}

static void before_text(const struct code *code, const struct path_drop *drops, size_t len,
			char out[TEXT])
{
	FILE *f = fmemopen(out, TEXT, "w");
	const struct path_drop *drop;
	char object[EVAL_TEXT];
	size_t i, at, steps;

	for (at = 0; !code->insns[at].lock || code->insns[at].op != CODE_INC; at++)
		;
	for (i = 0; i < 2; i++) {
		fprintf(f, "%s%zu: ", i ? "; " : "", i);
		drop = path_drop_before(code, drops, len, at, i, &steps);
		if (drop) {
			eval_text_operand(&drop->object, object);
			fprintf(f, "%s in %zu", object, steps);
		} else {
			fprintf(f, "-");
		}
	}
	fclose(f);
}

static void assert_near(const struct line *lines, size_t len,
			void (*put)(const struct code *, const struct path_drop *, size_t,
				    char[TEXT]))
{
	struct path_drop *drops;
	char text[TEXT];
	struct code code;
	size_t i, n;

	for (i = 0; i < len; i++) {
		image_code(lines[i].hex, &code);
		assert_int_equal(path_drops_find(&code, &how, &drops, &n), 0);
		put(&code, drops, n, text);
		if (strcmp(text, lines[i].expected))
			fail_msg("%s: expected %s, got %s", lines[i].assembly, lines[i].expected,
				 text);
		free(drops);
		code_deinit(&code);
	}
}

static void the_nearest_after(void **state)
{
	(void)state;
	assert_near(after, LEN(after), after_text);
}

static void the_nearest_before(void **state)
{
	(void)state;
	assert_near(before, LEN(before), before_text);
}

/* The outcome is left as it was. */
static void short_memory_is_told(void **state)
{
	struct path_drop *drops = NULL;
	struct code code;
	size_t len = 7;

	(void)state;
	assert_true(alloc_fail_works());
	image_code(finds[0].hex, &code);
	alloc_fail_arm(1);
	assert_int_equal(path_drops_find(&code, &how, &drops, &len), -ENOMEM);
	assert_true(alloc_fail_disarm());
	assert_null(drops);
	assert_int_equal(len, 7);
	code_deinit(&code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes_are_found),   cmocka_unit_test(other_things_are_not),
		cmocka_unit_test(prefixes_are_told),  cmocka_unit_test(the_nearest_after),
		cmocka_unit_test(the_nearest_before), cmocka_unit_test(short_memory_is_told),
		cmocka_unit_test(shared_texts),	      cmocka_unit_test(what_is_laid_on_the_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
