/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ALL(list) list, sizeof(list) / sizeof((list)[0])

/* The first call that Linux 5.1 brought, and one that is beyond all that there are yet. */
#define FILTER_NEW    424
#define FILTER_NEWEST 600

#define FILTER_NAMESPACES                                                              \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)
#define FILTER_WRITE (O_ACCMODE | O_CREAT | O_TRUNC)
#define FILTER_FRESH (O_CREAT | O_EXCL)

/* What either process may do: compute, wait, and use what it has open. */
static const int filter_common[] = {
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(membarrier),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrusage),
	SCMP_SYS(getrlimit),
	SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	SCMP_SYS(getcpu),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(fcntl),
	SCMP_SYS(lseek),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(fstat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(fstatfs),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
};

static const int filter_of_run[] = {
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(wait4),
	SCMP_SYS(getdents64),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(dup),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(signalfd4),
	SCMP_SYS(capget),
	SCMP_SYS(capset),
	SCMP_SYS(seccomp),
	SCMP_SYS(mkdir),
	SCMP_SYS(rename),
	SCMP_SYS(unlink),
	SCMP_SYS(setrlimit),
	SCMP_SYS(epoll_create1), /* libbpf's ring buffer, though nobody waits for it */
	SCMP_SYS(epoll_ctl),
};

static const int filter_of_server[] = {
	SCMP_SYS(accept4),	 SCMP_SYS(accept),	SCMP_SYS(recvfrom),   SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),	 SCMP_SYS(sendmsg),	SCMP_SYS(sendfile),   SCMP_SYS(shutdown),
	SCMP_SYS(getsockname),	 SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(eventfd2),	 SCMP_SYS(signalfd4),
};

/* What a server that connects makes besides. bind() is for the netlink socket of the C library. */
static const int filter_of_client[] = {
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvmmsg),
};

/* Of bpf(2): maps, programs, links and what they are; no pinning, none of other processes'. */
static const unsigned int filter_bpf[] = {
	BPF_MAP_CREATE,
	BPF_MAP_LOOKUP_ELEM,
	BPF_MAP_UPDATE_ELEM,
	BPF_MAP_DELETE_ELEM,
	BPF_MAP_GET_NEXT_KEY,
	BPF_MAP_LOOKUP_BATCH,
	BPF_MAP_UPDATE_BATCH,
	BPF_MAP_DELETE_BATCH,
	BPF_MAP_LOOKUP_AND_DELETE_BATCH,
	BPF_MAP_LOOKUP_AND_DELETE_ELEM,
	BPF_MAP_FREEZE,
	BPF_PROG_LOAD,
	BPF_PROG_BIND_MAP,
	BPF_PROG_TEST_RUN,
	BPF_OBJ_GET_INFO_BY_FD,
	BPF_BTF_LOAD,
	BPF_LINK_CREATE,
	BPF_RAW_TRACEPOINT_OPEN, /* that the relay ends */
};

/* Of these, what only attaching takes. */
static const unsigned int filter_bpf_attach[] = {
	BPF_MAP_CREATE, BPF_PROG_LOAD,	 BPF_PROG_BIND_MAP,
	BPF_BTF_LOAD,	BPF_LINK_CREATE, BPF_RAW_TRACEPOINT_OPEN,
};

/* What libcap-ng asks and lowers, and what tells of filters. */
static const unsigned int filter_prctl[] = {
	PR_GET_SECCOMP,	 PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_READ,
	PR_CAPBSET_DROP, PR_CAP_AMBIENT,      PR_GET_SECUREBITS,   PR_SET_NAME,
};

static const unsigned int filter_ioctl[] = { PERF_EVENT_IOC_ENABLE, TCGETS };

/* A filter that is being made; the first error ends it. */
struct filter_maker {
	scmp_filter_ctx context;
	int err;
};

static void filter_rule(struct filter_maker *m, uint32_t action, int call)
{
	if (!m->err)
		m->err = seccomp_rule_add(m->context, action, call, 0);
}

/* An argument's bits in `mask`, as 32-bit arguments come. The library's macros for it leave out
 * members. */
static struct scmp_arg_cmp filter_masked(unsigned int argument, uint32_t mask, uint32_t value)
{
	return (struct scmp_arg_cmp){
		.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value
	};
}

static struct scmp_arg_cmp filter_is(unsigned int argument, uint32_t value)
{
	return (struct scmp_arg_cmp){
		.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0
	};
}

static void filter_rule_if(struct filter_maker *m, uint32_t action, int call,
			   struct scmp_arg_cmp when)
{
	if (!m->err)
		m->err = seccomp_rule_add_array(m->context, action, call, 1, &when);
}

static void filter_allow(struct filter_maker *m, const int *calls, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		filter_rule(m, SCMP_ACT_ALLOW, calls[i]);
}

/* A call by its argument, which must be one of a list. */
static void filter_each(struct filter_maker *m, uint32_t action, int call, unsigned int argument,
			const unsigned int *values, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		filter_rule_if(m, action, call, filter_is(argument, values[i]));
}

static bool filter_has(const int *calls, size_t len, int call)
{
	while (len && calls[len - 1] != call)
		len--;
	return len;
}

/* What is newer than Linux 5.0 isn't there, but for what is asked for. */
static void filter_age(struct filter_maker *m, const int *calls, size_t len)
{
	int call;

	for (call = FILTER_NEW; call < FILTER_NEWEST; call++) {
		if (!filter_has(ALL(filter_common), call) && !filter_has(calls, len, call))
			filter_rule(m, SCMP_ACT_ERRNO(ENOSYS), call);
	}
}

/* Both processes: no memory that holds code is made, only this process is limited or aborted. */
static void filter_self(struct filter_maker *m)
{
	filter_rule_if(m, SCMP_ACT_ALLOW, SCMP_SYS(mmap), filter_masked(2, PROT_EXEC, 0));
	filter_rule_if(m, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), filter_masked(2, PROT_EXEC, 0));
	filter_rule_if(m, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), filter_is(0, 0));
	filter_rule_if(m, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), filter_is(0, getpid()));
	filter_rule_if(m, SCMP_ACT_ALLOW, SCMP_SYS(openat),
		       filter_masked(2, FILTER_WRITE, O_RDONLY));
}

static int filter_make(uint32_t otherwise, struct filter_maker *m)
{
	int err;

	m->err = 0;
	m->context = seccomp_init(otherwise);
	if (!m->context)
		return -ENOMEM;
	err = seccomp_attr_set(m->context, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = seccomp_attr_set(m->context, SCMP_FLTATR_CTL_LOG, 1);
	if (!err)
		err = seccomp_attr_set(m->context, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (!err) /* a tree, not a list, of rules */
		err = seccomp_attr_set(m->context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	m->err = err;
	return 0;
}

static int filter_load(struct filter_maker *m)
{
	int err = m->err ? m->err : seccomp_load(m->context);

	seccomp_release(m->context);
	return err;
}

int filter_run(const struct filter *f)
{
	struct scmp_arg_cmp kill[] = { filter_is(0, f->killable), filter_is(1, SIGKILL) };
	struct scmp_arg_cmp group[] = { filter_is(0, 0), filter_is(1, 0) };
	static const int notify[] = { SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(connect),
				      SCMP_SYS(getsockopt), SCMP_SYS(setsockopt) };
	struct filter_maker m;
	int err = filter_make(SCMP_ACT_ERRNO(EPERM), &m);

	if (err)
		return err;
	filter_allow(&m, ALL(filter_common));
	filter_allow(&m, ALL(filter_of_run));
	filter_age(&m, ALL(filter_of_run));
	filter_self(&m);
	filter_each(&m, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 0, ALL(filter_bpf));
	filter_each(&m, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 0, ALL(filter_prctl));
	filter_each(&m, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, ALL(filter_ioctl));
	/* Threads and the shelter, which have this memory; a fork would not. */
	filter_rule_if(&m, SCMP_ACT_ALLOW, SCMP_SYS(clone),
		       filter_masked(0, CLONE_VM | FILTER_NAMESPACES, CLONE_VM));
	if (f->new_files)
		filter_rule_if(&m, SCMP_ACT_ALLOW, SCMP_SYS(openat),
			       filter_masked(2, FILTER_FRESH, FILTER_FRESH));
	else
		filter_rule(&m, SCMP_ACT_ALLOW, SCMP_SYS(openat));
	if (f->notifies) {
		filter_allow(&m, ALL(notify));
		filter_rule_if(&m, SCMP_ACT_ALLOW, SCMP_SYS(socket), filter_is(0, AF_UNIX));
	}
	if (!m.err)
		m.err = seccomp_rule_add_array(m.context, SCMP_ACT_ALLOW, SCMP_SYS(setpgid), 2,
					       group);
	if (!m.err && f->killable)
		m.err = seccomp_rule_add_array(m.context, SCMP_ACT_ALLOW, SCMP_SYS(kill), 2, kill);
	return filter_load(&m);
}

int filter_settled(void)
{
	static const unsigned int writes[] = { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC };
	static const int calls[] = { SCMP_SYS(perf_event_open), SCMP_SYS(mkdir), SCMP_SYS(rename),
				     SCMP_SYS(unlink) };
	struct filter_maker m;
	size_t i;
	int err = filter_make(SCMP_ACT_ALLOW, &m);

	if (err)
		return err;
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		filter_rule(&m, SCMP_ACT_ERRNO(EPERM), calls[i]);
	for (i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		filter_rule_if(&m, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat),
			       filter_masked(2, writes[i], writes[i]));
	filter_each(&m, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(bpf), 0, ALL(filter_bpf_attach));
	return filter_load(&m);
}

/* Connections of its own, and what the C library does to find a host's address: it reads its files,
 * asks a resolver or a daemon, in a thread, and the kernel which addresses this machine has. */
static void filter_connects(struct filter_maker *m)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK };
	size_t i;

	filter_allow(m, ALL(filter_of_client));
	filter_rule_if(m, SCMP_ACT_ALLOW, SCMP_SYS(clone),
		       filter_masked(0, CLONE_VM | FILTER_NAMESPACES, CLONE_VM));
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		filter_rule_if(m, SCMP_ACT_ALLOW, SCMP_SYS(socket), filter_is(0, families[i]));
	filter_rule_if(m, SCMP_ACT_ALLOW, SCMP_SYS(openat),
		       filter_masked(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
}

int filter_serve(bool connects)
{
	struct filter_maker m;
	int err = filter_make(SCMP_ACT_ERRNO(EPERM), &m);

	if (err)
		return err;
	filter_allow(&m, ALL(filter_common));
	filter_allow(&m, ALL(filter_of_server));
	filter_age(&m, ALL(filter_of_server));
	filter_self(&m);
	filter_rule_if(&m, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), filter_is(1, TCGETS));
	if (connects)
		filter_connects(&m);
	return filter_load(&m);
}
