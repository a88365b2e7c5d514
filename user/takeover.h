/* SPDX-License-Identifier: MIT */
/*
 * takeover.h - takes over what began before the probes: names the entries that the relay already
 * had, and adds what it had counted on them, so that they go on from there.
 *
 * The relay's counter and ours differ by what was bumped before the probes; that difference is the
 * base. It is taken at a moment when the relay's counter was the same before and after ours was
 * read, so that no bump lies between the two.
 */
#ifndef MOQSTAT_TAKEOVER_H
#define MOQSTAT_TAKEOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "census.h"
#include "incarnation.h"
#include "layout.h"
#include "target.h"

struct labels;
struct moqstat_bpf;
struct takeover;

/** `object` is loaded and attached, and outlives the result, as do the others. *out is ended by
 *  takeover_destroy(). -ENOMEM. */
int takeover_create(struct moqstat_bpf *object, const struct target *target,
		    const struct layout *layout, struct labels *labels, struct takeover **out);
void takeover_destroy(struct takeover *t);

/** Once the relay has shown where its tables are: name every entry there that isn't known yet, in
 *  the programs' maps and in *known, and add their number to *existing. Tries again at the next
 *  tick where the tables change under it. 0 also where nothing could be learnt; -ENOMEM. */
int takeover_learn(struct takeover *t, struct incarnations *known, size_t *existing);

/** The same from a census that was taken with all probes attached: it names the entries of all that
 *  is open, so that nothing has to begin first. -ENOMEM. */
int takeover_census(struct takeover *t, const struct census *census, struct incarnations *known,
		    size_t *existing);

/** Have the tables been read? */
bool takeover_learnt(const struct takeover *t);

/** Was there an entry that found no room? */
bool takeover_omitted(const struct takeover *t);

/** How many entries are of a tier that has no number, and so are counted nowhere? */
uint64_t takeover_uncounted(const struct takeover *t);

/** Before our counters are read: note the relay's of every incarnation that has no base. -ENOMEM.
 */
int takeover_begin(struct takeover *t, const struct incarnations *known);

/** After: set the base of those whose counters in the relay are still the same. */
void takeover_finish(struct takeover *t, struct incarnations *known);

#endif /* MOQSTAT_TAKEOVER_H */
