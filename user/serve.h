/* SPDX-License-Identifier: MIT */
/*
 * serve.h - the process that serves: it reads the lines of a run, answers HTTP, and publishes at
 * relays. It needs no privileges, and has nothing of the agent's but those lines. See
 * docs/adr/0018-serving.md and 0034-publishing.md.
 */
#ifndef MOQSTAT_SERVE_H
#define MOQSTAT_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "uplinks.h"

/** What a server goes by. Strings are the caller's. */
struct serve_options {
	const char *token_file; /* who may read (access.h); NULL: everyone. Read again at SIGHUP */
	uid_t owner; /* of that file, besides root and this process's user; 0: nobody else */
	const char *certificate; /* PEM files, for TLS; or both NULL */
	const char *key;
	uint64_t interval_ns; /* a line comes at least so often; 0: not known */
	size_t metrics_max;   /* broadcasts, and apart from them roots, with series of their own */
	struct uplinks_options publish; /* at which relays, too */
	bool stay;			/* serve what is there when the input has ended */
	bool trusted; /* whoever writes the input started this server: it may bring tokens, and
			 signals are for it to take; the input's end is the server's */
};

struct serve;

/** Do the options make sense, and can their files be read? What is wrong is logged. 0 or -errno. */
int serve_check(const struct serve_options *o);

/** A server of what comes from `input`, on the listening `socket`, or on none if that is -1; both
 * become its own, also where it fails, which is logged. Files are read here. `o` must outlive it.
 * *out is ended by serve_destroy(). */
int serve_create(int input, int socket, const struct serve_options *o, struct serve **out);
void serve_destroy(struct serve *s);

/** Serve until SIGINT or SIGTERM, or the input's end. Gives an exit status (options.h); what is
 * wrong is logged. */
int serve_loop(struct serve *s);

#endif /* MOQSTAT_SERVE_H */
