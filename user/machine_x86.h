/* SPDX-License-Identifier: MIT */
/*
 * machine_x86.h - the machine's x86-64 files among themselves: machine_x86_decode.c
 * (instructions), machine_x86_execute.c and machine_x86_vector.c (what they do), machine_x86.c (in
 * which order).
 */
#ifndef MOQSTAT_MACHINE_X86_H
#define MOQSTAT_MACHINE_X86_H

#include <Zydis/Zydis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "machine_memory.h"

#define MACHINE_RAX  0
#define MACHINE_RSP  4
#define MACHINE_RDI  7
#define MACHINE_NONE 0xff

/* Bytes of a vector register. */
#define MACHINE_VECTOR 32

enum machine_operand_kind {
	MACHINE_NO_OPERAND = 0,
	MACHINE_REG,
	MACHINE_XMM, /* a vector, of 16 or 32 bytes */
	MACHINE_MEM,
	MACHINE_IMM,
	MACHINE_TLS
};

struct machine_operand {
	uint8_t kind;
	uint8_t reg; /* or the base of memory */
	uint8_t index;
	uint8_t scale;
	uint8_t size;  /* bytes */
	bool high;     /* ah, bh, ch, dh */
	int64_t value; /* immediate, or displacement */
};

struct machine_insn {
	uint64_t addr; /* 0: free slot */
	uint64_t next;
	uint64_t target; /* of a direct branch */
	uint64_t end;	 /* where release was asked: the function that follows a zero, or 0 */
	uint16_t op;	 /* ZydisMnemonic */
	bool lock;
	bool vex;	/* one of AVX's */
	bool decoded;	/* else not an instruction of the function */
	int8_t marked;	/* -1: not asked yet */
	int8_t release; /* -1: not asked yet */
	struct machine_operand o[3];
};

/* Sooner or later all functions entered have been decoded. */
struct machine_code {
	struct machine_insn *list;
	size_t len, room; /* room is a power of two */
};

struct machine {
	const struct machine_ops *ops;
	void *arg;
	ZydisDecoder decoder;
	struct machine_code code;
	struct machine_memory memory;
	uint64_t reg[16];
	uint64_t from[16];
	uint8_t vector[16][MACHINE_VECTOR];
	bool cf, zf, sf, of, pf;
	uint64_t ip;
	enum machine_end end;
	struct machine_frame frames[MACHINE_FRAMES_MAX];
	size_t frames_len;
};

/** Note why the run ends, if nothing has before. Returns false. */
bool machine_fail(struct machine *m, enum machine_end end);

/** The instruction at an address; NULL only for lack of memory. Valid until the next call. */
struct machine_insn *machine_insn(struct machine *m, uint64_t addr);

bool machine_is_jcc(uint16_t op);

/** Where a memory operand lies, and what an operand holds; false where the run ends for it. */
uint64_t machine_address(const struct machine *m, const struct machine_operand *o);
bool machine_get(struct machine *m, const struct machine_insn *in, unsigned int n, uint64_t *out);
bool machine_put(struct machine *m, const struct machine_insn *in, unsigned int n, uint64_t value);

/** Memory as the run sees it; false where the run ends for it. `counts`: is it to be the same when
 * it is asked for again? */
bool machine_load(struct machine *m, uint64_t addr, void *out, size_t size, bool counts);
bool machine_store(struct machine *m, uint64_t addr, const void *in, size_t size);

/** The stack; `origin`: where the value had been loaded from. */
bool machine_push(struct machine *m, uint64_t value, uint64_t origin);
bool machine_pop(struct machine *m, uint64_t *value, uint64_t *origin);

/** a - b, setting the flags. */
uint64_t machine_sub(struct machine *m, uint64_t a, uint64_t b, unsigned int size);

/** Does the condition of a jump, set or move hold? False: it is none of these. */
bool machine_condition(const struct machine *m, uint16_t op, bool *holds);

/** What uses vector registers. False: the run ends. */
bool machine_vector(struct machine *m, const struct machine_insn *in);

/** Everything that goes on to the next instruction. False: the run ends. */
bool machine_execute(struct machine *m, const struct machine_insn *in);

#endif /* MOQSTAT_MACHINE_X86_H */
