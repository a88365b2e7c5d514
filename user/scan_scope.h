/* SPDX-License-Identifier: MIT */
/*
 * scan_scope.h - a scan for a layout whose tiers are labels, shared by scan_scope.c (functions, and
 * what must be there) and scan_scope_name.c or scan_resolve.c (where entries and sessions are named
 * and made).
 */
#ifndef MOQSTAT_SCAN_SCOPE_H
#define MOQSTAT_SCAN_SCOPE_H

#include "scan.h"

struct scope {
	struct scan *scan;
	struct scan_found *list; /* functions that it takes besides: enum layout_scope_function */
	size_t len, room;
	bool lacks;	    /* scan.missing says what */
	bool entries_there; /* a function finds the table of entries where the layout has it */
	bool roots_there;   /* the same of that of sessions */
	const struct layout_off *off; /* NULL: nothing is told with statistics off */
	int32_t source; /* bytes from the Announce of what comes in to its scope; 0: unknown */
	bool sources_differ;
};

/** Note what isn't there, unless something else isn't. */
__attribute__((format(printf, 2, 3))) void scope_lack(struct scope *c, const char *format, ...);

/** Which of the functions that it takes besides is at an address: enum layout_scope_function, or
 *  -1. */
int scope_which(const struct scope *c, uint64_t addr);

/** Which of them does an instruction call? -1: none, or it is no call. */
int scope_callee(const struct scope *c, const struct code_insn *insn);

/** Is it one of those that may have LAYOUT_ENTRY inlined? */
bool scope_is_wrapper(int which);

/** The address that a branch leads to, be it through a slot; 0 if that isn't known. */
uint64_t scope_target(const struct scope *c, uint64_t target, uint64_t slot);

/** Add what there is to probe in a copy of LAYOUT_ENTRY; or note what lacks. */
int scope_entry(struct scope *c, const struct code *code, uint32_t function);

/** The same in LAYOUT_SCOPE_REGISTRY, which has nothing to probe. */
void scope_registry(struct scope *c, const struct code *code);

/** The same in LAYOUT_SCOPE_REPORT, where the tables are found without anything being named: by it
 *  what was there before the probes is known within a tick. Nothing lacks without. */
int scope_report(struct scope *c, const struct code *code, uint32_t function);

/** The same in a copy of LAYOUT_SESSION; without what lacks. */
int scope_session(struct scope *c, const struct code *code, uint32_t function);

/** Add the sites of a bump that counts a session as closed, where its context ends; or note it as
 *  unprobed, since that may be something else (scan_scope_close.c). *closes: is it such a bump? */
int scope_close(struct scope *c, const struct code *code, const struct elf_symbol *symbol,
		size_t bump, bool *closes);

/* ---- the same where the context resolves paths itself: scan_resolve.c ---- */

/** The same in LAYOUT_ENTRY. */
int resolve_entry(struct scope *c, const struct code *code, uint32_t function);

/** The same in whatever names roots and makes their counters: LAYOUT_SCOPE_ROOTS, or where that is
 *  inlined LAYOUT_SESSION and LAYOUT_SCOPE_MOVE. What opens sessions of roots that nothing there
 *  names is noted as unprobed. */
int resolve_roots(struct scope *c, const struct code *code, uint32_t function, int which,
		  int special);

/** In LAYOUT_SCOPE_REPORT. */
int resolve_report(struct scope *c, const struct code *code, uint32_t function);

/** Does the code make what is as large as an entry, and nothing else? */
bool resolve_makes(const struct scope *c, const struct code *code);

/** Is what was allocated in front of a branch begun where it is, rather than moved there? */
bool resolve_begins(const struct code *code, size_t branch);

/** Does a session's context end there, which is at, or behind, what a register holds? */
bool resolve_ends(const struct scope *c, const struct code *code, const struct elf_symbol *symbol,
		  int special, const struct moqstat_operand *presence);

/* ---- where the relay's statistics are off: scan_scope_off.c ---- */

/** Before all functions: is the layout's scope->off that of the file? */
void off_begin(struct scope *c);

/** For the sites from index `first` on, which are those of a function: whose it is that is counted
 *  there; and add the sites that this takes. 0, -ENOMEM or -ERANGE. */
int off_function(struct scope *c, const struct code *code, const struct elf_symbol *symbol,
		 int which, int special, size_t first);

/** Parts of that, of sessions (scan_scope_root.c): in a copy of LAYOUT_SESSION, name the root where
 *  nothing is shared, too, with the label that is found there later on; */
int off_names_root(struct scope *c, const struct code *code, uint32_t function, size_t first);

/** in LAYOUT_SCOPE_OPEN, give a context its place from where it is made on; */
int off_session(struct scope *c, const struct code *code, uint32_t function, size_t first);

/** and let it be told by that at a site where it ends. */
void off_session_ends(const struct scope *c, struct site *site);

/** Note how far an Announce is from its scope, where both are handed on. */
void off_note_source(struct scope *c, const struct code *code);

/** The same of sessions where the context resolves paths itself (scan_resolve_off.c): those that
 *  are opened there are told also where nothing is shared, or have no handle. */
int resolve_off_sessions(struct scope *c, const struct code *code, uint32_t function, int which,
			 int special, size_t first);

/** The call of LAYOUT_SCOPE_COUNTERS that has given what a register holds before an instruction;
 *  -ENOENT: none has; -ENOMEM. */
ptrdiff_t resolve_call(const struct scope *c, const struct code *code, size_t insn,
		       unsigned int reg);

/** Where the scope is that a function is called with, by a register that still has it before
 *  instruction `to`. 0; -ENOENT: that can't be told; -ENOMEM. */
int resolve_scope(const struct code *code, size_t call, size_t to, struct moqstat_operand *scope);

/** The argument that a function's scope is in, as it is asked for its entry, and where; the
 * argument is MOQSTAT_REG_NONE if that can't be told. 0 or -ENOMEM. */
int resolve_argument(const struct scope *c, const struct code *code, unsigned int *argument,
		     int32_t *at);

/** After all functions: tell the sites for which that counts. */
void off_finish(struct scope *c);

/* ---- parts of these: scan_scope_name.c ---- */

struct moqstat_operand scope_operand(uint8_t kind, unsigned int reg, int32_t disp, int32_t outer);

/** The first branch on a condition behind an instruction, before anything else is called or leads
 *  there; -1: there is none. */
ptrdiff_t scope_branch(const struct code *code, size_t from);

/** What an argument of a call is the address of: a register and how far from it; false if that
 *  can't be told. */
bool scope_argument(const struct code *code, size_t call, unsigned int arg,
		    struct moqstat_operand *out);

/** Is what a register holds used as an address, `disp` bytes on, until it holds something else? */
bool scope_is_used(const struct code *code, size_t from, unsigned int reg, int32_t disp);

/** Is the third argument put down, once, and where that is given to what takes a &Path? */
bool scope_hands_path(const struct scope *c, const struct code *code);

/** Does a function name anything else, so that the thread's last name isn't what it is called with?
 */
bool scope_names(const struct scope *c, const struct code *code);

/** From where on is the stack's pointer the same, up to an instruction? */
size_t scope_level(const struct code *code, size_t to);

#endif /* MOQSTAT_SCAN_SCOPE_H */
