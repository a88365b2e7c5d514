/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf_helpers.h>

#include "host_map.h"

#define HOST_MAPS    24
#define HOST_ENTRIES 64

/* From here on addresses are the kernel's. */
#define HOST_USER_END 0x00007ffffffff000ULL

struct host host;

struct range {
	struct range *next;
	__u64 at;
	__u32 size;
	__u8 bytes[];
};

static struct {
	struct range *ranges; /* of bytes that can be read; none overlap */
	struct host_map *maps[HOST_MAPS];
	__u32 failing[HOST_MAPS];
	long error[HOST_MAPS];
	bool meanwhile; /* it runs */
} state;

void host_free(void)
{
	struct range *next;
	__u32 i;

	for (; state.ranges; state.ranges = next) {
		next = state.ranges->next;
		free(state.ranges);
	}
	for (i = 0; i < HOST_MAPS; i++)
		host_map_destroy(state.maps[i]);
	memset(&state, 0, sizeof(state));
}

void host_reset(void)
{
	__u32 i;

	host_free();
	programs_reset();
	memset(&host, 0, sizeof(host));
	host.room = HOST_ENTRIES;
	assert_in_range(programs_maps_len, 1, HOST_MAPS);
	for (i = 0; i < programs_maps_len; i++)
		state.maps[i] = host_map_create(
			&programs_maps[i], programs_maps[i].max_entries == 1 ? HOST_ENTRIES : 0,
			HOST_CPUS);
}

/* ---- memory ---- */

static void memory_add(__u64 at, const void *bytes, __u32 size)
{
	struct range *r = malloc(sizeof(*r) + size);

	assert_non_null(r);
	r->at = at;
	r->size = size;
	memcpy(r->bytes, bytes, size);
	r->next = state.ranges;
	state.ranges = r;
}

void host_memory_drop(__u64 at, __u32 size)
{
	struct range **link = &state.ranges, *r, *kept = NULL;

	/* What overlaps is split, and what is left of it put back behind the walk. */
	while ((r = *link)) {
		if (r->at + r->size <= at || at + size <= r->at) {
			link = &r->next;
			continue;
		}
		*link = r->next;
		r->next = kept;
		kept = r;
	}
	while ((r = kept)) {
		kept = r->next;
		if (r->at < at)
			memory_add(r->at, r->bytes, at - r->at);
		if (r->at + r->size > at + size)
			memory_add(at + size, r->bytes + (at + size - r->at),
				   r->at + r->size - (at + size));
		free(r);
	}
}

void host_memory_put(__u64 at, const void *bytes, __u32 size)
{
	host_memory_drop(at, size);
	memory_add(at, bytes, size);
}

static bool memory_read(__u8 *out, __u64 at, __u64 size)
{
	const struct range *r;

	while (size) {
		for (r = state.ranges; r && (at < r->at || at >= r->at + r->size); r = r->next)
			;
		if (!r)
			return false;
		*out++ = r->bytes[at - r->at];
		at++;
		size--;
	}
	return true;
}

/* As the kernel's: an address that isn't the user's is refused whatever the length, and what could
 * not be read whole is wiped. */
long bpf_probe_read_user(void *dst, __u32 size, const void *unsafe_ptr)
{
	__u64 at = (__u64)unsafe_ptr;

	host.touched++;
	if (at < HOST_USER_END && at + size <= HOST_USER_END && memory_read(dst, at, size))
		return 0;
	memset(dst, 0, size);
	return -EFAULT;
}

/* ---- maps ---- */

static __u32 map_by_name(const char *name)
{
	__u32 i;

	for (i = 0; i < programs_maps_len; i++) {
		if (!strcmp(programs_maps[i].name, name))
			return i;
	}
	fail_msg("no map %s", name);
	return 0;
}

static __u32 map_by_address(const void *map)
{
	__u32 i;

	for (i = 0; i < programs_maps_len; i++) {
		if (programs_maps[i].map == map)
			return i;
	}
	fail_msg("a program uses a map that programs.c doesn't list");
	return 0;
}

void host_map_limit(const char *map, __u32 entries)
{
	__u32 i = map_by_name(map);

	host_map_destroy(state.maps[i]);
	state.maps[i] = host_map_create(&programs_maps[i], entries, HOST_CPUS);
}

void host_map_fail(const char *map, __u32 count, long err)
{
	__u32 i = map_by_name(map);

	state.failing[i] = count;
	state.error[i] = err;
}

__u32 host_map_len(const char *map)
{
	const struct host_map *m = state.maps[map_by_name(map)];
	const void *key = NULL;
	__u32 len = 0;

	while ((key = host_map_behind(m, key)))
		len++;
	return len;
}

void *host_map_get(const char *map, const void *key, __u32 cpu)
{
	return host_map_lookup(state.maps[map_by_name(map)], key, cpu);
}

const void *host_map_next(const char *map, const void *key)
{
	return host_map_behind(state.maps[map_by_name(map)], key);
}

void host_map_set(const char *map, const void *key, const void *value)
{
	assert_int_equal(host_map_update(state.maps[map_by_name(map)], key, value, BPF_ANY, 0), 0);
}

void host_map_delete(const char *map, const void *key)
{
	assert_int_equal(host_map_remove(state.maps[map_by_name(map)], key), 0);
}

/* Others may come in between; whoever runs then is not who runs now. */
static void map_touched(__u32 i, bool updates)
{
	__u64 thread = host.thread;
	__u32 cpu = host.cpu;

	host.touched++;
	if (!host.meanwhile || state.meanwhile)
		return;
	state.meanwhile = true;
	host.meanwhile(programs_maps[i].name, updates);
	state.meanwhile = false;
	host.thread = thread;
	host.cpu = cpu;
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
	__u32 i = map_by_address(map);

	map_touched(i, false);
	return host_map_lookup(state.maps[i], key, host.cpu);
}

long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	__u32 i = map_by_address(map);

	map_touched(i, true);
	if (state.failing[i]) {
		state.failing[i]--;
		return state.error[i];
	}
	return host_map_update(state.maps[i], key, value, flags, host.cpu);
}

long bpf_map_delete_elem(void *map, const void *key)
{
	host.touched++;
	return host_map_remove(state.maps[map_by_address(map)], key);
}

/* ---- who and where ---- */

__u64 bpf_get_current_pid_tgid(void)
{
	return host.thread;
}

__u64 bpf_get_attach_cookie(void *ctx)
{
	(void)ctx;
	return host.cookie;
}

/* There is only one. */
long bpf_ringbuf_output(void *ringbuf, void *data, __u64 size, __u64 flags)
{
	(void)ringbuf;
	(void)data;
	assert_int_equal(size, sizeof(struct moqstat_slot_key));
	assert_int_equal(flags, BPF_RB_NO_WAKEUP);
	if (host.told == host.room)
		return -EAGAIN;
	host.told++;
	memcpy(&host.last, data, size);
	return 0;
}

long bpf_loop(__u32 nr_loops, void *callback_fn, void *callback_ctx, __u64 flags)
{
	long (*callback)(__u32 i, void *ctx) = (long (*)(__u32, void *))callback_fn;
	__u32 i = 0;

	(void)flags;
	while (i < nr_loops && !callback(i++, callback_ctx))
		;
	return i;
}

long bpf_for_each_map_elem(void *map, void *callback_fn, void *callback_ctx, __u64 flags)
{
	long (*callback)(void *map, const void *key, void *value, void *ctx) =
		(long (*)(void *, const void *, void *, void *))callback_fn;
	struct host_map *m = state.maps[map_by_address(map)];
	const void *key = NULL;
	long n = 0;

	(void)flags;
	while ((key = host_map_behind(m, key))) {
		n++;
		if (callback(map, key, host_map_lookup(m, key, host.cpu), callback_ctx))
			break;
	}
	return n;
}

struct task_struct *bpf_get_current_task_btf(void)
{
	static struct signal_struct shared;
	static struct task_struct task = { .signal = &shared };

	shared.flags = host.exiting;
	return &task;
}
