/* SPDX-License-Identifier: MIT */
/*
 * uplink.h - a relay that stats broadcasts are published at: the connection to it, kept up and made
 * anew, and what is to be said of it. What is published, and how, is publication.h's.
 *
 * One thread; nothing here waits, whatever the relay does.
 */
#ifndef MOQSTAT_UPLINK_H
#define MOQSTAT_UPLINK_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "board.h"

/** Until a connection is tried again: first, and most, with a part that is left to chance; and how
 *  long it must have held to begin anew at the first. Nanoseconds. */
#define UPLINK_AGAIN_FIRST (UINT64_C(1000000000) / 2)
#define UPLINK_AGAIN_MOST  (UINT64_C(1000000000) * 30)
#define UPLINK_HELD	   (UINT64_C(1000000000) * 10)

/** A relay's URL, taken apart. */
struct uplink_url {
	bool tls;
	int port;
	char *name;   /* for people: without a query, which may be secret; printable ASCII without
		       * a quote or a backslash */
	char *host;   /* a name or an IP address */
	char *header; /* the same, with the port unless it is the scheme's own */
	char *target; /* path and query */
	char *root;   /* the path, percent-decoded */
};

/** Take ws://HOST[:PORT][/PATH][?QUERY] apart, or wss://. What is wrong is logged: -EINVAL,
 * -ENOMEM. Ended by uplink_url_deinit(), which takes NULL and zeroes. */
int uplink_url_parse(const char *url, struct uplink_url *out);
void uplink_url_deinit(struct uplink_url *u);

enum uplink_state {
	UPLINK_DOWN = 0,   /* it will be tried again */
	UPLINK_CONNECTING, /* up to the relay's answer to the setup */
	UPLINK_UNASKED,	   /* the relay doesn't ask for announcements (yet) */
	UPLINK_PUBLISHING,
};

/** How things stand; counters are over all sessions so far. */
struct uplink_facts {
	const char *name; /* the URL's; the uplink's, as is `problem` */
	enum uplink_state state;
	const char *problem; /* what went wrong last, or is wrong, or NULL: all is well */
	uint64_t connects;   /* sessions that the relay agreed to */
	uint64_t failures;   /* of attempts, and of sessions */
	size_t broadcasts, subscriptions;
	uint64_t groups, bytes, skipped, refused;
};

struct uplink;

/** What to publish at. Strings are the caller's, copied or read by uplink_create(). */
struct uplink_options {
	const char *url;
	const char *token;  /* or NULL */
	const char *cacert; /* whose certificates hold, a file in PEM; NULL: the system's */
	bool stands;	    /* with subscriptions of our own, see standing.h */
};

/** Begin. The first attempt is made by uplink_run(). The board must outlive it. What is wrong is
 * logged: -EINVAL, -ENOMEM, -EIO. *out is ended by uplink_destroy(). */
int uplink_create(const struct uplink_options *o, const struct board *board, struct uplink **out);
void uplink_destroy(struct uplink *u);

/** Another token, or NULL; from the next connection on. -ENOMEM. */
int uplink_set_token(struct uplink *u, const char *token);

/** What to wait for, as websocket_poll(). */
int uplink_poll(const struct uplink *u, struct pollfd *out);

/** Do what there is to do; at least after each change of the board. `now` is of a clock that
 * doesn't go back, nanoseconds. */
void uplink_run(struct uplink *u, uint64_t now);

/** Close the session after what waits for it, and don't begin another one. */
void uplink_close(struct uplink *u);

/** Is it closed, or was there none? */
bool uplink_closed(const struct uplink *u);

void uplink_tell(const struct uplink *u, struct uplink_facts *out);

/** The same as JSON, for /status; NULL where memory lacks. */
json_t *uplink_json(const struct uplink *u);

/** "publishing", say. */
const char *uplink_state_name(enum uplink_state state);

#endif /* MOQSTAT_UPLINK_H */
