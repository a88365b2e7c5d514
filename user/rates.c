/* SPDX-License-Identifier: MIT */
#include "rates.h"

#include <math.h>
#include <string.h>

#define RATES_MS UINT64_C(1000000)

/* From a tick's first event until all of its tracks are taken as told. */
#define RATES_SETTLE (60 * RATES_MS)

/* Between two samples at least: shorter times make rough rates. */
#define RATES_SAMPLE_MIN (800 * RATES_MS)

/* In which a stream comes up to date. */
#define RATES_CATCH_UP (150 * RATES_MS)

/* Without an event for so long nothing changes, whatever the ticks are. */
#define RATES_SILENCE (2000 * RATES_MS)

void rates_clock_restart(struct rates_clock *c)
{
	c->began = 0;
	c->event_at = 0;
	c->due = 0;
}

void rates_clock_event(struct rates_clock *c, uint64_t now, bool first)
{
	bool past = first || (c->began && now - c->began < RATES_CATCH_UP);

	if (!c->began)
		c->began = now;
	if (past)
		return;
	c->event_at = now;
	if (c->due)
		return;
	c->due = now + RATES_SETTLE;
	if (c->sampled_at && c->sampled_at + RATES_SAMPLE_MIN > c->due)
		c->due = c->sampled_at + RATES_SAMPLE_MIN;
}

/* The middle one of those gaps that are one tick long, and not several. */
uint64_t rates_clock_tick(const struct rates_clock *c)
{
	uint64_t sorted[RATES_GAPS], least = UINT64_MAX;
	size_t i, j, n = 0;

	if (c->hint)
		return c->hint;
	for (i = 0; i < c->gaps_len; i++)
		least = c->gaps[i] < least ? c->gaps[i] : least;
	for (i = 0; i < c->gaps_len; i++) {
		if (c->gaps[i] >= least + least * 6 / 10)
			continue;
		for (j = n++; j && sorted[j - 1] > c->gaps[i]; j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = c->gaps[i];
	}
	return n ? sorted[n / 2] : 0;
}

/* From when on silence is taken for a sample. */
static uint64_t rates_clock_silent(const struct rates_clock *c)
{
	uint64_t tick = rates_clock_tick(c), wait = tick * 22 / 10, last = c->sampled_at;

	if (!c->began || c->event_at)
		return UINT64_MAX;
	if (wait < RATES_SILENCE)
		wait = RATES_SILENCE;
	if (last && !tick)
		return UINT64_MAX;
	/* A stream that has just begun isn't silent. */
	return (last > c->began ? last : c->began) + wait;
}

uint64_t rates_clock_next(const struct rates_clock *c)
{
	return c->due ? c->due : rates_clock_silent(c);
}

static void rates_clock_note(struct rates_clock *c, uint64_t at)
{
	c->times[c->samples++ % RATES_WINDOW] = c->sampled_at ? at - c->sampled_at : 0;
	c->sampled_at = at;
}

bool rates_clock_sample(struct rates_clock *c, uint64_t now)
{
	uint64_t gap, tick, ticks;

	if (now < rates_clock_next(c))
		return false;
	if (c->due) {
		gap = c->event_at - c->sampled_at;
		if (c->sampled_at && gap >= RATES_SAMPLE_MIN) {
			memmove(&c->gaps[1], &c->gaps[0], sizeof(c->gaps) - sizeof(c->gaps[0]));
			c->gaps[0] = gap;
			c->gaps_len += c->gaps_len < RATES_GAPS;
		}
		rates_clock_note(c, c->event_at);
		c->event_at = c->due = 0;
		return true;
	}
	/* Nothing has changed up to the last tick, whenever that was. */
	tick = rates_clock_tick(c);
	ticks = c->sampled_at && tick ? (now - c->sampled_at - tick / 2) / tick : 0;
	rates_clock_note(c, c->sampled_at ? c->sampled_at + (ticks ? ticks : 1) * tick : now);
	return true;
}

void rate_forget(struct rate *r)
{
	*r = (struct rate){ .second = NAN };
}

void rate_take(struct rate *r, const struct rates_clock *c, uint64_t now)
{
	size_t slot = (c->samples - 1) % RATES_WINDOW, i;
	uint64_t time = 0;
	double more = 0;

	r->told &= ~(1U << slot);
	if (r->known && now >= r->before) {
		r->more[slot] = now - r->before;
		r->told |= 1U << slot;
	}
	r->before = now;
	r->known = true;
	for (i = 0; i < RATES_WINDOW; i++) {
		if (!(r->told & 1U << i) || !c->times[i])
			continue;
		more += (double)r->more[i];
		time += c->times[i];
	}
	r->second = time ? more * 1e9 / (double)time : NAN;
}
