/* SPDX-License-Identifier: MIT */
#include "bump_pair.h"

#include <errno.h>
#include <string.h>

/* The counters of one role are no more bytes than this. */
#define PAIR_STRIDE_MAX 512

/* Instructions between the bump that picks an index and the last one that uses it. */
#define PAIR_WALK_MAX 512

/* Does the pair make sense? Counters are words, each within its role's. */
static bool pair_fits(const struct bump_pair *p)
{
	return p->stride >= 8 && p->stride <= PAIR_STRIDE_MAX && p->stride % 8 == 0 &&
	       p->field < p->stride && p->field % 8 == 0;
}

/* Is that what a value is, and readable where the probe stands? */
static bool pair_operand(const struct eval_value *v, struct moqstat_operand *out)
{
	return eval_single(v, out) && out->kind != MOQSTAT_OPERAND_IMM && out->width == 8 &&
	       !(out->kind == MOQSTAT_OPERAND_REG && out->disp);
}

/* Note which one is picked: of two addresses or offsets, the first where the choice is 0. */
static bool pair_choice(const struct eval_value *v, struct bump_pair *p)
{
	if (!v->known || !v->chooses || v->constant != BUMP_PAIR_HEADER || v->delta < 8 ||
	    v->delta > PAIR_STRIDE_MAX)
		return false;
	p->header = BUMP_PAIR_HEADER;
	p->stride = v->delta;
	p->side = v->choice;
	p->side_bit = v->choice_bit;
	return true;
}

/* The address without what it chooses, and without the constant. */
static struct eval_value pair_plain(struct eval_value v)
{
	v.chooses = false;
	v.constant = 0;
	return v;
}

/* One register holds E + header, or as much as the stride more; or it holds E, and another one of
 * the two registers these offsets. */
static bool pair_picked(const struct bump_branch *b, const struct moqstat_operand *dst,
			struct bump_pair *p)
{
	const struct eval_value *offsets = NULL, *base = &b->base;
	struct eval_value plain;

	p->form = BUMP_PAIR_PICKED;
	p->field = dst->disp;
	if (dst->disp < 0)
		return false;
	if (dst->index == MOQSTAT_REG_NONE) {
		plain = pair_plain(*base);
		return pair_choice(base, p) && pair_operand(&plain, &p->entry);
	}
	if (dst->scale != 1)
		return false;
	offsets = b->index.chooses ? &b->index : &b->base;
	base = b->index.chooses ? &b->base : &b->index;
	return !offsets->terms_len && pair_choice(offsets, p) && pair_operand(base, &p->entry);
}

/* E + side * stride + header + field. */
static bool pair_indexed(const struct bump_branch *b, struct bump_pair *p)
{
	const struct eval_value *v = &b->address;
	unsigned int i, sides = 0;

	if (!v->known || v->chooses || v->terms_len != 2 || v->constant < BUMP_PAIR_HEADER ||
	    v->constant >= BUMP_PAIR_HEADER + PAIR_STRIDE_MAX)
		return false;
	p->form = BUMP_PAIR_INDEXED;
	p->header = BUMP_PAIR_HEADER;
	p->field = v->constant - BUMP_PAIR_HEADER;
	for (i = 0; i < 2; i++) {
		const struct eval_term *t = &v->terms[i], *other = &v->terms[1 - i];

		if (t->atom.width != 1 || t->atom.kind == MOQSTAT_OPERAND_NONE || t->factor < 8 ||
		    t->factor > PAIR_STRIDE_MAX || other->factor != 1 || other->atom.width != 8 ||
		    other->atom.kind == MOQSTAT_OPERAND_NONE)
			continue;
		p->side = t->atom;
		p->stride = t->factor;
		p->entry = other->atom;
		sides++;
	}
	return sides == 1;
}

bool bump_pair_tests(const struct code *code, size_t branch, const struct moqstat_operand *entry)
{
	unsigned int changed = 0;
	size_t first;

	while (branch > 0) {
		const struct code_insn *insn = &code->insns[branch - 1];

		if (code_edges_to(code, branch, &first) || code_ends(insn))
			return false;
		if (insn->flags) {
			bool zero = insn->op == CODE_TEST
					    ? eval_operand_equal(&insn->dst, &insn->src)
					    : insn->op == CODE_CMP &&
						      insn->src.kind == MOQSTAT_OPERAND_IMM &&
						      !insn->src.disp;

			return zero && eval_operand_equal(&insn->dst, entry) &&
			       !(changed & (1u << entry->reg)) &&
			       (entry->index == MOQSTAT_REG_NONE ||
				!(changed & (1u << entry->index)));
		}
		if (entry->kind != MOQSTAT_OPERAND_REG && insn->stores)
			return false;
		changed |= insn->writes;
		branch--;
	}
	return false;
}

/* One branch's view of the bump. */
static bool pair_branch(const struct code *code, size_t bump, const struct bump_branch *b,
			struct bump_pair *p)
{
	*p = (struct bump_pair){ .insn = b->insn, .when = b->when, .picked = bump };
	if (!pair_picked(b, &code->insns[bump].dst, p) && !pair_indexed(b, p))
		return false;
	if (!pair_fits(p))
		return false;
	p->tests_entry = bump_pair_tests(code, b->insn, &p->entry);
	if (!eval_single(&b->n, &p->n))
		p->n = (struct moqstat_operand){ .kind = MOQSTAT_OPERAND_NONE };
	return true;
}

/* ---- an index that was picked before ---- */

struct pair_walk {
	size_t seen[PAIR_WALK_MAX];
	size_t seen_len; /* of these, the first `done` were looked at */
	size_t done;
};

static bool pair_walk_add(void *walk, size_t insn)
{
	struct pair_walk *w = walk;
	size_t i;

	for (i = 0; i < w->seen_len; i++) {
		if (w->seen[i] == insn)
			return true;
	}
	if (w->seen_len == PAIR_WALK_MAX)
		return false;
	w->seen[w->seen_len++] = insn;
	return true;
}

/* Do all ways to the instruction `to` come through `from`, and leave these registers alone from
 * there on? */
static bool pair_survives(const struct code *code, size_t from, size_t to, uint32_t regs)
{
	struct pair_walk w = { .seen_len = 0 };

	if (!code_before(code, to, pair_walk_add, &w))
		return false;
	for (; w.done < w.seen_len; w.done++) {
		size_t at = w.seen[w.done];

		if (at == from)
			continue;
		if ((code->insns[at].writes & regs) || !code_before(code, at, pair_walk_add, &w))
			return false;
	}
	return true;
}

static bool pair_same_registers(const struct moqstat_operand *a, const struct moqstat_operand *b)
{
	return a->reg == b->reg && a->index == b->index && a->scale == b->scale;
}

/* Does the bump `earlier` leave E in one register and the picked offset in the other? */
static bool pair_keeps(const struct code *code, size_t earlier, struct bump_pair *p)
{
	const struct moqstat_operand *dst = &code->insns[earlier].dst;
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	struct bump_pair other;
	size_t i, len;
	bool index = false;

	if (bump_find_past(code, earlier, branches, &len))
		return false;
	for (i = 0; i < len; i++) {
		if (!pair_branch(code, earlier, &branches[i], &other) ||
		    other.form != BUMP_PAIR_PICKED)
			return false;
		if (i && (other.stride != p->stride || index != branches[i].index.chooses))
			return false;
		index = branches[i].index.chooses;
		p->header = other.header;
		p->stride = other.stride;
	}
	p->entry = eval_register(index ? dst->reg : dst->index, 0);
	/* It holds the header, or as much as the stride more. */
	p->side = eval_register(index ? dst->index : dst->reg, -(int32_t)p->header);
	return true;
}

/* Do the bump's registers, as they are at a branch, come from another bump that picked? */
static bool pair_kept(const struct code *code, size_t bump, const struct bump_branch *b,
		      struct bump_pair *p)
{
	const struct moqstat_operand *dst = &code->insns[bump].dst;
	struct moqstat_operand base, index;
	size_t i;

	if (dst->index == MOQSTAT_REG_NONE || dst->scale != 1 || dst->disp < 0 ||
	    !pair_operand(&b->base, &base) || !pair_operand(&b->index, &index) ||
	    base.kind != MOQSTAT_OPERAND_REG || base.reg != dst->reg ||
	    index.kind != MOQSTAT_OPERAND_REG || index.reg != dst->index)
		return false;
	*p = (struct bump_pair){
		.insn = b->insn, .when = b->when, .form = BUMP_PAIR_KEPT, .field = dst->disp
	};
	if (!eval_single(&b->n, &p->n))
		p->n = (struct moqstat_operand){ .kind = MOQSTAT_OPERAND_NONE };
	for (i = 0; i < code->insns_len; i++) {
		if (i != bump && bump_is(&code->insns[i]) &&
		    pair_same_registers(&code->insns[i].dst, dst) &&
		    pair_survives(code, i, bump, 1u << dst->reg | 1u << dst->index) &&
		    pair_keeps(code, i, p) && pair_fits(p)) {
			p->picked = i;
			return true;
		}
	}
	return false;
}

bool bump_pair_looks(const struct code *code, size_t bump, struct bump_pair *out)
{
	const struct moqstat_operand *dst = &code->insns[bump].dst;
	struct bump_branch b = { .insn = bump };
	struct moqstat_operand reg = eval_register(dst->reg, 0);
	struct eval e;
	size_t i;

	eval_init(&e);
	for (i = code_run(code, bump); i < bump; i++)
		eval_step(&e, &code->insns[i]);
	b.address = eval_address(&e, dst);
	b.base = eval_operand(&e, &reg);
	if (dst->index != MOQSTAT_REG_NONE) {
		reg.reg = dst->index;
		b.index = eval_operand(&e, &reg);
	}
	*out = (struct bump_pair){ .insn = bump, .picked = bump };
	return (pair_picked(&b, dst, out) || pair_indexed(&b, out)) && pair_fits(out);
}

int bump_pair_find(const struct code *code, size_t bump, struct bump_pair *out, size_t *len)
{
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	struct bump_pair found[BUMP_BRANCHES_MAX];
	size_t i, n;
	int err = bump_find_past(code, bump, branches, &n);

	if (err)
		return err;
	for (i = 0; i < n; i++) {
		if (!pair_branch(code, bump, &branches[i], &found[i]) &&
		    !pair_kept(code, bump, &branches[i], &found[i]))
			return -EINVAL;
		if (found[i].stride != found[0].stride || found[i].field != found[0].field)
			return -EINVAL;
	}
	memcpy(out, found, n * sizeof(*out));
	*len = n;
	return 0;
}
