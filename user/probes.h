/* SPDX-License-Identifier: MIT */
/*
 * probes.h - loads the BPF programs and attaches them to a relay's sites: to all of them, or to
 * none; or, by best effort, to those where the kernel takes a probe.
 *
 * Everything attached is held by file descriptors of this process: however it ends, the kernel
 * takes the probes away and the relay is as it was.
 */
#ifndef MOQSTAT_PROBES_H
#define MOQSTAT_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sites.h"
#include "target.h"

struct closer;
struct moqstat_bpf;
struct probes;

/** How to attach. */
enum probes_kind {
	PROBES_AUTO = 0,     /* uprobe_multi where the kernel has it, else perf_event */
	PROBES_UPROBE_MULTI, /* one link a program; Linux 6.6 and later */
	PROBES_PERF_EVENT,   /* one event a site */
};

/** How to tell whose counter is bumped. */
enum probes_identity {
	PROBES_IDENTITY_AUTO = 0, /* by entry pointer where the relay's statistics are on, else by
				     guard */
	PROBES_IDENTITY_GUARD,	  /* by guard, whatever there is: to check the one by the other */
};

/** How to count payload: bytes, frames, groups. */
enum probes_hot {
	PROBES_HOT_AUTO = 0, /* read where the relay's statistics are on and its layout and sites
				let it; else by probes */
	PROBES_HOT_PROBE,    /* a probe at each bump */
	PROBES_HOT_READ,     /* read from the relay's own counters, or not at all */
};

struct probes_options {
	enum probes_kind kind;
	enum probes_identity identity;
	enum probes_hot hot;
	const char *leave_out;	 /* a counter whose sites are not to be probed, for tests; or NULL
				  */
	uint32_t max_broadcasts; /* bounds broadcasts, and apart from them roots by tier */
	bool best_effort;	 /* leave out sites that can't be probed */
	bool apart;		 /* bytes, frames and groups can be taken away, each by itself */
	struct closer *closer;	 /* takes the probes away, and must outlive them */
};

/** Could this process attach to anything, in this way, on this kernel? What is missing is logged
 *  with what to do. 0; -EPERM a capability or the PID namespace; -ENOTSUP the kernel. */
int probes_check(enum probes_kind kind);

/** Load and attach. `sites` and `target` must outlive the result. What fails is logged with what to
 * do; nothing stays attached then. *out is ended by probes_destroy(). Errors: -EPERM a capability
 * is missing; -EINVAL no site is called as leave_out is; -ENOTSUP the kernel lacks something, or
 * takes no probe at a site (named in the message), or PROBES_HOT_READ can't be; -EMFILE too few
 * files may be open; -ESRCH the relay has ended; other -errno. */
int probes_create(const struct target *target, const struct sites *sites,
		  const struct probes_options *options, struct probes **out);
void probes_destroy(struct probes *p);

/** The loaded object, for its maps. */
struct moqstat_bpf *probes_object(const struct probes *p);

/** "uprobe_multi" or "perf_event", whichever it is. */
const char *probes_kind_name(const struct probes *p);

/** How many sites have a probe, or would but for leave_out; less those that were taken away. */
size_t probes_sites(const struct probes *p);

/** Take the probes of bytes, frames or groups away, which must be `apart`. The closer does that, so
 *  that some hits are still to come. */
void probes_take_away(struct probes *p, enum moqstat_field field);

/** Put them back, once the closer has nothing left. 0; -ESRCH, -ESTALE the relay has ended, or runs
 * something else; -ENOTSUP the kernel takes them no longer; other -errno. After an error they are
 *  away as before. Both do nothing where payload has no probes. */
int probes_put_back(struct probes *p, enum moqstat_field field);

/** Can the relay's own counters be read, should its statistics be on? */
bool probes_readable(const struct probes *p);

/** Take away the probes that are of use only where the relay's statistics are off, and fire often.
 */
void probes_take_calls(struct probes *p);

/** Take the probes at bumps of payload away: its counters are read from now on. */
void probes_take_hot(struct probes *p);

/** How many bumps of payload have no probe: all or none. */
size_t probes_cold(const struct probes *p);

/** How often site i of the list fired in the relay so far. */
int probes_hits(const struct probes *p, size_t site, uint64_t *hits);

/** Why site i of the list has no probe, by best effort; static text. NULL where it has one. */
const char *probes_refused(const struct probes *p, size_t site);

#endif /* MOQSTAT_PROBES_H */
