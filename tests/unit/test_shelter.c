/* SPDX-License-Identifier: MIT */
/* test_shelter.c - what runs in the shelter has our memory and descriptors, and outlives us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shelter.h"

struct visit {
	pid_t pid;
	int pipe[2];
	char *text;
};

static int visit(void *arg)
{
	struct visit *v = arg;

	v->pid = getpid();
	v->text = malloc(7);
	return pipe(v->pipe) || !v->text ? -EIO : -EXDEV;
}

static void memory_and_descriptors(void **state)
{
	struct visit v = { 0 };

	(void)state;
	assert_int_equal(shelter_run(visit, &v), -EXDEV);
	assert_int_not_equal(v.pid, getpid());
	assert_int_equal(kill(v.pid, 0), -1); /* it has gone */
	assert_int_equal(write(v.pipe[1], "x", 1), 1);
	close(v.pipe[0]);
	close(v.pipe[1]);
	free(v.text);
}

/* Children that nobody waits for. */
static void with_sigchld_ignored(void **state)
{
	struct visit v = { 0 };

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(shelter_run(visit, &v), -EXDEV);
	signal(SIGCHLD, SIG_DFL);
	close(v.pipe[0]);
	close(v.pipe[1]);
	free(v.text);
}

static volatile sig_atomic_t signalled;

static void note_signal(int signal)
{
	(void)signal;
	signalled = 1;
}

/* A thread that verifies a program must not be interrupted by another's. */
static void no_signal_tells_of_its_end(void **state)
{
	struct visit v = { 0 };

	(void)state;
	signal(SIGCHLD, note_signal);
	assert_int_equal(shelter_run(visit, &v), -EXDEV);
	assert_false(signalled);
	signal(SIGCHLD, SIG_DFL);
	close(v.pipe[0]);
	close(v.pipe[1]);
	free(v.text);
}

static int ends_at_once(void *arg)
{
	(void)arg;
	kill(getpid(), SIGKILL);
	return 0;
}

/* What did not come to its end has not succeeded. */
static void an_early_end_is_told(void **state)
{
	(void)state;
	assert_int_equal(shelter_run(ends_at_once, NULL), -EINTR);
}

static int slow(void *arg)
{
	const int *out = arg;

	if (write(*out, "a", 1) != 1)
		return -EIO;
	poll(NULL, 0, 3000);
	return write(*out, "b", 1) == 1 ? 0 : -EIO;
}

static void goes_on_when_killed(void **state)
{
	int pipes[2], status;
	char c = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		close(pipes[0]);
		shelter_run(slow, &pipes[1]);
		_exit(0);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &c, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(read(pipes[0], &c, 1), 1);
	assert_int_equal(c, 'b');
	/* And then it is gone, with its descriptors. */
	assert_int_equal(read(pipes[0], &c, 1), 0);
	close(pipes[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_and_descriptors),
		cmocka_unit_test(with_sigchld_ignored),
		cmocka_unit_test(no_signal_tells_of_its_end),
		cmocka_unit_test(an_early_end_is_told),
		cmocka_unit_test(goes_on_when_killed),
	};

	return cmocka_run_group_tests_name("shelter", tests, NULL, NULL);
}
