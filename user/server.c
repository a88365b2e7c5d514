/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "access.h"
#include "listen.h"
#include "log.h"
#include "privileges.h"

/* How much the server gives way to others. */
#define SERVER_NICE 5

/* For so long it may take to end, milliseconds. */
#define SERVER_PATIENCE_MS 5000

/* So much fits into the pipe at once, if the system allows. */
#define SERVER_PIPE (1 << 20)

static void server_child(int input, int socket, const struct serve_options *o)
	__attribute__((noreturn));
static void server_child(int input, int socket, const struct serve_options *o)
{
	struct serve *serve;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status, err;

	/* The relay and the ticks come first. */
	setpriority(PRIO_PROCESS, 0, SERVER_NICE);
	/* Standard output is the run's. */
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	/* Files are read while that may still be done. */
	err = serve_create(input, socket, o, &serve);
	if (err)
		_exit(EXIT_FAILURE);
	if (privileges_serve(o->publish.urls))
		_exit(EXIT_FAILURE);
	status = serve_loop(serve);
	serve_destroy(serve);
	_exit(status);
}

/* A socket; or -1, none. */
static void server_close(int socket)
{
	if (socket >= 0)
		close(socket);
}

int server_start(const char *address, const struct serve_options *o, struct server *out)
{
	const struct listen_rules rules = { .tokens = o->token_file, .tls = o->certificate };
	struct server s = { .token_file = o->token_file, .publish_file = o->publish.token_file };
	int fds[2], socket = -1, err;

	/* Said here, where it is the run's own error. */
	err = serve_check(o);
	if (!err && address)
		err = listen_open(address, &rules, &socket);
	if (err)
		return err;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK)) {
		err = -errno;
		server_close(socket);
		return err;
	}
	fcntl(fds[1], F_SETPIPE_SZ, SERVER_PIPE);
	s.pid = fork();
	if (!s.pid) {
		close(fds[1]);
		server_child(fds[0], socket, o);
	}
	err = s.pid < 0 ? -errno : 0;
	close(fds[0]);
	server_close(socket);
	if (err) {
		close(fds[1]);
		log_error("cannot start the process that serves: %s", strerror(-err));
		return err;
	}
	s.fd = fds[1];
	outlet_init(&s.outlet, s.fd);
	*out = s;
	return 0;
}

/* Give it a while to end by itself: the run, whose probes are still there, must end as well. */
static void server_wait(pid_t pid)
{
	struct pollfd fd = { .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int status = 0;

	/* A bad descriptor would be no event: then it is killed at once. */
	if (poll(&fd, 1, fd.fd < 0 ? 0 : SERVER_PATIENCE_MS) <= 0) {
		log_warn("the process that serves HTTP (%d) does not end: it is killed", pid);
		kill(pid, SIGKILL);
	}
	if (fd.fd >= 0)
		close(fd.fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		log_error("the process that serves HTTP (%d) was ended by signal %d (%s)", pid,
			  WTERMSIG(status), strsignal(WTERMSIG(status)));
}

void server_stop(struct server *s)
{
	if (!s || !s->pid)
		return;
	/* What it hasn't taken yet it needn't have: it ends when it sees the end of the pipe. */
	close(s->fd);
	outlet_deinit(&s->outlet);
	server_wait(s->pid);
	s->pid = 0;
}

/* Not to be taken for a reader of standard output that has seen enough. What there was no room for
 * is counted. */
static int server_error(int err)
{
	return err == -EPIPE ? -ECHILD : err == -ENOBUFS ? 0 : err;
}

/* Can the server do without a line? Frames and figures are followed by others; not so a relay's
 * end, or that a token no longer holds. */
static bool server_spares(const char *line, size_t len)
{
	static const char *const heads[] = { "{\"broadcast\":", "{\"health\":" };
	size_t i;

	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (len > strlen(heads[i]) && !memcmp(line, heads[i], strlen(heads[i])))
			return true;
	}
	return false;
}

int server_write(void *server, const char *line, size_t len)
{
	struct server *s = server;

	return server_error(outlet_write(&s->outlet, line, len, !server_spares(line, len)));
}

int server_flush(struct server *s)
{
	return server_error(outlet_flush(&s->outlet));
}

/* Hand over a line of what is in `json`, which is released. -ENOMEM; -ENOBUFS too much waits for
 * the server already; -ECHILD. */
static int server_hand_over(struct server *s, const char *name, json_t *json)
{
	uint64_t dropped = s->outlet.dropped;
	char *dump, *line = NULL;
	int err = -ENOMEM;

	dump = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (!dump || asprintf(&line, "{\"%s\":%s}\n", name, dump) < 0)
		line = NULL;
	if (line)
		err = server_write(s, line, strlen(line));
	if (!err && s->outlet.dropped != dropped)
		err = -ENOBUFS;
	json_decref(json);
	access_wipe(dump);
	access_wipe(line);
	return err;
}

/* The text of a token file again, if it is any good. */
static int server_read_tokens(const char *file, char **out)
{
	struct access *access;
	char *text;
	int err = access_slurp(file, 0, &text);

	if (err)
		return err;
	err = access_parse(text, file, &access);
	if (err) {
		access_wipe(text);
		return err;
	}
	access_destroy(access);
	*out = text;
	return 0;
}

/* Hand the tokens of a file over, under a name. */
static void server_reload_file(struct server *s, const char *file, const char *name, int err,
			       char *text)
{
	if (!err)
		err = server_hand_over(s, "tokens", json_pack("{s:s}", name, text));
	access_wipe(text);
	if (err)
		log_warn("the tokens stay as they were: those of %s could not be %s", file,
			 err == -ENOBUFS || err == -ECHILD ? "handed over" : "read");
	else
		log_info("the tokens of %s hold from now on", file);
}

void server_reload(struct server *s)
{
	char *text = NULL;
	int err;

	if (s->pid && s->token_file) {
		err = server_read_tokens(s->token_file, &text);
		server_reload_file(s, s->token_file, "text", err, text);
	}
	text = NULL;
	if (s->pid && s->publish_file) {
		err = access_slurp(s->publish_file, 0, &text);
		server_reload_file(s, s->publish_file, "publish", err, text);
	}
}

int server_limit(struct server *s, uint64_t interval_ns, uint32_t metrics_max)
{
	if (!s->pid)
		return 0;
	return server_hand_over(s, "limits",
				json_pack("{s:I, s:I}", "interval_ns", (json_int_t)interval_ns,
					  "metrics_max", (json_int_t)metrics_max));
}
