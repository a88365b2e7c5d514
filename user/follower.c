/* SPDX-License-Identifier: MIT */
#include "follower.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <microhttpd.h>

#include "clock.h"
#include "stream.h"

#define FOLLOWER_SECOND UINT64_C(1000000000)

/* Live events are handed over in pieces of this size. */
#define FOLLOWER_PIECE (16 << 10)

struct follower {
	struct followers *all;
	struct follower *next, **link;
	struct MHD_Connection *connection; /* NULL before it is answered */
	bool suspended;			   /* nothing to send; the library waits for hub_wake() */
	bool beat;			   /* say that the stream lives */
	uint64_t told;			   /* when anything was said last */
	struct hub_session *session;
	struct stream *stream;
	struct request request; /* what it follows */
	char *token;		/* that it has shown; or NULL */
	size_t len;
	const char *paths[HUB_SUBSCRIPTIONS_MAX];
	struct track *tracks[HUB_SUBSCRIPTIONS_MAX]; /* only compared; NULL: ended */
};

static void follower_wake(void *owner)
{
	struct follower *f = owner;

	if (!f->suspended)
		return;
	f->suspended = false;
	MHD_resume_connection(f->connection);
}

/* Follow the life that a track has now, if it has another. */
static void follower_begin_again(struct follower *f, size_t i)
{
	const struct board_broadcast *owner;
	bool ambiguous;
	struct track *t = board_track(f->all->source->board, f->paths[i], &ambiguous, &owner);

	f->tracks[i] = NULL;
	if (t && !hub_follow(f->session, t, false, 0))
		f->tracks[i] = t;
}

/* The next thing to say. False: there is none. */
static bool follower_tell(struct follower *f)
{
	struct hub_message m;
	size_t i;
	int err;

	if (!hub_next(f->session, f->all->source->now, &m)) {
		if (!f->beat)
			return false;
		f->beat = false;
		return !stream_beat(f->stream);
	}
	for (i = 0; i < f->len && f->tracks[i] != m.track; i++)
		;
	err = stream_tell(f->stream, i, &m);
	if (m.event == HUB_ENDED && i < f->len)
		follower_begin_again(f, i);
	hub_message_deinit(&m);
	/* What can't be told for want of memory is lost; the next frame is whole again. */
	return !err;
}

/* The library has room for more of the events. */
static ssize_t follower_read(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct follower *f = arg;
	size_t n;

	(void)pos;
	do {
		n = stream_read(f->stream, buf, max);
		if (!n && stream_over(f->stream))
			return MHD_CONTENT_READER_END_OF_STREAM;
	} while (!n && follower_tell(f));
	if (n) {
		f->told = f->all->source->now;
		return n;
	}
	f->suspended = true;
	MHD_suspend_connection(f->connection);
	return 0;
}

void follower_destroy(struct follower *f)
{
	if (f->link) {
		*f->link = f->next;
		if (f->next)
			f->next->link = f->link;
	}
	hub_leave(f->session);
	stream_destroy(f->stream);
	request_deinit(&f->request);
	if (f->token)
		explicit_bzero(f->token, strlen(f->token));
	free(f->token);
	free(f);
}

/* When a follower's token expires, by the server's clock: at once if it doesn't hold at all. */
static uint64_t follower_expiry(const struct followers *all, const char *token)
{
	uint64_t now = clock_read(CLOCK_MONOTONIC), wall = clock_read(CLOCK_REALTIME);
	int64_t expires = ACCESS_NEVER;

	if (all->access &&
	    access_check(all->access, token, ACCESS_TRACKS, wall / FOLLOWER_SECOND, &expires))
		return now;
	if (expires >= (int64_t)(HUB_NEVER / FOLLOWER_SECOND / 2))
		return HUB_NEVER;
	return now + (expires * FOLLOWER_SECOND - wall);
}

/* Follow all that is asked for. */
static int follower_begin(struct follower *f)
{
	const struct board_broadcast *owner;
	const char *id = f->request.last_event_id;
	uint64_t after = 0;
	const struct group *latest;
	bool ambiguous, resume;
	size_t i;
	int err = 0;

	f->len = answer_events(&f->request, f->paths, HUB_SUBSCRIPTIONS_MAX);
	for (i = 0; i < f->len && !err; i++) {
		f->tracks[i] = board_track(f->all->source->board, f->paths[i], &ambiguous, &owner);
		if (!f->tracks[i])
			return -ENOENT;
		resume = id && stream_id(id, i, &after);
		err = stream_add(f->stream, f->paths[i], strncmp(f->request.path, "/events/", 8));
		if (!err)
			err = hub_follow(f->session, f->tracks[i], resume, after);
		latest = track_latest(f->tracks[i]);
		if (!err && resume && latest && after <= latest->sequence)
			stream_resume(f->stream, i, after);
	}
	return err;
}

int follower_create(struct followers *all, struct MHD_Connection *connection,
		    struct request *request, struct follower **out)
{
	struct follower *f = calloc(1, sizeof(*f));
	const char *delta = request_param(request, "delta"), *token;
	int err;

	if (!f)
		return -ENOMEM;
	f->all = all;
	f->connection = connection;
	f->request = *request;
	memset(request, 0, sizeof(*request));
	f->told = all->source->now;
	token = request_token(&f->request);
	if (token)
		f->token = strdup(token);
	err = token && !f->token ? -ENOMEM : 0;
	if (!err)
		err = stream_create(delta && !strcmp(delta, "1"), &all->work, &f->stream);
	if (!err)
		err = hub_join(all->hub, f, all->source->now, follower_expiry(all, f->token),
			       &f->session);
	if (!err)
		err = follower_begin(f);
	if (err) {
		follower_destroy(f);
		return err;
	}
	f->next = all->first;
	f->link = &all->first;
	if (f->next)
		f->next->link = &f->next;
	all->first = f;
	*out = f;
	return 0;
}

static void follower_end(void *arg)
{
	follower_destroy(arg);
}

struct MHD_Response *follower_respond(struct follower *f)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, FOLLOWER_PIECE, follower_read, f, follower_end);

	if (!response)
		follower_destroy(f);
	return response;
}

int followers_init(const struct answer_source *source, size_t max, struct followers *all)
{
	*all = (struct followers){ .source = source };
	return hub_create(max, follower_wake, &all->hub);
}

void followers_deinit(struct followers *all)
{
	hub_destroy(all->hub);
	frame_buf_deinit(&all->work);
}

void followers_set_access(struct followers *all, const struct access *access)
{
	struct follower *f;

	all->access = access;
	for (f = all->first; f; f = f->next)
		hub_expire(f->session, follower_expiry(all, f->token));
}

void followers_wake(struct followers *all)
{
	struct follower *f;

	for (f = all->first; f; f = f->next)
		follower_wake(f);
}

void followers_beat(struct followers *all, uint64_t now, uint64_t ns)
{
	struct follower *f;

	for (f = all->first; f; f = f->next) {
		if (f->suspended && now - f->told >= ns) {
			f->beat = true;
			follower_wake(f);
		}
	}
}
