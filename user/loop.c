/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Later than this is a missed tick, as in tokio. */
#define LOOP_LATE_NS 5000000ULL

static uint64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int loop_arm(struct loop *l)
{
	struct itimerspec spec = { .it_value = { .tv_sec = l->next_ns / 1000000000,
						 .tv_nsec = l->next_ns % 1000000000 } };

	return timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &spec, NULL) ? -errno : 0;
}

int loop_init(uint64_t interval_ms, int pidfd, int output, struct loop *out)
{
	struct loop l = { .pidfd = pidfd, .output = output, .interval_ns = interval_ms * 1000000 };
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	l.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	l.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l.signals < 0 || l.timer < 0) {
		err = -errno;
		loop_deinit(&l);
		return err;
	}
	l.next_ns = loop_now();
	err = loop_arm(&l);
	if (err) {
		loop_deinit(&l);
		return err;
	}
	*out = l;
	return 0;
}

void loop_deinit(struct loop *l)
{
	if (!l)
		return;
	if (l->signals > 0)
		close(l->signals);
	if (l->timer > 0)
		close(l->timer);
	memset(l, 0, sizeof(*l));
}

int loop_wait(struct loop *l, enum loop_event *event)
{
	struct pollfd fds[] = { { .fd = l->signals, .events = POLLIN },
				{ .fd = l->pidfd, .events = POLLIN },
				{ .fd = l->timer, .events = POLLIN },
				{ .fd = l->output } };
	uint64_t now, expired;

	while (poll(fds, 4, -1) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (fds[0].revents) {
		*event = LOOP_STOP;
	} else if (fds[1].revents) {
		*event = LOOP_ENDED;
	} else if (fds[3].revents & (POLLERR | POLLHUP)) {
		*event = LOOP_UNREAD;
	} else {
		if (read(l->timer, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
			return -errno;
		now = loop_now();
		l->next_ns = (now - l->next_ns > LOOP_LATE_NS ? now : l->next_ns) + l->interval_ns;
		*event = LOOP_TICK;
		return loop_arm(l);
	}
	return 0;
}
