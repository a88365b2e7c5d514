/* SPDX-License-Identifier: MIT */
#include "gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

/* 15 bits of window, and 16 for gzip's own header in place of zlib's. */
#define GZIP_BITS   (15 + 16)
#define GZIP_MEMORY 8

int gzip_pack(const char *data, size_t len, char **out, size_t *out_len)
{
	z_stream z = { .next_in = (void *)data, .avail_in = len };
	char *packed = len < UINT_MAX ? malloc(len + 1) : NULL;
	int got;

	if (!packed)
		return -ENOMEM;
	/* Of these texts little is gained by trying harder. */
	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_BITS, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY)) {
		free(packed);
		return -ENOMEM;
	}
	z.next_out = (void *)packed;
	z.avail_out = len;
	got = deflate(&z, Z_FINISH);
	deflateEnd(&z);
	if (got != Z_STREAM_END) {
		free(packed);
		return -E2BIG;
	}
	*out = packed;
	*out_len = z.total_out;
	return 0;
}
