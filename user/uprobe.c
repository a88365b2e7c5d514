/* SPDX-License-Identifier: MIT */
#include "uprobe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/linux/errno.h: the kernel lets it slip out to us. */
#define UPROBE_ENOTSUPP 524

struct uprobe_link_create {
	__u32 prog_fd;
	__u32 target_fd;
	__u32 attach_type;
	__u32 flags;
	__u64 path;
	__u64 offsets;
	__u64 ref_ctr_offsets;
	__u64 cookies;
	__u32 cnt;
	__u32 multi_flags;
	__u32 pid;
	__u32 pad;
};

int uprobe_link_multi(int prog, const char *path, const uint64_t *offsets, const uint64_t *cookies,
		      size_t len)
{
	struct uprobe_link_create attr = {
		.prog_fd = prog,
		.attach_type = UPROBE_ATTACH_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cookies = (uintptr_t)cookies,
		.cnt = len,
	};
	int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

int uprobe_event_type(void)
{
	FILE *f = fopen(UPROBE_TYPE_FILE, "re");
	int type, n;

	if (!f)
		return -errno;
	n = fscanf(f, "%d", &type);
	fclose(f);
	return n == 1 ? type : -EIO;
}

int uprobe_link_event(int prog, int type, const char *path, uint64_t offset, uint64_t cookie)
{
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.uprobe_path = (uintptr_t)path,
		.probe_offset = offset,
	};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .perf_event.bpf_cookie = cookie);
	/* Whichever CPU the event is on, the program runs on all of them. */
	int event = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC), fd;

	if (event < 0)
		return -errno;
	fd = bpf_link_create(prog, event, BPF_PERF_EVENT, &opts);
	if (fd >= 0 && ioctl(event, PERF_EVENT_IOC_ENABLE, 0)) {
		int err = -errno;

		close(fd);
		fd = err;
	}
	/* From here on the link holds the event: one descriptor a site, not two. */
	close(event);
	return fd;
}

const char *uprobe_refusal(int err)
{
	switch (err) {
	case -UPROBE_ENOTSUPP:
	case -EOPNOTSUPP:
	case -ENOEXEC:
		return "the kernel can't run a probe on the instruction there";
	case -EINVAL:
	case -ERANGE:
		return "the kernel finds no such place in the executable";
	case -EIO:
	case -EFAULT:
		return "the kernel can't read the executable there";
	default:
		return NULL;
	}
}
