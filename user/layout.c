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

static const enum moqstat_field layout_0_1_14_memory[] = {
	MOQSTAT_ANNOUNCED,
	MOQSTAT_ANNOUNCED_CLOSED,
	MOQSTAT_ANNOUNCED_BYTES,
	MOQSTAT_SUBSCRIPTIONS,
	MOQSTAT_SUBSCRIPTIONS_CLOSED,
	MOQSTAT_BROADCASTS,
	MOQSTAT_BROADCASTS_CLOSED,
	MOQSTAT_BYTES,
	MOQSTAT_FRAMES,
	MOQSTAT_GROUPS,
};

static const enum moqstat_field layout_0_2_memory[] = {
	MOQSTAT_ANNOUNCED,
	MOQSTAT_ANNOUNCED_CLOSED,
	MOQSTAT_ANNOUNCED_BYTES,
	MOQSTAT_SUBSCRIPTIONS,
	MOQSTAT_SUBSCRIPTIONS_CLOSED,
	MOQSTAT_FETCHES,
	MOQSTAT_BROADCASTS,
	MOQSTAT_BROADCASTS_CLOSED,
	MOQSTAT_BYTES,
	MOQSTAT_FRAMES,
	MOQSTAT_GROUPS,
	MOQSTAT_DATAGRAMS,
};

static const enum moqstat_field layout_0_3_memory[] = {
	/* Of what was given up on before it was delivered; how much isn't known at any branch. */
	MOQSTAT_FIELD_MAX,	 MOQSTAT_FIELD_MAX,	MOQSTAT_FIELD_MAX,
	MOQSTAT_FIELD_MAX,	 MOQSTAT_ANNOUNCED,	MOQSTAT_ANNOUNCED_CLOSED,
	MOQSTAT_ANNOUNCED_BYTES, MOQSTAT_SUBSCRIPTIONS, MOQSTAT_SUBSCRIPTIONS_CLOSED,
	MOQSTAT_FETCHES,	 MOQSTAT_BROADCASTS,	MOQSTAT_BROADCASTS_CLOSED,
	MOQSTAT_BYTES,		 MOQSTAT_FRAMES,	MOQSTAT_GROUPS,
	MOQSTAT_DATAGRAMS,
};

static const char *const layout_0_1_8_functions[LAYOUT_FUNCTION_MAX] = {
	[LAYOUT_ENTRY] = "moq_net::stats::Stats::entry",
	[LAYOUT_SUBSCRIBE] = "moq_net::stats::SessionBroadcasts::subscribe",
	[LAYOUT_UNSUBSCRIBE] = ("<moq_net::stats::BroadcastSubscription as "
				"core::ops::drop::Drop>::drop"),
	[LAYOUT_SESSION] = "moq_net::stats::StatsHandle::session",
};

static const char *const layout_0_2_13_functions[LAYOUT_FUNCTION_MAX] = {
	[LAYOUT_ENTRY] = "moq_net::stats::Session::scope",
	[LAYOUT_SUBSCRIBE] = "moq_net::stats::Scope::subscribe",
	[LAYOUT_UNSUBSCRIBE] = "<moq_net::stats::Subscription as core::ops::drop::Drop>::drop",
	[LAYOUT_SESSION] = "moq_net::stats::Handle::session",
};

static const char *const layout_0_2_13_scope_functions[LAYOUT_SCOPE_FUNCTION_MAX] = {
	[LAYOUT_SCOPE_TIER] = "moq_net::stats::BroadcastEntry::tier",
	[LAYOUT_SCOPE_REGISTRY] = "moq_net::stats::Registry::entry",
	[LAYOUT_SCOPE_REPORT] = "moq_net::stats::Registry::report",
	[LAYOUT_SCOPE_OPEN] = "moq_net::stats::Session::new",
	[LAYOUT_SCOPE_OWN] = "moq_net::path::Path::to_owned",
	[LAYOUT_SCOPE_EGRESS] = "moq_net::stats::Session::egress",
	[LAYOUT_SCOPE_INGRESS] = "moq_net::stats::Session::ingress",
	[LAYOUT_SCOPE_AS_PATH] = "<moq_net::path::Path as moq_net::path::AsPath>::as_path",
	[LAYOUT_SCOPE_REF_PATH] = "<&moq_net::path::Path as moq_net::path::AsPath>::as_path",
	[LAYOUT_SCOPE_PUBLISH] = "moq_net::model::track::Alive::publish",
	[LAYOUT_SCOPE_SYNC] = "moq_net::model::origin_impl::sync_announce",
	[LAYOUT_SCOPE_REF_STR] = "<&str as moq_net::path::AsPath>::as_path",
};

static const struct layout_shows layout_0_2_13_shows[] = {
	{ "moq_net::stats::Scope::announce", LAYOUT_WAY_SCOPE, LAYOUT_WAY_NONE, 0, 0, 0 },
	{ "moq_net::model::origin_impl::sync_announce", LAYOUT_WAY_SCOPE, LAYOUT_WAY_SOURCE, 0, 0,
	  0 },
	{ "moq_net::model::origin_impl::AnnounceConsumer::attribute", LAYOUT_WAY_SCOPE,
	  LAYOUT_WAY_KEY, 0x78, 1, 0 },
	{ "<hashbrown::raw::RawTable<T,A> as core::ops::drop::Drop>::drop", LAYOUT_WAY_NONE,
	  LAYOUT_WAY_KEY, 0x50, 0, 0 },
	{ "core::ptr::drop_in_place<moq_net::model::origin_impl::run_source::{{closure}}>",
	  LAYOUT_WAY_NONE, LAYOUT_WAY_SOURCE, 0, 0, 0 },
	{ "<tracing::instrument::Instrumented<T> as core::future::future::Future>::poll",
	  LAYOUT_WAY_NONE, LAYOUT_WAY_SOURCE, 0, 0, 0 },
	{ "tracing::instrument::_::<impl core::ops::drop::Drop for "
	  "tracing::instrument::Instrumented<T>>::drop",
	  LAYOUT_WAY_NONE, LAYOUT_WAY_SOURCE, 0, 0, 0 },
	{ "core::ptr::drop_in_place<moq_net::stats::Announce>", LAYOUT_WAY_NONE, LAYOUT_WAY_ODD, 0,
	  0, 0 },
	{ "core::ptr::drop_in_place<core::option::Option<moq_net::stats::Announce>>",
	  LAYOUT_WAY_NONE, LAYOUT_WAY_ODD, 0, 0, 0 },
	{ "core::ops::function::FnOnce::call_once", LAYOUT_WAY_NONE, LAYOUT_WAY_ODD, 0, 0, 0 },
	{ "moq_net::model::track::Consumer::fetch_group", LAYOUT_WAY_SCOPE, LAYOUT_WAY_NONE, 0, 0,
	  0 },
	{ "<moq_net::model::track::Fetching as kio::pollable::Pollable>::poll", LAYOUT_WAY_SCOPE,
	  LAYOUT_WAY_NONE, 0, 0, 0 },
	{ "moq_net::model::track::Producer::create_group", LAYOUT_WAY_GROUP, LAYOUT_WAY_NONE, 0, 0,
	  0 },
	{ "moq_net::model::track::Producer::append_group", LAYOUT_WAY_GROUP, LAYOUT_WAY_NONE, 0, 0,
	  0 },
	{ "moq_net::model::track::Producer::write_datagram", LAYOUT_WAY_CALLED, LAYOUT_WAY_NONE,
	  0x38, 0, 0 },
	{ "moq_net::model::track::Subscriber::poll_recv_datagram", LAYOUT_WAY_CALLED,
	  LAYOUT_WAY_NONE, 0xc0, 0, 0 },
	{ "moq_net::model::track::Subscriber::poll_recv_group", LAYOUT_WAY_CALLED, LAYOUT_WAY_NONE,
	  0xc0, 0, 0 },
	{ "moq_net::model::group::Producer::create_frame", LAYOUT_WAY_ACCOUNT, LAYOUT_WAY_NONE,
	  0x20, 0, 0 },
	{ "moq_net::model::group::Producer::write_frame", LAYOUT_WAY_ACCOUNT, LAYOUT_WAY_NONE, 0x20,
	  0, 0 },
	{ "moq_net::model::frame::Producer::write", LAYOUT_WAY_ACCOUNT, LAYOUT_WAY_NONE, -0x10,
	  0x40, 0 },
	{ "moq_net::model::group::Consumer::poll_next_frame", LAYOUT_WAY_ACCOUNT, LAYOUT_WAY_NONE,
	  0x10, 0x70, 0 },
	{ "moq_net::model::frame::Consumer::poll_read_chunk", LAYOUT_WAY_ACCOUNT, LAYOUT_WAY_NONE,
	  -0x30, 0x70, 0 },
	/* Of whole frames reads the relay's web server alone. */
	{ "moq_net::model::group::Consumer::poll_read_frame", LAYOUT_WAY_NOBODY, LAYOUT_WAY_NONE, 0,
	  0, 0 },
};

static const struct layout_off layout_0_2_13_off = {
	.version = "moq-net-0.2.13/",
	.counters_of_scope = 0x8,
	.path_of_scope = 0x10,
	.side_of_scope = 0x28,
	.counters_of_subscription = 0x28,
	.scope_of_subscription = 0xc0,
	.subscription_of_alive = 0x20,
	.state_of_track = 0x48,
	.account_of_state = 0xf8,
	.shows = layout_0_2_13_shows,
	.shows_len = sizeof(layout_0_2_13_shows) / sizeof(layout_0_2_13_shows[0]),
};

static const struct layout_scope layout_0_2_13_scope = {
	.handle_of_session = 0x10,
	.shared_of_session = 0x28,
	.label_of_session = 0x30,
	.presence_of_session = 0x48,
	.session_size = 0x88,
	.functions = layout_0_2_13_scope_functions,
	.off = &layout_0_2_13_off,
};

static const char *const layout_0_3_18_functions[LAYOUT_FUNCTION_MAX] = {
	[LAYOUT_ENTRY] = "moq_net::stats::SessionInner::resolve",
	[LAYOUT_SUBSCRIBE] = "moq_net::stats::Scope::subscribe",
	[LAYOUT_UNSUBSCRIBE] = "<moq_net::stats::Subscription as core::ops::drop::Drop>::drop",
	[LAYOUT_SESSION] = "moq_net::stats::Handle::session",
};

static const char *const layout_0_3_18_scope_functions[LAYOUT_SCOPE_FUNCTION_MAX] = {
	[LAYOUT_SCOPE_REPORT] = "moq_net::stats::Registry::report",
	[LAYOUT_SCOPE_OWN] = "moq_net::path::Path::to_owned",
	[LAYOUT_SCOPE_REF_PATH] = "<&moq_net::path::Path as moq_net::path::AsPath>::as_path",
	[LAYOUT_SCOPE_ROOTS] = "moq_net::stats::Registry::session_counters",
	[LAYOUT_SCOPE_MOVE] = "moq_net::stats::Session::set_tier",
	[LAYOUT_SCOPE_PUBLISH] = "moq_net::model::track::Alive::publish",
	[LAYOUT_SCOPE_COUNTERS] = "moq_net::stats::Scope::counters",
	[LAYOUT_SCOPE_PAIR] = "moq_net::stats::Scope::meter",
	[LAYOUT_SCOPE_METER] = "moq_net::model::group::Consumer::with_meter",
};

/* What drops an AnnounceProducer, or what has one: in front of its Announce it has the list of what
 * it has announced. */
#define LAYOUT_0_3_18_DROPS(of)                                 \
	{                                                       \
		.function = "core::ptr::drop_in_place<" of ">", \
		.ends = LAYOUT_WAY_BESIDE,                      \
		.at = -0x10,                                    \
	}

static const struct layout_shows layout_0_3_18_shows[] = {
	{ .function = "moq_net::model::origin_impl::Announcing::announce",
	  .way = LAYOUT_WAY_GIVEN,
	  .at = 0x8 },
	{ .function = "moq_net::model::origin_impl::Announcer::announce",
	  .way = LAYOUT_WAY_HELD,
	  .ends = LAYOUT_WAY_ODD,
	  .at = 0x8 },
	{ .function = "moq_net::model::origin_impl::AnnounceConsumer::hand_out",
	  .way = LAYOUT_WAY_TABLED,
	  .ends = LAYOUT_WAY_TABLE,
	  .at = 0x138,
	  .outer = 1,
	  .inner = 0x58 },
	{ .function = "<hashbrown::raw::RawTable<T,A> as core::ops::drop::Drop>::drop",
	  .ends = LAYOUT_WAY_TABLE,
	  .at = 0x80 },
	LAYOUT_0_3_18_DROPS("moq_net::model::origin_impl::AnnounceProducer"),
	LAYOUT_0_3_18_DROPS("moq_net::model::origin_impl::Dynamic"),
	LAYOUT_0_3_18_DROPS("core::result::Result<moq_net::model::origin_impl::Dynamic,"
			    "moq_net::error::Error>"),
	LAYOUT_0_3_18_DROPS("core::option::Option<moq_net::model::origin_impl::Announcer>"),
	LAYOUT_0_3_18_DROPS("core::option::Option<moq_net::lite::subscriber::AnnouncedRoute>"),
	LAYOUT_0_3_18_DROPS("alloc::sync::ArcInner<std::sync::poison::mutex::Mutex<core::option::"
			    "Option<moq_net::model::origin_impl::Announcer>>>"),
	{ .function = "core::ptr::drop_in_place<moq_net::stats::Announce>",
	  .ends = LAYOUT_WAY_ODD },
	{ .function = "core::ptr::drop_in_place<core::option::Option<moq_net::stats::Announce>>",
	  .ends = LAYOUT_WAY_ODD },
	{ .function = "core::ops::function::FnOnce::call_once", .ends = LAYOUT_WAY_ODD },
	{ .function = "moq_net::stats::Scope::fetch", .way = LAYOUT_WAY_SCOPE },
	{ .function = "moq_net::model::track::Consumer::fetch_group", .way = LAYOUT_WAY_SCOPE },
	{ .function = "moq_net::model::track::Producer::create_group", .way = LAYOUT_WAY_GROUP },
	{ .function = "moq_net::model::track::Producer::append_group", .way = LAYOUT_WAY_GROUP },
	{ .function = "moq_net::model::track::Producer::insert_datagram",
	  .way = LAYOUT_WAY_CALLED,
	  .at = 0x68 },
	{ .function = "moq_net::model::track::Producer::append_datagram",
	  .way = LAYOUT_WAY_CALLED,
	  .at = 0x68 },
	{ .function = "moq_net::model::track::Subscriber::poll_recv_datagram",
	  .way = LAYOUT_WAY_CALLED,
	  .at = 0x118 },
	/* Counted where it is called. */
	{ .function = "moq_net::model::group::Consumer::with_meter", .way = LAYOUT_WAY_NOBODY },
	{ .function = "moq_net::model::group::Producer::open_frame",
	  .way = LAYOUT_WAY_ACCOUNT,
	  .at = 0x20 },
	{ .function = "moq_net::model::group::Producer::write_frame",
	  .way = LAYOUT_WAY_ACCOUNT,
	  .at = 0x20 },
	/* Of a group that it owns. */
	{ .function = "moq_net::model::frame::Raw<G>::write",
	  .way = LAYOUT_WAY_ACCOUNT,
	  .at = -0x18,
	  .inner = 0x58 },
	{ .function = "moq_net::model::group::Consumer::poll_next_frame",
	  .way = LAYOUT_WAY_CURSOR },
	{ .function = "moq_net::model::group::Consumer::poll_read_frame",
	  .way = LAYOUT_WAY_CURSOR },
	{ .function = "moq_net::model::frame::Consumer::poll_read_chunk",
	  .way = LAYOUT_WAY_OPTION,
	  .at = -0x70,
	  .outer = -0x58 },
};

static const struct layout_off layout_0_3_18_off = {
	.version = "moq-net-0.3.18/",
	.counters_of_scope = 0x8,
	.path_of_scope = 0x10,
	.side_of_scope = 0x28,
	.counters_of_subscription = 0x28,
	.scope_of_subscription = 0x118,
	.subscription_of_alive = 0x20,
	.state_of_track = 0x48,
	.account_of_state = 0x120,
	.handed_of_cursor = 0x210,
	.shows = layout_0_3_18_shows,
	.shows_len = sizeof(layout_0_3_18_shows) / sizeof(layout_0_3_18_shows[0]),
};

static const struct layout_scope layout_0_3_18_scope = {
	.resolves = true,
	.handle_of_session = 0,
	.shared_of_session = 0x18,
	.root_of_session = 0x20,
	.label_of_session = 0x40,
	.presence_of_session = 0x58,
	.session_size = 0xb0,
	.functions = layout_0_3_18_scope_functions,
	.off = &layout_0_3_18_off,
};

const struct layout_tables layout_tables_0_2 = {
	.table_of_entry = 0x18,
	.sessions_bucket = 0x48,
	.roots_of_bucket = 0x18,
};

/* What has stayed the same in all of moq-net 0.1. */
#define LAYOUT_0_1                                                                                \
	.header = 16, .tiers = MOQSTAT_TIER_MAX, .tier_of_handle = 0x20, .shared_of_stats = 0x18, \
	.table_of_lock = 0x18, .bucket = 0x20, .session_open = 0x10, .session_close = 0x18,       \
	.session_size = 0x20, .guard_size = 0x10, .functions = layout_0_1_8_functions

/* Paths that own their text or borrow it: up to moq-net 0.1.16. */
#define LAYOUT_OWNED_PATHS                                                                        \
	.path_of_subscription = 0, .counts_of_subscription = 0x18, .entry_of_subscription = 0x20, \
	.shared_paths = false

/* Paths that share it: 0.1.17 and 0.1.18. */
#define LAYOUT_SHARED_PATHS                                                                      \
	.path_of_subscription = 0x8, .counts_of_subscription = 0x20, .entry_of_subscription = 0, \
	.shared_paths = true

static const struct layout layouts[] = {
	{
		LAYOUT_0_1,
		LAYOUT_OWNED_PATHS,
		.name = "moq-net 0.1.8",
		.relays = "moq-relay 0.12.5",
		.stride = 72,
		.entries_of_shared = 0x48,
		.sessions_of_shared = 0x50,
		.memory = layout_0_1_8_memory,
		.frame = &frame_schema_broadcast_0_12,
	},
	{
		LAYOUT_0_1,
		LAYOUT_OWNED_PATHS,
		.name = "moq-net 0.1.13",
		.relays = "moq-relay 0.13.0",
		.stride = 72,
		.entries_of_shared = 0x58,
		.sessions_of_shared = 0x60,
		.memory = layout_0_1_8_memory,
		.frame = &frame_schema_broadcast_0_12,
	},
	{
		LAYOUT_0_1,
		LAYOUT_OWNED_PATHS,
		.name = "moq-net 0.1.14",
		.relays = "moq-relay 0.13.3",
		.stride = 80,
		.entries_of_shared = 0x58,
		.sessions_of_shared = 0x60,
		.memory = layout_0_1_14_memory,
		.frame = &frame_schema_broadcast_0_13,
	},
	{
		LAYOUT_0_1,
		LAYOUT_SHARED_PATHS,
		.name = "moq-net 0.1.17",
		.relays = "moq-relay 0.13.5",
		.stride = 80,
		.entries_of_shared = 0x58,
		.sessions_of_shared = 0x60,
		.memory = layout_0_1_14_memory,
		.frame = &frame_schema_broadcast_0_13,
	},
	{
		.name = "moq-net 0.2.13",
		.relays = "moq-relay 0.14.12",
		.header = 16,
		.stride = 96,
		.tiers = 1,
		.tier_of_handle = 0x20,
		.shared_of_stats = 0x18,
		.session_open = 0x10,
		.session_close = 0x18,
		.session_size = 0x20,
		.shared_paths = true,
		.entries_of_shared = 0x10,
		.sessions_of_shared = 0x18,
		.table_of_lock = 0x18,
		.bucket = 0x20,
		.tables = &layout_tables_0_2,
		.memory = layout_0_2_memory,
		.frame = &frame_schema_broadcast_0_14,
		.functions = layout_0_2_13_functions,
		.scope = &layout_0_2_13_scope,
	},
	{
		.name = "moq-net 0.3.18",
		.relays = "moq-relay 0.17.10",
		.header = 16,
		.stride = 128,
		.tiers = 1,
		.tier_of_handle = 0x20,
		.shared_of_stats = 0x18,
		.session_open = 0xa0,
		.session_close = 0xa8,
		.session_size = 0xb0,
		.shared_paths = true,
		.entries_of_shared = 0x18,
		.sessions_of_shared = 0x20,
		.table_of_lock = 0x18,
		.bucket = 0x20,
		.tables = &layout_tables_0_2,
		.memory = layout_0_3_memory,
		.frame = &frame_schema_broadcast_0_17,
		.functions = layout_0_3_18_functions,
		.scope = &layout_0_3_18_scope,
	},
};

/* Whose counters are the same in all of 0.2 up to 0.2.22, and in all of 0.3 up to 0.3.18, by their
 * sources; seen in the code of 0.2.13 and 0.3.18. Here only those that no layout above is that of,
 * nor like, and those without symbols. docs/adr/0030-layouts.md */
static const char *const layout_0_2_functions[] = {
	"moq_net::stats::Scope::announce",
	"moq_net::stats::Scope::subscribe",
	"<moq_net::stats::Subscription as core::ops::drop::Drop>::drop",
	NULL,
};

static const char *const layout_0_3_functions[] = {
	"moq_net::stats::Scope::announce",
	"moq_net::stats::Scope::subscribe",
	"moq_net::stats::Scope::fetch",
	"<moq_net::stats::Subscription as core::ops::drop::Drop>::drop",
	NULL,
};

static const struct layout_later layouts_later[] = {
	{ "moq-relay 0.14", "moq-net 0.2", 96, layout_0_2_functions },
	{ "moq-relay 0.15 to 0.17", "moq-net 0.3", 128, layout_0_3_functions },
};

const struct layout_later *layout_later_all(size_t *len)
{
	*len = sizeof(layouts_later) / sizeof(layouts_later[0]);
	return layouts_later;
}

bool layout_has_labels(const struct layout *l)
{
	return l->tiers == 1;
}

bool layout_tables_differ(const struct layout *l)
{
	size_t i, alike = 0;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		alike += layouts[i].stride == l->stride &&
			 layouts[i].entries_of_shared == l->entries_of_shared &&
			 layouts[i].sessions_of_shared == l->sessions_of_shared;
	return alike == 1;
}

bool layout_text(const struct layout *l, const uint64_t words[3], uint64_t *at, uint64_t *len)
{
	bool shared = l->shared_paths && words[0];

	if (shared && words[2] > words[1])
		return false;
	*at = shared ? words[0] + l->header + words[2] : words[1];
	*len = shared ? words[1] - words[2] : words[2];
	return true;
}

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
	uint32_t of_role = l->tiers * l->stride;

	if (offset < l->header)
		return -ENOENT;
	offset -= l->header;
	if (offset >= MOQSTAT_ROLE_MAX * of_role || offset % 8 || offset % of_role >= l->stride)
		return -ENOENT;
	*role = offset / of_role;
	*field = l->memory[offset % of_role / 8];
	return *field < MOQSTAT_FIELD_MAX ? 0 : -ENOENT;
}

uint32_t layout_entry_size(const struct layout *l)
{
	return l->header + MOQSTAT_ROLE_MAX * l->tiers * l->stride;
}

const char *layout_field_name(enum moqstat_field field)
{
	return field < MOQSTAT_FIELD_MAX ? collect_format_fields[field] : "?";
}

const char *layout_role_name(enum moqstat_role role)
{
	return role < MOQSTAT_ROLE_MAX ? collect_format_roles[role] : "?";
}
