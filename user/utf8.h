/* SPDX-License-Identifier: MIT */
/*
 * utf8.h - is this text what Rust calls a `str`?
 */
#ifndef MOQSTAT_UTF8_H
#define MOQSTAT_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/** Whether `len` bytes at `text` are UTF-8 as Rust's std::str::from_utf8() takes it: no overlong
 *  form, no surrogate, nothing above U+10FFFF; NUL and other control characters are fine. */
bool utf8_valid(const char *text, size_t len);

#endif /* MOQSTAT_UTF8_H */
