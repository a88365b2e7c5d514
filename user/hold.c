/* SPDX-License-Identifier: MIT */
#include "hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inventory.h"
#include "log.h"

/* Entries of which something is open are held, unless a close was missed: so many of them are
 * looked at in each reading, besides all others. */
#define HOLD_LOOKS 4096

/* An entry's own counters aren't always those that were counted. A thread of the relay may be held
 * up between a probe and its bump: then one of them lags, for each such thread. Lost bumps, and
 * those that aren't probed, make them larger. Only where so many differ and one of them can't be,
 * it is no entry. */
#define HOLD_DIFFER 4

/* By so much no counter outgrows what was counted of one broadcast: of bytes 35 TB. Pointers are
 * more. */
#define HOLD_AHEAD (1ULL << 45)

/* What is told by guards has no memory of its own to look at, nor has the overflow, which is for
 * ever. */
static bool hold_has_memory(const struct incarnation *in)
{
	return in->entry && in->id.hash;
}

/* Those whose memory is to be looked at: all that are touched, and some of the others. */
static size_t hold_choose(struct hold *h, struct incarnation **out)
{
	const struct incarnations *known = h->known;
	size_t looks = known->len < HOLD_LOOKS ? known->len : HOLD_LOOKS, len = 0, i;

	for (i = 0; i < known->touched_len; i++) {
		if (hold_has_memory(known->touched[i]))
			out[len++] = known->touched[i];
	}
	for (i = 0; i < looks; i++, h->look++) {
		h->look = h->look < known->len ? h->look : 0;
		if (!known->list[h->look]->touched && hold_has_memory(known->list[h->look]))
			out[len++] = known->list[h->look];
	}
	return len;
}

/* If that is news, what was counted on it by now is to be read as final. */
static void hold_set(struct hold *h, struct incarnation *in, bool held)
{
	if (in->held == held)
		return;
	in->held = held;
	incarnations_touch(h->known, in);
	if (!held)
		counts_add(h->counts, in);
}

static void hold_all(struct hold *h)
{
	size_t i;

	for (i = 0; i < h->known->len; i++)
		hold_set(h, h->known->list[i], true);
}

bool hold_owns(const struct layout *layout, const struct incarnation *in, const uint8_t *bytes)
{
	uint64_t there[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX], ahead;
	unsigned int slot, field, differ = 0;
	bool possible = true;

	memset(there, 0, sizeof(there));
	inventory_counts(layout, in->slot, bytes, there);
	for (slot = 0; slot < MOQSTAT_SLOT_MAX; slot++) {
		for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
			ahead = there[slot][field] - in->base[slot][field] -
				in->counts[slot][field];
			differ += ahead != 0;
			possible &= ahead < HOLD_AHEAD;
		}
	}
	return possible || differ < HOLD_DIFFER;
}

/* Is it still the entry that it was? Only of those on which nothing is open that is asked: what is
 * open is held by its guards. */
static bool hold_is_own(const struct hold *h, const struct incarnation *in)
{
	size_t size = inventory_size(h->layout, in->slot);
	uint8_t *bytes;
	bool readable, own;

	if (!in->based || incarnation_open(in))
		return true;
	bytes = malloc(size);
	own = !bytes || target_read(h->target, &in->entry, 1, size, bytes, &readable) ||
	      !readable || hold_owns(h->layout, in, bytes);
	free(bytes);
	return own;
}

int hold_check(struct hold *h)
{
	size_t room = h->known->touched_len + HOLD_LOOKS + 1, len, i;
	struct incarnation **some = calloc(room, sizeof(struct incarnation *));
	uint64_t *addresses = calloc(room, sizeof(*addresses));
	struct inventory_arc *arcs = calloc(room, sizeof(*arcs));
	bool *readable = calloc(room, sizeof(*readable));
	int err = -ENOMEM;

	if (!some || !addresses || !arcs || !readable)
		goto out;
	len = hold_choose(h, some);
	for (i = 0; i < len; i++)
		addresses[i] = some[i]->entry;
	err = target_read(h->target, addresses, len, sizeof(*arcs), arcs, readable);
	for (i = 0; i < len && !err; i++)
		hold_set(h, some[i],
			 !some[i]->superseded && readable[i] && inventory_arc_alive(&arcs[i]) &&
				 hold_is_own(h, some[i]));
	if (err == -ESRCH) {
		hold_all(h);
		err = 0;
	}
	if (err)
		log_error("cannot read the memory of process %d: %s", h->target->pid,
			  strerror(-err));
out:
	free(some);
	free(addresses);
	free(arcs);
	free(readable);
	return err;
}
