/* SPDX-License-Identifier: MIT */
/*
 * test_eval.c - lines of instructions, and what the last one adds to and how much, in terms of
 * what registers and memory held at the start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "elf_image.h"
#include "eval.h"
#include "eval_text.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* `expected` is the value that the last instruction adds or, for inc, its address. */
struct line {
	const char *assembly;
	const char *hex;
	const char *expected;
};

static const struct line addresses[] = {
	{ "movzx ecx, byte [rbx+0x38]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]",
	  "0fb64b38 488d0cc9 f048ff44c818", "rax + 72*[rbx+56]:1 + 24" },
	{ "movzx edx, cl; lea rdx, [rdx+rdx*8]; lock inc qword [rax+rdx*8+0x10]",
	  "0fb6d1 488d14d2 f048ff44d010", "rax + 72*rcx:1 + 16" },
	{ "lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]", "488d0cc9 f048ff44c810",
	  "rax + 72*rcx + 16" },
	{ "mov rcx, [rsp+0x100]; movzx ecx, byte [rcx]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]",
	  "488b8c2400010000 0fb609 488d0cc9 f048ff44c818", "rax + 72*[[rsp+256]+0]:1 + 24" },
	{ "mov rcx, [rsp]; movzx ecx, byte [rcx+0xa60]; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x18]",
	  "488b0c24 0fb689600a0000 488d0cc9 f048ff44c818", "rax + 72*[[rsp+0]+2656]:1 + 24" },
	{ "movzx ecx, byte [rbx+8]; imul rcx, rcx, 80; lock inc qword [rax+rcx+0x10]",
	  "0fb64b08 486bc950 f048ff440810", "rax + 80*[rbx+8]:1 + 16" },
	{ "movzx ecx, byte [rbx+8]; lea rcx, [rcx+rcx*4]; shl rcx, 4; lock inc qword [rax+rcx+0x10]",
	  "0fb64b08 488d0c89 48c1e104 f048ff440810", "rax + 80*[rbx+8]:1 + 16" },
	{ "movzx ecx, byte [rbx+8]; shl ecx, 3; lea rcx, [rcx+rcx*8]; add rcx, rax; lock inc qword [rcx+0x10]",
	  "0fb64b08 c1e103 488d0cc9 4801c1 f048ff4110", "72*[rbx+8]:1 + rax + 16" },
	{ "mov r8d, 72; movzx ecx, byte [rbx+8]; imul rcx, r8; lock inc qword [rax+rcx+0x10]",
	  "41b848000000 0fb64b08 490fafc8 f048ff440810", "rax + 72*[rbx+8]:1 + 16" },
	{ "movzx ecx, byte [rbx+8]; lea ecx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x10]",
	  "0fb64b08 8d0cc9 f048ff44c810", "rax + 72*[rbx+8]:1 + 16" },
	{ "mov rax, [rdi]; lock inc qword [rax+0x18]", "488b07 f048ff4018", "[rdi+0] + 24" },
	{ "mov rax, [rdi+rsi*4-8]; lock inc qword [rax]", "488b44b7f8 f048ff00", "[rdi+rsi*4-8]" },
	{ "lea rdx, [rsp+0x40]; mov rax, [rdx+8]; lock inc qword [rax]",
	  "488d542440 488b4208 f048ff00", "[rsp+72]" },
	{ "xor ecx, ecx; lock inc qword [rax+rcx*8+0x18]", "31c9 f048ff44c818", "rax + 24" },
	{ "lock inc qword [rax+rbx*2]", "f048ff0458", "rax + 2*rbx" },
	{ "lea rdx, [rax+rbx]; lock inc qword [rdx+rcx*4-1]", "488d1418 f048ff448aff",
	  "rax + rbx + 4*rcx - 1" },
	{ "lea rdx, [rax+rbx]; add rdx, rcx; lock inc qword [rdx+rsi]",
	  "488d1418 4801ca f048ff0432", "?" },
	{ "lea rdx, [rax+5]; sub rdx, rax; lock inc qword [rbx+rdx]", "488d5005 4829c2 f048ff0413",
	  "rbx + 5" },
	{ "mov rcx, [rip+0x10]; lock inc qword [rax+rcx]", "488b0d10000000 f048ff0408",
	  "rax + opaque0" },
	{ "mov rcx, fs:[0]; mov rdx, [rcx+8]; lock inc qword [rax+rdx]",
	  "64488b0c2500000000 488b5108 f048ff0410", "rax + opaque1" },
};

static const struct line values[] = {
	{ "mov rcx, [rsp+0x110]; lock add qword [rax], rcx", "488b8c2410010000 f0480108",
	  "[rsp+272]" },
	{ "mov ecx, [rsp+0x110]; lock add qword [rax], rcx", "8b8c2410010000 f0480108",
	  "[rsp+272]:4" },
	{ "lock add qword [rax], rbx", "f0480118", "rbx" },
	{ "lock add qword [rax], 17", "f048830011", "17" },
	{ "lock add qword [rax], -1", "f0488300ff", "-1" },
	{ "lea rcx, [rbx-9]; lock add qword [rax], rcx", "488d4bf7 f0480108", "rbx - 9" },
	{ "sub rbx, 16; inc rbx; dec rbx; dec rbx; lock add qword [rax], rbx",
	  "4883eb10 48ffc3 48ffcb 48ffcb f0480118", "rbx - 17" },
	{ "mov rcx, rbx; mov rbx, 5; lock add qword [rax], rcx", "4889d9 48c7c305000000 f0480108",
	  "rbx" },
	{ "mov ecx, ebx; lock add qword [rax], rcx", "89d9 f0480108", "rbx:4" },
	{ "mov ecx, 0xffffffff; lock add qword [rax], rcx", "b9ffffffff f0480108", "4294967295" },
	{ "mov rcx, -1; lock add qword [rax], rcx", "48c7c1ffffffff f0480108", "-1" },
	{ "mov ecx, -1; add ecx, 3; lock add qword [rax], rcx", "b9ffffffff 83c103 f0480108", "2" },
	{ "mov cl, 5; lock add qword [rax], rcx", "b105 f0480108", "opaque0" },
	{ "mov cx, [rbx]; lock add qword [rax], rcx", "668b0b f0480108", "opaque0" },
	{ "xor ecx, ebx; lock add qword [rax], rcx", "31d9 f0480108", "opaque0" },
	{ "movsx ecx, byte [rbx]; lock add qword [rax], rcx", "0fbe0b f0480108", "opaque0" },
	{ "lea ecx, [rbx+8]; lock add qword [rax], rcx", "8d4b08 f0480108", "opaque0:4" },
	{ "add ebx, ecx; lock add qword [rax], rbx", "01cb f0480118", "opaque0:4" },
	{ "shl rcx, cl; lock add qword [rax], rcx", "48d3e1 f0480108", "opaque0" },
	{ "movabs rcx, 0x100000000; lock add qword [rax], rcx", "48b90000000001000000 f0480108",
	  "opaque0" },
	{ "mov rcx, [rsp+8]; mov rcx, [rcx+8]; lock add qword [rax], rcx",
	  "488b4c2408 488b4908 f0480108", "[[rsp+8]+8]" },
	{ "mov rcx, [rsp+8]; mov rcx, [rcx+8]; mov rcx, [rcx+8]; lock add qword [rax], rcx",
	  "488b4c2408 488b4908 488b4908 f0480108", "opaque0" },
	{ "mov rcx, [rbx+rbx*2]; lock add qword [rax], rcx", "488b0c5b f0480108", "opaque0" },
	{ "mov ecx, [rsp+8]; mov rcx, [rcx]; lock add qword [rax], rcx", "8b4c2408 488b09 f0480108",
	  "opaque0" },
	{ "mov ecx, ecx; mov rcx, [rcx+8]; lock add qword [rax], rcx", "89c9 488b4908 f0480108",
	  "opaque0" },
	{ "mov rcx, [rbx+rdx*2]; lock add qword [rax], rcx", "488b0c53 f0480108", "[rbx+rdx*2+0]" },
	{ "mov rcx, [rbx+rdx]; mov rcx, [rcx+rsi]; lock add qword [rax], rcx",
	  "488b0c13 488b0c31 f0480108", "opaque0" },
	{ "mov rcx, [0x1000]; lock add qword [rax], rcx", "488b0c2500100000 f0480108", "opaque0" },
	{ "mov rcx, [ebx]; lock add qword [rax], rcx", "67488b0b f0480108", "opaque0" },
};

static const struct line clobbers[] = {
	{ "call; lock add qword [rbx], rcx", "e8fbffffff f048010b", "opaque1" },
	{ "call; lock inc qword [rcx]", "e8fbffffff f048ff01", "opaque1" },
	{ "call; lock add qword [rbx], r15", "e8fbffffff f04c013b", "r15" },
	{ "call; mov rcx, [rbx]; lock add qword [rax], rcx", "e8fbffffff 488b0b f0480108",
	  "opaque9" },
	{ "call [rbx]; mov rcx, [rbx+8]; lock add qword [rax], rcx", "e8fbffffff 488b4b08 f0480108",
	  "opaque9" },
	{ "cpuid; lock add qword [rax], rdx", "0fa2 f0480110", "opaque2" },
	{ "pop rcx; lock add qword [rax], rcx", "59 f0480108", "opaque0" },
	{ "push rdx; mov rcx, [rsp+8]; lock add qword [rax], rcx", "52 488b4c2408 f0480108",
	  "opaque1" },
	{ "xchg rcx, rbx; lock add qword [rax], rcx", "4887d9 f0480108", "opaque0" },
	{ "mov ah, 1; lock add qword [rbx], rax", "b401 f0480103", "opaque0" },
	{ "setne cl; lock add qword [rax], rcx", "0f95c1 f0480108", "opaque0" },
};

static const struct line stores[] = {
	{ "mov [rsp+8], rdx; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "4889542408 488b4c2408 f0480108", "opaque0" },
	{ "mov [rsp+8], rdx; mov rcx, [rsp+16]; lock add qword [rax], rcx",
	  "4889542408 488b4c2410 f0480108", "[rsp+16]" },
	{ "mov [rsp+8], rdx; mov rcx, [rsp]; lock add qword [rax], rcx",
	  "4889542408 488b0c24 f0480108", "[rsp+0]" },
	{ "mov [rsp+8], rdx; mov rcx, [rsp+1]; lock add qword [rax], rcx",
	  "4889542408 488b4c2401 f0480108", "opaque0" },
	{ "mov [rsp+8], rdx; movzx ecx, byte [rsp+15]; lock add qword [rax], rcx",
	  "4889542408 0fb64c240f f0480108", "opaque0:1" },
	{ "mov [rsp+8], rdx; movzx ecx, byte [rsp+16]; lock add qword [rax], rcx",
	  "4889542408 0fb64c2410 f0480108", "[rsp+16]:1" },
	{ "mov [rsp+8], rdx; movzx ecx, byte [rsp+7]; lock add qword [rax], rcx",
	  "4889542408 0fb64c2407 f0480108", "[rsp+7]:1" },
	{ "mov dword [rsp+12], 0; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "c744240c00000000 488b4c2408 f0480108", "opaque0" },
	{ "mov byte [rsp+7], 0; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "c644240700 488b4c2408 f0480108", "[rsp+8]" },
	{ "mov rcx, [rsp+8]; mov [rsp+8], rdx; lock add qword [rax], rcx",
	  "488b4c2408 4889542408 f0480108", "[rsp+8]" },
	{ "mov [rbx], rdx; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "488913 488b4c2408 f0480108", "opaque0" },
	{ "lea rsi, [rsp+8]; mov [rsi+8], rdx; mov rcx, [rsp+16]; lock add qword [rax], rcx",
	  "488d742408 48895608 488b4c2410 f0480108", "opaque0" },
	{ "lea rsi, [rsp+8]; mov [rsi+8], rdx; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "488d742408 48895608 488b4c2408 f0480108", "[rsp+8]" },
	{ "mov rcx, [rsp+0x100]; mov [rsp+8], rdx; movzx ecx, byte [rcx]; lock add qword [rax], rcx",
	  "488b8c2400010000 4889542408 0fb609 f0480108", "opaque0:1" },
	{ "mov [rsp+rdi], rdx; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "4889143c 488b4c2408 f0480108", "opaque0" },
	{ "movups [rsp], xmm0; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "0f110424 488b4c2408 f0480108", "opaque0" },
	{ "movups [rsp], xmm0; mov rcx, [rsp+16]; lock add qword [rax], rcx",
	  "0f110424 488b4c2410 f0480108", "[rsp+16]" },
	{ "mov [rip+0], rdx; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "48891500000000 488b4c2408 f0480108", "opaque0" },
	{ "mov fs:[rsp], rdx; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "6448891424 488b4c2408 f0480108", "opaque0" },
	{ "inc qword [rsp+8]; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "48ff442408 488b4c2408 f0480108", "opaque0" },
	{ "lock inc qword [rsp+8]; mov rcx, [rsp+16]; lock add qword [rax], rcx",
	  "f048ff442408 488b4c2410 f0480108", "[rsp+16]" },
	{ "xchg [rsp+8], rdx; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "4887542408 488b4c2408 f0480108", "opaque1" },
	{ "cmp [rsp+8], rdx; mov rcx, [rsp+8]; lock add qword [rax], rcx",
	  "4839542408 488b4c2408 f0480108", "[rsp+8]" },
	{ "push rdx; mov rcx, [rbp-8]; lock add qword [rax], rcx", "52 488b4df8 f0480108",
	  "opaque1" },
	{ "push qword [rbp-64]; mov rcx, [rbp-8]; lock add qword [rax], rcx",
	  "ff75c0 488b4df8 f0480108", "opaque1" },
	{ "rep stosq; mov rcx, [rdx+8]; lock add qword [rax], rcx", "f348ab 488b4a08 f0480108",
	  "opaque2" },
	{ "xsave [rbx]; mov rcx, [rbx+0x200]; lock add qword [rax], rcx",
	  "0fae23 488b8b00020000 f0480108", "opaque0" },
	{ "bts [rbx], rdx; mov rcx, [rbx+0x200]; lock add qword [rax], rcx",
	  "480fab13 488b8b00020000 f0480108", "opaque0" },
};

static const struct line choices[] = {
	{ "movzx ecx, byte [r14+0x29]; lea rsi, [rax+0x10]; lea rdi, [rax+0xa0]; test cl, cl; cmovne rsi, rdi; lea rdi, [rdx+rdx*8]; lock inc qword [rsi+rdi*8+0x20]",
	  "410fb64e29 488d7010 488db8a0000000 84c9 480f45f7 488d3cd2 f048ff44fe20",
	  "rax + 72*rdx + 48 ([r14+41]:1: +144)" },
	{ "lea rdx, [rax+0x10]; add rax, 0xa0; cmp byte [r14+0x29], 0; cmove rax, rdx; lea rcx, [rcx+rcx*8]; lock inc qword [rax+rcx*8+0x28]",
	  "488d5010 4805a0000000 41807e2900 480f44c2 488d0cc9 f048ff44c828",
	  "rax + 72*rcx + 56 ([r14+41]:1: +144)" },
	{ "lea rdx, [rax+0x10]; add rax, 0xa0; cmp byte [r14+0x29], 0; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 4805a0000000 41807e2900 480f45c2 f048ff00", "rax + 160 ([r14+41]:1: -144)" },
	{ "lea rdx, [rax+0x10]; test bl, bl; mov rcx, 5; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 84db 48c7c105000000 480f45c2 f048ff00", "rax (rbx:1: +16)" },
	{ "lea rdx, [rax+0x10]; test ebx, ebx; cmove rax, rdx; lock inc qword [rax]",
	  "488d5010 85db 480f44c2 f048ff00", "rax + 16 (rbx:4: -16)" },
	{ "lea rdx, [rax+0x10]; test rbx, rbx; cmove rax, rdx; shl rax, 1; lock inc qword [rax]",
	  "488d5010 4885db 480f44c2 48d1e0 f048ff00", "2*rax + 32 (rbx: -32)" },
	{ "lea rdx, [rax+0x10]; cmp bl, 1; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 80fb01 480f45c2 f048ff00", "opaque0" },
	{ "lea rdx, [rax+0x10]; test bl, cl; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 84cb 480f45c2 f048ff00", "opaque0" },
	{ "lea rdx, [rax+0x10]; test bl, 1; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 f6c301 480f45c2 f048ff00", "rax (rbx:1&1: +16)" },
	{ "lea rdx, [rax+0x10]; test bl, 2; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 f6c302 480f45c2 f048ff00", "opaque0" },
	{ "lea rdx, [rax+0x10]; test bl, 1; test bl, bl; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 f6c301 84db 480f45c2 f048ff00", "rax (rbx:1: +16)" },
	{ "lea rdx, [rax+0x10]; cmp bl, 0; cmovne rax, rdx; lock inc qword [rax+rbp]",
	  "488d5010 80fb00 480f45c2 f048ff0428", "rax + rbp (rbx:1: +16)" },
	{ "lea rdx, [rax+0x10]; test bl, bl; cmovb rax, rdx; lock inc qword [rax]",
	  "488d5010 84db 480f42c2 f048ff00", "opaque0" },
	{ "lea rdx, [rax+0x10]; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 480f45c2 f048ff00", "opaque0" },
	{ "lea rdx, [rax+0x10]; test bl, bl; add rcx, 1; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 84db 4883c101 480f45c2 f048ff00", "opaque0" },
	{ "lea rdx, [rbp+0x10]; test bl, bl; call; cmovne rbp, r15; lock inc qword [rbp]",
	  "488d5510 84db e8fbffffff 490f45ef f048ff4500", "opaque9" },
	{ "lea rdx, [rsi+0x10]; test bl, bl; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5610 84db 480f45c2 f048ff00", "opaque0" },
	{ "lea rdx, [rax+0x10]; test bl, bl; cmovne eax, edx; lock inc qword [rax]",
	  "488d5010 84db 0f45c2 f048ff00", "opaque0:4" },
	{ "lea rdx, [rax+0x10]; lea rcx, [rax+0x20]; test bl, bl; cmovne rax, rdx; cmovne rax, rcx; lock inc qword [rax]",
	  "488d5010 488d4820 84db 480f45c2 480f45c1 f048ff00", "opaque0" },
	{ "lea rdx, [rax+0x10]; test bl, bl; cmovne rax, rdx; lock inc qword [rax+rax]",
	  "488d5010 84db 480f45c2 f048ff0400", "?" },
	{ "lea rdx, [rax+0x10]; cmp byte [r14+0x29], 0; mov byte [r14+0x29], 1; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 41807e2900 41c6462901 480f45c2 f048ff00", "rax ([r14+41]:1: +16)" },
	{ "lea rdx, [rax+0x10]; mov byte [r14+0x29], 1; cmp byte [r14+0x29], 0; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 41c6462901 41807e2900 480f45c2 f048ff00", "opaque0" },
	{ "lea rdx, [rax+0x10]; inc rbx; lea rbx, [rbx+1]; test rbx, rbx; cmovne rax, rdx; lock inc qword [rax]",
	  "488d5010 48ffc3 488d5b01 4885db 480f45c2 f048ff00", "opaque0" },
	{ "xor ecx, ecx; lea rdx, [rax+0x10]; test rcx, rcx; cmovne rax, rdx; lock inc qword [rax]",
	  "31c9 488d5010 4885c9 480f45c2 f048ff00", "opaque0" },
};

static const struct line extremes[] = {
	{ "shl rax, 31; shl rax, 31; lock inc qword [rax]", "48c1e01f 48c1e01f f048ff00",
	  "4611686018427387904*rax" },
	{ "shl rax, 31; shl rax, 31; shl rax, 31; lock inc qword [rax]",
	  "48c1e01f 48c1e01f 48c1e01f f048ff00", "0" },
	{ "imul rax, rax, -0x80000000; imul rax, rax, -0x80000000; imul rax, rax, -0x80000000; lock inc qword [rax]",
	  "4869c000000080 4869c000000080 4869c000000080 f048ff00", "0" },
	{ "shl rax, 31; shl rax, 31; lea rax, [rax+rax*8]; lock inc qword [rax]",
	  "48c1e01f 48c1e01f 488d04c0 f048ff00", "4611686018427387904*rax" },
	{ "mov eax, 0x7fffffff; shl rax, 31; shl rax, 31; imul rax, rax; lock inc qword [rbx+rax*8]",
	  "b8ffffff7f 48c1e01f 48c1e01f 480fafc0 f048ff04c3", "rbx" },
	{ "mov rax, -1; shl rax, 31; shl rax, 31; shl rax, 1; mov [rbx+rax], rcx; mov rdx, [rbx]; lock add qword [rbx], rdx",
	  "48c7c0ffffffff 48c1e01f 48c1e01f 48d1e0 48890c03 488b13 f0480113", "[rbx+0]" },
	{ "lea rdx, [rax+0x7fffffff]; test cl, cl; cmovne rax, rdx; shl rax, 31; shl rax, 31; lock inc qword [rax]",
	  "488d90ffffff7f 84c9 480f45c2 48c1e01f 48c1e01f f048ff00",
	  "4611686018427387904*rax (rcx:1: -4611686018427387904)" },
	{ "mov rcx, [rsp+8]; imul rcx, rcx, 0; lock add qword [rax], rcx",
	  "488b4c2408 486bc900 f0480108", "0" },
	{ "shl rcx, 32; lock add qword [rax], rcx", "48c1e120 f0480108", "opaque0" },
};

/* How far rcx is beyond rax. */
static const struct line distances[] = {
	{ "lea rax, [rbx+8]; lea rcx, [rbx+0x10]", "488d4308 488d4b10", "8" },
	{ "lea rax, [rbx+0x10]; lea rcx, [rbx+8]", "488d4310 488d4b08", "-8" },
	{ "mov rax, rbx; mov rcx, rbx", "4889d8 4889d9", "0" },
	{ "lea rax, [rbp+rdx*8-0x28]; lea rcx, [rbp+rdx*8-0x20]", "488d44d5d8 488d4cd5e0", "8" },
	{ "lea r8, [rbp+rdx*8]; lea rax, [rbp+rdx*8-0x28]; lea rcx, [r8-0x20]",
	  "4c8d44d500 488d44d5d8 498d48e0", "8" },
	{ "mov r8, [rsp+0x10]; lea rax, [r8]; lea rcx, [r8+0x7fffffff]",
	  "4c8b442410 498d00 498d88ffffff7f", "2147483647" },
	{ "mov rax, [rsp+0x10]; mov rcx, [rsp+0x10]", "488b442410 488b4c2410", "0" },
	{ "mov rax, fs:[0]; lea rcx, [rax+8]", "64488b042500000000 488d4808", "8" },
	{ "mov rax, 7; mov rcx, -9", "48c7c007000000 48c7c1f7ffffff", "-16" },
	{ "movabs rcx, 0x8000000000000000; mov rax, 1", "48b90000000000000080 48c7c001000000",
	  "?" },
	{ "mov rax, rbx; mov rcx, rdx", "4889d8 4889d1", "?" },
	{ "lea rax, [rbx+rdx*8]; lea rcx, [rbx+rdx*4]", "488d04d3 488d0c93", "?" },
	{ "mov rax, fs:[0]; mov rcx, fs:[0]", "64488b042500000000 64488b0c2500000000", "?" },
	{ "mov rax, [rsp+0x10]; mov byte [rsi], 1; mov rcx, [rsp+0x10]",
	  "488b442410 c60601 488b4c2410", "?" },
	{ "mov rax, [rsp+0x10]; mov rcx, [rsp+0x18]", "488b442410 488b4c2418", "?" },
	{ "lea rax, [rbx+rdx]; add rax, rsi; add rax, rdi; mov rcx, rbx",
	  "488d0413 4801f0 4801f8 4889d9", "?" },
	{ "test dl, dl; lea rax, [rbx+8]; lea rcx, [rbx+0x10]; cmovne rcx, rax",
	  "84d2 488d4308 488d4b10 480f45c8", "?" },
};

static void assert_lines(const struct line *lines, size_t len)
{
	char text[EVAL_TEXT];
	size_t i, k;

	for (i = 0; i < len; i++) {
		const struct code_insn *last;
		struct eval_value v;
		struct code code;
		struct eval e;

		image_code(lines[i].hex, &code);
		eval_init(&e);
		for (k = 0; k + 1 < code.insns_len; k++)
			eval_step(&e, &code.insns[k]);
		last = &code.insns[k];
		assert_true(last->lock);
		v = last->op == CODE_INC ? eval_address(&e, &last->dst)
					 : eval_operand(&e, &last->src);
		eval_text(&v, text);
		if (strcmp(text, lines[i].expected))
			fail_msg("%s: expected %s, got %s", lines[i].assembly, lines[i].expected,
				 text);
		code_deinit(&code);
	}
}

static void addresses_of_bumps(void **state)
{
	(void)state;
	assert_lines(addresses, LEN(addresses));
}

static void what_is_added(void **state)
{
	(void)state;
	assert_lines(values, LEN(values));
}

static void registers_that_are_changed(void **state)
{
	(void)state;
	assert_lines(clobbers, LEN(clobbers));
}

static void memory_that_may_be_changed(void **state)
{
	(void)state;
	assert_lines(stores, LEN(stores));
}

static void conditional_moves(void **state)
{
	(void)state;
	assert_lines(choices, LEN(choices));
}

static void numbers_that_overflow(void **state)
{
	(void)state;
	assert_lines(extremes, LEN(extremes));
}

/* More stores than are remembered: then any address may have been written. */
static void many_stores_are_too_many(void **state)
{
	struct moqstat_operand far = { .kind = MOQSTAT_OPERAND_MEM,
				       .reg = MOQSTAT_RSP,
				       .index = MOQSTAT_REG_NONE,
				       .scale = 1,
				       .width = 8,
				       .disp = 0x1000 };
	struct eval_value v;
	struct code code;
	struct eval e;
	int i;

	(void)state;
	image_code("48 89 14 24", &code); /* mov [rsp], rdx */
	eval_init(&e);
	for (i = 0; i <= EVAL_STORES; i++) {
		v = eval_operand(&e, &far);
		assert_true(v.known);
		eval_step(&e, &code.insns[0]);
	}
	v = eval_operand(&e, &far);
	assert_false(v.known);
	code_deinit(&code);
}

static struct eval_value term(int64_t factor, unsigned int kind, int64_t constant)
{
	struct eval_value v = { .known = true, .terms_len = 1, .constant = constant };

	v.terms[0].factor = factor;
	v.terms[0].atom = (struct moqstat_operand){
		.kind = kind, .reg = MOQSTAT_RBX, .index = MOQSTAT_REG_NONE, .scale = 1, .width = 8
	};
	return v;
}

static bool is_single(struct eval_value v, struct moqstat_operand *out)
{
	return eval_single(&v, out);
}

static void one_operand_or_none(void **state)
{
	struct eval_value constant = { .known = true, .constant = INT32_MAX };
	struct eval_value chosen = { .known = true, .chooses = true };
	struct moqstat_operand op, before;

	(void)state;
	assert_true(is_single(term(1, MOQSTAT_OPERAND_REG, -7), &op));
	assert_int_equal(op.kind, MOQSTAT_OPERAND_REG);
	assert_int_equal(op.reg, MOQSTAT_RBX);
	assert_int_equal(op.disp, -7);
	assert_true(is_single(term(1, MOQSTAT_OPERAND_MEM, 0), &op));
	assert_int_equal(op.kind, MOQSTAT_OPERAND_MEM);
	assert_true(is_single(term(1, MOQSTAT_OPERAND_DEREF, 0), &op));
	assert_true(is_single(constant, &op));
	assert_int_equal(op.kind, MOQSTAT_OPERAND_IMM);
	assert_int_equal(op.disp, INT32_MAX);
	before = op;
	constant.constant++;
	assert_false(is_single(constant, &op));
	assert_false(is_single(chosen, &op));
	assert_false(is_single((struct eval_value){ 0 }, &op));
	assert_false(is_single(term(2, MOQSTAT_OPERAND_REG, 0), &op));
	assert_false(is_single(term(1, MOQSTAT_OPERAND_NONE, 0), &op));
	assert_false(is_single(term(1, MOQSTAT_OPERAND_MEM, 1), &op));
	assert_false(is_single(term(1, MOQSTAT_OPERAND_REG, 1LL << 32), &op));
	assert_memory_equal(&op, &before, sizeof(op));
}

static void distances_are_told(void **state)
{
	char text[32];
	int64_t gap;
	size_t i, k;

	(void)state;
	for (i = 0; i < LEN(distances); i++) {
		struct code code;
		struct eval e;

		image_code(distances[i].hex, &code);
		eval_init(&e);
		for (k = 0; k < code.insns_len; k++)
			eval_step(&e, &code.insns[k]);
		strcpy(text, "?");
		gap = 4711;
		if (eval_distance(&e.regs[MOQSTAT_RAX], &e.regs[MOQSTAT_RCX], &gap))
			snprintf(text, sizeof(text), "%lld", (long long)gap);
		else
			assert_int_equal(gap, 4711);
		if (strcmp(text, distances[i].expected))
			fail_msg("%s: expected %s, got %s", distances[i].assembly,
				 distances[i].expected, text);
		code_deinit(&code);
	}
}

static void numbers(void **state)
{
	/* mov rax, -7 */
	static const char hex[] = "48c7c0f9ffffff";
	struct moqstat_operand op, number = eval_number(-7);
	struct code code;
	struct eval e;

	(void)state;
	image_code(hex, &code);
	eval_init(&e);
	eval_step(&e, &code.insns[0]);
	assert_true(eval_single(&e.regs[MOQSTAT_RAX], &op));
	assert_memory_equal(&op, &number, sizeof(op));
	code_deinit(&code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_bumps),
		cmocka_unit_test(what_is_added),
		cmocka_unit_test(registers_that_are_changed),
		cmocka_unit_test(memory_that_may_be_changed),
		cmocka_unit_test(conditional_moves),
		cmocka_unit_test(numbers_that_overflow),
		cmocka_unit_test(many_stores_are_too_many),
		cmocka_unit_test(one_operand_or_none),
		cmocka_unit_test(distances_are_told),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
