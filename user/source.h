/* SPDX-License-Identifier: MIT */
/*
 * source.h - where `moqstat top` has its numbers from: an agent's HTTP (client.h), or a run of its
 * own (direct.h).
 */
#ifndef MOQSTAT_SOURCE_H
#define MOQSTAT_SOURCE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

enum source_state {
	SOURCE_BEGINNING = 0, /* nobody has answered yet */
	SOURCE_LIVE,
	SOURCE_CONNECTING,  /* there is an agent, and its events are asked for */
	SOURCE_WAITING,	    /* there is no relay */
	SOURCE_LAGGING,	    /* the agent has let go of us, who were too slow */
	SOURCE_UNREACHABLE, /* trying again */
	SOURCE_DENIED,	    /* no token, or one that doesn't hold */
	SOURCE_ENDED,	    /* there will be no more */
};

/** "live" and so on. */
const char *source_state_name(enum source_state state);

struct source {
	enum source_state state;
	char problem[512]; /* why it isn't live, for people; "" nothing to say. Any bytes */
	char message[512]; /* the last that was logged elsewhere. Likewise */

	/* Wait for something to come, or for one of `fds`, whose revents are set, or until it is
	 * time, and take in what is there. 0 or -errno, and then there is no going on. */
	int (*wait)(struct source *s, struct pollfd *fds, size_t len, int timeout_ms);
	/* End it: an exit status (options.h) where it ended by itself, or EXIT_DONE. */
	int (*destroy)(struct source *s);
};

#endif /* MOQSTAT_SOURCE_H */
