/* SPDX-License-Identifier: MIT */
#include "board.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json_memory.h"
#include "ready.h"

void board_init(struct hub *hub, size_t track_bytes_max, struct board *out)
{
	*out = (struct board){ .hub = hub, .track_bytes_max = track_bytes_max };
}

static void board_broadcast_destroy(struct board_broadcast *one)
{
	size_t i;

	for (i = 0; i < TRACKS_MAX; i++)
		track_destroy(one->tracks[i]);
	free(one->name);
	free(one->status);
	free(one->lacks);
	free(one);
}

void board_deinit(struct board *b)
{
	size_t i;

	if (!b)
		return;
	for (i = 0; i < b->len; i++)
		board_broadcast_destroy(b->list[i]);
	free(b->list);
	free(b->health);
	memset(b, 0, sizeof(*b));
}

/* Where a broadcast is, or belongs. */
static size_t board_place(const struct board *b, const char *name, bool *found)
{
	size_t low = 0, high = b->len;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, b->list[middle]->name);

		if (!order) {
			*found = true;
			return middle;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct board_broadcast *board_find(const struct board *b, const char *name)
{
	bool found;
	size_t i = board_place(b, name, &found);

	return found ? b->list[i] : NULL;
}

/* What a track's next life begins at, at least, after one that began there. */
static uint64_t board_after(uint64_t begun, const struct group *latest)
{
	if (!latest)
		return begun;
	return latest->sequence < UINT64_MAX - begun ? begun + latest->sequence + 1 : UINT64_MAX;
}

/* Let a broadcast's tracks go; who follows them is told. */
static void board_silence(struct board *b, struct board_broadcast *one)
{
	size_t i;

	for (i = 0; i < TRACKS_MAX; i++) {
		const struct group *latest = one->tracks[i] ? track_latest(one->tracks[i]) : NULL;

		one->begun[i] = board_after(one->begun[i], latest);
		if (one->tracks[i])
			hub_end(b->hub, one->tracks[i]);
		track_destroy(one->tracks[i]);
		one->tracks[i] = NULL;
	}
}

/* Let a broadcast go. */
static void board_remove(struct board *b, size_t i)
{
	struct board_broadcast *one = b->list[i];

	b->changes++;
	board_silence(b, one);
	b->len--;
	memmove(&b->list[i], &b->list[i + 1], (b->len - i) * sizeof(b->list[0]));
	board_broadcast_destroy(one);
}

/* Of those that have ended keep so many: the last ones. */
static void board_thin(struct board *b, size_t max)
{
	size_t i, first = 0, ended = 0;

	for (i = 0; i < b->len; i++) {
		if (!b->list[i]->ended)
			continue;
		if (!ended++ || b->list[i]->order < b->list[first]->order)
			first = i;
	}
	if (ended > max)
		board_remove(b, first);
}

/* The broadcast of a name, begun if there is none. */
static int board_broadcast(struct board *b, const char *name, struct board_broadcast **out)
{
	struct board_broadcast **list, *one;
	bool found;
	size_t i = board_place(b, name, &found);

	if (found) {
		*out = b->list[i];
		return 0;
	}
	if (b->len == BOARD_BROADCASTS_MAX) {
		board_thin(b, 0);
		i = board_place(b, name, &found);
	}
	if (b->len == BOARD_BROADCASTS_MAX)
		return -E2BIG;
	list = realloc(b->list, (b->len + 1) * sizeof(struct board_broadcast *));
	if (!list)
		return -ENOMEM;
	b->list = list;
	one = calloc(1, sizeof(*one));
	if (one)
		one->name = strdup(name);
	if (!one || !one->name) {
		free(one);
		return -ENOMEM;
	}
	memmove(&list[i + 1], &list[i], (b->len - i) * sizeof(*list));
	one->tiers = tiers_default;
	list[i] = one;
	b->len++;
	*out = one;
	return 0;
}

/* Begin a life of a track: milliseconds, as no tick is shorter than one. */
static int board_begin(struct board *b, struct board_broadcast *one, int i, const char *name,
		       uint64_t now)
{
	struct track *fresh, **track = &one->tracks[i];
	const struct group *latest = *track ? track_latest(*track) : NULL;
	uint64_t least = board_after(one->begun[i], latest);
	int err = track_create(name, b->track_bytes_max, &fresh);

	if (err)
		return err;
	if (*track)
		hub_end(b->hub, *track);
	track_destroy(*track);
	*track = fresh;
	one->begun[i] = (b->epoch + now) / 1000000;
	if (one->begun[i] < least)
		one->begun[i] = least;
	b->changes++;
	return 0;
}

static int board_frame(struct board *b, const struct feed_line *line, uint64_t now)
{
	struct board_broadcast *one;
	const struct board_broadcast *relay;
	/* What isn't the name of a track begins no broadcast. */
	int err = tracks_is_name(line->track) ? board_broadcast(b, line->broadcast, &one) : -ENOENT;
	const struct group *latest;
	int i = err ? err : tracks_learn(&one->tiers, line->track);

	if (i < 0)
		return err ? err : -ENOENT;
	latest = one->tracks[i] ? track_latest(one->tracks[i]) : NULL;
	if (!one->tracks[i] || (latest && line->sequence <= latest->sequence))
		err = board_begin(b, one, i, line->track, now);
	if (!err)
		err = track_insert(one->tracks[i], now, line->sequence, line->json, line->len);
	if (err)
		return err;
	relay = line->relay ? board_find(b, line->relay) : NULL;
	one->compressed = relay ? relay->compressed : one->compressed;
	b->frames++;
	hub_publish(b->hub, one->tracks[i], now);
	return 0;
}

/* What a status says of its broadcast. */
static int board_learn(struct board *b, struct board_broadcast *one, const struct feed_line *line,
		       const json_t *json)
{
	bool ended = json_is_true(json_object_get(json, "ended"));
	char *text = strndup(line->json, line->len), *lacks = NULL;

	if (!text || (!ended && ready_lacks(json, &lacks))) {
		free(text);
		return -ENOMEM;
	}
	free(one->status);
	free(one->lacks);
	one->status = text;
	one->lacks = lacks;
	one->compressed = json_is_true(json_object_get(json, "compressed"));
	if (ended && !one->ended)
		one->order = ++b->ends;
	one->several = json_integer_value(json_object_get(json, "depth")) > 0;
	one->ended = ended;
	b->changes++;
	if (ended)
		board_thin(b, BOARD_ENDED_MAX);
	return 0;
}

/* Which broadcast a status tells of, and whether that is its end. */
static int board_status(struct board *b, const struct feed_line *line)
{
	struct board_broadcast *one;
	const char *name;
	json_t *json;
	int err;

	json_memory_begin();
	json = json_loadb(line->json, line->len, 0, NULL);
	name = json_string_value(json_object_get(json, "broadcast"));
	err = json ? 0 : json_memory_failed() ? -ENOMEM : -EBADMSG;
	/* Before it is attached to, a relay has no broadcast. */
	if (!err && name && *name) {
		err = board_broadcast(b, name, &one);
		if (!err)
			err = board_learn(b, one, line, json);
	}
	json_decref(json);
	return err;
}

/* A broadcast has ended; what a status says under its name is of its relay. */
static void board_end(struct board *b, const char *name)
{
	bool found;
	size_t i = board_place(b, name, &found);

	b->changes++;
	if (found && b->list[i]->status)
		board_silence(b, b->list[i]);
	else if (found)
		board_remove(b, i);
}

int board_take(struct board *b, const struct feed_line *line, uint64_t now)
{
	char *text;
	int err = 0;

	switch (line->kind) {
	case FEED_FRAME:
		err = board_frame(b, line, now);
		break;
	case FEED_STATUS:
		err = board_status(b, line);
		break;
	case FEED_END:
		board_end(b, line->broadcast);
		break;
	case FEED_HEALTH:
		text = strndup(line->json, line->len);
		if (!text)
			return -ENOMEM;
		free(b->health);
		b->health = text;
		break;
	default:
		return -ENOENT;
	}
	if (!err)
		b->updated = now;
	return err;
}

bool board_announced(const struct board_broadcast *one)
{
	size_t i;

	for (i = 0; i < TRACKS_MAX && one->several && !one->tracks[i]; i++)
		;
	return !one->ended && i < TRACKS_MAX;
}

struct board_broadcast *board_find_announced(const struct board *b, const char *name)
{
	struct board_broadcast *one = board_find(b, name);

	return one && board_announced(one) ? one : NULL;
}

/* The only broadcast whose relay lives; or else the only one there is. */
static struct board_broadcast *board_only(const struct board *b, bool *several)
{
	struct board_broadcast *only = NULL;
	size_t i, live = 0;

	for (i = 0; i < b->len; i++) {
		if (board_announced(b->list[i])) {
			only = b->list[i];
			live++;
		}
	}
	*several = live > 1 || (!live && b->len > 1);
	if (*several)
		return NULL;
	return only || !b->len ? only : b->list[0];
}

struct track *board_track_of(const struct board *b, const char *path,
			     const struct board_broadcast **owner)
{
	struct track *found = NULL;
	size_t n;

	/* A track's own name may have a slash in it, and a node be called `internal`: then the
	 * longer broadcast, which comes later, is meant, as it is to the relay. */
	for (n = 0; n < b->len; n++) {
		const struct board_broadcast *one = b->list[n];
		size_t len = strlen(one->name);
		int i;

		if (strncmp(path, one->name, len) || path[len] != '/')
			continue;
		i = tracks_find(&one->tiers, path + len + 1);
		if (i < 0)
			continue;
		found = one->tracks[i];
		*owner = one;
	}
	return found;
}

/* Is that the name of a track that some broadcast may have? */
static bool board_has_name(const struct board *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->len; i++) {
		if (tracks_find(&b->list[i]->tiers, name) >= 0)
			return true;
	}
	return false;
}

struct track *board_track(const struct board *b, const char *path, bool *ambiguous,
			  const struct board_broadcast **owner)
{
	struct track *found = board_track_of(b, path, owner);
	const struct board_broadcast *only;
	int i;

	*ambiguous = false;
	if (found || !board_has_name(b, path))
		return found;
	only = board_only(b, ambiguous);
	i = only ? tracks_find(&only->tiers, path) : -ENOENT;
	*owner = only;
	return i < 0 ? NULL : only->tracks[i];
}
