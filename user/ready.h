/* SPDX-License-Identifier: MIT */
/*
 * ready.h - does the agent do what it is for? What `/readyz` and `/healthz` say. Pure.
 *
 * It is ready when its ticks are heard of, a relay is attached to, and each one that is has had its
 * first tick and no field that is unavailable: a probe is required if without it a field would be.
 * It is alive while anything is heard of it at all.
 */
#ifndef MOQSTAT_READY_H
#define MOQSTAT_READY_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "board.h"

/** What a relay lacks by its status: a line for each field that is unavailable, and for each site
 *  without a probe, of which more than READY_SITES_MAX are summed up. *out, the caller's to free,
 *  is NULL where it lacks nothing. 0 or -ENOMEM. */
#define READY_SITES_MAX 16
int ready_lacks(const json_t *status, char **out);

/** Is it ready? `stale_after`: nanoseconds without a word, after which it isn't; 0: a word may be
 * as far off as it likes. *why is then NULL, or else what is missing, a line each, the caller's to
 *  free. 0 or -ENOMEM. */
int ready_ask(const struct board *b, uint64_t now, uint64_t stale_after, bool *ready, char **why);

/** Is it alive? `dead_after` likewise. */
bool ready_alive(const struct board *b, uint64_t now, uint64_t dead_after);

#endif /* MOQSTAT_READY_H */
