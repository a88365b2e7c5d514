/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * moqstat.h - what the BPF side and the user side share: keys, values, enums, limits.
 *
 * Included by bpf/ after vmlinux.h and by user/ after <linux/types.h>; it defines nothing but
 * plain data. Every struct is a multiple of 8 bytes without holes. Enums are append-only: their
 * numbers are stored in recordings.
 */
#ifndef MOQSTAT_H
#define MOQSTAT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/** Longest broadcast path or auth root that is told apart, bytes; a multiple of 8. Longer ones
 *  are counted under MOQSTAT_LOST_PATH_TOO_LONG. */
#define MOQSTAT_PATH_MAX 1024

/** Most bump sites, functions and other probed places of one binary. */
#define MOQSTAT_SITES_MAX 2048

/** Broadcasts (and, apart from them, auth roots by tier) counted at once, unless --max-broadcasts
 *  says otherwise. */
#define MOQSTAT_BROADCASTS_DEFAULT 16384

/** Tiers of one relay where a tier is a label (moq-relay 0.14 and later), the default tier, whose
 *  label is empty, among them; and the longest label, bytes. What is of another one is counted
 * under MOQSTAT_LOST_TIERS_FULL, and nowhere else. */
#define MOQSTAT_LABELS_MAX 16
#define MOQSTAT_LABEL_MAX  60

/** Threads whose last named path is remembered until the bump that uses it. */
#define MOQSTAT_PENDING_MAX 8192

/** Which side of the relay a counter describes (relay-stats text: `Side`). */
enum moqstat_role {
	MOQSTAT_PUBLISHER = 0,	/* egress */
	MOQSTAT_SUBSCRIBER = 1, /* ingress */
	MOQSTAT_ROLE_MAX
};

/** Whose traffic it is (relay-stats text: `Tier`), where there are these two: up to moq-relay 0.13.
 */
enum moqstat_tier {
	MOQSTAT_EXTERNAL = 0,
	MOQSTAT_INTERNAL = 1,
	MOQSTAT_TIER_MAX
};

/** The counters of one (tier, role) of a broadcast, in the order of the relay's JSON. What a
 *  layout has beyond the nine of 0.12.5 is appended. */
enum moqstat_field {
	MOQSTAT_ANNOUNCED = 0,
	MOQSTAT_ANNOUNCED_CLOSED,
	MOQSTAT_BROADCASTS,
	MOQSTAT_BROADCASTS_CLOSED,
	MOQSTAT_SUBSCRIPTIONS,
	MOQSTAT_SUBSCRIPTIONS_CLOSED,
	MOQSTAT_BYTES,
	MOQSTAT_FRAMES,
	MOQSTAT_GROUPS,
	MOQSTAT_ANNOUNCED_BYTES, /* 0.13 and later */
	MOQSTAT_FETCHES,	 /* 0.14 and later, as the next */
	MOQSTAT_DATAGRAMS,
	MOQSTAT_FIELD_MAX
};

/** The counters of one auth root on one tier. */
enum moqstat_session_field {
	MOQSTAT_SESSIONS = 0,
	MOQSTAT_SESSIONS_CLOSED,
	MOQSTAT_SESSION_FIELD_MAX
};

/** Why something that the relay did could not be attributed. Each has a counter. */
enum moqstat_lost {
	MOQSTAT_LOST_NONE = 0,	      /* not a loss; keeps 0 free */
	MOQSTAT_LOST_ENTRY_NULL,      /* entry pointer null, though the branch leads on */
	MOQSTAT_LOST_ENTRY_UNKNOWN,   /* entry named before the agent attached */
	MOQSTAT_LOST_CLOSE_UNSEEN,    /* closes whose open was never seen, held back */
	MOQSTAT_LOST_PATH_TOO_LONG,   /* path longer than MOQSTAT_PATH_MAX, in __overflow__ */
	MOQSTAT_LOST_PATH_FAULT,      /* the path's memory could not be read */
	MOQSTAT_LOST_BROADCASTS_FULL, /* capacity reached, in __overflow__ */
	MOQSTAT_LOST_ENTRIES_FULL,    /* no room to remember the entry pointer */
	MOQSTAT_LOST_COUNTERS_FULL,   /* no room for the counters of a slot */
	MOQSTAT_LOST_PENDING_FULL,    /* what a thread had named was forgotten too early */
	MOQSTAT_LOST_OPERAND_FAULT,   /* tier, side or n could not be read */
	MOQSTAT_LOST_OPERAND_RANGE,   /* tier or side read, but neither 0 nor 1 */
	MOQSTAT_LOST_PATH_INVALID,    /* path read, but not UTF-8 (user side) */
	MOQSTAT_LOST_GUARD_UNKNOWN,   /* whose guard it is can't be told, in __unattributed__ */
	MOQSTAT_LOST_GUARDS_FULL,     /* no room to remember a guard */
	MOQSTAT_LOST_GUARD_REUSED,    /* a track's guard ended unseen: another has its place */
	MOQSTAT_LOST_SESSION_REUSED,  /* the same of a session's */
	MOQSTAT_LOST_READINGS_FULL,   /* no room for what is read of an entry */
	MOQSTAT_LOST_COUNTERS_UNREAD, /* an entry's own counters could not be read */
	MOQSTAT_LOST_TIERS_FULL,      /* too many labels of tiers, or one too long */
	MOQSTAT_LOST_MAX
};

/** Which program a probed place runs. */
enum moqstat_event {
	MOQSTAT_EVENT_BUMP = 0,	     /* je of a bump site */
	MOQSTAT_EVENT_ENTRY,	     /* Stats::entry(&self, &path) begins */
	MOQSTAT_EVENT_ENTRY_NEW,     /* Stats::entry has allocated a BroadcastEntry */
	MOQSTAT_EVENT_SESSION,	     /* StatsHandle::session(&self, &root) begins */
	MOQSTAT_EVENT_SESSION_BUMP,  /* je of a session's open or close */
	MOQSTAT_EVENT_SESSION_NEW,   /* a SessionCounters has been allocated */
	MOQSTAT_EVENT_PLACE,	     /* a guard gets the place that it keeps */
	MOQSTAT_EVENT_SESSION_PLACE, /* a session's guard is about to be made and put in its place
				      */
	MOQSTAT_EVENT_PEEK,	     /* a path is about to be let go, perhaps a guard with it */
	MOQSTAT_EVENT_TABLE,	     /* a table of guards is about to be let go */
	MOQSTAT_EVENT_INSERT, /* a guard is about to go into a table, under a relative path */
	MOQSTAT_EVENT_REMOVE, /* it is about to be taken out */
	MOQSTAT_EVENT_SCOPE,  /* Session::scope has got the entry of the path named last; 0.14 on */
	MOQSTAT_EVENT_CALL,   /* a function begins that counts for the scope it is called with */
	MOQSTAT_EVENT_MAX
};

/** Where a value lies when a probe fires. */
enum moqstat_operand_kind {
	MOQSTAT_OPERAND_NONE = 0,
	MOQSTAT_OPERAND_IMM,   /* disp itself */
	MOQSTAT_OPERAND_REG,   /* a register, of which the low `width` bytes count, plus disp */
	MOQSTAT_OPERAND_MEM,   /* user memory at reg + index * scale + disp, `width` bytes */
	MOQSTAT_OPERAND_DEREF, /* the 8 bytes there are an address; user memory at it + outer */
	MOQSTAT_OPERAND_POINT, /* the 8 bytes there, plus outer */
};

/** Ways to tell whose guard it is where the entry pointer is null, since the relay's statistics
 *  are off. Bits; tried in this order. */
enum moqstat_handle {
	MOQSTAT_HANDLE_PENDING = 1, /* opens: what this thread has named last; where tiers have
				       labels whatever is counted there */
	MOQSTAT_HANDLE_GUARD = 2,   /* the guard's address was learnt when it got its place */
	MOQSTAT_HANDLE_OWNER = 4,   /* the word in front of the guard was */
	MOQSTAT_HANDLE_PATH = 8,    /* a path of the same owner is live, at `path` */
	MOQSTAT_HANDLE_PEEK = 16,   /* the path that this thread has let go last */
	MOQSTAT_HANDLE_KEY = 32,    /* with peeks: the path is a key of the table that is let go */
	MOQSTAT_HANDLE_ODD = 64,    /* no way: only an unwinding panic or the like leads there */
	/* Where tiers have labels (bpf/scope.h); there MOQSTAT_HANDLE_OWNER is by the word at
	 * `guard`, and with a path what is begun there is, and with _KEY by that and the session:
	 */
	MOQSTAT_HANDLE_CALL = 128,    /* the scope that the function was called with; `guard`, or
					 with an account `skip`, is where the stack was when it
					 began */
	MOQSTAT_HANDLE_ACCOUNT = 256, /* the track's account, at `guard`; with a path it is learnt
				       */
	MOQSTAT_HANDLE_VIEWER = 512,  /* the session, and the path's text */
	MOQSTAT_HANDLE_CURSOR = 1024, /* instead of the account what a group was handed out with, at
					 `guard`; `tier` is what kind of cursor reads it */
	MOQSTAT_HANDLE_OPTION = 2048, /* the same, of a frame: `tier` says whether it is there */
};

/** Kinds of cursors: from this number on one that reads others, which have the same that it was
 *  handed out with. And what says that a frame has none. */
#define MOQSTAT_CURSOR_SPLICED 2
#define MOQSTAT_OPTION_NONE    2

/** Under which flags a probed branch leads to the bump. */
enum moqstat_when {
	MOQSTAT_WHEN_ALWAYS = 0,
	MOQSTAT_WHEN_NONZERO, /* zero flag clear */
	MOQSTAT_WHEN_ZERO,    /* zero flag set */
	MOQSTAT_WHEN_NEVER,   /* it doesn't: but where E is null, it skips the bump's own branch */
};

/** General registers, in the order of the x86-64 encoding. */
enum moqstat_reg {
	MOQSTAT_RAX = 0,
	MOQSTAT_RCX,
	MOQSTAT_RDX,
	MOQSTAT_RBX,
	MOQSTAT_RSP,
	MOQSTAT_RBP,
	MOQSTAT_RSI,
	MOQSTAT_RDI,
	MOQSTAT_R8,
	MOQSTAT_R9,
	MOQSTAT_R10,
	MOQSTAT_R11,
	MOQSTAT_R12,
	MOQSTAT_R13,
	MOQSTAT_R14,
	MOQSTAT_R15,
	MOQSTAT_REG_NONE = 0xff,
};

/** How to read one value at a probed instruction. */
struct moqstat_operand {
	__u8 kind;  /* enum moqstat_operand_kind */
	__u8 reg;   /* enum moqstat_reg, the base */
	__u8 index; /* enum moqstat_reg, or MOQSTAT_REG_NONE */
	__u8 scale; /* 1, 2, 4 or 8 */
	__u8 width; /* 1, 2, 4 or 8 bytes */
	__u8 pad[3];
	__s32 disp;
	__s32 outer; /* MOQSTAT_OPERAND_DEREF only */
};

/** What a program needs to know of the place it runs at; element `cookie` of the map `sites`. In
 *  MOQSTAT_EVENT_REMOVE `entry` and `side` are the addresses of the two places that the guard may
 * be moved to; in MOQSTAT_EVENT_PLACE with MOQSTAT_HANDLE_OWNER `guard` is the owner's word itself.
 * Where tiers have labels, `tier` is the address of the label's three words, in the events that
 * name a path; in bumps it is 0 but with MOQSTAT_HANDLE_CURSOR or _OPTION, and where `side` picks
 * the role its lowest bit does; in MOQSTAT_EVENT_TABLE `guard` is the session whose table it is. In
 * MOQSTAT_EVENT_SCOPE `entry` is the entry pointer, null where there is none. MOQSTAT_EVENT_ENTRY
 * without an `entry` names nothing: it is only a place where `side` can be read.
 */
struct moqstat_site {
	__u8 event;		      /* enum moqstat_event */
	__u8 role;		      /* enum moqstat_role, or MOQSTAT_ROLE_MAX: `side` tells */
	__u8 field;		      /* enum moqstat_field or enum moqstat_session_field */
	__u8 opens;		      /* 1: a guard begins here, so a name may be pending */
	__u8 when;		      /* enum moqstat_when */
	__u8 plain;		      /* 1: bpf/flow.h can read it; see programs_plain() */
	__u16 handles;		      /* enum moqstat_handle, any of them */
	struct moqstat_operand entry; /* E, the entry pointer */
	struct moqstat_operand tier;
	struct moqstat_operand side;  /* bumps: picks the role where role is MOQSTAT_ROLE_MAX;
					 functions: null if the relay's statistics are off */
	struct moqstat_operand n;     /* what is added; in MOQSTAT_EVENT_SESSION bytes of the root,
					 if `entry` is its text */
	struct moqstat_operand skip;  /* bumps where E is null: not 0 if it would not be made; where
					 tiers have labels the session, 0 if it is nobody's */
	struct moqstat_operand guard; /* address of the guard; of the table in its events */
	struct moqstat_operand path;  /* address of a path: capacity, pointer, length */
};

/** Where the two halves of a count live. Closed counters have a map of their own, so that all of
 *  them can be read before any open one. Both macros serve either enum of fields. */
#define MOQSTAT_FIELD_CLOSES(field) ((field) < MOQSTAT_BYTES && ((field) & 1))
#define MOQSTAT_FIELD_CELL(field)                                  \
	((field) < MOQSTAT_BYTES     ? (field) / 2                 \
	 : (field) < MOQSTAT_FETCHES ? (field) - MOQSTAT_BYTES / 2 \
				     : (field) - MOQSTAT_BYTES / 2 + 1)
#define MOQSTAT_OPENED_CELLS 10
#define MOQSTAT_CLOSED_CELLS 4

/** One cell of either is no counter: the number of the reading (bpf/maps.h) before which it was
 * told that something was counted here. What is counted most shares its cache line. */
#define MOQSTAT_OPENED_MARK 7
#define MOQSTAT_CLOSED_MARK 3

/** The counters that are bumped for each group and frame. */
#define MOQSTAT_FIELD_PAYLOAD(field) ((field) >= MOQSTAT_BYTES && (field) <= MOQSTAT_GROUPS)
#define MOQSTAT_PAYLOAD_FIELDS	     (MOQSTAT_GROUPS - MOQSTAT_BYTES + 1)

/** Values of the per-CPU maps `opened` and `closed`, by MOQSTAT_FIELD_CELL(). */
struct moqstat_opened {
	__u64 cells[MOQSTAT_OPENED_CELLS];
};
struct moqstat_closed {
	__u64 cells[MOQSTAT_CLOSED_CELLS];
};

/** Names an entry (BroadcastEntry or SessionCounters) of one process. */
struct moqstat_entry_key {
	__u64 entry; /* address in the relay */
	__u32 tgid;
	__u32 pad;
};

/** Identity of one incarnation of a broadcast, or of an auth root on one tier. The incarnation
 *  number is never given twice in a run, and rises. hash 0 is `__overflow__`; incarnation is
 *  then moqstat_name.slot, to keep broadcasts and the roots of each tier apart. */
struct moqstat_id {
	__u64 hash; /* SipHash-2-4 of kind and path under the run's key; never 0 but for overflow */
	__u32 tgid;
	__u32 incarnation; /* with tgid one aligned word: see bpf/identity.h */
};

/** Key of the counters of one slot: an identity, and which role and tier. */
struct moqstat_slot_key {
	struct moqstat_id id;
	__u32 slot; /* role * MOQSTAT_TIER_MAX + tier; MOQSTAT_SLOT_SESSION + tier for roots */
	__u32 pad;
};

#define MOQSTAT_SLOT_SESSION (MOQSTAT_ROLE_MAX * MOQSTAT_TIER_MAX)
#define MOQSTAT_SLOT_MAX     (MOQSTAT_SLOT_SESSION + MOQSTAT_TIER_MAX)

/** The text behind an identity. */
struct moqstat_name {
	__u64 entry; /* address of its entry in the relay */
	__u32 slot;  /* MOQSTAT_SLOT_SESSION + tier for a root, 0 for a broadcast */
	__u32 fresh; /* 1: made with all probes attached, so its counts are complete */
	__u32 len;   /* bytes of path */
	__u32 label; /* number of the tier's label (struct moqstat_label); 0 where tiers have none,
			or the default tier's */
	__u8 path[MOQSTAT_PATH_MAX];
};

/** What the maps of names hold of one: paths are rarely longer. Those that are have the whole of it
 *  in the map `long_names`, too. */
#define MOQSTAT_SHORT_MAX 104
struct moqstat_short {
	__u64 entry; /* as above, from here on */
	__u32 slot;
	__u32 fresh;
	__u32 len; /* bytes of the whole path */
	__u32 label;
	__u8 path[MOQSTAT_SHORT_MAX];
};

/** Key of the map `labels`: the label of a tier but the default one, zeros behind it. The value is
 *  its number, from 1 on, below MOQSTAT_LABELS_MAX, given in the order in which they were seen. An
 *  entry of such a relay is of one tier, so its counters are those of slot 0 of each role, and a
 *  root's name has slot MOQSTAT_SLOT_SESSION; `label` tells the tier. */
struct moqstat_label {
	__u32 len; /* bytes of text */
	__u8 text[MOQSTAT_LABEL_MAX];
};

/** What is hashed with a path, so that one path is told apart as a broadcast's and a root's, and by
 *  tier. */
#define MOQSTAT_NAME_KIND(slot, label) ((slot) ^ (__u64)(label) << 8)

/** Which incarnation a path stands for, where entry pointers don't tell. */
struct moqstat_path_key {
	__u64 hash;
	__u32 tgid;
	__u32 len; /* bytes of the path */
};
/** Whose an account is; or a group, by what it was handed out with. */
struct moqstat_account {
	struct moqstat_path_key path; /* hash 0: nobody's */
	__u32 spliced;		      /* 1: it is read by a cursor that reads others */
	__u32 pad;
};

/** One word, so that the opening of a guard and the end of the incarnation exclude each other: an
 *  incarnation ends only if nothing has been opened that wasn't counted and closed. */
struct moqstat_path {
	__u64 state; /* low half: incarnation, or MOQSTAT_GONE; high half: guards opened so far */
};
#define MOQSTAT_PATH_OPENED (1ULL << 32)

/** Incarnation number of an element of `paths`, `root_paths` or `entries` that is being taken out
 *  of its map. */
#define MOQSTAT_GONE 0xffffffffU

/** In `entries`, instead of 0, the incarnation number of a broadcast that is in the overflow, where
 *  entries' counters are read: it tells apart those that share that row. */
#define MOQSTAT_LIFE 0x80000000U

/** What the program `hold` is run with, as its context's words. */
struct moqstat_hold {
	__u64 incarnation;
	__u64 entry;
	__u64 before; /* guards that were open on it before the probes */
};

/** What is known of one entry besides its counts, where its own counters are read; by incarnation
 *  number, as a word. Whoever opens holds the entry, and lets it go after it has closed: so as long
 *  as less is closed than opened its memory is its own. `last` is what the counters of payload were
 *  at least, by slot and field from MOQSTAT_BYTES on: noted before the closing is. */
struct moqstat_reading {
	__u64 entry;
	__u64 opened; /* of all slots and fields */
	__u64 closed;
	__u64 before; /* opened less closed before the probes */
	__u64 last[MOQSTAT_SLOT_SESSION][MOQSTAT_PAYLOAD_FIELDS];
};

/** What the program `forget` is run with, as its context's words: which of the three maps, the
 *  element's key, and the word that it must have to be taken out. */
struct moqstat_forget {
	__u64 map; /* enum moqstat_forget_map */
	__u64 key[2];
	__u64 expected;
};
enum moqstat_forget_map {
	MOQSTAT_FORGET_PATH = 0,
	MOQSTAT_FORGET_ROOT_PATH,
	MOQSTAT_FORGET_ENTRY,
};

/** What it returns. */
enum moqstat_forgot {
	MOQSTAT_FORGOT = 0,	/* it was taken out */
	MOQSTAT_FORGOT_NOTHING, /* there is none, or it is of another incarnation */
	MOQSTAT_FORGOT_NOT,	/* that incarnation goes on */
};

/** What a guard can be found by. */
enum moqstat_guard_kind {
	MOQSTAT_GUARD_PLACE = 0, /* its own address */
	MOQSTAT_GUARD_OWNER,	 /* the word in front of it */
	MOQSTAT_GUARD_KEY,	 /* address of its table, and hash of its key there */
	MOQSTAT_GUARD_VIEWER,	 /* session, and address of its path's text: all of these */
	MOQSTAT_GUARD_WATCH,	 /* session, and hash of the path: likewise */
};
struct moqstat_guard_key {
	__u64 address;
	__u64 key; /* the second of those; else 0 */
	__u32 tgid;
	__u32 kind;
};
struct moqstat_guard {
	struct moqstat_id id;
	__u64 sibling; /* another place that stands for the same guard, or 0; how many there are,
			  where the key is that of all */
	__u64 tier;    /* 1 + enum moqstat_tier, once a hit has read it; else 0 */
};

/** What a thread has seen of a guard that it is about to let go. */
struct moqstat_peek {
	struct moqstat_id id; /* of the path let go last; incarnation 0: none */
	__u64 table;	      /* that is being let go */
	__u64 keyed;	      /* 1: the path was a key of that table */
};

/** What a thread has called: the function began with the stack there, for the scope of that path.
 */
struct moqstat_call {
	__u64 level;
	__u64 path;    /* address */
	__u64 session; /* likewise */
};

/** The incarnation number, with hash 0, of what can't be named; and of what is counted nowhere: an
 *  entry of a tier without a number, a guard that is nobody's. */
#define MOQSTAT_UNATTRIBUTED   (MOQSTAT_SLOT_MAX + 1)
#define MOQSTAT_UNCOUNTED      (MOQSTAT_SLOT_MAX + 2)

#define MOQSTAT_PENDING_NOBODY 2

/** What a thread has named, until the bump or the allocation that uses the name. */
struct moqstat_pending {
	struct moqstat_name name;
	__u64 hash;
	__u32 valid; /* 1; MOQSTAT_PENDING_NOBODY: what is about to be counted is nobody's */
	__u32 lost;  /* enum moqstat_lost: why the path can't be told, or 0 */
};

#endif /* MOQSTAT_H */
