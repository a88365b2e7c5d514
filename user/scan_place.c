/* SPDX-License-Identifier: MIT */
/*
 * Where guards are put, taken from and kept, for the sites that are told by such a place.
 */
#include "scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "path_drop.h"

/* Instructions from the opening bump to the allocation of its guard's Arc; to what is stored of
 * it; and from a call to the store of what it returns. */
#define PLACE_NEAR   45
#define PLACE_WALK   90
#define PLACE_STORES 48
#define PLACE_RESULT 6

/* Does a register point into the function's own frame? The stack pointer does, and who was set from
 * it before anything else happens, if it keeps that until it is given back (by a pop, or leave). */
static bool place_in_frame(const struct code *code, unsigned int reg)
{
	bool set = false;
	size_t i;

	if (reg >= MOQSTAT_REG_NONE)
		return false;
	if (reg == CODE_STACK)
		return true;
	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (!set && (insn->op == CODE_JCC || insn->op == CODE_CALL || code_ends(insn)))
			return false;
		if (!(insn->writes & (1u << reg)))
			continue;
		if (!set && (insn->op == CODE_MOV || insn->op == CODE_LEA) &&
		    insn->src.reg == CODE_STACK && insn->src.index == MOQSTAT_REG_NONE &&
		    insn->src.kind ==
			    (insn->op == CODE_MOV ? MOQSTAT_OPERAND_REG : MOQSTAT_OPERAND_MEM))
			set = true;
		else if (!set || !(insn->writes & (1u << CODE_STACK)))
			return false;
	}
	return set;
}

static int place_add(struct scan *s, const struct code_insn *insn, uint32_t function,
		     const struct moqstat_site *what)
{
	struct site site = { .what = *what };

	return scan_add_site_at(s, insn, function, &site);
}

/* A guard in an Arc: the allocation's branch tells where. `path` is NULL where the thread has just
 * named it. */
static int place_arc(struct scan *s, const struct code *code, uint32_t function, size_t branch,
		     const struct moqstat_operand *path)
{
	struct moqstat_site what = {
		.event = MOQSTAT_EVENT_PLACE,
		.when = MOQSTAT_WHEN_NONZERO,
		.handles = path ? MOQSTAT_HANDLE_PATH : MOQSTAT_HANDLE_PENDING,
		.guard = eval_register(CODE_RESULT, s->layout->header),
	};

	if (path)
		what.path = *path;
	return place_add(s, &code->insns[branch], function, &what);
}

bool scan_returns(const struct code *code, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op == CODE_RET)
			return true;
		if (insn->op == CODE_JCC || insn->op == CODE_CALL || code_ends(insn))
			break;
	}
	return false;
}

/* Is a register changed by one of those instructions, other than to give it back? */
static bool place_written(const struct code *code, size_t from, size_t to, unsigned int reg)
{
	size_t i;

	for (i = from; i < to; i++) {
		if ((code->insns[i].writes & (1u << reg)) && !scan_returns(code, i, to))
			return true;
	}
	return false;
}

struct place_store {
	struct eval_value address;
	struct eval_value value;
};

/* What was stored at an address, if one and the same address. */
static const struct place_store *place_stored(const struct place_store *stores, size_t len,
					      const struct eval_value *address, int64_t above)
{
	int64_t gap;

	while (len-- > 0) {
		if (eval_distance(&stores[len].address, address, &gap) && gap == above)
			return &stores[len];
	}
	return NULL;
}

/* What is known while going on from a branch. */
struct place_line {
	struct eval e;
	struct place_store stores[PLACE_STORES];
	size_t len;
	struct eval_value vectors[CODE_VECTORS][2]; /* words of those that something was read to */
	bool loaded[CODE_VECTORS];
};

static void place_note(struct place_line *l, const struct eval_value *address,
		       const struct eval_value *value)
{
	if (l->len < PLACE_STORES)
		l->stores[l->len++] = (struct place_store){ *address, *value };
}

/* A copy by way of a vector register, word by word. */
static void place_copy(struct place_line *l, const struct code_insn *insn)
{
	bool to = insn->dst.kind == MOQSTAT_OPERAND_MEM;
	struct moqstat_operand word = to ? insn->dst : insn->src;
	struct eval_value *vector = l->vectors[insn->vector - 1];
	const struct place_store *found;
	struct eval_value address;
	unsigned int i;

	if (to && !l->loaded[insn->vector - 1])
		return;
	word.width = 8;
	for (i = 0; i < 2; i++, word.disp += 8) {
		address = eval_address(&l->e, &word);
		if (to) {
			place_note(l, &address, &vector[i]);
			continue;
		}
		found = place_stored(l->stores, l->len, &address, 0);
		vector[i] = found ? found->value : eval_operand(&l->e, &word);
	}
	l->loaded[insn->vector - 1] = true;
}

static void place_forget(struct place_line *l, const struct code_insn *insn)
{
	unsigned int i;

	for (i = 0; i < CODE_VECTORS; i++)
		l->loaded[i] = l->loaded[i] && !(insn->vectors & (1u << i));
}

/* Go on from an opening branch, as when E is null, until E is stored behind something else that
 * is: that word is the guard's owner. */
static bool place_owner_on(const struct code *code, size_t branch, unsigned int entry,
			   struct place_line *l, struct moqstat_operand *out)
{
	const struct place_store *found;
	struct eval_value e_value, address, value;
	const struct code_insn *insn;
	struct eval *e = &l->e;
	size_t steps;
	ptrdiff_t at;

	at = code->insns[branch].cond == CODE_COND_ZERO
		     ? code_find(code, code->insns[branch].target)
		     : (ptrdiff_t)branch + 1;
	eval_init(e);
	e_value = e->regs[entry];
	for (steps = 0; at >= 0 && (size_t)at < code->insns_len && steps < PLACE_WALK; steps++) {
		insn = &code->insns[at];
		if (insn->op == CODE_JMP && insn->target) {
			at = code_find(code, insn->target);
			continue;
		}
		if (code_ends(insn))
			return false;
		at++;
		place_forget(l, insn);
		if (insn->vector)
			place_copy(l, insn);
		if (insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_MEM &&
		    insn->dst.width == 8) {
			address = eval_address(e, &insn->dst);
			if (insn->src.kind == MOQSTAT_OPERAND_REG &&
			    eval_equal(&e->regs[insn->src.reg], &e_value) &&
			    !place_in_frame(code, insn->dst.reg)) {
				found = place_stored(l->stores, l->len, &address, 8);
				return found && eval_single(&found->value, out);
			}
			value = eval_operand(e, &insn->src);
			place_note(l, &address, &value);
			eval_step(e, insn);
			continue;
		}
		found = NULL;
		if (insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_REG &&
		    insn->dst.width == 8 && insn->src.kind == MOQSTAT_OPERAND_MEM) {
			address = eval_address(e, &insn->src);
			found = place_stored(l->stores, l->len, &address, 0);
		}
		eval_step(e, insn);
		if (found)
			e->regs[insn->dst.reg] = found->value;
	}
	return false;
}

static bool place_owner(const struct code *code, size_t branch, unsigned int entry,
			struct moqstat_operand *out)
{
	struct place_line l = { .len = 0 };

	return place_owner_on(code, branch, entry, &l, out);
}

/* A broadcast announced to an IETF subscriber: its guard lies behind the broadcast's producer. */
static int place_ietf_subscriber(struct scan *s, const struct code *code, size_t branch,
				 const struct site *opening)
{
	struct moqstat_site what = {
		.event = MOQSTAT_EVENT_PLACE,
		.handles = MOQSTAT_HANDLE_PENDING | MOQSTAT_HANDLE_OWNER,
	};

	if (opening->what.entry.kind != MOQSTAT_OPERAND_REG ||
	    !place_owner(code, branch, opening->what.entry.reg, &what.guard))
		return 0;
	return place_add(s, &code->insns[branch], opening->function, &what);
}

static bool place_calls(const struct scan *s, const struct code_insn *insn, const char *type,
			const char *function)
{
	const char *name = insn->op == CODE_CALL ? scan_callee(s, insn) : NULL;

	return name && strstr(name, type) && strstr(name, function);
}

/* A broadcast announced by an IETF publisher: its guard goes into a table. */
static int place_ietf_publisher(struct scan *s, const struct code *code, size_t branch,
				const struct site *opening)
{
	struct moqstat_site what = {
		.event = MOQSTAT_EVENT_INSERT,
		.guard = eval_register(CODE_TO_ARG0, 0),
		.path = eval_register(CODE_TO_ARG1, 0),
	};
	ptrdiff_t at = code->insns[branch].cond == CODE_COND_ZERO
			       ? code_find(code, code->insns[branch].target)
			       : (ptrdiff_t)branch + 1;
	size_t steps;

	for (steps = 0; at >= 0 && (size_t)at < code->insns_len && steps < PLACE_WALK; steps++) {
		const struct code_insn *insn = &code->insns[at];

		if (insn->op == CODE_JMP && insn->target) {
			at = code_find(code, insn->target);
			continue;
		}
		if (place_calls(s, insn, "7HashMap", "6insert") ||
		    place_calls(s, insn, "HashMap$", "6insert"))
			return place_add(s, insn, opening->function, &what);
		if (code_ends(insn))
			break;
		at++;
	}
	return 0;
}

/* Where such a guard is taken out again: into one of the places that this function closes it at. */
static int place_removals(struct scan *s, const struct code *code, size_t first, uint32_t function)
{
	struct moqstat_site what = {
		.event = MOQSTAT_EVENT_REMOVE,
		.guard = eval_register(CODE_TO_ARG0, 0),
		.path = eval_register(CODE_TO_ARG2, 0),
	};
	struct moqstat_operand *slots[] = { &what.entry, &what.side };
	size_t i, len = 0;
	int err = 0;

	for (i = first; i < s->sites->len && len < 2; i++) {
		const struct moqstat_site *site = &s->sites->list[i].what;

		if (site->event == MOQSTAT_EVENT_BUMP && site->role == MOQSTAT_PUBLISHER &&
		    site->field == MOQSTAT_ANNOUNCED_CLOSED &&
		    site->guard.kind != MOQSTAT_OPERAND_NONE &&
		    !(site->guard.kind == MOQSTAT_OPERAND_REG &&
		      place_in_frame(code, site->guard.reg)))
			*slots[len++] = site->guard;
	}
	for (i = 0; i < code->insns_len && len && !err; i++) {
		/* remove_entry(ret, &table, hash, &key) or, around it, remove(ret, &map, &key). */
		what.path = eval_register(CODE_TO_ARG2, 0);
		if (place_calls(s, &code->insns[i], "7HashMap", "6remove") ||
		    place_calls(s, &code->insns[i], "HashMap$", "6remove"))
			what.path = eval_register(CODE_TO_ARG1, 0);
		else if (!place_calls(s, &code->insns[i], "RawTable", "12remove_entry"))
			continue;
		err = place_add(s, &code->insns[i], function, &what);
	}
	return err;
}

/* Where a session's guard is put: what StatsHandle::session(&self, &root) returns is stored there.
 */
static int place_session(struct scan *s, const struct code *code, size_t call, uint32_t function)
{
	struct moqstat_site what = {
		.event = MOQSTAT_EVENT_SESSION_PLACE,
		.handles = MOQSTAT_HANDLE_GUARD,
		.path = eval_register(CODE_ARG1, 0),
		.tier = { .kind = MOQSTAT_OPERAND_MEM,
			  .reg = CODE_ARG0,
			  .index = MOQSTAT_REG_NONE,
			  .scale = 1,
			  .width = 1,
			  .disp = s->layout->tier_of_handle },
	};
	size_t i;

	what.side = what.tier;
	what.side.width = 8;
	what.side.disp = s->layout->shared_of_stats;
	for (i = call + 1; i < code->insns_len && i <= call + PLACE_RESULT; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_MEM &&
		    insn->dst.width == 8 && insn->dst.index == MOQSTAT_REG_NONE &&
		    insn->src.kind == MOQSTAT_OPERAND_REG && insn->src.reg == CODE_RESULT) {
			if (insn->dst.reg == MOQSTAT_REG_NONE ||
			    place_written(code, call, i, insn->dst.reg))
				break;
			what.guard = eval_register(insn->dst.reg, insn->dst.disp);
			return place_add(s, &code->insns[call], function, &what);
		}
		if (insn->writes & (1u << CODE_RESULT))
			break;
	}
	return 0;
}

static bool place_known(const struct scan *s, size_t first, uint64_t addr)
{
	size_t i;

	for (i = first; i < s->sites->len; i++) {
		if (s->sites->list[i].what.event == MOQSTAT_EVENT_PLACE &&
		    s->sites->list[i].addr == addr)
			return true;
	}
	return false;
}

/* Calls that tell of places, whatever they open. */
static int place_call(struct scan *s, const struct code *code, size_t call, size_t first,
		      uint32_t function)
{
	const struct code_insn *insn = &code->insns[call];
	struct moqstat_operand path;
	ptrdiff_t at;
	size_t from;

	switch (scan_callee_which(s, insn)) {
	case LAYOUT_SESSION:
		return place_session(s, code, call, function);
	case LAYOUT_SUBSCRIBE:
		/* What it returns has the path. */
		at = bump_writer(code, call, CODE_RETURNS_TO);
		if (at < 0 || code->insns[at].op != CODE_LEA ||
		    code->insns[at].src.index != MOQSTAT_REG_NONE)
			return 0;
		path = eval_register(code->insns[at].src.reg,
				     code->insns[at].src.disp +
					     (int32_t)s->layout->path_of_subscription);
		from = at + 1;
		at = scan_allocation(code, call, code->insns_len,
				     s->layout->header + s->layout->guard_size);
		if (at < 0 || place_known(s, first, code->insns[at].addr) ||
		    path.reg == MOQSTAT_REG_NONE || place_written(code, from, at, path.reg))
			return 0;
		return place_arc(s, code, function, at, &path);
	default:
		return 0;
	}
}

int scan_places(struct scan *s, const struct code *code, size_t first, uint32_t function, bool ietf)
{
	size_t i, last = s->sites->len;
	bool publishes = false;
	ptrdiff_t at, branch;
	int err = 0;

	for (i = first; i < last && !err; i++) {
		struct site opening = s->sites->list[i];

		branch = code_find(code, opening.addr);
		if (opening.what.event != MOQSTAT_EVENT_BUMP || !opening.what.opens || branch < 0)
			continue;
		publishes |= opening.what.field == MOQSTAT_ANNOUNCED && ietf &&
			     opening.what.role == MOQSTAT_PUBLISHER;
		/* What has no name where it is opened has none where it is put. */
		if (!opening.what.handles)
			continue;
		if (opening.what.field == MOQSTAT_SUBSCRIPTIONS) {
			at = scan_allocation(code, branch, branch + PLACE_NEAR,
					     s->layout->header + s->layout->guard_size);
			if (at >= 0)
				err = place_arc(s, code, function, at, NULL);
		} else if (opening.what.field == MOQSTAT_ANNOUNCED && ietf) {
			if (opening.what.role == MOQSTAT_SUBSCRIBER)
				err = place_ietf_subscriber(s, code, branch, &opening);
			else
				err = place_ietf_publisher(s, code, branch, &opening);
		}
	}
	if (publishes && !err)
		err = place_removals(s, code, first, function);
	for (i = 0; i < code->insns_len && !err; i++) {
		if (code->insns[i].op == CODE_CALL && code->insns[i].target)
			err = place_call(s, code, i, first, function);
	}
	return err;
}

/* Does the function call one that closes guards of IETF publishers? */
static bool place_closes_guards(const struct scan *s, const struct code *code)
{
	size_t i, k;

	for (i = 0; i < code->insns_len; i++) {
		if (code->insns[i].op != CODE_CALL || !code->insns[i].target)
			continue;
		for (k = 0; k < s->sites->functions_len; k++) {
			if (s->sites->functions[k].addr == code->insns[i].target &&
			    strstr(s->sites->functions[k].name,
				   "(moq_net::ietf::request::RequestId"))
				return true;
		}
	}
	return false;
}

/* A table's drop: which table, and each key before it goes. */
static int place_table(struct scan *s, const struct code *code, const struct elf_symbol *symbol)
{
	struct moqstat_site what = { .event = MOQSTAT_EVENT_TABLE,
				     .guard = eval_register(CODE_ARG0, 0) };
	struct moqstat_site peek = { .event = MOQSTAT_EVENT_PEEK, .handles = MOQSTAT_HANDLE_KEY };
	struct path_drop *drops;
	uint32_t function;
	size_t i, len;
	int err = path_drops_find(code, &s->drops, &drops, &len);

	if (err)
		return err;
	err = scan_function(s, symbol, -1, &function);
	if (!err)
		err = place_add(s, &code->insns[0], function, &what);
	for (i = 0; i < len && !err; i++) {
		/* Another function's, with a Stats: no key. */
		if (drops[i].object.kind == MOQSTAT_OPERAND_NONE)
			continue;
		peek.path = drops[i].object;
		err = place_add(s, &code->insns[drops[i].branch], function, &peek);
	}
	free(drops);
	return err;
}

int scan_tables(struct scan *s)
{
	size_t i, len;
	const struct elf_symbol *symbols = elf_file_symbols(s->file, &len);
	uint64_t last = 0;
	struct code code;
	int err = 0;

	for (i = 0; i < len && !err; i++) {
		if (symbols[i].addr == last || !strstr(symbols[i].name, "RawTable") ||
		    !strstr(symbols[i].name, "4drop"))
			continue;
		last = symbols[i].addr;
		err = code_init(s->file, symbols[i].addr, symbols[i].size, &code);
		if (err)
			break;
		if (place_closes_guards(s, &code))
			err = place_table(s, &code, &symbols[i]);
		code_deinit(&code);
	}
	return err;
}
