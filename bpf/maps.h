/* SPDX-License-Identifier: GPL-2.0-only */
/* maps.h - what the programs share with the user side. Sizes marked 1 are set before loading. */
#ifndef MOQSTAT_BPF_MAPS_H
#define MOQSTAT_BPF_MAPS_H

/* asm-generic/errno-base.h */
#define E2BIG  7
#define EEXIST 17

/* Set before loading; constant afterwards. */
const volatile __u32 target_tgid = 0; /* the relay */
const volatile __u64 key_low = 0;     /* SipHash key of this run */
const volatile __u64 key_high = 0;

/* 1: a path's words are the address of the Arc that holds the text, its length there, and from
 * where on it is the path's. 0: capacity, address and length. */
const volatile __u32 paths_shared = 0;

/* 1: a tier is a label, and each entry is of one; 0: there are two, and an entry is of both. */
const volatile __u32 labelled = 0;

/* Where a session's context has the label of its tier. */
const volatile __u32 label_of_session = 0;

/* 1: entry pointers are not to be relied on, even where there are any. */
const volatile __u32 by_guard = 0;

/* The last incarnation number given; what has no name of its own uses the first few. */
__u32 incarnations = MOQSTAT_UNCOUNTED;

/* The last number given to a label; more than there may be if threads came at once. */
__u32 labels_used = 0;

/* Names in use, of broadcasts and of roots, where entries have them; and how many there may be. */
__u32 names_used[2] = { 0, 0 };
const volatile __u32 names_max = 0;

/* Set once a broadcast has found no room: what isn't known then was one of those. */
__u32 overflowed = 0;

/* Set while a census is being taken: guards that it has told of may have been let go unseen. */
__u32 settling = 0;

/* Set once all probes are attached: what begins from then on is seen whole. */
__u32 attached = 0;

/* The number of the next reading of the counters. */
__u64 reading_next = 1;

/* Set where `changed` had no room: everything is to be read. */
__u32 changed_full = 0;

/* What Stats holds: a pointer to its tables where the relay's own statistics are on. */
__u64 statistics_shared = 0;
__u32 statistics_off = 0;

/* What to do where, by attach cookie. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MOQSTAT_SITES_MAX);
	__type(key, __u32);
	__type(value, struct moqstat_site);
} sites SEC(".maps");

/* How often each site fired in the relay and led on, by attach cookie: an attached probe may be
 * silent. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MOQSTAT_SITES_MAX);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

/* What could not be attributed, by enum moqstat_lost. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MOQSTAT_LOST_MAX);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

/* Thread (pid_tgid) -> what it named last. Threads that have ended make room for others. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MOQSTAT_PENDING_MAX);
	__type(key, __u64);
	__type(value, struct moqstat_pending);
} pending SEC(".maps");

/* Only the counters have their memory from the beginning: there must be room for what is counted on
 * in any burst, and they are most of what is used. The others take theirs as they come, at the rare
 * events. */

/* Entry pointer -> identity: the only thing the hot path looks up before it counts. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct moqstat_entry_key);
	__type(value, struct moqstat_id);
} entries SEC(".maps");

/* The same without entry pointers: by path, and by guard. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct moqstat_path_key);
	__type(value, struct moqstat_path);
} paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct moqstat_path_key);
	__type(value, struct moqstat_path);
} root_paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct moqstat_guard_key);
	__type(value, struct moqstat_guard);
} guards SEC(".maps");

/* Thread (pid_tgid) -> what it has called. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MOQSTAT_PENDING_MAX);
	__type(key, __u64);
	__type(value, struct moqstat_call);
} calls SEC(".maps");

/* A track's account in the relay's cache -> the path of its broadcast; hash 0: nobody's. An account
 * ends unseen; one that has its place is learnt before anything is counted on it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct moqstat_account);
} accounts SEC(".maps");

/* Thread (pid_tgid) -> what it lets go. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MOQSTAT_PENDING_MAX);
	__type(key, __u64);
	__type(value, struct moqstat_peek);
} peeks SEC(".maps");

/* Identity -> path. Two maps, so that neither kind takes the other's room. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct moqstat_id);
	__type(value, struct moqstat_short);
} broadcasts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct moqstat_id);
	__type(value, struct moqstat_short);
} roots SEC(".maps");

/* The whole of those names that are longer. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct moqstat_id);
	__type(value, struct moqstat_name);
} long_names SEC(".maps");

/* The labels of tiers, and their numbers. None is ever taken out. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MOQSTAT_LABELS_MAX);
	__type(key, struct moqstat_label);
	__type(value, __u32);
} labels SEC(".maps");

/* The counts. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__type(key, struct moqstat_slot_key);
	__type(value, struct moqstat_opened);
} opened SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__type(key, struct moqstat_slot_key);
	__type(value, struct moqstat_closed);
} closed SEC(".maps");

/* Keys of counters that something was added to since the last reading, some more than once. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} changed SEC(".maps");

/* 1: entries' counters can be read, so note what that takes. Constant once loaded, as is where the
 * three counters of each slot lie, from the entry's address on. */
const volatile __u32 readable = 0;
const volatile __u32 read_offsets[MOQSTAT_SLOT_SESSION] = { 0 };

/* Set once they are read: from then on bumps of payload need not be counted. */
__u32 reading = 0;

/* The last number given to an entry in the overflow. */
__u32 lives = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct moqstat_reading);
} readings SEC(".maps");

#endif
