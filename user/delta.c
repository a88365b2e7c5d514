/* SPDX-License-Identifier: MIT */
#include "delta.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

#define DELTA_SET  "{\"set\":{"
#define DELTA_GONE "},\"gone\":["
#define DELTA_END  "]}"

/* Two frames, side by side. */
struct delta {
	struct rows before, now;
	struct row old, new;
	int has_old, has_new; /* 1, 0 at the end, or -errno */
};

static void delta_put(struct frame_buf *buf, const char *text, size_t len)
{
	memcpy(buf->data + buf->len, text, len);
	buf->len += len;
}

static void delta_put_comma(struct frame_buf *buf, bool *first)
{
	if (!*first)
		delta_put(buf, ",", 1);
	*first = false;
}

static void delta_begin(struct delta *d, struct rows before, struct rows now)
{
	d->before = before;
	d->now = now;
	d->has_old = rows_next(&d->before, &d->old);
	d->has_new = rows_next(&d->now, &d->new);
}

/* Which row comes next: < 0 the old frame's, > 0 the new one's, 0 both have it. */
static int delta_order(const struct delta *d)
{
	if (d->has_old <= 0 || d->has_new <= 0)
		return d->has_new > 0 ? 1 : -1;
	return rows_compare(&d->old, &d->new);
}

static void delta_advance(struct delta *d, int order)
{
	if (order <= 0)
		d->has_old = rows_next(&d->before, &d->old);
	if (order >= 0)
		d->has_new = rows_next(&d->now, &d->new);
}

static bool delta_goes_on(const struct delta *d)
{
	return d->has_old >= 0 && d->has_new >= 0 && (d->has_old || d->has_new);
}

/* Rows that are new or other, or else the keys of those that have gone. */
static int delta_pass(struct delta *d, bool gone, struct frame_buf *buf)
{
	bool first = true;

	while (delta_goes_on(d)) {
		int order = delta_order(d);

		if (gone && order < 0) {
			delta_put_comma(buf, &first);
			delta_put(buf, d->old.key, d->old.key_len);
		} else if (!gone && order >= 0 &&
			   (order || d->old.value_len != d->new.value_len ||
			    memcmp(d->old.value, d->new.value, d->new.value_len))) {
			delta_put_comma(buf, &first);
			delta_put(buf, d->new.key, d->new.key_len);
			delta_put(buf, ":", 1);
			delta_put(buf, d->new.value, d->new.value_len);
		}
		delta_advance(d, order);
	}
	return d->has_old < 0 || d->has_new < 0 ? -EBADMSG : 0;
}

int delta_build(const char *before, size_t before_len, const char *now, size_t now_len,
		struct frame_buf *buf)
{
	size_t need = strlen(DELTA_SET DELTA_GONE DELTA_END) + before_len + now_len + 1;
	struct delta d;
	char *data;
	int err;

	if (need > buf->size) {
		data = realloc(buf->data, need);
		if (!data)
			return -ENOMEM;
		buf->data = data;
		buf->size = need;
	}
	buf->len = 0;
	delta_put(buf, DELTA_SET, strlen(DELTA_SET));
	delta_begin(&d, rows_begin(before, before_len), rows_begin(now, now_len));
	err = delta_pass(&d, false, buf);
	delta_put(buf, DELTA_GONE, strlen(DELTA_GONE));
	delta_begin(&d, rows_begin(before, before_len), rows_begin(now, now_len));
	if (!err)
		err = delta_pass(&d, true, buf);
	delta_put(buf, DELTA_END, strlen(DELTA_END));
	buf->data[buf->len] = '\0';
	return err;
}
