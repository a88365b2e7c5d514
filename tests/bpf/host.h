/* SPDX-License-Identifier: MIT */
/*
 * host.h - what the kernel is to the programs, on the host: the helpers that they call, with maps
 * and a relay's memory of their own. One at a time, since the helpers have nothing to be told apart
 * by.
 */
#ifndef MOQSTAT_HOST_H
#define MOQSTAT_HOST_H

#include "programs.h"

#define HOST_CPUS 4

/** What the helpers answer, and are asked. */
struct host {
	__u64 thread;		      /* pid_tgid: process, thread */
	__u64 cookie;		      /* of the probe that fires */
	__u32 cpu;		      /* below HOST_CPUS */
	__u32 exiting;		      /* flags of the thread's process */
	__u64 touched;		      /* map operations and reads of memory so far */
	__u32 told, room;	      /* records in the ring buffer, and how many it may hold */
	struct moqstat_slot_key last; /* of them */
	/** Called in front of every look-up or update, as if another thread came in between; or
	 *  NULL. It may call programs, and isn't called for theirs. */
	void (*meanwhile)(const char *map, bool updates);
};
extern struct host host;

/** Everything as it is when the programs have just been loaded: maps of 64 elements where it is
 *  the user side that sets their size, no memory. */
void host_reset(void);

/** Free it all. */
void host_free(void);

/* ---- the relay's memory: what wasn't put there can't be read ---- */

/** Put `size` bytes at `at`, over what was there. */
void host_memory_put(__u64 at, const void *bytes, __u32 size);

/** Let no byte from `at` on, `size` of them, be readable any more. */
void host_memory_drop(__u64 at, __u32 size);

/* ---- maps, by name; the test fails where there is none ---- */

/** Let the map hold `entries` at most; it must be empty. */
void host_map_limit(const char *map, __u32 entries);

/** Let the next `count` updates by programs fail with `err`, -errno. */
void host_map_fail(const char *map, __u32 count, long err);

__u32 host_map_len(const char *map);

/** The value at a key, or NULL; of a per-CPU map that of `cpu`, of another one `cpu` is 0. */
void *host_map_get(const char *map, const void *key, __u32 cpu);

/** The first key, or the one behind `key`; NULL at the end. */
const void *host_map_next(const char *map, const void *key);

/** What the user side does: set an element of a map that isn't per CPU; delete one. */
void host_map_set(const char *map, const void *key, const void *value);
void host_map_delete(const char *map, const void *key);

#endif /* MOQSTAT_HOST_H */
