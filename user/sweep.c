/* SPDX-License-Identifier: MIT */
#include "sweep.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "forget.h"
#include "inventory.h"
#include "moqstat.skel.h"

/* Does an address still hold an entry? */
static bool sweep_alive(const struct target *target, uint64_t entry)
{
	struct inventory_arc arc;
	bool readable = false;

	return target_read(target, &entry, 1, sizeof(arc), &arc, &readable) ||
	       (readable && inventory_arc_alive(&arc));
}

void sweep_entries(struct moqstat_bpf *object, const struct target *target)
{
	int entries = bpf_map__fd(object->maps.entries);
	struct moqstat_entry_key key, next;
	bool more = !bpf_map_get_next_key(entries, NULL, &next);
	uint32_t left = bpf_map__max_entries(object->maps.entries);
	struct moqstat_id id;

	/* Deleting may start this walk anew, which does no harm, but must end. */
	for (; more && left; left--) {
		key = next;
		more = !bpf_map_get_next_key(entries, &key, &next);
		/* Not by the hash, since it may just be changing. */
		if (!bpf_map_lookup_elem(entries, &key, &id) &&
		    (id.incarnation <= MOQSTAT_UNCOUNTED || id.incarnation & MOQSTAT_LIFE) &&
		    !sweep_alive(target, key.entry))
			forget_entry(object, key.entry, &id);
	}
}

/* Has that incarnation ended? One that is newer than all that are known has only just begun. */
static bool sweep_ended(const struct incarnations *known, const struct moqstat_id *id)
{
	const struct incarnation *in = incarnations_find(known, id->incarnation);

	if (!id->hash || !known->len)
		return false;
	if (in)
		return in->ended;
	return id->incarnation < known->list[known->len - 1]->id.incarnation;
}

void sweep_guards(struct moqstat_bpf *object, const struct incarnations *known)
{
	int guards = bpf_map__fd(object->maps.guards);
	struct moqstat_guard_key key, next;
	bool more = !bpf_map_get_next_key(guards, NULL, &next);
	uint32_t left = bpf_map__max_entries(object->maps.guards);
	struct moqstat_guard guard, taken;

	for (; more && left; left--) {
		key = next;
		more = !bpf_map_get_next_key(guards, &key, &next);
		if (bpf_map_lookup_elem(guards, &key, &guard) || !sweep_ended(known, &guard.id) ||
		    bpf_map_lookup_and_delete_elem(guards, &key, &taken))
			continue;
		if (memcmp(&guard, &taken, sizeof(guard)))
			bpf_map_update_elem(guards, &key, &taken, BPF_NOEXIST);
	}
}
