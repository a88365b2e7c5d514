/* SPDX-License-Identifier: MIT */
#include "histogram.h"

#include <errno.h>
#include <string.h>

#define MS UINT64_C(1000000)

const uint64_t histogram_bounds[HISTOGRAM_BOUNDS] = {
	MS / 10, MS / 4,  MS / 2,   1 * MS,   5 * MS / 2, 5 * MS,    10 * MS,
	25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS,	  1000 * MS, 2500 * MS,
};

void histogram_observe(struct histogram *h, uint64_t ns)
{
	size_t i;

	for (i = 0; i < HISTOGRAM_BOUNDS && ns > histogram_bounds[i]; i++)
		;
	h->counts[i]++;
	h->sum = ns > UINT64_MAX - h->sum ? UINT64_MAX : h->sum + ns;
}

/* JSON's integers, as jansson has them, are signed. */
static json_t *histogram_integer(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *histogram_array(const uint64_t *values, size_t n)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; array && i < n; i++) {
		if (json_array_append_new(array, histogram_integer(values[i]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *histogram_json(const struct histogram *h)
{
	return json_pack("{s:o, s:o, s:o}", "bounds_ns",
			 histogram_array(histogram_bounds, HISTOGRAM_BOUNDS), "counts",
			 histogram_array(h->counts, HISTOGRAM_BOUNDS + 1), "sum_ns",
			 histogram_integer(h->sum));
}

static int histogram_read_array(const json_t *json, uint64_t *values, size_t n)
{
	size_t i;

	if (json_array_size(json) != n)
		return -EBADMSG;
	for (i = 0; i < n; i++) {
		const json_t *value = json_array_get(json, i);

		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return -EBADMSG;
		values[i] = json_integer_value(value);
	}
	return 0;
}

int histogram_read(const json_t *json, struct histogram *out)
{
	const json_t *sum = json_object_get(json, "sum_ns");
	uint64_t bounds[HISTOGRAM_BOUNDS];
	struct histogram h;

	if (histogram_read_array(json_object_get(json, "bounds_ns"), bounds, HISTOGRAM_BOUNDS) ||
	    histogram_read_array(json_object_get(json, "counts"), h.counts, HISTOGRAM_BOUNDS + 1) ||
	    memcmp(bounds, histogram_bounds, sizeof(bounds)) || !json_is_integer(sum) ||
	    json_integer_value(sum) < 0)
		return -EBADMSG;
	h.sum = json_integer_value(sum);
	*out = h;
	return 0;
}
