/* SPDX-License-Identifier: MIT */
/*
 * server.h - the run's side of serving: the process that serves (serve.h), and the lines it is
 * given. It has no privileges and nothing of the run's but a pipe; whatever it does, no tick waits
 * for it.
 */
#ifndef MOQSTAT_SERVER_H
#define MOQSTAT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "outlet.h"
#include "serve.h"

struct server {
	pid_t pid; /* 0: there is none */
	int fd;	   /* of the pipe to it */
	struct outlet outlet;
	const char *token_file;	  /* who may read; or NULL */
	const char *publish_file; /* what relays are shown; or NULL */
};

/** Listen on an address, unless that is NULL, and start the process that serves there. To be called
 * before there is anything that it must not have. *out is ended by server_stop(). What is wrong is
 * logged; errors as of listen_open(), access_read() and fork(). */
int server_start(const char *address, const struct serve_options *o, struct server *out);

/** Close the pipe, and wait for the process to end. NULL, or none, is fine. */
void server_stop(struct server *s);

/** Hand a line over; the `also` of jsonl.h, whose argument is the server. 0, or -EPIPE: the process
 * is gone. */
int server_write(void *server, const char *line, size_t len);

/** Go on with what waits for it. As server_write(). */
int server_flush(struct server *s);

/** Read the token files again and hand them over. What is wrong is logged; the tokens stay as they
 * were then. */
void server_reload(struct server *s);

/** Hand over how often a line comes from now on, and how many broadcasts, and apart from them
 * roots, have series of their own. 0; -ENOMEM; -ENOBUFS too much waits for the server already;
 * -ECHILD it is gone. Nothing where there is no server. */
int server_limit(struct server *s, uint64_t interval_ns, uint32_t metrics_max);

#endif /* MOQSTAT_SERVER_H */
