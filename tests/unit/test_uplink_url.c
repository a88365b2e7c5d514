/* SPDX-License-Identifier: MIT */
/*
 * A relay's URL taken apart, and the token in a file's text.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lookup.h"
#include "uplink.h"
#include "uplinks.h"

struct expected {
	const char *url, *name, *host, *header, *target, *root;
	int port;
	bool tls;
};

static void urls_are_taken_apart(void **state)
{
	static const struct expected list[] = {
		{ "ws://127.0.0.1:4443/.stats", "ws://127.0.0.1:4443/.stats", "127.0.0.1",
		  "127.0.0.1:4443", "/.stats", "/.stats", 4443, false },
		{ "wss://relay.example/.stats", "wss://relay.example:443/.stats", "relay.example",
		  "relay.example", "/.stats", "/.stats", 443, true },
		{ "ws://relay.example", "ws://relay.example:80/", "relay.example", "relay.example",
		  "/", "/", 80, false },
		{ "wss://relay.example:80/a//b/?jwt=s3cr3t", "wss://relay.example:80/a//b/",
		  "relay.example", "relay.example:80", "/a//b/?jwt=s3cr3t", "/a//b/", 80, true },
		{ "ws://[::1]:4443/", "ws://[::1]:4443/", "::1", "[::1]:4443", "/", "/", 4443,
		  false },
		{ "ws://a/%2e%73tats", "ws://a:80/%2e%73tats", "a", "a", "/%2e%73tats", "/.stats",
		  80, false },
	};
	struct uplink_url u;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		assert_int_equal(uplink_url_parse(list[i].url, &u), 0);
		assert_string_equal(u.name, list[i].name);
		assert_string_equal(u.host, list[i].host);
		assert_string_equal(u.header, list[i].header);
		assert_string_equal(u.target, list[i].target);
		assert_string_equal(u.root, list[i].root);
		assert_int_equal(u.port, list[i].port);
		assert_int_equal(u.tls, list[i].tls);
		uplink_url_deinit(&u);
		assert_null(u.name);
	}
	uplink_url_deinit(NULL);
}

static void what_is_no_url_is_refused(void **state)
{
	static const char *const list[] = { "",
					    "/",
					    "ws://",
					    "http://a/",
					    "https://a/",
					    "wsx://a/",
					    "a:4443",
					    "ws://a:99999/",
					    "ws://a:x/",
					    "ws://me@a/",
					    "ws://me:secret@a/",
					    "ws://a/\"",
					    "ws://a/\\",
					    "ws://a/\n",
					    "ws://a/\x80",
					    "ws://a b/" };
	struct uplink_url u = { .port = 7 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_int_equal(uplink_url_parse(list[i], &u), -EINVAL);
	assert_int_equal(u.port, 7);
}

static void a_token_is_one_line(void **state)
{
	static const char *const bad[] = {
		"", "\n", "a b", "a\nb", "a\n\nb\n", "a&x=1", " a", "a%"
	};
	char *token = NULL;
	size_t i;

	(void)state;
	assert_int_equal(uplinks_token("eyJ0.e-_A.x~+/=", "f", &token), 0);
	assert_string_equal(token, "eyJ0.e-_A.x~+/=");
	free(token);
	assert_int_equal(uplinks_token("abc\r\n\n", "f", &token), 0);
	assert_string_equal(token, "abc");
	free(token);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(uplinks_token(bad[i], "f", &token), -EINVAL);
}

static void lists_of_urls_are_checked(void **state)
{
	struct uplinks_options o = { 0 };

	(void)state;
	assert_int_equal(uplinks_check(&o), 0);
	o.urls = " ws://a/b\tws://a/c  ";
	assert_int_equal(uplinks_check(&o), 0);
	o.urls = "  ";
	assert_int_equal(uplinks_check(&o), -EINVAL);
	/* The same, said in two ways. */
	o.urls = "ws://a/b ws://a:80/b";
	assert_int_equal(uplinks_check(&o), -EINVAL);
	o.urls = "ws://a/1 ws://a/2 ws://a/3 ws://a/4 ws://a/5 ws://a/6 ws://a/7 ws://a/8";
	assert_int_equal(uplinks_check(&o), 0);
	o.urls = "ws://a/1 ws://a/2 ws://a/3 ws://a/4 ws://a/5 ws://a/6 ws://a/7 ws://a/8 ws://a/9";
	assert_int_equal(uplinks_check(&o), -E2BIG);
	o.urls = "ws://a/b";
	o.token_file = "/nowhere/token";
	assert_int_equal(uplinks_check(&o), -ENOENT);
}

static void addresses_need_no_looking(void **state)
{
	char address[LOOKUP_ADDRESS_MAX];
	struct lookup *l;
	unsigned int count = 0;
	const char *why;

	(void)state;
	assert_int_equal(lookup_create("127.0.0.7", &l), 0);
	assert_int_equal(lookup_address(l, 3, address, &count, &why), 0);
	assert_string_equal(address, "127.0.0.7");
	assert_int_equal(count, 1);
	lookup_destroy(l);
	assert_int_equal(lookup_create("::1", &l), 0);
	assert_int_equal(lookup_address(l, 0, address, &count, &why), 0);
	assert_string_equal(address, "::1");
	lookup_destroy(l);
	lookup_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_taken_apart),
		cmocka_unit_test(what_is_no_url_is_refused),
		cmocka_unit_test(a_token_is_one_line),
		cmocka_unit_test(lists_of_urls_are_checked),
		cmocka_unit_test(addresses_need_no_looking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
