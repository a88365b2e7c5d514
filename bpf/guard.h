/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guard.h - whose guard it is, where entry pointers are null: the relay's statistics are off.
 *
 * What begins is named by the path that the thread has just given to Stats::entry. What goes on is
 * found by the place that the guard got (its address, or what stands in front of it), or by a path
 * that is still live where the guard is let go. docs/adr/0007-guards.md tells which is which.
 */
#ifndef MOQSTAT_BPF_GUARD_H
#define MOQSTAT_BPF_GUARD_H

static const struct moqstat_peek guard_nothing;

/* Are guards what counts? */
static __always_inline bool guard_mode(void)
{
	return by_guard || statistics_off;
}

enum guard_use {
	GUARD_LOOKS = 0, /* of something that is open */
	GUARD_BEGINS,	 /* of what is about to be opened here, or has been */
	GUARD_OPENS,
};

static __always_inline struct moqstat_path *guard_known(const struct moqstat_path_key *key,
							__u32 slot)
{
	if (slot >= MOQSTAT_SLOT_SESSION)
		return bpf_map_lookup_elem(&root_paths, key);
	return bpf_map_lookup_elem(&paths, key);
}

/* What a bump makes of the path that it is told by. What is counted for a path without any guard
 * keeps its incarnation as an opening does, until a reading has seen it. */
static __always_inline enum guard_use guard_use(const struct moqstat_site *site)
{
	return site->opens || site->field == MOQSTAT_ANNOUNCED_BYTES ||
			       site->field == MOQSTAT_FETCHES
		       ? GUARD_OPENS
		       : GUARD_LOOKS;
}

/* Times that a path's element is found to be on its way in or out, at most. */
#define GUARD_TRIES 4

/* Begin an incarnation of a path that has none: its number; 0 if there is one, or -E2BIG. Threads
 * may do so at the same time: the one that is first to enter the path has done it. It is fresh if
 * that is at the bump that opens it: where a guard gets its place, the bump may have been made just
 * before the probes came. */
static __always_inline long guard_begin(struct moqstat_pending *p,
					const struct moqstat_path_key *key, __u32 use)
{
	struct moqstat_id id = { .hash = p->hash, .tgid = key->tgid };
	struct moqstat_path fresh;
	int err; /* before Linux 6.4 no more of it than this is set */

	id.incarnation = __sync_fetch_and_add(&incarnations, 1) + 1;
	fresh.state = id.incarnation;
	if (use == GUARD_OPENS)
		fresh.state += MOQSTAT_PATH_OPENED;
	p->name.entry = 0;
	/* Where tiers are labels nobody knows what there was before. */
	p->name.fresh = attached && use == GUARD_OPENS && !labelled;
	if (identity_put(&id, &p->name))
		return -E2BIG;
	if (p->name.slot >= MOQSTAT_SLOT_SESSION)
		err = bpf_map_update_elem(&root_paths, key, &fresh, BPF_NOEXIST);
	else
		err = bpf_map_update_elem(&paths, key, &fresh, BPF_NOEXIST);
	if (!err)
		return id.incarnation;
	identity_drop(&id, p->name.slot, p->name.len);
	return err == -EEXIST ? 0 : -E2BIG;
}

/* The incarnation that a path's element stands for, noted as opened once more if that is the use.
 * 0 if it is no longer in its map: it may even be another path's by now. Whatever is noted on an
 * element keeps it from being taken out, so that a wrong note can be undone. */
static __always_inline __u32 guard_enter(struct moqstat_path *known,
					 const struct moqstat_path_key *key, __u32 slot, __u32 use)
{
	__u64 note = use == GUARD_OPENS ? MOQSTAT_PATH_OPENED : 0;
	__u32 incarnation = __sync_fetch_and_add(&known->state, note);

	if (incarnation == MOQSTAT_GONE) {
		forget_wait(slot >= MOQSTAT_SLOT_SESSION ? MOQSTAT_FORGET_ROOT_PATH
							 : MOQSTAT_FORGET_PATH,
			    key, &known->state);
		return 0;
	}
	if (guard_known(key, slot) == known)
		return incarnation;
	__sync_fetch_and_add(&known->state, -note);
	return 0;
}

/* The identity of the path that this thread has named. Not 0 where it has none. */
static __noinline int guard_path(struct moqstat_pending *p, __u32 tgid, __u32 use,
				 struct moqstat_id *out)
{
	struct moqstat_path_key key = { .tgid = tgid };
	struct moqstat_path *known;
	long incarnation = 0;
	__u32 tries;

	if (!p || !out)
		return -1;
	key.hash = p->hash;
	key.len = p->name.len;
	for (tries = 0; tries < GUARD_TRIES && !incarnation && !p->lost; tries++) {
		known = guard_known(&key, p->name.slot);
		if (known)
			incarnation = guard_enter(known, &key, p->name.slot, use);
		else if (use == GUARD_LOOKS)
			break;
		else
			incarnation = guard_begin(p, &key, use);
	}
	if (incarnation > 0) {
		out->hash = p->hash;
		out->tgid = tgid;
		out->incarnation = incarnation;
		return 0;
	}
	/* What is unknown now found no room before, or was open before the agent came. */
	if (!p->lost && use == GUARD_LOOKS && !overflowed)
		return -1;
	if (use == GUARD_OPENS) {
		count_lost(p->lost ? p->lost : MOQSTAT_LOST_BROADCASTS_FULL);
		/* A path that is too long is so again where it is let go, and needs no flag. */
		if (p->lost != MOQSTAT_LOST_PATH_TOO_LONG)
			overflowed = 1;
	}
	out->hash = 0;
	out->tgid = tgid;
	out->incarnation = p->name.slot;
	return 0;
}

/* What this thread has just noted as opened under the path that it has named was not counted: take
 * it back, or the path would never be over. */
static __noinline int guard_unopen(const struct moqstat_id *id)
{
	struct moqstat_pending *p = identity_pending();
	struct moqstat_path_key key = {};
	struct moqstat_path *known;

	if (!id || !p)
		return 0;
	key.hash = p->hash;
	key.tgid = id->tgid;
	key.len = p->name.len;
	known = guard_known(&key, p->name.slot);
	/* Still noted, it can't have ended since. */
	if (known && (__u32)known->state == id->incarnation)
		__sync_fetch_and_add(&known->state, -MOQSTAT_PATH_OPENED);
	return 0;
}

/* The identity of the path object at an address, of a tier, if it is known or begins now. What
 * begins stays named: its guard has no place yet. */
static __always_inline int guard_live_path(__u64 path, long label, __u32 tgid, __u32 use,
					   struct moqstat_id *out)
{
	struct moqstat_pending *p;

	identity_name(path, 0, label);
	p = identity_pending();
	if (!p)
		return -1;
	p->valid = use == GUARD_OPENS;
	/* It may be one that is known. */
	if (p->lost == MOQSTAT_LOST_PATH_FAULT)
		return -1;
	return guard_path(p, tgid, use, out);
}

static __always_inline void guard_remember(const struct moqstat_guard_key *key,
					   const struct moqstat_id *id, __u64 sibling)
{
	struct moqstat_guard guard = { .id = *id, .sibling = sibling };

	if (bpf_map_update_elem(&guards, key, &guard, BPF_ANY))
		count_lost(MOQSTAT_LOST_GUARDS_FULL);
}

/* Look a guard up by where it is, and forget it if it is let go. */
static __always_inline int guard_find(struct moqstat_guard_key *key, bool closes,
				      struct moqstat_id *out)
{
	struct moqstat_guard *guard = bpf_map_lookup_elem(&guards, key);
	__u64 sibling;

	if (!guard)
		return -1;
	*out = guard->id;
	if (!closes)
		return 0;
	sibling = guard->sibling;
	bpf_map_delete_elem(&guards, key);
	if (sibling) {
		key->address = sibling;
		bpf_map_delete_elem(&guards, key);
	}
	return 0;
}

static __always_inline struct moqstat_peek *guard_peek(bool create)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct moqstat_peek *peek = bpf_map_lookup_elem(&peeks, &thread);

	if (!peek && create) {
		bpf_map_update_elem(&peeks, &thread, &guard_nothing, BPF_NOEXIST);
		peek = bpf_map_lookup_elem(&peeks, &thread);
	}
	return peek;
}

/* Let what was peeked at be nobody's. */
static __always_inline void guard_forget_peek(struct moqstat_peek *peek)
{
	peek->id.hash = 0;
	peek->id.tgid = 0;
}

/* Whose guard a bump is made on. Not 0 where no handle tells. */
static __noinline int guard_identity(struct pt_regs *ctx, const struct moqstat_site *site,
				     __u32 tgid, struct moqstat_id *out)
{
	bool closes = MOQSTAT_FIELD_CLOSES(site->field);
	struct moqstat_guard_key key = { .tgid = tgid };
	struct moqstat_pending *p;
	struct moqstat_peek *peek;
	__u64 at = 0;

	if (!out)
		return -1;
	if (site->handles & MOQSTAT_HANDLE_PENDING) {
		p = identity_pending();
		return p ? guard_path(p, tgid, GUARD_OPENS, out) : -1;
	}
	if (site->handles & (MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_OWNER)) {
		if (operand_read(ctx, &site->guard, &at))
			at = 0;
	}
	if (at && (site->handles & MOQSTAT_HANDLE_GUARD)) {
		key.address = at;
		if (!guard_find(&key, closes, out)) {
			/* Nor is it for whatever is let go next. */
			peek = site->handles & MOQSTAT_HANDLE_PEEK ? guard_peek(false) : NULL;
			if (peek)
				guard_forget_peek(peek);
			return 0;
		}
	}
	if (at && (site->handles & MOQSTAT_HANDLE_OWNER)) {
		key.kind = MOQSTAT_GUARD_OWNER;
		if (!bpf_probe_read_user(&key.address, 8, (void *)(at - 8)) &&
		    !guard_find(&key, closes, out))
			return 0;
	}
	if ((site->handles & MOQSTAT_HANDLE_PATH) && !operand_read(ctx, &site->path, &at) &&
	    !guard_live_path(at, 0, tgid, guard_use(site), out))
		return 0;
	if (site->handles & MOQSTAT_HANDLE_PEEK) {
		peek = guard_peek(false);
		if (peek && (peek->id.hash || peek->id.tgid) &&
		    !peek->keyed == !(site->handles & MOQSTAT_HANDLE_KEY)) {
			*out = peek->id;
			guard_forget_peek(peek);
			return 0;
		}
	}
	return -1;
}

#endif
