/* SPDX-License-Identifier: MIT */
/*
 * toll.h - what a relay's probes cost: the processor time that hits of its sites took, by kind of
 * payload.
 *
 * While the kernel measures programs (`--bpf-stats`, or the sysctl), a hit is the program's
 * measured time and the trap's, which nobody measures; else it is what a hit is taken to cost.
 */
#ifndef MOQSTAT_TOLL_H
#define MOQSTAT_TOLL_H

#include <stdint.h>

#include "budget.h"
#include "probes.h"
#include "sites.h"

/** What of a hit's cost is the trap: an empty program costs so much (docs/adr/0029-budget.md). */
#define TOLL_TRAP 0.8

/** Sums since the probes were attached. */
struct toll_sums {
	uint64_t hits[BUDGET_KINDS]; /* of sites of payload, led on to a bump */
	uint64_t others;	     /* of all other sites */
	uint64_t runs, run_ns;	     /* of all programs at sites, as far as the kernel measures */
};

/** One relay's; zeroed before its first use. */
struct toll {
	struct toll_sums last;
	bool begun;
};

/** The kind that a site counts; BUDGET_KINDS: none that can be shed. */
enum budget_kind toll_kind(const struct moqstat_site *what);

/** Ask the kernel. 0 or -errno. */
int toll_read(const struct probes *probes, const struct sites *sites, struct toll_sums *out);

/** Add what `now` has more than the time before to *spent, where a hit costs `hit_ns`. The first
 *  time it adds nothing. */
void toll_take(struct toll *t, const struct toll_sums *now, uint32_t hit_ns,
	       struct budget_spent *spent);

#endif /* MOQSTAT_TOLL_H */
