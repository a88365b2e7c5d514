/* SPDX-License-Identifier: MIT */
/*
 * loop.h - what the agent waits for: the next tick, the next look at what processes there are, a
 * signal that ends it, the end of a relay.
 */
#ifndef MOQSTAT_LOOP_H
#define MOQSTAT_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum loop_event {
	LOOP_TICK = 0, /* time for a tick */
	LOOP_STOP,     /* SIGINT or SIGTERM */
	LOOP_ENDED,    /* a relay has ended */
	LOOP_UNREAD,   /* nobody reads the output any more */
	LOOP_LOOK,     /* time to look for new processes */
	LOOP_RELOAD,   /* SIGHUP */
	LOOP_ROOM,     /* the server takes more of what waits for it */
	LOOP_UNSERVED, /* the server is gone */
};

struct loop {
	int signals;
	int reload;
	int timer;
	int look;
	uint64_t interval_ns;
	uint64_t next_ns;   /* CLOCK_MONOTONIC */
	uint64_t late_ns;   /* how late the last tick was due */
	struct pollfd *fds; /* those of the loop itself, then one a relay: not owned */
	void **owners;	    /* by index into fds */
	size_t len;
};

/** Begin. SIGINT, SIGTERM and SIGHUP are taken over from here on, SIGPIPE is ignored. The first
 * tick is due at once, as with the relay's own; the first look after look_ms, and 0 means none at
 * all. `output` is watched for a reader that has closed its end of a pipe. 0 or -errno. */
int loop_init(uint64_t interval_ms, uint64_t look_ms, int output, struct loop *out);
void loop_deinit(struct loop *l);

/** From now on so much from one tick to the next, which is no later than that. 0 or -errno. */
int loop_set_interval(struct loop *l, uint64_t interval_ms);

/** Watch the pipe to the server, which stays the caller's: that it isn't gone, and, with `waits`,
 * until it takes more. -1: there is none. */
void loop_watch_server(struct loop *l, int fd, bool waits);

/** Watch a pidfd, which stays the caller's, until loop_unwatch(). -ENOMEM. */
int loop_watch(struct loop *l, int pidfd, void *owner);

/** Watch it no longer; nothing where it wasn't watched. */
void loop_unwatch(struct loop *l, int pidfd);

/** Wait for the next event; of several that are due a signal comes first, then a relay's end, the
 *  reader's, a look, a tick. *owner is set with LOOP_ENDED: whose pidfd it is. The event comes
 *  again until that one is no longer watched. A tick that is late delays those after it; it is not
 *  made up for in a burst (relay-stats text: MissedTickBehavior::Delay). 0 or -errno. */
int loop_wait(struct loop *l, enum loop_event *event, void **owner);

#endif /* MOQSTAT_LOOP_H */
