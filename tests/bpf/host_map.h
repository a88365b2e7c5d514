/* SPDX-License-Identifier: MIT */
/*
 * host_map.h - a BPF map on the host: arrays, hashes, hashes that forget what was used least
 * recently; some of them per CPU.
 */
#ifndef MOQSTAT_HOST_MAP_H
#define MOQSTAT_HOST_MAP_H

#include "programs.h"

struct host_map;

/** A map as declared, for at most `entries` (0: as many as declared). Never NULL. */
struct host_map *host_map_create(const struct programs_map *what, __u32 entries, __u32 cpus);
void host_map_destroy(struct host_map *m);

/** As the kernel's of the same name; the value is that of `cpu`. */
void *host_map_lookup(struct host_map *m, const void *key, __u32 cpu);
long host_map_update(struct host_map *m, const void *key, const void *value, __u64 flags,
		     __u32 cpu);
long host_map_remove(struct host_map *m, const void *key);

/** The key behind `key`, or the first; NULL at the end. */
const void *host_map_behind(const struct host_map *m, const void *key);

#endif /* MOQSTAT_HOST_MAP_H */
