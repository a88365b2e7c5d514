/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static bool scan_sets(const struct code_insn *insn, unsigned int reg, int32_t value)
{
	return insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_REG &&
	       insn->dst.reg == reg && insn->src.kind == MOQSTAT_OPERAND_IMM &&
	       insn->src.disp == value;
}

ptrdiff_t scan_allocation(const struct code *code, size_t from, size_t end, int32_t size)
{
	size_t i, k;

	for (i = from; i < code->insns_len && i < end; i++) {
		bool called = false;

		if (!scan_sets(&code->insns[i], CODE_ARG0, size))
			continue;
		for (k = i + 1; k < code->insns_len && k <= i + SITES_NEAR; k++) {
			const struct code_insn *insn = &code->insns[k];

			called |= insn->op == CODE_CALL;
			if (insn->op != CODE_JCC)
				continue;
			if (called && insn->cond == CODE_COND_ZERO)
				return k;
			break;
		}
	}
	return -1;
}

int scan_made(struct scan *s, const struct code *code, uint32_t function, int32_t size,
	      enum moqstat_event event)
{
	ptrdiff_t branch = scan_allocation(code, 0, code->insns_len, size);
	struct site site = { .what = { .event = event,
				       .when = MOQSTAT_WHEN_NONZERO,
				       .entry = eval_register(CODE_RESULT, 0) } };

	if (branch < 0)
		return 0;
	return scan_add_site_at(s, &code->insns[branch], function, &site);
}

/* The places of a function that is probed for what it is told: self, and the path. */
static int scan_named(struct scan *s, const struct code *code, uint32_t function,
		      enum layout_function which)
{
	struct site site = { .what = { .event = MOQSTAT_EVENT_ENTRY } };
	int err;

	if (which != LAYOUT_ENTRY && which != LAYOUT_SESSION)
		return 0;
	site.what.entry = eval_register(CODE_ARG1, 0);
	site.what.side = eval_register(CODE_ARG0, 0);
	site.what.side.kind = MOQSTAT_OPERAND_MEM;
	site.what.side.disp = s->layout->shared_of_stats;
	if (which == LAYOUT_SESSION) {
		site.what.event = MOQSTAT_EVENT_SESSION;
		site.what.tier = site.what.side;
		site.what.tier.width = 1;
		site.what.tier.disp = s->layout->tier_of_handle;
	}
	err = scan_add_site_at(s, &code->insns[0], function, &site);
	if (!err && which == LAYOUT_ENTRY)
		err = scan_made(s, code, function, layout_entry_size(s->layout),
				MOQSTAT_EVENT_ENTRY_NEW);
	if (!err && which == LAYOUT_SESSION)
		err = scan_made(s, code, function, s->layout->session_size,
				MOQSTAT_EVENT_SESSION_NEW);
	return err;
}

const char *scan_callee(const struct scan *s, const struct code_insn *insn)
{
	size_t len;
	const struct elf_symbol *symbol =
		insn->target ? elf_file_symbols_at(s->file, insn->target, &len) : NULL;

	return symbol && symbol->addr == insn->target && *symbol->name ? symbol->name : NULL;
}

int scan_callee_which(const struct scan *s, const struct code_insn *insn)
{
	return insn->target ? scan_which(s, insn->target) : -1;
}

static int scan_symbol(void *scan, const struct elf_symbol *symbol)
{
	struct scan *s = scan;
	int which = scan_which(s, symbol->addr);
	const uint8_t *bytes = elf_file_bytes(s->file, symbol->addr, symbol->size);
	size_t i, first = s->sites->len;
	struct code code;
	uint32_t function;
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
	if (!err)
		err = scan_guards(s, &code, first);
	if (!err)
		err = scan_untold(s, &code, first);
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

/* Is the function that names entries among those found? */
static bool scan_names_entries(const struct scan *s)
{
	size_t i;

	for (i = 0; i < s->found_len; i++) {
		if (s->found[i].which == LAYOUT_ENTRY)
			return true;
	}
	return false;
}

/* How are paths let go? */
static int scan_drops(struct scan *s)
{
	int err = s->layout->shared_paths ? scan_texts(s) : 0;

	s->drops = (struct path_drop_how){ .shared = (int32_t)s->layout->shared_of_stats,
					   .arcs = s->layout->shared_paths,
					   .ends = s->texts.ends,
					   .ends_len = s->texts.ends_len,
					   .holders = s->texts.holders,
					   .holders_len = s->texts.holders_len };
	return err;
}

int scan_each(const struct elf_file *f, sites_progress progress, void *progress_arg,
	      int (*take)(void *arg, const struct elf_symbol *symbol), void *arg)
{
	size_t i, k, len;
	const struct elf_symbol *symbols = elf_file_symbols(f, &len);
	uint64_t end = 0;
	int err;

	for (i = 0; i < len; i = k) {
		for (k = i + 1; k < len && symbols[k].addr == symbols[i].addr; k++)
			;
		/* Compilers don't make functions that overlap. */
		if (symbols[i].addr < end)
			continue;
		end = symbols[i].addr + symbols[i].size;
		if (progress && i / 256 != k / 256)
			progress(i, len, progress_arg);
		err = take(arg, &symbols[i]);
		if (err)
			return err;
	}
	if (progress)
		progress(len, len, progress_arg);
	return 0;
}

/* `whole`: even if it can't be this layout, for what else is told of the file. */
static int scan_layout(struct scan *s, bool whole, sites_progress progress, void *arg)
{
	int err = scan_find(s);

	if (err || (!whole && (s->elsewhere || !scan_names_entries(s))))
		return err;
	err = scan_drops(s);
	if (!err)
		err = scan_each(s->file, progress, arg, scan_symbol, s);
	return err ? err : scan_tables(s);
}

/* Does BroadcastSubscription's drop find the entry where the layout has it? That tells how paths
 * lie in memory, too, since the fields are ordered by what is in them. */
static bool scan_subscription(struct scan *scan)
{
	const struct sites *s = scan->sites;
	size_t i, n = 0;

	snprintf(scan->missing, sizeof(scan->missing), "no entry where its %s would find one",
		 s->layout->functions[LAYOUT_UNSUBSCRIBE]);
	for (i = 0; i < s->len; i++) {
		const struct moqstat_site *what = &s->list[i].what;

		if (s->functions[s->list[i].function].role != LAYOUT_UNSUBSCRIBE ||
		    what->event != MOQSTAT_EVENT_BUMP)
			continue;
		n++;
		if (what->guard.kind != MOQSTAT_OPERAND_REG ||
		    what->guard.disp != (int32_t)s->layout->entry_of_subscription)
			return false;
	}
	/* Without a name it may not have been found. */
	return n || (scan->nameless && layout_tables_differ(s->layout));
}

/* A layout is recognised when all of its functions and all of its counters are there. If not,
 * scan.missing says what isn't. Where functions have no names, those that were not found only make
 * what rests on them unavailable. */
static bool scan_recognised(struct scan *scan)
{
	const struct sites *s = scan->sites;
	size_t i;
	int role;

	if (scan->elsewhere) {
		snprintf(scan->missing, sizeof(scan->missing),
			 "no table where its %s would find one", scan->elsewhere);
		return false;
	}
	scan->passed++;
	for (i = 0; i < LAYOUT_FUNCTION_MAX; i++) {
		if (scan->nameless && i != LAYOUT_ENTRY)
			continue; /* what rests on it is unavailable */
		snprintf(scan->missing, sizeof(scan->missing), "no %s%s%s", s->layout->functions[i],
			 scan->nameless ? " by name or by what it does: "
			 : scan->why	? ": "
					: "",
			 scan->why	  ? scan->why
			 : scan->nameless ? "nothing allocates entries"
					  : "");
		if (!sites_functions(s, i))
			return false;
	}
	scan->passed++;
	if (!scan_subscription(scan))
		return false;
	scan->passed++;
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

/* The stride that most of the bumps seen have, bytes; 0 if they tell of no relay. */
static uint32_t scan_stride(const struct scan *s)
{
	size_t i, best = 0;

	for (i = 0; i < SITES_STRIDES_MAX / 8; i++) {
		if (s->strides[i] > s->strides[best])
			best = i;
	}
	return s->strides[best] >= SITES_STRIDES_MIN ? best * 8 : 0;
}

/* Are the layout's counters by tier that far apart? */
static bool scan_has_stride(const struct scan *s, uint32_t stride)
{
	return stride && s->layout->stride == stride && !s->layout->scope;
}

/* Does another layout tell more of the file than the nearest one so far? */
static bool scan_is_nearer(const struct scan *s, const struct scan *nearest, uint32_t stride)
{
	bool fits = scan_has_stride(s, stride), nearest_fits = scan_has_stride(nearest, stride);

	if (fits != nearest_fits)
		return fits;
	return s->passed > nearest->passed;
}

static void scan_explain(const struct scan *s, const struct scan_pairs *pairs, uint32_t stride)
{
	const char *path = elf_file_name(s->file);
	uint32_t apart = stride ? stride : scan_pairs_stride(pairs);
	char known[256], later[1024];
	/* Later releases have functions of the same names. */
	bool scoped = s->layout->scope && s->passed &&
		      (!scan_later_stride(pairs) || scan_later_stride(pairs) == s->layout->stride);

	layout_relays(known, sizeof(known));
	if (s->elsewhere || scan_has_stride(s, stride) || scoped)
		log_error(
			"%s: unknown layout: like that of %s (%s), but there is %s; run a relay of "
			"a release that is listed in the README, or a moqstat that knows this one",
			path, s->layout->relays, s->layout->name, s->missing);
	else if (scan_explain_later(s->file, pairs, later, sizeof(later)))
		log_error("%s: %s", path, later);
	else if (apart)
		log_error(
			"%s: unknown layout: most of its counters are %u bytes apart, which is so "
			"in none that is known (%s); run a relay of a release that is listed in the "
			"README, or a moqstat that knows this one",
			path, apart, known);
	else
		log_error(
			"%s: no layout of a moq-relay that is known here (%s); name the executable of a relay",
			path, known);
}

/* Is it a relay with that layout? Then *fits. */
static int scan_one(struct scan *s, bool whole, sites_progress progress, void *arg, bool *fits)
{
	int err;

	if (s->layout->scope)
		return scan_scoped(s, progress, arg, fits);
	err = scan_layout(s, whole, progress, arg);
	*fits = !err && scan_recognised(s);
	return err;
}

/* A search for the layout that a file has. */
struct scan_search {
	const struct elf_file *file;
	sites_progress progress;
	void *arg;					/* of that */
	struct scan nearest;				/* the layout that is most like it */
	uint32_t stride;				/* of its counters; 0 if that isn't known */
	struct scan_pairs pairs[SITES_STRIDES_MAX / 8]; /* counters of later releases */
};

/* Look for a layout that fits: what was found is put into *out. -ENOTSUP: there is none. `whole`:
 * find out its stride, whatever it takes, and note counters of later releases. */
static int scan_all(struct scan_search *search, bool whole, struct sites *out)
{
	size_t i, len;
	const struct layout *all = layout_all(&len);
	int err;

	for (i = 0; i < len; i++) {
		struct sites sites = { .layout = &all[i] };
		struct scan scan = { .file = search->file, .layout = &all[i], .sites = &sites };
		bool fits;

		scan.pairs = whole && !i ? search->pairs : NULL;
		err = scan_one(&scan, whole && !i, search->progress, search->arg, &fits);
		free(scan.found);
		if (!err && fits) {
			*out = sites;
			return 0;
		}
		sites_deinit(&sites);
		if (err)
			return err;
		search->stride = search->stride ? search->stride : scan_stride(&scan);
		if (!i || scan_is_nearer(&scan, &search->nearest, search->stride))
			search->nearest = scan;
	}
	return -ENOTSUP;
}

int sites_scan(const struct elf_file *f, sites_progress progress, void *arg, struct sites *out)
{
	size_t len;
	struct scan_search search = { .file = f,
				      .progress = progress,
				      .arg = arg,
				      .nearest = { .file = f, .layout = layout_all(&len) } };
	struct sites sites;
	int err = scan_all(&search, false, &sites);

	if (err == -ENOTSUP && !search.stride)
		err = scan_all(&search, true, &sites);
	if (err == -ENOTSUP)
		scan_explain(&search.nearest, search.pairs, search.stride);
	else if (err)
		log_error("%s: scanning failed: %s", elf_file_name(f), strerror(-err));
	if (err)
		return err;
	strcpy(sites.build_id, elf_file_build_id(f));
	qsort(sites.list, sites.len, sizeof(*sites.list), site_compare);
	*out = sites;
	return 0;
}
