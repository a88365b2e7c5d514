/* SPDX-License-Identifier: MIT */
#include "payload.h"

#include <string.h>

#include "inventory.h"

bool payload_offsets(const struct layout *layout, uint32_t offsets[MOQSTAT_SLOT_SESSION])
{
	uint32_t slot, field, first, fields = layout->stride / sizeof(uint64_t);

	if (layout->tiers != MOQSTAT_TIER_MAX)
		return false;
	for (first = 0; first < fields && layout->memory[first] != MOQSTAT_BYTES; first++)
		;
	if (first + MOQSTAT_PAYLOAD_FIELDS > fields)
		return false;
	for (field = 0; field < MOQSTAT_PAYLOAD_FIELDS; field++) {
		if (layout->memory[first + field] != MOQSTAT_BYTES + field)
			return false;
	}
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++)
		offsets[slot] = layout->header + slot * layout->stride + first * sizeof(uint64_t);
	return true;
}

bool payload_read(const struct layout *layout, const uint64_t before[2], const uint64_t after[2],
		  const uint8_t *bytes, __u64 out[MOQSTAT_SLOT_SESSION][MOQSTAT_PAYLOAD_FIELDS])
{
	uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX] = { 0 }, sums[2] = { 0 };
	struct inventory_arc arc;
	unsigned int slot, field;

	memcpy(&arc, bytes, sizeof(arc));
	/* Besides the guard's, the relay's table has a reference. */
	if ((int64_t)(before[0] - after[1]) <= 0 || !inventory_arc_alive(&arc) || arc.strong < 2)
		return false;
	inventory_counts(layout, 0, bytes, counts);
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		for (field = 0; field < MOQSTAT_BYTES; field++)
			sums[MOQSTAT_FIELD_CLOSES(field)] += counts[slot][field];
	}
	if (sums[0] < before[0] || sums[0] > after[0] || sums[1] < before[1] || sums[1] > after[1])
		return false;
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++)
		memcpy(out[slot], &counts[slot][MOQSTAT_BYTES], sizeof(out[slot]));
	return true;
}

uint64_t payload_sum(const uint32_t offsets[MOQSTAT_SLOT_SESSION], const uint8_t *bytes)
{
	uint64_t counts[MOQSTAT_PAYLOAD_FIELDS], sum = 0;
	unsigned int slot, k;

	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		memcpy(counts, bytes + offsets[slot], sizeof(counts));
		for (k = 0; k < MOQSTAT_PAYLOAD_FIELDS; k++)
			sum += counts[k];
	}
	return sum;
}
