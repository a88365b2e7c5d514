/* SPDX-License-Identifier: MIT */
#include "census_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "path_drop.h"
#include "relocation.h"

/* How far from the call that makes a session's guard its operands are set up. */
#define CENSUS_PLAN_NEAR 16

static int census_close_compare(const void *a, const void *b)
{
	const struct census_close *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

const struct census_close *census_plan_close(const struct census_plan *p, uint64_t addr)
{
	struct census_close key = { .addr = addr };

	return p->closes_len
		       ? bsearch(&key, p->closes, p->closes_len, sizeof(key), census_close_compare)
		       : NULL;
}

/* One of several at an address is enough: they are told the same. */
static int census_plan_closes(struct census_plan *p, const struct sites *sites)
{
	size_t i;

	p->closes = calloc(sites->len + 1, sizeof(*p->closes));
	if (!p->closes)
		return -ENOMEM;
	for (i = 0; i < sites->len; i++) {
		const struct site *s = &sites->list[i];

		if ((s->what.event == MOQSTAT_EVENT_BUMP ||
		     s->what.event == MOQSTAT_EVENT_SESSION_BUMP) &&
		    MOQSTAT_FIELD_CLOSES(s->what.field))
			p->closes[p->closes_len++] =
				(struct census_close){ .addr = s->addr, .what = s->what };
	}
	if (p->closes_len)
		qsort(p->closes, p->closes_len, sizeof(*p->closes), census_close_compare);
	return 0;
}

static int census_plan_code(struct census_plan *p, const struct elf_file *f)
{
	size_t i;

	p->code = calloc(p->reach.len + 1, sizeof(*p->code));
	if (!p->code)
		return -ENOMEM;
	for (i = 0; i < p->reach.len; i++) {
		const struct reach_function *function = &p->reach.list[i];
		const uint8_t *bytes = elf_file_bytes(f, function->addr, function->size);

		if (!bytes)
			return -ENOEXEC;
		p->code[i] = malloc(function->size);
		if (!p->code[i])
			return -ENOMEM;
		memcpy(p->code[i], bytes, function->size);
	}
	return 0;
}

static bool census_plan_is_memory(const struct moqstat_operand *op, unsigned int base)
{
	return op->kind == MOQSTAT_OPERAND_MEM && op->reg == base && op->index == MOQSTAT_REG_NONE;
}

/* There is one such offset, or it can't be told: -1 if none was noted yet, -2 if several were. */
static void census_plan_note(int64_t *found, int64_t offset)
{
	if (*found != -2)
		*found = *found == -1 || *found == offset ? offset : -2;
}

/* The path that a destructor frees from within its own object: the text at [self + text] is the
 * first argument and, next to it, 1 (the alignment of text) the third. -1: none; -2: more than one.
 */
static int64_t census_plan_text(const struct elf_file *f, const struct reach_function *function)
{
	unsigned int self = MOQSTAT_REG_NONE;
	int64_t found = -1;
	struct code code;
	size_t i, k;

	if (code_init(f, function->addr, function->size, &code))
		return -1;
	for (i = 0; i < code.insns_len; i++) {
		const struct code_insn *in = &code.insns[i];

		if (in->op != CODE_MOV)
			continue;
		if (self == MOQSTAT_REG_NONE && in->src.kind == MOQSTAT_OPERAND_REG &&
		    in->src.reg == CODE_ARG0 && in->dst.kind == MOQSTAT_OPERAND_REG)
			self = in->dst.reg;
		if (self == MOQSTAT_REG_NONE || in->dst.kind != MOQSTAT_OPERAND_REG ||
		    in->dst.reg != CODE_ARG0 || !census_plan_is_memory(&in->src, self))
			continue;
		for (k = i + 1; k < code.insns_len && k < i + 3; k++) {
			const struct code_insn *next = &code.insns[k];

			if (next->op != CODE_MOV || next->dst.kind != MOQSTAT_OPERAND_REG ||
			    next->dst.reg != CODE_ARG2 || next->src.kind != MOQSTAT_OPERAND_IMM ||
			    next->src.disp != 1)
				continue;
			census_plan_note(&found, in->src.disp - 8);
		}
	}
	code_deinit(&code);
	return found;
}

/* The same where it is shared, or freed in another way: the one path that is let go within the
 * object. */
static int64_t census_plan_dropped(const struct census_plan *p, const struct elf_file *f,
				   const struct reach_function *function)
{
	const struct path_drop_how how = { .arcs = p->layout->shared_paths,
					   .ends = p->texts.ends,
					   .ends_len = p->texts.ends_len };
	unsigned int self = CODE_REGS;
	struct path_drop *drops;
	int64_t found = -1;
	struct code code;
	size_t i, len;

	if (code_init(f, function->addr, function->size, &code))
		return -1;
	for (i = 0; i < code.insns_len && self == CODE_REGS; i++) {
		const struct code_insn *in = &code.insns[i];

		if (in->op == CODE_MOV && in->src.kind == MOQSTAT_OPERAND_REG &&
		    in->src.reg == CODE_ARG0 && in->dst.kind == MOQSTAT_OPERAND_REG)
			self = in->dst.reg;
	}
	if (!path_drops_find(&code, &how, &drops, &len)) {
		for (i = 0; i < len; i++) {
			if (drops[i].object.reg == self)
				census_plan_note(&found, drops[i].object.disp);
		}
		free(drops);
	}
	code_deinit(&code);
	return found;
}

static int64_t census_plan_root(const struct census_plan *p, const struct elf_file *f,
				const struct reach_function *function)
{
	int64_t found = p->layout->shared_paths ? -1 : census_plan_text(f, function);

	if (found == -1)
		found = census_plan_dropped(p, f, function);
	return found < 0 ? -1 : found;
}

static void census_plan_roots(struct census_plan *p, const struct elf_file *f)
{
	size_t i;

	p->producer_root = p->consumer_root = -1;
	for (i = 0; i < p->reach.len; i++) {
		const struct reach_function *function = &p->reach.list[i];

		if (function->kind == REACH_PRODUCER && p->producer_root < 0)
			p->producer_root = census_plan_root(p, f, function);
		if (function->kind == REACH_CONSUMER && p->consumer_root < 0)
			p->consumer_root = census_plan_root(p, f, function);
	}
}

/* What was last put into a register before an instruction, within reach of it and without a call
 * in between. */
static const struct code_insn *census_plan_last(const struct code *code, size_t at,
						unsigned int reg)
{
	size_t i;

	for (i = at; i-- > 0 && i + CENSUS_PLAN_NEAR > at;) {
		if (code->insns[i].writes & 1u << reg)
			return &code->insns[i];
	}
	return NULL;
}

/* At the call of StatsHandle::session: the root that it is given and the guard that is stored after
 * it are fields of one future; so is the flag from which the tier was made, by the call before. */
static bool census_plan_session(const struct code *code, size_t call, struct census_session *out)
{
	const struct code_insn *root = census_plan_last(code, call, CODE_ARG1), *tier = NULL;
	const struct code_insn *guard = NULL;
	size_t i;

	for (i = call + 1; i < code->insns_len && i < call + 4 && !guard; i++) {
		const struct code_insn *in = &code->insns[i];

		if (in->op == CODE_MOV && in->src.kind == MOQSTAT_OPERAND_REG &&
		    in->src.reg == CODE_RESULT && in->dst.kind == MOQSTAT_OPERAND_MEM)
			guard = in;
	}
	for (i = call; i-- > 0 && i + CENSUS_PLAN_NEAR > call && !tier;) {
		if (code->insns[i].op == CODE_CALL) {
			tier = census_plan_last(code, i, CODE_TO_ARG1);
			break;
		}
	}
	if (!root || !guard || !tier || root->op != CODE_LEA || tier->op != CODE_MOV ||
	    tier->src.width != 1 || !census_plan_is_memory(&root->src, guard->dst.reg) ||
	    !census_plan_is_memory(&tier->src, guard->dst.reg) ||
	    guard->dst.index != MOQSTAT_REG_NONE)
		return false;
	out->root = (int64_t)root->src.disp - guard->dst.disp;
	out->tier = (int64_t)tier->src.disp - guard->dst.disp;
	return true;
}

static int census_plan_session_add(struct census_plan *p, const struct census_session *s)
{
	struct census_session *grown;
	size_t i;

	for (i = 0; i < p->sessions_len; i++) {
		if (p->sessions[i].root == s->root && p->sessions[i].tier == s->tier)
			return 0;
	}
	grown = reallocarray(p->sessions, p->sessions_len + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	p->sessions = grown;
	grown[p->sessions_len++] = *s;
	return 0;
}

/* Look for calls of a function in all code that could hold one. */
static int census_plan_sessions(struct census_plan *p, const struct elf_file *f, uint64_t function)
{
	size_t i, k, len;
	const struct elf_symbol *symbols = elf_file_symbols(f, &len);
	struct census_session session;
	struct code_branch branch;
	struct code code;
	int err = 0;

	for (i = 0; i < len && !err; i++) {
		const struct elf_symbol *s = &symbols[i];
		const uint8_t *bytes = elf_file_bytes(f, s->addr, s->size);
		bool calls = false;
		uint64_t at = 0;

		while (bytes && !calls && code_next_branch(bytes, s->size, s->addr, &at, &branch))
			calls = branch.target == function;
		if (!calls || code_init(f, s->addr, s->size, &code))
			continue;
		for (k = 0; k < code.insns_len && !err; k++) {
			if (code.insns[k].op == CODE_CALL && code.insns[k].target == function &&
			    census_plan_session(&code, k, &session))
				err = census_plan_session_add(p, &session);
		}
		code_deinit(&code);
	}
	return err;
}

/* Which functions end a shared text, rather than the pointers to them that are called. */
static int census_plan_texts(struct census_plan *p, const struct elf_file *f)
{
	struct relocation *relocations;
	size_t i, len;
	uint64_t to;
	int err;

	if (!p->texts.ends_len)
		return 0;
	err = relocation_read(f, &relocations, &len);
	if (err)
		return err;
	for (i = 0; i < p->texts.ends_len; i++) {
		to = relocation_find(relocations, len, p->texts.ends[i]);
		if (to)
			p->texts.ends[i] = to;
	}
	free(relocations);
	return 0;
}

static int census_plan_build(struct census_plan *p, const struct elf_file *f,
			     const struct sites *sites)
{
	size_t i;
	int err = reach_create(f, sites, &p->reach);

	if (!err)
		err = census_plan_closes(p, sites);
	if (!err)
		err = census_plan_code(p, f);
	if (!err && p->layout->shared_paths)
		err = text_ends_find(f, &p->texts);
	if (!err)
		census_plan_roots(p, f);
	/* As they are called now, pointers to them are followed. */
	if (!err)
		err = census_plan_texts(p, f);
	for (i = 0; i < sites->functions_len && !err; i++) {
		if (sites->functions[i].role == LAYOUT_SESSION)
			err = census_plan_sessions(p, f, sites->functions[i].addr);
	}
	if (!err) {
		p->anchor = p->reach.list[0].addr;
		err = elf_file_offset(f, p->anchor, &p->anchor_offset);
	}
	return err;
}

int census_plan_create(const struct elf_file *f, const struct sites *sites,
		       struct census_plan **out)
{
	struct census_plan *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->layout = sites->layout;
	err = census_plan_build(p, f, sites);
	if (err) {
		census_plan_destroy(p);
		return err;
	}
	*out = p;
	return 0;
}

void census_plan_destroy(struct census_plan *p)
{
	size_t i;

	if (!p)
		return;
	for (i = 0; p->code && i < p->reach.len; i++)
		free(p->code[i]);
	free(p->code);
	free(p->closes);
	free(p->sessions);
	reach_deinit(&p->reach);
	free(p);
}
