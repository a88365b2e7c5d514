/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "ledger_record.h"

static int ledger_compare_records(const void *va, const void *vb)
{
	const struct ledger_record *const *a = va, *const *b = vb;

	return rows_compare(&(*a)->row, &(*b)->row);
}

/* Those with places of their own, in order, and the sums of what there is
 * now. */
static int ledger_gather(struct ledger *l, size_t *len)
{
	struct ledger_record *r;
	size_t i, field, n = 0;
	int err = 0;

	l->shared_len = 0;
	for (i = 0; i < l->tracks_len; i++) {
		memset(l->tracks[i].now, 0, sizeof(l->tracks[i].now));
		memset(l->tracks[i].overflow_now, 0, sizeof(l->tracks[i].overflow_now));
	}
	TAILQ_FOREACH(r, &l->lists[LEDGER_SHOWN], link)
	{
		for (i = 0; i < l->tracks_len; i++) {
			uint64_t *overflow = l->tracks[i].overflow_now;

			for (field = 0; field < LEDGER_FIELDS; field++) {
				uint64_t count = r->counts[i * LEDGER_FIELDS + field];

				l->tracks[i].now[field] += count;
				overflow[field] += r->place == LEDGER_SHARED ? count : 0;
			}
		}
		l->shared_len += r->place == LEDGER_SHARED;
		if (r->place == LEDGER_SHARED)
			continue;
		err = ledger_grow(&l->sorted, n, &l->sorted_size, sizeof(*l->sorted));
		if (err)
			return err;
		l->sorted[n++] = r;
	}
	if (n)
		qsort(l->sorted, n, sizeof(*l->sorted), ledger_compare_records);
	l->own_len = *len = n;
	return 0;
}

/* The sums of those without places, as a row. */
static struct ledger_row ledger_overflow_row(struct ledger *l)
{
	size_t i, size = LEDGER_FIELDS * sizeof(uint64_t);

	for (i = 0; i < l->tracks_len; i++) {
		memcpy(&l->overflow[i * LEDGER_FIELDS], l->tracks[i].overflow, size);
		memcpy(&l->overflow_now[i * LEDGER_FIELDS], l->tracks[i].overflow_now, size);
	}
	return (struct ledger_row){
		.label = LEDGER_OVERFLOW,
		.label_len = strlen(LEDGER_OVERFLOW),
		.tracks = l->overflow_seen,
		.counts = l->overflow,
		.now = l->overflow_now,
	};
}

int ledger_list(struct ledger *l, const struct ledger_row **out, size_t *len)
{
	static const char key[] = "\"" LEDGER_OVERFLOW "\"";
	const struct row overflow = { .key = key, .key_len = sizeof(key) - 1 };
	size_t own, i, n = 0;
	bool told = !l->overflow_seen;
	int err = ledger_gather(l, &own);

	while (!err && l->rows_size < own + 1)
		err = ledger_grow(&l->rows, l->rows_size, &l->rows_size, sizeof(*l->rows));
	if (err)
		return err;
	for (i = 0; i < own; i++) {
		const struct ledger_record *r = l->sorted[i];

		if (!told && rows_compare(&overflow, &r->row) < 0) {
			l->rows[n++] = ledger_overflow_row(l);
			told = true;
		}
		l->rows[n++] = (struct ledger_row){ r->label, r->label_len, r->shown, r->counts,
						    r->counts };
	}
	if (!told)
		l->rows[n++] = ledger_overflow_row(l);
	*out = l->rows;
	*len = n;
	return 0;
}

const uint64_t *ledger_total(const struct ledger *l, size_t track)
{
	return l->tracks[track].told ? l->tracks[track].total : NULL;
}

const uint64_t *ledger_now(const struct ledger *l, size_t track)
{
	return l->tracks[track].now;
}

size_t ledger_own(const struct ledger *l)
{
	return l->own_len;
}

size_t ledger_overflown(const struct ledger *l)
{
	return l->shared_len;
}

unsigned int ledger_fields(const struct ledger *l)
{
	return l->fields_seen;
}
