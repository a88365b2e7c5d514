/* SPDX-License-Identifier: MIT */
/*
 * lapse.h - that the probes of a field were away for a time, in words: what its numbers lack from
 * then on. Pure.
 */
#ifndef MOQSTAT_LAPSE_H
#define MOQSTAT_LAPSE_H

#include <stdbool.h>
#include <stdint.h>

/** One field's; zeroed before its first use. Times are of the wall clock, milliseconds. */
struct lapse {
	bool now; /* they are away */
	uint32_t times;
	uint64_t since_ms; /* the last time began */
	uint64_t whole_ms; /* all times that are over */
	char reason[192];  /* what a status says of it; "" if they never were */
};

/** They are taken away at `now_ms`, since all of it cost `share` of the machine where `limit` was
 *  allowed. */
void lapse_begin(struct lapse *l, uint64_t now_ms, double share, double limit);

/** They are back at `now_ms`. */
void lapse_end(struct lapse *l, uint64_t now_ms);

#endif /* MOQSTAT_LAPSE_H */
