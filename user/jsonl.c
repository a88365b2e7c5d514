/* SPDX-License-Identifier: MIT */
#include "jsonl.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "frame.h"

/* More than all of a line's own punctuation, member names and the sequence. */
#define JSONL_OVERHEAD 128

/* How long a reader that stalls is waited for once the run is to stop. */
#define JSONL_STOP_MS 2000

void jsonl_init(struct jsonl *j, int fd)
{
	memset(j, 0, sizeof(*j));
	j->fd = fd;
	jsonl_stop_on(j, -1, -1);
}

void jsonl_stop_on(struct jsonl *j, int stop_fd, int other_fd)
{
	j->stop_fds[0] = stop_fd;
	j->stop_fds[1] = other_fd;
}

void jsonl_deinit(struct jsonl *j)
{
	if (!j)
		return;
	free(j->line);
	j->line = NULL;
	j->line_size = 0;
}

static bool jsonl_stops(const struct jsonl *j)
{
	return j->stop_fds[0] >= 0 || j->stop_fds[1] >= 0;
}

/* Wait until something can be written; -ECANCELED where nobody reads and we are asked to stop. */
static int jsonl_wait(const struct jsonl *j)
{
	struct pollfd fds[] = { { .fd = j->fd, .events = POLLOUT },
				{ .fd = j->stop_fds[0], .events = POLLIN },
				{ .fd = j->stop_fds[1], .events = POLLIN } };
	int n;

	for (;;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents)
			return 0;
		if (!fds[1].revents && !fds[2].revents)
			continue;
		n = poll(fds, 1, JSONL_STOP_MS);
		if (n >= 0 || errno != EINTR)
			return n > 0 ? 0 : -ECANCELED;
	}
}

/* One write() that may take a part: bytes taken, or -errno. */
static ssize_t jsonl_write_some(const struct jsonl *j, const struct iovec *parts, int len)
{
	struct pollfd pfd = { .fd = j->fd, .events = POLLOUT };
	struct iovec first = parts[0];
	int fd = j->fd, err, i;
	size_t all = 0;
	ssize_t n;

	for (i = 0; i < len; i++)
		all += parts[i].iov_len;
	/* What poll() lets through is sure not to block only up to this size. */
	if (jsonl_stops(j) && all > PIPE_BUF) {
		first.iov_len = first.iov_len > PIPE_BUF ? PIPE_BUF : first.iov_len;
		parts = &first;
		len = 1;
	}
	for (;;) {
		err = jsonl_stops(j) ? jsonl_wait(j) : 0;
		if (err)
			return err;
		n = writev(fd, parts, len);
		if (n > 0)
			return n;
		if (n == 0)
			return -EIO;
		/* stdout is non-blocking where someone who shares it made it so. */
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (errno == EAGAIN && !jsonl_stops(j))
			poll(&pfd, 1, -1);
	}
}

/* Write a line that lies in parts. */
static int jsonl_write_parts(struct jsonl *j, struct iovec *parts, int len)
{
	bool begun = false;
	ssize_t n;

	while (len) {
		if (!parts->iov_len) {
			parts++;
			len--;
			continue;
		}
		n = jsonl_write_some(j, parts, len);
		if (n < 0) {
			if (begun)
				j->torn = (int)n;
			j->failed = (int)n;
			return (int)n;
		}
		begun = true;
		for (; len && (size_t)n >= parts->iov_len; parts++, len--)
			n -= (ssize_t)parts->iov_len;
		if (len) {
			parts->iov_base = (char *)parts->iov_base + n;
			parts->iov_len -= (size_t)n;
		}
	}
	return 0;
}

int jsonl_write_line(struct jsonl *j, const char *line, size_t len)
{
	struct iovec part = { (char *)line, len };
	int err;

	if (j->torn)
		return j->torn;
	err = j->also ? j->also(j->also_arg, line, len) : 0;
	if (err) {
		j->failed = err;
		return err;
	}
	return j->fd < 0 ? 0 : jsonl_write_parts(j, &part, 1);
}

static int jsonl_reserve(struct jsonl *j, size_t size)
{
	char *line;

	if (size <= j->line_size)
		return 0;
	line = realloc(j->line, size);
	if (!line)
		return -ENOMEM;
	j->line = line;
	j->line_size = size;
	return 0;
}

/* Write head, body and the brace that closes head's object. Only for someone else is the line put
 * together: a frame may be large. */
static int jsonl_write_object(struct jsonl *j, size_t head_len, const char *body, size_t body_len)
{
	struct iovec parts[] = { { j->line, head_len }, { (char *)body, body_len }, { "}\n", 2 } };
	int err;

	if (!j->also)
		return j->torn ? j->torn : j->fd < 0 ? 0 : jsonl_write_parts(j, parts, 3);
	err = jsonl_reserve(j, head_len + body_len + 2);
	if (err)
		return err;
	memcpy(j->line + head_len, body, body_len);
	memcpy(j->line + head_len + body_len, "}\n", 2);
	return jsonl_write_line(j, j->line, head_len + body_len + 2);
}

int jsonl_write_frame(struct jsonl *j, const char *broadcast, const char *track, uint64_t sequence,
		      const char *frame, size_t frame_len)
{
	const struct jsonl_broadcast b = { .name = broadcast, .len = strlen(broadcast) };

	return jsonl_write_frame_of(j, &b, track, sequence, frame, frame_len);
}

/* The members that tell which broadcast it is: `"broadcast":…` and perhaps `,"relay":…`. */
static int jsonl_names(const struct jsonl_broadcast *b, char **out)
{
	char *name, *relay = NULL;
	size_t len;
	int err = frame_quote(b->name, b->len, &name, &len);

	if (err)
		return err;
	if (b->relay)
		err = frame_quote(b->relay, strlen(b->relay), &relay, &len);
	if (!err && asprintf(out, "\"broadcast\":%s%s%s", name, relay ? ",\"relay\":" : "",
			     relay ? relay : "") < 0)
		err = -ENOMEM;
	free(relay);
	free(name);
	return err;
}

int jsonl_write_frame_of(struct jsonl *j, const struct jsonl_broadcast *b, const char *track,
			 uint64_t sequence, const char *frame, size_t frame_len)
{
	char *names, *track_json = NULL;
	size_t track_len;
	int err, n;

	err = jsonl_names(b, &names);
	if (err)
		return err;
	err = frame_quote(track, strlen(track), &track_json, &track_len);
	if (!err)
		err = jsonl_reserve(j, JSONL_OVERHEAD + strlen(names) + track_len);
	if (!err) {
		n = snprintf(j->line, j->line_size,
			     "{%s,\"track\":%s,\"sequence\":%" PRIu64 ",\"frame\":", names,
			     track_json, sequence);
		err = jsonl_write_object(j, (size_t)n, frame, frame_len);
	}
	free(track_json);
	free(names);
	return err;
}

int jsonl_write_end(struct jsonl *j, const struct jsonl_broadcast *b)
{
	char *names, *line;
	int err = jsonl_names(b, &names), len;

	if (err)
		return err;
	len = asprintf(&line, "{\"ended\":{%s}}\n", names);
	free(names);
	if (len < 0)
		return -ENOMEM;
	err = jsonl_write_line(j, line, len);
	free(line);
	return err;
}

/* One object under a name. */
static int jsonl_write_named(struct jsonl *j, const char *head, const char *json, size_t len)
{
	size_t head_len = strlen(head);
	int err = jsonl_reserve(j, JSONL_OVERHEAD);

	if (err)
		return err;
	memcpy(j->line, head, head_len);
	return jsonl_write_object(j, head_len, json, len);
}

int jsonl_write_status(struct jsonl *j, const char *json, size_t len)
{
	return jsonl_write_named(j, "{\"moqstat\":", json, len);
}

int jsonl_write_health(struct jsonl *j, const char *json, size_t len)
{
	int fd = j->fd, err;

	if (!j->also)
		return 0;
	j->fd = -1;
	err = jsonl_write_named(j, "{\"health\":", json, len);
	j->fd = fd;
	return err;
}

void jsonl_also(struct jsonl *j, int (*also)(void *arg, const char *line, size_t len), void *arg)
{
	j->also = also;
	j->also_arg = arg;
}
