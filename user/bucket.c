/* SPDX-License-Identifier: MIT */
#include "bucket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"

static void bucket_destroy(struct bucket *b)
{
	if (!b)
		return;
	snapshot_destroy(b->snapshot);
	free(b->broadcast);
	free(b->key);
	free(b);
}

static int bucket_create(const struct buckets *all, const char *key, size_t len,
			 struct bucket **out)
{
	struct bucket *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return -ENOMEM;
	b->key = malloc(len + 1);
	b->key_len = len;
	err = b->key ? path_advertised_group(all->prefix, key, len, all->node, &b->broadcast,
					     &b->broadcast_len)
		     : -ENOMEM;
	if (!err)
		err = snapshot_create(all->prefix, &b->snapshot);
	if (err) {
		bucket_destroy(b);
		return err;
	}
	if (len)
		memcpy(b->key, key, len);
	*out = b;
	return 0;
}

/* Where the first one is that isn't before a key. */
static size_t buckets_find(const struct buckets *b, const char *key, size_t len)
{
	size_t from = 0, end = b->len, middle;

	while (from < end) {
		middle = from + (end - from) / 2;
		if (path_compare(b->list[middle]->key, b->list[middle]->key_len, key, len) < 0)
			from = middle + 1;
		else
			end = middle;
	}
	return from;
}

/* The bucket of a path is to be there. */
static int buckets_add(struct buckets *b, const char *path, size_t path_len)
{
	size_t len = path_head(path, path_len, b->depth), at = buckets_find(b, path, len), size;
	struct bucket **list, *fresh;
	int err;

	if (at < b->len && !path_compare(b->list[at]->key, b->list[at]->key_len, path, len))
		return 0;
	if (b->len == b->size) {
		size = 2 * b->size + 1;
		list = reallocarray(b->list, size, sizeof(struct bucket *));
		if (!list)
			return -ENOMEM;
		b->list = list;
		b->size = size;
	}
	err = bucket_create(b, path, len, &fresh);
	if (err)
		return err;
	memmove(&b->list[at + 1], &b->list[at], (b->len - at) * sizeof(struct bucket *));
	b->list[at] = fresh;
	b->len++;
	return 0;
}

int buckets_init(const char *prefix, const char *node, unsigned int depth, struct buckets *out)
{
	*out = (struct buckets){ .depth = depth };
	out->prefix = strdup(prefix);
	out->node = strdup(node ? node : "");
	if (!out->prefix || !out->node)
		return -ENOMEM;
	return depth ? 0 : buckets_add(out, "", 0);
}

void buckets_deinit(struct buckets *b)
{
	size_t i;

	for (i = 0; i < b->len; i++)
		bucket_destroy(b->list[i]);
	free(b->list);
	free(b->node);
	free(b->prefix);
	memset(b, 0, sizeof(*b));
}

static int buckets_compare_paths(const char *a, size_t a_len, const char *b, size_t b_len,
				 const unsigned int *depth)
{
	return path_compare(a, path_head(a, a_len, *depth), b, path_head(b, b_len, *depth));
}

static int buckets_compare_broadcasts(const void *va, const void *vb, void *depth)
{
	const struct collect_broadcast *a = va, *b = vb;

	return buckets_compare_paths(a->path, a->path_len, b->path, b->path_len, depth);
}

static int buckets_compare_sessions(const void *va, const void *vb, void *depth)
{
	const struct collect_session *a = va, *b = vb;

	return buckets_compare_paths(a->root, a->root_len, b->root, b->root_len, depth);
}

int buckets_sort(struct buckets *b, struct collect_batch *batch)
{
	size_t i;
	int err = 0;

	/* One has it all. */
	if (!b->depth)
		return 0;
	if (batch->broadcasts_len)
		qsort_r(batch->broadcasts, batch->broadcasts_len, sizeof(*batch->broadcasts),
			buckets_compare_broadcasts, &b->depth);
	if (batch->sessions_len)
		qsort_r(batch->sessions, batch->sessions_len, sizeof(*batch->sessions),
			buckets_compare_sessions, &b->depth);
	for (i = 0; i < batch->broadcasts_len && !err; i++)
		err = buckets_add(b, batch->broadcasts[i].path, batch->broadcasts[i].path_len);
	for (i = 0; i < batch->sessions_len && !err; i++)
		err = buckets_add(b, batch->sessions[i].root, batch->sessions[i].root_len);
	return err;
}

static bool buckets_is_of(const struct buckets *b, const struct bucket *bucket, const char *path,
			  size_t len)
{
	return !path_compare(path, path_head(path, len, b->depth), bucket->key, bucket->key_len);
}

struct collect_batch buckets_part(const struct buckets *b, const struct collect_batch *batch,
				  const struct bucket *bucket, struct buckets_at *at)
{
	struct collect_batch part = *batch;
	size_t i;

	if (!b->depth)
		return part;
	part.broadcasts = batch->broadcasts + at->broadcasts;
	part.sessions = batch->sessions + at->sessions;
	for (i = at->broadcasts; i < batch->broadcasts_len; i++) {
		if (!buckets_is_of(b, bucket, batch->broadcasts[i].path,
				   batch->broadcasts[i].path_len))
			break;
	}
	part.broadcasts_len = i - at->broadcasts;
	at->broadcasts = i;
	for (i = at->sessions; i < batch->sessions_len; i++) {
		if (!buckets_is_of(b, bucket, batch->sessions[i].root, batch->sessions[i].root_len))
			break;
	}
	part.sessions_len = i - at->sessions;
	at->sessions = i;
	/* Those before it had nothing of this one. */
	part.since = snapshot_number(bucket->snapshot);
	return part;
}

void buckets_sweep(struct buckets *b)
{
	size_t i, len = 0;

	for (i = 0; i < b->len; i++) {
		if (b->list[i]->over) {
			b->held_back += b->list[i]->held_back;
			bucket_destroy(b->list[i]);
		} else {
			b->list[len++] = b->list[i];
		}
	}
	b->len = len;
}

uint64_t buckets_held_back(const struct buckets *b)
{
	uint64_t sum = b->held_back;
	size_t i;

	for (i = 0; i < b->len; i++)
		sum += b->list[i]->held_back;
	return sum;
}

size_t buckets_waiting(const struct buckets *b)
{
	size_t sum = 0, i;

	for (i = 0; i < b->len; i++)
		sum += b->list[i]->waiting;
	return sum;
}

enum bucket_fate bucket_judge(struct bucket *b, bool first, uint64_t time_ms, uint64_t linger_ms)
{
	if (b->any) {
		b->begun = true;
		b->empty = false;
		return BUCKET_SHOWN;
	}
	if (!b->begun)
		return BUCKET_NEVER;
	if (!first)
		return linger_ms ? BUCKET_SHOWN : BUCKET_SILENT;
	if (!b->empty)
		b->since = time_ms;
	b->empty = true;
	/* The clock may have been set back. */
	return time_ms >= b->since && time_ms - b->since >= linger_ms ? BUCKET_ENDS : BUCKET_SHOWN;
}
