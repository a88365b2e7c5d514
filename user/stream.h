/* SPDX-License-Identifier: MIT */
/*
 * stream.h - what one client of live events is sent: messages of the hub as server-sent events
 * (WHATWG HTML, 9.2). Pure: bytes come out as room is found for them, and the frames are never
 * copied whole.
 */
#ifndef MOQSTAT_STREAM_H
#define MOQSTAT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delta.h"
#include "hub.h"

struct stream;

/** Begin a stream. With `delta`, each event is `{"full":FRAME}`, or what has changed since the last
 * one of its track, as delta_build() says; else it is the frame. A delta is
 * made once, and kept with its group, for all streams that go on from the same one. They make it in
 * `work`, which they share and which must outlive them. *out is ended by stream_destroy(). -ENOMEM.
 */
int stream_create(bool delta, struct frame_buf *work, struct stream **out);
void stream_destroy(struct stream *s);

/** Add a track, which is told of under `name`: as the event's name where `named`, and else as the
 * only one, without. 0; -EINVAL a name with control characters; -ENOMEM. */
int stream_add(struct stream *s, const char *name, bool named);

/** The client has the i-th track up to this number already: ids say so, too. */
void stream_resume(struct stream *s, size_t i, uint64_t sequence);

/** Tell of a message of the track that was added as the i-th, once stream_read() has given all that
 * was told before. A group's event has as its id the numbers of all tracks' last groups in the
 * order in which they were added, `-` where there is none, joined by commas: so the only track's is
 * its number. What was lost before it is said in an event `lost`. 0 or -ENOMEM, nothing is told
 * then. */
int stream_tell(struct stream *s, size_t i, const struct hub_message *m);

/** Tell that the stream is still there, by a comment. 0 or -ENOMEM. */
int stream_beat(struct stream *s);

/** Take up to `max` bytes into `out`. 0: all has been given. */
size_t stream_read(struct stream *s, char *out, size_t max);

/** Was the last that was told the stream's end? */
bool stream_over(const struct stream *s);

/** What an id of stream_tell() says of the i-th track: true and *out, or false where it says
 * nothing. */
bool stream_id(const char *id, size_t i, uint64_t *out);

#endif /* MOQSTAT_STREAM_H */
