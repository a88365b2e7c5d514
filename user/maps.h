/* SPDX-License-Identifier: MIT */
/*
 * maps.h - the text of /proc/PID/maps. Whoever made a process chose the names of its files, and
 * those may be as long as they like.
 */
#ifndef MOQSTAT_MAPS_H
#define MOQSTAT_MAPS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/** No user address of x86-64 is as high, not with five levels of page tables either. */
#define MAPS_END (1ull << 56)

/** One mapping; start < end <= MAPS_END. */
struct maps_entry {
	uint64_t start;
	uint64_t end;
	uint64_t offset;	  /* of its start in the file */
	char flags[5];		  /* "r-xp" */
	char path[PATH_MAX + 16]; /* may say that the file is deleted; "" where there is none, or
				     where it is longer than any that can be asked for */
};

/** The next one; lines that tell of none are passed over. False at the end. */
bool maps_next(FILE *maps, struct maps_entry *out);

#endif /* MOQSTAT_MAPS_H */
