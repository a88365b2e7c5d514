/* SPDX-License-Identifier: MIT */
#include "hub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One track that a session follows. */
struct hub_follower {
	struct track *track;
	uint64_t lost; /* since the last group of it that the session was given */
	bool begun;
	uint64_t next; /* once begun: the sequence that follows on what there was for it */
};

/* A message that waits. */
struct hub_waiting {
	struct hub_message message;
	struct hub_waiting *next;
};

struct hub_session {
	struct hub *hub;
	struct hub_session *next, **link;
	void *owner;
	uint64_t expires;
	uint64_t active;      /* when it last read, or had nothing to read */
	enum hub_event ended; /* how, if it has lost its place */
	unsigned int drops_in_a_row, drops;
	struct hub_follower *followed;
	size_t followed_len;
	struct hub_waiting *first, **last;
	size_t groups; /* of what waits */
};

struct hub {
	size_t sessions_max;
	hub_wake wake;
	struct hub_session *sessions;
	struct hub_counts counts;
};

int hub_create(size_t sessions_max, hub_wake wake, struct hub **out)
{
	struct hub *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->sessions_max = sessions_max;
	h->wake = wake;
	*out = h;
	return 0;
}

void hub_destroy(struct hub *h)
{
	if (!h)
		return;
	/* Each takes itself out, by its link, which the analyzer takes for another place. */
	while (h->sessions)
		hub_leave(h->sessions); /* NOLINT(clang-analyzer-unix.Malloc) */
	free(h);
}

int hub_join(struct hub *h, void *owner, uint64_t now, uint64_t expires, struct hub_session **out)
{
	struct hub_session *s;

	if (h->counts.sessions >= h->sessions_max)
		return -EUSERS;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->hub = h;
	s->last = &s->first;
	s->owner = owner;
	s->expires = expires;
	s->active = now;
	s->next = h->sessions;
	s->link = &h->sessions;
	if (s->next)
		s->next->link = &s->next;
	h->sessions = s;
	h->counts.sessions++;
	*out = s;
	return 0;
}

void hub_expire(struct hub_session *s, uint64_t expires)
{
	s->expires = expires;
}

/* Take the oldest message that waits; false where there is none. */
static bool hub_take(struct hub_session *s, struct hub_message *out)
{
	struct hub_waiting *w = s->first;

	if (!w)
		return false;
	*out = w->message;
	s->first = w->next;
	if (!s->first)
		s->last = &s->first;
	s->groups -= w->message.event == HUB_GROUP;
	free(w);
	return true;
}

/* Let go of all that waits, and of every track. */
static void hub_clear(struct hub_session *s)
{
	struct hub_message m;
	size_t i;

	while (hub_take(s, &m))
		hub_message_deinit(&m);
	for (i = 0; i < s->followed_len; i++)
		track_release(s->followed[i].track);
	s->hub->counts.subscriptions -= s->followed_len;
	free(s->followed);
	s->followed = NULL;
	s->followed_len = 0;
}

void hub_leave(struct hub_session *s)
{
	if (!s)
		return;
	hub_clear(s);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	s->hub->counts.sessions--;
	free(s);
}

/* Its place is lost: one last message is left for it. */
static void hub_evict(struct hub_session *s, enum hub_event why)
{
	hub_clear(s);
	s->ended = why;
	s->hub->wake(s->owner);
}

/* Let a message wait, and hold what it holds. False where memory lacks. */
static bool hub_push(struct hub_session *s, const struct hub_message *m)
{
	struct hub_waiting *w = malloc(sizeof(*w));

	if (!w)
		return false;
	*w = (struct hub_waiting){ .message = *m };
	track_hold(m->track);
	if (m->group)
		group_hold(m->group);
	*s->last = w;
	s->last = &w->next;
	s->groups += m->event == HUB_GROUP;
	s->hub->wake(s->owner);
	return true;
}

/* Each track's first has room besides. */
static bool hub_room(const struct hub_session *s)
{
	return s->groups < HUB_QUEUE + s->followed_len;
}

/* Give a session a group, or count it as lost; false if that has cost it its place. */
static bool hub_give(struct hub_session *s, struct hub_follower *f, struct group *g)
{
	struct hub_message m = { .event = HUB_GROUP, .track = f->track, .group = g };

	/* What never came here is lost to it as well. */
	if (f->begun && g->sequence > f->next)
		f->lost += g->sequence - f->next;
	f->begun = true;
	f->next = g->sequence + 1;
	m.lost = f->lost;
	if (hub_room(s) && hub_push(s, &m)) {
		s->drops_in_a_row = 0;
		f->lost = 0;
		return true;
	}
	f->lost++;
	s->hub->counts.dropped++;
	s->drops_in_a_row++;
	s->drops++;
	if (s->drops_in_a_row < HUB_DROPS_IN_A_ROW && s->drops < HUB_DROPS_IN_ALL)
		return true;
	s->hub->counts.lagging++;
	hub_evict(s, HUB_LAGGING);
	return false;
}

static struct hub_follower *hub_follower(struct hub_session *s, const struct track *t)
{
	size_t i;

	for (i = 0; i < s->followed_len; i++) {
		if (s->followed[i].track == t)
			return &s->followed[i];
	}
	return NULL;
}

/* What a session that comes back has not got yet, oldest first, as far as it is there and can wait.
 */
static void hub_catch_up(struct hub_session *s, struct hub_follower *f, uint64_t after)
{
	const struct group *latest = track_latest(f->track);
	uint64_t sequence = after + 1;
	struct group *g;
	bool stays = true;

	f->begun = true;
	f->next = sequence;
	/* A number says nothing of the life that it is of: so even who seems to have the newest
	 * group is given it. */
	if (after == latest->sequence) {
		hub_give(s, f, (struct group *)latest);
		return;
	}
	if (latest->sequence - after > HUB_QUEUE - HUB_DROPS_IN_A_ROW)
		sequence = latest->sequence - (HUB_QUEUE - HUB_DROPS_IN_A_ROW) + 1;
	for (; stays && sequence < latest->sequence && s->groups < HUB_QUEUE; sequence++) {
		if (track_get(f->track, sequence, &g))
			continue;
		stays = hub_give(s, f, g);
		group_release(g);
	}
	if (stays)
		hub_give(s, f, (struct group *)latest);
}

int hub_follow(struct hub_session *s, struct track *t, bool resume, uint64_t after)
{
	const struct group *latest = track_latest(t);
	struct hub_follower *f;

	if (hub_follower(s, t))
		return -EALREADY;
	if (s->followed_len == HUB_SUBSCRIPTIONS_MAX)
		return -ENOSPC;
	f = realloc(s->followed, (s->followed_len + 1) * sizeof(*f));
	if (!f)
		return -ENOMEM;
	s->followed = f;
	f += s->followed_len++;
	*f = (struct hub_follower){ .track = track_hold(t) };
	s->hub->counts.subscriptions++;
	if (!latest)
		return 0;
	/* A number that is yet to come is of another life of the track: begin anew. */
	if (resume && after <= latest->sequence)
		hub_catch_up(s, f, after);
	else
		hub_give(s, f, (struct group *)latest);
	return 0;
}

void hub_publish(struct hub *h, struct track *t, uint64_t now)
{
	struct group *latest = (struct group *)track_latest(t);
	struct hub_session *s;

	if (!latest)
		return;
	for (s = h->sessions; s; s = s->next) {
		struct hub_follower *f = s->ended ? NULL : hub_follower(s, t);

		if (!f)
			continue;
		if (now >= s->expires) {
			h->counts.expired++;
			hub_evict(s, HUB_EXPIRED);
			continue;
		}
		if (!s->first)
			s->active = now;
		hub_give(s, f, latest);
	}
}

void hub_end(struct hub *h, struct track *t)
{
	const struct hub_message m = { .event = HUB_ENDED, .track = t };
	struct hub_session *s;

	for (s = h->sessions; s; s = s->next) {
		struct hub_follower *f = s->ended ? NULL : hub_follower(s, t);

		if (!f)
			continue;
		track_release(f->track);
		*f = s->followed[--s->followed_len];
		h->counts.subscriptions--;
		if (!hub_push(s, &m)) {
			h->counts.lagging++;
			hub_evict(s, HUB_LAGGING);
		}
	}
}

/* A session that has read all there was for it shall not stay behind, though no other group may
 * come for long: give it the newest one of each track of which it has lost the last ones. */
static void hub_make_up(struct hub_session *s)
{
	size_t i;

	for (i = 0; i < s->followed_len; i++) {
		struct hub_follower *f = &s->followed[i];

		if (!f->lost)
			continue;
		f->lost--;
		if (!hub_give(s, f, (struct group *)track_latest(f->track)))
			return;
	}
}

enum hub_event hub_next(struct hub_session *s, uint64_t now, struct hub_message *out)
{
	if (!s->ended && !s->first)
		hub_make_up(s);
	if (s->ended) {
		*out = (struct hub_message){ .event = s->ended };
		return s->ended;
	}
	if (!hub_take(s, out)) {
		*out = (struct hub_message){ .event = HUB_NOTHING };
		return HUB_NOTHING;
	}
	s->active = now;
	s->hub->counts.sent += out->event == HUB_GROUP;
	return out->event;
}

void hub_message_deinit(struct hub_message *m)
{
	group_release(m->group);
	track_release(m->track);
	m->group = NULL;
	m->track = NULL;
}

void hub_sweep(struct hub *h, uint64_t now, uint64_t idle)
{
	struct hub_session *s;

	for (s = h->sessions; s; s = s->next) {
		if (s->ended)
			continue;
		if (now >= s->expires) {
			h->counts.expired++;
			hub_evict(s, HUB_EXPIRED);
		} else if (s->first && now - s->active > idle) {
			h->counts.stale++;
			hub_evict(s, HUB_LAGGING);
		}
	}
}

void hub_excuse(struct hub *h, uint64_t now, uint64_t ns)
{
	struct hub_session *s;

	/* Some may have been seen since. */
	for (s = h->sessions; s; s = s->next)
		s->active = s->active + ns < now ? s->active + ns : now;
}

bool hub_full(const struct hub *h)
{
	const struct hub_session *s;

	for (s = h->sessions; s && (s->ended || hub_room(s)); s = s->next)
		;
	return s;
}

uint64_t hub_next_expiry(const struct hub *h)
{
	const struct hub_session *s;
	uint64_t next = HUB_NEVER;

	for (s = h->sessions; s; s = s->next) {
		if (!s->ended && s->expires < next)
			next = s->expires;
	}
	return next;
}

const struct hub_counts *hub_counts(const struct hub *h)
{
	return &h->counts;
}
