/* SPDX-License-Identifier: MIT */
/*
 * reading.h - where the relay's statistics are on, the counters of payload (bytes, frames, groups)
 * are its own, read from its memory at each tick; no probe fires for a frame.
 *
 * An entry is read only while a guard holds it: more had been opened on it before the reading than
 * was closed after it. What was counted until a guard was closed the programs have noted then. So a
 * number is one that the relay's counter really had, and the last one is never missed. See
 * docs/adr/0023-reading.md.
 */
#ifndef MOQSTAT_READING_H
#define MOQSTAT_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "incarnation.h"
#include "layout.h"
#include "target.h"

struct moqstat_bpf;
struct reading;

/** `object` is loaded and attached, and outlives the result, as do the others. *out is ended by
 *  reading_destroy(). -ENOMEM. */
int reading_create(struct moqstat_bpf *object, const struct target *target,
		   const struct layout *layout, struct reading **out);
void reading_destroy(struct reading *r);

/** Have the relay read for the last time when it ends. 0, or -errno where the kernel won't. */
int reading_watch_end(struct moqstat_bpf *object);

/** From now on payload is read: what was counted so far is where it goes on. The programs leave
 *  bumps of payload alone then. */
void reading_begin(struct reading *r, struct incarnations *known);

/** Put what the relay has counted by now into the counts of those that are based, and of the
 *  overflow. After the programs' own counters were read. 0 or -errno; an ended relay is none. */
int reading_take(struct reading *r, struct incarnations *known);

/** An incarnation is being retired. */
void reading_forget(const struct reading *r, const struct incarnation *in);

/** Entries that could not be read for seconds, though they should be. */
uint64_t reading_unread(const struct reading *r);

#endif /* MOQSTAT_READING_H */
