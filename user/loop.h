/* SPDX-License-Identifier: MIT */
/*
 * loop.h - what the agent waits for: the next tick, a signal that ends it, the relay's end.
 */
#ifndef MOQSTAT_LOOP_H
#define MOQSTAT_LOOP_H

#include <stdint.h>

enum loop_event {
	LOOP_TICK = 0, /* time for a tick */
	LOOP_STOP,     /* SIGINT or SIGTERM */
	LOOP_ENDED,    /* the relay has ended */
	LOOP_UNREAD,   /* nobody reads the output any more */
};

struct loop {
	int signals;
	int timer;
	int pidfd;  /* not owned */
	int output; /* not owned */
	uint64_t interval_ns;
	uint64_t next_ns; /* CLOCK_MONOTONIC */
};

/** Begin. SIGINT and SIGTERM are taken over from here on, SIGPIPE is ignored. The first tick is
 *  due at once, as with the relay's own. `pidfd` is watched for the relay's end, `output` for a
 *  reader that has closed its end of a pipe. 0 or -errno. */
int loop_init(uint64_t interval_ms, int pidfd, int output, struct loop *out);
void loop_deinit(struct loop *l);

/** Wait for the next event. A tick that is late delays those after it; it is not made up for in a
 *  burst (relay-stats text: MissedTickBehavior::Delay). 0 or -errno. */
int loop_wait(struct loop *l, enum loop_event *event);

#endif /* MOQSTAT_LOOP_H */
