/* SPDX-License-Identifier: MIT */
/*
 * code.h - one function's machine code, decoded: instructions, and who jumps where.
 *
 * The only file that knows the decoder library is code_x86.c, and what registers are for is in
 * code_x86.h; another architecture is another two files: docs/aarch64.md.
 */
#ifndef MOQSTAT_CODE_H
#define MOQSTAT_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <moqstat.h>

#include "code_x86.h"
#include "elf.h"

/** How the kernel runs a probed instruction, which decides what a probe costs and whether it
 *  fires at all (design, section 3; arch/x86/kernel/uprobes.c). */
enum code_class {
	CODE_CLASS_EMULATED = 0, /* branch, call, push of a register, nop: one trap */
	CODE_CLASS_STEPPED,	 /* executed out of line: two traps */
	CODE_CLASS_REFUSED,	 /* LOCK prefix and other: never fires */
};

/** What an instruction does, as far as the finder follows it. */
enum code_op {
	CODE_OTHER = 0, /* changes the registers of `writes`, and memory if `stores` */
	CODE_MOV,	/* also movzx: dst = src, zero-extended from src.width */
	CODE_LEA,
	CODE_ADD,
	CODE_SUB,
	CODE_SHL,
	CODE_OR,
	CODE_IMUL, /* dst = src * src2 */
	CODE_ZERO, /* xor r, r */
	CODE_CMOV,
	CODE_TEST,
	CODE_CMP,
	CODE_INC,
	CODE_DEC,
	CODE_JMP, /* target 0: indirect */
	CODE_JCC,
	CODE_CALL, /* target 0: indirect */
	CODE_RET,
	CODE_TRAP,    /* ud2, int3, hlt: does not go on */
	CODE_INVALID, /* not decodable */
};

/** Conditions that matter. */
enum code_cond {
	CODE_COND_OTHER = 0,
	CODE_COND_ZERO,	   /* e: ZF = 1 */
	CODE_COND_NONZERO, /* ne: ZF = 0 */
};

/** One instruction, with its first three explicit operands. An immediate is in disp; one of more
 *  than 32 bits is of kind NONE, as is whatever else a probe can't read. */
struct code_insn {
	uint64_t addr;
	uint64_t target; /* of a direct branch or call; of a lea relative to rip, what it yields */
	uint64_t slot;	 /* of a branch or call through memory relative to rip, where that lies */
	struct moqstat_operand dst;
	struct moqstat_operand src;
	struct moqstat_operand src2;
	uint32_t writes;  /* general registers changed, bit by enum moqstat_reg */
	uint32_t vectors; /* vector registers changed, bit by number */
	uint8_t len;
	uint8_t op;	/* enum code_op */
	uint8_t cond;	/* enum code_cond, of CODE_JCC and CODE_CMOV */
	uint8_t class;	/* enum code_class */
	uint8_t vector; /* 16 bytes are moved between memory and this vector register, numbered
			 * from 1 on: to it from src, or from it to dst; 0: not so */
	bool lock;
	bool stores; /* may write memory: dst; where that is none or of width 0, anywhere */
	bool flags;  /* changes the zero flag */
};

/** An edge: the instruction `from` branches to the instruction `to`. */
struct code_edge {
	uint32_t to;
	uint32_t from; /* CODE_EDGE_TABLE: out of a jump table */
};

#define CODE_EDGE_TABLE UINT32_MAX

struct code {
	uint64_t addr;
	uint64_t size;
	struct code_insn *insns;
	size_t insns_len;
	struct code_edge *edges; /* sorted by `to` */
	size_t edges_len;
};

/** Decode `size` bytes of code at virtual address `addr` of `f`, a whole function. Bytes that are
 *  no instruction become CODE_INVALID ones of length 1. *out is ended by code_deinit().
 *  -ERANGE: not in the file; -ENOMEM. */
int code_init(const struct elf_file *f, uint64_t addr, uint64_t size, struct code *out);
void code_deinit(struct code *code);

/** Index of the instruction at an address, or -1. */
ptrdiff_t code_find(const struct code *code, uint64_t addr);

/** The branches to an instruction: edges[*first .. *first + return value). */
size_t code_edges_to(const struct code *code, size_t insn, size_t *first);

/** True if the bytes could hold a locked 64-bit inc, dec or add to memory: a cheap test that
 *  spares decoding what can't hold a bump. Never false where there is one. */
bool code_may_bump(const uint8_t *bytes, uint64_t size);

/** Where a branch or call leads: to `target`, or through the word at `slot`. */
struct code_branch {
	uint64_t target; /* 0: through the slot */
	uint64_t slot;
};

/** The next branch or call of a function's bytes, which lie at virtual address `addr`; *at is where
 *  to look, 0 at first. Without decoding: what looks like one by chance is told as well, but none
 *  is missed that says where it leads. False: there are no more. */
bool code_next_branch(const uint8_t *bytes, uint64_t size, uint64_t addr, uint64_t *at,
		      struct code_branch *out);

/** Does execution never run on into the next instruction? */
bool code_ends(const struct code_insn *insn);

/** Hand each instruction that may run right before this one to `take`, until that says false. Then
 *  false; also where none may, or any: at the function's beginning, and behind a jump table. */
bool code_before(const struct code *code, size_t insn, bool (*take)(void *arg, size_t before),
		 void *arg);

/** The first instruction of the run that leads to this one by no branch, and from no other place.
 */
size_t code_run(const struct code *code, size_t insn);

/** Does it save a register on the stack, as functions begin? */
bool code_saves(const struct code_insn *insn);

/** Names for people: "rax"; "emulated"; and the mnemonic class of a probed instruction. */
const char *code_reg_name(unsigned int reg);
const char *code_class_name(enum code_class class);
const char *code_op_name(const struct code_insn *insn);

#endif /* MOQSTAT_CODE_H */
