// SPDX-License-Identifier: MIT
/* The programs that bench/hit measures: what ours is compared with, and the way to either. */
#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../user/uprobe.h"
#include "hit.h"
#include "hit.skel.h"

uint64_t hit_sum(int map_fd, const void *key, size_t value_size, size_t cell)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values, sum = 0;

	values = cpus > 0 ? calloc((size_t)cpus, value_size) : NULL;
	if (values && !bpf_map_lookup_elem(map_fd, key, values)) {
		for (int i = 0; i < cpus; i++)
			sum += values[(size_t)i * value_size / sizeof(*values) + cell];
	}
	free(values);
	return sum;
}

static int reference_load(enum hit_row row, struct hit_program *program)
{
	struct hit_bpf *reference = hit_bpf__open();
	struct bpf_program *prog;
	int err;

	if (!reference)
		return -errno;
	bpf_object__for_each_program(prog, reference->obj)
		bpf_program__set_expected_attach_type(prog, UPROBE_ATTACH_MULTI);
	err = hit_bpf__load(reference);
	if (err) {
		hit_bpf__destroy(reference);
		return err;
	}
	program->state = reference;
	program->fd = bpf_program__fd(row == HIT_SLOT ? reference->progs.hit_slot
						      : reference->progs.hit_empty);
	return 0;
}

int hit_program_load(enum hit_row row, const struct hit_target *target, struct hit_program *out)
{
	return row == HIT_OURS ? ours_load(target, out) : reference_load(row, out);
}

void hit_program_shape(enum hit_row row, struct hit_program *program, enum hit_shape shape)
{
	if (row == HIT_OURS)
		ours_shape(program, shape);
}

bool hit_program_counted(enum hit_row row, const struct hit_program *program)
{
	const struct hit_bpf *reference = program->state;
	const uint32_t key = 0;
	uint64_t passes = 0;

	if (row == HIT_OURS)
		return ours_counted(program);
	for (int i = 0; i < HIT_SHAPES; i++)
		passes += program->passes[i];
	return row != HIT_SLOT ||
	       hit_sum(bpf_map__fd(reference->maps.slot), &key, sizeof(uint64_t), 0) == passes;
}

void hit_program_unload(enum hit_row row, struct hit_program *program)
{
	if (row == HIT_OURS)
		ours_unload(program);
	else
		hit_bpf__destroy(program->state);
}
