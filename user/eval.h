/* SPDX-License-Identifier: MIT */
/*
 * eval.h - follows values along a straight line of instructions, in terms of what registers and
 * memory held where the line begins. That is where a probe stands, so what comes out are operands
 * that a probe there can read.
 */
#ifndef MOQSTAT_EVAL_H
#define MOQSTAT_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "code.h"

#define EVAL_TERMS  3
#define EVAL_STORES 16

/** factor * atom, the atom being a register or a place in memory as it was at the start. An atom
 *  of kind NONE is a value that can't be told in such terms; its disp tells it from others. */
struct eval_term {
	int64_t factor;
	struct moqstat_operand atom;
};

/** constant + the terms, + delta if `choice` was not zero; if only its lowest bit was asked for, if
 *  that was not zero. */
struct eval_value {
	bool known;
	bool chooses;
	bool choice_bit; /* the lowest bit of `choice` alone */
	uint8_t terms_len;
	int64_t constant;
	int64_t delta;
	struct moqstat_operand choice;
	struct eval_term terms[EVAL_TERMS];
};

struct eval {
	struct eval_value regs[CODE_REGS];
	struct eval_value stores[EVAL_STORES]; /* addresses written since the start */
	uint8_t stores_width[EVAL_STORES];
	unsigned int stores_len;
	bool stores_lost; /* somewhere unknown was written */
	int32_t opaque;	  /* values so far that can't be told */
	bool flag_known;  /* the zero flag says whether `flag` is zero, */
	bool flag_bit;	  /* or its lowest bit */
	struct moqstat_operand flag;
};

/** Start of a line: every register is itself, nothing is written. */
void eval_init(struct eval *e);

/** Go over one instruction. */
void eval_step(struct eval *e, const struct code_insn *insn);

/** What an operand of the next instruction holds. */
struct eval_value eval_operand(const struct eval *e, const struct moqstat_operand *op);

/** Where a memory operand of the next instruction lies. */
struct eval_value eval_address(const struct eval *e, const struct moqstat_operand *op);

/** The one operand whose value this is; false if it takes more than one to say. A register may
 *  have a constant added, in `disp`. */
bool eval_single(const struct eval_value *v, struct moqstat_operand *out);

/** Surely the same value, at the start of the same line, whichever way each was come by? */
bool eval_equal(const struct eval_value *a, const struct eval_value *b);

/** How far b is above a, both come by on one and the same way; false if that can't be told. */
bool eval_distance(const struct eval_value *a, const struct eval_value *b, int64_t *out);

/** The operand that is a number. */
struct moqstat_operand eval_number(int32_t number);

/** The operand that is a register's value plus a constant. */
struct moqstat_operand eval_register(unsigned int reg, int32_t disp);

/** Same operand? */
bool eval_operand_equal(const struct moqstat_operand *a, const struct moqstat_operand *b);

#endif /* MOQSTAT_EVAL_H */
