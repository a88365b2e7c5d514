// SPDX-License-Identifier: GPL-2.0-only
/* What our program is compared with: a program that does nothing, and the least that counts. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} slot SEC(".maps");

SEC("uprobe")
int hit_empty(struct pt_regs *ctx __attribute__((unused)))
{
	return 0;
}

SEC("uprobe")
int hit_slot(struct pt_regs *ctx __attribute__((unused)))
{
	u32 key = 0;
	u64 *count = bpf_map_lookup_elem(&slot, &key);

	if (count)
		*count += 1;
	return 0;
}
