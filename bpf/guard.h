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

/* Begin an incarnation of a path that has none. Threads may do so at the same time: the one that
 * is first to enter the path has done it. It is fresh if that is at the bump that opens it: where a
 * guard gets its place, the bump may have been made just before the probes came. */
static __always_inline void guard_begin(struct moqstat_pending *p,
					const struct moqstat_path_key *key, __u32 use)
{
	struct moqstat_path fresh = { .id = { .hash = p->hash, .tgid = key->tgid } };
	long err;

	fresh.id.incarnation = __sync_fetch_and_add(&incarnations, 1) + 1;
	p->name.entry = 0;
	p->name.fresh = attached && use == GUARD_OPENS;
	if (identity_put(&fresh.id, &p->name))
		return;
	if (p->name.slot >= MOQSTAT_SLOT_SESSION)
		err = bpf_map_update_elem(&root_paths, key, &fresh, BPF_NOEXIST);
	else
		err = bpf_map_update_elem(&paths, key, &fresh, BPF_NOEXIST);
	if (err)
		identity_drop(&fresh.id, p->name.slot);
}

/* The identity of the path that this thread has named. Not 0 where it has none. */
static __noinline int guard_path(struct moqstat_pending *p, __u32 tgid, __u32 use,
				 struct moqstat_id *out)
{
	struct moqstat_path_key key = { .tgid = tgid };
	struct moqstat_path *known = NULL;

	if (!p || !out)
		return -1;
	key.hash = p->hash;
	key.len = p->name.len;
	if (!p->lost) {
		known = guard_known(&key, p->name.slot);
		if (!known && use != GUARD_LOOKS) {
			guard_begin(p, &key, use);
			known = guard_known(&key, p->name.slot);
		}
	}
	if (known) {
		*out = known->id;
		if (use != GUARD_OPENS)
			return 0;
		__sync_fetch_and_add(&known->opens, 1);
		/* It may have ended in this very moment: then another has to begin. */
		known = guard_known(&key, p->name.slot);
		if (!known) {
			guard_begin(p, &key, use);
			known = guard_known(&key, p->name.slot);
		}
		if (known && known->id.incarnation != out->incarnation) {
			*out = known->id;
			__sync_fetch_and_add(&known->opens, 1);
		}
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

/* The identity of the path object at an address, if it is known. */
static __always_inline int guard_live_path(__u64 path, __u32 tgid, struct moqstat_id *out)
{
	struct moqstat_pending *p;

	identity_name(path, 0);
	p = identity_pending();
	if (!p)
		return -1;
	p->valid = 0;
	return guard_path(p, tgid, GUARD_LOOKS, out);
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
	    !guard_live_path(at, tgid, out))
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
