/* SPDX-License-Identifier: MIT */
/*
 * relay_model.h - a relay's guards, and the agent beside it, as small as the tests need them.
 *
 * Guards are opened and dropped as in the relay-stats text and count as there. model_tick() reads
 * the counts into a batch as a backend does and sends it through the real snapshot, frame and
 * track modules. Any failure that no test is about ends the test.
 */
#ifndef MOQSTAT_TESTS_RELAY_MODEL_H
#define MOQSTAT_TESTS_RELAY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"
#include "track.h"

#define MODEL_ENTRIES 32
#define MODEL_NAME    64

/** A BroadcastEntry or, where is_root, a SessionCounters. */
struct model_entry {
	char name[MODEL_NAME];
	bool is_root;
	enum moqstat_tier tier; /* of a root */
	uint32_t incarnation;
	unsigned int refs; /* guards and handles alive */
	bool used;	   /* the slot of the table is taken */
	bool ended;	   /* was told as no longer held: never to be bumped again */
	uint64_t counts[MOQSTAT_ROLE_MAX][MOQSTAT_TIER_MAX][MOQSTAT_FIELD_MAX];
};

/** Any of the relay's guards and handles. An empty one (entry NULL) bumps nothing. */
struct model_guard {
	struct model_entry *entry;
	uint64_t *closed; /* bumped by the drop, or NULL */
	uint64_t *counts; /* of the (role, tier) */
};

/** A SessionBroadcasts: which paths one session is subscribed to, how often. */
struct model_session_broadcasts {
	struct model *model;
	enum moqstat_role role;
	enum moqstat_tier tier;
	struct {
		char name[MODEL_NAME];
		unsigned int n;
	} paths[4];
};

struct model {
	bool disabled; /* the relay's handles are all empty */
	struct model_entry entries[MODEL_ENTRIES];
	struct snapshot *snapshot;
	struct snapshot_tick tick; /* what the last one told */
	struct frame_buf frames[TRACKS_OF_TWO];
	struct track *tracks[TRACKS_OF_TWO];
	bool wrote[TRACKS_OF_TWO]; /* in the last tick */
	size_t retired;		   /* entries that all ticks so far retired */
};

/** Begin with an agent that uses `prefix`. */
void model_init(struct model *m, const char *prefix);
void model_deinit(struct model *m);

/** `stats.tier(…).broadcast(path)`: holds the entry, bumps nothing. */
struct model_guard model_hold(struct model *m, const char *path);

/** `.publisher()` or `.subscriber()`: announced. */
struct model_guard model_announce(struct model *m, enum moqstat_role role, enum moqstat_tier tier,
				  const char *path);

/** `.track(…)`: subscriptions. */
struct model_guard model_track(struct model *m, enum moqstat_role role, enum moqstat_tier tier,
			       const char *path);

/** `.session(root)`: sessions. */
struct model_guard model_session(struct model *m, enum moqstat_tier tier, const char *root);

/** A session's subscription to a path; the first of a path bumps broadcasts. */
struct model_guard model_subscribe(struct model_session_broadcasts *s, const char *path);

/** Drop it; the last of a path bumps broadcasts_closed. */
void model_unsubscribe(struct model_session_broadcasts *s, const char *path,
		       struct model_guard *guard);

/** Bump one counter of the guard's role and tier by n. */
void model_bump(struct model_guard *guard, enum moqstat_field field, uint64_t n);

/** Drop a guard; one that was dropped is empty. */
void model_drop(struct model_guard *guard);

/** The relay's own collection: entries that nothing holds end, so that the next guard of their path
 *  begins an incarnation. */
void model_collect(struct model *m);

/** One tick of the agent. */
void model_tick(struct model *m);

/** Entries that the relay has and the agent has not retired. */
size_t model_entries(const struct model *m);

/** The last frame built for a track, NUL-terminated. */
const char *model_frame(const struct model *m, const char *track);

/** Whether the last frame of the track has a row of that name. */
bool model_has(const struct model *m, const char *track, const char *name);

/** One number of the last frame of a track; the test fails where there is none. */
uint64_t model_value(const struct model *m, const char *track, const char *name, const char *field);

#endif /* MOQSTAT_TESTS_RELAY_MODEL_H */
