/* SPDX-License-Identifier: MIT */
/*
 * hashbrown.h - a table of std's HashMap in the relay's memory. The relay may change it meanwhile:
 * so a copy is taken, and what was read by its leave is believed if the table is as before then.
 */
#ifndef MOQSTAT_HASHBROWN_H
#define MOQSTAT_HASHBROWN_H

#include <stddef.h>
#include <stdint.h>

#include "target.h"

/** hashbrown::raw::RawTable: control bytes, one a bucket, with the buckets in front of them,
 *  growing downwards; a control byte without its top bit is a bucket in use. */
struct hashbrown_head {
	uint64_t control;
	uint64_t mask;
	uint64_t growth_left;
	uint64_t items;
};

/** A copy. */
struct hashbrown {
	uint64_t at;
	struct hashbrown_head head;
	size_t len;	 /* buckets */
	size_t bucket;	 /* bytes of each */
	uint8_t *memory; /* they, the control bytes, and room for as much again */
};

/** Read `size` bytes at an address. 0; -EBADMSG: they can't be read; or what target_read() gives.
 */
int hashbrown_bytes(const struct target *target, uint64_t address, void *out, size_t size);

/** Copy the table at `at`, whose buckets have `bucket` bytes. *out is ended by hashbrown_deinit(),
 *  also after an error. -EBADMSG: there is no such table; -ENOMEM; or what target_read() gives. */
int hashbrown_read(const struct target *target, uint64_t at, size_t bucket, struct hashbrown *out);

/** Bucket number i of the copy, below its `len`; NULL: it isn't in use. */
const void *hashbrown_bucket(const struct hashbrown *h, size_t i);

/** Is the table still as it was copied, and as many of its buckets in use as it has items? 0 or
 * -EAGAIN; else as hashbrown_read(). */
int hashbrown_check(const struct target *target, struct hashbrown *h);

/** Free what it owns and zero it. */
void hashbrown_deinit(struct hashbrown *h);

#endif /* MOQSTAT_HASHBROWN_H */
