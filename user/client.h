/* SPDX-License-Identifier: MIT */
/*
 * client.h - an agent's live events, followed over HTTP: a stream for each of its relays, begun
 * anew where it ends. What is read is a stranger's.
 */
#ifndef MOQSTAT_CLIENT_H
#define MOQSTAT_CLIENT_H

#include "source.h"
#include "watch.h"

/** Follow all relays of the agent at a URL into a watch, which must outlive the source. `token` and
 * `authority`, certificates in PEM, may be NULL; all of them are copied. What is wrong is logged.
 * *out is ended by its destroy(). -EINVAL no URL of an agent, or no token; -ENOMEM. */
int client_create(const char *url, const char *token, const char *authority, struct watch *w,
		  struct source **out);

#endif /* MOQSTAT_CLIENT_H */
