/* SPDX-License-Identifier: MIT */
/*
 * reload.h - the settings again, while a run goes on: what of them can change without a restart.
 */
#ifndef MOQSTAT_RELOAD_H
#define MOQSTAT_RELOAD_H

#include "options.h"

/** Take those settings of `now` into *o that are SETTING_LIVE. What differs is told, and whether it
 * takes a restart. -ENOMEM, and nothing has changed. */
int reload_apply(const struct options *now, struct options *o);

#endif /* MOQSTAT_RELOAD_H */
