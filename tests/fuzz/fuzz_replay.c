/* SPDX-License-Identifier: MIT */
/*
 * fuzz_replay.c - a recording from anyone: what is told of it are whole frames in which nothing is
 * closed that was not opened; and recorded once more it is the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "fuzz.h"

#include "collect.h"
#include "stats.h"

#define REPLAY_TICKS 64
#define REPLAY_SEED  65536 /* a larger recording is no seed */

enum {
	REPLAY_INPUT = 0,
	REPLAY_AGAIN, /* recorded from the input */
	REPLAY_OUT,
	REPLAY_OUT_AGAIN,
};

static uint64_t replay_count(const json_t *row, const char *name)
{
	const json_t *value = json_object_get(row, name);

	fuzz_check(json_is_integer(value));
	return (uint64_t)json_integer_value(value);
}

static void replay_row(const json_t *row)
{
	static const char *const opened[] = { "announced", "broadcasts", "subscriptions",
					      "sessions" };
	char closed[64];
	size_t i;

	for (i = 0; i < sizeof(opened) / sizeof(opened[0]); i++) {
		if (!json_object_get(row, opened[i]))
			continue;
		snprintf(closed, sizeof(closed), "%s_closed", opened[i]);
		fuzz_check(replay_count(row, closed) <= replay_count(row, opened[i]));
	}
}

/* NULL where jansson can't take what JSON allows: integers above 2^63, names with a NUL. */
static json_t *replay_parse(const char *line, size_t len)
{
	json_error_t error;
	json_t *json = json_loadb(line, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);

	fuzz_check(json || strstr(error.text, "too big") || strstr(error.text, "NUL byte"));
	return json;
}

static void replay_lines(const char *text, size_t size)
{
	const char *end;
	json_t *line, *row;
	const char *path;

	for (; size; size -= end + 1 - text, text = end + 1) {
		end = memchr(text, '\n', size);
		fuzz_check(end);
		line = replay_parse(text, end - text);
		if (!line)
			continue;
		fuzz_check(json_object_size(line) == 4);
		json_object_foreach(json_object_get(line, "frame"), path, row) replay_row(row);
		json_decref(line);
	}
}

/* Tick until the recording ends; the lines are in the file `out`. Returns what ended it. */
static int replay_run(struct collect *c, unsigned int out)
{
	int fd = open(fuzz_file(out, "", 0), O_WRONLY | O_CLOEXEC), err, i;
	struct stats_tick tick;
	struct stats *stats;
	struct jsonl lines;

	fuzz_check(fd >= 0);
	jsonl_init(&lines, fd);
	fuzz_check(!stats_create(".stats", "n1", &frame_schema_broadcast_0_12, &stats));
	for (i = 0, err = 0; i < REPLAY_TICKS && !err; i++)
		err = stats_tick(stats, c, &lines, &tick);
	fuzz_check(!err || err == -ENODATA || err == -EBADMSG || err == -EILSEQ);
	stats_destroy(stats);
	jsonl_deinit(&lines);
	close(fd);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct collect *input, *record, *again;
	size_t told_len, told_again_len;
	char *told, *told_again;
	int err;

	fuzz_check(!collect_replay_create(fuzz_file(REPLAY_INPUT, data, size), &input));
	fuzz_check(!collect_record_create(fuzz_file(REPLAY_AGAIN, "", 0), input, &record));
	err = replay_run(record, REPLAY_OUT);
	collect_destroy(record);
	told = fuzz_file_content(REPLAY_OUT, &told_len);
	replay_lines(told, told_len);
	/* What was good of it was recorded. */
	fuzz_check(!collect_replay_create(fuzz_path(REPLAY_AGAIN), &again));
	fuzz_check(replay_run(again, REPLAY_OUT_AGAIN) == (err ? -ENODATA : 0));
	collect_destroy(again);
	told_again = fuzz_file_content(REPLAY_OUT_AGAIN, &told_again_len);
	fuzz_check(told_len == told_again_len && !memcmp(told, told_again, told_len));
	free(told);
	free(told_again);
	return 0;
}

/* The golden cases' input. */
void fuzz_seeds(void)
{
	static char text[REPLAY_SEED];
	glob_t files;
	size_t i, len;

	fuzz_check(!glob("tests/golden/*/input.jsonl", 0, NULL, &files));
	for (i = 0; i < files.gl_pathc; i++) {
		FILE *file = fopen(files.gl_pathv[i], "re");

		fuzz_check(file);
		len = fread(text, 1, sizeof(text), file);
		fclose(file);
		if (len < sizeof(text))
			fuzz_seed(text, len);
	}
	globfree(&files);
}
