/* SPDX-License-Identifier: MIT */
/*
 * walk.h - what one live task holds: its destructor is followed over a copy of the relay's memory,
 * and what it would end is noted.
 */
#ifndef MOQSTAT_WALK_H
#define MOQSTAT_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <moqstat.h>

#include "census_plan.h"
#include "target.h"
#include "tasks.h"

/** A piece of text, copied. */
struct walk_text {
	char *bytes;
	size_t len;
	uint64_t last; /* of the path's words in memory */
};

enum walk_kind {
	WALK_ANNOUNCE = 0,  /* at: guard */
	WALK_TRACK,	    /* at: guard */
	WALK_SESSION,	    /* at: guard */
	WALK_SUBSCRIPTION,  /* at: the object; value: its counts */
	WALK_STRING,	    /* at: {cap, ptr, len} */
	WALK_ARC,	    /* at: the counts of an Arc whose content leads to a guard */
	WALK_TOUCH,	    /* value: something else that is referred to; at: from where, or 0 */
	WALK_CONSUMER_ROOT, /* text: root of a session's origin, as publisher */
	WALK_PRODUCER_ROOT, /* the same, as subscriber */
};

struct walk_event {
	uint8_t kind;
	uint8_t role;
	uint8_t tier;
	bool ietf;    /* within a session of the IETF's drafts */
	uint8_t arcs; /* Arcs that it is in; 0: the task's own */
	uint64_t at;
	uint64_t value;
	uint64_t owner; /* guards: the word in front of it */
	uint64_t table; /* the hash table that holds it, or 0 */
	struct walk_text text;
};

/** What one task holds, in the order in which its destructor comes to it. */
struct walk_task {
	struct task task;
	struct walk_event *list;
	size_t len, room;
};

struct walk;

int walk_create(const struct target *target, const struct census_plan *plan, uint64_t bias,
		struct walk **out);
void walk_destroy(struct walk *w);

/** Follow one task. *out is ended by walk_task_deinit(). -EAGAIN: it is running, or changed
 *  meanwhile, try again; -ENOENT: it is gone; -EBADMSG: its destructor can't be followed;
 *  -ENOMEM. */
int walk_task(struct walk *w, const struct task *task, struct walk_task *out);
void walk_task_deinit(struct walk_task *t);

#endif /* MOQSTAT_WALK_H */
