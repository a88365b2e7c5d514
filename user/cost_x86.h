/* SPDX-License-Identifier: MIT */
/*
 * cost_x86.h - the bumps that cost.c measures, as the compiler makes them in a relay for x86-64.
 */
#ifndef MOQSTAT_COST_X86_H
#define MOQSTAT_COST_X86_H

#include <moqstat.h>
#include <stdint.h>

/** What stands where the relay's guard does. */
struct cost_guard {
	uint64_t *entry;
	uint64_t tier; /* its low byte */
};

/** A bump on `guard`; for bytes, by what is at `n`. The branch that is probed has a name. */
typedef void cost_bump(const struct cost_guard *guard, const uint64_t *n);

/** Where they are at that branch. */
#define COST_GUARD MOQSTAT_RDI
#define COST_ENTRY MOQSTAT_RAX
#define COST_N	   MOQSTAT_RSI

/* In assembly, so that it has one shape whatever compiles this. */
#define COST_FUNCTION(name, load, bump)                                            \
	__asm__(".pushsection .text\n"                                             \
		".p2align 4\n"                                                     \
		".globl " #name "\n.hidden " #name "\n"                            \
		".globl " #name "_je\n.hidden " #name "_je\n" #name ":\n"          \
		"	movq (%rdi), %rax\n"                                             \
		"	testq %rax, %rax\n" #name "_je:\n"                         \
		"	je 1f\n"                                                         \
		"	movzbl 8(%rdi), %ecx\n" load "	leaq (%rcx,%rcx,8), %rcx\n" \
		"	lock " bump "\n"                                           \
		"1:	ret\n"                                                         \
		".popsection\n");                                                  \
	cost_bump name;                                                            \
	extern const char name##_je[]

COST_FUNCTION(cost_frames, "", "incq (%rax,%rcx,8)");
COST_FUNCTION(cost_bytes, "	movq (%rsi), %rdx\n", "addq %rdx, (%rax,%rcx,8)");

#endif /* MOQSTAT_COST_X86_H */
