/* SPDX-License-Identifier: MIT */
/*
 * track.h - one track of the stats broadcast: groups of one frame each, in the order in which they
 * came, kept for a while for those who read later. Source: track-model text.
 *
 * One thread; nothing waits. Who would have to is told -EAGAIN and asks again after the next tick.
 */
#ifndef MOQSTAT_TRACK_H
#define MOQSTAT_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "group.h"

/** How long a group is kept once there is a newer one, nanoseconds (track-model text,
 *  MAX_GROUP_AGE). */
#define TRACK_AGE_MAX (30 * UINT64_C(1000000000))

struct track;
struct track_reader;

/** Begin an empty track; the name is copied. Of its frames `bytes_max` bytes are kept at most,
 *  and the newest one in any case; 0: no such limit. *out is ended by track_destroy(). -ENOMEM. */
int track_create(const char *name, size_t bytes_max, struct track **out);

/** End it and let go of its groups. Its readers remain, the caller's; they are told -EPIPE, or what
 *  they would have been told had it lived on finished or aborted. NULL is fine. */
void track_destroy(struct track *t);

/** Keep a track, though it may have been destroyed, for its name: so whoever was handed its groups
 *  can tell whose they are. Gives it back. Each is ended by track_release(); NULL is fine there. */
struct track *track_hold(struct track *t);
void track_release(struct track *t);

const char *track_name(const struct track *t);

/** Add a frame as the group after the newest one; 0 is the first. `now` is of any clock that
 * doesn't go back, nanoseconds. What has come of age leaves. 0; -ENOMEM; -EOVERFLOW no number is
 * left; -ESHUTDOWN the track is finished; or its reason, once aborted. The track is then as before.
 */
int track_append(struct track *t, uint64_t now, const char *frame, size_t len);

/** The same under a number of the caller's choice, which may be below the newest one's. Besides
 *  -EEXIST: there is one of this number. -ESHUTDOWN only where the number is past the end. */
int track_insert(struct track *t, uint64_t now, uint64_t sequence, const char *frame, size_t len);

/** track_append() unless the newest group has this very frame. 1 where it is a new group, 0 where
 * it is skipped. Nothing equals no frame, so an idle `{}` is written once. Source: relay-stats
 * text, flush_track. */
int track_write(struct track *t, uint64_t now, const char *frame, size_t len);

/** End the track after its newest group; after none where there is none. Lower numbers may still
 *  come. 0; -ESHUTDOWN it has ended already; -EOVERFLOW; or its reason, once aborted. */
int track_finish(struct track *t);

/** The same, if `sequence` is the newest group's; else -EINVAL, and -ENOENT where there is none. */
int track_finish_at(struct track *t, uint64_t sequence);

/** End the track for a reason, a negative errno, which all who read or write are told from now on,
 *  readers after the groups that are there. 0, or the reason that was given before. */
int track_abort(struct track *t, int reason);

/** The newest group by number, the track's own; NULL before the first. */
const struct group *track_latest(const struct track *t);

/** The group of a number: 0 and *out, the caller's to release; -EAGAIN it isn't there, but may
 * come, or come again; -ENODATA it never will, since the track ends before it; or the reason of
 * abort. */
int track_get(const struct track *t, uint64_t sequence, struct group **out);

/** Groups that are kept, and their bytes. */
size_t track_groups(const struct track *t);
size_t track_bytes(const struct track *t);

/** Has it any reader? */
bool track_used(const struct track *t);

/** Begin to read at the oldest group that is kept. *out is ended by track_reader_destroy(), before
 *  or after the track. -ENOMEM. */
int track_read(struct track *t, struct track_reader **out);
void track_reader_destroy(struct track_reader *r);

/** Leave out groups of lower numbers from now on. */
void track_reader_start_at(struct track_reader *r, uint64_t sequence);

/** The next group in order of arrival: 0 and *out, the caller's to release; -EAGAIN none yet;
 *  -ENODATA the track has finished; the reason of abort; -EPIPE the track is no more. *missed, in
 * any case, is how many left the track by age before this reader came to them, since it was last
 * told. */
int track_reader_next(struct track_reader *r, struct group **out, uint64_t *missed);

#endif /* MOQSTAT_TRACK_H */
