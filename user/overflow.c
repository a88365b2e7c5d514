/* SPDX-License-Identifier: MIT */
#include "overflow.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "moqstat.skel.h"

int overflow_reserve(const struct moqstat_bpf *object, pid_t pid)
{
	int opened = bpf_map__fd(object->maps.opened), closed = bpf_map__fd(object->maps.closed);
	int cpus = libbpf_num_possible_cpus(), err = 0;
	struct moqstat_opened *zero;
	uint32_t i;

	if (cpus < 0)
		return cpus;
	/* The larger one of both values. */
	zero = calloc(cpus, sizeof(*zero));
	if (!zero)
		return -ENOMEM;
	for (i = 0; i < OVERFLOW_SLOTS && !err; i++) {
		struct moqstat_slot_key key = { .id.tgid = pid, .slot = i % MOQSTAT_SLOT_MAX };

		if (i >= MOQSTAT_SLOT_MAX)
			key.id.incarnation = MOQSTAT_UNATTRIBUTED;
		else if (i >= MOQSTAT_SLOT_SESSION)
			key.id.incarnation = i;
		/* A program may have begun it already. */
		if ((bpf_map_update_elem(opened, &key, zero, BPF_NOEXIST) && errno != EEXIST) ||
		    (bpf_map_update_elem(closed, &key, zero, BPF_NOEXIST) && errno != EEXIST))
			err = -errno;
	}
	free(zero);
	return err;
}
