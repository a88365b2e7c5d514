/* SPDX-License-Identifier: MIT */
/*
 * tick.h - what bench/tick and its small relay agree on.
 */
#ifndef BENCH_TICK_H
#define BENCH_TICK_H

#define TICK_PATH_SIZE 40

/** The path of broadcast i: its group, and its number. */
#define TICK_PATH "live/customer-%02u/channel-%06u"

#endif /* BENCH_TICK_H */
