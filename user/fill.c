/* SPDX-License-Identifier: MIT */
#include "fill.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* Bytes that a batch takes at first, and elements at most. */
#define FILL_BYTES (256 << 10)
#define FILL_BATCH 4096

/* include/linux/errno.h: it slips out to us where there are no batches. */
#define FILL_ENOTSUPP 524

/* What the kernel copies elements to. */
struct fill {
	void *keys, *values;
	uint32_t len;
};

static int fill_resize(struct fill *f, uint32_t len, uint32_t key_size, uint32_t value_size)
{
	free(f->keys);
	free(f->values);
	f->keys = calloc(len, key_size);
	f->values = calloc(len, value_size);
	f->len = len;
	return f->keys && f->values ? 0 : -ENOMEM;
}

/* One walk over all buckets. */
static int fill_walk(int fd, uint32_t key_size, uint32_t value_size, struct fill *f, uint64_t *out)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint64_t cursor = 0, n = 0; /* the kernel keeps a bucket's number in 4 bytes of it */
	bool first = true, end = false;

	while (!end) {
		uint32_t count = f->len;
		int err = bpf_map_lookup_batch(fd, first ? NULL : &cursor, &cursor, f->keys,
					       f->values, &count, &opts);

		end = err && errno == ENOENT; /* there may be a last few with it */
		if (!err || end) {
			n += count;
			first = false;
		} else if (errno != ENOSPC) {
			return errno == EINVAL || errno == FILL_ENOTSUPP ? -ENOTSUP : -errno;
		} else if (fill_resize(f, 2 * f->len, key_size, value_size)) {
			return -ENOMEM; /* one bucket held more than a batch */
		}
	}
	*out = n;
	return 0;
}

int fill_count(int fd, uint32_t key_size, uint32_t value_size, uint64_t *out)
{
	uint32_t len = FILL_BYTES / (key_size + value_size);
	struct fill f = { 0 };
	int err = fill_resize(&f,
			      !len		 ? 1
			      : len > FILL_BATCH ? FILL_BATCH
						 : len,
			      key_size, value_size);

	if (!err)
		err = fill_walk(fd, key_size, value_size, &f, out);
	free(f.keys);
	free(f.values);
	return err;
}
