/* SPDX-License-Identifier: MIT */
#include "counts.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "moqstat.skel.h"
#include "names.h"
#include "path.h"

#define COUNTS_OVERFLOW	    "__overflow__"
#define COUNTS_UNATTRIBUTED "__unattributed__"

const struct counts_pass counts_passes[COUNTS_PASSES] = {
	{ .closes = true, .cells = MOQSTAT_CLOSED_CELLS, .mark = MOQSTAT_CLOSED_MARK },
	{ .closes = false, .cells = MOQSTAT_OPENED_CELLS, .mark = MOQSTAT_OPENED_MARK },
};

int counts_init(const struct counts_source *source, struct counts *out)
{
	struct moqstat_bpf *object = source->object;
	unsigned int i;
	int err;

	*out = (struct counts){ .object = object,
				.known = source->known,
				.labels = source->labels,
				.prefix = source->prefix,
				.no_unattributed = source->no_unattributed };
	err = changes_init(object, &out->changes);
	for (i = 0; i < COUNTS_PASSES && !err; i++)
		err = percpu_init(bpf_map__fd(counts_passes[i].closes ? object->maps.closed
								      : object->maps.opened),
				  counts_passes[i].cells, source->way, &out->passes[i]);
	if (err) {
		log_error("cannot read the maps of counters: %s%s", strerror(-err),
			  source->way == PERCPU_BATCHES ? "; leave out --maps" : "");
		counts_deinit(out);
	}
	return err;
}

void counts_deinit(struct counts *c)
{
	unsigned int i;

	changes_deinit(&c->changes);
	free(c->lost);

	for (i = 0; i < COUNTS_PASSES; i++)
		percpu_deinit(&c->passes[i]);
	memset(c, 0, sizeof(*c));
}

void counts_delete(struct counts *c, const struct moqstat_id *id, uint32_t slot)
{
	struct incarnation *in = incarnations_find(c->known, id->incarnation);
	struct moqstat_slot_key key = { .id = *id, .slot = slot };
	unsigned int slots = slot ? 1 : MOQSTAT_SLOT_SESSION, i;

	for (i = 0; i < COUNTS_PASSES && in; i++) {
		c->passes[i].len -= (size_t)__builtin_popcount(in->elements[i]);
		in->elements[i] = 0;
	}
	for (; slots; slots--, key.slot++) {
		bpf_map_delete_elem(bpf_map__fd(c->object->maps.closed), &key);
		bpf_map_delete_elem(bpf_map__fd(c->object->maps.opened), &key);
	}
}

void counts_add(struct counts *c, const struct incarnation *in)
{
	changes_add(&c->changes, in);
}

static int counts_learn(struct counts *c, const struct moqstat_slot_key *key);

/* Give what one slot of an incarnation has counted to the overflow. */
static int counts_give(struct counts *c, const struct moqstat_slot_key *key,
		       const struct counts_pass *pass)
{
	struct moqstat_slot_key over = { .id.tgid = key->id.tgid, .slot = key->slot };
	uint64_t sums[PERCPU_CELLS_MAX];
	struct incarnation *in;
	unsigned int field;
	int err = percpu_remove(
		bpf_map__fd(pass->closes ? c->object->maps.closed : c->object->maps.opened), key,
		pass->cells, sums);

	if (err)
		return err == -ENOENT ? 0 : err;
	over.id.incarnation = key->slot < MOQSTAT_SLOT_SESSION ? 0 : key->slot;
	if (!incarnations_find(c->known, over.id.incarnation))
		err = counts_learn(c, &over);
	if (err)
		return err;
	in = incarnations_find(c->known, over.id.incarnation);
	incarnations_touch(c->known, in);
	for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
		if (MOQSTAT_FIELD_CLOSES(field) == pass->closes)
			in->base[key->slot][field] += sums[MOQSTAT_FIELD_CELL(field)];
	}
	return 0;
}

/* Counts of an incarnation that was taken for finished. While counters have no room that can be,
 * for then not all is in one row that tells whether it is over. It is said, and they are in the
 * overflow: after the reading, since it walks the maps.
 */
static int counts_lose(struct counts *c, const struct moqstat_id *id)
{
	struct moqstat_id *lost;
	size_t i;

	for (i = 0; i < c->lost_len; i++) {
		if (c->lost[i].incarnation == id->incarnation)
			return 0;
	}
	lost = reallocarray(c->lost, c->lost_len + 1, sizeof(*lost));
	if (!lost)
		return -ENOMEM;
	c->lost = lost;
	c->lost[c->lost_len++] = *id;
	return 0;
}

static int counts_give_all(struct counts *c)
{
	size_t i;
	int err = 0;

	for (; c->lost_len && !err; c->lost_len--) {
		struct moqstat_slot_key key = { .id = c->lost[c->lost_len - 1] };
		uint64_t number = key.id.incarnation;

		c->orphans++;
		bpf_map_delete_elem(bpf_map__fd(c->object->maps.readings), &number);
		for (i = 0; i < COUNTS_PASSES && !err; i++) {
			for (key.slot = 0; key.slot < MOQSTAT_SLOT_MAX && !err; key.slot++)
				err = counts_give(c, &key, &counts_passes[i]);
		}
	}
	return err;
}

/* Learn the name of an incarnation whose counts are seen for the first time. */
static int counts_learn(struct counts *c, const struct moqstat_slot_key *key)
{
	bool unnamed = key->id.incarnation == MOQSTAT_UNATTRIBUTED;
	const char *text = unnamed ? COUNTS_UNATTRIBUTED : COUNTS_OVERFLOW;
	struct moqstat_name name = { .len = strlen(text),
				     .slot = unnamed ? 0 : key->id.incarnation,
				     .fresh = 1 };
	struct incarnation *added;
	int err;

	memcpy(name.path, text, name.len);
	err = key->id.hash ? names_read(c->object, key->slot, &key->id, &name) : 0;
	if (err)
		return err != -ENOENT ? err : counts_lose(c, &key->id);
	err = incarnations_add(c->known, &key->id, &name, &added);
	if (err)
		return err;
	c->existing += !name.fresh;
	if (!labels_known(c->labels, name.label))
		added->hidden = true;
	c->invalid += added->hidden;
	if (unnamed && c->no_unattributed)
		added->hidden = true;
	/* Where its statistics are on, the relay itself leaves these out. */
	if (added->guarded && !added->slot &&
	    path_has_prefix(added->path, added->len, c->prefix, strlen(c->prefix)))
		added->hidden = true;
	return 0;
}

static bool counts_any(const struct percpu_row *row, const struct counts_pass *pass)
{
	uint64_t any = 0;
	size_t i;

	for (i = 0; i < pass->cells; i++)
		any |= i == pass->mark ? 0 : row->cells[i];
	return any;
}

/* One of the readings that a reading is made of. */
struct counts_reading {
	struct counts *counts;
	unsigned int pass;
};

/* An element that wasn't there before, as far as is known: the whole map is counted otherwise. */
static void counts_note(struct counts *c, struct incarnation *in, unsigned int pass, uint32_t slot)
{
	if (!c->changes.all && !(in->elements[pass] >> slot & 1))
		c->passes[pass].len++;
	in->elements[pass] |= (uint8_t)(1U << slot);
}

/* What is read from the relay isn't in the maps. */
static bool counts_elsewhere(const struct counts *c, uint32_t slot, unsigned int field)
{
	return c->object->bss->reading && slot < MOQSTAT_SLOT_SESSION &&
	       MOQSTAT_FIELD_PAYLOAD(field);
}

/* Put the cells of an element into the counts. Whose they are is learnt if it isn't known yet and
 * something was counted: the overflow's elements are there from the beginning. */
static int counts_take(void *arg, const struct percpu_row *row)
{
	const struct counts_reading *reading = arg;
	const struct counts_pass *pass = &counts_passes[reading->pass];
	struct counts *c = reading->counts;
	struct incarnation *in = incarnations_find(c->known, row->key.id.incarnation);
	unsigned int field;
	int err = 0;

	if (row->key.slot >= MOQSTAT_SLOT_MAX)
		return 0;
	if (!in && counts_any(row, pass)) {
		err = counts_learn(c, &row->key);
		in = incarnations_find(c->known, row->key.id.incarnation);
	}
	if (in)
		counts_note(c, in, reading->pass, row->key.slot);
	for (field = 0; field < MOQSTAT_FIELD_MAX && in; field++) {
		uint64_t *count = &in->counts[row->key.slot][field];

		if (MOQSTAT_FIELD_CLOSES(field) != pass->closes ||
		    counts_elsewhere(c, row->key.slot, field) ||
		    *count == row->cells[MOQSTAT_FIELD_CELL(field)])
			continue;
		*count = row->cells[MOQSTAT_FIELD_CELL(field)];
		incarnations_touch(c->known, in);
	}
	return err;
}

int counts_read(struct counts *c)
{
	struct counts_reading reading = { .counts = c };
	const struct changes *changes = &c->changes;
	unsigned int i;
	int err = 0;

	changes_take(&c->changes);
	for (i = 0; i < COUNTS_PASSES && !err; i++) {
		reading.pass = i;
		if (changes->all)
			err = percpu_read(&c->passes[i], counts_take, &reading);
		else
			err = percpu_read_keys(&c->passes[i], changes->keys, changes->len,
					       counts_take, &reading);
	}
	if (!err)
		err = counts_give_all(c);
	incarnations_settle(c->known);
	if (err)
		log_error("cannot read the counters: %s", strerror(-err));
	else
		changes_done(&c->changes);
	return err;
}
