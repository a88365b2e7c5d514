/* SPDX-License-Identifier: MIT */
/*
 * feed.h - the lines that a run writes, read by those who serve them: frames, and what is said of
 * them. The counterpart of jsonl.h.
 */
#ifndef MOQSTAT_FEED_H
#define MOQSTAT_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A line may be so long, bytes: more than all the rows that the agent may hold take. */
#define FEED_LINE_MAX (256 << 20)

enum feed_kind {
	FEED_FRAME = 0, /* {"broadcast":…,"relay":…,"track":…,"sequence":N,"frame":{…}} */
	FEED_STATUS,	/* {"moqstat":{…}} */
	FEED_END,	/* {"ended":{"broadcast":…,"relay":…}} */
	FEED_HEALTH,	/* {"health":{…}} */
	FEED_TOKENS,	/* {"tokens":{"text":…}}: those of a token file, from server.c alone */
	FEED_LIMITS,	/* {"limits":{"interval_ns":N,"metrics_max":N}}, likewise */
};

/** One line. Its parts lie in the feed and last until the next call of it. */
struct feed_line {
	enum feed_kind kind;
	const char *broadcast; /* of a frame, or an end: UTF-8 text, ended by a 0; another one in
				  it has become U+FFFD */
	const char *relay;     /* likewise: the broadcast that its relay's status names; NULL: it
				  is the same */
	const char *track;     /* of a frame */
	uint64_t sequence;     /* of a frame */
	const char *json;      /* the frame's, the status's or the health's own object */
	size_t len;	       /* bytes of it */
};

struct feed;

/** Read from `fd`, which stays the caller's. *out is ended by feed_destroy(). -ENOMEM. */
int feed_create(int fd, struct feed **out);
void feed_destroy(struct feed *f);

/** Take in what there is to read, once, and wait for it where fd isn't non-blocking. 0; -ENODATA at
 *  its end; -EAGAIN nothing now; -EMSGSIZE a line beyond FEED_LINE_MAX; what read() failed with. */
int feed_fill(struct feed *f);

/** The next line that has come in whole. 1 and *out; 0 none yet; -EBADMSG it is none of ours;
 * -ENOMEM. Where the end of the input cut a line in two, that is never given. */
int feed_next(struct feed *f, struct feed_line *out);

/** Lines given so far, for messages; the one that was refused counts. */
uint64_t feed_lines(const struct feed *f);

/** Is there part of a line that never came to its end? */
bool feed_torn(const struct feed *f);

#endif /* MOQSTAT_FEED_H */
