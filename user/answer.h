/* SPDX-License-Identifier: MIT */
/*
 * answer.h - what an HTTP request is answered with: its status, headers and body, from what the
 * board holds. Pure. `/fetch/…` and `/announced…` answer as moq-relay 0.12.5 does (its web.rs).
 */
#ifndef MOQSTAT_ANSWER_H
#define MOQSTAT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "board.h"
#include "group.h"
#include "request.h"

/** What an answer is made of; all of it the caller's. */
struct answer_source {
	const struct board *board;
	uint64_t now;	      /* nanoseconds, as board_take() was given */
	uint64_t stale_after; /* so long without news, and the agent isn't ready; nanoseconds, or 0
			       */
	uint64_t dead_after;  /* and not alive */
	const char *page;     /* HTML */
	size_t page_len;
	const char *page_etag;	 /* with its quotes */
	const char *page_policy; /* its Content-Security-Policy */
	/** The text of /metrics, in OpenMetrics if asked for; the receiver's to free. 0 or -errno.
	 */
	int (*metrics)(void *arg, bool openmetrics, char **out, size_t *len);
	/** What /status says of the server: a JSON object, the receiver's to free; or NULL. */
	char *(*facts)(void *arg);
	void *arg;
};

/** An answer; ended by answer_deinit(). */
struct answer {
	unsigned int status; /* HTTP's */
	bool events;	     /* live events are to follow; there is no body */
	bool compressed;     /* the body is, in itself: no coding makes it shorter */
	bool preflight;	     /* an OPTIONS: say which methods there are */
	bool allow;	     /* say so in any case */
	const char *type;    /* Content-Type; NULL: none */
	const char *policy;  /* Content-Security-Policy; NULL: none */
	char etag[56];	     /* or "" */
	const char *body;    /* lies in one of those below, or is static */
	size_t len;
	struct group *group;
	char *text;
};

/** Answer a request. Errors are answers too, so that only -ENOMEM is left. */
int answer_make(const struct answer_source *from, const struct request *r, struct answer *out);
void answer_deinit(struct answer *a);

/** What a request for live events follows: the paths of board_track(), which lie in `r`. At most
 * `max`; their number. Of `/events/<track>` one, of `/events?track=…&track=…` as many. */
size_t answer_events(const struct request *r, const char **paths, size_t max);

/** Is that what needs a token for tracks, for metrics, or none where the address is a public one?
 */
enum answer_scope {
	ANSWER_OPEN = 0, /* whether the agent lives, and nothing of what it knows */
	ANSWER_TRACKS,
	ANSWER_METRICS,
};
enum answer_scope answer_scope(const struct request *r);

#endif /* MOQSTAT_ANSWER_H */
