/* SPDX-License-Identifier: MIT */
/*
 * scan_scope.h - a scan for a layout whose tiers are labels, shared by scan_scope.c (functions, and
 * what must be there) and scan_scope_name.c (where entries and sessions are named and made).
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

#endif /* MOQSTAT_SCAN_SCOPE_H */
