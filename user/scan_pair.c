/* SPDX-License-Identifier: MIT */
/* Bumps of pairs of counters, of which the side tells one: sites of layouts whose tiers are labels.
 */
#include "scan.h"

#include <errno.h>
#include <string.h>

#include "bump_pair.h"

/* References to an object are counted like that, all over the place. */
static bool pair_is_clone(const struct code *code, size_t bump)
{
	const struct code_insn *insn = &code->insns[bump];

	return insn->op == CODE_INC && !insn->dst.disp && insn->dst.index == MOQSTAT_REG_NONE &&
	       bump + 1 < code->insns_len && insn[1].op == CODE_JCC &&
	       insn[1].cond == CODE_COND_OTHER;
}

/* Which counter of either role is it? -1: none of the layout's. */
static int pair_field(const struct layout *l, const struct bump_pair *p)
{
	enum moqstat_role role;
	enum moqstat_field field;

	return p->header == l->header && p->stride == l->stride &&
			       !layout_counter(l, l->header + p->field, &role, &field) &&
			       role == MOQSTAT_PUBLISHER
		       ? (int)field
		       : -1;
}

static int pair_unprobed(struct scan *s, const struct code_insn *bump, int role, int field,
			 const char *reason)
{
	struct sites_unprobed u = {
		.bump = bump->addr, .role = role, .field = (uint8_t)field, .reason = reason
	};

	return scan_add_unprobed(s, &u);
}

/* Is it in the relay's own code, or in what that made of another's? */
static bool pair_is_own(const struct scan *s, const struct elf_symbol *symbol)
{
	const struct sites *sites = s->sites;

	return strstr(symbol->name, "moq_net") ||
	       (sites->functions_len &&
		sites->functions[sites->functions_len - 1].addr == symbol->addr);
}

/* Does it add as much as the counter is bumped by? */
static bool pair_adds(const struct code_insn *bump, enum moqstat_field field)
{
	return bump->op == CODE_INC || field == MOQSTAT_ANNOUNCED_BYTES || field == MOQSTAT_BYTES ||
	       field == MOQSTAT_FRAMES;
}

/* Does it look like one of which the side is always the same: a counter of either role, in what
 * the branch in front has found not to be null? No release has any. */
static bool pair_constant(const struct scan *s, const struct code *code,
			  const struct elf_symbol *symbol, size_t bump, enum moqstat_role *role,
			  enum moqstat_field *field)
{
	const struct code_insn *insn = &code->insns[bump];
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	struct moqstat_operand entry;
	size_t i, len;

	if (insn->dst.index != MOQSTAT_REG_NONE || !pair_is_own(s, symbol) ||
	    layout_counter(s->layout, insn->dst.disp, role, field) || !pair_adds(insn, *field) ||
	    bump_find_past(code, bump, branches, &len))
		return false;
	for (i = 0; i < len; i++) {
		if (eval_single(&branches[i].base, &entry) &&
		    bump_pair_tests(code, branches[i].insn, &entry))
			return true;
	}
	return false;
}

/* Does it look like one of a pair, of which an offset was picked somewhere before? Others add to
 * what lies at an index and such an offset, too, but not in the relay's own code. */
static int pair_likely(const struct layout *l, const struct elf_symbol *symbol,
		       const struct code_insn *bump)
{
	struct bump_pair p = { .header = l->header, .stride = l->stride, .field = bump->dst.disp };

	/* There the index is the side's alone. */
	if (l->scope->resolves)
		p.field -= l->header;
	return bump->dst.index != MOQSTAT_REG_NONE && bump->dst.scale == 1 && bump->dst.disp >= 0 &&
			       p.field < l->stride && strstr(symbol->name, "moq_net")
		       ? pair_field(l, &p)
		       : -1;
}

/* No branch tells what it does: is it one of the layout's counters all the same? */
static int pair_lost(struct scan *s, const struct code *code, const struct elf_symbol *symbol,
		     size_t bump, int why)
{
	const struct code_insn *insn = &code->insns[bump];
	const char *reason = "no branch in front";
	enum moqstat_role role;
	enum moqstat_field counter;
	struct bump_pair p;
	int field;

	if (pair_constant(s, code, symbol, bump, &role, &counter))
		return pair_unprobed(s, insn, role, counter, "its side is not asked for");
	if (why == -ENOTSUP)
		reason = "its branch tests something else than zero";
	else if (why == -EINVAL)
		reason = "what it adds to can't be read at its branch";
	else if (why == -E2BIG)
		reason = "too many ways lead to it";
	field = bump_pair_looks(code, bump, &p) ? pair_field(s->layout, &p)
						: pair_likely(s->layout, symbol, insn);
	return field < 0 ? 0 : pair_unprobed(s, insn, MOQSTAT_ROLE_MAX, field, reason);
}

/* Of the side's value the lowest bit tells, or it is read as the one byte that it is. Where it is
 * always the same it is given as a number, not as the role: the other side's counter has a bump,
 * too, which never counts for it. */
static int pair_role(const struct code *code, size_t bump, const struct bump_pair *p,
		     struct moqstat_site *what, const char **reason)
{
	enum moqstat_role role;
	int err = bump_pair_role(code, bump, p, &role);

	*reason = NULL;
	what->role = MOQSTAT_ROLE_MAX;
	if (!err) {
		what->side = eval_number(role);
		return 0;
	}
	what->side = p->side;
	if (p->form == BUMP_PAIR_KEPT || (p->side.width != 1 && !p->side_bit))
		*reason = "which side's it is can't be read at its branch";
	return err == -ENOENT ? 0 : err;
}

/* What one branch to the bump tells. */
static int pair_site(const struct code *code, size_t bump, const struct bump_pair *p, int field,
		     struct site *site, const char **reason)
{
	struct moqstat_site *what = &site->what;

	*site = (struct site){ .bump = code->insns[bump].addr };
	what->event = MOQSTAT_EVENT_BUMP;
	what->field = field;
	what->when = p->when;
	what->entry = p->entry;
	what->n = p->n;
	/* Whose tier it is goes with the entry. */
	what->tier = eval_number(0);
	site->guard = scan_guard(code, p->insn, &p->entry);
	if (what->n.kind == MOQSTAT_OPERAND_NONE) {
		*reason = "what it adds can't be read at its branch";
		return 0;
	}
	return pair_role(code, bump, p, what, reason);
}

/* In functions whose names say what they count, and nothing else: a counter of one side, in an
 * object that was looked at long before. The side is given as a number, as in pair_role(). */
static bool pair_named(const struct scan *s, const struct code *code,
		       const struct elf_symbol *symbol, size_t bump, enum moqstat_role *role,
		       enum moqstat_field *field)
{
	const struct code_insn *insn = &code->insns[bump];
	int which = scan_which(s, symbol->addr);

	if (!s->layout->scope->resolves || insn->op != CODE_INC ||
	    insn->dst.index != MOQSTAT_REG_NONE ||
	    layout_counter(s->layout, insn->dst.disp, role, field))
		return false;
	return which == LAYOUT_SUBSCRIBE
		       ? *field == MOQSTAT_SUBSCRIPTIONS || *field == MOQSTAT_BROADCASTS
	       : which == LAYOUT_UNSUBSCRIBE ? *field == MOQSTAT_SUBSCRIPTIONS_CLOSED ||
						       *field == MOQSTAT_BROADCASTS_CLOSED
					     : false;
}

static int pair_named_bump(struct scan *s, const struct code *code, const struct elf_symbol *symbol,
			   size_t bump, enum moqstat_role role, enum moqstat_field field)
{
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	uint32_t function;
	size_t i, len;
	int err = bump_find_past(code, bump, branches, &len);

	if (err)
		return pair_unprobed(s, &code->insns[bump], role, field, "no branch in front");
	err = scan_function(s, symbol, -1, &function);
	for (i = 0; i < len && !err; i++) {
		struct site site = { .bump = code->insns[bump].addr };

		site.what.event = MOQSTAT_EVENT_BUMP;
		site.what.field = field;
		site.what.role = MOQSTAT_ROLE_MAX;
		site.what.when = branches[i].when;
		site.what.side = eval_number(role);
		site.what.tier = eval_number(0);
		site.what.n = eval_number(1);
		if (!eval_single(&branches[i].base, &site.what.entry) ||
		    site.what.entry.kind == MOQSTAT_OPERAND_IMM || site.what.entry.width != 8 ||
		    (site.what.entry.kind == MOQSTAT_OPERAND_REG && site.what.entry.disp))
			return pair_unprobed(s, &code->insns[bump], role, field,
					     "what it adds to can't be read at its branch");
		err = scan_add_site_at(s, &code->insns[branches[i].insn], function, &site);
	}
	return err;
}

int scan_pair_bump(struct scan *s, const struct code *code, const struct elf_symbol *symbol,
		   size_t bump)
{
	struct bump_pair pairs[BUMP_BRANCHES_MAX];
	struct site sites[BUMP_BRANCHES_MAX];
	const char *reason = NULL;
	enum moqstat_role role;
	enum moqstat_field counter;
	uint32_t function;
	size_t i, len;
	int field, err;

	if (pair_is_clone(code, bump))
		return 0;
	if (pair_named(s, code, symbol, bump, &role, &counter))
		return pair_named_bump(s, code, symbol, bump, role, counter);
	err = bump_pair_find(code, bump, pairs, &len);
	if (err)
		return pair_lost(s, code, symbol, bump, err);
	field = pair_field(s->layout, &pairs[0]);
	if (field < 0)
		return 0;
	for (i = 0; i < len && !reason && !err; i++)
		err = pair_site(code, bump, &pairs[i], field, &sites[i], &reason);
	if (err)
		return err;
	if (reason)
		return pair_unprobed(s, &code->insns[bump], MOQSTAT_ROLE_MAX, field, reason);
	err = scan_function(s, symbol, -1, &function);
	for (i = 0; i < len && !err; i++) {
		err = scan_add_site_at(s, &code->insns[pairs[i].insn], function, &sites[i]);
	}
	return err;
}
