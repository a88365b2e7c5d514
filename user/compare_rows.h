/* SPDX-License-Identifier: MIT */
/*
 * compare_rows.h - the rows of a frame with their numbers, and a note of a difference: what the
 * parts of compare.h share.
 */
#ifndef MOQSTAT_COMPARE_ROWS_H
#define MOQSTAT_COMPARE_ROWS_H

#include "compare.h"
#include "rows.h"

struct compare_row {
	struct row row; /* parts of the text */
	uint64_t counts[MOQSTAT_FIELD_MAX];
	unsigned int seen; /* bits of the fields that it has */
};

struct compare_rows {
	struct compare_row *list;
	size_t len;
};

/** The name of a field in the frames of a track; NULL beyond the last one. */
const char *compare_field(unsigned int track, unsigned int field);

/** Read a frame, which must outlive *out; that is freed by compare_rows_deinit(). 0; -EBADMSG;
 *  -ENOMEM. */
int compare_rows_init(unsigned int track, struct compare_text text, struct compare_rows *out);
void compare_rows_deinit(struct compare_rows *r);

/** The row at *at if it is `key`'s, and *at then moves on; else NULL. */
const struct compare_row *compare_rows_take(const struct compare_rows *r, size_t *at,
					    const struct row *key);

/** Is anything open in a row? NULL: no. */
bool compare_row_live(const struct compare_row *r);

/** Has every number of `before` stayed or grown? */
bool compare_row_grown(const struct compare_row *before, const struct compare_row *after);

/** Put a difference into the list; `d` is copied, with its key, which is of key_len bytes. 0 or
 *  -ENOMEM. */
int compare_note(struct compare *c, const struct compare_difference *d, const char *key,
		 size_t key_len);

#endif /* MOQSTAT_COMPARE_ROWS_H */
