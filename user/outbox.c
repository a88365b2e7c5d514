/* SPDX-License-Identifier: MIT */
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that are to be sent on a stream, or a message as it is. */
struct outbox_piece {
	struct wire_out bytes;
	uint64_t stream;
	size_t sent;
	bool whole; /* a message */
	bool fin;
	struct outbox_piece *next;
};

static void outbox_pop(struct outbox *o)
{
	struct outbox_piece *piece = o->first;

	o->first = piece->next;
	if (!o->first)
		o->last = NULL;
	o->bytes -= sizeof(*piece) + piece->bytes.size;
	wire_out_deinit(&piece->bytes);
	free(piece);
}

void outbox_deinit(struct outbox *o)
{
	while (o->first)
		outbox_pop(o);
}

static int outbox_add(struct outbox *o, struct wire_out *bytes, const struct outbox_piece *what)
{
	struct outbox_piece *piece;

	if (o->closed) {
		wire_out_deinit(bytes);
		return 0;
	}
	piece = bytes->failed ? NULL : malloc(sizeof(*piece));
	if (!piece) {
		wire_out_deinit(bytes);
		return -ENOMEM;
	}
	*piece = *what;
	piece->bytes = *bytes;
	memset(bytes, 0, sizeof(*bytes));
	if (o->last)
		o->last->next = piece;
	else
		o->first = piece;
	o->last = piece;
	o->bytes += sizeof(*piece) + piece->bytes.size;
	return o->bytes > OUTBOX_MAX ? -ENOBUFS : 0;
}

int outbox_put(struct outbox *o, struct wire_out *bytes, uint64_t stream, bool fin)
{
	return outbox_add(o, bytes, &(struct outbox_piece){ .stream = stream, .fin = fin });
}

int outbox_put_message(struct outbox *o, struct wire_out *message)
{
	return outbox_add(o, message, &(struct outbox_piece){ .whole = true });
}

int outbox_put_reset(struct outbox *o, uint64_t stream, uint64_t code)
{
	struct wire_out out = { 0 };

	wire_put_reset(&out, stream, code);
	return outbox_put_message(o, &out);
}

int outbox_put_end(struct outbox *o, uint64_t stream)
{
	struct wire_out out = { 0 };

	return outbox_put(o, &out, stream, true);
}

void outbox_close(struct outbox *o)
{
	o->closed = true;
}

bool outbox_waits(const struct outbox *o)
{
	return o->first;
}

size_t outbox_head(uint8_t *out, uint64_t stream, bool fin, size_t left, size_t *len)
{
	*len = left < WIRE_DATA_MAX ? left : WIRE_DATA_MAX;
	return wire_write_head(out, stream, fin && *len == left);
}

size_t outbox_next(struct outbox *o, uint8_t *out)
{
	struct outbox_piece *piece = o->first;
	size_t left = piece->bytes.len - piece->sent, len = left, head = 0;

	if (!piece->whole)
		head = outbox_head(out, piece->stream, piece->fin, left, &len);
	if (len)
		memcpy(out + head, piece->bytes.data + piece->sent, len);
	piece->sent += len;
	if (piece->sent == piece->bytes.len)
		outbox_pop(o);
	return head + len;
}
