/* SPDX-License-Identifier: MIT */
/*
 * How the guard of each site can be told where its entry pointer is null: docs/adr/0007-guards.md.
 */
#include "scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "path_drop.h"

/* A path that is let go at most so many instructions before a guard belongs to it; and after. */
#define GUARD_BEFORE 12
#define GUARD_AFTER  24
/* Instructions that are looked at to find what a branch tests, and how E was come by. */
#define GUARD_TEST 8
#define GUARD_LINE 12

/* What is known of the function at hand. */
struct guard_function {
	struct scan *scan;
	const struct code *code;
	uint32_t index;
	bool named; /* if not, nothing says whether it is one */
	bool ietf;  /* of IETF moq-transport, where tables are keyed by relative paths */
	struct path_drop *drops;
	size_t drops_len;
};

static bool guard_written(const struct code *code, size_t from, size_t to, unsigned int reg)
{
	size_t i;

	for (i = from; i < to; i++) {
		if (reg != MOQSTAT_REG_NONE && (code->insns[i].writes & (1u << reg)))
			return true;
	}
	return false;
}

static bool guard_stored(const struct code *code, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++) {
		if (code->insns[i].stores)
			return true;
	}
	return false;
}

/* Where E was loaded from to a register. */
static bool guard_load(const struct code *code, size_t branch, unsigned int entry,
		       struct moqstat_operand *out)
{
	ptrdiff_t load = bump_writer(code, branch, entry);
	struct eval_value v;
	struct eval e;
	size_t start, first, i;

	if (load < 0 || code->insns[load].op != CODE_MOV ||
	    code->insns[load].src.kind != MOQSTAT_OPERAND_MEM)
		return false;
	for (start = load; start > 0 && load - start < GUARD_LINE; start--) {
		if (code_edges_to(code, start, &first) || code_ends(&code->insns[start - 1]) ||
		    code->insns[start - 1].op == CODE_CALL)
			break;
	}
	/* Later is better, so long as nothing that tells the address is changed on the way. */
	for (i = load + 1; i-- > start;) {
		size_t k;

		eval_init(&e);
		for (k = i; k < (size_t)load; k++)
			eval_step(&e, &code->insns[k]);
		v = eval_address(&e, &code->insns[load].src);
		if (eval_single(&v, out) && out->kind == MOQSTAT_OPERAND_REG) {
			if (!guard_written(code, i, branch, out->reg))
				return true;
		} else if (v.known && !v.chooses && v.terms_len == 1 && v.terms[0].factor == 1 &&
			   v.terms[0].atom.kind == MOQSTAT_OPERAND_MEM &&
			   v.terms[0].atom.width == 8 && v.constant == (int32_t)v.constant) {
			*out = v.terms[0].atom;
			out->kind = MOQSTAT_OPERAND_POINT;
			out->outer = v.constant;
			if (!guard_written(code, i, branch, out->reg) &&
			    !guard_written(code, i, branch, out->index) &&
			    !guard_stored(code, i, branch))
				return true;
		}
	}
	return false;
}

bool scan_guard_address(const struct code *code, size_t branch, const struct moqstat_operand *entry,
			struct moqstat_operand *out)
{
	struct moqstat_operand guard = *entry;

	if (entry->kind == MOQSTAT_OPERAND_REG) {
		if (!guard_load(code, branch, entry->reg, &guard))
			return false;
	} else if (entry->kind == MOQSTAT_OPERAND_MEM && entry->index == MOQSTAT_REG_NONE) {
		guard.kind = MOQSTAT_OPERAND_REG;
	} else {
		return false;
	}
	*out = guard;
	return true;
}

/* Is one register, right before the instruction at `at`, a copy of the other? */
static bool guard_copied(const struct code *code, size_t at, unsigned int to, unsigned int from)
{
	ptrdiff_t copy = bump_writer(code, at, to);

	return copy >= 0 && code->insns[copy].op == CODE_MOV && code->insns[copy].dst.width == 8 &&
	       code->insns[copy].src.kind == MOQSTAT_OPERAND_REG &&
	       code->insns[copy].src.width == 8 && code->insns[copy].src.reg == from &&
	       !guard_written(code, copy, at, from);
}

/* Does the branch depend on nothing but whether E is null? */
static bool guard_tests_entry(const struct code *code, size_t branch,
			      const struct moqstat_operand *entry)
{
	size_t i, first;
	ptrdiff_t load;

	if (entry->kind != MOQSTAT_OPERAND_REG && entry->kind != MOQSTAT_OPERAND_MEM)
		return false;
	for (i = branch; i > 0 && branch - i < GUARD_TEST; i--) {
		const struct code_insn *insn = &code->insns[i - 1];

		if (i < branch && code_edges_to(code, i, &first))
			return false;
		if (!insn->flags)
			continue;
		if (insn->op != CODE_TEST || insn->dst.kind != MOQSTAT_OPERAND_REG ||
		    insn->dst.width != 8 || !eval_operand_equal(&insn->dst, &insn->src))
			return false;
		if (entry->kind == MOQSTAT_OPERAND_REG &&
		    (insn->dst.reg == entry->reg ||
		     (guard_copied(code, i - 1, entry->reg, insn->dst.reg) &&
		      !guard_written(code, i - 1, branch, entry->reg)) ||
		     (guard_copied(code, i - 1, insn->dst.reg, entry->reg) &&
		      !guard_written(code, i - 1, branch, entry->reg))))
			return true;
		load = bump_writer(code, i - 1, insn->dst.reg);
		return load >= 0 && code->insns[load].op == CODE_MOV &&
		       code->insns[load].src.kind == MOQSTAT_OPERAND_MEM &&
		       code->insns[load].src.reg == entry->reg &&
		       code->insns[load].src.disp == entry->disp;
	}
	return false;
}

/* The instruction that set the flag which the set-instruction at `at` reads. */
static const struct code_insn *guard_flag_source(const struct code *code, ptrdiff_t at)
{
	ptrdiff_t i;

	for (i = at - 1; i >= 0 && at - i < GUARD_TEST; i--) {
		if (code->insns[i].flags)
			return &code->insns[i];
	}
	return NULL;
}

/* A branch on (E is null || not the first), both made bytes and joined: find the byte that says
 * "not the first". Its test looks at a count of 32 bits, the other one's at a pointer. */
static bool guard_not_first(const struct code *code, size_t branch, struct moqstat_operand *out)
{
	ptrdiff_t compare = branch, join, set;
	const struct code_insn *insn, *test;

	do
		compare--;
	while (compare >= 0 && !code->insns[compare].flags && branch - compare < GUARD_TEST);
	if (compare < 0)
		return false;
	insn = &code->insns[compare];
	if ((insn->op != CODE_CMP && insn->op != CODE_TEST) || insn->dst.width != 1 ||
	    insn->dst.kind != MOQSTAT_OPERAND_REG)
		return false;
	join = bump_writer(code, compare, insn->dst.reg);
	if (join < 0 || code->insns[join].src.kind != MOQSTAT_OPERAND_REG ||
	    code->insns[join].src.width != 1 || code->insns[join].src.reg == insn->dst.reg)
		return false;
	*out = code->insns[join].src;
	set = bump_writer(code, join, out->reg);
	test = set < 0 ? NULL : guard_flag_source(code, set);
	return test && test->op == CODE_TEST && test->dst.width == 4 &&
	       eval_operand_equal(&test->dst, &test->src) &&
	       !guard_written(code, join, branch, out->reg);
}

static struct site *guard_site(struct guard_function *g, size_t index)
{
	return &g->scan->sites->list[index];
}

/* Add a probe that reads the path there before it is gone. */
static int guard_add_peek(struct guard_function *g, const struct path_drop *drop, uint8_t handles)
{
	struct site peek = {
		.what = { .event = MOQSTAT_EVENT_PEEK, .handles = handles, .path = drop->object }
	};
	const struct code_insn *insn = &g->code->insns[drop->branch];
	size_t i;

	for (i = 0; i < g->scan->sites->len; i++) {
		const struct site *known = &g->scan->sites->list[i];

		if (known->what.event == MOQSTAT_EVENT_PEEK && known->addr == insn->addr)
			return 0;
	}
	return scan_add_site_at(g->scan, insn, g->index, &peek);
}

/* Is the guard all that its Arc holds? */
static bool guard_in_arc(const struct guard_function *g, const struct moqstat_site *what)
{
	return what->field == MOQSTAT_SUBSCRIPTIONS_CLOSED &&
	       what->guard.kind == MOQSTAT_OPERAND_REG &&
	       what->guard.disp == (int32_t)g->scan->layout->header;
}

/* Out of a table, by a key that is still there: the entry is what HashMap::remove(&map, &key) has
 * returned. */
static bool guard_removed(const struct guard_function *g, size_t branch,
			  struct moqstat_operand *path)
{
	const struct code_insn *set;
	const char *callee;
	ptrdiff_t at;
	size_t i, first;

	for (i = branch; i > 0 && branch - i < GUARD_LINE; i--) {
		if (code_edges_to(g->code, i, &first) || code_ends(&g->code->insns[i - 1]))
			return false;
		if (g->code->insns[i - 1].op == CODE_CALL)
			break;
	}
	callee = i && branch - i < GUARD_LINE ? scan_callee(g->scan, &g->code->insns[i - 1]) : NULL;
	if (!callee || !strstr(callee, "HashMap$") || !strstr(callee, "6remove17h"))
		return false;
	at = bump_writer(g->code, i - 1, CODE_ARG1);
	if (at < 0)
		return false;
	set = &g->code->insns[at];
	if (set->op == CODE_MOV && set->src.kind == MOQSTAT_OPERAND_REG && set->src.width == 8)
		*path = eval_register(set->src.reg, 0);
	else if (set->op == CODE_LEA && set->src.index == MOQSTAT_REG_NONE)
		*path = eval_register(set->src.reg, set->src.disp);
	else
		return false;
	return path->reg != MOQSTAT_REG_NONE && !guard_written(g->code, at, branch, path->reg);
}

/* A guard that is let go with its owner, beside a path of that owner. */
static int guard_beside_path(struct guard_function *g, size_t index, size_t branch)
{
	struct moqstat_site *what = &guard_site(g, index)->what;
	bool taken = g->code->insns[branch].cond == CODE_COND_ZERO;
	bool beyond = what->field == MOQSTAT_SUBSCRIPTIONS_CLOSED;
	size_t after_steps = 0, before_steps = 0;
	const struct path_drop *after, *before;
	struct moqstat_operand address;
	bool live;

	after = path_drop_after(g->code, g->drops, g->drops_len, branch, taken, beyond, &address,
				&after_steps);
	before = path_drop_before(g->code, g->drops, g->drops_len, branch, beyond, &before_steps);
	if (!beyond) {
		if (after && after_steps > GUARD_AFTER)
			after = NULL;
		/* Right behind, it is what the guard was looked up by; else what it was kept by. */
		if (before && before_steps > GUARD_BEFORE + before->more)
			before = NULL;
		if (after && after_steps > 1 && before)
			after = NULL;
		/* A guard that another has replaced: its path is only known where that is sure. */
		if (after && after_steps > 1 && what->role == MOQSTAT_PUBLISHER)
			after = NULL;
	} else if (after && before) {
		if (after_steps <= before_steps)
			before = NULL;
		else
			after = NULL;
	}
	live = after || (!before && !beyond && what->entry.kind == MOQSTAT_OPERAND_REG &&
			 what->entry.reg == CODE_RESULT && guard_removed(g, branch, &address));
	if (live) {
		what->handles |= MOQSTAT_HANDLE_PATH;
		what->path = address;
	} else if (before) {
		what->handles |= MOQSTAT_HANDLE_PEEK;
		return guard_add_peek(g, before, 0);
	} else if (!guard_in_arc(g, what)) {
		/* Paths are looked for by what ends their texts: without it, nothing tells. */
		if (g->scan->drops.arcs && !g->scan->drops.ends_len)
			what->handles = 0;
		else
			what->handles |= MOQSTAT_HANDLE_ODD;
	}
	return 0;
}

static int guard_close(struct guard_function *g, size_t index, size_t branch)
{
	struct moqstat_site *what = &guard_site(g, index)->what;
	bool announce = what->field == MOQSTAT_ANNOUNCED_CLOSED;

	if (announce && !g->named)
		return 0;
	if (announce && g->ietf && what->role == MOQSTAT_SUBSCRIBER) {
		if (what->guard.kind != MOQSTAT_OPERAND_NONE)
			what->handles |= MOQSTAT_HANDLE_OWNER;
		return 0;
	}
	if (what->guard.kind != MOQSTAT_OPERAND_NONE)
		what->handles |= MOQSTAT_HANDLE_GUARD;
	if (announce && g->ietf) {
		/* Out of a table that is let go, or out of the place that one was removed to. */
		if (strstr(g->scan->sites->functions[g->index].name, SCAN_IETF_ITEM))
			what->handles |= MOQSTAT_HANDLE_PEEK | MOQSTAT_HANDLE_KEY;
		return 0;
	}
	return guard_beside_path(g, index, branch);
}

/* BroadcastSubscription's drop: the object is whole. */
static void guard_subscription(const struct layout *l, struct moqstat_site *what)
{
	if (what->guard.kind != MOQSTAT_OPERAND_REG)
		return;
	what->path = what->guard;
	what->path.disp += (int32_t)l->path_of_subscription - (int32_t)l->entry_of_subscription;
	what->handles = MOQSTAT_HANDLE_PATH;
}

/* What begins, or is counted without a guard: of the path that has just been named, or is kept with
 * the entry. */
static int guard_begin(struct guard_function *g, size_t index, size_t branch, bool tests)
{
	struct moqstat_site *what = &guard_site(g, index)->what;
	bool named;
	int err;

	if (!tests && (!what->opens || !guard_not_first(g->code, branch, &what->skip)))
		return 0;
	err = scan_is_named(g->scan, g->code, branch, &named);
	if (!err && named)
		what->handles = MOQSTAT_HANDLE_PENDING;
	else if (!err && tests && scan_kept_path(g->scan, g->code, &what->guard, &what->path))
		what->handles = MOQSTAT_HANDLE_PATH;
	return err;
}

static int guard_bump(struct guard_function *g, size_t index)
{
	struct moqstat_site *what = &guard_site(g, index)->what;
	ptrdiff_t branch = code_find(g->code, guard_site(g, index)->addr);
	bool tests;

	if (branch < 0)
		return 0;
	tests = guard_tests_entry(g->code, branch, &what->entry);
	if (!scan_guard_address(g->code, branch, &what->entry, &what->guard))
		what->guard.kind = MOQSTAT_OPERAND_NONE;
	if (what->opens || what->field == MOQSTAT_ANNOUNCED_BYTES)
		return guard_begin(g, index, branch, tests);
	if (!tests)
		return 0;
	if (what->field == MOQSTAT_BROADCASTS_CLOSED)
		guard_subscription(g->scan->layout, what);
	else if (MOQSTAT_FIELD_CLOSES(what->field))
		return guard_close(g, index, branch);
	else if (what->guard.kind != MOQSTAT_OPERAND_NONE)
		what->handles = MOQSTAT_HANDLE_GUARD;
	return 0;
}

/* A session's guard stays where it was put. */
static void guard_session(struct guard_function *g, struct site *site)
{
	ptrdiff_t branch = code_find(g->code, site->addr);

	if (branch >= 0 && !site->what.opens &&
	    scan_guard_address(g->code, branch, &site->what.entry, &site->what.guard))
		site->what.handles = MOQSTAT_HANDLE_GUARD;
}

/* May a guard be closed in this function and nowhere else be told of? Only what drops a bare guard,
 * or a future that has one between two places. */
static bool guard_is_bare(const char *function, const struct moqstat_site *what)
{
	const char *of = strstr(function, "drop_in_place<");

	if (what->field == MOQSTAT_SUBSCRIPTIONS_CLOSED)
		return of && strstr(of, "<moq_net::stats::PublisherTrack>") == of + 13;
	return of || strstr(function, "FnOnce::call_once");
}

/* Elsewhere a guard without a handle is one that another has replaced: then the function closes
 * others that are told by their path. If it doesn't, their paths are let go in a way that isn't
 * known. */
static void guard_check_odd(struct guard_function *g, size_t first, size_t last)
{
	size_t i, k;

	for (i = first; i < last && g->named; i++) {
		struct moqstat_site *what = &guard_site(g, i)->what;
		bool told = guard_is_bare(g->scan->sites->functions[g->index].name, what);

		for (k = first; k < last && !told; k++) {
			const struct moqstat_site *other = &guard_site(g, k)->what;

			told = other->role == what->role && other->field == what->field &&
			       (other->handles & (MOQSTAT_HANDLE_PATH | MOQSTAT_HANDLE_PEEK));
		}
		if ((what->handles & MOQSTAT_HANDLE_ODD) && !told)
			what->handles = 0;
	}
}

/* A future that is instrumented has a name that doesn't tell what it is: the functions and types of
 * its protocol that it calls and drops do. */
static bool guard_is_ietf(const struct scan *s, const struct code *code, const char *function)
{
	static const char *const of[2][3] = {
		{ "7moq_net4ietf", "_$LT$moq_net..ietf..", "drop_in_place$LT$moq_net..ietf.." },
		{ "7moq_net4lite", "_$LT$moq_net..lite..", "drop_in_place$LT$moq_net..lite.." },
	};
	bool calls[2] = { false, false };
	size_t i, k;

	if (strstr(function, "moq_net::ietf::"))
		return true;
	if (!strstr(function, "Instrumented<"))
		return false;
	for (i = 0; i < code->insns_len; i++) {
		const char *name = scan_callee(s, &code->insns[i]);

		for (k = 0; name && k < 6; k++)
			calls[k / 3] |= strstr(name, of[k / 3][k % 3]) != NULL;
	}
	return calls[0] && !calls[1];
}

int scan_guards(struct scan *s, const struct code *code, size_t first)
{
	struct guard_function g = { .scan = s, .code = code };
	size_t i, last = s->sites->len;
	int err;

	if (first == last)
		return 0;
	g.index = s->sites->list[first].function;
	g.named = elf_file_name_at(s->file, code->addr);
	g.ietf = guard_is_ietf(s, code, s->sites->functions[g.index].name);
	err = path_drops_find(code, &s->drops, &g.drops, &g.drops_len);
	for (i = first; i < last && !err; i++) {
		if (s->sites->list[i].what.event == MOQSTAT_EVENT_BUMP)
			err = guard_bump(&g, i);
		else if (s->sites->list[i].what.event == MOQSTAT_EVENT_SESSION_BUMP)
			guard_session(&g, &s->sites->list[i]);
	}
	free(g.drops);
	if (!err)
		guard_check_odd(&g, first, last);
	if (!err)
		err = scan_skipped(s, code, first);
	return err ? err : scan_places(s, code, first, g.index, g.ietf);
}
