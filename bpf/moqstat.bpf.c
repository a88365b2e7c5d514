// SPDX-License-Identifier: GPL-2.0-only
/* moqstat.bpf.c - the programs that run at the relay's probed instructions. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

#include <moqstat.h>

#include "maps.h"
#include "siphash.h"
#include "count.h"
#include "operand.h"
#include "forget.h"
#include "read.h"
#include "label.h"
#include "identity.h"
#include "guard.h"
#include "scope.h"
#include "flow.h"

/* The record of the site that fired, if it fired in the relay. The kernel could filter by process,
 * but before Linux 6.10 it then drops hits of other threads. */
static __always_inline struct moqstat_site *site_of(struct pt_regs *ctx, __u32 *tgid, __u32 *cookie)
{
	*tgid = bpf_get_current_pid_tgid() >> 32;
	if (*tgid != target_tgid)
		return NULL;
	*cookie = bpf_get_attach_cookie(ctx);
	return bpf_map_lookup_elem(&sites, cookie);
}

/* The same, counted as a hit. */
static __always_inline struct moqstat_site *site_hit(struct pt_regs *ctx, __u32 *tgid)
{
	__u32 cookie;
	struct moqstat_site *site = site_of(ctx, tgid, &cookie);

	if (site)
		count_hit(cookie);
	return site;
}

enum site_way {
	SITE_PASSES = 0, /* no bump */
	SITE_BY_ENTRY,
	SITE_BY_GUARD,
	SITE_BY_SCOPE,
};

/* Is the site's bump made, or would it be if the relay's statistics were on? And by what can its
 * counter be told? */
static __always_inline enum site_way site_way(struct pt_regs *ctx, const struct moqstat_site *site,
					      __u64 *entry)
{
	__u64 skip = 0;

	if (operand_read(ctx, &site->entry, entry)) {
		count_lost(MOQSTAT_LOST_OPERAND_FAULT);
		return SITE_PASSES;
	}
	/* Where tiers are labels there is none of what isn't counted, either. */
	if (!*entry && labelled)
		return statistics_off && site->handles ? SITE_BY_SCOPE : SITE_PASSES;
	if (*entry || !statistics_off) {
		if (!operand_when(ctx, site->when))
			return SITE_PASSES;
		if (!*entry)
			count_lost(MOQSTAT_LOST_ENTRY_NULL);
		if (!*entry)
			return SITE_PASSES;
		return by_guard ? SITE_BY_GUARD : SITE_BY_ENTRY;
	}
	if (site->skip.kind != MOQSTAT_OPERAND_NONE && operand_read(ctx, &site->skip, &skip))
		count_lost(MOQSTAT_LOST_OPERAND_FAULT);
	return skip ? SITE_PASSES : SITE_BY_GUARD;
}

/* Whose counter the site is about to bump. Not 0, and the loss counted, where that can't be
 * told. */
static __noinline int site_identity(struct pt_regs *ctx, const struct moqstat_site *site,
				    __u32 tgid, struct moqstat_id *out)
{
	struct moqstat_entry_key entry = { .tgid = tgid };
	struct moqstat_id *id;
	enum site_way way;

	if (!site || !out)
		return -1;
	way = site_way(ctx, site, &entry.entry);
	if (way == SITE_PASSES)
		return -1;
	if (way != SITE_BY_ENTRY) {
		int whose = way == SITE_BY_GUARD ? guard_identity(ctx, site, tgid, out)
						 : scope_identity(ctx, site, tgid, out);

		if (!whose)
			return 0;
		if (way == SITE_BY_SCOPE && whose == SCOPE_NOBODY)
			return -1;
		count_lost(MOQSTAT_LOST_GUARD_UNKNOWN);
		out->hash = 0;
		out->tgid = tgid;
		out->incarnation = MOQSTAT_UNATTRIBUTED;
		return 0;
	}
	/* Where the path is read, the thread may have named another since. */
	id = identity_find(&entry, site->opens && !(site->handles & MOQSTAT_HANDLE_PATH));
	if (!id && overflowed && site->event == MOQSTAT_EVENT_BUMP) {
		out->hash = 0;
		out->tgid = tgid;
		out->incarnation = 0;
		return 0;
	}
	if (!id) {
		count_lost(MOQSTAT_LOST_ENTRY_UNKNOWN);
		/* It fired, although nothing can be counted. */
		return 1;
	}
	*out = *id;
	/* Of a tier that isn't counted, which was said when the entry was found. */
	if (out->incarnation == MOQSTAT_UNCOUNTED)
		return 1;
	if (!out->hash && (out->incarnation & MOQSTAT_LIFE))
		out->incarnation = 0;
	return 0;
}

/* Any bump. */
static __noinline int bump_any(struct pt_regs *ctx, const struct moqstat_site *site, __u32 tgid,
			       __u32 cookie)
{
	struct moqstat_slot_key slot = {};
	__u64 tier = 0, role, n;
	__u32 reason = MOQSTAT_LOST_NONE;
	int err;

	if (!site)
		return 0;
	err = site_identity(ctx, site, tgid, &slot.id);
	if (err < 0)
		return 0;
	count_hit(cookie);
	if (err)
		return 0;
	role = site->role;
	if ((!labelled && operand_read(ctx, &site->tier, &tier)) ||
	    operand_read(ctx, &site->n, &n) ||
	    (role == MOQSTAT_ROLE_MAX && operand_read(ctx, &site->side, &role)))
		reason = MOQSTAT_LOST_OPERAND_FAULT;
	/* Of a side that is more than its number, the lowest bit tells. */
	if (labelled)
		role &= 1;
	if (!reason && (tier >= MOQSTAT_TIER_MAX || role >= MOQSTAT_ROLE_MAX))
		reason = MOQSTAT_LOST_OPERAND_RANGE;
	if (reason)
		count_lost(reason);
	slot.slot = role * MOQSTAT_TIER_MAX + tier;
	if (readable && MOQSTAT_FIELD_CLOSES(site->field))
		read_close(ctx, site, tgid, reason ? MOQSTAT_SLOT_SESSION : slot.slot);
	/* How often nothing was added doesn't show in what was counted. */
	if (reason || count_add(&slot, site->field, n) || !n) {
		if (guard_use(site) == GUARD_OPENS)
			guard_unopen(&slot.id);
	} else if (statistics_off && (site->handles & MOQSTAT_HANDLE_VIEWER) && site->opens &&
		   role == MOQSTAT_PUBLISHER) {
		scope_opened(ctx, site, &slot);
	} else if (statistics_off && labelled && site->opens &&
		   (site->handles & MOQSTAT_HANDLE_OWNER)) {
		scope_begun(ctx, site, &slot);
	}
	if (readable && site->opens && !reason)
		read_open(ctx, site, tgid);
	return 0;
}

/* At the branch in front of a broadcast's counter. */
SEC("uprobe")
int bump(struct pt_regs *ctx)
{
	struct moqstat_site *site;
	__u32 tgid, cookie;

	site = site_of(ctx, &tgid, &cookie);
	if (!site || (reading && MOQSTAT_FIELD_PAYLOAD(site->field)))
		return 0;
	if (!site->plain || flow_bump(ctx, site, cookie) == FLOW_RARE)
		bump_any(ctx, site, tgid, cookie);
	return 0;
}

/* Count one session of a root. Not 0 where it could not be counted. */
static __always_inline int session_count(const struct moqstat_id *id, __u32 field)
{
	struct moqstat_slot_key slot = { .id = *id };
	struct moqstat_short *name = bpf_map_lookup_elem(&roots, id);

	slot.slot = name ? name->slot : id->incarnation;
	if (slot.slot >= MOQSTAT_SLOT_SESSION && slot.slot < MOQSTAT_SLOT_MAX)
		return count_add(&slot, field, 1);
	if (id->hash)
		count_lost(MOQSTAT_LOST_ENTRY_UNKNOWN);
	return -1;
}

/* At the branch in front of a root's session counter. */
SEC("uprobe")
int session_bump(struct pt_regs *ctx)
{
	struct moqstat_site *site;
	struct moqstat_id id;
	__u32 tgid, cookie;
	int err;

	site = site_of(ctx, &tgid, &cookie);
	/* Guards of sessions are counted where they get their place, if that is known before. */
	if (!site || (site->opens && guard_mode() && !labelled))
		return 0;
	err = site_identity(ctx, site, tgid, &id);
	if (err < 0)
		return 0;
	count_hit(cookie);
	if (!err && session_count(&id, site->field) && site->opens && statistics_off)
		guard_unopen(&id);
	return 0;
}

/* Both functions return at once where the relay's statistics are off. */
static __always_inline void site_note_statistics(struct pt_regs *ctx,
						 const struct moqstat_site *site)
{
	__u64 shared;

	if (operand_read(ctx, &site->side, &shared))
		return;
	if (shared)
		statistics_shared = shared;
	else
		statistics_off = 1;
}

/* Of which tier is what is named here, as label_number() gives it? */
static __always_inline long site_label(struct pt_regs *ctx, const struct moqstat_site *site)
{
	__u64 label;

	if (!labelled)
		return 0;
	if (operand_read(ctx, &site->tier, &label))
		return -MOQSTAT_LOST_OPERAND_FAULT;
	return label_number(label);
}

/* Stats::entry(&self, &path) begins. */
SEC("uprobe")
int entry(struct pt_regs *ctx)
{
	__u64 path;
	__u32 tgid;
	struct moqstat_site *site = site_hit(ctx, &tgid);

	if (!site)
		return 0;
	site_note_statistics(ctx, site);
	if (site->entry.kind == MOQSTAT_OPERAND_NONE)
		return 0;
	/* 0 where it can't be read, and then the path can't: what was named before isn't meant. */
	operand_read(ctx, &site->entry, &path);
	identity_name(path, 0, site_label(ctx, site));
	return 0;
}

/* StatsHandle::session(&self, &root) begins. */
SEC("uprobe")
int session(struct pt_regs *ctx)
{
	struct moqstat_site *site;
	__u64 root, tier = 0, len;
	__u32 tgid, cookie;

	site = site_of(ctx, &tgid, &cookie);
	if (!site || !operand_when(ctx, site->when))
		return 0;
	count_hit(cookie);
	site_note_statistics(ctx, site);
	operand_read(ctx, &site->entry, &root);
	if (!labelled && operand_read(ctx, &site->tier, &tier)) {
		count_lost(MOQSTAT_LOST_OPERAND_FAULT);
		identity_forget();
	} else if (tier >= MOQSTAT_TIER_MAX) {
		count_lost(MOQSTAT_LOST_OPERAND_RANGE);
		identity_forget();
	} else if (site->n.kind == MOQSTAT_OPERAND_NONE) {
		identity_name(root, MOQSTAT_SLOT_SESSION + tier, site_label(ctx, site));
	} else if (operand_read(ctx, &site->n, &len)) {
		count_lost(MOQSTAT_LOST_OPERAND_FAULT);
		identity_forget();
	} else {
		identity_name_text(root, len, MOQSTAT_SLOT_SESSION + tier, site_label(ctx, site));
	}
	return 0;
}

/* Inside either of them: a new entry has been allocated. */
SEC("uprobe")
int allocated(struct pt_regs *ctx)
{
	struct moqstat_id id = { .incarnation = MOQSTAT_UNATTRIBUTED };
	struct moqstat_entry_key key = {};
	struct moqstat_site *site;
	struct moqstat_pending *p;
	__u32 cookie;

	site = site_of(ctx, &key.tgid, &cookie);
	if (!site || by_guard || !operand_when(ctx, site->when))
		return 0;
	count_hit(cookie);
	if (operand_read(ctx, &site->entry, &key.entry)) {
		count_lost(MOQSTAT_LOST_OPERAND_FAULT);
		return 0;
	}
	p = identity_pending();
	if (p) {
		identity_begin(p, &key, attached, 1);
	} else {
		/* Whatever had this address before is no more. */
		id.tgid = key.tgid;
		if (site->event == MOQSTAT_EVENT_SESSION_NEW)
			bpf_map_delete_elem(&entries, &key);
		else
			identity_tie(&key, &id, true);
		count_lost(MOQSTAT_LOST_PENDING_FULL);
	}
	return 0;
}

/* Session::scope has got the entry of the path that this thread has named, or none: what isn't
 * counted has none. All that is counted through a scope comes later. */
SEC("uprobe")
int scope(struct pt_regs *ctx)
{
	struct moqstat_entry_key key = {};
	struct moqstat_site *site;
	__u32 cookie;

	site = site_of(ctx, &key.tgid, &cookie);
	if (!site || by_guard || !operand_when(ctx, site->when))
		return 0;
	count_hit(cookie);
	if (operand_read(ctx, &site->entry, &key.entry))
		count_lost(MOQSTAT_LOST_OPERAND_FAULT);
	if (key.entry)
		identity_find(&key, true);
	else
		identity_forget();
	return 0;
}

/* A guard gets the place that it keeps: in an Arc, right after it was allocated. */
SEC("uprobe")
int place(struct pt_regs *ctx)
{
	struct moqstat_guard_key key = {};
	struct moqstat_pending *p;
	struct moqstat_site *site;
	struct moqstat_id id = {};
	__u64 at, session = 1;
	__u32 cookie;
	int err = -1;

	site = site_of(ctx, &key.tgid, &cookie);
	if (!site || !guard_mode() || !operand_when(ctx, site->when) ||
	    operand_read(ctx, &site->guard, &at))
		return 0;
	/* There is none, or it is nobody's. */
	if (site->skip.kind != MOQSTAT_OPERAND_NONE && operand_read(ctx, &site->skip, &session))
		return 0;
	count_hit(cookie);
	key.address = at;
	if (site->handles & MOQSTAT_HANDLE_OWNER)
		key.kind = MOQSTAT_GUARD_OWNER;
	if (site->handles & MOQSTAT_HANDLE_PENDING) {
		p = identity_pending();
		if (p)
			err = guard_path(p, key.tgid, GUARD_BEGINS, &id);
	} else if (!session) {
		id.tgid = key.tgid;
		id.incarnation = MOQSTAT_UNCOUNTED;
		err = 0;
	} else if (!operand_read(ctx, &site->path, &at)) {
		err = guard_live_path(at, labelled ? scope_label(session) : 0, key.tgid,
				      labelled ? GUARD_BEGINS : GUARD_LOOKS, &id);
	}
	/* Memory is given out anew only after its guard has been let go. */
	if (key.kind == MOQSTAT_GUARD_PLACE && !settling && bpf_map_lookup_elem(&guards, &key))
		count_lost(MOQSTAT_LOST_GUARD_REUSED);
	if (err)
		bpf_map_delete_elem(&guards, &key);
	else
		guard_remember(&key, &id, 0);
	return 0;
}

/* StatsHandle::session is about to be called, and what it returns has its place already. */
SEC("uprobe")
int session_place(struct pt_regs *ctx)
{
	struct moqstat_guard_key key = {};
	struct moqstat_pending *p;
	struct moqstat_site *site;
	struct moqstat_id id = {};
	__u64 root, tier, shared;
	__u32 cookie;

	site = site_of(ctx, &key.tgid, &cookie);
	if (!site)
		return 0;
	/* What can't be read is taken for what it was last. */
	if (!operand_read(ctx, &site->side, &shared) && !shared)
		statistics_off = 1;
	if (!guard_mode())
		return 0;
	count_hit(cookie);
	if (operand_read(ctx, &site->path, &root) || operand_read(ctx, &site->tier, &tier) ||
	    operand_read(ctx, &site->guard, &key.address)) {
		count_lost(MOQSTAT_LOST_OPERAND_FAULT);
		return 0;
	}
	if (tier >= MOQSTAT_TIER_MAX) {
		count_lost(MOQSTAT_LOST_OPERAND_RANGE);
		return 0;
	}
	identity_name(root, MOQSTAT_SLOT_SESSION + tier, 0);
	p = identity_pending();
	if (!p || guard_path(p, key.tgid, GUARD_OPENS, &id))
		return 0;
	if (session_count(&id, MOQSTAT_SESSIONS))
		guard_unopen(&id);
	p->valid = 0;
	if (!settling && bpf_map_lookup_elem(&guards, &key))
		count_lost(MOQSTAT_LOST_SESSION_REUSED);
	guard_remember(&key, &id, 0);
	return 0;
}

/* The key of a guard in a table: its path there, which may be relative. */
static __always_inline int key_of(struct pt_regs *ctx, const struct moqstat_site *site, __u64 table,
				  struct moqstat_guard_key *key)
{
	struct moqstat_pending *p;
	__u64 at;

	if (operand_read(ctx, &site->path, &at))
		return -1;
	identity_name(at, 0, 0);
	p = identity_pending();
	if (!p)
		return -1;
	p->valid = 0;
	key->kind = MOQSTAT_GUARD_KEY;
	key->address = table;
	key->key = p->hash;
	return p->lost ? -1 : 0;
}

/* A path is about to be let go; a guard of its owner may follow. */
SEC("uprobe")
int peek(struct pt_regs *ctx)
{
	struct moqstat_guard_key key = {};
	struct moqstat_peek *peek;
	struct moqstat_site *site;
	struct moqstat_id id = {};
	__u64 at;
	int err;

	site = site_of(ctx, &key.tgid, &key.kind);
	if (!site || !guard_mode())
		return 0;
	count_hit(key.kind);
	if (labelled) {
		scope_peek(ctx, site);
		return 0;
	}
	peek = guard_peek(true);
	if (!peek)
		return 0;
	guard_forget_peek(peek);
	peek->keyed = !!(site->handles & MOQSTAT_HANDLE_KEY);
	if (site->handles & MOQSTAT_HANDLE_KEY)
		err = key_of(ctx, site, peek->table, &key) || guard_find(&key, true, &id);
	else
		err = operand_read(ctx, &site->path, &at) ||
		      guard_live_path(at, 0, key.tgid, GUARD_LOOKS, &id);
	if (!err)
		peek->id = id;
	return 0;
}

/* A table is about to be let go. */
SEC("uprobe")
int table(struct pt_regs *ctx)
{
	struct moqstat_site *site;
	struct moqstat_peek *peek;
	__u32 tgid;

	if (!guard_mode())
		return 0;
	site = site_hit(ctx, &tgid);
	peek = site ? guard_peek(true) : NULL;
	if (peek)
		operand_read(ctx, &site->guard, &peek->table);
	return 0;
}

/* A function that counts later on begins. */
SEC("uprobe")
int call(struct pt_regs *ctx)
{
	struct moqstat_site *site;
	__u32 tgid;

	if (!statistics_off)
		return 0;
	site = site_hit(ctx, &tgid);
	if (site)
		scope_call(ctx, site);
	return 0;
}

/* A guard just opened is about to go into a table. */
SEC("uprobe")
int insert(struct pt_regs *ctx)
{
	struct moqstat_guard_key key = {};
	struct moqstat_pending *p;
	struct moqstat_site *site;
	struct moqstat_id id = {};
	__u64 table;

	if (!guard_mode())
		return 0;
	site = site_hit(ctx, &key.tgid);
	p = site ? identity_pending() : NULL;
	if (!p || guard_path(p, key.tgid, GUARD_LOOKS, &id) ||
	    operand_read(ctx, &site->guard, &table) || key_of(ctx, site, table, &key))
		return 0;
	guard_remember(&key, &id, 0);
	return 0;
}

/* A guard is about to be taken out of a table, into one of two places. */
SEC("uprobe")
int take(struct pt_regs *ctx)
{
	struct moqstat_guard_key key = {};
	struct moqstat_site *site;
	struct moqstat_id id = {};
	__u64 table, first = 0, second = 0;

	if (!guard_mode())
		return 0;
	site = site_hit(ctx, &key.tgid);
	if (!site || operand_read(ctx, &site->guard, &table) || key_of(ctx, site, table, &key) ||
	    guard_find(&key, true, &id))
		return 0;
	operand_read(ctx, &site->entry, &first);
	operand_read(ctx, &site->side, &second);
	key.kind = MOQSTAT_GUARD_PLACE;
	key.key = 0;
	key.address = first;
	if (first)
		guard_remember(&key, &id, second);
	key.address = second;
	if (second)
		guard_remember(&key, &id, first);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
