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

static void off_scope(const struct off *o, struct site *site)
{
	const struct layout_off *l = o->layout;
	const struct moqstat_operand *side = &site->what.side;
	int32_t at;

	if (!off_is_part(site, l->counters_of_scope, &at))
		return;
	/* Its side is where a scope has it, if it is read there: perhaps by another register. */
	if (side->kind == MOQSTAT_OPERAND_MEM && side->disp != at + (int32_t)l->side_of_scope)
		return;
	off_by_scope(l, &site->what, site->guard.reg, at);
}

static void off_group(const struct off *o, struct site *site)
{
	const struct layout_off *l = o->layout;

	off_scope(o, site);
	if (!site->what.handles)
		return;
	site->what.handles |= MOQSTAT_HANDLE_ACCOUNT;
	site->what.guard = scope_operand(MOQSTAT_OPERAND_DEREF, site->guard.reg,
					 site->what.skip.disp + (int32_t)l->state_of_track,
					 (int32_t)l->account_of_state);
}

static void off_account(const struct layout_shows *shows, struct site *site)
{
	int32_t at;

	if (!off_is_part(site, 0, &at))
		return;
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

static int off_called(const struct off *o, const struct layout_shows *shows, struct site *site)
{
	struct site begin = { .what = { .event = MOQSTAT_EVENT_CALL } };
	int32_t frame = off_frame(o->code);
	unsigned int argument;
	int err = off_argument(o, shows->at, &argument);

	if (err)
		return err;
	if (frame < 0 || argument == MOQSTAT_REG_NONE || !off_is_level(o->code))
		return 0;
	site->what.handles = MOQSTAT_HANDLE_CALL;
	site->what.guard = eval_register(CODE_STACK, frame);
	if (off_has(o, o->code->addr, MOQSTAT_EVENT_CALL))
		return 0;
	off_by_scope(o->layout, &begin.what, argument, shows->at);
	begin.what.handles = 0;
	begin.what.guard = eval_register(CODE_STACK, 0);
	return off_add(o, &o->code->insns[0], &begin);
}

/* ---- announcements that end ---- */

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

static void off_subscribes(const struct off *o, struct site *site)
{
	/* Counted with the first subscription. */
	if (site->what.field == MOQSTAT_BROADCASTS) {
		site->what.handles = MOQSTAT_HANDLE_VIEWER;
		return;
	}
	off_scope(o, site);
	if (site->what.handles)
		site->what.handles |= MOQSTAT_HANDLE_VIEWER;
	site->what.opens = 1;
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
			off_subscribes(o, site);
		else
			off_unsubscribes(o, site);
		return 0;
	}
	if (shows)
		way = off_ends(s, first, site) ? shows->ends : shows->way;
	if (site->what.field == MOQSTAT_ANNOUNCED)
		site->what.opens = 1;
	if (way == LAYOUT_WAY_SCOPE)
		off_scope(o, site);
	else if (way == LAYOUT_WAY_GROUP)
		off_group(o, site);
	else if (way == LAYOUT_WAY_ACCOUNT)
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
	int err;

	if (!o.layout || (first == len && special != LAYOUT_SCOPE_PUBLISH))
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
	if (!err && special == LAYOUT_SCOPE_OPEN)
		err = off_session(c, code, o.index, first);
	else if (!err && special == LAYOUT_SCOPE_PUBLISH)
		err = off_publish(&o);
	else if (!err && which == LAYOUT_SESSION)
		err = off_names_root(c, code, o.index, first);
	return err;
}

void off_finish(struct scope *c)
{
	const struct layout_off *l = c->off;
	struct sites *s = c->scan->sites;
	int32_t at;
	size_t i;

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
