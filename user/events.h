/* SPDX-License-Identifier: MIT */
/*
 * events.h - server-sent events (WHATWG HTML, 9.2) read as they come in: the counterpart of
 * stream.h. What is read is a stranger's.
 */
#ifndef MOQSTAT_EVENTS_H
#define MOQSTAT_EVENTS_H

#include <stddef.h>

/** An event, or a line of one, may be so long, bytes. */
#define EVENTS_MAX (64 << 20)

/** One event. Its texts last until the receiver returns. */
struct event {
	const char *name; /* "message" where none is said; ended by a 0, which it hasn't within */
	const char *data; /* its lines, joined by newlines; ended by a 0 */
	size_t len;	  /* of the data */
};

/** Take an event; an error ends the reading of what is being read. 0 or -errno. */
typedef int (*events_take)(void *arg, const struct event *event);

struct events;

/** Begin to read a stream. *out is ended by events_destroy(). -ENOMEM. */
int events_create(events_take take, void *arg, struct events **out);
void events_destroy(struct events *e);

/** Read the next `len` bytes of the stream, and hand over all events that they end. 0; -EMSGSIZE an
 * event beyond EVENTS_MAX; -ENOMEM; or what take() said. After an error the stream is no use. */
int events_read(struct events *e, const char *bytes, size_t len);

/** Bytes that are held of what isn't whole yet. */
size_t events_held(const struct events *e);

#endif /* MOQSTAT_EVENTS_H */
