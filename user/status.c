/* SPDX-License-Identifier: MIT */
#include "status.h"

#include "collect_format.h"
#include "snapshot.h"
#include "utf8.h"

#ifndef MOQSTAT_VERSION
#define MOQSTAT_VERSION "unknown"
#endif

static json_t *status_fields(const struct sites *sites, const struct worths *worths,
			     unsigned int role)
{
	const struct frame_schema *schema = worth_schema(sites, role);
	json_t *fields = json_object();
	size_t i;

	for (i = 0; i < schema->fields_len; i++) {
		const struct worth *worth = &worths->of[role][schema->fields[i].field];

		json_object_set_new(fields, schema->fields[i].name,
				    json_pack("{s:s, s:s}", "state", worth_state_name(worth->state),
					      "reason", worth->reason));
	}
	if (schema->uncounted)
		json_object_set_new(fields, schema->uncounted,
				    json_pack("{s:s, s:s}", "state", "unavailable", "reason",
					      "no branch tells how much is added"));
	return fields;
}

json_t *status_tracks(const struct sites *sites, const struct worths *worths)
{
	const struct tiers *tiers = tiers_or_two(worths->tiers);
	json_t *tracks = json_object();
	char name[TRACK_NAME_MAX];
	unsigned int i;

	for (i = 0; i < tracks_count(tiers); i++) {
		const struct track_what what = tracks_what(i);

		if (tiers_has(tiers, what.tier))
			json_object_set_new(tracks, tracks_name(tiers, i, name),
					    status_fields(sites, worths, what.role));
	}
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

/* Sites without a probe, by best effort. */
static json_t *status_refused(const struct sites *sites)
{
	json_t *refused = json_array();
	char name[64];
	size_t i;

	for (i = 0; i < sites->len; i++) {
		const struct site *site = &sites->list[i];

		if (!site->refused)
			continue;
		sites_counter_name(&site->what, name, sizeof(name));
		json_array_append_new(refused, json_pack("{s:I, s:s, s:s}", "address",
							 (json_int_t)site->addr, "counter", name,
							 "reason", site->refused));
	}
	return refused;
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
		    const struct worths *worths, const uint64_t *lost)
{
	static const char *const names[] = { "unknown", "on", "off" };
	json_t *refused = status_refused(sites);

	return json_pack(
		"{s:s, s:{s:i, s:o, s:s, s:s, s:s}, s:b, s:{s:s, s:I, s:s, s:o, s:s, s:o}, s:o, s:o}",
		"version", MOQSTAT_VERSION, "relay", "pid", target->pid, "executable",
		utf8_json(target->exe_name), "build_id", sites->build_id, "layout",
		sites->layout->name, "statistics", names[info->statistics], "compressed",
		sites->layout->frame->compressed, "probes", "kind", probes_kind_name(probes),
		"sites", (json_int_t)(sites->len - json_array_size(refused) - info->cold), "hot",
		info->reading ? "read"
		: info->cold  ? "none"
			      : "probe",
		"refused", refused, "maps", info->batches ? "batches" : "each", "counters",
		status_counters(sites, probes), "lost", status_lost(lost), "tracks",
		status_tracks(sites, worths));
}

json_t *status_replay(const char *file)
{
	return json_pack("{s:s, s:o}", "version", MOQSTAT_VERSION, "replay", utf8_json(file));
}
