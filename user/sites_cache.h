/* SPDX-License-Identifier: MIT */
/*
 * sites_cache.h - remembers the sites of an executable by its build-id, in
 * $XDG_CACHE_HOME/moqstat or ~/.cache/moqstat.
 *
 * A probe at a wrong place would harm the relay, so nothing in the cache is believed: it must
 * belong to this user, be unaltered, be of this release of moqstat, and be made from the very same
 * code bytes. Whatever is wrong with it, the executable is scanned anew.
 */
#ifndef MOQSTAT_SITES_CACHE_H
#define MOQSTAT_SITES_CACHE_H

#include "sites.h"

/** The sites of the executable if they are known; -ENOENT if not. */
int sites_cache_load(const struct elf_file *f, struct sites *out);

/** Remember them. Failing to is no error, only a debug message. */
void sites_cache_store(const struct elf_file *f, const struct sites *s);

/** From the cache if `cache`, else by scanning (and then remembered). As sites_scan(). */
int sites_find(const struct elf_file *f, bool cache, sites_progress progress, void *arg,
	       struct sites *out);

#endif /* MOQSTAT_SITES_CACHE_H */
