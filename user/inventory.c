/* SPDX-License-Identifier: MIT */
#include "inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* No relay has more entries at once than this; a larger table is something else. */
#define INVENTORY_BUCKETS_MAX (1u << 20)

/* hashbrown::raw::RawTable: control bytes, one a bucket, with the buckets in front of them,
 * growing downwards; a control byte without its top bit is a bucket in use. */
struct inventory_table {
	uint64_t control;
	uint64_t mask;
	uint64_t growth_left;
	uint64_t items;
};

/* A bucket: a path, and the Arc. */
struct inventory_bucket {
	uint64_t path[3];
	uint64_t arc;
};

bool inventory_arc_alive(const struct inventory_arc *arc)
{
	return arc->strong > 0 && arc->strong < UINT32_MAX && arc->weak == 1;
}

static int inventory_one(const struct target *target, uint64_t address, void *out, size_t size)
{
	bool readable = false;
	int err = target_read(target, &address, 1, size, out, &readable);

	return err ? err : readable ? 0 : -EBADMSG;
}

static int inventory_add(struct inventory *inventory, const struct inventory_item *item)
{
	if (inventory->len == inventory->room) {
		size_t room = inventory->room ? 2 * inventory->room : 64;
		struct inventory_item *grown = reallocarray(inventory->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		inventory->items = grown;
		inventory->room = room;
	}
	inventory->items[inventory->len++] = *item;
	return 0;
}

static int inventory_take(const struct target *target, const struct layout *layout,
			  const struct inventory_bucket *bucket, uint32_t slot,
			  struct inventory *out)
{
	struct inventory_item item = { .entry = bucket->arc, .slot = slot };
	struct inventory_arc arc;
	uint64_t text, len;
	int err = inventory_one(target, bucket->arc, &arc, sizeof(arc));

	if (err || !inventory_arc_alive(&arc) || !layout_text(layout, bucket->path, &text, &len))
		return err ? err : -EAGAIN;
	if (len > MOQSTAT_PATH_MAX) {
		out->skipped++;
		return 0;
	}
	item.len = len;
	item.path = malloc(len + 1);
	if (!item.path)
		return -ENOMEM;
	if (len)
		err = inventory_one(target, text, item.path, len);
	if (!err && utf8_valid(item.path, len))
		err = inventory_add(out, &item);
	else if (!err)
		err = -EAGAIN;
	if (err)
		free(item.path);
	return err;
}

/* The buckets in use of one table, from a copy of its memory. */
static int inventory_buckets(const struct target *target, const struct layout *layout,
			     const struct inventory_table *table, const uint8_t *memory,
			     uint32_t slot, struct inventory *out)
{
	uint64_t i, used = 0, buckets = table->mask + 1;
	const uint8_t *control = memory + buckets * sizeof(struct inventory_bucket);
	struct inventory_bucket bucket;
	int err = 0;

	for (i = 0; i < buckets && !err; i++) {
		if (control[i] & 0x80)
			continue;
		used++;
		memcpy(&bucket, control - (i + 1) * sizeof(bucket), sizeof(bucket));
		err = inventory_take(target, layout, &bucket, slot, out);
	}
	return err ? err : used == table->items ? 0 : -EAGAIN;
}

/* One table, read twice: what didn't change between was not being changed. */
static int inventory_table(const struct target *target, const struct layout *layout,
			   uint64_t pointer, uint32_t slot, struct inventory *out)
{
	struct inventory_table table, again;
	uint64_t lock, size, start;
	uint8_t *memory;
	int err = inventory_one(target, pointer, &lock, sizeof(lock));

	if (!err)
		err = inventory_one(target, lock + layout->table_of_lock, &table, sizeof(table));
	if (err)
		return err;
	if ((table.mask & (table.mask + 1)) || table.mask >= INVENTORY_BUCKETS_MAX ||
	    table.items > table.mask + 1 || layout->bucket != sizeof(struct inventory_bucket))
		return -EBADMSG;
	if (!table.items)
		return 0;
	size = (table.mask + 1) * (sizeof(struct inventory_bucket) + 1);
	start = table.control - (table.mask + 1) * sizeof(struct inventory_bucket);
	memory = malloc(2 * size);
	if (!memory)
		return -ENOMEM;
	err = inventory_one(target, start, memory, size);
	if (!err)
		err = inventory_buckets(target, layout, &table, memory, slot, out);
	if (!err)
		err = inventory_one(target, start, memory + size, size);
	if (!err)
		err = inventory_one(target, lock + layout->table_of_lock, &again, sizeof(again));
	if (!err && (memcmp(&table, &again, sizeof(table)) || memcmp(memory, memory + size, size)))
		err = -EAGAIN;
	free(memory);
	return err;
}

int inventory_read(const struct target *target, const struct layout *layout, uint64_t shared,
		   struct inventory *out)
{
	struct inventory inventory = { 0 };
	uint32_t tier;
	int err =
		inventory_table(target, layout, shared + layout->entries_of_shared, 0, &inventory);

	for (tier = 0; tier < MOQSTAT_TIER_MAX && !err; tier++)
		err = inventory_table(target, layout,
				      shared + layout->sessions_of_shared + tier * sizeof(uint64_t),
				      MOQSTAT_SLOT_SESSION + tier, &inventory);
	if (err) {
		inventory_deinit(&inventory);
		return err;
	}
	*out = inventory;
	return 0;
}

void inventory_deinit(struct inventory *inventory)
{
	size_t i;

	if (!inventory)
		return;
	for (i = 0; i < inventory->len; i++)
		free(inventory->items[i].path);
	free(inventory->items);
	memset(inventory, 0, sizeof(*inventory));
}

size_t inventory_size(const struct layout *layout, uint32_t slot)
{
	return slot >= MOQSTAT_SLOT_SESSION ? layout->session_size : layout_entry_size(layout);
}

void inventory_counts(const struct layout *layout, uint32_t slot, const uint8_t *bytes,
		      uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX])
{
	uint32_t role, tier, field, fields = layout->stride / sizeof(uint64_t);
	const uint8_t *at = bytes + layout->header;

	if (slot >= MOQSTAT_SLOT_SESSION) {
		memcpy(&counts[slot][MOQSTAT_SESSIONS], bytes + layout->session_open, 8);
		memcpy(&counts[slot][MOQSTAT_SESSIONS_CLOSED], bytes + layout->session_close, 8);
		return;
	}
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (tier = 0; tier < layout->tiers; tier++) {
			uint64_t *slot_counts = counts[role * MOQSTAT_TIER_MAX + tier];

			for (field = 0; field < fields; field++, at += sizeof(uint64_t))
				memcpy(&slot_counts[layout->memory[field]], at, sizeof(uint64_t));
		}
	}
}
