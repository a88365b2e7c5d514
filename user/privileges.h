/* SPDX-License-Identifier: MIT */
/*
 * privileges.h - what a run keeps of the rights that it was started with. Everything else goes
 * before the first byte of a relay's is read, and what only attaching takes as soon as nothing is
 * attached any more.
 */
#ifndef MOQSTAT_PRIVILEGES_H
#define MOQSTAT_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#define PRIVILEGES_NAME_SIZE 64

/** Whom a run becomes. */
struct privileges_user {
	char name[PRIVILEGES_NAME_SIZE]; /* "": it stays who it is */
	uid_t uid;
	gid_t gid;
	char *home; /* NULL: none */
};

struct privileges {
	struct privileges_user user;
	bool events;  /* probes are perf events */
	bool several; /* relays may come at any time */
	pid_t server; /* the process that serves, 0: none; it may be killed, and no other */
};

/** Look a user up. NULL or "" is nobody else. -ENOENT there is none of that name (logged);
 * what looking gives. *out is ended by privileges_user_deinit(). */
int privileges_user_init(const char *name, struct privileges_user *out);
void privileges_user_deinit(struct privileges_user *u);

/**
 * Become the user, and keep what attaching to relays and reading them takes, as far as it is there:
 * CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE; CAP_DAC_READ_SEARCH where the user stays, for executables
 * of others; CAP_KILL for the server; CAP_SYS_ADMIN for perf events, or where it stands for the
 * first two. No ambient capabilities, no new privileges, nobody looks into this process or its
 * core, and a filter (filter.h). To be called while there is one thread. What is wrong is logged;
 * -EPERM; -errno.
 */
int privileges_confine(const struct privileges *p);

/** All is attached that ever will be: keep what reading takes, CAP_SYS_PTRACE and CAP_KILL. As
 * privileges_confine(), after it. */
int privileges_settle(const struct privileges *p);

/** Become a process that may do nothing special, and never will: `nobody`, where it is root's.
 * -EPERM; -errno. */
int privileges_drop(void);

/** The same, and it serves, behind a filter; `connects`: to relays, too. Logged; errors as of
 * privileges_drop(). */
int privileges_serve(bool connects);

#endif /* MOQSTAT_PRIVILEGES_H */
