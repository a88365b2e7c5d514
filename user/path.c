/* SPDX-License-Identifier: MIT */
#include "path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t path_normalize(const char *in, size_t len, char *out)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		/* A slash counts only between two segments, and the next one is not known yet. */
		if (in[i] == '/')
			continue;
		if (n > 0 && in[i - 1] == '/')
			out[n++] = '/';
		out[n++] = in[i];
	}
	return n;
}

bool path_has_prefix(const char *path, size_t path_len, const char *prefix, size_t prefix_len)
{
	if (prefix_len == 0)
		return true;
	if (path_len < prefix_len || memcmp(path, prefix, prefix_len) != 0)
		return false;
	return path_len == prefix_len || path[prefix_len] == '/';
}

int path_advertised(const char *prefix, const char *node, char **out)
{
	size_t len;

	return path_advertised_group(prefix, "", 0, node, out, &len);
}

int path_advertised_group(const char *prefix, const char *group, size_t len, const char *node,
			  char **out, size_t *out_len)
{
	char *text, *at;
	size_t size;

	if (!node)
		node = "";
	size = strlen(prefix) + len + strlen("//node/") + strlen(node) + 1;
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	at = stpcpy(stpcpy(text, prefix), "/");
	/* It may hold any byte. */
	if (len)
		at = mempcpy(at, group, len);
	at = stpcpy(stpcpy(at, "/node/"), node);
	*out_len = path_normalize(text, (size_t)(at - text), text);
	text[*out_len] = '\0';
	*out = text;
	return 0;
}

size_t path_head(const char *path, size_t len, unsigned int segments)
{
	size_t i;

	if (!segments)
		return 0;
	for (i = 0; i < len; i++) {
		if (path[i] == '/' && !--segments)
			return i;
	}
	return len;
}

int path_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	int order = len ? memcmp(a, b, len) : 0;

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

const char *path_below(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (!path_has_prefix(path, strlen(path), prefix, len))
		return NULL;
	return path + len + (len && path[len] == '/');
}
