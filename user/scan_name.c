/* SPDX-License-Identifier: MIT */
/*
 * How the path is told that something is counted on without a guard of its own, or that a guard
 * begins on: by what the thread has named last, where that can be nothing else on any way there.
 */
#include "scan.h"

#include <errno.h>
#include <stdlib.h>

/* Instructions that are looked at, on all ways, back to where the path is named. */
#define NAME_WALK 1024

/* Where a function's beginning ends; and how far behind a call what it returns is put away. */
#define NAME_PROLOGUE 32
#define NAME_RESULT   6

/* A walk against the direction of execution. */
struct name_walk {
	const struct scan *scan;
	const struct code *code;
	bool *seen;
	size_t list[NAME_WALK]; /* reached, of which the first `done` are worked off */
	size_t len, done;
};

static bool name_reach(struct name_walk *w, size_t insn)
{
	if (w->seen[insn])
		return true;
	if (w->len == NAME_WALK)
		return false;
	w->seen[insn] = true;
	w->list[w->len++] = insn;
	return true;
}

/* Take in an instruction that runs right before one that was reached. False: not by all ways is
 * it named in this function, and last. */
static bool name_before(void *walk, size_t insn)
{
	struct name_walk *w = walk;
	int which = -1;

	if (w->code->insns[insn].op == CODE_CALL)
		which = scan_callee_which(w->scan, &w->code->insns[insn]);
	if (which == LAYOUT_ENTRY)
		return true;
	return which < 0 && name_reach(w, insn);
}

int scan_is_named(const struct scan *s, const struct code *code, size_t branch, bool *named)
{
	struct name_walk *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return err;
	w->scan = s;
	w->code = code;
	w->seen = calloc(code->insns_len, sizeof(*w->seen));
	if (w->seen) {
		err = 0;
		*named = name_reach(w, branch);
		for (; w->done < w->len && *named; w->done++)
			*named = code_before(code, w->list[w->done], name_before, w);
	}
	free(w->seen);
	free(w);
	return err;
}

/* Does a register hold the same all through the function: set once at its beginning, before
 * anything else happens, and given back at its end? */
static bool name_is_kept(const struct code *code, unsigned int reg)
{
	bool set = false;
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (!set && (insn->op == CODE_JCC || insn->op == CODE_CALL || code_ends(insn)))
			return false;
		if (!(insn->writes & (1u << reg)) || scan_returns(code, i, code->insns_len))
			continue;
		if (set || i >= NAME_PROLOGUE || insn->op != CODE_MOV ||
		    insn->src.kind != MOQSTAT_OPERAND_REG)
			return false;
		set = true;
	}
	return set;
}

static bool name_is_at(const struct moqstat_operand *memory, const struct moqstat_operand *place)
{
	return memory->kind == MOQSTAT_OPERAND_MEM && memory->index == MOQSTAT_REG_NONE &&
	       memory->reg == place->reg && memory->disp == place->disp;
}

ptrdiff_t scan_is_put(const struct code *code, size_t call, const struct moqstat_operand *place)
{
	size_t i, first;

	if (code->insns[call].op != CODE_CALL)
		return -1;
	for (i = call + 1; i < code->insns_len && i <= call + NAME_RESULT; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (code_edges_to(code, i, &first))
			break;
		if (insn->op == CODE_MOV && insn->dst.width == 8 && name_is_at(&insn->dst, place))
			return insn->src.kind == MOQSTAT_OPERAND_REG && insn->src.reg == CODE_RESULT
				       ? (ptrdiff_t)i
				       : -1;
		if (insn->writes & (1u << CODE_RESULT) || code_ends(insn))
			break;
	}
	return -1;
}

/* Instructions that store anything there, be it by an index that is 0. */
static size_t name_stores(const struct code *code, const struct moqstat_operand *place)
{
	size_t i, n = 0;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		n += insn->stores && insn->dst.kind == MOQSTAT_OPERAND_MEM &&
		     insn->dst.reg == place->reg &&
		     (!insn->dst.width || (insn->dst.disp < place->disp + 8 &&
					   insn->dst.disp + insn->dst.width > place->disp));
	}
	return n;
}

ptrdiff_t scan_put(const struct code *code, size_t from, const struct moqstat_operand *guard)
{
	size_t i;

	for (i = from; i < code->insns_len; i++) {
		if (scan_is_put(code, i, guard) >= 0)
			return i;
	}
	return -1;
}

bool scan_is_kept(const struct code *code, const struct moqstat_operand *guard)
{
	size_t n = 0;
	ptrdiff_t at;

	if (guard->kind != MOQSTAT_OPERAND_REG || guard->reg == CODE_STACK ||
	    !name_is_kept(code, guard->reg))
		return false;
	for (at = scan_put(code, 0, guard); at >= 0; at = scan_put(code, at + 1, guard))
		n++;
	return n && n == name_stores(code, guard);
}

bool scan_kept_path(const struct scan *s, const struct code *code,
		    const struct moqstat_operand *guard, struct moqstat_operand *out)
{
	struct moqstat_operand path;
	bool found = false;
	ptrdiff_t call, at;

	if (!scan_is_kept(code, guard))
		return false;
	for (call = scan_put(code, 0, guard); call >= 0; call = scan_put(code, call + 1, guard)) {
		if (scan_callee_which(s, &code->insns[call]) != LAYOUT_ENTRY)
			return false;
		at = bump_writer(code, call, CODE_ARG1);
		if (at < 0 || code->insns[at].op != CODE_LEA ||
		    code->insns[at].src.reg != guard->reg ||
		    code->insns[at].src.index != MOQSTAT_REG_NONE)
			return false;
		path = eval_register(guard->reg, code->insns[at].src.disp);
		if (found && !eval_operand_equal(&path, out))
			return false;
		*out = path;
		found = true;
	}
	return found;
}
