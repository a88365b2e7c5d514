/* SPDX-License-Identifier: MIT */
#include "printable.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "utf8.h"

/* Characters that have a width and yet aren't shown as they are: blank ones, those written from
 * right to left, which terminals may reorder whole lines for, those that no font has, and those
 * that only change how another one looks. */
static const struct {
	uint32_t from, to;
} printable_odd[] = {
	{ 0x80, 0xa0 },	      { 0xad, 0xad },	    { 0x300, 0x36f },	  { 0x590, 0x8ff },
	{ 0x115f, 0x1160 },   { 0x1680, 0x1680 },   { 0x17b4, 0x17b5 },	  { 0x180b, 0x180f },
	{ 0x2000, 0x200f },   { 0x2028, 0x202f },   { 0x205f, 0x206f },	  { 0x2800, 0x2800 },
	{ 0x3000, 0x3000 },   { 0x3164, 0x3164 },   { 0xd800, 0xf8ff },	  { 0xfb1d, 0xfdff },
	{ 0xfe00, 0xfe0f },   { 0xfe20, 0xfe2f },   { 0xfe70, 0xfeff },	  { 0xffa0, 0xffa0 },
	{ 0xfff0, 0xffff },   { 0x10800, 0x10fff }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
	{ 0x1e800, 0x1efff }, { 0x1f1e6, 0x1f1ff }, { 0x1f3fb, 0x1f3ff }, { 0xe0000, 0x10ffff },
};

bool printable_unicode(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

void printable_clear(struct printable *p)
{
	p->len = p->width = 0;
	p->failed = false;
	if (p->data)
		*p->data = '\0';
}

/* Put `len` bytes that take `width` columns. */
static void printable_add(struct printable *p, const char *bytes, size_t len, size_t width)
{
	size_t size = p->size ? p->size : 128;
	char *data;

	while (size <= p->len + len)
		size *= 2;
	if (size > p->size) {
		data = realloc(p->data, size);
		if (!data) {
			p->failed = true;
			return;
		}
		p->data = data;
		p->size = size;
	}
	memcpy(p->data + p->len, bytes, len);
	p->len += len;
	p->data[p->len] = '\0';
	p->width += width;
}

/* Bytes of the character that begins here: those that begin none count by themselves. */
static size_t printable_columns(const char *text, size_t len)
{
	size_t i, width = 0;

	for (i = 0; i < len; i++)
		width += ((unsigned char)text[i] & 0xc0) != 0x80;
	return width;
}

void printable_put(struct printable *p, const char *text)
{
	size_t len = strlen(text);

	printable_add(p, text, len, printable_columns(text, len));
}

void printable_format(struct printable *p, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printable_put(p, text);
}

void printable_pad(struct printable *p, size_t width)
{
	while (p->width < width && !p->failed)
		printable_add(p, " ", 1, 1);
}

/* The character at the beginning of `len` bytes, and its length; 0 where there is none. */
static size_t printable_decode(const char *bytes, size_t len, uint32_t *out)
{
	unsigned char c = (unsigned char)*bytes;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4, i;

	if (n > len || !utf8_valid(bytes, n))
		return 0;
	*out = n == 1 ? c : c & (0xff >> (n + 1));
	for (i = 1; i < n; i++)
		*out = *out << 6 | ((unsigned char)bytes[i] & 0x3f);
	return n;
}

static bool printable_is_odd(uint32_t c)
{
	size_t i;

	for (i = 0; i < sizeof(printable_odd) / sizeof(printable_odd[0]); i++) {
		if (c >= printable_odd[i].from && c <= printable_odd[i].to)
			return true;
	}
	return false;
}

/* The columns that a character takes as it is; 0 where it must not be shown so. */
static size_t printable_width(uint32_t c, bool solid)
{
	int width;

	if (c < 0x80)
		return c > ' ' && c < 0x7f && c != '\\' ? 1 : c == ' ' && !solid;
	if (printable_is_odd(c))
		return 0;
	width = wcwidth((wchar_t)c);
	return width > 0 ? width : 0;
}

/* Where the text has to end for a sign of what is missing, and what would be the text then. */
struct printable_mark {
	size_t len, width;
};

void printable_name(struct printable *p, const char *bytes, size_t len, size_t width, bool solid)
{
	const char *sign = printable_unicode() ? "…" : "~";
	size_t begin = p->width, i, n, columns;
	struct printable_mark fits = { p->len, p->width };
	char text[16];
	uint32_t c;

	for (i = 0; i < len && !p->failed; i += n) {
		n = printable_decode(bytes + i, len - i, &c);
		columns = n ? printable_width(c, solid) : 0;
		if (columns) {
			memcpy(text, bytes + i, n);
			text[n] = '\0';
		} else {
			columns = n && c == '\\' ? sprintf(text, "\\\\")
				  : n		 ? sprintf(text, "\\u{%x}", c)
				      : sprintf(text, "\\x%02x", (unsigned char)bytes[i]);
			n = n ? n : 1;
		}
		if (p->width - begin + columns > width)
			break;
		printable_add(p, text, strlen(text), columns);
		if (p->width - begin < width)
			fits = (struct printable_mark){ p->len, p->width };
	}
	if (i >= len || !width || p->failed)
		return;
	p->len = fits.len;
	p->width = fits.width;
	printable_put(p, sign);
}

/* The columns that a character which was put takes. */
static size_t printable_shown(uint32_t c)
{
	return c >= 0x80 && wcwidth((wchar_t)c) > 1 ? 2 : 1;
}

/* How much of a text `width` columns hold; *taken gets those that it takes. */
static size_t printable_fit(const char *text, size_t len, size_t width, size_t *taken)
{
	size_t i, n, columns;
	uint32_t c = 0;

	*taken = 0;
	for (i = 0; i < len; i += n) {
		n = printable_decode(text + i, len - i, &c);
		columns = printable_shown(c);
		if (!n || *taken + columns > width)
			break;
		*taken += columns;
	}
	return i;
}

void printable_cut(struct printable *p, size_t width)
{
	if (p->width <= width || p->failed)
		return;
	p->len = printable_fit(p->data, p->len, width, &p->width);
	p->data[p->len] = '\0';
}

size_t printable_piece(struct printable *p, const char *text, size_t len, size_t width)
{
	size_t taken, n = printable_fit(text, len, width, &taken);

	if (!n && len) {
		/* Not even one fits: it is left out. */
		for (n = 1; n < len && ((unsigned char)text[n] & 0xc0) == 0x80; n++)
			;
		return n;
	}
	printable_add(p, text, n, taken);
	return n;
}
