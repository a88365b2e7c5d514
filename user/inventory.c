/* SPDX-License-Identifier: MIT */
#include "inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hashbrown.h"
#include "inventory_labels.h"
#include "utf8.h"

/* A bucket: a path, and the Arc. */
struct inventory_bucket {
	uint64_t path[3];
	uint64_t arc;
};

bool inventory_arc_alive(const struct inventory_arc *arc)
{
	return arc->strong > 0 && arc->strong < UINT32_MAX && arc->weak == 1;
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

int inventory_take(const struct target *target, const struct layout *layout, const uint64_t path[3],
		   struct inventory_item *item, struct inventory *out)
{
	struct inventory_arc arc;
	uint64_t text, len;
	int err = hashbrown_bytes(target, item->entry, &arc, sizeof(arc));

	if (err || !inventory_arc_alive(&arc) || !layout_text(layout, path, &text, &len))
		return err ? err : -EAGAIN;
	if (len > MOQSTAT_PATH_MAX) {
		out->skipped++;
		return 0;
	}
	item->len = len;
	item->path = malloc(len + 1);
	if (!item->path)
		return -ENOMEM;
	if (len)
		err = hashbrown_bytes(target, text, item->path, len);
	if (!err && utf8_valid(item->path, len))
		err = inventory_add(out, item);
	else if (!err)
		err = -EAGAIN;
	if (err)
		free(item->path);
	return err;
}

/* One table behind its lock. */
static int inventory_table(const struct target *target, const struct layout *layout,
			   uint64_t pointer, uint32_t slot, struct inventory *out)
{
	struct inventory_bucket bucket;
	struct hashbrown table = { 0 };
	const void *used;
	uint64_t lock;
	size_t i;
	int err = hashbrown_bytes(target, pointer, &lock, sizeof(lock));

	if (!err && layout->bucket != sizeof(bucket))
		err = -EBADMSG;
	if (!err)
		err = hashbrown_read(target, lock + layout->table_of_lock, sizeof(bucket), &table);
	for (i = 0; i < table.len && !err; i++) {
		struct inventory_item item = { .slot = slot };

		used = hashbrown_bucket(&table, i);
		if (!used)
			continue;
		memcpy(&bucket, used, sizeof(bucket));
		item.entry = bucket.arc;
		err = inventory_take(target, layout, bucket.path, &item, out);
	}
	if (!err)
		err = hashbrown_check(target, &table);
	hashbrown_deinit(&table);
	return err;
}

int inventory_read(const struct target *target, const struct layout *layout, uint64_t shared,
		   struct inventory *out)
{
	struct inventory inventory = { 0 };
	uint32_t tier;
	int err;

	if (layout->tables)
		err = inventory_labels(target, layout, shared, &inventory);
	else
		err = inventory_table(target, layout, shared + layout->entries_of_shared, 0,
				      &inventory);
	for (tier = 0; tier < MOQSTAT_TIER_MAX && !layout->tables && !err; tier++)
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

void inventory_cut(struct inventory *inventory, size_t len)
{
	while (inventory->len > len)
		free(inventory->items[--inventory->len].path);
}

void inventory_deinit(struct inventory *inventory)
{
	if (!inventory)
		return;
	inventory_cut(inventory, 0);
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

			for (field = 0; field < fields; field++, at += sizeof(uint64_t)) {
				if (layout->memory[field] < MOQSTAT_FIELD_MAX)
					memcpy(&slot_counts[layout->memory[field]], at,
					       sizeof(uint64_t));
			}
		}
	}
}
