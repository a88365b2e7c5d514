/* SPDX-License-Identifier: MIT */
/*
 * request.h - what an HTTP client asks for: its method, path and parameters, and the headers that
 * matter. Pure: nothing here knows of sockets.
 */
#ifndef MOQSTAT_REQUEST_H
#define MOQSTAT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/** Parameters beyond so many are refused: a session follows no more tracks (hub.h), and a few. */
#define REQUEST_PARAMS_MAX 128

enum request_method {
	REQUEST_GET = 0,
	REQUEST_HEAD,
	REQUEST_OPTIONS,
	REQUEST_OTHER,
};

struct request_param {
	const char *name, *value; /* UTF-8; "" where there is no value */
};

/** One request. Headers are the caller's, or NULL; the rest is ended by request_deinit(). */
struct request {
	enum request_method method;
	char *text;	  /* what path and parameters lie in */
	const char *path; /* decoded, from its first slash */
	struct request_param *params;
	size_t params_len;
	const char *accept, *accept_encoding, *authorization, *if_none_match, *last_event_id;
	bool stranger; /* who has shown no token that holds, where one is needed; the caller's */
};

/** Read a method and a request target as they came, `/path?name=value&…`, with or without
 * `http://host` in front. A percent sign that begins no escape is one. 0; -EINVAL: a 0, bytes that
 * aren't UTF-8, no slash at the beginning; -E2BIG too many parameters; -ENOMEM. */
int request_init(const char *method, const char *target, struct request *out);
void request_deinit(struct request *r);

/** The first parameter of a name, or NULL. */
const char *request_param(const struct request *r, const char *name);

/** Does the client take this content coding? (RFC 9110, 12.5.3: not where its weight is 0.) */
bool request_accepts_coding(const struct request *r, const char *coding);

/** Does the client ask for this media type by name, and not with a weight of 0? */
bool request_accepts_type(const struct request *r, const char *type);

/** How much the client would like this media type, thousandths; the largest weight where it is
 * named more than once, its other parameters left aside. By name, else by its kind, else by any
 * (RFC 9110, 12.5.1). */
unsigned int request_weight(const struct request *r, const char *type);

/** Has the client what `etag`, with its quotes, stands for? (RFC 9110, 13.1.2: weak comparison.) */
bool request_has(const struct request *r, const char *etag);

/** The token that the client shows: of `Authorization: Bearer TOKEN`, or else of a parameter
 * `token`, since a browser's EventSource can't send headers. NULL: none. */
const char *request_token(const struct request *r);

#endif /* MOQSTAT_REQUEST_H */
