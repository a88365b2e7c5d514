/* SPDX-License-Identifier: MIT */
/*
 * rates.h - how fast counts grow, from what they were at the last ticks; and when a tick is over,
 * for those who see only what changes. The page has the same rules.
 *
 * Times are nanoseconds of one clock that doesn't go back, and never 0.
 */
#ifndef MOQSTAT_RATES_H
#define MOQSTAT_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Samples that a rate is taken over, since what comes doesn't come to the millisecond. */
#define RATES_WINDOW 3

/** Times between ticks by which their usual one is told. */
#define RATES_GAPS 8

/** When samples are taken; zeroed before its first use. */
struct rates_clock {
	uint64_t began;	     /* when the stream's first event came; 0 none yet */
	uint64_t event_at;   /* the last event that is in no sample; 0 none */
	uint64_t due;	     /* when these are all that will come of a tick; 0 none came */
	uint64_t sampled_at; /* the last sample; 0 none yet */
	uint64_t samples;
	uint64_t times[RATES_WINDOW]; /* before each of the last samples; 0 not known */
	uint64_t gaps[RATES_GAPS];
	size_t gaps_len;
	uint64_t hint; /* between ticks, as somebody said; 0 nobody did */
};

/** A stream begins anew: what comes first may be old, and no rate goes by it. */
void rates_clock_restart(struct rates_clock *c);

/** Something came; `first` if it is what the stream knew when it began. */
void rates_clock_event(struct rates_clock *c, uint64_t now, bool first);

/** The usual time between ticks; 0 not known yet. */
uint64_t rates_clock_tick(const struct rates_clock *c);

/** When rates_clock_sample() may have something to do next; UINT64_MAX never by itself. */
uint64_t rates_clock_next(const struct rates_clock *c);

/** Is it time for a sample? Then its time is noted, and each count is to be given to rate_take().
 *  Silence is a sample too: a frame like the one before isn't sent. */
bool rates_clock_sample(struct rates_clock *c, uint64_t now);

/** One count; zeroed before its first use. */
struct rate {
	uint64_t before;
	uint64_t more[RATES_WINDOW];
	uint8_t told;  /* by sample: is there a number in `more`? A bit each */
	bool known;    /* there is a `before` */
	double second; /* what it grew by in a second; NAN not known */
};

/** There is no such count any more: the next one is another. */
void rate_forget(struct rate *r);

/** What it is at the sample that was noted last. One that is new, or less than it was, tells
 *  nothing yet. */
void rate_take(struct rate *r, const struct rates_clock *c, uint64_t now);

#endif /* MOQSTAT_RATES_H */
