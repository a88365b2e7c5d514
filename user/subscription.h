/* SPDX-License-Identifier: MIT */
/*
 * subscription.h - a relay's subscription to a track of a stats broadcast: which groups it is to
 * have, newest first. Pure.
 */
#ifndef MOQSTAT_SUBSCRIPTION_H
#define MOQSTAT_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "board.h"
#include "group.h"
#include "track.h"
#include "wire.h"

/** One that is more groups than this behind goes on with the newest one. */
#define SUBSCRIPTION_BEHIND 32

struct subscription {
	uint64_t id;					      /* by which the relay knows it */
	char *broadcast;				      /* the whole path */
	char name[TRACK_NAME_MAX + sizeof(TRACK_COMPRESSED)]; /* the track's, the plain one's */
	bool compressed;
	struct track *track;	     /* held; NULL: not there yet */
	struct track_reader *reader; /* likewise */
	uint64_t base;		     /* what its sequences are counted from */
	uint64_t skipped;	     /* groups that it didn't get, so far */
};

/** A group for it, and how it is to be sent. */
struct subscription_group {
	struct group *group; /* the receiver's to release */
	uint64_t sequence;
	const char *frame; /* the group's */
	size_t len;
};

/** Begin it as a request says. `broadcast`, the whole path, is taken over; NULL: memory lacked. 0;
 *  -ENOMEM; -ENOENT there is no such track, and will be none. *out is ended by
 *  subscription_deinit() in any case. */
int subscription_init(const struct board *board, char *broadcast,
		      const struct wire_request *request, struct subscription *out);
void subscription_deinit(struct subscription *s);

/** The next group for it: at first the newest one. 0; -EAGAIN there is none; -EPIPE there will be
 * none any more; -ENOMEM, and one was skipped. */
int subscription_next(struct subscription *s, const struct board *board,
		      struct subscription_group *out);

#endif /* MOQSTAT_SUBSCRIPTION_H */
