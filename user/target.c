/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "log.h"

#define TARGET_BATCH 512

int target_init(pid_t pid, struct target *out)
{
	struct target t = { .pid = pid };
	char name[PATH_MAX];
	ssize_t len;
	int err;

	t.pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (t.pidfd < 0) {
		err = -errno;
		log_error("cannot watch process %d: %s; give the pid of a running moq-relay "
			  "(`pidof moq-relay`)",
			  pid, err == -ESRCH ? "there is no such process" : strerror(-err));
		return err;
	}
	snprintf(t.exe, sizeof(t.exe), "/proc/%d/exe", pid);
	len = readlink(t.exe, name, sizeof(name) - 1);
	if (len < 0) {
		err = -errno;
		log_error("cannot tell what process %d runs (%s): %s; %s", pid, t.exe,
			  strerror(-err),
			  err == -ENOENT ? "it is a kernel thread or has ended"
					 : "run as root or with CAP_SYS_PTRACE");
		close(t.pidfd);
		return err;
	}
	name[len] = '\0';
	t.exe_name = strdup(name);
	if (!t.exe_name) {
		close(t.pidfd);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void target_deinit(struct target *t)
{
	if (!t || !t->exe_name)
		return;
	close(t->pidfd);
	free(t->exe_name);
	memset(t, 0, sizeof(*t));
}

bool target_alive(const struct target *t)
{
	struct pollfd fd = { .fd = t->pidfd, .events = POLLIN };

	return poll(&fd, 1, 0) == 0;
}

int target_read(const struct target *t, const uint64_t *addresses, size_t len, size_t size,
		void *out, bool *readable)
{
	struct iovec local, remote[TARGET_BATCH];
	size_t at = 0, i, n;
	ssize_t got;

	while (at < len) {
		n = len - at < TARGET_BATCH ? len - at : TARGET_BATCH;
		for (i = 0; i < n; i++) {
			remote[i].iov_base = (void *)(uintptr_t)addresses[at + i];
			remote[i].iov_len = size;
		}
		local.iov_base = (char *)out + at * size;
		local.iov_len = n * size;
		got = process_vm_readv(t->pid, &local, 1, remote, n, 0);
		if (got < 0 && errno != EFAULT)
			return -errno;
		/* It stops at the first address that isn't mapped. */
		n = got < 0 ? 0 : (size_t)got / size;
		for (i = 0; i < n; i++)
			readable[at++] = true;
		if (at < len && got != (ssize_t)local.iov_len)
			readable[at++] = false;
	}
	return 0;
}
