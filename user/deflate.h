/* SPDX-License-Identifier: MIT */
/*
 * deflate.h - texts compressed by zlib (RFC 1951): whole, as a body in the gzip format, or as the
 * frame of a compressed track. Pure, and nothing of HTTP.
 */
#ifndef MOQSTAT_DEFLATE_H
#define MOQSTAT_DEFLATE_H

#include <stddef.h>

/** A flush of a stream ends with an empty block without compression, of which these four bytes come
 *  last (RFC 1951, 3.2.4; zlib manual, Z_SYNC_FLUSH). No frame of a compressed track has them: who
 *  reads it puts them back. */
#define DEFLATE_TAIL	 "\x00\x00\xff\xff"
#define DEFLATE_TAIL_LEN 4

/** Compress `len` bytes as a gzip file (RFC 1952). *out is the caller's to free. 0; -ENOMEM; -E2BIG
 *  where that isn't smaller. */
int deflate_gzip(const char *data, size_t len, char **out, size_t *out_len);

/** Compress `len` bytes as the first frame of a group of a `.json.z` track: a raw stream of level 6
 *  (beyond 8 MB, 1: three times as fast) that begins with it, flushed behind it, without
 * DEFLATE_TAIL. Each frame is a group of its own here, so it is the only one. *out is the caller's
 * to free. 0; -ENOMEM; -E2BIG: some 4 GB or more. Source: moq-flate 0.1.1. */
int deflate_frame(const char *data, size_t len, char **out, size_t *out_len);

#endif /* MOQSTAT_DEFLATE_H */
