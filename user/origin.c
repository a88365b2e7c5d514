/* SPDX-License-Identifier: MIT */
#include "origin.h"

#include <errno.h>
#include <stdlib.h>

#include "eval.h"

/* What a register holds before an instruction, for each register and instruction: a number. */
struct origin_walk {
	const struct code *code;
	bool *seen;
	size_t *todo;
	size_t todo_len;
	struct origin *out;
};

static void origin_add(struct origin_walk *w, size_t insn, unsigned int reg)
{
	size_t state = insn * CODE_REGS + reg;

	if (w->seen[state])
		return;
	w->seen[state] = true;
	w->todo[w->todo_len++] = state;
}

/* Is it a plain copy of another register? */
static bool origin_copies(const struct code_insn *insn)
{
	return insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_REG &&
	       insn->dst.width == 8 && insn->src.kind == MOQSTAT_OPERAND_REG &&
	       insn->src.width == 8 && !insn->src.disp;
}

/* One instruction from which execution gets to where the register's value is asked for. */
static int origin_from(struct origin_walk *w, size_t insn, unsigned int reg)
{
	const struct code_insn *from = &w->code->insns[insn];
	size_t i;

	if (!(from->writes & (1u << reg))) {
		origin_add(w, insn, reg);
		return 0;
	}
	if (origin_copies(from)) {
		origin_add(w, insn, from->src.reg);
		return 0;
	}
	for (i = 0; i < w->out->len; i++) {
		if (w->out->insns[i] == insn)
			return 0;
	}
	if (w->out->len == ORIGIN_MAX)
		return -ENOENT;
	w->out->insns[w->out->len++] = insn;
	return 0;
}

/* Does it nothing? So loops are aligned, behind a jump. */
static bool origin_fills(const struct code_insn *insn)
{
	return insn->op == CODE_OTHER && !insn->writes && !insn->vectors && !insn->stores &&
	       !insn->flags;
}

static int origin_step(struct origin_walk *w, size_t insn, unsigned int reg)
{
	size_t i, first, len = code_edges_to(w->code, insn, &first);
	bool runs_on = insn && !code_ends(&w->code->insns[insn - 1]);
	int err = 0;

	if (!insn)
		w->out->arguments |= 1u << reg;
	/* A landing pad, or code that nothing is known to lead to. */
	else if (!len && !runs_on)
		return origin_fills(&w->code->insns[insn]) ? 0 : -ENOENT;
	for (i = first; i < first + len && !err; i++) {
		if (w->code->edges[i].from == CODE_EDGE_TABLE)
			return -ENOENT;
		err = origin_from(w, w->code->edges[i].from, reg);
	}
	return err || !runs_on ? err : origin_from(w, insn - 1, reg);
}

int origin_find(const struct code *code, size_t insn, unsigned int reg, struct origin *out)
{
	size_t states = code->insns_len * CODE_REGS;
	struct origin_walk w = { .code = code,
				 .seen = calloc(states + 1, sizeof(*w.seen)),
				 .todo = calloc(states + 1, sizeof(*w.todo)),
				 .out = out };
	int err = w.seen && w.todo ? 0 : -ENOMEM;

	*out = (struct origin){ .len = 0 };
	if (reg >= CODE_REGS || insn >= code->insns_len)
		err = err ? err : -ENOENT;
	if (!err)
		origin_add(&w, insn, reg);
	while (!err && w.todo_len) {
		size_t state = w.todo[--w.todo_len];

		err = origin_step(&w, state / CODE_REGS, state % CODE_REGS);
	}
	free(w.seen);
	free(w.todo);
	return err;
}

bool origin_is_argument(const struct code *code, size_t insn, unsigned int reg,
			unsigned int argument)
{
	struct origin origin;

	return !origin_find(code, insn, reg, &origin) && !origin.len &&
	       origin.arguments == 1u << argument;
}
