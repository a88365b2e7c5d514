/* SPDX-License-Identifier: MIT */
/*
 * hold.h - does the relay still hold the entries of incarnations? Nothing tells when it lets go of
 * one, so their memory is looked at.
 */
#ifndef MOQSTAT_HOLD_H
#define MOQSTAT_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counts.h"
#include "incarnation.h"
#include "layout.h"
#include "target.h"

/** Where it looks, and where it goes on; all of it stays the caller's. */
struct hold {
	const struct target *target;
	const struct layout *layout;
	struct incarnations *known;
	struct counts *counts; /* what isn't held any more is read once more */
	size_t look;	       /* 0 at first */
};

/** Look at those that are touched and at some of the others, and set what is `held` of them. To be
 *  called before any counter is read: counts read afterwards are then final. -ENOMEM or -errno, of
 *  which the latter is logged; a relay that has ended holds everything, so that the last state is
 *  shown as it was. */
int hold_check(struct hold *h);

/** Can `bytes`, which are inventory_size() many and look like an Arc that is alive, be the entry of
 *  an incarnation of which nothing is open and whose base is known? What the relay's allocator has
 *  given to another object can look alive as well. Bumps in flight, those that were lost, and what
 *  isn't probed make no difference. */
bool hold_owns(const struct layout *layout, const struct incarnation *in, const uint8_t *bytes);

#endif /* MOQSTAT_HOLD_H */
