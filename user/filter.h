/* SPDX-License-Identifier: MIT */
/*
 * filter.h - which system calls this process may make from now on. What isn't let through fails
 * with EPERM; with ENOSYS where it is newer than Linux 5.0, so that a newer C library does without
 * it. The kernel's log names each call that was refused (audit type 1326). No filter ever kills.
 */
#ifndef MOQSTAT_FILTER_H
#define MOQSTAT_FILTER_H

#include <stdbool.h>
#include <sys/types.h>

struct filter {
	bool new_files; /* what is opened for writing must not exist yet */
	bool notifies;	/* sends datagrams to a service manager */
	pid_t killable; /* the one process that may be sent a SIGKILL; 0: none */
};

/** For a run: attaching, counting, reading a relay's memory. No other program, no writing into
 * another process, no network, no signals. 0 or -errno; once it is there it stays. */
int filter_run(const struct filter *f);

/** On top of that one: nothing is attached any more, and no file is opened for writing. */
int filter_settled(void);

/** For the process that serves: connections that come to a socket which it has, and no others but,
 *  with `connects`, those that it makes itself over TCP, for which it may ask the resolver; neither
 *  files nor processes are made. */
int filter_serve(bool connects);

#endif /* MOQSTAT_FILTER_H */
