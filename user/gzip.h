/* SPDX-License-Identifier: MIT */
/*
 * gzip.h - a body in the gzip format (RFC 1952), by zlib.
 */
#ifndef MOQSTAT_GZIP_H
#define MOQSTAT_GZIP_H

#include <stddef.h>

/** Compress `len` bytes. *out is the caller's to free. 0; -ENOMEM; -E2BIG where that isn't smaller.
 */
int gzip_pack(const char *data, size_t len, char **out, size_t *out_len);

#endif /* MOQSTAT_GZIP_H */
