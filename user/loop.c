/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

/* Later than this is a missed tick, as in tokio. */
#define LOOP_LATE_NS 5000000ULL

/* Indices into loop.fds; from LOOP_FDS on there are pidfds. */
enum loop_fd {
	LOOP_FD_SIGNALS = 0,
	LOOP_FD_OUTPUT,
	LOOP_FD_SERVER,
	LOOP_FD_RELOAD,
	LOOP_FD_LOOK,
	LOOP_FD_TIMER,
	LOOP_FDS
};

static int loop_arm(struct loop *l)
{
	struct itimerspec spec = { .it_value = { .tv_sec = l->next_ns / 1000000000,
						 .tv_nsec = l->next_ns % 1000000000 } };

	return timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &spec, NULL) ? -errno : 0;
}

static int loop_timer(uint64_t period_ms)
{
	struct timespec period = { .tv_sec = period_ms / 1000,
				   .tv_nsec = period_ms % 1000 * 1000000 };
	struct itimerspec spec = { .it_value = period, .it_interval = period };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 && period_ms && timerfd_settime(fd, 0, &spec, NULL)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Room for one more, and its entry. */
static int loop_add(struct loop *l, int fd, short events, void *owner)
{
	struct pollfd *fds = reallocarray(l->fds, l->len + 1, sizeof(*fds));
	void **owners;

	if (!fds)
		return -ENOMEM;
	l->fds = fds;
	owners = reallocarray(l->owners, l->len + 1, sizeof(*owners));
	if (!owners)
		return -ENOMEM;
	l->owners = owners;
	l->fds[l->len] = (struct pollfd){ .fd = fd, .events = events };
	l->owners[l->len++] = owner;
	return 0;
}

static int loop_open(struct loop *l, uint64_t look_ms, int output)
{
	sigset_t set, reload;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigemptyset(&reload);
	sigaddset(&reload, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) || sigprocmask(SIG_BLOCK, &reload, NULL))
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	/* Apart, since whoever waits for the output gives up at the former. */
	l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	l->reload = signalfd(-1, &reload, SFD_CLOEXEC | SFD_NONBLOCK);
	l->timer = loop_timer(0);
	l->look = loop_timer(look_ms);
	if (l->signals < 0 || l->reload < 0 || l->timer < 0 || l->look < 0)
		return -errno;
	/* In the order of enum loop_fd. */
	err = loop_add(l, l->signals, POLLIN, NULL);
	if (!err)
		err = loop_add(l, output, 0, NULL);
	if (!err)
		err = loop_add(l, -1, 0, NULL);
	if (!err)
		err = loop_add(l, l->reload, POLLIN, NULL);
	if (!err)
		err = loop_add(l, l->look, POLLIN, NULL);
	if (!err)
		err = loop_add(l, l->timer, POLLIN, NULL);
	l->next_ns = clock_read(CLOCK_MONOTONIC);
	return err ? err : loop_arm(l);
}

int loop_init(uint64_t interval_ms, uint64_t look_ms, int output, struct loop *out)
{
	struct loop l = { .interval_ns = interval_ms * 1000000 };
	int err = loop_open(&l, look_ms, output);

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
	if (l->reload > 0)
		close(l->reload);
	if (l->timer > 0)
		close(l->timer);
	if (l->look > 0)
		close(l->look);
	free(l->fds);
	free(l->owners);
	memset(l, 0, sizeof(*l));
}

int loop_set_interval(struct loop *l, uint64_t interval_ms)
{
	uint64_t next;

	l->interval_ns = interval_ms * 1000000;
	next = clock_read(CLOCK_MONOTONIC) + l->interval_ns;
	if (next < l->next_ns)
		l->next_ns = next;
	return loop_arm(l);
}

void loop_watch_server(struct loop *l, int fd, bool waits)
{
	l->fds[LOOP_FD_SERVER].fd = fd;
	l->fds[LOOP_FD_SERVER].events = waits ? POLLOUT : 0;
}

int loop_watch(struct loop *l, int pidfd, void *owner)
{
	return loop_add(l, pidfd, POLLIN, owner);
}

void loop_unwatch(struct loop *l, int pidfd)
{
	size_t i;

	for (i = LOOP_FDS; i < l->len; i++) {
		if (l->fds[i].fd != pidfd)
			continue;
		l->len--;
		memmove(&l->fds[i], &l->fds[i + 1], (l->len - i) * sizeof(*l->fds));
		memmove(&l->owners[i], &l->owners[i + 1], (l->len - i) * sizeof(*l->owners));
		return;
	}
}

/* A pidfd that is due, or 0. */
static size_t loop_ended(const struct loop *l)
{
	size_t i;

	for (i = LOOP_FDS; i < l->len; i++) {
		if (l->fds[i].revents)
			return i;
	}
	return 0;
}

static int loop_drain(int fd)
{
	uint64_t expired;

	return read(fd, &expired, sizeof(expired)) < 0 && errno != EAGAIN ? -errno : 0;
}

static int loop_tick(struct loop *l)
{
	uint64_t now;
	int err = loop_drain(l->timer);

	if (err)
		return err;
	now = clock_read(CLOCK_MONOTONIC);
	l->late_ns = now > l->next_ns ? now - l->next_ns : 0;
	l->next_ns = (now - l->next_ns > LOOP_LATE_NS ? now : l->next_ns) + l->interval_ns;
	return loop_arm(l);
}

int loop_wait(struct loop *l, enum loop_event *event, void **owner)
{
	struct signalfd_siginfo info;
	size_t ended;
	short server;

	while (poll(l->fds, l->len, -1) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	ended = loop_ended(l);
	server = l->fds[LOOP_FD_SERVER].revents;
	if (l->fds[LOOP_FD_SIGNALS].revents) {
		*event = LOOP_STOP;
	} else if (ended) {
		*event = LOOP_ENDED;
		*owner = l->owners[ended];
	} else if (l->fds[LOOP_FD_OUTPUT].revents & (POLLERR | POLLHUP)) {
		*event = LOOP_UNREAD;
	} else if (server) {
		*event = server & (POLLERR | POLLHUP) ? LOOP_UNSERVED : LOOP_ROOM;
	} else if (l->fds[LOOP_FD_RELOAD].revents) {
		*event = LOOP_RELOAD;
		return read(l->reload, &info, sizeof(info)) < 0 && errno != EAGAIN ? -errno : 0;
	} else if (l->fds[LOOP_FD_LOOK].revents) {
		*event = LOOP_LOOK;
		return loop_drain(l->look);
	} else {
		*event = LOOP_TICK;
		return loop_tick(l);
	}
	return 0;
}
