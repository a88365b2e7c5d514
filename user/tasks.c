/* SPDX-License-Identifier: MIT */
#include "tasks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "log.h"
#include "maps.h"

/* tokio 1.52: struct Header { state, queue_next, vtable, owner_id, … }, and struct Vtable {
 * poll, schedule, dealloc, …: seven functions, then three offsets }. */
#define TASK_VTABLE_OF_HEADER  16
#define TASK_DEALLOC_OF_VTABLE 16
#define TASK_VTABLE_FUNCTIONS  7
#define TASK_VTABLE_WORDS      10

/* Its state: flags, and from bit 6 on the number of references. */
#define TASK_STATE_RUNNING   1u
#define TASK_STATE_COMPLETE  2u
#define TASK_STATE_REFERENCE 6
#define TASK_REFERENCES_MAX  (1u << 20)

/* tokio aligns a task's cell so, on x86-64. */
#define TASK_ALIGN 128

/* Task numbers are given out one after the other. */
#define TASK_ID_MAX (1ull << 48)

/* Further words of the vtable. */
#define TASK_VTABLE_SCHEDULER 8
#define TASK_VTABLE_ID	      9

#define TASKS_CHUNK	      (1u << 20)
#define TASKS_MAX	      (1u << 20)

enum task_state task_state(const uint64_t header[4])
{
	uint64_t references = header[0] >> TASK_STATE_REFERENCE;

	/* Once freed, a list pointer of the allocator's is there; on the stack, where tasks are
	 * made, no owner yet. */
	if (!references || references > TASK_REFERENCES_MAX || !header[3] ||
	    header[0] & TASK_STATE_COMPLETE)
		return TASK_GONE;
	return header[0] & TASK_STATE_RUNNING ? TASK_RUNNING : TASK_IDLE;
}

/* Read [at, at + size), as far as it is mapped; what isn't is zero. */
static int tasks_read(const struct target *target, uint64_t at, uint8_t *out, size_t size)
{
	struct iovec local = { out, size }, remote = { (void *)(uintptr_t)at, size };
	ssize_t got = process_vm_readv(target->pid, &local, 1, &remote, 1, 0);

	if (got < 0 && errno != EFAULT)
		return -errno;
	memset(out + (got > 0 ? got : 0), 0, size - (got > 0 ? got : 0));
	return 0;
}

static int tasks_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Is there a task's vtable? Seven functions of the executable's, the third of them known to free a
 * task, and three small offsets. */
static bool tasks_is_vtable(const struct census_plan *plan, const uint64_t *words, uint64_t bias,
			    uint64_t code, uint64_t code_end)
{
	const struct reach_function *f = reach_find(&plan->reach, words[2] - bias);
	unsigned int i;

	if (!f || f->kind != REACH_TASK || !f->leads || f->addr + bias != words[2])
		return false;
	for (i = 0; i < TASK_VTABLE_FUNCTIONS; i++) {
		if (words[i] < code || words[i] >= code_end)
			return false;
	}
	for (; i < TASK_VTABLE_WORDS; i++) {
		if (!words[i] || words[i] > 1u << 24)
			return false;
	}
	return true;
}

static int tasks_add_vtables(const struct target *target, const struct census_plan *plan,
			     const struct maps_entry *m, uint64_t code, uint64_t code_end,
			     struct tasks *t)
{
	size_t size = m->end - m->start, i, len = size / 8;
	uint64_t *words, *grown;
	int err;

	if (size > 1u << 28)
		return 0;
	words = malloc(size);
	if (!words)
		return -ENOMEM;
	err = tasks_read(target, m->start, (uint8_t *)words, size);
	for (i = 0; !err && i + TASK_VTABLE_WORDS <= len; i++) {
		if (!tasks_is_vtable(plan, words + i, t->bias, code, code_end))
			continue;
		grown = reallocarray(t->vtables, t->vtables_len + 1, sizeof(*grown));
		if (!grown) {
			err = -ENOMEM;
			break;
		}
		t->vtables = grown;
		grown[t->vtables_len++] = m->start + 8 * i;
	}
	free(words);
	return err;
}

/* Where the executable lies, and in it the vtables, which the loader has filled in. */
static int tasks_find_vtables(const struct target *target, const struct census_plan *plan,
			      struct tasks *t)
{
	uint64_t code = 0, code_end = 0;
	struct maps_entry m;
	char path[32];
	FILE *maps;
	int pass, err = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", target->pid);
	for (pass = 0; pass < 2 && !err; pass++) {
		maps = fopen(path, "re");
		if (!maps)
			return errno == ENOENT ? -ESRCH : -errno;
		while (!err && maps_next(maps, &m)) {
			if (strcmp(m.path, target->exe_name))
				continue;
			if (pass == 0 && m.flags[2] == 'x' && plan->anchor_offset >= m.offset &&
			    plan->anchor_offset - m.offset < m.end - m.start) {
				t->bias = m.start + plan->anchor_offset - m.offset - plan->anchor;
				code = m.start;
				code_end = m.end;
			}
			if (pass == 1 && m.flags[0] == 'r' && m.flags[2] != 'x')
				err = tasks_add_vtables(target, plan, &m, code, code_end, t);
		}
		fclose(maps);
		if (!code)
			err = -ENOENT;
	}
	if (t->vtables_len)
		qsort(t->vtables, t->vtables_len, sizeof(*t->vtables), tasks_compare);
	return err;
}

/* A word of the process; 0 where there is none. */
static uint64_t tasks_word(const struct target *target, uint64_t addr)
{
	uint64_t word = 0;
	bool readable = false;

	if (target_read(target, &addr, 1, sizeof(word), &word, &readable) || !readable)
		return 0;
	return word;
}

/* What looks like a task's header may be left over on a stack. A task has a number, and holds a
 * reference to its scheduler. */
static bool tasks_is_task(const struct target *target, uint64_t addr, uint64_t vtable)
{
	uint64_t id = tasks_word(target, addr + tasks_word(target, vtable + 8 * TASK_VTABLE_ID));
	uint64_t scheduler =
		tasks_word(target, addr + tasks_word(target, vtable + 8 * TASK_VTABLE_SCHEDULER));
	uint64_t strong = scheduler % 8 ? 0 : tasks_word(target, scheduler);
	uint64_t weak = strong ? tasks_word(target, scheduler + 8) : 0;

	return id && id < TASK_ID_MAX && strong && strong <= TASK_REFERENCES_MAX && weak &&
	       weak <= TASK_REFERENCES_MAX;
}

static int tasks_add(const struct target *target, uint64_t addr, uint64_t vtable, struct tasks *t)
{
	uint64_t dealloc = tasks_word(target, vtable + TASK_DEALLOC_OF_VTABLE);

	if (!dealloc || !tasks_is_task(target, addr, vtable))
		return 0;
	if (t->len == TASKS_MAX)
		return 0;
	if (t->len == t->room) {
		size_t room = t->room ? 2 * t->room : 256;
		struct task *grown = reallocarray(t->list, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		t->list = grown;
		t->room = room;
	}
	t->list[t->len++] = (struct task){ .addr = addr, .vtable = vtable, .dealloc = dealloc };
	return 0;
}

static int tasks_scan(const struct target *target, const struct maps_entry *m, uint64_t *words,
		      struct tasks *t)
{
	uint64_t low = t->vtables[0], high = t->vtables[t->vtables_len - 1], at, word;
	size_t size, i;
	int err = 0;

	for (at = m->start; at < m->end && !err; at += size) {
		size = m->end - at < TASKS_CHUNK ? m->end - at : TASKS_CHUNK;
		err = tasks_read(target, at, (uint8_t *)words, size);
		/* Headers are aligned, so none lies across two chunks. */
		for (i = 0; i + 4 <= size / 8 && !err; i += TASK_ALIGN / 8) {
			word = words[i + TASK_VTABLE_OF_HEADER / 8];
			if (word < low || word > high ||
			    !bsearch(&word, t->vtables, t->vtables_len, sizeof(word),
				     tasks_compare) ||
			    task_state(words + i) == TASK_GONE)
				continue;
			err = tasks_add(target, at + 8 * i, word, t);
		}
	}
	return err;
}

int tasks_find(const struct target *target, const struct census_plan *plan, struct tasks *out)
{
	struct tasks t = { 0 };
	struct maps_entry m;
	uint64_t *words = malloc(TASKS_CHUNK);
	FILE *maps = NULL;
	char path[32];
	int err = words ? tasks_find_vtables(target, plan, &t) : -ENOMEM;

	if (!err && t.vtables_len) {
		snprintf(path, sizeof(path), "/proc/%d/maps", target->pid);
		maps = fopen(path, "re");
		if (!maps)
			err = errno == ENOENT ? -ESRCH : -errno;
	}
	/* Tasks live on the heap: private, writable, and not of a file. */
	while (!err && maps && maps_next(maps, &m)) {
		if (m.flags[0] == 'r' && m.flags[1] == 'w' && m.flags[3] == 'p' &&
		    (!m.path[0] || !strcmp(m.path, "[heap]") || !strncmp(m.path, "[anon", 5)))
			err = tasks_scan(target, &m, words, &t);
	}
	if (maps)
		fclose(maps);
	free(words);
	if (err) {
		tasks_deinit(&t);
		return err;
	}
	log_debug("%zu kinds of task that can hold guards, %zu live ones", t.vtables_len, t.len);
	*out = t;
	return 0;
}

void tasks_deinit(struct tasks *t)
{
	if (!t)
		return;
	free(t->list);
	free(t->vtables);
	memset(t, 0, sizeof(*t));
}
