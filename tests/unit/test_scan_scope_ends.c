/* SPDX-License-Identifier: MIT */
/*
 * test_scan_scope_ends.c - the same of announcements that end, of subscriptions and of sessions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scan_short.h"
#include "scope_lines.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static struct scope_image w;

static int setup(void **state)
{
	(void)state;
	scope_lines_init(&w, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scope_image_deinit(&w);
	return 0;
}

static void again(void)
{
	teardown(NULL);
	setup(NULL);
}

/* ---- announcements that end ---- */

static const struct scope_line
	keys[] = {
		/* The key is at an index, and so are others in front. */
		{ TABLE,
		  "push rbx; lea r15, [rax+r13]; mov rcx, [r13+rax-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; lea rdi, [r15-0x30]; call [rip]; 2: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock add qword [r10+0x10], r8; lock inc qword [r10+8]; 1: ret",
		  "53 4e8d3c28 498b4c05d0 4885c9 7410 f048ff09 750a 498d7fd0 ff1500000000 498b47e8 4885c0 741b 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f04d014210 f049ff4208 c3",
		  "je+26 side.announced_bytes: pending; je+26 side.announced_closed: pending; je+d path-peek: key; P r15-48; push+0 table-drop:; G [rdi+80]" },
		/* It is on the stack. */
		{ ATTRIBUTE,
		  "push rbx; mov rax, [rsp+0x40]; test rax, rax; je 2f; lock dec qword [rax]; jne 2f; lea rdi, [rsp+0x40]; call [rip]; 2: mov rcx, [rsp+0x190]; movzx eax, byte [rsp+0x1a0]; test rcx, rcx; je 1f; lea r10, [rcx+0x10]; lea r11, [rcx+0x70]; test al, al; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 488b442440 4885c0 7411 f048ff08 750b 488d7c2440 ff1500000000 488b8c2490010000 0fb68424a0010000 4885c9 7413 4c8d5110 4c8d5970 84c0 4d0f45d3 f049ff4208 c3",
		  "je+2f side.announced_closed: pending; je+9 path-peek: key; P rsp+64; push+0 table-drop:; G [rsi+120]" },
		/* Two of one table. */
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; call [rip]; 2: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: mov rcx, [r14]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; call [rip]; 2: mov rax, [r14+0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r14+0x28], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b4fd0 4885c9 740c f048ff09 7506 ff1500000000 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 498b0e 4885c9 740c f048ff09 7506 ff1500000000 498b4618 4885c0 7416 4c8d5010 4c8d5870 41807e2800 4d0f45d3 f049ff4208 c3",
		  "je+1d side.announced_closed: pending; je+50 side.announced_closed: pending; je+8 path-peek: key; P r15-48; je+3b path-peek: key; P r14; push+0 table-drop:; G [rdi+80]" },
		/* What counts other things in between isn't it. */
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; call [rip]; 2: test rdx, rdx; je 3f; lock dec qword [rdx+8]; 3: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b4fd0 4885c9 740c f048ff09 7506 ff1500000000 4885d2 7405 f048ff4a08 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+27 side.announced_closed: pending; je+8 path-peek: key; P r15-48; push+0 table-drop:; G [rdi+80]" },
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; call [rip]; 2: test rdx, rdx; je 3f; lock dec qword [rdx+rdi]; 3: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret", "53 498b4fd0 4885c9 740c f048ff09 7506 ff1500000000 4885d2 7405 f048ff0c3a 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+27 side.announced_closed: pending; je+8 path-peek: key; P r15-48; push+0 table-drop:; G [rdi+80]" },
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; call [rip]; 2: test rdx, rdx; jne 3f; lock dec qword [rdx]; 3: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b4fd0 4885c9 740c f048ff09 7506 ff1500000000 4885d2 7504 f048ff0a 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+26 side.announced_closed: pending; je+8 path-peek: key; P r15-48; push+0 table-drop:; G [rdi+80]" },
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; call [rip]; 2: test rdx, rdx; je 3f; dec qword [rdx]; 3: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b4fd0 4885c9 740c f048ff09 7506 ff1500000000 4885d2 7403 48ff0a 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+25 side.announced_closed: pending; je+8 path-peek: key; P r15-48; push+0 table-drop:; G [rdi+80]" },
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; call [rip]; 2: test rdx, rdx; je 3f; lock xor qword [rdx], rdi; 3: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b4fd0 4885c9 740c f048ff09 7506 ff1500000000 4885d2 7404 f048313a 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+26 side.announced_closed: pending; je+8 path-peek: key; P r15-48; push+0 table-drop:; G [rdi+80]" },
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; jne 2f; call [rip]; 2: mov rcx, [rbx]; cmove rdx, rdi; lock dec qword [rcx]; mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b4fd0 4885c9 740c f048ff09 7506 ff1500000000 488b0b 480f44d7 f048ff09 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+28 side.announced_closed: pending; je+8 path-peek: key; P r15-48; push+0 table-drop:; G [rdi+80]" },
		/* None; or too far in front. */
		{ TABLE,
		  "push rbx; mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+8 side.announced_closed: none" },
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; 2: .rept 20; nop; .endr; mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b4fd0 4885c9 7404 f048ff09 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+29 side.announced_closed: pending; je+8 path-peek: key; P r15-48; push+0 table-drop:; G [rdi+80]" },
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; 2: .rept 21; nop; .endr; mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret", "53 498b4fd0 4885c9 7404 f048ff09 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+2a side.announced_closed: none" },
		/* Where it is can't be told: in no register, or not as it was; or it isn't read
		   there. */
		{ TABLE,
		  "push rbx; mov rcx, [r13+rax-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; 2: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b4c05d0 4885c9 7404 f048ff09 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+16 side.announced_closed: none" },
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; mov r15, [rdx]; test rcx, rcx; je 2f; lock dec qword [rcx]; 2: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b4fd0 4c8b3a 4885c9 7404 f048ff09 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+18 side.announced_closed: none" },
		{ TABLE,
		  "push rbx; lea rcx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; 2: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498d4fd0 4885c9 7404 f048ff09 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+15 side.announced_closed: none" },
		{ TABLE,
		  "push rbx; mov rcx, r15; test rcx, rcx; je 2f; lock dec qword [rcx]; 2: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 4c89f9 4885c9 7404 f048ff09 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+14 side.announced_closed: none" },
		{ TABLE,
		  "push rbx; mov ecx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; 2: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 418b4fd0 4885c9 7404 f048ff09 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+15 side.announced_closed: none" },
		{ TABLE,
		  "push rbx; test rcx, rcx; je 2f; lock dec qword [rcx]; 2: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 4885c9 7404 f048ff09 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+11 side.announced_closed: none" },
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; add r15, 0x7fffffff; add r15, 0x7fffffff; test rcx, rcx; je 2f; lock dec qword [rcx]; 2: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b4fd0 4981c7ffffff7f 4981c7ffffff7f 4885c9 7404 f048ff09 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4208 c3",
		  "je+23 side.announced_closed: none" },
		/* It has moved by then, in step. */
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; lea r14, [r15-0x20]; mov r15, rdx; test rcx, rcx; je 2f; lock dec qword [rcx]; 2: mov rax, [r14+8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r14+0x18], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "53 498b4fd0 4d8d77e0 4989d7 4885c9 7404 f048ff09 498b4608 4885c0 7416 4c8d5010 4c8d5870 41807e1800 4d0f45d3 f049ff4208 c3",
		  "je+1c side.announced_closed: pending; je+f path-peek: key; P r14-16; push+0 table-drop:; G [rdi+80]" },
		/* Announcements that begin, and other things, aren't told so. */
		{ TABLE,
		  "push rbx; mov rcx, [r15-0x30]; test rcx, rcx; je 2f; lock dec qword [rcx]; 2: mov rax, [r15-0x18]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15-8], 0; cmovne r10, r11; lock inc qword [r10+0x28]; 1: ret",
		  "53 498b4fd0 4885c9 7404 f048ff09 498b47e8 4885c0 7416 4c8d5010 4c8d5870 41807ff800 4d0f45d3 f049ff4228 c3",
		  "je+15 side.fetches: none" },
		/* There is no way but unwinding. */
		{ DROP,
		  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock add qword [r10+0x10], r8; lock inc qword [r10+8]; 1: ret", "488b07 4885c0 741a 4c8d5010 4c8d5870 807f1000 4d0f45d3 f04d014210 f049ff4208 c3",
		  "je+6 side.announced_bytes: odd; je+6 side.announced_closed: odd" },
		{ DROP_OPTION,
		  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "488b07 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4208 c3",
		  "je+6 side.announced_closed: odd" },
		{ CALL_ONCE,
		  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
		  "488b07 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4208 c3",
		  "je+6 side.announced_closed: odd" },
		{ DROP,
		  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock add qword [r10+0x10], r8; lock inc qword [r10+0]; 1: ret",
		  "488b07 4885c0 7419 4c8d5010 4c8d5870 807f1000 4d0f45d3 f04d014210 f049ff02 c3",
		  "je+6 side.announced_bytes: none; je+6 side.announced: none" },
	};

static void keys_of_tables(void **state)
{
	(void)state;
	scope_lines_assert(keys, LEN(keys));
}

static const struct scope_line sources[] = {
	{ TRACED,
	  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock add qword [r10+0x10], r8; lock inc qword [r10+8]; 1: lea rdi, [rbx+0x90]; lea rdx, [rbx+0x10]; call SYNC; ret",
	  "488b07 4885c0 741a 4c8d5010 4c8d5870 807f1000 4d0f45d3 f04d014210 f049ff4208 488dbb90000000 488d5310 e8187f7f7f c3",
	  "je+6 side.announced_bytes: path; P rdi-112, skip [rdi-128]; je+6 side.announced_closed: path; P rdi-112, skip [rdi-128]" },
	{ UNTRACED,
	  "mov rax, [rbx+0x40]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rbx+0x50], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: lea rdi, [rbx+0x18]; lea rdx, [rbx+0x98]; call SYNC; ret",
	  "488b4340 4885c0 7415 4c8d5010 4c8d5870 807b5000 4d0f45d3 f049ff4208 488d7b18 488d9398000000 e8187f7f7f c3",
	  "je+7 side.announced_closed: path; P rbx+208, skip [rbx+192]" },
	{ SOURCE,
	  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: lea rdi, [rbx+0x90]; lea rdx, [rbx+0x10]; call SYNC; lea rdi, [rsp+0x98]; lea rdx, [rsp+0x18]; call SYNC; ret",
	  "488b07 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4208 488dbb90000000 488d5310 e8187f7f7f 488dbc2498000000 488d542418 e8187f7f7f c3",
	  "je+6 side.announced_closed: path; P rdi-112, skip [rdi-128]" },
	{ SYNC,
	  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: mov rax, [rdx+8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdx+0x28], 0; cmovne r10, r11; lock inc qword [r10+0]; 1: lea rdi, [rbx+0x90]; lea rdx, [rbx+0x10]; call SYNC; ret",
	  "488b07 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4208 488b4208 4885c0 7414 4c8d5010 4c8d5870 807a2800 4d0f45d3 f049ff02 488dbb90000000 488d5310 e8187f7f7f c3",
	  "je+6 side.announced_closed: path; P rdi-112, skip [rdi-128]; je+24 side.announced: path; P rdx+16, skip [rdx+0]" },
	/* The calls differ: the first, the last or both, or can't be told. */
	{ TRACED,
	  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: lea rdi, [rbx+0x90]; lea rdx, [rbx+0x10]; call SYNC; lea rdi, [rbx+0x90]; lea rdx, [rbx+0x18]; call SYNC; ret",
	  "488b07 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4208 488dbb90000000 488d5310 e8187f7f7f 488dbb90000000 488d5318 e8187f7f7f c3",
	  "je+6 side.announced_closed: none" },
	{ TRACED,
	  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: lea rdi, [rbx+0x90]; lea rdx, [rbx+0x10]; call SYNC; lea rdi, [rbx+0x90]; mov rdx, [rsp]; call SYNC; ret",
	  "488b07 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4208 488dbb90000000 488d5310 e8187f7f7f 488dbb90000000 488b1424 e8187f7f7f c3",
	  "je+6 side.announced_closed: none" },
	{ TRACED,
	  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: lea rdi, [rbx+0x90]; mov rdx, [rsp]; call SYNC; lea rdi, [rbx+0x90]; lea rdx, [rbx+0x10]; call SYNC; ret",
	  "488b07 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4208 488dbb90000000 488b1424 e8187f7f7f 488dbb90000000 488d5310 e8187f7f7f c3",
	  "je+6 side.announced_closed: none" },
	{ TRACED,
	  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: mov rdi, [rsp]; lea rdx, [rbx+0x10]; call SYNC; ret",
	  "488b07 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4208 488b3c24 488d5310 e8187f7f7f c3",
	  "je+6 side.announced_closed: none" },
	{ TRACED,
	  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: lea rdi, [rbx+0x90]; lea rdx, [rbp+0x10]; call SYNC; ret",
	  "488b07 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4208 488dbb90000000 488d5510 e8187f7f7f c3",
	  "je+6 side.announced_closed: none" },
	{ TRACED,
	  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
	  "488b07 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4208 c3",
	  "je+6 side.announced_closed: none" },
	/* It is not at a place. */
	{ TRACED,
	  "mov rax, [rdi+rcx]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: lea rdi, [rbx+0x90]; lea rdx, [rbx+0x10]; call SYNC; ret", "488b040f 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4208 488dbb90000000 488d5310 e8187f7f7f c3",
	  "je+7 side.announced_closed: none" },
	/* Nor does it count another thing. */
	{ TRACED,
	  "mov rax, [rdi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdi+0x10], 0; cmovne r10, r11; lock inc qword [r10+0x28]; 1: lea rdi, [rbx+0x90]; lea rdx, [rbx+0x10]; call SYNC; ret",
	  "488b07 4885c0 7415 4c8d5010 4c8d5870 807f1000 4d0f45d3 f049ff4228 488dbb90000000 488d5310 e8187f7f7f c3",
	  "je+6 side.fetches: none" },
};

static void sources_beside_scopes(void **state)
{
	(void)state;
	scope_lines_assert(sources, LEN(sources));
}

/* ---- subscriptions ---- */

static const struct scope_line subscriptions[] = {
	{ OPENS,
	  "mov r14, [rsi+8]; test r14, r14; je 1f; lea r10, [r14+0x10]; lea r11, [r14+0x70]; cmp byte [rsi+0x28], 0; cmovne r10, r11; lock inc qword [r10+0x18]; lock inc qword [r10+0x30]; 1: ret",
	  "4c8b7608 4d85f6 741a 4d8d5610 4d8d5e70 807e2800 4d0f45d3 f049ff4218 f049ff4230 c3",
	  "je+7 side.subscriptions: path viewer; P rsi+16, skip [rsi+0]; je+7 side.broadcasts: viewer" },
	{ OPENS,
	  "mov r14, [rsi+8]; test r14, r14; je 1f; lea r10, [r14+0x10]; lea r11, [r14+0x70]; cmp byte [rsi+0x30], 0; cmovne r10, r11; lock inc qword [r10+0x18]; 1: ret",
	  "4c8b7608 4d85f6 7415 4d8d5610 4d8d5e70 807e3000 4d0f45d3 f049ff4218 c3",
	  "je+7 side.subscriptions: none" },
	{ CLOSES,
	  "mov rax, [rbx+0x28]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rbx+0x30], 0; cmovne r10, r11; lock inc qword [r10+0x38]; 1: mov rax, [rbx+0x28]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rbx+0x30], 0; cmovne r10, r11; lock inc qword [r10+0x20]; 1: ret",
	  "488b4328 4885c0 7415 4c8d5010 4c8d5870 807b3000 4d0f45d3 f049ff4238 488b4328 4885c0 7415 4c8d5010 4c8d5870 807b3000 4d0f45d3 f049ff4220 c3",
	  "je+7 side.broadcasts_closed: viewer; je+25 side.subscriptions_closed: guard viewer; G rbx, P rbx+208, skip [rbx+192]" },
	{ CLOSES,
	  "mov rax, [rsp+0x30]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsp+0x38], 0; cmovne r10, r11; lock inc qword [r10+0x20]; 1: ret",
	  "488b442430 4885c0 7416 4c8d5010 4c8d5870 807c243800 4d0f45d3 f049ff4220 c3",
	  "je+8 side.subscriptions_closed: guard viewer; G rsp+8, P rsp+216, skip [rsp+200]" },
	{ CLOSES,
	  "mov rax, rbx; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rbx+0x30], 0; cmovne r10, r11; lock inc qword [r10+0x20]; 1: ret",
	  "4889d8 4885c0 7415 4c8d5010 4c8d5870 807b3000 4d0f45d3 f049ff4220 c3",
	  "je+6 side.subscriptions_closed: none" },
	{ PUBLISH, "push rbx; pop rbx; ret", "53 5b c3",
	  "push+0 guard-place: path; G rdi+32, P rsi+16, skip [rsi+0]" },
};

static void subscriptions_of_either_side(void **state)
{
	(void)state;
	scope_lines_assert(subscriptions, LEN(subscriptions));
}

static const struct scope_line begins = {
	ANNOUNCE,
	"mov rax, [rsi+8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0x28], 0; cmovne r10, r11; lock add qword [r10+0x10], r8; lock inc qword [r10+0]; 1: ret",
	"488b4608 4885c0 7419 4c8d5010 4c8d5870 807e2800 4d0f45d3 f04d014210 f049ff02 c3",
	"je+7 side.announced_bytes: path; P rsi+16, skip [rsi+0]; je+7 side.announced: path; P rsi+16, skip [rsi+0]"
};

/* What is opened there is noted; no more. */
static void what_opens(void **state)
{
	const struct scope_line *lines[] = { &begins, &keys[0], &subscriptions[0],
					     &subscriptions[2] };
	struct sites s;
	size_t i, k;

	(void)state;
	for (i = 0; i < LEN(lines); i++) {
		scope_lines_add(&w, lines[i]);
		scope_image_scan_good(&w, &s);
		for (k = 0; k < s.len; k++) {
			const struct moqstat_site *what = &s.list[k].what;
			bool of_it =
				s.functions[s.list[k].function].addr == w.parts[PART_AT_HAND].addr;

			if (what->event == MOQSTAT_EVENT_BUMP)
				assert_int_equal(
					what->opens,
					what->field == MOQSTAT_ANNOUNCED ||
						(what->field == MOQSTAT_SUBSCRIPTIONS && of_it));
		}
		assert_true(sites_told_off(&s));
		sites_deinit(&s);
		again();
	}
}

/* ---- sessions ---- */

/* push rbx; mov rbx, rsi; test rsi, rsi; je 1f; lock inc qword [rbx+0x10]; 1: mov edi, 0x88; mov
 * esi, 8; call [rip]; test rax, rax; je 2f; nop; 2: pop rbx; ret */
#define MADE \
	"53 4889f3 4885f6 7405 f048ff4310 bf88000000 be08000000 ff1500000000 4885c0 7401 90 5b c3"
/* push rbx; mov rbx, rsi; test rsi, rsi; je 1f; lock inc qword [rbx+0x10]; 1: mov edi, 0x90; mov
 * esi, 8; call [rip]; test rax, rax; je 2f; nop; 2: pop rbx; ret */
#define MADE_ELSE \
	"53 4889f3 4885f6 7405 f048ff4310 bf90000000 be08000000 ff1500000000 4885c0 7401 90 5b c3"

/* What a session's function does but for where its root is made a path, and what is in front. */
/* push rbx; sub rsp, 0x90 */
#define SESSION_FRAME "53 4881ec90000000"
/* mov rbx, [rdi+0x18]; mov rax, [rdi+0x20]; mov [rsp+0x38], rbx; mov [rsp+0x40], rax; mov
 * [rsp+0x48], rax */
#define SESSION_HANDLE "488b5f18 488b4720 48895c2438 4889442440 4889442448"
/* The third word of the label, first. */
/* mov [rsp+0x50], rdx */
#define SESSION_LABEL "4889542450"
/* lea rdi, [rsp+8]; lea rsi, [rsp+0x70]; call OWN; test rax, rax; je 1f; nop; 1: lea rax,
 * [rbx+0x18]; mov edi, 0x20; mov esi, 8; call [rip]; test rax, rax; je 2f; lea rdi, [rsp+0x20];
 * call NEW; 2: add rsp, 0x90; pop rbx; ret */
#define SESSION_ENDS \
	"488d7c2408 488d742470 e8027f7f7f 4885c0 7401 90 488d4318 bf20000000 be08000000 ff1500000000 4885c0 740a 488d7c2420 e8017f7f7f 4881c490000000 5b c3"

static const struct {
	const char *assembly, *hex;
	const char *expected; /* of the place at the branch; "" if there is none */
	const char *before;   /* behind the frame; NULL: SESSION_LABEL */
} roots[] = {
	/* A path; and a text. */
	{ "mov [rsp+0x60], rsi; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885db 740f 488d7c2470 488d742460 e8167f7f7f 90",
	  "je+2c session:; E [rsp+96], T rsp+64, S rbx", NULL },
	{ "mov [rsp+0x60], rsi; mov [rsp+0x68], rdx; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_STR; 3: nop",
	  "4889742460 4889542468 4885db 740f 488d7c2470 488d742460 e8177f7f7f 90",
	  "je+31 session:; E [rsp+96], T rsp+64, S rbx, N [rsp+104]", NULL },
	/* All of it must be put down: a text's length, too; words; nowhere else, nor by an index.
	 */
	{ "mov [rsp+0x60], rsi; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_STR; 3: nop",
	  "4889742460 4885db 740f 488d7c2470 488d742460 e8177f7f7f 90", "", NULL },
	{ "mov [rsp+0x60], esi; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "89742460 4885db 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "mov [rbx+0x60], rsi; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "48897360 4885db 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "mov [rsp+rdx+0x60], rsi; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889741460 4885db 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "mov rdx, [rsp+0x60]; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "488b542460 4885db 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "test rbx, rbx; je 3f; mov [rsp+0x60], rsi; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4885db 7414 4889742460 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	/* The label is put down long before. */
	{ "test rdx, rdx; je 4f; nop; 4: mov [rsp+0x60], rsi; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4885d2 7401 90 4889742460 4885db 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "mov [rsp+0x60], rsi; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885db 740f 488d7c2470 488d742460 e8167f7f7f 90", "",
	  /* mov [rsp+0x50], rdx; test rdx, rdx; je 4f; nop; 4: nop */
	  "4889542450 4885d2 7401 90 90" },
	/* It is given on from elsewhere; or there is none. */
	{ "mov [rsp+0x60], rsi; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; mov rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885db 740f 488d7c2470 488b742460 e8167f7f7f 90", "", NULL },
	{ "mov [rsp+0x60], rsi; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rbx+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885db 740e 488d7c2470 488d7360 e8167f7f7f 90", "", NULL },
	{ "mov [rsp+0x60], rsi; test rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call [rip]; 3: nop",
	  "4889742460 4885db 7410 488d7c2470 488d742460 ff1500000000 90", "", NULL },
	/* The branch asks for something else: another way round, of another register, of what is
	 * at another place, or is not loaded, or only what the function is called with. */
	{ "mov [rsp+0x60], rsi; test rbx, rbx; jne 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885db 750f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "mov [rsp+0x60], rsi; cmp rbx, 0; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4883fb00 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "mov [rsp+0x60], rsi; test rbx, rax; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885c3 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "mov [rsp+0x60], rsi; test rax, rax; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885c0 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "mov [rsp+0x60], rsi; test rdi, rdi; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885ff 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "mov [rsp+0x60], rsi; lea rax, [rdi+0x18]; test rax, rax; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 488d4718 4885c0 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "mov [rsp+0x60], rsi; cmp rbx, rbx; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4839db 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	{ "mov [rsp+0x60], rsi; mov rax, 0x18; test rax, rax; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 48c7c018000000 4885c0 740f 488d7c2470 488d742460 e8167f7f7f 90", "", NULL },
	/* It has been loaded in one place; in more, or is what the function is called with. */
	{ "mov [rsp+0x60], rsi; test rdi, rdi; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885ff 740f 488d7c2470 488d742460 e8167f7f7f 90",
	  "je+30 session:; E [rsp+96], T rsp+64, S rdi",
	  /* mov rdi, [rbp+0x18]; mov [rsp+0x50], rdx */
	  "488b7d18 4889542450" },
	{ "mov [rsp+0x60], rsi; test rdi, rdi; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885ff 740f 488d7c2470 488d742460 e8167f7f7f 90", "",
	  /* test rdx, rdx; je 4f; mov rdi, [rbp+0x18]; 4: mov [rsp+0x50], rdx */
	  "4885d2 7404 488b7d18 4889542450" },
	{ "mov [rsp+0x60], rsi; test rdi, rdi; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885ff 740f 488d7c2470 488d742460 e8167f7f7f 90", "",
	  /* mov rdi, [rbp+0x18]; test rdx, rdx; je 4f; mov rdi, [rbp+0x10]; 4: mov [rsp+0x50], rdx
	   */
	  "488b7d18 4885d2 7404 488b7d10 4889542450" },
	{ "mov [rsp+0x60], rsi; test rdi, rdi; je 3f; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH; 3: nop",
	  "4889742460 4885ff 740f 488d7c2470 488d742460 e8167f7f7f 90", "",
	  /* mov rdi, [rbp+0x10]; test rdx, rdx; je 4f; mov rdi, [rbp+0x18]; 4: mov [rsp+0x50], rdx
	   */
	  "488b7d10 4885d2 7404 488b7d18 4889542450" },
	/* No branch is in front. */
	{ "mov [rsp+0x60], rsi; lea rdi, [rsp+0x70]; lea rsi, [rsp+0x60]; call REF_PATH",
	  "4889742460 488d7c2470 488d742460 e8167f7f7f", "", NULL },
};

static void session_of(size_t root, char *hex, size_t size)
{
	snprintf(hex, size, SESSION_FRAME " %s " SESSION_HANDLE " %s " SESSION_ENDS,
		 roots[root].before ? roots[root].before : SESSION_LABEL, roots[root].hex);
}

static void roots_of_sessions(void **state)
{
	char hex[1024], text[GUARD_TEXT];
	const char *from;
	struct sites s;
	size_t i, len;

	(void)state;
	for (i = 0; i < LEN(roots); i++) {
		session_of(i, hex, sizeof(hex));
		w.parts[PART_SESSION].hex = hex;
		scope_image_scan_good(&w, &s);
		guard_text(&s, w.parts[PART_SESSION].addr, text);
		len = strlen(roots[i].expected);
		from = strstr(text, " session:;");
		assert_non_null(from);
		if (len ? strncmp(text, roots[i].expected, len) || text[len] != ';'
			: !!strstr(from + 1, " session:;"))
			fail_msg("%s: got %s", roots[i].assembly, text);
		if (len) {
			assert_int_equal(s.list[BUMPS + 2].what.event, MOQSTAT_EVENT_SESSION);
			assert_int_equal(s.list[BUMPS + 2].what.when, MOQSTAT_WHEN_ZERO);
			assert_int_equal(s.list[BUMPS + 3].what.when, MOQSTAT_WHEN_ALWAYS);
		}
		sites_deinit(&s);
		again();
	}
}

static void assert_part(const struct sites *s, enum part_index part, const char *expected)
{
	char text[GUARD_TEXT];

	guard_text(s, w.parts[part].addr, text);
	assert_string_equal(text, expected);
}

static void places_of_sessions(void **state)
{
	struct sites s;

	(void)state;
	w.parts[PART_NEW].hex = MADE;
	scope_image_scan_good(&w, &s);
	assert_part(&s, PART_NEW,
		    "je+7 sessions.sessions: pending; E rbx; je+21 guard-place: pending; G rax");
	assert_part(&s, PART_CLOSE, "je+7 sessions.sessions_closed: guard; E rax, G rdi");
	assert_int_equal(s.list[s.len - 2].what.event, MOQSTAT_EVENT_PLACE);
	assert_int_equal(s.list[s.len - 2].what.when, MOQSTAT_WHEN_NONZERO);
	sites_deinit(&s);
	again();
	w.parts[PART_NEW].hex = MADE_ELSE;
	scope_image_scan_good(&w, &s);
	assert_part(&s, PART_NEW, "je+7 sessions.sessions: pending; E rbx");
	sites_deinit(&s);
	again();
	w.parts[PART_NEW].hex = MADE;
	w.im.rodata_len = 0;
	scope_image_scan_good(&w, &s);
	scope_lines_untold(&s);
	sites_deinit(&s);
}

/* ---- short of memory ---- */

static const struct scope_line called = {
	WRITE_DATAGRAM,
	"push rbp; push r15; push rbx; sub rsp, 0x40; mov r15, rsi; mov rax, [rsi+0x40]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15+0x60], 0; cmovne r10, r11; lock inc qword [r10+0x58]; lock inc qword [r10+0x50]; 1: ret",
	"55 4157 53 4883ec40 4989f7 488b4640 4885c0 741b 4c8d5010 4c8d5870 41807f6000 4d0f45d3 f049ff4258 f049ff4250 c3",
	"je+12 side.datagrams: call; G rsp+88; je+12 side.groups: call; G rsp+88; push+0 call:; G rsp, P rsi+72, skip [rsi+56]"
};

static void add_some(void)
{
	static char hex[1024];
	scope_lines_add(&w, &called);
	scope_image_add(&w, keys[0].name, keys[0].hex);
	scope_image_add(&w, sources[0].name, sources[0].hex);
	scope_image_add(&w, PUBLISH, "c3");
	w.parts[PART_NEW].hex = MADE;
	session_of(0, hex, sizeof(hex));
	w.parts[PART_SESSION].hex = hex;
}

static void memory_runs_out(void **state)
{
	(void)state;
	add_some();
	assert_true(scan_short_of_memory(scope_image_open(&w)) > 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {

		TEST(keys_of_tables),
		TEST(sources_beside_scopes),
		TEST(subscriptions_of_either_side),
		TEST(what_opens),
		TEST(roots_of_sessions),
		TEST(places_of_sessions),
		TEST(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
