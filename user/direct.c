/* SPDX-License-Identifier: MIT */
#include "direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "feed.h"
#include "log.h"
#include "run.h"

/* Of what is logged so much is kept: the newest. */
#define DIRECT_LOG_MAX (64 << 10)

/* Bytes that fit into the pipe at once, if the system allows. */
#define DIRECT_PIPE (1 << 20)

struct direct {
	struct source source;
	struct watch *watch;
	pid_t pid;	/* 0: it has been waited for */
	int status;	/* as waitpid() tells */
	int lines, log; /* pipes; -1: closed, or none */
	struct feed *feed;
	char *text; /* what was logged: text_len bytes of DIRECT_LOG_MAX */
	size_t text_len;
};

static void direct_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void direct_show(struct source *source)
{
	struct direct *d = (struct direct *)source;

	fwrite(d->text, 1, d->text_len, stderr);
	d->text_len = 0;
}

/* The last whole line that was logged is the message. */
static void direct_note(struct direct *d)
{
	const char *end = memrchr(d->text, '\n', d->text_len), *begin;

	if (!end)
		return;
	begin = memrchr(d->text, '\n', end - d->text);
	begin = begin ? begin + 1 : d->text;
	snprintf(d->source.message, sizeof(d->source.message), "%.*s", (int)(end - begin), begin);
}

/* Take in what is logged. */
static void direct_read_log(struct direct *d)
{
	char data[4096];
	ssize_t n = read(d->log, data, sizeof(data));
	size_t over;

	if (n <= 0) {
		if (!n || (errno != EAGAIN && errno != EINTR))
			direct_close(&d->log);
		return;
	}
	over = d->text_len + n > DIRECT_LOG_MAX ? d->text_len + n - DIRECT_LOG_MAX : 0;
	memmove(d->text, d->text + over, d->text_len - over);
	d->text_len -= over;
	memcpy(d->text + d->text_len, data, n);
	d->text_len += n;
	direct_note(d);
}

static int direct_frame(struct direct *d, const struct feed_line *line)
{
	struct watch_relay *relay;
	int i, err = watch_relay(d->watch, line->broadcast, &relay);

	for (i = 0; i < TRACKS_OF_TWO && strcmp(line->track, tracks_two[i].name); i++)
		;
	if (err || i == TRACKS_OF_TWO)
		return err;
	/* The first one of a relay that was there before is of another life. */
	if (!line->sequence)
		watch_track_ended(relay, i);
	d->source.state = SOURCE_LIVE;
	return watch_frame(relay, i, clock_read(CLOCK_MONOTONIC), line->json, line->len);
}

static int direct_status(struct direct *d, const struct feed_line *line)
{
	json_t *json = json_loadb(line->json, line->len, 0, NULL);
	const char *name = json_string_value(json_object_get(json, "broadcast"));
	struct watch_relay *relay;
	size_t i, live = 0;
	int err = json ? 0 : -EBADMSG;

	if (!err && name && *name)
		err = watch_relay(d->watch, name, &relay);
	if (err || !name || !*name) {
		json_decref(json);
		return err;
	}
	watch_status(relay, json);
	/* Relays that have ended go once there is another one to look at. */
	for (i = 0; i < d->watch->len; i++)
		live += !d->watch->relays[i]->ended;
	for (i = d->watch->len; live && i-- > 0;) {
		if (d->watch->relays[i]->ended)
			watch_remove(d->watch, d->watch->relays[i]);
	}
	d->source.state = live ? SOURCE_LIVE : SOURCE_WAITING;
	return 0;
}

static int direct_take(struct direct *d)
{
	struct feed_line line;
	int err = 0, got = 0;

	while (!err && (got = feed_next(d->feed, &line)) > 0)
		err = line.kind == FEED_FRAME	 ? direct_frame(d, &line)
		      : line.kind == FEED_STATUS ? direct_status(d, &line)
						 : 0;
	return err ? err : got;
}

/* The run is over: why is in its log. */
static void direct_ended(struct direct *d)
{
	direct_close(&d->lines);
	if (d->log >= 0)
		fcntl(d->log, F_SETFL, 0);
	while (d->log >= 0)
		direct_read_log(d);
	while (d->pid && waitpid(d->pid, &d->status, 0) < 0 && errno == EINTR)
		;
	d->pid = 0;
	d->source.state = SOURCE_ENDED;
	snprintf(d->source.problem, sizeof(d->source.problem), "these are its last numbers");
}

static int direct_read(struct direct *d)
{
	int err = feed_fill(d->feed);

	if (err == -EAGAIN)
		return 0;
	if (err == -ENODATA) {
		direct_ended(d);
		return 0;
	}
	return err ? err : direct_take(d);
}

static int direct_wait(struct source *source, struct pollfd *fds, size_t len, int timeout_ms)
{
	struct direct *d = (struct direct *)source;
	struct pollfd all[8] = { { .fd = d->lines, .events = POLLIN },
				 { .fd = d->log, .events = POLLIN } };
	size_t i;
	int err = 0;

	memcpy(&all[2], fds, len * sizeof(*fds));
	if (poll(all, 2 + len, timeout_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	memcpy(fds, &all[2], len * sizeof(*fds));
	for (i = 0; i < 2; i++) {
		if (all[i].fd < 0 || !all[i].revents)
			continue;
		if (i)
			direct_read_log(d);
		else
			err = direct_read(d);
	}
	return err;
}

static int direct_destroy(struct source *source)
{
	struct direct *d = (struct direct *)source;
	int status = EXIT_DONE;

	if (!d)
		return status;
	/* A run whose output nobody reads detaches and ends. */
	if (d->pid)
		direct_ended(d);
	else
		status = WIFEXITED(d->status) ? WEXITSTATUS(d->status) : EXIT_FAILED;
	direct_show(source);
	direct_close(&d->lines);
	feed_destroy(d->feed);
	free(d->text);
	free(d);
	return status;
}

static void direct_child(const struct options *o, int lines, int log) __attribute__((noreturn));
static void direct_child(const struct options *o, int lines, int log)
{
	struct options options = *o;

	/* What the terminal sends its programs isn't for the one that has to detach. */
	setsid();
	dup2(lines, STDOUT_FILENO);
	if (log >= 0)
		dup2(log, STDERR_FILENO);
	close(lines);
	if (log >= 0)
		close(log);
	options.command = OPTIONS_RUN;
	options.output = OPTIONS_OUTPUT_JSONL;
	_exit(run(&options));
}

/* Start the run; what goes wrong before it is undone by the caller. */
static int direct_fork(struct direct *d, const struct options *o, bool quiet)
{
	int lines[2], log[2] = { -1, -1 }, err = 0;

	if (pipe2(lines, O_CLOEXEC))
		return -errno;
	if (quiet && pipe2(log, O_CLOEXEC))
		err = -errno;
	fcntl(lines[1], F_SETPIPE_SZ, DIRECT_PIPE);
	if (!err) {
		fflush(stdout);
		d->pid = fork();
		if (!d->pid) {
			close(lines[0]);
			direct_close(&log[0]);
			direct_child(o, lines[1], log[1]);
		}
		err = d->pid < 0 ? -errno : 0;
	}
	close(lines[1]);
	direct_close(&log[1]);
	d->lines = lines[0];
	d->log = log[0];
	fcntl(d->lines, F_SETFL, O_NONBLOCK);
	if (d->log >= 0)
		fcntl(d->log, F_SETFL, O_NONBLOCK);
	return err;
}

int direct_create(const struct options *o, bool quiet, struct watch *w, struct source **out)
{
	struct direct *d = calloc(1, sizeof(*d));
	int err = -ENOMEM;

	if (!d)
		return err;
	d->source.wait = direct_wait;
	d->source.destroy = direct_destroy;
	d->watch = w;
	d->lines = d->log = -1;
	d->text = malloc(DIRECT_LOG_MAX + 4096);
	if (d->text)
		err = direct_fork(d, o, quiet);
	if (!err)
		err = feed_create(d->lines, &d->feed);
	if (err) {
		log_error("top: cannot start a run: %s", strerror(-err));
		if (d->pid < 0)
			d->pid = 0;
		direct_destroy(&d->source);
		return err;
	}
	w->tick = (uint64_t)o->interval_ms * 1000000;
	*out = &d->source;
	return 0;
}
