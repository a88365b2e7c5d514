/* SPDX-License-Identifier: MIT */
#include "publication.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "announces.h"
#include "outbox.h"
#include "path.h"
#include "standing.h"
#include "subscription.h"

/* So many bytes of requests may have come, and none of them whole. */
#define PUBLICATION_ASKING_MAX (1 << 20)

/* So many streams that the relay has begun may be yet to come, others that it began later having
 * come before them; of more, the first are forgotten. */
#define PUBLICATION_MISSING_MAX 256

/* What a stream of the relay's has turned out to be. */
enum publication_use {
	PUBLICATION_READING = 0, /* its request hasn't come whole */
	PUBLICATION_ANNOUNCES,
	PUBLICATION_TRACK,
};

struct publication_stream {
	uint64_t id;
	enum publication_use use;
	struct wire_out request; /* as far as it has come */
	struct announces announces;
	struct subscription track;
	struct publication_stream *next;
};

/* The group that is being sent. */
struct publication_sending {
	struct publication_stream *of; /* NULL: none */
	uint64_t stream;
	struct subscription_group group;
	struct wire_out head;
	size_t sent; /* of head and frame */
};

struct publication {
	const struct board *board;
	char *root;
	enum publication_state state;
	bool agreed, asked;    /* the setup is answered; announcements are asked for */
	uint64_t since;	       /* it has been in this state */
	uint64_t changes;      /* of the board, when it was looked at last */
	struct wire_out setup; /* the relay's, as far as it has come */
	struct outbox outbox;
	size_t asking; /* bytes of requests that haven't come whole */
	struct publication_stream *streams;
	size_t len;
	struct publication_sending sending;
	struct standing standing;
	bool stands;	  /* with these */
	uint64_t stood;	  /* when they were looked at last */
	uint64_t one_way; /* our next stream */
	uint64_t next;	  /* the relay's stream with both directions after the newest */
	uint64_t missing[PUBLICATION_MISSING_MAX]; /* of those before it, that haven't come */
	size_t missing_len;
	struct publication_counts counts;
	char error[256];
};

static int publication_fail(struct publication *p, int err, const char *why)
{
	snprintf(p->error, sizeof(p->error), "%s", why);
	return err;
}

/* What the outbox says of what was put into it. */
static int publication_said(struct publication *p, int err)
{
	return err == -ENOBUFS
		       ? publication_fail(p, -EPROTO,
					  "the relay asks for more than it reads answers to")
		       : err;
}

static int publication_say(struct publication *p, struct wire_out *bytes, uint64_t stream)
{
	return publication_said(p, outbox_put(&p->outbox, bytes, stream, false));
}

static int publication_say_reset(struct publication *p, uint64_t stream, uint64_t code)
{
	return publication_said(p, outbox_put_reset(&p->outbox, stream, code));
}

/* Nothing more is sent on a stream. */
static int publication_say_end(struct publication *p, uint64_t stream)
{
	return publication_said(p, outbox_put_end(&p->outbox, stream));
}

/* Two paths as one, normalised; the caller's. */
static char *publication_join(const char *a, size_t a_len, const char *b, size_t b_len)
{
	char *path = malloc(a_len + b_len + 2);

	if (!path)
		return NULL;
	memcpy(path, a, a_len);
	path[a_len] = '/';
	if (b_len)
		memcpy(path + a_len + 1, b, b_len);
	path[path_normalize(path, a_len + 1 + b_len, path)] = '\0';
	return path;
}

int publication_create(const struct board *board, const char *root, bool stands, uint64_t now,
		       struct publication **out)
{
	struct publication *p = calloc(1, sizeof(*p));
	struct wire_out setup = { 0 };
	int err = -ENOMEM;

	if (!p)
		return err;
	p->board = board;
	p->since = now;
	p->one_way = 2;
	p->stands = stands;
	p->next = 1;
	p->root = publication_join(root, strlen(root), NULL, 0);
	wire_put_setup(&setup);
	if (p->root)
		err = publication_say(p, &setup, WIRE_SETUP_STREAM);
	else
		wire_out_deinit(&setup);
	if (err) {
		publication_destroy(p);
		return err;
	}
	*out = p;
	return 0;
}

static void publication_sent(struct publication *p)
{
	struct publication_sending *s = &p->sending;

	wire_out_deinit(&s->head);
	group_release(s->group.group);
	*s = (struct publication_sending){ 0 };
}

static void publication_stream_free(struct publication_stream *s)
{
	wire_out_deinit(&s->request);
	announces_deinit(&s->announces);
	subscription_deinit(&s->track);
	free(s);
}

void publication_destroy(struct publication *p)
{
	struct publication_stream *s;

	if (!p)
		return;
	publication_sent(p);
	while ((s = p->streams)) {
		p->streams = s->next;
		publication_stream_free(s);
	}
	outbox_deinit(&p->outbox);
	standing_deinit(&p->standing);
	wire_out_deinit(&p->setup);
	free(p->root);
	free(p);
}

static int publication_announce(struct publication *p, struct publication_stream *s, bool first)
{
	struct wire_out out = { 0 };
	size_t before = s->announces.len;
	int err = first ? announces_begin(&s->announces, p->board, &out)
			: announces_go_on(&s->announces, p->board, &out);

	p->counts.broadcasts += s->announces.len - before;
	if (err || !out.len) {
		wire_out_deinit(&out);
		return err;
	}
	return publication_say(p, &out, s->id);
}

/* ---- subscriptions ---- */

static int publication_subscribe(struct publication *p, struct publication_stream *s,
				 const struct wire_request *request)
{
	struct wire_out out = { 0 };
	int err =
		subscription_init(p->board,
				  publication_join(p->root, strlen(p->root),
						   request->broadcast.text, request->broadcast.len),
				  request, &s->track);

	p->counts.refused += err == -ENOENT;
	if (err)
		return err;
	s->use = PUBLICATION_TRACK;
	p->counts.subscriptions++;
	wire_put_subscribed(&out);
	return publication_say(p, &out, s->id);
}

/* Begin to send a subscription's next group; as subscription_next(). */
static int publication_begin(struct publication *p, struct publication_stream *s)
{
	struct publication_sending *to = &p->sending;
	uint64_t before = s->track.skipped;
	int err = subscription_next(&s->track, p->board, &to->group);

	p->counts.skipped += s->track.skipped - before;
	if (err)
		return err;
	to->of = s;
	to->stream = p->one_way;
	wire_put_group(&to->head, s->track.id, to->group.sequence, to->group.len);
	if (to->head.failed) {
		publication_sent(p);
		p->counts.skipped++;
		return -ENOMEM;
	}
	p->one_way += 4;
	return 0;
}

/* ---- streams ---- */

/* Is this the first that is heard of a stream of the relay's? They may come in another order than
 * they were begun in, and their ends before them. */
static bool publication_meet(struct publication *p, uint64_t id)
{
	size_t i;

	for (i = 0; i < p->missing_len; i++) {
		if (p->missing[i] == id) {
			p->missing_len--;
			memmove(&p->missing[i], &p->missing[i + 1],
				(p->missing_len - i) * sizeof(p->missing[0]));
			return true;
		}
	}
	if (id < p->next)
		return false;
	if ((id - p->next) / 4 > PUBLICATION_MISSING_MAX)
		p->next = id - 4 * PUBLICATION_MISSING_MAX;
	for (; p->next < id; p->next += 4) {
		if (p->missing_len == PUBLICATION_MISSING_MAX)
			memmove(p->missing, p->missing + 1,
				--p->missing_len * sizeof(p->missing[0]));
		p->missing[p->missing_len++] = p->next;
	}
	p->next = id + 4;
	return true;
}

static struct publication_stream **publication_place(struct publication *p, uint64_t id)
{
	struct publication_stream **link = &p->streams;

	while (*link && (*link)->id != id)
		link = &(*link)->next;
	return link;
}

/* Forget a stream. What of a group has not been sent yet never will be. */
static int publication_forget(struct publication *p, struct publication_stream **link)
{
	struct publication_stream *s = *link;
	int err = 0;

	if (p->sending.of == s) {
		if (p->sending.sent)
			err = publication_say_reset(p, p->sending.stream, WIRE_CANCEL);
		publication_sent(p);
	}
	p->asking -= s->request.len;
	p->counts.subscriptions -= s->use == PUBLICATION_TRACK;
	p->counts.broadcasts -= s->announces.len;
	*link = s->next;
	p->len--;
	publication_stream_free(s);
	return err;
}

/* Where the session is, by what has come. */
static void publication_advance(struct publication *p, uint64_t now)
{
	enum publication_state state = !p->agreed  ? PUBLICATION_SETUP
				       : !p->asked ? PUBLICATION_UNASKED
						   : PUBLICATION_OPEN;

	if (state != p->state)
		p->since = now;
	p->state = state;
}

/* What a stream asks for, once that has come whole. -ENOENT: nothing that there is. */
static int publication_answer(struct publication *p, struct publication_stream *s, uint64_t now)
{
	struct wire_request request;
	int err = wire_read_request(s->request.data, s->request.len, &request);

	if (err <= 0)
		return err ? publication_fail(p, -EPROTO, "the relay sent a request that is none")
			   : 0;
	if (request.ask == WIRE_SUBSCRIBE)
		return publication_subscribe(p, s, &request);
	if (request.ask != WIRE_ANNOUNCES)
		return -EOPNOTSUPP;
	if (memchr(request.broadcast.text, '\0', request.broadcast.len))
		return -ENOENT;
	err = announces_init(publication_join(p->root, strlen(p->root), request.broadcast.text,
					      request.broadcast.len),
			     &s->announces);
	if (err)
		return err;
	s->use = PUBLICATION_ANNOUNCES;
	p->asked = true;
	publication_advance(p, now);
	return publication_announce(p, s, true);
}

/* More of a request. */
static int publication_read(struct publication *p, struct publication_stream *s,
			    const struct wire_message *m, uint64_t now)
{
	int err;

	wire_put(&s->request, m->data, m->len);
	p->asking += m->len;
	if (p->asking > PUBLICATION_ASKING_MAX)
		return publication_fail(p, -EPROTO, "the relay begins requests without end");
	err = s->request.failed ? -ENOMEM : publication_answer(p, s, now);
	if (s->use != PUBLICATION_READING) {
		p->asking -= s->request.len;
		wire_out_deinit(&s->request);
	}
	return err;
}

/* Bytes of a stream that the relay has begun. */
static int publication_take_request(struct publication *p, const struct wire_message *m,
				    uint64_t now)
{
	struct publication_stream **link = publication_place(p, m->stream), *s = *link;
	int err = 0;

	/* What has been forgotten is not begun anew. */
	if (!s && !publication_meet(p, m->stream))
		return 0;
	if (!s && p->len == PUBLICATION_STREAMS_MAX)
		return publication_say_reset(p, m->stream, WIRE_TOO_MANY);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->id = m->stream;
		*link = s;
		p->len++;
	}
	if (s->use == PUBLICATION_READING)
		err = publication_read(p, s, m, now);
	if (err == -ENOENT || err == -EOPNOTSUPP) {
		uint64_t code = err == -ENOENT ? WIRE_NOT_FOUND : WIRE_UNSUPPORTED;

		err = publication_say_reset(p, m->stream, code);
		return err ? err : publication_forget(p, link);
	}
	if (err || !m->fin)
		return err;
	/* It wants no more of it. */
	err = publication_say_end(p, m->stream);
	return err ? err : publication_forget(p, link);
}

static int publication_take_setup(struct publication *p, const struct wire_message *m, uint64_t now)
{
	int err;

	if (p->state != PUBLICATION_SETUP)
		return m->fin ? publication_fail(p, -ECONNRESET, "the relay ended the session") : 0;
	wire_put(&p->setup, m->data, m->len);
	if (p->setup.failed)
		return -ENOMEM;
	err = wire_read_setup(p->setup.data, p->setup.len);
	if (!err && p->setup.len < WIRE_REQUEST_MAX && !m->fin)
		return 0;
	if (err != 1)
		return publication_fail(p, -EPROTO,
					err == -EPROTO ? "the relay doesn't speak moq-lite-02"
						       : "the relay's answer to the setup is none");
	p->agreed = true;
	publication_advance(p, now);
	wire_out_deinit(&p->setup);
	return m->fin ? publication_fail(p, -ECONNRESET, "the relay ended the session") : 0;
}

/* A stream is ended by the relay. */
static int publication_take_end(struct publication *p, const struct wire_message *m, uint64_t now)
{
	struct publication_stream **link;
	int err;

	if (m->stream == WIRE_SETUP_STREAM)
		return publication_fail(p, -ECONNRESET, "the relay ended the session");
	if (wire_relays(m->stream)) {
		if (wire_one_way(m->stream))
			return 0;
		link = publication_place(p, m->stream);
		if (!*link) {
			(void)publication_meet(p, m->stream);
			return 0;
		}
		err = publication_say_reset(p, m->stream, WIRE_CANCEL);
		return err ? err : publication_forget(p, link);
	}
	if (!wire_one_way(m->stream)) {
		standing_end(&p->standing, m->stream, now);
		return 0;
	}
	if (p->sending.of && p->sending.stream == m->stream) {
		err = p->sending.sent ? publication_say_reset(p, m->stream, WIRE_CANCEL) : 0;
		publication_sent(p);
		return err;
	}
	return 0;
}

int publication_take(struct publication *p, const void *message, size_t len, uint64_t now)
{
	struct wire_message m;

	if (wire_read(message, len, &m))
		return publication_fail(p, -EPROTO, "the relay sent a message that is none");
	if (m.kind == WIRE_CLOSE) {
		snprintf(p->error, sizeof(p->error),
			 "the relay closed the session: %.*s (code %lu)",
			 m.len > 128 ? 128 : (int)m.len, (const char *)m.data,
			 (unsigned long)m.code);
		return -ECONNRESET;
	}
	if (m.kind != WIRE_STREAM)
		return publication_take_end(p, &m, now);
	if (m.stream == WIRE_SETUP_STREAM)
		return publication_take_setup(p, &m, now);
	if (wire_relays(m.stream) && !wire_one_way(m.stream))
		return publication_take_request(p, &m, now);
	if (m.fin && !wire_relays(m.stream))
		return publication_take_end(p, &m, now);
	return 0; /* groups, which are nobody's */
}

/* ---- going on ---- */

static int publication_look(struct publication *p)
{
	struct publication_stream *s;
	int err = 0;

	if (p->changes == p->board->changes)
		return 0;
	for (s = p->streams; s && !err; s = s->next) {
		if (s->use == PUBLICATION_ANNOUNCES)
			err = publication_announce(p, s, false);
	}
	if (!err)
		p->changes = p->board->changes;
	return err;
}

/* See to our own subscriptions. */
static int publication_stand(struct publication *p, uint64_t now)
{
	p->stood = now;
	if (!p->stands || p->state != PUBLICATION_OPEN)
		return 0;
	return publication_said(p, standing_look(&p->standing, p->board, p->root, &p->outbox, now));
}

/* Have the next group sent, if there is one: of each subscription in turn. */
static int publication_turn(struct publication *p)
{
	struct publication_stream **link = &p->streams, *s;
	int err;

	while (!p->outbox.closed && !p->sending.of && (s = *link)) {
		err = s->use == PUBLICATION_TRACK ? publication_begin(p, s) : -EAGAIN;
		if (err == -ENOMEM)
			return err;
		if (err == -EPIPE) {
			err = publication_say_end(p, s->id);
			if (!err)
				err = publication_forget(p, link);
			if (err)
				return err;
			continue;
		}
		if (!err && s->next) {
			/* The others come first from now on. */
			*link = s->next;
			while (*link)
				link = &(*link)->next;
			*link = s;
			s->next = NULL;
			break;
		}
		link = &s->next;
	}
	return 0;
}

int publication_run(struct publication *p, uint64_t now)
{
	bool changed = p->changes != p->board->changes;
	int err;

	if (p->outbox.closed)
		return 0;
	if (p->state == PUBLICATION_SETUP && now - p->since > PUBLICATION_PATIENCE)
		return publication_fail(p, -ETIMEDOUT, "the relay doesn't answer the setup");
	if (p->state == PUBLICATION_UNASKED && now - p->since > PUBLICATION_PATIENCE)
		return publication_fail(
			p, -ETIMEDOUT,
			"the relay lets us in, but doesn't ask what there is to publish: what may "
			"be published there is up to the token, or to the relay's rules for those "
			"without one");
	err = publication_look(p);
	if (!err && (changed || now - p->stood >= STANDING_PAUSE))
		err = publication_stand(p, now);
	return err ? err : publication_turn(p);
}

int publication_close(struct publication *p)
{
	struct wire_out out = { 0 };
	int err;

	wire_put_close(&out, WIRE_CANCEL, "");
	err = outbox_put_message(&p->outbox, &out);
	if (err)
		return err;
	publication_sent(p);
	outbox_close(&p->outbox);
	return 0;
}

bool publication_waits(const struct publication *p)
{
	return outbox_waits(&p->outbox) || p->sending.of;
}

static size_t publication_next_group(struct publication *p, uint8_t *out)
{
	struct publication_sending *s = &p->sending;
	size_t left = s->head.len + s->group.len - s->sent, len, n = 0,
	       head = outbox_head(out, s->stream, true, left, &len);

	if (s->sent < s->head.len) {
		n = s->head.len - s->sent;
		memcpy(out + head, s->head.data + s->sent, n);
	}
	memcpy(out + head + n, s->group.frame + (s->sent + n - s->head.len), len - n);
	s->sent += len;
	if (len == left) {
		p->counts.groups++;
		publication_sent(p);
	}
	return head + len;
}

size_t publication_next(struct publication *p, uint8_t out[PUBLICATION_MESSAGE_MAX])
{
	size_t len = 0;

	if (outbox_waits(&p->outbox))
		len = outbox_next(&p->outbox, out);
	else if (p->sending.of)
		len = publication_next_group(p, out);
	/* What fails here is told by publication_run(). */
	if (!publication_waits(p))
		(void)publication_turn(p);
	p->counts.bytes += len;
	return len;
}

enum publication_state publication_state(const struct publication *p)
{
	return p->state;
}

const struct publication_counts *publication_counts(const struct publication *p)
{
	return &p->counts;
}

const char *publication_error(const struct publication *p)
{
	return p->error;
}
