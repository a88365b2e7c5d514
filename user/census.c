/* SPDX-License-Identifier: MIT */
#include "census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "census_name.h"
#include "log.h"
#include "tasks.h"
#include "walk.h"

/* A task that is being polled, or changes, is looked at again; this often, and after this long; and
 * where the machine is busy, a few times more after a longer while. */
#define CENSUS_TRIES	    300
#define CENSUS_TRIES_SOON   200
#define CENSUS_WAIT_SOON_US 100
#define CENSUS_WAIT_US	    1000

static const char *const census_kinds[] = { "announce", "track", "broadcast", "session" };

const char *census_kind_name(enum census_kind kind)
{
	return kind < CENSUS_KIND_MAX ? census_kinds[kind] : "?";
}

/* Look at all tasks in turn, and again at those that changed, until none is left. */
static int census_walk(struct walk *walk, const struct tasks *tasks, struct walk_task *seen,
		       struct census *c)
{
	size_t i, left = tasks->len;
	bool *done = calloc(tasks->len + 1, sizeof(*done));
	unsigned int try;
	int err = done ? 0 : -ENOMEM;

	for (try = 0; try < CENSUS_TRIES && left && !err; try++) {
		if (try)
			usleep(try < CENSUS_TRIES_SOON ? CENSUS_WAIT_SOON_US : CENSUS_WAIT_US);
		for (i = 0; i < tasks->len && !err; i++) {
			if (done[i])
				continue;
			err = walk_task(walk, &tasks->list[i], &seen[i]);
			c->tasks += !err;
			if (err == -EAGAIN || (err == -EBADMSG && try < CENSUS_TRIES_SOON / 10)) {
				err = 0;
				continue;
			}
			c->tasks_untold += err == -EBADMSG;
			if (err == -ENOENT || err == -EBADMSG)
				err = 0;
			done[i] = true;
			left--;
		}
	}
	c->tasks_untold += left;
	free(done);
	return err;
}

int census_read(const struct target *target, const struct census_plan *plan, struct census *out)
{
	struct census c = { 0 };
	struct walk_task *seen = NULL;
	struct walk *walk = NULL;
	struct tasks tasks;
	size_t i;
	int err = tasks_find(target, plan, &tasks);

	if (err)
		return err;
	seen = calloc(tasks.len + 1, sizeof(*seen));
	err = seen ? walk_create(target, plan, tasks.bias, &walk) : -ENOMEM;
	if (!err)
		err = census_walk(walk, &tasks, seen, &c);
	/* Of a process that has ended, nothing is open. */
	if (!err && !target_alive(target))
		err = -ESRCH;
	if (!err)
		err = census_name(seen, tasks.len, &c);
	for (i = 0; seen && i < tasks.len; i++)
		walk_task_deinit(&seen[i]);
	free(seen);
	walk_destroy(walk);
	tasks_deinit(&tasks);
	if (err) {
		census_deinit(&c);
		return err;
	}
	*out = c;
	return 0;
}

void census_deinit(struct census *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->len; i++) {
		free(c->items[i].path);
		free(c->items[i].key);
	}
	free(c->items);
	memset(c, 0, sizeof(*c));
}
