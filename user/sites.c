/* SPDX-License-Identifier: MIT */
#include "sites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bump.h"
#include "log.h"

/* How far behind a call that allocates, or behind a session's close, its companion stands. */
#define SITES_NEAR 8

/* Strides that are noted, and how many bumps of one tell of a relay. */
#define SITES_STRIDES_MAX 512
#define SITES_STRIDES_MIN 16

/* What a scan gathers besides its result. */
struct scan {
	const struct elf_file *file;
	const struct layout *layout;
	struct sites *sites;
	size_t list_room, functions_room, unprobed_room;
	/* To explain a refusal: */
	uint32_t strides[SITES_STRIDES_MAX / 8]; /* bumps seen by stride */
	char missing[96];
};

/* Make room for one more element; the new array, or NULL. */
static void *scan_grow(void *array, size_t len, size_t *room, size_t size)
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

static int scan_add_site(struct scan *s, const struct site *site)
{
	struct site *grown =
		scan_grow(s->sites->list, s->sites->len, &s->list_room, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->sites->list = grown;
	grown[s->sites->len++] = *site;
	return 0;
}

static int scan_add_unprobed(struct scan *s, const struct sites_unprobed *u)
{
	struct sites_unprobed *grown = scan_grow(s->sites->unprobed, s->sites->unprobed_len,
						 &s->unprobed_room, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->sites->unprobed = grown;
	grown[s->sites->unprobed_len++] = *u;
	return 0;
}

/* The function of a symbol, entered once. */
static int scan_function(struct scan *s, const struct elf_symbol *symbol, int role, uint32_t *index)
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
	name = elf_demangle(symbol->name);
	if (!name)
		return -ENOMEM;
	grown[sites->functions_len] =
		(struct sites_function){ .name = name, .addr = symbol->addr, .role = role };
	*index = sites->functions_len++;
	return 0;
}

/* A site on an instruction of the decoded function. */
static int scan_site_at(struct scan *s, const struct code_insn *insn, uint32_t function,
			struct site *site)
{
	site->addr = insn->addr;
	site->class = insn->class;
	site->function = function;
	strncpy(site->insn, code_op_name(insn), sizeof(site->insn) - 1);
	return elf_file_offset(s->file, insn->addr, &site->offset);
}

/* Where E was loaded from is the guard. */
static struct moqstat_operand scan_guard(const struct code *code, size_t branch,
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
		for (reg = 0; reg < 16; reg++) {
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

/* What one branch tells of the bump; false if it is no counter of the layout. */
static bool scan_counter(const struct scan *s, const struct bump_branch *b, struct site *site)
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
	if (role != MOQSTAT_PUBLISHER ||
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
	return scan_add_unprobed(s, &u);
}

/* A bump that no branch was found for, or that is no counter as seen from there: does the run of
 * code right before it have the shape of one? */
static int scan_bump_lost(struct scan *s, const struct code *code, size_t bump, int why)
{
	struct bump_branch b = { 0 };
	struct site site = { 0 };
	struct eval e;
	size_t first, i = bump;

	while (i > 0 && !code_edges_to(code, i, &first) && !code_ends(&code->insns[i - 1]) &&
	       code->insns[i - 1].op != CODE_JCC)
		i--;
	eval_init(&e);
	for (; i < bump; i++)
		eval_step(&e, &code->insns[i]);
	b.address = eval_address(&e, &code->insns[bump].dst);
	if (!scan_counter(s, &b, &site))
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
		err = scan_site_at(s, &code->insns[branches[i].insn], function, &sites[i]);
		if (!err)
			err = scan_add_site(s, &sites[i]);
	}
	return err;
}

/* All branches that lead to one bump, if it is one of a broadcast's counters. It must be one as
 * seen from each of them. */
static int scan_bump(struct scan *s, const struct code *code, const struct elf_symbol *symbol,
		     size_t bump)
{
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	struct site sites[BUMP_BRANCHES_MAX];
	const struct moqstat_site *counter = NULL;
	bool readable = true;
	size_t i, len = 0;
	int err = bump_find(code, bump, branches, &len);

	if (err)
		return scan_bump_lost(s, code, bump, err);
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
	if (!counter)
		return scan_bump_lost(s, code, bump, -EINVAL);
	if (!readable)
		return scan_unprobed(s, &code->insns[bump], counter, -EINVAL);
	return scan_add_sites(s, code, symbol, -1, branches, sites, len);
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
static int scan_session_bump(struct scan *s, const struct code *code,
			     const struct elf_symbol *symbol, size_t bump, bool in_session)
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

static struct moqstat_operand scan_register(unsigned int reg)
{
	return (struct moqstat_operand){ .kind = MOQSTAT_OPERAND_REG,
					 .reg = reg,
					 .index = MOQSTAT_REG_NONE,
					 .scale = 1,
					 .width = 8 };
}

/* The branch after a successful allocation of `size` bytes: what is made there is new. */
static int scan_allocation(struct scan *s, const struct code *code, uint32_t function, int32_t size,
			   enum moqstat_event event)
{
	size_t i, k;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];
		bool called = false;

		if (insn->op != CODE_MOV || insn->dst.kind != MOQSTAT_OPERAND_REG ||
		    insn->dst.reg != MOQSTAT_RDI || insn->src.kind != MOQSTAT_OPERAND_IMM ||
		    insn->src.disp != size)
			continue;
		for (k = i + 1; k < code->insns_len && k <= i + SITES_NEAR; k++) {
			struct site site = { .what = { .event = event,
						       .when = MOQSTAT_WHEN_NONZERO,
						       .entry = scan_register(MOQSTAT_RAX) } };

			insn = &code->insns[k];
			called |= insn->op == CODE_CALL;
			if (insn->op != CODE_JCC)
				continue;
			if (!called || insn->cond != CODE_COND_ZERO)
				break;
			if (scan_site_at(s, insn, function, &site))
				return -ERANGE;
			return scan_add_site(s, &site);
		}
	}
	return 0;
}

/* The places of a function that is probed for what it is told: System V ABI, self in rdi, the
 * path in rsi. */
static int scan_named(struct scan *s, const struct code *code, uint32_t function,
		      enum layout_function which)
{
	struct site site = { .what = { .event = MOQSTAT_EVENT_ENTRY } };
	int err;

	if (which != LAYOUT_ENTRY && which != LAYOUT_SESSION)
		return 0;
	site.what.entry = scan_register(MOQSTAT_RSI);
	site.what.side = scan_register(MOQSTAT_RDI);
	site.what.side.kind = MOQSTAT_OPERAND_MEM;
	site.what.side.disp = s->layout->shared_of_stats;
	if (which == LAYOUT_SESSION) {
		site.what.event = MOQSTAT_EVENT_SESSION;
		site.what.tier = site.what.side;
		site.what.tier.width = 1;
		site.what.tier.disp = s->layout->tier_of_handle;
	}
	err = scan_site_at(s, &code->insns[0], function, &site);
	if (!err)
		err = scan_add_site(s, &site);
	if (!err && which == LAYOUT_ENTRY)
		err = scan_allocation(s, code, function, layout_entry_size(s->layout),
				      MOQSTAT_EVENT_ENTRY_NEW);
	if (!err && which == LAYOUT_SESSION)
		err = scan_allocation(s, code, function, s->layout->session_size,
				      MOQSTAT_EVENT_SESSION_NEW);
	return err;
}

/* Which function of the layout a symbol is, or -1. */
static int scan_which(const struct scan *s, const struct elf_symbol *symbol)
{
	int i, which = -1;
	char *name;

	/* Demangling tens of thousands of names would take longer than all the rest. */
	if (!strstr(symbol->name, "moq_net") || !strstr(symbol->name, "stats"))
		return -1;
	name = elf_demangle(symbol->name);
	for (i = 0; name && i < LAYOUT_FUNCTION_MAX; i++) {
		if (!strcmp(name, s->layout->functions[i]))
			which = i;
	}
	free(name);
	return which;
}

static int scan_symbol(struct scan *s, const struct elf_symbol *symbol, int which)
{
	const uint8_t *bytes = elf_file_bytes(s->file, symbol->addr, symbol->size);
	struct code code;
	uint32_t function;
	size_t i;
	int err;

	if (!bytes || (which < 0 && !code_may_bump(bytes, symbol->size)))
		return 0;
	err = code_init(s->file, symbol->addr, symbol->size, &code);
	if (err)
		return err;
	if (which >= 0) {
		err = scan_function(s, symbol, which, &function);
		if (!err && code.insns_len)
			err = scan_named(s, &code, function, which);
	}
	for (i = 0; i < code.insns_len && !err; i++) {
		if (!bump_is(&code.insns[i]))
			continue;
		err = scan_bump(s, &code, symbol, i);
		if (!err)
			err = scan_session_bump(s, &code, symbol, i, which == LAYOUT_SESSION);
	}
	code_deinit(&code);
	return err;
}

static int site_compare(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	if (x->what.event != y->what.event)
		return x->what.event < y->what.event ? -1 : 1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->bump < y->bump ? -1 : x->bump > y->bump;
}

static int scan_layout(struct scan *s, sites_progress progress, void *arg)
{
	size_t i, k, len;
	const struct elf_symbol *symbols = elf_file_symbols(s->file, &len);
	uint64_t end = 0;
	int err, which;

	for (i = 0; i < len; i = k) {
		/* Identical functions are folded: several names, one place. */
		which = scan_which(s, &symbols[i]);
		for (k = i + 1; k < len && symbols[k].addr == symbols[i].addr; k++) {
			if (which < 0)
				which = scan_which(s, &symbols[k]);
		}
		/* Compilers don't make functions that overlap. */
		if (symbols[i].addr < end)
			continue;
		end = symbols[i].addr + symbols[i].size;
		if (progress && i / 256 != k / 256)
			progress(i, len, arg);
		err = scan_symbol(s, &symbols[i], which);
		if (err)
			return err;
	}
	if (progress)
		progress(len, len, arg);
	return 0;
}

/* A layout is recognised when all of its functions and all of its counters are there. If not,
 * scan.missing says what isn't. */
static bool scan_recognised(struct scan *scan)
{
	const struct sites *s = scan->sites;
	size_t i;
	int role;

	for (i = 0; i < LAYOUT_FUNCTION_MAX; i++) {
		snprintf(scan->missing, sizeof(scan->missing), "no %s", s->layout->functions[i]);
		if (!sites_functions(s, i))
			return false;
	}
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (i = 0; i < s->layout->frame->fields_len; i++) {
			enum moqstat_field field = s->layout->frame->fields[i].field;

			snprintf(scan->missing, sizeof(scan->missing), "no bump of %s.%s",
				 layout_role_name(role), layout_field_name(field));
			if (!sites_bumps(s, role, field))
				return false;
		}
	}
	snprintf(scan->missing, sizeof(scan->missing), "more than %d places to probe",
		 MOQSTAT_SITES_MAX);
	return s->len <= MOQSTAT_SITES_MAX;
}

static void scan_explain(const struct scan *s, const char *path)
{
	size_t i, best = 0;

	for (i = 0; i < SITES_STRIDES_MAX / 8; i++) {
		if (s->strides[i] > s->strides[best])
			best = i;
	}
	if (s->strides[best] >= SITES_STRIDES_MIN && best * 8 == s->layout->stride)
		log_error(
			"%s: unknown layout: like that of %s (%s), but there is %s; run a relay of "
			"a release that is listed in the README, or a moqstat that knows this one",
			path, s->layout->relays, s->layout->name, s->missing);
	else if (s->strides[best] >= SITES_STRIDES_MIN)
		log_error(
			"%s: unknown layout: %u bumps of counters that are %zu bytes apart, %u are "
			"known (moq-relay 0.12.5); run a relay of a release that is listed in the "
			"README, or a moqstat that knows this one",
			path, s->strides[best], best * 8, s->layout->stride);
	else
		log_error(
			"%s: no layout of a moq-relay that is known here (moq-relay 0.12.5); name "
			"the executable of a relay",
			path);
}

int sites_scan(const struct elf_file *f, sites_progress progress, void *arg, struct sites *out)
{
	size_t i, len;
	const struct layout *all = layout_all(&len);
	struct sites sites = { 0 };
	struct scan scan;
	int err = -ENOTSUP;

	for (i = 0; i < len; i++) {
		memset(&sites, 0, sizeof(sites));
		scan = (struct scan){ .file = f, .layout = &all[i], .sites = &sites };
		sites.layout = &all[i];
		err = scan_layout(&scan, progress, arg);
		if (!err && scan_recognised(&scan))
			break;
		sites_deinit(&sites);
		if (err) {
			log_error("%s: scanning failed: %s", elf_file_path(f), strerror(-err));
			return err;
		}
		err = -ENOTSUP;
	}
	if (err) {
		scan_explain(&scan, elf_file_path(f));
		return err;
	}
	strcpy(sites.build_id, elf_file_build_id(f));
	qsort(sites.list, sites.len, sizeof(*sites.list), site_compare);
	*out = sites;
	return 0;
}

void sites_deinit(struct sites *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->functions_len; i++)
		free(s->functions[i].name);
	free(s->functions);
	free(s->list);
	free(s->unprobed);
	memset(s, 0, sizeof(*s));
}

static bool site_counts(const struct site *site, enum moqstat_role role, enum moqstat_field field)
{
	return site->what.event == MOQSTAT_EVENT_BUMP && site->what.field == field &&
	       (site->what.role == role || site->what.role == MOQSTAT_ROLE_MAX);
}

size_t sites_bumps(const struct sites *s, enum moqstat_role role, enum moqstat_field field)
{
	size_t i, k, n = 0;

	for (i = 0; i < s->len; i++) {
		if (!site_counts(&s->list[i], role, field))
			continue;
		/* A bump that several branches lead to is one. */
		for (k = 0; k < i && s->list[k].bump != s->list[i].bump; k++)
			;
		n += k == i;
	}
	return n;
}

void sites_counter_name(const struct moqstat_site *what, char *out, size_t size)
{
	static const char *const functions[] = {
		[MOQSTAT_EVENT_ENTRY] = "entry",
		[MOQSTAT_EVENT_ENTRY_NEW] = "entry-new",
		[MOQSTAT_EVENT_SESSION] = "session",
		[MOQSTAT_EVENT_SESSION_NEW] = "session-new",
	};

	if (what->event == MOQSTAT_EVENT_SESSION_BUMP)
		snprintf(out, size, "sessions.%s",
			 what->field == MOQSTAT_SESSIONS ? "sessions" : "sessions_closed");
	else if (what->event == MOQSTAT_EVENT_BUMP)
		snprintf(out, size, "%s.%s",
			 what->role == MOQSTAT_ROLE_MAX ? "side" : layout_role_name(what->role),
			 layout_field_name(what->field));
	else
		snprintf(out, size, "%s", functions[what->event]);
}

size_t sites_functions(const struct sites *s, enum layout_function which)
{
	size_t i, n = 0;

	for (i = 0; i < s->functions_len; i++)
		n += s->functions[i].role == (int)which;
	return n;
}

static size_t sites_events(const struct sites *s, enum moqstat_event event)
{
	size_t i, n = 0;

	for (i = 0; i < s->len; i++)
		n += s->list[i].what.event == event;
	return n;
}

bool sites_complete(const struct sites *s, enum moqstat_role role, enum moqstat_field field,
		    const char **reason)
{
	size_t i;

	if (!sites_functions(s, LAYOUT_ENTRY)) {
		*reason = "the function that names entries was not found";
		return false;
	}
	if (sites_events(s, MOQSTAT_EVENT_ENTRY_NEW) < sites_functions(s, LAYOUT_ENTRY)) {
		*reason = "the place where entries are made was not found";
		return false;
	}
	if (!sites_bumps(s, role, field)) {
		*reason = "no bump of it was found";
		return false;
	}
	for (i = 0; i < s->unprobed_len; i++) {
		if (!s->unprobed[i].session && s->unprobed[i].field == field &&
		    (s->unprobed[i].role == role || s->unprobed[i].role == MOQSTAT_ROLE_MAX)) {
			*reason = "one of its bumps has no place for a probe";
			return false;
		}
	}
	return true;
}

bool sites_sessions_complete(const struct sites *s, const char **reason)
{
	size_t i, opens = 0, closes = 0, unprobed = 0;

	for (i = 0; i < s->unprobed_len; i++)
		unprobed += s->unprobed[i].session;
	for (i = 0; i < s->len; i++) {
		if (s->list[i].what.event != MOQSTAT_EVENT_SESSION_BUMP)
			continue;
		opens += s->list[i].what.opens;
		closes += !s->list[i].what.opens;
	}
	if (!sites_functions(s, LAYOUT_SESSION))
		*reason = "the function that opens sessions was not found";
	else if (unprobed)
		*reason = "one of its bumps has no place for a probe";
	else if (opens < sites_functions(s, LAYOUT_SESSION))
		*reason = "the place where a session is counted was not found";
	else if (sites_events(s, MOQSTAT_EVENT_SESSION_NEW) < sites_functions(s, LAYOUT_SESSION))
		*reason = "the place where a root's counters are made was not found";
	else if (!closes)
		*reason = "no close of a session was found";
	else
		return true;
	return false;
}
