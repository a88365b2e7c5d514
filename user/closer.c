/* SPDX-License-Identifier: MIT */
#include "closer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "shelter.h"

/* So many are told of before they are waited for. */
#define CLOSER_MANY 64

/* So many at most are closed at once: links to many sites, one a program, of which each waits for
 * the same grace periods. What has a link a site gains nothing by it (docs/adr/0013-probes.md). */
#define CLOSER_TOGETHER 16

struct closer {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	int *fds;
	size_t len, room;
	bool started;
	size_t closing; /* that aren't in fds any more */
	bool paused;
	bool ending;
};

static int closer_close(void *arg)
{
	return close(*(int *)arg);
}

static void *closer_close_one(void *arg)
{
	shelter_run(closer_close, arg);
	return NULL;
}

/* At once, as far as there are threads for it. */
static void closer_close_all(int *fds, size_t len)
{
	pthread_t threads[CLOSER_TOGETHER];
	bool started[CLOSER_TOGETHER] = { false };
	size_t i;

	for (i = 1; i < len; i++)
		started[i] = !pthread_create(&threads[i], NULL, closer_close_one, &fds[i]);
	for (i = 0; i < len; i++) {
		if (started[i])
			pthread_join(threads[i], NULL);
		else
			closer_close_one(&fds[i]);
	}
}

/* Take the next ones out of the queue. */
static size_t closer_next(struct closer *c, int *fds)
{
	size_t len = c->len <= CLOSER_TOGETHER ? c->len : 1;

	c->len -= len;
	c->closing = len;
	memcpy(fds, c->fds + c->len, len * sizeof(*fds));
	return len;
}

static void *closer_run(void *arg)
{
	struct closer *c = arg;
	int fds[CLOSER_TOGETHER];
	size_t len;

	pthread_mutex_lock(&c->lock);
	while (true) {
		if (c->len && !c->paused) {
			len = closer_next(c, fds);
			pthread_mutex_unlock(&c->lock);
			closer_close_all(fds, len);
			pthread_mutex_lock(&c->lock);
			c->closing = 0;
		} else if (c->ending) {
			break;
		} else {
			pthread_cond_wait(&c->changed, &c->lock);
		}
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

int closer_create(struct closer **out)
{
	struct closer *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	*out = c;
	return 0;
}

void closer_destroy(struct closer *c)
{
	size_t left;

	if (!c)
		return;
	left = closer_left(c);
	if (left > CLOSER_MANY)
		log_info("taking %zu probes away, which takes this kernel up to 0.1 s each", left);
	pthread_mutex_lock(&c->lock);
	c->paused = false;
	c->ending = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	if (c->started)
		pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c->fds);
	free(c);
}

/* The thread, which takes no signals. False if there can be none. */
static bool closer_start(struct closer *c)
{
	sigset_t all, before;

	if (c->started)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	c->started = !pthread_create(&c->thread, NULL, closer_run, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return c->started;
}

/* Room in the queue for `len` more. */
static bool closer_grow(struct closer *c, size_t len)
{
	int *fds;

	if (c->len + len <= c->room)
		return true;
	fds = reallocarray(c->fds, c->len + len, sizeof(*fds));
	if (!fds)
		return false;
	c->fds = fds;
	c->room = c->len + len;
	return true;
}

void closer_take(struct closer *c, const int *fds, size_t len)
{
	bool queued;

	if (!len)
		return;
	pthread_mutex_lock(&c->lock);
	queued = closer_grow(c, len) && closer_start(c);
	if (queued) {
		memcpy(c->fds + c->len, fds, len * sizeof(*fds));
		c->len += len;
		pthread_cond_broadcast(&c->changed);
	}
	pthread_mutex_unlock(&c->lock);
	while (!queued && len) {
		int fd = fds[--len];

		shelter_run(closer_close, &fd);
	}
}

void closer_pause(struct closer *c)
{
	pthread_mutex_lock(&c->lock);
	c->paused = true;
	pthread_mutex_unlock(&c->lock);
}

void closer_resume(struct closer *c)
{
	pthread_mutex_lock(&c->lock);
	c->paused = false;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

size_t closer_left(struct closer *c)
{
	size_t left;

	pthread_mutex_lock(&c->lock);
	left = c->len + c->closing;
	pthread_mutex_unlock(&c->lock);
	return left;
}
