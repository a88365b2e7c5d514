/* SPDX-License-Identifier: MIT */
/*
 * printable.h - a stranger's text made fit for a terminal: what could move the cursor, hide or
 * reorder what is beside it, or isn't text at all, is written as an escape.
 */
#ifndef MOQSTAT_PRINTABLE_H
#define MOQSTAT_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/** Text that is put together; zeroed before its first use, ended by free(data). */
struct printable {
	char *data; /* ended by a 0 once anything was put */
	size_t len, size;
	size_t width; /* columns that it takes */
	bool failed;  /* there was no memory; what is there isn't whole */
};

/** Begin anew, with the memory that there is. */
void printable_clear(struct printable *p);

/** Put our own text: plain ASCII, or UTF-8 of characters one column wide each. */
void printable_put(struct printable *p, const char *text);
void printable_format(struct printable *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Put spaces up to a width in all. */
void printable_pad(struct printable *p, size_t width);

/** Put any bytes. Characters that the locale's wcwidth() gives a width, and that are neither blank,
 *  nor of a script that is written from right to left, nor for private use, stay as they are; any
 *  other becomes \u{HEX}, a byte that is no UTF-8 \xHH, a backslash two. A space stays, unless
 * `solid`. What would take more than `width` columns is cut off, a `…` or `~` telling so. */
void printable_name(struct printable *p, const char *bytes, size_t len, size_t width, bool solid);

/** Cut what is there to a width. */
void printable_cut(struct printable *p, size_t width);

/** Put as much as `width` columns hold of a text that was made by these functions, and give the
 * bytes taken: at least a character's, so that pieces come to an end. */
size_t printable_piece(struct printable *p, const char *text, size_t len, size_t width);

/** May text have more than ASCII in this locale? */
bool printable_unicode(void);

#endif /* MOQSTAT_PRINTABLE_H */
