/* SPDX-License-Identifier: MIT */
#include "uplink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "access.h"
#include "log.h"

/* What would have to be escaped where the name is shown is in no URL. */
static bool uplink_url_plain(const char *url)
{
	size_t i;

	for (i = 0; url[i] > ' ' && url[i] <= '~' && url[i] != '"' && url[i] != '\\'; i++)
		;
	return i && !url[i];
}

/* Names that a relay's address may have in a certificate and in a request. */
static int uplink_url_names(struct uplink_url *u, const char *host, const char *path,
			    const char *query)
{
	bool own_port = u->port == (u->tls ? 443 : 80);
	size_t len = strlen(host);

	/* [::1] is an address, too. */
	u->host = *host == '[' ? strndup(host + 1, len - 2) : strdup(host);
	if (asprintf(&u->name, "%s://%s:%d%s", u->tls ? "wss" : "ws", host, u->port, path) < 0)
		u->name = NULL;
	if (own_port)
		u->header = strdup(host);
	else if (asprintf(&u->header, "%s:%d", host, u->port) < 0)
		u->header = NULL;
	if (asprintf(&u->target, "%s%s%s", path, query ? "?" : "", query ? query : "") < 0)
		u->target = NULL;
	return u->host && u->name && u->header && u->target ? 0 : -ENOMEM;
}

int uplink_url_parse(const char *url, struct uplink_url *out)
{
	char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL, *query = NULL, *root = NULL,
	     *user = NULL;
	struct uplink_url u = { 0 };
	CURLU *parts = curl_url();
	int err = parts ? -EINVAL : -ENOMEM;

	if (parts && uplink_url_plain(url) &&
	    !curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) &&
	    !curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) &&
	    (!strcmp(scheme, "ws") || !strcmp(scheme, "wss")) &&
	    !curl_url_get(parts, CURLUPART_HOST, &host, 0) && *host &&
	    curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
	    !curl_url_get(parts, CURLUPART_PATH, &path, 0) &&
	    !curl_url_get(parts, CURLUPART_PATH, &root, CURLU_URLDECODE)) {
		curl_url_get(parts, CURLUPART_QUERY, &query, 0);
		curl_url_get(parts, CURLUPART_PORT, &port, 0);
		u.tls = scheme[2] == 's';
		u.port = port ? atoi(port) : u.tls ? 443 : 80;
		u.root = strdup(root);
		err = uplink_url_names(&u, host, path, query);
		if (!err && !u.root)
			err = -ENOMEM;
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_free(query);
	curl_free(root);
	curl_free(user);
	curl_url_cleanup(parts);
	/* A password is shown to nobody. */
	if (err == -EINVAL)
		log_error("--publish: `%.*s` is no URL of a relay's WebSocket: give "
			  "ws://HOST:PORT/PATH, ws://127.0.0.1:4443/.stats say, or wss://",
			  strchr(url, '@') ? 0 : (int)strcspn(url, "?"), url);
	if (err)
		uplink_url_deinit(&u);
	else
		*out = u;
	return err;
}

void uplink_url_deinit(struct uplink_url *u)
{
	if (!u)
		return;
	free(u->name);
	free(u->host);
	free(u->header);
	access_wipe(u->target);
	free(u->root);
	memset(u, 0, sizeof(*u));
}
