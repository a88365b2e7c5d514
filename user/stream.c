/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a browser waits before it comes back. */
#define STREAM_RETRY "retry: 2000\n\n"

/* One track, as its client knows it. */
struct stream_track {
	char *name;  /* a JSON string */
	char *event; /* "event: NAME\n", or "" */
	bool any;    /* a group was told */
	uint64_t sequence;
	struct group *last; /* with deltas: what the next one goes by */
};

struct stream {
	bool delta;
	struct frame_buf *work;
	struct stream_track *tracks;
	size_t len;
	/* What is being told: a text, then a group's frame, then another text. */
	char *head;
	struct group *body;
	const char *tail;
	size_t head_len, tail_len;
	size_t at; /* given so far */
	bool over;
};

/* What makes the one frame of the other, the receiver's to release; NULL where memory lacks. Most
 * readers of a track go on from the same group. */
static struct group *stream_delta(struct frame_buf *work, const struct group *before,
				  struct group *now)
{
	struct group *text;

	if (now->delta && now->delta_from == before->sequence)
		return group_hold(now->delta);
	if (delta_build(before->frame, before->len, now->frame, now->len, work))
		return NULL;
	text = group_create(now->sequence, 0, work->data, work->len);
	if (!text)
		return NULL;
	group_release(now->delta);
	now->delta = group_hold(text);
	now->delta_from = before->sequence;
	return text;
}

int stream_create(bool delta, struct frame_buf *work, struct stream **out)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->delta = delta;
	s->work = work;
	s->tail = STREAM_RETRY;
	s->tail_len = strlen(STREAM_RETRY);
	*out = s;
	return 0;
}

void stream_destroy(struct stream *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->len; i++) {
		free(s->tracks[i].name);
		free(s->tracks[i].event);
		group_release(s->tracks[i].last);
	}
	free(s->tracks);
	free(s->head);
	group_release(s->body);
	free(s);
}

int stream_add(struct stream *s, const char *name, bool named)
{
	struct stream_track *tracks, t = { 0 };
	const char *p;
	size_t len;
	int err;

	for (p = name; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return -EINVAL;
	}
	tracks = realloc(s->tracks, (s->len + 1) * sizeof(*tracks));
	if (!tracks)
		return -ENOMEM;
	s->tracks = tracks;
	err = frame_quote(name, strlen(name), &t.name, &len);
	if (err)
		return err;
	if (asprintf(&t.event, named ? "event: %s\n" : "%s", named ? name : "") < 0) {
		free(t.name);
		return -ENOMEM;
	}
	tracks[s->len++] = t;
	return 0;
}

void stream_resume(struct stream *s, size_t i, uint64_t sequence)
{
	s->tracks[i].any = true;
	s->tracks[i].sequence = sequence;
}

/* Tell a text, a frame perhaps, and the text behind it. Takes `head` and holds `body`. */
static void stream_set(struct stream *s, char *head, struct group *body, const char *tail)
{
	free(s->head);
	group_release(s->body);
	s->head = head;
	s->head_len = strlen(head);
	s->body = body;
	s->tail = tail;
	s->tail_len = strlen(tail);
	s->at = 0;
}

static char *stream_ids(const struct stream *s)
{
	char *text = malloc(s->len * 21 + 1), *at = text;
	size_t i;

	if (!text)
		return NULL;
	for (i = 0; i < s->len; i++) {
		if (i)
			*at++ = ',';
		if (s->tracks[i].any)
			at += sprintf(at, "%" PRIu64, s->tracks[i].sequence);
		else
			*at++ = '-';
	}
	*at = '\0';
	return text;
}

/* The text in front of a group's frame. */
static char *stream_head(const struct stream *s, const struct stream_track *t, uint64_t lost,
			 const char *opening)
{
	char *head = NULL, *said = NULL, *ids = stream_ids(s);

	if (ids && lost &&
	    asprintf(&said, "event: lost\ndata: {\"track\":%s,\"lost\":%" PRIu64 "}\n\n", t->name,
		     lost) < 0)
		said = NULL;
	if (ids && (said || !lost) &&
	    asprintf(&head, "%s%sid: %s\ndata: %s", said ? said : "", t->event, ids, opening) < 0)
		head = NULL;
	free(said);
	free(ids);
	return head;
}

static int stream_group(struct stream *s, struct stream_track *t, const struct hub_message *m)
{
	bool changes = s->delta && t->last && !m->lost;
	struct group *body =
		changes ? stream_delta(s->work, t->last, m->group) : group_hold(m->group);
	struct stream_track before = *t;
	char *head = NULL;

	t->any = true;
	t->sequence = m->group->sequence;
	if (body)
		head = stream_head(s, t, m->lost, s->delta && !changes ? "{\"full\":" : "");
	if (!head) {
		group_release(body);
		*t = before;
		return -ENOMEM;
	}
	if (s->delta) {
		group_release(t->last);
		t->last = group_hold(m->group);
	}
	stream_set(s, head, body, s->delta && !changes ? "}\n\n" : "\n\n");
	return 0;
}

int stream_tell(struct stream *s, size_t i, const struct hub_message *m)
{
	struct stream_track *t = i < s->len ? &s->tracks[i] : NULL;
	char *head = NULL;

	switch (m->event) {
	case HUB_GROUP:
		return t ? stream_group(s, t, m) : -EINVAL;
	case HUB_ENDED:
		if (!t)
			return -EINVAL;
		if (asprintf(&head, "event: ended\ndata: {\"track\":%s}\n\n", t->name) < 0)
			return -ENOMEM;
		/* Another life of the track has nothing to do with this one. */
		group_release(t->last);
		t->last = NULL;
		t->any = false;
		break;
	case HUB_LAGGING:
	case HUB_EXPIRED:
		if (asprintf(&head, "event: %s\ndata: {}\n\n",
			     m->event == HUB_LAGGING ? "lagging" : "expired") < 0)
			return -ENOMEM;
		s->over = true;
		break;
	default:
		return 0;
	}
	stream_set(s, head, NULL, "");
	return 0;
}

int stream_beat(struct stream *s)
{
	char *head = strdup(":\n\n");

	if (!head)
		return -ENOMEM;
	stream_set(s, head, NULL, "");
	return 0;
}

size_t stream_read(struct stream *s, char *out, size_t max)
{
	const struct {
		const char *text;
		size_t len;
	} parts[] = {
		{ s->head ? s->head : "", s->head_len },
		{ s->body ? s->body->frame : "", s->body ? s->body->len : 0 },
		{ s->tail, s->tail_len },
	};
	size_t i, begin = 0, given = 0;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]) && given < max; i++) {
		if (s->at < begin + parts[i].len) {
			size_t from = s->at - begin, n = parts[i].len - from;

			if (n > max - given)
				n = max - given;
			memcpy(out + given, parts[i].text + from, n);
			given += n;
			s->at += n;
		}
		begin += parts[i].len;
	}
	return given;
}

bool stream_over(const struct stream *s)
{
	return s->over;
}

bool stream_id(const char *id, size_t i, uint64_t *out)
{
	char *end;

	for (; i; i--) {
		id = strchr(id, ',');
		if (!id)
			return false;
		id++;
	}
	if (*id < '0' || *id > '9')
		return false;
	errno = 0;
	*out = strtoull(id, &end, 10);
	return !errno && (!*end || *end == ',');
}
