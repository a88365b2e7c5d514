/* SPDX-License-Identifier: MIT */
/*
 * sites_report.h - tells people what was found in an executable: `moqstat sites`.
 */
#ifndef MOQSTAT_SITES_REPORT_H
#define MOQSTAT_SITES_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "sites.h"

/** Print the sites of the executable `name` as text, or as one JSON object. Returns 0, or -errno
 *  where the output can't be written. */
int sites_report(const struct sites *s, const char *name, bool json, FILE *out);

#endif /* MOQSTAT_SITES_REPORT_H */
