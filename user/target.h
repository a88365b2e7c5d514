/* SPDX-License-Identifier: MIT */
/*
 * target.h - the relay's process: found by pid, held so that its number can't come to mean
 * another, looked into but never touched.
 */
#ifndef MOQSTAT_TARGET_H
#define MOQSTAT_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target {
	pid_t pid;
	int pidfd;	/* readable once the process has ended */
	int exe_fd;	/* the executable that runs, whatever its path means now */
	char exe[32];	/* a path to exe_fd, good for this process only */
	char *exe_name; /* what that link reads, for people */
};

/** Find the process. What is wrong is logged: no such process (-ESRCH), no leave to look into it
 *  (-EACCES, -EPERM), a kernel thread (-ENOENT). *out is ended by target_deinit(). */
int target_init(pid_t pid, struct target *out);
void target_deinit(struct target *t);

/** Does the process still run the executable it ran at target_init()? */
bool target_same(const struct target *t);

/** Does it run another executable by now? Not so where it runs none, since it is about to end. */
bool target_replaced(const struct target *t);

/** Can its memory be read at all? 0, or -errno with the reason logged. */
int target_check_memory(const struct target *t);

/** Does the process still run? */
bool target_alive(const struct target *t);

/** Read `size` bytes at each of `len` addresses into out[0 .. len * size), by process_vm_readv(2).
 *  readable[i] tells whether address i could be read. -ESRCH: the process has ended; other -errno:
 *  nothing could be read at all. */
int target_read(const struct target *t, const uint64_t *addresses, size_t len, size_t size,
		void *out, bool *readable);

#endif /* MOQSTAT_TARGET_H */
