/* SPDX-License-Identifier: MIT */
/*
 * test_log.c - what a message looks like on standard error: for people, for programs, for the
 * journal; and that nothing in it does anything to a terminal.
 */
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

#include "elf_image.h"
#include "log.h"

static char said[65536];

static int back_to_default(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_find_journal();
	log_set_format(LOG_TEXT);
	log_set_level(LOG_INFO);
	return 0;
}

/* What one message of this level becomes. */
static const char *say(enum log_level level, const char *text)
{
	struct image_catch c = image_catch();

	log_print(level, "%s", text);
	image_caught(c, said, sizeof(said));
	return said;
}

static void for_people(void **state)
{
	(void)state;
	assert_string_equal(say(LOG_ERROR, "no"), "moqstat: error: no\n");
	assert_string_equal(say(LOG_WARN, "well"), "moqstat: warning: well\n");
	assert_string_equal(say(LOG_INFO, "yes"), "moqstat: yes\n");
	assert_string_equal(say(LOG_DEBUG, "…"), "");
	log_set_level(LOG_DEBUG);
	assert_string_equal(say(LOG_DEBUG, "…"), "moqstat: debug: …\n");
}

static void a_hostile_name(void **state)
{
	(void)state;
	assert_string_equal(say(LOG_INFO, "a\nmoqstat: error: b"),
			    "moqstat: a\\x0amoqstat: error: b\n");
	assert_string_equal(say(LOG_INFO, "\r\t\x1b[2J\x7f"), "moqstat: \\x0d\\x09\\x1b[2J\\x7f\n");
	/* CSI of Latin-1; no UTF-8; one line more, and from right to left, of Unicode. */
	assert_string_equal(say(LOG_INFO, "\xc2\x9b"
					  "2J \xff \xe2\x82"),
			    "moqstat: \\xc2\\x9b2J \\xff \\xe2\\x82\n");
	assert_string_equal(say(LOG_INFO, "\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa7"),
			    "moqstat: \\xe2\\x80\\xa8\\xe2\\x80\\xae\\xe2\\x81\\xa7\n");
	assert_string_equal(say(LOG_INFO, "\xc2\xa0ä€😀 \\ \" '"),
			    "moqstat: \xc2\xa0ä€😀 \\ \" '\n");
}

static void a_message_without_end(void **state)
{
	char *text = malloc(30000);
	size_t len;

	(void)state;
	memset(text, '\n', 29999);
	text[29999] = '\0';
	log_set_format(LOG_JSON);
	len = strlen(say(LOG_ERROR, text));
	assert_true(len > 8191 * 5 && len < 8192 * 5 + 100);
	assert_string_equal(said + len - 3, "\"}\n");
	free(text);
}

static void for_programs(void **state)
{
	json_t *json;

	(void)state;
	log_set_format(LOG_JSON);
	say(LOG_WARN, "a \"b\" \\ \n\xff\xc2\x9b ä");
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	json = json_loads(said, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_int_equal(json_object_size(json), 3);
	assert_string_equal(json_string_value(json_object_get(json, "level")), "warning");
	assert_string_equal(json_string_value(json_object_get(json, "message")),
			    "a \"b\" \\ \\x0a\\xff\\xc2\\x9b ä");
	/* 2027-01-31T12:00:00.000Z */
	assert_int_equal(strlen(json_string_value(json_object_get(json, "time"))), 24);
	json_decref(json);
}

/* JOURNAL_STREAM as the service manager sets it for a file; `off` is not this one. */
static void name_journal(int fd, int off)
{
	struct stat st;
	char text[64];

	assert_int_equal(fstat(fd, &st), 0);
	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + off);
	setenv("JOURNAL_STREAM", text, 1);
	log_find_journal();
}

static void for_the_journal(void **state)
{
	struct image_catch c = image_catch();

	(void)state;
	name_journal(STDERR_FILENO, 0);
	log_error("e");
	log_warn("w");
	log_info("i\n<0>forged");
	log_set_level(LOG_DEBUG);
	log_debug("d");
	log_set_format(LOG_JSON);
	log_error("j");
	/* It was the journal's before it was sent elsewhere. */
	name_journal(STDERR_FILENO, 1);
	log_set_format(LOG_TEXT);
	log_error("e");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	log_find_journal();
	log_error("f");
	image_caught(c, said, sizeof(said));
	assert_ptr_equal(strstr(said,
				"<3>error: e\n<4>warning: w\n<6>i\\x0a<0>forged\n<7>debug: d\n"
				"<3>{\"time\":\""),
			 said);
	assert_non_null(strstr(said, "\"level\":\"error\",\"message\":\"j\"}\nmoqstat: error: e\n"
				     "moqstat: error: f\n"));
}

static void taken(enum log_level level, const char *line, void *arg)
{
	(void)level;
	snprintf(arg, 64, "%s", line);
}

static void for_a_taker(void **state)
{
	char line[64];

	(void)state;
	log_set_format(LOG_JSON);
	log_divert(taken, line);
	assert_string_equal(say(LOG_DEBUG, "a\033\""), "");
	log_divert(NULL, NULL);
	assert_string_equal(line, "a\\x1b\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(for_people, back_to_default),
		cmocka_unit_test_teardown(a_hostile_name, back_to_default),
		cmocka_unit_test_teardown(a_message_without_end, back_to_default),
		cmocka_unit_test_teardown(for_programs, back_to_default),
		cmocka_unit_test_teardown(for_the_journal, back_to_default),
		cmocka_unit_test_teardown(for_a_taker, back_to_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
