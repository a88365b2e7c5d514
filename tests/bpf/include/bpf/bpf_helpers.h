/* SPDX-License-Identifier: MIT */
/*
 * bpf_helpers.h - stands in for libbpf's header where the programs are compiled for the host: what
 * they call is then the plain functions of host.c.
 */
#ifndef MOQSTAT_HOST_BPF_HELPERS_H
#define MOQSTAT_HOST_BPF_HELPERS_H

#include <stddef.h>

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#undef __noinline
#define __noinline __attribute__((noinline))

#define SEC(name)  __attribute__((used))

/* As libbpf has them: programs.c reads maps back from these types. */
#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(void *map, const void *key);
long bpf_probe_read_user(void *dst, __u32 size, const void *unsafe_ptr);
__u64 bpf_get_current_pid_tgid(void);
__u64 bpf_get_attach_cookie(void *ctx);
long bpf_ringbuf_output(void *ringbuf, void *data, __u64 size, __u64 flags);
long bpf_loop(__u32 nr_loops, void *callback_fn, void *callback_ctx, __u64 flags);
long bpf_for_each_map_elem(void *map, void *callback_fn, void *callback_ctx, __u64 flags);
struct task_struct *bpf_get_current_task_btf(void);

#endif
