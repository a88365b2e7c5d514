/* SPDX-License-Identifier: MIT */
#include "outlet.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where more than this has waited, its memory is given back to the system once it is gone. */
#define OUTLET_MUCH (16 << 20)

/* What a line waits with. */
struct outlet_line {
	struct outlet_line *next;
	size_t len;
	char text[];
};

void outlet_init(struct outlet *o, int fd)
{
	*o = (struct outlet){ .fd = fd };
}

/* The first line has been taken, or is not to be. */
static void outlet_pop(struct outlet *o)
{
	struct outlet_line *line = o->first;

	o->bytes -= line->len;
	o->first = line->next;
	if (!o->first)
		o->last = NULL;
	o->taken = 0;
	free(line);
}

void outlet_deinit(struct outlet *o)
{
	if (!o)
		return;
	while (o->first)
		outlet_pop(o);
	o->fd = -1;
}

int outlet_flush(struct outlet *o)
{
	while (o->first) {
		ssize_t n = write(o->fd, o->first->text + o->taken, o->first->len - o->taken);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		o->taken += n;
		if (o->taken == o->first->len)
			outlet_pop(o);
	}
	if (o->most > OUTLET_MUCH)
		malloc_trim(0);
	o->most = 0;
	return 0;
}

int outlet_write(struct outlet *o, const char *text, size_t len, bool must)
{
	struct outlet_line *line = NULL;
	int err = outlet_flush(o);

	if (err)
		return err;
	if (o->bytes + len <= OUTLET_BYTES_MAX + (must ? OUTLET_BYTES_MORE : 0))
		line = malloc(sizeof(*line) + len);
	if (!line) {
		o->dropped++;
		return must ? -ENOBUFS : 0;
	}
	line->next = NULL;
	line->len = len;
	memcpy(line->text, text, len);
	if (o->last)
		o->last->next = line;
	else
		o->first = line;
	o->last = line;
	o->bytes += len;
	o->most = o->bytes > o->most ? o->bytes : o->most;
	/* What waited before it has been offered just now. */
	return o->first == line ? outlet_flush(o) : 0;
}

bool outlet_waits(const struct outlet *o)
{
	return o->first;
}
