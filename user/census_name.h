/* SPDX-License-Identifier: MIT */
/*
 * census_name.h - whose each guard is: what the tasks hold, put together.
 */
#ifndef MOQSTAT_CENSUS_NAME_H
#define MOQSTAT_CENSUS_NAME_H

#include <stddef.h>

#include "census.h"
#include "walk.h"

/** Add an item to *c for every guard in the tasks, and count those whose name can't be told. What
 *  the tasks hold is left as it is. -ENOMEM. */
int census_name(const struct walk_task *tasks, size_t len, struct census *c);

#endif /* MOQSTAT_CENSUS_NAME_H */
