/* SPDX-License-Identifier: MIT */
#include "census_name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An Arc's two counts are in front of what it holds. */
#define CENSUS_ARC_HEAD 16

/* Most bytes of an element of a table. */
#define CENSUS_ELEMENT_MAX 4096

static bool census_text_equal(const struct walk_text *a, const struct walk_text *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

static bool census_is_guard(const struct walk_event *e)
{
	return e->kind == WALK_ANNOUNCE || e->kind == WALK_TRACK;
}

static int census_copy(const struct walk_text *text, char **out, uint32_t *len)
{
	char *copy = malloc(text->len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text->bytes, text->len);
	*out = copy;
	*len = text->len;
	return 0;
}

/* As moq_net::Path::join(): a slash between, unless one of the two is empty. */
static int census_join(const struct walk_text *root, const struct walk_text *path,
		       struct walk_text *out)
{
	size_t slash = root->len && path->len, len = root->len + slash + path->len;
	char *bytes = malloc(len + 1);

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, root->bytes, root->len);
	if (slash)
		bytes[root->len] = '/';
	memcpy(bytes + root->len + slash, path->bytes, path->len);
	*out = (struct walk_text){ bytes, len };
	return 0;
}

static int census_add(struct census *c, const struct walk_event *e, enum census_kind kind,
		      const struct walk_text *path, const struct walk_text *key)
{
	struct census_item *item;
	int err;

	if (c->len == c->room) {
		size_t room = c->room ? 2 * c->room : 64;
		struct census_item *grown = reallocarray(c->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		c->items = grown;
		c->room = room;
	}
	item = &c->items[c->len];
	*item = (struct census_item){
		.kind = kind,
		.role = kind == CENSUS_SESSION ? MOQSTAT_ROLE_MAX : e->role,
		.tier = e->tier,
		.guard = e->at,
		.entry = e->value,
		.owner = e->owner,
		.table = e->table,
	};
	err = census_copy(path, &item->path, &item->len);
	if (!err && key)
		err = census_copy(key, &item->key, &item->key_len);
	if (err)
		free(item->path);
	else
		c->len++;
	return err;
}

/* The root of the origin that a session's half has, if all that the task holds agree. */
static const struct walk_text *census_root(const struct walk_task *t, enum walk_kind kind)
{
	const struct walk_text *root = NULL;
	size_t i;

	for (i = 0; i < t->len; i++) {
		if (t->list[i].kind != kind || t->list[i].arcs)
			continue;
		if (root && !census_text_equal(root, &t->list[i].text))
			return NULL;
		root = &t->list[i].text;
	}
	return root;
}

/* The key of the table's element that a guard is in: the first text that is freed with it. */
static const struct walk_event *census_key(const struct walk_task *t, size_t guard)
{
	const struct walk_event *g = &t->list[guard], *key = NULL;
	size_t i;

	for (i = guard; g->table && i-- > 0 && !census_is_guard(&t->list[i]);) {
		const struct walk_event *e = &t->list[i];

		if (e->kind == WALK_STRING && e->table == g->table && e->at < g->at &&
		    g->at - e->at < CENSUS_ELEMENT_MAX)
			key = e;
	}
	return key;
}

static int census_announce(const struct walk_task *t, size_t guard, struct census *c)
{
	const struct walk_event *g = &t->list[guard], *key = census_key(t, guard);
	const struct walk_text *root;
	struct walk_text path;
	int err;

	if (!key) {
		c->untold[CENSUS_ANNOUNCE]++;
		return 0;
	}
	if (!g->ietf)
		return census_add(c, g, CENSUS_ANNOUNCE, &key->text, &key->text);
	root = census_root(t, g->role == MOQSTAT_PUBLISHER ? WALK_CONSUMER_ROOT :
							     WALK_PRODUCER_ROOT);
	if (!root) {
		c->untold[CENSUS_ANNOUNCE]++;
		return 0;
	}
	err = census_join(root, &key->text, &path);
	if (err)
		return err;
	err = census_add(c, g, CENSUS_ANNOUNCE, &path, &key->text);
	free(path.bytes);
	return err;
}

/* The path of the subscriptions that a task itself holds on one side. *several: not all the same. */
static const struct walk_text *census_subscribed(const struct walk_task *t, uint8_t role,
						 bool *several)
{
	const struct walk_text *path = NULL;
	size_t i;

	for (i = 0; i < t->len; i++) {
		const struct walk_event *e = &t->list[i];

		if (e->kind != WALK_SUBSCRIPTION || e->role != role || e->arcs)
			continue;
		if (path && !census_text_equal(path, &e->text))
			*several = true;
		path = &e->text;
	}
	return path;
}

/* Does a task itself refer to it, not only something that it shares with others? */
static bool census_refers(const struct walk_task *t, enum walk_kind kind, uint64_t to)
{
	size_t i;

	for (i = 0; i < t->len; i++) {
		const struct walk_event *e = &t->list[i];

		if (e->kind == kind && !e->arcs && (kind == WALK_ARC ? e->at : e->value) == to)
			return true;
	}
	return false;
}

/* The path of those tasks that refer to something and hold a subscription. */
static const struct walk_text *census_by_reference(const struct walk_task *tasks, size_t len,
						   uint8_t role, enum walk_kind kind, uint64_t to,
						   bool *several)
{
	const struct walk_text *path = NULL, *found;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!census_refers(&tasks[i], kind, to))
			continue;
		found = census_subscribed(&tasks[i], role, several);
		if (found && path && !census_text_equal(path, found))
			*several = true;
		if (found)
			path = found;
	}
	return path;
}

/* An Arc's counts are in front of the guard, if the destructor came to it through them. */
static bool census_shared(const struct walk_task *t, size_t guard)
{
	size_t i;

	for (i = guard; i-- > 0;) {
		if (t->list[i].kind == WALK_ARC)
			return t->list[i].at == t->list[guard].at - CENSUS_ARC_HEAD &&
			       t->list[guard].arcs == t->list[i].arcs + 1;
	}
	return false;
}

/* A track's guard is the task's own, which holds the subscription too; or it is in the session's
 * table of tracks, and the task that holds the subscription shares the guard, or the track that
 * lies beside it in the table. */
static int census_track(const struct walk_task *tasks, size_t len, size_t at, size_t guard,
			struct census *c)
{
	const struct walk_task *t = &tasks[at];
	const struct walk_event *g = &t->list[guard];
	bool several = false, shared = census_shared(t, guard);
	unsigned int arcs = g->arcs - shared;
	const struct walk_text *path = arcs ? NULL : census_subscribed(t, g->role, &several);
	size_t i;
	int err;

	if (!path && shared)
		path = census_by_reference(tasks, len, g->role, WALK_ARC, g->at - CENSUS_ARC_HEAD,
					   &several);
	for (i = guard; !path && arcs && i-- > 0 && !census_is_guard(&t->list[i]);) {
		const struct walk_event *e = &t->list[i];

		if (e->kind == WALK_TOUCH && e->arcs == arcs && e->table == g->table)
			path = census_by_reference(tasks, len, g->role, WALK_TOUCH, e->value,
						   &several);
	}
	if (!path || several) {
		c->untold[CENSUS_TRACK]++;
		return 0;
	}
	err = census_add(c, g, CENSUS_TRACK, path, NULL);
	if (!err)
		c->items[c->len - 1].shared = shared;
	return err;
}

/* A session's first to last subscription to a path count once: each path once per Arc of counts. */
static int census_broadcast(const struct walk_event *e, struct census *c)
{
	size_t i;
	int err;

	if (e->tier >= MOQSTAT_TIER_MAX || e->role >= MOQSTAT_ROLE_MAX) {
		c->untold[CENSUS_BROADCAST]++;
		return 0;
	}
	for (i = 0; i < c->len; i++) {
		const struct census_item *item = &c->items[i];

		if (item->kind == CENSUS_BROADCAST && item->guard == e->value &&
		    item->len == e->text.len && !memcmp(item->path, e->text.bytes, item->len))
			return 0;
	}
	err = census_add(c, e, CENSUS_BROADCAST, &e->text, NULL);
	if (!err) {
		c->items[c->len - 1].guard = e->value;
		c->items[c->len - 1].entry = e->owner;
		c->items[c->len - 1].owner = 0;
	}
	return err;
}

static int census_item_compare(const void *a, const void *b)
{
	const struct census_item *x = a, *y = b;
	uint32_t len = x->len < y->len ? x->len : y->len;
	int order = x->kind - y->kind;

	if (!order && len)
		order = memcmp(x->path, y->path, len);
	if (!order)
		order = x->len < y->len ? -1 : x->len > y->len;
	if (!order)
		order = x->tier - y->tier;
	if (!order)
		order = x->role - y->role;
	if (!order)
		order = x->guard < y->guard ? -1 : x->guard > y->guard;
	return order;
}

int census_name(const struct target *target, const struct walk_task *tasks, size_t len,
		struct census *c)
{
	size_t i, k;
	int err = 0;

	(void)target;
	for (i = 0; i < len; i++) {
		for (k = 0; k < tasks[i].len && !err; k++) {
			const struct walk_event *e = &tasks[i].list[k];

			if (e->kind == WALK_ANNOUNCE)
				err = census_announce(&tasks[i], k, c);
			else if (e->kind == WALK_TRACK)
				err = census_track(tasks, len, i, k, c);
			else if (e->kind == WALK_SUBSCRIPTION)
				err = census_broadcast(e, c);
			else if (e->kind == WALK_SESSION && e->tier < MOQSTAT_TIER_MAX)
				err = census_add(c, e, CENSUS_SESSION, &e->text, NULL);
			else if (e->kind == WALK_SESSION)
				c->untold[CENSUS_SESSION]++;
		}
	}
	if (!err && c->len)
		qsort(c->items, c->len, sizeof(*c->items), census_item_compare);
	return err;
}
