/* SPDX-License-Identifier: MIT */
#include "changes.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "incarnation.h"
#include "moqstat.skel.h"

/* Where memory lacks, everything is read. */
static void changes_put(struct changes *c, const struct moqstat_slot_key *key)
{
	if (c->len == c->room && !c->all) {
		size_t room = c->room ? 2 * c->room : 1024;
		struct moqstat_slot_key *grown = reallocarray(c->keys, room, sizeof(*grown));

		c->all = !grown;
		c->keys = grown ? grown : c->keys;
		c->room = grown ? room : c->room;
	}
	if (!c->all)
		c->keys[c->len++] = *key;
}

static int changes_told(void *arg, void *data, size_t size)
{
	struct moqstat_slot_key key;

	if (size < sizeof(key))
		return 0;
	memcpy(&key, data, sizeof(key));
	changes_put(arg, &key);
	return 0;
}

int changes_init(struct moqstat_bpf *object, struct changes *out)
{
	*out = (struct changes){ .object = object, .all = true };
	out->ring = ring_buffer__new(bpf_map__fd(object->maps.changed), changes_told, out, NULL);
	return out->ring ? 0 : -errno;
}

void changes_deinit(struct changes *c)
{
	ring_buffer__free(c->ring);
	free(c->keys);
	memset(c, 0, sizeof(*c));
}

void changes_add(struct changes *c, const struct incarnation *in)
{
	struct moqstat_slot_key key = { .id = in->id, .slot = in->slot };
	unsigned int slots = in->slot ? 1 : MOQSTAT_SLOT_SESSION;

	for (; slots; slots--, key.slot++)
		changes_put(c, &key);
}

static int changes_compare(const void *a, const void *b)
{
	const struct moqstat_slot_key *x = a, *y = b;

	if (x->id.incarnation != y->id.incarnation)
		return x->id.incarnation < y->id.incarnation ? -1 : 1;
	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

/* In the order of their age, each once. */
static void changes_sort(struct changes *c)
{
	size_t i, kept = 0;

	if (c->len)
		qsort(c->keys, c->len, sizeof(*c->keys), changes_compare);
	for (i = 0; i < c->len; i++) {
		if (!kept || changes_compare(&c->keys[kept - 1], &c->keys[i]))
			c->keys[kept++] = c->keys[i];
	}
	c->len = kept;
}

void changes_take(struct changes *c)
{
	__u64 *next = &c->object->data->reading_next;
	__u32 *full = &c->object->bss->changed_full;

	if (ring_buffer__consume(c->ring) < 0)
		c->all = true;
	/* Nothing of what follows may come before this. */
	__atomic_store_n(next, *next + 1, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(full, 0, __ATOMIC_SEQ_CST))
		c->all = true;
	if (!c->all)
		changes_sort(c);
}

void changes_done(struct changes *c)
{
	c->len = 0;
	c->all = false;
}
