/* SPDX-License-Identifier: MIT */
/*
 * utf8.h - is this text what Rust calls a `str`?
 */
#ifndef MOQSTAT_UTF8_H
#define MOQSTAT_UTF8_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/** Whether `len` bytes at `text` are UTF-8 as Rust's std::str::from_utf8() takes it: no overlong
 *  form, no surrogate, nothing above U+10FFFF; NUL and other control characters are fine. */
bool utf8_valid(const char *text, size_t len);

/** Length of the sequence of UTF-8 that begins at s, of which `left` bytes are there, at least 1;
 * or 0 if it is none. */
size_t utf8_sequence(const unsigned char *s, size_t left);

/** A JSON string of a name that may be any bytes, a file's say: those that are no UTF-8 become
 * U+FFFD. A new reference, or NULL without memory. */
json_t *utf8_json(const char *name);

#endif /* MOQSTAT_UTF8_H */
