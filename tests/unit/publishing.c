/* SPDX-License-Identifier: MIT */
#include "publishing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire_hex.h"

static void publishing_wake(void *owner)
{
	(void)owner;
}

int publishing_begin(void **state)
{
	struct publishing *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	/* By itself, so that a byte too many is noticed. */
	s->message = malloc(PUBLICATION_MESSAGE_MAX);
	assert_non_null(s->message);
	assert_int_equal(hub_create(8, publishing_wake, &s->hub), 0);
	board_init(s->hub, 0, &s->board);
	s->now = PUBLISHING_SECOND;
	*state = s;
	return 0;
}

int publishing_end(void **state)
{
	struct publishing *s = *state;

	publication_destroy(s->session);
	publication_destroy(NULL);
	board_deinit(&s->board);
	hub_destroy(s->hub);
	free(s->message);
	free(s);
	return 0;
}

int publishing_bytes(struct publishing *s, const char *broadcast, const char *track,
		     uint64_t sequence, const char *frame, size_t len)
{
	const struct feed_line line = { .kind = FEED_FRAME,
					.broadcast = broadcast,
					.track = track,
					.sequence = sequence,
					.json = frame,
					.len = len };

	return board_take(&s->board, &line, s->now);
}

int publishing_frame(struct publishing *s, const char *broadcast, const char *track,
		     uint64_t sequence, const char *frame)
{
	return publishing_bytes(s, broadcast, track, sequence, frame, strlen(frame));
}

int publishing_status(struct publishing *s, const char *json)
{
	const struct feed_line line = { .kind = FEED_STATUS, .json = json, .len = strlen(json) };

	return board_take(&s->board, &line, s->now);
}

void publishing_over(struct publishing *s, const char *broadcast)
{
	const struct feed_line line = { .kind = FEED_END, .broadcast = broadcast };

	assert_int_equal(board_take(&s->board, &line, s->now), 0);
}

void publishing_join(struct publishing *s, const char *root)
{
	publication_destroy(s->session);
	s->session = NULL;
	assert_int_equal(publication_create(&s->board, root, false, s->now, &s->session), 0);
	assert_int_equal(publication_state(s->session), PUBLICATION_SETUP);
	publishing_expect(s, PUBLISHING_SETUP);
	publishing_expect_none(s);
}

void publishing_open(struct publishing *s)
{
	assert_int_equal(publishing_frame(s, "node/n1", "publisher.json", 0, "{}"), 0);
	publishing_join(s, "");
	publishing_says(s, PUBLISHING_ANSWER);
	publishing_says(s, PUBLISHING_ASK);
	publishing_expect(s, "08 01 09 01 07 'node/n1'");
	publishing_run(s);
	publishing_expect_none(s);
}

void publishing_follow(struct publishing *s)
{
	publishing_open(s);
	publishing_says(s, PUBLISHING_SUBSCRIBE);
	publishing_expect(s, "08 05 00");
	publishing_expect(s, "09 02 00 03 00 43e8 02 '{}'");
	publishing_expect_none(s);
}

int publishing_take(struct publishing *s, const char *text)
{
	size_t len;
	uint8_t *message = wire_hex(text, &len);
	int err = publication_take(s->session, message, len, s->now);

	free(message);
	return err;
}

void publishing_says(struct publishing *s, const char *text)
{
	assert_int_equal(publishing_take(s, text), 0);
	assert_string_equal(publication_error(s->session), "");
}

void publishing_run(struct publishing *s)
{
	assert_int_equal(publication_run(s->session, s->now), 0);
	assert_string_equal(publication_error(s->session), "");
}

/* The next message, which takes no more room than one may; its bytes are counted. */
static size_t publishing_next(struct publishing *s)
{
	bool waits = publication_waits(s->session);
	uint64_t before = publication_counts(s->session)->bytes;
	size_t len = publication_next(s->session, s->message);

	assert_true(len <= PUBLICATION_MESSAGE_MAX);
	assert_int_equal(waits, len > 0);
	assert_int_equal(publication_counts(s->session)->bytes, before + len);
	return len;
}

void publishing_expect(struct publishing *s, const char *text)
{
	size_t len = publishing_next(s);

	wire_hex_expect(s->message, len, text);
}

void publishing_expect_none(struct publishing *s)
{
	publishing_expect(s, "");
}

struct wire_out publishing_group(uint64_t id, uint64_t sequence, const char *frame, size_t len)
{
	struct wire_out out = { 0 };

	wire_put_group(&out, id, sequence, len);
	wire_put(&out, frame, len);
	assert_false(out.failed);
	return out;
}

size_t publishing_expect_piece(struct publishing *s, uint64_t stream, const struct wire_out *group,
			       size_t sent)
{
	size_t len = publishing_next(s), left = group->len - sent;
	struct wire_message m;

	assert_int_equal(wire_read(s->message, len, &m), 0);
	assert_int_equal(m.kind, WIRE_STREAM);
	assert_int_equal(m.stream, stream);
	assert_int_equal(m.len, left < WIRE_DATA_MAX ? left : WIRE_DATA_MAX);
	assert_int_equal(m.fin, m.len == left);
	assert_memory_equal(m.data, group->data + sent, m.len);
	return sent + m.len;
}

void publishing_expect_group(struct publishing *s, uint64_t stream, uint64_t id, uint64_t sequence,
			     const char *frame, size_t len)
{
	struct wire_out group = publishing_group(id, sequence, frame, len);
	size_t sent = 0;

	while (sent < group.len)
		sent = publishing_expect_piece(s, stream, &group, sent);
	wire_out_deinit(&group);
}

void publishing_expect_over(struct publishing *s, int err, int expected, const char *why)
{
	assert_int_equal(err, expected);
	if (!strstr(publication_error(s->session), why))
		fail_msg("\"%s\" is not in \"%s\"", why, publication_error(s->session));
}
