/* SPDX-License-Identifier: MIT */
/*
 * Statistics off where a session's context resolves paths itself (docs/relay-0.17.md): whose scope
 * it is that an entry was looked up for, and sessions. docs/adr/0032-scopes.md
 */
#include "scan_scope.h"

#include <errno.h>

#include "origin.h"

/* ---- what an entry was looked up for ---- */

/* Has a register the same value before two instructions, the one behind the other? */
static int resolve_keeps(const struct code *code, size_t from, size_t to, unsigned int reg)
{
	struct origin a, b;
	int err;

	if (reg == CODE_STACK)
		return to > from && scope_level(code, to) <= from;
	err = origin_find(code, from, reg, &a);
	if (!err)
		err = origin_find(code, to, reg, &b);
	if (err)
		return err == -ENOMEM ? err : 0;
	if (a.arguments != b.arguments || a.len != b.len)
		return 0;
	if (a.len == 1)
		return !a.arguments && a.insns[0] == b.insns[0];
	return !a.len && a.arguments && !(a.arguments & (a.arguments - 1));
}

int resolve_scope(const struct code *code, size_t call, size_t to, struct moqstat_operand *scope)
{
	size_t level = scope_level(code, call), run = code_run(code, call), i;
	struct eval_value address;
	unsigned int reg;
	struct eval e;
	int64_t gap;
	int keeps;

	eval_init(&e);
	for (i = level > run ? level : run; i < call; i++)
		eval_step(&e, &code->insns[i]);
	address = e.regs[CODE_ARG0];
	for (reg = 0; reg < CODE_REGS; reg++) {
		if ((code->insns[call].writes & (1u << reg) && reg != CODE_STACK) ||
		    !eval_distance(&e.regs[reg], &address, &gap) || gap != (int32_t)gap)
			continue;
		keeps = resolve_keeps(code, call, to, reg);
		if (keeps < 0)
			return keeps;
		if (!keeps)
			continue;
		*scope = eval_register(reg, (int32_t)gap);
		return 0;
	}
	return -ENOENT;
}

/* Is it a call by which a scope is asked for its entry? */
static bool resolve_asks(const struct scope *c, const struct code_insn *insn)
{
	int which = scope_callee(c, insn);

	return which == LAYOUT_SCOPE_COUNTERS || which == LAYOUT_SCOPE_PAIR;
}

int resolve_argument(const struct scope *c, const struct code *code, unsigned int *argument,
		     int32_t *at)
{
	struct moqstat_operand scope;
	struct origin origin;
	struct eval e;
	size_t i, k, run;
	int err;

	*argument = MOQSTAT_REG_NONE;
	for (i = 0; i < code->insns_len; i++) {
		if (!resolve_asks(c, &code->insns[i]))
			continue;
		run = code_run(code, i);
		eval_init(&e);
		for (k = run; k < i; k++)
			eval_step(&e, &code->insns[k]);
		if (*argument != MOQSTAT_REG_NONE || !eval_single(&e.regs[CODE_ARG0], &scope) ||
		    scope.kind != MOQSTAT_OPERAND_REG)
			break;
		err = origin_find(code, run, scope.reg, &origin);
		if (err == -ENOMEM)
			return err;
		if (err || origin.len || origin.arguments != 1u << scope.reg)
			break;
		*argument = scope.reg;
		*at = scope.disp;
	}
	if (i < code->insns_len)
		*argument = MOQSTAT_REG_NONE;
	return 0;
}

ptrdiff_t resolve_call(const struct scope *c, const struct code *code, size_t insn,
		       unsigned int reg)
{
	struct origin origin;
	int err = origin_find(code, insn, reg, &origin);

	if (err)
		return err == -ENOMEM ? err : -ENOENT;
	if (origin.arguments || origin.len != 1 ||
	    scope_callee(c, &code->insns[origin.insns[0]]) != LAYOUT_SCOPE_COUNTERS)
		return -ENOENT;
	return origin.insns[0];
}

/* ---- sessions ---- */

/* Is it what the function that has been called gives out that a branch tests? */
static int root_is_given(const struct scope *c, const struct code *code, size_t branch,
			 unsigned int reg)
{
	struct origin origin;
	int err = origin_find(code, branch, reg, &origin);

	if (err)
		return err == -ENOMEM ? err : 0;
	return !origin.arguments && origin.len == 1 &&
	       scope_callee(c, &code->insns[origin.insns[0]]) == LAYOUT_SCOPE_ROOTS;
}

/* Where it is asked whether anything is shared, which is used as that if so; -1: nowhere, or in
 * more than one place. */
static ptrdiff_t root_asks(const struct layout *l, const struct code *code, size_t from,
			   unsigned int *shared)
{
	ptrdiff_t found = -1;
	size_t i;

	for (i = from; i < code->insns_len; i++) {
		const struct code_insn *test = &code->insns[i - 1];

		if (!i || code->insns[i].op != CODE_JCC || code->insns[i].cond != CODE_COND_ZERO ||
		    test->op != CODE_TEST || test->dst.kind != MOQSTAT_OPERAND_REG ||
		    test->dst.width != 8 || !eval_operand_equal(&test->dst, &test->src) ||
		    !scope_is_used(code, i + 1, test->dst.reg, (int32_t)l->sessions_of_shared))
			continue;
		if (found >= 0)
			return -1;
		found = i;
		*shared = test->dst.reg;
	}
	return found;
}

/* Where a root's counters are made in the function itself, none are where nothing is shared: there
 * the session is counted where that is asked. */
static int root_opens(struct scope *c, const struct code *code, uint32_t function,
		      const struct site *named, uint64_t bump)
{
	struct site site = { .bump = bump,
			     .what = { .event = MOQSTAT_EVENT_SESSION_BUMP,
				       .field = MOQSTAT_SESSIONS,
				       .opens = 1,
				       .when = MOQSTAT_WHEN_NEVER,
				       .handles = MOQSTAT_HANDLE_PENDING,
				       .n = eval_number(1) } };
	ptrdiff_t name = code_find(code, named->addr), branch;
	unsigned int shared;

	branch = name < 0 ? -1 : root_asks(c->scan->layout, code, name + 1, &shared);
	if (branch < 0)
		return -ENOENT;
	site.what.entry = eval_register(shared, 0);
	return scan_add_site_at(c->scan, &code->insns[branch], function, &site);
}

/* A context is moved into what has been allocated for it; a root's counters are begun there. */
static int root_places(struct scope *c, const struct code *code, uint32_t function)
{
	const struct layout *l = c->scan->layout;
	struct site place = { .what = { .event = MOQSTAT_EVENT_PLACE,
					.when = MOQSTAT_WHEN_NONZERO,
					.handles = MOQSTAT_HANDLE_PENDING,
					.guard = eval_register(CODE_RESULT, (int32_t)l->header) } };
	ptrdiff_t branch = -1;
	int err, places = 0;

	while ((branch = scan_allocation(code, branch + 1, code->insns_len,
					 (int32_t)l->scope->session_size)) >= 0) {
		if (resolve_begins(code, branch))
			continue;
		err = scan_add_site_at(c->scan, &code->insns[branch], function, &place);
		if (err)
			return err;
		places++;
	}
	return places ? 0 : -ENOENT;
}

/* The way on which nothing is counted as closed, from its branch on to the next one. */
static ptrdiff_t root_passes(const struct code *code, const struct site *close)
{
	ptrdiff_t at = code_find(code, close->addr);
	size_t steps;

	if (at < 0 || close->what.when == MOQSTAT_WHEN_ALWAYS)
		return -1;
	at = (code->insns[at].cond == CODE_COND_ZERO) == (close->what.when == MOQSTAT_WHEN_NONZERO)
		     ? code_find(code, code->insns[at].target)
		     : at + 1;
	for (steps = 0; at >= 0 && (size_t)at < code->insns_len && steps < 16; steps++) {
		const struct code_insn *insn = &code->insns[at];

		if (insn->op == CODE_JCC)
			return at;
		if (insn->op == CODE_CALL || (code_ends(insn) && insn->op != CODE_JMP) ||
		    (insn->writes & (1u << close->guard.reg)))
			return -1;
		at = insn->op == CODE_JMP ? code_find(code, insn->target) : at + 1;
	}
	return -1;
}

/* Session::set_tier: where nothing is shared it is counted as opened once it has been let go. */
static int root_moves(struct scope *c, const struct code *code, uint32_t function, size_t first)
{
	const struct layout_scope *l = c->scan->layout->scope;
	struct sites *s = c->scan->sites;
	size_t i, len = s->len;
	uint64_t moved = 0, opens = 0;
	int err = 0;

	for (i = first; i < len; i++) {
		if (s->list[i].what.event == MOQSTAT_EVENT_SESSION_BUMP && s->list[i].what.opens)
			opens = s->list[i].bump;
	}
	if (!opens)
		return -ENOENT;
	for (i = first; i < len && !err; i++) {
		struct site close = s->list[i], site, place;
		struct moqstat_operand context;
		ptrdiff_t branch;

		if (close.what.event != MOQSTAT_EVENT_SESSION_BUMP || close.what.opens)
			continue;
		branch = root_passes(code, &close);
		if (branch < 0 || (moved && moved != code->insns[branch].addr))
			return -ENOENT;
		if (moved)
			continue;
		moved = code->insns[branch].addr;
		context = eval_register(close.guard.reg,
					close.guard.disp - (int32_t)l->presence_of_session);
		site = (struct site){ .bump = opens,
				      .what = { .event = MOQSTAT_EVENT_SESSION_BUMP,
						.field = MOQSTAT_SESSIONS,
						.opens = 1,
						.when = MOQSTAT_WHEN_NEVER,
						.handles = MOQSTAT_HANDLE_PENDING,
						.entry = close.guard,
						.n = eval_number(1) } };
		place = (struct site){ .what = { .event = MOQSTAT_EVENT_PLACE,
						 .handles = MOQSTAT_HANDLE_PENDING,
						 .guard = context } };
		err = scan_add_site_at(c->scan, &code->insns[branch], function, &site);
		if (!err)
			err = scan_add_site_at(c->scan, &code->insns[branch], function, &place);
	}
	return err || moved ? err : -ENOENT;
}

/* Are all sessions that are opened there counted, and told apart, also where nothing is shared? */
static int root_told(struct scope *c, const struct code *code, uint32_t function, int which,
		     size_t first)
{
	struct sites *s = c->scan->sites;
	const struct site *named = NULL;
	size_t i, len = s->len;
	int err = 0, given = 0;

	for (i = first; i < len; i++) {
		if (s->list[i].what.event == MOQSTAT_EVENT_SESSION)
			named = &s->list[i];
	}
	if (which != LAYOUT_SESSION)
		return named ? root_moves(c, code, function, first) : -ENOENT;
	for (i = first; i < len && !err; i++) {
		struct site site = s->list[i];
		ptrdiff_t branch = code_find(code, site.addr);

		if (site.what.event != MOQSTAT_EVENT_SESSION_BUMP || !site.what.opens)
			continue;
		given = root_is_given(c, code, branch, site.what.entry.reg);
		if (given < 0)
			return given;
		if (!given) {
			struct site name = named ? *named : (struct site){ 0 };

			err = named ? root_opens(c, code, function, &name, site.bump) : -ENOENT;
			named = NULL;
		}
	}
	return err ? err : root_places(c, code, function);
}

int resolve_off_sessions(struct scope *c, const struct code *code, uint32_t function, int which,
			 int special, size_t first)
{
	struct sites *s = c->scan->sites;
	size_t i, len = s->len;
	int err;

	if (which != LAYOUT_SESSION && special != LAYOUT_SCOPE_MOVE)
		return 0;
	err = root_told(c, code, function, which, first);
	if (err == -ENOENT)
		return 0;
	for (i = first; i < len && !err; i++) {
		if (s->list[i].what.event == MOQSTAT_EVENT_SESSION_BUMP && s->list[i].what.opens)
			s->list[i].what.handles = MOQSTAT_HANDLE_PENDING;
	}
	return err;
}
