/* SPDX-License-Identifier: MIT */
/*
 * http.h - the HTTP server: sockets and headers by libmicrohttpd, answers by answer.h, live events
 * by follower.h. One thread; nothing here waits.
 */
#ifndef MOQSTAT_HTTP_H
#define MOQSTAT_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "access.h"
#include "answer.h"
#include "board.h"
#include "hub.h"

/** Most connections at once, if there may be so many descriptors; more are closed as they come. */
#define HTTP_CONNECTIONS_MAX 4096

/** Most of these that follow live events. */
#define HTTP_SESSIONS_MAX 2048

/** How long a client may take from the beginning of its connection, or from its last request's end,
 * to the end of a request's headers; and may not take anything of live events. Seconds; who takes
 * nothing of another answer has some 5 more. */
#define HTTP_PATIENCE 30

/** After how many seconds without an event a follower is told that the stream still lives. */
#define HTTP_BEAT 15

struct http;

/** Connections, now and so far. */
struct http_counts {
	size_t connections;
	uint64_t accepted, refused; /* refused: there were too many */
	uint64_t requests;
	uint64_t denied; /* requests without a token that holds */
	uint64_t cut;	 /* connections closed since their client was too slow */
};

/** Serve on a listening socket, which becomes the server's. `source`, whose board and page must
 * outlive the server, tells what; its clock is set by http_run(). `certificate` and `key` are PEM
 * texts for TLS, or NULL for none. *out is ended by http_destroy(). 0, -ENOMEM, or -EIO where the
 * library refuses, which it logs: a bad certificate above all. */
int http_create(int socket, const struct answer_source *source, const char *certificate,
		const char *key, struct http **out);
void http_destroy(struct http *h);

/** From now on only who shows one of these tokens may read, NULL: everyone. They become the
 * server's. Followers whose tokens no longer hold are told that these have expired, at the next
 * http_run(). */
void http_set_access(struct http *h, struct access *access);

/** From now on the agent isn't ready, and isn't alive, after so much silence; answer.h. */
void http_set_patience(struct http *h, uint64_t stale_after, uint64_t dead_after);

/** The hub that the board must hand its groups to; the server's. */
struct hub *http_hub(const struct http *h);

/** Readable when there is something to do; the server's. */
int http_fd(const struct http *h);

/** For how long that may be waited for, milliseconds; at most a second. */
int http_timeout(const struct http *h);

/** Do what there is to do; `now` in nanoseconds of a clock that doesn't go back. */
void http_run(struct http *h, uint64_t now);

const struct http_counts *http_counts(const struct http *h);

#endif /* MOQSTAT_HTTP_H */
