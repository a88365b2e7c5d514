/* SPDX-License-Identifier: MIT */
#include "track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct track_reader {
	struct track *track; /* NULL once that is no more */
	struct track_reader *next, **link;
	uint64_t index; /* of the slot to look at next, counted from the track's beginning */
	uint64_t min_sequence;
	uint64_t missed;
	int ended; /* why, once the track is no more */
};

struct track {
	char *name;
	size_t holders;
	size_t bytes_max;
	struct group **slots; /* in order of arrival; NULL where one has left */
	size_t slots_len, slots_size;
	uint64_t offset; /* of the first slot, counted from the track's beginning */
	size_t groups, bytes;
	struct group *latest; /* one of the slots' */
	bool finished;
	uint64_t end; /* once finished: no number from here on */
	int aborted;  /* 0, or why */
	struct track_reader *readers;
};

int track_create(const char *name, size_t bytes_max, struct track **out)
{
	struct track *t = calloc(1, sizeof(*t));

	if (t)
		t->name = strdup(name);
	if (!t || !t->name) {
		free(t);
		return -ENOMEM;
	}
	t->holders = 1;
	t->bytes_max = bytes_max;
	*out = t;
	return 0;
}

void track_destroy(struct track *t)
{
	struct track_reader *r;
	size_t i;

	if (!t)
		return;
	/* Nothing is left but its name. */
	for (r = t->readers; r; r = r->next) {
		r->track = NULL;
		r->ended = t->finished ? -ENODATA : t->aborted ? t->aborted : -EPIPE;
	}
	for (i = 0; i < t->slots_len; i++)
		group_release(t->slots[i]);
	free(t->slots);
	t->slots = NULL;
	t->slots_len = t->slots_size = t->groups = t->bytes = 0;
	t->latest = NULL;
	t->readers = NULL;
	if (!t->aborted)
		t->aborted = -EPIPE;
	track_release(t);
}

struct track *track_hold(struct track *t)
{
	t->holders++;
	return t;
}

void track_release(struct track *t)
{
	if (!t || --t->holders)
		return;
	free(t->name);
	free(t);
}

const char *track_name(const struct track *t)
{
	return t->name;
}

/* Take a group out. Readers who haven't come to it have missed it. */
static void track_evict(struct track *t, size_t slot)
{
	struct group *g = t->slots[slot];
	struct track_reader *r;

	for (r = t->readers; r; r = r->next)
		r->missed += r->index <= t->offset + slot && g->sequence >= r->min_sequence;
	t->slots[slot] = NULL;
	t->groups--;
	t->bytes -= g->len;
	group_release(g);
}

/* What is too old, or too much, leaves; never the newest. Later arrivals are younger. */
static void track_expire(struct track *t, uint64_t now)
{
	size_t i, gone;

	for (i = 0; i < t->slots_len; i++) {
		const struct group *g = t->slots[i];

		if (!g || g == t->latest)
			continue;
		if (now - g->created <= TRACK_AGE_MAX && !(t->bytes_max && t->bytes > t->bytes_max))
			break;
		track_evict(t, i);
	}
	for (gone = 0; gone < t->slots_len && !t->slots[gone];)
		gone++;
	if (!gone)
		return;
	t->slots_len -= gone;
	t->offset += gone;
	memmove(t->slots, t->slots + gone, t->slots_len * sizeof(*t->slots));
}

static int track_add(struct track *t, uint64_t now, uint64_t sequence, const char *frame,
		     size_t len)
{
	struct group **slots, *g;
	size_t size;

	if (t->slots_len == t->slots_size) {
		size = t->slots_size ? 2 * t->slots_size : 32;
		slots = realloc(t->slots, size * sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		t->slots = slots;
		t->slots_size = size;
	}
	g = group_create(sequence, now, frame, len);
	if (!g)
		return -ENOMEM;
	t->slots[t->slots_len++] = g;
	t->groups++;
	t->bytes += len;
	if (!t->latest || sequence > t->latest->sequence)
		t->latest = g;
	track_expire(t, now);
	return 0;
}

int track_append(struct track *t, uint64_t now, const char *frame, size_t len)
{
	if (t->aborted)
		return t->aborted;
	if (t->finished)
		return -ESHUTDOWN;
	if (t->latest && t->latest->sequence == UINT64_MAX)
		return -EOVERFLOW;
	return track_add(t, now, t->latest ? t->latest->sequence + 1 : 0, frame, len);
}

/* The group of a number, if it is kept. */
static struct group *track_find(const struct track *t, uint64_t sequence)
{
	size_t i;

	/* Who looks for one looks for a recent one. */
	for (i = t->slots_len; i-- > 0;) {
		if (t->slots[i] && t->slots[i]->sequence == sequence)
			return t->slots[i];
	}
	return NULL;
}

int track_insert(struct track *t, uint64_t now, uint64_t sequence, const char *frame, size_t len)
{
	if (t->aborted)
		return t->aborted;
	if (t->finished && sequence >= t->end)
		return -ESHUTDOWN;
	if (track_find(t, sequence))
		return -EEXIST;
	return track_add(t, now, sequence, frame, len);
}

int track_write(struct track *t, uint64_t now, const char *frame, size_t len)
{
	int err;

	if (t->latest && t->latest->len == len && !memcmp(t->latest->frame, frame, len))
		return 0;
	err = track_append(t, now, frame, len);
	return err ? err : 1;
}

int track_finish(struct track *t)
{
	if (t->aborted)
		return t->aborted;
	if (t->finished)
		return -ESHUTDOWN;
	if (t->latest && t->latest->sequence == UINT64_MAX)
		return -EOVERFLOW;
	t->finished = true;
	t->end = t->latest ? t->latest->sequence + 1 : 0;
	return 0;
}

int track_finish_at(struct track *t, uint64_t sequence)
{
	if (!t->aborted && !t->finished) {
		if (!t->latest)
			return -ENOENT;
		if (sequence != t->latest->sequence)
			return -EINVAL;
	}
	return track_finish(t);
}

int track_abort(struct track *t, int reason)
{
	if (t->aborted)
		return t->aborted;
	t->aborted = reason;
	return 0;
}

const struct group *track_latest(const struct track *t)
{
	return t->latest;
}

/* What there is to say where there is no group. */
static int track_none(const struct track *t)
{
	if (t->finished)
		return -ENODATA;
	return t->aborted ? t->aborted : -EAGAIN;
}

int track_get(const struct track *t, uint64_t sequence, struct group **out)
{
	struct group *g = track_find(t, sequence);

	if (!g && t->finished && sequence < t->end)
		return t->aborted ? t->aborted : -EAGAIN;
	if (!g)
		return track_none(t);
	*out = group_hold(g);
	return 0;
}

size_t track_groups(const struct track *t)
{
	return t->groups;
}

size_t track_bytes(const struct track *t)
{
	return t->bytes;
}

bool track_used(const struct track *t)
{
	return t->readers;
}

int track_read(struct track *t, struct track_reader **out)
{
	struct track_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->track = t;
	r->index = t->offset;
	r->next = t->readers;
	r->link = &t->readers;
	if (r->next)
		r->next->link = &r->next;
	t->readers = r;
	*out = r;
	return 0;
}

void track_reader_destroy(struct track_reader *r)
{
	if (!r)
		return;
	if (r->track) {
		*r->link = r->next;
		if (r->next)
			r->next->link = r->link;
	}
	free(r);
}

void track_reader_start_at(struct track_reader *r, uint64_t sequence)
{
	r->min_sequence = sequence;
}

int track_reader_next(struct track_reader *r, struct group **out, uint64_t *missed)
{
	const struct track *t = r->track;
	uint64_t i;

	*missed = r->missed;
	r->missed = 0;
	if (!t)
		return r->ended;
	i = r->index > t->offset ? r->index - t->offset : 0;
	for (; i < t->slots_len; i++) {
		struct group *g = t->slots[i];

		if (!g || g->sequence < r->min_sequence)
			continue;
		r->index = t->offset + i + 1;
		*out = group_hold(g);
		return 0;
	}
	return track_none(t);
}
