/* SPDX-License-Identifier: MIT */
#include "layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collect_format.h"

static const enum moqstat_field layout_0_1_8_memory[] = {
	MOQSTAT_ANNOUNCED,     MOQSTAT_ANNOUNCED_CLOSED,
	MOQSTAT_SUBSCRIPTIONS, MOQSTAT_SUBSCRIPTIONS_CLOSED,
	MOQSTAT_BROADCASTS,    MOQSTAT_BROADCASTS_CLOSED,
	MOQSTAT_BYTES,	       MOQSTAT_FRAMES,
	MOQSTAT_GROUPS,
};

static const char *const layout_0_1_8_functions[LAYOUT_FUNCTION_MAX] = {
	[LAYOUT_ENTRY] = "moq_net::stats::Stats::entry",
	[LAYOUT_SUBSCRIBE] = "moq_net::stats::SessionBroadcasts::subscribe",
	[LAYOUT_UNSUBSCRIBE] = "<moq_net::stats::BroadcastSubscription as "
			       "core::ops::drop::Drop>::drop",
	[LAYOUT_SESSION] = "moq_net::stats::StatsHandle::session",
};

static const struct layout layouts[] = {
	{
		.name = "moq-net 0.1.8",
		.relays = "moq-relay 0.12.5",
		.header = 16,
		.stride = 72,
		.tier_of_handle = 0x20,
		.shared_of_stats = 0x18,
		.entries_of_shared = 0x48,
		.sessions_of_shared = 0x50,
		.table_of_lock = 0x18,
		.bucket = 0x20,
		.session_open = 0x10,
		.session_close = 0x18,
		.session_size = 0x20,
		.guard_size = 0x10,
		.entry_of_subscription = 0x20,
		.memory = layout_0_1_8_memory,
		.frame = &frame_schema_broadcast_0_12,
		.functions = layout_0_1_8_functions,
	},
	{
		.name = "moq-net 0.1.13",
		.relays = "moq-relay 0.13.0",
		.header = 16,
		.stride = 72,
		.tier_of_handle = 0x20,
		.shared_of_stats = 0x18,
		.entries_of_shared = 0x58,
		.sessions_of_shared = 0x60,
		.table_of_lock = 0x18,
		.bucket = 0x20,
		.session_open = 0x10,
		.session_close = 0x18,
		.session_size = 0x20,
		.guard_size = 0x10,
		.entry_of_subscription = 0x20,
		.memory = layout_0_1_8_memory,
		.frame = &frame_schema_broadcast_0_12,
		.functions = layout_0_1_8_functions,
	},
};

const struct layout *layout_all(size_t *len)
{
	*len = sizeof(layouts) / sizeof(layouts[0]);
	return layouts;
}

void layout_relays(char *out, size_t size)
{
	size_t i, len = 0;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]) && len < size; i++)
		len += snprintf(out + len, size - len, "%s%s", i ? ", " : "", layouts[i].relays);
}

const struct layout *layout_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (!strcmp(layouts[i].name, name))
			return &layouts[i];
	}
	return NULL;
}

int layout_counter(const struct layout *l, int64_t offset, enum moqstat_role *role,
		   enum moqstat_field *field)
{
	uint32_t of_role = MOQSTAT_TIER_MAX * l->stride;

	if (offset < l->header)
		return -ENOENT;
	offset -= l->header;
	if (offset >= MOQSTAT_ROLE_MAX * of_role || offset % 8 || offset % of_role >= l->stride)
		return -ENOENT;
	*role = offset / of_role;
	*field = l->memory[offset % of_role / 8];
	return 0;
}

uint32_t layout_entry_size(const struct layout *l)
{
	return l->header + MOQSTAT_ROLE_MAX * MOQSTAT_TIER_MAX * l->stride;
}

const char *layout_field_name(enum moqstat_field field)
{
	return field < MOQSTAT_FIELD_MAX ? collect_format_fields[field] : "?";
}

const char *layout_role_name(enum moqstat_role role)
{
	return role < MOQSTAT_ROLE_MAX ? collect_format_roles[role] : "?";
}
