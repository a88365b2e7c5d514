/* SPDX-License-Identifier: MIT */
/*
 * websocket.h - one connection to a WebSocket server (RFC 6455), by libwebsockets: binary messages
 * in and out. One thread; nothing here waits, and whoever owns it polls.
 */
#ifndef MOQSTAT_WEBSOCKET_H
#define MOQSTAT_WEBSOCKET_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The longest message that is taken in; who sends a longer one is cut off. */
#define WEBSOCKET_MESSAGE_MAX (1 << 20)

/** Without a sign of life for so many seconds it is asked for one, and so many after the last one
 *  the connection has ended. */
#define WEBSOCKET_PING	  5
#define WEBSOCKET_SILENCE 15

struct websocket;

/** What its owner is told; `arg` is the owner. */
struct websocket_owner {
	void *arg;
	/* The server has let us in. */
	void (*opened)(void *arg);
	/* A message; no error, or the connection is closed for it. */
	int (*take)(void *arg, const void *message, size_t len);
	/* Write the next message, of at most `size` bytes; 0: there is none. */
	size_t (*next)(void *arg, uint8_t *out, size_t size);
	/* It is over, or there never was one. `status` is that of HTTP, 0 where there was none;
	 * `why` is for people, the library's words or a stranger's. */
	void (*ended)(void *arg, unsigned int status, const char *why);
};

struct websocket_options {
	const char *subprotocol;
	const char *cacert; /* whose certificates hold, a file in PEM; NULL: the system's */
	bool tls;
	size_t message_max; /* of next() */
};

/** Begin without a connection. Files are read here; the library's random numbers and certificates
 * are from now. *out is ended by websocket_destroy(). -ENOMEM; -EIO: the library refuses, which it
 * logs. */
int websocket_create(const struct websocket_options *o, const struct websocket_owner *owner,
		     struct websocket **out);
void websocket_destroy(struct websocket *w);

/** Connect to an IP address, as text. `host` is what the server is called, with its port unless
 *  that goes without saying; `target` begins with a slash. It ends by ended() in any case, maybe
 * before this returns. */
void websocket_open(struct websocket *w, const char *address, int port, const char *host,
		    const char *target);

/** Close it, without a word; ended() isn't called any more. */
void websocket_close(struct websocket *w);

/** Close it once next() has nothing more, and the server has said that it has got all; likewise. */
void websocket_finish(struct websocket *w);

/** Is there a connection, or one under way? */
bool websocket_busy(const struct websocket *w);

/** Call next() as soon as there is room. */
void websocket_write(struct websocket *w);

/** What to wait for; `fd` is -1 where there is nothing. Gives milliseconds after which
 * websocket_run() is to be called in any case. */
int websocket_poll(const struct websocket *w, struct pollfd *out);

/** Do what there is to do. */
void websocket_run(struct websocket *w);

#endif /* MOQSTAT_WEBSOCKET_H */
