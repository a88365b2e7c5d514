/* SPDX-License-Identifier: MIT */
/*
 * test_jsonl_stop.c - a writer that is to stop: it gives up on a reader that stalls, and on no
 * other. The waits overlap, each in a thread of its own, to be over in a few seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "jsonl.h"

#define LEN(array)    (sizeof(array) / sizeof((array)[0]))
#define BIG	      (300 * 1024) /* more than a pipe holds */
#define WAIT_MIN_MS   1500	   /* no reader is given up earlier */
#define WAIT_MAX_MS   15000	   /* on a busy machine */
#define HANGS_SECONDS 180

/* One line on its way through a pipe. */
struct passage {
	struct jsonl out;
	int fds[2];
	int stop;
	char *line;
	size_t len;
	size_t filled; /* bytes in the pipe that are not the line's */
	int err;
	uint64_t took_ms;
	pthread_t thread;
};

/* Who else writes to a pipe and takes the room that poll() saw: -1, or the pipe's end. Then the
 * next write() to it finds it full. */
static int rival_fd = -1;

static size_t fill(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	char byte = '.';
	size_t n = 0;

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (syscall(SYS_write, fd, &byte, 1) == 1)
		n++;
	fcntl(fd, F_SETFL, flags);
	return n;
}

/* Stands in for libc's. */
ssize_t writev(int fd, const struct iovec *parts, int len)
{
	if (fd == rival_fd) {
		rival_fd = -1;
		fill(fd);
	}
	return syscall(SYS_writev, fd, parts, len);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(unsigned int ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&left, &left))
		;
}

/* A line of `len` bytes, and a pipe with `flags` at its writing end. */
static void passage_init(struct passage *p, size_t len, int flags)
{
	size_t i;

	memset(p, 0, sizeof(*p));
	assert_int_equal(pipe(p->fds), 0);
	fcntl(p->fds[1], F_SETFL, flags);
	p->stop = eventfd(0, 0);
	assert_true(p->stop >= 0);
	p->line = test_malloc(len);
	p->len = len;
	for (i = 0; i < len - 1; i++)
		p->line[i] = (char)('a' + i % 23);
	p->line[len - 1] = '\n';
	jsonl_init(&p->out, p->fds[1]);
	jsonl_stop_on(&p->out, p->stop, -1);
}

static void passage_deinit(struct passage *p)
{
	jsonl_deinit(&p->out);
	close(p->fds[0]);
	close(p->fds[1]);
	close(p->stop);
	test_free(p->line);
}

static void stop(struct passage *p)
{
	const uint64_t one = 1;

	assert_int_equal(syscall(SYS_write, p->stop, &one, sizeof(one)), sizeof(one));
}

static void *passage_write(void *arg)
{
	struct passage *p = arg;
	uint64_t start = now_ms();

	p->err = jsonl_write_line(&p->out, p->line, p->len);
	p->took_ms = now_ms() - start;
	return NULL;
}

static void passage_start(struct passage *p)
{
	assert_int_equal(pthread_create(&p->thread, NULL, passage_write, p), 0);
}

/* Read `len` bytes, with a pause in between now and then, and compare them with the line. */
static void passage_read(struct passage *p, size_t len, unsigned int pause_ms)
{
	char *text = test_malloc(len);
	size_t done = 0, paused = 0;
	ssize_t n;

	while (done < len) {
		n = read(p->fds[0], text + done, len - done < 7919 ? len - done : 7919);
		if (n <= 0)
			break;
		done += (size_t)n;
		if (done - paused > 100 * 1024) {
			sleep_ms(pause_ms);
			paused = done;
		}
	}
	assert_int_equal(done, len);
	assert_memory_equal(text, p->line, len);
	test_free(text);
}

/* Throw away what fill() wrote, and no more. */
static void drain(struct passage *p)
{
	char part[4096];
	ssize_t n;

	while (p->filled > 0) {
		n = read(p->fds[0], part, p->filled < sizeof(part) ? p->filled : sizeof(part));
		assert_true(n > 0);
		p->filled -= (size_t)n;
	}
}

static void reader_that_stalls_is_given_up(void **state)
{
	struct passage p[5];
	size_t i;

	(void)state;
	for (i = 0; i < LEN(p); i++) {
		passage_init(&p[i], 100, i == 1 ? O_NONBLOCK : 0);
		p[i].filled = fill(p[i].fds[1]);
		stop(&p[i]);
	}
	jsonl_stop_on(&p[2].out, -1, p[2].stop);
	jsonl_stop_on(&p[3].out, p[3].fds[0], p[3].stop);
	/* Only a part of the line finds room. */
	drain(&p[4]);
	test_free(p[4].line);
	p[4].line = test_calloc(1, BIG);
	p[4].len = BIG;
	for (i = 0; i < LEN(p); i++)
		passage_start(&p[i]);
	for (i = 0; i < LEN(p); i++)
		pthread_join(p[i].thread, NULL);
	for (i = 0; i < LEN(p); i++) {
		assert_int_equal(p[i].err, -ECANCELED);
		assert_in_range(p[i].took_ms, WAIT_MIN_MS, WAIT_MAX_MS);
	}
	/* What left nothing behind can be tried again; nothing may follow half a line. */
	drain(&p[0]);
	assert_int_equal(jsonl_write_line(&p[0].out, p[0].line, p[0].len), 0);
	passage_read(&p[0], 100, 0);
	passage_read(&p[4], 8192, 0);
	assert_int_equal(jsonl_write_line(&p[4].out, "\n", 1), -ECANCELED);
	for (i = 0; i < LEN(p); i++)
		passage_deinit(&p[i]);
}

/* Until it is asked to stop it waits as long as it takes, and from then on no longer than that. */
static void nobody_is_given_up_before(void **state)
{
	struct passage read_late, stopped_late;

	(void)state;
	passage_init(&read_late, 100, 0);
	passage_init(&stopped_late, 100, 0);
	read_late.filled = fill(read_late.fds[1]);
	stopped_late.filled = fill(stopped_late.fds[1]);
	passage_start(&read_late);
	passage_start(&stopped_late);
	sleep_ms(2600);
	drain(&read_late);
	stop(&stopped_late);
	pthread_join(read_late.thread, NULL);
	pthread_join(stopped_late.thread, NULL);
	assert_int_equal(read_late.err, 0);
	passage_read(&read_late, 100, 0);
	assert_int_equal(stopped_late.err, -ECANCELED);
	assert_in_range(stopped_late.took_ms, 2600 + WAIT_MIN_MS, 2600 + WAIT_MAX_MS);
	passage_deinit(&read_late);
	passage_deinit(&stopped_late);
}

/* Lines about the sizes at which the kernel begins to take parts, and a reader with pauses. */
static void reader_that_goes_on_gets_whole_lines(void **state)
{
	static const size_t sizes[] = { 1,     PIPE_BUF - 1,	 PIPE_BUF,     PIPE_BUF + 1,
					65536, 65536 + PIPE_BUF, 65536 + 4097, BIG };
	static const int flags[] = { 0, O_NONBLOCK };
	struct passage p;
	size_t i, j;

	(void)state;
	for (i = 0; i < LEN(sizes); i++) {
		for (j = 0; j < LEN(flags); j++) {
			passage_init(&p, sizes[i], flags[j]);
			stop(&p);
			passage_start(&p);
			passage_read(&p, sizes[i], 200);
			pthread_join(p.thread, NULL);
			assert_int_equal(p.err, 0);
			passage_deinit(&p);
		}
	}
}

/* The first of a full pipe's bytes are read a while after the stop. */
static void reader_that_comes_back_in_time(void **state)
{
	struct passage p;

	(void)state;
	passage_init(&p, 70000, 0);
	p.filled = fill(p.fds[1]);
	stop(&p);
	passage_start(&p);
	sleep_ms(300);
	drain(&p);
	passage_read(&p, 70000, 0);
	pthread_join(p.thread, NULL);
	assert_int_equal(p.err, 0);
	passage_deinit(&p);
}

static void on_signal(int number)
{
	(void)number;
}

static void signals_are_no_stall(void **state)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct passage p;
	int i;

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	passage_init(&p, 100, 0);
	p.filled = fill(p.fds[1]);
	stop(&p);
	passage_start(&p);
	for (i = 0; i < 5; i++) {
		sleep_ms(50);
		pthread_kill(p.thread, SIGUSR1);
	}
	sleep_ms(50);
	drain(&p);
	pthread_join(p.thread, NULL);
	assert_int_equal(p.err, 0);
	passage_read(&p, 100, 0);
	passage_deinit(&p);
}

/* Room was there when asked for and is gone when used. */
static void pipe_shared_with_another_writer(void **state)
{
	struct passage p;

	(void)state;
	passage_init(&p, 100, O_NONBLOCK);
	stop(&p);
	rival_fd = p.fds[1];
	passage_write(&p);
	assert_int_equal(rival_fd, -1);
	assert_int_equal(p.err, -ECANCELED);
	assert_in_range(p.took_ms, WAIT_MIN_MS, WAIT_MAX_MS);
	passage_deinit(&p);
}

static void reader_that_is_gone(void **state)
{
	struct passage p;

	(void)state;
	passage_init(&p, 100, 0);
	p.filled = fill(p.fds[1]);
	stop(&p);
	passage_start(&p);
	sleep_ms(100);
	close(p.fds[0]);
	pthread_join(p.thread, NULL);
	assert_int_equal(p.err, -EPIPE);
	assert_in_range(p.took_ms, 0, WAIT_MAX_MS);
	p.fds[0] = dup(p.fds[1]);
	passage_deinit(&p);
}

static int group_setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	/* What waits for ever fails. */
	alarm(HANGS_SECONDS);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_that_stalls_is_given_up),
		cmocka_unit_test(nobody_is_given_up_before),
		cmocka_unit_test(reader_that_goes_on_gets_whole_lines),
		cmocka_unit_test(reader_that_comes_back_in_time),
		cmocka_unit_test(signals_are_no_stall),
		cmocka_unit_test(pipe_shared_with_another_writer),
		cmocka_unit_test(reader_that_is_gone),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
