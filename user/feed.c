/* SPDX-License-Identifier: MIT */
#include "feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rows.h"
#include "utf8.h"

#define FEED_READ (256 << 10)

struct feed {
	int fd;
	char *data;
	size_t size, len; /* of data */
	size_t at;	  /* the next line's beginning */
	size_t seen;	  /* up to here there is no line's end */
	uint64_t lines;
	char *broadcast, *relay, *track; /* of the line given last */
};

int feed_create(int fd, struct feed **out)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->fd = fd;
	*out = f;
	return 0;
}

void feed_destroy(struct feed *f)
{
	if (!f)
		return;
	free(f->broadcast);
	free(f->relay);
	free(f->track);
	free(f->data);
	free(f);
}

/* Room to read into: what has been given is let go first. */
static int feed_reserve(struct feed *f)
{
	size_t size = f->size;
	char *data;

	if (f->at) {
		f->len -= f->at;
		f->seen -= f->at;
		memmove(f->data, f->data + f->at, f->len);
		f->at = 0;
	}
	if (f->len > FEED_LINE_MAX)
		return -EMSGSIZE;
	if (size - f->len >= FEED_READ)
		return 0;
	size = 2 * size + FEED_READ;
	data = realloc(f->data, size);
	if (!data)
		return -ENOMEM;
	f->data = data;
	f->size = size;
	return 0;
}

int feed_fill(struct feed *f)
{
	int err = feed_reserve(f);
	ssize_t n;

	if (err)
		return err;
	n = read(f->fd, f->data + f->len, f->size - f->len);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	f->len += n;
	return n ? 0 : -ENODATA;
}

/* Over a fixed text; false where there is another. */
static bool feed_skip(const char **at, const char *end, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(end - *at) < len || memcmp(*at, text, len))
		return false;
	*at += len;
	return true;
}

/* With U+FFFD in place of each 0, which no text ends with here. *text is another one then. */
static int feed_fill_holes(char **text, size_t *len)
{
	static const char hole[] = { '\xef', '\xbf', '\xbd' };
	size_t holes = 0, i;
	char *filled, *at;

	for (i = 0; i < *len; i++)
		holes += !(*text)[i];
	if (!holes)
		return 0;
	filled = malloc(*len + holes * (sizeof(hole) - 1) + 1);
	if (!filled)
		return -ENOMEM;
	for (i = 0, at = filled; i < *len; i++) {
		if ((*text)[i]) {
			*at++ = (*text)[i];
		} else {
			memcpy(at, hole, sizeof(hole));
			at += sizeof(hole);
		}
	}
	free(*text);
	*text = filled;
	*len = at - filled;
	return 0;
}

/* Over a JSON string: what it stands for, into *out. */
static int feed_string(const char **at, const char *end, char **out)
{
	const char *from = *at, *p = from;
	char *text;
	size_t len;
	int err;

	if (p == end || *p++ != '"')
		return -EBADMSG;
	while (p < end && *p != '"')
		p += *p == '\\' ? 2 : 1;
	/* In JSON a 0 is escaped. */
	if (p >= end || memchr(from, '\0', p - from))
		return -EBADMSG;
	*at = ++p;
	text = malloc(p - from);
	if (!text)
		return -ENOMEM;
	len = rows_unquote(from, p - from, text);
	err = feed_fill_holes(&text, &len);
	text[len] = '\0';
	if (!err && !utf8_valid(text, len))
		err = -EBADMSG;
	if (err) {
		free(text);
		return err;
	}
	free(*out);
	*out = text;
	return 0;
}

static int feed_number(const char **at, const char *end, uint64_t *out)
{
	const char *p = *at;
	uint64_t n = 0;

	for (; p < end && *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *p - '0', &n))
			return -EBADMSG;
	}
	if (p == *at)
		return -EBADMSG;
	*at = p;
	*out = n;
	return 0;
}

/* The object that a line ends with, before its own last brace. */
static int feed_object(const char *at, const char *end, struct feed_line *out)
{
	if (end - at < 3 || *at != '{' || end[-1] != '}' || end[-2] != '}')
		return -EBADMSG;
	out->json = at;
	out->len = end - 1 - at;
	return 0;
}

/* Over a broadcast, and its relay's where that is named. */
static int feed_names(struct feed *f, const char **at, const char *end, struct feed_line *out)
{
	int err = feed_string(at, end, &f->broadcast);

	out->broadcast = f->broadcast;
	if (err || !feed_skip(at, end, ",\"relay\":"))
		return err;
	err = feed_string(at, end, &f->relay);
	out->relay = f->relay;
	return err;
}

static int feed_end(struct feed *f, const char *at, const char *end, struct feed_line *out)
{
	int err = feed_names(f, &at, end, out);

	out->kind = FEED_END;
	return err ? err : end - at == 2 && !memcmp(at, "}}", 2) ? 0 : -EBADMSG;
}

static int feed_frame(struct feed *f, const char *at, const char *end, struct feed_line *out)
{
	int err = feed_names(f, &at, end, out);

	if (!err && !feed_skip(&at, end, ",\"track\":"))
		err = -EBADMSG;
	if (!err)
		err = feed_string(&at, end, &f->track);
	if (!err && !feed_skip(&at, end, ",\"sequence\":"))
		err = -EBADMSG;
	if (!err)
		err = feed_number(&at, end, &out->sequence);
	if (!err && !feed_skip(&at, end, ",\"frame\":"))
		err = -EBADMSG;
	if (err)
		return err;
	out->kind = FEED_FRAME;
	out->track = f->track;
	return feed_object(at, end, out);
}

static int feed_parse(struct feed *f, const char *at, const char *end, struct feed_line *out)
{
	if (feed_skip(&at, end, "{\"broadcast\":"))
		return feed_frame(f, at, end, out);
	if (feed_skip(&at, end, "{\"ended\":{\"broadcast\":"))
		return feed_end(f, at, end, out);
	if (feed_skip(&at, end, "{\"moqstat\":"))
		out->kind = FEED_STATUS;
	else if (feed_skip(&at, end, "{\"health\":"))
		out->kind = FEED_HEALTH;
	else if (feed_skip(&at, end, "{\"tokens\":"))
		out->kind = FEED_TOKENS;
	else if (feed_skip(&at, end, "{\"limits\":"))
		out->kind = FEED_LIMITS;
	else
		return -EBADMSG;
	return feed_object(at, end, out);
}

int feed_next(struct feed *f, struct feed_line *out)
{
	struct feed_line line = { 0 };
	char *end = f->len > f->seen ? memchr(f->data + f->seen, '\n', f->len - f->seen) : NULL;
	int err;

	f->seen = end ? (size_t)(end + 1 - f->data) : f->len;
	if (!end)
		return 0;
	f->lines++;
	err = feed_parse(f, f->data + f->at, end, &line);
	f->at = f->seen;
	if (err)
		return err;
	*out = line;
	return 1;
}

uint64_t feed_lines(const struct feed *f)
{
	return f->lines;
}

bool feed_torn(const struct feed *f)
{
	return f->len > f->at;
}
