/* SPDX-License-Identifier: MIT */
/*
 * The replication metrics' own tests have their counterparts here and in three files beside this
 * one (replication-metrics text):
 *
 *   registry_starts_empty                      here and test_ledger: it_starts_empty
 *   for_channel_is_idempotent,
 *     distinct_channels_get_distinct_counters,
 *     counters_increment_in_isolation,
 *     snapshot_sorts_by_channel_name           test_ledger: each_name_has_counts_of_its_own
 *   overflow_folds_past_cap,
 *     concurrent_inserts_at_cap_converge_within_one_extra_slot (here one thread: those of a tick)
 *                                              test_ledger: newcomers_past_the_cap_share_a_place
 *   previously_seen_channel_skips_overflow_after_cap     known_ones_keep_their_series
 *   prometheus_text_emits_every_metric                   each_family_is_said_once
 *   lag_starts_unobserved_then_records,
 *     prometheus_text_omits_unobserved_lag_roles         what_is_not_known_is_not_there
 *   prometheus_text_escapes_label_quotes_and_backslashes
 *                                              test_ledger, test_exposition: labels_are_escaped
 *   totals_aggregates_across_channels                    all_broadcasts_add_up
 *   lag_record_saturating_on_oversize_duration,
 *     lag_saturated_constant_does_not_collide_with_sentinel (there is no sentinel here)
 *                                              test_histogram: the_sum_stays_at_its_largest
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <moqstat.h>

#include "alloc_fail.h"
#include "collect_format.h"
#include "health.h"
#include "metrics.h"

#define GOLDEN "tests/unit/golden/"
#define NODE   ".stats/node/sjc"

/* One row of a broadcast: announced, broadcasts, subscriptions, each begun and ended; bytes,
 * frames, groups. */
#define ROW(name, a, ac, b, bc, s, sc, bytes, frames, groups)                                   \
	"\"" name "\":{\"announced\":" #a ",\"announced_closed\":" #ac ",\"broadcasts\":" #b    \
	",\"broadcasts_closed\":" #bc ",\"subscriptions\":" #s ",\"subscriptions_closed\":" #sc \
	",\"bytes\":" #bytes ",\"frames\":" #frames ",\"groups\":" #groups "}"
#define ROOT(name, s, sc) "\"" name "\":{\"sessions\":" #s ",\"sessions_closed\":" #sc "}"

static struct metrics *make(size_t places)
{
	struct metrics *m;

	assert_int_equal(metrics_create(places, &m), 0);
	return m;
}

static void take(struct metrics *m, const char *node, const char *track, const char *frame)
{
	assert_int_equal(metrics_frame(m, node, track, frame, strlen(frame)), 0);
}

/* What a status says of a field. */
static void set_state(json_t *status, const char *track, const char *field, const char *state)
{
	json_t *tracks = json_object_get(status, "tracks");

	if (!json_object_get(tracks, track))
		json_object_set_new(tracks, track, json_object());
	json_object_set_new(json_object_get(tracks, track), field,
			    json_pack("{s:s, s:s}", "state", state, "reason", "because"));
}

static json_t *make_status(const char *node, bool ended)
{
	json_t *status =
		json_pack("{s:s, s:{s:i, s:s, s:s, s:s}, s:{s:s, s:i}, s:{}, s:s, s:b}", "version",
			  "0.2.0", "relay", "pid", 4321, "build_id", "c0ffee", "layout",
			  "moq-net 0.1.8", "statistics", "off", "probes", "kind", "uprobe_multi",
			  "sites", 509, "tracks", "broadcast", node, "ended", ended);

	assert_non_null(status);
	return status;
}

static void take_status(struct metrics *m, json_t *status)
{
	assert_int_equal(metrics_status(m, status), 0);
	json_decref(status);
}

static char *render(struct metrics *m, enum exposition_format format, struct frame_buf *buf)
{
	assert_int_equal(metrics_render(m, NULL, format, buf), 0);
	assert_int_equal(buf->len, strlen(buf->data));
	return buf->data;
}

/* Is there this line? */
static bool has(const char *text, const char *line)
{
	size_t len = strlen(line);
	const char *at;

	for (at = text; (at = strstr(at, line)); at++) {
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	}
	return false;
}

static void expect(struct metrics *m, const char *line)
{
	struct frame_buf buf = { 0 };

	if (!has(render(m, EXPOSITION_TEXT, &buf), line))
		fail_msg("not there: %s\n%s", line, buf.data);
	frame_buf_deinit(&buf);
}

static void expect_not(struct metrics *m, const char *part)
{
	struct frame_buf buf = { 0 };

	if (strstr(render(m, EXPOSITION_TEXT, &buf), part))
		fail_msg("there: %s\n%s", part, buf.data);
	frame_buf_deinit(&buf);
}

/* ---- what there may be ---- */

static void take_health(struct metrics *m)
{
	static const struct health_program programs[] = {
		{ "peek", 5, HEALTH_UNKNOWN, HEALTH_UNKNOWN, 7 },
		{ "bump", 19, 23, 4100, 0 },
		{ "forget", HEALTH_UNKNOWN, HEALTH_UNKNOWN, HEALTH_UNKNOWN, HEALTH_UNKNOWN },
	};
	static const struct health_map maps[] = { { "opened", 12, 65536 }, { "lost", 17, 17 } };
	uint64_t lost[MOQSTAT_LOST_MAX] = { [MOQSTAT_LOST_ENTRY_UNKNOWN] = 3 };
	const struct health_budget budget = { .limit_ppm = 10000,
					      .cost_ppm = 1234567,
					      .now = { [BUDGET_FRAMES] = true },
					      .times = {
						      [BUDGET_FRAMES] = 3, [BUDGET_BYTES] = 1 } };
	struct histogram tick = { 0 };
	struct health_relay relays[] = {
		{ .broadcast = NODE,
		  .programs = programs,
		  .programs_len = 3,
		  .maps = maps,
		  .maps_len = 2,
		  .lost = lost },
		{ .broadcast = ".stats/node/a\"b", .maps = maps, .maps_len = 1 },
	};
	struct health h = { .ticks = 812,
			    .interval_ns = 250000000,
			    .skipped = 1,
			    .cpu_ns = 1230000000,
			    .resident_bytes = HEALTH_UNKNOWN,
			    .tick = &tick,
			    .budget = &budget,
			    .relays = relays,
			    .relays_len = 2 };
	json_t *json;

	histogram_observe(&tick, 300000);
	histogram_observe(&tick, 7000000);
	json = health_json(&h);
	assert_int_equal(metrics_health(m, json), 0);
	json_decref(json);
}

static const struct hub_counts hub = {
	.sessions = 2, .subscriptions = 5, .sent = 91, .dropped = 13, .lagging = 1, .stale = 4
};
static const struct http_counts http = {
	.connections = 3, .accepted = 17, .refused = 1, .requests = 29, .denied = 2, .cut = 5
};
static const bool ready = true;
static const struct metrics_served served = { .hub = &hub, .http = &http, .ready = &ready };

/* Two relays, one of which has ended; names that are hostile; more broadcasts than places. */
static struct metrics *make_full(void)
{
	struct metrics *m = make(3);
	json_t *status = make_status(NODE, false);

	set_state(status, "publisher.json", "announced_closed", "unavailable");
	set_state(status, "publisher.json", "bytes", "since-attach");
	set_state(status, "internal/sessions.json", "sessions", "exact");
	take_status(m, status);
	take(m, NODE, "publisher.json",
	     "{" ROW("__unattributed__", 2, 0, 1, 0, 3, 1, 700, 7,
		     1) "," ROW("demo/bbb", 1, 0, 2, 1, 5, 2, 23000, 23,
				7) "," ROW("demo/caf\xc3\xa9 \\\"x\\\"\\n\\\\y\\u0001", 1, 0, 0, 0,
					   0, 0, 0, 0, 0) "}");
	take(m, NODE, "subscriber.json",
	     "{" ROW("demo/bbb", 1, 0, 1, 0, 2, 0, 23000, 23,
		     7) "," ROW("late/1", 1, 0, 1, 0, 2, 0, 100, 10,
				1) "," ROW("late/2", 1, 0, 1, 0, 2, 0, 100, 10,
					   1) "," ROW("later/3", 1, 1, 1, 1, 2, 2,
						      18446744073709551615, 1, 1) "}");
	take(m, NODE, "sessions.json", "{" ROOT("", 5, 2) "," ROOT("demo", 3, 0) "}");
	take(m, NODE, "internal/sessions.json", "{" ROOT("cluster", 1, 0) "}");

	take_status(m, make_status(".stats/node", false));
	take(m, ".stats/node", "publisher.json", "{" ROW("old", 1, 0, 2, 0, 4, 0, 640, 64, 4) "}");
	take_status(m, make_status(".stats/node", true));
	take_health(m);
	return m;
}

/* ---- files and other readers ---- */

static char *read_file(const char *name)
{
	FILE *file = fopen(name, "r");
	size_t size = 1 << 20, len;
	char *text = malloc(size);

	if (!file)
		fail_msg("cannot read %s: run from the top of the source tree", name);
	len = fread(text, 1, size - 1, file);
	text[len] = '\0';
	fclose(file);
	return text;
}

/* The text is as it was; UPDATE_GOLDEN=1 writes what it is now. */
static void expect_golden(const char *name, const char *text)
{
	FILE *file;
	char *expected;

	if (getenv("UPDATE_GOLDEN")) {
		file = fopen(name, "w");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	expected = read_file(name);
	if (strcmp(expected, text))
		fail_msg("other than %s (UPDATE_GOLDEN=1 writes it anew):\n%s", name, text);
	free(expected);
}

/* Let a command read the text; it must find nothing to say. */
static void expect_accepted(const char *command, const char *text)
{
	FILE *pipe = popen(command, "w");
	int status;

	assert_non_null(pipe);
	fputs(text, pipe);
	status = pclose(pipe);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("`%s` says no (127: it isn't there, see `make deps`): status %d", command,
			 WEXITSTATUS(status));
}

static void text_is_as_it_was(void **state)
{
	struct metrics *m = make_full();
	struct frame_buf buf = { 0 };

	(void)state;
	assert_int_equal(metrics_render(m, &served, EXPOSITION_TEXT, &buf), 0);
	expect_golden(GOLDEN "metrics.txt", buf.data);
	expect_accepted("promtool check metrics", buf.data);
	frame_buf_deinit(&buf);
	metrics_destroy(m);
}

/* The reader of the Python client (Debian's) is the strictest there is. */
static void openmetrics_is_as_it_was(void **state)
{
	struct metrics *m = make_full();
	struct frame_buf buf = { 0 };

	(void)state;
	assert_int_equal(metrics_render(m, &served, EXPOSITION_OPENMETRICS, &buf), 0);
	expect_golden(GOLDEN "metrics.openmetrics", buf.data);
	expect_accepted(
		"/usr/bin/python3 -c 'import sys\n"
		"from prometheus_client.openmetrics import parser\n"
		"text = sys.stdin.buffer.read().decode()\n"
		"n = sum(len(f.samples) for f in parser.text_string_to_metric_families(text))\n"
		"lines = [l for l in text.split(\"\\n\") if l and l[0] != \"#\"]\n"
		"sys.exit(n != len(lines) or n < 100)'",
		buf.data);
	frame_buf_deinit(&buf);
	metrics_destroy(m);
}

/* Those readers do find what is wrong. */
static void what_is_wrong_is_found(void **state)
{
	(void)state;
	assert_int_not_equal(system("printf 'a{b=\"} 1\\n' | promtool check metrics 2> /dev/null"),
			     0);
	assert_int_not_equal(
		system("printf '# TYPE a counter\\na 1\\n# EOF\\n' | /usr/bin/python3 -c 'import sys\n"
		       "from prometheus_client.openmetrics import parser\n"
		       "list(parser.text_string_to_metric_families(sys.stdin.read()))' "
		       "2> /dev/null"),
		0);
}

/* ---- what the texts' tests say ---- */

/* registry_starts_empty */
static void it_starts_empty(void **state)
{
	struct metrics *m = make(3);
	struct frame_buf buf = { 0 };

	(void)state;
	assert_string_equal(render(m, EXPOSITION_TEXT, &buf),
			    "# HELP moqstat_relays Relays that are watched now\n"
			    "# TYPE moqstat_relays gauge\n"
			    "moqstat_relays 0\n"
			    "# HELP moqstat_build_info The version that serves this\n"
			    "# TYPE moqstat_build_info gauge\n"
			    "moqstat_build_info{version=\"" MOQSTAT_VERSION "\"} 1\n");
	frame_buf_deinit(&buf);
	metrics_destroy(m);
	metrics_destroy(NULL);
}

/* prometheus_text_emits_every_metric: each once, in both formats. */
static void each_family_is_said_once(void **state)
{
	static const char *const families[] = {
		"broadcast_announced",
		"broadcast_announced_closed",
		"broadcast_broadcasts",
		"broadcast_broadcasts_closed",
		"broadcast_subscriptions",
		"broadcast_subscriptions_closed",
		"broadcast_bytes",
		"broadcast_frames",
		"broadcast_groups",
		"announced",
		"announced_closed",
		"broadcasts",
		"broadcasts_closed",
		"subscriptions",
		"subscriptions_closed",
		"bytes",
		"frames",
		"groups",
		"root_sessions",
		"root_sessions_closed",
		"sessions",
		"sessions_closed",
	};
	struct metrics *m = make_full();
	struct frame_buf buf = { 0 };
	const char *at;
	char line[128];
	size_t i, types = 0, helps = 0;

	(void)state;
	render(m, EXPOSITION_TEXT, &buf);
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		snprintf(line, sizeof(line), "# TYPE moqstat_%s_total counter", families[i]);
		if (!has(buf.data, line))
			fail_msg("not there: %s", line);
	}
	for (at = buf.data; (at = strstr(at, "# TYPE ")); at++) {
		types++;
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		assert_null(strstr(at + 1, line));
	}
	for (at = buf.data; (at = strstr(at, "# HELP ")); at++)
		helps++;
	assert_int_equal(types, helps);
	assert_true(types > sizeof(families) / sizeof(families[0]));
	frame_buf_deinit(&buf);
	metrics_destroy(m);
}

/* lag_starts_unobserved_then_records, prometheus_text_omits_unobserved_lag_roles */
static void what_is_not_known_is_not_there(void **state)
{
	struct metrics *m = make(3);

	(void)state;
	take(m, NODE, "publisher.json", "{" ROW("a", 1, 0, 1, 0, 1, 0, 1, 1, 1) "}");
	expect(m,
	       "moqstat_broadcast_viewers{node=\"" NODE "\",broadcast=\"a\",tier=\"external\"} 1");
	expect_not(m, "role=\"subscriber\"");
	expect_not(m, "upstreams");
	expect_not(m, "tier=\"internal\"");
	expect_not(m, "sessions_total");
	expect_not(m, "announced_bytes");
	expect_not(m, "seconds");
	expect_not(m, "NaN");
	take_health(m);
	expect(m, "moqstat_tick_duration_seconds_count 2");
	expect(m, "moqstat_program_missed_total{node=\"" NODE "\",program=\"peek\"} 7");
	expect(m, "moqstat_program_hits_total{node=\"" NODE "\",program=\"peek\"} 5");
	expect(m, "moqstat_program_runs_total{node=\"" NODE "\",program=\"bump\"} 23");
	expect_not(m, "moqstat_program_runs_total{node=\"" NODE "\",program=\"peek\"}");
	expect_not(m, "program=\"forget\"");
	expect(m, "moqstat_tick_interval_seconds 0.25");
	expect_not(m, "tick_lag");
	expect_not(m, "resident");
	/* A later layout has one more. */
	take(m, NODE, "subscriber.json", "{\"a\":{\"announced\":1,\"announced_bytes\":9}}");
	expect(m, "moqstat_broadcast_announced_bytes_total{node=\"" NODE
		  "\",broadcast=\"a\",tier=\"external\",role=\"subscriber\"} 9");
	metrics_destroy(m);
}

/* totals_aggregates_across_channels */
static void all_broadcasts_add_up(void **state)
{
	struct metrics *m = make(1);

	(void)state;
	take(m, NODE, "publisher.json",
	     "{" ROW("a", 1, 0, 1, 0, 1, 0, 100, 1, 1) "," ROW("b", 2, 0, 2, 0, 2, 0, 200, 2,
							       2) "}");
	expect(m,
	       "moqstat_bytes_total{node=\"" NODE "\",tier=\"external\",role=\"publisher\"} 300");
	expect(m, "moqstat_viewers{node=\"" NODE "\",tier=\"external\"} 3");
	expect(m, "moqstat_broadcast_bytes_total{node=\"" NODE
		  "\",broadcast=\"__overflow__\",tier=\"external\",role=\"publisher\"} 200");
	take(m, NODE, "publisher.json", "{}");
	expect(m,
	       "moqstat_bytes_total{node=\"" NODE "\",tier=\"external\",role=\"publisher\"} 300");
	expect(m, "moqstat_viewers{node=\"" NODE "\",tier=\"external\"} 0");
	expect(m, "moqstat_broadcast_bytes_total{node=\"" NODE
		  "\",broadcast=\"__overflow__\",tier=\"external\",role=\"publisher\"} 200");
	expect_not(m, "broadcast=\"a\"");
	metrics_destroy(m);
}

/* Rows that come in several broadcasts are those of one node; one that ends takes its rows along,
 * and totals stay. */
static void several_broadcasts_are_one_node(void **state)
{
	static const char a[] = "{" ROW("a/x", 1, 0, 1, 0, 1, 0, 100, 1, 1) "}";
	static const char b[] = "{" ROW("b", 2, 0, 2, 0, 2, 0, 200, 2, 2) "}";
	struct metrics *m = make(7);
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(
			metrics_frame_of(m, NODE, "p/a/node", "publisher.json", a, strlen(a)), 0);
		assert_int_equal(
			metrics_frame_of(m, NODE, "p/b/node", "publisher.json", b, strlen(b)), 0);
		take(m, NODE, "publisher.json", "{}");
		expect(m, "moqstat_broadcast_bytes_total{node=\"" NODE
			  "\",broadcast=\"a/x\",tier=\"external\",role=\"publisher\"} 100");
		expect(m, "moqstat_broadcast_bytes_total{node=\"" NODE
			  "\",broadcast=\"b\",tier=\"external\",role=\"publisher\"} 200");
		expect(m, "moqstat_viewers{node=\"" NODE "\",tier=\"external\"} 3");
	}
	expect(m,
	       "moqstat_bytes_total{node=\"" NODE "\",tier=\"external\",role=\"publisher\"} 300");
	assert_int_equal(metrics_end(m, NODE, "p/a/node"), 0);
	assert_int_equal(metrics_end(m, NODE, "p/a/node"), 0);
	assert_int_equal(metrics_end(m, "none", "p/a/node"), 0);
	expect_not(m, "broadcast=\"a/x\"");
	expect(m, "moqstat_viewers{node=\"" NODE "\",tier=\"external\"} 2");
	expect(m,
	       "moqstat_bytes_total{node=\"" NODE "\",tier=\"external\",role=\"publisher\"} 300");
	/* The relay's own end is that of all. */
	take_status(m, make_status(NODE, true));
	expect_not(m, "broadcast=\"b\"");
	expect(m,
	       "moqstat_bytes_total{node=\"" NODE "\",tier=\"external\",role=\"publisher\"} 300");
	take(m, NODE, "publisher.json", b);
	assert_int_equal(metrics_end(m, NODE, NODE), 0);
	expect_not(m, "broadcast=\"b\"");
	metrics_destroy(m);
}

/* previously_seen_channel_skips_overflow_after_cap, at its real size. */
static void known_ones_keep_their_series(void **state)
{
	struct metrics *m = make(1024);
	static char frame[1 << 20];
	size_t at, i, n;
	struct frame_buf buf = { 0 };
	const char *line;

	(void)state;
	for (n = 1; n <= 4; n++) {
		at = snprintf(frame, sizeof(frame), "{");
		/* Newcomers are before those that are known. */
		for (i = 4000 - n * 1000; i < 4000; i++)
			at += snprintf(frame + at, sizeof(frame) - at,
				       "%s\"%04zu\":{\"announced\":%zu,\"announced_closed\":0}",
				       at > 1 ? "," : "", i, n);
		snprintf(frame + at, sizeof(frame) - at, "}");
		take(m, NODE, "publisher.json", frame);
	}
	render(m, EXPOSITION_TEXT, &buf);
	for (i = 3000; i < 4000; i++) {
		snprintf(frame, sizeof(frame), "broadcast=\"%04zu\"", i);
		if (!strstr(buf.data, frame))
			fail_msg("gone: %s", frame);
	}
	for (n = 0, line = buf.data; (line = strstr(line, "\nmoqstat_broadcast_announced_total{"));
	     line++)
		n++;
	assert_int_equal(n, 1024 + 1);
	assert_true(has(buf.data, "moqstat_rows{node=\"" NODE
				  "\",kind=\"broadcast\",series=\"overflow\"} 2976"));
	assert_true(has(buf.data, "moqstat_announced_total{node=\"" NODE
				  "\",tier=\"external\",role=\"publisher\"} 16000"));
	frame_buf_deinit(&buf);
	metrics_destroy(m);
}

/* ---- the rest ---- */

static void a_field_that_is_unavailable_has_no_samples(void **state)
{
	struct metrics *m = make(3);
	json_t *status = make_status(NODE, false);

	(void)state;
	set_state(status, "publisher.json", "bytes", "unavailable");
	set_state(status, "publisher.json", "broadcasts_closed", "unavailable");
	set_state(status, "subscriber.json", "bytes", "since-attach");
	take_status(m, status);
	take(m, NODE, "publisher.json", "{" ROW("a", 1, 0, 1, 0, 1, 0, 10, 1, 1) "}");
	take(m, NODE, "subscriber.json", "{" ROW("a", 1, 0, 1, 0, 1, 0, 10, 1, 1) "}");
	expect_not(m, "bytes_total{node=\"" NODE
		      "\",broadcast=\"a\",tier=\"external\",role=\"publisher\"");
	expect_not(m, "bytes_total{node=\"" NODE "\",tier=\"external\",role=\"publisher\"");
	expect_not(m, "viewers");
	expect(m,
	       "moqstat_bytes_total{node=\"" NODE "\",tier=\"external\",role=\"subscriber\"} 10");
	expect(m, "moqstat_broadcast_upstreams{node=\"" NODE
		  "\",broadcast=\"a\",tier=\"external\"} 1");
	expect(m, "moqstat_field_state{node=\"" NODE
		  "\",track=\"publisher.json\",field=\"bytes\",state=\"unavailable\"} 1");
	expect(m, "moqstat_field_state{node=\"" NODE
		  "\",track=\"subscriber.json\",field=\"bytes\",state=\"since-attach\"} 1");
	/* It was counted all the while. */
	take_status(m, make_status(NODE, false));
	expect(m, "moqstat_bytes_total{node=\"" NODE "\",tier=\"external\",role=\"publisher\"} 10");
	metrics_destroy(m);
}

/* Where tiers are labels, of which there may be many. */
static void each_label_is_a_tier(void **state)
{
	struct metrics *m = make(40);
	char name[64], text[128];
	int i;

	(void)state;
	take_status(m, make_status(NODE, false));
	take(m, NODE, "publisher.json", "{\"a\":{\"bytes\":1,\"fetches\":2,\"datagrams\":3}}");
	for (i = 1; i < 5; i++) {
		snprintf(name, sizeof(name), "l\"%d/subscriber.json", i);
		snprintf(text, sizeof(text), "{\"a\":{\"bytes\":%d}}", 10 * i);
		take(m, NODE, name, text);
		snprintf(name, sizeof(name), "l\"%d/sessions.json", i);
		snprintf(text, sizeof(text), "{\"r\":{\"sessions\":%d,\"sessions_closed\":1}}", i);
		take(m, NODE, name, text);
	}
	expect(m, "moqstat_broadcast_fetches_total{node=\"" NODE
		  "\",broadcast=\"a\",tier=\"external\",role=\"publisher\"} 2");
	expect(m,
	       "moqstat_datagrams_total{node=\"" NODE "\",tier=\"external\",role=\"publisher\"} 3");
	for (i = 1; i < 5; i++) {
		snprintf(text, sizeof(text),
			 "moqstat_broadcast_bytes_total{node=\"" NODE
			 "\",broadcast=\"a\",tier=\"l\\\"%d\",role=\"subscriber\"} %d",
			 i, 10 * i);
		expect(m, text);
		snprintf(text, sizeof(text),
			 "moqstat_root_sessions_total{node=\"" NODE
			 "\",tier=\"l\\\"%d\",root=\"r\"} %d",
			 i, i);
		expect(m, text);
	}
	expect(m, "moqstat_rows{node=\"" NODE "\",kind=\"root\",series=\"own\"} 4");
	metrics_destroy(m);
}

static void a_relay_that_has_ended_leaves_its_totals(void **state)
{
	struct metrics *m = make(3);
	const char *total =
		"moqstat_bytes_total{node=\"" NODE "\",tier=\"external\",role=\"publisher\"} ";
	char line[128];

	(void)state;
	take_status(m, make_status(NODE, false));
	expect(m, "moqstat_relays 1");
	expect(m, "moqstat_relay_up{node=\"" NODE "\"} 1");
	take(m, NODE, "publisher.json", "{" ROW("a", 1, 0, 1, 0, 1, 0, 10, 1, 1) "}");
	take_status(m, make_status(NODE, true));
	expect(m, "moqstat_relays 0");
	expect(m, "moqstat_relay_up{node=\"" NODE "\"} 0");
	snprintf(line, sizeof(line), "%s10", total);
	expect(m, line);
	expect_not(m, "broadcast=");
	expect_not(m, "viewers");
	expect_not(m, "moqstat_relay_info");
	expect_not(m, "moqstat_field_state");
	/* Its name is another relay's. */
	take_status(m, make_status(NODE, false));
	expect(m, "moqstat_relay_up{node=\"" NODE "\"} 1");
	take(m, NODE, "publisher.json", "{" ROW("a", 1, 0, 1, 0, 1, 0, 11, 1, 1) "}");
	snprintf(line, sizeof(line), "%s21", total);
	expect(m, line);
	expect(m, "moqstat_broadcast_bytes_total{node=\"" NODE
		  "\",broadcast=\"a\",tier=\"external\",role=\"publisher\"} 11");
	metrics_destroy(m);
}

/* Each restart may have a name of its own: of those that have ended little is kept. (Nothing is
 * seen of that where another allocator is in the place of libc's.) */
static void what_has_ended_takes_little(void **state)
{
	static char frame[1 << 20];
	struct metrics *m = make(3);
	size_t at = 1, i, before = mallinfo2().uordblks;
	char node[32];

	(void)state;
	frame[0] = '{';
	for (i = 0; i < 1000; i++)
		at += snprintf(frame + at, sizeof(frame) - at, "%s\"room/%04zu\":{\"announced\":1}",
			       i ? "," : "", i);
	snprintf(frame + at, sizeof(frame) - at, "}");
	for (i = 0; i < 50; i++) {
		snprintf(node, sizeof(node), "n%zu", i);
		take_status(m, make_status(node, false));
		take(m, node, "publisher.json", frame);
		take(m, node, "subscriber.json", frame);
		take_status(m, make_status(node, true));
	}
	assert_in_range((mallinfo2().uordblks - before) / 50, 0, 8192);
	expect(m, "moqstat_announced_total{node=\"n7\",tier=\"external\",role=\"publisher\"} 1000");
	/* One that is there again is counted on. */
	take(m, "n7", "publisher.json", frame);
	expect(m, "moqstat_announced_total{node=\"n7\",tier=\"external\",role=\"publisher\"} 2000");
	metrics_destroy(m);
}

static void nodes_are_bounded(void **state)
{
	struct metrics *m = make(3);
	char node[32];
	size_t i;

	(void)state;
	for (i = 0; i < METRICS_NODES_MAX; i++) {
		snprintf(node, sizeof(node), "n%zu", i);
		take(m, node, "publisher.json", "{}");
	}
	assert_int_equal(metrics_frame(m, "more", "publisher.json", "{}", 2), -ENOSPC);
	take_status(m, make_status("n7", true));
	take_status(m, make_status("n3", true));
	take(m, "more", "publisher.json", "{}");
	expect_not(m, "node=\"n7\"");
	expect(m, "moqstat_bytes_total{node=\"n3\",tier=\"external\",role=\"publisher\"} 0");
	expect(m, "moqstat_bytes_total{node=\"more\",tier=\"external\",role=\"publisher\"} 0");
	metrics_destroy(m);
}

static int take_line(struct metrics *m, enum feed_kind kind, const char *json)
{
	return metrics_take(m, &(struct feed_line){ .kind = kind,
						    .broadcast = NODE,
						    .track = "publisher.json",
						    .json = json,
						    .len = strlen(json) });
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct metrics *m = make(3);
	json_t *array = json_array(), *odd;
	size_t i;
	static const char *const odds[] = {
		"{\"relays\":[],\"ticks\":\"1\",\"tick\":1,\"lag\":{}}",
		"{\"relays\":{\"n\":1,\"m\":{\"programs\":[1],\"maps\":{\"a\":1},"
		"\"lost\":{\"b\":-1}}}}",
	};

	(void)state;
	assert_int_equal(metrics_frame(m, NODE, "other.json", "{}", 2), -ENOENT);
	assert_int_equal(metrics_frame(m, NODE, "publisher.json", "{", 1), -EBADMSG);
	assert_int_equal(metrics_status(m, array), -EBADMSG);
	assert_int_equal(metrics_health(m, array), -EBADMSG);
	assert_int_equal(take_line(m, FEED_STATUS, "{"), -EBADMSG);
	assert_int_equal(take_line(m, FEED_HEALTH, "[]"), -EBADMSG);
	assert_int_equal(take_line(m, FEED_FRAME, "["), -EBADMSG);
	json_decref(array);
	for (i = 0; i < sizeof(odds) / sizeof(odds[0]); i++) {
		odd = json_loads(odds[i], 0, NULL);
		assert_int_equal(metrics_health(m, odd), 0);
		assert_int_equal(metrics_status(m, odd), 0);
		json_object_set_new(odd, "broadcast", json_string(NODE));
		json_object_set_new(odd, "tracks", json_array());
		json_object_set_new(odd, "relay", json_array());
		assert_int_equal(metrics_status(m, odd), 0);
		json_decref(odd);
		expect_not(m, "lost_events");
		expect_not(m, "moqstat_ticks");
	}
	/* A replay's names no broadcast. */
	odd = json_pack("{s:s, s:s}", "version", "0.2.0", "replay", "file");
	assert_int_equal(metrics_status(m, odd), 0);
	json_decref(odd);
	metrics_destroy(m);
}

/* A place is free from the next tick on, whether or not anybody looked in between. */
static void the_tracks_order_tells_ticks_apart(void **state)
{
	struct metrics *m = make(1);

	(void)state;
	take(m, NODE, "publisher.json", "{" ROW("a", 1, 1, 0, 0, 0, 0, 0, 0, 0) "}");
	take(m, NODE, "publisher.json", "{}");
	/* The same tick: "a" has its place, before newcomers. */
	take(m, NODE, "subscriber.json",
	     "{" ROW("A", 1, 0, 0, 0, 0, 0, 0, 0, 0) "," ROW("a", 1, 0, 0, 0, 0, 0, 0, 0, 0) "}");
	take(m, NODE, "publisher.json", "{" ROW("b", 1, 0, 0, 0, 0, 0, 0, 0, 0) "}");
	expect_not(m, "broadcast=\"A\"");
	expect_not(m, "broadcast=\"b\"");
	take(m, NODE, "subscriber.json", "{}");
	take(m, NODE, "publisher.json", "{" ROW("c", 1, 0, 0, 0, 0, 0, 0, 0, 0) "}");
	expect(m, "moqstat_broadcast_announced_live{node=\"" NODE
		  "\",broadcast=\"c\",tier=\"external\",role=\"publisher\"} 1");
	metrics_destroy(m);
}

/* All frames that the program writes of a recording; tests/golden has them. */
static void take_recorded(struct metrics *m, const char *name)
{
	char *text = read_file(name), *line, *rest = text;

	while ((line = strsep(&rest, "\n")) && *line) {
		json_t *json = json_loads(line, 0, NULL);
		const char *frame = strstr(line, "\"frame\":");

		assert_non_null(json);
		assert_non_null(frame);
		frame += strlen("\"frame\":");
		assert_int_equal(
			metrics_frame(m, json_string_value(json_object_get(json, "broadcast")),
				      json_string_value(json_object_get(json, "track")), frame,
				      strlen(frame) - 1),
			0);
		json_decref(json);
	}
	free(text);
}

/* What the recordings' input says of their lives, added up by hand. */
static void recorded_lives_add_up(void **state)
{
	static const struct {
		const char *name, *lines[4];
	} cases[] = {
		/* Four lives with 1, 1, 3 and 1 announcements, and one of 5 subscriptions. */
		{ "restart",
		  { "announced_total{node=\".stats/node/n1\",tier=\"external\",role=\"publisher\"} 6",
		    "announced_closed_total{node=\".stats/node/n1\",tier=\"external\",role=\"publisher\"} 6",
		    "bytes_total{node=\".stats/node/n1\",tier=\"external\",role=\"publisher\"} 209",
		    "subscriptions_total{node=\".stats/node/n1\",tier=\"external\",role=\"subscriber\"} "
		    "5" } },
		/* One life with a pause. */
		{ "held_idle",
		  { "announced_total{node=\".stats/node/n1\",tier=\"external\",role=\"publisher\"} 2",
		    "announced_closed_total{node=\".stats/node/n1\",tier=\"external\",role=\"publisher\"} "
		    "2" } },
		{ "overflow",
		  { "announced_total{node=\".stats/node/n1\",tier=\"external\",role=\"publisher\"} 9",
		    "announced_closed_total{node=\".stats/node/n1\",tier=\"external\",role=\"publisher\"} 7",
		    "broadcast_announced_live{node=\".stats/node/n1\",broadcast=\"__overflow__\",tier=\"external\",role=\"publisher\"} 1",
		    "root_sessions_closed_total{node=\".stats/node/n1\",tier=\"external\",root=\"__overflow__\"} "
		    "3" } },
	};
	char text[256];
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct metrics *m = make(3);

		snprintf(text, sizeof(text), "tests/golden/%s/expected.jsonl", cases[i].name);
		take_recorded(m, text);
		for (j = 0; j < 4 && cases[i].lines[j]; j++) {
			snprintf(text, sizeof(text), "moqstat_%s", cases[i].lines[j]);
			expect(m, text);
		}
		metrics_destroy(m);
	}
}

static int feed(struct metrics *m, const char *status, struct frame_buf *buf)
{
	int err = take_line(m, FEED_STATUS, status);

	if (!err)
		err = take_line(m, FEED_FRAME, "{" ROW("a", 1, 0, 1, 0, 1, 0, 10, 1, 1) "}");
	if (!err)
		err = take_line(m, FEED_HEALTH,
				"{\"relays\":{\"n\":{\"lost\":{\"x\":1,\"y\":2}}}}");
	return err ? err : metrics_render(m, &served, EXPOSITION_TEXT, buf);
}

static void short_memory_is_told(void **state)
{
	json_t *made = make_status(NODE, false);
	char *status = json_dumps(made, 0);
	struct frame_buf buf = { 0 };
	struct metrics *m;
	size_t n;
	int err;

	(void)state;
	assert_true(alloc_fail_works());
	alloc_fail_arm(1);
	assert_int_equal(metrics_create(3, &m), -ENOMEM);
	assert_true(alloc_fail_disarm());
	for (n = 1;; n++) {
		m = make(3);
		alloc_fail_arm(n);
		err = feed(m, status, &buf);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(err, -ENOMEM);
		metrics_destroy(m);
		frame_buf_deinit(&buf);
	}
	assert_int_equal(err, 0);
	assert_true(n > 15);
	assert_true(has(buf.data, "moqstat_lost_events_total{node=\"n\",reason=\"y\"} 2"));
	metrics_destroy(m);
	frame_buf_deinit(&buf);
	json_decref(made);
	free(status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_as_it_was),
		cmocka_unit_test(openmetrics_is_as_it_was),
		cmocka_unit_test(what_is_wrong_is_found),
		cmocka_unit_test(it_starts_empty),
		cmocka_unit_test(each_family_is_said_once),
		cmocka_unit_test(what_is_not_known_is_not_there),
		cmocka_unit_test(all_broadcasts_add_up),
		cmocka_unit_test(several_broadcasts_are_one_node),
		cmocka_unit_test(known_ones_keep_their_series),
		cmocka_unit_test(a_field_that_is_unavailable_has_no_samples),
		cmocka_unit_test(each_label_is_a_tier),
		cmocka_unit_test(a_relay_that_has_ended_leaves_its_totals),
		cmocka_unit_test(the_tracks_order_tells_ticks_apart),
		cmocka_unit_test(recorded_lives_add_up),
		cmocka_unit_test(what_has_ended_takes_little),
		cmocka_unit_test(nodes_are_bounded),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
