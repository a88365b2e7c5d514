/* SPDX-License-Identifier: MIT */
/*
 * reach.h - which of the relay's destructors lead to the end of a guard: those in which one is
 * inlined, those that call them, and so on. All others can be left out when one is followed.
 */
#ifndef MOQSTAT_REACH_H
#define MOQSTAT_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf.h"
#include "sites.h"

/** What else a destructor is. */
enum reach_kind {
	REACH_PLAIN = 0,
	REACH_TASK,	    /* frees a tokio task: third slot of its vtable */
	REACH_TABLE,	    /* drops a hash table: its argument is the table */
	REACH_SUBSCRIPTION, /* <BroadcastSubscription as Drop>::drop */
	REACH_HOLDER,	    /* drops what refers to a session's origin, a broadcast or a track */
	REACH_CONSUMER,	    /* drops an OriginConsumer, which has the root for a Publisher */
	REACH_PRODUCER,	    /* drops an OriginProducer, which has the root for a Subscriber */
};

struct reach_function {
	uint64_t addr; /* virtual */
	uint64_t size;
	uint32_t kind; /* enum reach_kind */
	bool leads;    /* to the end of a guard */
	bool arc;      /* drops what an Arc holds, once nothing else holds it */
	bool ietf;     /* its type is of the IETF drafts' module */
};

struct reach {
	struct reach_function *list; /* by address; those that lead, and those with a kind */
	size_t len;
	uint64_t release[4]; /* __rust_dealloc, of which there may be copies */
	size_t release_len;
};

/** -ENOTSUP: there is no such function (no symbols); -ENOEXEC; -ENOMEM. */
int reach_create(const struct elf_file *f, const struct sites *sites, struct reach *out);
void reach_deinit(struct reach *r);

/** The function that an address lies in, or NULL. */
const struct reach_function *reach_find(const struct reach *r, uint64_t addr);

#endif /* MOQSTAT_REACH_H */
