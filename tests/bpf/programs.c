/* SPDX-License-Identifier: MIT */
/*
 * programs.c - the source of the programs as it is shipped, compiled for the host.
 */
#include "programs.h"

#include <bpf/bpf_helpers.h>

/* The settings are constant to the programs, but not to the tests. */
#define const
#include "../../bpf/maps.h"
#undef const

#include "../../bpf/moqstat.bpf.c"

#define MAP(map_)                                                         \
	{                                                                 \
		.name = #map_,                                            \
		.map = &(map_),                                           \
		.type = sizeof(*(map_).type) / sizeof(int),               \
		.max_entries = sizeof(*(map_).max_entries) / sizeof(int), \
		.key_size = sizeof(*(map_).key),                          \
		.value_size = sizeof(*(map_).value),                      \
	}

const struct programs_map programs_maps[] = {
	MAP(sites),	 MAP(hits),   MAP(lost),     MAP(pending),    MAP(entries), MAP(paths),
	MAP(root_paths), MAP(guards), MAP(peeks),    MAP(broadcasts), MAP(roots),   MAP(long_names),
	MAP(opened),	 MAP(closed), MAP(readings), MAP(labels),     MAP(calls),   MAP(accounts),
};
const __u32 programs_maps_len = sizeof(programs_maps) / sizeof(programs_maps[0]);

/* Every variable of maps.h. */
#define VARIABLES(X)        \
	X(target_tgid)      \
	X(key_low)          \
	X(key_high)         \
	X(by_guard)         \
	X(paths_shared)     \
	X(labelled)         \
	X(label_of_session) \
	X(labels_used)      \
	X(incarnations)     \
	X(names_used[0])    \
	X(names_used[1])    \
	X(names_max)        \
	X(reading_next)     \
	X(changed_full)     \
	X(overflowed)       \
	X(attached)         \
	X(readable) X(reading) X(lives) X(statistics_shared) X(statistics_off)

void programs_reset(void)
{
	static __u64 first[24];
	static bool known;
	__u32 i = 0;

#define SAVE(variable_)	 first[i++] = variable_;
#define RESET(variable_) variable_ = first[i++];
	if (!known) {
		VARIABLES(SAVE)
		known = true;
	}
	i = 0;
	VARIABLES(RESET)
}
