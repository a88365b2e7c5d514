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

static __always_inline void count_add(const struct moqstat_slot_key *key, __u32 field, __u64 n)
{
	__u64 cell = MOQSTAT_FIELD_CELL(field);

	/* Keep the compiler from proving, and dropping, the check that the verifier needs. */
	asm volatile("" : "+r"(cell));
	if (MOQSTAT_FIELD_CLOSES(field)) {
		struct moqstat_closed *c = bpf_map_lookup_elem(&closed, key);

		if (!c) {
			struct moqstat_closed zero = {};

			bpf_map_update_elem(&closed, key, &zero, BPF_NOEXIST);
			c = bpf_map_lookup_elem(&closed, key);
		}
		if (c && cell < MOQSTAT_CLOSED_CELLS)
			__sync_fetch_and_add(&c->cells[cell], n);
		else
			count_lost(MOQSTAT_LOST_COUNTERS_FULL);
	} else {
		struct moqstat_opened *o = bpf_map_lookup_elem(&opened, key);

		if (!o) {
			struct moqstat_opened zero = {};

			bpf_map_update_elem(&opened, key, &zero, BPF_NOEXIST);
			o = bpf_map_lookup_elem(&opened, key);
		}
		if (o && cell < MOQSTAT_OPENED_CELLS)
			__sync_fetch_and_add(&o->cells[cell], n);
		else
			count_lost(MOQSTAT_LOST_COUNTERS_FULL);
	}
}

#endif
