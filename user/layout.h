/* SPDX-License-Identifier: MIT */
/*
 * layout.h - what differs from one release of the relay to the next, as data: how its counters lie
 * in memory, which functions matter, what its frames hold.
 */
#ifndef MOQSTAT_LAYOUT_H
#define MOQSTAT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <moqstat.h>

#include "frame.h"

/** Functions that the probes need, by what they are; from moq-net 0.2 on the second. */
enum layout_function {
	LAYOUT_ENTRY = 0,   /* Stats::entry(&self, &path) -> Option<Arc<BroadcastEntry>>;
			       Session::scope(ret, &self, &path, side); or from 0.3.2 on
			       SessionInner::resolve(&self, &path) -> (generation, Option<Arc>) */
	LAYOUT_SUBSCRIBE,   /* SessionBroadcasts::subscribe(ret, &self, &path);
			       Scope::subscribe(ret, &self) */
	LAYOUT_UNSUBSCRIBE, /* <BroadcastSubscription as Drop>::drop(&mut self);
			       <Subscription as Drop>::drop(&mut self) */
	LAYOUT_SESSION,	    /* StatsHandle::session(&self, &root) -> SessionStats;
			       Handle::session(&self, root) -> Session */
	LAYOUT_FUNCTION_MAX
};

/** How the relay's tables lie where tiers are labels: that of entries has an Arc of another table
 *  for each path, of label and counters; that of sessions a table of roots for each label. Buckets
 *  are a path and an Arc but where an offset is given. */
struct layout_tables {
	uint32_t table_of_entry;  /* offset in that Arc */
	uint32_t sessions_bucket; /* bytes of a bucket of sessions: a label, and */
	uint32_t roots_of_bucket; /* offset of the table of roots in it */
};

/** Functions that it takes besides where tiers are labels. */
enum layout_scope_function {
	LAYOUT_SCOPE_TIER = 0, /* BroadcastEntry::tier(&self, &label) -> Arc: makes an entry; NULL
				  where LAYOUT_ENTRY itself does */
	LAYOUT_SCOPE_REGISTRY, /* Registry::entry(&self, &path), where that isn't inlined */
	LAYOUT_SCOPE_REPORT,   /* Registry::report(ret, &self): once a tick of the relay's own */
	LAYOUT_SCOPE_OPEN,     /* Session::new(handle, the root's counters); NULL where it is a
				  part of LAYOUT_SESSION */
	LAYOUT_SCOPE_EGRESS,   /* Session::egress(ret, &self, path), */
	LAYOUT_SCOPE_INGRESS,  /* and Session::ingress: LAYOUT_ENTRY, where that is inlined */
	LAYOUT_SCOPE_OWN,      /* Path::to_owned(ret, &self) */
	LAYOUT_SCOPE_AS_PATH,  /* <Path as AsPath>::as_path(ret, &self) */
	LAYOUT_SCOPE_REF_PATH, /* <&Path as AsPath>::as_path(ret, &self) */
	LAYOUT_SCOPE_ROOTS,    /* Registry::session_counters(&self, &label, &root) -> Option<Arc>,
				  where that isn't inlined; from 0.3.2 on, as the next */
	LAYOUT_SCOPE_MOVE,     /* Session::set_tier(&self, label): ends a session, and opens it */
	LAYOUT_SCOPE_PUBLISH, /* track::Alive::publish(&self, Option<&Scope>): subscribes, and keeps
				 that; as the next only where there is a layout_off */
	LAYOUT_SCOPE_SYNC,    /* sync_announce(&mut Option<Announce>, bool, &Scope) */
	LAYOUT_SCOPE_REF_STR, /* <&str as AsPath>::as_path(ret, &self) */
	LAYOUT_SCOPE_COUNTERS, /* Scope::counters(&self) -> Option<Arc>: where that is looked up
				  each time */
	LAYOUT_SCOPE_PAIR,     /* Scope::meter(&self) -> (Option<Arc>, side): the same */
	LAYOUT_SCOPE_METER, /* group::Consumer::with_meter(ret, self, the entry, side): a group is
			       handed out */
	LAYOUT_SCOPE_FUNCTION_MAX
};

/** Ways in which a function shows whose it is that it counts, where entry pointers are null:
 *  docs/adr/0032-scopes.md. */
enum layout_way {
	LAYOUT_WAY_NONE = 0, /* it doesn't count such */
	LAYOUT_WAY_SCOPE,    /* the pointer is a scope's */
	LAYOUT_WAY_GROUP,    /* the same, of a track that gets a group: its account is learnt */
	LAYOUT_WAY_CALLED,   /* the scope is in what it is called with, `at` bytes on */
	LAYOUT_WAY_ACCOUNT, /* the pointer is a meter's; the account is `at` bytes from there, or if
			       `outer` isn't 0, so far behind what is pointed to there */
	LAYOUT_WAY_SOURCE,  /* it is an Announce's, beside the scope that it is of */
	LAYOUT_WAY_KEY,	    /* it is that of an Announce in a table, whose key is let go first; the
			       session is `at` bytes behind its first argument, or if `outer` isn't
			       0, its second */
	LAYOUT_WAY_GIVEN,   /* as LAYOUT_WAY_SCOPE, of an announcement: the word that it is told by
			       later is `at` bytes on in what the function gives out, */
	LAYOUT_WAY_HELD,    /* or in its first argument; */
	LAYOUT_WAY_TABLED, /* or it is the first of the path that it is kept under in a table, which
			      is `inner` bytes on in the second */
	LAYOUT_WAY_BESIDE, /* it is that of an announcement told by the word `at` bytes from it */
	LAYOUT_WAY_TABLE,  /* as LAYOUT_WAY_KEY, but the path is what it is told by */
	LAYOUT_WAY_CURSOR, /* it reads a group that was handed out: LAYOUT_SCOPE_METER */
	LAYOUT_WAY_OPTION, /* the pointer is a meter's; what the group was handed out with is `at`
			      bytes from there, if the byte that is `outer` from there isn't 2 */
	LAYOUT_WAY_NOBODY, /* nothing of a session comes here */
	LAYOUT_WAY_ODD,	   /* only unwinding does */
};

/** One such function: how it shows that where it counts, and where it counts announcements as
 *  ended. */
struct layout_shows {
	const char *function; /* demangled */
	enum layout_way way;
	enum layout_way ends;
	int32_t at;
	int32_t outer;
	int32_t inner; /* with LAYOUT_WAY_ACCOUNT, where in its object the meter must be; 0:
			  anywhere */
};

/** Where things lie in the objects that are at hand. A scope begins with the address of its
 *  session's context, null if it is nobody's. Not all of it is shown by the code, so it counts only
 *  for the one version of the crate. */
struct layout_off {
	const char *version; /* text in places of that crate's sources, as panics tell them */
	uint32_t counters_of_scope; /* entry pointer */
	uint32_t path_of_scope;
	uint32_t side_of_scope;
	uint32_t counters_of_subscription; /* entry pointer */
	uint32_t scope_of_subscription;	   /* of the publisher's side: it is part of a Subscriber */
	uint32_t subscription_of_alive;
	uint32_t state_of_track;   /* pointer to a track's state, behind the scope beside it */
	uint32_t account_of_state; /* pointer to its account there */
	uint32_t handed_of_cursor; /* pointer to what a group was handed out with, in what reads it;
				      that begins with what kind of cursor it is; 0: an account
				      is all there is */
	const struct layout_shows *shows;
	size_t shows_len;
};

/** What is where, if tiers are labels: what is counted then belongs to a session's context, an Arc
 *  of a handle and more; and LAYOUT_ENTRY is called with where the address of that is, or with it.
 */
struct layout_scope {
	bool resolves; /* LAYOUT_ENTRY makes entries itself, and is called with the context, which
			  is what its Arc has behind its head: offsets are from there */
	uint32_t handle_of_session;
	uint32_t shared_of_session;   /* as shared_of_stats of that handle */
	uint32_t label_of_session;    /* as tier_of_handle of it */
	uint32_t root_of_session;     /* path, where that is kept */
	uint32_t presence_of_session; /* pointer to the root's counters */
	uint32_t session_size;	      /* bytes of that Arc */
	const char *const *functions; /* by layout_scope_function, demangled */
	const struct layout_off *off; /* NULL: nothing can be told with statistics off */
};

struct layout {
	const char *name;   /* for people and for the cache, e.g. "moq-net 0.1.8" */
	const char *relays; /* releases verified with it */
	uint32_t header;    /* bytes of the Arc in front of the counters */
	uint32_t stride;    /* bytes of the counters of one tier and role */
	uint32_t tiers;	    /* whose counters an entry has: MOQSTAT_TIER_MAX; or 1 where tiers are
			       labels, and each has entries of its own */
	uint32_t tier_of_handle; /* offset of the tier byte in StatsHandle; or of its label */
	uint32_t
		shared_of_stats; /* offset of the pointer in Stats that is null when they are off */
	uint32_t session_open;	 /* offsets of the two session counters in their Arc */
	uint32_t session_close;
	uint32_t session_size; /* bytes of that Arc */
	uint32_t guard_size;   /* bytes of a guard of a track: entry pointer and tier */
	/* Offsets in BroadcastSubscription, whose tier and side come last in all of them: */
	uint32_t path_of_subscription;
	uint32_t counts_of_subscription;
	uint32_t entry_of_subscription;
	/* What the three words of a path are: the text's capacity, address and length; or, if
	 * shared, the address of the Arc that holds it, its length there, and from where on it is
	 * the path's. In both, the first being 0 where the text is borrowed. */
	bool shared_paths;
	/* The relay's tables of what it counts (std's HashMap, hashbrown): */
	uint32_t entries_of_shared;  /* offset of the pointer to the locked table of entries */
	uint32_t sessions_of_shared; /* of the one to tier 0's table of roots; tier 1's follows */
	uint32_t table_of_lock;	     /* offset of the table behind those pointers */
	uint32_t bucket;	     /* bytes of a bucket: a path and an Arc */
	const struct layout_tables *tables; /* where tiers are labels; else NULL */
	const enum moqstat_field *memory;   /* the counters in order; stride / 8 of them;
					       MOQSTAT_FIELD_MAX for one that isn't counted here */
	const struct frame_schema *frame;   /* of a broadcast's counters */
	const char *const *functions;	    /* by layout_function: demangled, without the hash */
	const struct layout_scope *scope;   /* as tables */
};

/** Releases whose counters are known, but not how to count on them: how to tell them. */
struct layout_later {
	const char *relays;	      /* e.g. "moq-relay 0.14" */
	const char *name;	      /* e.g. "moq-net 0.2" */
	uint32_t stride;	      /* bytes of the counters of one role; an entry has two */
	const char *const *functions; /* some of which such a relay has, demangled; then NULL; up to
					 32 */
};

/** Those, and how many. */
const struct layout_later *layout_later_all(size_t *len);

/** Those of moq-net 0.2 and 0.3. */
extern const struct layout_tables layout_tables_0_2;

/** The layouts known, and how many. */
const struct layout *layout_all(size_t *len);

/** Write the releases that can be counted on, for people, into out[size]: "moq-relay 0.12.5, ...".
 */
void layout_relays(char *out, size_t size);

/** Are tiers labels, each with entries of its own? */
bool layout_has_labels(const struct layout *l);

/** Does no other layout have tables and counters in the same places? */
bool layout_tables_differ(const struct layout *l);

/** Where is a path's text, and how many bytes, as its three words tell? False if that is no path: a
 *  part beyond the end. */
bool layout_text(const struct layout *l, const uint64_t words[3], uint64_t *at, uint64_t *len);

/** The layout of that name, or NULL. */
const struct layout *layout_find(const char *name);

/** Which counter lies at `offset` bytes from the entry's Arc pointer when the tier is 0?
 *  -ENOENT: none. */
int layout_counter(const struct layout *l, int64_t offset, enum moqstat_role *role,
		   enum moqstat_field *field);

/** Bytes that the relay allocates for one entry. */
uint32_t layout_entry_size(const struct layout *l);

/** A counter's name as in the relay's JSON, e.g. "announced_closed". */
const char *layout_field_name(enum moqstat_field field);

/** "publisher" or "subscriber". */
const char *layout_role_name(enum moqstat_role role);

#endif /* MOQSTAT_LAYOUT_H */
