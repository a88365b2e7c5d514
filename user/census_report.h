/* SPDX-License-Identifier: MIT */
/*
 * census_report.h - tells people what is open in a relay: `moqstat census`.
 */
#ifndef MOQSTAT_CENSUS_REPORT_H
#define MOQSTAT_CENSUS_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "census.h"
#include "options.h"

/** Print a census: how many of each kind by path, tier and role; as JSON, with every item.
 *  0, -ENOMEM, or another -errno where the output can't be written. */
int census_report(const struct census *c, bool json, FILE *out);

/** `moqstat census`. What goes wrong is logged. Returns the exit status. */
int census_report_run(const struct options *o);

#endif /* MOQSTAT_CENSUS_REPORT_H */
