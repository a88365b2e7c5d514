/* SPDX-License-Identifier: MIT */
/*
 * hit.h - what a bench of one probe hit is made of: the fixture's data, and the programs measured.
 */
#ifndef BENCH_HIT_H
#define BENCH_HIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What one hit of the shape "add" adds. */
#define HIT_BYTES 1201
/** The tier of the fixture's guard: internal. */
#define HIT_TIER 1

/** The front of the relay's guard, as far as the fixture's instructions reach. */
struct hit_guard {
	uint64_t pad[2];
	void *entry;  /* at 0x10 */
	uint8_t tier; /* at 0x18 */
};

/** The relay's BroadcastEntry: an Arc header and 72 bytes for each tier and role. */
struct hit_entry {
	uint64_t arc[2];
	uint64_t counters[2][2][9];
};

/** What the fixture is asked to run. */
enum hit_shape {
	HIT_INC = 0, /* lock inc, as for frames */
	HIT_ADD,     /* lock add, as for bytes */
	HIT_OFF,     /* the site of HIT_INC with a null entry, as with the relay's statistics off */
	HIT_SHAPES
};

/** A site of the fixture: those of HIT_INC and HIT_ADD, in this order. */
struct hit_site {
	const char *symbol; /* of the probed instruction */
	uint64_t offset;    /* of that instruction in the file */
};

#define HIT_SITES 2

/** The process that is probed. */
struct hit_target {
	uint32_t tgid;
	uint64_t entry; /* address of its struct hit_entry */
};

/** A program loaded to be measured. */
struct hit_program {
	int fd;			     /* -1: none, the bare loop */
	uint64_t cookies[HIT_SITES]; /* what site i is attached with */
	uint64_t passes[HIT_SHAPES]; /* how often each shape ran while this was attached */
	void *state;		     /* the case's own */
};

/** One line of the table. */
struct hit_case {
	const char *name;
	const char *what;
	/** Load the program. Sets fd, cookies and state on success. Returns 0 or -errno. */
	int (*load)(const struct hit_target *target, struct hit_program *program);
	/** Did it count what passed? NULL if it counts nothing. */
	bool (*counted)(const struct hit_program *program);
	/** Undo load(); NULL if there is nothing to undo. */
	void (*unload)(struct hit_program *program);
};

/** moqstat's own program (hit_ours.c). */
int ours_load(const struct hit_target *target, struct hit_program *program);
bool ours_counted(const struct hit_program *program);
void ours_unload(struct hit_program *program);

/** The sum of one value of a per-CPU map over all CPUs: the 64-bit word `cell` of the value at
 *  `key`, a multiple of 8 bytes long. 0 if there is no such key. */
uint64_t hit_sum(int map_fd, const void *key, size_t value_size, size_t cell);

/** enum bpf_attach_type since Linux 6.6: BPF_TRACE_UPROBE_MULTI. Debian 12's headers are older. */
#define HIT_ATTACH_TYPE 48

extern const struct hit_case hit_cases[];
extern const size_t hit_cases_len;

#endif /* BENCH_HIT_H */
