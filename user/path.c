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
	size_t size;
	char *text;
	int len;

	if (!node)
		node = "";
	size = strlen(prefix) + strlen("/node/") + strlen(node) + 1;
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	len = snprintf(text, size, "%s/node/%s", prefix, node);
	text[path_normalize(text, (size_t)len, text)] = '\0';
	*out = text;
	return 0;
}
