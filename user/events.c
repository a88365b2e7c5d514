/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* So much memory is kept from one event to the next. */
#define EVENTS_KEEP (1 << 20)

/* Bytes that grow. */
struct events_text {
	char *data;
	size_t len, size;
};

struct events {
	events_take take;
	void *arg;
	struct events_text line; /* the one that isn't ended yet */
	struct events_text name, data;
	bool any;     /* there is data, if only an empty line */
	bool started; /* the first line is over, before which a byte-order mark may stand */
	bool cr;      /* the last line was ended by a CR: a LF next belongs to it */
};

int events_create(events_take take, void *arg, struct events **out)
{
	struct events *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->take = take;
	e->arg = arg;
	*out = e;
	return 0;
}

void events_destroy(struct events *e)
{
	if (!e)
		return;
	free(e->line.data);
	free(e->name.data);
	free(e->data.data);
	free(e);
}

/* Put bytes behind a text, which keeps a 0 behind them. */
static int events_add(struct events_text *t, const char *bytes, size_t len)
{
	size_t size = t->size ? t->size : 256;
	char *data;

	if (len > EVENTS_MAX - t->len)
		return -EMSGSIZE;
	while (size <= t->len + len)
		size *= 2;
	if (size > t->size) {
		data = realloc(t->data, size);
		if (!data)
			return -ENOMEM;
		t->data = data;
		t->size = size;
	}
	if (len)
		memcpy(t->data + t->len, bytes, len);
	t->len += len;
	t->data[t->len] = '\0';
	return 0;
}

/* Empty a text; what was large once needn't be again. */
static void events_clear(struct events_text *t)
{
	if (t->size > EVENTS_KEEP) {
		free(t->data);
		memset(t, 0, sizeof(*t));
	}
	t->len = 0;
}

/* An empty line: the event is whole. One without data is none. */
static int events_end(struct events *e)
{
	const struct event event = {
		.name = e->name.len ? e->name.data : "message",
		.data = e->data.data,
		.len = e->data.len,
	};
	int err = e->any ? e->take(e->arg, &event) : 0;

	e->name.len = 0;
	events_clear(&e->data);
	e->any = false;
	return err;
}

static int events_field(struct events *e, const char *name, size_t name_len, const char *value,
			size_t len)
{
	int err = 0;

	if (name_len == 5 && !memcmp(name, "event", 5)) {
		e->name.len = 0;
		/* Up to a 0, so that it is the text that it looks like. */
		return events_add(&e->name, value, strnlen(value, len));
	}
	/* Ids and the time to wait are for who resumes. */
	if (name_len != 4 || memcmp(name, "data", 4))
		return 0;
	if (e->any)
		err = events_add(&e->data, "\n", 1);
	e->any = true;
	return err ? err : events_add(&e->data, value, len);
}

static int events_line(struct events *e, const char *line, size_t len)
{
	const char *colon, *value;

	if (!e->started && len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
		line += 3;
		len -= 3;
	}
	e->started = true;
	if (!len)
		return events_end(e);
	colon = memchr(line, ':', len);
	if (colon == line)
		return 0; /* a comment */
	if (!colon)
		return events_field(e, line, len, "", 0);
	value = colon + 1;
	if (value < line + len && *value == ' ')
		value++;
	return events_field(e, line, colon - line, value, line + len - value);
}

/* The first byte that ends a line, or the end. */
static const char *events_find_end(const char *at, const char *end)
{
	const char *lf = memchr(at, '\n', end - at), *cr;

	if (!lf)
		lf = end;
	cr = memchr(at, '\r', lf - at);
	return cr ? cr : lf;
}

int events_read(struct events *e, const char *bytes, size_t len)
{
	const char *at = bytes, *end = bytes + len, *stop;
	int err = 0;

	while (at < end && !err) {
		if (e->cr && *at == '\n') {
			e->cr = false;
			at++;
			continue;
		}
		e->cr = false;
		stop = events_find_end(at, end);
		/* A line that comes in one piece isn't copied. */
		if (stop == end || e->line.len)
			err = events_add(&e->line, at, stop - at);
		if (err || stop == end)
			break;
		if (e->line.len)
			err = events_line(e, e->line.data, e->line.len);
		else
			err = events_line(e, at, stop - at);
		events_clear(&e->line);
		e->cr = *stop == '\r';
		at = stop + 1;
	}
	return err;
}

size_t events_held(const struct events *e)
{
	return e->line.size + e->name.size + e->data.size;
}
