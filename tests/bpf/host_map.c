/* SPDX-License-Identifier: MIT */
#include "host_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DELETED 0xdd

struct element {
	struct element *next;
	__u64 used;	/* when, for those that make room */
	__u8 *key;	/* each an allocation of its own, so that none is overrun unseen */
	__u8 *values[]; /* one a CPU */
};

struct host_map {
	const struct programs_map *what;
	__u32 entries, cpus, len;
	__u64 clock;
	struct element *first;
	struct element *deleted; /* programs may still look at them */
};

static void *map_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

static bool map_is_array(const struct host_map *m)
{
	return m->what->type == BPF_MAP_TYPE_ARRAY || m->what->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static bool map_is_percpu(const struct host_map *m)
{
	return m->what->type == BPF_MAP_TYPE_PERCPU_HASH ||
	       m->what->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static struct element *map_add(struct host_map *m, const void *key)
{
	struct element *e = map_alloc(sizeof(*e) + m->cpus * sizeof(e->values[0])), **end;
	__u32 cpu;

	e->key = map_alloc(m->what->key_size);
	memcpy(e->key, key, m->what->key_size);
	for (cpu = 0; cpu < m->cpus; cpu++)
		e->values[cpu] = map_alloc(m->what->value_size);
	for (end = &m->first; *end; end = &(*end)->next)
		;
	*end = e;
	m->len++;
	return e;
}

static void map_free(struct host_map *m, struct element *list)
{
	struct element *next;
	__u32 cpu;

	for (; list; list = next) {
		next = list->next;
		for (cpu = 0; cpu < m->cpus; cpu++)
			free(list->values[cpu]);
		free(list->key);
		free(list);
	}
}

struct host_map *host_map_create(const struct programs_map *what, __u32 entries, __u32 cpus)
{
	struct host_map *m = map_alloc(sizeof(*m));
	__u32 i;

	m->what = what;
	m->entries = entries ? entries : what->max_entries;
	m->cpus = map_is_percpu(m) ? cpus : 1;
	/* From the end, since each goes to the end of a list that is empty then. */
	for (i = 0; map_is_array(m) && i < m->entries; i++) {
		struct element *behind = m->first;
		__u32 key = m->entries - 1 - i;

		m->first = NULL;
		map_add(m, &key)->next = behind;
	}
	return m;
}

void host_map_destroy(struct host_map *m)
{
	if (!m)
		return;
	map_free(m, m->first);
	map_free(m, m->deleted);
	free(m);
}

static struct element **map_find(struct host_map *m, const void *key)
{
	struct element **at;

	for (at = &m->first; *at; at = &(*at)->next) {
		if (!memcmp((*at)->key, key, m->what->key_size))
			break;
	}
	return at;
}

void *host_map_lookup(struct host_map *m, const void *key, __u32 cpu)
{
	struct element *e = *map_find(m, key);

	if (!e)
		return NULL;
	e->used = ++m->clock;
	return e->values[map_is_percpu(m) ? cpu : 0];
}

/* What is deleted serves something else at once, in the kernel: nobody may rely on it. */
static void map_delete(struct host_map *m, struct element **at)
{
	struct element *e = *at;
	__u32 cpu;

	*at = e->next;
	e->next = m->deleted;
	m->deleted = e;
	m->len--;
	for (cpu = 0; cpu < m->cpus; cpu++)
		memset(e->values[cpu], DELETED, m->what->value_size);
}

static void map_make_room(struct host_map *m)
{
	struct element **at, **oldest = &m->first;

	for (at = &m->first; *at; at = &(*at)->next) {
		if ((*at)->used < (*oldest)->used)
			oldest = at;
	}
	map_delete(m, oldest);
}

long host_map_update(struct host_map *m, const void *key, const void *value, __u64 flags, __u32 cpu)
{
	struct element **at = map_find(m, key), *e = *at;

	if (map_is_array(m) && !e)
		return -E2BIG;
	if (e && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!e && flags == BPF_EXIST)
		return -ENOENT;
	if (!e && m->len >= m->entries) {
		if (m->what->type != BPF_MAP_TYPE_LRU_HASH)
			return -E2BIG;
		map_make_room(m);
	}
	/* A value that isn't per CPU is replaced, not written over. */
	if (e && !map_is_percpu(m) && !map_is_array(m)) {
		__u8 *kept = map_alloc(m->what->value_size);

		memcpy(kept, value, m->what->value_size);
		map_delete(m, at);
		e = map_add(m, key);
		memcpy(e->values[0], kept, m->what->value_size);
		free(kept);
	} else {
		e = e ? e : map_add(m, key);
		memcpy(e->values[map_is_percpu(m) ? cpu : 0], value, m->what->value_size);
	}
	e->used = ++m->clock;
	return 0;
}

long host_map_remove(struct host_map *m, const void *key)
{
	struct element **at = map_find(m, key);

	if (map_is_array(m))
		return -EINVAL;
	if (!*at)
		return -ENOENT;
	map_delete(m, at);
	return 0;
}

const void *host_map_behind(const struct host_map *m, const void *key)
{
	const struct element *e = m->first;

	for (; key && e; e = e->next) {
		if (!memcmp(e->key, key, m->what->key_size)) {
			e = e->next;
			break;
		}
	}
	return e ? e->key : NULL;
}
