/* SPDX-License-Identifier: MIT */
/*
 * test_target.c - a process and its memory: this one, children of it, and none at all. What
 * target.c logs goes to the suite's log.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "target.h"

#define PAGE 4096

static void sleep_ms(unsigned int ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&left, &left))
		;
}

/* How many file descriptors are open. */
static int open_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A child that waits for its input to end, and becomes cat(1) if a byte comes first. */
static pid_t child_create(int *input)
{
	int fds[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[0], 0);
		close(fds[1]);
		if (read(0, &byte, 1) == 1)
			execl("/bin/cat", "cat", (char *)NULL);
		_exit(0);
	}
	close(fds[0]);
	*input = fds[1];
	return pid;
}

/* End a child, but leave its number taken: it is not waited for. */
static void child_end(pid_t pid, int input)
{
	siginfo_t info;

	close(input);
	assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
}

static int init_self(void **state)
{
	*state = test_calloc(1, sizeof(struct target));
	return target_init(getpid(), *state);
}

static int deinit_self(void **state)
{
	target_deinit(*state);
	target_deinit(*state); /* does nothing more */
	target_deinit(NULL);
	test_free(*state);
	return 0;
}

static void this_process_is_found(void **state)
{
	struct target *t = *state;
	char name[4096] = "";

	assert_int_equal(t->pid, getpid());
	assert_true(readlink("/proc/self/exe", name, sizeof(name) - 1) > 0);
	assert_string_equal(t->exe_name, name);
	memset(name, 0, sizeof(name));
	assert_true(readlink(t->exe, name, sizeof(name) - 1) > 0);
	assert_string_equal(t->exe_name, name);
	assert_true(target_alive(t));
	assert_true(target_same(t));
	assert_int_equal(target_check_memory(t), 0);
	assert_false(target_replaced(t));
}

static void nothing_is_left_open(void **state)
{
	struct target t;
	int open = open_fds();

	(void)state;
	assert_int_equal(target_init(getpid(), &t), 0);
	assert_int_equal(open_fds(), open + 2);
	target_deinit(&t);
	assert_int_equal(open_fds(), open);
}

static void missing_process_is_told(void **state)
{
	struct target out = { .pid = 123 };
	int input, open = open_fds();
	pid_t pid = child_create(&input);

	(void)state;
	child_end(pid, input);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(target_init(pid, &out), -ESRCH);
	assert_int_equal(target_init(INT32_MAX, &out), -ESRCH);
	assert_int_equal(target_init(0, &out), -EINVAL);
	assert_int_equal(target_init(-1, &out), -EINVAL);
	assert_int_equal(out.pid, 123);
	assert_int_equal(open_fds(), open);
}

/* It has a number still, but runs nothing. */
static void ended_process_is_told(void **state)
{
	struct target out = { .pid = 123 };
	int input, open = open_fds();
	pid_t pid = child_create(&input);

	(void)state;
	child_end(pid, input);
	assert_int_equal(target_init(pid, &out), -ENOENT);
	assert_int_equal(out.pid, 123);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(open_fds(), open);
}

static void process_that_ends_is_noticed(void **state)
{
	uint64_t word = 0, address = (uintptr_t)&word;
	bool readable = false;
	struct target t;
	int input;
	pid_t pid = child_create(&input);

	(void)state;
	assert_int_equal(target_init(pid, &t), 0);
	assert_true(target_alive(&t));
	assert_true(target_same(&t));
	assert_int_equal(target_check_memory(&t), 0);
	child_end(pid, input);
	assert_false(target_alive(&t));
	assert_false(target_same(&t));
	assert_false(target_replaced(&t)); /* it runs nothing, which is no other program */
	assert_int_equal(target_check_memory(&t), -ESRCH);
	assert_int_equal(target_read(&t, &address, 1, 8, &word, &readable), -ESRCH);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(target_alive(&t));
	assert_false(target_same(&t));
	assert_int_equal(target_check_memory(&t), -ESRCH);
	assert_int_equal(target_read(&t, &address, 1, 8, &word, &readable), -ESRCH);
	assert_false(readable);
	target_deinit(&t);
}

static void other_executable_is_noticed(void **state)
{
	struct target t;
	int input, i;
	pid_t pid = child_create(&input);

	(void)state;
	assert_int_equal(target_init(pid, &t), 0);
	assert_true(target_same(&t));
	assert_int_equal(write(input, "x", 1), 1);
	for (i = 0; i < 500 && target_same(&t); i++)
		sleep_ms(10);
	assert_false(target_same(&t));
	assert_true(target_replaced(&t));
	assert_true(target_alive(&t));
	child_end(pid, input);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	target_deinit(&t);
}

struct scattered {
	uint64_t values[1500];
	uint64_t addresses[1500];
	uint64_t out[1501];
	bool readable[1501];
	bool expected[1500];
};

static void scattered_init(struct scattered *s)
{
	size_t i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < 1500; i++) {
		s->values[i] = 0x1111111111111111 * (i % 15 + 1) + i;
		s->addresses[i] = (uintptr_t)&s->values[i];
		s->expected[i] = true;
		s->readable[i] = i & 1;
	}
	s->out[1500] = 42;
	s->readable[1500] = true;
}

static void scattered_check(const struct target *t, struct scattered *s, size_t len)
{
	size_t i;

	assert_int_equal(target_read(t, s->addresses, len, sizeof(uint64_t), s->out, s->readable),
			 0);
	for (i = 0; i < len; i++) {
		assert_int_equal(s->readable[i], s->expected[i]);
		if (s->expected[i])
			assert_int_equal(s->out[i], s->values[i]);
	}
	assert_int_equal(s->out[1500], 42);
	assert_true(s->readable[1500]);
}

/* More than one call takes; what can't be read lies first, last, on the seams, and in a row. */
static void many_addresses_are_read(void **state)
{
	static const uint64_t bad[] = { 0, 1, 8, 0x7ffffffff000, 1ULL << 60, UINT64_MAX };
	static const size_t places[] = { 0, 511, 512, 513, 700, 701, 702, 1023, 1024, 1300, 1499 };
	struct scattered *s = test_malloc(sizeof(*s));
	const size_t lens[] = { 0, 1, 2, 511, 512, 513, 1024, 1025, 1500 };
	size_t i;

	scattered_init(s);
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		scattered_check(*state, s, lens[i]);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		scattered_init(s);
		s->addresses[places[i]] = bad[i % 6];
		s->expected[places[i]] = false;
		scattered_check(*state, s, 1500);
	}
	scattered_init(s);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		s->addresses[places[i]] = bad[i % 6];
		s->expected[places[i]] = false;
	}
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		scattered_check(*state, s, lens[i]);
	for (i = 0; i < 1500; i++) {
		s->addresses[i] = bad[i % 6];
		s->expected[i] = false;
	}
	scattered_check(*state, s, 1500);
	test_free(s);
}

/* What can be read in part only can't be read; what follows isn't shifted by it. */
static void half_readable_is_not_readable(void **state)
{
	uint8_t *page =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t addresses[4], out[4][3] = { { 0 } };
	bool readable[4] = { false, true, false, true };

	assert_true(page != MAP_FAILED);
	memset(page, 'x', PAGE);
	assert_int_equal(mprotect(page + PAGE, PAGE, PROT_NONE), 0);
	addresses[0] = (uintptr_t)page + PAGE - 24;
	addresses[1] = (uintptr_t)page + PAGE - 23;
	addresses[2] = (uintptr_t)page;
	addresses[3] = (uintptr_t)page + PAGE - 8;
	assert_int_equal(target_read(*state, addresses, 4, 24, out, readable), 0);
	assert_true(readable[0]);
	assert_false(readable[1]);
	assert_true(readable[2]);
	assert_false(readable[3]);
	assert_memory_equal(out[0], page, 24);
	assert_memory_equal(out[2], page, 24);
	munmap(page, 2 * PAGE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, init_self, deinit_self)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(this_process_is_found),
		cmocka_unit_test(nothing_is_left_open),
		cmocka_unit_test(missing_process_is_told),
		cmocka_unit_test(ended_process_is_told),
		cmocka_unit_test(process_that_ends_is_noticed),
		cmocka_unit_test(other_executable_is_noticed),
		TEST(many_addresses_are_read),
		TEST(half_readable_is_not_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
