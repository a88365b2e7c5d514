/* SPDX-License-Identifier: MIT */
/*
 * Layouts whose tiers are labels: an entry has the counters of one broadcast and tier, a pair for
 * each field, and is made and named in few places: docs/relay-0.14.md. Functions are found by name.
 */
#include "scan_scope.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void scope_lack(struct scope *c, const char *format, ...)
{
	va_list args;

	if (c->lacks)
		return;
	c->lacks = true;
	va_start(args, format);
	vsnprintf(c->scan->missing, sizeof(c->scan->missing), format, args);
	va_end(args);
}

/* ---- functions ---- */

/* Which function a symbol is, or -1; -ENOMEM. */
static int scope_by_name(const struct scope *c, const struct elf_symbol *symbol)
{
	const char *const *functions = c->scan->layout->scope->functions;
	int i, which = -1;
	char *name;

	/* Demangling tens of thousands of names would take longer than all the rest. */
	if (!strstr(symbol->name, "moq_net") ||
	    (!strstr(symbol->name, "stats") && !strstr(symbol->name, "path") &&
	     !strstr(symbol->name, "publish") && !strstr(symbol->name, "sync_announce") &&
	     !strstr(symbol->name, "with_meter")))
		return -1;
	name = elf_demangle(symbol->name);
	if (!name)
		return -ENOMEM;
	for (i = 0; i < LAYOUT_SCOPE_FUNCTION_MAX; i++) {
		if (functions[i] && !strcmp(name, functions[i]))
			which = i;
	}
	free(name);
	return which;
}

static int scope_find(struct scope *c)
{
	size_t i, len;
	const struct elf_symbol *symbols = elf_file_symbols(c->scan->file, &len);
	struct scan_found *grown;
	int which;

	for (i = 0; i < len; i++) {
		which = scope_by_name(c, &symbols[i]);
		if (which == -ENOMEM)
			return which;
		if (which < 0)
			continue;
		grown = scan_grow(c->list, c->len, &c->room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		c->list = grown;
		grown[c->len++] = (struct scan_found){ .addr = symbols[i].addr, .which = which };
	}
	return 0;
}

int scope_which(const struct scope *c, uint64_t addr)
{
	return addr ? scan_found_at(c->list, c->len, addr) : -1;
}

uint64_t scope_target(const struct scope *c, uint64_t target, uint64_t slot)
{
	const char *import;

	if (!target && slot && elf_file_slot(c->scan->file, slot, &target, &import))
		return 0;
	return target;
}

int scope_callee(const struct scope *c, const struct code_insn *insn)
{
	return insn->op == CODE_CALL ? scope_which(c, scope_target(c, insn->target, insn->slot))
				     : -1;
}

bool scope_is_wrapper(int which)
{
	return which == LAYOUT_SCOPE_EGRESS || which == LAYOUT_SCOPE_INGRESS;
}

static bool scope_has(const struct scope *c, enum layout_scope_function which)
{
	size_t i;

	for (i = 0; i < c->len; i++) {
		if (c->list[i].which == (int)which)
			return true;
	}
	return false;
}

/* ---- who makes entries and sessions ---- */

/* Is it one that is only to be called where something has just been named, or is at hand? */
static bool scope_is_guarded(int which)
{
	return which == LAYOUT_SCOPE_TIER || which == LAYOUT_SCOPE_OPEN ||
	       which == LAYOUT_SCOPE_METER;
}

/* Does a function look as if it calls one of these? */
static bool scope_may_call(const struct scope *c, const uint8_t *bytes,
			   const struct elf_symbol *symbol)
{
	struct code_branch branch;
	uint64_t at = 0;

	while (code_next_branch(bytes, symbol->size, symbol->addr, &at, &branch)) {
		if (scope_is_guarded(scope_which(c, scope_target(c, branch.target, branch.slot))))
			return true;
	}
	return false;
}

/* Sessions opened by something else are counted for nobody, or for another root. */
static int scope_open_elsewhere(struct scope *c, const struct code_insn *call)
{
	struct sites_unprobed u = { .bump = call->addr,
				    .session = true,
				    .field = MOQSTAT_SESSIONS,
				    .reason =
					    "the function that names roots is not what opens it" };

	return scan_add_unprobed(c->scan, &u);
}

/* Whoever calls, or jumps to, one of these must name what is made there. */
static int scope_callers(struct scope *c, const struct code *code, int which)
{
	int callee, err = 0;
	size_t i;

	for (i = 0; i < code->insns_len && !err; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op != CODE_CALL && insn->op != CODE_JMP && insn->op != CODE_JCC)
			continue;
		callee = scope_which(c, scope_target(c, insn->target, insn->slot));
		if (callee == LAYOUT_SCOPE_TIER && which != LAYOUT_ENTRY)
			scope_lack(c, "only its %s that makes entries: what is at 0x%llx does, too",
				   c->scan->layout->functions[LAYOUT_ENTRY],
				   (unsigned long long)code->addr);
		else if (callee == LAYOUT_SCOPE_OPEN && which != LAYOUT_SESSION)
			err = scope_open_elsewhere(c, insn);
	}
	return err;
}

/* ---- all of them ---- */

/* Where sessions are opened by what names them: is it that? */
static bool scope_opens(const struct scope *c, const struct code *code, int which, int special,
			size_t bump)
{
	const struct code_insn *insn = &code->insns[bump];

	return c->scan->layout->scope->resolves &&
	       (which == LAYOUT_SESSION || special == LAYOUT_SCOPE_MOVE) && insn->op == CODE_INC &&
	       insn->dst.index == MOQSTAT_REG_NONE &&
	       insn->dst.disp == (int32_t)c->scan->layout->session_open;
}

static int scope_bumps(struct scope *c, const struct code *code, const struct elf_symbol *symbol,
		       int which, int special)
{
	bool closes;
	int err = 0;
	size_t i;

	for (i = 0; i < code->insns_len && !err; i++) {
		if (!bump_is(&code->insns[i]))
			continue;
		if (special == LAYOUT_SCOPE_OPEN || scope_opens(c, code, which, special, i)) {
			err = scan_session_bump(c->scan, code, symbol, i, true);
			continue;
		}
		err = scope_close(c, code, symbol, i, &closes);
		if (!err && !closes)
			err = scan_pair_bump(c->scan, code, symbol, i);
	}
	return err;
}

static int scope_resolving(struct scope *c, const struct code *code,
			   const struct elf_symbol *symbol, int which, int special)
{
	uint32_t function;
	int err;

	if (which != LAYOUT_ENTRY && strstr(symbol->name, "moq_net") &&
	    strstr(symbol->name, "stats") && resolve_makes(c, code))
		scope_lack(c, "only its %s that makes entries: what is at 0x%llx does, too",
			   c->scan->layout->functions[LAYOUT_ENTRY],
			   (unsigned long long)code->addr);
	if (which < 0 && special != LAYOUT_SCOPE_REPORT && special != LAYOUT_SCOPE_ROOTS &&
	    special != LAYOUT_SCOPE_MOVE)
		return 0;
	err = scan_function(c->scan, symbol, which, &function);
	if (!err && which == LAYOUT_ENTRY)
		err = resolve_entry(c, code, function);
	else if (!err && special == LAYOUT_SCOPE_REPORT)
		err = resolve_report(c, code, function);
	else if (!err && (which == LAYOUT_SESSION || which < 0))
		err = resolve_roots(c, code, function, which, special);
	return err;
}

static int scope_function(struct scope *c, const struct code *code, const struct elf_symbol *symbol,
			  int which, int special)
{
	uint32_t function;
	int err = 0;

	if (c->scan->layout->scope->resolves)
		return scope_resolving(c, code, symbol, which, special);
	if (which >= 0 || scope_is_guarded(special) || special == LAYOUT_SCOPE_REPORT)
		err = scan_function(c->scan, symbol, which, &function);
	if (!err && which == LAYOUT_ENTRY)
		err = scope_entry(c, code, function);
	else if (!err && which == LAYOUT_SESSION)
		err = scope_session(c, code, function);
	else if (!err && special == LAYOUT_SCOPE_TIER)
		err = scan_made(c->scan, code, function,
				(int32_t)layout_entry_size(c->scan->layout),
				MOQSTAT_EVENT_ENTRY_NEW);
	else if (!err && special == LAYOUT_SCOPE_REPORT)
		err = scope_report(c, code, function);
	if (special == LAYOUT_SCOPE_REGISTRY)
		scope_registry(c, code);
	return err;
}

/* Does it call what makes entries? */
static bool scope_makes(const struct scope *c, const struct code *code)
{
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		if (scope_callee(c, &code->insns[i]) == LAYOUT_SCOPE_TIER)
			return true;
	}
	return false;
}

static int scope_symbol(void *scope, const struct elf_symbol *symbol)
{
	struct scope *c = scope;
	const uint8_t *bytes = elf_file_bytes(c->scan->file, symbol->addr, symbol->size);
	int which = scan_which(c->scan, symbol->addr), special = scope_which(c, symbol->addr);
	size_t first = c->scan->sites->len;
	struct code code;
	bool calls;
	int err;

	if (!bytes)
		return 0;
	calls = scope_may_call(c, bytes, symbol);
	if (!calls && which < 0 && special < 0 && !code_may_bump(bytes, symbol->size) &&
	    !(c->scan->layout->scope->resolves && strstr(symbol->name, "moq_net") &&
	      strstr(symbol->name, "stats")))
		return 0;
	err = code_init(c->scan->file, symbol->addr, symbol->size, &code);
	if (err)
		return err;
	if (scope_is_wrapper(special) && scope_makes(c, &code))
		which = LAYOUT_ENTRY;
	if (code.insns_len)
		err = scope_function(c, &code, symbol, which, special);
	if (!err && calls)
		err = scope_callers(c, &code, which);
	if (!err)
		err = scope_bumps(c, &code, symbol, which, special);
	if (!err)
		err = off_function(c, &code, symbol, which, special, first);
	off_note_source(c, &code);
	code_deinit(&code);
	return err;
}

/* ---- what must be there ---- */

/* Functions whose names say what they count, and nothing else. */
static void scope_fields(struct scope *c)
{
	const struct sites *s = c->scan->sites;
	size_t i;

	for (i = 0; i < s->len; i++) {
		const struct moqstat_site *what = &s->list[i].what;
		int role = s->functions[s->list[i].function].role;

		if (what->event != MOQSTAT_EVENT_BUMP ||
		    (role != LAYOUT_SUBSCRIBE && role != LAYOUT_UNSUBSCRIBE))
			continue;
		if (what->field != (role == LAYOUT_SUBSCRIBE ? MOQSTAT_SUBSCRIPTIONS
							     : MOQSTAT_SUBSCRIPTIONS_CLOSED) &&
		    what->field != (role == LAYOUT_SUBSCRIBE ? MOQSTAT_BROADCASTS
							     : MOQSTAT_BROADCASTS_CLOSED))
			scope_lack(c, "a %s that bumps %s", s->layout->functions[role],
				   layout_field_name(what->field));
	}
}

static size_t scope_events(const struct scope *c, enum moqstat_event event)
{
	size_t i, n = 0;

	for (i = 0; i < c->scan->sites->len; i++)
		n += c->scan->sites->list[i].what.event == event;
	return n;
}

static void scope_recognise(struct scope *c)
{
	const struct layout *l = c->scan->layout;
	const struct sites *s = c->scan->sites;

	if (!c->entries_there)
		scope_lack(c, "no table where its %s would find one", l->functions[LAYOUT_ENTRY]);
	if ((sites_functions(s, LAYOUT_SESSION) || l->scope->resolves) && !c->roots_there)
		scope_lack(c, "no table where its %s would find one", l->functions[LAYOUT_SESSION]);
	if (!scope_events(c, MOQSTAT_EVENT_ENTRY_NEW))
		scope_lack(c, "nothing in its %s that allocates entries of %u bytes",
			   l->scope->resolves ? l->functions[LAYOUT_ENTRY]
					      : l->scope->functions[LAYOUT_SCOPE_TIER],
			   layout_entry_size(l));
	if (l->scope->resolves && !scope_events(c, MOQSTAT_EVENT_SESSION_NEW))
		scope_lack(c, "nothing that allocates a root's counters of %u bytes",
			   l->session_size);
	if (scope_events(c, MOQSTAT_EVENT_BUMP) < SITES_STRIDES_MIN)
		scope_lack(c, "too few bumps of counters that are %u bytes apart", l->stride);
	if (s->len > MOQSTAT_SITES_MAX)
		scope_lack(c, "more than %d places to probe", MOQSTAT_SITES_MAX);
}

/* Is the function that names entries there, and what makes them? */
static void scope_begin(struct scope *c)
{
	const struct layout *l = c->scan->layout;
	size_t i;

	for (i = 0; i < c->scan->found_len && c->scan->found[i].which != LAYOUT_ENTRY; i++)
		;
	if (i == c->scan->found_len) {
		scope_lack(c, "no %s", l->functions[LAYOUT_ENTRY]);
		return;
	}
	/* More than the others have been told by, which have none of these names; but both of these
	 * have that of the first. */
	c->scan->passed = l->scope->resolves ? 3 : 2;
	if (!l->scope->resolves && !scope_has(c, LAYOUT_SCOPE_TIER))
		scope_lack(c, "no %s", l->scope->functions[LAYOUT_SCOPE_TIER]);
}

int scan_scoped(struct scan *s, sites_progress progress, void *arg, bool *fits)
{
	struct scope c = { .scan = s };
	int err = scan_find_named(s);

	if (!err)
		err = scope_find(&c);
	if (!err)
		scope_begin(&c);
	if (!err && !c.lacks)
		off_begin(&c);
	if (!err && !c.lacks)
		err = scan_each(s->file, progress, arg, scope_symbol, &c);
	if (!err && !c.lacks)
		scope_fields(&c);
	if (!err && !c.lacks)
		off_finish(&c);
	if (!err && !c.lacks)
		scope_recognise(&c);
	free(c.list);
	*fits = !err && !c.lacks;
	return err;
}
