/* SPDX-License-Identifier: MIT */
/*
 * notify.h - what a service tells its manager (sd_notify(3)). Nothing happens where nobody asked to
 * be told.
 */
#ifndef MOQSTAT_NOTIFY_H
#define MOQSTAT_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

struct notify {
	uint64_t watchdog_ns; /* a sign of life is due so often; 0: nobody waits for one */
	uint64_t last_ns;     /* CLOCK_MONOTONIC, of the last one */
};

/** Begin: find out whether a sign of life is waited for. */
struct notify notify_begin(void);

/** Do ticks of this length come often enough for whoever waits for a sign of life? -EINVAL if not
 *  (logged). */
int notify_check(const struct notify *n, uint64_t interval_ms);

/** It works from now on; `relays` are attached to. */
void notify_ready(size_t relays);

/** A tick is done, with so many relays: a sign of life, not more often than is asked for. */
void notify_alive(struct notify *n, size_t relays);

/** Settings are being read anew; notify_ready() ends it. */
void notify_reloading(void);

/** It is about to end. */
void notify_stopping(void);

#endif /* MOQSTAT_NOTIFY_H */
