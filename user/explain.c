/* SPDX-License-Identifier: MIT */
#include "explain.h"

#include <string.h>

#define EXPLAIN_REASONS 64
#define EXPLAIN_WAYS	16

/* Reasons, each told once, by number. */
struct explain {
	const char *reasons[EXPLAIN_REASONS];
	unsigned int len;
};

static unsigned int explain_number(struct explain *e, const char *reason)
{
	unsigned int i;

	for (i = 0; i < e->len; i++) {
		if (!strcmp(e->reasons[i], reason))
			return i + 1;
	}
	if (e->len < EXPLAIN_REASONS)
		e->reasons[e->len++] = reason;
	return e->len;
}

static bool explain_counts(const struct site *site, unsigned int role, unsigned int field)
{
	if (site->what.field != field)
		return false;
	if (role == MOQSTAT_ROLE_MAX)
		return site->what.event == MOQSTAT_EVENT_SESSION_BUMP;
	return site->what.event == MOQSTAT_EVENT_BUMP &&
	       (site->what.role == role || site->what.role == MOQSTAT_ROLE_MAX);
}

/* How a field's counters are told apart: each way once. */
static void explain_identity(const struct sites *sites, const struct collect_live_info *info,
			     unsigned int role, unsigned int field, FILE *out)
{
	const char *ways[EXPLAIN_WAYS];
	size_t i, k, len = 0;

	if (!info->guarded) {
		fputs(info->statistics == COLLECT_LIVE_ON ? "entry pointer" : "not known yet", out);
		return;
	}
	for (i = 0; i < sites->len; i++) {
		const struct site *site = &sites->list[i];
		const char *way = sites_identity_text(site);

		if (!explain_counts(site, role, field) || (site->what.handles & MOQSTAT_HANDLE_ODD))
			continue;
		for (k = 0; k < len && strcmp(ways[k], way); k++)
			;
		if (k < len || len == EXPLAIN_WAYS)
			continue;
		ways[len++] = way;
		fprintf(out, "%s%s", len > 1 ? "; " : "", way);
	}
	if (!len)
		fputs("none", out);
}

/* The tracks of a role, or of sessions. */
static void explain_tracks(const struct worths *worths, unsigned int role, FILE *out)
{
	const struct tiers *tiers = tiers_or_two(worths->tiers);
	char name[TRACK_NAME_MAX];
	const char *before = "\n";
	unsigned int i;

	for (i = 0; i < tracks_count(tiers); i++) {
		const struct track_what what = tracks_what(i);

		if (what.role != role || !tiers_has(tiers, what.tier))
			continue;
		fprintf(out, "%s%s", before, tracks_name(tiers, i, name));
		before = ", ";
	}
	fputc('\n', out);
}

static void explain_role(struct explain *e, const struct sites *sites,
			 const struct collect_live_info *info, const struct worths *worths,
			 unsigned int role, FILE *out)
{
	const struct frame_schema *schema = worth_schema(sites, role);
	size_t i;

	explain_tracks(worths, role, out);
	for (i = 0; i < schema->fields_len; i++) {
		const struct worth *worth = &worths->of[role][schema->fields[i].field];

		fprintf(out, "  %-21s %-13s [%u]  by: ", schema->fields[i].name,
			worth_state_name(worth->state), explain_number(e, worth->reason));
		explain_identity(sites, info, role, schema->fields[i].field, out);
		fputc('\n', out);
	}
}

void explain_write(const char *title, const struct sites *sites,
		   const struct collect_live_info *info, const struct worths *worths, FILE *out)
{
	static const char *const statistics[] = { "not known yet to be on or off", "on", "off" };
	struct explain e = { .len = 0 };
	unsigned int i;

	fprintf(out, "what each field of %s is worth (its own statistics are %s)\n", title,
		statistics[info->statistics]);
	for (i = 0; i < TRACKS_OF_TIER; i++)
		explain_role(&e, sites, info, worths, i, out);
	fputc('\n', out);
	for (i = 0; i < e.len; i++)
		fprintf(out, "[%u] %s\n", i + 1, e.reasons[i]);
	fputs("\n"
	      "exact         what the relay itself counts, or would if its statistics were on\n"
	      "since-attach  what was seen since the probes were attached; the reason says what lacks\n"
	      "unavailable   not to be relied on, although the frames show what was counted\n\n",
	      out);
	fflush(out);
}
