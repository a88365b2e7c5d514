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

/** One incarnation. */
struct incarnation {
	struct moqstat_id id;
	uint64_t entry; /* address of its Arc in the relay; 0: told by guards, not by entry */
	uint32_t slot;	/* 0, or MOQSTAT_SLOT_SESSION + tier for a root */
	uint32_t len;	/* bytes of path */
	char *path;
	uint32_t shown;	 /* number it is shown under: its own, or that of one it goes on */
	bool guarded;	 /* told by guards, so that its counts say whether it is held */
	bool ended;	 /* told by guards, and nothing can begin on it any more */
	bool held;	 /* the relay may still bump it; true at first */
	bool superseded; /* a newer one has its path or its address */
	bool retired;	 /* to be forgotten */
	bool hidden;	 /* its path is no text, so there is no row to show it in */
	bool fresh;	 /* its beginning was seen, with all probes attached */
	bool split;	 /* another one goes on what it began, or it goes on another */
	bool based;	 /* `base` is known, or zero since its beginning was seen */
	uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX]; /* since the probes */
	uint64_t base[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX];   /* before them; modulo 2^64 */
};

/** All of them, sorted by incarnation number; zeroed before the first use. */
struct incarnations {
	struct incarnation *list;
	size_t len, room;
	bool superseding; /* set by incarnations_settle() when it marks one; cleared by the caller
			   */
};

/** The one with that number, or NULL. Valid until the next one is added. */
struct incarnation *incarnations_find(const struct incarnations *s, uint32_t number);

/** Take in a new one, with a copy of its path. The order is restored by incarnations_settle().
 *  0 or -ENOMEM. */
int incarnations_add(struct incarnations *s, const struct moqstat_id *id,
		     const struct moqstat_name *name);

/** Sort after additions, and mark what newer ones have superseded: the relay has one entry a path
 *  and one an address, so whatever came later has ended the other. Of those told by guards, the
 *  newer one of a path goes on what the older one began. 0 or -ENOMEM. */
int incarnations_settle(struct incarnations *s);

/** Is anything open on it, as counted? */
bool incarnation_open(const struct incarnation *in);

/** How many guards were opened on it since the probes. */
uint64_t incarnation_opens(const struct incarnation *in);

/** Forget those marked as retired. */
void incarnations_compact(struct incarnations *s);

/** Free everything and zero it. */
void incarnations_deinit(struct incarnations *s);

#endif /* MOQSTAT_INCARNATION_H */
