/* SPDX-License-Identifier: MIT */
/*
 * eval_text.h - values as text, to compare with what a test expects:
 *
 *     rax + 72*[rdi+8]:1 + 24	    a register, a byte of memory times 72, a constant
 *     rbx + [[rsp+256]+0]	    memory at an address that lies in memory
 *     rax + 16 (rcx:1: +144)	    144 more where the low byte of rcx isn't 0
 *     rax + 16 (rcx:1&1: +96)	    96 more where the lowest bit of rcx isn't 0
 *     [rsp+256]+16		    an address that lies in memory, and a constant
 *     rax + opaque3		    what can't be told, by number
 *     ?			    what can't be told at all
 *
 * Widths other than 8 bytes stand behind a colon.
 */
#ifndef MOQSTAT_TESTS_EVAL_TEXT_H
#define MOQSTAT_TESTS_EVAL_TEXT_H

#include "eval.h"

#define EVAL_TEXT 160

void eval_text_operand(const struct moqstat_operand *op, char out[EVAL_TEXT]);
void eval_text(const struct eval_value *v, char out[EVAL_TEXT]);

#endif /* MOQSTAT_TESTS_EVAL_TEXT_H */
