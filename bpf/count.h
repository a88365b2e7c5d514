/* SPDX-License-Identifier: GPL-2.0-only */
/* count.h - adds to counters. All adds are atomic although the maps are per CPU: a program may be
 * preempted by another thread's, on the same CPU, between reading and writing. */
#ifndef MOQSTAT_BPF_COUNT_H
#define MOQSTAT_BPF_COUNT_H

static __always_inline void count_lost(__u32 reason)
{
	__u64 *n = bpf_map_lookup_elem(&lost, &reason);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline void count_hit(__u32 site)
{
	__u64 *n = bpf_map_lookup_elem(&hits, &site);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/* Tell the next reading, once on each CPU, that there is something to read. This comes after the
 * adding, whose instruction is a barrier, and a reading takes what was told before it raises its
 * number, and looks at the counters after that (user/counts.c). So what was added without telling,
 * since the number was still the old one, was added before those are looked at. */
static __always_inline void count_tell(__u64 *mark, const struct moqstat_slot_key *key)
{
	__u64 next = *(volatile __u64 *)&reading_next;

	if (*mark == next)
		return;
	*mark = next;
	if (bpf_ringbuf_output(&changed, (void *)key, sizeof(*key), BPF_RB_NO_WAKEUP))
		changed_full = 1;
}

/* Add to the counter of a slot. Not 0 where there is no room for one. */
static __noinline int count_in(const struct moqstat_slot_key *key, __u32 field, __u64 n)
{
	__u64 cell = MOQSTAT_FIELD_CELL(field);

	if (!key)
		return -1;
	/* Keep the compiler from proving, and dropping, the check that the verifier needs. */
	asm volatile("" : "+r"(cell));
	if (MOQSTAT_FIELD_CLOSES(field)) {
		struct moqstat_closed *c = bpf_map_lookup_elem(&closed, key);

		if (!c) {
			struct moqstat_closed zero = {};

			bpf_map_update_elem(&closed, key, &zero, BPF_NOEXIST);
			c = bpf_map_lookup_elem(&closed, key);
		}
		if (!c || cell >= MOQSTAT_CLOSED_MARK)
			return -1;
		__sync_fetch_and_add(&c->cells[cell], n);
		count_tell(&c->cells[MOQSTAT_CLOSED_MARK], key);
	} else {
		struct moqstat_opened *o = bpf_map_lookup_elem(&opened, key);

		if (!o) {
			struct moqstat_opened zero = {};

			bpf_map_update_elem(&opened, key, &zero, BPF_NOEXIST);
			o = bpf_map_lookup_elem(&opened, key);
		}
		if (!o || cell >= MOQSTAT_OPENED_CELLS)
			return -1;
		__sync_fetch_and_add(&o->cells[cell], n);
		count_tell(&o->cells[MOQSTAT_OPENED_MARK], key);
	}
	return 0;
}

/* The same; what has no room goes to the overflow, which has a place of its own (user/overflow.c),
 * and the loss is counted. */
static __always_inline int count_add(const struct moqstat_slot_key *key, __u32 field, __u64 n)
{
	struct moqstat_slot_key over = { .slot = key->slot };

	if (!count_in(key, field, n))
		return 0;
	count_lost(MOQSTAT_LOST_COUNTERS_FULL);
	over.id.tgid = key->id.tgid;
	over.id.incarnation = key->slot < MOQSTAT_SLOT_SESSION ? 0 : key->slot;
	count_in(&over, field, n);
	return -1;
}

#endif
