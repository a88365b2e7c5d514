/* SPDX-License-Identifier: MIT */
#include "sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITES_REFUSED "the kernel takes no probe at "

void sites_deinit(struct sites *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->functions_len; i++)
		free(s->functions[i].name);
	free(s->functions);
	free(s->list);
	free(s->unprobed);
	memset(s, 0, sizeof(*s));
}

static bool site_counts(const struct site *site, enum moqstat_role role, enum moqstat_field field)
{
	return site->what.event == MOQSTAT_EVENT_BUMP && site->what.field == field &&
	       (site->what.role == role || site->what.role == MOQSTAT_ROLE_MAX);
}

size_t sites_bumps(const struct sites *s, enum moqstat_role role, enum moqstat_field field)
{
	size_t i, k, n = 0;

	for (i = 0; i < s->len; i++) {
		if (!site_counts(&s->list[i], role, field))
			continue;
		/* A bump that several branches lead to is one. */
		for (k = 0; k < i && s->list[k].bump != s->list[i].bump; k++)
			;
		n += k == i;
	}
	return n;
}

void sites_counter_name(const struct moqstat_site *what, char *out, size_t size)
{
	static const char *const functions[] = {
		[MOQSTAT_EVENT_ENTRY] = "entry",
		[MOQSTAT_EVENT_ENTRY_NEW] = "entry-new",
		[MOQSTAT_EVENT_SESSION] = "session",
		[MOQSTAT_EVENT_SESSION_NEW] = "session-new",
		[MOQSTAT_EVENT_PLACE] = "guard-place",
		/* Where statistics are off, that is where one is counted. */
		[MOQSTAT_EVENT_SESSION_PLACE] = "sessions.sessions",
		[MOQSTAT_EVENT_PEEK] = "path-peek",
		[MOQSTAT_EVENT_TABLE] = "table-drop",
		[MOQSTAT_EVENT_INSERT] = "table-insert",
		[MOQSTAT_EVENT_REMOVE] = "table-remove",
		[MOQSTAT_EVENT_SCOPE] = "scope",
		[MOQSTAT_EVENT_CALL] = "call",
	};

	if (what->event == MOQSTAT_EVENT_SESSION_BUMP)
		snprintf(out, size, "sessions.%s",
			 what->field == MOQSTAT_SESSIONS ? "sessions" : "sessions_closed");
	else if (what->event == MOQSTAT_EVENT_BUMP)
		snprintf(out, size, "%s.%s",
			 what->role == MOQSTAT_ROLE_MAX ? "side" : layout_role_name(what->role),
			 layout_field_name(what->field));
	else
		snprintf(out, size, "%s", functions[what->event]);
}

size_t sites_functions(const struct sites *s, enum layout_function which)
{
	size_t i, n = 0;

	for (i = 0; i < s->functions_len; i++)
		n += s->functions[i].role == (int)which;
	return n;
}

static size_t sites_events(const struct sites *s, enum moqstat_event event)
{
	size_t i, n = 0;

	for (i = 0; i < s->len; i++)
		n += s->list[i].what.event == event;
	return n;
}

/* Is the probe refused at a site of an event? */
static bool sites_refused(const struct sites *s, enum moqstat_event event)
{
	size_t i;

	for (i = 0; i < s->len; i++) {
		if (s->list[i].what.event == event && s->list[i].refused)
			return true;
	}
	return false;
}

static bool sites_bump_refused(const struct sites *s, enum moqstat_role role,
			       enum moqstat_field field)
{
	size_t i;

	for (i = 0; i < s->len; i++) {
		if (site_counts(&s->list[i], role, field) && s->list[i].refused)
			return true;
	}
	return false;
}

/* Is it seen where entries are made? Each function that names them makes them; or, where tiers are
 * labels, each sees what one of them all has made. */
static bool sites_entries_made(const struct sites *s)
{
	size_t named = sites_functions(s, LAYOUT_ENTRY);

	if (!s->layout->scope)
		return sites_events(s, MOQSTAT_EVENT_ENTRY_NEW) >= named;
	return sites_events(s, MOQSTAT_EVENT_ENTRY_NEW) &&
	       sites_events(s, MOQSTAT_EVENT_SCOPE) >= named;
}

bool sites_complete(const struct sites *s, enum moqstat_role role, enum moqstat_field field,
		    const char **reason)
{
	size_t i;

	if (sites_bump_refused(s, role, field)) {
		*reason = SITES_REFUSED "one of its sites";
		return false;
	}
	if (sites_refused(s, MOQSTAT_EVENT_ENTRY) || sites_refused(s, MOQSTAT_EVENT_ENTRY_NEW) ||
	    sites_refused(s, MOQSTAT_EVENT_SCOPE)) {
		*reason = SITES_REFUSED "a place where entries are named or made";
		return false;
	}
	if (!sites_functions(s, LAYOUT_ENTRY)) {
		*reason = "the function that names entries was not found";
		return false;
	}
	if (!sites_entries_made(s)) {
		*reason = "the place where entries are made was not found";
		return false;
	}
	if (!sites_bumps(s, role, field)) {
		*reason = "no bump of it was found";
		return false;
	}
	for (i = 0; i < s->unprobed_len; i++) {
		if (!s->unprobed[i].session && s->unprobed[i].field == field &&
		    (s->unprobed[i].role == role || s->unprobed[i].role == MOQSTAT_ROLE_MAX)) {
			*reason = "one of its bumps has no place for a probe";
			return false;
		}
	}
	return true;
}

bool sites_sessions_complete(const struct sites *s, const char **reason)
{
	size_t i, opens = 0, closes = 0, unprobed = 0;
	size_t makers = sites_functions(s, LAYOUT_SESSION);

	/* What doesn't make a root's counters there calls what does. */
	if (s->layout->scope && s->layout->scope->resolves)
		makers = sites_events(s, MOQSTAT_EVENT_SESSION_NEW) ? 1 : SIZE_MAX;
	for (i = 0; i < s->unprobed_len; i++)
		unprobed += s->unprobed[i].session;
	for (i = 0; i < s->len; i++) {
		if (s->list[i].what.event != MOQSTAT_EVENT_SESSION_BUMP)
			continue;
		opens += s->list[i].what.opens;
		closes += !s->list[i].what.opens;
	}
	if (sites_refused(s, MOQSTAT_EVENT_SESSION_BUMP))
		*reason = SITES_REFUSED "one of its sites";
	else if (sites_refused(s, MOQSTAT_EVENT_SESSION) ||
		 sites_refused(s, MOQSTAT_EVENT_SESSION_NEW))
		*reason = SITES_REFUSED "a place where sessions are named or made";
	else if (!sites_functions(s, LAYOUT_SESSION))
		*reason = "the function that opens sessions was not found";
	else if (unprobed)
		*reason = "one of its bumps has no place for a probe";
	else if (s->layout->scope && sites_events(s, MOQSTAT_EVENT_SESSION) < makers)
		*reason = "the place where a session's root is named was not found";
	else if (opens < (s->layout->scope ? 1 : sites_functions(s, LAYOUT_SESSION)))
		*reason = "the place where a session is counted was not found";
	else if (sites_events(s, MOQSTAT_EVENT_SESSION_NEW) < makers)
		*reason = "the place where a root's counters are made was not found";
	else if (!closes)
		*reason = "no close of a session was found";
	else
		return true;
	return false;
}

static size_t sites_with(const struct sites *s, enum moqstat_event event, uint16_t handles)
{
	size_t i, n = 0;

	for (i = 0; i < s->len; i++)
		n += s->list[i].what.event == event && s->list[i].what.handles == handles;
	return n;
}

/* Sites where guards of a kind are opened; those of IETF moq-transport apart, by the function's
 * name. */
static size_t sites_openings(const struct sites *s, enum moqstat_role role,
			     enum moqstat_field field, bool ietf_only)
{
	size_t i, n = 0;

	for (i = 0; i < s->len; i++) {
		const struct site *site = &s->list[i];

		n += site_counts(site, role, field) &&
		     (!ietf_only || strstr(s->functions[site->function].name, "moq_net::ietf::"));
	}
	return n;
}

const char *sites_identity_text(const struct site *site)
{
	uint16_t handles = site->what.handles;

	if (site->what.event == MOQSTAT_EVENT_SESSION_BUMP)
		return handles ? "place of the guard" : "at the call";
	if (site->what.event != MOQSTAT_EVENT_BUMP)
		return "-";
	if (handles & MOQSTAT_HANDLE_ODD)
		return "none; unwinding or replacement only";
	if (handles == MOQSTAT_HANDLE_VIEWER)
		return "with the session's subscriptions";
	if (handles & MOQSTAT_HANDLE_VIEWER)
		return handles & MOQSTAT_HANDLE_GUARD ? "place of the guard, or its session"
						      : "scope";
	if (handles & MOQSTAT_HANDLE_CALL)
		return "scope that the function is called with";
	if (handles & (MOQSTAT_HANDLE_CURSOR | MOQSTAT_HANDLE_OPTION))
		return handles & MOQSTAT_HANDLE_PATH ? "scope"
						     : "what its group was handed out with";
	if (handles & MOQSTAT_HANDLE_ACCOUNT)
		return handles & MOQSTAT_HANDLE_PATH ? "scope" : "account of the track";
	if ((handles & MOQSTAT_HANDLE_OWNER) && (handles & MOQSTAT_HANDLE_PATH))
		return "scope";
	if ((handles & MOQSTAT_HANDLE_OWNER) && (handles & MOQSTAT_HANDLE_KEY))
		return "key of the table";
	if (handles & MOQSTAT_HANDLE_PENDING)
		return "path just named";
	if (handles & MOQSTAT_HANDLE_OWNER)
		return "owner in front of the guard";
	if ((handles & MOQSTAT_HANDLE_GUARD) && (handles & MOQSTAT_HANDLE_PATH))
		return "place of the guard, or live path";
	if (handles & MOQSTAT_HANDLE_PATH)
		return "live path";
	if ((handles & MOQSTAT_HANDLE_GUARD) && (handles & MOQSTAT_HANDLE_PEEK))
		return "place of the guard, or path let go before";
	if (handles & MOQSTAT_HANDLE_PEEK)
		return "path let go before";
	return handles & MOQSTAT_HANDLE_GUARD ? "place of the guard" : "none";
}

/* Does every track guard that is opened get a place, and so on? */
static bool sites_places(const struct sites *s, enum moqstat_role role, enum moqstat_field field,
			 const char **reason)
{
	size_t tracks = sites_with(s, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING) +
			sites_with(s, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PATH);
	size_t owners =
		sites_with(s, MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING | MOQSTAT_HANDLE_OWNER);

	*reason = "where some of its guards are put was not found";
	if (MOQSTAT_FIELD_PAYLOAD(field) || field == MOQSTAT_SUBSCRIPTIONS_CLOSED)
		return tracks >=
		       sites_openings(s, MOQSTAT_PUBLISHER, MOQSTAT_SUBSCRIPTIONS, false) +
			       sites_openings(s, MOQSTAT_SUBSCRIBER, MOQSTAT_SUBSCRIPTIONS, false);
	if (field != MOQSTAT_ANNOUNCED_CLOSED)
		return true;
	if (role == MOQSTAT_SUBSCRIBER)
		return owners >= sites_openings(s, role, MOQSTAT_ANNOUNCED, true);
	return sites_events(s, MOQSTAT_EVENT_INSERT) >=
		       sites_openings(s, role, MOQSTAT_ANNOUNCED, true) &&
	       sites_events(s, MOQSTAT_EVENT_REMOVE) && sites_events(s, MOQSTAT_EVENT_TABLE);
}

/* Does it take what was learnt at other places to tell whose guard a site is about? */
static bool site_learns(const struct site *site)
{
	return site->what.handles & (MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_OWNER |
				     MOQSTAT_HANDLE_PEEK | MOQSTAT_HANDLE_KEY);
}

/* Where there are guards that only a panic lets go, or that are replaced, the others' paths must
 * have been found: those that are let go before the guard, with it or its table, and for
 * announcements those that it is looked up by, too. */
static bool sites_paths(const struct sites *s, enum moqstat_role role, enum moqstat_field field)
{
	bool odd = false, peeks = false, live = false;
	size_t i;

	for (i = 0; i < s->len; i++) {
		uint16_t handles = s->list[i].what.handles;

		if (!site_counts(&s->list[i], role, field))
			continue;
		odd |= handles & MOQSTAT_HANDLE_ODD;
		live |= handles & MOQSTAT_HANDLE_PATH;
		peeks |= (handles & MOQSTAT_HANDLE_PEEK) && !(handles & MOQSTAT_HANDLE_KEY);
	}
	return !odd || !MOQSTAT_FIELD_CLOSES(field) ||
	       (field == MOQSTAT_ANNOUNCED_CLOSED ? live && peeks : live || peeks);
}

/* Is a probe refused where it is learnt whose guard is where? What is known may then be stale. */
static bool sites_learning_refused(const struct sites *s)
{
	return sites_refused(s, MOQSTAT_EVENT_PLACE) || sites_refused(s, MOQSTAT_EVENT_PEEK) ||
	       sites_refused(s, MOQSTAT_EVENT_TABLE) || sites_refused(s, MOQSTAT_EVENT_INSERT) ||
	       sites_refused(s, MOQSTAT_EVENT_REMOVE);
}

/* Where tiers are labels: what it takes besides, for a site that is told in some way. */
static bool sites_learnt(const struct sites *s, const struct site *site, const char **reason)
{
	static const struct {
		uint16_t handle;
		uint16_t handles; /* of the place that it takes */
		enum moqstat_event event;
	} needs[] = {
		{ MOQSTAT_HANDLE_PENDING, MOQSTAT_HANDLE_KEY, MOQSTAT_EVENT_PEEK },
		{ MOQSTAT_HANDLE_PENDING, 0, MOQSTAT_EVENT_TABLE },
		{ MOQSTAT_HANDLE_GUARD, MOQSTAT_HANDLE_PATH, MOQSTAT_EVENT_PLACE },
		{ MOQSTAT_HANDLE_CALL, 0, MOQSTAT_EVENT_CALL },
		{ MOQSTAT_HANDLE_KEY, 0, MOQSTAT_EVENT_TABLE },
		{ MOQSTAT_HANDLE_KEY,
		  MOQSTAT_HANDLE_PATH | MOQSTAT_HANDLE_OWNER | MOQSTAT_HANDLE_KEY,
		  MOQSTAT_EVENT_BUMP },
		{ MOQSTAT_HANDLE_OWNER, MOQSTAT_HANDLE_PATH | MOQSTAT_HANDLE_OWNER,
		  MOQSTAT_EVENT_BUMP },
	};
	size_t i, groups = 0, refused = 0, untold = 0;

	for (i = 0; i < s->len; i++) {
		untold += s->list[i].what.event == MOQSTAT_EVENT_BUMP &&
			  s->list[i].what.field == MOQSTAT_GROUPS && !s->list[i].what.handles;
		if (!(s->list[i].what.handles & MOQSTAT_HANDLE_ACCOUNT) ||
		    !(s->list[i].what.handles & MOQSTAT_HANDLE_PATH))
			continue;
		groups++;
		refused += s->list[i].refused != NULL;
	}
	*reason = SITES_REFUSED "a place where it is learnt whose guard is where";
	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if ((site->what.handles & needs[i].handle) && sites_refused(s, needs[i].event))
			return false;
	}
	if ((site->what.handles & MOQSTAT_HANDLE_ACCOUNT) && refused)
		return false;
	*reason = "where it is learnt whose guard is where was not found";
	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if ((site->what.handles & needs[i].handle) &&
		    !sites_with(s, needs[i].event, needs[i].handles))
			return false;
	}
	return (groups && !untold) || !(site->what.handles & MOQSTAT_HANDLE_ACCOUNT);
}

/* Where tiers are labels: is it told at each of its sites? */
static bool sites_scoped(const struct sites *s, enum moqstat_role role, enum moqstat_field field,
			 const char **reason)
{
	size_t i;

	for (i = 0; i < s->len; i++) {
		const struct site *site = &s->list[i];

		if (!site_counts(site, role, field))
			continue;
		if (!site->what.handles) {
			*reason = "whose guard it is can't be told at one of its sites";
			return false;
		}
		if (!sites_learnt(s, site, reason))
			return false;
		/* It is counted with this one. */
		if (site->what.handles == MOQSTAT_HANDLE_VIEWER)
			return sites_scoped(s, role,
					    MOQSTAT_FIELD_CLOSES(field)
						    ? MOQSTAT_SUBSCRIPTIONS_CLOSED
						    : MOQSTAT_SUBSCRIPTIONS,
					    reason);
	}
	return true;
}

bool sites_guarded(const struct sites *s, enum moqstat_role role, enum moqstat_field field,
		   const char **reason)
{
	bool learning_refused = sites_learning_refused(s);
	size_t i;

	if (!sites_complete(s, role, field, reason))
		return false;
	if (layout_has_labels(s->layout))
		return sites_scoped(s, role, field, reason);
	for (i = 0; i < s->len; i++) {
		const struct site *site = &s->list[i];

		if (site_counts(site, role, field) && !site->what.handles) {
			*reason = "whose guard it is can't be told at one of its sites";
			return false;
		}
		if (site_counts(site, role, field) && site_learns(site) && learning_refused) {
			*reason = SITES_REFUSED "a place where it is learnt whose guard is where";
			return false;
		}
	}
	*reason = "where its guards' paths are let go was not found";
	return sites_paths(s, role, field) && sites_places(s, role, field, reason);
}

/* Where tiers are labels: does each function that opens sessions name their roots also where
 * statistics are off? */
static bool sites_roots_named(const struct sites *s)
{
	size_t i, n = 0;

	/* There they are named before that is asked. */
	if (s->layout->scope->resolves)
		return true;
	for (i = 0; i < s->len; i++)
		n += s->list[i].what.event == MOQSTAT_EVENT_SESSION &&
		     s->list[i].what.when == MOQSTAT_WHEN_ZERO;
	return n >= sites_functions(s, LAYOUT_SESSION);
}

bool sites_sessions_guarded(const struct sites *s, const char **reason)
{
	bool labels = layout_has_labels(s->layout);
	enum moqstat_event place = labels ? MOQSTAT_EVENT_PLACE : MOQSTAT_EVENT_SESSION_PLACE;
	size_t i;

	if (!sites_sessions_complete(s, reason))
		return false;
	*reason = SITES_REFUSED "a place where a session's guard is put";
	if (sites_refused(s, place))
		return false;
	*reason = "where a session's guard is put was not found";
	if (labels ? !sites_with(s, place, MOQSTAT_HANDLE_PENDING) : !sites_events(s, place))
		return false;
	*reason = "the place where a session's root is named was not found";
	if (labels && !sites_roots_named(s))
		return false;
	*reason = "whose guard it is can't be told at one of its sites";
	for (i = 0; i < s->len; i++) {
		if (s->list[i].what.event == MOQSTAT_EVENT_SESSION_BUMP &&
		    (!s->list[i].what.opens || labels) && !s->list[i].what.handles)
			return false;
	}
	return true;
}

bool sites_told_off(const struct sites *s)
{
	size_t i;

	for (i = 0; i < s->len; i++) {
		if (s->list[i].what.event == MOQSTAT_EVENT_BUMP && s->list[i].what.handles)
			return true;
	}
	return false;
}

bool sites_told_apart(const struct sites *s)
{
	return s->layout->scope && s->layout->scope->off && s->layout->scope->off->handed_of_cursor;
}

bool sites_openings_missed(const struct sites *s)
{
	size_t i;

	for (i = 0; i < s->len; i++) {
		if (s->list[i].what.opens && s->list[i].refused)
			return true;
	}
	for (i = 0; i < s->unprobed_len; i++) {
		if (!MOQSTAT_FIELD_CLOSES(s->unprobed[i].field) &&
		    s->unprobed[i].field < MOQSTAT_BYTES)
			return true;
	}
	return false;
}
