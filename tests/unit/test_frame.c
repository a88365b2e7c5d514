/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <moqstat.h>

#include "frame.h"

static void assert_quoted(const char *text, size_t len, const char *expected)
{
	size_t out_len;
	char *out;

	assert_int_equal(frame_quote(text, len, &out, &out_len), 0);
	assert_string_equal(out, expected);
	assert_int_equal(out_len, strlen(expected));
	free(out);
}

/* What serde_json 1.0 does: its table ESCAPE in ser.rs has b, t, n, f, r for five of the control
 * characters, u for the others, and nothing at or above 0x7f. */
static void quote_control_characters(void **state)
{
	static const char *const shorts[0x20] = {
		[0x08] = "\\b", [0x09] = "\\t", [0x0a] = "\\n", [0x0c] = "\\f", [0x0d] = "\\r",
	};
	char expected[16], c;
	unsigned int i;

	(void)state;
	for (i = 0; i < 0x20; i++) {
		c = (char)i;
		if (shorts[i])
			snprintf(expected, sizeof(expected), "\"%s\"", shorts[i]);
		else
			snprintf(expected, sizeof(expected), "\"\\u%04x\"", i);
		assert_quoted(&c, 1, expected);
	}
}

static void quote_the_rest(void **state)
{
	(void)state;
	assert_quoted("", 0, "\"\"");
	assert_quoted("demo/bbb", 8, "\"demo/bbb\"");
	assert_quoted("\x7f", 1, "\"\x7f\"");
	assert_quoted("\"", 1, "\"\\\"\"");
	assert_quoted("\\", 1, "\"\\\\\"");
	assert_quoted("\xc3\xa4", 2, "\"\xc3\xa4\"");
	assert_quoted("\xe2\x80\xa8", 3, "\"\xe2\x80\xa8\""); /* U+2028 */
	assert_quoted("\xc2\x80", 2, "\"\xc2\x80\"");
	assert_quoted("\xef\xbf\xbf", 3, "\"\xef\xbf\xbf\"");
	assert_quoted("\xf0\x9f\x98\x80", 4, "\"\xf0\x9f\x98\x80\"");
}

/* The lower-casing of escapes must not touch text that only looks like one. */
static void quote_keeps_upper_case_text(void **state)
{
	(void)state;
	assert_quoted("\\u00AB", 6, "\"\\\\u00AB\"");
	assert_quoted("\x1f"
		      "AB",
		      3, "\"\\u001fAB\"");
	assert_quoted("\\\x1f", 2, "\"\\\\\\u001f\"");
	assert_quoted("\\\\u001F", 7, "\"\\\\\\\\u001F\"");
	assert_quoted("\"\x1e"
		      "F",
		      3, "\"\\\"\\u001eF\"");
}

static void quote_refuses_what_is_no_text(void **state)
{
	char *out = (char *)state;
	size_t len = 42;

	assert_int_equal(frame_quote("a\xff", 2, &out, &len), -EILSEQ);
	assert_ptr_equal(out, state);
	assert_int_equal(len, 42);
}

static void no_rows_are_an_empty_object(void **state)
{
	struct frame_buf buf = { 0 };

	(void)state;
	assert_int_equal(frame_build(&frame_schema_broadcast_0_12, NULL, 0, &buf), 0);
	assert_string_equal(buf.data, "{}");
	assert_int_equal(buf.len, 2);
	frame_buf_deinit(&buf);
	frame_buf_deinit(&buf);
	frame_buf_deinit(NULL);
}

/* Each field has its own prime, so that no two can change places. */
static void broadcast_fields_in_the_order_of_the_relay(void **state)
{
	const uint64_t counts[MOQSTAT_FIELD_MAX] = {
		[MOQSTAT_ANNOUNCED] = 29,     [MOQSTAT_ANNOUNCED_CLOSED] = 23,
		[MOQSTAT_BROADCASTS] = 19,    [MOQSTAT_BROADCASTS_CLOSED] = 17,
		[MOQSTAT_SUBSCRIPTIONS] = 13, [MOQSTAT_SUBSCRIPTIONS_CLOSED] = 11,
		[MOQSTAT_BYTES] = 7,	      [MOQSTAT_FRAMES] = 5,
		[MOQSTAT_GROUPS] = 3,	      [MOQSTAT_ANNOUNCED_BYTES] = 2,
	};
	const struct frame_row row = { "\"a/b\"", 5, counts, NULL };
	struct frame_buf buf = { 0 };

	(void)state;
	assert_int_equal(frame_build(&frame_schema_broadcast_0_12, &row, 1, &buf), 0);
	assert_string_equal(buf.data, "{\"a/b\":{\"announced\":29,\"announced_closed\":23,"
				      "\"broadcasts\":19,\"broadcasts_closed\":17,"
				      "\"subscriptions\":13,\"subscriptions_closed\":11,"
				      "\"bytes\":7,\"frames\":5,\"groups\":3}}");
	assert_int_equal(buf.len, strlen(buf.data));
	/* Later releases have one more. */
	assert_int_equal(frame_build(&frame_schema_broadcast_0_13, &row, 1, &buf), 0);
	assert_string_equal(buf.data, "{\"a/b\":{\"announced\":29,\"announced_closed\":23,"
				      "\"announced_bytes\":2,"
				      "\"broadcasts\":19,\"broadcasts_closed\":17,"
				      "\"subscriptions\":13,\"subscriptions_closed\":11,"
				      "\"bytes\":7,\"frames\":5,\"groups\":3}}");
	frame_buf_deinit(&buf);
}

/* As moq-relay 0.17.10 has served it, with numbers of our own: half of it under two names, and what
 * isn't counted. */
static void later_names_stand_beside_the_old_ones(void **state)
{
	const uint64_t counts[MOQSTAT_FIELD_MAX] = {
		[MOQSTAT_ANNOUNCED] = 29,     [MOQSTAT_ANNOUNCED_CLOSED] = 23,
		[MOQSTAT_BROADCASTS] = 19,    [MOQSTAT_BROADCASTS_CLOSED] = 17,
		[MOQSTAT_SUBSCRIPTIONS] = 13, [MOQSTAT_SUBSCRIPTIONS_CLOSED] = 11,
		[MOQSTAT_BYTES] = UINT64_MAX, [MOQSTAT_FRAMES] = 5,
		[MOQSTAT_GROUPS] = 3,	      [MOQSTAT_ANNOUNCED_BYTES] = 2,
		[MOQSTAT_FETCHES] = 31,	      [MOQSTAT_DATAGRAMS] = 37,
	};
	const uint64_t sessions[] = { 3, 2 };
	const struct frame_schema *of_sessions =
		frame_schema_sessions(&frame_schema_broadcast_0_17);
	const struct frame_row row = { "\"a/b\"", 5, counts, NULL };
	const struct frame_row root = { "\"\"", 2, sessions, NULL };
	struct frame_buf buf = { 0 };

	(void)state;
	assert_int_equal(frame_build(&frame_schema_broadcast_0_17, &row, 1, &buf), 0);
	assert_string_equal(
		buf.data,
		"{\"a/b\":{\"announces_started\":29,\"announced\":29,\"announces_ended\":23,"
		"\"announced_closed\":23,\"announced_bytes\":2,\"broadcasts_started\":19,"
		"\"broadcasts\":19,\"broadcasts_ended\":17,\"broadcasts_closed\":17,"
		"\"subscriptions_started\":13,\"subscriptions\":13,\"subscriptions_ended\":11,"
		"\"subscriptions_closed\":11,\"fetches\":31,\"bytes\":18446744073709551615,"
		"\"frames\":5,\"groups\":3,\"datagrams\":37,"
		"\"stale\":{\"bytes\":0,\"frames\":0,\"groups\":0,\"datagrams\":0}}}");
	assert_int_equal(buf.len, strlen(buf.data));
	assert_int_equal(frame_build(of_sessions, &root, 1, &buf), 0);
	assert_string_equal(buf.data, "{\"\":{\"sessions_started\":3,\"sessions\":3,"
				      "\"sessions_ended\":2,\"sessions_closed\":2}}");
	assert_ptr_equal(frame_schema_sessions(&frame_schema_broadcast_0_14),
			 &frame_schema_session);
	frame_buf_deinit(&buf);
}

static void schemas_are_found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(frame_schema_find("0.12"), &frame_schema_broadcast_0_12);
	assert_ptr_equal(frame_schema_find("0.13"), &frame_schema_broadcast_0_13);
	assert_ptr_equal(frame_schema_find("0.17"), &frame_schema_broadcast_0_17);
	assert_null(frame_schema_find("sessions"));
	assert_null(frame_schema_find("0.1"));
	assert_null(frame_schema_find(""));
}

static void session_fields(void **state)
{
	const uint64_t a[] = { 3, 2 }, b[] = { 7, 5 };
	const struct frame_row rows[] = { { "\"\"", 2, a, NULL }, { "\"root\"", 6, b, NULL } };
	struct frame_buf buf = { 0 };

	(void)state;
	assert_int_equal(frame_build(&frame_schema_session, rows, 2, &buf), 0);
	assert_string_equal(buf.data, "{\"\":{\"sessions\":3,\"sessions_closed\":2},"
				      "\"root\":{\"sessions\":7,\"sessions_closed\":5}}");
	frame_buf_deinit(&buf);
}

/* A layout with another field is another table, no other code. */
static void schema_is_data(void **state)
{
	static const struct frame_field fields[] = {
		{ "groups", MOQSTAT_GROUPS }, { "announced_bytes", MOQSTAT_ANNOUNCED_BYTES }
	};
	const struct frame_schema schema = { .fields = fields, .fields_len = 2 };
	const uint64_t counts[MOQSTAT_FIELD_MAX] = {
		[MOQSTAT_GROUPS] = 3, [MOQSTAT_ANNOUNCED_BYTES] = 2
	};
	const struct frame_row row = { "\"a\"", 3, counts, NULL };
	struct frame_buf buf = { 0 };

	(void)state;
	assert_int_equal(frame_build(&schema, &row, 1, &buf), 0);
	assert_string_equal(buf.data, "{\"a\":{\"groups\":3,\"announced_bytes\":2}}");
	frame_buf_deinit(&buf);
}

static void numbers_up_to_the_largest(void **state)
{
	static const struct frame_field fields[] = { { "x", 0 }, { "y", 1 }, { "z", 2 } };
	const struct frame_schema schema = { .fields = fields, .fields_len = 3 };
	const uint64_t counts[] = { UINT64_MAX, (uint64_t)INT64_MAX + 1, INT64_MAX };
	const struct frame_row rows[] = { { "\"a\"", 3, counts, NULL },
					  { "\"b\"", 3, counts, NULL } };
	struct frame_buf buf = { 0 };

	(void)state;
	assert_int_equal(frame_build(&schema, rows, 2, &buf), 0);
	assert_string_equal(buf.data,
			    "{\"a\":{\"x\":18446744073709551615,\"y\":9223372036854775808,"
			    "\"z\":9223372036854775807},"
			    "\"b\":{\"x\":18446744073709551615,\"y\":9223372036854775808,"
			    "\"z\":9223372036854775807}}");
	frame_buf_deinit(&buf);
}

/* A buffer serves tick after tick: a short frame after a long one leaves no rest of it. */
static void buffer_is_used_again(void **state)
{
	const uint64_t counts[] = { UINT64_MAX, UINT64_MAX };
	const struct frame_row row = { "\"long name\"", 11, counts, NULL };
	struct frame_buf buf = { 0 };
	const char *data;

	(void)state;
	assert_int_equal(frame_build(&frame_schema_session, &row, 1, &buf), 0);
	data = buf.data;
	assert_int_equal(frame_build(&frame_schema_session, NULL, 0, &buf), 0);
	assert_ptr_equal(buf.data, data);
	assert_string_equal(buf.data, "{}");
	assert_int_equal(buf.len, 2);
	frame_buf_deinit(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quote_control_characters),
		cmocka_unit_test(quote_the_rest),
		cmocka_unit_test(quote_keeps_upper_case_text),
		cmocka_unit_test(quote_refuses_what_is_no_text),
		cmocka_unit_test(no_rows_are_an_empty_object),
		cmocka_unit_test(broadcast_fields_in_the_order_of_the_relay),
		cmocka_unit_test(later_names_stand_beside_the_old_ones),
		cmocka_unit_test(schemas_are_found_by_name),
		cmocka_unit_test(session_fields),
		cmocka_unit_test(schema_is_data),
		cmocka_unit_test(numbers_up_to_the_largest),
		cmocka_unit_test(buffer_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
