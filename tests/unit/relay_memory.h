/* SPDX-License-Identifier: MIT */
/*
 * relay_memory.h - what a relay of moq-net 0.1.8 has in its memory, built in the test's own: the
 * block that Stats points to, its locked hash tables, their entries.
 */
#ifndef MOQSTAT_TESTS_RELAY_MEMORY_H
#define MOQSTAT_TESTS_RELAY_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define RELAY_TABLES 3 /* entries, roots of tier 0, roots of tier 1 */
#define RELAY_ARCS   64

/** A hashbrown table behind its lock. */
struct relay_table {
	uint64_t lock[3];
	uint8_t *control;
	uint64_t mask;
	uint64_t growth_left;
	uint64_t items;
};

/** A String and an Arc. */
struct relay_bucket {
	uint64_t capacity;
	const char *text;
	uint64_t len;
	const void *arc;
};

/** An Arc: its two reference counts, then the counters. */
struct relay_arc {
	uint64_t strong;
	uint64_t weak;
	uint64_t counts[36];
};

struct relay_memory {
	uint64_t shared[9]; /* nothing of ours */
	struct relay_table *pointers[RELAY_TABLES];
	struct relay_table tables[RELAY_TABLES];
	struct relay_arc arcs[RELAY_ARCS];
	size_t arcs_len;
	uint8_t *blocks[RELAY_TABLES]; /* buckets, then control bytes */
};

/** A relay with three empty tables of `buckets` buckets each, a power of two. */
void relay_memory_init(struct relay_memory *r, size_t buckets);
void relay_memory_deinit(struct relay_memory *r);

/** Put a path and a new Arc into bucket `at` of a table. The path stays the caller's. */
struct relay_arc *relay_memory_put(struct relay_memory *r, size_t table, size_t at,
				   const char *path);

/** Bucket `at` of a table. */
struct relay_bucket *relay_memory_bucket(struct relay_memory *r, size_t table, size_t at);

#endif /* MOQSTAT_TESTS_RELAY_MEMORY_H */
