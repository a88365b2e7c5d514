/* SPDX-License-Identifier: MIT */
/*
 * percpu.h - reads a whole BPF map of per-CPU counters, summed over the CPUs, in batches.
 *
 * Batches walk the map bucket by bucket (bpf(2), BPF_MAP_LOOKUP_BATCH), so nothing is read twice,
 * whatever is inserted meanwhile. get_next_key does not promise that.
 */
#ifndef MOQSTAT_PERCPU_H
#define MOQSTAT_PERCPU_H

#include <stddef.h>
#include <stdint.h>

#include <moqstat.h>

/** Most counters of one value. */
#define PERCPU_CELLS_MAX 8

/** One element of the map. */
struct percpu_row {
	struct moqstat_slot_key key;
	uint64_t cells[PERCPU_CELLS_MAX];
};

/** All of them; zeroed before the first use, reused after. */
struct percpu {
	struct percpu_row *rows;
	size_t len;
	size_t room;
	void *keys;
	uint64_t *values;
	uint32_t batch; /* elements that keys and values hold */
	uint32_t cells;
	int cpus;
};

/** Read the map behind `fd`, whose values are `cells` counters, into p->rows. 0 or -errno. */
int percpu_read(struct percpu *p, int fd, uint32_t cells);

/** The sum over the CPUs of one counter of a per-CPU array. 0 or -errno. */
int percpu_sum(int fd, uint32_t index, uint64_t *sum);

/** Free what it owns and zero it. */
void percpu_deinit(struct percpu *p);

#endif /* MOQSTAT_PERCPU_H */
