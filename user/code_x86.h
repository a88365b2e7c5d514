/* SPDX-License-Identifier: MIT */
/*
 * code_x86.h - what the registers of x86-64 are for: the System V ABI, which rustc's own calls
 * follow where they take and return words. Included by code.h.
 */
#ifndef MOQSTAT_CODE_X86_H
#define MOQSTAT_CODE_X86_H

#include <moqstat.h>

/** General registers, enum moqstat_reg. */
#define CODE_REGS 16

/** Vector registers that are told apart. */
#define CODE_VECTORS 16

/** The arguments of a function that returns at most a word, and that word. */
#define CODE_ARG0   MOQSTAT_RDI
#define CODE_ARG1   MOQSTAT_RSI
#define CODE_ARG2   MOQSTAT_RDX
#define CODE_RESULT MOQSTAT_RAX

/** A function that returns more is given the address where to put it, and these arguments. */
#define CODE_RETURNS_TO MOQSTAT_RDI
#define CODE_TO_ARG0	MOQSTAT_RSI
#define CODE_TO_ARG1	MOQSTAT_RDX
#define CODE_TO_ARG2	MOQSTAT_RCX

#define CODE_STACK	MOQSTAT_RSP

#endif /* MOQSTAT_CODE_X86_H */
