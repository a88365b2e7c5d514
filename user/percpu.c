/* SPDX-License-Identifier: MIT */
#include "percpu.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PERCPU_BATCH 256

/* include/linux/errno.h */
#define PERCPU_ENOTSUPP 524

/* Does the kernel not know the request? Its own ENOTSUPP slips out to us. */
static bool percpu_unknown(int err)
{
	return err == -EINVAL || err == -EOPNOTSUPP || err == -PERCPU_ENOTSUPP;
}

static int percpu_resize(struct percpu *p, uint32_t batch)
{
	void *keys, *values;

	keys = reallocarray(p->keys, batch, sizeof(struct moqstat_slot_key));
	if (!keys)
		return -ENOMEM;
	p->keys = keys;
	values = reallocarray(p->values, (size_t)batch * p->cpus, p->cells * sizeof(uint64_t));
	if (!values)
		return -ENOMEM;
	p->values = values;
	p->batch = batch;
	return 0;
}

/* Tell of what the buffers hold. */
static int percpu_tell(const struct percpu *p, uint32_t count, percpu_visit *visit, void *arg)
{
	const struct moqstat_slot_key *keys = p->keys;
	uint32_t i, cell;
	int cpu, err = 0;

	for (i = 0; i < count && !err; i++) {
		const uint64_t *value = p->values + (size_t)i * p->cpus * p->cells;
		struct percpu_row row = { .key = keys[i] };

		for (cpu = 0; cpu < p->cpus; cpu++) {
			for (cell = 0; cell < p->cells; cell++)
				row.cells[cell] += value[cpu * p->cells + cell];
		}
		err = visit(arg, &row);
	}
	return err;
}

static int percpu_read_batches(struct percpu *p, percpu_visit *visit, void *arg)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint64_t cursor = 0; /* the kernel keeps a bucket's number in 4 bytes of it */
	bool first = true;
	int err = 0;

	while (!err) {
		uint32_t count = p->batch;
		bool end;

		err = bpf_map_lookup_batch(p->fd, first ? NULL : &cursor, &cursor, p->keys,
					   p->values, &count, &opts);
		end = err && errno == ENOENT;
		if (err && errno == ENOSPC) {
			/* One bucket holds more than a batch. */
			err = percpu_resize(p, 2 * p->batch);
			continue;
		}
		if (err && !end)
			return -errno;
		err = percpu_tell(p, count, visit, arg);
		p->len += count;
		if (end)
			break;
		first = false;
	}
	return err;
}

static int percpu_read_one(struct percpu *p, const struct moqstat_slot_key *key,
			   percpu_visit *visit, void *arg)
{
	memcpy(p->keys, key, sizeof(*key));
	return bpf_map_lookup_elem(p->fd, key, p->values) ? -errno : percpu_tell(p, 1, visit, arg);
}

/* Nobody but the reader takes elements out, so the walk never begins anew in the middle. */
static int percpu_read_each(struct percpu *p, percpu_visit *visit, void *arg)
{
	struct moqstat_slot_key key, next;
	int err = bpf_map_get_next_key(p->fd, NULL, &next) ? -errno : 0;

	while (!err) {
		key = next;
		err = percpu_read_one(p, &key, visit, arg);
		p->len++;
		if (!err)
			err = bpf_map_get_next_key(p->fd, &key, &next) ? -errno : 0;
	}
	return err == -ENOENT ? 0 : err;
}

int percpu_read(struct percpu *p, percpu_visit *visit, void *arg)
{
	p->len = 0;
	if (p->way == PERCPU_BATCHES)
		return percpu_read_batches(p, visit, arg);
	return percpu_read_each(p, visit, arg);
}

int percpu_read_keys(struct percpu *p, const struct moqstat_slot_key *keys, size_t len,
		     percpu_visit *visit, void *arg)
{
	size_t i;
	int err = 0;

	for (i = 0; i < len && (!err || err == -ENOENT); i++)
		err = percpu_read_one(p, &keys[i], visit, arg);
	return err == -ENOENT ? 0 : err;
}

static int percpu_ignore(void *arg, const struct percpu_row *row)
{
	(void)arg;
	(void)row;
	return 0;
}

int percpu_init(int fd, uint32_t cells, enum percpu_way way, struct percpu *out)
{
	struct percpu p = { .fd = fd,
			    .cells = cells,
			    .way = way == PERCPU_AUTO ? PERCPU_BATCHES : way };
	int err;

	p.cpus = libbpf_num_possible_cpus();
	if (p.cpus < 0)
		return p.cpus;
	err = percpu_resize(&p, PERCPU_BATCH);
	if (!err)
		err = percpu_read(&p, percpu_ignore, NULL);
	if (way == PERCPU_AUTO && percpu_unknown(err)) {
		p.way = PERCPU_EACH;
		err = 0;
	}
	if (err)
		percpu_deinit(&p);
	else
		*out = p;
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

int percpu_remove(int fd, const struct moqstat_slot_key *key, uint32_t cells,
		  uint64_t sums[PERCPU_CELLS_MAX])
{
	int cpus = libbpf_num_possible_cpus(), err;
	uint64_t *values;
	size_t i;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus * cells, sizeof(*values));
	if (!values)
		return -ENOMEM;
	err = bpf_map_lookup_and_delete_elem(fd, key, values) ? -errno : 0;
	memset(sums, 0, PERCPU_CELLS_MAX * sizeof(*sums));
	for (i = 0; i < (size_t)cpus * cells; i++)
		sums[i % cells] += values[i];
	free(values);
	return err;
}

void percpu_deinit(struct percpu *p)
{
	free(p->keys);
	free(p->values);
	memset(p, 0, sizeof(*p));
}
