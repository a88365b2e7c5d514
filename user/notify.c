/* SPDX-License-Identifier: MIT */
#include "notify.h"

#include <errno.h>
#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "clock.h"
#include "log.h"

struct notify notify_begin(void)
{
	struct notify n = { 0 };
	uint64_t us;

	/* At half of the time, as sd_watchdog_enabled(3) would have it. */
	if (sd_watchdog_enabled(0, &us) > 0)
		n.watchdog_ns = us * 1000 / 2;
	return n;
}

int notify_check(const struct notify *n, uint64_t interval_ms)
{
	if (!n->watchdog_ns || interval_ms * 1000000 <= n->watchdog_ns)
		return 0;
	log_error(
		"--interval %g: the service manager waits for a sign of life every %g s, and would "
		"take a tick for the last one; give a shorter interval, or WatchdogSec=%g",
		interval_ms / 1e3, 2 * n->watchdog_ns / 1e9, 3 * interval_ms / 1e3);
	return -EINVAL;
}

void notify_ready(size_t relays)
{
	sd_notifyf(0, "READY=1\nSTATUS=attached to %zu relay%s", relays, relays == 1 ? "" : "s");
}

void notify_alive(struct notify *n, size_t relays)
{
	uint64_t now;

	if (!n->watchdog_ns)
		return;
	now = clock_read(CLOCK_MONOTONIC);
	if (n->last_ns && now - n->last_ns < n->watchdog_ns / 2)
		return;
	n->last_ns = now;
	sd_notifyf(0, "WATCHDOG=1\nSTATUS=attached to %zu relay%s", relays, relays == 1 ? "" : "s");
}

void notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_read(CLOCK_MONOTONIC) / 1000);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}
