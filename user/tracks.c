/* SPDX-License-Identifier: MIT */
#include "tracks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* By what comes behind the label: of a role, then of sessions. */
static const char *const tracks_names[TRACKS_OF_TIER] = {
	[MOQSTAT_PUBLISHER] = "publisher.json",
	[MOQSTAT_SUBSCRIBER] = "subscriber.json",
	[MOQSTAT_ROLE_MAX] = "sessions.json",
};

const struct track_two tracks_two[TRACKS_OF_TWO] = {
	{ "publisher.json", TRACK_BROADCASTS, MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL },
	{ "subscriber.json", TRACK_BROADCASTS, MOQSTAT_SUBSCRIBER, MOQSTAT_EXTERNAL },
	{ "internal/publisher.json", TRACK_BROADCASTS, MOQSTAT_PUBLISHER, MOQSTAT_INTERNAL },
	{ "internal/subscriber.json", TRACK_BROADCASTS, MOQSTAT_SUBSCRIBER, MOQSTAT_INTERNAL },
	{ "sessions.json", TRACK_SESSIONS, MOQSTAT_ROLE_MAX, MOQSTAT_EXTERNAL },
	{ "internal/sessions.json", TRACK_SESSIONS, MOQSTAT_ROLE_MAX, MOQSTAT_INTERNAL },
};

unsigned int tracks_count(const struct tiers *tiers)
{
	return tiers->len > MOQSTAT_TIER_MAX ? TRACKS_OF_TIER * tiers->len : TRACKS_OF_TWO;
}

struct track_what tracks_what(unsigned int number)
{
	unsigned int role = number % TRACKS_OF_TIER;

	if (number < TRACKS_OF_TWO)
		return (struct track_what){ tracks_two[number].kind, tracks_two[number].role,
					    tracks_two[number].tier };
	return (struct track_what){ role == MOQSTAT_ROLE_MAX ? TRACK_SESSIONS : TRACK_BROADCASTS,
				    role, number / TRACKS_OF_TIER };
}

unsigned int tracks_number(const struct track_what *what)
{
	unsigned int role = what->kind == TRACK_SESSIONS ? (unsigned int)MOQSTAT_ROLE_MAX
							 : (unsigned int)what->role;

	if (what->tier >= MOQSTAT_TIER_MAX)
		return TRACKS_OF_TIER * what->tier + role;
	return role == MOQSTAT_ROLE_MAX ? MOQSTAT_ROLE_MAX * MOQSTAT_TIER_MAX + what->tier
					: MOQSTAT_ROLE_MAX * what->tier + role;
}

const char *tracks_name(const struct tiers *tiers, unsigned int number, char out[TRACK_NAME_MAX])
{
	const struct track_what what = tracks_what(number);
	const char *label = tiers->labels[what.tier];

	snprintf(out, TRACK_NAME_MAX, "%s%s%s", label, *label ? "/" : "", tracks_names[what.role]);
	return out;
}

/* What the name says but for the tier, and how long its label is. */
static int tracks_parse(const char *name, struct track_what *what, size_t *label)
{
	const char *last = strrchr(name, '/'), *rest = last ? last + 1 : name;
	unsigned int role;

	for (role = 0; role < TRACKS_OF_TIER && strcmp(rest, tracks_names[role]); role++)
		;
	/* The default tier's label isn't written. */
	if (role == TRACKS_OF_TIER || last == name)
		return -ENOENT;
	what->role = role;
	what->kind = role == MOQSTAT_ROLE_MAX ? TRACK_SESSIONS : TRACK_BROADCASTS;
	*label = last ? last - name : 0;
	return 0;
}

/* Of that tier; or what is wrong with it. */
static int tracks_of(struct track_what *what, int tier)
{
	what->tier = tier;
	return tier < 0 ? tier : (int)tracks_number(what);
}

int tracks_find(const struct tiers *tiers, const char *name)
{
	struct track_what what;
	size_t label;
	int err = tracks_parse(name, &what, &label);

	return err ? err : tracks_of(&what, tiers_find(tiers, name, label));
}

int tracks_learn(struct tiers *tiers, const char *name)
{
	struct track_what what;
	size_t label;
	int err = tracks_parse(name, &what, &label);

	return err ? err : tracks_of(&what, tiers_add(tiers, name, label));
}

bool tracks_is_name(const char *name)
{
	struct track_what what;
	size_t label;

	return !tracks_parse(name, &what, &label) && label <= MOQSTAT_LABEL_MAX;
}

bool tracks_plain(char *name)
{
	size_t len = strlen(name), end = strlen(TRACK_COMPRESSED);

	if (len < end || strcmp(name + len - end, TRACK_COMPRESSED))
		return false;
	name[len - end] = '\0';
	return true;
}
