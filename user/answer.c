/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exposition.h"
#include "path.h"
#include "ready.h"

#define ANSWER_TEXT "text/plain; charset=utf-8"
#define ANSWER_JSON "application/json"
/* A frame has none else, as with the relay; a browser that guessed would take this one for text. */
#define ANSWER_BINARY "application/octet-stream"

void answer_deinit(struct answer *a)
{
	if (!a)
		return;
	group_release(a->group);
	free(a->text);
	memset(a, 0, sizeof(*a));
}

static void answer_fixed(struct answer *a, unsigned int status, const char *text)
{
	a->status = status;
	if (!text)
		return;
	a->type = ANSWER_TEXT;
	a->body = text;
	a->len = strlen(text);
}

/* Take a text that was made for it; NULL where memory lacked. */
static int answer_text(struct answer *a, const char *type, char *text)
{
	if (!text)
		return -ENOMEM;
	a->status = 200;
	a->type = type;
	a->text = text;
	a->body = text;
	a->len = strlen(text);
	return 0;
}

/* A number as the relay reads them: digits, and a plus perhaps. */
static bool answer_number(const char *text, uint64_t *out)
{
	char *end;

	text += *text == '+';
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end;
}

/* One of the relay's query parameters, which is a number or a word. */
struct answer_choice {
	const char *name, *word;
	bool seen, given; /* given: as a number */
	uint64_t number;
};

static int answer_refuse(struct answer *a, char *why)
{
	if (!why)
		return -ENOMEM;
	answer_fixed(a, 400, why);
	a->text = why;
	return 0;
}

/* Read the parameters in the order in which they stand. With the first that is wrong the answer is
 * made; *a has a status then. */
static int answer_choose(const struct request *r, struct answer_choice *choices, size_t n,
			 struct answer *a)
{
	const char *const refused = "Failed to deserialize query string: ";
	char *why = NULL;
	size_t i, c;

	for (i = 0; i < r->params_len; i++) {
		const char *value = r->params[i].value;

		for (c = 0; c < n && strcmp(r->params[i].name, choices[c].name); c++)
			;
		if (c == n)
			continue;
		if (choices[c].seen) {
			if (asprintf(&why, "%sduplicate field `%s`", refused, choices[c].name) < 0)
				why = NULL;
			return answer_refuse(a, why);
		}
		choices[c].seen = true;
		choices[c].given = strcmp(value, choices[c].word);
		if (!choices[c].given || answer_number(value, &choices[c].number))
			continue;
		if (asprintf(&why, "%s%s: invalid %s value: %s", refused, choices[c].name,
			     choices[c].name, value) < 0)
			why = NULL;
		return answer_refuse(a, why);
	}
	return 0;
}

/* Takes the group over. Compressed it is made when somebody gets it. */
static int answer_group(struct answer *a, const struct request *r, struct group *g, bool compressed)
{
	a->status = 200;
	a->group = g;
	snprintf(a->etag, sizeof(a->etag), "\"%" PRIx64 "-%" PRIu64 "\"", g->created, g->sequence);
	a->compressed = compressed;
	if (request_has(r, a->etag)) {
		a->status = 304;
		return 0;
	}
	a->body = g->frame;
	a->len = g->len;
	if (!compressed)
		return 0;
	a->type = ANSWER_BINARY;
	return group_compress(g, &a->body, &a->len);
}

/* A path as the relay reads it; the caller's to free, NULL where memory lacks. */
static char *answer_path(const char *path)
{
	char *text = strdup(path);

	if (text)
		text[path_normalize(text, strlen(text), text)] = '\0';
	return text;
}

/* The track that a path of the relay's names: its broadcast is said, and its name isn't empty. */
static int answer_track(const struct board *b, const char *path, struct track **out,
			bool *compressed)
{
	const struct board_broadcast *owner;
	char *text = answer_path(path);

	if (!text)
		return -ENOMEM;
	*compressed = tracks_plain(text);
	*out = path[strlen(path) - 1] == '/' ? NULL : board_track_of(b, text, &owner);
	if (*out && *compressed && !owner->compressed)
		*out = NULL;
	free(text);
	return 0;
}

/* The frame of a group, the newest unless another is asked for. Where the relay waits, for a
 * broadcast or a group that may come, this says at once that there is none. */
static int answer_fetch(const struct answer_source *from, const struct request *r, const char *path,
			struct answer *a)
{
	struct answer_choice choices[] = { { .name = "group", .word = "latest" },
					   { .name = "frame", .word = "chunked" } };
	struct answer_choice *group = &choices[0], *frame = &choices[1];
	struct group *g = NULL;
	struct track *t;
	bool compressed;
	int err = answer_choose(r, choices, 2, a);

	if (err || a->status)
		return err;
	if (!strchr(path, '/')) {
		answer_fixed(a, 400, NULL);
		return 0;
	}
	err = answer_track(from->board, path, &t, &compressed);
	if (err)
		return err;
	if (!t || !track_latest(t) || (frame->given && frame->number) ||
	    track_get(t, group->given ? group->number : track_latest(t)->sequence, &g))
		answer_fixed(a, 404, NULL);
	else
		err = answer_group(a, r, g, compressed);
	return err;
}

/* The broadcasts under a prefix, one a line, without it. */
static int answer_announced(const struct answer_source *from, const char *path, struct answer *a)
{
	char *prefix = answer_path(path), *text, *at;
	size_t i, size = 1;
	bool first = true;

	for (i = 0; i < from->board->len; i++)
		size += strlen(from->board->list[i]->name) + 1;
	text = prefix ? malloc(size) : NULL;
	if (!text) {
		free(prefix);
		return -ENOMEM;
	}
	at = text;
	for (i = 0; i < from->board->len; i++) {
		const struct board_broadcast *one = from->board->list[i];
		const char *name = board_announced(one) ? path_below(one->name, prefix) : NULL;

		if (!name)
			continue;
		at += sprintf(at, "%s%s", first ? "" : "\n", name);
		first = false;
	}
	*at = '\0';
	free(prefix);
	return answer_text(a, ANSWER_TEXT, text);
}

static int answer_status(const struct answer_source *from, struct answer *a)
{
	const struct board *b = from->board;
	char *facts = from->facts ? from->facts(from->arg) : NULL;
	size_t i, size = 64 + (facts ? strlen(facts) : 0) + (b->health ? strlen(b->health) : 0);
	char *text, *at;
	bool first = true;

	for (i = 0; i < b->len; i++)
		size += b->list[i]->status ? strlen(b->list[i]->status) + 1 : 0;
	text = malloc(size);
	if (text) {
		at = text + sprintf(text, "{\"relays\":[");
		for (i = 0; i < b->len; i++) {
			if (!b->list[i]->status)
				continue;
			at += sprintf(at, "%s%s", first ? "" : ",", b->list[i]->status);
			first = false;
		}
		sprintf(at, "],\"health\":%s,\"server\":%s}\n", b->health ? b->health : "null",
			facts ? facts : "null");
	}
	free(facts);
	return answer_text(a, ANSWER_JSON, text);
}

/* Ready, or what is missing; strangers aren't told what. */
static int answer_ready(const struct answer_source *from, const struct request *r, struct answer *a)
{
	bool ready;
	char *why, *text;
	int err = ready_ask(from->board, from->now, from->stale_after, &ready, &why);

	if (err)
		return err;
	answer_fixed(a, ready ? 200 : 503, ready ? "ready\n" : "not ready\n");
	if (ready || r->stranger) {
		free(why);
		return 0;
	}
	if (asprintf(&text, "not ready\n%s", why) < 0)
		text = NULL;
	free(why);
	err = answer_text(a, ANSWER_TEXT, text);
	a->status = 503;
	return err;
}

static void answer_health(const struct answer_source *from, struct answer *a)
{
	if (ready_alive(from->board, from->now, from->dead_after))
		answer_fixed(a, 200, "alive\n");
	else
		answer_fixed(a, 503, "not alive: no tick has been heard of for too long\n");
}

static int answer_metrics(const struct answer_source *from, const struct request *r,
			  struct answer *a)
{
	static const char openmetrics[] = "application/openmetrics-text";
	bool open = request_accepts_type(r, openmetrics) &&
		    request_weight(r, openmetrics) >= request_weight(r, "text/plain");
	size_t len;
	char *text;
	int err;

	if (!from->metrics) {
		answer_fixed(a, 404, "not found\n");
		return 0;
	}
	err = from->metrics(from->arg, open, &text, &len);
	if (err)
		return err;
	answer_text(a, exposition_types[open ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT], text);
	a->len = len;
	return 0;
}

static void answer_page(const struct answer_source *from, const struct request *r, struct answer *a)
{
	a->status = 200;
	a->type = "text/html; charset=utf-8";
	a->policy = from->page_policy;
	snprintf(a->etag, sizeof(a->etag), "%s", from->page_etag);
	a->body = from->page;
	a->len = from->page_len;
	if (!request_has(r, a->etag))
		return;
	a->status = 304;
	a->body = NULL;
	a->len = 0;
}

/* Does a path begin with a word, and end there or go on behind a slash? What is behind it. */
static const char *answer_behind(const char *path, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(path, word, len))
		return NULL;
	return !path[len] ? path + len : path[len] == '/' && path[len + 1] ? path + len + 1 : NULL;
}

size_t answer_events(const struct request *r, const char **paths, size_t max)
{
	const char *path = answer_behind(r->path, "/events");
	size_t i, n = 0;

	if (path && *path) {
		paths[0] = path;
		return 1;
	}
	for (i = 0; i < r->params_len && n < max; i++) {
		if (!strcmp(r->params[i].name, "track"))
			paths[n++] = r->params[i].value;
	}
	return n;
}

/* Does a path name a track that is there, but compressed? */
static bool answer_is_compressed(const struct board *b, const char *path)
{
	const struct board_broadcast *owner;
	char *text = strdup(path);
	bool ambiguous, is = text && tracks_plain(text) &&
			     board_track(b, text, &ambiguous, &owner) && owner->compressed;

	free(text);
	return is;
}

/* What there is to say where a path names no track that can be followed. */
static void answer_unfollowed(struct answer *a, const struct board *b, const char *path,
			      bool ambiguous)
{
	if (ambiguous)
		answer_fixed(a, 400,
			     "of which relay? There are several: /events/<broadcast>/<track>; "
			     "/announced lists the broadcasts\n");
	else if (answer_is_compressed(b, path))
		answer_fixed(a, 400,
			     "a compressed track can't be followed: events are text. Follow the "
			     "one without .z, which has the same frames, or get "
			     "/fetch/<broadcast>/<track>.z\n");
	else
		answer_fixed(a, 404, "no such track, or nothing of it yet\n");
}

/* Is there all that is to be followed? */
static void answer_follow(const struct answer_source *from, const struct request *r,
			  struct answer *a)
{
	const char *paths[HUB_SUBSCRIPTIONS_MAX + 1];
	size_t n = answer_events(r, paths, HUB_SUBSCRIPTIONS_MAX + 1), i;
	const struct board_broadcast *owner;
	bool ambiguous;

	if (!n) {
		answer_fixed(a, 400,
			     "which track? /events/<track>, or /events?track=<track>&track=…\n");
		return;
	}
	if (n > HUB_SUBSCRIPTIONS_MAX) {
		answer_fixed(a, 400, "too many tracks: 100 at most\n");
		return;
	}
	for (i = 0; i < n; i++) {
		if (board_track(from->board, paths[i], &ambiguous, &owner))
			continue;
		answer_unfollowed(a, from->board, paths[i], ambiguous);
		return;
	}
	a->status = 200;
	a->type = "text/event-stream";
	a->events = true;
}

static int answer_get(const struct answer_source *from, const struct request *r, struct answer *a)
{
	const char *rest;

	if (!strcmp(r->path, "/")) {
		answer_page(from, r, a);
		return 0;
	}
	rest = answer_behind(r->path, "/fetch");
	if (rest && *rest)
		return answer_fetch(from, r, rest, a);
	rest = answer_behind(r->path, "/announced");
	if (rest)
		return answer_announced(from, rest, a);
	if (answer_behind(r->path, "/events")) {
		answer_follow(from, r, a);
		return 0;
	}
	if (!strcmp(r->path, "/status"))
		return answer_status(from, a);
	if (!strcmp(r->path, "/metrics"))
		return answer_metrics(from, r, a);
	if (!strcmp(r->path, "/readyz"))
		return answer_ready(from, r, a);
	if (!strcmp(r->path, "/healthz"))
		answer_health(from, a);
	else
		answer_fixed(a, 404,
			     "not found; there are / /fetch /announced /events /status /metrics "
			     "/healthz /readyz\n");
	return 0;
}

int answer_make(const struct answer_source *from, const struct request *r, struct answer *out)
{
	struct answer a = { 0 };
	int err = 0;

	switch (r->method) {
	case REQUEST_GET:
	case REQUEST_HEAD:
		err = answer_get(from, r, &a);
		break;
	case REQUEST_OPTIONS:
		a.preflight = a.allow = true;
		a.status = 200;
		break;
	default:
		a.allow = true;
		a.status = 405;
	}
	if (err) {
		answer_deinit(&a);
		return err;
	}
	*out = a;
	return 0;
}

enum answer_scope answer_scope(const struct request *r)
{
	if (r->method == REQUEST_OPTIONS || !strcmp(r->path, "/healthz") ||
	    !strcmp(r->path, "/readyz") || !strcmp(r->path, "/"))
		return ANSWER_OPEN;
	return strcmp(r->path, "/metrics") ? ANSWER_TRACKS : ANSWER_METRICS;
}
