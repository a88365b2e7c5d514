/* SPDX-License-Identifier: MIT */
#include "uplink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "access.h"
#include "log.h"
#include "lookup.h"
#include "publication.h"
#include "websocket.h"

/* While the board changes all the time it is looked at so often: with many broadcasts each look
 * takes its time. */
#define UPLINK_LOOK_MS 20

/* An address that is looked for is asked for so often. */
#define UPLINK_LOOKUP_MS 50

#define UPLINK_MS	 UINT64_C(1000000)

/* How a token is shown to a relay. */
#define UPLINK_TOKEN "jwt="

struct uplink {
	struct uplink_url url;
	char *target; /* the URL's with the token */
	const struct board *board;
	struct websocket *socket;
	struct lookup *lookup;	     /* while an address is looked for */
	unsigned int address;	     /* which one of the host's is next */
	unsigned int addresses;	     /* how many have not been tried this time */
	struct publication *session; /* once the relay has let us in */
	bool stands;
	bool agreed;		  /* and has answered the setup */
	bool stopping, finished;  /* no further session is begun; and this one is being closed */
	uint64_t changes, looked; /* of the board, when it was looked at last, and when that was */
	uint64_t now, begun;	  /* begun: when the session was agreed on */
	uint64_t next;		  /* when to try again */
	uint64_t pause;		  /* before that; 0: none yet */
	char problem[320];
	struct uplink_facts facts;
};

static const char *const uplink_states[] = {
	[UPLINK_DOWN] = "down",
	[UPLINK_CONNECTING] = "connecting",
	[UPLINK_UNASKED] = "unasked",
	[UPLINK_PUBLISHING] = "publishing",
};

const char *uplink_state_name(enum uplink_state state)
{
	return uplink_states[state];
}

/* What has been counted in the session so far is the uplink's from its end on. */
static void uplink_settle(struct uplink *u)
{
	const struct publication_counts *c;

	if (!u->session)
		return;
	c = publication_counts(u->session);
	u->facts.groups += c->groups;
	u->facts.bytes += c->bytes;
	u->facts.skipped += c->skipped;
	u->facts.refused += c->refused;
	publication_destroy(u->session);
	u->session = NULL;
}

/* A part of the pause is left to chance, so that those who lost a relay at once don't come back at
 * once. */
static uint64_t uplink_pause(struct uplink *u)
{
	uint32_t chance = 0;

	if (u->agreed && u->now - u->begun >= UPLINK_HELD)
		u->pause = 0;
	u->pause = u->pause ? u->pause * 2 : UPLINK_AGAIN_FIRST;
	if (u->pause > UPLINK_AGAIN_MOST)
		u->pause = UPLINK_AGAIN_MOST;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = 0;
	return u->pause / 2 + u->pause / 2 * (chance % 1024) / 1024;
}

/* It is over; `why` may be of a stranger's words. */
static void uplink_fail(struct uplink *u, const char *why)
{
	char problem[sizeof(u->problem)];
	uint64_t pause;
	size_t i;

	snprintf(problem, sizeof(problem), "%s", why);
	for (i = 0; problem[i]; i++) {
		if (problem[i] < ' ' || problem[i] > '~')
			problem[i] = '?';
	}
	uplink_settle(u);
	lookup_destroy(u->lookup);
	u->lookup = NULL;
	u->facts.failures++;
	u->facts.state = UPLINK_DOWN;
	if (u->addresses) { /* the host has another address */
		u->next = u->now;
		return;
	}
	pause = uplink_pause(u);
	u->next = u->now + pause;
	if (u->agreed || strcmp(problem, u->problem))
		log_warn("publishing at %s: %s; trying again", u->url.name, problem);
	else
		log_debug("publishing at %s: %s; trying again in %lu ms", u->url.name, problem,
			  (unsigned long)(pause / 1000000));
	u->agreed = false;
	memcpy(u->problem, problem, sizeof(problem));
	u->facts.problem = u->problem;
}

static void uplink_opened(void *arg)
{
	struct uplink *u = arg;

	u->addresses = 0;
	if (publication_create(u->board, u->url.root, u->stands, u->now, &u->session)) {
		websocket_close(u->socket);
		uplink_fail(u, "no memory");
		return;
	}
	websocket_write(u->socket);
}

/* Has the relay been told of nothing, though there is something? */
static void uplink_look_astray(struct uplink *u)
{
	bool told = publication_counts(u->session)->broadcasts;
	size_t i;

	for (i = 0; i < u->board->len && !board_announced(u->board->list[i]); i++)
		;
	if (told && u->facts.problem) {
		u->facts.problem = NULL;
		*u->problem = '\0';
	} else if (!told && i < u->board->len && !u->facts.problem) {
		snprintf(u->problem, sizeof(u->problem),
			 "none of the stats broadcasts is under the URL's path and what the relay "
			 "lets us publish there");
		u->facts.problem = u->problem;
		log_warn("publishing at %s: %s: %s is one", u->url.name, u->problem,
			 u->board->list[i]->name);
	}
}

/* What the session has come to. */
static void uplink_look(struct uplink *u)
{
	enum publication_state state = publication_state(u->session);

	if (state != PUBLICATION_SETUP && !u->agreed) {
		u->agreed = true;
		u->begun = u->now;
		u->facts.connects++;
		u->facts.state = UPLINK_UNASKED;
	}
	if (state == PUBLICATION_OPEN && u->facts.state != UPLINK_PUBLISHING) {
		u->facts.state = UPLINK_PUBLISHING;
		u->facts.problem = NULL;
		*u->problem = '\0';
		log_info("publishing at %s", u->url.name);
	}
	if (state == PUBLICATION_OPEN)
		uplink_look_astray(u);
	if (publication_waits(u->session))
		websocket_write(u->socket);
}

/* Go on with the session. */
static int uplink_go_on(struct uplink *u)
{
	if (u->changes != u->board->changes) {
		if (u->now - u->looked < UPLINK_LOOK_MS * UPLINK_MS)
			return 0;
		u->changes = u->board->changes;
		u->looked = u->now;
	}
	return publication_run(u->session, u->now);
}

static int uplink_take(void *arg, const void *message, size_t len)
{
	struct uplink *u = arg;
	int err = u->session ? publication_take(u->session, message, len, u->now) : -EPROTO;

	if (!err)
		err = uplink_go_on(u);
	if (!err)
		uplink_look(u);
	return err;
}

static size_t uplink_next(void *arg, uint8_t *out, size_t size)
{
	struct uplink *u = arg;

	return u->session && size >= PUBLICATION_MESSAGE_MAX ? publication_next(u->session, out)
							     : 0;
}

/* HTTP's answers that have a cause which is the same with every relay. */
static const char *uplink_refusal(unsigned int status)
{
	switch (status) {
	case 401:
	case 403:
		return "the relay lets nobody in without a token that holds for this path: give "
		       "one with --publish-token-file";
	case 404:
		return "the relay has no WebSocket at this path: give the path under which stats "
		       "are published, ws://HOST:PORT/.stats say";
	default:
		return "the relay refuses a WebSocket there: is it the address of its --web-http-listen "
		       "or --web-https-listen?";
	}
}

static void uplink_ended(void *arg, unsigned int status, const char *why)
{
	struct uplink *u = arg;
	const char *error = u->session ? publication_error(u->session) : "";
	char text[256];

	/* 101 is that we are let in. */
	if (status && status != 101)
		snprintf(text, sizeof(text), "%s (HTTP status %u)", uplink_refusal(status), status);
	else
		snprintf(text, sizeof(text), "%s", *error ? error : *why ? why : "no memory");
	uplink_fail(u, text);
}

int uplink_create(const struct uplink_options *o, const struct board *board, struct uplink **out)
{
	struct uplink *u = calloc(1, sizeof(*u));
	const struct websocket_owner owner = { .arg = u,
					       .opened = uplink_opened,
					       .take = uplink_take,
					       .next = uplink_next,
					       .ended = uplink_ended };
	struct websocket_options options = { .subprotocol = WIRE_SUBPROTOCOL,
					     .cacert = o->cacert,
					     .message_max = PUBLICATION_MESSAGE_MAX };
	int err = u ? uplink_url_parse(o->url, &u->url) : -ENOMEM;

	if (!err)
		err = uplink_set_token(u, o->token);
	if (!err) {
		u->stands = o->stands;
		u->board = board;
		u->facts.name = u->url.name;
		options.tls = u->url.tls;
		err = websocket_create(&options, &owner, &u->socket);
		if (err == -EIO)
			log_error("cannot publish at %s: libwebsockets refuses%s%s; --verbose "
				  "shows its reasons",
				  u->url.name, o->cacert ? " the certificates of " : "",
				  o->cacert ? o->cacert : "");
	}
	if (err) {
		uplink_destroy(u);
		return err;
	}
	*out = u;
	return 0;
}

void uplink_destroy(struct uplink *u)
{
	if (!u)
		return;
	websocket_destroy(u->socket);
	publication_destroy(u->session);
	lookup_destroy(u->lookup);
	uplink_url_deinit(&u->url);
	access_wipe(u->target);
	free(u);
}

int uplink_set_token(struct uplink *u, const char *token)
{
	char *target;

	if (asprintf(&target, "%s%s%s%s", u->url.target,
		     !token			  ? ""
		     : strchr(u->url.target, '?') ? "&"
						  : "?",
		     token ? UPLINK_TOKEN : "", token ? token : "") < 0)
		return -ENOMEM;
	access_wipe(u->target);
	u->target = target;
	return 0;
}

/* An address to connect to, as soon as one is known. */
static void uplink_connect(struct uplink *u)
{
	char address[LOOKUP_ADDRESS_MAX], text[256];
	const char *why;
	unsigned int count;
	int err = lookup_address(u->lookup, u->address, address, &count, &why);

	if (err == -EAGAIN)
		return;
	if (err) {
		u->addresses = 0;
		snprintf(text, sizeof(text), "the address of %s can't be found: %s", u->url.host,
			 why);
		uplink_fail(u, text);
		return;
	}
	lookup_destroy(u->lookup);
	u->lookup = NULL;
	u->address++;
	u->addresses = (u->addresses ? u->addresses : count) - 1;
	websocket_open(u->socket, address, u->url.port, u->url.header, u->target);
}

static void uplink_begin(struct uplink *u)
{
	int err = lookup_create(u->url.host, &u->lookup);

	u->facts.state = UPLINK_CONNECTING;
	if (err)
		uplink_fail(u, strerror(-err));
	else
		uplink_connect(u);
}

int uplink_poll(const struct uplink *u, struct pollfd *out)
{
	int timeout = websocket_poll(u->socket, out);

	if (u->lookup && timeout > UPLINK_LOOKUP_MS)
		timeout = UPLINK_LOOKUP_MS;
	if (u->session && u->changes != u->board->changes && timeout > UPLINK_LOOK_MS)
		timeout = UPLINK_LOOK_MS;
	return timeout;
}

/* The session's end, once all has been sent. */
static void uplink_finish(struct uplink *u)
{
	/* Whatever came last is to be sent, too. */
	if (u->session && !publication_run(u->session, u->now) && publication_waits(u->session)) {
		websocket_write(u->socket);
		return;
	}
	if (!u->session || publication_close(u->session))
		websocket_close(u->socket);
	else
		websocket_finish(u->socket);
	u->finished = true;
}

void uplink_run(struct uplink *u, uint64_t now)
{
	u->now = now;
	websocket_run(u->socket);
	if (u->lookup)
		uplink_connect(u);
	if (u->session && !u->finished && uplink_go_on(u)) {
		websocket_close(u->socket);
		uplink_ended(u, 0, "");
	}
	if (u->session)
		uplink_look(u);
	if (u->stopping && !u->finished)
		uplink_finish(u);
	else if (u->facts.state == UPLINK_DOWN && !u->stopping && now >= u->next)
		uplink_begin(u);
}

void uplink_close(struct uplink *u)
{
	u->stopping = true;
	uplink_run(u, u->now);
}

bool uplink_closed(const struct uplink *u)
{
	return !websocket_busy(u->socket);
}

void uplink_tell(const struct uplink *u, struct uplink_facts *out)
{
	const struct publication_counts *c;

	*out = u->facts;
	if (!u->session)
		return;
	c = publication_counts(u->session);
	out->broadcasts = c->broadcasts;
	out->subscriptions = c->subscriptions;
	out->groups += c->groups;
	out->bytes += c->bytes;
	out->skipped += c->skipped;
	out->refused += c->refused;
}

json_t *uplink_json(const struct uplink *u)
{
	struct uplink_facts f;

	uplink_tell(u, &f);
	return json_pack("{s:s, s:s, s:s?, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "url", f.name,
			 "state", uplink_state_name(f.state), "problem", f.problem, "connects",
			 (json_int_t)f.connects, "failures", (json_int_t)f.failures, "broadcasts",
			 (json_int_t)f.broadcasts, "subscriptions", (json_int_t)f.subscriptions,
			 "groups", (json_int_t)f.groups, "bytes", (json_int_t)f.bytes, "skipped",
			 (json_int_t)f.skipped, "refused", (json_int_t)f.refused);
}
