/* SPDX-License-Identifier: MIT */
/*
 * standing.h - subscriptions of our own to what we publish at a relay. While nobody subscribes to a
 * track there, a relay's HTTP goes on giving the frame that it had last (0.14.12), or may give none
 * (0.12.5); one subscription that stays keeps it up to date. Some relays refuse it (0.17.10): it is
 * tried a few times. What comes is nobody's. Pure.
 */
#ifndef MOQSTAT_STANDING_H
#define MOQSTAT_STANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "board.h"
#include "outbox.h"

/** Most of them: tracks of the first broadcasts. */
#define STANDING_MAX 192

/** How often one is tried, in a row; and the pause before the first and the second time, ns; from
 *  then on it doubles. */
#define STANDING_TRIES 5
#define STANDING_PAUSE UINT64_C(1000000000)

/** One that has stood for so long, ns, is tried as often again. */
#define STANDING_HELD (30 * UINT64_C(1000000000))

struct standing_one {	 /* a track's */
	char *broadcast; /* the whole path */
	int number;	 /* of the track */
	uint64_t stream; /* 0: none now */
	uint64_t at;	 /* when it began; or, without a stream, when it is tried again */
	unsigned int tries;
};

struct standing {
	struct standing_one list[STANDING_MAX];
	size_t len;
	uint64_t stream; /* our last one with both directions */
};

void standing_deinit(struct standing *s);

/** Subscribe to what is announced under `root`, if it isn't yet, and forget what is no more. To be
 *  called once a second or so. 0; as outbox_put(). */
int standing_look(struct standing *s, const struct board *board, const char *root,
		  struct outbox *to, uint64_t now);

/** The relay has ended a stream of ours: it is tried again later, if it is one of these. */
void standing_end(struct standing *s, uint64_t stream, uint64_t now);

#endif /* MOQSTAT_STANDING_H */
