/* SPDX-License-Identifier: MIT */
#include "relay_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

struct relay_http {
	CURL *curl;
	CURLU *url;
	char *base; /* the URL's own path */
	char *name;
	char *body;
	size_t len, room;
	char error[CURL_ERROR_SIZE];
};

static size_t relay_http_take(char *data, size_t size, size_t n, void *arg)
{
	struct relay_http *h = arg;
	size_t len = size * n, room;
	char *grown;

	if (len > RELAY_HTTP_MAX - h->len)
		return 0;
	if (h->len + len + 1 > h->room) {
		room = 2 * (h->len + len + 1);
		grown = realloc(h->body, room);
		if (!grown)
			return 0;
		h->body = grown;
		h->room = room;
	}
	memcpy(h->body + h->len, data, len);
	h->len += len;
	h->body[h->len] = '\0';
	return len;
}

/* The parts of the URL; its name is what messages and reports may show. */
static int relay_http_url(struct relay_http *h, const char *url)
{
	char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL;
	bool good;

	h->url = curl_url();
	if (!h->url)
		return -ENOMEM;
	good = !curl_url_set(h->url, CURLUPART_URL, url, 0) &&
	       !curl_url_get(h->url, CURLUPART_SCHEME, &scheme, 0) &&
	       (!strcmp(scheme, "http") || !strcmp(scheme, "https")) &&
	       !curl_url_get(h->url, CURLUPART_HOST, &host, 0) &&
	       !curl_url_get(h->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
	       !curl_url_get(h->url, CURLUPART_PATH, &path, 0);
	if (good && asprintf(&h->name, "%s://%s:%s", scheme, host, port) < 0)
		h->name = NULL;
	if (good)
		h->base = strdup(path);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(path);
	if (!good) {
		log_error("--relay-url: give the relay's HTTP address, http://127.0.0.1:4443 say: "
			  "that of its --web-http-listen or --web-https-listen");
		return -EINVAL;
	}
	if (!h->name || !h->base)
		return -ENOMEM;
	if (*h->base && h->base[strlen(h->base) - 1] == '/')
		h->base[strlen(h->base) - 1] = '\0';
	return 0;
}

static int relay_http_setup(struct relay_http *h, const struct relay_http_options *options)
{
	CURLcode bad;

	h->curl = curl_easy_init();
	if (!h->curl)
		return -ENOMEM;
	if (options->cacert && access(options->cacert, R_OK)) {
		log_error("--cacert %s: cannot be read: %s", options->cacert, strerror(errno));
		return -EINVAL;
	}
	bad = curl_easy_setopt(h->curl, CURLOPT_CURLU, h->url);
	bad = bad ? bad : curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	/* No proxy knows this machine's loopback. */
	bad = bad ? bad : curl_easy_setopt(h->curl, CURLOPT_PROXY, "");
	bad = bad ? bad : curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	bad = bad ? bad : curl_easy_setopt(h->curl, CURLOPT_TIMEOUT, (long)RELAY_HTTP_SECONDS);
	bad = bad ? bad : curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->error);
	bad = bad ? bad : curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, relay_http_take);
	bad = bad ? bad : curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, h);
	bad = bad ? bad : curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "moqstat/" MOQSTAT_VERSION);
	if (options->insecure) {
		bad = bad ? bad : curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYPEER, 0L);
		bad = bad ? bad : curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (options->cacert)
		bad = bad ? bad : curl_easy_setopt(h->curl, CURLOPT_CAINFO, options->cacert);
	return bad ? -ENOMEM : 0;
}

int relay_http_create(const struct relay_http_options *options, struct relay_http **out)
{
	struct relay_http *h;
	int err;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	h = calloc(1, sizeof(*h));
	err = h ? relay_http_url(h, options->url) : -ENOMEM;
	if (!err)
		err = relay_http_setup(h, options);
	if (err) {
		relay_http_destroy(h);
		return err;
	}
	*out = h;
	return 0;
}

void relay_http_destroy(struct relay_http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	curl_url_cleanup(h->url);
	free(h->base);
	free(h->name);
	free(h->body);
	free(h);
	curl_global_cleanup();
}

const char *relay_http_name(const struct relay_http *h)
{
	return h->name;
}

const char *relay_http_error(const struct relay_http *h)
{
	return h->error;
}

const char *relay_http_body(const struct relay_http *h, size_t *len)
{
	*len = h->len;
	return h->len ? h->body : "";
}

/* A path in a URL: all but what is plain is escaped, and slashes stay. */
static char *relay_http_path(const struct relay_http *h, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";
	char *text = malloc(strlen(h->base) + 3 * strlen(path) + 1), *at = text;

	if (!text)
		return NULL;
	at += sprintf(at, "%s", h->base);
	for (; *path; path++) {
		if (strchr(plain, *path))
			*at++ = *path;
		else
			at += sprintf(at, "%%%02X", (unsigned char)*path);
	}
	*at = '\0';
	return text;
}

int relay_http_get(struct relay_http *h, const char *path, long *status)
{
	char *text = relay_http_path(h, path);
	CURLcode bad;

	h->len = 0;
	snprintf(h->error, sizeof(h->error), "no memory");
	if (!text)
		return -EIO;
	bad = curl_url_set(h->url, CURLUPART_PATH, text, 0) ? CURLE_URL_MALFORMAT
							    : curl_easy_perform(h->curl);
	free(text);
	if (bad) {
		if (!*h->error || bad == CURLE_URL_MALFORMAT)
			snprintf(h->error, sizeof(h->error), "%s", curl_easy_strerror(bad));
		return -EIO;
	}
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, status);
	return 0;
}

/* The node of a line of the announced, relative to the prefix; NULL where it is something else. */
static const char *relay_http_line_node(const char *line)
{
	if (!strcmp(line, "node"))
		return "";
	return strncmp(line, "node/", 5) ? NULL : line + 5;
}

static int relay_http_announced(struct relay_http *h, const char *prefix)
{
	char *path;
	long status = 0;
	int err;

	if (asprintf(&path, "/announced/%s", prefix) < 0)
		return -ENOMEM;
	err = relay_http_get(h, path, &status);
	free(path);
	if (err) {
		log_error("%s doesn't answer: %s. Give the address of the relay's "
			  "--web-http-listen (or --web-https-listen: with --cacert FILE or "
			  "--insecure), or leave out --relay-url",
			  h->name, h->error);
		return err;
	}
	if (status == 401 || status == 403) {
		log_error("%s lets nobody read %s (HTTP %ld): put a token of the relay's behind "
			  "the URL, as ?jwt=TOKEN",
			  h->name, prefix, status);
		return -EACCES;
	}
	if (status != 200) {
		log_error("%s answers with HTTP %ld where a relay lists its broadcasts: is it a "
			  "moq-relay's HTTP address?",
			  h->name, status);
		return -EIO;
	}
	return 0;
}

/* Is a line the statistics of one group of paths, "red/node/sjc", of the node wanted or of any? */
static bool relay_http_line_grouped(const char *line, const char *wanted)
{
	const char *at = relay_http_line_node(line) ? NULL : strstr(line, "/node"), *node;

	for (; at; at = strstr(at + 1, "/node")) {
		node = relay_http_line_node(at + 1);
		if (node && (!wanted || !strcmp(node, wanted)))
			return true;
	}
	return false;
}

/* Look through what is announced, for `wanted` or for any. *found is how many there are; *grouped
 * is set if there are statistics that are but a part of a relay's. */
static int relay_http_nodes(struct relay_http *h, const char *wanted, size_t *found, bool *grouped,
			    char **out)
{
	char *line, *rest = NULL;

	*found = 0;
	for (line = h->len ? strtok_r(h->body, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		const char *node = relay_http_line_node(line);

		*grouped |= relay_http_line_grouped(line, wanted);
		if (!node || (wanted && strcmp(node, wanted)))
			continue;
		free(*out);
		*out = strdup(node);
		if (!*out)
			return -ENOMEM;
		++*found;
	}
	return 0;
}

int relay_http_node(struct relay_http *h, const char *prefix, const char *wanted, char **out)
{
	bool grouped = false;
	char *node = NULL;
	size_t found = 0;
	int err = relay_http_announced(h, prefix);

	if (!err)
		err = relay_http_nodes(h, wanted, &found, &grouped, &node);
	if (!err && grouped) {
		log_error(
			"%s announces statistics of single groups of paths under %s: a relay "
			"with --stats-depth, which isn't compared. Start it with --stats-depth 0, "
			"say by --node which is this relay's if that is another one's, or leave "
			"out --relay-url to compare with what is open by the relay's memory",
			h->name, prefix);
		err = -ENOTSUP;
	} else if (!err && !found) {
		log_error(
			"%s announces no statistics under %s%s: they are off, or have another "
			"name (--prefix, --node: the relay's --stats-prefix, --stats-node). "
			"Leave out --relay-url to compare with what is open by the relay's memory",
			h->name, prefix, wanted ? " of that node" : "");
		err = -ENOENT;
	} else if (!err && found > 1) {
		log_error("%s announces the statistics of %zu nodes: say which is this relay's, "
			  "its --stats-node, by --node",
			  h->name, found);
		err = -E2BIG;
	}
	if (err) {
		free(node);
		return err;
	}
	*out = node;
	return 0;
}
