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

#include "alloc_fail.h"
#include "request.h"

static struct request make(const char *target)
{
	struct request r;

	assert_int_equal(request_init("GET", target, &r), 0);
	return r;
}

static void methods(void **state)
{
	static const struct {
		const char *name;
		enum request_method method;
	} cases[] = {
		{ "GET", REQUEST_GET },		{ "HEAD", REQUEST_HEAD },
		{ "OPTIONS", REQUEST_OPTIONS }, { "POST", REQUEST_OTHER },
		{ "get", REQUEST_OTHER },	{ "", REQUEST_OTHER },
		{ "PROPFIND", REQUEST_OTHER },
	};
	struct request r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(request_init(cases[i].name, "/", &r), 0);
		assert_int_equal(r.method, cases[i].method);
		assert_string_equal(r.path, "/");
		request_deinit(&r);
	}
	request_deinit(NULL);
}

static void paths_and_parameters(void **state)
{
	struct request r =
		make("/fetch/a%20b/%C3%A9/x+y?group=7&&frame=&n%3D=1%262+3&group=8&flag");

	(void)state;
	assert_string_equal(r.path, "/fetch/a b/\xc3\xa9/x+y");
	assert_int_equal(r.params_len, 5);
	assert_string_equal(request_param(&r, "group"), "7");
	assert_string_equal(request_param(&r, "frame"), "");
	assert_string_equal(request_param(&r, "n="), "1&2 3");
	assert_string_equal(request_param(&r, "flag"), "");
	assert_string_equal(r.params[3].value, "8");
	assert_null(request_param(&r, "Group"));
	request_deinit(&r);
	r = make("/x?");
	assert_int_equal(r.params_len, 0);
	request_deinit(&r);
}

static void targets_may_be_whole(void **state)
{
	struct request r = make("http://host:80/a?b=c");

	(void)state;
	assert_string_equal(r.path, "/a");
	assert_string_equal(request_param(&r, "b"), "c");
	request_deinit(&r);
	r = make("HTTPS://host/");
	assert_string_equal(r.path, "/");
	request_deinit(&r);
}

static void no_escape_stands_for_itself(void **state)
{
	struct request r = make("/%/%4/%zz/%%41?a=%&%=100%25%&c=%g0");

	(void)state;
	assert_string_equal(r.path, "/%/%4/%zz/%A");
	assert_string_equal(request_param(&r, "a"), "%");
	assert_string_equal(request_param(&r, "%"), "100%%");
	assert_string_equal(request_param(&r, "c"), "%g0");
	request_deinit(&r);
}

static void bad_targets_are_refused(void **state)
{
	static const char *const bad[] = {
		"",	  "*",	      "x",	 "/%00",     "/%ff",	   "/\xff", "/?a=%00",
		"/?%80=", "http://h", "http:/h", "ftp://h/", "http://h?a", "/%c3"
	};
	char many[REQUEST_PARAMS_MAX * 2 + 8] = "/?";
	struct request r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(request_init("GET", bad[i], &r), -EINVAL);
	for (i = 0; i < REQUEST_PARAMS_MAX - 1; i++)
		strcat(many, "a&");
	assert_int_equal(request_init("GET", many, &r), 0);
	assert_int_equal(r.params_len, REQUEST_PARAMS_MAX - 1);
	request_deinit(&r);
	strcat(many, "a&");
	assert_int_equal(request_init("GET", many, &r), -E2BIG);
}

static bool coding(const char *header)
{
	struct request r = { .accept_encoding = header };

	return request_accepts_coding(&r, "gzip");
}

static void codings(void **state)
{
	(void)state;
	assert_true(coding("gzip"));
	assert_true(coding("GZip"));
	assert_true(coding("deflate, gzip;q=0.5, br"));
	assert_true(coding("deflate,\tgzip ; q=1"));
	assert_true(coding("*"));
	assert_true(coding("br, *;q=0.1"));
	assert_true(coding("gzip;q=0.001"));
	assert_false(coding(NULL));
	assert_false(coding(""));
	assert_false(coding("identity"));
	assert_false(coding("gzip;q=0"));
	assert_false(coding("gzip; Q=0.000, *"));
	assert_false(coding("gzipped, xgzip"));
	assert_false(coding("*;q=0"));
	assert_false(coding(",,;;=,"));
}

static void types(void **state)
{
	struct request r = { .accept =
				     "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;"
				     "version=0.0.4;q=0.3,*/*;q=0.1" };

	(void)state;
	assert_true(request_accepts_type(&r, "application/openmetrics-text"));
	assert_true(request_accepts_type(&r, "text/plain"));
	assert_false(request_accepts_type(&r, "text/html"));
	r.accept = "application/openmetrics-text; q=0";
	assert_false(request_accepts_type(&r, "application/openmetrics-text"));
	r.accept = NULL;
	assert_false(request_accepts_type(&r, "text/plain"));
}

static unsigned int weight(const char *accept, const char *type)
{
	struct request r = { .accept = accept };

	return request_weight(&r, type);
}

static void types_are_weighed(void **state)
{
	static const char open[] = "application/openmetrics-text", text[] = "text/plain";
	/* Of Prometheus 2.42 and 3.2. */
	static const char *const real[] = {
		"application/openmetrics-text;version=1.0.0,"
		"application/openmetrics-text;version=0.0.1;q=0.75,"
		"text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
		"encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;"
		"escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
		"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
		"text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
	};

	(void)state;
	assert_int_equal(weight(real[0], open), 1000);
	assert_int_equal(weight(real[0], text), 500);
	assert_int_equal(weight(real[0], "text/html"), 100);
	assert_int_equal(weight(real[1], open), 500);
	assert_int_equal(weight(real[1], text), 300);
	assert_int_equal(weight("text/plain; q=0.5, text/*;q=0.25", "text/html"), 250);
	assert_int_equal(weight("text/plain ; charset=utf-8 ; Q=0.125", text), 125);
	assert_int_equal(weight("text/*;q=0.3,*/*", text), 300);
	assert_int_equal(weight("text/plain;q=0,*/*", text), 0);
	assert_int_equal(weight("text/plain;q=1.000", text), 1000);
	assert_int_equal(weight("text/plain;q=7", text), 1000);
	assert_int_equal(weight("text/plain;q=x", text), 1000);
	assert_int_equal(weight("text/plain;;", text), 1000);
	assert_int_equal(weight("text/plainer,text", text), 0);
	assert_int_equal(weight("", text), 0);
	assert_int_equal(weight(NULL, text), 0);
}

static bool has(const char *header)
{
	struct request r = { .if_none_match = header };

	return request_has(&r, "\"a,7\"");
}

static void tags(void **state)
{
	(void)state;
	assert_true(has("\"a,7\""));
	assert_true(has("W/\"a,7\""));
	assert_true(has("\"x\", \"y,z\" , W/\"a,7\" ,\"b\""));
	assert_true(has("*"));
	assert_false(has(NULL));
	assert_false(has(""));
	assert_false(has("\"a,78\""));
	assert_false(has("\"a\",7\""));
	assert_false(has("a,7"));
	assert_false(has("\"a,7"));
}

static void tokens(void **state)
{
	struct request r = make("/events/publisher.json?token=abc");

	(void)state;
	assert_string_equal(request_token(&r), "abc");
	r.authorization = "Bearer  xyz";
	assert_string_equal(request_token(&r), "xyz");
	r.authorization = "bearer q";
	assert_string_equal(request_token(&r), "q");
	r.authorization = "Basic eA==";
	assert_string_equal(request_token(&r), "abc");
	r.authorization = "Bearer";
	assert_string_equal(request_token(&r), "abc");
	request_deinit(&r);
	r = make("/");
	assert_null(request_token(&r));
	request_deinit(&r);
}

static void short_memory_is_told(void **state)
{
	struct request r;
	size_t n;

	(void)state;
	assert_true(alloc_fail_works());
	for (n = 1;; n++) {
		int err;

		alloc_fail_arm(n);
		err = request_init("GET", "/a?b=c", &r);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(err, -ENOMEM);
	}
	request_deinit(&r);
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods),
		cmocka_unit_test(paths_and_parameters),
		cmocka_unit_test(targets_may_be_whole),
		cmocka_unit_test(no_escape_stands_for_itself),
		cmocka_unit_test(bad_targets_are_refused),
		cmocka_unit_test(codings),
		cmocka_unit_test(types),
		cmocka_unit_test(types_are_weighed),
		cmocka_unit_test(tags),
		cmocka_unit_test(tokens),
		cmocka_unit_test(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
