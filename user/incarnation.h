/* SPDX-License-Identifier: MIT */
/*
 * incarnation.h - the incarnations of broadcasts and roots that the live backend knows: from the
 * first time that one is seen until it is retired.
 */
#ifndef MOQSTAT_INCARNATION_H
#define MOQSTAT_INCARNATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <moqstat.h>

#include "index.h"

/** One incarnation. */
struct incarnation {
	struct moqstat_id id;
	uint64_t number;     /* id.incarnation */
	uint64_t entry;	     /* address of its Arc in the relay; 0: told by guards, not by entry */
	uint32_t slot;	     /* 0, or MOQSTAT_SLOT_SESSION + tier for a root */
	uint32_t label;	     /* the tier's number where tiers are labels, else 0 */
	uint32_t len;	     /* bytes of path */
	uint32_t shown;	     /* number it is shown under: its own, or that of one it goes on */
	bool guarded;	     /* told by guards, so that its counts say whether it is held */
	bool ended;	     /* told by guards, and nothing can begin on it any more */
	bool held;	     /* the relay may still bump it; true at first */
	bool superseded;     /* a newer one has its path or its address */
	bool retired;	     /* to be forgotten */
	bool hidden;	     /* its path or label is no text, so there is no row to show it in */
	bool fresh;	     /* its beginning was seen, with all probes attached */
	bool split;	     /* another one goes on what it began, or it goes on another */
	bool told;	     /* the programs know what was open on it before them */
	bool based;	     /* `base` is known, or zero since its beginning was seen */
	uint64_t unread;     /* CLOCK_MONOTONIC, ns: since when its own counters could not be read,
				though they should be; 0: they can */
	uint64_t payload;    /* the sum of its own counters of payload, as believed last */
	uint8_t elements[2]; /* bits: slots with an element in the maps of counters, by pass */
	uint8_t touched;     /* to be looked at: see incarnations_touch() */
	struct incarnation *older_path;	 /* the one before it under its path, */
	struct incarnation *older_entry; /* or at its address; NULL: there is none */
	uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX]; /* since the probes */
	uint64_t base[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX];   /* before them; modulo 2^64 */
	char path[];
};

/** All of them, sorted by incarnation number; zeroed before the first use. Each stays where it is
 *  until it is forgotten. */
struct incarnations {
	struct incarnation **list;
	size_t len, room;
	size_t settled;		      /* so many of them have been settled */
	struct incarnation **touched; /* those to be looked at; room for all */
	size_t touched_len;
	size_t retired;		       /* so many are marked as retired */
	struct index numbers;	       /* by number */
	struct index paths, addresses; /* the newest one of a path's hash, and of an entry */
	bool superseding; /* set by incarnations_settle() when it marks one; cleared by the caller
			   */
};

/** The one with that number, or NULL. */
struct incarnation *incarnations_find(const struct incarnations *s, uint32_t number);

/** Take in a new one, with a copy of its path; it is touched. The order is restored by
 *  incarnations_settle(). *out may be NULL. 0 or -ENOMEM. */
int incarnations_add(struct incarnations *s, const struct moqstat_id *id,
		     const struct moqstat_name *name, struct incarnation **out);

/** Something about it has changed: from now on it is one of those touched, for two calls of
 *  incarnations_calm() at least. */
void incarnations_touch(struct incarnations *s, struct incarnation *in);

/** Of those touched, leave out those that weren't touched since the last call and aren't to be
 *  watched. */
void incarnations_calm(struct incarnations *s,
		       bool (*watched)(const void *arg, const struct incarnation *in),
		       const void *arg);

/** Sort after additions, and mark what newer ones have superseded: the relay has one entry a path
 *  (of a tier, where tiers are labels) and one an address, so whatever came later has ended the
 * other. Of those told by guards, the newer one of a path goes on what the older one began. Those
 * are touched, too. */
void incarnations_settle(struct incarnations *s);

/** Is anything open on it, as counted? */
bool incarnation_open(const struct incarnation *in);

/** How many guards were opened on it since the probes. */
uint64_t incarnation_opens(const struct incarnation *in);

/** Mark it as to be forgotten. */
void incarnations_retire(struct incarnations *s, struct incarnation *in);

/** Forget those marked so. */
void incarnations_compact(struct incarnations *s);

/** Free everything and zero it. */
void incarnations_deinit(struct incarnations *s);

#endif /* MOQSTAT_INCARNATION_H */
