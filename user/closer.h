/* SPDX-License-Identifier: MIT */
/*
 * closer.h - closes links in a thread of its own, since the kernel lets the one that closes wait:
 * up to 0.1 s a perf event, and there are hundreds of them. Meanwhile the ticks of other relays go
 * on.
 */
#ifndef MOQSTAT_CLOSER_H
#define MOQSTAT_CLOSER_H

#include <stddef.h>

struct closer;

/** *out is ended by closer_destroy(). -ENOMEM. */
int closer_create(struct closer **out);

/** Wait until all is closed. */
void closer_destroy(struct closer *c);

/** Close these descriptors, the last ones first; a few of them at once. They are the closer's from
 * now on; `fds` itself stays the caller's. Does it at once, and waits, where there is no memory for
 * more. */
void closer_take(struct closer *c, const int *fds, size_t len);

/** Close nothing until closer_resume(): attaching would have to wait in between. */
void closer_pause(struct closer *c);
void closer_resume(struct closer *c);

/** How many are still to be closed. */
size_t closer_left(struct closer *c);

#endif /* MOQSTAT_CLOSER_H */
