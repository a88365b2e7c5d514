/* SPDX-License-Identifier: MIT */
/*
 * listen.h - the socket that is served: at an address, or as the service manager passes it
 * (sd_listen_fds(3)).
 */
#ifndef MOQSTAT_LISTEN_H
#define MOQSTAT_LISTEN_H

#include <stdbool.h>

struct listen_rules {
	bool tokens; /* who reads must have one: then it may be any address */
	bool tls;    /* only for what is said of it */
};

/** Listen on "HOST:PORT", "[V6]:PORT" or "PORT" of the loopback, where port 0 takes a free one; or
 * take "socket", the one that the service manager passes, once in a process. What is wrong is
 * logged, and the address that is listened on. Without tokens any address is refused that others
 * reach: what is neither a loopback one nor a local (AF_UNIX) socket. *out is the caller's to
 * close. -EINVAL no such address or socket; -EPERM others would reach it; what bind() failed with:
 * -EADDRINUSE, -EACCES, … */
int listen_open(const char *address, const struct listen_rules *rules, int *out);

#endif /* MOQSTAT_LISTEN_H */
