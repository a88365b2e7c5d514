/* SPDX-License-Identifier: MIT */
/*
 * serving.h - what serve.c holds, without a socket: lines go in, and what is served of them can be
 * asked for. For the targets of the HTTP side.
 */
#ifndef MOQSTAT_TESTS_SERVING_H
#define MOQSTAT_TESTS_SERVING_H

#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "board.h"
#include "feed.h"
#include "hub.h"
#include "metrics.h"
#include "stream.h"

struct serving {
	int pipe[2];
	struct feed *feed;
	struct hub *hub;
	struct board board;
	struct metrics *metrics;
	struct frame_buf work;
	struct answer_source source;
	uint64_t now;
};

/** Begin with nothing; ended by serving_end(). Of a track's frames `bytes` are kept, and so many
 *  broadcasts have a place in the metrics. */
void serving_begin(struct serving *s, size_t bytes, size_t places, hub_wake wake);
void serving_end(struct serving *s);

/** Take in a line as serve.c does. What that gave. */
int serving_take(struct serving *s, const struct feed_line *line);

/** Take in a text, which comes in pieces of so many bytes (64 KB at most). How many of its lines
 * were refused; the server goes on behind them, or ends. */
size_t serving_take_text(struct serving *s, const char *text, size_t len, size_t piece);

/** The text of /metrics, which must be one; freed by the caller. */
char *serving_metrics(struct serving *s, enum exposition_format format, size_t *len);

#endif /* MOQSTAT_TESTS_SERVING_H */
