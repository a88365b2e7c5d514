/* SPDX-License-Identifier: MIT */
#include "bump.h"

#include <errno.h>
#include <string.h>

#include "origin.h"

/* Instructions looked at on the ways to one bump. */
#define BUMP_WALK_MAX 256

struct bump_edge {
	size_t branch;
	bool taken;
};

struct bump_walk {
	size_t bump;
	bool past; /* pass by the branches of Arc::clone(), and by those on what is added */
	size_t seen[BUMP_WALK_MAX];
	size_t seen_len;
	size_t todo[BUMP_WALK_MAX];
	size_t todo_len;
	struct bump_edge edges[2 * BUMP_BRANCHES_MAX];
	size_t edges_len;
};

bool bump_is(const struct code_insn *insn)
{
	return insn->lock && (insn->op == CODE_INC || insn->op == CODE_ADD) &&
	       insn->dst.kind == MOQSTAT_OPERAND_MEM && insn->dst.width == 8 &&
	       insn->dst.reg != MOQSTAT_REG_NONE;
}

/* Does this branch only end the process where a count of references has overflowed? */
static bool bump_is_clone(const struct code *code, size_t branch)
{
	const struct code_insn *count, *insn = &code->insns[branch];
	size_t first;
	ptrdiff_t to;

	if (!branch || insn->op != CODE_JCC || insn->cond != CODE_COND_OTHER ||
	    code_edges_to(code, branch, &first))
		return false;
	count = &code->insns[branch - 1];
	to = code_find(code, insn->target);
	return bump_is(count) && count->op == CODE_INC && !count->dst.disp &&
	       count->dst.index == MOQSTAT_REG_NONE && to >= 0 && code->insns[to].op == CODE_TRAP;
}

/* Does this branch lead from another bump of the same object to this one, unless nothing would be
 * added? Whoever adds nothing adds as much. */
static bool bump_is_amount(const struct code *code, size_t bump, size_t branch)
{
	const struct code_insn *insn = &code->insns[branch], *to = &code->insns[bump];
	const struct code_insn *test = insn - 1, *before = insn - 2;
	size_t i, first;

	if (branch < 2 || branch > bump || insn->op != CODE_JCC || insn->cond != CODE_COND_ZERO ||
	    to->op != CODE_ADD || to->src.kind != MOQSTAT_OPERAND_REG || to->src.width != 8 ||
	    test->op != CODE_TEST || !eval_operand_equal(&test->dst, &test->src) ||
	    !eval_operand_equal(&test->dst, &to->src) || !bump_is(before) ||
	    before->dst.reg != to->dst.reg || before->dst.index != to->dst.index ||
	    to->dst.index == MOQSTAT_REG_NONE || code_edges_to(code, branch - 1, &first) ||
	    code_edges_to(code, branch, &first))
		return false;
	for (i = branch + 1; i < bump; i++) {
		if ((code->insns[i].writes & (1u << to->src.reg | 1u << to->dst.reg)) ||
		    code_edges_to(code, i, &first))
			return false;
	}
	return !code_edges_to(code, bump, &first);
}

static int bump_walk_edge(struct bump_walk *w, size_t branch, bool taken)
{
	if (w->edges_len == 2 * BUMP_BRANCHES_MAX)
		return -E2BIG;
	w->edges[w->edges_len++] = (struct bump_edge){ .branch = branch, .taken = taken };
	return 0;
}

/* Note who branches to the instruction; true in *more if anybody does. */
static int bump_walk_branches(const struct code *code, struct bump_walk *w, size_t insn, bool *any)
{
	size_t i, first, len = code_edges_to(code, insn, &first);
	int err = 0;

	for (i = first; i < first + len && !err; i++) {
		uint32_t from = code->edges[i].from;

		if (from == CODE_EDGE_TABLE)
			return -ENOENT;
		if (code->insns[from].op == CODE_JCC)
			err = bump_walk_edge(w, from, true);
		else if (w->todo_len == BUMP_WALK_MAX)
			err = -E2BIG;
		else
			w->todo[w->todo_len++] = from;
	}
	*any = len > 0;
	return err;
}

/* Go back from one instruction until every way ends in a conditional branch. */
static int bump_walk_run(const struct code *code, struct bump_walk *w, size_t insn)
{
	for (;;) {
		size_t i;
		bool any;
		int err;

		for (i = 0; i < w->seen_len; i++) {
			if (w->seen[i] == insn)
				return 0;
		}
		if (w->seen_len == BUMP_WALK_MAX)
			return -E2BIG;
		w->seen[w->seen_len++] = insn;
		err = bump_walk_branches(code, w, insn, &any);
		if (err)
			return err;
		if (!insn)
			return -ENOENT;
		if (code_ends(&code->insns[insn - 1]))
			return any ? 0 : -ENOENT;
		insn--;
		if (code->insns[insn].op == CODE_JCC &&
		    !(w->past &&
		      (bump_is_clone(code, insn) || bump_is_amount(code, w->bump, insn))))
			return bump_walk_edge(w, insn, false);
	}
}

/* A register that only a byte was read into holds no more than that at the branch: so arithmetic of
 * 32 bits on it can be told, too. */
static void bump_narrow(const struct code *code, size_t branch, struct eval *e)
{
	unsigned int reg;
	ptrdiff_t at;

	for (reg = 0; reg < sizeof(e->regs) / sizeof(e->regs[0]); reg++) {
		at = bump_writer(code, branch, reg);
		if (at >= 0 && code->insns[at].op == CODE_MOV &&
		    code->insns[at].dst.kind == MOQSTAT_OPERAND_REG &&
		    code->insns[at].dst.reg == reg && code->insns[at].dst.width >= 4 &&
		    code->insns[at].src.width == 1)
			e->regs[reg].terms[0].atom.width = 1;
	}
}

static struct eval_value bump_register(const struct eval *e, unsigned int reg)
{
	struct moqstat_operand op = eval_register(reg, 0);

	return reg == MOQSTAT_REG_NONE ? (struct eval_value){ 0 } : eval_operand(e, &op);
}

/* Is what an operand reads not in the function's own part of the stack, or not in those 8 bytes of
 * it? What it was called with is from before. */
static bool bump_reads_past(const struct code *code, size_t insn, const struct moqstat_operand *op,
			    int32_t slot)
{
	const unsigned int arguments = 1u << CODE_ARG0 | 1u << CODE_ARG1 | 1u << CODE_ARG2;
	struct origin origin;

	if (op->kind != MOQSTAT_OPERAND_MEM)
		return true;
	if (op->index != MOQSTAT_REG_NONE || !op->width)
		return false;
	if (op->reg == CODE_STACK)
		return op->disp >= slot + 8 || op->disp + op->width <= slot;
	return !origin_find(code, insn, op->reg, &origin) && !origin.len &&
	       !(origin.arguments & ~arguments);
}

/* Does an instruction only put a register on the function's own stack, where nothing is read on the
 * way from there to the bump? */
static bool bump_spills(const struct code *code, size_t at, size_t bump)
{
	const struct code_insn *insn = &code->insns[at];
	size_t i;

	if (insn->op != CODE_MOV || insn->dst.kind != MOQSTAT_OPERAND_MEM ||
	    insn->dst.reg != CODE_STACK || insn->dst.index != MOQSTAT_REG_NONE ||
	    insn->dst.width != 8 || insn->dst.disp < 0 || insn->src.kind != MOQSTAT_OPERAND_REG)
		return false;
	for (i = at + 1; i <= bump; i++) {
		const struct code_insn *next = &code->insns[i];

		if (next->op == CODE_CALL || next->op == CODE_JCC || code_ends(next) ||
		    (next->op != CODE_LEA && !bump_reads_past(code, i, &next->src, insn->dst.disp)))
			return false;
		if ((next->op == CODE_CMP || next->op == CODE_TEST) &&
		    !bump_reads_past(code, i, &next->dst, insn->dst.disp))
			return false;
	}
	return true;
}

/* Is it another bump of the object, so that it changes nothing but counters? */
static bool bump_is_sibling(const struct code_insn *insn, const struct code_insn *bump)
{
	return bump_is(insn) && bump->dst.index != MOQSTAT_REG_NONE &&
	       insn->dst.reg == bump->dst.reg && insn->dst.index == bump->dst.index;
}

/* Follow the one way from a branch to the bump, and tell what the bump does. */
static int bump_eval(const struct code *code, const struct bump_edge *edge, size_t bump, bool past,
		     struct bump_branch *out)
{
	ptrdiff_t at = edge->taken ? code_find(code, code->insns[edge->branch].target)
				   : (ptrdiff_t)edge->branch + 1;
	const struct code_insn *insn = &code->insns[bump];
	struct moqstat_operand one = { .kind = MOQSTAT_OPERAND_IMM, .disp = 1 };
	struct eval e;
	size_t steps;

	eval_init(&e);
	bump_narrow(code, edge->branch, &e);
	for (steps = 0; at >= 0 && (size_t)at != bump; steps++) {
		if (steps == BUMP_WALK_MAX || (size_t)at >= code->insns_len)
			return -E2BIG;
		if (code->insns[at].op == CODE_JMP) {
			at = code_find(code, code->insns[at].target);
			continue;
		}
		/* What counts references is no place that is read here: but the flags change. */
		if (((size_t)at + 1 < bump && bump_is_clone(code, at + 1)) ||
		    (past && bump_is_sibling(&code->insns[at], insn)))
			e.flag_known = false;
		else if (!(past && bump_spills(code, at, bump)))
			eval_step(&e, &code->insns[at]);
		at++;
	}
	if (at < 0)
		return -ENOENT;
	out->base = bump_register(&e, insn->dst.reg);
	out->index = bump_register(&e, insn->dst.index);
	out->address = eval_address(&e, &insn->dst);
	out->n = eval_operand(&e, insn->op == CODE_INC ? &one : &insn->src);
	return 0;
}

static int bump_when(const struct code_insn *branch, bool taken, enum moqstat_when *when)
{
	if (branch->cond == CODE_COND_OTHER)
		return -ENOTSUP;
	*when = (branch->cond == CODE_COND_ZERO) == taken ? MOQSTAT_WHEN_ZERO
							  : MOQSTAT_WHEN_NONZERO;
	return 0;
}

/* Both ways of a branch lead to the bump: then it must do the same on both. */
static void bump_join(struct bump_branch *known, const struct bump_branch *other)
{
	known->when = MOQSTAT_WHEN_ALWAYS;
	if (!eval_equal(&known->address, &other->address))
		known->address.known = false;
	if (!eval_equal(&known->n, &other->n))
		known->n.known = false;
	if (!eval_equal(&known->base, &other->base))
		known->base.known = false;
	if (!eval_equal(&known->index, &other->index))
		known->index.known = false;
}

static int bump_search(const struct code *code, size_t bump, bool past, struct bump_branch *out,
		       size_t *len)
{
	struct bump_branch found[BUMP_BRANCHES_MAX];
	struct bump_walk w = { .bump = bump, .past = past, .todo_len = 1, .todo = { bump } };
	size_t i, k, n = 0;
	int err = 0;

	while (w.todo_len && !err)
		err = bump_walk_run(code, &w, w.todo[--w.todo_len]);
	if (err)
		return err;
	for (i = 0; i < w.edges_len; i++) {
		struct bump_branch b = { .insn = w.edges[i].branch };
		bool both = false;

		if (code->insns[b.insn].class != CODE_CLASS_EMULATED)
			return -ENOTSUP;
		err = bump_eval(code, &w.edges[i], bump, past, &b);
		if (err)
			return err;
		for (k = 0; k < n && !both; k++) {
			both = found[k].insn == b.insn;
			if (both)
				bump_join(&found[k], &b);
		}
		if (both)
			continue;
		if (n == BUMP_BRANCHES_MAX)
			return -E2BIG;
		/* A condition we can't tell does no harm where both ways lead on. */
		if (bump_when(&code->insns[b.insn], w.edges[i].taken, &b.when)) {
			for (k = i + 1; k < w.edges_len && !both; k++)
				both = w.edges[k].branch == b.insn;
			if (!both)
				return -ENOTSUP;
		}
		found[n++] = b;
	}
	if (!n)
		return -ENOENT;
	memcpy(out, found, n * sizeof(*out));
	*len = n;
	return 0;
}

int bump_find(const struct code *code, size_t bump, struct bump_branch *out, size_t *len)
{
	return bump_search(code, bump, false, out, len);
}

int bump_find_past(const struct code *code, size_t bump, struct bump_branch *out, size_t *len)
{
	return bump_search(code, bump, true, out, len);
}

ptrdiff_t bump_writer(const struct code *code, size_t insn, unsigned int reg)
{
	size_t first;

	while (insn > 0) {
		if (code_edges_to(code, insn, &first) || code_ends(&code->insns[insn - 1]))
			return -1;
		insn--;
		if (code->insns[insn].writes & (1u << reg))
			return insn;
	}
	return -1;
}
