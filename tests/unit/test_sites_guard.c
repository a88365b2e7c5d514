/* SPDX-License-Identifier: MIT */
/*
 * test_sites_guard.c - by what the sites of a function tell whose guard it is, where entry pointers
 * are null: payload, opens, closes beside a path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard_lines.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Where the guard is, from how E was come by. */
static const struct guard_line payload[] = {
	{ "mov rax, [rbx]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+6 publisher.bytes: guard; G rbx" },
	{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b4310 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+7 publisher.bytes: guard; G rbx+16" },
	{ "mov rcx, [rsp+0x20]; mov rax, [rcx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b4c2420 488b4110 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+c publisher.bytes: guard; G rcx+16" },
	{ "mov rcx, [rsp+0x20]; mov rax, [rcx+0x10]; mov rcx, rdx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b4c2420 488b4110 4889d1 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+f publisher.bytes: guard; G [rsp+32]+16" },
	{ "mov rcx, [rsp+0x20]; lea rcx, [rcx+0x30]; mov rax, [rcx+0x10]; mov rcx, rdx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b4c2420 488d4930 488b4110 4889d1 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+13 publisher.bytes: guard; G [rsp+32]+64" },
	{ "lea rcx, [rbx+0x30]; mov rax, [rcx+0x10]; mov rcx, rdx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488d4b30 488b4110 4889d1 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+e publisher.bytes: guard; G rbx+64" },
	{ "mov rcx, rbx; mov rax, [rcx+0x10]; mov rcx, rdx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "4889d9 488b4110 4889d1 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+d publisher.bytes: guard; G rbx+16" },
	{ "mov rax, [rax]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b00 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3", "je+6 publisher.bytes: none" },
	{ "mov rax, [rbx]; mov rbx, rdx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b03 4889d3 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+9 publisher.bytes: none" },
	{ "mov rax, [rbx]; call qword [rip]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b03 ff1500000000 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+c publisher.bytes: none" },
	{ "mov r8, [rbx]; call qword [rip]; mov rax, r8; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "4c8b03 ff1500000000 4c89c0 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+f publisher.bytes: none" },
	{ "mov rcx, [rsp+0x20]; mov rax, [rcx+0x10]; mov rcx, rdx; mov [rsi], rdx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b4c2420 488b4110 4889d1 488916 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+12 publisher.bytes: none" },
	{ "mov rcx, [rsp+0x20]; mov rax, [rcx+0x10]; mov rcx, rdx; push rdx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b4c2420 488b4110 4889d1 52 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+10 publisher.bytes: none" },
	{ "mov rcx, [rsi+0x20]; mov rax, [rcx+0x10]; mov rcx, rdx; mov rsi, rdx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b4e20 488b4110 4889d1 4889d6 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+11 publisher.bytes: none" },
	{ "mov rcx, [rsp+0x20]; mov rcx, [rcx+8]; mov rax, [rcx+0x10]; mov rcx, rdx; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b4c2420 488b4908 488b4110 4889d1 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+13 publisher.bytes: none" },
	{ "mov rax, [rbx+rsi*8]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b04f3 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3", "je+7 publisher.bytes: none" },
	{ "mov rax, [rbx]; 2: test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: dec esi; jne 2b; ret",
	  "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 ffce 75ea c3",
	  "je+6 publisher.bytes: none" },
	{ "mov rax, [rbx]; test dl, dl; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b03 84d2 740d 0fb6c9 488d0cc9 f0480154c840 c3", "je+5 publisher.bytes: none" },
	{ "mov rax, [rbx]; test eax, eax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b03 85c0 740d 0fb6c9 488d0cc9 f0480154c840 c3", "je+5 publisher.bytes: none" },
	{ "mov rax, [rbx]; test rdx, rdx; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b03 4885d2 740d 0fb6c9 488d0cc9 f0480154c840 c3", "je+6 publisher.bytes: none" },
	{ "mov rax, [rbx]; test rax, rdx; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b03 4885d0 740d 0fb6c9 488d0cc9 f0480154c840 c3", "je+6 publisher.bytes: none" },
	{ "mov rax, [rbx]; test rax, rax; dec rsi; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b03 4885c0 48ffce 740d 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+9 publisher.bytes: none" },
	{ "mov rax, [rbx]; test rax, rax; je 1f; mov rax, [rbx]; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b03 4885c0 7410 488b03 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+6 publisher.bytes: guard; G rbx" },
	{ "mov rax, [rbx+8]; test rax, rax; je 1f; mov rax, [rbx]; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b4308 4885c0 7410 488b03 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+7 publisher.bytes: none" },
	{ "mov rax, [rbx+8]; test rax, rax; je 1f; mov rax, [rbx+8]; mov rax, [rax+0x10]; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b4308 4885c0 7415 488b4308 488b4010 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+7 publisher.bytes: none" },
	{ "mov rbx, [rsi]; mov rax, [rbx+8]; test rax, rax; je 1f; mov rax, [rbx+8]; mov rax, [rax+0x10]; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "488b1e 488b4308 4885c0 7415 488b4308 488b4010 0fb6c9 488d0cc9 f0480154c840 c3",
	  "je+a publisher.bytes: none" },
	{ "cmp qword [rbx], 0; je 1f; mov rax, [rbx]; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock add qword [rax+rcx*8+0x40], rdx; 1: ret",
	  "48833b00 7410 488b03 0fb6c9 488d0cc9 f0480154c840 c3", "je+4 publisher.bytes: none" },
};

/* (E is null || not the first), as bytes: the second is told by the flag of a count. */
static const struct guard_line skips[] = {
	{ "test edi, edi; setne cl; test rax, rax; sete dl; or dl, cl; cmp dl, 1; jne 1f; jmp 2f; 1: movzx edx, byte [r14+0x28]; lea rdi, [rdx+rdx*8]; lock inc qword [rax+rdi*8+0x30]; 2: ret",
	  "85ff 0f95c1 4885c0 0f94c2 08ca 80fa01 7502 eb0f 410fb65628 488d3cd2 f048ff44f830 c3",
	  "jne+10 publisher.broadcasts: pending; skip rcx:1" },
	{ "test edi, edi; setne cl; test rax, rax; sete dl; or dl, cl; cmp dl, 1; mov rsi, rax; jne 1f; jmp 2f; 1: movzx edx, byte [r14+0x28]; lea rdi, [rdx+rdx*8]; lock inc qword [rax+rdi*8+0x30]; 2: ret",
	  "85ff 0f95c1 4885c0 0f94c2 08ca 80fa01 4889c6 7502 eb0f 410fb65628 488d3cd2 f048ff44f830 c3",
	  "jne+13 publisher.broadcasts: pending; skip rcx:1" },
	{ "test edi, edi; setne cl; test rax, rax; sete dl; or cl, dl; cmp cl, 1; jne 1f; jmp 2f; 1: movzx edx, byte [r14+0x28]; lea rdi, [rdx+rdx*8]; lock inc qword [rax+rdi*8+0x30]; 2: ret",
	  "85ff 0f95c1 4885c0 0f94c2 08d1 80f901 7502 eb0f 410fb65628 488d3cd2 f048ff44f830 c3",
	  "jne+10 publisher.broadcasts: none" },
	{ "test rdi, rdi; setne cl; test rax, rax; sete dl; or dl, cl; cmp dl, 1; jne 1f; jmp 2f; 1: movzx edx, byte [r14+0x28]; lea rdi, [rdx+rdx*8]; lock inc qword [rax+rdi*8+0x30]; 2: ret",
	  "4885ff 0f95c1 4885c0 0f94c2 08ca 80fa01 7502 eb0f 410fb65628 488d3cd2 f048ff44f830 c3",
	  "jne+11 publisher.broadcasts: none" },
	{ "test edi, esi; setne cl; test rax, rax; sete dl; or dl, cl; cmp dl, 1; jne 1f; jmp 2f; 1: movzx edx, byte [r14+0x28]; lea rdi, [rdx+rdx*8]; lock inc qword [rax+rdi*8+0x30]; 2: ret",
	  "85f7 0f95c1 4885c0 0f94c2 08ca 80fa01 7502 eb0f 410fb65628 488d3cd2 f048ff44f830 c3",
	  "jne+10 publisher.broadcasts: none" },
	{ "cmp edi, 1; setne cl; test rax, rax; sete dl; or dl, cl; cmp dl, 1; jne 1f; jmp 2f; 1: movzx edx, byte [r14+0x28]; lea rdi, [rdx+rdx*8]; lock inc qword [rax+rdi*8+0x30]; 2: ret",
	  "83ff01 0f95c1 4885c0 0f94c2 08ca 80fa01 7502 eb0f 410fb65628 488d3cd2 f048ff44f830 c3",
	  "jne+11 publisher.broadcasts: none" },
	{ "test edi, edi; setne cl; test rax, rax; sete dl; or dl, cl; cmp dl, 1; mov ecx, esi; jne 1f; jmp 2f; 1: movzx edx, byte [r14+0x28]; lea rdi, [rdx+rdx*8]; lock inc qword [rax+rdi*8+0x30]; 2: ret",
	  "85ff 0f95c1 4885c0 0f94c2 08ca 80fa01 89f1 7502 eb0f 410fb65628 488d3cd2 f048ff44f830 c3",
	  "jne+12 publisher.broadcasts: none" },
	{ "test edi, edi; setne cl; test rax, rax; sete dl; or dl, 1; cmp dl, 1; jne 1f; jmp 2f; 1: movzx edx, byte [r14+0x28]; lea rdi, [rdx+rdx*8]; lock inc qword [rax+rdi*8+0x30]; 2: ret",
	  "85ff 0f95c1 4885c0 0f94c2 80ca01 80fa01 7502 eb0f 410fb65628 488d3cd2 f048ff44f830 c3",
	  "jne+11 publisher.broadcasts: none" },
	{ "test edi, edi; setne cl; test rax, rax; sete dl; or edx, ecx; cmp edx, 1; jne 1f; jmp 2f; 1: movzx edx, byte [r14+0x28]; lea rdi, [rdx+rdx*8]; lock inc qword [rax+rdi*8+0x30]; 2: ret",
	  "85ff 0f95c1 4885c0 0f94c2 09ca 83fa01 7502 eb0f 410fb65628 488d3cd2 f048ff44f830 c3",
	  "jne+10 publisher.broadcasts: none" },
	{ "test edi, edi; setne cl; test rax, rax; sete dl; or dl, cl; jne 1f; jmp 2f; 1: movzx edx, byte [r14+0x28]; lea rdi, [rdx+rdx*8]; lock inc qword [rax+rdi*8+0x30]; 2: ret",
	  "85ff 0f95c1 4885c0 0f94c2 08ca 7502 eb0f 410fb65628 488d3cd2 f048ff44f830 c3",
	  "jne+d publisher.broadcasts: none" },
};

/* Announcements of moq-lite. */
static const struct guard_line
	closes[] = {
		{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+7 publisher.announced_closed: guard path; G rbx+16, P rbx+32" },
		{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa8]; 1: mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b4310 4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a8000000 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+7 subscriber.announced_closed: guard path; G rbx+16, P rbx+32" },
		{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa8]; 1: nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b4310 4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a8000000 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+7 subscriber.announced_closed: guard path; G rbx+16, P rbx+32" },
		{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa8]; 1: nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b4310 4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a8000000 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+7 subscriber.announced_closed: guard odd; G rbx+16" },
		{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: nop; nop; mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 90 90 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+7 publisher.announced_closed: guard odd; G rbx+16" },
		{ "mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
		  "488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
		  "je+24 publisher.announced_closed: guard peek; G rbx+16; je+7 path-peek:; P rbx+32" },
		{ "mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: nop; nop; nop; mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
		  "488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 90 90 90 488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
		  "je+27 publisher.announced_closed: guard peek; G rbx+16; je+7 path-peek:; P rbx+32" },
		{ "mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret", "488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 90 90 90 90 90 90 90 90 90 90 90 90 488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
		  "je+30 publisher.announced_closed: guard odd; G rbx+16" },
		{ "mov rsi, [rbx+0x40]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+24 publisher.announced_closed: guard path; G rbx+16, P rbx+32" },
		{ "mov rsi, [rbx+0x40]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa8]; 1: nop; nop; mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 488b4310 4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a8000000 90 90 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+24 subscriber.announced_closed: guard peek; G rbx+16; je+7 path-peek:; P rbx+64" },
		{ "mov rsi, [rbx+0x40]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: mov rax, [rbx+0x30]; test rax, rax; je 2f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 2: ret",
		  "488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 488b4330 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
		  "je+24 publisher.announced_closed: guard peek; G rbx+16; je+3a publisher.announced_closed: guard odd; G rbx+48; je+7 path-peek:; P rbx+64" },
		{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: mov rsi, [rbx+0x20]; test rsi, rsi; je 2f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 2: ret",
		  "488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 488b7320 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+7 publisher.announced_closed: guard odd; G rbx+16" },
		{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: mov rbx, [r12]; mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 498b1c24 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+7 publisher.announced_closed: guard odd; G rbx+16" },
		{ "mov rax, [rax]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret", "488b00 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+6 publisher.announced_closed: path; P rbx+32" },
		{ "mov rax, [rbx]; test dl, dl; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b03 84d2 740d 0fb6c9 488d0cc9 f048ff44c818 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+5 publisher.announced_closed: none" },
	};

/* Tracks: their own path is the one beyond that of a Stats. */
static const struct guard_line
	tracks[] = {
		{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: mov rsi, [rbx+0x40]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x58]; lock dec qword [rax]; mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c828 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 488b4358 f048ff08 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+7 publisher.subscriptions_closed: guard path; G rbx+16, P rbx+32" },
		{ "mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: mov rsi, [rbx+0x40]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x58]; lock dec qword [rax]; nop; nop; nop; nop; nop; nop; nop; nop; nop; mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b4360 4885c0 740d 0fb6c9 488d0cc9 f048ff44c828 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 488b4358 f048ff08 90 90 90 90 90 90 90 90 90 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+7 publisher.subscriptions_closed: guard path; G rbx+96, P rbx+32" },
		{ "mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b4360 4885c0 740d 0fb6c9 488d0cc9 f048ff44c828 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 c3",
		  "je+7 publisher.subscriptions_closed: guard odd; G rbx+96" },
		{ "mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: mov rsi, [rbx+0x40]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x58]; lock dec qword [rax]; ret",
		  "488b4360 4885c0 740d 0fb6c9 488d0cc9 f048ff44c828 488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 488b4358 f048ff08 c3",
		  "je+7 publisher.subscriptions_closed: guard odd; G rbx+96" },
		{ "mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: mov rsi, [rbx+0x40]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x58]; lock dec qword [rax]; mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: ret", "488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 488b4358 f048ff08 488b4360 4885c0 740d 0fb6c9 488d0cc9 f048ff44c828 c3",
		  "je+49 publisher.subscriptions_closed: guard peek; G rbx+96; je+7 path-peek:; P rbx+32" },
		{ "mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: mov rsi, [rbx+0x40]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x58]; lock dec qword [rax]; mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: mov rsi, [rbx+0x80]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x88]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x98]; lock dec qword [rax]; mov rsi, [rbx+0xa0]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0xa8]; mov edx, 1; call qword [rip]; 8: ret",
		  "488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 488b4358 f048ff08 488b4360 4885c0 740d 0fb6c9 488d0cc9 f048ff44c828 488bb380000000 4c39fe 7417 4885f6 7412 488bbb88000000 ba01000000 ff1500000000 488b8398000000 f048ff08 488bb3a0000000 4c39fe 7417 4885f6 7412 488bbba8000000 ba01000000 ff1500000000 c3",
		  "je+49 publisher.subscriptions_closed: guard path; G rbx+96, P rbx+160" },
		{ "mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: mov rsi, [rbx+0x40]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x48]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x58]; lock dec qword [rax]; mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: mov rsi, [rbx+0x80]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x88]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x98]; lock dec qword [rax]; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; mov rsi, [rbx+0xa0]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0xa8]; mov edx, 1; call qword [rip]; 8: ret", "488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b7340 4c39fe 7414 4885f6 740f 488b7b48 ba01000000 ff1500000000 488b4358 f048ff08 488b4360 4885c0 740d 0fb6c9 488d0cc9 f048ff44c828 488bb380000000 4c39fe 7417 4885f6 7412 488bbb88000000 ba01000000 ff1500000000 488b8398000000 f048ff08 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 488bb3a0000000 4c39fe 7417 4885f6 7412 488bbba8000000 ba01000000 ff1500000000 c3",
		  "je+49 publisher.subscriptions_closed: guard peek; G rbx+96; je+7 path-peek:; P rbx+32" },
		{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: ret",
		  "488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c828 c3",
		  "je+7 publisher.subscriptions_closed: guard; G rbx+16" },
		{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xb8]; 1: ret",
		  "488b4310 4885c0 7410 0fb6c9 488d0cc9 f048ff84c8b8000000 c3",
		  "je+7 subscriber.subscriptions_closed: guard; G rbx+16" },
		{ "mov rax, [rbx+0x18]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: ret",
		  "488b4318 4885c0 740d 0fb6c9 488d0cc9 f048ff44c828 c3",
		  "je+7 publisher.subscriptions_closed: guard odd; G rbx+24" },
		{ "mov rax, [rax]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: ret",
		  "488b00 4885c0 740d 0fb6c9 488d0cc9 f048ff44c828 c3",
		  "je+6 publisher.subscriptions_closed: odd" },
	};

/* Where guards have no path beside them that is known, though the function does more than drop one.
 */
static const struct guard_line untold[] = {
	{ "mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: ret",
	  "488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
	  "je+7 publisher.announced_closed: none" },
	{ "mov rax, [rbx+0x60]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]; 1: ret",
	  "488b4360 4885c0 740d 0fb6c9 488d0cc9 f048ff44c828 c3",
	  "je+7 publisher.subscriptions_closed: none" },
	{ "mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: mov rax, [rbx+0x30]; test rax, rax; je 2f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 2: ret",
	  "488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 488b4330 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
	  "je+24 publisher.announced_closed: guard peek; G rbx+16; je+3a publisher.announced_closed: guard odd; G rbx+48; je+7 path-peek:; P rbx+32" },
	{ "mov rsi, [rbx+0x20]; cmp rsi, r15; je 8f; test rsi, rsi; je 8f; mov rdi, [rbx+0x28]; mov edx, 1; call qword [rip]; 8: mov rax, [rbx+0x10]; test rax, rax; je 1f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]; 1: mov rax, [rbx+0x30]; test rax, rax; je 2f; movzx ecx, cl; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0xa8]; 2: ret",
	  "488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 488b4330 4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a8000000 c3",
	  "je+24 publisher.announced_closed: guard peek; G rbx+16; je+3a subscriber.announced_closed: none; je+7 path-peek:; P rbx+32" },
};

static void traffic_by_the_place_of_the_guard(void **state)
{
	(void)state;
	guard_lines_assert(payload, LEN(payload), GUARD_LITE);
}

static void the_first_subscription_of_a_path(void **state)
{
	(void)state;
	guard_lines_assert(skips, LEN(skips), GUARD_LITE);
}

static void closes_beside_a_path(void **state)
{
	(void)state;
	guard_lines_assert(closes, LEN(closes), GUARD_BARE);
}

static void closes_of_tracks(void **state)
{
	(void)state;
	guard_lines_assert(tracks, LEN(tracks), GUARD_BARE);
}

static void closes_without_a_path(void **state)
{
	(void)state;
	guard_lines_assert(untold, LEN(untold), GUARD_LITE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic_by_the_place_of_the_guard),
		cmocka_unit_test(the_first_subscription_of_a_path),
		cmocka_unit_test(closes_beside_a_path),
		cmocka_unit_test(closes_of_tracks),
		cmocka_unit_test(closes_without_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
