/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>

#include "moqstat.skel.h"

_Static_assert(offsetof(struct moqstat_short, path) == offsetof(struct moqstat_name, path),
	       "a short name is the front of a name");

static int names_map(const struct moqstat_bpf *object, uint32_t slot)
{
	return bpf_map__fd(slot >= MOQSTAT_SLOT_SESSION ? object->maps.roots
							: object->maps.broadcasts);
}

int names_read(const struct moqstat_bpf *object, uint32_t slot, const struct moqstat_id *id,
	       struct moqstat_name *out)
{
	if (bpf_map_lookup_elem(names_map(object, slot), id, out))
		return -errno;
	if (out->len <= MOQSTAT_SHORT_MAX)
		return 0;
	return bpf_map_lookup_elem(bpf_map__fd(object->maps.long_names), id, out) ? -errno : 0;
}

int names_add(const struct moqstat_bpf *object, const struct moqstat_id *id,
	      const struct moqstat_name *name)
{
	int names = names_map(object, name->slot), longs = bpf_map__fd(object->maps.long_names);
	int err;

	if (name->len > MOQSTAT_SHORT_MAX && bpf_map_update_elem(longs, id, name, BPF_NOEXIST))
		return -errno;
	err = bpf_map_update_elem(names, id, name, BPF_NOEXIST) ? -errno : 0;
	if (err && name->len > MOQSTAT_SHORT_MAX)
		bpf_map_delete_elem(longs, id);
	return err;
}

int names_delete(const struct moqstat_bpf *object, uint32_t slot, const struct moqstat_id *id,
		 uint32_t len)
{
	if (len > MOQSTAT_SHORT_MAX)
		bpf_map_delete_elem(bpf_map__fd(object->maps.long_names), id);
	return bpf_map_delete_elem(names_map(object, slot), id) ? -errno : 0;
}
