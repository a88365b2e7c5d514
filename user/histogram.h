/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - how often a duration fell between which bounds, ever since the beginning.
 */
#ifndef MOQSTAT_HISTOGRAM_H
#define MOQSTAT_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define HISTOGRAM_BOUNDS 14

/** The bounds, which all histograms have: nanoseconds, 100 us to 2.5 s. A duration that equals a
 *  bound is below it. */
extern const uint64_t histogram_bounds[HISTOGRAM_BOUNDS];

/** Zeroed before its first use. */
struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* between a bound and the one before */
	uint64_t sum;			       /* nanoseconds; stays at the largest */
};

void histogram_observe(struct histogram *h, uint64_t ns);

/** `{"bounds_ns":[…],"counts":[…],"sum_ns":N}`, with one count more than bounds. A new reference,
 *  or NULL without memory. */
json_t *histogram_json(const struct histogram *h);

/** Read what histogram_json() made. 0; -EBADMSG where it is none, or one of other bounds. */
int histogram_read(const json_t *json, struct histogram *out);

#endif /* MOQSTAT_HISTOGRAM_H */
