/* SPDX-License-Identifier: MIT */
/*
 * Bumps that execution does not come near where the entry is null: two in a row on the same entry,
 * of which the first one's branch then leads past both. What the second would count is told at the
 * first one's branch.
 */
#include "scan.h"

#include <errno.h>
#include <string.h>

/* Instructions between the two branches, at most. */
#define SKIP_NEAR 48

/* A branch that only leads to the end of everything: an overflow of a reference count. */
static bool skip_aborts(const struct code *code, const struct code_insn *branch)
{
	ptrdiff_t at = code_find(code, branch->target);

	return at >= 0 && code->insns[at].op == CODE_TRAP;
}

/* The branch before an instruction that is only reached from there by going on; -1: there is none,
 * or others lead there. */
static ptrdiff_t skip_before(const struct code *code, size_t insn, size_t end)
{
	size_t first, i;

	for (i = insn; i > 0 && end - i < SKIP_NEAR; i--) {
		const struct code_insn *before = &code->insns[i - 1];

		if (code_edges_to(code, i, &first) || code_ends(before))
			return -1;
		if (before->op == CODE_JCC && !skip_aborts(code, before))
			return i - 1;
	}
	return -1;
}

/* What is on the stack is not in an object, and the other way round. */
bool scan_stored(const struct code *code, size_t from, size_t to,
		 const struct moqstat_operand *place)
{
	size_t i;

	for (i = from + 1; i < to; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->writes & (1u << place->reg))
			return true;
		if (!insn->stores || insn->lock)
			continue;
		if (insn->dst.kind != MOQSTAT_OPERAND_MEM)
			return true;
		if (insn->dst.reg == place->reg && insn->dst.index == MOQSTAT_REG_NONE) {
			if (!insn->dst.width || (insn->dst.disp < place->disp + 8 &&
						 insn->dst.disp + insn->dst.width > place->disp))
				return true;
		} else if ((insn->dst.reg == CODE_STACK) == (place->reg == CODE_STACK)) {
			return true;
		}
	}
	return false;
}

/* Was the entry that the first branch looks at put in that place right before it? */
static bool skip_put(const struct code *code, size_t branch, const struct moqstat_operand *entry,
		     const struct moqstat_operand *place)
{
	size_t first, i;

	for (i = branch; i > 0 && branch - i < SKIP_NEAR; i--) {
		const struct code_insn *insn = &code->insns[i - 1];

		if (code_edges_to(code, i, &first) || code_ends(insn) || insn->op == CODE_CALL ||
		    (insn->writes & (1u << entry->reg)))
			return false;
		if (insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_MEM &&
		    insn->dst.width == 8 && insn->dst.index == MOQSTAT_REG_NONE &&
		    insn->dst.reg == place->reg && insn->dst.disp == place->disp)
			return insn->src.kind == MOQSTAT_OPERAND_REG &&
			       insn->src.reg == entry->reg && insn->src.width == 8 &&
			       !scan_stored(code, i - 1, branch, place);
	}
	return false;
}

/* Is the entry at the second branch the one that the first has looked at? */
static bool skip_same(const struct code *code, const struct site *first, const struct site *second,
		      size_t from, size_t to)
{
	const struct moqstat_operand *entry = &first->what.entry, *place = &first->what.guard;
	size_t i;

	if (place->kind == MOQSTAT_OPERAND_REG && eval_operand_equal(place, &second->what.guard))
		return !scan_stored(code, from, to, place);
	place = &second->what.guard;
	if (place->kind == MOQSTAT_OPERAND_REG && entry->kind == MOQSTAT_OPERAND_REG &&
	    skip_put(code, from, entry, place))
		return !scan_stored(code, from, to, place);
	if (entry->kind != MOQSTAT_OPERAND_REG || !eval_operand_equal(entry, &second->what.entry))
		return false;
	for (i = from + 1; i < to; i++) {
		/* A call may name another path. */
		if (code->insns[i].op == CODE_CALL || code->insns[i].writes & (1u << entry->reg))
			return false;
	}
	return true;
}

/* The site, told where the first one's branch is; only what begins, or is counted without a guard,
 * can be told there. */
static int skip_add(struct scan *s, const struct site *first, size_t index)
{
	struct site site = s->sites->list[index];

	if (site.what.handles != MOQSTAT_HANDLE_PENDING ||
	    first->what.handles != MOQSTAT_HANDLE_PENDING ||
	    site.what.n.kind != MOQSTAT_OPERAND_IMM) {
		s->sites->list[index].what.handles = 0;
		return 0;
	}
	site.addr = first->addr;
	site.offset = first->offset;
	site.class = first->class;
	memcpy(site.insn, first->insn, sizeof(site.insn));
	site.guard = first->guard;
	site.what.entry = first->what.entry;
	site.what.tier = first->what.tier;
	site.what.guard = first->what.guard;
	site.what.when = MOQSTAT_WHEN_NEVER;
	return scan_add_site(s, &site);
}

/* A site that is only reached past the branch at `before`: where that is another site's, and its
 * entry is null, no execution comes near this one, whatever entry it is about. `right`: right past
 * it, by no other branch. */
static int skip_past(struct scan *s, const struct code *code, size_t index, size_t before,
		     bool right, size_t first, size_t last)
{
	ptrdiff_t branch = code_find(code, s->sites->list[index].addr);
	bool skips = false;
	size_t k;

	for (k = first; k < last && code->insns[before].cond == CODE_COND_ZERO; k++) {
		struct site other = s->sites->list[k];

		if (other.what.event != MOQSTAT_EVENT_BUMP || !other.what.handles ||
		    other.what.when != MOQSTAT_WHEN_NONZERO ||
		    other.addr != code->insns[before].addr)
			continue;
		if (right && skip_same(code, &other, &s->sites->list[index], before, branch))
			return skip_add(s, &other, index);
		skips = true;
	}
	if (skips)
		s->sites->list[index].what.handles = 0;
	return 0;
}

int scan_skipped(struct scan *s, const struct code *code, size_t first)
{
	size_t i, last = s->sites->len;
	ptrdiff_t branch, before;
	int err = 0;

	for (i = first; i < last && !err; i++) {
		const struct site *site = &s->sites->list[i];
		bool right = true;

		if (site->what.event != MOQSTAT_EVENT_BUMP || !site->what.handles)
			continue;
		branch = code_find(code, site->addr);
		before = branch < 0 ? -1 : skip_before(code, branch, branch);
		for (; before >= 0 && !err; before = skip_before(code, before, branch)) {
			err = skip_past(s, code, i, before, right, first, last);
			right = false;
		}
	}
	return err;
}
