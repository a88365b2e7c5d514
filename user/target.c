/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "log.h"

#define TARGET_BATCH 512

static int target_open_exe(struct target *t, const char *link)
{
	char name[PATH_MAX];
	ssize_t len = readlink(link, name, sizeof(name) - 1);
	int err;

	if (len >= 0)
		t->exe_fd = open(link, O_RDONLY | O_CLOEXEC);
	if (len < 0 || t->exe_fd < 0) {
		err = -errno;
		log_error("cannot tell what process %d runs (%s): %s; %s", t->pid, link,
			  strerror(-err),
			  err == -ENOENT ? "it is a kernel thread or has ended"
			  : len >= 0	 ? "moqstat's user (--user) must be able to read the file; "
					   "or run it as root without --user"
					 : "run as root or with CAP_SYS_PTRACE");
		return err;
	}
	name[len] = '\0';
	snprintf(t->exe, sizeof(t->exe), "/proc/self/fd/%d", t->exe_fd);
	t->exe_name = strdup(name);
	return t->exe_name ? 0 : -ENOMEM;
}

int target_init(pid_t pid, struct target *out)
{
	struct target t = { .pid = pid, .exe_fd = -1 };
	char link[32];
	int err;

	t.pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (t.pidfd < 0) {
		err = -errno;
		log_error(
			"cannot watch process %d: %s; give the pid of a running moq-relay (`pidof moq-relay`)",
			pid, err == -ESRCH ? "there is no such process" : strerror(-err));
		return err;
	}
	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	err = target_open_exe(&t, link);
	if (err) {
		if (t.exe_fd >= 0)
			close(t.exe_fd);
		close(t.pidfd);
		return err;
	}
	*out = t;
	return 0;
}

void target_deinit(struct target *t)
{
	if (!t || !t->exe_name)
		return;
	close(t->pidfd);
	close(t->exe_fd);
	free(t->exe_name);
	memset(t, 0, sizeof(*t));
}

/* Both executables, then and now; false where there is none now. */
static bool target_stat(const struct target *t, struct stat *then, struct stat *now)
{
	char link[32];

	snprintf(link, sizeof(link), "/proc/%d/exe", t->pid);
	return !fstat(t->exe_fd, then) && !stat(link, now);
}

bool target_same(const struct target *t)
{
	struct stat then, now;

	return target_stat(t, &then, &now) && then.st_dev == now.st_dev &&
	       then.st_ino == now.st_ino;
}

bool target_replaced(const struct target *t)
{
	struct stat then, now;

	return target_stat(t, &then, &now) &&
	       (then.st_dev != now.st_dev || then.st_ino != now.st_ino);
}

int target_check_memory(const struct target *t)
{
	uint64_t address, word;
	char path[32];
	bool readable;
	FILE *maps;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/maps", t->pid);
	maps = fopen(path, "re");
	if (!maps) {
		err = errno == ENOENT ? -ESRCH : -errno;
	} else {
		err = fscanf(maps, "%" SCNx64, &address) == 1
			      ? target_read(t, &address, 1, sizeof(word), &word, &readable)
			      : -ESRCH;
		fclose(maps);
	}
	if (err)
		log_error("cannot read the memory of process %d: %s; %s", t->pid, strerror(-err),
			  err == -ESRCH ? "it has ended"
					: "run as root or with CAP_SYS_PTRACE, and see "
					  "kernel.yama.ptrace_scope, which must be below 3");
	return err;
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
