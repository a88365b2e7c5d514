/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "clock.h"
#include "events.h"
#include "log.h"
#include "options.h"

#define CLIENT_MS UINT64_C(1000000)

/* Between two looks at what isn't told live; and where a stream lacks. */
#define CLIENT_LOOK	 (10000 * CLIENT_MS)
#define CLIENT_LOOK_SOON (1000 * CLIENT_MS)

/* Of streams that aren't whole yet so much is held at most, in all; and of other answers. */
#define CLIENT_HELD_MAX (UINT64_C(256) << 20)
#define CLIENT_BODY_MAX (32 << 20)

/* Seconds: to connect, for an answer, and without a byte in a stream, which has heartbeats. */
#define CLIENT_CONNECT 10L
#define CLIENT_ANSWER  20L
#define CLIENT_SILENT  60L

/* What libcurl holds of us while a request runs. */
struct client_request {
	CURL *easy; /* NULL: none runs */
	char error[CURL_ERROR_SIZE];
};

/* One relay's live events. */
struct client_stream {
	struct client *client;
	char *name; /* the relay's */
	struct client_request request;
	struct events *events;
	size_t held;
	bool heard;	    /* something has come */
	bool announced;	    /* at the last look */
	unsigned int lists; /* bits: of tracks_two, those in its status; 0: not known */
	int failed;	    /* why reading ended: -errno */
};

struct client {
	struct source source;
	struct watch *watch;
	CURLM *multi;
	char *url, *authority;
	struct curl_slist *headers;
	struct client_stream *streams[WATCH_RELAYS_MAX];
	size_t len;
	uint64_t held;
	/* A look: what is announced, then the status. */
	struct client_request look;
	bool status; /* the second of them runs */
	char *body;
	size_t body_len;
	uint64_t next_look;
};

static void client_say(struct client *c, enum source_state state, const char *problem)
{
	c->source.state = state;
	snprintf(c->source.problem, sizeof(c->source.problem), "%s", problem);
}

static void client_request_end(struct client *c, struct client_request *r)
{
	if (!r->easy)
		return;
	curl_multi_remove_handle(c->multi, r->easy);
	curl_easy_cleanup(r->easy);
	r->easy = NULL;
}

static int client_request_set(struct client *c, struct client_request *r, const char *target,
			      curl_write_callback take, void *arg)
{
	struct curl_blob blob = { .data = c->authority,
				  .len = c->authority ? strlen(c->authority) : 0,
				  .flags = CURL_BLOB_NOCOPY };
	char *url = NULL;
	CURLcode err = CURLE_OK;
	CURL *e = r->easy;

	if (asprintf(&url, "%s%s", c->url, target) < 0)
		return -ENOMEM;
	*r->error = '\0';
	err |= curl_easy_setopt(e, CURLOPT_URL, url);
	err |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	err |= curl_easy_setopt(e, CURLOPT_PROXY, "");
	err |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	err |= curl_easy_setopt(e, CURLOPT_USERAGENT, "moqstat/" MOQSTAT_VERSION);
	err |= curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
	err |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, CLIENT_CONNECT);
	err |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->error);
	err |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take);
	err |= curl_easy_setopt(e, CURLOPT_WRITEDATA, arg);
	err |= curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	if (c->authority)
		err |= curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
	free(url);
	return err ? -ENOMEM : 0;
}

/* Begin a request; what comes goes to take(). */
static int client_request_begin(struct client *c, struct client_request *r, const char *target,
				curl_write_callback take, void *arg)
{
	int err;

	r->easy = curl_easy_init();
	if (!r->easy)
		return -ENOMEM;
	err = client_request_set(c, r, target, take, arg);
	if (!err && curl_multi_add_handle(c->multi, r->easy))
		err = -ENOMEM;
	if (err) {
		curl_easy_cleanup(r->easy);
		r->easy = NULL;
	}
	return err;
}

static long client_code(const struct client_request *r)
{
	long code = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &code);
	return code;
}

static void client_stream_end(struct client_stream *s)
{
	client_request_end(s->client, &s->request);
	events_destroy(s->events);
	s->events = NULL;
	s->client->held -= s->held;
	s->held = 0;
	s->heard = false;
}

static void client_stream_destroy(struct client_stream *s)
{
	client_stream_end(s);
	free(s->name);
	free(s);
}

/* Which of the relay's tracks a name is, or -1. */
static int client_track(const struct client_stream *s, const char *name)
{
	size_t len = strlen(s->name);
	int i;

	if (strncmp(name, s->name, len) || name[len] != '/')
		return -1;
	for (i = 0; i < TRACKS_OF_TWO; i++) {
		if (!strcmp(name + len + 1, tracks_two[i].name))
			return i;
	}
	return -1;
}

/* An event about a track, rather than of one. */
static int client_notice(struct client_stream *s, struct watch_relay *relay,
			 const struct event *event)
{
	json_t *json = json_loadb(event->data, event->len, 0, NULL);
	const char *name = json_string_value(json_object_get(json, "track"));
	int track = name ? client_track(s, name) : -1;

	if (!strcmp(event->name, "lost"))
		relay->lost += (uint64_t)json_integer_value(json_object_get(json, "lost"));
	else if (!strcmp(event->name, "ended") && track >= 0)
		watch_track_ended(relay, track);
	json_decref(json);
	if (!strcmp(event->name, "lagging"))
		client_say(s->client, SOURCE_LAGGING, "this program was too slow, and begins anew");
	if (!strcmp(event->name, "expired"))
		client_say(s->client, SOURCE_DENIED, "the token is no longer valid");
	return 0;
}

static int client_event(void *arg, const struct event *event)
{
	struct client_stream *s = arg;
	struct watch_relay *relay;
	int track = client_track(s, event->name);
	int err = watch_relay(s->client->watch, s->name, &relay);

	if (err)
		return err;
	if (track < 0)
		return client_notice(s, relay, event);
	s->heard = true;
	return watch_message(relay, track, clock_read(CLOCK_MONOTONIC), event->data, event->len);
}

static size_t client_take_events(char *data, size_t size, size_t n, void *arg)
{
	struct client_stream *s = arg;

	/* What a refusal says is not for us. */
	if (client_code(&s->request) != 200)
		return size * n;
	s->failed = events_read(s->events, data, size * n);
	s->client->held -= s->held;
	s->held = events_held(s->events);
	s->client->held += s->held;
	if (!s->failed && s->client->held > CLIENT_HELD_MAX)
		s->failed = -EMSGSIZE;
	return s->failed ? 0 : size * n;
}

/* Not every relay has an internal tier: one whose status lists the default one alone has none. */
static bool client_may_have(const struct client_stream *s, size_t track)
{
	unsigned int all = 0;
	size_t i;

	for (i = 0; i < TRACKS_OF_TWO; i++)
		all |= tracks_two[i].tier == MOQSTAT_EXTERNAL ? 1U << i : 0;
	return (s->lists & all) != all || s->lists & 1U << track;
}

/* Ask for a relay's live events. */
static int client_stream_begin(struct client_stream *s)
{
	struct client *c = s->client;
	char *name = curl_easy_escape(NULL, s->name, 0), *target = NULL;
	struct watch_relay *relay;
	size_t len = 0, i;
	FILE *text = name ? open_memstream(&target, &len) : NULL;
	int err = text ? events_create(client_event, s, &s->events) : -ENOMEM;

	if (text) {
		fputs("/events?delta=1", text);
		for (i = 0; i < TRACKS_OF_TWO; i++) {
			if (client_may_have(s, i))
				fprintf(text, "&track=%s/%s", name, tracks_two[i].name);
		}
		if (fclose(text))
			err = -ENOMEM;
	}
	s->failed = 0;
	if (!err)
		err = client_request_begin(c, &s->request, target, client_take_events, s);
	if (!err) {
		curl_easy_setopt(s->request.easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(s->request.easy, CURLOPT_LOW_SPEED_TIME, CLIENT_SILENT);
		relay = watch_find(c->watch, s->name);
		if (relay)
			watch_restart(relay);
	} else {
		client_stream_end(s);
	}
	free(target);
	curl_free(name);
	return err;
}

static size_t client_take_body(char *data, size_t size, size_t n, void *arg)
{
	struct client *c = arg;
	char *body;

	if (size * n > CLIENT_BODY_MAX - c->body_len)
		return 0;
	body = realloc(c->body, c->body_len + size * n + 1);
	if (!body)
		return 0;
	memcpy(body + c->body_len, data, size * n);
	c->body = body;
	c->body_len += size * n;
	c->body[c->body_len] = '\0';
	return size * n;
}

/* Begin one of the two parts of a look. */
static int client_look(struct client *c, bool status)
{
	int err;

	free(c->body);
	c->body = NULL;
	c->body_len = 0;
	c->status = status;
	err = client_request_begin(c, &c->look, status ? "/status" : "/announced", client_take_body,
				   c);
	if (!err)
		curl_easy_setopt(c->look.easy, CURLOPT_TIMEOUT, CLIENT_ANSWER);
	return err;
}

static struct client_stream *client_find(const struct client *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->len; i++) {
		if (!strcmp(c->streams[i]->name, name))
			return c->streams[i];
	}
	return NULL;
}

/* A relay that is announced has a stream. */
static int client_announced(struct client *c, const char *name)
{
	struct client_stream *s = client_find(c, name);

	if (!s && c->len == WATCH_RELAYS_MAX) {
		snprintf(c->source.message, sizeof(c->source.message),
			 "there are more relays than %d: the others aren't shown",
			 WATCH_RELAYS_MAX);
		return 0;
	}
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->client = c;
		s->name = strdup(name);
		if (!s->name) {
			free(s);
			return -ENOMEM;
		}
		c->streams[c->len++] = s;
	}
	s->announced = true;
	return 0;
}

/* Let go of relays that aren't announced any more. Where none is left their last numbers stay. */
static void client_retire(struct client *c)
{
	struct watch_relay *relay;
	size_t i, len = 0, live = 0;

	for (i = 0; i < c->len; i++)
		live += c->streams[i]->announced;
	for (i = 0; i < c->len; i++) {
		if (c->streams[i]->announced) {
			c->streams[len++] = c->streams[i];
			continue;
		}
		relay = watch_find(c->watch, c->streams[i]->name);
		if (relay)
			relay->ended = true;
		client_stream_destroy(c->streams[i]);
	}
	c->len = len;
	for (i = c->watch->len; live && i-- > 0;) {
		if (!client_find(c, c->watch->relays[i]->name))
			watch_remove(c->watch, c->watch->relays[i]);
	}
}

/* What is announced: a name a line. */
static int client_take_announced(struct client *c)
{
	char *line, *rest = c->body;
	size_t i;
	int err = 0;

	for (i = 0; i < c->len; i++)
		c->streams[i]->announced = false;
	while (!err && rest && (line = strsep(&rest, "\n"))) {
		if (*line)
			err = client_announced(c, line);
	}
	if (!err)
		client_retire(c);
	return err;
}

static void client_learn_tracks(struct client_stream *s, const json_t *status)
{
	const json_t *tracks = json_object_get(status, "tracks");
	size_t i;

	for (i = 0; s && i < TRACKS_OF_TWO; i++) {
		if (json_object_get(tracks, tracks_two[i].name))
			s->lists |= 1U << i;
	}
}

static int client_take_status(struct client *c)
{
	json_t *json = json_loadb(c->body ? c->body : "", c->body_len, 0, NULL), *one;
	struct watch_relay *relay;
	json_int_t interval;
	const char *name;
	size_t i;

	if (!json)
		return -EBADMSG;
	json_array_foreach(json_object_get(json, "relays"), i, one)
	{
		name = json_string_value(json_object_get(one, "broadcast"));
		if (name)
			client_learn_tracks(client_find(c, name), one);
		relay = name ? watch_find(c->watch, name) : NULL;
		if (relay)
			watch_status(relay, json_incref(one));
	}
	interval =
		json_integer_value(json_object_get(json_object_get(json, "health"), "interval_ns"));
	c->watch->tick = interval > 0 ? (uint64_t)interval : 0;
	json_decref(json);
	return 0;
}

/* Begin the streams that lack, and say how it all is. */
static int client_settle(struct client *c)
{
	size_t i, heard = 0;
	int err = 0;

	for (i = 0; i < c->len && !err; i++) {
		heard += c->streams[i]->heard;
		if (!c->streams[i]->request.easy)
			err = client_stream_begin(c->streams[i]);
	}
	if (c->source.state == SOURCE_DENIED)
		return err;
	if (!c->len)
		client_say(c, c->watch->len ? SOURCE_ENDED : SOURCE_WAITING,
			   c->watch->len ? "the relay is gone, these are its last numbers" : "");
	else
		client_say(c, heard == c->len ? SOURCE_LIVE : SOURCE_CONNECTING, "");
	return err;
}

/* What an answer that is none means. */
static void client_refused(struct client *c, const struct client_request *r, CURLcode result)
{
	long code = result && result != CURLE_WRITE_ERROR ? 0 : client_code(r);
	const char *why = *r->error ? r->error : curl_easy_strerror(result);
	char text[CURL_ERROR_SIZE + 64];

	if (code == 401 || code == 403) {
		client_say(c, SOURCE_DENIED, "the agent wants a token that it knows");
		return;
	}
	if (code && code != 200) {
		snprintf(text, sizeof(text), "it answers with status %ld, as no agent does", code);
		why = text;
	} else if (result == CURLE_WRITE_ERROR) {
		why = "its answer is none that an agent gives";
	} else if (result == CURLE_PEER_FAILED_VERIFICATION) {
		snprintf(text, sizeof(text), "%s (--cacert FILE says whose certificates hold)",
			 why);
		why = text;
	}
	client_say(c, SOURCE_UNREACHABLE, why);
}

/* A part of a look is over. */
static int client_looked(struct client *c, CURLcode result)
{
	uint64_t now = clock_read(CLOCK_MONOTONIC);
	bool good = !result && client_code(&c->look) == 200;
	int err = 0;

	if (!good)
		client_refused(c, &c->look, result);
	else if (c->source.state == SOURCE_DENIED)
		client_say(c, SOURCE_CONNECTING, "");
	client_request_end(c, &c->look);
	if (good)
		err = c->status ? client_take_status(c) : client_take_announced(c);
	if (err == -EBADMSG) {
		client_say(c, SOURCE_UNREACHABLE, "its status is none that an agent gives");
		good = false;
		err = 0;
	}
	if (!err && good && !c->status)
		err = client_look(c, true);
	else if (!err && good)
		err = client_settle(c);
	c->next_look = now + (c->source.state == SOURCE_LIVE ? CLIENT_LOOK : CLIENT_LOOK_SOON);
	return err;
}

/* A stream has ended: the next look tells what there is now. */
static void client_stream_ended(struct client *c, struct client_stream *s, CURLcode result)
{
	uint64_t soon = clock_read(CLOCK_MONOTONIC) + CLIENT_LOOK_SOON;
	long code = client_code(&s->request);

	if (s->failed) {
		client_say(c, SOURCE_UNREACHABLE,
			   s->failed == -E2BIG || s->failed == -EMSGSIZE
				   ? "it tells of more than there is room for"
				   : "its events are none that an agent sends");
	} else if (code == 401 || code == 403) {
		client_refused(c, &s->request, result);
	} else if (c->source.state == SOURCE_LIVE) {
		client_say(c, SOURCE_CONNECTING, "the events have ended");
	}
	client_stream_end(s);
	if (c->next_look > soon)
		c->next_look = soon;
}

/* Take in what libcurl says of requests that are over. */
static int client_messages(struct client *c)
{
	struct client_request *r;
	CURLMsg *message;
	char *private;
	size_t i;
	int left, err = 0;

	while (!err && (message = curl_multi_info_read(c->multi, &left))) {
		if (message->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private))
			continue;
		r = (struct client_request *)private;
		if (r == &c->look) {
			err = client_looked(c, message->data.result);
			continue;
		}
		for (i = 0; i < c->len && &c->streams[i]->request != r; i++)
			;
		if (i < c->len)
			client_stream_ended(c, c->streams[i], message->data.result);
	}
	return err;
}

/* Where all streams tell something it is live, also between two looks. */
static void client_check_live(struct client *c)
{
	size_t i;

	if (c->source.state != SOURCE_CONNECTING)
		return;
	for (i = 0; i < c->len && c->streams[i]->heard; i++)
		;
	if (c->len && i == c->len)
		client_say(c, SOURCE_LIVE, "");
}

static int client_wait(struct source *source, struct pollfd *fds, size_t len, int timeout_ms)
{
	struct client *c = (struct client *)source;
	uint64_t now = clock_read(CLOCK_MONOTONIC);
	struct curl_waitfd waits[8] = { 0 };
	int running, err = 0, until;
	size_t i;

	if (!c->look.easy && now >= c->next_look)
		err = client_look(c, false);
	if (err)
		return err;
	until = c->look.easy ? 1000 : (int)((c->next_look - now) / CLIENT_MS) + 1;
	if (timeout_ms < 0 || until < timeout_ms)
		timeout_ms = until;
	for (i = 0; i < len; i++) {
		waits[i].fd = fds[i].fd;
		waits[i].events = CURL_WAIT_POLLIN;
		fds[i].revents = 0;
	}
	if (curl_multi_perform(c->multi, &running) ||
	    curl_multi_poll(c->multi, waits, len, timeout_ms, NULL) ||
	    curl_multi_perform(c->multi, &running))
		return -ENOMEM;
	for (i = 0; i < len; i++)
		fds[i].revents = waits[i].revents ? POLLIN : 0;
	err = client_messages(c);
	client_check_live(c);
	return err;
}

static int client_destroy(struct source *source)
{
	struct client *c = (struct client *)source;
	size_t i;

	if (!c)
		return EXIT_DONE;
	for (i = 0; i < c->len; i++)
		client_stream_destroy(c->streams[i]);
	client_request_end(c, &c->look);
	curl_multi_cleanup(c->multi);
	curl_slist_free_all(c->headers);
	free(c->authority);
	free(c->body);
	free(c->url);
	free(c);
	curl_global_cleanup();
	return EXIT_DONE;
}

/* The URL without what isn't for us: a page's fragment, say, and a slash at its end. */
static int client_url(const char *given, char **out)
{
	static const CURLUPart unused[] = { CURLUPART_QUERY, CURLUPART_FRAGMENT, CURLUPART_USER,
					    CURLUPART_PASSWORD };
	CURLU *url = curl_url();
	char *scheme = NULL, *text = NULL;
	CURLUcode code = url ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
	size_t i, len;
	int err = 0;

	if (!code)
		code = curl_url_set(url, CURLUPART_URL, given,
				    strstr(given, "://") ? 0 : CURLU_GUESS_SCHEME);
	for (i = 0; i < sizeof(unused) / sizeof(unused[0]) && !code; i++)
		code = curl_url_set(url, unused[i], NULL, 0);
	if (!code)
		code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
	if (!code)
		code = curl_url_get(url, CURLUPART_URL, &text, 0);
	if (code || (strcmp(scheme, "http") && strcmp(scheme, "https"))) {
		log_error(
			"top: no URL of an agent%s%s; give http://HOST:PORT or https://HOST:PORT, "
			"http://127.0.0.1:9814 say",
			code ? ": " : "", code ? curl_url_strerror(code) : "");
		err = -EINVAL;
	} else {
		for (len = strlen(text); len && text[len - 1] == '/'; len--)
			;
		*out = strndup(text, len);
		err = *out ? 0 : -ENOMEM;
	}
	curl_free(scheme);
	curl_free(text);
	curl_url_cleanup(url);
	return err;
}

static int client_set_token(struct client *c, const char *token)
{
	struct curl_slist *headers;
	char *line = NULL;
	const char *p;

	for (p = token; *p > ' ' && *p < 0x7f; p++)
		;
	if (*p || p == token) {
		log_error("top: the token has characters that none has, or is empty");
		return -EINVAL;
	}
	if (asprintf(&line, "Authorization: Bearer %s", token) < 0)
		return -ENOMEM;
	headers = curl_slist_append(NULL, line);
	explicit_bzero(line, strlen(line));
	free(line);
	c->headers = headers;
	return headers ? 0 : -ENOMEM;
}

int client_create(const char *url, const char *token, const char *authority, struct watch *w,
		  struct source **out)
{
	struct client *c;
	int err;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->source.wait = client_wait;
	c->source.destroy = client_destroy;
	c->watch = w;
	c->multi = curl_multi_init();
	err = c->multi ? client_url(url, &c->url) : -ENOMEM;
	if (!err && token)
		err = client_set_token(c, token);
	if (!err && authority) {
		c->authority = strdup(authority);
		err = c->authority ? 0 : -ENOMEM;
	}
	if (err) {
		client_destroy(&c->source);
		return err;
	}
	*out = &c->source;
	return 0;
}
