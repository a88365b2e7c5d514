/* SPDX-License-Identifier: MIT */
/*
 * test_sites_place.c - where guards are put and taken from, as the code of a function tells: into
 * an Arc, behind an owner, into a table, where a session keeps it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard_lines.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Into an Arc that is allocated right behind the opening. */
static const struct guard_line opens[] = {
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+3 publisher.subscriptions: pending; je+25 guard-place: pending; G rax+16" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xb0]; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8b0000000 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+3 subscriber.subscriptions: pending; je+28 guard-place: pending; G rax+16" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: nop; nop; nop; nop; nop; mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 90 90 90 90 90 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+3 publisher.subscriptions: pending; je+2a guard-place: pending; G rax+16" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+3 publisher.subscriptions: pending; je+49 guard-place: pending; G rax+16" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 c3", "je+3 publisher.subscriptions: pending" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+3 publisher.subscriptions: pending" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: mov edi, 0x28; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 bf28000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+3 publisher.subscriptions: pending" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: mov edi, 0x20; mov esi, 8; test rax, rax; je 9f; 9: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 bf20000000 be08000000 4885c0 7400 c3",
	  "je+3 publisher.subscriptions: pending" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; jne 9f; 9: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 bf20000000 be08000000 ff1500000000 4885c0 7500 c3",
	  "je+3 publisher.subscriptions: pending" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: mov edi, 0x20; mov esi, 8; je 9f; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 bf20000000 be08000000 740b ff1500000000 4885c0 7400 c3",
	  "je+3 publisher.subscriptions: pending" },
	{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+3 publisher.announced: pending" },
	{ "mov r14, rax; movzx ecx, cl; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [r14+rcx*8+0x20]; 1: ret",
	  "4989c6 0fb6c9 4885c0 740d 0fb6c9 488d0cc9 f049ff44ce20 c3",
	  "je+9 publisher.subscriptions: pending" },
	{ "mov rax, r14; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [r14+rcx*8+0x20]; 1: ret",
	  "4c89f0 4885c0 740d 0fb6c9 488d0cc9 f049ff44ce20 c3",
	  "je+6 publisher.subscriptions: pending" },
	{ "mov r14, rax; mov eax, edx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [r14+rcx*8+0x20]; 1: ret",
	  "4989c6 89d0 4885c0 740d 0fb6c9 488d0cc9 f049ff44ce20 c3",
	  "je+8 publisher.subscriptions: none" },
	{ "mov r14d, eax; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [r14+rcx*8+0x20]; 1: ret",
	  "4189c6 4885c0 740d 0fb6c9 488d0cc9 f049ff44ce20 c3",
	  "je+6 publisher.subscriptions: none" },
	{ "mov r14, rax; test rax, rax; mov r14, rdx; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [r14+rcx*8+0x20]; 1: ret",
	  "4989c6 4885c0 4989d6 740d 0fb6c9 488d0cc9 f049ff44ce20 c3",
	  "je+9 publisher.subscriptions: none" },
	{ "mov r14, rdx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [r14+rcx*8+0x20]; 1: ret",
	  "4989d6 4885c0 740d 0fb6c9 488d0cc9 f049ff44ce20 c3",
	  "je+6 publisher.subscriptions: none" },
	{ "test dl, dl; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: ret",
	  "84d2 740d 0fb6c9 488d0cc9 f048ff44c810 c3", "je+2 publisher.announced: none" },
	{ "test dl, dl; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: ret",
	  "84d2 740d 0fb6c9 488d0cc9 f048ff44c820 c3", "je+2 publisher.subscriptions: none" },
};

/* Into an Arc long behind; the path lies where subscribe() has put it. */
static const struct guard_line arcs[] = {
	{ "lea rdi, [rsp+0x40]; call SUBSCRIBE; mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "488d7c2440 e8010000f0 488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+10 publisher.bytes: guard; G rbx; je+32 guard-place: path; G rax+16, P rsp+64" },
	{ "lea rdi, [rbx+0x608]; call SUBSCRIBE; mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "488dbb08060000 e8010000f0 488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+12 publisher.bytes: guard; G rbx; je+34 guard-place: path; G rax+16, P rbx+1544" },
	{ "lea rdi, [rbx+8]; call SUBSCRIBE; call ENTRY; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x20]; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "488d7b08 e8010000f0 e8000000f0 4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+11 publisher.subscriptions: pending; je+33 guard-place: pending; G rax+16" },
	{ "mov rdi, rbx; call SUBSCRIBE; mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "4889df e8010000f0 488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+e publisher.bytes: guard; G rbx" },
	{ "lea rdi, [rbx+rsi*8]; call SUBSCRIBE; mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "488d3cf3 e8010000f0 488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+f publisher.bytes: guard; G rbx" },
	{ "lea rdi, [rbx+8]; call OTHER; mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "488d7b08 e8060000f0 488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+f publisher.bytes: guard; G rbx" },
	{ "lea rdi, [rbx+8]; call SUBSCRIBE; mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488d7b08 e8010000f0 488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+f publisher.bytes: guard; G rbx" },
	{ "lea rdi, [rbx+0x608]; call SUBSCRIBE; mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: test dl, dl; je 7f; add rsp, 8; pop rbx; pop r14; ret; 7: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "488dbb08060000 e8010000f0 488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 84d2 7408 4883c408 5b 415e c3 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+12 publisher.bytes: guard; G rbx; je+40 guard-place: path; G rax+16, P rbx+1544" },
	{ "lea rdi, [rbx+8]; call SUBSCRIBE; mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: mov rbx, rcx; mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "488d7b08 e8010000f0 488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 4889cb bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+f publisher.bytes: guard; G rbx" },
	{ "lea rdi, [rcx+8]; call SUBSCRIBE; mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "488d7908 e8010000f0 488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+f publisher.bytes: guard; G rbx" },
	{ "lea rdi, [rbx+8]; mov rbx, rsi; call SUBSCRIBE; mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: mov edi, 0x20; mov esi, 8; call qword [rip]; test rax, rax; je 9f; 9: ret",
	  "488d7b08 4889f3 e8010000f0 488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
	  "je+12 publisher.bytes: guard; G rbx" },
};

/* Behind the producer of an announced broadcast. */
static const struct guard_line
	owners
		[] = {
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rdx], r13; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c892a 48894208 c3",
			  "je+3 subscriber.announced: pending; je+3 guard-place: pending owner; G r13" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rdx+0x20], r13; mov byte [rdx+0x30], cl; mov [rdx+0x28], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896a20 884a30 48894228 c3",
			  "je+3 subscriber.announced: pending; je+3 guard-place: pending owner; G r13" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: lea rdx, [rsp+0x50]; mov [rdx], r13; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 488d542450 4c892a 48894208 c3",
			  "je+3 subscriber.announced: pending; je+3 guard-place: pending owner; G r13" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rsp+0x10], r13; mov rsi, [rsp+0x10]; mov [rdx], rsi; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896c2410 488b742410 488932 48894208 c3",
			  "je+3 subscriber.announced: pending; je+3 guard-place: pending owner; G r13" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov rsi, [rsp+0x10]; mov [rdx], rsi; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 488b742410 488932 48894208 c3",
			  "je+3 subscriber.announced: pending; je+3 guard-place: pending owner; G [rsp+16]" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov rdi, rax; mov [rdx], r13; mov [rdx+8], rdi; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4889c7 4c892a 48897a08 c3",
			  "je+3 subscriber.announced: pending; je+3 guard-place: pending owner; G r13" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: jmp 2f; ret; 2: mov [rdx], r13; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 eb01 c3 4c892a 48894208 c3",
			  "je+3 subscriber.announced: pending; je+3 guard-place: pending owner; G r13" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rsp+0x10], r13; mov [rsp+0x18], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896c2410 4889442418 c3",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 48894208 c3",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rdx+0x10], r13; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896a10 48894208 c3",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rcx], r13; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c8929 48894208 c3",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov r13, [rip]; mov [rdx], r13; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c8b2d00000000 4c892a 48894208 c3",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rdx], r13; ret; mov [rdx+8], rax",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c892a c3 48894208",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rdx], r13; call OTHER; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c892a e8060000f0 48894208 c3",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rdx], r13; xor eax, eax; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c892a 31c0 48894208 c3",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rdx], r13; mov [rdx], r14; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c892a 4c8932 48894208 c3",
			  "je+3 subscriber.announced: pending; je+3 guard-place: pending owner; G r14" },
			{ "push rbp; mov rbp, rsp; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rbp-0x28], r13; mov [rbp-0x20], rax; mov [rdx], r14; mov [rdx+8], rax; pop rbp; ret",
			  "55 4889e5 4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896dd8 488945e0 4c8932 48894208 5d c3",
			  "je+7 subscriber.announced: pending; je+7 guard-place: pending owner; G r14" },
			{ "push rbp; mov rbp, rsp; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rbp-0x28], r13; mov [rbp-0x20], rax; mov rbp, rdx; mov [rbp], r14; mov [rbp+8], rax; pop rbp; ret",
			  "55 4889e5 4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896dd8 488945e0 4889d5 4c897500 48894508 5d c3",
			  "je+7 subscriber.announced: pending; je+7 guard-place: pending owner; G r13" },
			{ "mov rax, [rdi+0x28]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa8]; 1: ret",
			  "488b4728 4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a8000000 c3",
			  "je+7 subscriber.announced_closed: owner; G rdi+40" },
			{ "mov rax, [rax]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa8]; 1: ret",
			  "488b00 4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a8000000 c3",
			  "je+6 subscriber.announced_closed: none" },
			/* Copies of two words. */
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rsp+0x28], r13; movups xmm0, [rsp+0x20]; movups [rdx-8], xmm0; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896c2428 0f10442420 0f1142f8 48894208 c3",
			  "je+3 subscriber.announced: pending; je+3 guard-place: pending owner; G r13" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: movdqu xmm7, [r14]; movdqa [rdx], xmm7; mov [rdx+0x10], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 f3410f6f3e 660f7f3a 48894210 c3",
			  "je+3 subscriber.announced: pending; je+3 guard-place: pending owner; G [r14+8]" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rsp+0x28], r13; movups xmm0, [rsp+0x20]; movups [rdx], xmm0; mov [rdx+8], rax; ret", "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896c2428 0f10442420 0f1102 48894208 c3",
			  "je+3 subscriber.announced: pending; je+3 guard-place: pending owner; G [rsp+32]" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rsp+0x28], r13; movups xmm0, [rsp+0x20]; xorps xmm0, xmm0; movups [rdx-8], xmm0; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896c2428 0f10442420 0f57c0 0f1142f8 48894208 c3",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rsp+0x28], r13; movups xmm0, [rsp+0x20]; movups [rdx-8], xmm1; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896c2428 0f10442420 0f114af8 48894208 c3",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rsp+0x28], r13; movups xmm0, [rsp+0x20]; call OTHER; movups [rbx-8], xmm0; mov [rbx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896c2428 0f10442420 e8060000f0 0f1143f8 48894308 c3",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rsp+0x28], r13; movups xmm0, [rsp+0x20]; movups xmm0, xmm1; movups [rdx-8], xmm0; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896c2428 0f10442420 0f10c1 0f1142f8 48894208 c3",
			  "je+3 subscriber.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa0]; 1: mov [rsp+0x28], r13; movups xmm0, [rsp+0x20]; movlps [rdx], xmm0; mov [rdx+8], rax; ret",
			  "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c896c2428 0f10442420 0f1302 48894208 c3",
			  "je+3 subscriber.announced: pending" },
		};

/* Into a table, and out of it. */
static const struct guard_line
	tables
		[] = {
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call INSERT; ret",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8030000f0 c3",
			  "je+3 publisher.announced: pending; call+12 table-insert:; G rsi, P rdx" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: jmp 2f; ret; 2: call INSERT; ret",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 eb01 c3 e8030000f0 c3",
			  "je+3 publisher.announced: pending; call+15 table-insert:; G rsi, P rdx" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call OTHER; call INSERT; ret",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8060000f0 e8030000f0 c3",
			  "je+3 publisher.announced: pending; call+17 table-insert:; G rsi, P rdx" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call OTHER; ret; call INSERT",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8060000f0 c3 e8030000f0",
			  "je+3 publisher.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call REMOVE; ret",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8040000f0 c3",
			  "je+3 publisher.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; call INSERT; ret",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 e8030000f0 c3",
			  "je+3 publisher.announced: pending" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call INSERT; call REMOVE_ENTRY; mov rax, [rbx+0x10]; test rax, rax; je 2f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 2: ret",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8030000f0 e8050000f0 488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
			  "je+3 publisher.announced: pending; je+23 publisher.announced_closed: guard; G rbx+16; call+12 table-insert:; G rsi, P rdx; call+17 table-remove:; E rbx+16, G rsi, P rcx" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call INSERT; call REMOVE; mov rax, [rbx+0x10]; test rax, rax; je 2f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 2: ret",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8030000f0 e8040000f0 488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
			  "je+3 publisher.announced: pending; je+23 publisher.announced_closed: guard; G rbx+16; call+12 table-insert:; G rsi, P rdx; call+17 table-remove:; E rbx+16, G rsi, P rdx" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call INSERT; call REMOVE; mov rax, [rbx+0x10]; test rax, rax; je 2f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 2: mov rax, [rbx+0x30]; test rax, rax; je 3f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 3: ret", "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8030000f0 e8040000f0 488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 488b4330 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
			  "je+3 publisher.announced: pending; je+23 publisher.announced_closed: guard; G rbx+16; je+39 publisher.announced_closed: guard; G rbx+48; call+12 table-insert:; G rsi, P rdx; call+17 table-remove:; E rbx+16, G rsi, P rdx, S rbx+48" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call INSERT; call REMOVE; ret",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8030000f0 e8040000f0 c3",
			  "je+3 publisher.announced: pending; call+12 table-insert:; G rsi, P rdx" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call INSERT; call OTHER; mov rax, [rbx+0x10]; test rax, rax; je 2f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 2: ret",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8030000f0 e8060000f0 488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
			  "je+3 publisher.announced: pending; je+23 publisher.announced_closed: guard; G rbx+16; call+12 table-insert:; G rsi, P rdx" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call INSERT; call REMOVE; mov rax, [rsp+0x10]; test rax, rax; je 2f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 2: ret",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8030000f0 e8040000f0 488b442410 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
			  "je+3 publisher.announced: pending; je+24 publisher.announced_closed: guard; G rsp+16; call+12 table-insert:; G rsi, P rdx" },
			{ "push rbp; mov rbp, rsp; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call INSERT; call REMOVE; mov rax, [rbp+0x10]; test rax, rax; je 2f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 2: pop rbp; ret",
			  "55 4889e5 4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8030000f0 e8040000f0 488b4510 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 5d c3",
			  "je+7 publisher.announced: pending; je+27 publisher.announced_closed: guard; G rbp+16; call+16 table-insert:; G rsi, P rdx" },
			{ "test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]; 1: call INSERT; call REMOVE; mov rax, [rbp+0x10]; test rax, rax; je 2f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 2: ret",
			  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8030000f0 e8040000f0 488b4510 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
			  "je+3 publisher.announced: pending; je+23 publisher.announced_closed: guard; G rbp+16; call+12 table-insert:; G rsi, P rdx; call+17 table-remove:; E rbp+16, G rsi, P rdx" },
			{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret", "488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
			  "je+7 publisher.announced_closed: guard; G rbx+16" },
		};

/* What the table keeps. */
static const struct guard_line kept[] = {
	{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
	  "je+7 publisher.announced_closed: guard peek key; G rbx+16" },
	{ "mov rax, [rdi+0x20]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "488b4720 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
	  "je+7 publisher.announced_closed: guard peek key; G rdi+32" },
};

/* A table is let go, key by key. */
static const struct guard_line drops[] = {
	{ "push rbx; lea r15, [rbp+rax*8]; mov rsi, [rbp+rax*8-0x28]; lea rcx, [rsi*2]; test rcx, rcx; je 8f; mov rdi, [r15-0x20]; mov edx, 1; call qword [rip]; 8: call ITEM; ret",
	  "53 4c8d7cc500 488b74c5d8 488d0c7500000000 4885c9 740f 498b7fe0 ba01000000 ff1500000000 e8070000f0 c3",
	  "je+16 path-peek: key; P r15-40; push+0 table-drop:; G rdi" },
	{ "push rbx; call ITEM; lea r15, [rbp+rax*8]; mov rsi, [rbp+rax*8-0x28]; lea rcx, [rsi*2]; test rcx, rcx; je 8f; mov rdi, [r15-0x20]; mov edx, 1; call qword [rip]; 8: ret",
	  "53 e8070000f0 4c8d7cc500 488b74c5d8 488d0c7500000000 4885c9 740f 498b7fe0 ba01000000 ff1500000000 c3",
	  "je+1b path-peek: key; P r15-40; push+0 table-drop:; G rdi" },
	{ "push rbx; call ITEM; ret", "53 e8070000f0 c3", "push+0 table-drop:; G rdi" },
	{ "push rbx; lea r15, [rbp+rax*8]; mov rsi, [rbp+rax*8-0x28]; lea rcx, [rsi*2]; test rcx, rcx; je 8f; mov rdi, [r15-0x20]; mov edx, 1; call qword [rip]; 8: call OTHER; ret",
	  "53 4c8d7cc500 488b74c5d8 488d0c7500000000 4885c9 740f 498b7fe0 ba01000000 ff1500000000 e8060000f0 c3",
	  "" },
	{ "push rbx; lea r15, [rbp+rax*8]; mov rsi, [rbp+rax*8-0x28]; lea rcx, [rsi*2]; test rcx, rcx; je 8f; mov rdi, [r15-0x20]; mov edx, 1; call qword [rip]; 8: call INSERT; ret",
	  "53 4c8d7cc500 488b74c5d8 488d0c7500000000 4885c9 740f 498b7fe0 ba01000000 ff1500000000 e8030000f0 c3",
	  "" },
	{ "push rbx; lea r15, [rbp+rax*8]; mov rsi, [rbp+rax*8-0x28]; lea rcx, [rsi*2]; test rcx, rcx; je 8f; mov rdi, [r15-0x20]; mov edx, 1; call qword [rip]; 8: ret",
	  "53 4c8d7cc500 488b74c5d8 488d0c7500000000 4885c9 740f 498b7fe0 ba01000000 ff1500000000 c3",
	  "" },
};

/* What StatsHandle::session() returns. */
static const struct guard_line sessions[] = {
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: mov rdi, r12; mov rsi, r13; call SESSION; mov [rbx+0x20], rax; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 4c89e7 4c89ee e8020000f0 48894320 c3",
	  "je+6 publisher.bytes: guard; G rbx; call+1b sessions.sessions: guard; G rbx+32, P rsi, T [rdi+32]:1, S [rdi+24]" },
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: call SESSION; mov ecx, edx; mov [rsp+0x20], rax; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 e8020000f0 89d1 4889442420 c3",
	  "je+6 publisher.bytes: guard; G rbx; call+15 sessions.sessions: guard; G rsp+32, P rsi, T [rdi+32]:1, S [rdi+24]" },
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: call SESSION; nop; nop; nop; nop; nop; mov [rbx], rax; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 e8020000f0 90 90 90 90 90 488903 c3",
	  "je+6 publisher.bytes: guard; G rbx; call+15 sessions.sessions: guard; G rbx, P rsi, T [rdi+32]:1, S [rdi+24]" },
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: call SESSION; nop; nop; nop; nop; nop; nop; mov [rbx], rax; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 e8020000f0 90 90 90 90 90 90 488903 c3",
	  "je+6 publisher.bytes: guard; G rbx" },
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: call SESSION; xor eax, eax; mov [rbx], rax; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 e8020000f0 31c0 488903 c3",
	  "je+6 publisher.bytes: guard; G rbx" },
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: call SESSION; mov [rbx+rcx*8], rax; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 e8020000f0 488904cb c3",
	  "je+6 publisher.bytes: guard; G rbx" },
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: call SESSION; mov [rbx], eax; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 e8020000f0 8903 c3",
	  "je+6 publisher.bytes: guard; G rbx" },
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: call SESSION; mov [rbx], rdx; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 e8020000f0 488913 c3",
	  "je+6 publisher.bytes: guard; G rbx" },
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: call OTHER; mov [rbx], rax; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 e8060000f0 488903 c3",
	  "je+6 publisher.bytes: guard; G rbx" },
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: call SESSION; mov rbx, [rsp]; mov [rbx], rax; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 e8020000f0 488b1c24 488903 c3",
	  "je+6 publisher.bytes: guard; G rbx" },
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: call SESSION; mov [rcx], rax; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 e8020000f0 488901 c3",
	  "je+6 publisher.bytes: guard; G rbx" },
};

static void arcs_of_tracks(void **state)
{
	(void)state;
	guard_lines_assert(opens, LEN(opens), GUARD_LITE);
}

static void arcs_after_subscribe(void **state)
{
	(void)state;
	guard_lines_assert(arcs, LEN(arcs), GUARD_LITE);
}

static void owners_of_broadcasts(void **state)
{
	(void)state;
	guard_lines_assert(owners, LEN(owners), GUARD_IETF);
}

static void tables_of_broadcasts(void **state)
{
	(void)state;
	guard_lines_assert(tables, LEN(tables), GUARD_IETF);
}

static void what_a_table_keeps(void **state)
{
	(void)state;
	guard_lines_assert(kept, LEN(kept), GUARD_OF_ITEM);
}

static void tables_that_are_let_go(void **state)
{
	(void)state;
	guard_lines_assert(drops, LEN(drops), GUARD_OF_TABLE);
}

static void places_of_sessions(void **state)
{
	(void)state;
	guard_lines_assert(sessions, LEN(sessions), GUARD_LITE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arcs_of_tracks),	cmocka_unit_test(arcs_after_subscribe),
		cmocka_unit_test(owners_of_broadcasts), cmocka_unit_test(tables_of_broadcasts),
		cmocka_unit_test(what_a_table_keeps),	cmocka_unit_test(tables_that_are_let_go),
		cmocka_unit_test(places_of_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
