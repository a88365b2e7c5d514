/* SPDX-License-Identifier: MIT */
/*
 * tiers.h - the tiers of a relay, by number, as the labels in the names of its tracks.
 *
 * Up to moq-relay 0.13 there are two from the beginning, "" and "internal" (enum moqstat_tier), and
 * a broadcast counts for both. From 0.14 on a tier is a label that the relay's operator chose: each
 * is found when something of it is first seen, the default tier, "", being the first, and a
 * broadcast counts for one. Source: relay-stats text, `Tier`; moq-stats 0.1.5.
 */
#ifndef MOQSTAT_TIERS_H
#define MOQSTAT_TIERS_H

#include <stdbool.h>
#include <stddef.h>

#include <moqstat.h>

struct tiers {
	bool found; /* as they are seen */
	size_t len; /* 1 at least, MOQSTAT_LABELS_MAX at most */
	char labels[MOQSTAT_LABELS_MAX][MOQSTAT_LABEL_MAX + 1]; /* UTF-8; all but the first are
								   empty where a number is unused */
};

/** Those of moq-relay 0.12 and 0.13. */
extern const struct tiers tiers_two;

/** Those, or tiers_two where there are none. */
const struct tiers *tiers_or_two(const struct tiers *t);

/** The default tier alone, where others are still to be found. */
extern const struct tiers tiers_default;

/** Begin with the default tier alone, others to be found. */
void tiers_init(struct tiers *out);

/** Is there a tier of that number? */
bool tiers_has(const struct tiers *t, size_t number);

/** The number of the tier with that label; -ENOENT. */
int tiers_find(const struct tiers *t, const char *label, size_t len);

/** The same; one that isn't there is added. -ENOSPC: no room, or the label is too long. */
int tiers_add(struct tiers *t, const char *label, size_t len);

#endif /* MOQSTAT_TIERS_H */
