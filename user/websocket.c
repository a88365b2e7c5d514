/* SPDX-License-Identifier: MIT */
#include "websocket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#include "log.h"

/* While it connects the library doesn't say what it waits for; and its own timers. */
#define WEBSOCKET_STEP_MS 20
#define WEBSOCKET_TICK_MS 1000

/* The library's events, its timer and the connection, and one more while another one ends. */
#define WEBSOCKET_FILES 16

struct websocket {
	struct websocket_owner owner;
	bool tls;
	size_t message_max;
	const char *subprotocol;
	struct lws_protocols protocols[2];
	struct lws_context *context;
	struct lws *connection;
	bool open;    /* the server has let us in */
	bool waits;   /* next() is to be called */
	bool closing; /* by us */
	bool closed;  /* so we have said */
	bool over;    /* so was the owner told */
	uint8_t *message;
	size_t len; /* of a message that comes in */
	uint8_t *out;
};

static const lws_retry_bo_t websocket_life = {
	.secs_since_valid_ping = WEBSOCKET_PING,
	.secs_since_valid_hangup = WEBSOCKET_SILENCE,
};

/* The library's lines end with a newline. */
static void websocket_log(int level, const char *line)
{
	log_debug("libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
	(void)level;
}

/* Over: once, whatever the library makes of it. */
static void websocket_end(struct websocket *w, const char *why)
{
	unsigned int status = 0;

	if (!w->connection)
		return;
	if (!w->open)
		status = lws_http_client_http_response(w->connection);
	lws_set_wsi_user(w->connection, NULL);
	w->connection = NULL;
	w->open = w->waits = false;
	w->over = true;
	w->len = 0;
	if (!w->closing)
		w->owner.ended(w->owner.arg, status, why);
}

/* A part of a message. */
static int websocket_take(struct websocket *w, struct lws *wsi, const void *part, size_t len)
{
	if (!lws_frame_is_binary(wsi) || len > WEBSOCKET_MESSAGE_MAX - w->len) {
		websocket_end(w, "the server sent what is no message of its protocol");
		return -1;
	}
	if (len)
		memcpy(w->message + w->len, part, len);
	w->len += len;
	if (lws_remaining_packet_payload(wsi) || !lws_is_final_fragment(wsi))
		return 0;
	len = w->len;
	w->len = 0;
	if (!w->owner.take(w->owner.arg, w->message, len))
		return 0;
	/* The owner knows why. */
	websocket_end(w, "");
	return -1;
}

static int websocket_give(struct websocket *w, struct lws *wsi)
{
	size_t len = w->owner.next(w->owner.arg, w->out + LWS_PRE, w->message_max);

	w->waits = false;
	if (!len && w->closing && !w->closed) {
		w->closed = true;
		lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
		return -1;
	}
	if (!len)
		return 0;
	if (lws_write(wsi, w->out + LWS_PRE, len, LWS_WRITE_BINARY) < (int)len) {
		websocket_end(w, "a message could not be sent");
		return -1;
	}
	websocket_write(w);
	return 0;
}

static int websocket_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			   size_t len)
{
	struct websocket *w = user;

	if (!w || w->connection != wsi)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		w->open = true;
		w->owner.opened(w->owner.arg);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return websocket_take(w, wsi, in, len);
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return websocket_give(w, wsi);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		websocket_end(w, in ? in : "no connection");
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		websocket_end(w, "the connection was lost");
		return 0;
	default:
		return 0;
	}
}

int websocket_create(const struct websocket_options *o, const struct websocket_owner *owner,
		     struct websocket **out)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.gid = -1,
		.uid = -1,
		.fd_limit_per_thread = WEBSOCKET_FILES,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
	};
	struct websocket *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return err;
	w->owner = *owner;
	w->tls = o->tls;
	w->subprotocol = o->subprotocol;
	w->message_max = o->message_max;
	w->message = malloc(WEBSOCKET_MESSAGE_MAX);
	w->out = malloc(LWS_PRE + o->message_max);
	w->protocols[0] = (struct lws_protocols){ .name = o->subprotocol,
						  .callback = websocket_event,
						  .rx_buffer_size = o->message_max };
	lws_set_log_level(LLL_ERR | LLL_WARN, websocket_log);
	if (w->message && w->out) {
		w->context = lws_create_context(&info);
		err = w->context ? 0 : -EIO;
	}
	if (!err) {
		info.protocols = w->protocols;
		info.vhost_name = "moqstat";
		info.http_proxy_address = ""; /* else one of the environment's */
		info.client_ssl_ca_filepath = o->cacert;
		if (o->tls)
			info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		err = lws_create_vhost(w->context, &info) ? 0 : -EIO;
	}
	if (err) {
		websocket_destroy(w);
		return err;
	}
	*out = w;
	return 0;
}

void websocket_destroy(struct websocket *w)
{
	if (!w)
		return;
	w->closing = true;
	if (w->context)
		lws_context_destroy(w->context);
	free(w->message);
	free(w->out);
	free(w);
}

void websocket_open(struct websocket *w, const char *address, int port, const char *host,
		    const char *target)
{
	struct lws_client_connect_info info = {
		.context = w->context,
		.address = address,
		.port = port,
		.host = host,
		.path = target,
		.protocol = w->subprotocol,
		.alpn = "http/1.1",
		.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (w->tls ? LCCSCF_USE_SSL : 0),
		.userdata = w,
		.pwsi = &w->connection,
		.retry_and_idle_policy = &websocket_life,
	};

	w->closing = w->closed = w->over = false;
	/* Where it fails at once the library may have said so already, by an event, or may not. */
	if (lws_client_connect_via_info(&info) || w->over)
		return;
	w->connection = NULL;
	w->owner.ended(w->owner.arg, 0, "no connection");
}

void websocket_close(struct websocket *w)
{
	if (!w->connection)
		return;
	w->closing = true;
	lws_set_timeout(w->connection, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
}

void websocket_finish(struct websocket *w)
{
	if (!w->open) {
		websocket_close(w);
		return;
	}
	w->closing = true;
	websocket_write(w);
}

bool websocket_busy(const struct websocket *w)
{
	return w->connection;
}

void websocket_write(struct websocket *w)
{
	if (!w->connection || !w->open || w->waits)
		return;
	w->waits = true;
	lws_callback_on_writable(w->connection);
}

int websocket_poll(const struct websocket *w, struct pollfd *out)
{
	*out = (struct pollfd){ .fd = -1 };
	if (!w->connection)
		return WEBSOCKET_TICK_MS;
	if (!w->open)
		return WEBSOCKET_STEP_MS;
	out->fd = lws_get_socket_fd(w->connection);
	out->events = POLLIN;
	if (w->waits || lws_partial_buffered(w->connection))
		out->events |= POLLOUT;
	return WEBSOCKET_TICK_MS;
}

void websocket_run(struct websocket *w)
{
	/* Below 0: as poll() with 0. */
	lws_service(w->context, -1);
}
