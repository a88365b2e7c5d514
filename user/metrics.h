/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - all that Prometheus is told: the counts of broadcasts and auth roots, added up from
 * frames (ledger.h), the agent's own numbers (health.h), and what is served.
 *
 * Names are `moqstat_…`; of a field F of the frames:
 *
 *   moqstat_broadcast_F_total{node,broadcast,tier,role}   the frame's number; it ends with its row,
 *                                                         and restarts with each life
 *   moqstat_F_total{node,tier,role}                       of all broadcasts ever; never goes back
 *   moqstat_root_F_total{node,tier,root}, moqstat_F_total{node,tier}   the same of sessions
 *   moqstat_…announced_live, …subscriptions_live, …sessions_live       open now
 *   moqstat_…viewers                                      sessions that have subscriptions to it
 *   moqstat_…upstreams                                    sessions that it is taken from
 *   moqstat_field_state{node,track,field,state}           1: what the field is worth
 *
 * `node` is the path of the stats broadcast, or where a relay has several the one that its status
 * names. A field that the status calls unavailable has no
 * samples at all, since its number would be taken for a count. Whatever isn't known isn't there.
 * Past `places` broadcasts, newcomers are summed up in broadcast="__overflow__" as long as they
 * live, and as many roots in root="__overflow__".
 */
#ifndef MOQSTAT_METRICS_H
#define MOQSTAT_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "exposition.h"
#include "feed.h"
#include "frame.h"
#include "http.h"
#include "hub.h"
#include "uplinks.h"

/** Stats broadcasts at most. Beyond, the one whose relay ended first is forgotten. */
#define METRICS_NODES_MAX 256

/** Stats broadcasts of one relay at most, where it has several. */
#define METRICS_PARTS_MAX (1 << 14)

struct metrics;

/** What is served; any may be NULL. */
struct metrics_served {
	const struct hub_counts *hub;
	const struct http_counts *http;
	const struct uplinks *uplinks;
	const bool *ready; /* what /readyz says */
};

/** Begin with nothing. `places`: broadcasts, and apart from them roots, that have series of their
 *  own, over all nodes. *out is ended by metrics_destroy(). -ENOMEM. */
int metrics_create(size_t places, struct metrics **out);
void metrics_destroy(struct metrics *m);

/** So many places from now on. Who has one keeps it, and who shares `__overflow__` shares it for as
 * long as it lives, so that no series jumps. */
void metrics_set_places(struct metrics *m, size_t places);

/** A frame of a track ("publisher.json", "internal/sessions.json", …) of a stats broadcast. Names
 *  are UTF-8. 0; -ENOENT there is no such track; -EBADMSG it is no frame of ours; -ENOSPC there are
 *  METRICS_NODES_MAX nodes whose relays live; -ENOMEM. After an error no count is another than
 * before. */
int metrics_frame(struct metrics *m, const char *broadcast, const char *track, const char *frame,
		  size_t len);

/** The same of one of several stats broadcasts of a relay, whose rows it has between them: counted
 *  as if all were in the one of the relay's name, which its status has. -ENOSPC: that has
 *  METRICS_PARTS_MAX. */
int metrics_frame_of(struct metrics *m, const char *relay, const char *broadcast, const char *track,
		     const char *frame, size_t len);

/** One of several has ended, and with it its rows. 0 or -ENOMEM. */
int metrics_end(struct metrics *m, const char *relay, const char *broadcast);

/** A status: what `{"moqstat":…}` has in it. Where it says that the relay has ended, so has all
 *  that was open and its rows. One that names no broadcast, a replay's, says nothing here. Held on
 *  to, and must not change. 0; -EBADMSG it is no object; as metrics_frame(). */
int metrics_status(struct metrics *m, json_t *status);

/** A tick's health: what `{"health":…}` has in it; see health.h. Held on to, and must not change.
 *  -EBADMSG it is no object. */
int metrics_health(struct metrics *m, json_t *health);

/** Whichever of these a line is; none else. -EBADMSG where it is no JSON; as they do. */
int metrics_take(struct metrics *m, const struct feed_line *line);

/** All of it as text, into *buf over what was there. `served` may be NULL. 0 or -ENOMEM. */
int metrics_render(struct metrics *m, const struct metrics_served *served,
		   enum exposition_format format, struct frame_buf *buf);

#endif /* MOQSTAT_METRICS_H */
