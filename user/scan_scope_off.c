/* SPDX-License-Identifier: MIT */
/*
 * Whose it is that is counted where the relay's statistics are off, so that entry pointers are
 * null: by the scope at hand, or by what was learnt of one. docs/adr/0032-scopes.md
 */
#include "scan_scope.h"

#include <errno.h>
#include <string.h>

#include "origin.h"

/* Instructions from where a table's key is let go to where the end of what it has is counted. */
#define OFF_KEY 24

/* What is known of the function at hand. */
struct off {
	struct scope *scope;
	const struct layout_off *layout;
	const struct code *code;
	uint32_t index;
};

static const struct layout_shows *off_shows(const struct off *o)
{
	const char *name = o->scope->scan->sites->functions[o->index].name;
	size_t i;

	for (i = 0; i < o->layout->shows_len; i++) {
		if (!strcmp(o->layout->shows[i].function, name))
			return &o->layout->shows[i];
	}
	return NULL;
}

static int off_add(const struct off *o, const struct code_insn *insn, struct site *site)
{
	return scan_add_site_at(o->scope->scan, insn, o->index, site);
}

static bool off_has(const struct off *o, uint64_t addr, enum moqstat_event event)
{
	const struct sites *s = o->scope->scan->sites;
	size_t i;

	for (i = 0; i < s->len; i++) {
		if (s->list[i].addr == addr && s->list[i].what.event == event)
			return true;
	}
	return false;
}

/* ---- a scope at hand ---- */

/* By the scope at an address: a register, and how far from it. */
static void off_by_scope(const struct layout_off *l, struct moqstat_site *what, unsigned int reg,
			 int32_t at)
{
	what->handles |= MOQSTAT_HANDLE_PATH;
	what->path = eval_register(reg, at + (int32_t)l->path_of_scope);
	what->skip = scope_operand(MOQSTAT_OPERAND_MEM, reg, at, 0);
}

/* The entry's pointer was loaded from so far behind the start of what it is a part of. */
static bool off_is_part(const struct site *site, uint32_t counters, int32_t *at)
{
	const struct moqstat_operand *g = &site->guard;

	*at = g->disp - (int32_t)counters;
	return g->kind == MOQSTAT_OPERAND_MEM && g->width == 8 && g->index == MOQSTAT_REG_NONE;
}

/* The entry was looked up in a scope. */
static int off_looked_up(const struct off *o, struct site *site)
{
	struct moqstat_operand scope;
	ptrdiff_t branch = code_find(o->code, site->addr), call;
	int err;

	call = resolve_call(o->scope, o->code, branch, site->what.entry.reg);
	if (call < 0)
		return call == -ENOMEM ? -ENOMEM : 0;
	err = resolve_scope(o->code, call, branch, &scope);
	if (!err)
		off_by_scope(o->layout, &site->what, scope.reg, scope.disp);
	return err == -ENOMEM ? err : 0;
}

static int off_scope(const struct off *o, struct site *site)
{
	const struct layout_off *l = o->layout;
	const struct moqstat_operand *side = &site->what.side;
	int32_t at;

	if (o->scope->scan->layout->scope->resolves)
		return off_looked_up(o, site);
	if (!off_is_part(site, l->counters_of_scope, &at))
		return 0;
	/* Its side is where a scope has it, if it is read there: perhaps by another register. */
	if (side->kind == MOQSTAT_OPERAND_MEM && side->disp != at + (int32_t)l->side_of_scope)
		return 0;
	off_by_scope(l, &site->what, site->guard.reg, at);
	return 0;
}

static int off_group(const struct off *o, struct site *site)
{
	const struct layout_off *l = o->layout;
	int err = off_scope(o, site);

	if (err || !site->what.handles)
		return err;
	site->what.handles |= MOQSTAT_HANDLE_ACCOUNT;
	site->what.guard = scope_operand(MOQSTAT_OPERAND_DEREF, site->what.skip.reg,
					 site->what.skip.disp + (int32_t)l->state_of_track,
					 (int32_t)l->account_of_state);
	return 0;
}

static void off_account(const struct layout_shows *shows, struct site *site)
{
	int32_t at;

	if (!off_is_part(site, 0, &at) || (shows->inner && at != shows->inner))
		return;
	if (shows->way == LAYOUT_WAY_OPTION) {
		site->what.handles = MOQSTAT_HANDLE_ACCOUNT | MOQSTAT_HANDLE_OPTION;
		site->what.tier =
			scope_operand(MOQSTAT_OPERAND_MEM, site->guard.reg, at + shows->outer, 0);
		site->what.tier.width = 1;
		site->what.guard =
			scope_operand(MOQSTAT_OPERAND_MEM, site->guard.reg, at + shows->at, 0);
		return;
	}
	site->what.handles = MOQSTAT_HANDLE_ACCOUNT;
	site->what.guard = scope_operand(shows->outer ? MOQSTAT_OPERAND_DEREF : MOQSTAT_OPERAND_MEM,
					 site->guard.reg, at + shows->at, shows->outer);
}

/* ---- a scope that the function is called with ---- */

/* How far the stack is below where it was when the function began, from the first branch or call
 * on; -1: that can't be told. */
static int32_t off_frame(const struct code *code)
{
	int32_t frame = 0;
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op == CODE_JCC || insn->op == CODE_CALL || code_ends(insn))
			return frame;
		if (!(insn->writes & (1u << CODE_STACK)))
			continue;
		if (code_saves(insn))
			frame += 8;
		else if (insn->op == CODE_SUB && insn->src.kind == MOQSTAT_OPERAND_IMM)
			frame += insn->src.disp;
		else
			return -1;
	}
	return -1;
}

/* Is the stack where it was at a branch, as far as the code shows: nothing else is put there by the
 * way? */
static bool off_is_level(const struct code *code)
{
	size_t i;

	for (i = 0; i < code->insns_len && code->insns[i].op != CODE_JCC &&
		    code->insns[i].op != CODE_CALL;)
		i++;
	for (; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (code_saves(insn) ||
		    (insn->op == CODE_SUB && (insn->writes & (1u << CODE_STACK))))
			return false;
	}
	return true;
}

/* The argument that the scope is in, since its entry pointer is read there; MOQSTAT_REG_NONE if
 * that can't be told. */
static int off_argument(const struct off *o, int32_t at, unsigned int *argument)
{
	static const unsigned int arguments[] = { CODE_ARG0, CODE_TO_ARG0 };
	int32_t disp = at + (int32_t)o->layout->counters_of_scope;
	struct origin origin;
	size_t i, k;
	int err;

	*argument = MOQSTAT_REG_NONE;
	for (i = 0; i < o->code->insns_len; i++) {
		const struct moqstat_operand *src = &o->code->insns[i].src;

		if (o->code->insns[i].op != CODE_MOV || src->kind != MOQSTAT_OPERAND_MEM ||
		    src->width != 8 || src->index != MOQSTAT_REG_NONE || src->disp != disp)
			continue;
		err = origin_find(o->code, i, src->reg, &origin);
		if (err == -ENOMEM)
			return err;
		for (k = 0; k < sizeof(arguments) / sizeof(arguments[0]) && !err; k++) {
			if (origin.len || origin.arguments != 1u << arguments[k])
				continue;
			*argument = arguments[k];
			return 0;
		}
	}
	return 0;
}

/* Note the scope that the function is called with where it begins. */
static int off_begins(const struct off *o, unsigned int argument, int32_t at)
{
	struct site begin = { .what = { .event = MOQSTAT_EVENT_CALL } };

	if (off_has(o, o->code->addr, MOQSTAT_EVENT_CALL))
		return 0;
	off_by_scope(o->layout, &begin.what, argument, at);
	begin.what.handles = 0;
	begin.what.guard = eval_register(CODE_STACK, 0);
	return off_add(o, &o->code->insns[0], &begin);
}

static int off_called(const struct off *o, const struct layout_shows *shows, struct site *site)
{
	bool resolves = o->scope->scan->layout->scope->resolves;
	int32_t frame = off_frame(o->code), at = shows->at;
	unsigned int argument;
	int err = resolves ? resolve_argument(o->scope, o->code, &argument, &at)
			   : off_argument(o, at, &argument);

	if (err)
		return err;
	if (frame < 0 || argument == MOQSTAT_REG_NONE || at != shows->at || !off_is_level(o->code))
		return 0;
	site->what.handles = MOQSTAT_HANDLE_CALL;
	site->what.guard = eval_register(CODE_STACK, frame);
	return off_begins(o, argument, at);
}

/* ---- announcements that are told by a word ---- */

/* A register that has what the function was called with in an argument; MOQSTAT_REG_NONE: none
 * has. */
static int off_holder(const struct off *o, ptrdiff_t at, unsigned int argument, unsigned int *reg)
{
	struct origin origin;
	unsigned int i;
	int err;

	*reg = MOQSTAT_REG_NONE;
	for (i = 0; i < CODE_REGS && *reg == MOQSTAT_REG_NONE; i++) {
		err = origin_find(o->code, at, i, &origin);
		if (err == -ENOMEM)
			return err;
		if (!err && !origin.len && origin.arguments == 1u << argument)
			*reg = i;
	}
	return 0;
}

/* Are 16 bytes of what the function gives out read from the stack in front of an instruction, and
 * nothing has been written there since another? */
static bool off_copies(const struct code *code, size_t from, size_t store,
		       struct moqstat_operand *place)
{
	const struct code_insn *put = &code->insns[store], *insn;
	size_t i, load;

	for (load = store; load-- > code_run(code, store);) {
		if (code->insns[load].vector == put->vector &&
		    code->insns[load].src.kind == MOQSTAT_OPERAND_MEM)
			break;
		if (code->insns[load].vectors & (1u << (put->vector - 1)))
			return false;
	}
	if (load < from || load > store || code->insns[load].src.reg != CODE_STACK ||
	    code->insns[load].src.index != MOQSTAT_REG_NONE || scope_level(code, load) > from)
		return false;
	*place = code->insns[load].src;
	for (i = from; i < load; i++) {
		insn = &code->insns[i];
		if (insn->stores && insn->dst.kind == MOQSTAT_OPERAND_MEM &&
		    insn->dst.reg == CODE_STACK && insn->dst.disp < place->disp + 16 &&
		    insn->dst.disp + 16 > place->disp)
			return false;
	}
	return true;
}

static bool off_has_insn(const struct origin *origin, size_t insn)
{
	size_t i;

	for (i = 0; i < origin->len; i++) {
		if (origin->insns[i] == insn)
			return true;
	}
	return false;
}

/* Is a register at an instruction the address of what the function gives out, which it returns? It
 * may have been put away, and is read again then. */
static int off_gives(const struct off *o, size_t at, unsigned int reg)
{
	const unsigned int gives = 1u << CODE_RETURNS_TO;
	struct origin here, given = { .len = 0 };
	size_t i, k;
	int err = origin_find(o->code, at, reg, &here);

	for (i = at; i < o->code->insns_len && !err && !given.arguments; i++) {
		if (o->code->insns[i].op == CODE_RET)
			err = origin_find(o->code, i, CODE_RESULT, &given);
	}
	if (err)
		return err == -ENOMEM ? err : 0;
	for (k = 0; k < here.len; k++) {
		if (!off_has_insn(&given, here.insns[k]))
			return 0;
	}
	return !(here.arguments & ~gives) && given.arguments == gives;
}

/* Where on the stack that is at an instruction which is given out later. */
static int off_given(const struct off *o, ptrdiff_t at, struct moqstat_operand *place)
{
	size_t i;
	int gives;

	for (i = at; i < o->code->insns_len; i++) {
		const struct code_insn *insn = &o->code->insns[i];

		if (!insn->vector || !insn->stores || insn->dst.kind != MOQSTAT_OPERAND_MEM ||
		    insn->dst.disp || insn->dst.index != MOQSTAT_REG_NONE ||
		    insn->dst.reg == CODE_STACK)
			continue;
		gives = off_gives(o, i, insn->dst.reg);
		if (gives < 0)
			return gives;
		if (gives)
			return off_copies(o->code, at, i, place) ? 0 : -ENOENT;
	}
	return -ENOENT;
}

/* One begins: the scope's, and what it will be told by. */
static int off_announces(const struct off *o, const struct layout_shows *shows, struct site *site)
{
	ptrdiff_t at = code_find(o->code, site->addr);
	struct moqstat_operand place = { .kind = MOQSTAT_OPERAND_NONE };
	unsigned int reg;
	int err = off_scope(o, site);

	if (err || !site->what.handles || site->what.field != MOQSTAT_ANNOUNCED)
		return err;
	if (shows->way == LAYOUT_WAY_GIVEN) {
		err = off_given(o, at, &place);
		place = scope_operand(MOQSTAT_OPERAND_MEM, CODE_STACK, place.disp + shows->at, 0);
	} else {
		bool table = shows->way == LAYOUT_WAY_TABLED;

		err = off_holder(o, at, table ? CODE_TO_ARG1 : CODE_TO_ARG0, &reg);
		if (!err && reg == MOQSTAT_REG_NONE)
			err = -ENOENT;
		place = scope_operand(MOQSTAT_OPERAND_MEM, reg, table ? shows->inner : shows->at,
				      0);
	}
	site->what.handles |= MOQSTAT_HANDLE_OWNER;
	if (shows->way == LAYOUT_WAY_TABLED)
		site->what.handles |= MOQSTAT_HANDLE_KEY;
	site->what.guard = place;
	if (err == -ENOENT)
		site->what.handles = 0;
	return err == -ENOENT ? 0 : err;
}

/* It ends beside the word. */
static void off_beside(const struct layout_shows *shows, struct site *site)
{
	int32_t at;

	if (!off_is_part(site, 0, &at))
		return;
	site->what.handles = MOQSTAT_HANDLE_OWNER;
	site->what.guard = scope_operand(MOQSTAT_OPERAND_MEM, site->guard.reg, at + shows->at, 0);
}

/* Where the key of a table is let go in front of a branch: the branch on whether it is shared, and
 * the key's address there; -1: nowhere. */
static ptrdiff_t off_key(const struct code *code, size_t from, struct moqstat_operand *key)
{
	struct eval_value address;
	unsigned int reg;
	struct eval e;
	int64_t gap;
	size_t i, k;

	for (i = from; i > 1 && from - i < OFF_KEY; i--) {
		const struct code_insn *down = &code->insns[i];
		ptrdiff_t branch = i - 1, load;

		if (!down->lock || down->op != CODE_DEC || down->dst.disp ||
		    down->dst.index != MOQSTAT_REG_NONE || code->insns[branch].op != CODE_JCC ||
		    code->insns[branch].cond != CODE_COND_ZERO)
			continue;
		load = bump_writer(code, branch, down->dst.reg);
		if (load < 0 || code->insns[load].op != CODE_MOV ||
		    code->insns[load].src.kind != MOQSTAT_OPERAND_MEM ||
		    code->insns[load].src.width != 8)
			return -1;
		eval_init(&e);
		for (k = code_run(code, load); k < (size_t)load; k++)
			eval_step(&e, &code->insns[k]);
		address = eval_address(&e, &code->insns[load].src);
		for (; k < (size_t)branch; k++)
			eval_step(&e, &code->insns[k]);
		for (reg = 0; reg < CODE_REGS; reg++) {
			if (reg == down->dst.reg || !eval_distance(&e.regs[reg], &address, &gap) ||
			    gap != (int32_t)gap)
				continue;
			*key = eval_register(reg, (int32_t)gap);
			return branch;
		}
		return -1;
	}
	return -1;
}

/* It ends in a table, or as it is taken out of one: what it was kept under has just been let go. */
static int off_table(const struct off *o, const struct layout_shows *shows, struct site *site)
{
	struct site table = { .what = { .event = MOQSTAT_EVENT_TABLE } };
	ptrdiff_t close = code_find(o->code, site->addr), branch, i;
	struct moqstat_operand key;

	branch = close < 0 ? -1 : off_key(o->code, close, &key);
	if (branch < 0)
		return 0;
	for (i = branch; i < close; i++) {
		const struct code_insn *insn = &o->code->insns[i];

		if ((insn->writes & (1u << key.reg)) ||
		    (key.reg == CODE_STACK && insn->stores &&
		     insn->dst.kind == MOQSTAT_OPERAND_MEM && insn->dst.reg == CODE_STACK &&
		     insn->dst.disp < key.disp + 8 && insn->dst.disp + 16 > key.disp))
			return 0;
	}
	site->what.handles = MOQSTAT_HANDLE_OWNER | MOQSTAT_HANDLE_KEY;
	site->what.guard = scope_operand(MOQSTAT_OPERAND_MEM, key.reg, key.disp, 0);
	table.what.guard = scope_operand(MOQSTAT_OPERAND_MEM,
					 shows->outer ? CODE_TO_ARG0 : CODE_ARG0, shows->at, 0);
	return off_has(o, o->code->addr, MOQSTAT_EVENT_TABLE)
		       ? 0
		       : off_add(o, &o->code->insns[0], &table);
}

/* ---- groups that are handed out ---- */

/* Whose it is, which is at hand at the call, or what the function is called with. */
static int off_hands(const struct off *o, size_t call, struct site *site)
{
	struct moqstat_operand scope;
	int32_t frame = off_frame(o->code), at;
	ptrdiff_t from = resolve_call(o->scope, o->code, call, CODE_TO_ARG1);
	unsigned int argument;
	int err;

	if (from == -ENOMEM)
		return -ENOMEM;
	err = from < 0 ? -ENOENT : resolve_scope(o->code, from, call, &scope);
	if (!err) {
		off_by_scope(o->layout, &site->what, scope.reg, scope.disp);
		return 0;
	}
	if (err == -ENOMEM)
		return err;
	err = resolve_argument(o->scope, o->code, &argument, &at);
	if (err || frame < 0 || argument == MOQSTAT_REG_NONE || !off_is_level(o->code))
		return err;
	site->what.handles = MOQSTAT_HANDLE_CALL;
	site->what.skip = eval_register(CODE_STACK, frame);
	return off_begins(o, argument, at);
}

static bool off_hands_out(const struct scope *c, const struct code *code, size_t call)
{
	const struct code_insn *insn = &code->insns[call];

	return (insn->op == CODE_CALL || insn->op == CODE_JMP) &&
	       scope_which(c, scope_target(c, insn->target, insn->slot)) == LAYOUT_SCOPE_METER;
}

/* Wherever a group is handed out it is counted, and what it is handed out with is learnt. */
static int off_meters(const struct off *o)
{
	size_t i;
	int err = 0;

	for (i = 0; i < o->code->insns_len && !err; i++) {
		struct site site = { .what = { .event = MOQSTAT_EVENT_BUMP,
					       .field = MOQSTAT_GROUPS,
					       .role = MOQSTAT_ROLE_MAX,
					       .when = MOQSTAT_WHEN_NEVER,
					       .entry = eval_register(CODE_TO_ARG1, 0),
					       .side = eval_register(CODE_TO_ARG2, 0),
					       .n = eval_number(1) } };

		if (!off_hands_out(o->scope, o->code, i))
			continue;
		site.what.tier = scope_operand(MOQSTAT_OPERAND_MEM, CODE_TO_ARG0, 0, 0);
		if (o->code->insns[i].op == CODE_CALL)
			err = off_hands(o, i, &site);
		if (site.what.handles) {
			site.what.handles |= MOQSTAT_HANDLE_ACCOUNT | MOQSTAT_HANDLE_CURSOR;
			site.what.guard = scope_operand(MOQSTAT_OPERAND_MEM, CODE_TO_ARG0,
							(int32_t)o->layout->handed_of_cursor, 0);
		}
		if (!err)
			err = off_add(o, &o->code->insns[i], &site);
	}
	return err;
}

/* What reads a group is what the function is called with. */
static int off_cursor(const struct off *o, struct site *site)
{
	unsigned int reg;
	int err = off_holder(o, code_find(o->code, site->addr), CODE_TO_ARG0, &reg);

	if (err || reg == MOQSTAT_REG_NONE)
		return err;
	site->what.handles = MOQSTAT_HANDLE_ACCOUNT | MOQSTAT_HANDLE_CURSOR;
	site->what.guard =
		scope_operand(MOQSTAT_OPERAND_MEM, reg, (int32_t)o->layout->handed_of_cursor, 0);
	site->what.tier = scope_operand(MOQSTAT_OPERAND_MEM, reg, 0, 0);
	return 0;
}

/* ---- announcements that end ---- */

static int off_keyed(const struct off *o, const struct layout_shows *shows, struct site *site)
{
	struct site peek = { .what = { .event = MOQSTAT_EVENT_PEEK,
				       .handles = MOQSTAT_HANDLE_KEY } };
	struct site table = { .what = { .event = MOQSTAT_EVENT_TABLE } };
	ptrdiff_t close = code_find(o->code, site->addr), branch;
	int err = 0;

	branch = close < 0 ? -1 : off_key(o->code, close, &peek.what.path);
	if (branch < 0)
		return 0;
	site->what.handles = MOQSTAT_HANDLE_PENDING;
	table.what.guard = scope_operand(MOQSTAT_OPERAND_MEM,
					 shows->outer ? CODE_TO_ARG0 : CODE_ARG0, shows->at, 0);
	if (!off_has(o, o->code->addr, MOQSTAT_EVENT_TABLE))
		err = off_add(o, &o->code->insns[0], &table);
	if (!err && !off_has(o, o->code->insns[branch].addr, MOQSTAT_EVENT_PEEK))
		err = off_add(o, &o->code->insns[branch], &peek);
	return err;
}

void off_note_source(struct scope *c, const struct code *code)
{
	struct moqstat_operand announce, scope;
	int32_t gap;
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		if (scope_callee(c, &code->insns[i]) != LAYOUT_SCOPE_SYNC)
			continue;
		gap = 0;
		if (scope_argument(code, i, CODE_ARG0, &announce) &&
		    scope_argument(code, i, CODE_ARG2, &scope) && announce.reg == scope.reg)
			gap = scope.disp - announce.disp;
		c->sources_differ |= !gap || (c->source && c->source != gap);
		c->source = gap;
	}
}

/* ---- all of them ---- */

/* Is it an announcement's end that the branch of a site leads to? */
static bool off_ends(const struct sites *s, size_t first, const struct site *site)
{
	size_t i;

	for (i = first; i < s->len; i++) {
		if (s->list[i].addr == site->addr && s->list[i].what.event == MOQSTAT_EVENT_BUMP &&
		    s->list[i].what.field == MOQSTAT_ANNOUNCED_CLOSED)
			return true;
	}
	return false;
}

/* The guard of the subscriber's side is where it was put, that of the publisher's beside a scope.
 */
static void off_unsubscribes(const struct off *o, struct site *site)
{
	const struct layout_off *l = o->layout;
	int32_t at;

	/* Counted with the last subscription. */
	if (site->what.field == MOQSTAT_BROADCASTS_CLOSED) {
		site->what.handles = MOQSTAT_HANDLE_VIEWER;
		return;
	}
	if (!off_is_part(site, l->counters_of_subscription, &at))
		return;
	off_by_scope(l, &site->what, site->guard.reg, at + (int32_t)l->scope_of_subscription);
	site->what.handles = MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_VIEWER;
	site->what.guard = eval_register(site->guard.reg, at);
}

/* Where the side is asked for by a branch of its own it isn't if there is no entry: that has been
 * asked in front. */
static int off_asks(const struct off *o, struct site *site)
{
	struct site asks = *site;
	ptrdiff_t call, branch;
	const struct code_insn *test;

	if (!site->what.handles)
		return 0;
	call = resolve_call(o->scope, o->code, code_find(o->code, site->addr),
			    site->what.entry.reg);
	branch = call < 0 ? call : scope_branch(o->code, call);
	if (branch == -ENOMEM)
		return -ENOMEM;
	test = branch < 1 ? NULL : &o->code->insns[branch - 1];
	asks.what.handles = 0;
	asks.what.when = MOQSTAT_WHEN_NEVER;
	if (test && o->code->insns[branch].cond == CODE_COND_ZERO && test->op == CODE_TEST &&
	    test->dst.kind == MOQSTAT_OPERAND_REG && eval_operand_equal(&test->dst, &test->src) &&
	    resolve_call(o->scope, o->code, branch, test->dst.reg) == call) {
		asks.addr = o->code->insns[branch].addr;
		asks.what.entry = eval_register(test->dst.reg, 0);
		if (off_looked_up(o, &asks))
			return -ENOMEM;
	}
	if (!asks.what.handles) {
		site->what.handles = 0;
		return 0;
	}
	asks.what.handles |= MOQSTAT_HANDLE_VIEWER;
	asks.what.side = scope_operand(MOQSTAT_OPERAND_MEM, asks.what.skip.reg,
				       asks.what.skip.disp + (int32_t)o->layout->side_of_scope, 0);
	asks.what.side.width = 1;
	return off_has(o, asks.addr, MOQSTAT_EVENT_BUMP)
		       ? 0
		       : off_add(o, &o->code->insns[branch], &asks);
}

static int off_subscribes(const struct off *o, struct site *site)
{
	int err;

	/* Counted with the first subscription. */
	if (site->what.field == MOQSTAT_BROADCASTS) {
		site->what.handles = MOQSTAT_HANDLE_VIEWER;
		return 0;
	}
	err = off_scope(o, site);
	site->what.opens = 1;
	if (!err && o->scope->scan->layout->scope->resolves)
		err = off_asks(o, site);
	if (site->what.handles)
		site->what.handles |= MOQSTAT_HANDLE_VIEWER;
	return err;
}

static void off_nobody(struct site *site)
{
	site->what.handles = MOQSTAT_HANDLE_ACCOUNT;
	site->what.guard = eval_number(0);
	site->what.skip = eval_number(0);
}

static int off_site(const struct off *o, size_t first, struct site *site)
{
	const struct sites *s = o->scope->scan->sites;
	const struct layout_shows *shows = off_shows(o);
	enum layout_way way = LAYOUT_WAY_NONE;
	int role = s->functions[o->index].role;

	if (role == LAYOUT_SUBSCRIBE || role == LAYOUT_UNSUBSCRIBE) {
		if (role == LAYOUT_SUBSCRIBE)
			return off_subscribes(o, site);
		off_unsubscribes(o, site);
		return 0;
	}
	if (shows)
		way = off_ends(s, first, site) ? shows->ends : shows->way;
	if (site->what.field == MOQSTAT_ANNOUNCED)
		site->what.opens = 1;
	if (way == LAYOUT_WAY_SCOPE)
		return off_scope(o, site);
	if (way == LAYOUT_WAY_GROUP)
		return off_group(o, site);
	if (way == LAYOUT_WAY_GIVEN || way == LAYOUT_WAY_HELD || way == LAYOUT_WAY_TABLED)
		return off_announces(o, shows, site);
	if (way == LAYOUT_WAY_TABLE)
		return off_table(o, shows, site);
	if (way == LAYOUT_WAY_BESIDE)
		off_beside(shows, site);
	if (way == LAYOUT_WAY_CURSOR)
		return off_cursor(o, site);
	if (way == LAYOUT_WAY_ACCOUNT || way == LAYOUT_WAY_OPTION)
		off_account(shows, site);
	else if (way == LAYOUT_WAY_CALLED)
		return off_called(o, shows, site);
	else if (way == LAYOUT_WAY_KEY)
		return off_keyed(o, shows, site);
	else if (way == LAYOUT_WAY_SOURCE)
		/* Told once all calls have been seen. */
		site->what.handles = MOQSTAT_HANDLE_PATH;
	else if (way == LAYOUT_WAY_NOBODY)
		off_nobody(site);
	else if (way == LAYOUT_WAY_ODD)
		site->what.handles = MOQSTAT_HANDLE_ODD;
	return 0;
}

/* The subscriber's side keeps its subscription there. */
static int off_publish(const struct off *o)
{
	struct site place = { .what = { .event = MOQSTAT_EVENT_PLACE } };

	off_by_scope(o->layout, &place.what, CODE_ARG1, 0);
	place.what.guard = eval_register(CODE_ARG0, (int32_t)o->layout->subscription_of_alive);
	return off_add(o, &o->code->insns[0], &place);
}

void off_begin(struct scope *c)
{
	const struct layout_off *l = c->scan->layout->scope->off;

	if (l && elf_file_has_text(c->scan->file, l->version))
		c->off = l;
}

int off_function(struct scope *c, const struct code *code, const struct elf_symbol *symbol,
		 int which, int special, size_t first)
{
	struct off o = { .scope = c, .layout = c->off, .code = code };
	struct sites *s = c->scan->sites;
	size_t i, len = s->len;
	bool hands = false;
	int err;

	for (i = 0; i < code->insns_len && o.layout && !hands; i++)
		hands = o.layout->handed_of_cursor && off_hands_out(c, code, i);
	if (!o.layout || (first == len && special != LAYOUT_SCOPE_PUBLISH && !hands))
		return 0;
	err = scan_function(c->scan, symbol, -1, &o.index);
	for (i = first; i < len && !err; i++) {
		struct site site = s->list[i];

		if (site.what.event == MOQSTAT_EVENT_SESSION_BUMP)
			off_session_ends(c, &site);
		else if (site.what.event == MOQSTAT_EVENT_BUMP)
			err = off_site(&o, first, &site);
		s->list[i] = site;
	}
	if (!err && hands)
		err = off_meters(&o);
	if (!err && special == LAYOUT_SCOPE_OPEN)
		err = off_session(c, code, o.index, first);
	else if (!err && special == LAYOUT_SCOPE_PUBLISH)
		err = off_publish(&o);
	else if (!err && c->scan->layout->scope->resolves)
		err = resolve_off_sessions(c, code, o.index, which, special, first);
	else if (!err && which == LAYOUT_SESSION)
		err = off_names_root(c, code, o.index, first);
	return err;
}

/* What is counted where groups are handed out is bumped in what is called there. */
static void off_finish_meters(const struct scope *c)
{
	struct sites *s = c->scan->sites;
	uint64_t bump = 0;
	size_t i;

	for (i = 0; i < s->len; i++) {
		if (s->list[i].what.event == MOQSTAT_EVENT_BUMP &&
		    scope_which(c, s->functions[s->list[i].function].addr) == LAYOUT_SCOPE_METER)
			bump = s->list[i].bump;
	}
	for (i = 0; i < s->len; i++) {
		if (s->list[i].what.event == MOQSTAT_EVENT_BUMP && !s->list[i].bump)
			s->list[i].bump = bump;
	}
}

void off_finish(struct scope *c)
{
	const struct layout_off *l = c->off;
	struct sites *s = c->scan->sites;
	int32_t at;
	size_t i;

	off_finish_meters(c);
	for (i = 0; i < s->len && l; i++) {
		struct site *site = &s->list[i];

		if (site->what.event != MOQSTAT_EVENT_BUMP ||
		    site->what.handles != MOQSTAT_HANDLE_PATH || site->what.path.kind)
			continue;
		site->what.handles = 0;
		if (c->source && !c->sources_differ && off_is_part(site, 0, &at))
			off_by_scope(l, &site->what, site->guard.reg, at + c->source);
	}
}
