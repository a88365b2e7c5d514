/* SPDX-License-Identifier: MIT */
#include "eval.h"

#include <string.h>

static const struct eval_value eval_unknown;

static struct eval_value eval_constant(int64_t constant)
{
	return (struct eval_value){ .known = true, .constant = constant };
}

static struct eval_value eval_atom(struct moqstat_operand atom)
{
	struct eval_value v = { .known = true, .terms_len = 1 };

	v.terms[0] = (struct eval_term){ .factor = 1, .atom = atom };
	return v;
}

struct moqstat_operand eval_number(int32_t number)
{
	return (struct moqstat_operand){ .kind = MOQSTAT_OPERAND_IMM,
					 .reg = MOQSTAT_REG_NONE,
					 .index = MOQSTAT_REG_NONE,
					 .scale = 1,
					 .width = 8,
					 .disp = number };
}

struct moqstat_operand eval_register(unsigned int reg, int32_t disp)
{
	return (struct moqstat_operand){ .kind = MOQSTAT_OPERAND_REG,
					 .reg = reg,
					 .index = MOQSTAT_REG_NONE,
					 .scale = 1,
					 .width = 8,
					 .disp = disp };
}

bool eval_operand_equal(const struct moqstat_operand *a, const struct moqstat_operand *b)
{
	return a->kind == b->kind && a->reg == b->reg && a->index == b->index &&
	       a->scale == b->scale && a->width == b->width && a->disp == b->disp &&
	       a->outer == b->outer;
}

/* a + factor * b as a 64-bit register holds it: modulo 2^64. */
static int64_t eval_wrap(int64_t a, int64_t factor, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)factor * (uint64_t)b);
}

/* The terms of a + factor * b; false if there are too many. */
static bool eval_merge(struct eval_value *a, const struct eval_value *b, int64_t factor)
{
	unsigned int i, k;

	for (i = 0; i < b->terms_len; i++) {
		for (k = 0; k < a->terms_len; k++) {
			if (eval_operand_equal(&a->terms[k].atom, &b->terms[i].atom))
				break;
		}
		if (k == a->terms_len) {
			if (k == EVAL_TERMS)
				return false;
			a->terms[a->terms_len++] =
				(struct eval_term){ .factor = 0, .atom = b->terms[i].atom };
		}
		a->terms[k].factor = eval_wrap(a->terms[k].factor, factor, b->terms[i].factor);
		if (!a->terms[k].factor)
			a->terms[k] = a->terms[--a->terms_len];
	}
	return true;
}

static struct eval_value eval_sum(struct eval_value a, struct eval_value b, int64_t factor)
{
	if (!a.known || !b.known || (a.chooses && b.chooses))
		return eval_unknown;
	if (!eval_merge(&a, &b, factor))
		return eval_unknown;
	a.constant = eval_wrap(a.constant, factor, b.constant);
	if (b.chooses) {
		a.chooses = true;
		a.choice = b.choice;
		a.choice_bit = b.choice_bit;
		a.delta = eval_wrap(0, factor, b.delta);
	}
	return a;
}

/* Can every term be no more than a byte's worth, so that 32-bit arithmetic can't overflow? */
static bool eval_narrow(const struct eval_value *v)
{
	unsigned int i;

	for (i = 0; i < v->terms_len; i++) {
		if (v->terms[i].atom.width > 2 || v->terms[i].factor < 0 ||
		    v->terms[i].factor > 4096)
			return false;
	}
	return v->constant >= 0 && v->constant < (1 << 30) && !v->chooses;
}

/* The low `width` bytes of a value, zero-extended. */
static struct eval_value eval_truncate(struct eval_value v, unsigned int width)
{
	if (!v.known || width >= 8)
		return v;
	if (!v.terms_len && !v.chooses) {
		v.constant &= (1LL << (8 * width)) - 1;
		return v;
	}
	if (v.terms_len == 1 && v.terms[0].factor == 1 && !v.constant && !v.chooses) {
		if (v.terms[0].atom.width > width)
			v.terms[0].atom.width = width;
		return v;
	}
	return width >= 4 && eval_narrow(&v) ? v : eval_unknown;
}

struct eval_value eval_address(const struct eval *e, const struct moqstat_operand *op)
{
	struct eval_value v = eval_constant(op->disp);

	if (op->kind != MOQSTAT_OPERAND_MEM)
		return eval_unknown;
	if (op->reg != MOQSTAT_REG_NONE)
		v = eval_sum(v, e->regs[op->reg], 1);
	if (op->index != MOQSTAT_REG_NONE)
		v = eval_sum(v, e->regs[op->index], op->scale);
	return v;
}

/* Is this address surely another one than every address written so far? */
static bool eval_untouched(const struct eval *e, const struct eval_value *address,
			   unsigned int width)
{
	unsigned int i;

	if (e->stores_lost)
		return false;
	for (i = 0; i < e->stores_len; i++) {
		struct eval_value gap = eval_sum(*address, e->stores[i], -1);

		if (!gap.known || gap.terms_len || gap.chooses ||
		    (gap.constant < e->stores_width[i] && gap.constant > -(int64_t)width))
			return false;
	}
	return true;
}

/* An address as the content of a place in memory plus an offset. */
static bool eval_place_indirect(const struct eval_value *v, struct moqstat_operand *out)
{
	const struct eval_term *t = &v->terms[0];

	if (!v->known || v->chooses || v->terms_len != 1 || t->factor != 1 || t->atom.width != 8 ||
	    t->atom.kind != MOQSTAT_OPERAND_MEM || v->constant != (int32_t)v->constant)
		return false;
	*out = t->atom;
	out->kind = MOQSTAT_OPERAND_DEREF;
	out->outer = v->constant;
	return true;
}

/* An address as base + index * scale + disp of starting registers. */
static bool eval_place(const struct eval_value *v, struct moqstat_operand *out)
{
	struct moqstat_operand op = { .kind = MOQSTAT_OPERAND_MEM,
				      .reg = MOQSTAT_REG_NONE,
				      .index = MOQSTAT_REG_NONE,
				      .scale = 1,
				      .disp = v->constant };
	unsigned int i;

	if (!v->known || v->chooses || !v->terms_len || v->terms_len > 2 ||
	    v->constant != (int32_t)v->constant)
		return false;
	for (i = 0; i < v->terms_len; i++) {
		const struct eval_term *t = &v->terms[i];

		if (t->atom.kind != MOQSTAT_OPERAND_REG || t->atom.width != 8)
			return false;
		if (t->factor == 1 && op.reg == MOQSTAT_REG_NONE) {
			op.reg = t->atom.reg;
		} else if (op.index == MOQSTAT_REG_NONE &&
			   (t->factor == 1 || t->factor == 2 || t->factor == 4 || t->factor == 8)) {
			op.index = t->atom.reg;
			op.scale = t->factor;
		} else {
			return false;
		}
	}
	if (op.reg == MOQSTAT_REG_NONE)
		return false;
	*out = op;
	return true;
}

struct eval_value eval_operand(const struct eval *e, const struct moqstat_operand *op)
{
	struct moqstat_operand place;
	struct eval_value address;

	switch (op->kind) {
	case MOQSTAT_OPERAND_IMM:
		return eval_constant(op->disp);
	case MOQSTAT_OPERAND_REG:
		return eval_truncate(e->regs[op->reg], op->width);
	case MOQSTAT_OPERAND_MEM:
		address = eval_address(e, op);
		if (op->width > 8 || !op->width || !eval_untouched(e, &address, op->width) ||
		    (!eval_place(&address, &place) && !eval_place_indirect(&address, &place)))
			return eval_unknown;
		place.width = op->width;
		return eval_atom(place);
	default:
		return eval_unknown;
	}
}

bool eval_single(const struct eval_value *v, struct moqstat_operand *out)
{
	if (!v->known || v->chooses)
		return false;
	if (v->constant != (int32_t)v->constant)
		return false;
	if (!v->terms_len) {
		*out = (struct moqstat_operand){ .kind = MOQSTAT_OPERAND_IMM,
						 .reg = MOQSTAT_REG_NONE,
						 .index = MOQSTAT_REG_NONE,
						 .scale = 1,
						 .width = 8,
						 .disp = v->constant };
		return true;
	}
	if (v->terms_len != 1 || v->terms[0].factor != 1 ||
	    v->terms[0].atom.kind == MOQSTAT_OPERAND_NONE)
		return false;
	if (v->constant && v->terms[0].atom.kind != MOQSTAT_OPERAND_REG)
		return false;
	*out = v->terms[0].atom;
	if (out->kind == MOQSTAT_OPERAND_REG)
		out->disp = v->constant;
	return true;
}

bool eval_equal(const struct eval_value *a, const struct eval_value *b)
{
	struct eval_value x = *a, y = *b, gap;
	unsigned int i;

	/* What can't be told is numbered anew on each way. */
	for (i = 0; i < a->terms_len; i++) {
		if (a->terms[i].atom.kind == MOQSTAT_OPERAND_NONE)
			return false;
	}
	x.chooses = y.chooses = false;
	gap = eval_sum(x, y, -1);
	return gap.known && !gap.terms_len && !gap.constant && a->chooses == b->chooses &&
	       (!a->chooses || (a->delta == b->delta && a->choice_bit == b->choice_bit &&
				eval_operand_equal(&a->choice, &b->choice)));
}

bool eval_distance(const struct eval_value *a, const struct eval_value *b, int64_t *out)
{
	struct eval_value gap = eval_sum(*b, *a, -1);

	if (!gap.known || gap.terms_len || gap.chooses)
		return false;
	*out = gap.constant;
	return true;
}

void eval_init(struct eval *e)
{
	unsigned int i;

	memset(e, 0, sizeof(*e));
	for (i = 0; i < CODE_REGS; i++) {
		struct moqstat_operand atom = { .kind = MOQSTAT_OPERAND_REG,
						.reg = i,
						.index = MOQSTAT_REG_NONE,
						.scale = 1,
						.width = 8 };

		e->regs[i] = eval_atom(atom);
	}
}

static void eval_store(struct eval *e, const struct moqstat_operand *dst)
{
	struct eval_value address = eval_address(e, dst);

	if (!address.known || e->stores_len == EVAL_STORES || !dst->width) {
		e->stores_lost = true;
		return;
	}
	e->stores[e->stores_len] = address;
	e->stores_width[e->stores_len++] = dst->width;
}

/* A register that holds something, but who knows what: arithmetic on it can still be told. */
static void eval_forget(struct eval *e, unsigned int reg, unsigned int width)
{
	struct moqstat_operand atom = { .reg = MOQSTAT_REG_NONE,
					.index = MOQSTAT_REG_NONE,
					.width = width,
					.disp = e->opaque++ };

	e->regs[reg] = eval_atom(atom);
}

static void eval_set(struct eval *e, const struct moqstat_operand *dst, unsigned int from,
		     struct eval_value v)
{
	if (dst->width == 4)
		v = eval_truncate(v, 4);
	/* Writing 8 or 16 bits keeps the rest of the register: too fine for us. */
	if (dst->width < 4)
		eval_forget(e, dst->reg, 8);
	else if (!v.known)
		eval_forget(e, dst->reg, from && from < dst->width ? from : dst->width);
	else
		e->regs[dst->reg] = v;
}

static struct eval_value eval_product(const struct eval_value *a, const struct eval_value *b)
{
	if (a->known && !a->terms_len && !a->chooses)
		return eval_sum(eval_constant(0), *b, a->constant);
	if (b->known && !b->terms_len && !b->chooses)
		return eval_sum(eval_constant(0), *a, b->constant);
	return eval_unknown;
}

/* Bits that are surely clear are set: that adds them. */
static struct eval_value eval_or(struct eval_value v, const struct eval_value *bits)
{
	int64_t unit = 1;
	unsigned int i;

	if (!v.known || v.chooses || !bits->known || bits->terms_len || bits->chooses ||
	    bits->constant < 0 || bits->constant > INT32_MAX)
		return eval_unknown;
	while (unit <= bits->constant)
		unit *= 2;
	for (i = 0; i < v.terms_len; i++) {
		if (v.terms[i].factor % unit)
			return eval_unknown;
	}
	return v.constant % unit ? eval_unknown : eval_sum(v, *bits, 1);
}

static struct eval_value eval_cmov(const struct eval *e, const struct code_insn *insn)
{
	struct eval_value if_zero = eval_operand(e, &insn->dst);
	struct eval_value if_not = eval_operand(e, &insn->src);
	struct eval_value gap;

	if (insn->cond == CODE_COND_ZERO) {
		gap = if_zero;
		if_zero = if_not;
		if_not = gap;
	}
	gap = eval_sum(if_not, if_zero, -1);
	if (!e->flag_known || insn->cond == CODE_COND_OTHER || !gap.known || gap.terms_len ||
	    gap.chooses || if_zero.chooses)
		return eval_unknown;
	if_zero.chooses = true;
	if_zero.choice = e->flag;
	if_zero.choice_bit = e->flag_bit;
	if_zero.delta = gap.constant;
	return if_zero;
}

/* The new value of the destination register; false if the instruction is none that is followed. */
static bool eval_result(const struct eval *e, const struct code_insn *insn, struct eval_value *out)
{
	struct eval_value dst = eval_operand(e, &insn->dst), src = eval_operand(e, &insn->src);
	struct eval_value src2 = eval_operand(e, &insn->src2);

	switch (insn->op) {
	case CODE_MOV:
		*out = src;
		return true;
	case CODE_LEA:
		*out = eval_address(e, &insn->src);
		return true;
	case CODE_ADD:
		*out = eval_sum(dst, src, 1);
		return true;
	case CODE_SUB:
		*out = eval_sum(dst, src, -1);
		return true;
	case CODE_INC:
		*out = eval_sum(dst, eval_constant(1), 1);
		return true;
	case CODE_DEC:
		*out = eval_sum(dst, eval_constant(1), -1);
		return true;
	case CODE_SHL:
		if (!src.known || src.terms_len || src.constant < 0 || src.constant > 31)
			return false;
		*out = eval_sum(eval_constant(0), dst, 1LL << src.constant);
		return true;
	case CODE_OR:
		*out = eval_or(dst, &src);
		return out->known;
	case CODE_IMUL:
		if (insn->src2.kind == MOQSTAT_OPERAND_NONE)
			*out = eval_product(&dst, &src);
		else
			*out = eval_product(&src, &src2);
		return true;
	case CODE_ZERO:
		*out = eval_constant(0);
		return true;
	case CODE_CMOV:
		*out = eval_cmov(e, insn);
		return true;
	default:
		return false;
	}
}

/* After `test x, x` or `cmp x, 0` the zero flag tells whether x is zero; after `test x, 1` whether
 * its lowest bit is. */
static void eval_flags(struct eval *e, const struct code_insn *insn)
{
	struct eval_value v = eval_operand(e, &insn->dst);

	e->flag_known = false;
	e->flag_bit = insn->op == CODE_TEST && insn->src.kind == MOQSTAT_OPERAND_IMM &&
		      insn->src.disp == 1;
	if (e->flag_bit || (insn->op == CODE_TEST && eval_operand_equal(&insn->dst, &insn->src)) ||
	    (insn->op == CODE_CMP && insn->src.kind == MOQSTAT_OPERAND_IMM && !insn->src.disp))
		e->flag_known = eval_single(&v, &e->flag) && e->flag.kind != MOQSTAT_OPERAND_IMM &&
				!(e->flag.kind == MOQSTAT_OPERAND_REG && e->flag.disp);
}

void eval_step(struct eval *e, const struct code_insn *insn)
{
	struct eval_value v;
	unsigned int reg;

	if (insn->flags)
		eval_flags(e, insn);
	if (insn->dst.kind == MOQSTAT_OPERAND_REG && insn->op != CODE_TEST &&
	    insn->op != CODE_CMP && eval_result(e, insn, &v)) {
		eval_set(e, &insn->dst, insn->op == CODE_MOV ? insn->src.width : 0, v);
		return;
	}
	if (insn->stores) {
		if (insn->dst.kind == MOQSTAT_OPERAND_MEM && insn->op != CODE_CALL)
			eval_store(e, &insn->dst);
		else
			e->stores_lost = true;
	}
	for (reg = 0; reg < CODE_REGS; reg++) {
		if (insn->writes & (1u << reg))
			eval_forget(e, reg, 8);
	}
}
