/* SPDX-License-Identifier: MIT */
/*
 * identity.h - the hash by which the programs know a path, made on this side.
 */
#ifndef MOQSTAT_IDENTITY_H
#define MOQSTAT_IDENTITY_H

#include <stdint.h>

struct moqstat_bpf;

/** The keyed hash of `len` bytes of path, at most MOQSTAT_PATH_MAX, under the run's key; `slot` as
 * and `label` as in moqstat_name. The same as the programs', and never 0. */
uint64_t identity_hash(const struct moqstat_bpf *object, uint32_t slot, uint32_t label,
		       const char *path, uint32_t len);

#endif /* MOQSTAT_IDENTITY_H */
