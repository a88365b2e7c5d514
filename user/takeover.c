/* SPDX-License-Identifier: MIT */
#include "takeover.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "inventory.h"
#include "labels.h"
#include "log.h"
#include "moqstat.skel.h"
#include "names.h"

/* Ticks after which tables that keep changing, or make no sense, are left alone. */
#define TAKEOVER_TRIES 30

/* The relay's counters of one incarnation, noted before ours were read. */
struct takeover_note {
	uint32_t incarnation;
	uint8_t *bytes;
};

struct takeover {
	struct moqstat_bpf *object;
	const struct target *target;
	const struct layout *layout;
	struct labels *labels;
	bool learnt;
	bool omitted;
	uint64_t uncounted; /* entries of tiers without a number */
	unsigned int tries;
	struct takeover_note *notes;
	size_t notes_len, notes_room;
};

int takeover_create(struct moqstat_bpf *object, const struct target *target,
		    const struct layout *layout, struct labels *labels, struct takeover **out)
{
	struct takeover *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->object = object;
	t->target = target;
	t->layout = layout;
	t->labels = labels;
	*out = t;
	return 0;
}

static void takeover_clear(struct takeover *t)
{
	size_t i;

	for (i = 0; i < t->notes_len; i++)
		free(t->notes[i].bytes);
	t->notes_len = 0;
}

void takeover_destroy(struct takeover *t)
{
	if (!t)
		return;
	takeover_clear(t);
	free(t->notes);
	free(t);
}

/* Let an entry of a tier without a number be counted nowhere, as the programs do. */
static void takeover_leave(struct takeover *t, const struct moqstat_entry_key *key)
{
	const struct moqstat_id id = { .tgid = key->tgid, .incarnation = MOQSTAT_UNCOUNTED };

	if (!bpf_map_update_elem(bpf_map__fd(t->object->maps.entries), key, &id, BPF_NOEXIST))
		t->uncounted++;
}

/* Name one entry as the programs would have, had they seen it begin. */
static int takeover_name(struct takeover *t, const struct inventory_item *item,
			 struct incarnations *known, size_t *existing)
{
	struct moqstat_entry_key key = { .entry = item->entry, .tgid = t->target->pid };
	struct moqstat_name name = { .entry = item->entry, .slot = item->slot, .len = item->len };
	struct moqstat_id id = { .tgid = t->target->pid };
	int entries = bpf_map__fd(t->object->maps.entries);
	struct incarnation *added;
	uint32_t *used;
	int err = 0;

	if (!bpf_map_lookup_elem(entries, &key, &id))
		return 0;
	if (labels_number(t->labels, &item->label, &name.label)) {
		takeover_leave(t, &key);
		return 0;
	}
	memcpy(name.path, item->path, item->len);
	id.hash = identity_hash(t->object, item->slot, name.label, item->path, item->len);
	/* The programs draw from the same counter, which is mapped into this process. */
	id.incarnation = __atomic_add_fetch(&t->object->data->incarnations, 1, __ATOMIC_SEQ_CST);
	used = &t->object->bss->names_used[item->slot >= MOQSTAT_SLOT_SESSION];
	if (__atomic_fetch_add(used, 1, __ATOMIC_SEQ_CST) >= t->object->rodata->names_max) {
		err = -E2BIG;
	}
	err = err ? err : names_add(t->object, &id, &name);
	if (err) {
		__atomic_sub_fetch(used, 1, __ATOMIC_SEQ_CST);
		log_warn(
			"a broadcast from before the probes has no room: %s; give a larger --max-broadcasts",
			strerror(-err));
		t->omitted = true;
		return 0;
	}
	/* In vain if a program has learnt it meanwhile. */
	if (bpf_map_update_elem(entries, &key, &id, BPF_NOEXIST)) {
		names_delete(t->object, item->slot, &id, name.len);
		__atomic_sub_fetch(used, 1, __ATOMIC_SEQ_CST);
		return 0;
	}
	++*existing;
	err = incarnations_add(known, &id, &name, &added);
	if (!err && !labels_known(t->labels, name.label))
		added->hidden = true;
	return err;
}

int takeover_learn(struct takeover *t, struct incarnations *known, size_t *existing)
{
	uint64_t shared = t->object->bss->statistics_shared;
	struct inventory inventory;
	size_t i;
	int err;

	if (t->learnt || !shared || t->tries >= TAKEOVER_TRIES)
		return 0;
	err = inventory_read(t->target, t->layout, shared, &inventory);
	if (err == -ENOMEM)
		return err;
	if (err) {
		if (++t->tries == TAKEOVER_TRIES)
			log_warn(
				"what the relay had before the probes can't be told (%s): it is left out until it ends",
				strerror(-err));
		return 0;
	}
	for (i = 0; i < inventory.len && !err; i++)
		err = takeover_name(t, &inventory.items[i], known, existing);
	inventory_deinit(&inventory);
	incarnations_settle(known);
	t->learnt = !err;
	return err;
}

int takeover_census(struct takeover *t, const struct census *census, struct incarnations *known,
		    size_t *existing)
{
	size_t i;
	int err = 0;

	for (i = 0; i < census->len && !err; i++) {
		const struct census_item *item = &census->items[i];
		const struct inventory_item named = {
			.entry = item->entry,
			.slot = item->kind == CENSUS_SESSION ? MOQSTAT_SLOT_SESSION + item->tier
							     : 0,
			.len = item->len,
			.path = item->path,
		};

		/* Known already, it is left as it is. */
		if (item->entry && item->len <= MOQSTAT_PATH_MAX)
			err = takeover_name(t, &named, known, existing);
	}
	incarnations_settle(known);
	return err;
}

bool takeover_learnt(const struct takeover *t)
{
	return t->learnt;
}

bool takeover_omitted(const struct takeover *t)
{
	return t->omitted;
}

uint64_t takeover_uncounted(const struct takeover *t)
{
	return t->uncounted;
}

/* A copy of an entry's bytes in the relay, or NULL. */
static uint8_t *takeover_read(const struct takeover *t, const struct incarnation *in)
{
	size_t size = inventory_size(t->layout, in->slot);
	uint8_t *bytes = malloc(size);
	bool readable = false;

	if (bytes && !target_read(t->target, &in->entry, 1, size, bytes, &readable) && readable)
		return bytes;
	free(bytes);
	return NULL;
}

int takeover_begin(struct takeover *t, const struct incarnations *known)
{
	size_t i;

	takeover_clear(t);
	/* What isn't based is watched, so that it stays among those touched. */
	for (i = 0; i < known->touched_len; i++) {
		const struct incarnation *in = known->touched[i];

		if (in->based || !in->held)
			continue;
		if (t->notes_len == t->notes_room) {
			size_t room = t->notes_room ? 2 * t->notes_room : 64;
			struct takeover_note *grown = reallocarray(t->notes, room, sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			t->notes = grown;
			t->notes_room = room;
		}
		t->notes[t->notes_len++] = (struct takeover_note){
			.incarnation = in->id.incarnation,
			.bytes = takeover_read(t, in),
		};
	}
	return 0;
}

void takeover_finish(struct takeover *t, struct incarnations *known)
{
	uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX];
	unsigned int slot, field;
	size_t i;

	for (i = 0; i < t->notes_len; i++) {
		const struct takeover_note *note = &t->notes[i];
		struct incarnation *in = incarnations_find(known, note->incarnation);
		uint8_t *after = in ? takeover_read(t, in) : NULL;
		size_t head = sizeof(struct inventory_arc);

		/* The references in front of the counters may change. */
		if (after && note->bytes &&
		    !memcmp(after + head, note->bytes + head,
			    inventory_size(t->layout, in->slot) - head)) {
			memset(counts, 0, sizeof(counts));
			inventory_counts(t->layout, in->slot, after, counts);
			for (slot = 0; slot < MOQSTAT_SLOT_MAX; slot++) {
				for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
					/* Of what is read from it the relay's is ours. */
					if (t->object->bss->reading && MOQSTAT_FIELD_PAYLOAD(field))
						in->counts[slot][field] = counts[slot][field];
					in->base[slot][field] =
						counts[slot][field] - in->counts[slot][field];
				}
			}
			in->based = true;
			incarnations_touch(known, in);
		}
		free(after);
	}
}
