/* SPDX-License-Identifier: MIT */
/*
 * fuzz_http.c - a request from anyone, and a token file. The input is a byte that chooses what
 * there is to be served, a request line, headers, an empty line, and the text of the token file.
 *
 * Every request has an answer; what needs no token tells nothing of what is served; who is let in
 * has shown a token of the file; a client that has the answer is told so; and live events are
 * whole, whatever Last-Event-ID says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "access.h"
#include "fuzz.h"
#include "request.h"
#include "serving.h"
#include "utf8.h"

#define HTTP_LINES  16
#define HTTP_GROUPS 40

/* In every name that is served, and in nothing else. */
#define HTTP_SECRET "s3cr3t"

/* A request as text, taken apart as libmicrohttpd would. */
struct http_input {
	char *method, *target, *tokens;
	struct request headers; /* only these of it */
};

static void http_wake(void *owner)
{
	(void)owner;
}

static void http_take(struct serving *s, const char *text)
{
	fuzz_check(!serving_take_text(s, text, strlen(text), 4096));
}

/* Frames of a broadcast; the publisher's change. */
static void http_relay(struct serving *s, const char *name, unsigned int groups)
{
	char text[512];
	unsigned int n, t;

	for (t = 0; t < TRACKS_OF_TWO; t++) {
		for (n = 0; n < (t ? 1 : groups); n++) {
			snprintf(text, sizeof(text),
				 "{\"broadcast\":\"%s\",\"track\":\"%s\",\"sequence\":%u,\"frame\":"
				 "{\"" HTTP_SECRET "\":{\"%s\":%u}}}\n",
				 name, tracks_two[t].name, n, t < 4 ? "announced" : "sessions", n);
			http_take(s, text);
		}
	}
	snprintf(
		text, sizeof(text),
		"{\"moqstat\":{\"broadcast\":\"%s\",\"ended\":false,\"compressed\":true,\"tracks\":{}}}\n",
		name);
	http_take(s, text);
}

/* Made once, since nobody who asks changes it. What there is: 0 nothing, 1 one relay, 2 two of
 * them, 3 one of a hostile name, one that has ended and health. */
static struct serving *http_serving(unsigned int which)
{
	static struct serving all[4];
	struct serving *s = &all[which];

	if (s->hub)
		return s;
	serving_begin(s, 4096, 2, http_wake);
	if (which == 1 || which == 2)
		http_relay(s, ".stats/node/" HTTP_SECRET, HTTP_GROUPS);
	if (which == 2)
		http_relay(s, ".stats/node/" HTTP_SECRET "/eu", 1);
	if (which == 3) {
		http_relay(s, HTTP_SECRET "/\\n\\\"\\u0001%2f?&\xf0\x9f\x90\x98", 3);
		http_relay(s, HTTP_SECRET "/b", 1);
		http_take(s, "{\"moqstat\":{\"broadcast\":\"" HTTP_SECRET "/b\",\"ended\":true}}\n"
			     "{\"health\":{\"version\":\"" HTTP_SECRET "\"}}\n");
	}
	return s;
}

static void http_header(struct http_input *in, char *line)
{
	static const char *const names[] = { "accept", "accept-encoding", "authorization",
					     "if-none-match", "last-event-id" };
	const char **values[] = { &in->headers.accept, &in->headers.accept_encoding,
				  &in->headers.authorization, &in->headers.if_none_match,
				  &in->headers.last_event_id };
	char *value = strstr(line, ": ");
	size_t i;

	if (!value)
		return;
	*value = '\0';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcasecmp(line, names[i]))
			*values[i] = value + 2;
	}
}

/* False where there is no request line. */
static bool http_input(char *text, struct http_input *out)
{
	struct http_input in = { .method = strsep(&text, " ") };
	char *line;
	unsigned int i;

	in.target = strsep(&text, "\n");
	for (i = 0; i < HTTP_LINES && (line = strsep(&text, "\n")) && *line; i++)
		http_header(&in, line);
	in.tokens = text;
	*out = in;
	return in.target;
}

/* Who is let in has shown a token that stands in the file, and is good for this, and now. */
static void http_tokens(const struct request *r, const char *tokens)
{
	const int64_t now = 1800000000;
	const char *token = request_token(r);
	struct access *access;
	int64_t expires = 0;
	unsigned int scope;

	if (!tokens || access_parse(tokens, "fuzz", &access))
		return;
	for (scope = ACCESS_TRACKS; scope <= ACCESS_METRICS; scope++) {
		if (access_check(access, token, scope, now, &expires))
			continue;
		fuzz_check(strlen(token) >= ACCESS_TOKEN_MIN && strlen(token) <= ACCESS_TOKEN_MAX);
		fuzz_check(strstr(tokens, token) && expires > now);
		fuzz_check(strstr(tokens, scope == ACCESS_TRACKS ? "tracks" : "metrics"));
	}
	fuzz_check(access_check(access, NULL, ACCESS_TRACKS, now, &expires) == ACCESS_UNKNOWN);
	fuzz_check(access_check(access, "", ACCESS_TRACKS, now, &expires) == ACCESS_UNKNOWN);
	access_destroy(access);
}

/* All that a follower who begins now is sent, by pieces; it must be whole events. */
static void http_events(struct serving *s, const struct request *r)
{
	const char *paths[HUB_SUBSCRIPTIONS_MAX], *delta = request_param(r, "delta");
	size_t len = answer_events(r, paths, HUB_SUBSCRIPTIONS_MAX), i, n, newlines = 0;
	struct track *tracks[HUB_SUBSCRIPTIONS_MAX];
	const struct board_broadcast *owner;
	struct hub_session *session;
	struct stream *stream;
	struct hub_message m;
	uint64_t after = 0;
	bool ambiguous;
	char piece[97];
	int err = 0;

	fuzz_check(len);
	fuzz_check(!stream_create(delta && !strcmp(delta, "1"), &s->work, &stream));
	fuzz_check(!hub_join(s->hub, NULL, s->now, HUB_NEVER, &session));
	for (i = 0; i < len && !err; i++) {
		bool resume = r->last_event_id && stream_id(r->last_event_id, i, &after);

		tracks[i] = board_track(&s->board, paths[i], &ambiguous, &owner);
		fuzz_check(tracks[i]);
		err = stream_add(stream, paths[i], len > 1);
		if (!err)
			err = hub_follow(session, tracks[i], resume, after);
	}
	fuzz_check(!err || err == -EINVAL || err == -EALREADY);
	while (!err && hub_next(session, s->now, &m)) {
		while ((n = stream_read(stream, piece, sizeof(piece)))) {
			for (i = 0; i < n; i++) {
				fuzz_check(piece[i] != '\r');
				newlines = piece[i] == '\n' ? newlines + 1 : 0;
			}
		}
		fuzz_check(newlines == 2);
		for (i = 0; i < len && tracks[i] != m.track; i++)
			;
		fuzz_check(m.event == HUB_GROUP && !stream_tell(stream, i, &m));
		hub_message_deinit(&m);
	}
	hub_leave(session);
	stream_destroy(stream);
}

static void http_look(struct serving *s, const struct request *r, const struct answer *a)
{
	static const unsigned int known[] = { 200, 304, 400, 404, 405, 503 };
	json_t *json;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]) && known[i] != a->status; i++)
		;
	fuzz_check(i < sizeof(known) / sizeof(known[0]));
	fuzz_check(!a->len || a->body);
	fuzz_check(!a->len || a->type || a->group);
	if (answer_scope(r) == ANSWER_OPEN)
		fuzz_check(!a->len || !memmem(a->body, a->len, HTTP_SECRET, strlen(HTTP_SECRET)));
	if (a->status == 200 && !strcmp(r->path, "/status") && a->body) {
		json = json_loadb(a->body, a->len, 0, NULL);
		fuzz_check(json_is_object(json));
		json_decref(json);
	}
	if (a->status == 200 && a->events)
		http_events(s, r);
}

/* What has a tag is not sent again to who has it. */
static void http_again(struct serving *s, const struct request *r, const struct answer *a)
{
	struct request again = *r;
	struct answer b;

	if (a->status != 200 || !*a->etag)
		return;
	again.if_none_match = a->etag;
	fuzz_check(!answer_make(&s->source, &again, &b));
	fuzz_check(b.status == 304 && !b.len && !strcmp(b.etag, a->etag));
	answer_deinit(&b);
}

static void http_ask(struct serving *s, const struct http_input *in)
{
	struct request r;
	struct answer a;
	size_t i;
	int err = request_init(in->method, in->target, &r);

	fuzz_check(!err || err == -EINVAL || err == -E2BIG);
	if (err)
		return;
	fuzz_check(*r.path == '/' && utf8_valid(r.path, strlen(r.path)));
	for (i = 0; i < r.params_len; i++)
		fuzz_check(utf8_valid(r.params[i].name, strlen(r.params[i].name)) &&
			   utf8_valid(r.params[i].value, strlen(r.params[i].value)));
	r.accept = in->headers.accept;
	r.accept_encoding = in->headers.accept_encoding;
	r.authorization = in->headers.authorization;
	r.if_none_match = in->headers.if_none_match;
	r.last_event_id = in->headers.last_event_id;
	request_accepts_coding(&r, "gzip");
	http_tokens(&r, in->tokens);
	fuzz_check(!answer_make(&s->source, &r, &a));
	http_look(s, &r, &a);
	http_again(s, &r, &a);
	answer_deinit(&a);
	request_deinit(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	unsigned int which = fuzz_u8(&in) & 3;
	char *text = fuzz_string(&in);
	struct http_input input;

	if (http_input(text, &input))
		http_ask(http_serving(which), &input);
	free(text);
	return 0;
}

void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"1GET / HTTP/1.1\nIf-None-Match: W/\"x\", \"page\"\n",
		"1GET /metrics\nAccept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\n",
		"2GET /metrics\nAuthorization: Bearer 0123456789abcdef\nAccept-Encoding: "
		"gzip;q=0\n\n"
		"# comment\n0123456789abcdef 2027-01-31T12:00:00Z tracks,metrics\n",
		"1GET /fetch/.stats/node/s3cr3t/publisher.json?group=7&frame=0",
		"1GET /fetch/.stats/node/s3cr3t/publisher.json?group=latest&frame=chunked\n"
		"If-None-Match: *\n",
		"2GET /fetch/.stats/node/s3cr3t/publisher.json.z",
		"2GET /events/.stats/node/s3cr3t/publisher.json.z",
		"3GET "
		"/fetch/s3cr3t/%0a%22%01%252f%3F%26%f0%9f%90%98/internal/sessions.json?group=99",
		"2GET /events?track=.stats/node/s3cr3t/publisher.json&track=.stats/node/s3cr3t/eu/"
		"sessions.json&delta=1\nLast-Event-ID: 17,-\n\n",
		"1GET /events/publisher.json?delta=1&token=0123456789abcdef\nLast-Event-ID: "
		"18446744073709551615\n\n0123456789abcdef never tracks\n",
		"1GET /events/publisher.json\nLast-Event-ID: 2\n",
		"2HEAD /events/publisher.json",
		"3GET /status",
		"2GET /announced/.stats/",
		"3GET /announced",
		"1GET /readyz",
		"0GET /readyz",
		"0GET /healthz",
		"1OPTIONS /fetch/x",
		"1POST /",
		"1GET /nowhere",
		"1GET /events?track=publisher.json&track=publisher.json+x&=&&a=%zz",
	};
	size_t i;

	for (i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed(seeds[i], strlen(seeds[i]));
}
