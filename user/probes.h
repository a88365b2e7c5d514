/* SPDX-License-Identifier: MIT */
/*
 * probes.h - loads the BPF programs and attaches them to a relay's sites; all of them or none.
 *
 * Everything attached is held by file descriptors of this process: however it ends, the kernel
 * takes the probes away and the relay is as it was.
 */
#ifndef MOQSTAT_PROBES_H
#define MOQSTAT_PROBES_H

#include <stddef.h>
#include <stdint.h>

#include "sites.h"
#include "target.h"

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

struct probes_options {
	enum probes_kind kind;
	enum probes_identity identity;
	const char *leave_out;	 /* a counter whose sites are not to be probed, for tests; or NULL
				  */
	uint32_t max_broadcasts; /* bounds broadcasts, and apart from them roots by tier */
};

/** Could this process attach to anything, in this way, on this kernel? What is missing is logged
 *  with what to do. 0; -EPERM a capability or the PID namespace; -ENOTSUP the kernel. */
int probes_check(enum probes_kind kind);

/** Load and attach. `sites` and `target` must outlive the result. What fails is logged with what to
 * do; nothing stays attached then. *out is ended by probes_destroy(). Errors: -EPERM a capability
 * is missing; -EINVAL no site is called as leave_out is; -ENOTSUP the kernel lacks something (named
 * in the message); -ESRCH the relay has ended; other -errno. */
int probes_create(const struct target *target, const struct sites *sites,
		  const struct probes_options *options, struct probes **out);
void probes_destroy(struct probes *p);

/** The loaded object, for its maps. */
struct moqstat_bpf *probes_object(const struct probes *p);

/** "uprobe_multi" or "perf_event", whichever it is. */
const char *probes_kind_name(const struct probes *p);

/** How often site i of the list fired in the relay so far. */
int probes_hits(const struct probes *p, size_t site, uint64_t *hits);

#endif /* MOQSTAT_PROBES_H */
