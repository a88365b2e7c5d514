/* SPDX-License-Identifier: MIT */
/*
 * path.h - how moq-net writes and compares paths.
 *
 * A path is a sequence of non-empty segments with one slash between each two; the empty path has
 * none. Source: moq-net 0.1.8, `Path::new` and `Path::has_prefix`.
 */
#ifndef MOQSTAT_PATH_H
#define MOQSTAT_PATH_H

#include <stdbool.h>
#include <stddef.h>

/** Normalise `len` bytes at `in`: no slash at either end, no two in a row. `out` has room for
 *  `len` bytes and may be `in` itself; it is not NUL-terminated. Returns the bytes written. */
size_t path_normalize(const char *in, size_t len, char *out);

/** Whether `path` is `prefix` or lies under it, by whole segments: `.statsx` is not under
 *  `.stats`. Everything is under the empty prefix. Both are normalised paths. */
bool path_has_prefix(const char *path, size_t path_len, const char *prefix, size_t prefix_len);

/** The path that the stats broadcast of one node is announced under: `<prefix>/node/<node>`, or
 *  `<prefix>/node` where node is NULL or has no segment; normalised. Source: relay-stats text,
 *  advertised_path. *out is NUL-terminated and freed by the caller. Returns 0 or -ENOMEM. */
int path_advertised(const char *prefix, const char *node, char **out);

#endif /* MOQSTAT_PATH_H */
