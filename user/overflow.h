/* SPDX-License-Identifier: MIT */
/*
 * overflow.h - the counters of what has no room, or no name: __overflow__ and __unattributed__.
 */
#ifndef MOQSTAT_OVERFLOW_H
#define MOQSTAT_OVERFLOW_H

#include <sys/types.h>

#include <moqstat.h>

struct moqstat_bpf;

/** Slots in use by them: all of a broadcast twice, and a root's of each tier. Where tiers are
 * labels what is of any of them is in tier 0's: a slot doesn't tell. */
#define OVERFLOW_SLOTS (MOQSTAT_SLOT_MAX + MOQSTAT_SLOT_SESSION)

/** Make those of process `pid`, all zero, before others take the room. 0 or -errno. */
int overflow_reserve(const struct moqstat_bpf *object, pid_t pid);

#endif /* MOQSTAT_OVERFLOW_H */
