/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "clock.h"
#include "follower.h"
#include "log.h"
#include "response.h"

#define HTTP_SECOND UINT64_C(1000000000)
#define HTTP_MS	    UINT64_C(1000000)

/* How many seconds the library waits for a client to do anything: longer than for a whole request,
 * so that only those are left to it who don't read their answers. */
#define HTTP_IDLE (HTTP_PATIENCE + 5)

/* How often it is looked for those that are too slow: that takes as long as there are clients. */
#define HTTP_SWEEP (HTTP_SECOND / 10)

/* Not having run for so long it was this process that was too slow. */
#define HTTP_STALL (3 * HTTP_SECOND)

/* Descriptors that are for something else than connections. */
#define HTTP_FILES_OTHER 32

/* Memory of the library for one connection: a request's headers must fit into it. */
#define HTTP_CONNECTION_BYTES (16 << 10)

/* One connection. */
struct http_peer {
	struct http_peer *next, **link;
	struct MHD_Connection *connection;
	int socket;	/* the library's */
	uint64_t since; /* when it began, or its last request ended; HTTP_BUSY while there is one */
	char *target;	/* of the request that is being read, as it came; or NULL */
	bool begun;	/* its headers are there */
};
#define HTTP_BUSY UINT64_MAX

struct http {
	struct MHD_Daemon *daemon;
	struct answer_source source;
	struct access *access; /* NULL: everyone may read */
	size_t connections_max;
	uint64_t swept, ran; /* when it was looked for those that are too slow; when anything ran */
	struct http_peer *peers;
	struct followers followers;
	struct http_counts counts;
};

/* Seconds since 1970; time() lags behind by a few milliseconds. */
static int64_t http_wall(void)
{
	return clock_read(CLOCK_REALTIME) / HTTP_SECOND;
}

static void http_text(struct answer *a, unsigned int status, const char *text)
{
	answer_deinit(a);
	a->status = status;
	a->type = "text/plain; charset=utf-8";
	a->body = text;
	a->len = strlen(text);
}

/* Answer with what was made; with live events if that is what it is. */
static enum MHD_Result http_reply(struct http *h, struct MHD_Connection *connection,
				  struct request *request, struct answer *a)
{
	struct MHD_Response *response;
	struct follower *f = NULL;
	enum MHD_Result result;
	int err = 0;

	if (a->events && request->method == REQUEST_GET)
		err = follower_create(&h->followers, connection, request, &f);
	switch (err) {
	case 0:
		break;
	case -EALREADY:
		http_text(a, 400, "one track is asked for twice\n");
		break;
	case -EINVAL:
		http_text(a, 400, "a track's name with control characters can't be followed\n");
		break;
	case -EUSERS:
		http_text(a, 503, "too many follow live events already\n");
		break;
	default:
		http_text(a, 503, "not possible now\n");
	}
	response = f ? follower_respond(f) : response_create(a, request);
	if (!response)
		return MHD_NO;
	response_add_headers(response, a);
	result = MHD_queue_response(connection, a->status, response);
	MHD_destroy_response(response);
	return result;
}

/* May this be read by who asks? If not, the answer says why. */
static bool http_permit(struct http *h, const struct request *r, struct answer *a)
{
	static const enum access_scope scopes[] = {
		[ANSWER_TRACKS] = ACCESS_TRACKS,
		[ANSWER_METRICS] = ACCESS_METRICS,
	};
	enum answer_scope scope = answer_scope(r);
	int64_t expires;

	if (!h->access || scope == ANSWER_OPEN)
		return true;
	switch (access_check(h->access, request_token(r), scopes[scope], http_wall(), &expires)) {
	case ACCESS_GRANTED:
		return true;
	case ACCESS_BEYOND:
		http_text(a, 403, "that token is good for something else\n");
		break;
	case ACCESS_EXPIRED:
		http_text(a, 401, "that token has expired\n");
		break;
	default:
		http_text(a, 401,
			  "a token is needed: Authorization: Bearer TOKEN, or ?token=TOKEN\n");
	}
	h->counts.denied++;
	return false;
}

/* Does who asks for what is open to all have no token for what tracks tell? */
static bool http_stranger(const struct http *h, const struct request *r)
{
	int64_t expires;

	return h->access && access_check(h->access, request_token(r), ACCESS_TRACKS, time(NULL),
					 &expires) != ACCESS_GRANTED;
}

static const char *http_header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* A request whose headers are there. What it brings besides is not read. */
static enum MHD_Result http_handle(void *arg, struct MHD_Connection *connection, const char *url,
				   const char *method, const char *version, const char *upload,
				   size_t *upload_len, void **context)
{
	struct http_peer *peer = *context;
	struct request request = { 0 };
	struct answer a = { 0 };
	struct http *h = arg;
	enum MHD_Result result;
	int err;

	(void)url, (void)version, (void)upload;
	if (!peer)
		return MHD_NO;
	/* Answered at once, the library would close the connection: so it does with what has a
	 * body. */
	if (!peer->begun && !*upload_len && !http_header(connection, "Content-Length") &&
	    !http_header(connection, "Transfer-Encoding")) {
		peer->begun = true;
		return MHD_YES;
	}
	h->counts.requests++;
	peer->since = HTTP_BUSY;
	err = request_init(method, peer->target, &request);
	request.accept = http_header(connection, "Accept");
	request.accept_encoding = http_header(connection, "Accept-Encoding");
	request.authorization = http_header(connection, "Authorization");
	request.if_none_match = http_header(connection, "If-None-Match");
	request.last_event_id = http_header(connection, "Last-Event-ID");
	request.stranger = !err && http_stranger(h, &request);
	if (!err && http_permit(h, &request, &a))
		err = answer_make(&h->source, &request, &a);
	if (err == -EINVAL || err == -E2BIG) {
		http_text(&a, 400,
			  err == -E2BIG ? "too many parameters\n" : "that is no path of ours\n");
		err = 0;
	}
	result = err ? MHD_NO : http_reply(h, connection, &request, &a);
	answer_deinit(&a);
	request_deinit(&request);
	return result;
}

/* Our own of a connection; NULL where memory lacked. */
static struct http_peer *http_peer_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* A request line has been read: keep its target as it came. It stays with the connection, since of
 * a request that the library refuses itself it doesn't always tell the end. */
static void *http_begin(void *arg, const char *target, struct MHD_Connection *connection)
{
	struct http_peer *peer = http_peer_of(connection);

	(void)arg;
	if (!peer)
		return NULL;
	free(peer->target);
	peer->target = strdup(target);
	peer->begun = false;
	return peer->target ? peer : NULL;
}

static void http_complete(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_RequestTerminationCode why)
{
	struct http_peer *peer = http_peer_of(connection);
	struct http *h = arg;

	*context = NULL;
	if (why == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED)
		h->counts.cut++;
	if (!peer)
		return;
	peer->since = h->source.now;
	free(peer->target);
	peer->target = NULL;
}

static enum MHD_Result http_accept(void *arg, const struct sockaddr *address, socklen_t len)
{
	struct http *h = arg;

	(void)address, (void)len;
	if (h->counts.connections < h->connections_max) {
		h->counts.accepted++;
		return MHD_YES;
	}
	h->counts.refused++;
	return MHD_NO;
}

static void http_connection(void *arg, struct MHD_Connection *connection, void **context,
			    enum MHD_ConnectionNotificationCode what)
{
	const union MHD_ConnectionInfo *info;
	struct http_peer *peer = *context;
	struct http *h = arg;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		h->counts.connections++;
		info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		peer = calloc(1, sizeof(*peer));
		if (!peer || !info) {
			free(peer);
			return; /* it goes unwatched, but for the library's own patience */
		}
		peer->connection = connection;
		peer->socket = info->connect_fd;
		peer->since = h->source.now;
		peer->next = h->peers;
		peer->link = &h->peers;
		if (peer->next)
			peer->next->link = &peer->next;
		h->peers = peer;
		*context = peer;
		return;
	}
	h->counts.connections--;
	if (!peer)
		return;
	*peer->link = peer->next;
	if (peer->next)
		peer->next->link = peer->link;
	free(peer->target);
	free(peer);
	*context = NULL;
}

/* What comes in is decoded by request_init(). */
static size_t http_unescape(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg, (void)connection;
	return strlen(text);
}

static void http_log(void *arg, const char *format, va_list args)
{
	char text[512];

	(void)arg;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("HTTP: %s", text);
}

/* As many connections as there may be descriptors for, beside those that are there already. */
static size_t http_connections_max(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) ||
	    files.rlim_cur > HTTP_CONNECTIONS_MAX + HTTP_FILES_OTHER)
		return HTTP_CONNECTIONS_MAX;
	return files.rlim_cur > 2 * HTTP_FILES_OTHER ? files.rlim_cur - HTTP_FILES_OTHER
						     : HTTP_FILES_OTHER;
}

int http_create(int socket, const struct answer_source *source, const char *certificate,
		const char *key, struct http **out)
{
	struct http *h = calloc(1, sizeof(*h));
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	int err = h ? followers_init(&h->source, HTTP_SESSIONS_MAX, &h->followers) : -ENOMEM;

	if (err) {
		free(h);
		return err;
	}
	if (certificate)
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	h->source = *source;
	h->connections_max = http_connections_max();
	h->daemon = MHD_start_daemon(
		flags, 0, http_accept, h, http_handle, h, MHD_OPTION_EXTERNAL_LOGGER, http_log, h,
		MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)h->connections_max + 16, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)HTTP_CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)HTTP_IDLE, MHD_OPTION_URI_LOG_CALLBACK, http_begin, h,
		MHD_OPTION_UNESCAPE_CALLBACK, http_unescape, h, MHD_OPTION_NOTIFY_COMPLETED,
		http_complete, h, MHD_OPTION_NOTIFY_CONNECTION, http_connection, h,
		MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (!h->daemon) {
		followers_deinit(&h->followers);
		free(h);
		return -EIO;
	}
	*out = h;
	return 0;
}

void http_destroy(struct http *h)
{
	if (!h)
		return;
	/* The library must not be stopped over one that is suspended. */
	followers_wake(&h->followers);
	MHD_run(h->daemon);
	followers_wake(&h->followers);
	MHD_stop_daemon(h->daemon);
	followers_deinit(&h->followers);
	access_destroy(h->access);
	free(h);
}

void http_set_access(struct http *h, struct access *access)
{
	access_destroy(h->access);
	h->access = access;
	h->swept = 0;
	followers_set_access(&h->followers, access);
}

void http_set_patience(struct http *h, uint64_t stale_after, uint64_t dead_after)
{
	h->source.stale_after = stale_after;
	h->source.dead_after = dead_after;
}

struct hub *http_hub(const struct http *h)
{
	return h->followers.hub;
}

int http_fd(const struct http *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info ? info->epoll_fd : -1;
}

int http_timeout(const struct http *h)
{
	uint64_t now = clock_read(CLOCK_MONOTONIC), expiry = hub_next_expiry(h->followers.hub);
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(h->daemon, &ms) != MHD_YES || ms > 1000)
		ms = 1000;
	if (expiry <= now)
		return 0;
	/* Not before that moment. */
	if ((expiry - now) / HTTP_MS < ms)
		ms = (expiry - now) / HTTP_MS + 1;
	return ms;
}

/* Whoever takes too long with its request is cut off; the library takes note by itself. */
static void http_sweep_peers(struct http *h)
{
	struct http_peer *peer;

	for (peer = h->peers; peer; peer = peer->next) {
		if (peer->since == HTTP_BUSY ||
		    h->source.now - peer->since < HTTP_PATIENCE * HTTP_SECOND)
			continue;
		peer->since = HTTP_BUSY;
		h->counts.cut++;
		shutdown(peer->socket, SHUT_RDWR);
	}
}

/* This process stood still for so long: that is held against nobody. */
static void http_excuse(struct http *h, uint64_t now, uint64_t ns)
{
	struct http_peer *peer;

	hub_excuse(h->followers.hub, now, ns);
	for (peer = h->peers; peer; peer = peer->next) {
		if (peer->since == HTTP_BUSY)
			continue;
		peer->since = peer->since + ns < now ? peer->since + ns : now;
		/* The library's own clock for it begins anew where there was no limit. */
		MHD_set_connection_option(peer->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
		MHD_set_connection_option(peer->connection, MHD_CONNECTION_OPTION_TIMEOUT,
					  (unsigned int)HTTP_IDLE);
	}
}

/* Look for those that are too slow, that have expired, or that were told nothing for long. */
static void http_sweep(struct http *h, uint64_t now)
{
	hub_sweep(h->followers.hub, now, HTTP_PATIENCE * HTTP_SECOND);
	followers_beat(&h->followers, now, HTTP_BEAT * HTTP_SECOND);
	http_sweep_peers(h);
	h->swept = now;
}

void http_run(struct http *h, uint64_t now)
{
	if (h->ran && now - h->ran > HTTP_STALL)
		http_excuse(h, now, now - h->ran);
	h->ran = now;
	h->source.now = now;
	if (now - h->swept >= HTTP_SWEEP)
		http_sweep(h, now);
	MHD_run(h->daemon);
}

const struct http_counts *http_counts(const struct http *h)
{
	return &h->counts;
}
