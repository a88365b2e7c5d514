/* SPDX-License-Identifier: MIT */
/*
 * payload.h - the counters of payload (bytes, frames, groups) within the bytes of a relay's entry:
 * where they lie, and when they are to be believed. See docs/adr/0023-reading.md.
 */
#ifndef MOQSTAT_PAYLOAD_H
#define MOQSTAT_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>
#include <moqstat.h>

#include "layout.h"

/** Does each entry have counters of both tiers, and do those of payload lie side by side in it, in
 *  the order of enum moqstat_field? Then offsets[slot] is where, from the entry's address on. Where
 *  tiers are labels, an entry has two slots of the four, and reading isn't made for that. */
bool payload_offsets(const struct layout *layout, uint32_t offsets[MOQSTAT_SLOT_SESSION]);

/** Are these bytes, read from an entry's address, what its counters were? They are if a guard held
 * it all the time, and if it has counted as many openings and closings as we have: `before` and
 *  `after` they were read, both summed up over slots and fields. Then they are in `out`. */
bool payload_read(const struct layout *layout, const uint64_t before[2], const uint64_t after[2],
		  const uint8_t *bytes, __u64 out[MOQSTAT_SLOT_SESSION][MOQSTAT_PAYLOAD_FIELDS]);

/** All of these counters together, modulo 2^64. None of them ever falls while the entry lives: as
 * long as the sum is the same, so are they. */
uint64_t payload_sum(const uint32_t offsets[MOQSTAT_SLOT_SESSION], const uint8_t *bytes);

#endif /* MOQSTAT_PAYLOAD_H */
