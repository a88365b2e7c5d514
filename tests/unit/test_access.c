/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
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

#include "access.h"
#include "alloc_fail.h"

#define TOKEN_A "aaaaaaaaaaaaaaaa"
#define TOKEN_B "bbbbbbbbbbbbbbbbbbbbbbbb"

static void tokens_are_judged(void **state)
{
	static const char text[] = "# who may read\n"
				   "\n" TOKEN_A " 2027-01-31T12:00:00Z tracks\n"
				   "\t" TOKEN_B "\tnever  metrics,tracks\r\n"
				   "cccccccccccccccc 100 metrics";
	struct access *a;
	int64_t expires = 0;

	(void)state;
	assert_int_equal(access_parse(text, "t", &a), 0);
	assert_int_equal(access_check(a, TOKEN_A, ACCESS_TRACKS, 0, &expires), ACCESS_GRANTED);
	assert_int_equal(expires, 1801396800);
	assert_int_equal(access_check(a, TOKEN_A, ACCESS_METRICS, 0, &expires), ACCESS_BEYOND);
	assert_int_equal(access_check(a, TOKEN_A, ACCESS_TRACKS, 1801396799, &expires),
			 ACCESS_GRANTED);
	assert_int_equal(access_check(a, TOKEN_A, ACCESS_TRACKS, 1801396800, &expires),
			 ACCESS_EXPIRED);
	assert_int_equal(access_check(a, TOKEN_B, ACCESS_METRICS, INT64_MAX - 1, &expires),
			 ACCESS_GRANTED);
	assert_true(expires == ACCESS_NEVER);
	assert_int_equal(access_check(a, TOKEN_B, ACCESS_TRACKS, 0, &expires), ACCESS_GRANTED);
	assert_int_equal(access_check(a, "cccccccccccccccc", ACCESS_METRICS, 99, &expires),
			 ACCESS_GRANTED);
	assert_int_equal(access_check(a, "cccccccccccccccc", ACCESS_METRICS, 100, &expires),
			 ACCESS_EXPIRED);
	access_destroy(a);
	access_destroy(NULL);
}

static void others_are_refused(void **state)
{
	static const char *const wrong[] = { NULL,
					     "",
					     "aaaaaaaaaaaaaaa",
					     TOKEN_A "a",
					     "Aaaaaaaaaaaaaaaa",
					     "baaaaaaaaaaaaaaa",
					     "aaaaaaaaaaaaaaab",
					     "#" };
	char *longer = malloc(1000);
	struct access *a;
	int64_t expires;
	size_t i;

	(void)state;
	assert_int_equal(access_parse(TOKEN_A " never tracks", "t", &a), 0);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(access_check(a, wrong[i], ACCESS_TRACKS, 0, &expires),
				 ACCESS_UNKNOWN);
	memset(longer, 'a', 999);
	longer[999] = '\0';
	assert_int_equal(access_check(a, longer, ACCESS_TRACKS, 0, &expires), ACCESS_UNKNOWN);
	free(longer);
	access_destroy(a);
}

/* The same token twice: whichever line grants it does. */
static void any_line_may_grant(void **state)
{
	struct access *a;
	int64_t expires;

	(void)state;
	assert_int_equal(access_parse(TOKEN_A " 5 tracks\n" TOKEN_A " 9 tracks\n" TOKEN_A
					      " never metrics\n",
				      "t", &a),
			 0);
	assert_int_equal(access_check(a, TOKEN_A, ACCESS_TRACKS, 7, &expires), ACCESS_GRANTED);
	assert_int_equal(expires, 9);
	assert_int_equal(access_check(a, TOKEN_A, ACCESS_METRICS, 7, &expires), ACCESS_GRANTED);
	access_destroy(a);
}

static void bad_files_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"# nothing\n",
		TOKEN_A,
		TOKEN_A " never",
		TOKEN_A " never tracks more",
		"short never tracks",
		TOKEN_A " soon tracks",
		TOKEN_A " 2027-01-31 tracks",
		TOKEN_A " 2027-13-31T12:00:00Z tracks",
		TOKEN_A " -5 tracks",
		TOKEN_A " 99999999999999999999 tracks",
		TOKEN_A " never",
		TOKEN_A " never all",
		TOKEN_A " never tracks,",
		TOKEN_A " never tracks\n" TOKEN_B " x tracks\n",
	};
	char *many = calloc(ACCESS_TOKENS_MAX + 2, 40);
	struct access *a;
	size_t i, at = 0;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(access_parse(bad[i], "t", &a), -EINVAL);
	for (i = 0; i < ACCESS_TOKENS_MAX; i++)
		at += sprintf(many + at, "%s never tracks\n", TOKEN_A);
	assert_int_equal(access_parse(many, "t", &a), 0);
	access_destroy(a);
	sprintf(many + at, "%s never tracks\n", TOKEN_A);
	assert_int_equal(access_parse(many, "t", &a), -EINVAL);
	free(many);
}

static void files_are_private(void **state)
{
	char path[] = "/tmp/moqstat-access-XXXXXX";
	int fd = mkstemp(path);
	struct access *a;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, TOKEN_A " never tracks\n", 30), 30);
	assert_int_equal(access_read(path, 0, &a), 0);
	access_destroy(a);
	/* Whose it is matters to root alone: nobody else can give a file away. */
	if (!fchown(fd, 4711, -1)) {
		assert_int_equal(access_read(path, 0, &a), -EACCES);
		assert_int_equal(access_read(path, 4712, &a), -EACCES);
		assert_int_equal(access_read(path, 4711, &a), 0);
		access_destroy(a);
		assert_int_equal(fchown(fd, 0, -1), 0);
	}
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(access_read(path, 0, &a), -EACCES);
	assert_int_equal(fchmod(fd, 0602), 0);
	assert_int_equal(access_read(path, 0, &a), -EACCES);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(pwrite(fd, "\0", 1, 3), 1);
	assert_int_equal(access_read(path, 0, &a), -EINVAL);
	assert_int_equal(ftruncate(fd, 2 << 20), 0);
	assert_int_equal(access_read(path, 0, &a), -EINVAL);
	close(fd);
	unlink(path);
	assert_int_equal(access_read(path, 0, &a), -ENOENT);
	assert_int_equal(access_read("/tmp", 0, &a), -EINVAL);
}

static void short_memory_is_told(void **state)
{
	struct access *a;

	(void)state;
	assert_true(alloc_fail_works());
	alloc_fail_arm(1);
	assert_int_equal(access_parse(TOKEN_A " never tracks", "t", &a), -ENOMEM);
	assert_true(alloc_fail_disarm());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_judged),  cmocka_unit_test(others_are_refused),
		cmocka_unit_test(any_line_may_grant), cmocka_unit_test(bad_files_are_refused),
		cmocka_unit_test(files_are_private),  cmocka_unit_test(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
