/* SPDX-License-Identifier: MIT */
/*
 * test_files.c - room for file descriptors, each time in a child of its own, since a limit once
 * lowered stays so.
 */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf_image.h"
#include "files.h"

/* What a child found: what files_reserve() gave, what it said, and the soft limit after it. */
struct outcome {
	int rc;
	rlim_t soft;
	char said[512];
};

/* How many descriptors are open. */
static rlim_t count(void)
{
	rlim_t n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* In a child without CAP_SYS_RESOURCE, and limits so far above what is open: reserve. */
static struct outcome reserve(rlim_t soft, rlim_t hard, size_t more)
{
	struct outcome o = { 0 };
	struct image_catch c;
	struct rlimit limit;
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		capng_get_caps_process();
		capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_RESOURCE);
		capng_apply(CAPNG_SELECT_CAPS);
		c = image_catch();
		limit.rlim_cur = count() + soft;
		limit.rlim_max = count() + hard;
		o.rc = setrlimit(RLIMIT_NOFILE, &limit) ? -EDOM : files_reserve(more);
		getrlimit(RLIMIT_NOFILE, &limit);
		o.soft = limit.rlim_cur - count();
		image_caught(c, o.said, sizeof(o.said));
		_exit(write(ends[1], &o, sizeof(o)) != sizeof(o));
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &o, sizeof(o)), sizeof(o));
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return o;
}

static void what_fits_is_left_alone(void **state)
{
	struct outcome o = reserve(40, 60, 40);

	(void)state;
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.soft, 40);
	assert_string_equal(o.said, "");
}

static void the_soft_limit_is_raised(void **state)
{
	struct outcome o = reserve(40, 60, 41);

	(void)state;
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.soft, 60);
}

static void beyond_the_hard_limit_it_says_what_to_set(void **state)
{
	struct outcome o = reserve(40, 60, 61);

	(void)state;
	assert_int_equal(o.rc, -EMFILE);
	assert_int_equal(o.soft, 40);
	assert_non_null(strstr(o.said, "LimitNOFILE="));
	assert_non_null(strstr(o.said, "takes 61 file descriptors"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_left_alone),
		cmocka_unit_test(the_soft_limit_is_raised),
		cmocka_unit_test(beyond_the_hard_limit_it_says_what_to_set),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
