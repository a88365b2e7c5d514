/* SPDX-License-Identifier: MIT */
#include "status.h"

#include "collect_format.h"
#include "snapshot.h"

#ifndef MOQSTAT_VERSION
#define MOQSTAT_VERSION "unknown"
#endif

#define STATUS_OFF \
	"the relay's own statistics are off; what was open before the probes were attached isn't known"
#define STATUS_EARLY \
	"nothing has begun since the probes were attached, so what was there before isn't known yet"
#define STATUS_TAKEN \
	"some began before the probes were attached; what the relay had counted on them was taken over from its memory"
#define STATUS_WHOLE "all that the relay had was seen from its beginning"

/* What a field is worth, if its sites are all there. */
static json_t *status_state(const struct collect_live_info *info)
{
	if (info->guarded)
		return json_pack("{s:s, s:s}", "state", "since-attach", "reason", STATUS_OFF);
	if (info->inventoried && !info->existing)
		return json_pack("{s:s, s:s}", "state", "exact", "reason", STATUS_WHOLE);
	return json_pack("{s:s, s:s}", "state", "since-attach", "reason",
			 info->inventoried ? STATUS_TAKEN : STATUS_EARLY);
}

static json_t *status_track(const struct sites *sites, const struct snapshot_track *track,
			    const struct collect_live_info *info)
{
	const struct frame_schema *schema =
		track->kind == SNAPSHOT_SESSIONS ? &frame_schema_session : sites->layout->frame;
	json_t *fields = json_object();
	const char *reason = "";
	size_t i;

	for (i = 0; i < schema->fields_len; i++) {
		enum moqstat_field field = schema->fields[i].field;
		bool complete;

		if (track->kind == SNAPSHOT_SESSIONS)
			complete = info->guarded ? sites_sessions_guarded(sites, &reason)
						 : sites_sessions_complete(sites, &reason);
		else
			complete = info->guarded
					   ? sites_guarded(sites, track->role, field, &reason)
					   : sites_complete(sites, track->role, field, &reason);

		json_object_set_new(fields, schema->fields[i].name,
				    complete ? status_state(info)
					     : json_pack("{s:s, s:s}", "state", "unavailable",
							 "reason", reason));
	}
	return fields;
}

json_t *status_tracks(const struct sites *sites, const struct collect_live_info *info)
{
	json_t *tracks = json_object();
	unsigned int i;

	for (i = 0; i < SNAPSHOT_TRACK_MAX; i++)
		json_object_set_new(tracks, snapshot_tracks[i].name,
				    status_track(sites, &snapshot_tracks[i], info));
	return tracks;
}

/* Sites, how many have fired, and hits, of one counter. */
static void status_add_site(json_t *counters, const char *name, uint64_t hits)
{
	json_t *counter = json_object_get(counters, name);

	if (!counter) {
		counter = json_pack("{s:i, s:i, s:i}", "sites", 0, "fired", 0, "hits", 0);
		json_object_set_new(counters, name, counter);
	}
	json_integer_set(json_object_get(counter, "sites"),
			 json_integer_value(json_object_get(counter, "sites")) + 1);
	json_integer_set(json_object_get(counter, "fired"),
			 json_integer_value(json_object_get(counter, "fired")) + (hits > 0));
	json_integer_set(json_object_get(counter, "hits"),
			 json_integer_value(json_object_get(counter, "hits")) + (json_int_t)hits);
}

static json_t *status_counters(const struct sites *sites, const struct probes *probes)
{
	json_t *counters = json_object();
	char name[64];
	uint64_t hits;
	size_t i;

	for (i = 0; i < sites->len; i++) {
		if (probes_hits(probes, i, &hits))
			continue;
		sites_counter_name(&sites->list[i].what, name, sizeof(name));
		status_add_site(counters, name, hits);
	}
	return counters;
}

static json_t *status_lost(const uint64_t *lost)
{
	json_t *json = json_object();
	unsigned int i;

	for (i = MOQSTAT_LOST_NONE + 1; i < MOQSTAT_LOST_MAX; i++)
		json_object_set_new(json, collect_format_lost[i],
				    json_integer((json_int_t)lost[i]));
	return json;
}

json_t *status_live(const struct target *target, const struct sites *sites,
		    const struct probes *probes, const struct collect_live_info *info,
		    const uint64_t *lost)
{
	static const char *const names[] = { "unknown", "on", "off" };

	return json_pack("{s:s, s:{s:i, s:s, s:s, s:s, s:s}, s:{s:s, s:I, s:o}, s:o, s:o}",
			 "version", MOQSTAT_VERSION, "relay", "pid", target->pid, "executable",
			 target->exe_name, "build_id", sites->build_id, "layout",
			 sites->layout->name, "statistics", names[info->statistics], "probes",
			 "kind", probes_kind_name(probes), "sites", (json_int_t)sites->len,
			 "counters", status_counters(sites, probes), "lost", status_lost(lost),
			 "tracks", status_tracks(sites, info));
}

json_t *status_replay(const char *file)
{
	return json_pack("{s:s, s:s}", "version", MOQSTAT_VERSION, "replay", file);
}
