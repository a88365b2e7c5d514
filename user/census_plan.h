/* SPDX-License-Identifier: MIT */
/*
 * census_plan.h - what has to be known of an executable to tell what is open in a process that
 * runs it: which destructors lead to the end of a guard, their code, where in them guards end.
 */
#ifndef MOQSTAT_CENSUS_PLAN_H
#define MOQSTAT_CENSUS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf.h"
#include "reach.h"
#include "sites.h"
#include "text_end.h"

/** A branch at which a guard ends. */
struct census_close {
	uint64_t addr; /* virtual */
	struct moqstat_site what;
};

/** Where a session's guard lies beside what names it, from the code that makes it. */
struct census_session {
	int64_t root; /* offset of the root's path from the guard */
	int64_t tier; /* and of the tier's byte */
};

struct census_plan {
	const struct layout *layout;
	struct reach reach;
	uint8_t **code; /* of reach.list[i]; from the file, since probes alter it in the process */
	struct census_close *closes; /* by address */
	size_t closes_len;
	struct census_session *sessions; /* all that were found, each once */
	size_t sessions_len;
	struct text_ends texts; /* where paths are shared; addresses of functions only */
	int64_t producer_root;	/* offset of the root in an OriginProducer, or -1 */
	int64_t consumer_root;	/* and in an OriginConsumer */
	uint64_t anchor;	/* an address of the code, */
	uint64_t anchor_offset; /* and where it is in the file */
};

/** -ENOTSUP: the executable has no symbols, so that its types can't be told; -ENOEXEC; -ENOMEM.
 *  *out is ended by census_plan_destroy(). */
int census_plan_create(const struct elf_file *f, const struct sites *sites,
		       struct census_plan **out);
void census_plan_destroy(struct census_plan *p);

/** The close at an address, or NULL. */
const struct census_close *census_plan_close(const struct census_plan *p, uint64_t addr);

#endif /* MOQSTAT_CENSUS_PLAN_H */
