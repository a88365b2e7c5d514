/* SPDX-License-Identifier: MIT */
#include "group.h"

#include <stdlib.h>
#include <string.h>

#include "deflate.h"

struct group *group_create(uint64_t sequence, uint64_t created, const char *frame, size_t len)
{
	struct group *g;

	if (len > SIZE_MAX - sizeof(*g) - 1)
		return NULL;
	g = malloc(sizeof(*g) + len + 1);
	if (!g)
		return NULL;
	g->sequence = sequence;
	g->created = created;
	g->holders = 1;
	g->delta = NULL;
	g->delta_from = 0;
	g->packed = NULL;
	g->packed_len = 0;
	g->unpackable = false;
	g->compressed = NULL;
	g->compressed_len = 0;
	g->len = len;
	if (len)
		memcpy(g->frame, frame, len);
	g->frame[len] = '\0';
	return g;
}

struct group *group_hold(struct group *g)
{
	g->holders++;
	return g;
}

int group_compress(struct group *g, const char **out, size_t *len)
{
	int err = g->compressed
			  ? 0
			  : deflate_frame(g->frame, g->len, &g->compressed, &g->compressed_len);

	if (err)
		return err;
	*out = g->compressed;
	*len = g->compressed_len;
	return 0;
}

void group_release(struct group *g)
{
	if (!g || --g->holders)
		return;
	group_release(g->delta);
	free(g->packed);
	free(g->compressed);
	free(g);
}
