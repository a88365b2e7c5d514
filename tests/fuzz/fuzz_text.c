/* SPDX-License-Identifier: MIT */
/* fuzz_text.c - names that strangers choose: mangled functions, paths, nodes, units. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "fuzz.h"

#include "elf.h"
#include "frame.h"
#include "jsonl.h"
#include "path.h"
#include "template.h"
#include "utf8.h"

static const char *const seeds[] = {
	"_ZN7moq_net5stats11StatsHandle7session17ha50e5e83a995d5efE",
	"_RNvXs_NtCs1234_7mycrate3fooNtB4_3BarNtNtCs9ltgdHTiPiY_4core3ops4Drop4drop",
	"_RMC13moq_net_statsTTTuB6_EB5_EB4_E",
	"/sjc//1/",
	".stats/node/{host}-{pid}/{unit}",
	"{pid",
	"\xed\x95\x9c/\xf0\x9f\x8e\xa5\x01\"\\",
	"\xed\xa0\x80\xc0\x80",
};

/* As JSON it is the same text, or it is none. */
static void text_quote(const char *text, size_t len)
{
	bool valid = utf8_valid(text, len);
	json_t *good = json_stringn(text, len), *back;
	size_t quoted_len;
	char *quoted;
	int err = frame_quote(text, len, &quoted, &quoted_len);

	fuzz_check(valid == !!good);
	fuzz_check(valid == !err);
	if (!err) {
		fuzz_check(strlen(quoted) == quoted_len);
		back = json_loadb(quoted, quoted_len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		fuzz_check(back && json_equal(good, back));
		json_decref(back);
		free(quoted);
	}
	json_decref(good);
}

/* A line of a frame holds the names, and is one line. */
static void text_line(const char *broadcast, const char *track)
{
	struct jsonl out;
	json_t *line;
	char *text, *end;
	size_t size;
	int fd = open(fuzz_file(1, "", 0), O_WRONLY | O_CLOEXEC), err;

	fuzz_check(fd >= 0);

	jsonl_init(&out, fd);
	err = jsonl_write_frame(&out, broadcast, track, 7, "{}", 2);
	jsonl_deinit(&out);
	close(fd);
	text = fuzz_file_content(1, &size);
	if (err) {
		fuzz_check(!size);
	} else {
		end = memchr(text, '\n', size);
		fuzz_check(end && end + 1 == text + size);
		line = json_loadb(text, size, 0, NULL);
		fuzz_check(line);
		fuzz_check(
			!strcmp(json_string_value(json_object_get(line, "broadcast")), broadcast));
		fuzz_check(!strcmp(json_string_value(json_object_get(line, "track")), track));
		json_decref(line);
	}
	free(text);
}

static void text_path(const char *text)
{
	size_t len = strlen(text), out_len, again;
	char *out = malloc(len + 1), *advertised;

	fuzz_check(out);
	out_len = path_normalize(text, len, out);
	fuzz_check(out_len <= len);
	fuzz_check(!out_len || (out[0] != '/' && out[out_len - 1] != '/'));
	fuzz_check(!memmem(out, out_len, "//", 2));
	fuzz_check(path_has_prefix(out, out_len, out, out_len));
	fuzz_check(path_has_prefix(out, out_len, "", 0));
	again = path_normalize(out, out_len, out);
	fuzz_check(again == out_len);
	free(out);
	fuzz_check(!path_advertised(".stats", text, &advertised));
	fuzz_check(!strncmp(advertised, ".stats/node", 11));
	free(advertised);
	fuzz_check(!path_advertised(text, NULL, &advertised));
	free(advertised);
}

static void text_template(const char *text)
{
	struct template_values values = { .pid = 4194304, .host = text, .unit = "{pid}" };
	char *out;
	int err = template_expand(text, &values, &out);

	fuzz_check(err == template_check(text));
	if (!err) {
		fuzz_check(template_holds(text, "{") || !strcmp(text, out));
		free(out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	char *text = fuzz_string(&in), *demangled = elf_demangle(text);

	fuzz_check(demangled && strlen(demangled) < 16384 + size);
	free(demangled);
	text_quote((const char *)data, size);
	text_line(text, text + strlen(text) / 2);
	text_path(text);
	text_template(text);
	free(text);
	return 0;
}

void fuzz_seeds(void)
{
	size_t i;

	for (i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed(seeds[i], strlen(seeds[i]));
}
