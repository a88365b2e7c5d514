/* SPDX-License-Identifier: MIT */
#include "uplinks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "access.h"
#include "clock.h"
#include "log.h"
#include "lookup.h"

#define UPLINKS_BLANKS " \t"

/* What may be in a token: that of a URL's query, so nothing has to be escaped. */
#define UPLINKS_TOKEN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

int uplinks_token(const char *text, const char *name, char **out)
{
	size_t len = strcspn(text, "\r\n"), rest = strspn(text + len, "\r\n \t");
	char *token;

	if (!len || text[len + rest] || strspn(text, UPLINKS_TOKEN) != len) {
		log_error(
			"%s: give one token in it, as the relay's issuer has made it, in one line",
			name);
		return -EINVAL;
	}
	token = strndup(text, len);
	if (!token)
		return -ENOMEM;
	*out = token;
	return 0;
}

/* The token of the file; NULL where there is none to be. */
static int uplinks_read(const struct uplinks_options *o, char **out)
{
	char *text;
	int err;

	*out = NULL;
	if (!o->token_file)
		return 0;
	err = access_slurp(o->token_file, o->owner, &text);
	if (err)
		return err;
	err = uplinks_token(text, o->token_file, out);
	access_wipe(text);
	return err;
}

/* Hand each URL to `take`. */
static int uplinks_each(const struct uplinks_options *o, int (*take)(const char *url, void *arg),
			void *arg)
{
	char *urls = o->urls ? strdup(o->urls) : NULL, *rest = NULL, *url;
	size_t n = 0;
	int err = o->urls && !urls ? -ENOMEM : 0;

	for (url = urls ? strtok_r(urls, UPLINKS_BLANKS, &rest) : NULL; url && !err;
	     url = strtok_r(NULL, UPLINKS_BLANKS, &rest)) {
		err = n++ < UPLINKS_MAX ? take(url, arg) : -E2BIG;
		if (err == -E2BIG)
			log_error("--publish: at most %d relays", UPLINKS_MAX);
	}
	if (!err && o->urls && !n) {
		log_error("--publish: give the URL of a relay's WebSocket, "
			  "ws://127.0.0.1:4443/.stats say");
		err = -EINVAL;
	}
	access_wipe(urls);
	return err;
}

/* Those that were seen so far. */
struct uplinks_seen {
	char *names[UPLINKS_MAX];
	size_t len;
};

static int uplinks_check_url(const char *url, void *arg)
{
	struct uplinks_seen *seen = arg;
	struct uplink_url parts;
	size_t i;
	int err = uplink_url_parse(url, &parts);

	if (err)
		return err;
	for (i = 0; i < seen->len && strcmp(seen->names[i], parts.name); i++)
		;
	if (i < seen->len) {
		log_error("--publish: %s is there twice", parts.name);
		err = -EINVAL;
	} else {
		seen->names[seen->len++] = parts.name;
		parts.name = NULL;
	}
	uplink_url_deinit(&parts);
	return err;
}

int uplinks_check(const struct uplinks_options *o)
{
	struct uplinks_seen seen = { 0 };
	char *token = NULL;
	int err = uplinks_each(o, uplinks_check_url, &seen);

	while (seen.len)
		free(seen.names[--seen.len]);
	if (!err)
		err = uplinks_read(o, &token);
	access_wipe(token);
	if (!err && o->cacert && access(o->cacert, R_OK)) {
		err = -errno;
		log_error("--cacert %s: cannot be read: %s", o->cacert, strerror(-err));
	}
	return err;
}

struct uplinks_making {
	const struct uplinks_options *options;
	const struct board *board;
	const char *token;
	struct uplinks *all;
};

static int uplinks_make(const char *url, void *arg)
{
	struct uplinks_making *m = arg;
	const struct uplink_options options = { .url = url,
						.token = m->token,
						.cacert = m->options->cacert,
						.stands = !m->options->no_standing };
	int err = uplink_create(&options, m->board, &m->all->list[m->all->len]);

	m->all->len += !err;
	return err;
}

int uplinks_init(const struct uplinks_options *o, const struct board *board, struct uplinks *out)
{
	struct uplinks_making making = { .options = o, .board = board, .all = out };
	char *token = NULL;
	int err;

	memset(out, 0, sizeof(*out));
	err = uplinks_read(o, &token);
	making.token = token;
	if (!err && o->urls)
		lookup_prepare();
	if (!err)
		err = uplinks_each(o, uplinks_make, &making);
	access_wipe(token);
	return err;
}

void uplinks_deinit(struct uplinks *all)
{
	size_t i;

	for (i = 0; i < all->len; i++)
		uplink_destroy(all->list[i]);
	all->len = 0;
}

int uplinks_set_token(struct uplinks *all, const char *token)
{
	size_t i;
	int err = 0;

	for (i = 0; i < all->len && !err; i++)
		err = uplink_set_token(all->list[i], token);
	return err;
}

int uplinks_poll(const struct uplinks *all, struct pollfd fds[UPLINKS_MAX], int timeout)
{
	size_t i;

	for (i = 0; i < all->len; i++) {
		int one = uplink_poll(all->list[i], &fds[i]);

		timeout = one < timeout ? one : timeout;
	}
	return timeout;
}

void uplinks_run(struct uplinks *all, uint64_t now)
{
	size_t i;

	for (i = 0; i < all->len; i++)
		uplink_run(all->list[i], now);
}

static bool uplinks_closed(const struct uplinks *all)
{
	size_t i;

	for (i = 0; i < all->len && uplink_closed(all->list[i]); i++)
		;
	return i == all->len;
}

void uplinks_close(struct uplinks *all, int timeout)
{
	uint64_t now = clock_read(CLOCK_MONOTONIC), end = now + timeout * UINT64_C(1000000);
	struct pollfd fds[UPLINKS_MAX];
	size_t i;

	for (i = 0; i < all->len; i++)
		uplink_close(all->list[i]);
	while (!uplinks_closed(all) && now < end) {
		timeout = uplinks_poll(all, fds, (end - now) / 1000000 + 1);
		poll(fds, all->len, timeout);
		now = clock_read(CLOCK_MONOTONIC);
		uplinks_run(all, now);
	}
}

json_t *uplinks_json(const struct uplinks *all)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; list && i < all->len; i++) {
		if (json_array_append_new(list, uplink_json(all->list[i]))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}
