/* SPDX-License-Identifier: MIT */
#include "deflate.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include <zlib.h>

/* 15 bits of window, and 16 for gzip's own header in place of zlib's; or less than 0 for none. */
#define DEFLATE_GZIP   (15 + 16)
#define DEFLATE_RAW    (-15)
#define DEFLATE_MEMORY 8

/* What moq-flate goes by; and beyond so many bytes less is tried, since others wait meanwhile. */
#define DEFLATE_LEVEL 6
#define DEFLATE_LONG  (8 << 20)

/* A flush takes less, beyond what compressBound() allows a whole stream for its header and end. */
#define DEFLATE_FLUSH 16

/* How it is to be done. */
struct deflate_way {
	int level, bits;
	int flush; /* with what a stream ends */
	int ended; /* what that gives then */
};

/* Compress into `room` bytes. -E2BIG where they don't suffice. */
static int deflate_into(const struct deflate_way *way, const char *data, size_t len, char *packed,
			size_t room, size_t *out)
{
	z_stream z = { .next_in = (void *)data, .avail_in = len };
	int got;

	if (deflateInit2(&z, way->level, Z_DEFLATED, way->bits, DEFLATE_MEMORY, Z_DEFAULT_STRATEGY))
		return -ENOMEM;
	z.next_out = (void *)packed;
	z.avail_out = room;
	got = deflate(&z, way->flush);
	*out = z.total_out;
	/* What was given all the room may have more to say (zlib manual, deflate). */
	if (got == Z_OK && !z.avail_out)
		got = Z_BUF_ERROR;
	deflateEnd(&z);
	return got == way->ended ? 0 : -E2BIG;
}

static int deflate_pack(const struct deflate_way *way, const char *data, size_t len, size_t room,
			char **out, size_t *out_len)
{
	char *packed = malloc(room + 1);
	int err = packed ? deflate_into(way, data, len, packed, room, out_len) : -ENOMEM;

	if (err) {
		free(packed);
		return err;
	}
	*out = packed;
	return 0;
}

int deflate_gzip(const char *data, size_t len, char **out, size_t *out_len)
{
	/* Of these texts little is gained by trying harder. */
	static const struct deflate_way way = { Z_BEST_SPEED, DEFLATE_GZIP, Z_FINISH,
						Z_STREAM_END };

	return len < UINT_MAX ? deflate_pack(&way, data, len, len, out, out_len) : -E2BIG;
}

int deflate_frame(const char *data, size_t len, char **out, size_t *out_len)
{
	const struct deflate_way way = { len > DEFLATE_LONG ? Z_BEST_SPEED : DEFLATE_LEVEL,
					 DEFLATE_RAW, Z_SYNC_FLUSH, Z_OK };
	size_t room = len < UINT_MAX ? compressBound(len) + DEFLATE_FLUSH : UINT_MAX;
	char *packed, *shrunk;
	size_t packed_len;
	int err = room < UINT_MAX ? deflate_pack(&way, data, len, room, &packed, &packed_len)
				  : -E2BIG;

	if (err)
		return err;
	packed_len -= DEFLATE_TAIL_LEN;
	/* It is kept for longer than it took. */
	shrunk = realloc(packed, packed_len);
	*out = shrunk ? shrunk : packed;
	*out_len = packed_len;
	return 0;
}
