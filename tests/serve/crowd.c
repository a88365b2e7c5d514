/* SPDX-License-Identifier: MIT */
/*
 * crowd.c - many clients of live events in one process, each of which checks what it is sent, and
 * some that never read.
 *
 * usage: crowd --port PORT [--delta N] [--full N] [--silent N] [--out FILE] TRACK…
 *
 * Says `ready` once all who read have a group of each track. At the end of standard input it takes
 * in what still comes, and prints what was received as one JSON object. Exit status 0 whatever that
 * is: it is for whoever called to judge.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "crowd_reader.h"

#define READ_BYTES (1 << 20)

/* Nothing has come for so long: that was all. */
#define QUIET_NS (UINT64_C(4000) * 1000000)

/* Nor is more waited for than that. */
#define PATIENCE_NS (UINT64_C(30) * 1000000000)

struct crowd {
	int port, epoll;
	size_t delta, full, silent;
	const char *out;
	struct crowd_texts texts;
	struct crowd_texts late; /* those of the silent ones, who read when all is over */
	int *fds;
	struct crowd_reader *readers; /* those that read first, then the silent ones */
	size_t len, ready, open;
	char *buf;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static size_t crowd_readers(const struct crowd *c)
{
	return c->delta + c->full;
}

/* The request of one client. The silent ones follow whole frames, which fill their sockets. */
static void crowd_ask(const struct crowd *c, int fd, bool delta)
{
	char text[2048];
	size_t i, len = snprintf(text, sizeof(text), "GET /events?");

	for (i = 0; i < c->texts.len; i++)
		len += snprintf(text + len, sizeof(text) - len, "track=%s&", c->texts.tracks[i]);
	len += snprintf(text + len, sizeof(text) - len, "%s HTTP/1.1\r\nHost: x\r\n\r\n",
			delta ? "delta=1" : "");
	if (write(fd, text, len) != (ssize_t)len)
		die("cannot ask");
}

static void crowd_connect(struct crowd *c, size_t i)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(c->port) };
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = i };
	bool silent = i >= crowd_readers(c), delta = i < c->delta;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		die("no socket");
	if (silent)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (connect(fd, (void *)&address, sizeof(address)))
		die("cannot connect");
	crowd_reader_init(silent ? &c->late : &c->texts, delta, &c->readers[i]);
	crowd_ask(c, fd, delta);
	c->fds[i] = fd;
	if (silent)
		return;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) || epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event))
		die("cannot wait for it");
	c->open++;
}

/* Take in what has come for one; false at its end. */
static bool crowd_take(struct crowd *c, size_t i)
{
	struct crowd_reader *r = &c->readers[i];
	bool before = crowd_reader_ready(r);
	ssize_t n = read(c->fds[i], c->buf, READ_BYTES);

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n > 0)
		crowd_reader_take(r, c->buf, n, now_ns());
	if (!before && crowd_reader_ready(r))
		c->ready++;
	return n > 0 && r->at != CROWD_OVER;
}

/* Read until standard input has ended and nothing more comes. */
static void crowd_read(struct crowd *c)
{
	struct epoll_event events[256], in = { .events = EPOLLIN, .data.u64 = UINT64_MAX };
	uint64_t heard = now_ns(), ends = 0;
	bool said = false;
	int i, n;

	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &in))
		die("cannot wait for standard input");
	while (!ends || (now_ns() - heard < QUIET_NS && now_ns() < ends && c->open)) {
		n = epoll_wait(c->epoll, events, 256, 100);
		for (i = 0; i < n; i++) {
			size_t at = events[i].data.u64;

			if (events[i].data.u64 == UINT64_MAX) {
				epoll_ctl(c->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
				heard = now_ns();
				ends = heard + PATIENCE_NS;
				continue;
			}
			heard = now_ns();
			if (crowd_take(c, at))
				continue;
			epoll_ctl(c->epoll, EPOLL_CTL_DEL, c->fds[at], NULL);
			c->open--;
		}
		if (!said && c->ready == crowd_readers(c)) {
			said = true;
			puts("ready");
			fflush(stdout);
		}
	}
}

/* What the silent ones have been told meanwhile: how many of them that they lag. */
static size_t crowd_silent(struct crowd *c, size_t *ended)
{
	const struct timeval wait = { .tv_sec = 5 };
	size_t i, lagging = 0;
	ssize_t n;

	for (i = crowd_readers(c), *ended = 0; i < c->len; i++) {
		setsockopt(c->fds[i], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		while ((n = read(c->fds[i], c->buf, READ_BYTES)) > 0)
			crowd_reader_take(&c->readers[i], c->buf, n, now_ns());
		lagging += c->readers[i].counts.lagging > 0;
		*ended += n == 0 || errno == ECONNRESET;
	}
	return lagging;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void crowd_report(struct crowd *c, size_t told, size_t ended)
{
	struct crowd_counts sum = { 0 };
	struct crowd_texts *t = &c->texts;
	struct rusage usage;
	size_t i, track;

	for (i = 0; i < crowd_readers(c); i++) {
		const struct crowd_counts *one = &c->readers[i].counts;

		sum.bytes += one->bytes;
		sum.events += one->events;
		sum.gaps += one->gaps;
		sum.lost += one->lost;
		sum.lagging += one->lagging;
		sum.other += one->other;
		sum.unlike += one->unlike;
	}
	printf("{\"readers\":%zu,\"ready\":%zu,\"open\":%zu,\"bytes\":%" PRIu64
	       ",\"events\":%" PRIu64 ",\"gaps\":%" PRIu64 ",\"lost\":%" PRIu64
	       ",\"lagging\":%" PRIu64 ",\"other\":%" PRIu64 ",\"unlike\":%" PRIu64 ",\"last\":{",
	       crowd_readers(c), c->ready, c->open, sum.bytes, sum.events, sum.gaps, sum.lost,
	       sum.lagging, sum.other, sum.unlike);
	for (track = 0; track < t->len; track++) {
		uint64_t least = UINT64_MAX, most = 0;

		for (i = 0; i < crowd_readers(c); i++) {
			const struct crowd_reader *r = &c->readers[i];

			least = !r->any[track]		 ? 0
				: r->last[track] < least ? r->last[track]
							 : least;
			most = r->last[track] > most ? r->last[track] : most;
		}
		printf("%s\"%s\":[%" PRIu64 ",%" PRIu64 "]", track ? "," : "", t->tracks[track],
		       least, most);
	}
	crowd_texts_deinit(&c->late);
	free(c->late.spreads);
	crowd_texts_deinit(t);
	qsort(t->spreads, t->spreads_len, sizeof(*t->spreads), by_size);
	getrusage(RUSAGE_SELF, &usage);
	printf("},\"silent\":%zu,\"silent_told\":%zu,\"silent_ended\":%zu,\"spread_ms\":[%.1f,%.1f],"
	       "\"cpu_s\":%.2f}\n",
	       c->silent, told, ended, t->spreads_len ? t->spreads[t->spreads_len / 2] / 1e6 : 0.0,
	       t->spreads_len ? t->spreads[t->spreads_len - 1] / 1e6 : 0.0,
	       usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
		       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static void crowd_options(struct crowd *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "delta", required_argument, NULL, 'd' },
		{ "full", required_argument, NULL, 'f' },
		{ "silent", required_argument, NULL, 's' },
		{ "out", required_argument, NULL, 'o' },
		{ 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (o == 'p')
			c->port = atoi(optarg);
		else if (o == 'd')
			c->delta = strtoul(optarg, NULL, 10);
		else if (o == 'f')
			c->full = strtoul(optarg, NULL, 10);
		else if (o == 's')
			c->silent = strtoul(optarg, NULL, 10);
		else if (o == 'o')
			c->out = optarg;
		else
			exit(2);
	}
	for (; optind < argc && c->texts.len < CROWD_TRACKS; optind++)
		c->texts.tracks[c->texts.len++] = argv[optind];
	if (!c->port || !c->texts.len || optind < argc) {
		fputs("usage: crowd --port PORT [--delta N] [--full N] [--silent N] [--out FILE] "
		      "TRACK…\n",
		      stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct crowd *c = calloc(1, sizeof(*c));
	struct rlimit files;
	size_t i, told, ended;

	if (!c)
		die("no memory");
	crowd_options(c, argc, argv);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	c->late = c->texts;
	c->len = crowd_readers(c) + c->silent;
	c->fds = calloc(c->len, sizeof(*c->fds));
	c->readers = calloc(c->len, sizeof(*c->readers));
	c->buf = malloc(READ_BYTES);
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->texts.out = c->out ? fopen(c->out, "we") : NULL;
	if (!c->fds || !c->readers || !c->buf || c->epoll < 0 || (c->out && !c->texts.out))
		die("cannot begin");
	for (i = 0; i < c->len; i++)
		crowd_connect(c, i);
	crowd_read(c);
	told = crowd_silent(c, &ended);
	if (c->texts.out && fclose(c->texts.out))
		die("cannot write what was received");
	c->texts.out = NULL;
	crowd_report(c, told, ended);
	return 0;
}
