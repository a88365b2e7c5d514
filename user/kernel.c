/* SPDX-License-Identifier: MIT */
#include "kernel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "uprobe.h"

/* include/linux/proc_ns.h: PROC_PID_INIT_INO, PROC_USER_INIT_INO. */
#define KERNEL_FIRST_PID_NAMESPACE  0xEFFFFFFCU
#define KERNEL_FIRST_USER_NAMESPACE 0xEFFFFFFDU

#define KERNEL_BTF_FILE		    "/sys/kernel/btf/vmlinux"
#define KERNEL_CPUS_FILE	    "/sys/devices/system/cpu/possible"

/* The first line of a file of the kernel's; false where there is none. */
static bool kernel_read(const char *path, char *out, int size)
{
	FILE *f = fopen(path, "re");
	bool good = f && fgets(out, size, f);

	if (f)
		fclose(f);
	return good;
}

/* Is this namespace the one that the kernel began with? Where that can't be told, it is. */
static bool kernel_namespace_is(const char *path, ino_t first)
{
	struct stat st;

	return stat(path, &st) || st.st_ino == first;
}

/* The feature by trying it, not by the kernel's version: a directory is the wrong kind of file
 * (EBADF) only for a kernel that knows the request. */
bool kernel_has_multi(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = UPROBE_ATTACH_MULTI);
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	uint64_t offset = 0;
	int prog, err;

	prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", code, 2, &opts);
	if (prog < 0)
		return false;
	err = uprobe_link_multi(prog, "/", &offset, NULL, 1);
	close(prog);
	if (err >= 0)
		close(err);
	return err == -EBADF;
}

int kernel_check_rights(void)
{
	static const struct {
		unsigned int cap;
		const char *name;
	} needed[] = {
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_PERFMON, "CAP_PERFMON" },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },
	};
	size_t i;

	if (capng_get_caps_process()) {
		log_error("cannot read this process's capabilities");
		return -EPERM;
	}
	if (!kernel_namespace_is("/proc/self/ns/user", KERNEL_FIRST_USER_NAMESPACE)) {
		log_error(
			"cannot attach: moqstat runs in a user namespace of its own, where root "
			"may not use BPF; run it outside, or in a container with the host's users");
		return -EPERM;
	}
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i].cap) &&
		    !(i < 2 && capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN))) {
			log_error(
				"cannot attach: this process lacks %s; run moqstat as root, or give it "
				"CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE",
				needed[i].name);
			return -EPERM;
		}
	}
	return 0;
}

/* The programs see the relay's number in the first namespace, and we the one in ours. */
int kernel_check_namespace(void)
{
	if (kernel_namespace_is("/proc/self/ns/pid", KERNEL_FIRST_PID_NAMESPACE))
		return 0;
	log_error(
		"cannot tell the relay's process from others: moqstat runs in a PID namespace of its "
		"own; run it on the host, or in a container that shares the host's (--pid=host)");
	return -EPERM;
}

/* libbpf looks in some more places than the first. 0 or -errno. */
static int kernel_load_btf(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int err = libbpf_get_error(btf);

	if (!err)
		btf__free(btf);
	return err;
}

int kernel_check_btf(void)
{
	int err;

	if (access(KERNEL_CPUS_FILE, R_OK)) {
		log_error("cannot load the programs: sysfs isn't there (" KERNEL_CPUS_FILE
			  ": %s); mount it: `mount -t sysfs sysfs /sys`",
			  strerror(errno));
		return -ENOTSUP;
	}
	if (!access(KERNEL_BTF_FILE, R_OK))
		return 0;
	err = -errno;
	if (!kernel_load_btf())
		return 0;
	log_error("cannot load the programs: this kernel has no BTF (" KERNEL_BTF_FILE
		  ": %s); run one that has, such as those of Debian's packages linux-image-amd64 "
		  "and linux-image-cloud-amd64, or build yours with CONFIG_DEBUG_INFO_BTF=y and "
		  "pahole (Debian package dwarves) installed",
		  strerror(-err));
	return -ENOTSUP;
}

int kernel_check_cookies(void)
{
	struct bpf_insn code[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_attach_cookie },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", code, 3, NULL);

	if (prog >= 0) {
		close(prog);
		return 0;
	}
	if (prog == -EPERM || prog == -EACCES) {
		log_error("cannot load BPF programs: %s", kernel_barred());
		return -EPERM;
	}
	log_error("cannot tell probes apart: this kernel has no bpf_get_attach_cookie() (%s); it "
		  "takes Linux " KERNEL_LEAST " or later, and " KERNEL_TESTED " or later is tested",
		  strerror(-prog));
	return -ENOTSUP;
}

/* Does a filter bar bpf(2) or perf_event_open(2)? Our own doesn't. Calls that the kernel itself
 * refuses for other reasons than rights. */
static bool kernel_filtered(void)
{
	union bpf_attr attr = { .map_fd = -1 };

	if (prctl(PR_GET_SECCOMP) <= 0)
		return false;
	syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr));
	if (errno != EBADF)
		return true;
	syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0);
	return errno != EFAULT;
}

const char *kernel_barred(void)
{
	char line[128] = "";

	if (kernel_read("/sys/kernel/security/lockdown", line, sizeof(line)) &&
	    strstr(line, "[confidentiality]"))
		return "the kernel is locked down (/sys/kernel/security/lockdown: "
		       "confidentiality); boot it with lockdown=integrity or without";
	if (kernel_filtered())
		return "a seccomp filter is on this process; let bpf(2) and perf_event_open(2) "
		       "through (of a container: its seccomp profile; of a unit: "
		       "SystemCallFilter=)";
	if (kernel_read("/proc/sys/kernel/perf_event_paranoid", line, sizeof(line)) &&
	    atoi(line) > 2)
		return "a security module or kernel.perf_event_paranoid, which is above 2, bars "
		       "it; set that to 2, or run moqstat with CAP_SYS_ADMIN";
	return "a security module (AppArmor, SELinux) bars it; see `dmesg`";
}
