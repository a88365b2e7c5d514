/* SPDX-License-Identifier: MIT */
/*
 * programs.h - the programs of bpf/, as compiled for the host: to be called like any function.
 */
#ifndef MOQSTAT_PROGRAMS_H
#define MOQSTAT_PROGRAMS_H

/* Ours, not <asm/ptrace.h>'s, and before any header that has a `bool` of its own. */
#include <vmlinux.h>

#include <moqstat.h>

/** One map, as bpf/maps.h declares it. */
struct programs_map {
	const char *name;
	void *map; /* by which the programs call it */
	__u32 type, max_entries, key_size, value_size;
};

extern const struct programs_map programs_maps[];
extern const __u32 programs_maps_len;

typedef int program_fn(struct pt_regs *ctx);

program_fn bump, session_bump, entry, session, allocated, place, session_place, peek, table, insert,
	take, scope, call, ending;
int forget(__u64 *ctx);
int hold(__u64 *ctx);
int ended(__u64 *ctx);

/* Constant once loaded; here tests set them. */
extern volatile __u32 target_tgid, by_guard, names_max, paths_shared, labelled, label_of_session;
extern volatile __u64 key_low, key_high;

extern volatile __u32 readable, read_offsets[MOQSTAT_SLOT_SESSION];

extern __u32 reading, lives, incarnations, labels_used, names_used[2], overflowed, attached,
	statistics_off;
extern __u64 statistics_shared, reading_next;
extern __u32 changed_full;

/** Give all of these the values that they are loaded with. */
void programs_reset(void);

#endif /* MOQSTAT_PROGRAMS_H */
