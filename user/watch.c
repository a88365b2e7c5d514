/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_FULL "{\"full\":"

void watch_init(struct watch *out)
{
	*out = (struct watch){ .room = { ROSTER_ROWS_MAX, ROSTER_BYTES_MAX } };
}

static void watch_relay_destroy(struct watch_relay *relay)
{
	roster_deinit(&relay->broadcasts);
	roster_deinit(&relay->roots);
	json_decref(relay->status);
	free(relay->name);
	free(relay);
}

void watch_deinit(struct watch *w)
{
	size_t i;

	if (!w)
		return;
	for (i = 0; i < w->len; i++)
		watch_relay_destroy(w->relays[i]);
	free(w->relays);
	memset(w, 0, sizeof(*w));
}

struct watch_relay *watch_find(const struct watch *w, const char *name)
{
	size_t i;

	for (i = 0; i < w->len; i++) {
		if (!strcmp(w->relays[i]->name, name))
			return w->relays[i];
	}
	return NULL;
}

static void watch_clear_sums(struct watch_relay *relay)
{
	size_t i, flow;

	for (i = 0; i < ROSTER_TRACKS; i++) {
		for (flow = 0; flow < ROSTER_FLOWS; flow++)
			relay->sums[i][flow] = NAN;
	}
}

/* Put a relay into its place. */
static int watch_insert(struct watch *w, struct watch_relay *relay)
{
	struct watch_relay **relays =
		realloc(w->relays, (w->len + 1) * sizeof(struct watch_relay *));
	size_t i = w->len;

	if (!relays)
		return -ENOMEM;
	w->relays = relays;
	for (; i && strcmp(relays[i - 1]->name, relay->name) > 0; i--)
		relays[i] = relays[i - 1];
	relays[i] = relay;
	w->len++;
	return 0;
}

int watch_relay(struct watch *w, const char *name, struct watch_relay **out)
{
	struct watch_relay *relay = watch_find(w, name);
	int err = 0;

	if (relay) {
		*out = relay;
		return 0;
	}
	if (w->len == WATCH_RELAYS_MAX)
		return -E2BIG;
	relay = calloc(1, sizeof(*relay));
	if (!relay)
		return -ENOMEM;
	relay->name = strdup(name);
	roster_init(&frame_schema_broadcast_0_12, &w->room, &relay->broadcasts);
	roster_init(&frame_schema_session, &w->room, &relay->roots);
	relay->clock.hint = w->tick;
	watch_clear_sums(relay);
	err = relay->name ? watch_insert(w, relay) : -ENOMEM;
	if (err)
		watch_relay_destroy(relay);
	else
		*out = relay;
	return err;
}

void watch_remove(struct watch *w, struct watch_relay *relay)
{
	size_t i, len = 0;

	for (i = 0; i < w->len; i++) {
		if (w->relays[i] != relay)
			w->relays[len++] = w->relays[i];
	}
	w->len = len;
	watch_relay_destroy(relay);
}

void watch_restart(struct watch_relay *relay)
{
	rates_clock_restart(&relay->clock);
	memset(relay->fresh, 0, sizeof(relay->fresh));
}

/* The roster that a track belongs to, and its number there. */
static struct roster *watch_roster(struct watch_relay *relay, size_t i, unsigned int *track)
{
	*track = i < WATCH_SESSIONS ? i : i - WATCH_SESSIONS;
	return i < WATCH_SESSIONS ? &relay->broadcasts : &relay->roots;
}

/* Something of the track has come. */
static void watch_heard(struct watch_relay *relay, size_t i, uint64_t now)
{
	rates_clock_event(&relay->clock, now, !relay->fresh[i]);
	relay->told[i] = relay->fresh[i] = true;
}

int watch_frame(struct watch_relay *relay, size_t i, uint64_t now, const char *frame, size_t len)
{
	unsigned int track;
	struct roster *roster = watch_roster(relay, i, &track);
	int err = roster_full(roster, track, frame, len);

	if (!err)
		watch_heard(relay, i, now);
	return err;
}

int watch_message(struct watch_relay *relay, size_t i, uint64_t now, const char *data, size_t len)
{
	size_t opening = strlen(WATCH_FULL);
	unsigned int track;
	struct roster *roster;
	int err;

	if (len > opening && !memcmp(data, WATCH_FULL, opening) && data[len - 1] == '}')
		return watch_frame(relay, i, now, data + opening, len - opening - 1);
	if (!relay->fresh[i])
		return -EBADMSG; /* a change of nothing */
	roster = watch_roster(relay, i, &track);
	err = roster_change(roster, track, data, len);
	if (!err)
		watch_heard(relay, i, now);
	return err;
}

void watch_track_ended(struct watch_relay *relay, size_t i)
{
	unsigned int track;
	struct roster *roster = watch_roster(relay, i, &track);

	roster_forget(roster, track);
	relay->fresh[i] = false;
}

void watch_status(struct watch_relay *relay, json_t *status)
{
	json_decref(relay->status);
	relay->status = status;
	relay->ended = json_is_true(json_object_get(status, "ended"));
}

/* Where there is no row nothing flows; that is known from the second sample on. */
static void watch_sum(struct watch_relay *relay)
{
	size_t i, track, flow;

	watch_clear_sums(relay);
	for (track = 0; track < ROSTER_TRACKS; track++) {
		for (flow = 0; flow < ROSTER_FLOWS; flow++) {
			if (relay->told[track] && relay->clock.samples > 1)
				relay->sums[track][flow] = 0;
		}
	}
	for (i = 0; i < relay->broadcasts.len; i++) {
		const struct roster_row *row = relay->broadcasts.rows[i];

		for (track = 0; track < ROSTER_TRACKS; track++) {
			for (flow = 0; flow < ROSTER_FLOWS; flow++) {
				if (row->rates[track][flow].second >= 0)
					relay->sums[track][flow] += row->rates[track][flow].second;
			}
		}
	}
}

bool watch_sample(struct watch *w, uint64_t now)
{
	bool any = false;
	size_t i;

	for (i = 0; i < w->len; i++) {
		struct watch_relay *relay = w->relays[i];

		relay->clock.hint = w->tick;
		if (!rates_clock_sample(&relay->clock, now))
			continue;
		roster_sample(&relay->broadcasts, &relay->clock);
		roster_sample(&relay->roots, &relay->clock);
		watch_sum(relay);
		any = true;
	}
	return any;
}

uint64_t watch_next(const struct watch *w)
{
	uint64_t next = UINT64_MAX, one;
	size_t i;

	for (i = 0; i < w->len; i++) {
		one = rates_clock_next(&w->relays[i]->clock);
		next = one < next ? one : next;
	}
	return next;
}

static enum worth_state watch_state(const json_t *field)
{
	const char *name = json_string_value(json_object_get(field, "state"));
	enum worth_state state;

	for (state = WORTH_UNAVAILABLE; name && state < WORTH_EXACT; state++) {
		if (!strcmp(name, worth_state_name(state)))
			return state;
	}
	return WORTH_EXACT;
}

enum worth_state watch_worth(const struct watch_relay *relay, size_t track, const char *field,
			     const char **reason)
{
	const json_t *tracks = json_object_get(relay->status, "tracks");
	const json_t *one = json_object_get(json_object_get(tracks, tracks_two[track].name), field);

	*reason = json_string_value(json_object_get(one, "reason"));
	return watch_state(one);
}

void watch_worths(const struct watch *w, unsigned int *counts)
{
	const char *name, *field;
	json_t *tracks, *fields, *one;
	size_t i;

	memset(counts, 0, (WORTH_EXACT + 1) * sizeof(*counts));
	for (i = 0; i < w->len; i++) {
		tracks = json_object_get(w->relays[i]->status, "tracks");
		json_object_foreach(tracks, name, fields)
		{
			json_object_foreach(fields, field, one) counts[watch_state(one)]++;
		}
	}
}

static int watch_copy_relay(const struct watch_relay *from, struct watch *out)
{
	struct watch_relay *relay;
	int err = watch_relay(out, from->name, &relay);

	if (err)
		return err;
	relay->clock = from->clock;
	memcpy(relay->told, from->told, sizeof(relay->told));
	memcpy(relay->sums, from->sums, sizeof(relay->sums));
	relay->status = json_incref(from->status);
	relay->lost = from->lost;
	relay->ended = from->ended;
	err = roster_copy(&from->broadcasts, &relay->broadcasts);
	return err ? err : roster_copy(&from->roots, &relay->roots);
}

int watch_copy(const struct watch *w, struct watch *out)
{
	struct watch copy;
	size_t i;
	int err = 0;

	watch_init(&copy);
	copy.tick = w->tick;
	for (i = 0; i < w->len && !err; i++)
		err = watch_copy_relay(w->relays[i], &copy);
	if (err)
		watch_deinit(&copy);
	*out = copy;
	return err;
}
