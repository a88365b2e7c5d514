/* SPDX-License-Identifier: MIT */
/*
 * percpu.h - reads a whole BPF map of per-CPU counters, summed over the CPUs, in batches if the
 * kernel can, else element by element.
 *
 * What is there before a reading begins is in it, whatever programs insert meanwhile. Nothing is
 * read twice: batches walk the map bucket by bucket (bpf(2), BPF_MAP_LOOKUP_BATCH); and the other
 * way only begins anew where the element that it is at has gone, and programs take none out.
 */
#ifndef MOQSTAT_PERCPU_H
#define MOQSTAT_PERCPU_H

#include <stddef.h>
#include <stdint.h>

#include <moqstat.h>

/** Most counters of one value. */
#define PERCPU_CELLS_MAX MOQSTAT_OPENED_CELLS

/** One element of the map. */
struct percpu_row {
	struct moqstat_slot_key key;
	uint64_t cells[PERCPU_CELLS_MAX];
};

/** How to read. */
enum percpu_way {
	PERCPU_AUTO = 0, /* in batches if the kernel can */
	PERCPU_BATCHES,
	PERCPU_EACH, /* every element by itself */
};

/** One map. */
struct percpu {
	int fd;
	enum percpu_way way; /* not PERCPU_AUTO */
	size_t len;	     /* elements that there were when it was read as a whole; who reads
				keys may correct it */
	void *keys;
	uint64_t *values;
	uint32_t batch; /* elements that keys and values hold */
	uint32_t cells;
	int cpus;
};

/** Choose a way by trying, for the map behind `fd`, which must stay open and whose values are
 *  `cells` counters. *out is ended by percpu_deinit(). 0 or -errno. */
int percpu_init(int fd, uint32_t cells, enum percpu_way way, struct percpu *out);

/** Told of each element that is read. Not 0: no more, and that is the result. */
typedef int percpu_visit(void *arg, const struct percpu_row *row);

/** Read the whole map. 0 or -errno. */
int percpu_read(struct percpu *p, percpu_visit *visit, void *arg);

/** Read the elements of these keys; those that aren't there are left out. 0 or -errno. */
int percpu_read_keys(struct percpu *p, const struct moqstat_slot_key *keys, size_t len,
		     percpu_visit *visit, void *arg);

/** The sum over the CPUs of one counter of a per-CPU array. 0 or -errno. */
int percpu_sum(int fd, uint32_t index, uint64_t *sum);

/** Take an element out of a per-CPU hash whose values are `cells` counters, with the sums over the
 * CPUs of what it had. 0; -ENOENT there is none; other -errno. */
int percpu_remove(int fd, const struct moqstat_slot_key *key, uint32_t cells,
		  uint64_t sums[PERCPU_CELLS_MAX]);

/** Free what it owns and zero it. */
void percpu_deinit(struct percpu *p);

#endif /* MOQSTAT_PERCPU_H */
