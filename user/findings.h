/* SPDX-License-Identifier: MIT */
/*
 * findings.h - what was looked at, one thing after the other: how it is, and what to do where it is
 * not as it should be.
 */
#ifndef MOQSTAT_FINDINGS_H
#define MOQSTAT_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

enum finding_state {
	FINDING_GOOD = 0,
	FINDING_NOTE, /* works, but differs from what one may expect */
	FINDING_BAD,  /* `moqstat run` fails with it */
};

struct finding {
	enum finding_state state;
	pid_t pid;	  /* the relay it is about; 0: this machine */
	const char *name; /* what was looked at; static text */
	char *text;	  /* how it is, and what to do */
};

struct findings {
	struct finding *list;
	size_t len, room;
	bool short_of_memory; /* some are missing */
};

/** Add one. `pid` is 0 or a relay's, `name` static text. */
void findings_add(struct findings *f, enum finding_state state, pid_t pid, const char *name,
		  const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/** How many are so. */
size_t findings_count(const struct findings *f, enum finding_state state);

/** Write them, a line each, and a verdict; or one JSON object, whole or not at all. 0 or -errno. */
int findings_write(const struct findings *f, bool json, FILE *to);

/** Free what it owns and zero it. */
void findings_deinit(struct findings *f);

#endif /* MOQSTAT_FINDINGS_H */
