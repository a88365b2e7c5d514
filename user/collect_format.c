/* SPDX-License-Identifier: MIT */
#include "collect_format.h"

#include <errno.h>
#include <string.h>

const char *const collect_format_roles[MOQSTAT_ROLE_MAX] = {
	[MOQSTAT_PUBLISHER] = "publisher",
	[MOQSTAT_SUBSCRIBER] = "subscriber",
};

const char *const collect_format_tiers[MOQSTAT_TIER_MAX] = {
	[MOQSTAT_EXTERNAL] = "external",
	[MOQSTAT_INTERNAL] = "internal",
};

const char *const collect_format_fields[MOQSTAT_FIELD_MAX] = {
	[MOQSTAT_ANNOUNCED] = "announced",
	[MOQSTAT_ANNOUNCED_CLOSED] = "announced_closed",
	[MOQSTAT_BROADCASTS] = "broadcasts",
	[MOQSTAT_BROADCASTS_CLOSED] = "broadcasts_closed",
	[MOQSTAT_SUBSCRIPTIONS] = "subscriptions",
	[MOQSTAT_SUBSCRIPTIONS_CLOSED] = "subscriptions_closed",
	[MOQSTAT_BYTES] = "bytes",
	[MOQSTAT_FRAMES] = "frames",
	[MOQSTAT_GROUPS] = "groups",
	[MOQSTAT_ANNOUNCED_BYTES] = "announced_bytes",
	[MOQSTAT_FETCHES] = "fetches",
	[MOQSTAT_DATAGRAMS] = "datagrams",
};

const char *const collect_format_session_fields[MOQSTAT_SESSION_FIELD_MAX] = {
	[MOQSTAT_SESSIONS] = "sessions",
	[MOQSTAT_SESSIONS_CLOSED] = "sessions_closed",
};

const char *const collect_format_lost[MOQSTAT_LOST_MAX] = {
	[MOQSTAT_LOST_NONE] = "none",
	[MOQSTAT_LOST_ENTRY_NULL] = "entry_null",
	[MOQSTAT_LOST_ENTRY_UNKNOWN] = "entry_unknown",
	[MOQSTAT_LOST_CLOSE_UNSEEN] = "close_unseen",
	[MOQSTAT_LOST_PATH_TOO_LONG] = "path_too_long",
	[MOQSTAT_LOST_PATH_FAULT] = "path_fault",
	[MOQSTAT_LOST_BROADCASTS_FULL] = "broadcasts_full",
	[MOQSTAT_LOST_ENTRIES_FULL] = "entries_full",
	[MOQSTAT_LOST_COUNTERS_FULL] = "counters_full",
	[MOQSTAT_LOST_PENDING_FULL] = "pending_full",
	[MOQSTAT_LOST_OPERAND_FAULT] = "operand_fault",
	[MOQSTAT_LOST_OPERAND_RANGE] = "operand_range",
	[MOQSTAT_LOST_PATH_INVALID] = "path_invalid",
	[MOQSTAT_LOST_GUARD_UNKNOWN] = "guard_unknown",
	[MOQSTAT_LOST_GUARDS_FULL] = "guards_full",
	[MOQSTAT_LOST_GUARD_REUSED] = "guard_reused",
	[MOQSTAT_LOST_SESSION_REUSED] = "session_reused",
	[MOQSTAT_LOST_READINGS_FULL] = "readings_full",
	[MOQSTAT_LOST_COUNTERS_UNREAD] = "counters_unread",
	[MOQSTAT_LOST_TIERS_FULL] = "tiers_full",
};

int collect_format_find(const char *const *names, size_t len, const char *name)
{
	size_t i;

	for (i = 0; i < len; i++) {
		/* A value that was appended to its enum but not here has no name yet. */
		if (names[i] && strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -ENOENT;
}
