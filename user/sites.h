/* SPDX-License-Identifier: MIT */
/*
 * sites.h - where in a relay's executable each counter is bumped, found by decoding its code,
 * without debug information.
 *
 * A bump is one locked add to a counter. A site is one branch through which execution gets to a
 * bump, and which a probe can stand on; a bump has one or more. See docs/adr/0002-sites.md.
 */
#ifndef MOQSTAT_SITES_H
#define MOQSTAT_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "code.h"
#include "elf.h"
#include "layout.h"

/** One place to probe. */
struct site {
	uint64_t addr;	     /* virtual address of the probed instruction */
	uint64_t offset;     /* of it in the file: what a uprobe takes */
	uint64_t bump;	     /* virtual address of the locked add; 0 for functions */
	uint8_t class;	     /* enum code_class */
	char insn[8];	     /* "je", "jne", "push", … */
	uint32_t function;   /* index into sites.functions */
	const char *refused; /* why it has no probe, by whoever attached; static text or NULL */
	struct moqstat_operand guard; /* address of the guard G; kind NONE where it isn't known */
	struct moqstat_site what;     /* what the program there needs */
};

/** A function that holds sites. */
struct sites_function {
	char *name; /* demangled */
	uint64_t addr;
	int32_t role; /* enum layout_function, or -1 */
};

/** A bump without a place to probe: its counter can't be exact. */
struct sites_unprobed {
	uint64_t bump;
	const char *reason;	/* static text */
	enum moqstat_role role; /* MOQSTAT_ROLE_MAX: either */
	bool session;		/* of a session, which has no role */
	uint8_t field;		/* enum moqstat_field, or enum moqstat_session_field */
};

struct sites {
	const struct layout *layout;
	char build_id[ELF_BUILD_ID_TEXT];
	struct site *list; /* by event, then address */
	size_t len;
	struct sites_function *functions;
	size_t functions_len;
	struct sites_unprobed *unprobed;
	size_t unprobed_len;
	bool cached; /* read back, not scanned */
};

/** Tells how far a scan is, in functions. */
typedef void (*sites_progress)(size_t done, size_t all, void *arg);

/** Scan an executable. What makes it unusable is logged. *out is ended by sites_deinit().
 *  -ENOTSUP: no known layout; -ENOMEM. */
int sites_scan(const struct elf_file *f, sites_progress progress, void *arg, struct sites *out);
void sites_deinit(struct sites *s);

/** Bumps of one counter that can be probed, each counted once; `role` MOQSTAT_ROLE_MAX counts
 *  those whose role is only known when they fire, which count for either role too. */
size_t sites_bumps(const struct sites *s, enum moqstat_role role, enum moqstat_field field);

/** What a site is for, for people and for tests: "publisher.bytes"; "side.broadcasts" where the
 *  role is known when it fires; "sessions.sessions"; "entry", "entry-new", "scope", "session",
 *  "session-new" for functions. Cut off to `size` bytes with the NUL. */
void sites_counter_name(const struct moqstat_site *what, char *out, size_t size);

/** Copies of a function found. */
size_t sites_functions(const struct sites *s, enum layout_function which);

/** Is what the counter needs there: at least one bump, none unprobed, its functions found, and no
 *  probe of these refused? If not, *reason says what is missing; static text. */
bool sites_complete(const struct sites *s, enum moqstat_role role, enum moqstat_field field,
		    const char **reason);

/** The same for the session counters. */
bool sites_sessions_complete(const struct sites *s, const char **reason);

/** Is there, besides, what it takes where the relay's statistics are off: a way to tell whose
 *  guard it is, at each of its sites, and the places where those ways are learnt? */
bool sites_guarded(const struct sites *s, enum moqstat_role role, enum moqstat_field field,
		   const char **reason);

/** The same for the session counters. */
bool sites_sessions_guarded(const struct sites *s, const char **reason);

/** Is it told of any bump where the relay's statistics are off? */
bool sites_told_off(const struct sites *s);

/** Where tiers are labels and the relay's statistics are off, is it told to which tier frames and
 *  bytes go? */
bool sites_told_apart(const struct sites *s);

/** Is an opening of anything missed? Where identities are told by guards, a broadcast of which it
 * is may then be taken for ended too early, and begin anew from zero. */
bool sites_openings_missed(const struct sites *s);

/** How the identity of a site's guard is told where entry pointers are null; static text. Some need
 *  no way: only an unwinding panic leads there, or the announcement of a path that is announced
 *  already, which the relay's origin rules out (docs/adr/0007-guards.md). Should one fire all the
 *  same, that is counted under MOQSTAT_LOST_GUARD_UNKNOWN. */
const char *sites_identity_text(const struct site *site);

#endif /* MOQSTAT_SITES_H */
