/* SPDX-License-Identifier: MIT */
#include "percpu.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PERCPU_BATCH 256

static int percpu_resize(struct percpu *p, uint32_t batch, uint32_t cells)
{
	void *keys, *values;

	if (!p->cpus)
		p->cpus = libbpf_num_possible_cpus();
	if (p->cpus < 0)
		return p->cpus;
	keys = reallocarray(p->keys, batch, sizeof(struct moqstat_slot_key));
	if (!keys)
		return -ENOMEM;
	p->keys = keys;
	values = reallocarray(p->values, (size_t)batch * p->cpus, cells * sizeof(uint64_t));
	if (!values)
		return -ENOMEM;
	p->values = values;
	p->batch = batch;
	p->cells = cells;
	return 0;
}

static int percpu_take(struct percpu *p, uint32_t count)
{
	const struct moqstat_slot_key *keys = p->keys;
	uint32_t i, cell;
	int cpu;

	if (p->len + count > p->room) {
		size_t room = 2 * (p->len + count);
		struct percpu_row *rows = reallocarray(p->rows, room, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		p->rows = rows;
		p->room = room;
	}
	for (i = 0; i < count; i++) {
		struct percpu_row *row = &p->rows[p->len++];
		const uint64_t *value = p->values + (size_t)i * p->cpus * p->cells;

		memset(row, 0, sizeof(*row));
		row->key = keys[i];
		for (cpu = 0; cpu < p->cpus; cpu++) {
			for (cell = 0; cell < p->cells; cell++)
				row->cells[cell] += value[cpu * p->cells + cell];
		}
	}
	return 0;
}

int percpu_read(struct percpu *p, int fd, uint32_t cells)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint64_t cursor = 0; /* the kernel keeps a bucket's number in 4 bytes of it */
	bool first = true;
	int err = 0;

	p->len = 0;
	if (cells != p->cells || !p->batch)
		err = percpu_resize(p, PERCPU_BATCH, cells);
	while (!err) {
		uint32_t count = p->batch;
		bool end;

		err = bpf_map_lookup_batch(fd, first ? NULL : &cursor, &cursor, p->keys, p->values,
					   &count, &opts);
		end = err && errno == ENOENT;
		if (err && errno == ENOSPC) {
			/* One bucket holds more than a batch. */
			err = percpu_resize(p, 2 * p->batch, cells);
			continue;
		}
		if (err && !end)
			return -errno;
		err = percpu_take(p, count);
		if (end)
			break;
		first = false;
	}
	return err;
}

int percpu_sum(int fd, uint32_t index, uint64_t *sum)
{
	int cpus = libbpf_num_possible_cpus(), cpu, err = 0;
	uint64_t *values, total = 0;

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &index, values))
		err = -errno;
	for (cpu = 0; cpu < cpus; cpu++)
		total += values[cpu];
	free(values);
	if (!err)
		*sum = total;
	return err;
}

void percpu_deinit(struct percpu *p)
{
	free(p->rows);
	free(p->keys);
	free(p->values);
	memset(p, 0, sizeof(*p));
}
