/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "exposition.h"

static const struct exposition_family counter = { "x_bytes", EXPOSITION_COUNTER, "bytes",
						  "Bytes." };
static const struct exposition_family gauge = { "x_live", EXPOSITION_GAUGE, NULL, "Live." };
static const struct exposition_family info = { "x_build", EXPOSITION_INFO, NULL, "Build." };
static const struct exposition_family seconds = { "x_cpu_seconds", EXPOSITION_COUNTER, "seconds",
						  "Time." };
static const struct exposition_family histogram = { "x_tick_seconds", EXPOSITION_HISTOGRAM,
						    "seconds", "Ticks." };

static void write_all(struct exposition *e)
{
	struct exposition_label labels[] = { EXPOSITION_LABEL("a", "1"),
					     EXPOSITION_LABEL("b", "two \\\"words\\\"") };

	exposition_family(e, &counter);
	exposition_sample(e, labels, 1, 0);
	exposition_sample(e, labels, 2, UINT64_MAX);
	exposition_family(e, &gauge);
	exposition_sample(e, NULL, 0, 1234567890);
	exposition_family(e, &info);
	exposition_sample(e, labels, 1, 1);
}

#define SAMPLES_1                    \
	"x_bytes_total{a=\"1\"} 0\n" \
	"x_bytes_total{a=\"1\",b=\"two \\\"words\\\"\"} 18446744073709551615\n"

static void text_has_the_names_of_its_samples(void **state)
{
	struct frame_buf buf = { 0 };
	struct exposition e;

	(void)state;
	exposition_begin(&e, EXPOSITION_TEXT, &buf);
	write_all(&e);
	assert_int_equal(exposition_end(&e), 0);
	assert_string_equal(buf.data,
			    "# HELP x_bytes_total Bytes.\n"
			    "# TYPE x_bytes_total counter\n" SAMPLES_1 "# HELP x_live Live.\n"
			    "# TYPE x_live gauge\n"
			    "x_live 1234567890\n"
			    "# HELP x_build_info Build.\n"
			    "# TYPE x_build_info gauge\n"
			    "x_build_info{a=\"1\"} 1\n");
	assert_int_equal(buf.len, strlen(buf.data));
	frame_buf_deinit(&buf);
}

static void openmetrics_has_those_of_its_families(void **state)
{
	struct frame_buf buf = { 0 };
	struct exposition e;

	(void)state;
	exposition_begin(&e, EXPOSITION_OPENMETRICS, &buf);
	write_all(&e);
	assert_int_equal(exposition_end(&e), 0);
	assert_string_equal(buf.data, "# HELP x_bytes Bytes.\n"
				      "# TYPE x_bytes counter\n"
				      "# UNIT x_bytes bytes\n" SAMPLES_1 "# HELP x_live Live.\n"
				      "# TYPE x_live gauge\n"
				      "x_live 1234567890\n"
				      "# HELP x_build Build.\n"
				      "# TYPE x_build info\n"
				      "x_build_info{a=\"1\"} 1\n"
				      "# EOF\n");
	frame_buf_deinit(&buf);
}

static void a_family_without_samples_leaves_no_trace(void **state)
{
	struct frame_buf buf = { 0 };
	struct exposition e;

	(void)state;
	exposition_begin(&e, EXPOSITION_TEXT, &buf);
	exposition_family(&e, &gauge);
	exposition_family(&e, &counter);
	assert_int_equal(exposition_end(&e), 0);
	assert_string_equal(buf.data, "");
	/* The buffer serves again. */
	exposition_begin(&e, EXPOSITION_OPENMETRICS, &buf);
	assert_int_equal(exposition_end(&e), 0);
	assert_string_equal(buf.data, "# EOF\n");
	frame_buf_deinit(&buf);
}

/* The text's format_seconds, and no digit lost. */
static void seconds_are_exact(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0.0" },
		{ 1, "0.000000001" },
		{ 250000000, "0.25" },
		{ 500000, "0.0005" },
		{ 1000000000, "1.0" },
		{ 12000000010, "12.00000001" },
		{ UINT64_MAX, "18446744073.709551615" },
	};
	struct frame_buf buf = { 0 };
	struct exposition e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		exposition_begin(&e, EXPOSITION_TEXT, &buf);
		exposition_family(&e, &seconds);
		exposition_seconds(&e, NULL, 0, cases[i].ns);
		assert_int_equal(exposition_end(&e), 0);
		assert_non_null(strstr(buf.data, "\nx_cpu_seconds_total "));
		assert_string_equal(strrchr(buf.data, ' ') + 1 + strlen(cases[i].text), "\n");
		assert_memory_equal(strrchr(buf.data, ' ') + 1, cases[i].text,
				    strlen(cases[i].text));
	}
	frame_buf_deinit(&buf);
}

static void histograms_add_up(void **state)
{
	struct histogram h = { 0 };
	struct frame_buf buf = { 0 };
	struct exposition e;

	(void)state;
	histogram_observe(&h, 100000);	     /* equal to the first bound */
	histogram_observe(&h, 3000000);	     /* 3 ms */
	histogram_observe(&h, 3000000000UL); /* beyond the last */
	exposition_begin(&e, EXPOSITION_TEXT, &buf);
	exposition_family(&e, &histogram);
	exposition_histogram(&e, &h);
	assert_int_equal(exposition_end(&e), 0);
	assert_string_equal(buf.data, "# HELP x_tick_seconds Ticks.\n"
				      "# TYPE x_tick_seconds histogram\n"
				      "x_tick_seconds_bucket{le=\"0.0001\"} 1\n"
				      "x_tick_seconds_bucket{le=\"0.00025\"} 1\n"
				      "x_tick_seconds_bucket{le=\"0.0005\"} 1\n"
				      "x_tick_seconds_bucket{le=\"0.001\"} 1\n"
				      "x_tick_seconds_bucket{le=\"0.0025\"} 1\n"
				      "x_tick_seconds_bucket{le=\"0.005\"} 2\n"
				      "x_tick_seconds_bucket{le=\"0.01\"} 2\n"
				      "x_tick_seconds_bucket{le=\"0.025\"} 2\n"
				      "x_tick_seconds_bucket{le=\"0.05\"} 2\n"
				      "x_tick_seconds_bucket{le=\"0.1\"} 2\n"
				      "x_tick_seconds_bucket{le=\"0.25\"} 2\n"
				      "x_tick_seconds_bucket{le=\"0.5\"} 2\n"
				      "x_tick_seconds_bucket{le=\"1.0\"} 2\n"
				      "x_tick_seconds_bucket{le=\"2.5\"} 2\n"
				      "x_tick_seconds_bucket{le=\"+Inf\"} 3\n"
				      "x_tick_seconds_sum 3.0031\n"
				      "x_tick_seconds_count 3\n");
	frame_buf_deinit(&buf);
}

static void labels_are_escaped(void **state)
{
	static const char text[] = "a\\b\"c\nd\re\0f\x01\xc3\xa9";
	char out[EXPOSITION_ESCAPED(sizeof(text))];
	size_t len = exposition_escape(text, sizeof(text) - 1, out);

	(void)state;
	assert_int_equal(len, sizeof(text) - 1 + 3);
	assert_memory_equal(out, "a\\\\b\\\"c\\nd\re\0f\x01\xc3\xa9", len);
	assert_int_equal(exposition_escape("", 0, out), 0);
}

static void short_memory_is_told(void **state)
{
	struct frame_buf buf = { 0 };
	struct exposition e;
	size_t n;
	int err, i;

	(void)state;
	assert_true(alloc_fail_works());
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		exposition_begin(&e, EXPOSITION_TEXT, &buf);
		for (i = 0; i < 100; i++)
			write_all(&e);
		err = exposition_end(&e);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(err, -ENOMEM);
		frame_buf_deinit(&buf);
	}
	assert_int_equal(err, 0);
	assert_true(n > 3);
	frame_buf_deinit(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_has_the_names_of_its_samples),
		cmocka_unit_test(openmetrics_has_those_of_its_families),
		cmocka_unit_test(a_family_without_samples_leaves_no_trace),
		cmocka_unit_test(seconds_are_exact),
		cmocka_unit_test(histograms_add_up),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
