/* SPDX-License-Identifier: MIT */
/*
 * test_labels.c - which labels of tiers are taken from what the programs have put in their map.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "labels.h"

static struct labels labels;

static int setup(void **state)
{
	(void)state;
	labels_init(NULL, &labels);
	return 0;
}

static void take_bytes(const uint8_t text[MOQSTAT_LABEL_MAX], uint32_t len, uint32_t number)
{
	struct moqstat_label label = { .len = len };

	memcpy(label.text, text, MOQSTAT_LABEL_MAX);
	labels_take(&labels.tiers, &label, number);
}

static void take(const char *text, uint32_t number)
{
	uint8_t bytes[MOQSTAT_LABEL_MAX] = { 0 };

	memcpy(bytes, text, strlen(text));
	take_bytes(bytes, strlen(text), number);
}

static void the_default_is_there(void **state)
{
	(void)state;
	assert_true(labels.tiers.found);
	assert_int_equal(labels.tiers.len, 1);
	assert_string_equal(labels.tiers.labels[0], "");
	/* Nothing is looked up for it, nor for what is no number. */
	assert_true(labels_known(&labels, 0));
	assert_false(labels_known(&labels, MOQSTAT_LABELS_MAX));
	assert_false(labels_known(&labels, UINT32_MAX));
}

static void by_number(void **state)
{
	char longest[MOQSTAT_LABEL_MAX + 1] = { 0 };

	(void)state;
	memset(longest, 'x', MOQSTAT_LABEL_MAX);
	take("region/sjc", 3);
	assert_int_equal(labels.tiers.len, 4);
	assert_string_equal(labels.tiers.labels[3], "region/sjc");
	assert_true(labels_known(&labels, 3));
	take(longest, 1);
	take("\xc3\xa4", MOQSTAT_LABELS_MAX - 1);
	assert_string_equal(labels.tiers.labels[1], longest);
	/* A number given in vain. */
	assert_string_equal(labels.tiers.labels[2], "");
	assert_int_equal(labels.tiers.len, MOQSTAT_LABELS_MAX);
}

static void what_makes_no_sense(void **state)
{
	static const uint8_t x[MOQSTAT_LABEL_MAX] = "xy", nul[MOQSTAT_LABEL_MAX] = "a\0b";
	struct labels before = labels;

	(void)state;
	take("x", 0);
	take("x", MOQSTAT_LABELS_MAX);
	take("x", UINT32_MAX);
	take("", 1);
	take_bytes(x, MOQSTAT_LABEL_MAX + 1, 1);
	take_bytes(x, UINT32_MAX, 1);
	take("\xff", 1);
	take_bytes(nul, 3, 1);
	assert_memory_equal(&labels, &before, sizeof(before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_default_is_there, setup),
		cmocka_unit_test_setup(by_number, setup),
		cmocka_unit_test_setup(what_makes_no_sense, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
