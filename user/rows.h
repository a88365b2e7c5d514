/* SPDX-License-Identifier: MIT */
/*
 * rows.h - the rows of a frame, read from its bytes as frame_build() writes them: for those who
 * have the frame and not what it was made of.
 */
#ifndef MOQSTAT_ROWS_H
#define MOQSTAT_ROWS_H

#include <stddef.h>
#include <stdint.h>

/** What is left of a frame to read; see rows_begin(). */
struct rows {
	const char *at, *end;
	int first;
};

/** One row; parts of the frame. */
struct row {
	const char *key; /* a JSON string, with its quotes */
	size_t key_len;
	const char *value; /* a JSON object of numbers */
	size_t value_len;
};

/** Read a frame from its beginning; it must outlive the rows. */
struct rows rows_begin(const char *frame, size_t len);

/** The next row, in the order of the frame, which is that of the paths' bytes. 1 and *out; 0 at the
 *  end; -EBADMSG where that is no frame of ours. */
int rows_next(struct rows *rows, struct row *out);

/** The same, quicker where the next row is, byte for byte, one that is known: then it returns 2.
 *  `like` may be NULL. */
int rows_next_like(struct rows *rows, const struct row *like, struct row *out);

/** Order two keys as frames do, by the bytes that they stand for: < 0, 0 or > 0. */
int rows_compare(const struct row *a, const struct row *b);

/** Write the bytes that a JSON string of `len` bytes, quotes included, stands for to `out`, which
 * has room for as many, and gives their number. Only what frame_quote() escapes is known: others'
 * escapes beyond ASCII give other bytes, never more. */
size_t rows_unquote(const char *json, size_t len, char *out);

/** The numbers of a row, by the names of its fields, of which NULLs are none. Those that it hasn't
 *  are left as they are in `counts`; *seen gets the bits of those that it has. Names that aren't
 *  known don't matter. 0; -EBADMSG where that is no row of ours, `counts` then half done. */
int rows_counts(const struct row *row, const char *const *fields, size_t fields_len,
		uint64_t *counts, unsigned int *seen);

#endif /* MOQSTAT_ROWS_H */
