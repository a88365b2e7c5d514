/* SPDX-License-Identifier: MIT */
/*
 * scan.h - a scan in progress, shared by scan.c (layouts, what is probed in functions), scan_find.c
 * (which function is which), scan_bump.c (bumps) and scan_later.c (what later releases have); and
 * by scan_scope.c, scan_resolve.c and scan_pair.c, where tiers are labels.
 */
#ifndef MOQSTAT_SCAN_H
#define MOQSTAT_SCAN_H

#include "bump.h"
#include "path_drop.h"
#include "sites.h"
#include "text_end.h"

/* How far behind a call that allocates, or behind a session's close, its companion stands. */
#define SITES_NEAR 8

/* Strides that are noted, and how many bumps of one tell of a relay. */
#define SITES_STRIDES_MAX 512
#define SITES_STRIDES_MIN 16

/* Calls in one function whose result is put in the same place: 2 in any relay. */
#define SCAN_GIVERS_MAX 16

/* What an IETF publisher keeps of a broadcast that it has announced, as in the name of its drop. */
#define SCAN_IETF_ITEM "(moq_net::ietf::request::RequestId"

/* A function of the layout. */
struct scan_found {
	uint64_t addr;
	int which; /* enum layout_function */
};

/* Bumps of pairs of counters (bump_pair.h) of one stride, as later releases have them. */
struct scan_pairs {
	uint32_t bumps;
	uint32_t picked; /* of these, by a conditional move */
	uint64_t fields; /* bit by offset / 8 */
};

/* What a scan gathers besides its result. */
struct scan {
	const struct elf_file *file;
	const struct layout *layout;
	struct sites *sites;
	size_t list_room, functions_room, unprobed_room;
	struct scan_found *found; /* by address */
	size_t found_len, found_room;
	struct path_drop_how drops; /* with what these tell: */
	struct text_ends texts;
	bool nameless; /* some code that may count has no name: functions were also found by what
			* they do */
	/* To explain a refusal: */
	uint32_t strides[SITES_STRIDES_MAX / 8]; /* bumps seen by stride */
	struct scan_pairs *pairs; /* by stride / 8: SITES_STRIDES_MAX / 8 of them; or NULL */
	const char *elsewhere; /* of the layout: a function whose tables are elsewhere; or NULL */
	const char *why;       /* static text: why functions could not be told by what they do */
	unsigned int passed;   /* kinds of things that were all there */
	char missing[192];
};

/** Make room for one more element of `size` bytes; the new array, or NULL. */
void *scan_grow(void *array, size_t len, size_t *room, size_t size);

/** Find the functions of the layout: by name, and where code has none by what it does. The caller
 *  frees scan.found. 0; -ENOMEM; -ERANGE. */
int scan_find(struct scan *s);

/** Which of those that were found is at that address: its `which`, or -1. */
int scan_found_at(const struct scan_found *list, size_t len, uint64_t addr);

/** Hand each function of the file's to `take`, with one of the symbols at its address; until that
 *  fails, with what it said. */
int scan_each(const struct elf_file *f, sites_progress progress, void *progress_arg,
	      int (*take)(void *arg, const struct elf_symbol *symbol), void *arg);

/** Which function of the layout, once found, is at that address: enum layout_function, or -1. */
int scan_which(const struct scan *s, uint64_t addr);

/** Functions that have given an entry. */
struct scan_givers {
	uint64_t addrs[SCAN_GIVERS_MAX];
	size_t len; /* 0: that can't be told */
};

/** Which functions have given the entry that a branch tests? */
void scan_givers(const struct code *code, size_t branch, const struct moqstat_operand *entry,
		 struct scan_givers *out);

/** Where paths share their texts: find scan.texts, by names, or where there are none by what lets
 * go of a BroadcastSubscription, whose drop was found. 0, -ENOMEM or -ERANGE. */
int scan_texts(struct scan *s);

/** What one branch to a bump tells of it; false if it is no counter of a broadcast. */
bool scan_counter(const struct scan *s, const struct bump_branch *b, struct site *site);

/** Note a bump that is no counter of the layout, if it is one of later releases. */
void scan_note_pair(struct scan *s, const struct code *code, size_t bump);

/** The stride of most pairs that are picked; 0 if they tell of no relay. */
uint32_t scan_pairs_stride(const struct scan_pairs pairs[SITES_STRIDES_MAX / 8]);

/** The stride of the release below that has most of the bumps; 0 if they tell of none. */
uint32_t scan_later_stride(const struct scan_pairs pairs[SITES_STRIDES_MAX / 8]);

/** Is the file a relay of a release that is known, but can't be counted on? Then say which, for
 *  people, in out[size]. */
bool scan_explain_later(const struct elf_file *f,
			const struct scan_pairs pairs[SITES_STRIDES_MAX / 8], char *out,
			size_t size);

/** Note a bump that can't be probed. 0 or -ENOMEM. */
int scan_add_unprobed(struct scan *s, const struct sites_unprobed *u);

/** Where the entry was loaded from that `entry` is at a branch: the guard's address. */
struct moqstat_operand scan_guard(const struct code *code, size_t branch,
				  const struct moqstat_operand *entry);

/** Add a site to the result. 0 or -ENOMEM. */
int scan_add_site(struct scan *s, const struct site *site);

/** The index of a symbol's function in the result, entered if it is new; `role` as in
 *  sites_function. 0 or -ENOMEM. */
int scan_function(struct scan *s, const struct elf_symbol *symbol, int role, uint32_t *index);

/** Fill in where a site is, on that instruction of that function, and add it. 0; -ERANGE outside
 * the file's loaded segments; -ENOMEM. */
int scan_add_site_at(struct scan *s, const struct code_insn *insn, uint32_t function,
		     struct site *site);

/** Add the sites of the bump at index `bump`, if it is one of a broadcast's counters. 0, also where
 *  it is none; -ENOMEM; -ERANGE. */
int scan_bump(struct scan *s, const struct code *code, const struct elf_symbol *symbol,
	      size_t bump);

/** The same for a session's counters; `in_session` within StatsHandle::session. */
int scan_session_bump(struct scan *s, const struct code *code, const struct elf_symbol *symbol,
		      size_t bump, bool in_session);

/** For the sites from index `first` on, once it is known whose guard each is: take out the bumps
 * that open what isn't told there, and note them as unprobed. 0 or -ENOMEM. */
int scan_untold(struct scan *s, const struct code *code, size_t first);

/** Add the sites of the bump at index `bump`, if it is one of a pair of the layout's counters, or
 *  note it as unprobed (scan_pair.c). 0, also where it is none; -ENOMEM; -ERANGE. */
int scan_pair_bump(struct scan *s, const struct code *code, const struct elf_symbol *symbol,
		   size_t bump);

/** All of a scan where tiers are labels (scan_scope.c), as scan_find() and what follows it are of
 *  the others. What isn't there is put into scan.missing, and *fits is false. 0; -ENOMEM; -ERANGE.
 */
int scan_scoped(struct scan *s, sites_progress progress, void *arg, bool *fits);

/** Find the functions of the layout by name: part of scan_find(). 0 or -ENOMEM. */
int scan_find_named(struct scan *s);

/** The branch behind a successful allocation of `size` bytes, aligned to 8, at or after the
 *  instruction `from` and before `end`; -1 if there is none. What is made is then in
 *  CODE_RESULT. */
ptrdiff_t scan_allocation(const struct code *code, size_t from, size_t end, int32_t size);

/** Add the place where an entry is made, or a root's counters, if it is there: what is allocated is
 *  new. 0, -ENOMEM or -ERANGE. */
int scan_made(struct scan *s, const struct code *code, uint32_t function, int32_t size,
	      enum moqstat_event event);

/** Does an instruction put something on the function's own stack? That is nothing that it was
 *  given, which `e` is in terms of. */
bool scan_keeps(const struct eval *e, const struct code_insn *insn);

/** Mangled name of the function that is called, or NULL. */
const char *scan_callee(const struct scan *s, const struct code_insn *insn);

/** Which function of the layout that is (enum layout_function), or -1. */
int scan_callee_which(const struct scan *s, const struct code_insn *insn);

/** Tell, for the sites in this function's code (those from index `first` on), whose guard it is
 *  where the entry pointer is null; and add the sites that this takes. 0, -ENOMEM or -ERANGE. */
int scan_guards(struct scan *s, const struct code *code, size_t first);

/** Where E is kept that a branch tests, as an address in terms of registers (or a word in memory)
 * as they are there. False: that can't be told. */
bool scan_guard_address(const struct code *code, size_t branch, const struct moqstat_operand *entry,
			struct moqstat_operand *out);

/** The same for where guards are put and taken from: part of scan_guards(). */
int scan_places(struct scan *s, const struct code *code, size_t first, uint32_t function,
		bool ietf);

/** Does the code from index `from` on leave the function, by no branch, before it gets to `to`? */
bool scan_returns(const struct code *code, size_t from, size_t to);

/** Does the thread, by all ways that lead to a branch, name a path in the same function (which
 * calls LAYOUT_ENTRY) and then no other? 0 or -ENOMEM. */
int scan_is_named(const struct scan *s, const struct code *code, size_t branch, bool *named);

/** Where what a call returns is put at a place, right after it and on no other way: the
 * instruction; -1 if it isn't, or if that is no call. */
ptrdiff_t scan_is_put(const struct code *code, size_t call, const struct moqstat_operand *place);

/** May a store from one instruction to another, ends left out, have changed what is kept there? */
bool scan_stored(const struct code *code, size_t from, size_t to,
		 const struct moqstat_operand *place);

/** Is `guard` a place in one object, all through the function, where nothing is put but what calls
 *  have returned? */
bool scan_is_kept(const struct code *code, const struct moqstat_operand *guard);

/** The next of those calls, from the instruction `from` on; -1: there are no more. */
ptrdiff_t scan_put(const struct code *code, size_t from, const struct moqstat_operand *guard);

/** Where is the path that the entry stands for which is kept at `guard`, if both are kept in one
 *  object all through the function? False: that can't be told. */
bool scan_kept_path(const struct scan *s, const struct code *code,
		    const struct moqstat_operand *guard, struct moqstat_operand *out);

/** For the sites from index `first` on: add those where a branch in front, if the entry is null,
 *  leads past the site's own. 0, -ENOMEM or -ERANGE. */
int scan_skipped(struct scan *s, const struct code *code, size_t first);

/** After all functions: the tables whose guards are let go by another function. */
int scan_tables(struct scan *s);

#endif /* MOQSTAT_SCAN_H */
