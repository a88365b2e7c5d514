/* SPDX-License-Identifier: MIT */
#include "exposition.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Digits of the largest u64. */
#define EXPOSITION_DIGITS 20

#define NS_PER_SECOND	  UINT64_C(1000000000)

const char *const exposition_types[] = {
	[EXPOSITION_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
	[EXPOSITION_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

void exposition_begin(struct exposition *e, enum exposition_format format, struct frame_buf *buf)
{
	*e = (struct exposition){ .format = format, .buf = buf };
	buf->len = 0;
}

/* Room for `len` more bytes and a NUL, or NULL. */
static char *exposition_room(struct exposition *e, size_t len)
{
	struct frame_buf *buf = e->buf;
	size_t size;
	char *data;

	if (e->err)
		return NULL;
	if (buf->size - buf->len <= len) {
		size = 2 * buf->size + len + 4096;
		data = realloc(buf->data, size);
		if (!data) {
			e->err = -ENOMEM;
			return NULL;
		}
		buf->data = data;
		buf->size = size;
	}
	return buf->data + buf->len;
}

static void exposition_put(struct exposition *e, const char *text, size_t len)
{
	char *at = exposition_room(e, len);

	if (!at)
		return;
	memcpy(at, text, len);
	e->buf->len += len;
}

static void exposition_puts(struct exposition *e, const char *text)
{
	exposition_put(e, text, strlen(text));
}

static void exposition_number(struct exposition *e, uint64_t n)
{
	char digits[EXPOSITION_DIGITS], *at = digits + sizeof(digits);

	do {
		*--at = '0' + n % 10;
		n /= 10;
	} while (n);
	exposition_put(e, at, digits + sizeof(digits) - at);
}

/* Exact, without zeros that say nothing but for one behind the point. */
static void exposition_put_seconds(struct exposition *e, uint64_t ns)
{
	uint64_t rest = ns % NS_PER_SECOND;
	char digits[10] = ".";
	size_t i;

	exposition_number(e, ns / NS_PER_SECOND);
	for (i = 9; i > 0; i--) {
		digits[i] = '0' + rest % 10;
		rest /= 10;
	}
	for (i = sizeof(digits); i > 2 && digits[i - 1] == '0'; i--)
		;
	exposition_put(e, digits, i);
}

/* What the samples of a kind have behind the family's name. */
static const char *exposition_suffix(enum exposition_kind kind)
{
	return kind == EXPOSITION_COUNTER ? "_total" : kind == EXPOSITION_INFO ? "_info" : "";
}

static void exposition_meta(struct exposition *e, const char *what, const char *value)
{
	exposition_puts(e, "# ");
	exposition_puts(e, what);
	exposition_puts(e, " ");
	exposition_puts(e, e->family->name);
	if (e->format == EXPOSITION_TEXT)
		exposition_puts(e, exposition_suffix(e->family->kind));
	exposition_puts(e, " ");
	exposition_puts(e, value);
	exposition_puts(e, "\n");
}

static void exposition_begin_family(struct exposition *e)
{
	static const char *const kinds[] = { "counter", "gauge", "histogram", "info" };
	bool open = e->format == EXPOSITION_OPENMETRICS;

	exposition_meta(e, "HELP", e->family->help);
	exposition_meta(e, "TYPE",
			e->family->kind == EXPOSITION_INFO && !open ? "gauge"
								    : kinds[e->family->kind]);
	if (open && e->family->unit)
		exposition_meta(e, "UNIT", e->family->unit);
	e->begun = true;
}

void exposition_family(struct exposition *e, const struct exposition_family *family)
{
	e->family = family;
	e->begun = false;
}

/* A sample up to its value. */
static void exposition_name(struct exposition *e, const char *suffix,
			    const struct exposition_label *labels, size_t n)
{
	size_t i;

	if (!e->begun)
		exposition_begin_family(e);
	exposition_puts(e, e->family->name);
	exposition_puts(e, suffix);
	for (i = 0; i < n; i++) {
		exposition_puts(e, i ? "," : "{");
		exposition_puts(e, labels[i].name);
		exposition_puts(e, "=\"");
		exposition_put(e, labels[i].value, labels[i].value_len);
		exposition_puts(e, "\"");
	}
	exposition_puts(e, n ? "} " : " ");
}

void exposition_sample(struct exposition *e, const struct exposition_label *labels, size_t n,
		       uint64_t value)
{
	exposition_name(e, exposition_suffix(e->family->kind), labels, n);
	exposition_number(e, value);
	exposition_puts(e, "\n");
}

void exposition_seconds(struct exposition *e, const struct exposition_label *labels, size_t n,
			uint64_t ns)
{
	exposition_name(e, exposition_suffix(e->family->kind), labels, n);
	exposition_put_seconds(e, ns);
	exposition_puts(e, "\n");
}

void exposition_histogram(struct exposition *e, const struct histogram *h)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		count += h->counts[i];
		exposition_name(e, "_bucket", NULL, 0);
		if (e->err)
			return;
		e->buf->len--; /* the space: there is a label, which is a number */
		exposition_puts(e, "{le=\"");
		if (i < HISTOGRAM_BOUNDS)
			exposition_put_seconds(e, histogram_bounds[i]);
		else
			exposition_puts(e, "+Inf");
		exposition_puts(e, "\"} ");
		exposition_number(e, count);
		exposition_puts(e, "\n");
	}
	exposition_name(e, "_sum", NULL, 0);
	exposition_put_seconds(e, h->sum);
	exposition_puts(e, "\n");
	exposition_name(e, "_count", NULL, 0);
	exposition_number(e, count);
	exposition_puts(e, "\n");
}

int exposition_end(struct exposition *e)
{
	char *end;

	if (e->format == EXPOSITION_OPENMETRICS)
		exposition_puts(e, "# EOF\n");
	end = exposition_room(e, 0);
	if (end)
		*end = '\0';
	return e->err;
}

size_t exposition_escape(const char *text, size_t len, char *out)
{
	char *at = out;
	size_t i;

	for (i = 0; i < len; i++) {
		switch (text[i]) {
		case '\\':
		case '"':
			*at++ = '\\';
			*at++ = text[i];
			break;
		case '\n':
			*at++ = '\\';
			*at++ = 'n';
			break;
		default:
			*at++ = text[i];
		}
	}
	return at - out;
}
