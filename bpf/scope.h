/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scope.h - whose it is where tiers have labels and entry pointers are null: the relay's statistics
 * are off.
 *
 * What is counted has a scope at hand then, or had one: a session, none if it is nobody's, and a
 * path. What flows has neither, but belongs to a track, whose account in the relay's cache is
 * learnt with each group that comes in. docs/adr/0032-scopes.md tells which is which.
 */
#ifndef MOQSTAT_BPF_SCOPE_H
#define MOQSTAT_BPF_SCOPE_H

enum scope_whose {
	SCOPE_KNOWN = 0,
	SCOPE_NOBODY, /* of no session: the relay's own, which it doesn't count */
	SCOPE_UNKNOWN,
};

/* A count that is on its way out, with its element. */
#define SCOPE_GONE (1ULL << 63)

/* Nothing is below that in a process. */
#define SCOPE_LOWEST 4096

/* An account whose path is too long to be told. */
#define SCOPE_LONG 0xffffffffU

static __always_inline struct moqstat_pending *scope_named(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&pending, &thread);
}

/* What is counted next by this thread, as it has named it, is nobody's. */
static __always_inline void scope_name_nobody(void)
{
	struct moqstat_pending *p = identity_pend(0, 0);

	if (p)
		p->valid = MOQSTAT_PENDING_NOBODY;
}

/* The tier of a session, as label_number() gives it. */
static __always_inline long scope_label(__u64 session)
{
	return label_number(session + label_of_session);
}

/* One more of what a key stands for: how many there were; < 0: there is no room. */
static __noinline long scope_hold(const struct moqstat_guard_key *key, const struct moqstat_id *id)
{
	struct moqstat_guard one = { .sibling = 1 }, *there;
	__u32 tries;
	__u64 was;
	int err; /* before Linux 6.4 no more of it than this is set */

	if (!key || !id)
		return -1;
	one.id = *id;
	for (tries = 0; tries < GUARD_TRIES; tries++) {
		there = bpf_map_lookup_elem(&guards, key);
		if (!there) {
			err = bpf_map_update_elem(&guards, key, &one, BPF_NOEXIST);
			if (!err)
				return 0;
			if (err != -EEXIST)
				break;
			continue;
		}
		was = __sync_fetch_and_add(&there->sibling, 1);
		if (was & SCOPE_GONE)
			continue;
		if (bpf_map_lookup_elem(&guards, key) == there)
			return was;
		__sync_fetch_and_add(&there->sibling, -1);
	}
	count_lost(MOQSTAT_LOST_GUARDS_FULL);
	return -1;
}

/* One less: how many there are left, and whose they are; < 0: there was none. */
static __noinline long scope_release(const struct moqstat_guard_key *key, struct moqstat_id *out)
{
	struct moqstat_guard *there;
	__u64 was;

	if (!key || !out)
		return -1;
	there = bpf_map_lookup_elem(&guards, key);
	if (!there)
		return -1;
	*out = there->id;
	was = __sync_fetch_and_add(&there->sibling, -1);
	if (was == 1 && !__sync_val_compare_and_swap(&there->sibling, 0, SCOPE_GONE))
		bpf_map_delete_elem(&guards, key);
	return was - 1;
}

/* The subscription's guard is told by its session and the address of its path's text. */
static __always_inline int scope_viewer(struct pt_regs *ctx, const struct moqstat_site *site,
					__u32 tgid, struct moqstat_guard_key *key)
{
	__u64 path;

	key->tgid = tgid;
	key->kind = MOQSTAT_GUARD_VIEWER;
	if (operand_read(ctx, &site->skip, &key->address) || operand_read(ctx, &site->path, &path))
		return -1;
	return bpf_probe_read_user(&key->key, 8, (void *)path);
}

/* From what tells a subscription to what tells all of a session to a broadcast. In the overflow
 * that is the path's text, too, of which there may be more than one. */
static __always_inline void scope_watch(const struct moqstat_id *id, struct moqstat_guard_key *key)
{
	if (id->hash)
		key->key = id->hash;
	key->kind = MOQSTAT_GUARD_WATCH;
}

/* A subscription on the publisher's side was counted. Its guard gets what it will be told by; and
 * the session watches the broadcast by its first one, which the relay doesn't count then. */
static __noinline int scope_opened(struct pt_regs *ctx, const struct moqstat_site *site,
				   const struct moqstat_slot_key *slot)
{
	struct moqstat_guard_key key = {};
	struct moqstat_path_key path = {};
	struct moqstat_pending *p = scope_named();
	struct moqstat_path *known;

	if (!site || !slot || !p || scope_viewer(ctx, site, slot->id.tgid, &key))
		return 0;
	if (scope_hold(&key, &slot->id) < 0)
		return 0;
	scope_watch(&slot->id, &key);
	if (scope_hold(&key, &slot->id) || count_add(slot, MOQSTAT_BROADCASTS, 1))
		return 0;
	/* It can't have ended: it was just opened, too. */
	path.hash = p->hash;
	path.tgid = slot->id.tgid;
	path.len = p->name.len;
	known = guard_known(&path, 0);
	if (known && (__u32)known->state == slot->id.incarnation)
		__sync_fetch_and_add(&known->state, MOQSTAT_PATH_OPENED);
	return 0;
}

/* The same is let go: whose it was. */
static __noinline int scope_closes(struct pt_regs *ctx, const struct moqstat_site *site, __u32 tgid,
				   struct moqstat_id *out)
{
	struct moqstat_slot_key slot = {};
	struct moqstat_guard_key key = {};
	struct moqstat_id id;

	if (!site || !out || scope_viewer(ctx, site, tgid, &key))
		return SCOPE_UNKNOWN;
	if (!key.address)
		return SCOPE_NOBODY;
	if (scope_release(&key, out) < 0)
		return SCOPE_UNKNOWN;
	scope_watch(out, &key);
	slot.id = *out;
	slot.slot = MOQSTAT_PUBLISHER * MOQSTAT_TIER_MAX;
	if (!scope_release(&key, &id))
		count_add(&slot, MOQSTAT_BROADCASTS_CLOSED, 1);
	return SCOPE_KNOWN;
}

/* Whose track has an account? */
static __noinline int scope_account(struct pt_regs *ctx, const struct moqstat_site *site,
				    struct moqstat_id *out)
{
	__u32 handed = site ? site->handles & (MOQSTAT_HANDLE_CURSOR | MOQSTAT_HANDLE_OPTION) : 0;
	struct moqstat_account *of;
	struct moqstat_path *known;
	__u64 account, side, kind = 0;

	if (!site || !out || operand_read(ctx, &site->guard, &account) ||
	    operand_read(ctx, &site->side, &side))
		return SCOPE_UNKNOWN;
	/* An account is of the tier that its track comes from, not of that where it goes to. */
	if (!handed && labels_used && (side & 1) == MOQSTAT_PUBLISHER)
		return SCOPE_NOBODY;
	if (handed && operand_read(ctx, &site->tier, &kind))
		return SCOPE_UNKNOWN;
	if ((handed & MOQSTAT_HANDLE_OPTION) && kind == MOQSTAT_OPTION_NONE)
		return SCOPE_UNKNOWN;
	of = bpf_map_lookup_elem(&accounts, &account);
	if (!of)
		return SCOPE_UNKNOWN;
	/* What reads others counts, and not what it reads. */
	if (!of->path.hash ||
	    ((handed & MOQSTAT_HANDLE_CURSOR) && of->spliced != (kind >= MOQSTAT_CURSOR_SPLICED)))
		return SCOPE_NOBODY;
	known = bpf_map_lookup_elem(&paths, &of->path);
	out->tgid = of->path.tgid;
	if (known && (__u32)known->state != MOQSTAT_GONE) {
		out->hash = of->path.hash;
		out->incarnation = known->state;
		return SCOPE_KNOWN;
	}
	out->hash = 0;
	out->incarnation = 0;
	return overflowed || of->path.len == SCOPE_LONG ? SCOPE_KNOWN : SCOPE_UNKNOWN;
}

/* A group comes in: the account of its track is that of the path named last, or nobody's. Or it is
 * handed out. */
static __noinline int scope_learn(struct pt_regs *ctx, const struct moqstat_site *site, __u32 tgid,
				  __u32 nobody)
{
	struct moqstat_pending *p = scope_named();
	struct moqstat_account of = { .path = { .tgid = tgid } };
	__u64 account, kind = 0;

	if (!site || operand_read(ctx, &site->guard, &account))
		return 0;
	if ((site->handles & MOQSTAT_HANDLE_CURSOR) && operand_read(ctx, &site->tier, &kind))
		return 0;
	of.spliced = kind >= MOQSTAT_CURSOR_SPLICED;
	if (!nobody && (!p || (p->lost && p->lost != MOQSTAT_LOST_PATH_TOO_LONG)))
		return 0;
	if (!nobody && p->lost) {
		of.path.hash = 1;
		of.path.len = SCOPE_LONG;
	} else if (!nobody) {
		of.path.hash = p->hash;
		of.path.len = p->name.len;
	}
	bpf_map_update_elem(&accounts, &account, &of, BPF_ANY);
	return 0;
}

/* By what the function was called with, if it is the one that has begun there. */
static __noinline int scope_called(struct pt_regs *ctx, const struct moqstat_site *site,
				   struct moqstat_call *out)
{
	__u64 thread = bpf_get_current_pid_tgid(), level;
	struct moqstat_call *call = bpf_map_lookup_elem(&calls, &thread);
	int err;

	if (!site || !out)
		return SCOPE_UNKNOWN;
	if (site->handles & MOQSTAT_HANDLE_ACCOUNT)
		err = operand_read(ctx, &site->skip, &level);
	else
		err = operand_read(ctx, &site->guard, &level);
	if (err)
		return SCOPE_UNKNOWN;
	if (!call || call->level != level)
		return SCOPE_NOBODY;
	*out = *call;
	return SCOPE_KNOWN;
}

/* By a session, and a path that is live. */
static __noinline int scope_path(const struct moqstat_site *site, const struct moqstat_call *at,
				 __u32 tgid, struct moqstat_id *out)
{
	long label;

	if (!site || !at || !out)
		return SCOPE_UNKNOWN;
	label = scope_label(at->session);
	if (label < 0) {
		count_lost(-label);
		return SCOPE_NOBODY;
	}
	return guard_live_path(at->path, label, tgid, guard_use(site), out) ? SCOPE_UNKNOWN
									    : SCOPE_KNOWN;
}

/* By the name that this thread has given last. */
static __noinline int scope_pending(const struct moqstat_site *site, __u32 tgid,
				    struct moqstat_id *out)
{
	struct moqstat_pending *p = identity_pending();

	if (!site || !out || !p)
		return SCOPE_UNKNOWN;
	if (p->valid == MOQSTAT_PENDING_NOBODY)
		return SCOPE_NOBODY;
	return guard_path(p, tgid, guard_use(site), out) ? SCOPE_UNKNOWN : SCOPE_KNOWN;
}

/* By the place that it has. */
static __always_inline int scope_guard(struct pt_regs *ctx, const struct moqstat_site *site,
				       __u32 tgid, struct moqstat_id *out)
{
	struct moqstat_guard_key key = { .tgid = tgid };

	if (operand_read(ctx, &site->guard, &key.address) ||
	    guard_find(&key, MOQSTAT_FIELD_CLOSES(site->field), out))
		return SCOPE_UNKNOWN;
	return !out->hash && out->incarnation == MOQSTAT_UNCOUNTED ? SCOPE_NOBODY : SCOPE_KNOWN;
}

/* What an announcement is told by: the word at `guard`, which stays what it is while it lasts; and
 * with a key the session, too. */
static __noinline int scope_owner(struct pt_regs *ctx, const struct moqstat_site *site, __u32 tgid,
				  struct moqstat_guard_key *key)
{
	struct moqstat_peek *table;
	__u64 word;
	int err = 0;

	if (!site || !key || operand_read(ctx, &site->guard, &word))
		return SCOPE_UNKNOWN;
	/* An empty one has none: no such address is in use. */
	if (word < SCOPE_LOWEST)
		return SCOPE_UNKNOWN;
	key->tgid = tgid;
	key->kind = MOQSTAT_GUARD_OWNER;
	key->address = word;
	if (!(site->handles & MOQSTAT_HANDLE_KEY))
		return SCOPE_KNOWN;
	key->kind = MOQSTAT_GUARD_KEY;
	key->key = word;
	if (site->opens) {
		err = operand_read(ctx, &site->skip, &key->address);
	} else {
		table = guard_peek(false);
		key->address = table ? table->table : 0;
	}
	if (err)
		return SCOPE_UNKNOWN;
	return key->address ? SCOPE_KNOWN : SCOPE_NOBODY;
}

/* One was counted as begun. Its end is counted in two places, in any order. */
static __noinline int scope_begun(struct pt_regs *ctx, const struct moqstat_site *site,
				  const struct moqstat_slot_key *slot)
{
	struct moqstat_guard_key key = {};

	if (!site || !slot || scope_owner(ctx, site, slot->id.tgid, &key))
		return 0;
	/* What has a word of its own is no other's any more. */
	if (key.kind == MOQSTAT_GUARD_OWNER)
		guard_remember(&key, &slot->id, 2);
	else if (scope_hold(&key, &slot->id) >= 0)
		scope_hold(&key, &slot->id);
	return 0;
}

/* It ends: whose was it? What is added for the path's length is noted as opened, as it is where it
 * begins. */
static __noinline int scope_ends(struct pt_regs *ctx, const struct moqstat_site *site, __u32 tgid,
				 struct moqstat_id *out)
{
	struct moqstat_path_key path = { .tgid = tgid };
	struct moqstat_guard_key key = {};
	struct moqstat_path *known;
	__u64 len;
	int whose;

	if (!site || !out)
		return SCOPE_UNKNOWN;
	whose = scope_owner(ctx, site, tgid, &key);
	if (whose)
		return whose;
	if (scope_release(&key, out) < 0)
		return SCOPE_UNKNOWN;
	if (site->field != MOQSTAT_ANNOUNCED_BYTES || !out->hash)
		return SCOPE_KNOWN;
	if (operand_read(ctx, &site->n, &len))
		return SCOPE_UNKNOWN;
	path.hash = out->hash;
	path.len = len;
	known = guard_known(&path, 0);
	if (!known)
		return SCOPE_UNKNOWN;
	if ((__u32)__sync_fetch_and_add(&known->state, MOQSTAT_PATH_OPENED) == out->incarnation)
		return SCOPE_KNOWN;
	__sync_fetch_and_add(&known->state, -MOQSTAT_PATH_OPENED);
	return SCOPE_UNKNOWN;
}

/* Whose is it that a bump counts? */
static __noinline int scope_identity(struct pt_regs *ctx, const struct moqstat_site *site,
				     __u32 tgid, struct moqstat_id *out)
{
	struct moqstat_call at = { .session = 1 };
	int whose;

	if (!site || !out)
		return SCOPE_UNKNOWN;
	if (site->handles & MOQSTAT_HANDLE_PENDING)
		return scope_pending(site, tgid, out);
	if ((site->handles & MOQSTAT_HANDLE_OWNER) && !(site->handles & MOQSTAT_HANDLE_PATH))
		return scope_ends(ctx, site, tgid, out);
	if (site->handles & MOQSTAT_HANDLE_GUARD) {
		whose = scope_guard(ctx, site, tgid, out);
		if (whose != SCOPE_UNKNOWN || !(site->handles & MOQSTAT_HANDLE_VIEWER))
			return whose;
		return scope_closes(ctx, site, tgid, out);
	}
	if (site->handles & MOQSTAT_HANDLE_CALL) {
		whose = scope_called(ctx, site, &at);
		if (whose == SCOPE_KNOWN)
			whose = scope_path(site, &at, tgid, out);
		if (site->handles & MOQSTAT_HANDLE_ACCOUNT)
			scope_learn(ctx, site, tgid, whose == SCOPE_NOBODY);
		return whose;
	}
	if (site->skip.kind != MOQSTAT_OPERAND_NONE && operand_read(ctx, &site->skip, &at.session))
		return SCOPE_UNKNOWN;
	if (!(site->handles & MOQSTAT_HANDLE_PATH))
		return at.session && (site->handles & MOQSTAT_HANDLE_ACCOUNT)
			       ? scope_account(ctx, site, out)
			       : SCOPE_NOBODY;
	if (operand_read(ctx, &site->path, &at.path))
		return SCOPE_UNKNOWN;
	whose = at.session ? scope_path(site, &at, tgid, out) : SCOPE_NOBODY;
	if (site->handles & MOQSTAT_HANDLE_ACCOUNT)
		scope_learn(ctx, site, tgid, whose == SCOPE_NOBODY);
	return whose;
}

/* A path is about to be let go, and what was announced there with it: name it. */
static __always_inline void scope_peek(struct pt_regs *ctx, const struct moqstat_site *site)
{
	struct moqstat_peek *table;
	__u64 session = 0, path;

	if (site->handles & MOQSTAT_HANDLE_KEY) {
		table = guard_peek(false);
		session = table ? table->table : 0;
	} else {
		operand_read(ctx, &site->skip, &session);
	}
	if (!session || operand_read(ctx, &site->path, &path))
		scope_name_nobody();
	else
		identity_name(path, 0, scope_label(session));
}

/* A function that counts later on what it is called with begins. One of nobody's may be called
 * within one of a session's, and leaves that alone. */
static __always_inline void scope_call(struct pt_regs *ctx, const struct moqstat_site *site)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct moqstat_call *known = bpf_map_lookup_elem(&calls, &thread), call = {};

	if (operand_read(ctx, &site->guard, &call.level) ||
	    operand_read(ctx, &site->path, &call.path))
		return;
	operand_read(ctx, &site->skip, &call.session);
	if (!call.session) {
		if (known && known->level == call.level)
			known->level = 0;
		return;
	}
	if (known)
		*known = call;
	else
		bpf_map_update_elem(&calls, &thread, &call, BPF_ANY);
}

#endif
