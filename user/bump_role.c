/* SPDX-License-Identifier: MIT */
/* Bumps of a pair that only one side gets to, since the code has asked for the side in between. */
#include "bump_pair.h"

#include <errno.h>
#include <stdlib.h>

/* Instructions between what the side is read into, the pick, and the branch on the side. */
#define ROLE_NEAR 16

/* The instruction that the flags are of, in the same straight run; -1: not known. */
static ptrdiff_t role_flags(const struct code *code, size_t insn)
{
	size_t i, first;

	for (i = insn; i > 0 && i + ROLE_NEAR > insn; i--) {
		if (code_edges_to(code, i, &first) || code_ends(&code->insns[i - 1]))
			return -1;
		if (code->insns[i - 1].flags)
			return i - 1;
	}
	return -1;
}

/* Does it ask whether a register is zero? */
static bool role_tests(const struct code_insn *insn)
{
	return insn->op == CODE_TEST && insn->dst.kind == MOQSTAT_OPERAND_REG &&
	       eval_operand_equal(&insn->dst, &insn->src);
}

/* The branch behind a bump that asks the same as the pick in front of it did; -1: there is none, or
 * other ways lead there. */
static ptrdiff_t role_branch(const struct code *code, size_t bump, unsigned int picked)
{
	ptrdiff_t pick = bump_writer(code, bump, picked), asked, again;
	size_t i, first;

	if (pick < 0 || code->insns[pick].op != CODE_CMOV)
		return -1;
	asked = role_flags(code, pick);
	if (asked < 0 || !role_tests(&code->insns[asked]))
		return -1;
	for (i = asked + 1; i < code->insns_len && i < bump + ROLE_NEAR; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (code_edges_to(code, i, &first) || code_ends(insn) ||
		    (insn->writes & (1u << code->insns[asked].dst.reg)))
			return -1;
		if (insn->op == CODE_JCC)
			break;
	}
	if (i <= bump || i >= code->insns_len || code->insns[i].op != CODE_JCC ||
	    code->insns[i].cond == CODE_COND_OTHER)
		return -1;
	again = role_flags(code, i);
	return again >= 0 && role_tests(&code->insns[again]) &&
			       eval_operand_equal(&code->insns[again].dst, &code->insns[asked].dst)
		       ? (ptrdiff_t)i
		       : -1;
}

struct role_walk {
	bool *seen;
	size_t *todo;
	size_t len;
};

static void role_reach(struct role_walk *w, ptrdiff_t insn, size_t len)
{
	if (insn < 0 || (size_t)insn >= len || w->seen[insn])
		return;
	w->seen[insn] = true;
	w->todo[w->len++] = insn;
}

/* Does any way lead from there to the bump, other than by `past`? One that can't be followed may.
 */
static bool role_leads(const struct code *code, struct role_walk *w, ptrdiff_t from, size_t past,
		       size_t bump)
{
	role_reach(w, from, code->insns_len);
	while (w->len) {
		size_t at = w->todo[--w->len];
		const struct code_insn *insn = &code->insns[at];

		if (at == bump || (insn->op == CODE_JMP && !insn->target))
			return true;
		if (at == past)
			continue;
		if (insn->op == CODE_JMP || insn->op == CODE_JCC)
			role_reach(w, code_find(code, insn->target), code->insns_len);
		if (!code_ends(insn))
			role_reach(w, at + 1, code->insns_len);
	}
	return false;
}

/* The same, with what it takes. */
static int role_may_lead(const struct code *code, ptrdiff_t from, size_t past, size_t bump,
			 bool *leads)
{
	struct role_walk w = { .seen = calloc(code->insns_len, sizeof(*w.seen)),
			       .todo = calloc(code->insns_len, sizeof(*w.todo)) };
	int err = w.seen && w.todo ? 0 : -ENOMEM;

	if (!err)
		*leads = role_leads(code, &w, from, past, bump);
	free(w.seen);
	free(w.todo);
	return err;
}

int bump_pair_role(const struct code *code, size_t bump, const struct bump_pair *p,
		   enum moqstat_role *role)
{
	bool zero, nonzero, taken_leads, next_leads;
	const struct code_insn *insn;
	ptrdiff_t branch;
	int err;

	if (p->form != BUMP_PAIR_KEPT || p->side.kind != MOQSTAT_OPERAND_REG)
		return -ENOENT;
	branch = role_branch(code, p->picked, p->side.reg);
	if (branch < 0)
		return -ENOENT;
	insn = &code->insns[branch];
	err = role_may_lead(code, code_find(code, insn->target), p->picked, bump, &taken_leads);
	if (!err)
		err = role_may_lead(code, branch + 1, p->picked, bump, &next_leads);
	if (err)
		return err;
	zero = insn->cond == CODE_COND_ZERO ? taken_leads : next_leads;
	nonzero = insn->cond == CODE_COND_ZERO ? next_leads : taken_leads;
	if (zero == nonzero)
		return -ENOENT;
	/* The publisher's counters are picked where the side is 0. */
	*role = zero ? MOQSTAT_PUBLISHER : MOQSTAT_SUBSCRIBER;
	return 0;
}
