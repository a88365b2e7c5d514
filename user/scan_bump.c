/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *scan_grow(void *array, size_t len, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *grown;

	if (len < *room)
		return array;
	grown = reallocarray(array, more, size);
	if (grown)
		*room = more;
	return grown;
}

int scan_add_site(struct scan *s, const struct site *site)
{
	struct site *grown =
		scan_grow(s->sites->list, s->sites->len, &s->list_room, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->sites->list = grown;
	grown[s->sites->len++] = *site;
	return 0;
}

int scan_add_unprobed(struct scan *s, const struct sites_unprobed *u)
{
	struct sites_unprobed *grown = scan_grow(s->sites->unprobed, s->sites->unprobed_len,
						 &s->unprobed_room, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->sites->unprobed = grown;
	grown[s->sites->unprobed_len++] = *u;
	return 0;
}

/* What people read: its name, or what it was found to be. */
static char *scan_name(const struct scan *s, const struct elf_symbol *symbol, int role)
{
	char *name = NULL;

	if (*symbol->name)
		return elf_demangle(symbol->name);
	if (role >= 0)
		return asprintf(&name, "%s (by structure)", s->layout->functions[role]) < 0 ? NULL
											    : name;
	return asprintf(&name, "function at 0x%llx", (unsigned long long)symbol->addr) < 0 ? NULL
											   : name;
}

/* The function of a symbol, entered once. */
int scan_function(struct scan *s, const struct elf_symbol *symbol, int role, uint32_t *index)
{
	struct sites *sites = s->sites;
	struct sites_function *grown;
	char *name;

	if (sites->functions_len &&
	    sites->functions[sites->functions_len - 1].addr == symbol->addr) {
		*index = sites->functions_len - 1;
		return 0;
	}
	grown = scan_grow(sites->functions, sites->functions_len, &s->functions_room,
			  sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sites->functions = grown;
	name = scan_name(s, symbol, role);
	if (!name)
		return -ENOMEM;
	grown[sites->functions_len] =
		(struct sites_function){ .name = name, .addr = symbol->addr, .role = role };
	*index = sites->functions_len++;
	return 0;
}

int scan_add_site_at(struct scan *s, const struct code_insn *insn, uint32_t function,
		     struct site *site)
{
	int err;

	site->addr = insn->addr;
	site->class = insn->class;
	site->function = function;
	strncpy(site->insn, code_op_name(insn), sizeof(site->insn) - 1);
	err = elf_file_offset(s->file, insn->addr, &site->offset);
	return err ? err : scan_add_site(s, site);
}

struct moqstat_operand scan_guard(const struct code *code, size_t branch,
				  const struct moqstat_operand *entry)
{
	struct moqstat_operand none = { .kind = MOQSTAT_OPERAND_NONE }, guard;
	const struct code_insn *insn;
	unsigned int reg, clobbered;
	ptrdiff_t at;
	size_t i;

	if (entry->kind == MOQSTAT_OPERAND_MEM)
		return *entry;
	if (entry->kind != MOQSTAT_OPERAND_REG)
		return none;
	at = bump_writer(code, branch, entry->reg);
	if (at < 0)
		return none;
	insn = &code->insns[at];
	if (insn->op != CODE_MOV || insn->src.kind != MOQSTAT_OPERAND_MEM || insn->src.width != 8 ||
	    insn->src.reg == MOQSTAT_REG_NONE)
		return none;
	guard = insn->src;
	for (i = at; i < branch; i++) {
		clobbered = code->insns[i].writes;
		for (reg = 0; reg < CODE_REGS; reg++) {
			if ((clobbered & (1u << reg)) && (reg == guard.reg || reg == guard.index))
				return none;
		}
	}
	return guard;
}

/* Take an address apart: the entry, the tier, and the offset when the tier is 0. */
static bool scan_split(const struct eval_value *v, int64_t stride, struct moqstat_operand *entry,
		       struct moqstat_operand *tier)
{
	unsigned int i, entries = 0, tiers = 0;

	if (!v->known || v->terms_len != 2)
		return false;
	for (i = 0; i < 2; i++) {
		if (v->terms[i].factor == 1 && v->terms[i].atom.width == 8) {
			*entry = v->terms[i].atom;
			entries++;
		} else if (v->terms[i].factor == stride) {
			*tier = v->terms[i].atom;
			tiers++;
		}
	}
	return entries == 1 && tiers == 1;
}

/* Remember a stride that looks like counters, for the message about an unknown layout. */
static void scan_note_stride(struct scan *s, const struct eval_value *v)
{
	unsigned int i;

	if (!v->known || v->terms_len != 2)
		return;
	for (i = 0; i < 2; i++) {
		const struct eval_term *t = &v->terms[i], *other = &v->terms[1 - i];

		if (t->atom.width == 1 && t->factor >= 64 && t->factor < SITES_STRIDES_MAX &&
		    t->factor % 8 == 0 && other->factor == 1 && other->atom.width == 8)
			s->strides[t->factor / 8]++;
	}
}

bool scan_counter(const struct scan *s, const struct bump_branch *b, struct site *site)
{
	const struct layout *l = s->layout;
	struct moqstat_site *what = &site->what;
	enum moqstat_role role, chosen;
	enum moqstat_field field, other;

	if (!scan_split(&b->address, l->stride, &what->entry, &what->tier) ||
	    layout_counter(l, b->address.constant, &role, &field))
		return false;
	what->event = MOQSTAT_EVENT_BUMP;
	what->role = role;
	what->field = field;
	what->when = b->when;
	what->opens = field == MOQSTAT_ANNOUNCED || field == MOQSTAT_SUBSCRIPTIONS ||
		      field == MOQSTAT_BROADCASTS;
	if (!b->address.chooses)
		return true;
	/* The side picks the role: publisher where it is 0, subscriber where it is 1. */
	if (role != MOQSTAT_PUBLISHER || b->address.choice_bit ||
	    layout_counter(l, b->address.constant + b->address.delta, &chosen, &other) ||
	    chosen != MOQSTAT_SUBSCRIBER || other != field)
		return false;
	what->role = MOQSTAT_ROLE_MAX;
	what->side = b->address.choice;
	return true;
}

/* Note that a bump can't be probed. */
static int scan_unprobed(struct scan *s, const struct code_insn *bump,
			 const struct moqstat_site *what, int why)
{
	struct sites_unprobed u = { .bump = bump->addr,
				    .session = what->event == MOQSTAT_EVENT_SESSION_BUMP,
				    .role = what->role,
				    .field = what->field,
				    .reason = "no branch in front" };

	if (why == -ENOTSUP)
		u.reason = "its branch tests something else than zero";
	else if (why == -EINVAL)
		u.reason = "what it adds, or to which tier, can't be read at its branch";
	else if (why == -E2BIG)
		u.reason = "too many ways lead to it";
	else if (why == -EDESTADDRREQ)
		u.reason = "the function that names entries is not called before it";
	return scan_add_unprobed(s, &u);
}

/* Does it look like a counter, though what it adds to can't be told? Others add to what lies at an
 * index and such an offset, too, but not in the relay's own code. */
static bool scan_bump_likely(const struct scan *s, const struct elf_symbol *symbol,
			     const struct code_insn *bump, struct moqstat_site *what)
{
	enum moqstat_role role;
	enum moqstat_field field;

	if (bump->dst.index == MOQSTAT_REG_NONE || !strstr(symbol->name, "moq_net") ||
	    layout_counter(s->layout, bump->dst.disp, &role, &field))
		return false;
	what->role = role;
	what->field = field;
	return true;
}

/* A bump that no branch was found for, or that is no counter as seen from there: does the run of
 * code right before it have the shape of one? */
static int scan_bump_lost(struct scan *s, const struct code *code, const struct elf_symbol *symbol,
			  size_t bump, int why)
{
	struct bump_branch b = { 0 };
	struct site site = { 0 };
	struct eval e;
	size_t i;

	eval_init(&e);
	for (i = code_run(code, bump); i < bump; i++)
		eval_step(&e, &code->insns[i]);
	b.address = eval_address(&e, &code->insns[bump].dst);
	if (!scan_counter(s, &b, &site) &&
	    !scan_bump_likely(s, symbol, &code->insns[bump], &site.what))
		return 0;
	return scan_unprobed(s, &code->insns[bump], &site.what, why);
}

/* Add the sites of a bump. */
static int scan_add_sites(struct scan *s, const struct code *code, const struct elf_symbol *symbol,
			  int role, const struct bump_branch *branches, struct site *sites,
			  size_t len)
{
	uint32_t function;
	size_t i;
	int err = scan_function(s, symbol, role, &function);

	for (i = 0; i < len && !err; i++) {
		sites[i].guard = scan_guard(code, branches[i].insn, &sites[i].what.entry);
		err = scan_add_site_at(s, &code->insns[branches[i].insn], function, &sites[i]);
	}
	return err;
}

/* All branches that lead to one bump, if it is one of a broadcast's counters. It must be one as
 * seen from each of them. */
int scan_bump(struct scan *s, const struct code *code, const struct elf_symbol *symbol, size_t bump)
{
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	struct site sites[BUMP_BRANCHES_MAX];
	const struct moqstat_site *counter = NULL;
	bool readable = true;
	size_t i, len = 0;
	int err = bump_find(code, bump, branches, &len);

	if (err) {
		scan_note_pair(s, code, bump);
		return scan_bump_lost(s, code, symbol, bump, err);
	}
	for (i = 0; i < len; i++) {
		struct moqstat_site *what = &sites[i].what;

		sites[i] = (struct site){ .bump = code->insns[bump].addr };
		scan_note_stride(s, &branches[i].address);
		if (!scan_counter(s, &branches[i], &sites[i])) {
			readable = false;
			continue;
		}
		counter = what;
		readable = readable && what->entry.kind != MOQSTAT_OPERAND_NONE &&
			   what->tier.kind != MOQSTAT_OPERAND_NONE &&
			   eval_single(&branches[i].n, &what->n);
	}
	if (!counter) {
		scan_note_pair(s, code, bump);
		return scan_bump_lost(s, code, symbol, bump, -EINVAL);
	}
	if (!readable)
		return scan_unprobed(s, &code->insns[bump], counter, -EINVAL);
	return scan_add_sites(s, code, symbol, -1, branches, sites, len);
}

/* Is it told at the site what is opened there? `handles` say so where the thread has just named it,
 * or its path is kept; else what the thread has named last, for whatever purpose, would be taken
 * for it. */
static int scan_opening_told(const struct scan *s, const struct code *code, const struct site *site,
			     bool *told)
{
	ptrdiff_t branch = code_find(code, site->addr);

	*told = site->what.event != MOQSTAT_EVENT_BUMP || !site->what.opens || branch < 0 ||
		(site->what.handles & (MOQSTAT_HANDLE_PENDING | MOQSTAT_HANDLE_PATH));
	return *told ? 0 : scan_is_named(s, code, branch, told);
}

/* Take a bump's sites out of those from index `first` on. */
static void scan_remove(struct scan *s, size_t first, uint64_t bump)
{
	struct sites *sites = s->sites;
	size_t i, kept = first;

	for (i = first; i < sites->len; i++) {
		if (sites->list[i].what.event != MOQSTAT_EVENT_BUMP || sites->list[i].bump != bump)
			sites->list[kept++] = sites->list[i];
	}
	sites->len = kept;
}

int scan_untold(struct scan *s, const struct code *code, size_t first)
{
	size_t i = first;
	struct site site;
	ptrdiff_t bump;
	bool told;
	int err;

	while (i < s->sites->len) {
		site = s->sites->list[i];
		err = scan_opening_told(s, code, &site, &told);
		if (err)
			return err;
		bump = code_find(code, site.bump);
		if (told || bump < 0) {
			i++;
			continue;
		}
		err = scan_unprobed(s, &code->insns[bump], &site.what, -EDESTADDRREQ);
		if (err)
			return err;
		scan_remove(s, first, site.bump);
		i = first;
	}
	return 0;
}

/* Is the Arc of this counter let go right after? That tells a session's close from other
 * counters at the same offset. */
static bool scan_drops_arc(const struct code *code, size_t bump)
{
	size_t i;

	for (i = bump + 1; i < code->insns_len && i <= bump + SITES_NEAR; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->lock && insn->op == CODE_DEC && insn->dst.kind == MOQSTAT_OPERAND_MEM &&
		    !insn->dst.disp && insn->dst.index == MOQSTAT_REG_NONE)
			return true;
		if (code_ends(insn) || insn->op == CODE_CALL)
			return false;
	}
	return false;
}

/* A session's open, in StatsHandle::session, or its close, inlined where a session ends. */
int scan_session_bump(struct scan *s, const struct code *code, const struct elf_symbol *symbol,
		      size_t bump, bool in_session)
{
	const struct code_insn *insn = &code->insns[bump];
	int64_t disp = insn->dst.disp;
	bool open = in_session && disp == s->layout->session_open;
	struct moqstat_site counter = { .event = MOQSTAT_EVENT_SESSION_BUMP,
					.field = open ? MOQSTAT_SESSIONS : MOQSTAT_SESSIONS_CLOSED,
					.opens = open };
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	struct site sites[BUMP_BRANCHES_MAX];
	size_t i, len = 0;
	int err;

	if (insn->dst.index != MOQSTAT_REG_NONE || insn->op != CODE_INC ||
	    (!open && (disp != s->layout->session_close || !scan_drops_arc(code, bump))))
		return 0;
	err = bump_find(code, bump, branches, &len);
	for (i = 0; i < len && !err; i++) {
		struct eval_value base = branches[i].address;
		struct moqstat_site *what = &sites[i].what;

		base.constant = (int64_t)((uint64_t)base.constant - (uint64_t)disp);
		sites[i] = (struct site){ .bump = insn->addr, .what = counter };
		what->when = branches[i].when;
		if (!eval_single(&base, &what->entry) || what->entry.disp ||
		    what->entry.kind != MOQSTAT_OPERAND_REG ||
		    !eval_single(&branches[i].n, &what->n))
			err = -EINVAL;
	}
	if (err)
		return scan_unprobed(s, insn, &counter, err);
	return scan_add_sites(s, code, symbol, in_session ? LAYOUT_SESSION : -1, branches, sites,
			      len);
}
