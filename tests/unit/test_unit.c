/* SPDX-License-Identifier: MIT */
/*
 * test_unit.c - units by cgroup: systemd's hierarchies, its escapes, nesting.
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

#include "unit.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void names_are_services_unless_they_say_else(void **state)
{
	static const struct {
		const char *name;
		const char *pattern;
	} cases[] = {
		{ "moq-relay", "moq-relay.service" }, { "moq-relay.service", "moq-relay.service" },
		{ "moq@*", "moq@*.service" },	      { "a.b", "a.b.service" },
		{ "edge.slice", "edge.slice" },	      { "docker-1.scope", "docker-1.scope" },
	};
	char pattern[UNIT_NAME_SIZE], longest[300];
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		assert_int_equal(unit_pattern(cases[i].name, pattern), 0);
		assert_string_equal(pattern, cases[i].pattern);
	}
	assert_int_equal(unit_pattern("", pattern), -EINVAL);
	assert_int_equal(unit_pattern("a/b", pattern), -EINVAL);
	memset(longest, 'x', sizeof(longest));
	longest[247] = '\0';
	assert_int_equal(unit_pattern(longest, pattern), 0);
	assert_int_equal(strlen(pattern), 255);
	longest[247] = 'x';
	longest[248] = '\0';
	assert_int_equal(unit_pattern(longest, pattern), -EINVAL);
}

static const struct {
	const char *cgroups;
	const char *pattern;
	bool matches;
	const char *name; /* of the innermost */
} processes[] = {
	/* cgroup v2 */
	{ "0::/system.slice/moq-relay.service\n", "moq-relay.service", true, "moq-relay" },
	{ "0::/system.slice/moq-relay.service", "moq-relay.service", true, "moq-relay" },
	{ "0::/system.slice/moq-relay.service\n", "moq.service", false, "moq-relay" },
	{ "0::/system.slice/moq-relay.service\n", "relay.service", false, "moq-relay" },
	{ "0::/system.slice/moq-relay.service/workers\n", "moq-relay.service", true, "moq-relay" },
	{ "0::/system.slice/moq-relay.service\n", "system.slice", true, "moq-relay" },
	{ "0::/system.slice/moq-relay.service\n", "moq-*.service", true, "moq-relay" },
	/* an instance, escaped by systemd-escape(1) */
	{ "0::/system.slice/system-moq.slice/moq@a\\x2db.service\n", "moq@a\\x2db.service", true,
	  "moq@a\\x2db" },
	{ "0::/system.slice/system-moq.slice/moq@eu.service\n", "moq@*.service", true, "moq@eu" },
	/* systemd's underscore */
	{ "0::/system.slice/_memory.service\n", "memory.service", true, "memory" },
	{ "0::/system.slice/__x.service\n", "_x.service", true, "_x" },
	/* a user's */
	{ "0::/user.slice/user-7.slice/user@7.service/app.slice/moq.service\n", "moq.service", true,
	  "moq" },
	{ "0::/user.slice/user-7.slice/user@7.service/app.slice/moq.service\n", "user@7.service",
	  true, "moq" },
	{ "0::/user.slice/user-7.slice/session-3.scope\n", "moq.service", false,
	  "session-3.scope" },
	/* systemd in a container, and that of another cgroup namespace */
	{ "0::/system.slice/docker-1.scope/system.slice/moq.service\n", "moq.service", true,
	  "moq" },
	{ "0::/../../system.slice/moq.service\n", "moq.service", true, "moq" },
	/* cgroup v1, alone and with v2 beside it */
	{ "4:memory:/other.service\n1:name=systemd:/system.slice/moq.service\n", "moq.service",
	  true, "moq" },
	{ "4:memory:/other.service\n1:name=systemd:/system.slice/moq.service\n", "other.service",
	  false, "moq" },
	{ "9:name=systemd:/\n0::/system.slice/moq.service\n", "moq.service", true, "moq" },
	{ "9:name=systemd:/docker/0a1b\n0::/\n", "moq.service", false, "" },
	/* none, and nonsense */
	{ "0::/\n", "moq.service", false, "" },
	{ "", "*", false, "" },
	{ "moq.service\n", "moq.service", false, "" },
	{ "1:moq.service", "moq.service", false, "" },
	{ "0::", "*", false, "" },
	{ "0::/.service/.scope\n", "moq.service", false, "" },
};

static void processes_belong_to_units(void **state)
{
	char name[UNIT_NAME_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < LEN(processes); i++) {
		if (unit_matches(processes[i].cgroups, processes[i].pattern) !=
		    processes[i].matches)
			fail_msg("%s: %s", processes[i].cgroups, processes[i].pattern);
		unit_name(processes[i].cgroups, name);
		assert_string_equal(name, processes[i].name);
	}
}

/* A component that is longer than any unit's name is none, and what comes after it counts. */
static void long_components_are_no_units(void **state)
{
	char cgroups[2048] = "0::/", name[UNIT_NAME_SIZE];

	(void)state;
	memset(cgroups + 4, 'x', 1000);
	strcpy(cgroups + 1004, ".service\n");
	assert_false(unit_matches(cgroups, "x*.service"));
	unit_name(cgroups, name);
	assert_string_equal(name, "");
	strcpy(cgroups + 1004, ".service/moq.service\n");
	assert_true(unit_matches(cgroups, "moq.service"));
	unit_name(cgroups, name);
	assert_string_equal(name, "moq");
}

static void the_text_is_read(void **state)
{
	char text[UNIT_TEXT_SIZE];

	(void)state;
	assert_int_equal(unit_read("/proc", getpid(), text), 0);
	assert_non_null(strchr(text, ':'));
	assert_int_equal(unit_read("/proc", 0, text), -ENOENT);
	assert_int_equal(unit_read("/nonexistent", 1, text), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_services_unless_they_say_else),
		cmocka_unit_test(processes_belong_to_units),
		cmocka_unit_test(long_components_are_no_units),
		cmocka_unit_test(the_text_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
