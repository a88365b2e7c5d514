/* SPDX-License-Identifier: MIT */
/*
 * outbox.h - what waits to be said to a relay, besides groups: bytes of streams, and whole
 * messages, in order. Pure.
 */
#ifndef MOQSTAT_OUTBOX_H
#define MOQSTAT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/** So many bytes may wait. */
#define OUTBOX_MAX (16 << 20)

struct outbox_piece;

/** Zeroed before its first use. */
struct outbox {
	struct outbox_piece *first, *last;
	size_t bytes; /* that wait, and what they take */
	bool closed;  /* nothing more is taken in */
};

/** Let go of all that waits. */
void outbox_deinit(struct outbox *o);

/** Have bytes of a stream said, in as many messages as it takes; with `fin` it ends behind them.
 * They are taken over. 0, also once it is closed; -ENOMEM; -ENOBUFS more than OUTBOX_MAX waits. */
int outbox_put(struct outbox *o, struct wire_out *bytes, uint64_t stream, bool fin);

/** A message as it is; likewise. */
int outbox_put_message(struct outbox *o, struct wire_out *message);

/** That a stream of ours is cut off, and that it ends. */
int outbox_put_reset(struct outbox *o, uint64_t stream, uint64_t code);
int outbox_put_end(struct outbox *o, uint64_t stream);

/** From now on nothing more is taken in. */
void outbox_close(struct outbox *o);

bool outbox_waits(const struct outbox *o);

/** Write the next message, of at most WIRE_HEAD_MAX + WIRE_DATA_MAX bytes: one must wait. Gives its
 *  length. */
size_t outbox_next(struct outbox *o, uint8_t *out);

/** Write the head of a message with the next of `left` bytes of a stream. Gives the head's length,
 *  and *len, how many of the bytes go into it. */
size_t outbox_head(uint8_t *out, uint64_t stream, bool fin, size_t left, size_t *len);

#endif /* MOQSTAT_OUTBOX_H */
