/* SPDX-License-Identifier: MIT */
#include "census_name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An Arc's two counts are in front of what it holds. */
#define CENSUS_ARC_HEAD 16

/* Most bytes of an element of a table. */
#define CENSUS_ELEMENT_MAX 4096

/* Something that a task itself refers to, not only something that it shares with others. */
struct census_reference {
	uint64_t to;   /* address of an Arc's counts, or of another shared object */
	uint32_t task; /* index */
	uint32_t kind; /* WALK_ARC or WALK_TOUCH */
};

/* A broadcast that a session has announced to the relay, by the object that all refer to. */
struct census_announced {
	uint64_t object;
	struct walk_text path; /* NULL: differing ones were found */
};

struct census_names {
	const struct walk_task *tasks;
	size_t len;
	struct census *out;
	const struct walk_text *consumer_root; /* of the task that is looked at */
	const struct walk_text *producer_root;
	struct census_reference *references; /* by `to` */
	size_t references_len;
	struct census_announced *announced; /* by `object` */
	size_t announced_len, announced_room;
};

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
	*out = (struct walk_text){ .bytes = bytes, .len = len };
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
	if (key)
		item->key_last = key->last;
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

static int census_announce(const struct census_names *n, const struct walk_task *t, size_t guard)
{
	const struct walk_event *g = &t->list[guard], *key = census_key(t, guard);
	const struct walk_text *root =
		g->role == MOQSTAT_PUBLISHER ? n->consumer_root : n->producer_root;
	struct census *c = n->out;
	struct walk_text path;
	int err;

	if (!key) {
		c->untold[CENSUS_ANNOUNCE]++;
		return 0;
	}
	if (!g->ietf)
		return census_add(c, g, CENSUS_ANNOUNCE, &key->text, &key->text);
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

/* Two paths found for one thing: the same, or none can be told. */
static void census_agree(const struct walk_text **path, const struct walk_text *found,
			 bool *several)
{
	if (!found)
		return;
	if (*path && !census_text_equal(*path, found))
		*several = true;
	*path = found;
}

/* The path of the subscriptions that a task itself holds on one side. *several: not all the same.
 */
static const struct walk_text *census_subscribed(const struct walk_task *t, uint8_t role,
						 bool *several)
{
	const struct walk_text *path = NULL;
	size_t i;

	for (i = 0; i < t->len; i++) {
		const struct walk_event *e = &t->list[i];

		if (e->kind == WALK_SUBSCRIPTION && e->role == role && !e->arcs)
			census_agree(&path, &e->text, several);
	}
	return path;
}

static int census_announced_compare(const void *a, const void *b)
{
	const struct census_announced *x = a, *y = b;

	return x->object < y->object ? -1 : x->object > y->object;
}

/* The path of the broadcast that a task itself refers to. */
static const struct walk_text *census_announced(const struct census_names *n,
						const struct walk_task *t, bool *several)
{
	const struct walk_text *path = NULL;
	size_t i;

	for (i = 0; i < t->len; i++) {
		const struct walk_event *e = &t->list[i];
		const struct census_announced key = { .object = e->value }, *found;

		if (e->kind != WALK_TOUCH || e->arcs || e->table || !n->announced_len)
			continue;
		found = bsearch(&key, n->announced, n->announced_len, sizeof(key),
				census_announced_compare);
		if (found && !found->path.bytes)
			*several = true;
		else if (found)
			census_agree(&path, &found->path, several);
	}
	return path;
}

/* The path of what a task serves: of the subscription that it holds; or, until that is confirmed,
 * of the broadcast that it asks. */
static const struct walk_text *census_served(const struct census_names *n,
					     const struct walk_task *t, uint8_t role, bool *several)
{
	const struct walk_text *path = census_subscribed(t, role, several);

	return path ? path : census_announced(n, t, several);
}

/* The path of those tasks that themselves refer to something. */
static const struct walk_text *census_by_reference(const struct census_names *n, uint8_t role,
						   enum walk_kind kind, uint64_t to, bool *several)
{
	const struct walk_text *path = NULL;
	size_t low = 0, high = n->references_len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (n->references[mid].to < to)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < n->references_len && n->references[low].to == to; low++) {
		const struct census_reference *r = &n->references[low];

		if (r->kind == kind)
			census_agree(&path, census_served(n, &n->tasks[r->task], role, several),
				     several);
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
static int census_track(const struct census_names *n, const struct walk_task *t, size_t guard)
{
	const struct walk_event *g = &t->list[guard];
	bool several = false, shared = census_shared(t, guard);
	unsigned int arcs = g->arcs - shared;
	const struct walk_text *path = arcs ? NULL : census_served(n, t, g->role, &several);
	size_t i;
	int err;

	if (!path && shared)
		path = census_by_reference(n, g->role, WALK_ARC, g->at - CENSUS_ARC_HEAD, &several);
	for (i = guard; !path && arcs && i-- > 0 && !census_is_guard(&t->list[i]);) {
		const struct walk_event *e = &t->list[i];

		if (e->kind == WALK_TOUCH && e->arcs == arcs && e->table == g->table)
			path = census_by_reference(n, g->role, WALK_TOUCH, e->value, &several);
	}
	if (!path || several) {
		n->out->untold[CENSUS_TRACK]++;
		return 0;
	}
	err = census_add(n->out, g, CENSUS_TRACK, path, NULL);
	if (!err)
		n->out->items[n->out->len - 1].shared = shared;
	return err;
}

/* Each subscription to a path refers to the counts of its session and side. */
static int census_broadcast(const struct walk_event *e, struct census *c)
{
	int err;

	if (e->tier >= MOQSTAT_TIER_MAX || e->role >= MOQSTAT_ROLE_MAX) {
		c->untold[CENSUS_BROADCAST]++;
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

/* A session's first to last subscription to a path count once. */
static void census_sort(struct census *c)
{
	size_t i, kept = 0;

	if (c->len)
		qsort(c->items, c->len, sizeof(*c->items), census_item_compare);
	for (i = 0; i < c->len; i++) {
		if (kept && c->items[i].kind == CENSUS_BROADCAST &&
		    !census_item_compare(&c->items[kept - 1], &c->items[i])) {
			free(c->items[i].path);
			continue;
		}
		c->items[kept++] = c->items[i];
	}
	c->len = kept;
}

/* Is this a reference to a broadcast from the table of those that a session has announced? There
 * the relative path is the key; with the IETF's drafts the guard is in the same element, with
 * moq-lite none is. */
static const struct walk_event *census_announced_key(const struct walk_task *t, size_t touch)
{
	const struct walk_event *e = &t->list[touch], *key = touch ? e - 1 : NULL;
	const struct walk_event *next = touch + 1 < t->len ? e + 1 : NULL;
	bool guarded = next && next->table == e->table && census_is_guard(next);
	bool shared = next && next->table == e->table && next->kind == WALK_ARC;

	if (e->kind != WALK_TOUCH || !e->table || !key || key->kind != WALK_STRING ||
	    key->table != e->table || key->at >= e->at || e->at - key->at >= CENSUS_ELEMENT_MAX)
		return NULL;
	if (e->ietf)
		return guarded && next->kind == WALK_ANNOUNCE && next->role == MOQSTAT_SUBSCRIBER
			       ? key
			       : NULL;
	return e->arcs || guarded || shared ? NULL : key;
}

static int census_announced_add(struct census_names *n, uint64_t object,
				const struct walk_text *root, const struct walk_text *key)
{
	if (n->announced_len == n->announced_room) {
		size_t room = n->announced_room ? 2 * n->announced_room : 64;
		struct census_announced *grown = reallocarray(n->announced, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		n->announced = grown;
		n->announced_room = room;
	}
	n->announced[n->announced_len].object = object;
	return census_join(root, key, &n->announced[n->announced_len].path)
		       ? -ENOMEM
		       : (n->announced_len++, 0);
}

static int census_find_announced(struct census_names *n)
{
	size_t i, k, kept = 0;
	int err = 0;

	for (i = 0; i < n->len; i++) {
		const struct walk_task *t = &n->tasks[i];
		const struct walk_text *root = census_root(t, WALK_PRODUCER_ROOT);

		for (k = 0; root && k < t->len && !err; k++) {
			const struct walk_event *key = census_announced_key(t, k);

			if (key)
				err = census_announced_add(n, t->list[k].value, root, &key->text);
		}
	}
	if (err || !n->announced_len)
		return err;
	qsort(n->announced, n->announced_len, sizeof(*n->announced), census_announced_compare);
	for (i = 0; i < n->announced_len; i++) {
		struct census_announced *last = &n->announced[kept ? kept - 1 : 0];

		if (!kept || last->object != n->announced[i].object) {
			n->announced[kept++] = n->announced[i];
			continue;
		}
		if (last->path.bytes && !census_text_equal(&last->path, &n->announced[i].path)) {
			free(last->path.bytes);
			last->path.bytes = NULL;
		}
		free(n->announced[i].path.bytes);
	}
	n->announced_len = kept;
	return 0;
}

static int census_reference_compare(const void *a, const void *b)
{
	const struct census_reference *x = a, *y = b;

	return x->to < y->to ? -1 : x->to > y->to;
}

static bool census_is_reference(const struct walk_event *e)
{
	return (e->kind == WALK_ARC || e->kind == WALK_TOUCH) && !e->arcs && !e->table;
}

static int census_find_references(struct census_names *n)
{
	size_t i, k, all = 0;

	for (i = 0; i < n->len; i++) {
		for (k = 0; k < n->tasks[i].len; k++)
			all += census_is_reference(&n->tasks[i].list[k]);
	}
	n->references = calloc(all + 1, sizeof(*n->references));
	if (!n->references)
		return -ENOMEM;
	for (i = 0; i < n->len; i++) {
		for (k = 0; k < n->tasks[i].len; k++) {
			const struct walk_event *e = &n->tasks[i].list[k];

			if (census_is_reference(e))
				n->references[n->references_len++] = (struct census_reference){
					.to = e->kind == WALK_ARC ? e->at : e->value,
					.task = i,
					.kind = e->kind,
				};
		}
	}
	qsort(n->references, n->references_len, sizeof(*n->references), census_reference_compare);
	return 0;
}

static int census_name_event(const struct census_names *n, const struct walk_task *t, size_t at)
{
	const struct walk_event *e = &t->list[at];

	switch (e->kind) {
	case WALK_ANNOUNCE:
		return census_announce(n, t, at);
	case WALK_TRACK:
		return census_track(n, t, at);
	case WALK_SUBSCRIPTION:
		return census_broadcast(e, n->out);
	case WALK_SESSION:
		if (e->tier < MOQSTAT_TIER_MAX)
			return census_add(n->out, e, CENSUS_SESSION, &e->text, NULL);
		n->out->untold[CENSUS_SESSION]++;
		return 0;
	default:
		return 0;
	}
}

int census_name(const struct walk_task *tasks, size_t len, struct census *c)
{
	struct census_names n = { .tasks = tasks, .len = len, .out = c };
	size_t i, k;
	int err = census_find_references(&n);

	if (!err)
		err = census_find_announced(&n);
	for (i = 0; i < len; i++) {
		n.consumer_root = census_root(&tasks[i], WALK_CONSUMER_ROOT);
		n.producer_root = census_root(&tasks[i], WALK_PRODUCER_ROOT);
		for (k = 0; k < tasks[i].len && !err; k++)
			err = census_name_event(&n, &tasks[i], k);
	}
	for (i = 0; i < n.announced_len; i++)
		free(n.announced[i].path.bytes);
	free(n.announced);
	free(n.references);
	if (!err)
		census_sort(c);
	return err;
}
