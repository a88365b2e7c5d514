/* SPDX-License-Identifier: MIT */
/*
 * What ends a shared text, and which functions let go of a Stats, where no name says so: what lets
 * go of a BroadcastSubscription first calls its drop, which is known, and then lets go of its
 * fields, of which one is the path.
 */
#include "scan.h"

#include <string.h>

/* Arcs that a function lets go of, at most; and bytes of one that lets go of no more than a Stats.
 */
#define TEXT_ARCS 8
#define TEXT_SIZE 512

/* What a function does with the object that is its first argument, on the way that no branch
 * leaves. */
struct text_glue {
	bool unsubscribes; /* first of all */
	struct {
		int64_t at;   /* an Arc in the object, that is let go */
		uint64_t end; /* by a call of this, if it was the last reference */
	} arcs[TEXT_ARCS];
	size_t len;
};

/* An Arc of the object, as far as has been gone. */
struct text_arc {
	unsigned int reg; /* holds it; or none */
	int64_t at;
	bool counted; /* down, and not let go yet */
};

static bool text_offset(const struct eval_value *v, int64_t *at)
{
	struct moqstat_operand object;

	if (!eval_single(v, &object) || object.kind != MOQSTAT_OPERAND_REG ||
	    object.reg != CODE_ARG0)
		return false;
	*at = object.disp;
	return true;
}

/* Is it a call of BroadcastSubscription's drop, by whatever way? */
static bool text_unsubscribes(const struct scan *s, uint64_t target, uint64_t slot)
{
	const char *import;

	if (!target && (!slot || elf_file_slot(s->file, slot, &target, &import)))
		return false;
	return target && scan_which(s, target) == LAYOUT_UNSUBSCRIBE;
}

static void text_call(const struct scan *s, const struct code_insn *insn, const struct eval *e,
		      const struct text_arc *arc, struct text_glue *g)
{
	int64_t at;

	if (!text_offset(&e->regs[CODE_ARG0], &at))
		return;
	if (!at && !g->len && text_unsubscribes(s, insn->target, insn->slot)) {
		g->unsubscribes = true;
	} else if (arc->counted && arc->at == at && g->len < TEXT_ARCS) {
		g->arcs[g->len].at = at;
		g->arcs[g->len++].end = insn->target ? insn->target : insn->slot;
	}
}

static void text_follow(const struct scan *s, const struct code *code, struct text_glue *g)
{
	struct text_arc arc = { .reg = MOQSTAT_REG_NONE };
	struct eval_value address;
	struct eval e;
	size_t i;

	*g = (struct text_glue){ .len = 0 };
	eval_init(&e);
	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op == CODE_CALL || insn->op == CODE_JMP) {
			text_call(s, insn, &e, &arc, g);
			arc.counted = false;
		} else if (insn->lock && insn->op == CODE_DEC) {
			arc.counted = insn->dst.reg == arc.reg && !insn->dst.disp &&
				      insn->dst.index == MOQSTAT_REG_NONE;
		}
		if (code_ends(insn))
			break;
		if (arc.reg < MOQSTAT_REG_NONE && insn->writes & (1u << arc.reg))
			arc.reg = MOQSTAT_REG_NONE;
		if (insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_REG &&
		    insn->dst.width == 8 && insn->src.kind == MOQSTAT_OPERAND_MEM &&
		    insn->src.width == 8) {
			address = eval_address(&e, &insn->src);
			if (text_offset(&address, &arc.at))
				arc = (struct text_arc){ .reg = insn->dst.reg, .at = arc.at };
		}
		eval_step(&e, insn);
	}
}

/* What ends the Arc there; 0 if it isn't let go, or not once. */
static uint64_t text_end_at(const struct text_glue *g, int64_t at)
{
	uint64_t end = 0;
	size_t i, n = 0;

	for (i = 0; i < g->len; i++) {
		if (g->arcs[i].at == at) {
			end = g->arcs[i].end;
			n++;
		}
	}
	return n == 1 ? end : 0;
}

static bool text_known(const struct text_ends *t, uint64_t end)
{
	size_t i;

	for (i = 0; i < t->ends_len && t->ends[i] != end; i++)
		;
	return i < t->ends_len;
}

/* A whole BroadcastSubscription: all of its three Arcs, each of another type. */
static void text_subscription(const struct scan *s, const struct text_glue *g,
			      struct text_ends *out)
{
	const struct layout *l = s->layout;
	uint64_t path = text_end_at(g, l->path_of_subscription);
	uint64_t counts = text_end_at(g, l->counts_of_subscription);
	uint64_t entry = text_end_at(g, l->entry_of_subscription);

	if (g->unsubscribes && path && counts && entry && path != counts && path != entry)
		text_ends_add(out->ends, &out->ends_len, TEXT_ENDS_MAX, path);
}

/* A Stats, or what begins with one and has no other path: a prefix, and the Arc behind it. */
static bool text_holds(const struct scan *s, const struct text_glue *g, const struct text_ends *t)
{
	size_t i, texts = 0;

	for (i = 0; i < g->len; i++)
		texts += text_known(t, g->arcs[i].end);
	return !g->unsubscribes && g->len >= 2 && texts == 1 && !g->arcs[0].at &&
	       text_known(t, g->arcs[0].end) && g->arcs[1].at == s->layout->shared_of_stats;
}

/* Does the function's code call BroadcastSubscription's drop, or, once that is known, what ends a
 * text? */
static bool text_may(const struct scan *s, const struct elf_symbol *symbol,
		     const struct text_ends *known)
{
	const uint8_t *bytes = elf_file_bytes(s->file, symbol->addr, symbol->size);
	struct code_branch branch;
	uint64_t at = 0;

	if (*symbol->name || !bytes || symbol->size > TEXT_SIZE)
		return false;
	while (code_next_branch(bytes, symbol->size, symbol->addr, &at, &branch)) {
		if (known->ends_len ? text_known(known, branch.target ? branch.target : branch.slot)
				    : text_unsubscribes(s, branch.target, branch.slot))
			return true;
	}
	return false;
}

static int text_look_all(const struct scan *s, const struct text_ends *known, struct text_ends *out)
{
	size_t i, len;
	const struct elf_symbol *symbols = elf_file_symbols(s->file, &len);
	struct text_glue glue;
	struct code code;
	int err = 0;

	for (i = 0; i < len && !err; i++) {
		if (!text_may(s, &symbols[i], known))
			continue;
		err = code_init(s->file, symbols[i].addr, symbols[i].size, &code);
		if (err)
			break;
		text_follow(s, &code, &glue);
		code_deinit(&code);
		if (!known->ends_len)
			text_subscription(s, &glue, out);
		else if (text_holds(s, &glue, known))
			text_ends_add(out->holders, &out->holders_len, TEXT_HOLDERS_MAX,
				      symbols[i].addr);
	}
	return err;
}

int scan_texts(struct scan *s)
{
	struct text_ends known;
	int err = text_ends_find(s->file, &s->texts);

	if (err || !s->nameless || s->texts.ends_len)
		return err;
	known = s->texts;
	err = text_look_all(s, &known, &s->texts);
	known = s->texts;
	return err || !known.ends_len ? err : text_look_all(s, &known, &s->texts);
}
