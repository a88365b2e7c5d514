/* SPDX-License-Identifier: MIT */
#include "worth.h"

#include <string.h>

#define WORTH_EARLY \
	"nothing has begun since the probes were attached, so what was there before isn't known yet"
#define WORTH_TAKEN \
	"some began before the probes were attached; what the relay had counted on them was taken over from its memory"
#define WORTH_WHOLE "all that the relay had was seen from its beginning"
#define WORTH_GUARDED_BLIND \
	"counted by guards; what was open before the probes were attached isn't known"
#define WORTH_GUARDED_IDLE \
	"nothing was open when the probes were attached, so all of it was seen from its beginning"
#define WORTH_GUARDED_OPEN \
	"counted by guards; what was open when the probes were attached counts as begun then, and what had ended before doesn't count"
#define WORTH_GUARDED_UNNAMED \
	"counted by guards; some of what was open when the probes were attached can't be named"
#define WORTH_GUARDED_FLOWS \
	"counted by guards; bytes, frames, groups and announced bytes begin when the probes were attached"
#define WORTH_READ "read from the relay's own counters"
#define WORTH_UNREAD \
	"its probes are left out (--hot read), and the relay's statistics are off, so there is nothing to read"
#define WORTH_OFF \
	"the relay's statistics are off, and of such a release its counters can't be told then"
#define WORTH_LABELS \
	"the relay's statistics are off, and with more than one tier it can't be told then to which it was sent"
#define WORTH_SPLIT \
	"counted by guards; some openings have no probe, so that a row may end too early and begin again from zero"
#define WORTH_SHARED \
	"the probes that count it for the other role, too, did not fire each time that they had to"

const char *worth_state_name(enum worth_state state)
{
	static const char *const names[] = { "unavailable", "since-attach", "exact" };

	return names[state];
}

const struct frame_schema *worth_schema(const struct sites *sites, unsigned int role)
{
	return role == MOQSTAT_ROLE_MAX ? &frame_schema_session : sites->layout->frame;
}

static struct worth worth_since(const char *reason)
{
	return (struct worth){ WORTH_SINCE_ATTACH, reason };
}

/* What a field is worth where nothing is amiss. What flows is not what is open or was closed. */
static struct worth worth_begin(const struct collect_live_info *info, bool payload, bool flows)
{
	if (payload && info->cold && info->statistics == COLLECT_LIVE_OFF)
		return (struct worth){ WORTH_UNAVAILABLE, WORTH_UNREAD };
	if (payload && info->reading && info->inventoried && info->existing && !info->missing)
		return (struct worth){ WORTH_EXACT, WORTH_READ };
	if (!info->guarded && info->inventoried && !info->existing)
		return (struct worth){ WORTH_EXACT, WORTH_WHOLE };
	if (!info->guarded)
		return worth_since(info->inventoried ? WORTH_TAKEN : WORTH_EARLY);
	if (!info->seeded)
		return worth_since(WORTH_GUARDED_BLIND);
	if (!info->open && !info->untold)
		return (struct worth){ WORTH_EXACT, WORTH_GUARDED_IDLE };
	if (flows)
		return worth_since(WORTH_GUARDED_FLOWS);
	return worth_since(info->untold ? WORTH_GUARDED_UNNAMED : WORTH_GUARDED_OPEN);
}

/* Does one probe count the field for both roles? */
static bool worth_shared(const struct sites *sites, unsigned int field)
{
	size_t i;

	for (i = 0; i < sites->len; i++) {
		if (sites->list[i].what.event == MOQSTAT_EVENT_BUMP &&
		    sites->list[i].what.role == MOQSTAT_ROLE_MAX &&
		    sites->list[i].what.field == field)
			return true;
	}
	return false;
}

static bool worth_complete(const struct sites *sites, const struct collect_live_info *info,
			   unsigned int role, unsigned int field, const char **reason)
{
	if (role == MOQSTAT_ROLE_MAX)
		return info->guarded ? sites_sessions_guarded(sites, reason)
				     : sites_sessions_complete(sites, reason);
	return info->guarded ? sites_guarded(sites, role, field, reason)
			     : sites_complete(sites, role, field, reason);
}

static struct worth worth_of(const struct sites *sites, const struct collect_live_info *info,
			     const struct crosscheck *check, unsigned int role, unsigned int field)
{
	bool sessions = role == MOQSTAT_ROLE_MAX;
	const char *reason = NULL, *gap;
	struct worth worth;

	if (layout_has_labels(sites->layout) && info->statistics == COLLECT_LIVE_OFF) {
		if (!sites_told_off(sites))
			return (struct worth){ WORTH_UNAVAILABLE, WORTH_OFF };
		if (info->tiers && info->tiers->len > 1 && role == MOQSTAT_PUBLISHER &&
		    (field == MOQSTAT_BYTES || field == MOQSTAT_FRAMES) && !sites_told_apart(sites))
			return (struct worth){ WORTH_UNAVAILABLE, WORTH_LABELS };
	}
	if (!worth_complete(sites, info, role, field, &reason))
		return (struct worth){ WORTH_UNAVAILABLE, reason };
	worth = worth_begin(info, !sessions && MOQSTAT_FIELD_PAYLOAD(field),
			    !sessions && field >= MOQSTAT_BYTES);
	if (info->guarded && worth.state == WORTH_EXACT && sites_openings_missed(sites))
		worth = worth_since(WORTH_SPLIT);
	if (!check)
		return worth;
	if (!sessions && check->lapsing[field])
		return (struct worth){ WORTH_UNAVAILABLE, check->lapse[field] };
	reason = sessions ? check->sessions_missed[field] : check->missed[role][field];
	if (!reason && !sessions && check->missed[!role][field] && worth_shared(sites, field))
		reason = WORTH_SHARED;
	if (reason)
		return (struct worth){ WORTH_UNAVAILABLE, reason };
	/* What lacks since then is more than what lacked at the beginning. */
	if (!sessions && check->lapse[field])
		return worth_since(check->lapse[field]);
	gap = sessions ? check->sessions_gap[field] : check->gap[role][field];
	return gap && worth.state == WORTH_EXACT ? worth_since(gap) : worth;
}

bool worth_update(const struct sites *sites, const struct collect_live_info *info,
		  const struct crosscheck *check, struct worths *worths)
{
	bool changed;
	unsigned int role;
	size_t i;

	worths->tiers = info->tiers			   ? info->tiers
			: layout_has_labels(sites->layout) ? &tiers_default
							   : &tiers_two;
	changed = worths->tiers_len != worths->tiers->len;
	worths->tiers_len = worths->tiers->len;
	for (role = 0; role < TRACKS_OF_TIER; role++) {
		const struct frame_schema *schema = worth_schema(sites, role);

		for (i = 0; i < schema->fields_len; i++) {
			unsigned int field = schema->fields[i].field;
			struct worth *was = &worths->of[role][field];
			struct worth now = worth_of(sites, info, check, role, field);

			changed |= now.state != was->state || !was->reason ||
				   strcmp(now.reason, was->reason);
			*was = now;
		}
	}
	return changed;
}
