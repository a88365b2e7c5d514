/* SPDX-License-Identifier: MIT */
/*
 * test_scan_text.c - closes of guards beside a path whose text is shared: what ends such a text is
 * learnt from the function that lets go of a path, and nothing else is taken for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard_lines.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct guard_relay release = { "moq-relay 0.13.5", relay_0_13_5 };

/* A broadcast that is no longer announced. */
static const struct guard_line closes[] = {
	{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: nop; mov rcx, [rbx+0x20]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; lea rdi, [rbx+0x20]; call TEXT_END; 2: nop; ret",
	  "488b4310 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 90 488b4b20 4885c9 740f f048ff09 7509 488d7b20 e8090000f0 90 c3",
	  "je+7 publisher.announced_closed: guard path; G rbx+16, P rbx+32" },
	{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: nop; mov rcx, [rbx+0x20]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; lea rdi, [rbx+0x20]; call OTHER; 2: nop; ret",
	  "488b4310 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 90 488b4b20 4885c9 740f f048ff09 7509 488d7b20 e8060000f0 90 c3",
	  "je+7 publisher.announced_closed: guard odd; G rbx+16" },
	{ "mov rcx, [rbx+0x20]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; lea rdi, [rbx+0x20]; call TEXT_END; 2: nop; mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: nop; ret",
	  "488b4b20 4885c9 740f f048ff09 7509 488d7b20 e8090000f0 90 488b4310 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 90 c3",
	  "je+20 publisher.announced_closed: guard peek; G rbx+16; je+7 path-peek:; P rbx+32" },
	{ "mov rcx, [rbx+0x20]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; lea rdi, [rbx+0x20]; call OTHER; 2: nop; mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: nop; ret",
	  "488b4b20 4885c9 740f f048ff09 7509 488d7b20 e8060000f0 90 488b4310 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 90 c3",
	  "je+20 publisher.announced_closed: guard odd; G rbx+16" },
};

/* A track, whose own path is the one beyond that of a Stats; which may be let go as a whole. */
static const struct guard_line tracks[] = {
	{ "mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x30]; 1: nop; call STATS_DROP; mov rcx, [rbx+0x20]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; lea rdi, [rbx+0x20]; call TEXT_END; 2: nop; ret",
	  "488b4360 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441030 90 e80a0000f0 488b4b20 4885c9 740f f048ff09 7509 488d7b20 e8090000f0 90 c3",
	  "je+7 publisher.subscriptions_closed: guard path; G rbx+96, P rbx+32" },
	{ "mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x30]; 1: nop; call OTHER; mov rcx, [rbx+0x20]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; lea rdi, [rbx+0x20]; call TEXT_END; 2: nop; ret",
	  "488b4360 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441030 90 e8060000f0 488b4b20 4885c9 740f f048ff09 7509 488d7b20 e8090000f0 90 c3",
	  "je+7 publisher.subscriptions_closed: guard odd; G rbx+96" },
	{ "mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x30]; 1: nop; mov rcx, [rbx+0x20]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; lea rdi, [rbx+0x20]; call TEXT_END; 2: nop; call STATS_DROP; ret",
	  "488b4360 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441030 90 488b4b20 4885c9 740f f048ff09 7509 488d7b20 e8090000f0 90 e80a0000f0 c3",
	  "je+7 publisher.subscriptions_closed: guard odd; G rbx+96" },
	{ "mov rcx, [rbx+0x20]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; lea rdi, [rbx+0x20]; call TEXT_END; 2: nop; call STATS_DROP; mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x30]; 1: nop; ret",
	  "488b4b20 4885c9 740f f048ff09 7509 488d7b20 e8090000f0 90 e80a0000f0 488b4360 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441030 90 c3",
	  "je+25 publisher.subscriptions_closed: guard peek; G rbx+96; je+7 path-peek:; P rbx+32" },
	{ "mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x30]; 1: nop; mov rcx, [rbx+0x40]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; lea rdi, [rbx+0x40]; call TEXT_END; 2: nop; mov rcx, [rbx+0x58]; lock dec qword [rcx]; mov rcx, [rbx+0x20]; test rcx, rcx; je 3f; lock dec qword [rcx]; jne 3f; lea rdi, [rbx+0x20]; call TEXT_END; 3: nop; ret",
	  "488b4360 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441030 90 488b4b40 4885c9 740f f048ff09 7509 488d7b40 e8090000f0 90 488b4b58 f048ff09 488b4b20 4885c9 740f f048ff09 7509 488d7b20 e8090000f0 90 c3",
	  "je+7 publisher.subscriptions_closed: guard path; G rbx+96, P rbx+32" },
	{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x30]; 1: nop; ret",
	  "488b4310 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441030 90 c3",
	  "je+7 publisher.subscriptions_closed: guard; G rbx+16" },
};

/* A guard that is taken out of a table by a path that stays: entry and tier are what is returned.
 */
static const struct guard_line removed[] = {
	{ "mov rdi, r12; mov rsi, r13; call REMOVE; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: ret",
	  "4c89e7 4c89ee e8040000f0 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 c3",
	  "je+e publisher.announced_closed: path; P r13" },
	{ "mov rdi, r12; lea rsi, [rbx+0x40]; call REMOVE; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: ret",
	  "4c89e7 488d7340 e8040000f0 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 c3",
	  "je+f publisher.announced_closed: path; P rbx+64" },
	{ "mov rdi, r12; lea rsi, [rbx+0x40]; call REMOVE; mov [rsp+8], rdx; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0xb8]; 1: ret",
	  "4c89e7 488d7340 e8040000f0 4889542408 4885c0 7413 0fb6d2 488d1492 c1e204 f048ff8410b8000000 c3",
	  "je+14 subscriber.announced_closed: path; P rbx+64" },
	{ "mov rdi, r12; mov rsi, r13; call OTHER; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: ret",
	  "4c89e7 4c89ee e8060000f0 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 c3",
	  "je+e publisher.announced_closed: odd" },
	{ "mov rdi, r12; mov rsi, r13; call REMOVE_ENTRY; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: ret",
	  "4c89e7 4c89ee e8050000f0 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 c3",
	  "je+e publisher.announced_closed: odd" },
	{ "mov rdi, r12; mov rsi, r13; call REMOVE; mov r13, rdx; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: ret",
	  "4c89e7 4c89ee e8040000f0 4989d5 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 c3",
	  "je+11 publisher.announced_closed: odd" },
	{ "mov rdi, r12; mov rsi, rcx; call REMOVE; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: ret",
	  "4c89e7 4889ce e8040000f0 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 c3",
	  "je+e publisher.announced_closed: odd" },
	{ "mov rdi, r12; mov rsi, [r13]; call REMOVE; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: ret",
	  "4c89e7 498b7500 e8040000f0 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 c3",
	  "je+f publisher.announced_closed: odd" },
	{ "mov rdi, r12; lea rsi, [rbx+rcx*8]; call REMOVE; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: ret",
	  "4c89e7 488d34cb e8040000f0 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 c3",
	  "je+f publisher.announced_closed: odd" },
	{ "mov rdi, r12; mov rsi, r13; call REMOVE; call OTHER; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: ret",
	  "4c89e7 4c89ee e8040000f0 e8060000f0 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 c3",
	  "je+13 publisher.announced_closed: odd" },
	{ "mov rdi, r12; mov rsi, r13; call REMOVE; test dl, dl; jne 4f; nop; 4: nop; test rax, rax; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [rax+rdx+0x18]; 1: ret",
	  "4c89e7 4c89ee e8040000f0 84d2 7501 90 90 4885c0 7410 0fb6d2 488d1492 c1e204 f048ff441018 c3",
	  "je+14 publisher.announced_closed: odd" },
	{ "mov rdi, r12; mov rsi, r13; call REMOVE; test r14, r14; je 1f; movzx edx, dl; lea rdx, [rdx+rdx*4]; shl edx, 4; lock inc qword [r14+rdx+0x18]; 1: ret",
	  "4c89e7 4c89ee e8040000f0 4d85f6 7410 0fb6d2 488d1492 c1e204 f049ff441618 c3",
	  "je+e publisher.announced_closed: odd" },
};

static const struct guard_line tables[] = {
	{ "push rbx; call STATS_DROP; call ITEM; ret", "53 e80a0000f0 e8070000f0 c3",
	  "push+0 table-drop:; G rdi" },
	{ "push rbx; mov rcx, [rbx+0x20]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; lea rdi, [rbx+0x20]; call TEXT_END; 2: call ITEM; ret",
	  "53 488b4b20 4885c9 740f f048ff09 7509 488d7b20 e8090000f0 e8070000f0 c3",
	  "je+8 path-peek: key; P rbx+32; push+0 table-drop:; G rdi" },
};

static void closes_beside_a_shared_text(void **state)
{
	(void)state;
	guard_lines_assert_of(&release, closes, LEN(closes), GUARD_BARE);
}

static void tracks_beside_a_stats(void **state)
{
	(void)state;
	guard_lines_assert_of(&release, tracks, LEN(tracks), GUARD_BARE);
}

static void guards_out_of_a_table(void **state)
{
	(void)state;
	guard_lines_assert_of(&release, removed, LEN(removed), GUARD_BARE);
}

static void tables_that_are_let_go(void **state)
{
	(void)state;
	guard_lines_assert_of(&release, tables, LEN(tables), GUARD_OF_TABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closes_beside_a_shared_text),
		cmocka_unit_test(tracks_beside_a_stats),
		cmocka_unit_test(guards_out_of_a_table),
		cmocka_unit_test(tables_that_are_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
