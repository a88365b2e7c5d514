/* SPDX-License-Identifier: MIT */
/*
 * access.h - who may read: tokens, each with its expiry and what it is good for.
 *
 * A token file has one token a line: TOKEN EXPIRY SCOPES. EXPIRY is `never`, seconds since 1970, or
 * a time such as 2027-01-31T12:00:00Z; SCOPES is `tracks`, `metrics`, or both with a comma. Empty
 * lines and those that begin with # are left out.
 */
#ifndef MOQSTAT_ACCESS_H
#define MOQSTAT_ACCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** A token has so many bytes at least, so that it can't be guessed, and at most. */
#define ACCESS_TOKEN_MIN 16
#define ACCESS_TOKEN_MAX 256

/** Most tokens of a file. */
#define ACCESS_TOKENS_MAX 1024

/** Never, as a time. */
#define ACCESS_NEVER INT64_MAX

/** What a token is good for; bits. */
enum access_scope {
	ACCESS_TRACKS = 1,
	ACCESS_METRICS = 2,
};

enum access_verdict {
	ACCESS_GRANTED = 0,
	ACCESS_UNKNOWN, /* no token, or none of these */
	ACCESS_EXPIRED,
	ACCESS_BEYOND, /* it is good for something else */
};

struct access;

/** Read the text of a token file. What is wrong is logged, with `name` and the line's number, and
 * never the token. *out is ended by access_destroy(). 0; -EINVAL, and nothing is taken then;
 * -ENOMEM. */
int access_parse(const char *text, const char *name, struct access **out);

/** Read the text of a token file, which only its owner may be able to read or write: root, this
 * process's user, or `owner` (0: nobody else). *out is the caller's to free. -EACCES others may;
 * -EINVAL that is none; or what opening and reading give. All logged. */
int access_slurp(const char *path, uid_t owner, char **out);

/** Free a text that others must not see, and leave nothing of it in memory. NULL is fine. */
void access_wipe(char *text);

/** Read a token file. Errors as of both others. */
int access_read(const char *path, uid_t owner, struct access **out);
void access_destroy(struct access *a);

/** Judge a token, NULL where there is none, at a time in seconds since 1970. It takes as long
 * whether or not, and where, it differs from those there are. Where it is granted *expires is when
 * that ends. */
enum access_verdict access_check(const struct access *a, const char *token, enum access_scope scope,
				 int64_t now, int64_t *expires);

#endif /* MOQSTAT_ACCESS_H */
