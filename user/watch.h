/* SPDX-License-Identifier: MIT */
/*
 * watch.h - what `moqstat top` knows of the relays: the newest of what their tracks and statuses
 * tell. Pure: where that comes from, and when, is handed in.
 */
#ifndef MOQSTAT_WATCH_H
#define MOQSTAT_WATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rates.h"
#include "roster.h"
#include "snapshot.h"
#include "worth.h"

/** Relays that are looked at at once. */
#define WATCH_RELAYS_MAX 64

/** Tracks of broadcasts come first, then those of sessions; in each roster by its own number. */
#define WATCH_SESSIONS 4

/** One relay, by its stats broadcast. */
struct watch_relay {
	char *name;
	struct roster broadcasts; /* by track, in the order of tracks_two */
	struct roster roots;	  /* external, internal */
	struct rates_clock clock;
	bool told[TRACKS_OF_TWO];		  /* a frame of the track has come */
	bool fresh[TRACKS_OF_TWO];		  /* one has come since the stream began */
	double sums[ROSTER_TRACKS][ROSTER_FLOWS]; /* of the rates; NAN not known */
	json_t *status;				  /* the last one, or NULL */
	uint64_t lost;				  /* frames that didn't come */
	bool ended;				  /* the relay is no more */
};

struct watch {
	struct watch_relay **relays; /* sorted by name */
	size_t len;
	struct roster_room room;
	uint64_t tick; /* the time between ticks, where somebody knows; or 0 */
};

/** Begin without a relay. */
void watch_init(struct watch *out);
void watch_deinit(struct watch *w);

/** A relay by its name, begun if there is none. 0; -E2BIG there are WATCH_RELAYS_MAX; -ENOMEM. */
int watch_relay(struct watch *w, const char *name, struct watch_relay **out);

/** A relay by its name, or NULL. */
struct watch_relay *watch_find(const struct watch *w, const char *name);

/** Forget a relay. */
void watch_remove(struct watch *w, struct watch_relay *relay);

/** What comes of it from now on comes from another stream. */
void watch_restart(struct watch_relay *relay);

/** Take in a whole frame of the i-th track. 0, or an error of roster_full(). */
int watch_frame(struct watch_relay *relay, size_t i, uint64_t now, const char *frame, size_t len);

/** Take in the data of an event with `delta=1`, as stream.h writes it. 0, or an error of
 * roster_full(). */
int watch_message(struct watch_relay *relay, size_t i, uint64_t now, const char *data, size_t len);

/** A track has ended: if it is there again, its counts begin anew. */
void watch_track_ended(struct watch_relay *relay, size_t i);

/** Take in a relay's status; the reference is taken over. */
void watch_status(struct watch_relay *relay, json_t *status);

/** Take samples where they are due; whether there were any. */
bool watch_sample(struct watch *w, uint64_t now);

/** When watch_sample() may have something to do next; UINT64_MAX never by itself. */
uint64_t watch_next(const struct watch *w);

/** What a field of a track is worth; WORTH_EXACT, with *reason NULL, also where nobody said. */
enum worth_state watch_worth(const struct watch_relay *relay, size_t track, const char *field,
			     const char **reason);

/** How many fields have each state, in all relays: counts[WORTH_EXACT + 1]. */
void watch_worths(const struct watch *w, unsigned int *counts);

/** A copy that stays as it is. 0 or -ENOMEM, *out is then empty. */
int watch_copy(const struct watch *w, struct watch *out);

#endif /* MOQSTAT_WATCH_H */
