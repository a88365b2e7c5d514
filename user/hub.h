/* SPDX-License-Identifier: MIT */
/*
 * hub.h - who follows which tracks live, and what waits for each of them. Whoever doesn't read
 * loses groups, and then its place; nobody waits for it. Source: session-server text.
 *
 * One thread. Times are of one clock that doesn't go back, nanoseconds.
 */
#ifndef MOQSTAT_HUB_H
#define MOQSTAT_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "group.h"
#include "track.h"

/** Most tracks that one session follows (session-server text, max_subscriptions_per_session). */
#define HUB_SUBSCRIPTIONS_MAX 100

/** Groups that a session has lost, in a row or in all, when it loses its place (session-server
 * text, MAX_CONSECUTIVE_DROPS, MAX_TOTAL_DROPS). */
#define HUB_DROPS_IN_A_ROW 10
#define HUB_DROPS_IN_ALL   50

/** Groups that wait for one session at most, and one more for each track that it follows. */
#define HUB_QUEUE 32

/** Never, as a time. */
#define HUB_NEVER UINT64_MAX

struct hub;
struct hub_session;

/** Tell a session's owner that hub_next() has something for it. */
typedef void (*hub_wake)(void *owner);

/** What a session is told. */
enum hub_event {
	HUB_NOTHING = 0,
	HUB_GROUP,   /* a group of a track */
	HUB_LAGGING, /* the last one: it read too slowly */
	HUB_EXPIRED, /* the last one: its token has */
	HUB_ENDED,   /* a track is no more, and nothing of it follows */
};

struct hub_message { /* the receiver's, ended by hub_message_deinit() */
	enum hub_event event;
	struct track *track; /* of a group, or one that has ended; it may be destroyed by now */
	struct group *group; /* or NULL */
	uint64_t lost;	     /* groups of this track that the session did not get before this one,
			      * whoever lost them */
};

/** Counters over all sessions so far, and how many there are. */
struct hub_counts {
	size_t sessions, subscriptions;
	uint64_t sent, dropped;		  /* groups */
	uint64_t lagging, expired, stale; /* sessions that have lost their place, by why */
};

/** Begin without a session, of at most sessions_max. *out is ended by hub_destroy(). -ENOMEM. */
int hub_create(size_t sessions_max, hub_wake wake, struct hub **out);
void hub_destroy(struct hub *h);

/** A new session, which `expires` then or at HUB_NEVER. `owner` goes to wake(). *out is ended by
 *  hub_leave(), or by hub_destroy(). -ENOMEM; -EUSERS there are too many. */
int hub_join(struct hub *h, void *owner, uint64_t now, uint64_t expires, struct hub_session **out);

/** From now on it expires then. */
void hub_expire(struct hub_session *s, uint64_t expires);

/** End a session; nothing is said to it any more. NULL is fine. */
void hub_leave(struct hub_session *s);

/** Follow a track from its newest group on; or, with `resume`, from the group after `after`, as far
 *  as the track still has them, and the newest in any case, since `after` may be of an earlier life
 * of the track. What it no longer has counts as lost. 0; -ENOSPC the session follows
 * HUB_SUBSCRIPTIONS_MAX; -EALREADY it follows this one; -ENOMEM. */
int hub_follow(struct hub_session *s, struct track *t, bool resume, uint64_t after);

/** Hand the newest group of a track to all who follow it. Who has expired by now loses its place
 * instead (session-server text, try_send_to_session). */
void hub_publish(struct hub *h, struct track *t, uint64_t now);

/** A track is no more: say so to all who follow it. */
void hub_end(struct hub *h, struct track *t);

/** The next message for a session, in order. HUB_NOTHING where there is none. After HUB_LAGGING or
 *  HUB_EXPIRED there is nothing but that. `now` counts as a sign of life where there is one. */
enum hub_event hub_next(struct hub_session *s, uint64_t now, struct hub_message *out);

void hub_message_deinit(struct hub_message *m);

/** Take their place from sessions that have expired, or had something waiting and did not read for
 *  `idle`. Those are told as if it were their last message: what waits is let go. */
void hub_sweep(struct hub *h, uint64_t now, uint64_t idle);

/** Until just now nobody could read, for so long: that is held against none of them. */
void hub_excuse(struct hub *h, uint64_t now, uint64_t ns);

/** Is there a session that would lose the next group, for want of room? It may yet read. */
bool hub_full(const struct hub *h);

/** When the next session expires; HUB_NEVER if none does. */
uint64_t hub_next_expiry(const struct hub *h);

const struct hub_counts *hub_counts(const struct hub *h);

#endif /* MOQSTAT_HUB_H */
