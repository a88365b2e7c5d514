/* SPDX-License-Identifier: MIT */
/* Where an entry's path and label, and a session's root and label, are at hand. */
#include "scan_scope.h"

#include <errno.h>

struct moqstat_operand scope_operand(uint8_t kind, unsigned int reg, int32_t disp, int32_t outer)
{
	return (struct moqstat_operand){ .kind = kind,
					 .reg = reg,
					 .index = MOQSTAT_REG_NONE,
					 .scale = 1,
					 .width = 8,
					 .disp = disp,
					 .outer = outer };
}

/* The one call of a function; -1: there is none, or more. */
static ptrdiff_t name_call(const struct scope *c, const struct code *code, int which)
{
	ptrdiff_t found = -1;
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		if (scope_callee(c, &code->insns[i]) != which)
			continue;
		if (found >= 0)
			return -1;
		found = i;
	}
	return found;
}

/* The first branch on a condition behind an instruction, before anything else is called or leads
 * there; -1: there is none. */
ptrdiff_t scope_branch(const struct code *code, size_t from)
{
	size_t i, first;

	for (i = from + 1; i < code->insns_len && i <= from + SITES_NEAR; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (code_edges_to(code, i, &first) || insn->op == CODE_CALL || code_ends(insn))
			return -1;
		if (insn->op == CODE_JCC)
			return insn->class == CODE_CLASS_EMULATED ? (ptrdiff_t)i : -1;
	}
	return -1;
}

/* What an argument of a call is the address of: a register and how far from it; false if that can't
 * be told. */
bool scope_argument(const struct code *code, size_t call, unsigned int arg,
		    struct moqstat_operand *out)
{
	ptrdiff_t at = bump_writer(code, call, arg);

	if (at < 0 || code->insns[at].op != CODE_LEA ||
	    code->insns[at].src.reg == MOQSTAT_REG_NONE ||
	    code->insns[at].src.index != MOQSTAT_REG_NONE)
		return false;
	*out = code->insns[at].src;
	return true;
}

/* ---- the session that a scope is of -------------------------------------------------------------
 */

/* The one instruction that sets a register, which is given back at the end; -1 if there are more.
 */
static ptrdiff_t name_setter(const struct code *code, unsigned int reg)
{
	ptrdiff_t found = -1;
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		if (!(code->insns[i].writes & (1u << reg)) ||
		    scan_returns(code, i, code->insns_len))
			continue;
		if (found >= 0)
			return -1;
		found = i;
	}
	return found;
}

/* What an instruction moves, in terms of what the function is called with. */
static bool name_from_start(const struct code *code, size_t insn, struct moqstat_operand *out)
{
	struct eval_value v;
	struct eval e;
	size_t i, first;

	eval_init(&e);
	for (i = 0; i < insn; i++) {
		if (code_edges_to(code, i + 1, &first) || code_ends(&code->insns[i]))
			return false;
		if (!scan_keeps(&e, &code->insns[i]))
			eval_step(&e, &code->insns[i]);
	}
	v = eval_operand(&e, &code->insns[insn].src);
	return code->insns[insn].op == CODE_MOV && eval_single(&v, out);
}

/* The session's context, when the function is called: its address is what it gives, and how far in
 * the label is, to what makes entries. *reg holds it from then on. */
static bool name_self(const struct scope *c, const struct code *code, size_t call,
		      struct moqstat_operand *self, unsigned int *reg)
{
	struct moqstat_operand label;
	ptrdiff_t at;

	if (!scope_argument(code, call, CODE_ARG1, &label) ||
	    label.disp != (int32_t)c->scan->layout->scope->label_of_session)
		return false;
	*reg = label.reg;
	at = name_setter(code, label.reg);
	if (at < 0 || !name_from_start(code, at, self))
		return false;
	/* Itself, if it is compiled so; or where its address is. */
	return self->reg == CODE_TO_ARG0 && self->index == MOQSTAT_REG_NONE && !self->disp &&
	       (self->kind == MOQSTAT_OPERAND_REG || self->kind == MOQSTAT_OPERAND_MEM) &&
	       self->width == 8;
}

static bool name_loads(const struct code_insn *insn, unsigned int reg, int64_t disp)
{
	return insn->op == CODE_MOV && insn->src.kind == MOQSTAT_OPERAND_MEM &&
	       insn->src.width == 8 && insn->src.reg == reg &&
	       insn->src.index == MOQSTAT_REG_NONE && insn->src.disp == disp;
}

/* Is what a register holds used as an address, `disp` bytes on, until it holds something else? */
bool scope_is_used(const struct code *code, size_t from, unsigned int reg, int32_t disp)
{
	size_t i;

	for (i = from; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (name_loads(insn, reg, disp) ||
		    (insn->op == CODE_LEA && insn->src.reg == reg && insn->src.disp == disp) ||
		    (insn->op == CODE_ADD && insn->dst.kind == MOQSTAT_OPERAND_REG &&
		     insn->dst.reg == reg && insn->src.kind == MOQSTAT_OPERAND_IMM &&
		     insn->src.disp == disp))
			return true;
		if (insn->writes & (1u << reg))
			break;
	}
	return false;
}

/* Is what is shared read from `from` bytes behind a register, and of that the pointer to a table?
 */
static bool name_finds(const struct code *code, unsigned int reg, uint32_t from, uint32_t table,
		       bool *there)
{
	bool reads = false;
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (!name_loads(insn, reg, from) || insn->dst.kind != MOQSTAT_OPERAND_REG)
			continue;
		reads = true;
		*there |= scope_is_used(code, i + 1, insn->dst.reg, table);
	}
	return reads;
}

/* Does a scope find what is shared where the layout has it, or leave that to LAYOUT_SCOPE_REGISTRY?
 */
static bool name_finds_shared(struct scope *c, const struct code *code, unsigned int reg)
{
	const struct layout *l = c->scan->layout;
	ptrdiff_t call = name_call(c, code, LAYOUT_SCOPE_REGISTRY);
	struct moqstat_operand registry;

	if (name_finds(code, reg, l->scope->shared_of_session, l->entries_of_shared,
		       &c->entries_there))
		return true;
	return call >= 0 && scope_argument(code, call, CODE_ARG0, &registry) &&
	       registry.reg == reg && registry.disp == (int32_t)l->scope->handle_of_session;
}

void scope_registry(struct scope *c, const struct code *code)
{
	const struct layout *l = c->scan->layout;

	if (!name_finds(code, CODE_ARG0, l->shared_of_stats, l->entries_of_shared,
			&c->entries_there))
		scope_lack(c, "nothing shared where its %s would find it",
			   l->scope->functions[LAYOUT_SCOPE_REGISTRY]);
}

int scope_report(struct scope *c, const struct code *code, uint32_t function)
{
	const struct layout *l = c->scan->layout;
	struct site site = { .what = { .event = MOQSTAT_EVENT_ENTRY } };
	bool there = false;

	if (!name_finds(code, CODE_TO_ARG0, l->shared_of_stats, l->entries_of_shared, &there) ||
	    !there)
		return 0;
	site.what.side =
		scope_operand(MOQSTAT_OPERAND_MEM, CODE_TO_ARG0, (int32_t)l->shared_of_stats, 0);
	return scan_add_site_at(c->scan, &code->insns[0], function, &site);
}

/* ---- its path ---- */

/* Is the third argument read as the words of a path, at the function's beginning? */
static bool name_reads_path(const struct code *code)
{
	unsigned int words = 0;
	size_t i, first;
	int word;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if ((i && code_edges_to(code, i, &first)) || code_ends(insn))
			break;
		for (word = 0; word < 3; word++)
			words |= name_loads(insn, CODE_TO_ARG1, 8 * word) ? 1u << word : 0;
		if (insn->writes & (1u << CODE_TO_ARG1))
			break;
	}
	return words == 7;
}

/* Is it given to what takes a Path? */
static bool name_gives_path(const struct scope *c, const struct code *code)
{
	struct moqstat_operand path = eval_register(CODE_TO_ARG1, 0), given;
	ptrdiff_t call = name_call(c, code, LAYOUT_SCOPE_AS_PATH), at;

	at = call < 0 ? -1 : bump_writer(code, call, CODE_ARG1);
	if (at < 0 || code->insns[at].op != CODE_MOV ||
	    code->insns[at].src.kind != MOQSTAT_OPERAND_REG)
		return false;
	if (code->insns[at].src.reg != CODE_TO_ARG1)
		at = name_setter(code, code->insns[at].src.reg);
	return at >= 0 && name_from_start(code, at, &given) && eval_operand_equal(&given, &path);
}

/* Is it put down, once, and where that is given to what takes a &Path? */
bool scope_hands_path(const struct scope *c, const struct code *code)
{
	struct moqstat_operand place;
	size_t i, first, stores = 0;
	ptrdiff_t put = -1;

	for (i = 0; i < code->insns_len; i++) {
		if (scope_callee(c, &code->insns[i]) == LAYOUT_SCOPE_REF_PATH &&
		    scope_argument(code, i, CODE_ARG1, &place) && place.reg == CODE_STACK)
			break;
	}
	if (i == code->insns_len)
		return false;
	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (!insn->stores || insn->dst.kind != MOQSTAT_OPERAND_MEM ||
		    insn->dst.reg != CODE_STACK || insn->dst.disp >= place.disp + 8 ||
		    insn->dst.disp + (insn->dst.width ? insn->dst.width : 16) <= place.disp)
			continue;
		stores++;
		put = i;
	}
	if (stores != 1 || code->insns[put].op != CODE_MOV ||
	    code->insns[put].src.kind != MOQSTAT_OPERAND_REG ||
	    code->insns[put].src.reg != CODE_TO_ARG1 || code->insns[put].dst.disp != place.disp)
		return false;
	for (i = 0; i < (size_t)put; i++) {
		if (code_edges_to(code, i + 1, &first) ||
		    (code->insns[i].writes & (1u << CODE_TO_ARG1)))
			return false;
	}
	return true;
}

/* Does it name anything else, so that the thread's last name isn't what it is called with? */
bool scope_names(const struct scope *c, const struct code *code)
{
	size_t i;
	int which;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op != CODE_CALL)
			continue;
		which = scan_which(c->scan, scope_target(c, insn->target, insn->slot));
		if (which == LAYOUT_ENTRY || which == LAYOUT_SESSION ||
		    scope_is_wrapper(scope_callee(c, insn)))
			return true;
	}
	return false;
}

/* ---- the places ---- */

static int name_begins(struct scope *c, const struct code *code, uint32_t function,
		       const struct moqstat_operand *self)
{
	const struct layout_scope *l = c->scan->layout->scope;
	bool itself = self->kind == MOQSTAT_OPERAND_REG;
	struct site site = { .what = { .event = MOQSTAT_EVENT_ENTRY } };

	site.what.entry = eval_register(CODE_TO_ARG1, 0);
	site.what.tier = itself ? eval_register(CODE_TO_ARG0, (int32_t)l->label_of_session)
				: scope_operand(MOQSTAT_OPERAND_POINT, CODE_TO_ARG0, 0,
						(int32_t)l->label_of_session);
	site.what.side = itself ? scope_operand(MOQSTAT_OPERAND_MEM, CODE_TO_ARG0,
						(int32_t)l->shared_of_session, 0)
				: scope_operand(MOQSTAT_OPERAND_DEREF, CODE_TO_ARG0, 0,
						(int32_t)l->shared_of_session);
	return scan_add_site_at(c->scan, &code->insns[0], function, &site);
}

/* Behind the call that returns the entry: a register that still holds it at the next branch. */
static int name_has_got(struct scope *c, const struct code *code, uint32_t function, size_t call)
{
	struct site site = { .what = { .event = MOQSTAT_EVENT_SCOPE } };
	struct moqstat_operand result = eval_register(CODE_RESULT, 0), held;
	ptrdiff_t branch = scope_branch(code, call);
	unsigned int reg;
	struct eval e;
	size_t i;

	eval_init(&e);
	for (i = call + 1; branch >= 0 && i < (size_t)branch; i++)
		eval_step(&e, &code->insns[i]);
	for (reg = 0; branch >= 0 && reg < CODE_REGS; reg++) {
		if (!eval_single(&e.regs[reg], &held) || !eval_operand_equal(&held, &result))
			continue;
		site.what.entry = eval_register(reg, 0);
		return scan_add_site_at(c->scan, &code->insns[branch], function, &site);
	}
	scope_lack(c, "no place to see the entry in one of its %s",
		   c->scan->layout->functions[LAYOUT_ENTRY]);
	return 0;
}

int scope_entry(struct scope *c, const struct code *code, uint32_t function)
{
	const struct layout *l = c->scan->layout;
	ptrdiff_t call = name_call(c, code, LAYOUT_SCOPE_TIER);
	const char *name = l->functions[LAYOUT_ENTRY];
	struct moqstat_operand self = { .kind = MOQSTAT_OPERAND_NONE };
	unsigned int reg;
	int err;

	if (call < 0)
		scope_lack(c, "not one call of %s in each of its %s",
			   l->scope->functions[LAYOUT_SCOPE_TIER], name);
	else if (!name_self(c, code, call, &self, &reg))
		scope_lack(c, "no session where one of its %s would find it", name);
	else if (!name_finds_shared(c, code, reg))
		scope_lack(c, "nothing shared where one of its %s would find it", name);
	else if (!name_reads_path(code) && !name_gives_path(c, code) && !scope_hands_path(c, code))
		scope_lack(c, "no path that one of its %s is called with", name);
	else if (scope_names(c, code))
		scope_lack(c, "one of its %s that names another path, too", name);
	if (c->lacks)
		return 0;
	err = name_begins(c, code, function, &self);
	return err ? err : name_has_got(c, code, function, call);
}

/* Is a word on the stack written once, and between these instructions? */
static bool name_is_written(const struct code *code, int32_t disp, size_t from, size_t to)
{
	size_t i, n = 0;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (!insn->stores || insn->dst.kind != MOQSTAT_OPERAND_MEM ||
		    insn->dst.reg != CODE_STACK || insn->dst.disp >= disp + 8 ||
		    insn->dst.disp + (insn->dst.width ? insn->dst.width : 16) <= disp)
			continue;
		if (i < from || i >= to || insn->op != CODE_MOV || insn->dst.width != 8 ||
		    insn->dst.disp != disp || insn->dst.index != MOQSTAT_REG_NONE)
			return false;
		n++;
	}
	return n == 1;
}

/* From where on is the stack's pointer the same, up to an instruction? */
size_t scope_level(const struct code *code, size_t to)
{
	while (to > 0 && !(code->insns[to - 1].writes & (1u << CODE_STACK)))
		to--;
	return to;
}

/* The root has become a path of its own, and the handle been cloned to be part of the session: both
 * lie on the stack. */
static bool name_session(const struct scope *c, const struct code *code, struct moqstat_site *what,
			 ptrdiff_t *branch)
{
	const struct layout *l = c->scan->layout;
	ptrdiff_t own = name_call(c, code, LAYOUT_SCOPE_OWN);
	ptrdiff_t open = name_call(c, code, LAYOUT_SCOPE_OPEN);
	struct moqstat_operand root, handle;
	int32_t at, word;
	size_t from;

	if (own < 0 || open < own || !scope_argument(code, own, CODE_RETURNS_TO, &root) ||
	    root.reg != CODE_STACK || !scope_argument(code, open, CODE_ARG0, &handle) ||
	    handle.reg != CODE_STACK)
		return false;
	from = scope_level(code, open);
	*branch = scope_branch(code, own);
	if (*branch < 0)
		return false;
	at = handle.disp + (int32_t)l->tier_of_handle;
	for (word = 0; word < 3; word++) {
		if (!name_is_written(code, at + 8 * word, from, own))
			return false;
	}
	if (!name_is_written(code, handle.disp + (int32_t)l->shared_of_stats, from, own))
		return false;
	what->entry = eval_register(CODE_STACK, root.disp);
	what->tier = eval_register(CODE_STACK, at);
	what->side = scope_operand(MOQSTAT_OPERAND_MEM, CODE_STACK,
				   handle.disp + (int32_t)l->shared_of_stats, 0);
	return true;
}

/* Does it find the table of sessions where the layout has it? */
static void name_finds_roots(struct scope *c, const struct code *code)
{
	const struct layout *l = c->scan->layout;
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_REG &&
		    name_loads(insn, insn->src.reg, l->shared_of_stats))
			c->roots_there |= scope_is_used(code, i + 1, insn->dst.reg,
							(int32_t)l->sessions_of_shared);
	}
}

int scope_session(struct scope *c, const struct code *code, uint32_t function)
{
	struct site site = { .what = { .event = MOQSTAT_EVENT_SESSION } };
	ptrdiff_t branch;
	int err;

	name_finds_roots(c, code);
	if (!name_session(c, code, &site.what, &branch))
		return 0;
	err = scan_add_site_at(c->scan, &code->insns[branch], function, &site);
	return err ? err
		   : scan_made(c->scan, code, function, (int32_t)c->scan->layout->session_size,
			       MOQSTAT_EVENT_SESSION_NEW);
}
