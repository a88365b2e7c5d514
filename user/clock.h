/* SPDX-License-Identifier: MIT */
/*
 * clock.h - a clock of clock_gettime(2) in nanoseconds.
 */
#ifndef MOQSTAT_CLOCK_H
#define MOQSTAT_CLOCK_H

#include <stdint.h>
#include <time.h>

/** What a clock says now, CLOCK_MONOTONIC say: nanoseconds. */
static inline uint64_t clock_read(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif /* MOQSTAT_CLOCK_H */
