/* SPDX-License-Identifier: MIT */
/*
 * fuzz_feed.c - lines from anyone, to those who follow live events and to Prometheus. The input is
 * a byte that chooses how they come in pieces, and lines; one that begins with ~ is no line of a
 * run but tells followers what to do, see feed_command().
 *
 * What was taken in is JSON. What a follower is sent are whole events; what it makes of them, full
 * frames and changes, is byte for byte the frame that the hub gave. Totals never go back.
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "frame.h"
#include "fuzz.h"
#include "rows.h"
#include "serving.h"

#define FEED_FOLLOWERS 4
#define FEED_TRACKS    12
#define FEED_ROWS      4096
#define FEED_SEED      8192 /* what is longer is cut */
#define FEED_SECOND    UINT64_C(1000000000)
#define FEED_IDLE      (30 * FEED_SECOND)

/* One track, as its follower knows it. */
struct feed_track {
	char *path;	     /* "<broadcast>/<track>" */
	struct track *track; /* held, so that it is told from others; NULL: ended */
	char *frame;	     /* what it made of the events; NULL before the first */
	size_t len;
	uint64_t sequence;
};

struct feed_follower {
	struct hub_session *session; /* NULL: there is none */
	struct stream *stream;
	bool delta;
	struct feed_track tracks[FEED_TRACKS];
	size_t tracks_len;
	struct hub_message told; /* what it is being sent */
	size_t told_track;
	struct frame_buf text; /* of it, so far */
};

struct feed_target {
	struct serving serving;
	struct feed_follower followers[FEED_FOLLOWERS];
	size_t chosen;
	size_t piece;
	char *metrics; /* as they were last */
};

static void feed_wake(void *owner)
{
	fuzz_check(owner);
}

static void feed_put(struct frame_buf *buf, const char *text, size_t len)
{
	if (buf->len + len + 1 > buf->size) {
		buf->size = 2 * buf->size + len + 1;
		buf->data = realloc(buf->data, buf->size);
		fuzz_check(buf->data);
	}
	memcpy(buf->data + buf->len, text, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

/* ---- what a client does with the events ---- */

/* The rows of a frame; *ordered tells whether they are so and each is there once. */
static size_t feed_rows(const char *frame, size_t len, struct row *rows, bool *ordered)
{
	struct rows all = rows_begin(frame, len);
	size_t n = 0;
	int got;

	*ordered = true;
	while ((got = rows_next(&all, &rows[n])) > 0) {
		*ordered = *ordered && (!n || rows_compare(&rows[n - 1], &rows[n]) < 0);
		fuzz_check(++n < FEED_ROWS);
	}
	fuzz_check(!got);
	return n;
}

static size_t feed_find(const struct row *rows, size_t len, const char *key, size_t key_len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (rows[i].key_len == key_len && !memcmp(rows[i].key, key, key_len))
			break;
	}
	return i;
}

static int feed_order(const void *a, const void *b)
{
	return rows_compare(a, b);
}

/* Leave out the rows that are named in a list of JSON strings. */
static size_t feed_leave_out(struct row *rows, size_t len, const char *list, const char *end)
{
	const char *key = list;
	size_t i;

	for (; list < end; list++) {
		if (*list == '\\') {
			list++;
		} else if (*list == '"') {
			for (key = list++; *list != '"'; list++)
				list += *list == '\\';
			i = feed_find(rows, len, key, list + 1 - key);
			fuzz_check(i < len);
			rows[i] = rows[--len];
		}
	}
	return len;
}

/* `{"set":{…},"gone":[…]}` on the frame that there is, to be the frame of a group. */
static void feed_apply(struct feed_track *t, const char *data, size_t size, const struct group *g)
{
	static struct row rows[FEED_ROWS], set[FEED_ROWS];
	const char *gone = memmem(data, size, "},\"gone\":[", 10);
	struct frame_buf buf = { 0 };
	size_t len, set_len, i, at;
	bool before, after, both;

	fuzz_check(size > 8 && !strncmp(data, "{\"set\":{", 8) && gone);
	fuzz_check(!strcmp(data + size - 2, "]}"));
	feed_rows(g->frame, g->len, rows, &after);
	len = feed_rows(t->frame, t->len, rows, &before);
	if (!before || !after) {
		/* No run writes such frames: they are served as they are, and have no changes. */
		free(t->frame);
		t->frame = strndup(g->frame, g->len);
		t->len = g->len;
		return;
	}
	set_len = feed_rows(data + 7, gone + 1 - (data + 7), set, &both);
	len = feed_leave_out(rows, len, gone + 10, data + size - 2);
	for (i = 0; i < set_len; i++) {
		at = feed_find(rows, len, set[i].key, set[i].key_len);
		fuzz_check(at < FEED_ROWS);
		rows[at] = set[i];
		len += at == len;
	}
	qsort(rows, len, sizeof(*rows), feed_order);
	feed_put(&buf, "{", 1);
	for (i = 0; i < len; i++) {
		feed_put(&buf, ",", i > 0);
		feed_put(&buf, rows[i].key, rows[i].value + rows[i].value_len - rows[i].key);
	}
	feed_put(&buf, "}", 1);
	free(t->frame);
	t->frame = buf.data;
	t->len = buf.len;
}

/* What an event makes of the track: `data` is a full frame, or what has changed. */
static void feed_update(struct feed_follower *f, struct feed_track *t, const char *data)
{
	size_t len = strlen(data), skip = f->delta ? strlen("{\"full\":") : 0;

	if (f->delta && strncmp(data, "{\"full\":", skip)) {
		fuzz_check(t->frame && !f->told.lost);
		feed_apply(t, data, len, f->told.group);
		return;
	}
	free(t->frame);
	t->len = len - skip - f->delta;
	t->frame = strndup(data + skip, t->len);
	fuzz_check(t->frame);
}

/* One event's text, without the empty line behind it; true if it had a frame. */
static bool feed_event(struct feed_follower *f, char *text)
{
	struct feed_track *t = &f->tracks[f->told_track];
	const char *name = "", *data = NULL, *id = NULL;
	uint64_t sequence;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char *value = strchr(line, ':');

		fuzz_check(value && !strchr(line, '\r'));
		*value = '\0';
		value += value[1] == ' ' ? 2 : 1;
		if (!strcmp(line, "event"))
			name = value;
		else if (!strcmp(line, "data"))
			data = value;
		else if (!strcmp(line, "id"))
			id = value;
		else
			fuzz_check(!*line || !strcmp(line, "retry"));
	}
	if (!id)
		return false;
	fuzz_check(data && *name && f->told.event == HUB_GROUP);
	fuzz_check(stream_id(id, f->told_track, &sequence) && sequence == f->told.group->sequence);
	feed_update(f, t, data);
	fuzz_check(t->len == f->told.group->len);
	fuzz_check(!memcmp(t->frame, f->told.group->frame, t->len));
	t->sequence = sequence;
	return true;
}

/* All of what the hub said last has come. */
static void feed_told(struct feed_follower *f)
{
	char *at = f->text.data, *end;
	size_t frames = 0;

	while (f->text.len && *at) {
		end = strstr(at, "\n\n");
		fuzz_check(end);
		*end = '\0';
		frames += feed_event(f, at);
		at = end + 2;
	}
	fuzz_check(frames == (f->told.event == HUB_GROUP));
	f->text.len = 0;
	hub_message_deinit(&f->told);
	f->told.event = HUB_NOTHING;
}

/* ---- followers ---- */

static void feed_leave(struct feed_follower *f)
{
	size_t i;

	hub_leave(f->session);
	stream_destroy(f->stream);
	hub_message_deinit(&f->told);
	for (i = 0; i < f->tracks_len; i++) {
		track_release(f->tracks[i].track);
		free(f->tracks[i].path);
		free(f->tracks[i].frame);
	}
	frame_buf_deinit(&f->text);
	memset(f, 0, sizeof(*f));
}

/* Follow a track as well; where it is the one that `from` knew, behind what that had. */
static void feed_follow(struct feed_target *target, struct feed_follower *f, char *path,
			const struct feed_track *from)
{
	const struct board_broadcast *owner;
	bool ambiguous;
	struct track *track = board_track(&target->serving.board, path, &ambiguous, &owner);
	bool known = track && from && from->frame && from->track == track, twice = false;
	size_t i;

	/* Where one broadcast's name goes on as another's track. */
	for (i = 0; i < f->tracks_len; i++)
		twice = twice || f->tracks[i].track == track;
	if (!track || twice || f->tracks_len == FEED_TRACKS || stream_add(f->stream, path, true)) {
		free(path);
		return;
	}
	fuzz_check(!hub_follow(f->session, track, known, known ? from->sequence : 0));
	f->tracks[f->tracks_len] = (struct feed_track){ .path = path, .track = track_hold(track) };
	/* A client that comes back still has what it had: nothing else may follow. */
	if (known) {
		f->tracks[f->tracks_len].sequence = from->sequence;
		f->tracks[f->tracks_len].frame = strndup(from->frame, from->len);
		f->tracks[f->tracks_len].len = from->len;
	}
	f->tracks_len++;
}

static void feed_join(struct feed_target *target, struct feed_follower *f, bool delta)
{
	struct serving *s = &target->serving;

	fuzz_check(!hub_join(s->hub, f, s->now, HUB_NEVER, &f->session));
	fuzz_check(!stream_create(delta, &s->work, &f->stream));
	f->delta = delta;
}

/* Follow all that there is, by names as of /events?track=… */
static void feed_join_all(struct feed_target *target, struct feed_follower *f, bool delta)
{
	const struct board *b = &target->serving.board;
	size_t i, t;
	char *path;

	feed_join(target, f, delta);
	for (i = 0; i < b->len; i++) {
		for (t = 0; t < TRACKS_OF_TWO; t++) {
			fuzz_check(asprintf(&path, "%s/%s", b->list[i]->name, tracks_two[t].name) >
				   0);
			feed_follow(target, f, path, NULL);
		}
	}
}

/* Drop the connection and come back with Last-Event-ID. */
static void feed_come_back(struct feed_target *target, struct feed_follower *f)
{
	struct feed_follower before = *f;
	size_t i;

	memset(f, 0, sizeof(*f));
	feed_join(target, f, before.delta);
	for (i = 0; i < before.tracks_len; i++)
		feed_follow(target, f, strdup(before.tracks[i].path), &before.tracks[i]);
	feed_leave(&before);
}

/* As http_follow_again(): the life that a track has now. */
static void feed_again(struct feed_target *target, struct feed_follower *f, struct feed_track *t)
{
	const struct board_broadcast *owner;
	bool ambiguous;
	struct track *now = board_track(&target->serving.board, t->path, &ambiguous, &owner);

	track_release(t->track);
	t->track = now && !hub_follow(f->session, now, false, 0) ? track_hold(now) : NULL;
}

/* Take up to `most` bytes of what there is for a follower. */
static void feed_read(struct feed_target *target, struct feed_follower *f, size_t most)
{
	char piece[97];
	size_t n, i;

	while (f->session && most) {
		n = stream_read(f->stream, piece, most < sizeof(piece) ? most : sizeof(piece));
		feed_put(&f->text, piece, n);
		most -= n;
		if (n)
			continue;
		feed_told(f);
		if (stream_over(f->stream)) {
			feed_leave(f);
			return;
		}
		if (!hub_next(f->session, target->serving.now, &f->told))
			return;
		for (i = 0; i < f->tracks_len && f->tracks[i].track != f->told.track; i++)
			;
		f->told_track = i;
		fuzz_check(f->told.event == HUB_LAGGING || f->told.event == HUB_EXPIRED ||
			   i < f->tracks_len);
		fuzz_check(!stream_tell(f->stream, i, &f->told));
		if (f->told.event == HUB_ENDED)
			feed_again(target, f, &f->tracks[i]);
	}
}

/* Followers who have read all have the newest frames of what they follow. */
static void feed_compare(struct feed_target *target, struct feed_follower *f)
{
	const struct board_broadcast *owner;
	const struct group *latest;
	bool ambiguous;
	size_t i;

	for (i = 0; i < f->tracks_len; i++) {
		struct feed_track *t = &f->tracks[i];
		struct track *now =
			board_track(&target->serving.board, t->path, &ambiguous, &owner);

		/* It was told the end of a broadcast, and there was no other life of it then. */
		if (!t->track)
			continue;
		latest = now ? track_latest(now) : NULL;
		fuzz_check(latest && now == t->track && t->sequence == latest->sequence);
		fuzz_check(t->len == latest->len && !memcmp(t->frame, latest->frame, t->len));
	}
}

/* ---- Prometheus ---- */

/* Is that a sum over lives, which never goes back? */
static bool feed_total(const char *line, size_t len)
{
	bool one = memmem(line, len, ",broadcast=", 11) || memmem(line, len, ",root=", 6);

	return *line != '#' && memmem(line, len, "_total{", 7) &&
	       (!one || memmem(line, len, "=\"__overflow__\"", 15));
}

static void feed_scrape(struct feed_target *target)
{
	char *now, *open, *line, *end, *old;
	size_t len;

	free(serving_metrics(&target->serving, EXPOSITION_OPENMETRICS, &len));
	now = serving_metrics(&target->serving, EXPOSITION_TEXT, &len);
	for (line = now; target->metrics && *line; line = end + 1) {
		size_t name;

		end = strchr(line, '\n');
		fuzz_check(end);
		open = memrchr(line, ' ', end - line);
		fuzz_check(open);
		name = open + 1 - line;
		if (!feed_total(line, name))
			continue;
		old = memmem(target->metrics, strlen(target->metrics), line, name);
		if (old)
			fuzz_check(strtoull(old + name, NULL, 10) <= strtoull(open, NULL, 10));
	}
	free(target->metrics);
	target->metrics = now;
}

/* What `/status` and each track's newest frame are, must be JSON; jansson can't take numbers beyond
 * 2^63 and names with a NUL, and doesn't see a row that is there twice. */
static void feed_look(struct feed_target *target)
{
	struct request request;
	struct answer answer;
	json_error_t error;
	json_t *json;
	size_t i, t;

	fuzz_check(!request_init("GET", "/status", &request));
	fuzz_check(!answer_make(&target->serving.source, &request, &answer));
	json = json_loadb(answer.body, answer.len, 0, NULL);
	fuzz_check(json);
	json_decref(json);
	answer_deinit(&answer);
	request_deinit(&request);
	for (i = 0; i < target->serving.board.len; i++) {
		for (t = 0; t < TRACKS_OF_TWO; t++) {
			const struct track *track = target->serving.board.list[i]->tracks[t];
			const struct group *g = track ? track_latest(track) : NULL;

			if (!g)
				continue;
			json = json_loadb(g->frame, g->len, JSON_ALLOW_NUL, &error);
			fuzz_check(json || strstr(error.text, "too big") ||
				   strstr(error.text, "NUL byte"));
			json_decref(json);
		}
	}
}

/* ---- the input ---- */

static void feed_command(struct feed_target *target, char c)
{
	struct feed_follower *f = &target->followers[target->chosen];
	struct serving *s = &target->serving;

	if (c >= '0' && c < '0' + FEED_FOLLOWERS)
		target->chosen = c - '0';
	else if (c == 't')
		s->now += FEED_SECOND;
	else if (c == 'T')
		s->now += 2 * FEED_IDLE;
	else if (c == 'w')
		hub_sweep(s->hub, s->now, FEED_IDLE);
	else if (c == 'm')
		feed_scrape(target);
	else if ((c == 'j' || c == 'd') && !f->session)
		feed_join_all(target, f, c == 'd');
	else if (c == 'l' && f->session)
		feed_leave(f);
	else if (c == 'c' && f->session)
		feed_come_back(target, f);
	else if (c == 'x' && f->session)
		hub_expire(f->session, s->now);
	else if (c == 'b' && f->session && f->told.event == HUB_NOTHING && !f->text.len)
		fuzz_check(!stream_beat(f->stream));
	else if (c == 's')
		feed_read(target, f, 13);
	else if (c == 'r')
		feed_read(target, f, SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed_target target = { 0 };
	struct fuzz_in in = { data, size };
	char *text, *at, *next;
	size_t i, len;

	target.piece = 1 + (size_t)fuzz_u8(&in) * 64;
	len = in.left;
	text = fuzz_string(&in);
	serving_begin(&target.serving, 65536, 3, feed_wake);
	for (at = text; at < text + len; at = next) {
		/* A command is a line by itself. */
		next = *at == '~' ? memchr(at, '\n', text + len - at)
				  : memmem(at, text + len - at, "\n~", 2);
		next = next ? next + 1 : text + len;
		if (*at != '~')
			serving_take_text(&target.serving, at, next - at, target.piece);
		else
			for (; at < next; at++)
				feed_command(&target, *at);
	}
	for (i = 0; i < FEED_FOLLOWERS; i++) {
		feed_read(&target, &target.followers[i], SIZE_MAX);
		if (target.followers[i].session)
			feed_compare(&target, &target.followers[i]);
		feed_leave(&target.followers[i]);
	}
	feed_scrape(&target);
	feed_look(&target);
	free(target.metrics);
	serving_end(&target.serving);
	free(text);
	return 0;
}

/* Rows come, go and begin anew; one follower reads all, one some of it now and then, one nothing.
 */
static void feed_seed_crowd(void)
{
	static char text[FEED_SEED];
	size_t len, n, i;

	len = (size_t)sprintf(text, "x");
	for (n = 0; n < 64; n++) {
		len += sprintf(text + len,
			       "{\"broadcast\":\"b\",\"track\":\"sessions.json\","
			       "\"sequence\":%zu,\"frame\":{",
			       n % 60);
		for (i = 0; i < n % 4; i++)
			len += sprintf(text + len, "%s\"%c\":{\"sessions\":%zu}", i ? "," : "",
				       (char)('a' + (n + i) % 3 + 3 * i), n % 7);
		len += sprintf(text + len, "}}\n%s",
			       n == 0	 ? "~0d1d2d3j\n"
			       : n == 37 ? "~2r\n"
					 : "~0r1ssm\n");
	}
	fuzz_seed(text, len);
}

/* What a run writes of the golden cases, with followers among it. */
void fuzz_seeds(void)
{
	static const char *const commands[] = { "~0j1d2dm\n", "~0r1r3d\n", "~2s1ctm\n",
						"~2lx3r\n" };
	static const char rest[] =
		"~2d1x\n{\"moqstat\":{\"broadcast\":\".stats/node/n1\",\"tracks\":{\"publisher.json\":"
		"{\"bytes\":{\"state\":\"unavailable\",\"reason\":\"x\"}}}}}\n"
		"{\"health\":{\"uptime\":1}}\n~Tw1r\n"
		"{\"moqstat\":{\"broadcast\":\".stats/node/n1\",\"ended\":true}}\n~2b\n";
	static char text[FEED_SEED + 4096];
	char line[FEED_SEED];
	glob_t files;
	size_t i, len;

	fuzz_check(!glob("tests/golden/*/expected.jsonl", 0, NULL, &files));
	for (i = 0; i < files.gl_pathc; i++) {
		FILE *file = fopen(files.gl_pathv[i], "re");
		size_t n = 0;

		fuzz_check(file);
		len = (size_t)snprintf(text, sizeof(text), "%c", (char)(i * 37));
		while (fgets(line, sizeof(line), file) && len + strlen(line) < FEED_SEED) {
			len += sprintf(text + len, "%s", line);
			if (++n % 6 == 0)
				len += sprintf(text + len, "%s", commands[(n / 6 - 1) % 4]);
		}
		fclose(file);
		len += sprintf(text + len, "%s", rest);
		fuzz_seed(text, len);
	}
	globfree(&files);
	feed_seed_crowd();
}
