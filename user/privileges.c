/* SPDX-License-Identifier: MIT */
#include "privileges.h"

#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cap-ng.h>

#include "filter.h"
#include "log.h"

/* Whom the server runs as where the run is root's: who has nothing. */
#define PRIVILEGES_NOBODY 65534

int privileges_user_init(const char *name, struct privileges_user *out)
{
	struct privileges_user user = { 0 };
	const struct passwd *found;

	if (!name || !*name) {
		*out = user;
		return 0;
	}
	errno = 0;
	found = getpwnam(name);
	if (!found || strlen(name) >= sizeof(user.name)) {
		log_error("--user %s: %s", name,
			  errno ? strerror(errno)
				: "there is no such user; `useradd --system` makes one");
		return found || !errno ? -ENOENT : -errno;
	}
	strcpy(user.name, name);
	user.uid = found->pw_uid;
	user.gid = found->pw_gid;
	user.home = strdup(found->pw_dir);
	if (!user.home)
		return -ENOMEM;
	*out = user;
	return 0;
}

void privileges_user_deinit(struct privileges_user *u)
{
	free(u->home);
	u->home = NULL;
}

static uint64_t privileges_bit(unsigned int cap)
{
	return UINT64_C(1) << cap;
}

/* The capabilities that are there, as bits. */
static int privileges_have(uint64_t *out)
{
	unsigned int cap;

	*out = 0;
	if (capng_get_caps_process())
		return -EPERM;
	for (cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if (capng_have_capability(CAPNG_EFFECTIVE, cap))
			*out |= privileges_bit(cap);
	}
	return 0;
}

/* What attaching takes, of what there is. */
static uint64_t privileges_of_run(const struct privileges *p, uint64_t have)
{
	const uint64_t bpf = privileges_bit(CAP_BPF) | privileges_bit(CAP_PERFMON);
	uint64_t keep = bpf | privileges_bit(CAP_SYS_PTRACE);

	/* Of old it stood for the two; and kernels ask for it where a probe is a perf event (6.18),
	 * or where they are paranoid (Debian's 6.1). */
	if ((have & bpf) != bpf || p->events)
		keep |= privileges_bit(CAP_SYS_ADMIN);
	if (!*p->user.name)
		keep |= privileges_bit(CAP_DAC_READ_SEARCH);
	if (p->server)
		keep |= privileges_bit(CAP_KILL);
	return keep & have;
}

/* Keep these and no others, as this user or another. */
static int privileges_reduce(uint64_t keep, uint64_t have, const struct privileges_user *user)
{
	unsigned int cap;
	int flags = CAPNG_CLEAR_AMBIENT;

	capng_clear(CAPNG_SELECT_ALL);
	for (cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if (keep & privileges_bit(cap))
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, cap);
	}
	if (user) {
		flags |= CAPNG_CLEAR_BOUNDING;
		flags |= *user->name ? CAPNG_INIT_SUPP_GRP : CAPNG_DROP_SUPP_GRP;
		return capng_change_id(user->uid, user->gid, flags) ? -EPERM : 0;
	}
	/* Only who may change the bounds can; without, no_new_privs does. */
	return capng_apply(have & privileges_bit(CAP_SETPCAP)
				   ? CAPNG_SELECT_ALL
				   : CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT)
		       ? -EPERM
		       : 0;
}

/* None gets more by a program that it starts, or looks into this process's memory or its core. */
static int privileges_close(void)
{
	const struct rlimit none = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    setrlimit(RLIMIT_CORE, &none))
		return -errno;
	return 0;
}

static int privileges_said(int err, const char *what)
{
	if (err)
		log_error("cannot give up privileges (%s): %s", what, strerror(-err));
	return err;
}

static int privileges_become(const struct privileges *p, uint64_t have)
{
	const struct privileges_user *user = *p->user.name ? &p->user : NULL;
	const uint64_t needed = privileges_bit(CAP_SETUID) | privileges_bit(CAP_SETGID);

	/* He is it already. */
	if (user && user->uid == geteuid() && user->gid == getegid())
		user = NULL;
	if (user && (have & needed) != needed) {
		log_error("--user %s: only root, or who has CAP_SETUID and CAP_SETGID, can become "
			  "another user; start moqstat as root, or as %s with the capabilities it "
			  "takes",
			  user->name, user->name);
		return -EPERM;
	}
	/* What this user keeps is his, and not root's. */
	if (user && setenv("HOME", user->home, 1))
		return -ENOMEM;
	return privileges_said(privileges_reduce(privileges_of_run(p, have), have, user),
			       user ? user->name : "capabilities");
}

int privileges_confine(const struct privileges *p)
{
	const struct filter filter = { .new_files = p->several,
				       .notifies = getenv("NOTIFY_SOCKET") != NULL,
				       .killable = p->server };
	uint64_t have;
	int err = privileges_said(privileges_have(&have), "reading them");

	if (!err)
		err = privileges_become(p, have);
	if (!err)
		err = privileges_said(privileges_close(), "prctl, setrlimit");
	return err ? err : privileges_said(filter_run(&filter), "seccomp");
}

int privileges_settle(const struct privileges *p)
{
	uint64_t have, keep = privileges_bit(CAP_SYS_PTRACE);
	int err = privileges_said(privileges_have(&have), "reading them");

	if (p->server)
		keep |= privileges_bit(CAP_KILL);
	if (!err)
		err = privileges_said(privileges_reduce(keep & have, have, NULL), "capabilities");
	return err ? err : privileges_said(filter_settled(), "seccomp");
}

int privileges_drop(void)
{
	static const struct privileges_user nobody = { .uid = PRIVILEGES_NOBODY,
						       .gid = PRIVILEGES_NOBODY };
	int err = privileges_reduce(0, 0, geteuid() ? NULL : &nobody);

	return err ? err : privileges_close();
}

int privileges_serve(bool connects)
{
	int err = privileges_drop();

	return privileges_said(err ? err : filter_serve(connects), "of the process that serves");
}
