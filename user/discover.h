/* SPDX-License-Identifier: MIT */
/*
 * discover.h - finds the processes that may be relays by looking through /proc, now and then.
 *
 * A look reads the list of processes, and looks closer at those that are new or that may run
 * something else by now; see docs/adr/0008-processes.md. Everything is read through the directory
 * that discover_create() was given, so that tests can make one of their own.
 */
#ifndef MOQSTAT_DISCOVER_H
#define MOQSTAT_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** Which processes are wanted. */
enum discover_kind {
	DISCOVER_EXE = 0, /* those that run an executable, by its path */
	DISCOVER_UNIT,	  /* the relays of a systemd unit */
	DISCOVER_ALL,	  /* all relays */
};

struct discover;

/** How a look went. */
struct discover_look {
	const pid_t *found; /* wanted, and not told before; ascending. Valid until the next look */
	size_t len;
	size_t processes; /* there are */
	size_t matched;	  /* looked at closer this time, and of the executable or unit asked for;
			     relays or not */
};

/**
 * Begin. `proc` is "/proc" but for tests. `name` is for DISCOVER_EXE a path: as it is named in our
 * mount namespace or in the process's own, or of the very file that runs; for DISCOVER_UNIT a
 * pattern of unit_pattern(); else NULL. *out is ended by discover_destroy().
 * -ENOMEM; -ENOENT: a relative path that leads nowhere (logged).
 */
int discover_create(const char *proc, enum discover_kind kind, const char *name,
		    struct discover **out);
void discover_destroy(struct discover *d);

/** Look. A process that has been told of comes again only if it runs another executable by now, or
 *  after discover_forget(). -ENOMEM; -errno of opendir(3). */
int discover_look(struct discover *d, struct discover_look *out);

/** What this process runs is no relay that can be used: neither it nor another process that runs
 *  the same executable comes again. */
void discover_refuse(struct discover *d, pid_t pid);

/** Is what this process runs refused? It may be, although it was found in the same look. */
bool discover_refused(const struct discover *d, pid_t pid);

/** This process has ended, or runs something else: should its number come again, it is another. */
void discover_forget(struct discover *d, pid_t pid);

#endif /* MOQSTAT_DISCOVER_H */
