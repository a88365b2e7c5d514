/* SPDX-License-Identifier: MIT */
/*
 * Where tiers are labels and a session's context resolves paths itself, so that it may change its
 * tier (docs/relay-0.17.md): there entries are named, made and given out in one function; and what
 * gives out a root's counters is inlined in some of its callers.
 */
#include "scan_scope.h"

#include <errno.h>
#include <string.h>

#include "origin.h"

/* The register of the second word that a function returns. */
#define RESOLVE_RESULT MOQSTAT_RDX

/* ---- what is read of arguments ---- */

static bool resolve_loads(const struct code_insn *insn, int32_t disp)
{
	return insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_REG &&
	       insn->src.kind == MOQSTAT_OPERAND_MEM && insn->src.width == 8 &&
	       insn->src.reg != MOQSTAT_REG_NONE && insn->src.index == MOQSTAT_REG_NONE &&
	       insn->src.disp == disp;
}

/* Is a word read that lies so far behind what an argument is the address of? The instruction; -1
 * if not. */
static ptrdiff_t resolve_reads(const struct code *code, size_t from, unsigned int argument,
			       uint32_t disp)
{
	size_t i;

	for (i = from; i < code->insns_len; i++) {
		if (resolve_loads(&code->insns[i], (int32_t)disp) &&
		    origin_is_argument(code, i, code->insns[i].src.reg, argument))
			return i;
	}
	return -1;
}

/* The three words of a path or label? */
static bool resolve_reads_text(const struct code *code, unsigned int argument, uint32_t disp)
{
	uint32_t word;

	for (word = 0; word < 3; word++) {
		if (resolve_reads(code, 0, argument, disp + 8 * word) < 0)
			return false;
	}
	return true;
}

/* Is what is shared read from there, and of that a pointer to a table? */
static bool resolve_finds(const struct code *code, unsigned int argument, uint32_t disp,
			  uint32_t table)
{
	ptrdiff_t at;

	for (at = resolve_reads(code, 0, argument, disp); at >= 0;
	     at = resolve_reads(code, at + 1, argument, disp)) {
		if (scope_is_used(code, at + 1, code->insns[at].dst.reg, (int32_t)table))
			return true;
	}
	return false;
}

/* Is an argument itself what is shared? */
static bool resolve_is_shared(const struct code *code, unsigned int argument, uint32_t table)
{
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];
		unsigned int reg = insn->op == CODE_ADD ? insn->dst.reg : insn->src.reg;

		if (!resolve_loads(insn, (int32_t)table) &&
		    !(insn->op == CODE_LEA && insn->src.index == MOQSTAT_REG_NONE &&
		      insn->src.disp == (int32_t)table) &&
		    !(insn->op == CODE_ADD && insn->dst.kind == MOQSTAT_OPERAND_REG &&
		      insn->dst.width == 8 && insn->src.kind == MOQSTAT_OPERAND_IMM &&
		      insn->src.disp == (int32_t)table))
			continue;
		if (origin_is_argument(code, i, reg, argument))
			return true;
	}
	return false;
}

/* A register that surely holds an argument before an instruction; MOQSTAT_REG_NONE: there is none.
 */
static unsigned int resolve_holder(const struct code *code, size_t insn, unsigned int argument)
{
	unsigned int reg;

	for (reg = 0; reg < CODE_REGS; reg++) {
		if (origin_is_argument(code, insn, reg, argument))
			return reg;
	}
	return MOQSTAT_REG_NONE;
}

/* ---- what is made ---- */

/* Is what was allocated begun where it is, with a count of one, before anything else is called?
 * What is moved there is something else. */
bool resolve_begins(const struct code *code, size_t branch)
{
	size_t i;

	for (i = branch + 1; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op == CODE_CALL || insn->op == CODE_JCC || code_ends(insn) ||
		    (insn->writes & (1u << CODE_RESULT)))
			return false;
		if (insn->op == CODE_MOV && insn->stores && insn->dst.kind == MOQSTAT_OPERAND_MEM &&
		    insn->dst.reg == CODE_RESULT && insn->dst.index == MOQSTAT_REG_NONE &&
		    !insn->dst.disp && insn->src.kind == MOQSTAT_OPERAND_IMM && insn->src.disp == 1)
			return true;
	}
	return false;
}

/* Where an Arc of so many bytes has been allocated, from an instruction on; -1: nowhere. */
static ptrdiff_t resolve_made(const struct code *code, size_t from, uint32_t size)
{
	ptrdiff_t branch;

	while ((branch = scan_allocation(code, from, code->insns_len, (int32_t)size)) >= 0) {
		if (resolve_begins(code, branch))
			return branch;
		from = branch + 1;
	}
	return -1;
}

bool resolve_makes(const struct scope *c, const struct code *code)
{
	return resolve_made(code, 0, layout_entry_size(c->scan->layout)) >= 0;
}

/* Add all places where those are made. */
static int resolve_add_made(struct scope *c, const struct code *code, uint32_t function,
			    uint32_t size, enum moqstat_event event)
{
	ptrdiff_t branch = resolve_made(code, 0, size);
	int err = 0;

	for (; branch >= 0 && !err; branch = resolve_made(code, branch + 1, size)) {
		struct site site = { .what = { .event = event,
					       .when = MOQSTAT_WHEN_NONZERO,
					       .entry = eval_register(CODE_RESULT, 0) } };

		err = scan_add_site_at(c->scan, &code->insns[branch], function, &site);
	}
	return err;
}

/* ---- entries ---- */

static int resolve_begin(struct scope *c, const struct code *code, uint32_t function)
{
	const struct layout_scope *l = c->scan->layout->scope;
	struct site site = { .what = { .event = MOQSTAT_EVENT_ENTRY } };

	site.what.entry = eval_register(CODE_ARG1, 0);
	site.what.tier = eval_register(CODE_ARG0, (int32_t)l->label_of_session);
	site.what.side =
		scope_operand(MOQSTAT_OPERAND_MEM, CODE_ARG0, (int32_t)l->shared_of_session, 0);
	return scan_add_site_at(c->scan, &code->insns[0], function, &site);
}

/* Behind each place where the entry is read that is returned: the next branch. */
static int resolve_gives(struct scope *c, const struct code *code, uint32_t function,
			 const struct origin *given, size_t *places)
{
	size_t i;
	int err = 0;

	for (i = 0; i < given->len && !err; i++) {
		const struct code_insn *insn = &code->insns[given->insns[i]];
		struct site site = { .what = { .event = MOQSTAT_EVENT_SCOPE } };
		ptrdiff_t branch = scope_branch(code, given->insns[i]);

		if (insn->op == CODE_ZERO)
			continue;
		if (insn->op != CODE_MOV || insn->src.kind != MOQSTAT_OPERAND_MEM || branch < 0)
			return -ENOENT;
		site.what.entry = eval_register(insn->dst.reg, 0);
		err = scan_add_site_at(c->scan, &code->insns[branch], function, &site);
		++*places;
	}
	return err;
}

static int resolve_has_got(struct scope *c, const struct code *code, uint32_t function)
{
	size_t i, places = 0;
	int err = 0;

	for (i = 0; i < code->insns_len && !err; i++) {
		struct origin given;

		if (code->insns[i].op != CODE_RET)
			continue;
		err = origin_find(code, i, RESOLVE_RESULT, &given);
		err = err || given.arguments ? -ENOENT
					     : resolve_gives(c, code, function, &given, &places);
	}
	if (err == -ENOENT || (!err && !places)) {
		scope_lack(c, "no place to see the entry in its %s",
			   c->scan->layout->functions[LAYOUT_ENTRY]);
		return 0;
	}
	return err;
}

int resolve_entry(struct scope *c, const struct code *code, uint32_t function)
{
	const struct layout *l = c->scan->layout;
	const char *name = l->functions[LAYOUT_ENTRY];
	int err;

	c->entries_there =
		resolve_finds(code, CODE_ARG0, l->scope->shared_of_session, l->entries_of_shared);
	if (!resolve_reads_text(code, CODE_ARG0, l->scope->label_of_session))
		scope_lack(c, "no label where its %s would find it", name);
	else if (!c->entries_there)
		scope_lack(c, "no table where its %s would find one", name);
	else if (!resolve_reads_text(code, CODE_ARG1, 0))
		scope_lack(c, "no path that its %s is called with", name);
	else if (scope_names(c, code))
		scope_lack(c, "its %s names another path, too", name);
	else if (!resolve_makes(c, code))
		scope_lack(c, "nothing in its %s that allocates entries of %u bytes", name,
			   layout_entry_size(l));
	if (c->lacks)
		return 0;
	err = resolve_begin(c, code, function);
	if (!err)
		err = resolve_add_made(c, code, function, layout_entry_size(l),
				       MOQSTAT_EVENT_ENTRY_NEW);
	return err ? err : resolve_has_got(c, code, function);
}

int resolve_report(struct scope *c, const struct code *code, uint32_t function)
{
	const struct layout *l = c->scan->layout;
	struct site site = { .what = { .event = MOQSTAT_EVENT_ENTRY } };

	if (!resolve_finds(code, CODE_ARG0, l->shared_of_stats, l->entries_of_shared))
		return 0;
	site.what.side =
		scope_operand(MOQSTAT_OPERAND_MEM, CODE_ARG0, (int32_t)l->shared_of_stats, 0);
	return scan_add_site_at(c->scan, &code->insns[0], function, &site);
}

/* ---- sessions ---- */

/* Registry::session_counters: what is shared, or the Registry that has it; label; &root. */
static bool resolve_names_root(struct scope *c, const struct code *code, struct site *site)
{
	const struct layout *l = c->scan->layout;

	if (resolve_is_shared(code, CODE_ARG0, l->sessions_of_shared))
		site->what.side = eval_register(CODE_ARG0, 0);
	else if (resolve_finds(code, CODE_ARG0, l->shared_of_stats, l->sessions_of_shared))
		site->what.side = scope_operand(MOQSTAT_OPERAND_MEM, CODE_ARG0,
						(int32_t)l->shared_of_stats, 0);
	else
		return false;
	c->roots_there = true;
	if (!resolve_reads_text(code, CODE_ARG1, 0) || !scope_hands_path(c, code))
		return false;
	site->addr = code->insns[0].addr;
	site->what.tier = eval_register(CODE_ARG1, 0);
	site->what.entry = eval_register(CODE_ARG2, 0);
	return true;
}

/* What the register holds that a path of its own is put where to, when it is made. */
static bool resolve_place(const struct code *code, size_t call, struct moqstat_operand *out)
{
	struct eval_value v;
	struct eval e;
	size_t i;

	eval_init(&e);
	for (i = scope_level(code, call); i < call; i++)
		eval_step(&e, &code->insns[i]);
	v = e.regs[CODE_RETURNS_TO];
	return eval_single(&v, out) && out->kind == MOQSTAT_OPERAND_REG && out->reg == CODE_STACK;
}

/* Handle::session: the root has become a path of its own on the stack, and the handle, which is
 * what it is called with, is still in a register. */
static bool resolve_names_handle(struct scope *c, const struct code *code, struct site *site)
{
	const struct layout *l = c->scan->layout;
	struct moqstat_operand root;
	ptrdiff_t branch;
	unsigned int self;
	size_t i;

	for (i = 0; i < code->insns_len && scope_callee(c, &code->insns[i]) != LAYOUT_SCOPE_OWN;)
		i++;
	branch = i < code->insns_len ? scope_branch(code, i) : -1;
	if (branch < 0 || !resolve_place(code, i, &root))
		return false;
	self = resolve_holder(code, branch, CODE_ARG0);
	if (self == MOQSTAT_REG_NONE || !resolve_reads_text(code, CODE_ARG0, l->tier_of_handle) ||
	    resolve_reads(code, 0, CODE_ARG0, l->shared_of_stats) < 0)
		return false;
	site->addr = code->insns[branch].addr;
	site->what.entry = root;
	site->what.tier = eval_register(self, (int32_t)l->tier_of_handle);
	site->what.side = scope_operand(MOQSTAT_OPERAND_MEM, self, (int32_t)l->shared_of_stats, 0);
	return true;
}

/* Is that register what the address of the context's Arc has been read into, from where the
 * function was called with? */
static bool resolve_is_context(const struct code *code, size_t insn, unsigned int reg)
{
	struct origin origin;
	size_t at;

	if (origin_find(code, insn, reg, &origin) || origin.arguments || origin.len != 1)
		return false;
	at = origin.insns[0];
	return resolve_loads(&code->insns[at], 0) &&
	       origin_is_argument(code, at, code->insns[at].src.reg, CODE_ARG0);
}

/* Session::set_tier: the label it has is compared with the one it gets. Behind that both are there,
 * and the root. */
static bool resolve_names_move(struct scope *c, const struct code *code, struct site *site)
{
	const struct layout *l = c->scan->layout;
	int32_t head = (int32_t)l->header;
	struct moqstat_operand label;
	ptrdiff_t branch = -1;
	unsigned int to;
	size_t i;

	for (i = 0; i < code->insns_len && branch < 0; i++) {
		if (code->insns[i].op == CODE_CALL && scope_argument(code, i, CODE_ARG0, &label) &&
		    label.disp == head + (int32_t)l->scope->label_of_session &&
		    resolve_is_context(code, i, label.reg))
			branch = scope_branch(code, i);
	}
	if (branch < 0 || !resolve_is_context(code, branch, label.reg))
		return false;
	to = resolve_holder(code, branch, CODE_ARG1);
	if (to == MOQSTAT_REG_NONE || !resolve_reads_text(code, CODE_ARG1, 0))
		return false;
	site->addr = code->insns[branch].addr;
	site->what.entry = eval_register(label.reg, head + (int32_t)l->scope->root_of_session);
	site->what.tier = eval_register(to, 0);
	site->what.side = scope_operand(MOQSTAT_OPERAND_MEM, label.reg,
					head + (int32_t)l->scope->shared_of_session, 0);
	return true;
}

/* Sessions that are opened there are of a root that nothing has named. */
static int resolve_unnamed(struct scope *c, const struct code *code)
{
	struct sites_unprobed u = { .bump = code->addr,
				    .session = true,
				    .field = MOQSTAT_SESSIONS,
				    .reason = "whose root it is can't be told there" };

	return scan_add_unprobed(c->scan, &u);
}

int resolve_roots(struct scope *c, const struct code *code, uint32_t function, int which,
		  int special)
{
	const struct layout *l = c->scan->layout;
	struct site site = { .what = { .event = MOQSTAT_EVENT_SESSION } };
	bool makes = resolve_made(code, 0, l->session_size) >= 0, named;
	ptrdiff_t at;
	size_t i;
	int err;

	for (i = 0; i < code->insns_len && !makes; i++) {
		if (scope_callee(c, &code->insns[i]) == LAYOUT_SCOPE_ROOTS)
			return 0;
	}
	if (special == LAYOUT_SCOPE_ROOTS)
		named = resolve_names_root(c, code, &site);
	else if (which == LAYOUT_SESSION)
		named = resolve_names_handle(c, code, &site);
	else
		named = resolve_names_move(c, code, &site);
	if (!makes || !named)
		return resolve_unnamed(c, code);
	at = code_find(code, site.addr);
	err = scan_add_site_at(c->scan, &code->insns[at], function, &site);
	return err ? err
		   : resolve_add_made(c, code, function, l->session_size,
				      MOQSTAT_EVENT_SESSION_NEW);
}

bool resolve_ends(const struct scope *c, const struct code *code, const struct elf_symbol *symbol,
		  int special, const struct moqstat_operand *presence)
{
	const struct layout_scope *l = c->scan->layout->scope;
	int32_t head = presence->disp - (int32_t)l->presence_of_session;
	bool frees = false, root = false, label = false;
	size_t i;

	if (special == LAYOUT_SCOPE_MOVE || strstr(symbol->name, "SessionInner"))
		return true;
	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		frees |= insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_REG &&
			 insn->dst.reg == CODE_ARG1 && insn->src.kind == MOQSTAT_OPERAND_IMM &&
			 insn->src.disp == (int32_t)l->session_size;
		root |= resolve_loads(insn, head + (int32_t)l->root_of_session) &&
			insn->src.reg == presence->reg;
		label |= resolve_loads(insn, head + (int32_t)l->label_of_session) &&
			 insn->src.reg == presence->reg;
	}
	return frees && root && label;
}
