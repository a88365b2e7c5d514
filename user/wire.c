/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Frames of qmux. */
#define WIRE_TYPE_RESET	     0x04
#define WIRE_TYPE_STOP	     0x05
#define WIRE_TYPE_STREAM     0x08
#define WIRE_TYPE_STREAM_FIN 0x09
#define WIRE_TYPE_CLOSE	     0x1c
#define WIRE_TYPE_CLOSE_APP  0x1d

/* Setup messages of moq-lite-02, and its number. */
#define WIRE_CLIENT_SETUP 0x20
#define WIRE_SERVER_SETUP 0x21
#define WIRE_LITE_02	  UINT64_C(0xff0dad02)

/* The first integer of a stream with a group. */
#define WIRE_GROUP 0

/* An announcement's state. */
#define WIRE_ENDED  0
#define WIRE_ACTIVE 1

void wire_out_deinit(struct wire_out *out)
{
	if (!out)
		return;
	free(out->data);
	memset(out, 0, sizeof(*out));
}

void wire_put(struct wire_out *out, const void *data, size_t len)
{
	size_t size = out->size ? out->size : 64;
	uint8_t *grown;

	while (size - out->len < len)
		size *= 2;
	if (size != out->size && !out->failed) {
		grown = realloc(out->data, size);
		out->failed = !grown;
		out->data = grown ? grown : out->data;
		out->size = grown ? size : out->size;
	}
	if (out->failed || !len)
		return;
	memcpy(out->data + out->len, data, len);
	out->len += len;
}

/* Bytes of an integer: 1, 2, 4 or 8, by the two bits that its first one begins with. */
static size_t wire_varint_size(uint64_t value)
{
	return value < 1U << 6 ? 1 : value < 1U << 14 ? 2 : value < 1U << 30 ? 4 : 8;
}

static size_t wire_write_varint(uint8_t *out, uint64_t value)
{
	size_t size = wire_varint_size(value), i;

	for (i = 0; i < size; i++)
		out[i] = value >> (8 * (size - 1 - i));
	out[0] |= (size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3) << 6;
	return size;
}

void wire_put_varint(struct wire_out *out, uint64_t value)
{
	uint8_t bytes[8];

	wire_put(out, bytes, wire_write_varint(bytes, value));
}

void wire_put_text(struct wire_out *out, const char *text, size_t len)
{
	wire_put_varint(out, len);
	wire_put(out, text, len);
}

size_t wire_text_size(size_t len)
{
	return wire_varint_size(len) + len;
}

static void wire_put_byte(struct wire_out *out, uint8_t byte)
{
	wire_put(out, &byte, 1);
}

/* What is yet to be read. */
struct wire_in {
	const uint8_t *at;
	size_t left;
	bool ended; /* there was less than was asked for */
};

/* So many bytes; NULL where there are fewer. */
static const uint8_t *wire_take(struct wire_in *in, uint64_t len)
{
	const uint8_t *at = in->at;

	if (in->ended || in->left < len) {
		in->ended = true;
		return NULL;
	}
	in->at += len;
	in->left -= len;
	return at;
}

static uint64_t wire_take_varint(struct wire_in *in)
{
	const uint8_t *first = wire_take(in, 1), *rest;
	size_t more = first ? (1U << (*first >> 6)) - 1 : 0, i;
	uint64_t value = first ? *first & 0x3f : 0;

	rest = wire_take(in, more);
	for (i = 0; rest && i < more; i++)
		value = value << 8 | rest[i];
	return rest ? value : 0;
}

static struct wire_text wire_take_text(struct wire_in *in)
{
	uint64_t len = wire_take_varint(in);
	const char *text = (const char *)wire_take(in, len);

	return (struct wire_text){ .text = text, .len = text ? len : 0 };
}

int wire_read(const void *message, size_t len, struct wire_message *out)
{
	struct wire_in in = { .at = message, .left = len };
	struct wire_message m = { .kind = WIRE_STREAM };
	const uint8_t *type = wire_take(&in, 1);

	switch (type ? *type : 0) {
	case WIRE_TYPE_STREAM:
	case WIRE_TYPE_STREAM_FIN:
		m.stream = wire_take_varint(&in);
		m.fin = type && *type == WIRE_TYPE_STREAM_FIN;
		break;
	case WIRE_TYPE_RESET:
	case WIRE_TYPE_STOP:
		m.kind = *type == WIRE_TYPE_RESET ? WIRE_RESET : WIRE_STOP;
		m.stream = wire_take_varint(&in);
		m.code = wire_take_varint(&in);
		break;
	case WIRE_TYPE_CLOSE:
	case WIRE_TYPE_CLOSE_APP:
		m.kind = WIRE_CLOSE;
		m.code = wire_take_varint(&in);
		break;
	default:
		return -EBADMSG;
	}
	if (in.ended)
		return -EBADMSG;
	m.data = in.at;
	m.len = in.left;
	*out = m;
	return 0;
}

size_t wire_write_head(uint8_t out[WIRE_HEAD_MAX], uint64_t stream, bool fin)
{
	out[0] = fin ? WIRE_TYPE_STREAM_FIN : WIRE_TYPE_STREAM;
	return 1 + wire_write_varint(out + 1, stream);
}

void wire_put_reset(struct wire_out *out, uint64_t stream, uint64_t code)
{
	wire_put_byte(out, WIRE_TYPE_RESET);
	wire_put_varint(out, stream);
	wire_put_varint(out, code);
}

void wire_put_stop(struct wire_out *out, uint64_t stream, uint64_t code)
{
	wire_put_byte(out, WIRE_TYPE_STOP);
	wire_put_varint(out, stream);
	wire_put_varint(out, code);
}

void wire_put_close(struct wire_out *out, uint64_t code, const char *reason)
{
	wire_put_byte(out, WIRE_TYPE_CLOSE_APP);
	wire_put_varint(out, code);
	wire_put(out, reason, strlen(reason));
}

/* The length of a setup message is of 16 bits, the higher ones first, unlike any other. */
void wire_put_setup(struct wire_out *out)
{
	struct wire_out body = { 0 };

	wire_put_varint(&body, 1); /* version */
	wire_put_varint(&body, WIRE_LITE_02);
	wire_put_varint(&body, 0); /* parameters */
	wire_put_varint(out, WIRE_CLIENT_SETUP);
	wire_put_byte(out, body.len >> 8);
	wire_put_byte(out, body.len);
	wire_put(out, body.data, body.len);
	out->failed |= body.failed;
	wire_out_deinit(&body);
}

int wire_read_setup(const uint8_t *data, size_t len)
{
	struct wire_in in = { .at = data, .left = len }, body = { 0 };
	uint64_t type = wire_take_varint(&in), version;
	const uint8_t *size;

	if (in.ended)
		return 0;
	if (type != WIRE_SERVER_SETUP)
		return -EBADMSG;
	size = wire_take(&in, 2);
	body.left = size ? (size_t)size[0] << 8 | size[1] : 0;
	body.at = wire_take(&in, body.left);
	if (in.ended)
		return 0;
	version = wire_take_varint(&body);
	return body.ended ? -EBADMSG : version == WIRE_LITE_02 ? 1 : -EPROTO;
}

int wire_read_request(const uint8_t *data, size_t len, struct wire_request *out)
{
	struct wire_in in = { .at = data, .left = len }, body = { 0 };
	uint64_t ask = wire_take_varint(&in);
	struct wire_request r = { .ask = ask };

	if (in.ended)
		return 0;
	if (ask != WIRE_ANNOUNCES && ask != WIRE_SUBSCRIBE) {
		*out = (struct wire_request){ .ask = WIRE_OTHER };
		return 1;
	}
	body.left = wire_take_varint(&in);
	if (body.left > WIRE_REQUEST_MAX)
		return -EMSGSIZE;
	body.at = wire_take(&in, body.left);
	if (in.ended)
		return 0;
	if (ask == WIRE_SUBSCRIBE)
		r.id = wire_take_varint(&body);
	r.broadcast = wire_take_text(&body);
	if (ask == WIRE_SUBSCRIBE)
		r.track = wire_take_text(&body);
	/* What follows is of no use here: a priority. */
	if (body.ended)
		return -EBADMSG;
	*out = r;
	return 1;
}

void wire_put_announces(struct wire_out *out, size_t count, size_t bytes)
{
	wire_put_varint(out, wire_varint_size(count) + bytes);
	wire_put_varint(out, count);
}

void wire_put_announce(struct wire_out *out, const char *suffix, size_t len, bool active)
{
	wire_put_varint(out, 1 + wire_text_size(len));
	wire_put_byte(out, active ? WIRE_ACTIVE : WIRE_ENDED);
	wire_put_text(out, suffix, len);
}

void wire_put_subscribed(struct wire_out *out)
{
	wire_put_varint(out, 0);
}

void wire_put_group(struct wire_out *out, uint64_t id, uint64_t sequence, size_t frame_len)
{
	wire_put_varint(out, WIRE_GROUP);
	wire_put_varint(out, wire_varint_size(id) + wire_varint_size(sequence));
	wire_put_varint(out, id);
	wire_put_varint(out, sequence);
	wire_put_varint(out, frame_len);
}

void wire_put_subscribe(struct wire_out *out, uint64_t id, const char *broadcast,
			size_t broadcast_len, const char *track)
{
	size_t track_len = strlen(track);

	wire_put_varint(out, WIRE_SUBSCRIBE);
	wire_put_varint(out, wire_varint_size(id) + wire_text_size(broadcast_len) +
				     wire_text_size(track_len) + 1);
	wire_put_varint(out, id);
	wire_put_text(out, broadcast, broadcast_len);
	wire_put_text(out, track, track_len);
	wire_put_byte(out, 0); /* priority */
}
