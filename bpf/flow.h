/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow.h - the hot path: bytes, frames and groups of what is known.
 *
 * Nearly all hits are these. What is rare (what isn't known yet, an operand of another form, a
 * fault) goes the general way in moqstat.bpf.c, and so does the counting of what is lost. Each step
 * here was measured: docs/adr/0022-hot-path.md.
 */
#ifndef MOQSTAT_BPF_FLOW_H
#define MOQSTAT_BPF_FLOW_H

enum flow {
	FLOW_DONE = 0,
	FLOW_RARE, /* nothing has been counted: go the general way */
};

static __always_inline int flow_tier(struct pt_regs *ctx, const struct moqstat_site *site,
				     __u8 *out)
{
	__u64 at = operand_reg(ctx, site->tier.reg) + (__s64)site->tier.disp;

	return bpf_probe_read_user(out, 1, (void *)at) || *out >= MOQSTAT_TIER_MAX;
}

/* What is added. */
static __always_inline int flow_n(struct pt_regs *ctx, const struct moqstat_site *site, __u64 *out)
{
	__u64 at;

	*out = 1;
	if (site->n.kind == MOQSTAT_OPERAND_IMM)
		return 0;
	at = operand_reg(ctx, site->n.reg) + (__s64)site->n.disp;
	if (site->n.kind == MOQSTAT_OPERAND_MEM)
		return bpf_probe_read_user(out, 8, (void *)at);
	*out = at;
	return 0;
}

/* Whose counter it is, by entry pointer, and on which tier. An entry in the overflow may have a
 * number of its own here, under which nothing is counted: the general way knows. */
static __always_inline int flow_entry(struct pt_regs *ctx, const struct moqstat_site *site,
				      __u64 entry, struct moqstat_slot_key *slot, __u8 *tier)
{
	struct moqstat_entry_key key = { .entry = entry, .tgid = target_tgid };
	const struct moqstat_id *id = bpf_map_lookup_elem(&entries, &key);

	if (!id || flow_tier(ctx, site, tier))
		return -1;
	slot->id = *id;
	return 0;
}

/* The same by guard, which stays on its tier. */
static __always_inline int flow_guard(struct pt_regs *ctx, const struct moqstat_site *site,
				      struct moqstat_slot_key *slot, __u8 *tier)
{
	struct moqstat_guard_key key = { .tgid = target_tgid };
	struct moqstat_guard *guard;

	key.address = operand_reg(ctx, site->guard.reg) + (__s64)site->guard.disp;
	guard = bpf_map_lookup_elem(&guards, &key);
	if (!guard)
		return -1;
	slot->id = guard->id;
	if (guard->tier) {
		*tier = guard->tier - 1;
		return 0;
	}
	if (flow_tier(ctx, site, tier))
		return -1;
	guard->tier = *tier + 1;
	return 0;
}

/* Not inline: the stack that it takes is given back before the general way goes six calls deep, for
 * which older kernels allow 512 bytes in all. */
static __noinline int flow_bump(struct pt_regs *ctx, const struct moqstat_site *site, __u32 cookie)
{
	__u64 entry = operand_reg(ctx, site->entry.reg), n, cell, *hit;
	struct moqstat_slot_key slot = {};
	struct moqstat_opened *o;
	__u8 tier;

	if (entry || !statistics_off) {
		if (operand_zero(ctx))
			return FLOW_DONE;
		if (!entry)
			return FLOW_RARE;
		if (by_guard ? flow_guard(ctx, site, &slot, &tier)
			     : flow_entry(ctx, site, entry, &slot, &tier))
			return FLOW_RARE;
	} else if (flow_guard(ctx, site, &slot, &tier)) {
		return FLOW_RARE;
	}
	if (flow_n(ctx, site, &n))
		return FLOW_RARE;
	slot.slot = site->role * MOQSTAT_TIER_MAX + tier;
	o = bpf_map_lookup_elem(&opened, &slot);
	hit = bpf_map_lookup_elem(&hits, &cookie);
	cell = MOQSTAT_FIELD_CELL(site->field);
	if (!o || !hit || cell >= MOQSTAT_OPENED_MARK)
		return FLOW_RARE;
	__sync_fetch_and_add(&o->cells[cell], n);
	count_tell(&o->cells[MOQSTAT_OPENED_MARK], &slot);
	__sync_fetch_and_add(hit, 1);
	return FLOW_DONE;
}

#endif
