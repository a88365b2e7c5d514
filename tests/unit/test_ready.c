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
#include "answer.h"
#include "exposition.h"
#include "ready.h"

#define SECOND UINT64_C(1000000000)

static struct hub *hub;
static struct board board;

static void wake(void *owner)
{
	(void)owner;
}

static int begin(void **state)
{
	(void)state;
	assert_int_equal(hub_create(8, wake, &hub), 0);
	board_init(hub, 0, &board);
	board.updated = SECOND;
	return 0;
}

static int end(void **state)
{
	(void)state;
	board_deinit(&board);
	hub_destroy(hub);
	return 0;
}

static void take(enum feed_kind kind, const char *broadcast, const char *track, const char *json,
		 uint64_t now)
{
	const struct feed_line line = { .kind = kind,
					.broadcast = broadcast,
					.track = track,
					.json = json,
					.len = strlen(json) };

	assert_int_equal(board_take(&board, &line, now), 0);
}

static void take_frames(const char *broadcast, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		take(FEED_FRAME, broadcast, tracks_two[i].name, "{}", SECOND);
}

static void take_status(const char *json)
{
	take(FEED_STATUS, NULL, NULL, json, SECOND);
}

/* What a request is answered with, at a time in seconds. */
static void expect(const char *path, uint64_t seconds, bool stranger, unsigned int status,
		   const char *body)
{
	const struct answer_source source = { .board = &board,
					      .now = seconds * SECOND,
					      .stale_after = 10 * SECOND,
					      .dead_after = 60 * SECOND };
	struct request r;
	struct answer a;

	assert_int_equal(request_init("GET", path, &r), 0);
	r.stranger = stranger;
	assert_int_equal(answer_make(&source, &r, &a), 0);
	assert_int_equal(a.status, status);
	assert_int_equal(a.len, strlen(body));
	assert_memory_equal(a.body, body, a.len);
	answer_deinit(&a);
	request_deinit(&r);
}

static void it_is_ready_when_all_are(void **state)
{
	(void)state;
	expect("/readyz", 1, false, 503, "not ready\nno relay is attached to\n");
	take_status("{\"broadcast\":\"a\"}");
	expect("/readyz", 1, false, 503, "not ready\na: its first tick is yet to come\n");
	take_frames("a", 4); /* none of sessions */
	expect("/readyz", 1, false, 503, "not ready\na: its first tick is yet to come\n");
	take_frames("a", TRACKS_OF_TWO);
	expect("/readyz", 1, false, 200, "ready\n");
	/* Every one of several. */
	take_status("{\"broadcast\":\"b\"}");
	expect("/readyz", 1, false, 503, "not ready\nb: its first tick is yet to come\n");
	take_frames("b", TRACKS_OF_TWO);
	expect("/readyz", 1, false, 200, "ready\n");
	take_status("{\"broadcast\":\"a\",\"ended\":true}");
	expect("/readyz", 1, false, 200, "ready\n");
	take_status("{\"broadcast\":\"b\",\"ended\":true}");
	expect("/readyz", 1, false, 503, "not ready\nno relay is attached to\n");
}

static void what_is_unavailable_is_named(void **state)
{
	static const char status[] =
		"{\"broadcast\":\"a\",\"probes\":{\"refused\":[{\"address\":4660,\"counter\":"
		"\"publisher.groups\",\"reason\":\"too hard\"}]},\"tracks\":{\"publisher.json\":{"
		"\"bytes\":{\"state\":\"exact\",\"reason\":\"seen\"},\"groups\":{\"state\":"
		"\"unavailable\",\"reason\":\"no probe\"},\"frames\":{\"state\":\"since-attach\"}},"
		"\"sessions.json\":{\"sessions\":{\"state\":\"unavailable\"}}}}";

	(void)state;
	take_frames("a", TRACKS_OF_TWO);
	take_status(status);
	expect("/readyz", 1, false, 503,
	       "not ready\n"
	       "a: publisher.json: groups is unavailable: no probe\n"
	       "a: sessions.json: sessions is unavailable: ?\n"
	       "a: no probe at site 0x1234 of publisher.groups: too hard\n");
	/* Strangers may know whether, but not what. */
	expect("/readyz", 1, true, 503, "not ready\n");
	take_status("{\"broadcast\":\"a\",\"tracks\":{}}");
	expect("/readyz", 1, true, 200, "ready\n");
	/* What has ended lacks nothing any more. */
	take_status(status);
	take_status("{\"broadcast\":\"a\",\"ended\":true}");
	assert_null(board_find(&board, "a")->lacks);
}

static void many_sites_are_summed_up(void **state)
{
	json_t *status = json_pack("{s:{s:[]}}", "probes", "refused"), *refused;
	char *text, *at;
	size_t i, lines = 0;

	(void)state;
	refused = json_object_get(json_object_get(status, "probes"), "refused");
	assert_int_equal(ready_lacks(status, &text), 0);
	assert_null(text);
	for (i = 0; i < READY_SITES_MAX + 7; i++)
		json_array_append_new(refused, json_pack("{s:i}", "address", (int)i));
	assert_int_equal(ready_lacks(status, &text), 0);
	for (at = text; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, READY_SITES_MAX + 1);
	assert_non_null(strstr(text, "no probe at 7 more sites\n"));
	free(text);
	json_decref(status);
}

static void silence_is_noticed(void **state)
{
	(void)state;
	take_status("{\"broadcast\":\"a\"}");
	take_frames("a", TRACKS_OF_TWO);
	take(FEED_HEALTH, NULL, NULL, "{}", 5 * SECOND);
	expect("/readyz", 15, false, 200, "ready\n");
	expect("/readyz", 16, false, 503, "not ready\nthe agent has not been heard of for 11 s\n");
	expect("/readyz", 4, false, 200, "ready\n");
	expect("/healthz", 65, false, 200, "alive\n");
	expect("/healthz", 66, true, 503, "not alive: no tick has been heard of for too long\n");
	/* One more line, and all is well. */
	take(FEED_HEALTH, NULL, NULL, "{}", 66 * SECOND);
	expect("/readyz", 67, false, 200, "ready\n");
	expect("/healthz", 67, false, 200, "alive\n");
	/* Where nobody knows when the next word is due, it is waited for. */
	assert_true(ready_alive(&board, 1000 * SECOND, 0));
}

static void an_end_is_an_end(void **state)
{
	(void)state;
	take_status("{\"broadcast\":\"a\"}");
	take_frames("a", TRACKS_OF_TWO);
	board.over = true;
	expect("/readyz", 1, false, 503,
	       "not ready\nwhat is served has come to its end: no tick will follow\n");
	expect("/healthz", 1, false, 200, "alive\n");
}

static int metrics(void *arg, bool openmetrics, char **out, size_t *len)
{
	(void)arg;
	*out = strdup(openmetrics ? "open" : "text");
	*len = 4;
	return *out ? 0 : -ENOMEM;
}

/* Which text /metrics gives to who asks so. */
static void expect_format(const char *accept, const char *format)
{
	const struct answer_source source = { .board = &board, .metrics = metrics };
	struct request r;
	struct answer a;

	assert_int_equal(request_init("GET", "/metrics", &r), 0);
	r.accept = accept;
	assert_int_equal(answer_make(&source, &r, &a), 0);
	assert_memory_equal(a.body, format, 4);
	assert_ptr_equal(
		a.type,
		exposition_types[format[0] == 'o' ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT]);
	answer_deinit(&a);
	request_deinit(&r);
}

static void the_format_is_what_is_liked_better(void **state)
{
	(void)state;
	expect_format(NULL, "text");
	expect_format("*/*", "text");
	expect_format("application/*", "text");
	expect_format("application/openmetrics-text", "open");
	expect_format("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.5", "open");
	expect_format("application/openmetrics-text;q=0.2,text/plain;version=0.0.4;q=0.9", "text");
	expect_format("application/openmetrics-text;q=0", "text");
	expect_format("application/openmetrics-text;version=1.0.0;q=0.2,"
		      "application/openmetrics-text;version=0.0.1;q=0.6,text/plain;q=0.5",
		      "open");
	expect_format("application/openmetrics-text;q=0.2,*/*;q=0.3", "text");
	/* Prometheus'. */
	expect_format("application/openmetrics-text;version=1.0.0,"
		      "application/openmetrics-text;version=0.0.1;q=0.75,"
		      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		      "open");
}

/* Whatever is asked for: nothing but -ENOMEM, and nothing is left behind. */
static void short_memory_is_told(void **state)
{
	static const char *const paths[] = {
		"/readyz",
		"/healthz",
		"/status",
		"/announced",
		"/announced/.stats",
		"/fetch/.stats/node/n1/sessions.json",
		"/fetch/.stats/node/n1/sessions.json?group=x",
		"/events?track=sessions.json",
	};
	const struct answer_source source = { .board = &board,
					      .now = 2 * SECOND,
					      .stale_after = 10 * SECOND };
	size_t i, n, failed = 0;

	(void)state;
	assert_true(alloc_fail_works());
	take_frames(".stats/node/n1", 3);
	take_status("{\"broadcast\":\".stats/node/n1\"}");
	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int err = -ENOMEM;

		for (n = 1; err; n++) {
			struct request r = { 0 };
			struct answer a = { 0 };

			alloc_fail_arm(n);
			err = request_init("GET", paths[i], &r);
			if (!err)
				err = answer_make(&source, &r, &a);
			if (alloc_fail_disarm()) {
				failed += err == -ENOMEM;
				assert_true(!err || err == -ENOMEM);
				err = -ENOMEM;
			} else {
				assert_int_equal(err, 0);
			}
			answer_deinit(&a);
			request_deinit(&r);
		}
	}
	assert_true(failed > sizeof(paths) / sizeof(*paths));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_ready_when_all_are, begin, end),
		cmocka_unit_test_setup_teardown(what_is_unavailable_is_named, begin, end),
		cmocka_unit_test_setup_teardown(many_sites_are_summed_up, begin, end),
		cmocka_unit_test_setup_teardown(silence_is_noticed, begin, end),
		cmocka_unit_test_setup_teardown(an_end_is_an_end, begin, end),
		cmocka_unit_test_setup_teardown(the_format_is_what_is_liked_better, begin, end),
		cmocka_unit_test_setup_teardown(short_memory_is_told, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
