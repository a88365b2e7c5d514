/* SPDX-License-Identifier: MIT */
/*
 * origin.h - where the value in a register has come from, on all ways through a function that lead
 * to an instruction. Registers are followed from one to another, memory isn't.
 */
#ifndef MOQSTAT_ORIGIN_H
#define MOQSTAT_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "code.h"

/** Most instructions that may have given a value. */
#define ORIGIN_MAX 8

/** What may have given a value. */
struct origin {
	size_t insns[ORIGIN_MAX]; /* instructions that put it into a register */
	size_t len;
	unsigned int arguments; /* bit by register: what the function was called with there */
};

/** Where may what register `reg` holds before instruction `insn` have come from? -ENOENT: that
 *  can't be told; -ENOMEM. */
int origin_find(const struct code *code, size_t insn, unsigned int reg, struct origin *out);

/** Is it surely what the function was called with in `argument`? */
bool origin_is_argument(const struct code *code, size_t insn, unsigned int reg,
			unsigned int argument);

#endif /* MOQSTAT_ORIGIN_H */
