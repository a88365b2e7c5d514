/* SPDX-License-Identifier: MIT */
/*
 * collect_live.h - the collect backend that reads the BPF maps of attached probes.
 */
#ifndef MOQSTAT_COLLECT_LIVE_H
#define MOQSTAT_COLLECT_LIVE_H

#include "census_plan.h"
#include "collect.h"
#include "layout.h"
#include "percpu.h"
#include "probes.h"
#include "target.h"

/** Whether the relay's own statistics are on, as far as it has shown. */
enum collect_live_statistics {
	COLLECT_LIVE_UNKNOWN = 0,
	COLLECT_LIVE_ON,
	COLLECT_LIVE_OFF,
};

/** What is known of the time before the probes. */
struct collect_live_info {
	enum collect_live_statistics statistics;
	bool inventoried; /* the relay's tables have been walked */
	size_t existing;  /* broadcasts and roots that had begun before the probes were attached */
	bool guarded;	  /* identities are told by guards, not by entry pointers */
	bool seeded;	  /* what was open when the probes were attached is known */
	size_t open;	  /* so many guards were, where identities are told by guards */
	bool batches;	  /* maps are read in batches, not element by element */
	size_t cold;	  /* bumps of payload without a probe, which are all or none */
	bool reading;	  /* its counters are read from the relay's own */
	bool missing;	  /* but not those of all entries that there are */
	size_t untold;	  /* and of so many it can't be told whose they are, or how many */
	size_t opened, closed;	   /* elements of these maps, when they were read last */
	const struct tiers *tiers; /* where they are found, as in batches; else NULL */
};

/** What a live backend reads from. All of it stays the caller's and must outlive the backend. */
struct collect_live_source {
	struct probes *probes; /* attached */
	const struct target *target;
	const struct layout *layout;
	const struct census_plan *plan; /* NULL where there is none: what was open isn't known */
	const char *prefix;		/* of the stats broadcast; paths under it don't count */
	bool no_unattributed;		/* leave out the row of what can't be named */
	enum percpu_way maps;		/* how to read them */
};

/** *out is ended by collect_destroy(). -ENOMEM. */
int collect_live_create(const struct collect_live_source *source, struct collect **out);

/** What `c`, which is from collect_live_create(), knows of the time before it. */
struct collect_live_info collect_live_info(const struct collect *c);

#endif /* MOQSTAT_COLLECT_LIVE_H */
