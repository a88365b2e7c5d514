/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "jsonl.h"

#define BIG (300 * 1024) /* more than a pipe holds */

static int ignore_sigpipe(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* All that is in the file, NUL-terminated. */
static char *contents(FILE *file, size_t *len)
{
	char *text = test_calloc(1, 4096);

	rewind(file);
	*len = fread(text, 1, 4095, file);
	return text;
}

static void lines_are_exact(void **state)
{
	FILE *file = tmpfile();
	struct jsonl out;
	char *text;
	size_t len;

	(void)state;
	assert_non_null(file);
	jsonl_init(&out, fileno(file));
	assert_int_equal(jsonl_write_status(&out, "{\"pid\":7}", 9), 0);
	assert_int_equal(jsonl_write_frame(&out, ".stats/node/n1", "publisher.json", 0,
					   "{\"a\":{\"x\":1}}", 13),
			 0);
	assert_int_equal(jsonl_write_frame(&out, "q\"\x1f", "t", UINT64_MAX, "{}", 2), 0);
	text = contents(file, &len);
	assert_string_equal(text, "{\"moqstat\":{\"pid\":7}}\n"
				  "{\"broadcast\":\".stats/node/n1\",\"track\":\"publisher.json\","
				  "\"sequence\":0,\"frame\":{\"a\":{\"x\":1}}}\n"
				  "{\"broadcast\":\"q\\\"\\u001f\",\"track\":\"t\","
				  "\"sequence\":18446744073709551615,\"frame\":{}}\n");
	test_free(text);
	jsonl_deinit(&out);
	jsonl_deinit(&out);
	jsonl_deinit(NULL);
	fclose(file);
}

static void name_that_is_no_text_is_refused(void **state)
{
	FILE *file = tmpfile();
	struct jsonl out;
	char *text;
	size_t len;

	(void)state;
	jsonl_init(&out, fileno(file));
	assert_int_equal(jsonl_write_frame(&out, "\xff", "t", 0, "{}", 2), -EILSEQ);
	assert_int_equal(jsonl_write_frame(&out, "b", "t", 0, "{}", 2), 0);
	text = contents(file, &len);
	assert_string_equal(text,
			    "{\"broadcast\":\"b\",\"track\":\"t\",\"sequence\":0,\"frame\":{}}\n");
	test_free(text);
	jsonl_deinit(&out);
	fclose(file);
}

static void closed_pipe_is_an_error(void **state)
{
	struct jsonl out;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	jsonl_init(&out, fds[1]);
	close(fds[0]);
	assert_int_equal(jsonl_write_frame(&out, "b", "t", 0, "{}", 2), -EPIPE);
	assert_int_equal(jsonl_write_status(&out, "{}", 2), -EPIPE);
	jsonl_deinit(&out);
	close(fds[1]);
}

static void full_disk_is_an_error(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	struct jsonl out;

	(void)state;
	if (fd < 0)
		skip();
	jsonl_init(&out, fd);
	assert_int_equal(jsonl_write_frame(&out, "b", "t", 0, "{}", 2), -ENOSPC);
	jsonl_deinit(&out);
	close(fd);
}

struct reader {
	int fd;
	size_t bytes;
	size_t newlines;
	char last;
};

/* A reader in no hurry. */
static void *read_slowly(void *arg)
{
	struct reader *r = arg;
	char part[7919];
	ssize_t n, i;

	while ((n = read(r->fd, part, sizeof(part))) > 0) {
		for (i = 0; i < n; i++)
			r->newlines += part[i] == '\n';
		r->bytes += (size_t)n;
		r->last = part[n - 1];
		usleep(500);
	}
	return NULL;
}

/* The kernel takes such a line in parts, be the pipe blocking or not. */
static void long_line_goes_out_whole(int flags)
{
	char *frame = test_malloc(BIG);
	struct reader reader = { 0 };
	struct jsonl out;
	pthread_t thread;
	int fds[2];

	memset(frame, 'x', BIG);
	assert_int_equal(pipe2(fds, flags), 0);
	/* Only the writing end is meant. */
	fcntl(fds[0], F_SETFL, 0);
	reader.fd = fds[0];
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
	jsonl_init(&out, fds[1]);
	assert_int_equal(jsonl_write_status(&out, frame, BIG), 0);
	jsonl_deinit(&out);
	close(fds[1]);
	pthread_join(thread, NULL);
	close(fds[0]);
	assert_int_equal(reader.bytes, BIG + strlen("{\"moqstat\":}\n"));
	assert_int_equal(reader.newlines, 1);
	assert_int_equal(reader.last, '\n');
	test_free(frame);
}

static void long_line_through_a_blocking_pipe(void **state)
{
	(void)state;
	long_line_goes_out_whole(0);
}

static void long_line_through_a_non_blocking_pipe(void **state)
{
	(void)state;
	long_line_goes_out_whole(O_NONBLOCK);
}

/* After half a line nothing may follow: it would be read as the other half. */
static void torn_line_ends_the_output(void **state)
{
	const struct rlimit small = { 20, RLIM_INFINITY };
	FILE *file = tmpfile();
	struct rlimit before;
	struct jsonl out;
	char *text;
	size_t len;
	int err;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	jsonl_init(&out, fileno(file));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	err = jsonl_write_status(&out, "{\"long\":\"enough\"}", 17);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(jsonl_write_status(&out, "{}", 2), -EFBIG);
	text = contents(file, &len);
	assert_int_equal(len, 20);
	test_free(text);
	jsonl_deinit(&out);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_exact),
		cmocka_unit_test(name_that_is_no_text_is_refused),
		cmocka_unit_test(closed_pipe_is_an_error),
		cmocka_unit_test(full_disk_is_an_error),
		cmocka_unit_test(long_line_through_a_blocking_pipe),
		cmocka_unit_test(long_line_through_a_non_blocking_pipe),
		cmocka_unit_test(torn_line_ends_the_output),
	};

	return cmocka_run_group_tests(tests, ignore_sigpipe, NULL);
}
