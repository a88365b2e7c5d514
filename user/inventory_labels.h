/* SPDX-License-Identifier: MIT */
/*
 * inventory_labels.h - the same as inventory.h where tiers are labels: entries by path and label,
 * roots by label and root.
 */
#ifndef MOQSTAT_INVENTORY_LABELS_H
#define MOQSTAT_INVENTORY_LABELS_H

#include "inventory.h"

/** What inventory_read() does for a layout that has `tables`, but that *out is there already. */
int inventory_labels(const struct target *target, const struct layout *layout, uint64_t shared,
		     struct inventory *out);

#endif /* MOQSTAT_INVENTORY_LABELS_H */
