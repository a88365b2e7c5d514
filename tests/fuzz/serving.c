/* SPDX-License-Identifier: MIT */
#include "serving.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "fuzz.h"

/* In the place of the page. */
static const char serving_page[] = "<!doctype html><p>page";

static int serving_answer_metrics(void *arg, bool openmetrics, char **out, size_t *len)
{
	*out = serving_metrics(arg, openmetrics ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT, len);
	return 0;
}

void serving_begin(struct serving *s, size_t bytes, size_t places, hub_wake wake)
{
	*s = (struct serving){ .now = 1 };
	fuzz_check(!pipe2(s->pipe, O_CLOEXEC | O_NONBLOCK));
	fuzz_check(!feed_create(s->pipe[0], &s->feed));
	fuzz_check(!hub_create(64, wake, &s->hub));
	fuzz_check(!metrics_create(places, &s->metrics));
	board_init(s->hub, bytes, &s->board);
	s->source = (struct answer_source){ .board = &s->board,
					    .stale_after = UINT64_C(60) * 1000000000,
					    .page = serving_page,
					    .page_len = strlen(serving_page),
					    .page_etag = "\"page\"",
					    .page_policy = "default-src 'none'",
					    .metrics = serving_answer_metrics,
					    .arg = s };
}

void serving_end(struct serving *s)
{
	close(s->pipe[1]);
	fuzz_check(feed_fill(s->feed) == -ENODATA);
	feed_destroy(s->feed);
	close(s->pipe[0]);
	board_deinit(&s->board);
	hub_destroy(s->hub);
	metrics_destroy(s->metrics);
	frame_buf_deinit(&s->work);
}

int serving_take(struct serving *s, const struct feed_line *line)
{
	int err = line->kind >= FEED_TOKENS ? -ENOENT : metrics_take(s->metrics, line);

	if (!err)
		err = board_take(&s->board, line, s->now);
	s->source.now = s->now;
	return err;
}

size_t serving_take_text(struct serving *s, const char *text, size_t len, size_t piece)
{
	struct feed_line line;
	size_t n, refused = 0;
	int got, err;

	for (; len; text += n, len -= n) {
		n = len < piece ? len : piece;
		fuzz_check(write(s->pipe[1], text, n) == (ssize_t)n);
		while (!(err = feed_fill(s->feed)))
			;
		fuzz_check(err == -EAGAIN);
		while ((got = feed_next(s->feed, &line)))
			refused += got < 0 || serving_take(s, &line);
	}
	return refused;
}

char *serving_metrics(struct serving *s, enum exposition_format format, size_t *len)
{
	const struct metrics_served served = { .hub = hub_counts(s->hub) };
	struct frame_buf buf = { 0 };

	fuzz_check(!metrics_render(s->metrics, &served, format, &buf));
	fuzz_check(strlen(buf.data) == buf.len && buf.len && buf.data[buf.len - 1] == '\n');
	if (format == EXPOSITION_OPENMETRICS)
		fuzz_check(buf.len >= 6 && !strcmp(buf.data + buf.len - 6, "# EOF\n"));
	*len = buf.len;
	return buf.data;
}
