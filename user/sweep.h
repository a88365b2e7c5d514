/* SPDX-License-Identifier: MIT */
/*
 * sweep.h - takes out of the programs' maps what stands for nothing any more.
 */
#ifndef MOQSTAT_SWEEP_H
#define MOQSTAT_SWEEP_H

#include "incarnation.h"
#include "target.h"

struct moqstat_bpf;

/** An entry pointer leaves its map when its incarnation is retired. Those that found no room for a
 *  name have none: this takes them out once their memory holds no entry any more. Should the relay
 *  use one of them in that very moment for another that finds no room, either, its bumps are
 *  counted as MOQSTAT_LOST_ENTRY_UNKNOWN. */
void sweep_entries(struct moqstat_bpf *object, const struct target *target);

/** Guards leave their map when they are let go; this takes out those of incarnations that have
 *  ended, should one have been missed. */
void sweep_guards(struct moqstat_bpf *object, const struct incarnations *known);

#endif /* MOQSTAT_SWEEP_H */
