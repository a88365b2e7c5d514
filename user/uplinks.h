/* SPDX-License-Identifier: MIT */
/*
 * uplinks.h - all relays that stats broadcasts are published at.
 */
#ifndef MOQSTAT_UPLINKS_H
#define MOQSTAT_UPLINKS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "board.h"
#include "uplink.h"

/** Most relays. */
#define UPLINKS_MAX 8

/** What to publish at. Strings are the caller's. */
struct uplinks_options {
	const char *urls;	/* with blanks between them; NULL: none */
	const char *token_file; /* its first line is what the relays want for a token; or NULL */
	uid_t owner;	    /* of that file, besides root and this process's user; 0: nobody else */
	const char *cacert; /* whose certificates hold, a file in PEM; NULL: the system's */
	bool no_standing;   /* without subscriptions of our own, see standing.h */
};

struct uplinks {
	struct uplink *list[UPLINKS_MAX];
	size_t len;
};

/** Are these URLs, and can the files be read? What is wrong is logged. 0 or -errno. */
int uplinks_check(const struct uplinks_options *o);

/** Begin with them all; the board must outlive them. What is wrong is logged. *out is ended by
 *  uplinks_deinit(), also where this fails. As uplinks_check(), and uplink_create(). */
int uplinks_init(const struct uplinks_options *o, const struct board *board, struct uplinks *out);
void uplinks_deinit(struct uplinks *all);

/** The token in the text of such a file; *out is the caller's to free. What is wrong is logged,
 * with `name`. -EINVAL; -ENOMEM. */
int uplinks_token(const char *text, const char *name, char **out);

/** Another token from the next connections on. -ENOMEM. */
int uplinks_set_token(struct uplinks *all, const char *token);

/** What to wait for: as many as there are relays. Gives milliseconds, at most `timeout`. */
int uplinks_poll(const struct uplinks *all, struct pollfd fds[UPLINKS_MAX], int timeout);

/** Go on with each, as uplink_run(). */
void uplinks_run(struct uplinks *all, uint64_t now);

/** Close all sessions, after what waits for them; it waits for that, so many milliseconds at most.
 */
void uplinks_close(struct uplinks *all, int timeout);

/** An array of what uplink_json() says. NULL where memory lacks. */
json_t *uplinks_json(const struct uplinks *all);

#endif /* MOQSTAT_UPLINKS_H */
