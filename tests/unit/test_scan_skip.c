/* SPDX-License-Identifier: MIT */
/*
 * test_scan_skip.c - two bumps in a row on one entry, of which the first one's branch leads past
 * both where there is none: the second is then told at that branch, or it is said that it can't be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard_lines.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct guard_relay release = { "moq-relay 0.13.3", relay_0_13_3 };

/* The entry is in a register. */
static const struct guard_line registers[] = {
	{ "call ENTRY; test rax, rax; je 9f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; test rax, rax; je 8f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x10]; 8: nop; 9: ret",
	  "e8000000f0 4885c0 7428 410fb6c8 488d0c89 c1e104 f04801540820 4885c0 7411 410fb6c8 488d0c89 c1e104 f048ff440810 90 c3",
	  "je+8 publisher.announced_bytes: pending; je+8 publisher.announced: pending; never; je+1e publisher.announced: pending" },
	{ "call ENTRY; test rax, rax; je 9f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; mov [rbx], rdx; test rax, rax; je 8f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x10]; 8: nop; 9: ret",
	  "e8000000f0 4885c0 742b 410fb6c8 488d0c89 c1e104 f04801540820 488913 4885c0 7411 410fb6c8 488d0c89 c1e104 f048ff440810 90 c3",
	  "je+8 publisher.announced_bytes: pending; je+8 publisher.announced: pending; never; je+21 publisher.announced: pending" },
	{ "call ENTRY; test rax, rax; je 9f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; mov rax, rbx; test rax, rax; je 8f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x10]; 8: nop; 9: ret",
	  "e8000000f0 4885c0 742b 410fb6c8 488d0c89 c1e104 f04801540820 4889d8 4885c0 7411 410fb6c8 488d0c89 c1e104 f048ff440810 90 c3",
	  "je+8 publisher.announced_bytes: pending; je+21 publisher.announced: none" },
	{ "call ENTRY; test rax, rax; je 9f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; mov rax, [rbx]; test rax, rax; je 8f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x10]; 8: nop; 9: ret",
	  "e8000000f0 4885c0 742b 410fb6c8 488d0c89 c1e104 f04801540820 488b03 4885c0 7411 410fb6c8 488d0c89 c1e104 f048ff440810 90 c3",
	  "je+8 publisher.announced_bytes: pending; je+21 publisher.announced: none" },
	{ "call ENTRY; test rax, rax; je 9f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; call OTHER; test rax, rax; je 8f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x10]; 8: nop; 9: ret",
	  "e8000000f0 4885c0 742d 410fb6c8 488d0c89 c1e104 f04801540820 e8060000f0 4885c0 7411 410fb6c8 488d0c89 c1e104 f048ff440810 90 c3",
	  "je+8 publisher.announced_bytes: pending; je+23 publisher.announced: none" },
	{ "call ENTRY; test rax, rax; je 9f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; test rbx, rbx; test rbx, rbx; je 8f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rbx+rcx+0x10]; 8: nop; 9: ret",
	  "e8000000f0 4885c0 742b 410fb6c8 488d0c89 c1e104 f04801540820 4885db 4885db 7411 410fb6c8 488d0c89 c1e104 f048ff440b10 90 c3",
	  "je+8 publisher.announced_bytes: pending; je+21 publisher.announced: none" },
	{ "call ENTRY; test rax, rax; je 9f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; lock inc qword [rbx]; jle 7f; test rax, rax; je 8f; movzx ecx, r8b; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x10]; 8: nop; 9: ret; 7: ud2",
	  "e8000000f0 4885c0 742e 410fb6c8 488d0c89 c1e104 f04801540820 f048ff03 7e18 4885c0 7411 410fb6c8 488d0c89 c1e104 f048ff440810 90 c3 0f0b",
	  "je+8 publisher.announced_bytes: pending; je+8 publisher.announced: pending; never; je+24 publisher.announced: pending" },
};

/* It is loaded twice from a place. */
static const struct guard_line
	places[] = {
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 742f 0fb64b50 488d0c89 c1e104 f04801540820 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+c publisher.announced: pending; never; je+2a publisher.announced: pending" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; mov rdx, [rbx+0x48]; mov byte [rbx+0x1b1], 0; mov [rsp+0x70], rcx; movdqa [rsp+0x60], xmm0; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 7441 0fb64b50 488d0c89 c1e104 f04801540820 488b5348 c683b101000000 48894c2470 660f7f442460 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+c publisher.announced: pending; never; je+3c publisher.announced: pending" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; mov [rbx+0x48], rcx; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 7433 0fb64b50 488d0c89 c1e104 f04801540820 48894b48 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+2e publisher.announced: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; mov byte [rbx+0x4f], cl; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 7432 0fb64b50 488d0c89 c1e104 f04801540820 884b4f 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+2d publisher.announced: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; movups [rbx+0x40], xmm0; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 7433 0fb64b50 488d0c89 c1e104 f04801540820 0f114340 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+2e publisher.announced: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; mov [r14+8], rcx; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret", "e8000000f0 488b4348 4885c0 7433 0fb64b50 488d0c89 c1e104 f04801540820 49894e08 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+2e publisher.announced: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; mov [rbx+r14*8+8], rcx; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 7434 0fb64b50 488d0c89 c1e104 f04801540820 4a894cf308 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+2f publisher.announced: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; mov rbx, r14; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 7432 0fb64b50 488d0c89 c1e104 f04801540820 4c89f3 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+2d publisher.announced: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; call OTHER; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 7434 0fb64b50 488d0c89 c1e104 f04801540820 e8060000f0 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+2f publisher.announced: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; push rcx; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 7430 0fb64b50 488d0c89 c1e104 f04801540820 51 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+2b publisher.announced: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; lock inc qword [r14]; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 7433 0fb64b50 488d0c89 c1e104 f04801540820 f049ff06 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+c publisher.announced: pending; never; je+2e publisher.announced: pending" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; test cl, cl; je 9f; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 7433 0fb64b50 488d0c89 c1e104 f04801540820 84c9 741e 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+2e publisher.announced: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; lock inc qword [rax]; jle 7f; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret; 7: ud2",
		  "e8000000f0 488b4348 4885c0 7435 0fb64b50 488d0c89 c1e104 f04801540820 f048ff00 7e1f 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3 0f0b",
		  "je+c publisher.announced_bytes: pending; je+c publisher.announced: pending; never; je+30 publisher.announced: pending" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; lock inc qword [rax]; jle 7f; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret; 7: ret",
		  "e8000000f0 488b4348 4885c0 7435 0fb64b50 488d0c89 c1e104 f04801540820 f048ff00 7e1f 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3 c3",
		  "je+c publisher.announced_bytes: pending; je+30 publisher.announced: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x10]; mov rdi, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdi, rdi; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rdi+rcx+0x20], rdx; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 742f 0fb64b50 488d0c89 c1e104 f048ff440810 488b7b48 0fb64350 4885ff 7410 0fb6c8 488d0c89 c1e104 f04801540f20 90 c3",
		  "je+c publisher.announced: pending; je+2a publisher.announced_bytes: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; jne 5f; mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: ret; 5: movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; ret",
		  "e8000000f0 488b4348 4885c0 751e 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 c3 0fb64b50 488d0c89 c1e104 f04801540820 c3",
		  "jne+c publisher.announced_bytes: pending; je+19 publisher.announced: pending" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rax+rcx+0x10]; mov rdi, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdi, rdi; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdi+rcx+0x18]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 742f 0fb64b50 488d0c89 c1e104 f048ff440810 488b7b48 0fb64350 4885ff 7410 0fb6c8 488d0c89 c1e104 f048ff440f18 90 c3",
		  "je+c publisher.announced: pending; je+2a publisher.announced_closed: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 9f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; mov rdx, [rbx+0x68]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret", "e8000000f0 488b4348 4885c0 742f 0fb64b50 488d0c89 c1e104 f04801540820 488b5368 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+2a publisher.announced: none" },
		{ "call ENTRY; mov rax, [rbx+0x48]; test rax, rax; je 5f; movzx ecx, byte [rbx+0x50]; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock add qword [rax+rcx+0x20], rdx; 5: mov rdx, [rbx+0x48]; movzx eax, byte [rbx+0x50]; test rdx, rdx; je 8f; movzx ecx, al; lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc qword [rdx+rcx+0x10]; 8: nop; 9: ret",
		  "e8000000f0 488b4348 4885c0 7411 0fb64b50 488d0c89 c1e104 f04801540820 488b5348 0fb64350 4885d2 7410 0fb6c8 488d0c89 c1e104 f048ff440a10 90 c3",
		  "je+c publisher.announced_bytes: pending; je+2a publisher.announced: pending" },
	};

static void by_the_register_of_the_entry(void **state)
{
	(void)state;
	guard_lines_assert_of(&release, registers, LEN(registers), GUARD_LITE);
}

static void by_the_place_of_the_entry(void **state)
{
	(void)state;
	guard_lines_assert_of(&release, places, LEN(places), GUARD_LITE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_the_register_of_the_entry),
		cmocka_unit_test(by_the_place_of_the_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
