/* SPDX-License-Identifier: MIT */
/*
 * follower.h - those who follow live events over HTTP: what hub.h has for each of them goes out as
 * stream.h writes it, whenever libmicrohttpd has room for more.
 */
#ifndef MOQSTAT_FOLLOWER_H
#define MOQSTAT_FOLLOWER_H

#include <stddef.h>
#include <stdint.h>

#include "access.h"
#include "answer.h"
#include "frame.h"
#include "hub.h"
#include "request.h"

struct MHD_Connection;
struct MHD_Response;
struct follower;

/** All followers of a server. */
struct followers {
	const struct answer_source *source;
	const struct access *access; /* NULL: everyone may read */
	struct hub *hub;
	struct frame_buf work; /* in which deltas are made */
	struct follower *first;
};

/** Begin with none, of at most `max`. The source, with the board, stays the caller's and must
 * outlive them. Ended by followers_deinit(). 0 or -ENOMEM. */
int followers_init(const struct answer_source *source, size_t max, struct followers *all);

/** The library must have let go of each follower before. */
void followers_deinit(struct followers *all);

/** From now on only these tokens hold, which stay the caller's; NULL: none is needed. */
void followers_set_access(struct followers *all, const struct access *access);

/** Go on with each of them. The library must not be stopped over one that is suspended. */
void followers_wake(struct followers *all);

/** Have those who were told nothing for so long, nanoseconds, told that the stream lives. */
void followers_beat(struct followers *all, uint64_t now, uint64_t ns);

/** A follower for this request, which it takes over. *out goes to follower_respond() or
 * follower_destroy(). -ENOMEM; -ENOENT there is no such track; or what stream_add(), hub_join() and
 * hub_follow() say. */
int follower_create(struct followers *all, struct MHD_Connection *connection,
		    struct request *request, struct follower **out);
void follower_destroy(struct follower *f);

/** The response whose body are its events, and which ends it; NULL, and it is ended, where the
 * library refuses. */
struct MHD_Response *follower_respond(struct follower *f);

#endif /* MOQSTAT_FOLLOWER_H */
