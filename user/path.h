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

/** What follows `prefix`, and the slash behind it, in `path`; NULL where that isn't under it. Both
 * are normalised and end with a 0. */
const char *path_below(const char *path, const char *prefix);

/** The path that the stats broadcast of one node is announced under: `<prefix>/node/<node>`, or
 *  `<prefix>/node` where node is NULL or has no segment; normalised. Source: relay-stats text,
 *  advertised_path. *out is NUL-terminated and freed by the caller. Returns 0 or -ENOMEM. */
int path_advertised(const char *prefix, const char *node, char **out);

/** The same of a group of paths, `len` bytes at `group`: `<prefix>/<group>/node[/<node>]`, of the
 *  empty one as above. A group may have any byte in it, a 0 as well; *out_len is without the last
 *  one. */
int path_advertised_group(const char *prefix, const char *group, size_t len, const char *node,
			  char **out, size_t *out_len);

/** How many bytes the first `segments` segments of a path take: all of it where it has no more of
 *  them. Source: moq-stats 0.1.5, group_key. */
size_t path_head(const char *path, size_t len, unsigned int segments);

/** Order two paths, or roots, by their bytes, as BTreeMap<String, _> does: < 0, 0 or > 0. One of no
 *  bytes may be NULL. */
int path_compare(const char *a, size_t a_len, const char *b, size_t b_len);

#endif /* MOQSTAT_PATH_H */
