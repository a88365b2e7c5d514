/* SPDX-License-Identifier: MIT */
/*
 * forget.h - takes elements out of the programs' maps, unless they have changed meanwhile. See
 * docs/adr/0014-deletion.md.
 */
#ifndef MOQSTAT_FORGET_H
#define MOQSTAT_FORGET_H

#include <stdint.h>

#include "incarnation.h"

struct moqstat_bpf;

/** Let what begins under the path of an incarnation from now on be another one. MOQSTAT_FORGOT_NOT:
 *  more guards were opened on it than those counted, so it goes on. Gives an enum moqstat_forgot,
 *  or -errno. */
int forget_path(const struct moqstat_bpf *object, const struct incarnation *in);

/** Let an entry pointer that stands for `id` stand for nothing. Likewise. */
int forget_entry(const struct moqstat_bpf *object, uint64_t entry, const struct moqstat_id *id);

#endif /* MOQSTAT_FORGET_H */
