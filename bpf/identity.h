/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * identity.h - which broadcast (or root) an entry pointer stands for.
 *
 * Names are learnt at rare events. A thread names a path when it enters Stats::entry or
 * StatsHandle::session. If that makes a new entry, the allocation's branch ties the pointer to the
 * path, under the relay's own lock, before any other thread can see the pointer. A pointer made
 * before the agent came is tied at the next opening bump of a thread that has just named the path;
 * where tiers have labels, where Session::scope gives it out.
 */
#ifndef MOQSTAT_BPF_IDENTITY_H
#define MOQSTAT_BPF_IDENTITY_H

static const struct moqstat_pending identity_nothing;

/* What this thread is about to use has yet to get its path; of which tier it is `label` tells, as
 * label_number() gives it. NULL where there is no room. */
static __always_inline struct moqstat_pending *identity_pend(__u32 slot, long label)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct moqstat_pending *p = bpf_map_lookup_elem(&pending, &thread);

	if (!p) {
		bpf_map_update_elem(&pending, &thread, &identity_nothing, BPF_NOEXIST);
		p = bpf_map_lookup_elem(&pending, &thread);
	}
	if (!p) {
		count_lost(MOQSTAT_LOST_PENDING_FULL);
		return NULL;
	}
	p->name.slot = slot;
	p->name.label = label < 0 ? 0 : label;
	p->name.len = 0;
	p->lost = label < 0 ? -label : MOQSTAT_LOST_NONE;
	p->valid = 1;
	return p;
}

/* The path's text. */
static __always_inline void identity_read(struct moqstat_pending *p, __u64 text, __u64 len)
{
	if (len > MOQSTAT_PATH_MAX) {
		p->lost = MOQSTAT_LOST_PATH_TOO_LONG;
		return;
	}
	if (bpf_probe_read_user(p->name.path, len, (void *)text)) {
		p->lost = MOQSTAT_LOST_PATH_FAULT;
		return;
	}
	p->name.len = len;
	p->hash = siphash_path(key_low, key_high ^ MOQSTAT_NAME_KIND(p->name.slot, p->name.label),
			       p->name.path, p->name.len);
	if (!p->hash)
		p->hash = 1;
}

/* Note the path that this thread is about to use. */
static __always_inline void identity_name(__u64 path_object, __u32 slot, long label)
{
	struct moqstat_pending *p = identity_pend(slot, label);
	__u64 text, len;

	if (!p || p->lost)
		return;
	if (label_text(path_object, &text, &len))
		p->lost = MOQSTAT_LOST_PATH_FAULT;
	else
		identity_read(p, text, len);
}

/* The same, where only its text is at hand. */
static __always_inline void identity_name_text(__u64 text, __u64 len, __u32 slot, long label)
{
	struct moqstat_pending *p = identity_pend(slot, label);

	if (p && !p->lost)
		identity_read(p, text, len);
}

static __always_inline struct moqstat_pending *identity_pending(void)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct moqstat_pending *p = bpf_map_lookup_elem(&pending, &thread);

	return p && p->valid ? p : NULL;
}

/* Let this thread have named nothing: what it names now can't be told. */
static __always_inline void identity_forget(void)
{
	struct moqstat_pending *p = identity_pending();

	if (p)
		p->valid = 0;
}

static __always_inline void identity_drop(const struct moqstat_id *id, __u32 slot, __u32 len)
{
	if (slot >= MOQSTAT_SLOT_SESSION)
		bpf_map_delete_elem(&roots, id);
	else
		bpf_map_delete_elem(&broadcasts, id);
	if (len > MOQSTAT_SHORT_MAX)
		bpf_map_delete_elem(&long_names, id);
}

/* Put a name where its kind belongs. Not 0: no room. The maps have more room than there may be
 * names, for what is on its way in or out. They take the front of it. */
static __always_inline long identity_put(const struct moqstat_id *id,
					 const struct moqstat_name *name)
{
	long err = 0;

	if (name->len > MOQSTAT_SHORT_MAX)
		err = bpf_map_update_elem(&long_names, id, name, BPF_NOEXIST);
	if (!err && name->slot >= MOQSTAT_SLOT_SESSION)
		err = bpf_map_update_elem(&roots, id, name, BPF_NOEXIST);
	else if (!err)
		err = bpf_map_update_elem(&broadcasts, id, name, BPF_NOEXIST);
	if (err && name->len > MOQSTAT_SHORT_MAX)
		bpf_map_delete_elem(&long_names, id);
	return err;
}

/* Times that an element is found to be on its way out, at most. */
#define IDENTITY_TRIES 4

/* Let an entry pointer stand for an identity: whatever it stood for if it is new, or else only if
 * it stands for none; otherwise the one it stands for is given. An element that is there is changed
 * where it is: taking it out asks for its word, so that either that or this succeeds. Nobody else
 * uses the pointer while it is new. Not 0: no room. */
static __always_inline long identity_tie(const struct moqstat_entry_key *key, struct moqstat_id *id,
					 bool made)
{
	struct moqstat_id *there;
	__u64 word;
	__u32 tries;
	int err; /* before Linux 6.4 no more of it than this is set */

	for (tries = 0; tries < IDENTITY_TRIES; tries++) {
		err = bpf_map_update_elem(&entries, key, id, BPF_NOEXIST);
		if (err != -EEXIST)
			return err;
		there = bpf_map_lookup_elem(&entries, key);
		if (!there)
			continue;
		/* Still this pointer's? Otherwise the word may be of another one. */
		word = *(volatile __u64 *)forget_tag(there);
		if (word >> 32 == MOQSTAT_GONE) {
			forget_wait(MOQSTAT_FORGET_ENTRY, key, forget_tag(there));
			continue;
		}
		if (bpf_map_lookup_elem(&entries, key) != there)
			continue;
		if (!made) {
			*id = *there;
			return 0;
		}
		if (__sync_val_compare_and_swap(forget_tag(there), word, *forget_tag(id)) == word) {
			there->hash = id->hash;
			return 0;
		}
	}
	return -EEXIST;
}

/* Begin an incarnation for the entry, under the pending name; not if the entry wasn't made just now
 * and another thread has begun one. What has no room or no readable name goes to the overflow
 * identity, with a reason. */
static __noinline int identity_begin(struct moqstat_pending *p, struct moqstat_entry_key *key,
				     __u32 fresh, __u32 made)
{
	struct moqstat_id id = { .tgid = key ? key->tgid : 0 }, own;
	__u32 reason, *used;

	if (!p || !key)
		return 0;
	used = &names_used[p->name.slot >= MOQSTAT_SLOT_SESSION];
	reason = p->lost;
	if (!reason) {
		id.hash = p->hash;
		id.incarnation = __sync_fetch_and_add(&incarnations, 1) + 1;
		p->name.entry = key->entry;
		p->name.fresh = fresh;
		if (__sync_fetch_and_add(used, 1) >= names_max || identity_put(&id, &p->name)) {
			__sync_fetch_and_add(used, -1);
			reason = MOQSTAT_LOST_BROADCASTS_FULL;
		}
	}
	if (reason) {
		id.hash = 0;
		if (reason == MOQSTAT_LOST_TIERS_FULL)
			id.incarnation = MOQSTAT_UNCOUNTED;
		else
			id.incarnation = p->name.slot ? p->name.slot : read_life();
		count_lost(reason);
	}
	own = id;
	if (identity_tie(key, &id, made)) {
		count_lost(MOQSTAT_LOST_ENTRIES_FULL);
		overflowed = 1;
		id.incarnation = 0;
	}
	if (own.hash && own.incarnation != id.incarnation) {
		identity_drop(&own, p->name.slot, p->name.len);
		__sync_fetch_and_add(used, -1);
	}
	return 0;
}

/* The identity of an entry, learnt now if it wasn't seen before and the thread has just named it;
 * but not once some had no room: it may be one of those, of which the overflow has a part already.
 */
static __always_inline struct moqstat_id *identity_find(struct moqstat_entry_key *key, bool named)
{
	struct moqstat_id *id = bpf_map_lookup_elem(&entries, key);
	struct moqstat_pending *p;

	if (!named)
		return id;
	p = identity_pending();
	if (!p)
		return id;
	p->valid = 0;
	if (!id && !overflowed) {
		identity_begin(p, key, 0, 0);
		id = bpf_map_lookup_elem(&entries, key);
	}
	return id;
}

#endif
