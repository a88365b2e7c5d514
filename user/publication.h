/* SPDX-License-Identifier: MIT */
/*
 * publication.h - one session at a relay, to which the stats broadcasts of a board are published:
 * what the relay says goes in as messages, what is said to it comes out as such (wire.h). Pure; one
 * thread, and nothing waits.
 *
 * A relay that reads too slowly loses groups, and nobody waits for it: of each track the newest
 * ones are kept for it as long as the track itself has them, and who is too far behind goes on with
 * the newest.
 */
#ifndef MOQSTAT_PUBLICATION_H
#define MOQSTAT_PUBLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "board.h"
#include "wire.h"

/** A message that is sent takes so much room at most. */
#define PUBLICATION_MESSAGE_MAX (WIRE_HEAD_MAX + WIRE_DATA_MAX)

/** For so long a relay may take to answer the setup, and then to ask for announcements; ns. */
#define PUBLICATION_PATIENCE (10 * UINT64_C(1000000000))

/** Most streams that a relay may have open at once: requests for announcements, subscriptions. */
#define PUBLICATION_STREAMS_MAX 4096

enum publication_state {
	PUBLICATION_SETUP = 0, /* the relay has not answered yet */
	PUBLICATION_UNASKED,   /* it has, but doesn't ask for announcements */
	PUBLICATION_OPEN,      /* it has been told what there is */
};

struct publication_counts {
	size_t broadcasts;	/* that the relay has been told of, now */
	size_t subscriptions;	/* now; these and what follows, so far */
	uint64_t groups, bytes; /* sent whole; and of all messages */
	uint64_t skipped;	/* groups that a slow relay lost */
	uint64_t refused;	/* subscriptions to what isn't there */
};

struct publication;

/** Begin a session. The board must outlive it. `root` is the path that the relay's paths of this
 *  session follow, of the URL: what isn't under it isn't published. `stands`: with subscriptions of
 *  our own, see standing.h. *out is ended by
 *  publication_destroy(). -ENOMEM. */
int publication_create(const struct board *board, const char *root, bool stands, uint64_t now,
		       struct publication **out);
void publication_destroy(struct publication *p);

/** Take in a message of the relay's. 0; or the session is over: -ENOMEM; -EPROTO, -ECONNRESET, and
 * publication_error() says why. */
int publication_take(struct publication *p, const void *message, size_t len, uint64_t now);

/** Look at the board, after each change of it, and at the time, once a second or so. As
 *  publication_take(), and -ETIMEDOUT. */
int publication_run(struct publication *p, uint64_t now);

/** Have the session closed, after what waits besides groups: then the relay ends what it has
 * announced of it at once. 0 or -ENOMEM. */
int publication_close(struct publication *p);

/** Is there a message to be sent? */
bool publication_waits(const struct publication *p);

/** Write the next one. Its length; 0: there is none, or memory lacks. */
size_t publication_next(struct publication *p, uint8_t out[PUBLICATION_MESSAGE_MAX]);

enum publication_state publication_state(const struct publication *p);
const struct publication_counts *publication_counts(const struct publication *p);

/** Why it is over, for people. Text of the relay's in it may hold anything. */
const char *publication_error(const struct publication *p);

#endif /* MOQSTAT_PUBLICATION_H */
