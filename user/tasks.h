/* SPDX-License-Identifier: MIT */
/*
 * tasks.h - the live tokio tasks of a process, found in its memory: each begins with a header that
 * points to a static table of functions of its own type.
 */
#ifndef MOQSTAT_TASKS_H
#define MOQSTAT_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "census_plan.h"
#include "target.h"

struct task {
	uint64_t addr; /* of the header */
	uint64_t vtable;
	uint64_t dealloc; /* what frees it, in the process */
};

/** How a task is doing. */
enum task_state {
	TASK_GONE = 0, /* has ended, or never was one */
	TASK_RUNNING,  /* is being polled: what it holds can't be told now */
	TASK_IDLE,
};

struct tasks {
	uint64_t bias; /* of the executable in the process */
	struct task *list;
	size_t len, room;
	uint64_t *vtables; /* whose tasks are listed, sorted */
	size_t vtables_len;
};

/** Find them. *out is ended by tasks_deinit(). -ESRCH: the process has ended; -ENOENT: it doesn't
 *  run this executable; what target_read() gives; -ENOMEM. */
int tasks_find(const struct target *target, const struct census_plan *plan, struct tasks *out);
void tasks_deinit(struct tasks *t);

/** What a task's header says. `header` is its first 32 bytes. */
enum task_state task_state(const uint64_t header[4]);

#endif /* MOQSTAT_TASKS_H */
