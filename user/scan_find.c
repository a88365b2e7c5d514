/* SPDX-License-Identifier: MIT */
/* Which function is which: by its name, or by what it does. See docs/adr/0009-stripped.md. */
#include "scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How far into a function one looks for what it does with its arguments, on so many ways. */
#define FIND_LINE 256
#define FIND_WAYS 8

/* Different functions called in front of opening bumps, and functions with a bump whose side is
 * only known when it fires. A relay has 2 and 3. */
#define FIND_MAX 64

/* One of the layout's functions, perhaps. */
struct find_candidate {
	const struct elf_symbol *symbol;
	enum layout_function which;
};

struct find {
	struct scan *scan;
	uint64_t called[FIND_MAX]; /* in front of opening bumps */
	size_t called_len;
	struct find_candidate list[FIND_MAX];
	size_t len;
	const char *why; /* static text: why entries can't be told; or NULL */
};

/* ---- by name ------------------------------------------------------------------------------------
 */

/* Which function of the layout a symbol is, or -1; -ENOMEM. */
static int find_by_name(const struct scan *s, const struct elf_symbol *symbol)
{
	int i, which = -1;
	char *name;

	/* Demangling tens of thousands of names would take longer than all the rest. */
	if (!strstr(symbol->name, "moq_net") || !strstr(symbol->name, "stats"))
		return -1;
	name = elf_demangle(symbol->name);
	if (!name)
		return -ENOMEM;
	for (i = 0; i < LAYOUT_FUNCTION_MAX; i++) {
		if (!strcmp(name, s->layout->functions[i]))
			which = i;
	}
	free(name);
	return which;
}

static int find_add(struct scan *s, uint64_t addr, int which)
{
	struct scan_found *grown =
		scan_grow(s->found, s->found_len, &s->found_room, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->found = grown;
	grown[s->found_len++] = (struct scan_found){ .addr = addr, .which = which };
	return 0;
}

static int found_compare(const void *a, const void *b)
{
	const struct scan_found *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

int scan_found_at(const struct scan_found *list, size_t len, uint64_t addr)
{
	struct scan_found key = { .addr = addr };
	const struct scan_found *found = NULL;

	if (len)
		found = bsearch(&key, list, len, sizeof(key), found_compare);
	return found ? found->which : -1;
}

int scan_which(const struct scan *s, uint64_t addr)
{
	return scan_found_at(s->found, s->found_len, addr);
}

int scan_find_named(struct scan *s)
{
	size_t i, k, len;
	const struct elf_symbol *symbols = elf_file_symbols(s->file, &len);
	int err = 0, which;

	for (i = 0; i < len && !err; i = k) {
		/* Identical functions are folded: several names, one place. */
		which = find_by_name(s, &symbols[i]);
		for (k = i + 1; k < len && symbols[k].addr == symbols[i].addr; k++) {
			if (which == -1)
				which = find_by_name(s, &symbols[k]);
		}
		if (which == -ENOMEM)
			err = which;
		else if (which >= 0)
			err = find_add(s, symbols[i].addr, which);
	}
	return err;
}

/* ---- what a function does ---- */

static bool find_allocates(const struct code *code, uint32_t size)
{
	return scan_allocation(code, 0, code->insns_len, (int32_t)size) >= 0;
}

typedef bool (*find_test)(const struct eval *e, const struct code_insn *insn, const struct scan *s);

/* A way into a function: what is known where it goes on. */
struct find_way {
	size_t insn;
	struct eval e;
};

/* Note where a branch would lead to, unless that was noted before. */
static void find_fork(struct find_way *ways, size_t *len, const struct eval *e, ptrdiff_t to)
{
	size_t i;

	for (i = 0; i < *len && ways[i].insn != (size_t)to; i++)
		;
	if (to >= 0 && i == *len && i < FIND_WAYS)
		ways[(*len)++] = (struct find_way){ .insn = to, .e = *e };
}

bool scan_keeps(const struct eval *e, const struct code_insn *insn)
{
	struct moqstat_operand place;
	struct eval_value v;

	if (code_saves(insn))
		return true;
	if (insn->op != CODE_MOV || insn->dst.kind != MOQSTAT_OPERAND_MEM)
		return false;
	v = eval_address(e, &insn->dst);
	return eval_single(&v, &place) && place.kind == MOQSTAT_OPERAND_REG &&
	       place.reg == CODE_STACK && place.disp < 0;
}

static bool find_way(const struct code *code, find_test is, const struct scan *s,
		     struct find_way *ways, size_t *len, struct find_way *at)
{
	size_t i, end = at->insn + FIND_LINE;

	for (i = at->insn; i < code->insns_len && i < end; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (is(&at->e, insn, s))
			return true;
		if ((insn->op == CODE_JCC || insn->op == CODE_JMP) && insn->target)
			find_fork(ways, len, &at->e, code_find(code, insn->target));
		if (code_ends(insn))
			return false;
		if (!scan_keeps(&at->e, insn))
			eval_step(&at->e, insn);
	}
	return false;
}

/* Go along the first ways into a function, straight on and then by each branch, until `is` says so
 * of an instruction, in terms of what registers held at the entry. That is no proof of what other
 * ways do. */
static bool find_line(const struct code *code, find_test is, const struct scan *s)
{
	struct find_way ways[FIND_WAYS], at;
	size_t i, len = 1;
	bool found = false;

	ways[0].insn = 0;
	eval_init(&ways[0].e);
	for (i = 0; i < len && !found; i++) {
		at = ways[i];
		found = find_way(code, is, s, ways, &len, &at);
	}
	return found;
}

/* Is the term `factor` times what lies at `disp` in *self, self being the first argument? */
static bool find_term_of_self(const struct eval_term *t, int64_t factor, uint32_t disp,
			      unsigned int width)
{
	struct moqstat_operand self = { .kind = MOQSTAT_OPERAND_MEM,
					.reg = CODE_ARG0,
					.index = MOQSTAT_REG_NONE,
					.scale = 1,
					.width = width,
					.disp = (int32_t)disp };

	return t->factor == factor && eval_operand_equal(&t->atom, &self);
}

/* The address that an instruction reads a pointer from, or that a function is called with. */
static bool find_address(const struct eval *e, const struct code_insn *insn, struct eval_value *out)
{
	if (insn->op == CODE_CALL)
		*out = e->regs[CODE_ARG0];
	else if (insn->op == CODE_MOV && insn->src.kind == MOQSTAT_OPERAND_MEM &&
		 insn->src.width == 8)
		*out = eval_address(e, &insn->src);
	else
		return false;
	return out->known && !out->chooses;
}

/* self.shared.entries is read, or locked. */
static bool find_uses_entries(const struct eval *e, const struct code_insn *insn,
			      const struct scan *s)
{
	struct eval_value v;

	return find_address(e, insn, &v) && v.terms_len == 1 &&
	       v.constant == s->layout->entries_of_shared &&
	       find_term_of_self(&v.terms[0], 1, s->layout->shared_of_stats, 8);
}

/* self.shared.sessions[self.tier] is read, or locked. */
static bool find_uses_sessions(const struct eval *e, const struct code_insn *insn,
			       const struct scan *s)
{
	const struct layout *l = s->layout;
	struct eval_value v;
	unsigned int i, terms = 0;

	if (!find_address(e, insn, &v) || v.terms_len != 2 || v.constant != l->sessions_of_shared)
		return false;
	for (i = 0; i < 2; i++) {
		if (find_term_of_self(&v.terms[i], 1, l->shared_of_stats, 8))
			terms |= 1;
		if (find_term_of_self(&v.terms[i], 8, l->tier_of_handle, 1))
			terms |= 2;
	}
	return terms == 3;
}

/* Is it one of the words of the path that is the second argument, or where that lies? */
static bool find_of_path(const struct eval_value *v, bool words)
{
	struct moqstat_operand path;

	return eval_single(v, &path) && path.kind == MOQSTAT_OPERAND_REG && path.reg == CODE_ARG1 &&
	       (words ? path.disp == 8 || path.disp == 16 : path.disp == 0);
}

/* A path that is the second argument is read; or it is put down, to be handed on. */
static bool find_uses_path(const struct eval *e, const struct code_insn *insn, const struct scan *s)
{
	struct eval_value from = eval_address(e, &insn->src), to = eval_address(e, &insn->dst);
	struct eval_value value = eval_operand(e, &insn->src);

	(void)s;
	if (insn->op != CODE_LEA && (find_of_path(&from, true) || find_of_path(&to, true)))
		return true;
	return insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_MEM && !code_saves(insn) &&
	       find_of_path(&value, false);
}

/* A third argument is used, which the function doesn't have by its source: so the second isn't what
 * it is there, either. */
static bool find_uses_third(const struct eval *e, const struct code_insn *insn,
			    const struct scan *s)
{
	const struct moqstat_operand *operands[] = { &insn->src, &insn->src2, &insn->dst };
	size_t i, k;

	(void)s;
	if (insn->op == CODE_ZERO || code_saves(insn))
		return false;
	for (i = 0; i < 3; i++) {
		const struct moqstat_operand *op = operands[i];
		struct eval_value v =
			op->kind == MOQSTAT_OPERAND_MEM ? eval_address(e, op) : eval_operand(e, op);

		/* Only written. */
		if (op == &insn->dst && op->kind == MOQSTAT_OPERAND_REG && insn->op != CODE_CMP &&
		    insn->op != CODE_TEST)
			continue;
		for (k = 0; v.known && k < v.terms_len; k++) {
			if (v.terms[k].atom.kind == MOQSTAT_OPERAND_REG &&
			    v.terms[k].atom.reg == CODE_ARG2)
				return true;
		}
	}
	return false;
}

/* Is it called with a path, as its source has it, behind itself? */
static bool find_takes_path(const struct code *code, const struct scan *s)
{
	return find_line(code, find_uses_path, s) && !find_line(code, find_uses_third, s);
}

/* Entries are asked for with the same self, which comes second: what is returned comes first. */
static bool find_asks_for_entry(const struct eval *e, const struct code_insn *insn,
				const struct scan *s)
{
	struct moqstat_operand self = { .kind = MOQSTAT_OPERAND_REG,
					.reg = CODE_TO_ARG0,
					.index = MOQSTAT_REG_NONE,
					.scale = 1,
					.width = 8 };
	struct moqstat_operand given;

	return insn->op == CODE_CALL && insn->target &&
	       scan_which(s, insn->target) == LAYOUT_ENTRY &&
	       eval_single(&e->regs[CODE_ARG0], &given) && eval_operand_equal(&given, &self);
}

static bool find_calls_entry(const struct scan *s, const struct code *code)
{
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		if (code->insns[i].op == CODE_CALL && code->insns[i].target &&
		    scan_which(s, code->insns[i].target) == LAYOUT_ENTRY)
			return true;
	}
	return false;
}

static bool find_opens_session(const struct scan *s, const struct code *code)
{
	size_t i;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (bump_is(insn) && insn->op == CODE_INC && insn->dst.index == MOQSTAT_REG_NONE &&
		    insn->dst.disp == (int32_t)s->layout->session_open)
			return true;
	}
	return false;
}

/* Does the code bear out what a function is taken for? */
static bool find_is(const struct scan *s, const struct code *code, enum layout_function which)
{
	switch (which) {
	case LAYOUT_ENTRY:
		return find_allocates(code, layout_entry_size(s->layout)) &&
		       find_line(code, find_uses_entries, s) && find_takes_path(code, s);
	case LAYOUT_SUBSCRIBE:
		return find_line(code, find_asks_for_entry, s);
	case LAYOUT_UNSUBSCRIBE:
		return !find_calls_entry(s, code);
	case LAYOUT_SESSION:
		return find_opens_session(s, code) &&
		       find_allocates(code, s->layout->session_size) &&
		       find_line(code, find_uses_sessions, s) && find_takes_path(code, s);
	default:
		return false;
	}
}

/* ---- candidates ---- */

static void find_note_called(struct find *f, uint64_t called)
{
	size_t i;

	for (i = 0; i < f->called_len && f->called[i] != called; i++)
		;
	if (i < f->called_len)
		return;
	if (i == FIND_MAX)
		f->why = "too many functions are called before an opening is counted";
	else
		f->called[f->called_len++] = called;
}

static void find_note(struct find *f, const struct elf_symbol *symbol, enum layout_function which)
{
	size_t i;

	for (i = 0; i < f->len; i++) {
		if (f->list[i].symbol == symbol && f->list[i].which == which)
			return;
	}
	if (f->len < FIND_MAX)
		f->list[f->len++] = (struct find_candidate){ .symbol = symbol, .which = which };
}

/* Are tier and side neighbours in one object? A pointer to that may be kept on the stack. */
static bool find_is_sided(const struct moqstat_site *what)
{
	struct moqstat_operand next = what->tier;

	if (next.kind == MOQSTAT_OPERAND_MEM)
		next.disp++;
	else if (next.kind == MOQSTAT_OPERAND_DEREF)
		next.outer++;
	else
		return false;
	return next.width == 1 && eval_operand_equal(&next, &what->side);
}

/* What a bump of a broadcast's counter tells of the function that it is in, or of those that have
 * given it the entry. */
static void find_bump(struct find *f, const struct code *code, const struct elf_symbol *symbol,
		      size_t bump)
{
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	struct scan_givers givers = { .len = 0 };
	bool opens = false;
	size_t i, len = 0;

	if (bump_find(code, bump, branches, &len))
		return;
	for (i = 0; i < len; i++) {
		struct site site = { 0 };

		if (!scan_counter(f->scan, &branches[i], &site))
			continue;
		if (site.what.role != MOQSTAT_ROLE_MAX && site.what.opens) {
			opens = true;
			if (!givers.len)
				scan_givers(code, branches[i].insn, &site.what.entry, &givers);
		} else if (site.what.role == MOQSTAT_ROLE_MAX && find_is_sided(&site.what)) {
			find_note(f, symbol,
				  site.what.opens ? LAYOUT_SUBSCRIBE : LAYOUT_UNSUBSCRIBE);
		}
	}
	for (i = 0; i < givers.len; i++)
		find_note_called(f, givers.addrs[i]);
	if (opens && !givers.len)
		f->why = "an opening is counted without a call before it";
}

static int find_candidates(struct find *f, const struct elf_symbol *symbol)
{
	const struct scan *s = f->scan;
	struct code code;
	size_t i;
	int err = code_init(s->file, symbol->addr, symbol->size, &code);

	if (err)
		return err;
	for (i = 0; i < code.insns_len; i++) {
		if (bump_is(&code.insns[i]))
			find_bump(f, &code, symbol, i);
	}
	if (find_is(s, &code, LAYOUT_SESSION))
		find_note(f, symbol, LAYOUT_SESSION);
	code_deinit(&code);
	return 0;
}

/* ---- verdicts ---- */

/* Take a function without a name for what it does; one with a name is what that says. */
static int find_confirm(struct find *f, const struct elf_symbol *symbol, enum layout_function which,
			bool *is)
{
	struct code code;
	int err, known = scan_which(f->scan, symbol->addr);

	*is = known == (int)which;
	if (known >= 0 || *symbol->name)
		return 0;
	err = code_init(f->scan->file, symbol->addr, symbol->size, &code);
	if (err)
		return err;
	*is = find_is(f->scan, &code, which);
	code_deinit(&code);
	if (*is)
		err = find_add(f->scan, symbol->addr, which);
	/* Kept sorted, to be looked up; there are but a few. */
	if (f->scan->found_len)
		qsort(f->scan->found, f->scan->found_len, sizeof(*f->scan->found), found_compare);
	return err;
}

/* All that is called right before something opens must be the function that names entries: if one
 * isn't, what the others are is no longer sure. */
static int find_entries(struct find *f)
{
	size_t i, len;
	int err = 0;

	for (i = 0; i < f->called_len && !f->why && !err; i++) {
		const struct elf_symbol *symbol =
			elf_file_symbols_at(f->scan->file, f->called[i], &len);
		bool is = false;

		if (symbol && symbol->addr == f->called[i])
			err = find_confirm(f, symbol, LAYOUT_ENTRY, &is);
		if (!is)
			f->why = "what is called before an opening is counted is not it";
	}
	return err;
}

/* Forget the entries that structure told, and with them what rests on them. */
static void find_forget(struct scan *s)
{
	size_t i, len, kept = 0;

	for (i = 0; i < s->found_len; i++) {
		const struct elf_symbol *symbol =
			elf_file_symbols_at(s->file, s->found[i].addr, &len);

		if (symbol && *symbol->name)
			s->found[kept++] = s->found[i];
	}
	s->found_len = kept;
}

static int find_structure(struct scan *s, const struct elf_symbol *symbols, size_t len)
{
	struct find f = { .scan = s };
	uint64_t end = 0;
	size_t i;
	bool is;
	int err = 0;

	for (i = 0; i < len && !err; i++) {
		const struct elf_symbol *symbol = &symbols[i];
		const uint8_t *bytes = elf_file_bytes(s->file, symbol->addr, symbol->size);

		if (symbol->addr < end)
			continue;
		end = symbol->addr + symbol->size;
		if (bytes && code_may_bump(bytes, symbol->size))
			err = find_candidates(&f, symbol);
	}
	if (!err)
		err = find_entries(&f);
	if (f.why) {
		find_forget(s);
		s->why = f.why;
		return err;
	}
	for (i = 0; i < f.len && !err; i++)
		err = find_confirm(&f, f.list[i].symbol, f.list[i].which, &is);
	return err;
}

/* Does it add anything to memory, locked? */
static int find_has_bump(const struct scan *s, const struct elf_symbol *symbol, bool *has)
{
	struct code code;
	size_t i;
	int err = code_init(s->file, symbol->addr, symbol->size, &code);

	if (err)
		return err;
	for (i = 0; i < code.insns_len && !*has; i++)
		*has = bump_is(&code.insns[i]);
	code_deinit(&code);
	return 0;
}

/* Is there code without a name that may count something? */
static int find_nameless(struct scan *s, const struct elf_symbol *symbols, size_t len)
{
	size_t i;
	int err = 0;

	for (i = 0; i < len && !s->nameless && !err; i++) {
		const uint8_t *bytes = elf_file_bytes(s->file, symbols[i].addr, symbols[i].size);

		if (!*symbols[i].name && bytes && code_may_bump(bytes, symbols[i].size))
			err = find_has_bump(s, &symbols[i], &s->nameless);
	}
	return err;
}

/* Does the code of a function find the layout's tables where they are, and take a path as it does?
 */
static int find_arguments(const struct scan *s, const struct scan_found *found, uint64_t *end,
			  bool *table, bool *path)
{
	size_t len;
	const struct elf_symbol *symbol = elf_file_symbols_at(s->file, found->addr, &len);
	struct code code;
	int err;

	/* Compilers don't make functions that overlap. */
	if (!symbol || found->addr < *end)
		return 0;
	*end = found->addr + symbol->size;
	err = code_init(s->file, found->addr, symbol->size, &code);
	if (err)
		return err;
	*table |= find_line(
		&code, found->which == LAYOUT_ENTRY ? find_uses_entries : find_uses_sessions, s);
	*path = find_takes_path(&code, s);
	code_deinit(&code);
	return 0;
}

/* A name says which function it is, not that the tables it uses lie where this layout has them:
 * releases with the same counters have them elsewhere. Nor does it say how it is called: whoever
 * compiles a whole program at once may have given it other arguments. */
static int find_bear_out(struct scan *s)
{
	static const enum layout_function users[] = { LAYOUT_ENTRY, LAYOUT_SESSION };
	size_t i, k, kept;
	int err = 0;

	for (i = 0; i < sizeof(users) / sizeof(users[0]) && !err; i++) {
		bool any = false, there = false;
		uint64_t end = 0;

		for (k = 0, kept = 0; k < s->found_len; k++) {
			bool path = s->found[k].which != (int)users[i];

			any |= !path;
			if (!path && !err)
				err = find_arguments(s, &s->found[k], &end, &there, &path);
			if (!path && !err)
				s->why = "what has its name is not called with a path";
			if (path || err)
				s->found[kept++] = s->found[k];
		}
		s->found_len = kept;
		if (any && !there)
			s->elsewhere = s->layout->functions[users[i]];
	}
	return err;
}

int scan_find(struct scan *s)
{
	size_t len;
	const struct elf_symbol *symbols = elf_file_symbols(s->file, &len);
	int err = scan_find_named(s);

	if (!err)
		err = find_bear_out(s);
	if (!err)
		err = find_nameless(s, symbols, len);
	return err || !s->nameless ? err : find_structure(s, symbols, len);
}
