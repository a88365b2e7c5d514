/* SPDX-License-Identifier: MIT */
/*
 * inventory.h - what the relay's memory tells of what was there before the probes: its entries and
 * their paths, and what it had counted. Read only, and believed only where it fits.
 */
#ifndef MOQSTAT_INVENTORY_H
#define MOQSTAT_INVENTORY_H

#include <stddef.h>
#include <stdint.h>

#include <moqstat.h>

#include "layout.h"
#include "target.h"

/** The head of an Arc (std::sync::Arc): its counts of strong and weak references. */
struct inventory_arc {
	uint64_t strong;
	uint64_t weak;
};

/** One entry of the relay's tables. */
struct inventory_item {
	uint64_t entry;		    /* address of its Arc */
	uint32_t slot;		    /* 0 for a broadcast, MOQSTAT_SLOT_SESSION + tier for a root */
	uint32_t len;		    /* bytes of path, at most MOQSTAT_PATH_MAX */
	char *path;		    /* UTF-8 */
	struct moqstat_label label; /* of its tier, where tiers are labels; `len` is more than
				       MOQSTAT_LABEL_MAX of one that is longer */
};

struct inventory {
	struct inventory_item *items;
	size_t len, room;
	size_t skipped; /* entries whose path is too long */
};

/** Take in an entry with the path of which these are the words. *item is zeroed but for its other
 *  members. -EAGAIN: it is being changed; -EBADMSG: it makes no sense; -ENOMEM; or what
 *  target_read() gives. */
int inventory_take(const struct target *target, const struct layout *layout, const uint64_t path[3],
		   struct inventory_item *item, struct inventory *out);

/** Forget all entries but the first `len`. */
void inventory_cut(struct inventory *inventory, size_t len);

/** Does an Arc look alive? The relay's own table holds one reference, each guard another, and
 *  nothing holds weak ones. Freed memory says something else: glibc keeps a list pointer and a
 *  random key there. */
bool inventory_arc_alive(const struct inventory_arc *arc);

/** Walk the relay's tables from the pointer that Stats holds to them. The relay may change them
 *  meanwhile, so each table is read twice and must be the same. *out is ended by
 *  inventory_deinit(). -EAGAIN: it did change, try later; -EBADMSG: what is there is no such
 *  table; what target_read() gives; -ENOMEM. */
int inventory_read(const struct target *target, const struct layout *layout, uint64_t shared,
		   struct inventory *out);
void inventory_deinit(struct inventory *inventory);

/** Bytes of an entry, with its Arc's head. */
size_t inventory_size(const struct layout *layout, uint32_t slot);

/** The counters in an entry's bytes, by slot and field. */
void inventory_counts(const struct layout *layout, uint32_t slot, const uint8_t *bytes,
		      uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX]);

#endif /* MOQSTAT_INVENTORY_H */
