/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "histogram.h"

static void each_duration_has_its_place(void **state)
{
	struct histogram h = { 0 };
	uint64_t sum = 0;
	size_t i;

	(void)state;
	for (i = 0; i < HISTOGRAM_BOUNDS; i++) {
		assert_true(i == 0 || histogram_bounds[i] > histogram_bounds[i - 1]);
		histogram_observe(&h, histogram_bounds[i]);
		histogram_observe(&h, histogram_bounds[i] + 1);
		sum += 2 * histogram_bounds[i] + 1;
	}
	histogram_observe(&h, 0);
	assert_int_equal(h.counts[0], 2);
	for (i = 1; i < HISTOGRAM_BOUNDS; i++)
		assert_int_equal(h.counts[i], 2);
	assert_int_equal(h.counts[HISTOGRAM_BOUNDS], 1);
	assert_int_equal(h.sum, sum);
}

/* The text's lag_record_saturating_on_oversize_duration. */
static void the_sum_stays_at_its_largest(void **state)
{
	struct histogram h = { 0 };

	(void)state;
	histogram_observe(&h, UINT64_MAX);
	histogram_observe(&h, 5);
	assert_true(h.sum == UINT64_MAX);
	assert_int_equal(h.counts[HISTOGRAM_BOUNDS], 1);
	assert_int_equal(h.counts[0], 1);
}

static void json_and_back(void **state)
{
	struct histogram h = { 0 }, back = { 0 };
	json_t *json;

	(void)state;
	histogram_observe(&h, 1234567);
	histogram_observe(&h, 7);
	histogram_observe(&h, UINT64_C(9000000000));
	json = histogram_json(&h);
	assert_int_equal(histogram_read(json, &back), 0);
	assert_memory_equal(&h, &back, sizeof(h));
	json_decref(json);

	/* What JSON can't carry is as much as it can. */
	h.sum = UINT64_MAX;
	json = histogram_json(&h);
	assert_int_equal(histogram_read(json, &back), 0);
	assert_true(back.sum == INT64_MAX);
	json_decref(json);
}

static void what_is_no_histogram_is_refused(void **state)
{
	struct histogram h = { 0 }, kept = { .sum = 11 };
	json_t *json = histogram_json(&h), *other;

	(void)state;
	assert_int_equal(histogram_read(NULL, &kept), -EBADMSG);
	other = json_deep_copy(json);
	json_array_set_new(json_object_get(other, "bounds_ns"), 3, json_integer(1));
	assert_int_equal(histogram_read(other, &kept), -EBADMSG);
	json_decref(other);
	other = json_deep_copy(json);
	json_array_set_new(json_object_get(other, "counts"), 3, json_integer(-1));
	assert_int_equal(histogram_read(other, &kept), -EBADMSG);
	json_decref(other);
	other = json_deep_copy(json);
	json_array_remove(json_object_get(other, "counts"), 3);
	assert_int_equal(histogram_read(other, &kept), -EBADMSG);
	json_decref(other);
	other = json_deep_copy(json);
	json_object_set_new(other, "sum_ns", json_real(1));
	assert_int_equal(histogram_read(other, &kept), -EBADMSG);
	json_decref(other);
	json_decref(json);
	assert_int_equal(kept.sum, 11);
}

static void short_memory_is_told(void **state)
{
	struct histogram h = { 0 };
	json_t *json;
	size_t n;

	(void)state;
	assert_true(alloc_fail_works());
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		json = histogram_json(&h);
		if (!alloc_fail_disarm())
			break;
		assert_null(json);
	}
	assert_non_null(json);
	assert_true(n > 10);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_duration_has_its_place),
		cmocka_unit_test(the_sum_stays_at_its_largest),
		cmocka_unit_test(json_and_back),
		cmocka_unit_test(what_is_no_histogram_is_refused),
		cmocka_unit_test(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
