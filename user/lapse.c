/* SPDX-License-Identifier: MIT */
#include "lapse.h"

#include <stdio.h>
#include <time.h>

/* 2026-11-21T14:50:03Z */
#define LAPSE_TIME 32

static void lapse_time(uint64_t ms, char *out)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(out, LAPSE_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, LAPSE_TIME, "%llu", (unsigned long long)ms / 1000);
}

void lapse_begin(struct lapse *l, uint64_t now_ms, double share, double limit)
{
	char since[LAPSE_TIME];

	if (l->now)
		return;
	l->now = true;
	l->times++;
	l->since_ms = now_ms;
	lapse_time(now_ms, since);
	snprintf(l->reason, sizeof(l->reason),
		 "not counted since %s, to keep within --budget %g: all that was counted cost %.3g "
		 "%% of the machine",
		 since, 100 * limit, 100 * share);
}

void lapse_end(struct lapse *l, uint64_t now_ms)
{
	char since[LAPSE_TIME], until[LAPSE_TIME];

	if (!l->now)
		return;
	l->now = false;
	/* The clock may have been set meanwhile. */
	l->whole_ms += now_ms > l->since_ms ? now_ms - l->since_ms : 0;
	lapse_time(l->since_ms, since);
	lapse_time(now_ms, until);
	snprintf(l->reason, sizeof(l->reason),
		 "counted again, but not from %s to %s, to keep within --budget; in all %u time(s) "
		 "of together %.1f s are missing",
		 since, until, l->times, (double)l->whole_ms / 1000);
}
