/* SPDX-License-Identifier: MIT */
/*
 * test_sites.c - the code of one more function in a relay: which sites it has, with which operands,
 * and what is given up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay_image.h"
#include "sites_text.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* `expected` are the sites of the code, in a function of a whole relay, as sites_text.h has it. */
struct line {
	const char *assembly;
	const char *hex;
	const char *expected;
};

static const struct line shapes[] = {
	{ "mov rax, [rbx+0x30]; test rax, rax; mov rsi, rbx; lea rdi, [rsp+8]; je 1f; movzx ecx, byte [rbx+0x38]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "488b4330 4885c0 4889de 488d7c2408 740e 0fb64b38 488d0cc9 f048ff44c818 c3",
	  "je publisher.announced_closed: E rax, G [rbx+48], T [rbx+56]:1, N 1, nonzero" },
	{ "mov rax, [rbx]; test rax, rax; {disp32} je 1f; movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "488b03 4885c0 0f840e000000 0fb64b08 488d0cc9 f048ff44c818 c3",
	  "je publisher.announced_closed: E rax, G [rbx+0], T [rbx+8]:1, N 1, nonzero" },
	{ "call ENTRY; mov rcx, [rdi]; movzx eax, byte [rdi+8]; test rcx, rcx; je 1f; lea rax, [rax+rax*8]; lock inc qword [rcx+rax*8+0x10]; 1: ret",
	  "e800000000 488b0f 0fb64708 4885c9 740a 488d04c0 f048ff44c110 c3",
	  "je publisher.announced: E rcx, G [rdi+0], T rax:1, N 1, nonzero, opens" },
	{ "call ENTRY; test rax, rax; je 1f; movzx edx, cl; lea rdx, [rdx+rdx*8]; lock inc qword [rax+rdx*8+0xb0]; 1: ret",
	  "e800000000 4885c0 7410 0fb6d1 488d14d2 f048ff84d0b0000000 c3",
	  "je subscriber.subscriptions: E rax, T rcx:1, N 1, nonzero, opens" },
	{ "mov rax, [rsp+0x2f0]; mov rax, [rax]; test rax, rax; je 1f; mov rcx, [rsp+0x100]; movzx ecx, byte [rcx]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "488b8424f0020000 488b00 4885c0 7415 488b8c2400010000 0fb609 488d0cc9 f048ff44c818 c3",
	  "je publisher.announced_closed: E rax, T [[rsp+256]+0]:1, N 1, nonzero" },
	{ "test rax, rax; je 1f; mov rcx, [rsp]; movzx ecx, byte [rcx+0xa60]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 7415 488b0c24 0fb689600a0000 488d0cc9 f048ff44c818 c3",
	  "je publisher.announced_closed: E rax, T [[rsp+0]+2656]:1, N 1, nonzero" },
	{ "mov rdi, [rdi]; test rdi, rdi; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rdi+rcx*8+0x18]; 1: ret",
	  "488b3f 4885ff 740d 0fb6c9 488d0cc9 f048ff44cf18 c3",
	  "je publisher.announced_closed: E rdi, T rcx:1, N 1, nonzero" },
	{ "cmp qword [rbx], 0; je 1f; mov rax, [rbx]; movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "48833b00 7411 488b03 0fb64b08 488d0cc9 f048ff44c818 c3",
	  "je publisher.announced_closed: E [rbx+0], G [rbx+0], T [rbx+8]:1, N 1, nonzero" },
	{ "mov rbx, [rsi]; test cl, cl; je 1f; mov rax, [rbx+8]; mov rax, [rax+16]; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "488b1e 84c9 7415 488b4308 488b4010 0fb6c9 488d0cc9 f048ff44c818 c3",
	  "je publisher.announced_closed: E [[rbx+8]+16], T rcx:1, N 1, nonzero" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je publisher.bytes: E rax, T rcx:1, N rdx, nonzero" },
	{ "test rax, rax; je 1f; mov rdx, [rsp+0x110]; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0xd0], rdx; 1: ret",
	  "4885c0 7418 488b942410010000 0fb6c9 488d0cc9 f0480194c8d0000000 c3",
	  "je subscriber.bytes: E rax, T rcx:1, N [rsp+272], nonzero" },
	{ "test rax, rax; je 1f; mov edx, [rbx+8]; sub rdx, 0; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0xd0], rdx; 1: ret",
	  "4885c0 7417 8b5308 4883ea00 0fb6c9 488d0cc9 f0480194c8d0000000 c3",
	  "je subscriber.bytes: E rax, T rcx:1, N [rbx+8]:4, nonzero" },
	{ "test rax, rax; je 1f; sub rdx, 3; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0xd0], rdx; 1: ret",
	  "4885c0 7414 4883ea03 0fb6c9 488d0cc9 f0480194c8d0000000 c3",
	  "je subscriber.bytes: E rax, T rcx:1, N rdx-3, nonzero" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x48], 5; 1: ret",
	  "4885c0 740e 0fb6c9 488d0cc9 f0488344c84805 c3",
	  "je publisher.frames: E rax, T rcx:1, N 5, nonzero" },
	{ "test rax, rax; jne 1f; ret; 1: movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; ret",
	  "4885c0 7501 c3 0fb64b08 488d0cc9 f048ff44c818 c3",
	  "jne publisher.announced_closed: E rax, T [rbx+8]:1, N 1, nonzero" },
	{ "test dl, dl; je 1f; ret; 1: movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; ret",
	  "84d2 7401 c3 0fb64b08 488d0cc9 f048ff44c818 c3",
	  "je publisher.announced_closed: E rax, T [rbx+8]:1, N 1, zero" },
	{ "test rax, rax; je 9f; 1: movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 9: ret; call 9b; mov rax, [r14]; test rax, rax; jne 1b; jmp 9b",
	  "4885c0 740e 0fb64b08 488d0cc9 f048ff44c818 c3 e8faffffff 498b06 4885c0 75e4 ebf0",
	  "je publisher.announced_closed: E rax, T [rbx+8]:1, N 1, nonzero; jne publisher.announced_closed: E rax, G [r14+0], T [rbx+8]:1, N 1, nonzero" },
	{ "test ecx, ecx; je 2f; 1: mov rcx, [rbp]; movzx edx, bl; lea rdx, [rdx+rdx*8]; lock inc qword [r15+rdx*8+0x18]; ret; 2: call 2b; jmp 1b",
	  "85c9 7412 488b4d00 0fb6d3 488d14d2 f049ff44d718 c3 e8fbffffff ebe7",
	  "je publisher.announced_closed: E r15, T rbx:1, N 1, always" },
};

static const struct line unprobed[] = {
	{ "movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; ret",
	  "0fb64b08 488d0cc9 f048ff44c818 c3",
	  "unprobed publisher.announced_closed: no branch in front" },
	{ "ret; mov rbx, rax; movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; ret",
	  "c3 4889c3 0fb64b08 488d0cc9 f048ff44c818 c3",
	  "unprobed publisher.announced_closed: no branch in front" },
	{ "test rax, rax; jle 1f; movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 7e0e 0fb64b08 488d0cc9 f048ff44c818 c3",
	  "unprobed publisher.announced_closed: its branch tests something else than zero" },
	{ "test rax, rax; je 1f; mov byte [rsi], 0; movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 7411 c60600 0fb64b08 488d0cc9 f048ff44c818 c3",
	  "unprobed publisher.announced_closed: what it adds, or to which tier, can't be read at its branch" },
	{ "test rax, rax; je 1f; push rax; movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 740f 50 0fb64b08 488d0cc9 f048ff44c818 c3",
	  "unprobed publisher.announced_closed: what it adds, or to which tier, can't be read at its branch" },
	{ "test rax, rax; je 1f; call; movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 7413 e8fbffffff 0fb64b08 488d0cc9 f048ff44c818 c3",
	  "unprobed publisher.announced_closed: what it adds, or to which tier, can't be read at its branch" },
	{ "test rax, rax; je 1f; call; movzx ecx, bl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 7412 e8fbffffff 0fb6cb 488d0cc9 f048ff44c818 c3",
	  "unprobed publisher.announced_closed: what it adds, or to which tier, can't be read at its branch" },
	{ "test rbp, rbp; je 1f; call; movzx ecx, bl; lea rcx, [rcx+rcx*8]; lock add qword [rbp+rcx*8+0x40], rdx; 1: ret",
	  "4885ed 7412 e8fbffffff 0fb6cb 488d0cc9 f0480154cd40 c3",
	  "unprobed publisher.bytes: what it adds, or to which tier, can't be read at its branch" },
	{ "test rax, rax; je 1f; mov [rsi], edi; mov rdx, [rsp+8]; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "4885c0 7414 893e 488b542408 0fb6c9 488d0cc9 f0480154c840 c3",
	  "unprobed publisher.bytes: what it adds, or to which tier, can't be read at its branch" },
	{ "test rax, rax; je 9f; movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; 1: lock inc qword [rax+rcx*8+0x18]; 9: test edx, edx; jne 1b; ret",
	  "4885c0 740e 0fb64b08 488d0cc9 f048ff44c818 85d2 75f6 c3",
	  "unprobed publisher.announced_closed: what it adds, or to which tier, can't be read at its branch" },
	{ "test rax, rax; je 9f; 1: movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 9: ret; 2: test rsi, rsi; je 9b; mov byte [rsi], 0; jmp 1b",
	  "4885c0 740e 0fb64b08 488d0cc9 f048ff44c818 c3 4885f6 74fa c60600 ebe7",
	  "unprobed publisher.announced_closed: what it adds, or to which tier, can't be read at its branch" },
	{ "test rax, rax; je 9f; 1: movzx ecx, byte [r14+0x28]; lea rdx, [rax+0x10]; add rax, 0xa0; cmp byte [r14+0x29], 0; cmove rax, rdx; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 9: ret; jmp 1b",
	  "4885c0 7422 410fb64e28 488d5010 4805a0000000 41807e2900 480f44c2 488d0cc9 f048ff44c828 c3 ebdb",
	  "unprobed side.broadcasts_closed: no branch in front" },
	{ "test ecx, ecx; je 2f; 1: movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; ret; 2: call 2b; jmp 1b",
	  "85c9 740f 0fb64b08 488d0cc9 f048ff44c818 c3 e8fbffffff ebea",
	  "unprobed publisher.announced_closed: what it adds, or to which tier, can't be read at its branch" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 c3",
	  "unprobed publisher.subscriptions: the function that names entries is not called before it" },
	{ "test rdx, rdx; je 2f; call ENTRY; 2: test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: ret",
	  "4885d2 7405 e800000000 4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 c3",
	  "unprobed publisher.subscriptions: the function that names entries is not called before it" },
	{ "test rax, rax; je 2f; 1: movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; ret; 2: call ENTRY; test rax, rax; jne 1b; ret",
	  "4885c0 740e 0fb6c9 488d0cc9 f048ff44c820 c3 e800000000 4885c0 75e8 c3",
	  "unprobed publisher.subscriptions: the function that names entries is not called before it" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x30]; 1: call ENTRY; ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c830 e800000000 c3",
	  "unprobed publisher.broadcasts: the function that names entries is not called before it" },
	{ "mov rax, [rbx]; lock inc qword [rax+0x18]; lock dec qword [rax]; ret",
	  "488b03 f048ff4018 f048ff08 c3",
	  "unprobed sessions.sessions_closed: no branch in front" },
	{ "test rax, rax; js 1f; lock inc qword [rax+0x18]; lock dec qword [rax]; 1: ret",
	  "4885c0 7809 f048ff4018 f048ff08 c3",
	  "unprobed sessions.sessions_closed: its branch tests something else than zero" },
	{ "test rax, rax; je 1f; mov rax, [rsp]; lock inc qword [rax+0x18]; lock dec qword [rax]; 1: ret",
	  "4885c0 740d 488b0424 f048ff4018 f048ff08 c3",
	  "unprobed sessions.sessions_closed: what it adds, or to which tier, can't be read at its branch" },
	{ "test rax, rax; je 1f; add rax, 8; lock inc qword [rax+0x18]; lock dec qword [rax]; 1: ret",
	  "4885c0 740d 4883c008 f048ff4018 f048ff08 c3",
	  "unprobed sessions.sessions_closed: what it adds, or to which tier, can't be read at its branch" },
};

static const struct line no_counters[] = {
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x58]; 1: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c858 c3", "" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+8]; 1: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c808 c3", "" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x1c]; 1: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c81c c3", "" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 7409 0fb6c9 f048ff44c818 c3", "" },
	{ "test rax, rax; je 1f; movzx ecx, cl; shl rcx, 6; lock inc qword [rax+rcx+0x18]; 1: ret",
	  "4885c0 740d 0fb6c9 48c1e106 f048ff440818 c3", "" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc dword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 740c 0fb6c9 488d0cc9 f0ff44c818 c3", "" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock dec qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff4cc818 c3", "" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 740c 0fb6c9 488d0cc9 48ff44c818 c3", "" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; movzx eax, al; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 7410 0fb6c9 488d0cc9 0fb6c0 f048ff44c818 c3", "" },
	{ "test rax, rax; je 1f; lock inc qword [rax+0x18]; 1: ret", "4885c0 7405 f048ff4018 c3",
	  "" },
	{ "test rax, rax; je 1f; lea rdx, [rax+0x10]; add rax, 0xa8; cmp byte [r14+0x29], 0; cmove rax, rdx; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: ret",
	  "4885c0 741d 488d5010 4805a8000000 41807e2900 480f44c2 488d0cc9 f048ff44c828 c3", "" },
	{ "test rax, rax; je 1f; lea rdx, [rax+0xa0]; add rax, 0x10; cmp byte [r14+0x29], 0; cmove rax, rdx; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: ret",
	  "4885c0 741e 488d90a0000000 4883c010 41807e2900 480f44c2 488d0cc9 f048ff44c828 c3", "" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lea rdx, [rax+rcx*8]; lock inc qword [rdx+rsi+0x18]; 1: ret",
	  "4885c0 7411 0fb6c9 488d0cc9 488d14c8 f048ff443218 c3", "" },
	{ "test rax, rax; je 1f; lea rdx, [rax+0xa0]; add rax, 0xa0; cmp byte [r14+0x29], 0; cmove rax, rdx; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: ret",
	  "4885c0 7420 488d90a0000000 4805a0000000 41807e2900 480f44c2 488d0cc9 f048ff44c828 c3",
	  "" },
	{ "test rax, rax; je 1f; lea rdx, [rax+0x10]; add rax, 0x10; cmp byte [r14+0x29], 0; cmove rax, rdx; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: ret",
	  "4885c0 741b 488d5010 4883c010 41807e2900 480f44c2 488d0cc9 f048ff44c828 c3", "" },
};

static const struct line session_closes[] = {
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+0x18]; lock dec qword [rax]; 1: ret",
	  "488b8398070000 4885c0 7409 f048ff4018 f048ff08 c3",
	  "je sessions.sessions_closed: E rax, G [rbx+1944], N 1, nonzero" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+0x18]; mov rax, [rbx+0x798]; test rax, rax; je 1f; lock dec qword [rax]; jne 1f; nop; 1: ret",
	  "488b8398070000 4885c0 7418 f048ff4018 488b8398070000 4885c0 7407 f048ff08 7501 90 c3",
	  "je sessions.sessions_closed: E rax, G [rbx+1944], N 1, nonzero" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+0x18]; mov rcx, rax; nop; nop; nop; nop; nop; nop; lock dec qword [rcx]; 1: ret",
	  "488b8398070000 4885c0 7412 f048ff4018 4889c1 90 90 90 90 90 90 f048ff09 c3",
	  "je sessions.sessions_closed: E rax, G [rbx+1944], N 1, nonzero" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+0x18]; mov rcx, rax; nop; nop; nop; nop; nop; nop; nop; lock dec qword [rcx]; 1: ret",
	  "488b8398070000 4885c0 7413 f048ff4018 4889c1 90 90 90 90 90 90 90 f048ff09 c3", "" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+0x18]; 1: ret; lock dec qword [rax]",
	  "488b8398070000 4885c0 7405 f048ff4018 c3 f048ff08", "" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+0x18]; call; lock dec qword [rbx]; 1: ret",
	  "488b8398070000 4885c0 740e f048ff4018 e8fbffffff f048ff0b c3", "" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+0x18]; lock dec qword [rax+8]; 1: ret",
	  "488b8398070000 4885c0 740a f048ff4018 f048ff4808 c3", "" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+0x18]; lock dec qword [rax+rcx]; 1: ret",
	  "488b8398070000 4885c0 740a f048ff4018 f048ff0c08 c3", "" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+0x18]; dec qword [rax]; 1: ret",
	  "488b8398070000 4885c0 7408 f048ff4018 48ff08 c3", "" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+0x18]; lock inc qword [rax]; 1: ret",
	  "488b8398070000 4885c0 7409 f048ff4018 f048ff00 c3", "" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+0x10]; lock dec qword [rax]; 1: ret",
	  "488b8398070000 4885c0 7409 f048ff4010 f048ff08 c3", "" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock inc qword [rax+rcx+0x18]; lock dec qword [rax]; 1: ret",
	  "488b8398070000 4885c0 740a f048ff440818 f048ff08 c3", "" },
	{ "mov rax, [rbx+0x798]; test rax, rax; je 1f; lock add qword [rax+0x18], 1; lock dec qword [rax]; 1: ret",
	  "488b8398070000 4885c0 740a f04883401801 f048ff08 c3", "" },
};

/* Tiers of 80 bytes, which are multiplied in 32 bits: that is known to fit where only a byte was
 * read. */
static const struct line narrow[] = {
	{ "mov rax, [rdi]; movzx ecx, byte [rdi+8]; test rax, rax; je 1f; lea ecx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x18]; 1: ret",
	  "488b07 0fb64f08 4885c0 740c 8d0c89 c1e104 f048ff440818 c3",
	  "je publisher.announced_closed: E rax, G [rdi+0], T rcx:1, N 1, nonzero" },
	{ "mov rax, [rdi]; mov rcx, [rdi+8]; test rax, rax; je 1f; movzx ecx, cl; lea ecx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x18]; 1: ret",
	  "488b07 488b4f08 4885c0 740f 0fb6c9 8d0c89 c1e104 f048ff440818 c3",
	  "je publisher.announced_closed: E rax, G [rdi+0], T rcx:1, N 1, nonzero" },
	{ "mov rax, [rdi]; movzx ecx, byte [rdi+8]; test rax, rax; je 1f; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: ret",
	  "488b07 0fb64f08 4885c0 740e 488d0c89 48c1e104 f04801540820 c3",
	  "je publisher.announced_bytes: E rax, G [rdi+0], T rcx:1, N rdx, nonzero" },
	{ "mov rax, [rdi]; movzx ecx, byte [rdi+8]; test rax, rax; je 1f; imul ecx, ecx, 80; lock inc qword [rax+rcx+0x18]; 1: ret",
	  "488b07 0fb64f08 4885c0 7409 6bc950 f048ff440818 c3",
	  "je publisher.announced_closed: E rax, G [rdi+0], T rcx:1, N 1, nonzero" },
	{ "mov rax, [rdi]; mov ecx, [rdi+8]; test rax, rax; je 1f; lea ecx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x18]; 1: ret",
	  "488b07 8b4f08 4885c0 740c 8d0c89 c1e104 f048ff440818 c3", "" },
	{ "mov rax, [rdi]; movzx ecx, word [rdi+8]; test rax, rax; je 1f; lea ecx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x18]; 1: ret",
	  "488b07 0fb74f08 4885c0 740c 8d0c89 c1e104 f048ff440818 c3", "" },
	{ "mov rax, [rdi]; mov cl, [rdi+8]; test rax, rax; je 1f; lea ecx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x18]; 1: ret",
	  "488b07 8a4f08 4885c0 740c 8d0c89 c1e104 f048ff440818 c3", "" },
	{ "mov rax, [rdi]; movsx ecx, byte [rdi+8]; test rax, rax; je 1f; lea ecx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x18]; 1: ret",
	  "488b07 0fbe4f08 4885c0 740c 8d0c89 c1e104 f048ff440818 c3", "" },
	{ "mov rax, [rdi]; movzx ecx, byte [rdi+8]; inc ecx; test rax, rax; je 1f; lea ecx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x18]; 1: ret",
	  "488b07 0fb64f08 ffc1 4885c0 740c 8d0c89 c1e104 f048ff440818 c3", "" },
	{ "mov rax, [rdi]; movzx ecx, byte [rdi+8]; test rax, rax; je 1f; lea ecx, [rcx+rcx*4]; shl ecx, 5; lock inc qword [rax+rcx+0x18]; 1: ret",
	  "488b07 0fb64f08 4885c0 740c 8d0c89 c1e105 f048ff440818 c3", "" },
};

/* In the relay's own code it looks like a counter, though to what it adds can't be told. */
static const struct line likely[] = {
	{ "test rax, rax; je 1f; mov ecx, edx; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "4885c0 7408 89d1 f048ff44c818 c3",
	  "unprobed publisher.announced_closed: what it adds, or to which tier, can't be read at its branch" },
	{ "mov ecx, edx; lock inc qword [rax+rcx+0x40]; ret", "89d1 f048ff440840 c3",
	  "unprobed publisher.bytes: no branch in front" },
	{ "test rax, rax; je 1f; mov ecx, edx; lock inc qword [rax+rcx*8+0x58]; 1: ret",
	  "4885c0 7408 89d1 f048ff44c858 c3", "" },
	{ "test rax, rax; je 1f; lock inc qword [rax+0x18]; 1: ret", "4885c0 7405 f048ff4018 c3",
	  "" },
};

static void scan(struct relay *r, struct sites *out)
{
	char said[512];

	assert_int_equal(relay_scan(r, out, said, sizeof(said)), 0);
	assert_string_equal(said, "");
}

/* In a function of that name, of a relay that `change` makes another release of. */
static void assert_lines_of(const struct line *lines, size_t len, const char *name,
			    void (*change)(struct relay *))
{
	char text[SITES_TEXT];
	struct relay r;
	struct sites s;
	size_t i;

	for (i = 0; i < len; i++) {
		relay_init(&r);
		if (change)
			change(&r);
		relay_add(&r, name, lines[i].hex);
		r.parts[r.parts_len - 1].calls = RELAY_ENTRY;
		scan(&r, &s);
		sites_text(&s, r.parts[r.parts_len - 1].addr, text);
		if (strcmp(text, lines[i].expected))
			fail_msg("%s: expected %s, got %s", lines[i].assembly, lines[i].expected,
				 text);
		sites_deinit(&s);
		relay_deinit(&r);
	}
}

static void assert_lines(const struct line *lines, size_t len)
{
	assert_lines_of(lines, len, "more", NULL);
}

static void shapes_of_bumps(void **state)
{
	(void)state;
	assert_lines(shapes, LEN(shapes));
}

static void bumps_without_a_place(void **state)
{
	(void)state;
	assert_lines(unprobed, LEN(unprobed));
}

static void what_is_no_counter(void **state)
{
	(void)state;
	assert_lines(no_counters, LEN(no_counters));
}

static void closes_of_sessions(void **state)
{
	(void)state;
	assert_lines(session_closes, LEN(session_closes));
}

static void tiers_that_are_bytes(void **state)
{
	(void)state;
	assert_lines_of(narrow, LEN(narrow), "more", relay_0_13_3);
}

static void what_looks_like_a_counter(void **state)
{
	struct line line;
	size_t i;

	(void)state;
	assert_lines_of(likely, LEN(likely), "_ZN7moq_net4lite9publisher3run17h0011223344556677E",
			NULL);
	for (i = 0; i < LEN(likely); i++) {
		line = likely[i];
		line.expected = "";
		assert_lines_of(&line, 1, "_ZN5tokio3run17h0011223344556677E", NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes_of_bumps),	cmocka_unit_test(bumps_without_a_place),
		cmocka_unit_test(what_is_no_counter),	cmocka_unit_test(closes_of_sessions),
		cmocka_unit_test(tiers_that_are_bytes), cmocka_unit_test(what_looks_like_a_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
