/* SPDX-License-Identifier: MIT */
/*
 * publishing.h - a board and a session that publishes it, the relay's side of which a test plays
 * by messages as of wire_hex.h.
 */
#ifndef MOQSTAT_TESTS_PUBLISHING_H
#define MOQSTAT_TESTS_PUBLISHING_H

#include <stddef.h>
#include <stdint.h>

#include "board.h"
#include "hub.h"
#include "publication.h"

#define PUBLISHING_SECOND UINT64_C(1000000000)

/* Messages that most exchanges have. */
#define PUBLISHING_SETUP  "08 00 20 000a 01 c0000000ff0dad02 00"
#define PUBLISHING_ANSWER "08 00 21 0009 c0000000ff0dad02 00"
/* On stream 1: everything. */
#define PUBLISHING_ASK "08 01 01 01 00"
/* On stream 5, as number 0, of the broadcast node/n1. */
#define PUBLISHING_SUBSCRIBE "08 05 02 19 00 07 'node/n1' 0e 'publisher.json' 00"

struct publishing {
	struct hub *hub;
	struct board board;
	struct publication *session; /* NULL: none */
	uint8_t *message;	     /* that was sent last */
	uint64_t now;		     /* begins at one second, so that sequences do at 1000 */
};

/** For cmocka: *state becomes one with an empty board and no session, and is ended. */
int publishing_begin(void **state);
int publishing_end(void **state);

/** A frame, a status, or the end of a broadcast, to the board. What board_take() gave. */
int publishing_bytes(struct publishing *s, const char *broadcast, const char *track,
		     uint64_t sequence, const char *frame, size_t len);
int publishing_frame(struct publishing *s, const char *broadcast, const char *track,
		     uint64_t sequence, const char *frame);
int publishing_status(struct publishing *s, const char *json);
void publishing_over(struct publishing *s, const char *broadcast);

/** Begin a session, in the place of what there was; it has said its setup, nothing else. */
void publishing_join(struct publishing *s, const char *root);

/** Begin one, the relay answers, asks what there is, and is told: of node/n1 alone, which has a
 *  frame `{}` of publisher.json, numbered 0. */
void publishing_open(struct publishing *s);

/** That, and the relay has subscribed to it and got that frame. */
void publishing_follow(struct publishing *s);

/** The relay says this: what publication_take() gives, or that it gives 0. */
int publishing_take(struct publishing *s, const char *text);
void publishing_says(struct publishing *s, const char *text);

/** Look at the board, which goes well. */
void publishing_run(struct publishing *s);

/** The next message is this, or there is none. */
void publishing_expect(struct publishing *s, const char *text);
void publishing_expect_none(struct publishing *s);

/** So much of a frame's group is sent next, from its beginning or from where it was; gives its
 *  bytes that are sent by then, and ends when it is whole. `sent` is 0 at first. */
size_t publishing_expect_piece(struct publishing *s, uint64_t stream, const struct wire_out *group,
			       size_t sent);

/** The next messages are such a group of a stream of its own, and nothing else. */
void publishing_expect_group(struct publishing *s, uint64_t stream, uint64_t id, uint64_t sequence,
			     const char *frame, size_t len);

/** The bytes of such a group; ended by wire_out_deinit(). */
struct wire_out publishing_group(uint64_t id, uint64_t sequence, const char *frame, size_t len);

/** The session is over: err, and an error with this in it. */
void publishing_expect_over(struct publishing *s, int err, int expected, const char *why);

#endif /* MOQSTAT_TESTS_PUBLISHING_H */
