/* SPDX-License-Identifier: MIT */
#include "shelter.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

#define SHELTER_STACK (1024 * 1024)

struct shelter {
	int (*run)(void *arg);
	void *arg;
	int result;
};

static int shelter_child(void *arg)
{
	struct shelter *s = arg;

	/* A signal to all processes of a job is not for this one. */
	setpgid(0, 0);
	s->result = s->run(s->arg);
	return 0;
}

/* As vfork(), but with the descriptors shared, so that those that the child opens are ours. Its end
 * is told by no signal: a SIGCHLD, though ignored, would interrupt the verifier in another thread.
 */
static pid_t shelter_clone(struct shelter *s, char *stack)
{
	sigset_t all, before;
	pid_t pid;

	/* Any other deadly signal would be as bad for the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = clone(shelter_child, stack + SHELTER_STACK, CLONE_VM | CLONE_FILES | CLONE_VFORK, s);
	if (pid < 0)
		pid = -errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

int shelter_run(int (*run)(void *arg), void *arg)
{
	/* What remains where the process does not come to its end. */
	struct shelter s = { .run = run, .arg = arg, .result = -EINTR };
	char *stack = mmap(NULL, SHELTER_STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	pid_t pid = stack == MAP_FAILED ? -errno : shelter_clone(&s, stack);

	if (pid > 0) {
		/* It has ended by now. */
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;
	} else {
		log_debug("cannot start a process of its own for probes: %s", strerror(-pid));
		s.result = run(arg);
	}
	if (stack != MAP_FAILED)
		munmap(stack, SHELTER_STACK);
	return s.result;
}
