/* SPDX-License-Identifier: MIT */
/*
 * relay_http.h - asks the relay over its own HTTP: which broadcasts there are, what the newest
 * frame of a track is. Answers are a stranger's: bounded in size and time, and not trusted.
 */
#ifndef MOQSTAT_RELAY_HTTP_H
#define MOQSTAT_RELAY_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct relay_http;

/** An answer takes so long at most, seconds, and has so many bytes. Where there is nothing to give,
 *  the relay waits for half a minute. */
#define RELAY_HTTP_SECONDS 3
#define RELAY_HTTP_MAX	   (256UL << 20)

struct relay_http_options {
	const char *url;    /* http:// or https://; a query goes along with every request */
	const char *cacert; /* whose certificates hold, a file in PEM; NULL: the system's */
	bool insecure;	    /* any certificate will do */
};

/** Begin; nothing is sent yet. *out is ended by relay_http_destroy(). -EINVAL: that is no URL, or a
 *  file is missing (logged); -ENOMEM. */
int relay_http_create(const struct relay_http_options *options, struct relay_http **out);
void relay_http_destroy(struct relay_http *h);

/** Where it asks, for people: without what may be secret. */
const char *relay_http_name(const struct relay_http *h);

/** GET `path`, which begins with a slash and is any text. 0 and *status, the HTTP status; or -EIO,
 *  and relay_http_error() says why. */
int relay_http_get(struct relay_http *h, const char *path, long *status);

/** What went wrong with the last request. */
const char *relay_http_error(const struct relay_http *h);

/** The body of the last answer, with a 0 behind it. It lasts until the next request. */
const char *relay_http_body(const struct relay_http *h, size_t *len);

/** Which broadcast the relay's statistics are, of those under `prefix`, which is normalised: that
 * of the node `wanted`, or, where that is NULL, the only one. *out is its node, "" for none, freed
 * by the caller. What is wrong is logged, with what to do: -EIO no answer, or another than a
 * relay's; -EACCES; -ENOENT: it isn't announced, so the statistics are off; -E2BIG: there are
 * several; -ENOTSUP: they are
 *  of single groups of paths (--stats-depth). */
int relay_http_node(struct relay_http *h, const char *prefix, const char *wanted, char **out);

#endif /* MOQSTAT_RELAY_HTTP_H */
