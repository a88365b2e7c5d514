/* SPDX-License-Identifier: MIT */
/*
 * seed.h - what was open in the relay before the probes were attached: taken from a census, and put
 * where the programs and the counts expect it, so that nothing counts twice. See
 * docs/adr/0010-census.md.
 */
#ifndef MOQSTAT_SEED_H
#define MOQSTAT_SEED_H

#include <stdbool.h>
#include <stddef.h>

#include "census.h"
#include "incarnation.h"
#include "target.h"

struct moqstat_bpf;

/** How to read the programs' counters into the incarnations, once more. 0 or -errno. */
typedef int (*seed_read)(void *arg);

/** What a seeding is made of; all of it the caller's. */
struct seed {
	struct moqstat_bpf *object; /* loaded, and its probes attached */
	const struct target *target;
	const struct census_plan *plan;
	const char *prefix; /* paths under it are left out */
	struct incarnations *known;
	seed_read read;
	void *arg;
};

/** What came of it. */
struct seed_result {
	bool on;	      /* the relay's own statistics are on: there are entry pointers */
	bool off;	      /* they are off */
	size_t open;	      /* guards that were open before the probes */
	size_t untold;	      /* guards that are open, but whose can't be told */
	size_t restless;      /* counts that never held still: what was open of them may be off */
	struct census census; /* the last one; ended by census_deinit() */
};

/** Take the census, tell the programs whose the guards are, and set the base of every count, where
 *  identities are told by guards. Where the relay's statistics are on it only gives the census.
 *  Errors: as of census_read(), or of `read`. */
int seed_take(const struct seed *s, struct seed_result *out);

#endif /* MOQSTAT_SEED_H */
