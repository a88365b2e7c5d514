/* SPDX-License-Identifier: MIT */
/*
 * census.h - what is open in a relay at this moment, by path, tier and role, whether its statistics
 * are on or off: told from its memory alone. See docs/adr/0010-census.md.
 */
#ifndef MOQSTAT_CENSUS_H
#define MOQSTAT_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <moqstat.h>

#include "census_plan.h"
#include "target.h"

/** What a guard stands for. */
enum census_kind {
	CENSUS_ANNOUNCE = 0, /* announced, until announced_closed */
	CENSUS_TRACK,	     /* subscriptions, until subscriptions_closed */
	CENSUS_BROADCAST,    /* broadcasts: a session's first to last subscription to a path */
	CENSUS_SESSION,	     /* sessions; only those that the relay itself counts */
	CENSUS_KIND_MAX
};

/** One guard that is open. */
struct census_item {
	uint8_t kind; /* enum census_kind */
	uint8_t role; /* enum moqstat_role; MOQSTAT_ROLE_MAX for sessions */
	uint8_t tier; /* enum moqstat_tier */
	bool shared;  /* the guard is in an Arc of its own (the two counts are in front of it) */
	uint32_t len; /* bytes of path */
	uint32_t key_len;
	uint64_t key_last; /* last of the three words of its path there */
	char *path;	   /* absolute path, or a session's root; UTF-8, no NUL at its end */
	uint64_t guard;	   /* its address in the relay; of the Arc of counts for CENSUS_BROADCAST */
	uint64_t entry;	   /* the pointer in it to its counters: 0 where statistics are off */
	uint64_t owner;	   /* announces: the word in front of the guard */
	uint64_t table;	   /* announces: address of the hash table that holds it */
	char *key;	   /* announces: the path by which it is in that table */
};

struct census {
	struct census_item *items; /* by kind, path, tier, role, guard */
	size_t len, room;
	size_t untold[CENSUS_KIND_MAX]; /* open, but whose can't be told */
	size_t tasks;			/* live tasks looked at */
	size_t tasks_untold;		/* of which nothing could be told: they kept changing */
};

/** Take it. The relay goes on meanwhile: what opens or closes in these milliseconds may be in it
 *  or not, all else is. Paths under the prefix of the relay's own statistics, which it doesn't
 *  count, are among them. Nothing is stopped or written. *out is ended by census_deinit().
 *  -ESRCH: the process has ended; -ENOENT: it doesn't run the plan's executable; what
 *  target_read() gives; -ENOMEM. */
int census_read(const struct target *target, const struct census_plan *plan, struct census *out);
void census_deinit(struct census *c);

/** "announce", "track", "broadcast", "session". */
const char *census_kind_name(enum census_kind kind);

#endif /* MOQSTAT_CENSUS_H */
