/* SPDX-License-Identifier: MIT */
/*
 * test_findings.c - what was found, as lines and as JSON: hostile text, and the verdict.
 */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "findings.h"
#include "log.h"

static char *written(const struct findings *f, bool json)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	assert_int_equal(findings_write(f, json, to), 0);
	fclose(to);
	return text;
}

static void lines_and_a_verdict(void **state)
{
	struct findings f = { 0 };
	char *text;

	(void)state;
	findings_add(&f, FINDING_GOOD, 0, "kernel", "Linux %d", 7);
	findings_add(&f, FINDING_NOTE, 12, "process", "runs \x1b[2Ja\nb");
	text = written(&f, false);
	assert_string_equal(text,
			    "ok    kernel        Linux 7\n\nprocess 12\nnote  process       runs "
			    "\\x1b[2Ja\\x0ab\n\n`moqstat run` would work\n");
	free(text);
	findings_add(&f, FINDING_BAD, 12, "layout", "unknown");
	text = written(&f, false);
	assert_non_null(strstr(text, "\nbad   layout        unknown\n"));
	assert_non_null(strstr(text, "would not work: 1 bad"));
	free(text);
	assert_int_equal(findings_count(&f, FINDING_BAD), 1);
	findings_deinit(&f);
	assert_int_equal(f.len, 0);
}

static void as_json(void **state)
{
	struct findings f = { 0 };
	json_t *told, *list;
	char *text;

	(void)state;
	findings_add(&f, FINDING_BAD, 3, "process", "runs \xff\"\n");
	text = written(&f, true);
	told = json_loads(text, 0, NULL);
	free(text);
	assert_true(json_is_false(json_object_get(told, "works")));
	list = json_object_get(told, "findings");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "text")),
			    "runs \xef\xbf\xbd\"\n");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "pid")), 3);
	json_decref(told);
	findings_deinit(&f);
}

static void a_full_disk_is_told(void **state)
{
	struct findings f = { 0 };
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	findings_add(&f, FINDING_GOOD, 0, "kernel", "Linux");
	assert_int_equal(findings_write(&f, true, full), -EIO);
	fclose(full);
	findings_deinit(&f);
}

struct heard {
	char line[64];
	enum log_level level;
	int times;
};

static void take(enum log_level level, const char *line, void *arg)
{
	struct heard *heard = arg;

	snprintf(heard->line, sizeof(heard->line), "%s", line);
	heard->level = level;
	heard->times++;
}

/* Who looks for faults tells of them in its own way. */
static void messages_can_be_diverted(void **state)
{
	struct heard heard = { 0 };

	(void)state;
	log_divert(take, &heard);
	log_error("%s is %d", "it", 5);
	log_debug("unheard without --verbose otherwise");
	log_divert(NULL, NULL);
	assert_int_equal(heard.times, 2);
	assert_int_equal(heard.level, LOG_DEBUG);
	log_divert(take, &heard);
	log_error("%s is %d", "it", 5);
	log_divert(NULL, NULL);
	assert_string_equal(heard.line, "it is 5");
	log_debug("not this one");
	assert_int_equal(heard.times, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_a_verdict),
		cmocka_unit_test(as_json),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(messages_can_be_diverted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
