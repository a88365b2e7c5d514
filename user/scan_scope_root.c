/* SPDX-License-Identifier: MIT */
/*
 * Sessions where tiers are labels and the relay's statistics are off: their roots are named where
 * nothing is shared, and their contexts told by the place that they have. docs/adr/0032-scopes.md
 */
#include "scan_scope.h"

#include <errno.h>

#include "origin.h"

/* Where the root is made a path: with statistics off that is passed by. */
static ptrdiff_t root_path(const struct scope *c, const struct code *code,
			   struct moqstat_operand *root, bool *text)
{
	size_t i;
	int which;

	for (i = 0; i < code->insns_len; i++) {
		which = scope_callee(c, &code->insns[i]);
		*text = which == LAYOUT_SCOPE_REF_STR;
		if ((*text || which == LAYOUT_SCOPE_REF_PATH) &&
		    scope_argument(code, i, CODE_ARG1, root) && root->reg == CODE_STACK)
			return i;
	}
	return -1;
}

/* The branch in front on whether anything is shared, which is read where a handle has that; -1:
 * there is none; -ENOMEM. */
static ptrdiff_t root_shared(const struct layout *l, const struct code *code, size_t to,
			     unsigned int *shared)
{
	struct origin origin;
	const struct code_insn *test, *load;
	ptrdiff_t branch = to;
	int err;

	while (--branch > 0 && code->insns[branch].op != CODE_JCC)
		;
	if (branch < 1 || code->insns[branch].cond != CODE_COND_ZERO)
		return -1;
	test = &code->insns[branch - 1];
	if (test->op != CODE_TEST || test->dst.kind != MOQSTAT_OPERAND_REG ||
	    !eval_operand_equal(&test->dst, &test->src))
		return -1;
	err = origin_find(code, branch, test->dst.reg, &origin);
	if (err || origin.arguments || origin.len != 1)
		return err == -ENOMEM ? err : -1;
	load = &code->insns[origin.insns[0]];
	*shared = test->dst.reg;
	return load->op == CODE_MOV && load->src.kind == MOQSTAT_OPERAND_MEM &&
			       load->src.disp == (int32_t)l->shared_of_stats
		       ? branch
		       : -1;
}

/* Is all of that put down on the stack right in front of a branch? */
static bool root_is_put(const struct code *code, size_t branch, int32_t disp, int32_t bytes)
{
	int32_t word;
	size_t i;

	for (word = 0; word < bytes; word += 8) {
		for (i = branch; i-- > code_run(code, branch);) {
			const struct code_insn *insn = &code->insns[i];

			if (insn->op == CODE_MOV && insn->stores && insn->dst.reg == CODE_STACK &&
			    insn->dst.index == MOQSTAT_REG_NONE && insn->dst.width == 8 &&
			    insn->dst.disp == disp + word)
				break;
		}
		if (i + 1 == code_run(code, branch))
			return false;
	}
	return true;
}

int off_names_root(struct scope *c, const struct code *code, uint32_t function, size_t first)
{
	const struct layout *l = c->scan->layout;
	struct sites *s = c->scan->sites;
	struct site site = { .what = { .event = MOQSTAT_EVENT_SESSION,
				       .when = MOQSTAT_WHEN_ZERO } };
	struct moqstat_operand root;
	unsigned int shared;
	ptrdiff_t at, branch;
	size_t i;
	bool text;

	for (i = first; i < s->len && s->list[i].what.event != MOQSTAT_EVENT_SESSION; i++)
		;
	if (i == s->len)
		return 0;
	at = root_path(c, code, &root, &text);
	branch = at < 0 ? -1 : root_shared(l, code, at, &shared);
	if (branch == -ENOMEM)
		return -ENOMEM;
	site.what.tier = s->list[i].what.tier;
	if (branch < 0 || site.what.tier.reg != CODE_STACK ||
	    !root_is_put(code, branch, root.disp, text ? 16 : 8) ||
	    !root_is_put(code, branch, site.what.tier.disp, 24))
		return 0;
	site.what.entry = scope_operand(MOQSTAT_OPERAND_MEM, CODE_STACK, root.disp, 0);
	if (text)
		site.what.n = scope_operand(MOQSTAT_OPERAND_MEM, CODE_STACK, root.disp + 8, 0);
	site.what.side = eval_register(shared, 0);
	return scan_add_site_at(c->scan, &code->insns[branch], function, &site);
}

int off_session(struct scope *c, const struct code *code, uint32_t function, size_t first)
{
	const struct layout *l = c->scan->layout;
	struct sites *s = c->scan->sites;
	struct site place = { .what = { .event = MOQSTAT_EVENT_PLACE,
					.when = MOQSTAT_WHEN_NONZERO,
					.handles = MOQSTAT_HANDLE_PENDING,
					.guard = eval_register(CODE_RESULT, 0) } };
	ptrdiff_t branch =
		scan_allocation(code, 0, code->insns_len, (int32_t)l->scope->session_size);
	size_t i;

	for (i = first; i < s->len; i++) {
		if (s->list[i].what.event == MOQSTAT_EVENT_SESSION_BUMP && s->list[i].what.opens)
			s->list[i].what.handles = MOQSTAT_HANDLE_PENDING;
	}
	return branch < 0 ? 0 : scan_add_site_at(c->scan, &code->insns[branch], function, &place);
}

void off_session_ends(const struct scope *c, struct site *site)
{
	if (site->what.opens || site->guard.kind != MOQSTAT_OPERAND_MEM)
		return;
	site->what.handles = MOQSTAT_HANDLE_GUARD;
	site->what.guard = eval_register(
		site->guard.reg,
		site->guard.disp - (int32_t)c->scan->layout->scope->presence_of_session);
}
