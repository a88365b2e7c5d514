/* SPDX-License-Identifier: MIT */
/* Where a session is counted as closed: where its context ends. */
#include "scan_scope.h"

#include <string.h>

/* Does the code read a word there? */
static bool scope_reads(const struct code *code, unsigned int reg, uint32_t disp)
{
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op == CODE_MOV && insn->src.kind == MOQSTAT_OPERAND_MEM &&
		    insn->src.width == 8 && insn->src.reg == reg &&
		    insn->src.index == MOQSTAT_REG_NONE && insn->src.disp == (int32_t)disp)
			return true;
	}
	return false;
}

/* Does a session's context end there: by name, or by what lies where in what is freed? */
static bool scope_ends(const struct scope *c, const struct code *code,
		       const struct elf_symbol *symbol, unsigned int context)
{
	const struct layout_scope *l = c->scan->layout->scope;
	bool frees = false;
	size_t i;

	if (!scope_reads(code, context, l->label_of_session))
		return false;
	if (strstr(symbol->name, "SessionInner"))
		return true;
	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		frees |= insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_REG &&
			 insn->dst.reg == CODE_ARG1 && insn->src.kind == MOQSTAT_OPERAND_IMM &&
			 insn->src.disp == (int32_t)l->session_size;
	}
	return frees && scope_reads(code, context, l->shared_of_session);
}

/* Where is it kept what a session's context counts in? */
static bool scope_is_presence(const struct layout *l, const struct moqstat_operand *place)
{
	int32_t at = (int32_t)l->scope->presence_of_session;

	return place->kind == MOQSTAT_OPERAND_MEM && place->index == MOQSTAT_REG_NONE &&
	       (place->disp == at ||
		(l->scope->resolves && place->disp == at + (int32_t)l->header));
}

/* The branches that lead to a bump of what a session's context has; false if it is none. */
static bool scope_close_branches(const struct scope *c, const struct code *code, size_t bump,
				 struct bump_branch *branches, size_t *len,
				 struct moqstat_operand *context)
{
	const struct layout *l = c->scan->layout;
	const struct code_insn *insn = &code->insns[bump];
	struct moqstat_operand counters = eval_register(insn->dst.reg, 0);
	size_t i;

	if (insn->op != CODE_INC || insn->dst.index != MOQSTAT_REG_NONE ||
	    insn->dst.disp != (int32_t)l->session_close || bump_find(code, bump, branches, len) ||
	    (*len != 1 && !l->scope->resolves))
		return false;
	for (i = 0; i < *len; i++) {
		*context = scan_guard(code, branches[i].insn, &counters);
		if (!scope_is_presence(l, context))
			return false;
	}
	return true;
}

static int scope_close_site(struct scope *c, const struct code *code,
			    const struct elf_symbol *symbol, size_t bump,
			    const struct bump_branch *branch,
			    const struct moqstat_operand *presence)
{
	struct sites_unprobed u = { .bump = code->insns[bump].addr,
				    .session = true,
				    .field = MOQSTAT_SESSIONS_CLOSED,
				    .reason = "what is counted there can't be told" };
	struct site site = { .bump = code->insns[bump].addr, .guard = *presence };
	int special = scope_which(c, symbol->addr);
	uint32_t function;
	int err;

	if (!(c->scan->layout->scope->resolves ? resolve_ends(c, code, symbol, special, presence)
					       : scope_ends(c, code, symbol, presence->reg)) ||
	    !eval_single(&branch->n, &site.what.n) ||
	    !eval_single(&branch->base, &site.what.entry) ||
	    site.what.entry.kind != MOQSTAT_OPERAND_REG)
		return scan_add_unprobed(c->scan, &u);
	site.what.event = MOQSTAT_EVENT_SESSION_BUMP;
	site.what.field = MOQSTAT_SESSIONS_CLOSED;
	site.what.when = branch->when;
	err = scan_function(c->scan, symbol, -1, &function);
	if (!err)
		err = scan_add_site_at(c->scan, &code->insns[branch->insn], function, &site);
	return err;
}

int scope_close(struct scope *c, const struct code *code, const struct elf_symbol *symbol,
		size_t bump, bool *closes)
{
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	struct moqstat_operand presence;
	size_t i, len;
	int err = 0;

	*closes = scope_close_branches(c, code, bump, branches, &len, &presence);
	for (i = 0; *closes && i < len && !err; i++)
		err = scope_close_site(c, code, symbol, bump, &branches[i], &presence);
	return err;
}
