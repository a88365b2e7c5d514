/* SPDX-License-Identifier: MIT */
/*
 * user_hash.h - user/identity.h, apart from what can't be included beside vmlinux.h.
 */
#ifndef MOQSTAT_USER_HASH_H
#define MOQSTAT_USER_HASH_H

#include <stdint.h>

/** What the user side takes for the hash of a path under a key. */
uint64_t user_hash(uint64_t low, uint64_t high, uint32_t slot, uint32_t label, const void *path,
		   uint32_t len);

#endif /* MOQSTAT_USER_HASH_H */
