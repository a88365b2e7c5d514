/* SPDX-License-Identifier: MIT */
/*
 * tracks.h - the tracks of a stats broadcast: what each tells of, its number and its name.
 *
 * A name is `[<label>/]publisher.json`, `…subscriber.json` or `…sessions.json`, the label being
 * that of the tier. Source: relay-stats text, track names; moq-stats 0.1.5.
 */
#ifndef MOQSTAT_TRACKS_H
#define MOQSTAT_TRACKS_H

#include <stddef.h>

#include "tiers.h"

/** What a track tells of. */
enum track_kind {
	TRACK_BROADCASTS = 0,
	TRACK_SESSIONS,
	TRACK_KIND_MAX
};

/** A track, by what it tells. */
struct track_what {
	enum track_kind kind;
	enum moqstat_role role; /* of broadcasts; MOQSTAT_ROLE_MAX for sessions */
	unsigned int tier;	/* its number in struct tiers */
};

/** Tracks of a tier, of the first two tiers, and of as many tiers as there may be. */
#define TRACKS_OF_TIER 3
#define TRACKS_OF_TWO  (TRACKS_OF_TIER * 2)
#define TRACKS_MAX     (TRACKS_OF_TIER * MOQSTAT_LABELS_MAX)

/** Bytes of the longest name, its NUL included. */
#define TRACK_NAME_MAX (MOQSTAT_LABEL_MAX + sizeof("/subscriber.json"))

/** What the name of a track's compressed one ends with besides: `publisher.json.z`. Which relays
 * have such, struct frame_schema tells. No lookup below knows these names. */
#define TRACK_COMPRESSED ".z"

/** A track of moq-relay 0.12 or 0.13. */
struct track_two {
	const char *name;
	enum track_kind kind;
	enum moqstat_role role;
	enum moqstat_tier tier;
};

/** Those, by number. */
extern const struct track_two tracks_two[TRACKS_OF_TWO];

/** How many numbers there are for that many tiers. */
unsigned int tracks_count(const struct tiers *tiers);

/** The track of a number, which is below TRACKS_MAX. In a tick they are written in the order of
 *  their numbers: of the first two tiers sessions come last. */
struct track_what tracks_what(unsigned int number);

/** And the other way round. */
unsigned int tracks_number(const struct track_what *what);

/** Write the track's name; its tier must be among those. Gives `out`. */
const char *tracks_name(const struct tiers *tiers, unsigned int number, char out[TRACK_NAME_MAX]);

/** May a track have that name, whatever its tier? */
bool tracks_is_name(const char *name);

/** Make the name of a compressed track, or a path that ends with it, that of the plain one. False:
 *  it is none. */
bool tracks_plain(char *name);

/** The number of the track of that name, whose tier must be among those; -ENOENT. */
int tracks_find(const struct tiers *tiers, const char *name);

/** The same; a label that isn't among them is added. -ENOENT: no name of a track; -ENOSPC: as of
 *  tiers_add(). */
int tracks_learn(struct tiers *tiers, const char *name);

#endif /* MOQSTAT_TRACKS_H */
