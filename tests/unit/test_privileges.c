/* SPDX-License-Identifier: MIT */
/* test_privileges.c - processes that have given up their privileges try what they may no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privileges.h"
#include "shelter.h"

#define NOBODY	     65534
#define BIT(cap)     (UINT64_C(1) << (cap))
#define NEVER_A_CALL 599

/* A call that fails, and how: an errno, 0 for none at all. */
struct attempt {
	const char *name;
	long (*call)(void);
	int expected;
};

static pid_t other;	 /* a process that belongs to somebody else */
static char scratch[64]; /* a directory of the test's own */

static long try_exec(void)
{
	char *const none[] = { NULL };

	return execve("/bin/true", none, none);
}

static long try_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid;
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_SEIZE, other, NULL, NULL);
}

static long try_write_memory(void)
{
	char byte = 0;
	struct iovec v = { &byte, 1 };

	return process_vm_writev(other, &v, 1, &v, 1, 0);
}

static long try_read_memory(void)
{
	char byte, there = 7;
	struct iovec to = { &byte, 1 }, from = { &there, 1 };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0);
}

static long try_memory_file(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", getpid());
	return open(path, O_RDWR);
}

static long try_memory_file_made(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", getpid());
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
}

static long try_new_file(void)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/%d", scratch, getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static long try_unnamed_file(void)
{
	return open(scratch, O_RDWR | O_TMPFILE, 0600);
}

static long try_mount(void)
{
	return mount("none", scratch, "tmpfs", 0, NULL);
}

static long try_module(void)
{
	return syscall(SYS_init_module, "", 0, "");
}

static long try_kexec(void)
{
	return syscall(SYS_kexec_load, 0, 0, NULL, 0);
}

static long try_setuid(void)
{
	return syscall(SYS_setresuid, 0, 0, 0);
}

static long try_chmod(void)
{
	return chmod(scratch, 0777);
}

static long try_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static long try_keys(void)
{
	return syscall(SYS_keyctl, 0, 0, 0);
}

static long try_internet(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static long try_packets(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

/* To a port of this machine on which nobody listens. */
static long try_connect(void)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(1),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? fd : connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

static long try_unix(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0);
}

static long try_terminate(void)
{
	return kill(other, SIGTERM);
}

static long try_kill(void)
{
	return kill(other, SIGKILL);
}

static long try_kill_all(void)
{
	return kill(-1, SIGKILL);
}

static long try_limit_other(void)
{
	struct rlimit old;

	return prlimit(other, RLIMIT_CORE, NULL, &old);
}

static long try_code(void)
{
	return (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long try_make_code(void)
{
	static char page[8192];
	uintptr_t at = ((uintptr_t)page + 4095) & ~(uintptr_t)4095;

	return mprotect((void *)at, 4096, PROT_READ | PROT_EXEC);
}

static long try_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long try_bpf(unsigned int command)
{
	union bpf_attr attr;

	memset(&attr, 0xff, sizeof(attr));
	return syscall(SYS_bpf, command, &attr, sizeof(attr));
}

static long try_bpf_lookup(void)
{
	union bpf_attr attr = { .map_fd = -1 };

	return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr));
}

static long try_bpf_load(void)
{
	return try_bpf(BPF_PROG_LOAD);
}

static long try_bpf_link(void)
{
	return try_bpf(BPF_LINK_CREATE);
}

static long try_bpf_tracepoint(void)
{
	return try_bpf(BPF_RAW_TRACEPOINT_OPEN);
}

static long try_bpf_pin(void)
{
	return try_bpf(BPF_OBJ_PIN);
}

static long try_bpf_other(void)
{
	return try_bpf(BPF_PROG_GET_FD_BY_ID);
}

static long try_perf(void)
{
	return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0);
}

static long try_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0);
}

static long try_io_uring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL);
}

static long try_newer(void)
{
	return syscall(NEVER_A_CALL);
}

static void *nothing(void *arg)
{
	return arg;
}

static long try_thread(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, nothing, NULL);
	return errno ? -1 : pthread_join(thread, NULL);
}

static int shelter_visit(void *arg)
{
	*(pid_t *)arg = getpid();
	return 0;
}

static long try_shelter(void)
{
	pid_t pid = 0;

	errno = -shelter_run(shelter_visit, &pid);
	return errno ? -1 : pid == getpid() ? -2 : 0;
}

static long try_epoll(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

static long try_accept(void)
{
	return accept4(-1, NULL, NULL, 0);
}

static long try_read_file(void)
{
	return open("/proc/self/status", O_RDONLY);
}

/* What no confined process may do. */
static const struct attempt never[] = {
	{ "exec", try_exec, EPERM },
	{ "fork", try_fork, EPERM },
	{ "ptrace", try_ptrace, EPERM },
	{ "process_vm_writev", try_write_memory, EPERM },
	{ "mount", try_mount, EPERM },
	{ "init_module", try_module, EPERM },
	{ "kexec_load", try_kexec, EPERM },
	{ "setresuid", try_setuid, EPERM },
	{ "chmod", try_chmod, EPERM },
	{ "unshare", try_unshare, EPERM },
	{ "keyctl", try_keys, EPERM },
	{ "socket of the internet", try_internet, EPERM },
	{ "kill, SIGTERM", try_terminate, EPERM },
	{ "kill, everybody", try_kill_all, EPERM },
	{ "prlimit of another", try_limit_other, EPERM },
	{ "mmap of code", try_code, EPERM },
	{ "mprotect to code", try_make_code, EPERM },
	{ "PR_SET_DUMPABLE", try_dumpable, EPERM },
	{ "bpf, pinning", try_bpf_pin, EPERM },
	{ "bpf, another's program", try_bpf_other, EPERM },
	{ "clone3", try_clone3, ENOSYS },
	{ "io_uring", try_io_uring, ENOSYS },
	{ "what there isn't yet", try_newer, ENOSYS },
	{ "reading a file", try_read_file, 0 },
};

/* A run that relays may come to. */
static const struct attempt several[] = {
	{ "/proc/PID/mem for writing", try_memory_file, EPERM },
	{ "the same, to be made", try_memory_file_made, EPERM },
	{ "an unnamed file", try_unnamed_file, EPERM },
	{ "kill", try_kill, EPERM },
	{ "socket of a service manager", try_unix, EPERM },
	{ "a new file", try_new_file, 0 },
	{ "epoll_create1, as ring buffers do", try_epoll, 0 },
	{ "bpf, looking up", try_bpf_lookup, EBADF },
	{ "bpf, loading", try_bpf_load, EINVAL },
	{ "bpf, a tracepoint", try_bpf_tracepoint, EINVAL },
	{ "perf_event_open", try_perf, EFAULT },
	{ "process_vm_readv", try_read_memory, 0 },
	{ "a thread", try_thread, 0 },
	{ "the shelter", try_shelter, 0 },
};

/* One that has attached to its relay. */
static const struct attempt settled[] = {
	{ "/proc/PID/mem for writing", try_memory_file, EPERM },
	{ "the same, to be made", try_memory_file_made, EPERM },
	{ "an unnamed file", try_unnamed_file, EPERM },
	{ "a new file", try_new_file, EPERM },
	{ "bpf, loading", try_bpf_load, EPERM },
	{ "bpf, a link", try_bpf_link, EPERM },
	{ "bpf, a tracepoint", try_bpf_tracepoint, EPERM },
	{ "perf_event_open", try_perf, EPERM },
	{ "bpf, looking up", try_bpf_lookup, EBADF },
	{ "process_vm_readv", try_read_memory, 0 },
	{ "a thread", try_thread, 0 },
	{ "the shelter", try_shelter, 0 },
};

static const struct attempt serving[] = {
	{ "/proc/PID/mem for writing", try_memory_file, EPERM },
	{ "a new file", try_new_file, EPERM },
	{ "bpf, looking up", try_bpf_lookup, EPERM },
	{ "bpf, a tracepoint", try_bpf_tracepoint, EPERM },
	{ "perf_event_open", try_perf, EPERM },
	{ "process_vm_readv", try_read_memory, EPERM },
	{ "kill", try_kill, EPERM },
	{ "a thread", try_thread, EPERM },
	{ "socket", try_unix, EPERM },
	{ "epoll_create1", try_epoll, 0 },
	{ "accept4", try_accept, EBADF },
};

/* One that publishes at relays connects to them, too. */
static const struct attempt connecting[] = {
	{ "exec", try_exec, EPERM },
	{ "fork", try_fork, EPERM },
	{ "ptrace", try_ptrace, EPERM },
	{ "process_vm_writev", try_write_memory, EPERM },
	{ "process_vm_readv", try_read_memory, EPERM },
	{ "/proc/PID/mem for writing", try_memory_file, EPERM },
	{ "a new file", try_new_file, EPERM },
	{ "setresuid", try_setuid, EPERM },
	{ "kill", try_kill, EPERM },
	{ "mmap of code", try_code, EPERM },
	{ "mprotect to code", try_make_code, EPERM },
	{ "bpf, looking up", try_bpf_lookup, EPERM },
	{ "perf_event_open", try_perf, EPERM },
	{ "a socket below IP", try_packets, EPERM },
	{ "a socket of the internet", try_internet, 0 },
	{ "a connection", try_connect, ECONNREFUSED },
	{ "a thread", try_thread, 0 },
	{ "reading a file", try_read_file, 0 },
	{ "accept4", try_accept, EBADF },
};

#define TRY(list) try_all(list, sizeof(list) / sizeof((list)[0]))

/* False if one of them does otherwise, which is told. */
static bool try_all(const struct attempt *list, size_t len)
{
	bool good = true;
	size_t i;
	int got;

	for (i = 0; i < len; i++) {
		errno = 0;
		got = list[i].call() == -1 ? errno : 0;
		if (got != list[i].expected) {
			fprintf(stderr, "%s: %s, where %s was expected\n", list[i].name,
				strerrorname_np(got), strerrorname_np(list[i].expected));
			good = false;
		}
	}
	return good;
}

/* A number of /proc/self/status, or of all bits set where there is none. */
static uint64_t status(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	uint64_t value = UINT64_MAX;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = strtoull(line + strlen(name) + 1, NULL,
					 strncmp(name, "Cap", 3) ? 10 : 16);
	}
	if (f)
		fclose(f);
	return value;
}

/* As /proc/self/status tells it: no capability but these, and none to come. */
static bool confined(uint64_t caps, bool bounded)
{
	struct rlimit core = { 1, 1 };
	struct stat st;

	getrlimit(RLIMIT_CORE, &core);
	if (!status("CapAmb") && !status("CapInh") && !(status("CapPrm") & ~caps) &&
	    status("CapEff") == status("CapPrm") && (!bounded || !status("CapBnd")) &&
	    status("NoNewPrivs") == 1 && status("Seccomp") == 2 && !core.rlim_max &&
	    !stat("/proc/self/mem", &st) && !st.st_uid)
		return true;
	fprintf(stderr, "CapPrm %" PRIx64 ", CapBnd %" PRIx64 ", NoNewPrivs %" PRIu64 "\n",
		status("CapPrm"), status("CapBnd"), status("NoNewPrivs"));
	return false;
}

/* In a process of its own, which has nothing of ours to undo. Whoever is `other` lives on. */
static void in_a_child(bool (*body)(void))
{
	int state;
	pid_t pid;

	other = fork();
	if (!other) {
		pause();
		_exit(0);
	}
	strcpy(scratch, "/tmp/moqstat-privileges-XXXXXX");
	assert_non_null(mkdtemp(scratch));
	assert_int_equal(chmod(scratch, 0777), 0);
	pid = fork();
	if (!pid)
		_exit(body() ? 0 : 1);
	assert_int_equal(waitpid(pid, &state, 0), pid);
	assert_int_equal(rmdir(scratch), 0);
	assert_int_equal(waitpid(other, NULL, WNOHANG), 0);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	assert_int_equal(state, 0);
}

static const uint64_t attaching = BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_SYS_PTRACE);

static bool relays_may_come(void)
{
	const struct privileges p = { .several = true };
	bool root = !geteuid();

	unsetenv("NOTIFY_SOCKET");
	return !privileges_confine(&p) && confined(attaching | BIT(CAP_DAC_READ_SEARCH), root) &&
	       TRY(never) && TRY(several);
}

static bool one_relay(void)
{
	const struct privileges p = { 0 };
	bool root = !geteuid(), good;

	good = !privileges_confine(&p);
	good = good && try_new_file() >= 0 && try_bpf_lookup() == -1 && errno == EBADF;
	good = good && !privileges_settle(&p);
	return good && confined(BIT(CAP_SYS_PTRACE), root) && TRY(never) && TRY(settled);
}

static bool another_user(void)
{
	struct privileges p = { .several = true };
	bool good = !privileges_user_init("nobody", &p.user);

	good = good && !privileges_confine(&p) && confined(attaching, true);
	good = good && getuid() == NOBODY && geteuid() == NOBODY && getgid() == NOBODY;
	good = good && access("/etc/shadow", R_OK) && errno == EACCES;
	good = good && strcmp(getenv("HOME"), p.user.home) == 0;
	privileges_user_deinit(&p.user);
	return good && TRY(never) && TRY(several);
}

/* A server may be killed, by SIGKILL and by nothing else; and a service manager be told. */
static bool server_and_manager(void)
{
	const struct privileges p = { .several = true, .server = other };
	static const struct attempt list[] = {
		{ "SIGTERM", try_terminate, EPERM },
		{ "everybody", try_kill_all, EPERM },
		{ "the internet", try_internet, EPERM },
		{ "the manager", try_unix, 0 },
	};

	setenv("NOTIFY_SOCKET", "/run/systemd/notify", 1);
	return !privileges_confine(&p) && TRY(list);
}

static bool server_killed(void)
{
	struct privileges p = { 0 };
	bool good;
	int state;

	p.server = fork();
	if (!p.server) {
		pause();
		_exit(0);
	}
	good = !privileges_confine(&p) && !privileges_settle(&p);
	good = good && !kill(p.server, SIGKILL);
	waitpid(p.server, &state, 0);
	return good && WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL && TRY(never);
}

static bool server(void)
{
	bool root = !geteuid();

	return !privileges_serve(false) && (!root || getuid() == NOBODY) && confined(0, root) &&
	       TRY(never) && TRY(serving);
}

static bool publisher(void)
{
	bool root = !geteuid();

	return !privileges_serve(true) && (!root || getuid() == NOBODY) && confined(0, root) &&
	       TRY(connecting);
}

static bool no_such_user(void)
{
	struct privileges_user user;

	return privileges_user_init("no-such-user", &user) == -ENOENT;
}

/* Who has nothing can't become anybody. */
static bool nobody_becomes_root(void)
{
	struct privileges p = { 0 };

	if (!geteuid() && (setgid(NOBODY) || setuid(NOBODY)))
		return false;
	return !privileges_user_init("root", &p.user) && privileges_confine(&p) == -EPERM &&
	       getuid() && try_fork() > 0;
}

#define IN_A_CHILD(name)                      \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		in_a_child(name);             \
	}

IN_A_CHILD(relays_may_come)
IN_A_CHILD(one_relay)
IN_A_CHILD(server_and_manager)
IN_A_CHILD(server_killed)
IN_A_CHILD(server)
IN_A_CHILD(publisher)
IN_A_CHILD(no_such_user)
IN_A_CHILD(nobody_becomes_root)

static void test_another_user(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	in_a_child(another_user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relays_may_come),
		cmocka_unit_test(test_one_relay),
		cmocka_unit_test(test_another_user),
		cmocka_unit_test(test_server_and_manager),
		cmocka_unit_test(test_server_killed),
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_publisher),
		cmocka_unit_test(test_no_such_user),
		cmocka_unit_test(test_nobody_becomes_root),
	};

	return cmocka_run_group_tests_name("privileges", tests, NULL, NULL);
}
