/* SPDX-License-Identifier: MIT */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "access.h"
#include "board.h"
#include "clock.h"
#include "feed.h"
#include "http.h"
#include "log.h"
#include "metrics.h"
#include "options.h"
#include "pace.h"
#include "page.h"
#include "ready.h"
#include "uplinks.h"

/* Without news for so many ticks, and so long at least, the agent isn't ready, and isn't alive. It
 * says nothing while it attaches to one more relay, which may take it half a minute. */
#define SERVE_STALE_TICKS 3
#define SERVE_STALE_NS	  (UINT64_C(10) * 1000000000)
#define SERVE_DEAD_TICKS  10
#define SERVE_DEAD_NS	  (UINT64_C(60) * 1000000000)

/* Of one track's past frames so many bytes are kept at most. */
#define SERVE_TRACK_BYTES (64 << 20)

/* Without HTTP the time is looked at so often, milliseconds. */
#define SERVE_STEP_MS 1000

/* For so long the relays' last frames may take once there is nothing more, milliseconds. */
#define SERVE_FAREWELL_MS 2000

struct serve {
	const struct serve_options *options;
	uint64_t interval_ns; /* a line comes at least so often; 0: not known */
	int input;
	int signals;
	struct feed *feed; /* NULL once the input has ended */
	struct pace pace;
	struct board board;
	struct metrics *metrics;
	struct http *http; /* NULL: nobody is served over HTTP */
	struct hub *hub;   /* that of http; or an empty one */
	struct uplinks uplinks;
};

/* For how long nothing may be heard; 0: as long as it likes. */
static uint64_t serve_patience(const struct serve *s, uint64_t ticks, uint64_t least)
{
	uint64_t patience = ticks * s->interval_ns;

	return s->interval_ns && patience < least ? least : patience;
}

/* The text of /metrics. */
static int serve_metrics(void *arg, bool openmetrics, char **out, size_t *len)
{
	const struct serve *s = arg;
	bool ready;
	const struct metrics_served served = { .hub = hub_counts(s->hub),
					       .http = http_counts(s->http),
					       .uplinks = &s->uplinks,
					       .ready = &ready };
	struct frame_buf buf = { 0 };
	char *why = NULL;
	int err = ready_ask(&s->board, clock_read(CLOCK_MONOTONIC),
			    serve_patience(s, SERVE_STALE_TICKS, SERVE_STALE_NS), &ready, &why);

	free(why);
	if (!err)
		err = metrics_render(s->metrics, &served,
				     openmetrics ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT, &buf);

	if (err) {
		frame_buf_deinit(&buf);
		return err;
	}
	*out = buf.data;
	*len = buf.len;
	return 0;
}

/* What /status says of the server. */
static char *serve_facts(void *arg)
{
	const struct serve *s = arg;
	const struct http_counts *http = http_counts(s->http);
	const struct hub_counts *hub = hub_counts(s->hub);
	json_t *json = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:o}",
		"connections", (json_int_t)http->connections, "accepted",
		(json_int_t)http->accepted, "refused", (json_int_t)http->refused, "cut",
		(json_int_t)http->cut, "requests", (json_int_t)http->requests, "denied",
		(json_int_t)http->denied, "followers", (json_int_t)hub->sessions, "subscriptions",
		(json_int_t)hub->subscriptions, "sent", (json_int_t)hub->sent, "dropped",
		(json_int_t)hub->dropped, "evicted", "lagging", (json_int_t)hub->lagging, "expired",
		(json_int_t)hub->expired, "stale", (json_int_t)hub->stale, "publishing",
		uplinks_json(&s->uplinks));
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

/* A whole file as a text; what is wrong is logged. */
static int serve_slurp(const char *path, char **out)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "re");
	int err = 0;

	if (!file || getdelim(&text, &size, '\0', file) < 0)
		err = file && !ferror(file) ? -ENODATA : -errno;
	if (file)
		fclose(file);
	if (err) {
		log_error("cannot read %s: %s", path, strerror(-err));
		free(text);
		return err;
	}
	*out = text;
	return 0;
}

/* What is in the files that the options name; or NULL where they name none. */
struct serve_files {
	char *certificate, *key;
	struct access *access;
};

static void serve_files_deinit(struct serve_files *f)
{
	access_wipe(f->key);
	free(f->certificate);
	access_destroy(f->access);
	memset(f, 0, sizeof(*f));
}

static int serve_files_read(const struct serve_options *o, struct serve_files *f)
{
	int err = o->token_file ? access_read(o->token_file, o->owner, &f->access) : 0;

	if (!err && o->certificate)
		err = serve_slurp(o->certificate, &f->certificate);
	if (!err && o->key)
		err = serve_slurp(o->key, &f->key);
	return err;
}

int serve_check(const struct serve_options *o)
{
	struct serve_files files = { 0 };
	int err = serve_files_read(o, &files);

	serve_files_deinit(&files);
	return err ? err : uplinks_check(&o->publish);
}

static int serve_open_http(struct serve *s, int socket, const struct answer_source *source)
{
	const struct serve_options *o = s->options;
	struct serve_files files = { 0 };
	int err;

	if (socket < 0)
		return hub_create(0, NULL, &s->hub);
	err = serve_files_read(o, &files);
	if (!err)
		err = http_create(socket, source, files.certificate, files.key, &s->http);
	if (err == -EIO)
		log_error("cannot serve with TLS: %s and %s must hold a certificate and its key in "
			  "PEM; --verbose shows the library's reasons",
			  o->certificate ? o->certificate : "-", o->key ? o->key : "-");
	if (!err) {
		s->hub = http_hub(s->http);
		http_set_access(s->http, files.access);
		files.access = NULL;
	}
	serve_files_deinit(&files);
	return err;
}

/* What the relays are shown, by the text of its file. */
static void serve_publish_token(struct serve *s, const char *text)
{
	const char *name = s->options->publish.token_file;
	char *token;

	if (uplinks_token(text, name, &token)) {
		log_warn("the token that relays are shown stays as it was");
		return;
	}
	if (!uplinks_set_token(&s->uplinks, token))
		log_info("the token of %s is shown to relays from the next connection on", name);
	access_wipe(token);
}

/* The token that relays are shown, likewise. */
static void serve_reload_publish(struct serve *s)
{
	const struct uplinks_options *o = &s->options->publish;
	char *text;

	if (!o->token_file || access_slurp(o->token_file, o->owner, &text))
		return;
	serve_publish_token(s, text);
	access_wipe(text);
}

/* The tokens again; those that there were hold on if the file is no good. */
static void serve_reload(struct serve *s)
{
	struct access *access;

	serve_reload_publish(s);
	if (!s->options->token_file)
		return;
	if (access_read(s->options->token_file, s->options->owner, &access)) {
		log_warn("the tokens stay as they were");
		return;
	}
	http_set_access(s->http, access);
	log_info("the tokens of %s hold from now on", s->options->token_file);
}

static int serve_open_signals(struct serve *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

static int serve_open(struct serve *s, int socket)
{
	struct answer_source source = {
		.board = &s->board,
		.stale_after = serve_patience(s, SERVE_STALE_TICKS, SERVE_STALE_NS),
		.dead_after = serve_patience(s, SERVE_DEAD_TICKS, SERVE_DEAD_NS),
		.page_etag = page_etag(),
		.page_policy = page_policy(),
		.facts = serve_facts,
		.metrics = serve_metrics,
		.arg = s
	};
	int err = serve_open_signals(s);

	source.page = page_html(&source.page_len);
	if (!err && fcntl(s->input, F_SETFL, fcntl(s->input, F_GETFL) | O_NONBLOCK))
		err = -errno;
	if (!err)
		err = feed_create(s->input, &s->feed);
	if (!err)
		err = metrics_create(s->options->metrics_max, &s->metrics);
	if (err && socket >= 0)
		close(socket);
	else if (!err)
		err = serve_open_http(s, socket, &source);
	if (err)
		return err;
	board_init(s->hub, SERVE_TRACK_BYTES, &s->board);
	s->board.updated = clock_read(CLOCK_MONOTONIC);
	s->board.epoch = clock_read(CLOCK_REALTIME) - s->board.updated;
	return uplinks_init(&s->options->publish, &s->board, &s->uplinks);
}

/* Tokens, from whoever started this process. */
static void serve_take_tokens(struct serve *s, const struct feed_line *line)
{
	json_t *json = json_loadb(line->json, line->len, 0, NULL);
	const char *text = json_string_value(json_object_get(json, "text"));
	struct access *access;

	if (text && s->http && !access_parse(text, s->options->token_file, &access))
		http_set_access(s->http, access);
	text = json_string_value(json_object_get(json, "publish"));
	if (text)
		serve_publish_token(s, text);
	json_decref(json);
}

/* Limits, likewise: numbers that are in range. */
static void serve_take_limits(struct serve *s, const struct feed_line *line)
{
	json_t *json = json_loadb(line->json, line->len, 0, NULL);
	json_int_t interval_ns = 0, metrics_max = 0;

	if (!json_unpack(json, "{s:I, s:I}", "interval_ns", &interval_ns, "metrics_max",
			 &metrics_max) &&
	    interval_ns > 0 && metrics_max > 0) {
		s->interval_ns = interval_ns;
		if (s->http)
			http_set_patience(s->http,
					  serve_patience(s, SERVE_STALE_TICKS, SERVE_STALE_NS),
					  serve_patience(s, SERVE_DEAD_TICKS, SERVE_DEAD_NS));
		metrics_set_places(s->metrics, metrics_max);
	}
	json_decref(json);
}

static void serve_take_line(struct serve *s, const struct feed_line *line, uint64_t now)
{
	bool command = line->kind == FEED_TOKENS || line->kind == FEED_LIMITS;
	int err;

	if (command && s->options->trusted) {
		if (line->kind == FEED_TOKENS)
			serve_take_tokens(s, line);
		else
			serve_take_limits(s, line);
		return;
	}
	/* That reads all of it: what is no frame is served to nobody. */
	err = command ? -EBADMSG : metrics_take(s->metrics, line);
	if (!err)
		err = board_take(&s->board, line, now);
	if (err)
		log_warn("line %lu of the input is left out: %s",
			 (unsigned long)feed_lines(s->feed),
			 err == -ENOENT			   ? "it is of no track that is known here"
			 : err == -E2BIG || err == -ENOSPC ? "there are too many broadcasts"
			 : err == -EBADMSG		   ? "it is none that moqstat writes"
							   : strerror(-err));
}

/* Take in the lines that are there, up to the next frame. */
static int serve_take(struct serve *s, uint64_t now)
{
	struct feed_line line;
	int err, got;

	s->pace.more = true;
	do {
		while ((got = feed_next(s->feed, &line)) > 0) {
			serve_take_line(s, &line, now);
			if (line.kind == FEED_FRAME) {
				pace_took(&s->pace, now);
				return 0;
			}
		}
		if (got < 0) {
			log_error(
				"line %lu of the input is none that moqstat writes; give the output of "
				"`moqstat run`",
				(unsigned long)feed_lines(s->feed));
			return got;
		}
		err = feed_fill(s->feed);
	} while (!err);
	pace_rest(&s->pace);
	return err == -EAGAIN ? 0 : err;
}

/* Take the signals that have come; true if one of them ends all. */
static bool serve_signalled(struct serve *s)
{
	struct signalfd_siginfo info;
	bool ends = false;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		/* To a whole process group, or a service: the run's last lines are yet to come. */
		if (s->options->trusted)
			continue;
		if (info.ssi_signo == SIGHUP)
			serve_reload(s);
		else
			ends = true;
	}
	return ends;
}

/* Take in what has come. *ended: that was the last. */
static int serve_input(struct serve *s, uint64_t now, bool *ended)
{
	int err = serve_take(s, now);

	*ended = err == -ENODATA;
	if (*ended && feed_torn(s->feed))
		log_warn("the input ends within a line, which is left out");
	return *ended ? 0 : err;
}

/* Must the lines wait? */
static bool serve_holds(const struct serve *s, uint64_t now)
{
	return s->http && pace_holds(&s->pace, now, !http_timeout(s->http), hub_full(s->hub));
}

/* What is waited for, in this order: those who read, then the lines, which may have to wait. */
enum serve_fd {
	SERVE_SIGNALS = 0,
	SERVE_HTTP,
	SERVE_UPLINKS,
	SERVE_INPUT = SERVE_UPLINKS + UPLINKS_MAX,
	SERVE_FDS,
};

static int serve_poll(const struct serve *s, bool holds, uint64_t now, struct pollfd *fds)
{
	int timeout = s->http ? http_timeout(s->http) : SERVE_STEP_MS;
	size_t i;

	for (i = 0; i < SERVE_FDS; i++)
		fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	fds[SERVE_SIGNALS].fd = s->signals;
	fds[SERVE_HTTP].fd = s->http ? http_fd(s->http) : -1;
	fds[SERVE_INPUT].fd = holds || s->board.over ? -1 : s->input;
	timeout = uplinks_poll(&s->uplinks, &fds[SERVE_UPLINKS], timeout);
	timeout = pace_timeout(&s->pace, now, holds, timeout);
	return poll(fds, SERVE_FDS, timeout) < 0 && errno != EINTR ? -errno : 0;
}

static int serve_wait(struct serve *s)
{
	struct pollfd fds[SERVE_FDS];
	uint64_t before, now;
	bool holds;
	int err = 0;

	while (!err && (!s->board.over || s->options->stay)) {
		before = clock_read(CLOCK_MONOTONIC);
		holds = serve_holds(s, before);
		err = serve_poll(s, holds, before, fds);
		if (err)
			return err;
		if (fds[SERVE_SIGNALS].revents && serve_signalled(s))
			return 0;
		now = clock_read(CLOCK_MONOTONIC);
		pace_waited(&s->pace, holds, now - before);
		if (!holds && !s->board.over && (fds[SERVE_INPUT].revents || s->pace.more))
			err = serve_input(s, now, &s->board.over);
		if (s->http)
			http_run(s->http, now);
		uplinks_run(&s->uplinks, now);
	}
	return err;
}

/* One descriptor a connection. */
static void serve_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int serve_create(int input, int socket, const struct serve_options *o, struct serve **out)
{
	struct serve *s = calloc(1, sizeof(*s));
	int err;

	if (!s) {
		close(input);
		if (socket >= 0)
			close(socket);
		return -ENOMEM;
	}
	s->options = o;
	s->interval_ns = o->interval_ns;
	s->input = input;
	pace_init(&s->pace);
	s->signals = -1;
	serve_raise_files();
	err = serve_open(s, socket);
	if (err) {
		serve_destroy(s);
		return err;
	}
	*out = s;
	return 0;
}

void serve_destroy(struct serve *s)
{
	if (!s)
		return;
	/* The board's tracks go first, the hub that knows their followers with the server. */
	uplinks_deinit(&s->uplinks);
	board_deinit(&s->board);
	if (s->http)
		http_destroy(s->http);
	else
		hub_destroy(s->hub);
	metrics_destroy(s->metrics);
	feed_destroy(s->feed);
	if (s->signals >= 0)
		close(s->signals);
	close(s->input);
	free(s);
}

int serve_loop(struct serve *s)
{
	int err = serve_wait(s);

	uplinks_close(&s->uplinks, SERVE_FAREWELL_MS);
	if (err && err != -EBADMSG)
		log_error("cannot serve any longer: %s", strerror(-err));
	return err == -EBADMSG ? EXIT_USAGE : err ? EXIT_FAILED : EXIT_DONE;
}
