/* SPDX-License-Identifier: MIT */
/*
 * names.h - the programs' maps of names, of broadcasts and of roots: short ones in one map, the
 * whole of long ones in another.
 */
#ifndef MOQSTAT_NAMES_H
#define MOQSTAT_NAMES_H

#include <stdint.h>

#include <moqstat.h>

struct moqstat_bpf;

/** The name of an incarnation; `slot` as in moqstat_name. 0, -ENOENT or another -errno. */
int names_read(const struct moqstat_bpf *object, uint32_t slot, const struct moqstat_id *id,
	       struct moqstat_name *out);

/** Add one. 0 or -errno. */
int names_add(const struct moqstat_bpf *object, const struct moqstat_id *id,
	      const struct moqstat_name *name);

/** Delete one. 0 or -ENOENT. */
int names_delete(const struct moqstat_bpf *object, uint32_t slot, const struct moqstat_id *id,
		 uint32_t len);

#endif /* MOQSTAT_NAMES_H */
