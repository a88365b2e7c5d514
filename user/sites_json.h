/* SPDX-License-Identifier: MIT */
/*
 * sites_json.h - sites as JSON: what `moqstat sites --json` prints, and what the cache keeps.
 */
#ifndef MOQSTAT_SITES_JSON_H
#define MOQSTAT_SITES_JSON_H

#include <jansson.h>

#include "sites.h"

/** A new reference, or NULL without memory. */
json_t *sites_json_encode(const struct sites *s);

/** Back from JSON, every value checked. *out is ended by sites_deinit(). -EBADMSG: it is no sites
 *  object; -ENOTSUP: of a layout that isn't known here; -ENOMEM. */
int sites_json_decode(const json_t *json, struct sites *out);

#endif /* MOQSTAT_SITES_JSON_H */
