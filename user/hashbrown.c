/* SPDX-License-Identifier: MIT */
#include "hashbrown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No relay has more entries at once than this; a larger table is something else. */
#define HASHBROWN_BUCKETS_MAX (1u << 20)

int hashbrown_bytes(const struct target *target, uint64_t address, void *out, size_t size)
{
	bool readable = false;
	int err = target_read(target, &address, 1, size, out, &readable);

	return err ? err : readable ? 0 : -EBADMSG;
}

static size_t hashbrown_size(const struct hashbrown *h)
{
	return h->len * (h->bucket + 1);
}

static uint64_t hashbrown_start(const struct hashbrown *h)
{
	return h->head.control - h->len * h->bucket;
}

int hashbrown_read(const struct target *target, uint64_t at, size_t bucket, struct hashbrown *out)
{
	struct hashbrown h = { .at = at, .bucket = bucket };
	int err = hashbrown_bytes(target, at, &h.head, sizeof(h.head));

	memset(out, 0, sizeof(*out));
	if (err)
		return err;
	if ((h.head.mask & (h.head.mask + 1)) || h.head.mask >= HASHBROWN_BUCKETS_MAX ||
	    h.head.items > h.head.mask + 1)
		return -EBADMSG;
	*out = h;
	/* One that never held anything has no memory of its own. */
	if (!h.head.items)
		return 0;
	out->len = h.head.mask + 1;
	out->memory = malloc(2 * hashbrown_size(out));
	if (!out->memory)
		return -ENOMEM;
	return hashbrown_bytes(target, hashbrown_start(out), out->memory, hashbrown_size(out));
}

const void *hashbrown_bucket(const struct hashbrown *h, size_t i)
{
	const uint8_t *control = h->memory + h->len * h->bucket;

	return control[i] & 0x80 ? NULL : control - (i + 1) * h->bucket;
}

int hashbrown_check(const struct target *target, struct hashbrown *h)
{
	size_t i, used = 0, size = hashbrown_size(h);
	struct hashbrown_head again;
	int err;

	if (!h->memory)
		return 0;
	for (i = 0; i < h->len; i++)
		used += !!hashbrown_bucket(h, i);
	if (used != h->head.items)
		return -EAGAIN;
	err = hashbrown_bytes(target, hashbrown_start(h), h->memory + size, size);
	if (!err)
		err = hashbrown_bytes(target, h->at, &again, sizeof(again));
	if (!err &&
	    (memcmp(&h->head, &again, sizeof(again)) || memcmp(h->memory, h->memory + size, size)))
		err = -EAGAIN;
	return err;
}

void hashbrown_deinit(struct hashbrown *h)
{
	free(h->memory);
	memset(h, 0, sizeof(*h));
}
