/* SPDX-License-Identifier: MIT */
#include "readings.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define READINGS_BATCH 256

static int readings_compare(const void *a, const void *b)
{
	const struct readings_row *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

const struct readings_row *readings_find(const struct readings *r, uint64_t number)
{
	const struct readings_row key = { .number = number };

	return r->len ? bsearch(&key, r->list, r->len, sizeof(key), readings_compare) : NULL;
}

static int readings_add(struct readings *r, const uint64_t *numbers,
			const struct moqstat_reading *what, uint32_t len)
{
	uint32_t i;

	if (r->len + len > r->room) {
		size_t room = 2 * (r->len + len);
		struct readings_row *grown = reallocarray(r->list, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		r->list = grown;
		r->room = room;
	}
	for (i = 0; i < len; i++)
		r->list[r->len++] = (struct readings_row){ numbers[i], what[i] };
	return 0;
}

int readings_read(struct readings *r)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	int err = 0;
	uint64_t cursor = 0, *numbers = NULL;
	struct moqstat_reading *what = NULL;
	uint32_t room = READINGS_BATCH, len;
	bool first = true, end = false;

	r->len = 0;
	while (!err && !end) {
		if (!numbers) {
			numbers = calloc(room, sizeof(*numbers));
			what = calloc(room, sizeof(*what));
		}
		len = room;
		if (!numbers || !what)
			err = -ENOMEM;
		else if (bpf_map_lookup_batch(r->map, first ? NULL : &cursor, &cursor, numbers,
					      what, &len, &opts))
			err = -errno;
		end = err == -ENOENT;
		if (!err || end) {
			err = readings_add(r, numbers, what, len);
			first = false;
		} else if (err == -ENOSPC) {
			/* One bucket holds more than a batch. */
			room *= 2;
			free(numbers);
			free(what);
			numbers = NULL;
			what = NULL;
			err = 0;
		}
	}
	free(numbers);
	free(what);
	if (r->len)
		qsort(r->list, r->len, sizeof(*r->list), readings_compare);
	return err;
}

void readings_deinit(struct readings *r)
{
	free(r->list);
	memset(r, 0, sizeof(*r));
}

void readings_read_one(const struct readings *r, uint64_t number, struct moqstat_reading *what)
{
	struct moqstat_reading found;

	if (!bpf_map_lookup_elem(r->map, &number, &found))
		*what = found;
}

void readings_delete(const struct readings *r, uint64_t number)
{
	bpf_map_delete_elem(r->map, &number);
}
