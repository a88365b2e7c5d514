/* SPDX-License-Identifier: MIT */
/*
 * test_loop.c - ticks, looks, signals, the end of relays, the reader's. Intervals are small and
 * tolerances wide: the machine may be busy.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop.h"

#define INTERVAL_MS 100
#define BUSY_MS	    10000 /* what a busy machine may take for anything */

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

static void assert_event(struct loop *l, enum loop_event expected)
{
	enum loop_event event = -1;
	void *owner;

	assert_int_equal(loop_wait(l, &event, &owner), 0);
	assert_int_equal(event, expected);
}

static void first_tick_is_due_at_once(void **state)
{
	uint64_t start = now_ms();
	struct loop l;

	(void)state;
	assert_int_equal(loop_init(3600000, 0, -1, &l), 0);
	assert_event(&l, LOOP_TICK);
	assert_in_range(now_ms() - start, 0, BUSY_MS);
	/* The next is an hour away. */
	assert_in_range(l.next_ns / 1000000 - start, 3600000, 3600000 + BUSY_MS);
	loop_deinit(&l);
}

static void ticks_keep_their_distance(void **state)
{
	uint64_t start;
	struct loop l;
	int i;

	(void)state;
	start = now_ms();
	assert_int_equal(loop_init(INTERVAL_MS, 0, -1, &l), 0);
	for (i = 0; i <= 5; i++)
		assert_event(&l, LOOP_TICK);
	assert_in_range(now_ms() - start, 5 * INTERVAL_MS - 1, 5 * INTERVAL_MS + BUSY_MS);
	loop_deinit(&l);
}

/* Three and a half intervals slept through are one tick at once, and then a whole interval. */
static void a_late_tick_delays_the_rest(void **state)
{
	uint64_t late;
	struct loop l;
	int i;

	(void)state;
	assert_int_equal(loop_init(INTERVAL_MS, 0, -1, &l), 0);
	assert_event(&l, LOOP_TICK);
	sleep_ms(3 * INTERVAL_MS + INTERVAL_MS / 2);
	late = now_ms();
	assert_event(&l, LOOP_TICK);
	assert_in_range(now_ms() - late, 0, BUSY_MS);
	for (i = 1; i <= 3; i++) {
		assert_event(&l, LOOP_TICK);
		assert_true(now_ms() - late >= (uint64_t)i * INTERVAL_MS - 1);
	}
	loop_deinit(&l);
}

/* As in tokio, a tick up to 5 ms late doesn't shift those after it. */
static void a_little_late_is_on_time(void **state)
{
	struct loop l;
	uint64_t due;

	(void)state;
	assert_int_equal(loop_init(INTERVAL_MS, 0, -1, &l), 0);
	due = l.next_ns;
	assert_event(&l, LOOP_TICK);
	/* Unless the machine was busy. */
	if (l.next_ns - due < (INTERVAL_MS + 5) * 1000000ULL)
		assert_int_equal(l.next_ns - due, INTERVAL_MS * 1000000ULL);
	else
		print_message("the machine is busy: no tick was on time\n");
	loop_deinit(&l);
}

static void signals_stop_it(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct loop l;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(loop_init(1, 0, -1, &l), 0);
		kill(getpid(), signals[i]);
		sleep_ms(5); /* a tick is due too: the signal comes first */
		assert_event(&l, LOOP_STOP);
		assert_event(&l, LOOP_STOP);
		/* Take it away, or it would end this process in the next test. */
		assert_int_equal(sigtimedwait(&(sigset_t){ { 1UL << (signals[i] - 1) } }, NULL,
					      &(struct timespec){ 1, 0 }),
				 signals[i]);
		assert_event(&l, LOOP_TICK);
		loop_deinit(&l);
	}
	/* Broken pipes are errors of write(2). */
	raise(SIGPIPE);
}

static void the_relays_end_is_seen(void **state)
{
	int hold[2], pidfd;
	enum loop_event event;
	struct loop l;
	uint64_t start;
	void *owner;
	pid_t child;
	char c;

	(void)state;
	assert_int_equal(pipe(hold), 0);
	child = fork();
	if (!child) {
		close(hold[1]);
		_exit(read(hold[0], &c, 1) == 0 ? 0 : 1);
	}
	close(hold[0]);
	pidfd = syscall(SYS_pidfd_open, child, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(loop_init(INTERVAL_MS, 0, -1, &l), 0);
	assert_int_equal(loop_watch(&l, pidfd, &child), 0);
	assert_event(&l, LOOP_TICK);
	assert_event(&l, LOOP_TICK); /* it lives on */
	close(hold[1]);
	start = now_ms();
	do {
		assert_int_equal(loop_wait(&l, &event, &owner), 0);
	} while (event != LOOP_ENDED);
	assert_in_range(now_ms() - start, 0, BUSY_MS);
	assert_event(&l, LOOP_ENDED); /* for good */
	/* A signal comes before even that. */
	kill(getpid(), SIGTERM);
	assert_event(&l, LOOP_STOP);
	sigwaitinfo(&(sigset_t){ { 1UL << (SIGTERM - 1) } }, NULL);
	loop_deinit(&l);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(close(pidfd), 0); /* not owned by the loop */
}

/* Of three processes the one in the middle ends, then another: each is told of by its owner, until
 * it isn't watched any more. */
static void each_of_several_is_watched(void **state)
{
	int hold[3][2], pidfds[3], i;
	enum loop_event event;
	pid_t children[3];
	struct loop l;
	void *owner;
	char c;

	(void)state;
	assert_int_equal(loop_init(3600000, 0, -1, &l), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(pipe(hold[i]), 0);
		children[i] = fork();
		if (!children[i]) {
			for (int k = 0; k <= i; k++)
				close(hold[k][1]);
			_exit(read(hold[i][0], &c, 1) == 0 ? 0 : 1);
		}
		pidfds[i] = syscall(SYS_pidfd_open, children[i], 0);
		assert_int_equal(loop_watch(&l, pidfds[i], &children[i]), 0);
	}
	assert_event(&l, LOOP_TICK);
	close(hold[1][1]);
	for (i = 0; i < 2; i++) {
		assert_int_equal(loop_wait(&l, &event, &owner), 0);
		assert_int_equal(event, LOOP_ENDED);
		assert_ptr_equal(owner, &children[1]);
	}
	loop_unwatch(&l, pidfds[1]);
	loop_unwatch(&l, pidfds[1]); /* does nothing more */
	close(hold[2][1]);
	assert_int_equal(loop_wait(&l, &event, &owner), 0);
	assert_int_equal(event, LOOP_ENDED);
	assert_ptr_equal(owner, &children[2]);
	loop_unwatch(&l, pidfds[2]);
	close(hold[0][1]);
	assert_int_equal(loop_wait(&l, &event, &owner), 0);
	assert_ptr_equal(owner, &children[0]);
	loop_deinit(&l);
	for (i = 0; i < 3; i++) {
		assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
		close(pidfds[i]);
		close(hold[i][0]);
	}
}

/* Looks have a pace of their own, and ticks don't keep them waiting. */
static void looks_come_between_ticks(void **state)
{
	struct loop l;
	uint64_t start;

	(void)state;
	start = now_ms();
	assert_int_equal(loop_init(3600000, INTERVAL_MS, -1, &l), 0);
	assert_event(&l, LOOP_TICK);
	assert_event(&l, LOOP_LOOK);
	assert_event(&l, LOOP_LOOK);
	assert_in_range(now_ms() - start, 2 * INTERVAL_MS - 1, 2 * INTERVAL_MS + BUSY_MS);
	loop_deinit(&l);
	assert_int_equal(loop_init(1, 10 * INTERVAL_MS, -1, &l), 0);
	sleep_ms(21 * INTERVAL_MS);
	assert_event(&l, LOOP_LOOK); /* two that were missed are one */
	assert_event(&l, LOOP_TICK);
	loop_deinit(&l);
}

static void a_reader_that_went_is_seen(void **state)
{
	int out[2];
	struct loop l;

	(void)state;
	assert_int_equal(pipe(out), 0);
	assert_int_equal(loop_init(1, 0, out[1], &l), 0);
	assert_event(&l, LOOP_TICK);
	assert_event(&l, LOOP_TICK);
	close(out[0]);
	sleep_ms(5); /* a tick is due too */
	assert_event(&l, LOOP_UNREAD);
	loop_deinit(&l);
	assert_int_equal(close(out[1]), 0); /* not owned by the loop */
}

static void ended_twice_is_no_harm(void **state)
{
	struct loop l;

	(void)state;
	assert_int_equal(loop_init(1, 0, -1, &l), 0);
	loop_deinit(&l);
	loop_deinit(&l);
	loop_deinit(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_tick_is_due_at_once),
		cmocka_unit_test(ticks_keep_their_distance),
		cmocka_unit_test(a_late_tick_delays_the_rest),
		cmocka_unit_test(a_little_late_is_on_time),
		cmocka_unit_test(signals_stop_it),
		cmocka_unit_test(the_relays_end_is_seen),
		cmocka_unit_test(each_of_several_is_watched),
		cmocka_unit_test(looks_come_between_ticks),
		cmocka_unit_test(a_reader_that_went_is_seen),
		cmocka_unit_test(ended_twice_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
