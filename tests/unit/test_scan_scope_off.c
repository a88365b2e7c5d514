/* SPDX-License-Identifier: MIT */
/*
 * test_scan_scope_off.c - relays whose tiers are labels, as moq-relay 0.14.12: whose it is that
 * is counted there while their statistics are off, as the code of a function tells: by a scope at
 * hand, by the account of a track, by what the function is called with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scope_lines.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* ---- by a scope at hand ---- */

static const struct scope_line scopes[] = {
	{ ANNOUNCE,
	  "mov rax, [rsi+8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0x28], 0; cmovne r10, r11; lock add qword [r10+0x10], r8; lock inc qword [r10+0]; 1: ret",
	  "488b4608 4885c0 7419 4c8d5010 4c8d5870 807e2800 4d0f45d3 f04d014210 f049ff02 c3",
	  "je+7 side.announced_bytes: path; P rsi+16, skip [rsi+0]; je+7 side.announced: path; P rsi+16, skip [rsi+0]" },
	{ SYNC,
	  "mov rax, [rdx+8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdx+0x28], 0; cmovne r10, r11; lock add qword [r10+0x10], r8; lock inc qword [r10+0]; 1: ret",
	  "488b4208 4885c0 7419 4c8d5010 4c8d5870 807a2800 4d0f45d3 f04d014210 f049ff02 c3",
	  "je+7 side.announced_bytes: path; P rdx+16, skip [rdx+0]; je+7 side.announced: path; P rdx+16, skip [rdx+0]" },
	{ ATTRIBUTE,
	  "mov rax, [rsp+0xc8]; movzx edi, byte [rsp+0xe8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; test dil, dil; cmovne r10, r11; lock inc qword [r10+0]; 1: ret",
	  "488b8424c8000000 0fb6bc24e8000000 4885c0 7413 4c8d5010 4c8d5870 4084ff 4d0f45d3 f049ff02 c3",
	  "je+13 side.announced: path; P rsp+208, skip [rsp+192]" },
	{ FETCH,
	  "mov r15, [rsi+0x20]; mov r14, rsi; test r15, r15; je 1f; lea r10, [r15+0x10]; lea r11, [r15+0x70]; cmp byte [r14+0x40], 0; cmovne r10, r11; lock inc qword [r10+0x28]; 1: ret",
	  "4c8b7e20 4989f6 4d85ff 7416 4d8d5710 4d8d5f70 41807e4000 4d0f45d3 f049ff4228 c3",
	  "je+a side.fetches: path; P rsi+40, skip [rsi+24]" },
	{ FETCHING,
	  "mov rax, [r14+0x50]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r14+0x70], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
	  "498b4650 4885c0 7416 4c8d5010 4c8d5870 41807e7000 4d0f45d3 f049ff4250 c3",
	  "je+7 side.groups: path; P r14+88, skip [r14+72]" },
	/* What it doesn't count elsewhere, and another one. */
	{ FETCH,
	  "mov rax, [rsi+0x20]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0x40], 0; cmovne r10, r11; lock inc qword [r10+0x8]; 1: ret",
	  "488b4620 4885c0 7415 4c8d5010 4c8d5870 807e4000 4d0f45d3 f049ff4208 c3",
	  "je+7 side.announced_closed: none" },
	{ OTHER,
	  "mov rax, [rsi+0x20]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0x40], 0; cmovne r10, r11; lock inc qword [r10+0x28]; 1: ret",
	  "488b4620 4885c0 7415 4c8d5010 4c8d5870 807e4000 4d0f45d3 f049ff4228 c3",
	  "je+7 side.fetches: none" },
	/* Its side is elsewhere; its entry is by an index, or from nowhere. */
	{ FETCH,
	  "mov rax, [rsi+0x20]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0x48], 0; cmovne r10, r11; lock inc qword [r10+0x28]; 1: ret",
	  "488b4620 4885c0 7415 4c8d5010 4c8d5870 807e4800 4d0f45d3 f049ff4228 c3",
	  "je+7 side.fetches: none" },
	{ FETCH,
	  "mov rax, [rsi+rcx*8+0x20]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0x40], 0; cmovne r10, r11; lock inc qword [r10+0x28]; 1: ret",
	  "488b44ce20 4885c0 7415 4c8d5010 4c8d5870 807e4000 4d0f45d3 f049ff4228 c3",
	  "je+8 side.fetches: none" },
	{ FETCH,
	  "mov rax, rsi; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0x40], 0; cmovne r10, r11; lock inc qword [r10+0x28]; 1: ret",
	  "4889f0 4885c0 7415 4c8d5010 4c8d5870 807e4000 4d0f45d3 f049ff4228 c3",
	  "je+6 side.fetches: none" },
};

static void scopes_at_hand(void **state)
{
	(void)state;
	scope_lines_assert(scopes, LEN(scopes));
}

/* ---- by the account of a track ---- */

static const struct scope_line accounts[] = {
	{ CREATE_GROUP,
	  "mov r13, [r15+0x40]; test r13, r13; je 1f; lea r10, [r13+0x10]; lea r11, [r13+0x70]; cmp byte [r15+0x60], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
	  "4d8b6f40 4d85ed 7416 4d8d5510 4d8d5d70 41807f6000 4d0f45d3 f049ff4250 c3",
	  "je+7 side.groups: path account; G [[r15+128]+248], P r15+72, skip [r15+56]" },
	{ APPEND_GROUP,
	  "mov rax, [rsi+8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0x28], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
	  "488b4608 4885c0 7415 4c8d5010 4c8d5870 807e2800 4d0f45d3 f049ff4250 c3",
	  "je+7 side.groups: path account; G [[rsi+72]+248], P rsi+16, skip [rsi+0]" },
	{ CREATE_GROUP,
	  "mov r13, [r15+0x40]; test r13, r13; je 1f; lea r10, [r13+0x10]; lea r11, [r13+0x70]; cmp byte [r15+0x68], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
	  "4d8b6f40 4d85ed 7416 4d8d5510 4d8d5d70 41807f6800 4d0f45d3 f049ff4250 c3",
	  "je+7 side.groups: none" },
	{ CREATE_FRAME,
	  "mov rax, [r14+0x20]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r14+0x28], 0; cmovne r10, r11; lock inc qword [r10+0x48]; 1: ret",
	  "498b4620 4885c0 7416 4c8d5010 4c8d5870 41807e2800 4d0f45d3 f049ff4248 c3",
	  "je+7 side.frames: account; G [r14+64]" },
	{ WRITE_FRAME,
	  "mov rax, [r13+0x20]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r13+0x28], 0; cmovne r10, r11; lock add qword [r10+0x40], rbx; 1: ret",
	  "498b4520 4885c0 7416 4c8d5010 4c8d5870 41807d2800 4d0f45d3 f049015a40 c3",
	  "je+7 side.bytes: account; G [r13+64]" },
	{ WRITE,
	  "mov rax, [r14+0x28]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r14+0x30], 0; cmovne r10, r11; lock add qword [r10+0x40], r15; 1: ret",
	  "498b4628 4885c0 7416 4c8d5010 4c8d5870 41807e3000 4d0f45d3 f04d017a40 c3",
	  "je+7 side.bytes: account; G [[r14+24]+64]" },
	{ NEXT_FRAME,
	  "mov rcx, [r12+0x20]; test rcx, rcx; je 1f; lea r10, [rcx+0x10]; lea r11, [rcx+0x70]; cmp byte [rax+0x28], 0; cmovne r10, r11; lock inc qword [r10+0x48]; 1: ret",
	  "498b4c2420 4885c9 7415 4c8d5110 4c8d5970 80782800 4d0f45d3 f049ff4248 c3",
	  "je+8 side.frames: account; G [[r12+48]+112]" },
	{ READ_CHUNK,
	  "mov rax, [r14+0x50]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r14+0x58], 0; cmovne r10, r11; lock add qword [r10+0x40], rbx; 1: ret",
	  "498b4650 4885c0 7416 4c8d5010 4c8d5870 41807e5800 4d0f45d3 f049015a40 c3",
	  "je+7 side.bytes: account; G [[r14+32]+112]" },
	{ WRITE,
	  "mov rax, r14; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r14+0x30], 0; cmovne r10, r11; lock add qword [r10+0x40], r15; 1: ret",
	  "4c89f0 4885c0 7416 4c8d5010 4c8d5870 41807e3000 4d0f45d3 f04d017a40 c3",
	  "je+6 side.bytes: none" },
	{ WRITE,
	  "mov rax, [r14+rcx+0x28]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r14+0x30], 0; cmovne r10, r11; lock add qword [r10+0x40], r15; 1: ret",
	  "498b440e28 4885c0 7416 4c8d5010 4c8d5870 41807e3000 4d0f45d3 f04d017a40 c3",
	  "je+8 side.bytes: none" },
	{ CREATE_FRAME,
	  "mov rax, [r14+0x20]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r14+0x28], 0; cmovne r10, r11; lock inc qword [r10+8]; 1: ret",
	  "498b4620 4885c0 7416 4c8d5010 4c8d5870 41807e2800 4d0f45d3 f049ff4208 c3",
	  "je+7 side.announced_closed: none" },
	/* Nobody's, wherever they are. */
	{ READ_FRAME,
	  "mov rsi, [rax+0x20]; test rsi, rsi; je 1f; lea r10, [rsi+0x10]; lea r11, [rsi+0x70]; cmp byte [rax+0x28], 0; cmovne r10, r11; lock inc qword [r10+0x48]; 1: ret",
	  "488b7020 4885f6 7415 4c8d5610 4c8d5e70 80782800 4d0f45d3 f049ff4248 c3",
	  "je+7 side.frames: account; G 0, skip 0" },
	{ READ_FRAME,
	  "mov rax, r14; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdx+0x28], 0; cmovne r10, r11; lock inc qword [r10+0x48]; 1: ret",
	  "4c89f0 4885c0 7415 4c8d5010 4c8d5870 807a2800 4d0f45d3 f049ff4248 c3",
	  "je+6 side.frames: account; G 0, skip 0" },
};

static void accounts_of_tracks(void **state)
{
	(void)state;
	scope_lines_assert(accounts, LEN(accounts));
}

/* ---- by what a function is called with ---- */

static const struct
	scope_line
		called
			[] = {
				{ WRITE_DATAGRAM,
				  "push rbp; push r15; push rbx; sub rsp, 0x40; mov r15, rsi; mov rax, [rsi+0x40]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [r15+0x60], 0; cmovne r10, r11; lock inc qword [r10+0x58]; lock inc qword [r10+0x50]; 1: ret",
				  "55 4157 53 4883ec40 4989f7 488b4640 4885c0 741b 4c8d5010 4c8d5870 41807f6000 4d0f45d3 f049ff4258 f049ff4250 c3",
				  "je+12 side.datagrams: call; G rsp+88; je+12 side.groups: call; G rsp+88; push+0 call:; G rsp, P rsi+72, skip [rsi+56]" },
				{ RECV_DATAGRAM,
				  "push r14; mov r14, rdi; mov rax, [r14+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsp+0x18], 0; cmovne r10, r11; lock inc qword [r10+0x58]; 1: ret",
				  "4156 4989fe 498b86c8000000 4885c0 7416 4c8d5010 4c8d5870 807c241800 4d0f45d3 f049ff4258 c3",
				  "je+f side.datagrams: call; G rsp+8; push+0 call:; G rsp, P rdi+208, skip [rdi+192]" },
				/* It is in another place by then. */
				{ RECV_GROUP,
				  "push rbx; sub rsp, 0x808; mov rax, [rsi+0xc8]; mov [rsp+0x40], rax; test rdx, rdx; je 2f; nop; 2: mov rax, [rsp+0x40]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsp+0x48], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "53 4881ec08080000 488b86c8000000 4889442440 4885d2 7401 90 488b442440 4885c0 7416 4c8d5010 4c8d5870 807c244800 4d0f45d3 f049ff4250 c3",
				  "je+22 side.groups: call; G rsp+2064; push+0 call:; G rsp, P rsi+208, skip [rsi+192]" },
				/* Something is called first. */
				{ RECV_GROUP,
				  "push rbx; mov rbx, rsi; call [rip]; mov rax, [rbx+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rbx+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "53 4889f3 ff1500000000 488b83c8000000 4885c0 7418 4c8d5010 4c8d5870 80bbe800000000 4d0f45d3 f049ff4250 c3",
				  "je+14 side.groups: call; G rsp+8; push+0 call:; G rsp, P rsi+208, skip [rsi+192]" },
				/* It isn't read there, nor all of it. */
				{ RECV_GROUP,
				  "push rbx; mov rax, [rsi+0xc0]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe0], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "53 488b86c0000000 4885c0 7418 4c8d5010 4c8d5870 80bee000000000 4d0f45d3 f049ff4250 c3",
				  "je+b side.groups: none" },
				{ RECV_GROUP,
				  "push rbx; mov rax, [rsi+rcx*8+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "53 488b84cec8000000 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 c3",
				  "je+c side.groups: none" },
				{ RECV_GROUP,
				  "push rbx; mov eax, [rsi+0xc8]; mov rax, [rsi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "53 8b86c8000000 488b06 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 c3",
				  "je+d side.groups: none" },
				{ RECV_GROUP,
				  "push rbx; add rax, [rsi+0xc8]; mov rax, [rsi]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "53 480386c8000000 488b06 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 c3",
				  "je+e side.groups: none" },
				/* Not what it is called with; or not surely, or not the first or
				   the second. */
				{ RECV_GROUP,
				  "push rbx; mov rsi, [rdx]; mov rax, [rsi+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "53 488b32 488b86c8000000 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 c3",
				  "je+e side.groups: none" },
				{ RECV_GROUP,
				  "push rbx; test rdx, rdx; je 2f; mov rsi, rdi; 2: mov rax, [rsi+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "53 4885d2 7403 4889fe 488b86c8000000 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 c3",
				  "je+13 side.groups: none" },
				{ RECV_GROUP,
				  "push rbx; test rdx, rdx; je 2f; mov rsi, [rdx]; 2: mov rax, [rsi+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret", "53 4885d2 7403 488b32 488b86c8000000 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 c3",
				  "je+13 side.groups: none" },
				{ RECV_GROUP,
				  "push rbx; 2: mov rax, [rsi+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret; lea rcx, [rdx]; jmp 2b",
				  "53 488b86c8000000 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 c3 488d0a ebd6",
				  "je+b side.groups: none" },
				{ RECV_GROUP,
				  "push rbx; mov rax, [rdx+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rdx+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "53 488b82c8000000 4885c0 7418 4c8d5010 4c8d5870 80bae800000000 4d0f45d3 f049ff4250 c3",
				  "je+b side.groups: none" },
				/* Where the stack is can't be told; or it changes by the way. */
				{ RECV_GROUP,
				  "push rbx; and rsp, -32; mov rax, [rsi+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "53 4883e4e0 488b86c8000000 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 c3",
				  "je+f side.groups: none" },
				{ RECV_GROUP,
				  "push rbx; sub rsp, rdx; mov rax, [rsi+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "53 4829d4 488b86c8000000 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 c3",
				  "je+e side.groups: none" },
				{ RECV_GROUP,
				  "mov rax, [rsi+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: push rbx; pop rbx; ret",
				  "488b86c8000000 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 53 5b c3",
				  "je+a side.groups: none" },
				{ RECV_GROUP,
				  "mov rax, [rsi+0xc8]; test rdx, rdx; je 2f; push rbx; 2: test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "488b86c8000000 4885d2 7401 53 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 c3",
				  "je+10 side.groups: none" },
				{ RECV_GROUP,
				  "mov rbx, rsi; call [rip]; push r14; mov rax, [rbx+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rbx+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "4889f3 ff1500000000 4156 488b83c8000000 4885c0 7418 4c8d5010 4c8d5870 80bbe800000000 4d0f45d3 f049ff4250 c3",
				  "je+15 side.groups: none" },
				{ RECV_GROUP,
				  "mov rax, [rsi+0xc8]; test rdx, rdx; je 2f; sub rsp, 0x18; 2: test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: ret",
				  "488b86c8000000 4885d2 7404 4883ec18 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 c3",
				  "je+13 side.groups: none" },
				/* Other registers change, and it goes back in the end. */
				{ RECV_GROUP,
				  "push rbx; sub rsp, 0x10; sub rdx, 0x18; mov rax, [rsi+0xc8]; test rax, rax; je 1f; lea r10, [rax+0x10]; lea r11, [rax+0x70]; cmp byte [rsi+0xe8], 0; cmovne r10, r11; lock inc qword [r10+0x50]; 1: sub rax, 0x18; add rsp, 0x10; pop rbx; ret",
				  "53 4883ec10 4883ea18 488b86c8000000 4885c0 7418 4c8d5010 4c8d5870 80bee800000000 4d0f45d3 f049ff4250 4883e818 4883c410 5b c3",
				  "je+13 side.groups: call; G rsp+24; push+0 call:; G rsp, P rsi+208, skip [rsi+192]" },
			};

static void functions_that_are_called(void **state)
{
	(void)state;
	scope_lines_assert(called, LEN(called));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes_at_hand),
		cmocka_unit_test(accounts_of_tracks),
		cmocka_unit_test(functions_that_are_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
