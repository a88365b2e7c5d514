/* SPDX-License-Identifier: MIT */
/*
 * table.h - the small relay's statistics: entries and roots by path, made on demand and let go once
 * nobody holds them, as moq-net's are.
 */
#ifndef FLOOD_TABLE_H
#define FLOOD_TABLE_H

#include <stdbool.h>

#include "order.h"

/** Begin. With `on` false there are no entries, as where a relay's statistics are off. */
void table_init(struct flood_shared *shared, bool on);

/** Stats::entry: the entry of a path, held by the caller; NULL where statistics are off. */
struct fixture_entry *table_entry(uint32_t path);

/** What StatsHandle::session does. `guard` is the place of the guard to be. */
struct fixture_root *table_session(uint32_t root, uint32_t tier, const struct fixture_guard *guard);

/** Let go of one or the other; NULL is fine. */
void table_put(uint64_t *strong);

/** The text of a path. */
const struct fixture_path *table_path(uint32_t path);

/** Once: note what nobody holds as a life that has ended, and let it go. How much is left. */
uint32_t table_collect(void);

#endif /* FLOOD_TABLE_H */
