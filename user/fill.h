/* SPDX-License-Identifier: MIT */
/*
 * fill.h - how many elements a BPF map holds. The kernel doesn't say; so they are read.
 */
#ifndef MOQSTAT_FILL_H
#define MOQSTAT_FILL_H

#include <stdint.h>

/** Count the elements of a hash map that isn't per CPU, in batches: it costs in proportion to the
 *  map, some 30 ms for 100,000 elements. What programs put in or take out meanwhile may be
 *  counted or not. 0; -ENOTSUP the map's type or the kernel has no batches; -ENOMEM; other -errno.
 */
int fill_count(int fd, uint32_t key_size, uint32_t value_size, uint64_t *out);

#endif /* MOQSTAT_FILL_H */
