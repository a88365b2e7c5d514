/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * read.h - what it takes to read an entry's own counters of payload from the relay's memory, rather
 * than to probe each bump: which entries are held, and what was counted when a guard was let go.
 * See docs/adr/0023-reading.md.
 */
#ifndef MOQSTAT_BPF_READ_H
#define MOQSTAT_BPF_READ_H

static const struct moqstat_reading read_nothing;

/* Times that another thread is first to raise a number, at most. */
#define READ_TRIES 64

/* The number of one more entry whose broadcast is in the overflow. */
static __always_inline __u32 read_life(void)
{
	if (!readable)
		return 0;
	/* Never MOQSTAT_GONE. */
	return MOQSTAT_LIFE | ((__sync_fetch_and_add(&lives, 1) + 1) & (MOQSTAT_LIFE / 2 - 1));
}

/* Let a number be `now` at least. Not 0 where others were faster each time. */
static __noinline int read_raise(__u64 *at, __u64 now)
{
	__u64 was, seen;
	__u32 tries;

	if (!at)
		return -1;
	was = *(volatile __u64 *)at;
	for (tries = 0; tries < READ_TRIES; tries++) {
		if (was >= now)
			return 0;
		seen = __sync_val_compare_and_swap(at, was, now);
		if (seen == was)
			return 0;
		was = seen;
	}
	return -1;
}

static __always_inline struct moqstat_reading *read_known(__u64 incarnation)
{
	struct moqstat_reading *r = bpf_map_lookup_elem(&readings, &incarnation);

	if (r)
		return r;
	bpf_map_update_elem(&readings, &incarnation, &read_nothing, BPF_NOEXIST);
	r = bpf_map_lookup_elem(&readings, &incarnation);
	if (!r)
		count_lost(MOQSTAT_LOST_READINGS_FULL);
	return r;
}

/* What is known of the entry that a bump is made on; NULL where it has no identity, or no room. */
static __always_inline struct moqstat_reading *
read_find(struct pt_regs *ctx, const struct moqstat_site *site, __u32 tgid)
{
	struct moqstat_entry_key entry = { .tgid = tgid };
	struct moqstat_reading *r;
	struct moqstat_id *id;

	if (operand_read(ctx, &site->entry, &entry.entry) || !entry.entry)
		return NULL;
	id = bpf_map_lookup_elem(&entries, &entry);
	if (!id || id->incarnation <= MOQSTAT_UNCOUNTED || id->incarnation == MOQSTAT_GONE)
		return NULL;
	r = read_known(id->incarnation);
	if (r)
		r->entry = entry.entry;
	return r;
}

/* A guard has been opened. */
static __noinline int read_open(struct pt_regs *ctx, const struct moqstat_site *site, __u32 tgid)
{
	struct moqstat_reading *r;

	if (!ctx || !site)
		return 0;
	r = read_find(ctx, site, tgid);
	if (r)
		__sync_fetch_and_add(&r->opened, 1);
	return 0;
}

/* A guard is about to be closed; of which slot isn't known where that is MOQSTAT_SLOT_SESSION. All
 * that was counted on it is in the entry by now, and the entry is still there. */
static __noinline int read_close(struct pt_regs *ctx, const struct moqstat_site *site, __u32 tgid,
				 __u32 slot)
{
	__u64 now[MOQSTAT_PAYLOAD_FIELDS];
	struct moqstat_reading *r;
	long err = 0;

	if (!ctx || !site)
		return 0;
	r = read_find(ctx, site, tgid);
	if (!r)
		return 0;
	if (site->field == MOQSTAT_SUBSCRIPTIONS_CLOSED && slot < MOQSTAT_SLOT_SESSION) {
		err = bpf_probe_read_user(now, sizeof(now),
					  (void *)(r->entry + read_offsets[slot]));
		if (!err)
			err = read_raise(&r->last[slot][0], now[0]) |
			      read_raise(&r->last[slot][1], now[1]) |
			      read_raise(&r->last[slot][2], now[2]);
	}
	if (err)
		count_lost(MOQSTAT_LOST_COUNTERS_UNREAD);
	__sync_fetch_and_add(&r->closed, 1);
	return 0;
}

/* Guards were open on an entry before the probes. The context is a struct moqstat_hold. */
SEC("raw_tp")
int hold(__u64 *ctx)
{
	struct moqstat_reading *r = read_known(ctx[0]);

	if (!r)
		return -1;
	r->entry = ctx[1];
	r->before = ctx[2];
	return 0;
}

/* What the relay's end leaves open: what it has counted goes with its memory. The head of an Arc,
 * of which a guard and the relay's table have a reference each, stands in front of the counters. */
static long read_last(void *map, const void *key, struct moqstat_reading *r, void *arg)
{
	__u64 now[MOQSTAT_SLOT_SESSION][MOQSTAT_PAYLOAD_FIELDS], head[2];
	__u64 held = *(volatile __u64 *)&r->opened + r->before;
	__u32 slot, i;
	long err;

	(void)map;
	(void)key;
	(void)arg;
	if ((__s64)(held - *(volatile __u64 *)&r->closed) <= 0)
		return 0;
	err = bpf_probe_read_user(head, sizeof(head), (void *)r->entry);
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++)
		err |= bpf_probe_read_user(now[slot], sizeof(now[slot]),
					   (void *)(r->entry + read_offsets[slot]));
	if ((__s64)(held - *(volatile __u64 *)&r->closed) <= 0)
		return 0;
	if (err || head[0] < 2 || head[1] != 1) {
		count_lost(MOQSTAT_LOST_COUNTERS_UNREAD);
		return 0;
	}
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		for (i = 0; i < MOQSTAT_PAYLOAD_FIELDS; i++)
			read_raise(&r->last[slot][i], now[slot][i]);
	}
	return 0;
}

/* The relay's last thread ends. Since Linux 6.16 this comes before its memory is let go, and tells
 * whether it is the last one; before, there is no second argument, and this can't be attached. */
SEC("raw_tp/sched_process_exit")
int ended(__u64 *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 == target_tgid && (ctx[1] & 1))
		bpf_for_each_map_elem(&readings, read_last, NULL, 0);
	return 0;
}

/* include/linux/sched/signal.h: the whole process is ending */
#define SIGNAL_GROUP_EXIT 4

/* Instead: a thread ends. If that is since the relay ends it is read, by each of them: the last one
 * sees all. */
SEC("kprobe/do_exit")
int ending(struct pt_regs *ctx)
{
	struct task_struct *task;

	(void)ctx;
	if (bpf_get_current_pid_tgid() >> 32 != target_tgid)
		return 0;
	task = bpf_get_current_task_btf();
	if (task->signal->flags & SIGNAL_GROUP_EXIT)
		bpf_for_each_map_elem(&readings, read_last, NULL, 0);
	return 0;
}

#endif
