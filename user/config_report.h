/* SPDX-License-Identifier: MIT */
/*
 * config_report.h - `moqstat config`: what the settings come to, and which there are.
 */
#ifndef MOQSTAT_CONFIG_REPORT_H
#define MOQSTAT_CONFIG_REPORT_H

#include "options.h"

/** Print what is asked for on stdout. An exit status. */
int config_report_run(const struct options *o);

#endif /* MOQSTAT_CONFIG_REPORT_H */
