// SPDX-License-Identifier: MIT
/* The programs that bench/hit measures. */
#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

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

static int none_load(const struct hit_target *target, struct hit_program *program)
{
	(void)target;
	program->fd = -1;
	return 0;
}

static struct hit_bpf *reference_load(void)
{
	struct hit_bpf *reference = hit_bpf__open();
	struct bpf_program *prog;
	int err;

	if (!reference)
		return NULL;
	bpf_object__for_each_program(prog, reference->obj)
		bpf_program__set_expected_attach_type(prog, HIT_ATTACH_TYPE);
	err = hit_bpf__load(reference);
	if (err) {
		hit_bpf__destroy(reference);
		errno = -err;
		return NULL;
	}
	return reference;
}

static void reference_unload(struct hit_program *program)
{
	hit_bpf__destroy(program->state);
}

static int empty_load(const struct hit_target *target, struct hit_program *program)
{
	struct hit_bpf *reference = reference_load();

	(void)target;
	if (!reference)
		return -errno;
	program->state = reference;
	program->fd = bpf_program__fd(reference->progs.hit_empty);
	return 0;
}

static int slot_load(const struct hit_target *target, struct hit_program *program)
{
	struct hit_bpf *reference = reference_load();

	(void)target;
	if (!reference)
		return -errno;
	program->state = reference;
	program->fd = bpf_program__fd(reference->progs.hit_slot);
	return 0;
}

static bool slot_counted(const struct hit_program *program)
{
	const struct hit_bpf *reference = program->state;
	const uint32_t key = 0;
	uint64_t passes = 0;

	for (int i = 0; i < HIT_SHAPES; i++)
		passes += program->passes[i];
	return hit_sum(bpf_map__fd(reference->maps.slot), &key, sizeof(uint64_t), 0) == passes;
}

/* The bare loop and the empty program come first: the others are compared with them. */
const struct hit_case hit_cases[] = {
	{ "none", "no probe, the bare loop", none_load, NULL, NULL },
	{ "empty", "an empty program", empty_load, NULL, reference_unload },
	{ "slot", "one slot of a per-CPU array", slot_load, slot_counted, reference_unload },
	{ "ours", "moqstat's program", ours_load, ours_counted, ours_unload },
};
const size_t hit_cases_len = sizeof(hit_cases) / sizeof(hit_cases[0]);
