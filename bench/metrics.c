/* SPDX-License-Identifier: MIT */
/*
 * metrics.c - what a tick's frames and a scrape cost: so many broadcasts on two tracks, of which
 * one in ten changes a tick. CPU time, which others on the machine disturb less.
 * `build/bench/metrics [BROADCASTS [PLACES]]`; --dump writes the last scrape to standard output.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "metrics.h"

#define TICKS 100

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The frame of a tick: broadcast i has changed as often as (tick + i) came past a multiple of 10.
 */
static size_t make_frame(char *out, size_t broadcasts, uint64_t tick)
{
	char *at = out;
	size_t i;

	*at++ = '{';
	for (i = 0; i < broadcasts; i++) {
		uint64_t n = 1 + (tick + i % 10) / 10;

		at += sprintf(at,
			      "%s\"live/customer-%02zu/channel-%06zu\":{\"announced\":3,"
			      "\"announced_closed\":1,\"broadcasts\":%" PRIu64
			      ",\"broadcasts_closed\":1,\"subscriptions\":%" PRIu64
			      ",\"subscriptions_closed\":2,\"bytes\":%" PRIu64
			      ",\"frames\":%" PRIu64 ",\"groups\":%" PRIu64 "}",
			      i ? "," : "", i * 97 / broadcasts, i, n + 1, 2 * n + 2, n * 1234567,
			      n * 30, n);
	}
	*at++ = '}';
	return at - out;
}

static void die(const char *what, int err)
{
	fprintf(stderr, "bench/metrics: %s: %s\n", what, strerror(-err));
	exit(1);
}

/* Nanoseconds of the two frames of a tick. */
static uint64_t take(struct metrics *m, const char *frame, size_t len)
{
	uint64_t begin = now();
	int err = metrics_frame(m, ".stats/node", "publisher.json", frame, len);

	if (!err)
		err = metrics_frame(m, ".stats/node", "subscriber.json", frame, len);
	if (err)
		die("a frame", err);
	return now() - begin;
}

int main(int argc, char **argv)
{
	bool dump = argc > 1 && !strcmp(argv[1], "--dump");
	size_t broadcasts = argc > 1 + dump ? strtoul(argv[1 + dump], NULL, 10) : 10000;
	size_t places = argc > 2 + dump ? strtoul(argv[2 + dump], NULL, 10) : 1024;
	char *frame = malloc(broadcasts * 400 + 16);
	uint64_t first = 0, changing = 0, same = 0, scrape = 0;
	struct frame_buf buf = { 0 };
	struct metrics *m;
	size_t tick, len = 0;

	if (!frame || metrics_create(places, &m))
		die("memory", -ENOMEM);
	for (tick = 0; tick <= TICKS; tick++) {
		uint64_t ns, begin;

		len = make_frame(frame, broadcasts, tick);
		ns = take(m, frame, len);
		if (tick)
			changing += ns;
		else
			first = ns;
		same += take(m, frame, len);
		begin = now();
		if (metrics_render(m, NULL, EXPOSITION_TEXT, &buf))
			die("a scrape", -ENOMEM);
		scrape += now() - begin;
	}
	fprintf(stderr,
		"%zu broadcasts on 2 tracks of %.2f MB, %zu with series of their own, means of %d:\n"
		"first tick %.2f ms, a tick of which 10 %% is new %.2f ms, of which nothing is %.2f ms\n"
		"a scrape of %.2f MB %.2f ms\n",
		broadcasts, len / 1e6, places < broadcasts ? places : broadcasts, TICKS,
		first / 1e6, changing / 1e6 / TICKS, same / 1e6 / (TICKS + 1), buf.len / 1e6,
		scrape / 1e6 / (TICKS + 1));
	if (dump)
		fwrite(buf.data, 1, buf.len, stdout);
	metrics_destroy(m);
	frame_buf_deinit(&buf);
	free(frame);
	return 0;
}
