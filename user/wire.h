/* SPDX-License-Identifier: MIT */
/*
 * wire.h - what a relay and a publisher of stats broadcasts say to each other over a WebSocket:
 * streams of qmux in the dialect `webtransport`, and on them moq-lite-02. Pure.
 *
 * One binary message of the WebSocket is one frame of qmux. Integers are those of QUIC (RFC 9000,
 * section 16), a text is its length and its bytes. Source: qmux 0.0.7, `proto`; moq-net 0.1.8,
 * `lite`; both measured against moq-relay 0.12.5, 0.13.5, 0.14.12 and 0.17.10.
 */
#ifndef MOQSTAT_WIRE_H
#define MOQSTAT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The subprotocol to ask for. */
#define WIRE_SUBPROTOCOL "webtransport"

/** Most bytes of a stream that go into one message; beyond, relays end the session. */
#define WIRE_DATA_MAX 16360

/** Room for a message's head besides: its type and the stream's number. */
#define WIRE_HEAD_MAX 9

/** Most bytes of a request: paths and names are far shorter. */
#define WIRE_REQUEST_MAX 65536

/** The largest integer there is. */
#define WIRE_VARINT_MAX ((UINT64_C(1) << 62) - 1)

/** Why a stream is ended (moq-net, Error::to_code). */
#define WIRE_CANCEL	 0
#define WIRE_NOT_FOUND	 13
#define WIRE_UNSUPPORTED 17
#define WIRE_TOO_MANY	 26

/** The stream that the session is set up on. Further ones of ours are 4, 8, … with both directions,
 *  and 2, 6, … with one; the relay's 1, 5, … and 3, 7, …. */
#define WIRE_SETUP_STREAM 0

/** Which of these is it? */
static inline bool wire_relays(uint64_t stream)
{
	return stream & 1;
}

static inline bool wire_one_way(uint64_t stream)
{
	return stream & 2;
}

/** Bytes that are made; zeroed before its first use. */
struct wire_out {
	uint8_t *data;
	size_t len, size;
	bool failed; /* memory lacked: the rest is left out */
};

/** Free what it has, and zero it. NULL is fine. */
void wire_out_deinit(struct wire_out *out);

void wire_put(struct wire_out *out, const void *data, size_t len);

/** An integer, which is at most WIRE_VARINT_MAX, in as few bytes as it takes. */
void wire_put_varint(struct wire_out *out, uint64_t value);
void wire_put_text(struct wire_out *out, const char *text, size_t len);

/** What a relay's message is. */
enum wire_kind {
	WIRE_STREAM = 0, /* bytes of a stream */
	WIRE_RESET,	 /* it ends a stream that it sends */
	WIRE_STOP,	 /* it wants no more of one that we send */
	WIRE_CLOSE,	 /* the session's end */
};

struct wire_message {
	enum wire_kind kind;
	uint64_t stream;
	bool fin;	     /* of a stream: it ends with these bytes */
	uint64_t code;	     /* why, where it isn't WIRE_STREAM */
	const uint8_t *data; /* bytes of the stream, or the reason of a close; of the message */
	size_t len;
};

/** Take a message apart. 0 and *out, or -EBADMSG. */
int wire_read(const void *message, size_t len, struct wire_message *out);

/** Write the head of a message with bytes of a stream; these follow it, at most WIRE_DATA_MAX.
 *  Gives its length. */
size_t wire_write_head(uint8_t out[WIRE_HEAD_MAX], uint64_t stream, bool fin);

/** Whole messages: that nothing more is sent on a stream, that nothing more is wanted of it, and
 * the session's end. */
void wire_put_reset(struct wire_out *out, uint64_t stream, uint64_t code);
void wire_put_stop(struct wire_out *out, uint64_t stream, uint64_t code);
void wire_put_close(struct wire_out *out, uint64_t code, const char *reason);

/** Bytes of WIRE_SETUP_STREAM: we speak moq-lite-02. */
void wire_put_setup(struct wire_out *out);

/** Has the relay's answer to that come? 1 it speaks moq-lite-02; 0 not all of it yet; -EPROTO it
 *  speaks something else; -EBADMSG. */
int wire_read_setup(const uint8_t *data, size_t len);

/** A text in bytes that were read; it may hold anything. */
struct wire_text {
	const char *text;
	size_t len;
};

/** What a relay asks for on a stream of its own. */
enum wire_ask {
	WIRE_ANNOUNCES = 1, /* which broadcasts there are, and will be */
	WIRE_SUBSCRIBE = 2, /* a track's groups */
	WIRE_OTHER,	    /* what a publisher of stats needn't know */
};

struct wire_request {
	enum wire_ask ask;
	uint64_t id;		    /* of a subscription, by which groups are sent */
	struct wire_text broadcast; /* of a subscription; of announces, the prefix */
	struct wire_text track;
};

/** Read a request from a stream's first bytes. 1 and *out; 0 not all of it yet; -EBADMSG; -EMSGSIZE
 * it would be longer than WIRE_REQUEST_MAX. */
int wire_read_request(const uint8_t *data, size_t len, struct wire_request *out);

/** Bytes of the relay's stream that asked for announces: first how many broadcasts there are, each
 *  then put by wire_put_text() as what follows the prefix; `bytes` is how long these all are. */
void wire_put_announces(struct wire_out *out, size_t count, size_t bytes);

/** How many bytes wire_put_text() makes of so long a text. */
size_t wire_text_size(size_t len);

/** Then that one has come, or gone. */
void wire_put_announce(struct wire_out *out, const char *suffix, size_t len, bool active);

/** Bytes of the relay's stream that subscribed: it is served. */
void wire_put_subscribed(struct wire_out *out);

/** Bytes of a new stream of ours, one way: a group of one frame, which follows. */
void wire_put_group(struct wire_out *out, uint64_t id, uint64_t sequence, size_t frame_len);

/** Bytes of a new stream of ours, both ways: a subscription of our own. */
void wire_put_subscribe(struct wire_out *out, uint64_t id, const char *broadcast,
			size_t broadcast_len, const char *track);

#endif /* MOQSTAT_WIRE_H */
