/* SPDX-License-Identifier: MIT */
/*
 * test_short_memory.c - what is written while memory is short: every allocation, jansson's too,
 * fails once, for each way from input to output as a whole. What is then written is whole or
 * absent, an error is told, and nothing leaks (the sanitized build looks for that).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "alloc_fail.h"
#include "census_report.h"
#include "collect.h"
#include "elf_image.h"
#include "json_memory.h"
#include "options.h"
#include "recording.h"
#include "relay_image.h"
#include "sites_cache.h"
#include "sites_report.h"
#include "stats.h"
#include "status.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_MAX   (1 << 18)

/* Names longer than what jansson's lexer has room for at first, counts beyond its integers. */
static const char recorded[] =
	"{\"v\":1,\"time_ms\":1,\"broadcasts\":[{\"path\":\"demo/a-name-that-needs-room\","
	"\"incarnation\":0,\"held\":true,\"counts\":{\"publisher\":{\"external\":{\"announced\":2,"
	"\"bytes\":\"9223372036854775808\"}}}}],\"sessions\":[{\"root\":\"root/of-some-length/too\","
	"\"tier\":\"internal\",\"incarnation\":0,\"held\":true,\"counts\":{\"sessions\":1}}],"
	"\"lost\":{}}\n"
	"{\"v\":1,\"time_ms\":2,\"broadcasts\":[{\"path\":\"demo/a-name-that-needs-room\","
	"\"incarnation\":0,\"held\":false,\"counts\":{\"publisher\":{\"external\":{\"announced\":2,"
	"\"announced_closed\":2,\"bytes\":\"9223372036854775809\"}}}}],\"sessions\":[],\"lost\":{}}\n";

/* A way from input to output: writes to `out`, returns 0 or -errno. */
typedef int (*way)(void *arg, FILE *out);

/* What a way writes if the n-th allocation fails. */
static int go(way run, void *arg, size_t n, char *text, bool *reached)
{
	FILE *out = tmpfile();
	struct image_catch c;
	char said[512];
	size_t len;
	int err;

	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	c = image_catch();
	alloc_fail_arm(n);
	err = run(arg, out);
	*reached = alloc_fail_disarm();
	image_caught(c, said, sizeof(said));
	rewind(out);
	len = fread(text, 1, TEXT_MAX - 1, out);
	text[len] = '\0';
	fclose(out);
	return err;
}

/* Is it the beginning of what is written with memory enough, up to the end of a line? */
static void assert_whole(const char *text, const char *good, size_t n)
{
	size_t len = strlen(text);

	if (strncmp(text, good, len) || (len && text[len - 1] != '\n'))
		fail_msg("allocation %zu: torn: %s", n, text);
}

/* Each allocation fails once, or with `sparse` each of the first ones and then fewer and fewer.
 * Returns about how many there are. */
static size_t assert_way_of(way run, void *arg, bool sparse)
{
	static char good[TEXT_MAX], text[TEXT_MAX];
	bool reached;
	size_t n;
	int err;

	assert_true(alloc_fail_works());
	assert_int_equal(go(run, arg, 0, good, &reached), 0);
	assert_int_not_equal(strlen(good), 0);
	for (n = 1;; n += sparse ? 1 + n / 32 : 1) {
		err = go(run, arg, n, text, &reached);
		if (!reached)
			break;
		assert_whole(text, good, n);
		/* What is whole all the same needs no error. */
		if (err ? err != -ENOMEM : strcmp(text, good))
			fail_msg("allocation %zu: error %d, written: %s", n, err, text);
	}
	assert_int_equal(err, 0);
	assert_string_equal(text, good);
	return n - 1;
}

static size_t assert_way(way run, void *arg)
{
	return assert_way_of(run, arg, false);
}

/* ---- a recording to lines, and to another recording ------------------------------------------ */

static unsigned int replay_depth;

static int replay(void *arg, FILE *out)
{
	const struct stats_depth depth = { .segments = replay_depth };
	struct collect *input = NULL, *c = NULL;
	struct stats *stats = NULL;
	struct stats_tick tick;
	struct jsonl lines;
	int err;

	jsonl_init(&lines, fileno(out));
	err = collect_replay_create(arg, &input);
	if (!err)
		err = collect_ending_create(input, &c);
	if (!err)
		input = NULL;
	if (!err)
		err = stats_create(".stats", "n1", &frame_schema_broadcast_0_12, &stats);
	if (!err)
		err = stats_sort(stats, &depth);
	while (!err)
		err = stats_tick(stats, c, &lines, &tick);
	if (err == -ENODATA) {
		err = stats_finish(stats, &lines);
		err = err ? err : -ENODATA;
	}
	stats_destroy(stats);
	collect_destroy(c);
	collect_destroy(input);
	jsonl_deinit(&lines);
	return err == -ENODATA ? 0 : err;
}

static void frames_of_a_recording(void **state)
{
	char file[64];

	(void)state;
	assert_int_equal(recording_temp(file, sizeof(file)), 0);
	recording_write(file, recorded, strlen(recorded));
	assert_in_range(assert_way(replay, file), 100, 2000);
	replay_depth = 1;
	assert_in_range(assert_way(replay, file), 100, 2000);
	replay_depth = 0;
	unlink(file);
}

struct copy {
	char from[64], to[64];
};

/* What the recording holds goes to `out` as it is left behind. */
static int record(void *arg, FILE *out)
{
	const struct copy *copy = arg;
	struct collect *input = NULL, *c = NULL;
	struct collect_batch batch = { 0 };
	char text[4096];
	size_t len;
	FILE *file;
	int err;

	err = collect_replay_create(copy->from, &input);
	if (!err)
		err = collect_record_create(copy->to, input, &c);
	if (err) {
		collect_destroy(input);
		return err;
	}
	while (!err) {
		memset(&batch, 0, sizeof(batch));
		err = collect_read(c, &batch);
		collect_batch_deinit(&batch);
	}
	collect_destroy(c);
	file = fopen(copy->to, "re");
	assert_non_null(file);
	len = fread(text, 1, sizeof(text), file);
	fwrite(text, 1, len, out);
	fclose(file);
	return err == -ENODATA ? 0 : err;
}

static void recording_of_a_recording(void **state)
{
	struct copy copy;

	(void)state;
	assert_int_equal(recording_temp(copy.from, sizeof(copy.from)), 0);
	assert_int_equal(recording_temp(copy.to, sizeof(copy.to)), 0);
	recording_write(copy.from, recorded, strlen(recorded));
	assert_in_range(assert_way(record, &copy), 100, 2000);
	unlink(copy.from);
	unlink(copy.to);
}

/* ---- reports --------------------------------------------------------------------------------- */

static struct census_item items[] = {
	{ .kind = CENSUS_ANNOUNCE,
	  .role = MOQSTAT_SUBSCRIBER,
	  .path = "demo/abc",
	  .len = 8,
	  .guard = 0x10,
	  .owner = 0x20,
	  .table = 0x30,
	  .key = "abc",
	  .key_len = 3 },
	{ .kind = CENSUS_SESSION, .role = MOQSTAT_ROLE_MAX, .tier = 1, .path = "", .entry = 0x40 },
};

static int census(void *arg, FILE *out)
{
	const struct census c = { .items = items, .len = LEN(items), .untold = { 1 }, .tasks = 2 };

	return census_report(&c, *(bool *)arg, out);
}

static void census_as_json_and_text(void **state)
{
	bool json = true;

	(void)state;
	assert_in_range(assert_way(census, &json), 30, 500);
	json = false;
	assert_int_equal(assert_way(census, &json), 0);
}

static int scan_report(void *arg, FILE *out)
{
	return sites_report(arg, "/usr/bin/moq-relay", true, out);
}

static int scan(void *arg, FILE *out)
{
	struct elf_file *f;
	struct sites s;
	char name[64];
	size_t i;
	int err = elf_file_create(arg, &f);

	if (err)
		return err;
	err = sites_scan(f, NULL, NULL, &s);
	if (!err) {
		for (i = 0; i < s.len; i++) {
			sites_counter_name(&s.list[i].what, name, sizeof(name));
			fprintf(out, "%s\n", name);
		}
		sites_deinit(&s);
	}
	elf_file_destroy(f);
	return err;
}

/* Where memory is too short to remember them, or to recall them, they are looked for. */
struct cached {
	const char *executable, *file;
	bool cold; /* nothing is remembered yet */
};

static int scan_cached(void *arg, FILE *out)
{
	const struct cached *c = arg;
	struct elf_file *f;
	struct sites s;
	int err;

	if (c->cold)
		unlink(c->file);
	err = elf_file_create(c->executable, &f);
	if (err)
		return err;
	err = sites_find(f, true, NULL, NULL, &s);
	if (!err) {
		fprintf(out, "%zu sites, %zu functions\n", s.len, s.functions_len);
		sites_deinit(&s);
	}
	elf_file_destroy(f);
	return err;
}

static void sites_of_an_executable(void **state)
{
	char dir[] = "/tmp/moqstat-test-XXXXXX", path[256], said[512];
	struct relay relay;
	struct cached cached = { .executable = relay.im.path, .file = path };
	struct sites s;
	int i;

	(void)state;
	relay_init(&relay);
	assert_int_equal(relay_scan(&relay, &s, said, sizeof(said)), 0);
	/* What JSON does at each single allocation is for test_sites_json.c. */
	assert_in_range(assert_way_of(scan_report, &s, true), 500, 20000);
	assert_in_range(assert_way(scan, relay.im.path), 50, 2000);
	assert_non_null(mkdtemp(dir));
	setenv("XDG_CACHE_HOME", dir, 1);
	snprintf(path, sizeof(path), "%s/moqstat/sites-%s.json", dir, s.build_id);
	for (i = 0; i < 2; i++) {
		cached.cold = i == 0;
		assert_in_range(assert_way_of(scan_cached, &cached, true), 1000, 20000);
	}
	assert_int_equal(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(dir), 0);
	sites_deinit(&s);
	relay_deinit(&relay);
}

/* ---- status ---------------------------------------------------------------------------------- */

static int write_json(json_t *json, FILE *out)
{
	char *text = json_memory_text(json, JSON_COMPACT);
	int err = text && fprintf(out, "%s\n", text) > 0 ? 0 : -ENOMEM;

	free(text);
	return err;
}

static int status_of_a_replay(void *arg, FILE *out)
{
	(void)arg;
	return write_json(status_replay("a.jsonl"), out);
}

static int status_of_a_relay(void *arg, FILE *out)
{
	/* Without sites the probes are asked for nothing but their kind. */
	static const uint64_t probes[64];
	const struct sites sites = { .layout = layout_find("moq-net 0.1.8"), .build_id = "00" };
	const struct target target = { .pid = 7, .exe_name = "/usr/bin/moq-relay" };
	const struct collect_live_info info = { .statistics = COLLECT_LIVE_OFF };
	const uint64_t lost[MOQSTAT_LOST_MAX] = { 0 };

	return write_json(
		status_live(&target, &sites, (const struct probes *)probes, &info, arg, lost), out);
}

static void status(void **state)
{
	struct worths worths = { .tiers = NULL };
	size_t i, k;

	(void)state;
	for (i = 0; i < TRACKS_OF_TIER; i++) {
		for (k = 0; k < MOQSTAT_FIELD_MAX; k++)
			worths.of[i][k] = (struct worth){ WORTH_SINCE_ATTACH, "why" };
	}
	assert_in_range(assert_way(status_of_a_replay, NULL), 5, 100);
	assert_in_range(assert_way(status_of_a_relay, &worths), 100, 2000);
}

/* ---- options --------------------------------------------------------------------------------- */

static int parse(void *arg, FILE *out)
{
	char words[][24] = { "moqstat", "run", "--all", "--node={host}", "--interval", "0.5" };
	char *argv[LEN(words) + 1] = { 0 };
	struct options o;
	size_t i;
	int err;

	(void)arg;
	for (i = 0; i < LEN(words); i++)
		argv[i] = words[i];
	err = options_parse(LEN(words), argv, NULL, &o);
	if (err)
		return err;
	fprintf(out, "%d %s %lu\n", o.all, o.node, (unsigned long)o.interval_ms);
	options_deinit(&o);
	return 0;
}

static void options_take_no_memory(void **state)
{
	(void)state;
	assert_int_equal(assert_way(parse, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_a_recording),
		cmocka_unit_test(recording_of_a_recording),
		cmocka_unit_test(census_as_json_and_text),
		cmocka_unit_test(sites_of_an_executable),
		cmocka_unit_test(status),
		cmocka_unit_test(options_take_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
