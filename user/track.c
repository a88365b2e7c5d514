/* SPDX-License-Identifier: MIT */
#include "track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void track_init(struct track *t, const char *name)
{
	memset(t, 0, sizeof(*t));
	t->name = name;
}

void track_deinit(struct track *t)
{
	if (!t)
		return;
	free(t->last);
	memset(t, 0, sizeof(*t));
}

int track_write(struct track *t, const char *bytes, size_t len)
{
	char *last;

	if (t->last && t->last_len == len && memcmp(t->last, bytes, len) == 0)
		return 0;
	if (!t->last || t->last_size < len) {
		/* One more than needed: an empty frame must not ask for nothing. */
		last = realloc(t->last, len + 1);
		if (!last)
			return -ENOMEM;
		t->last = last;
		t->last_size = len + 1;
	}
	if (len > 0)
		memcpy(t->last, bytes, len);
	t->last_len = len;
	t->next_sequence++;
	return 1;
}
