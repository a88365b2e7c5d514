/* SPDX-License-Identifier: MIT */
/*
 * labels.h - the labels of a relay's tiers, by the numbers that the programs give them
 * (bpf/label.h), where tiers are labels.
 */
#ifndef MOQSTAT_LABELS_H
#define MOQSTAT_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include <moqstat.h>

#include "tiers.h"

struct moqstat_bpf;

/** The tiers found so far. A number that was given in vain, or whose label is no text, has an empty
 * label here; only tier 0 is the default one. */
struct labels {
	struct moqstat_bpf *object;
	struct tiers tiers;
};

/** `object` is loaded and outlives the result. */
void labels_init(struct moqstat_bpf *object, struct labels *out);

/** Is the label of that number known? It is looked up if it wasn't; the programs have put it there
 *  before they use its number. False if there is none, or if it is no text that can be shown. */
bool labels_known(struct labels *l, uint32_t number);

/** The number of a label, given now if it is new, as the programs give them. -ENOSPC: it is too
 * long, or there are too many; another -errno. */
int labels_number(struct labels *l, const struct moqstat_label *label, uint32_t *out);

/** Take in what the programs' map tells. Nothing is taken from what makes no sense. */
void labels_take(struct tiers *tiers, const struct moqstat_label *label, uint32_t number);

#endif /* MOQSTAT_LABELS_H */
