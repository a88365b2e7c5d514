/* SPDX-License-Identifier: MIT */
/*
 * hit.h - what a bench of one probe hit is made of: the fixture's shapes, and the programs that are
 * compared on each.
 */
#ifndef BENCH_HIT_H
#define BENCH_HIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What one hit on bytes adds. */
#define HIT_BYTES 1201
/** The tier of the fixture's guards: internal. */
#define HIT_TIER 1

/** What the fixture is asked to run. */
enum hit_shape {
	HIT_FRAMES = 0, /* the relay's je, its statistics on: the entry is there */
	HIT_BYTES_ADD,
	HIT_GROUPS,
	HIT_OFF_FRAMES, /* the same je, statistics off: the entry is null, the guard is known */
	HIT_OFF_BYTES,
	HIT_OFF_GROUPS,
	HIT_PUSH, /* functions that begin with such an instruction */
	HIT_TEST,
	HIT_MOV,
	HIT_SHAPES
};

/** Shapes from here on are at the beginning of a function, where bpftrace can probe, too. */
#define HIT_FUNCTIONS HIT_PUSH

/** The probed instructions: the off shapes stand where the on shapes do. */
enum hit_site {
	HIT_SITE_FRAMES = 0,
	HIT_SITE_BYTES,
	HIT_SITE_GROUPS,
	HIT_SITE_PUSH,
	HIT_SITE_TEST,
	HIT_SITE_MOV,
	HIT_SITES
};

/** What is compared on each shape. */
enum hit_row {
	HIT_NONE = 0,
	HIT_EMPTY,
	HIT_SLOT,
	HIT_OURS,
	HIT_COUNT, /* bpftrace, on copies of the functions: it takes a second to attach */
	HIT_SUM,
	HIT_ROWS
};

/** The process that is probed. */
struct hit_target {
	pid_t pid;
	uint64_t entry;	    /* address of its entry */
	uint64_t guard_off; /* address of the guard whose entry is null */
};

/** Programs of which one at a time is attached. */
struct hit_program {
	int fd; /* -1: none */
	void *state;
	uint64_t passes[HIT_SHAPES]; /* how often each shape ran while this was attached */
};

/** Load what `row` runs, one of HIT_EMPTY, HIT_SLOT and HIT_OURS. Sites are attached with their
 *  number as cookie. Returns 0 or -errno. */
int hit_program_load(enum hit_row row, const struct hit_target *target, struct hit_program *out);

/** To be called before a shape is run. */
void hit_program_shape(enum hit_row row, struct hit_program *program, enum hit_shape shape);

/** Did it count what passed? True also for what counts nothing. */
bool hit_program_counted(enum hit_row row, const struct hit_program *program);
void hit_program_unload(enum hit_row row, struct hit_program *program);

/** moqstat's own program (hit_ours.c), behind the functions above. */
int ours_load(const struct hit_target *target, struct hit_program *program);
void ours_shape(struct hit_program *program, enum hit_shape shape);
bool ours_counted(const struct hit_program *program);
void ours_unload(struct hit_program *program);

/** A sum over all CPUs: the 64-bit word `cell` of the value at `key`, whose size is a multiple of 8
 *  bytes. 0 if there is no such key. */
uint64_t hit_sum(int map_fd, const void *key, size_t value_size, size_t cell);

/** bpftrace scripts that count and sum at the fixture's functions (hit_bpftrace.c). */
struct hit_bpftrace;

/** Start them, and wait until they are attached. -ENOENT where there is no bpftrace; -EIO. */
int hit_bpftrace_create(const char *fixture, struct hit_bpftrace **out);

/** Stop them. Do they have as many counts, and sums, as the functions have passed? What they have
 *  printed goes to standard error where they haven't. NULL is fine. */
bool hit_bpftrace_destroy(struct hit_bpftrace *b, const struct hit_program *count,
			  const struct hit_program *sum);

#endif /* BENCH_HIT_H */
