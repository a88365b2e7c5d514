// SPDX-License-Identifier: GPL-2.0-only
/* moqstat.bpf.c - the programs that run at the relay's probed instructions. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

#include <moqstat.h>

#include "maps.h"
#include "siphash.h"
#include "count.h"
#include "operand.h"
#include "identity.h"

/* The record of the site that fired, if it fired in the relay and its branch leads on. The kernel
 * could filter by process, but before Linux 6.10 it then drops hits of other threads. */
static __always_inline struct moqstat_site *site_of(struct pt_regs *ctx, __u32 *tgid)
{
	struct moqstat_site *site;
	__u32 cookie;

	*tgid = bpf_get_current_pid_tgid() >> 32;
	if (*tgid != target_tgid)
		return NULL;
	cookie = bpf_get_attach_cookie(ctx);
	site = bpf_map_lookup_elem(&sites, &cookie);
	if (!site || !operand_when(ctx, site->when))
		return NULL;
	count_hit(cookie);
	return site;
}

/* Whose counter the site is about to bump; NULL, and the loss counted, where that can't be told. */
static __always_inline struct moqstat_id *site_identity(struct pt_regs *ctx,
							const struct moqstat_site *site, __u32 tgid)
{
	struct moqstat_entry_key entry = { .tgid = tgid };
	struct moqstat_id *id;

	if (operand_read(ctx, &site->entry, &entry.entry)) {
		count_lost(MOQSTAT_LOST_OPERAND_FAULT);
		return NULL;
	}
	if (!entry.entry) {
		count_lost(MOQSTAT_LOST_ENTRY_NULL);
		return NULL;
	}
	id = identity_find(&entry, site->opens);
	if (!id)
		count_lost(MOQSTAT_LOST_ENTRY_UNKNOWN);
	return id;
}

/* At the branch in front of a broadcast's counter. */
SEC("uprobe")
int bump(struct pt_regs *ctx)
{
	struct moqstat_slot_key slot = {};
	struct moqstat_site *site;
	struct moqstat_id *id;
	__u64 tier, role, n;
	__u32 tgid;

	site = site_of(ctx, &tgid);
	if (!site)
		return 0;
	id = site_identity(ctx, site, tgid);
	if (!id)
		return 0;
	role = site->role;
	if (operand_read(ctx, &site->tier, &tier) || operand_read(ctx, &site->n, &n) ||
	    (role == MOQSTAT_ROLE_MAX && operand_read(ctx, &site->side, &role))) {
		count_lost(MOQSTAT_LOST_OPERAND_FAULT);
		return 0;
	}
	if (tier >= MOQSTAT_TIER_MAX || role >= MOQSTAT_ROLE_MAX) {
		count_lost(MOQSTAT_LOST_OPERAND_RANGE);
		return 0;
	}
	slot.id = *id;
	slot.slot = role * MOQSTAT_TIER_MAX + tier;
	count_add(&slot, site->field, n);
	return 0;
}

/* At the branch in front of a root's session counter. */
SEC("uprobe")
int session_bump(struct pt_regs *ctx)
{
	struct moqstat_slot_key slot = {};
	struct moqstat_site *site;
	struct moqstat_name *name;
	struct moqstat_id *id;
	__u32 tgid;

	site = site_of(ctx, &tgid);
	if (!site)
		return 0;
	id = site_identity(ctx, site, tgid);
	if (!id)
		return 0;
	slot.id = *id;
	name = bpf_map_lookup_elem(&roots, id);
	slot.slot = name ? name->slot : id->incarnation;
	count_add(&slot, site->field, 1);
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

/* Stats::entry(&self, &path) begins. */
SEC("uprobe")
int entry(struct pt_regs *ctx)
{
	__u64 path;
	__u32 tgid;
	struct moqstat_site *site = site_of(ctx, &tgid);

	if (!site)
		return 0;
	site_note_statistics(ctx, site);
	if (!operand_read(ctx, &site->entry, &path))
		identity_name(path, 0);
	return 0;
}

/* StatsHandle::session(&self, &root) begins. */
SEC("uprobe")
int session(struct pt_regs *ctx)
{
	__u64 root, tier;
	__u32 tgid;
	struct moqstat_site *site = site_of(ctx, &tgid);

	if (!site)
		return 0;
	site_note_statistics(ctx, site);
	if (operand_read(ctx, &site->entry, &root) || operand_read(ctx, &site->tier, &tier)) {
		count_lost(MOQSTAT_LOST_OPERAND_FAULT);
		return 0;
	}
	if (tier >= MOQSTAT_TIER_MAX) {
		count_lost(MOQSTAT_LOST_OPERAND_RANGE);
		return 0;
	}
	identity_name(root, MOQSTAT_SLOT_SESSION + tier);
	return 0;
}

/* Inside either of them: a new entry has been allocated. */
SEC("uprobe")
int allocated(struct pt_regs *ctx)
{
	struct moqstat_entry_key key = {};
	struct moqstat_site *site = site_of(ctx, &key.tgid);
	struct moqstat_pending *p;

	if (!site || operand_read(ctx, &site->entry, &key.entry))
		return 0;
	p = identity_pending();
	if (p) {
		identity_begin(p, &key, attached);
	} else {
		/* Whatever had this address before is no more. */
		bpf_map_delete_elem(&entries, &key);
		count_lost(MOQSTAT_LOST_PENDING_FULL);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
