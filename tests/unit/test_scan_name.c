/* SPDX-License-Identifier: MIT */
/*
 * test_scan_name.c - by which path something is told that begins, or that is counted without a
 * guard: the one that the thread has named last on every way there, or the one kept with the entry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guard_lines.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* What is looked at on the way back, test and branch of the bump among it. */
#define WALK 1024

static const struct guard_relay release_0_12 = { "moq-relay 0.12.5", NULL };
static const struct guard_relay release_0_13 = { "moq-relay 0.13.3", relay_0_13_3 };

/* An announce, and the call that may name its path. What is not named for sure is no site. */
static const struct guard_line named[] = {
	{ "call ENTRY; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "e8000000f0 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3",
	  "je+8 publisher.announced: pending" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3", "" },
	{ "call ENTRY; ret; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "e8000000f0 c3 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3", "" },
	{ "test dl, dl; je 2f; call ENTRY; 2: test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "84d2 7405 e8000000f0 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3", "" },
	{ "test dl, dl; je 2f; call ENTRY; jmp 3f; 2: call ENTRY; 3: test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "84d2 7407 e8000000f0 eb05 e8000000f0 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3",
	  "je+13 publisher.announced: pending" },
	{ "test dl, dl; je 2f; call ENTRY; jmp 3f; 2: call OTHER; 3: test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "84d2 7407 e8000000f0 eb05 e8060000f0 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3", "" },
	{ "call ENTRY; call OTHER; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "e8000000f0 e8060000f0 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3",
	  "je+d publisher.announced: pending" },
	{ "call ENTRY; call SUBSCRIBE; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "e8000000f0 e8010000f0 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3", "" },
	{ "call ENTRY; call SESSION; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "e8000000f0 e8020000f0 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3", "" },
	{ "call ENTRY; 2: dec edx; jne 2b; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "e8000000f0 ffca 75fc 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3",
	  "je+c publisher.announced: pending" },
	{ "2: test dl, dl; jne 3f; call ENTRY; jmp 2b; 3: test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "84d2 7507 e8000000f0 ebf5 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3", "" },
	{ "call ENTRY; jmp rdx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "e8000000f0 ffe2 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3", "" },
};

/* Where its guard is put tells nothing then, either. */
static const struct guard_line places[] = {
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "" },
};

static const struct guard_line ietf_places[] = {
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rdx], r13; mov [rdx+8], rax; ret",
	  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c892a 48894208 c3", "" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call INSERT; ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8030000f0 c3", "" },
};

/* announced_bytes has no guard; bytes have one, which tells. */
static const struct guard_line bytes[] = {
	{ "call ENTRY; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: ret",
	  "e8000000f0 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 c3",
	  "je+8 publisher.announced_bytes: pending" },
	{ "call ENTRY; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0xc0], rdx; 1: ret",
	  "e8000000f0 4885c0 7414 0fb6c9 488d0c89 48c1e104 f048019408c0000000 c3",
	  "je+8 subscriber.announced_bytes: pending" },
	{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: ret",
	  "488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 c3",
	  "je+7 publisher.announced_bytes: none" },
	{ "call ENTRY; test dl, dl; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: ret",
	  "e8000000f0 84d2 7411 0fb6c9 488d0c89 48c1e104 f04801540820 c3",
	  "je+7 publisher.announced_bytes: none" },
	{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x48], rdx; 1: ret",
	  "488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540848 c3",
	  "je+7 publisher.bytes: guard; G rbx+16" },
};

/* A future that keeps the entry at rbx+0x10 and its path at rbx+0x40 from one call to the next, or
 * one of which that is not so sure. */
static const struct guard_line kept[] = {
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 750d 488d7340 e8000000f0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1c publisher.announced_bytes: path; P rbx+64" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov rdx, rcx; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 7510 488d7340 e8000000f0 4889ca 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1f publisher.announced_bytes: path; P rbx+64" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x18], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 750d 488d7340 e8000000f0 48894318 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1c publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rdx; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 750d 488d7340 e8000000f0 48895310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1c publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; xor eax, eax; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 750f 488d7340 e8000000f0 31c0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1e publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call OTHER; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 750d 488d7340 e8060000f0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1c publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rcx+0x40]; call ENTRY; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 750d 488d7140 e8000000f0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1c publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+rcx+0x40]; call ENTRY; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 750e 488d740b40 e8000000f0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1d publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; mov rsi, rdx; call ENTRY; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 750c 4889d6 e8000000f0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1b publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 751a 488d7340 e8000000f0 48894310 488d7340 e8000000f0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+29 publisher.announced_bytes: path; P rbx+64" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; lea rsi, [rbx+0x60]; call ENTRY; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 751a 488d7340 e8000000f0 48894310 488d7360 e8000000f0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+29 publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; mov [rbx+0x10], rcx; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 7511 488d7340 e8000000f0 48894310 48894b10 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+20 publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; mov [rbx+0x17], cl; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 7510 488d7340 e8000000f0 48894310 884b17 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1f publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; movups [rbx+8], xmm0; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 7511 488d7340 e8000000f0 48894310 0f114308 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+20 publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; mov [rbx+8], rcx; mov [rbx+0x18], rcx; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 7515 488d7340 e8000000f0 48894310 48894b08 48894b18 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+24 publisher.announced_bytes: path; P rbx+64" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; mov rbx, rcx; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 84d2 7510 488d7340 e8000000f0 48894310 4889cb 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1f publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, [rdi]; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 488b1f 84d2 750d 488d7340 e8000000f0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1c publisher.announced_bytes: none" },
	{ "push rbx; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 84d2 750d 488d7340 e8000000f0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+19 publisher.announced_bytes: none" },
	{ "push rbx; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; mov rbx, rcx; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 84d2 7510 488d7340 e8000000f0 48894310 4889cb 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1c publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; lea rsi, [rbx+0x40]; test dl, dl; jne 2f; call ENTRY; 2: mov [rbx+0x10], rax; mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret",
	  "53 4889fb 488d7340 84d2 7505 e8000000f0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1c publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rsp+0x40]; call ENTRY; mov [rsp+0x10], rax; 2: mov rax, [rsp+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock add qword [rax+rcx+0x20], rdx; 1: pop rbx; ret", "53 4889fb 84d2 750f 488d742440 e8000000f0 4889442410 488b442410 4885c0 7411 0fb6c9 488d0c89 48c1e104 f04801540820 5b c3",
	  "je+1f publisher.announced_bytes: none" },
	{ "push rbx; mov rbx, rdi; test dl, dl; jne 2f; lea rsi, [rbx+0x40]; call ENTRY; mov [rbx+0x10], rax; 2: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock inc qword [rax+rcx+0x10]; 1: pop rbx; ret",
	  "53 4889fb 84d2 750d 488d7340 e8000000f0 48894310 488b4310 4885c0 7411 0fb6c9 488d0c89 48c1e104 f048ff440810 5b c3",
	  "je+1c publisher.announced: path; P rbx+64" },
};

static void a_path_is_named_on_every_way(void **state)
{
	(void)state;
	guard_lines_assert_of(&release_0_12, named, LEN(named), GUARD_LITE);
	guard_lines_assert_of(&release_0_12, places, LEN(places), GUARD_LITE);
	guard_lines_assert_of(&release_0_12, ietf_places, LEN(ietf_places), GUARD_IETF);
}

static void announced_bytes_are_told_by_a_path(void **state)
{
	(void)state;
	guard_lines_assert_of(&release_0_13, bytes, LEN(bytes), GUARD_LITE);
}

static void a_path_is_kept_with_its_entry(void **state)
{
	(void)state;
	guard_lines_assert_of(&release_0_13, kept, LEN(kept), GUARD_LITE);
}

/* call ENTRY; so many nops; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc
 * qword [rax+rcx*8+0x10]; 1: ret */
static void assert_far(size_t nops, bool found)
{
	static char hex[16 * WALK];
	char text[GUARD_TEXT], expected[GUARD_TEXT];
	uint64_t function;
	struct sites s;
	size_t i;

	strcpy(hex, "e8000000f0 ");
	for (i = 0; i < nops; i++)
		strcat(hex, "90");
	strcat(hex, "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 c3");
	snprintf(expected, sizeof(expected), "je+%zx publisher.announced: pending", 8 + nops);
	guard_scan_of(&release_0_12, GUARD_LITE, hex, &s, &function);
	guard_text(&s, function, text);
	assert_string_equal(text, found ? expected : "");
	sites_deinit(&s);
}

static void what_is_too_far_away_is_not_looked_for(void **state)
{
	(void)state;
	assert_far(WALK - 2, true);
	assert_far(WALK - 1, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_named_on_every_way),
		cmocka_unit_test(announced_bytes_are_told_by_a_path),
		cmocka_unit_test(a_path_is_kept_with_its_entry),
		cmocka_unit_test(what_is_too_far_away_is_not_looked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
