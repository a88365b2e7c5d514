/* SPDX-License-Identifier: MIT */
/*
 * fuzz_publication.c - a relay that says anything to who publishes at it. The input is a byte that
 * chooses how it begins, and then what happens: each a byte that says what, the length of what
 * follows in two, and that; see publication_happens().
 *
 * What is said to it are messages that a relay takes, none too long; nothing comes on a stream
 * after its end, nor at all after the session's; our streams rise; a group that was sent whole has
 * a frame of the very track that was subscribed to, under the number that it has, and these rise;
 * and whoever asked what there is knows it, in the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "fuzz.h"
#include "group.h"
#include "path.h"
#include "publication.h"

#define PUBLICATION_SECOND UINT64_C(1000000000)
#define PUBLICATION_LARGE  40000
#define PUBLICATION_LEAP   (4 * 32)
#define PUBLICATION_KEPT   200000 /* bytes of a track's frames */

static const char *const publication_broadcasts[] = { ".stats/node/n1", ".stats/node/n1/eu",
						      ".stats/node/n2", ".statss" };
static const char *const publication_tracks[] = { "publisher.json", "sessions.json",
						  "x/publisher.json" };
static const char *const publication_roots[] = { "", "/.stats/", ".stats/node/n1" };

/* What happens; of each, what its bytes are. */
enum publication_what {
	PUBLICATION_SAYS = 0, /* the relay: a message */
	PUBLICATION_FRAME,    /* track and broadcast, sequence in two bytes, the frame */
	PUBLICATION_LINE,     /* broadcast, and 0 it ends, or flags of a status */
	PUBLICATION_TICK,     /* 1/100 s, two bytes */
	PUBLICATION_READS,    /* so many messages are read */
	PUBLICATION_CLOSES,
	PUBLICATION_WHAT_MAX
};

/* The board isn't looked at afterwards. */
#define PUBLICATION_UNSEEN 0x80

/* A frame that the board had. */
struct publication_frame {
	unsigned int broadcast, track;
	uint64_t sequence;
	struct group *group;
};

/* A stream, as the relay sees it. */
struct publication_seen {
	uint64_t id;
	struct wire_out said;	     /* on it, by us */
	struct wire_out asked;	     /* by the relay */
	struct wire_request request; /* once that has come; its texts are none */
	char *path;		     /* of it, whole */
	unsigned int track;
	bool compressed, ended, given_up;
	uint64_t newest; /* the sequence after the last one of a subscription */
};

struct publication_target {
	struct hub *hub;
	struct board board;
	const char *root;
	struct publication *session;
	struct publication_frame *frames;
	size_t frames_len;
	struct publication_seen *seen;
	size_t seen_len;
	uint64_t now, one_way;
	uint64_t relays; /* the newest stream that the relay has begun */
	bool leapt;	 /* it left out so many before it that they need not be waited for */
	bool closing, closed;
};

static void publication_wake(void *owner)
{
	(void)owner;
}

static void *publication_grow(void *list, size_t len, size_t each)
{
	/* Each time that it is a power of two. */
	if (len & (len - 1))
		return list;
	list = realloc(list, (len ? 2 * len : 1) * each);
	fuzz_check(list);
	return list;
}

/* ---- what the relay knows ---- */

static struct publication_seen *publication_seen(struct publication_target *t, uint64_t id)
{
	size_t i;

	for (i = 0; i < t->seen_len; i++) {
		if (t->seen[i].id == id)
			return &t->seen[i];
	}
	t->seen = publication_grow(t->seen, t->seen_len, sizeof(*t->seen));
	t->seen[t->seen_len] = (struct publication_seen){ .id = id };
	return &t->seen[t->seen_len++];
}

static void publication_forget_all(struct publication_target *t)
{
	size_t i;

	for (i = 0; i < t->seen_len; i++) {
		wire_out_deinit(&t->seen[i].said);
		wire_out_deinit(&t->seen[i].asked);
		free(t->seen[i].path);
	}
	free(t->seen);
	t->seen = NULL;
	t->seen_len = 0;
}

static void publication_join_session(struct publication_target *t)
{
	publication_destroy(t->session);
	publication_forget_all(t);
	t->one_way = t->relays = 0;
	t->leapt = t->closing = t->closed = false;
	fuzz_check(!publication_create(&t->board, t->root, false, t->now, &t->session));
}

/* The path that a request is for. */
static char *publication_path(const struct publication_target *t, const struct wire_text *of)
{
	size_t len = strlen(t->root);
	char *path = malloc(len + 1 + of->len + 1);

	fuzz_check(path);
	memcpy(path, t->root, len);
	path[len] = '/';
	memcpy(path + len + 1, of->text, of->len);
	path[path_normalize(path, len + 1 + of->len, path)] = '\0';
	return path;
}

/* Which track of ours a name is, compressed or not; or beyond them. */
static unsigned int publication_track_of(const struct wire_text *name, bool *compressed)
{
	unsigned int i;

	for (i = 0; i < sizeof(publication_tracks) / sizeof(publication_tracks[0]); i++) {
		size_t len = strlen(publication_tracks[i]);

		*compressed = name->len == len + 2 && !memcmp(name->text + len, ".z", 2);
		if ((*compressed || name->len == len) &&
		    !memcmp(name->text, publication_tracks[i], len))
			break;
	}
	return i;
}

/* Have noted what the relay asks for. Only streams of the relay with both directions have that. */
static void publication_note(struct publication_target *t, const uint8_t *message, size_t len)
{
	struct publication_seen *s;
	struct wire_request r;
	struct wire_message m;

	if (wire_read(message, len, &m) || m.kind == WIRE_CLOSE || !wire_relays(m.stream) ||
	    wire_one_way(m.stream))
		return;
	t->leapt |= m.stream > t->relays + PUBLICATION_LEAP;
	t->relays = m.stream > t->relays ? m.stream : t->relays;
	s = publication_seen(t, m.stream);
	if (!s->request.ask && m.kind == WIRE_STREAM) {
		wire_put(&s->asked, m.data, m.len);
		if (wire_read_request(s->asked.data, s->asked.len, &r) == 1) {
			s->request = (struct wire_request){ .ask = r.ask, .id = r.id };
			if (r.ask != WIRE_OTHER)
				s->path = publication_path(t, &r.broadcast);
			/* What it means is for a unit test. */
			s->given_up |= r.ask == WIRE_ANNOUNCES &&
				       memchr(r.broadcast.text, '\0', r.broadcast.len);
			if (r.ask == WIRE_SUBSCRIBE)
				s->track = publication_track_of(&r.track, &s->compressed);
		}
	}
	s->given_up |= m.kind != WIRE_STREAM || m.fin;
}

static uint64_t publication_varint(struct fuzz_in *in)
{
	uint64_t value, more;

	fuzz_check(in->left);
	value = fuzz_u8(in);
	more = (1U << (value >> 6)) - 1;
	fuzz_check(in->left >= more);
	for (value &= 0x3f; more; more--)
		value = value << 8 | fuzz_u8(in);
	return value;
}

/* Is it that frame, as the subscription has it? */
static bool publication_is(const struct publication_frame *f, const struct publication_seen *s,
			   uint64_t sequence, const uint8_t *frame, size_t len)
{
	const char *as = f->group->frame;
	size_t as_len = f->group->len;

	if (f->sequence != sequence || f->track != s->track ||
	    strcmp(publication_broadcasts[f->broadcast], s->path) != 0)
		return false;
	if (s->compressed)
		fuzz_check(!group_compress(f->group, &as, &as_len));
	return as_len == len && !memcmp(as, frame, len);
}

/* A group has come whole. Several subscriptions may have its number: it is of one of them. */
static void publication_group(struct publication_target *t, const struct wire_out *said)
{
	struct fuzz_in in = { said->data, said->len }, head;
	struct publication_seen *s;
	uint64_t id, sequence;
	size_t i, n, same = 0, found = 0;

	fuzz_check(!publication_varint(&in));
	n = publication_varint(&in);
	head.at = fuzz_bytes(&in, n, &head.left);
	fuzz_check(head.left == n);
	id = publication_varint(&head);
	sequence = publication_varint(&head);
	fuzz_check(!head.left);
	fuzz_check(publication_varint(&in) == in.left);
	for (i = 0; i < t->seen_len; i++)
		same += t->seen[i].request.ask == WIRE_SUBSCRIBE && t->seen[i].request.id == id;
	for (i = 0; i < t->seen_len; i++) {
		s = &t->seen[i];
		if (s->request.ask != WIRE_SUBSCRIBE || s->request.id != id)
			continue;
		for (n = t->frames_len; n-- > 0;) {
			if (publication_is(&t->frames[n], s, sequence, in.at, in.left))
				break;
		}
		found += n < t->frames_len;
		fuzz_check(same > 1 || s->newest <= sequence);
		s->newest = sequence + 1;
	}
	fuzz_check(found);
}

/* A message of ours has come. */
static void publication_comes(struct publication_target *t, const uint8_t *message, size_t len)
{
	struct publication_seen *s;
	struct wire_message m;

	fuzz_check(len <= PUBLICATION_MESSAGE_MAX && !wire_read(message, len, &m));
	fuzz_check(!t->closed);
	if (m.kind == WIRE_CLOSE) {
		fuzz_check(t->closing);
		t->closed = true;
		return;
	}
	s = publication_seen(t, m.stream);
	fuzz_check(m.kind != WIRE_STOP && !s->ended);
	s->ended = m.kind == WIRE_RESET || m.fin;
	/* Of which streams there are: the setup's, those that the relay began, and groups. */
	if (m.stream == WIRE_SETUP_STREAM)
		return;
	if (wire_relays(m.stream)) {
		fuzz_check(!wire_one_way(m.stream) && s->asked.len + s->given_up);
		wire_put(&s->said, m.data, m.len);
		return;
	}
	fuzz_check(wire_one_way(m.stream) && (s->said.len || m.stream > t->one_way));
	t->one_way = m.stream > t->one_way ? m.stream : t->one_way;
	wire_put(&s->said, m.data, m.kind == WIRE_STREAM ? m.len : 0);
	if (m.fin)
		publication_group(t, &s->said);
	if (s->ended)
		wire_out_deinit(&s->said);
}

static bool publication_read(struct publication_target *t)
{
	uint8_t *out = malloc(PUBLICATION_MESSAGE_MAX);
	bool waits = publication_waits(t->session);
	size_t len;

	fuzz_check(out);
	len = publication_next(t->session, out);
	fuzz_check(waits == !!len);
	if (len)
		publication_comes(t, out, len);
	free(out);
	return len;
}

/* ---- what happens ---- */

static void publication_is_over(struct publication_target *t, int err)
{
	if (!err)
		return;
	fuzz_check(err == -EPROTO || err == -ECONNRESET || err == -ETIMEDOUT);
	fuzz_check(*publication_error(t->session));
	publication_join_session(t);
}

static void publication_says(struct publication_target *t, const uint8_t *message, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	fuzz_check(copy);
	memcpy(copy, message, len);
	publication_note(t, copy, len);
	publication_is_over(t, publication_take(t->session, copy, len, t->now));
	free(copy);
}

/* Its first byte: the broadcast, the track, and whether it is large. */
static void publication_put_frame(struct publication_target *t, struct fuzz_in *in)
{
	static char large[PUBLICATION_LARGE];
	unsigned int which = fuzz_u8(in);
	struct publication_frame f = { .broadcast = which & 3, .track = (which >> 2) % 3 };
	struct feed_line line = { .kind = FEED_FRAME,
				  .broadcast = publication_broadcasts[f.broadcast],
				  .track = publication_tracks[f.track] };
	const struct board_broadcast *one;

	line.sequence = fuzz_u16(in);
	line.json = (const char *)in->at;
	line.len = in->left;
	if (which & 0x40) {
		memset(large, 'a' + which % 16, sizeof(large));
		line.json = large;
		line.len = sizeof(large) - in->left % 1000;
	}
	fuzz_check(!board_take(&t->board, &line, t->now));
	one = board_find(&t->board, line.broadcast);
	f.sequence = one->begun[tracks_find(&one->tiers, line.track)] + line.sequence;
	f.group = group_create(0, 0, line.json, line.len);
	fuzz_check(f.group);
	t->frames = publication_grow(t->frames, t->frames_len, sizeof(f));
	t->frames[t->frames_len++] = f;
}

static void publication_put_line(struct publication_target *t, struct fuzz_in *in)
{
	struct feed_line line = { .kind = FEED_END };
	unsigned int flags;
	char text[256];

	line.broadcast = publication_broadcasts[fuzz_u8(in) & 3];
	flags = fuzz_u8(in);
	if (flags) {
		snprintf(text, sizeof(text),
			 "{\"broadcast\":\"%s\",\"ended\":%s,\"compressed\":%s,\"depth\":%d}",
			 line.broadcast, flags & 2 ? "true" : "false", flags & 4 ? "true" : "false",
			 flags & 8 ? 1 : 0);
		line.kind = FEED_STATUS;
		line.json = text;
		line.len = strlen(text);
	}
	fuzz_check(!board_take(&t->board, &line, t->now));
}

static void publication_happens(struct publication_target *t, unsigned int what, struct fuzz_in *in)
{
	unsigned int n;

	switch ((what & ~PUBLICATION_UNSEEN) % PUBLICATION_WHAT_MAX) {
	case PUBLICATION_SAYS:
		publication_says(t, in->at, in->left);
		break;
	case PUBLICATION_FRAME:
		publication_put_frame(t, in);
		break;
	case PUBLICATION_LINE:
		publication_put_line(t, in);
		break;
	case PUBLICATION_TICK:
		t->now += fuzz_u16(in) * PUBLICATION_SECOND / 100;
		break;
	case PUBLICATION_READS:
		for (n = fuzz_u8(in); n && publication_read(t); n--)
			;
		break;
	case PUBLICATION_CLOSES:
		t->closing = true;
		publication_is_over(t, publication_close(t->session));
		break;
	}
	/* As who owns it does. */
	if (!(what & PUBLICATION_UNSEEN) && !t->closing)
		publication_is_over(t, publication_run(t->session, t->now));
}

/* ---- what it comes to ---- */

/* A broadcast is announced, or gone: it was not, or was. */
static void publication_told(bool *known, const char *base, const uint8_t *suffix, size_t len,
			     bool active)
{
	size_t i, base_len = strlen(base);

	for (i = 0; i < sizeof(publication_broadcasts) / sizeof(publication_broadcasts[0]); i++) {
		const char *name = publication_broadcasts[i];

		if (!path_has_prefix(name, strlen(name), base, base_len))
			continue;
		name += base_len;
		name += base_len && *name == '/';
		if (strlen(name) == len && !memcmp(name, suffix, len))
			break;
	}
	fuzz_check(i < sizeof(publication_broadcasts) / sizeof(publication_broadcasts[0]));
	fuzz_check(known[i] != active);
	known[i] = active;
}

/* What was told to who asked is what there is. */
static void publication_announced(const struct publication_target *t,
				  const struct publication_seen *s)
{
	bool known[sizeof(publication_broadcasts) / sizeof(publication_broadcasts[0])] = { 0 };
	struct fuzz_in in = { s->said.data, s->said.len }, body;
	size_t i, n, len;
	const uint8_t *text;
	bool active = true, first = true;

	while (in.left || first) {
		n = publication_varint(&in);
		body.at = fuzz_bytes(&in, n, &body.left);
		fuzz_check(body.left == n);
		n = first ? publication_varint(&body) : 1;
		for (i = 0; i < n; i++) {
			if (!first)
				active = fuzz_u8(&body);
			len = publication_varint(&body);
			text = fuzz_bytes(&body, len, &len);
			publication_told(known, s->path, text, len, active);
		}
		fuzz_check(!body.left);
		first = false;
	}
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const char *name = publication_broadcasts[i];
		const struct board_broadcast *one = board_find(&t->board, name);

		fuzz_check(known[i] ==
			   (one && board_announced(one) &&
			    path_has_prefix(name, strlen(name), s->path, strlen(s->path))));
	}
}

static void publication_settles(struct publication_target *t)
{
	size_t i;

	if (!t->closing)
		publication_is_over(t, publication_run(t->session, t->now));
	while (publication_read(t))
		;
	fuzz_check(t->closed == t->closing);
	for (i = 0; i < t->seen_len && !t->closing && !t->leapt; i++) {
		const struct publication_seen *s = &t->seen[i];

		if (s->request.ask == WIRE_ANNOUNCES && !s->ended && !s->given_up)
			publication_announced(t, s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct publication_target t = { .now = PUBLICATION_SECOND };
	struct fuzz_in in = { data, size }, part;
	unsigned int what = fuzz_u8(&in);
	size_t i;

	fuzz_check(!hub_create(1, publication_wake, &t.hub));
	board_init(t.hub, PUBLICATION_KEPT, &t.board);
	t.root = publication_roots[what % 3];
	publication_join_session(&t);
	while (in.left) {
		what = fuzz_u8(&in);
		part.at = fuzz_bytes(&in, fuzz_u16(&in), &part.left);
		publication_happens(&t, what, &part);
	}
	publication_settles(&t);
	publication_destroy(t.session);
	publication_forget_all(&t);
	for (i = 0; i < t.frames_len; i++)
		group_release(t.frames[i].group);
	free(t.frames);
	board_deinit(&t.board);
	hub_destroy(t.hub);
	return 0;
}

/* ---- seeds ---- */

static void publication_step(struct wire_out *seed, unsigned int what, const void *data, size_t len)
{
	const uint8_t head[] = { what, len & 0xff, len >> 8 };

	wire_put(seed, head, sizeof(head));
	wire_put(seed, data, len);
}

/* Bytes of a stream of the relay's. */
static void publication_step_says(struct wire_out *seed, uint64_t stream, bool fin,
				  const void *data, size_t len)
{
	struct wire_out message = { 0 };
	uint8_t head[WIRE_HEAD_MAX];

	wire_put(&message, head, wire_write_head(head, stream, fin));
	wire_put(&message, data, len);
	publication_step(seed, PUBLICATION_SAYS, message.data, message.len);
	wire_out_deinit(&message);
}

static void publication_step_announces(struct wire_out *seed, uint64_t stream, const char *prefix)
{
	struct wire_out body = { 0 };

	wire_put_varint(&body, WIRE_ANNOUNCES);
	wire_put_varint(&body, wire_text_size(strlen(prefix)));
	wire_put_text(&body, prefix, strlen(prefix));
	publication_step_says(seed, stream, false, body.data, body.len);
	wire_out_deinit(&body);
}

/* Whole, or in two pieces. */
static void publication_step_subscribes(struct wire_out *seed, uint64_t stream, uint64_t id,
					const char *broadcast, const char *track, bool whole)
{
	struct wire_out body = { 0 };
	size_t n;

	wire_put_subscribe(&body, id, broadcast, strlen(broadcast), track);
	n = whole ? body.len : body.len / 2;
	publication_step_says(seed, stream, false, body.data, n);
	if (!whole)
		publication_step_says(seed, stream, false, body.data + n, body.len - n);
	wire_out_deinit(&body);
}

/* A session whose setup has been answered, with three broadcasts of which one is compressed, and
 * which has been asked for all. */
static struct wire_out publication_seed(unsigned int root)
{
	static const uint8_t answer[] = "\x21\x00\x09\xc0\x00\x00\x00\xff\x0d\xad\x02";
	const uint8_t which = root;
	struct wire_out seed = { 0 };

	wire_put(&seed, &which, 1);
	publication_step(&seed, PUBLICATION_LINE, "\x00\x05", 2);
	publication_step(&seed, PUBLICATION_FRAME, "\x00\x07\x00{}", 5);
	publication_step(&seed, PUBLICATION_FRAME, "\x01\x00\x00{\"a\":1}", 10);
	publication_step(&seed, PUBLICATION_FRAME, "\x07\x02\x00{}", 5);
	publication_step(&seed, PUBLICATION_READS, "\x09", 1);
	publication_step_says(&seed, WIRE_SETUP_STREAM, false, answer, sizeof(answer));
	publication_step_announces(&seed, 1, "");
	return seed;
}

static void publication_seed_ends(struct wire_out *seed)
{
	fuzz_check(!seed->failed);
	fuzz_seed(seed->data, seed->len);
	wire_out_deinit(seed);
}

/* Frames, of which one is large, to two subscriptions; a broadcast goes, and comes again. */
static void publication_seed_whole(unsigned int root, const char *broadcast)
{
	struct wire_out seed = publication_seed(root);

	publication_step_subscribes(&seed, 5, 0, broadcast, "publisher.json", true);
	publication_step_subscribes(&seed, 9, 64, broadcast, "publisher.json.z", false);
	publication_step_subscribes(&seed, 13, 2, broadcast, "secret.json", true);
	publication_step_subscribes(&seed, 17, 3, broadcast, "sessions.json", true);
	publication_step(&seed, PUBLICATION_READS, "\x09", 1);
	publication_step(&seed, PUBLICATION_FRAME, "\x40\x08\x00", 3);
	publication_step(&seed, PUBLICATION_READS, "\x02", 1);
	publication_step_announces(&seed, 21, "n1");
	publication_step(&seed, PUBLICATION_FRAME, "\x04\x01\x00{}", 5);
	publication_step(&seed, PUBLICATION_READS, "\x09", 1);
	publication_step(&seed, PUBLICATION_TICK, "\x64\x00", 2);
	publication_step(&seed, PUBLICATION_FRAME, "\x00\x09\x00{}", 5);
	publication_step(&seed, PUBLICATION_LINE, "\x01\x00", 2);
	publication_step(&seed, PUBLICATION_FRAME, "\x03\x01\x00{}", 5);
	publication_step(&seed, PUBLICATION_LINE, "\x03\x00", 2);
	publication_step(&seed, PUBLICATION_FRAME, "\x01\x01\x00{}", 5);
	publication_step_says(&seed, 9, true, "", 0);
	publication_step(&seed, PUBLICATION_CLOSES, "", 0);
	publication_seed_ends(&seed);
}

/* A relay that reads slowly, and gives up each of two in its way, amid a group. */
static void publication_seed_slow(void)
{
	struct wire_out seed = publication_seed(1);
	uint8_t frame[] = { 0, 0, 0, '{', '}' };

	publication_step_subscribes(&seed, 5, 0, "node/n1", "publisher.json", true);
	publication_step_subscribes(&seed, 9, 1, "node/n1", "publisher.json", true);
	publication_step(&seed, PUBLICATION_READS, "\x05", 1);
	for (frame[1] = 10; frame[1] < 60; frame[1]++)
		publication_step(&seed, PUBLICATION_FRAME, frame, sizeof(frame));
	publication_step(&seed, PUBLICATION_READS, "\x20", 1);
	publication_step(&seed, PUBLICATION_FRAME, "\x40\x50\x00", 3);
	publication_step(&seed, PUBLICATION_READS, "\x01", 1);
	publication_step(&seed, PUBLICATION_SAYS, "\x04\x05\x00", 3);
	publication_step(&seed, PUBLICATION_READS, "\x03", 1);
	publication_step(&seed, PUBLICATION_SAYS, "\x05\x09\x00", 3);
	publication_step(&seed, PUBLICATION_READS, "\x09", 1);
	publication_step(&seed, PUBLICATION_SAYS, "\x1d\x0d shut down", 11);
	publication_step(&seed, PUBLICATION_TICK, "\xff\xff", 2);
	publication_seed_ends(&seed);
}

/* Frames that nobody looks at in between, and ones that leave by age. */
static void publication_seed_unseen(void)
{
	struct wire_out seed = publication_seed(0);

	publication_step_subscribes(&seed, 5, 0, ".stats/node/n1", "sessions.json", true);
	publication_step(&seed, PUBLICATION_FRAME | PUBLICATION_UNSEEN, "\x04\x01\x00{}", 5);
	publication_step(&seed, PUBLICATION_FRAME | PUBLICATION_UNSEEN, "\x04\x02\x00{}", 5);
	publication_step(&seed, PUBLICATION_TICK | PUBLICATION_UNSEEN, "\xff\x0f", 2);
	publication_step(&seed, PUBLICATION_FRAME | PUBLICATION_UNSEEN, "\x04\x03\x00{}", 5);
	publication_step(&seed, PUBLICATION_LINE | PUBLICATION_UNSEEN, "\x00\x02", 2);
	publication_step(&seed, PUBLICATION_LINE | PUBLICATION_UNSEEN, "\x00\x08", 2);
	publication_step(&seed, PUBLICATION_LINE | PUBLICATION_UNSEEN, "\x02\x00", 2);
	publication_step(&seed, PUBLICATION_FRAME, "\x0a\x03\x00{}", 5);
	publication_seed_ends(&seed);
}

void fuzz_seeds(void)
{
	publication_seed_whole(0, ".stats/node/n1");
	publication_seed_whole(1, "node/n1");
	publication_seed_whole(2, "");
	publication_seed_slow();
	publication_seed_unseen();
}
