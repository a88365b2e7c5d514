/* SPDX-License-Identifier: MIT */
#include "probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "moqstat.skel.h"
#include "percpu.h"

/* Debian 12's headers and libbpf are older than uprobe_multi (Linux 6.6): include/uapi/linux/bpf.h,
 * enum bpf_attach_type and union bpf_attr, link_create. */
#define PROBES_ATTACH_UPROBE_MULTI 48

/* include/linux/proc_ns.h, PROC_PID_INIT_INO. */
#define PROBES_FIRST_PID_NAMESPACE 0xEFFFFFFCU

/* Guards remembered at once, however few the broadcasts. */
#define PROBES_GUARDS_MIN 16384

struct probes_link_create {
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

struct probes {
	struct moqstat_bpf *object;
	const struct sites *sites;
	const struct target *target;
	const char *leave_out;
	bool multi;
	int fds[MOQSTAT_EVENT_MAX]; /* uprobe_multi links, by event; -1 where none */
	struct bpf_link **links;    /* perf-event links */
	size_t links_len;
};

static int probes_link_multi(int prog, const char *path, const uint64_t *offsets,
			     const uint64_t *cookies, size_t len)
{
	struct probes_link_create attr = {
		.prog_fd = prog,
		.attach_type = PROBES_ATTACH_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cookies = (uintptr_t)cookies,
		.cnt = len,
	};
	int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

/* The feature by trying it, not by the kernel's version: a directory is the wrong kind of file
 * (EBADF) only for a kernel that knows the request. */
static bool probes_has_multi(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = PROBES_ATTACH_UPROBE_MULTI);
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	uint64_t offset = 0;
	int prog, err;

	prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", code, 2, &opts);
	if (prog < 0)
		return false;
	err = probes_link_multi(prog, "/", &offset, NULL, 1);
	close(prog);
	if (err >= 0)
		close(err);
	return err == -EBADF;
}

static int probes_check_rights(void)
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
static int probes_check_namespace(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) || st.st_ino == PROBES_FIRST_PID_NAMESPACE)
		return 0;
	log_error(
		"cannot tell the relay's process from others: moqstat runs in a PID namespace of its "
		"own; run it on the host, or in a container that shares the host's (--pid=host)");
	return -EPERM;
}

static struct bpf_program *probes_program(const struct probes *p, enum moqstat_event event)
{
	switch (event) {
	case MOQSTAT_EVENT_BUMP:
		return p->object->progs.bump;
	case MOQSTAT_EVENT_SESSION_BUMP:
		return p->object->progs.session_bump;
	case MOQSTAT_EVENT_ENTRY:
		return p->object->progs.entry;
	case MOQSTAT_EVENT_SESSION:
		return p->object->progs.session;
	case MOQSTAT_EVENT_PLACE:
		return p->object->progs.place;
	case MOQSTAT_EVENT_SESSION_PLACE:
		return p->object->progs.session_place;
	case MOQSTAT_EVENT_PEEK:
		return p->object->progs.peek;
	case MOQSTAT_EVENT_TABLE:
		return p->object->progs.table;
	case MOQSTAT_EVENT_INSERT:
		return p->object->progs.insert;
	case MOQSTAT_EVENT_REMOVE:
		return p->object->progs.take;
	default:
		return p->object->progs.allocated;
	}
}

static int probes_size_maps(struct probes *p, uint32_t max_broadcasts)
{
	struct {
		struct bpf_map *map;
		uint32_t entries;
	} sizes[] = {
		/* Names have some more room, for what is on its way in or out. */
		{ p->object->maps.broadcasts, max_broadcasts + max_broadcasts / 4 + 64 },
		{ p->object->maps.roots, max_broadcasts + max_broadcasts / 4 + 64 },
		/* Pointers of entries that are gone stay until they are swept. */
		{ p->object->maps.entries, 4 * max_broadcasts },
		{ p->object->maps.paths, max_broadcasts },
		{ p->object->maps.root_paths, max_broadcasts },
		{ p->object->maps.guards, 8 * max_broadcasts + PROBES_GUARDS_MIN },
		/* Of a broadcast's four slots two are in use as a rule; and there are roots. */
		{ p->object->maps.opened, 3 * max_broadcasts + MOQSTAT_SLOT_MAX },
		{ p->object->maps.closed, 3 * max_broadcasts + MOQSTAT_SLOT_MAX },
	};
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !err; i++)
		err = bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);
	return err;
}

static int probes_check_btf(void)
{
	if (!access("/sys/kernel/btf/vmlinux", R_OK))
		return 0;
	log_error("cannot load the programs: this kernel has no BTF (/sys/kernel/btf/vmlinux: "
		  "%s); run a kernel built with CONFIG_DEBUG_INFO_BTF=y",
		  strerror(errno));
	return -ENOTSUP;
}

static int probes_load(struct probes *p, const struct probes_options *options)
{
	uint32_t max_broadcasts = options->max_broadcasts;
	struct bpf_program *prog;
	uint64_t key[2];
	int err = probes_check_btf();

	if (err)
		return err;
	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return -EIO;
	p->object = moqstat_bpf__open();
	if (!p->object)
		return -errno;
	p->object->rodata->target_tgid = p->target->pid;
	p->object->rodata->key_low = key[0];
	p->object->rodata->key_high = key[1];
	p->object->rodata->names_max = max_broadcasts;
	p->object->rodata->by_guard = options->identity == PROBES_IDENTITY_GUARD;
	bpf_object__for_each_program(prog, p->object->obj)
	{
		if (p->multi)
			bpf_program__set_expected_attach_type(prog, PROBES_ATTACH_UPROBE_MULTI);
	}
	err = probes_size_maps(p, max_broadcasts);
	if (!err)
		err = moqstat_bpf__load(p->object);
	if (err == -ENOMEM)
		log_error(
			"cannot load the BPF programs: no memory for maps of %u broadcasts on %d CPUs; "
			"give a smaller --max-broadcasts",
			max_broadcasts, libbpf_num_possible_cpus());
	else if (err)
		log_error(
			"cannot load the BPF programs: %s; the kernel must be 6.1 or later and allow "
			"BPF (see `dmesg` for lockdown), --verbose shows its reasons",
			strerror(-err));
	return err;
}

static int probes_fill_sites(struct probes *p)
{
	int fd = bpf_map__fd(p->object->maps.sites);
	uint32_t i;

	for (i = 0; i < p->sites->len; i++) {
		if (bpf_map_update_elem(fd, &i, &p->sites->list[i].what, BPF_ANY)) {
			log_error("cannot tell the programs about site %u: %s", i, strerror(errno));
			return -errno;
		}
	}
	return 0;
}

static int probes_attach_multi(struct probes *p, enum moqstat_event event, const uint64_t *offsets,
			       const uint64_t *cookies, size_t len)
{
	int fd = probes_link_multi(bpf_program__fd(probes_program(p, event)), p->target->exe,
				   offsets, cookies, len);

	if (fd < 0)
		return fd;
	p->fds[event] = fd;
	return 0;
}

static int probes_attach_perf(struct probes *p, enum moqstat_event event, const uint64_t *offsets,
			      const uint64_t *cookies, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookies[i]);
		struct bpf_link *link = bpf_program__attach_uprobe_opts(
			probes_program(p, event), -1, p->target->exe, offsets[i], &opts);

		if (!link)
			return -errno;
		p->links[p->links_len++] = link;
	}
	return 0;
}

static bool probes_left_out(const struct probes *p, const struct site *site)
{
	char name[64];

	if (!p->leave_out)
		return false;
	sites_counter_name(&site->what, name, sizeof(name));
	return !strcmp(name, p->leave_out);
}

/* Is there what is to be left out? */
static int probes_check_left_out(const struct probes *p)
{
	size_t i, n = 0;

	for (i = 0; i < p->sites->len; i++)
		n += probes_left_out(p, &p->sites->list[i]);
	if (!p->leave_out)
		return 0;
	if (!n) {
		log_error(
			"--leave-out %s: no site counts that; `moqstat sites` lists what there is",
			p->leave_out);
		return -EINVAL;
	}
	log_warn("%zu site(s) of %s are not probed, as --leave-out asks: its counts are wrong", n,
		 p->leave_out);
	return 0;
}

static int probes_attach_event(struct probes *p, enum moqstat_event event, uint64_t *offsets,
			       uint64_t *cookies)
{
	size_t i, len = 0;

	for (i = 0; i < p->sites->len; i++) {
		const struct site *site = &p->sites->list[i];

		if (site->what.event != event || probes_left_out(p, site))
			continue;
		if (site->class == CODE_CLASS_REFUSED) {
			log_error(
				"site 0x%lx can't be probed: the kernel never runs a probe on such an instruction",
				(unsigned long)site->addr);
			return -ENOTSUP;
		}
		offsets[len] = site->offset;
		cookies[len++] = i;
	}
	if (!len)
		return 0;
	if (p->multi)
		return probes_attach_multi(p, event, offsets, cookies, len);
	return probes_attach_perf(p, event, offsets, cookies, len);
}

/* A perf-event probe takes two descriptors, besides those that other relays' probes have. */
static void probes_raise_files(const struct probes *p)
{
	int lowest = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	rlim_t needed = 2 * p->sites->len + 64 + (lowest < 0 ? 0 : lowest);
	struct rlimit limit;

	if (lowest >= 0)
		close(lowest);
	if (p->multi || getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= needed)
		return;
	limit.rlim_cur = needed;
	if (limit.rlim_max < needed)
		limit.rlim_max = needed;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		log_warn(
			"cannot raise the limit of open files to %lu: %s; raise it with `ulimit -n`",
			(unsigned long)needed, strerror(errno));
}

static int probes_attach(struct probes *p)
{
	/* Names before what uses them, so that nothing opens unnamed in between. */
	static const enum moqstat_event order[] = {
		MOQSTAT_EVENT_ENTRY,	     MOQSTAT_EVENT_SESSION,	 MOQSTAT_EVENT_ENTRY_NEW,
		MOQSTAT_EVENT_SESSION_NEW,   MOQSTAT_EVENT_TABLE,	 MOQSTAT_EVENT_PEEK,
		MOQSTAT_EVENT_REMOVE,	     MOQSTAT_EVENT_INSERT,	 MOQSTAT_EVENT_PLACE,
		MOQSTAT_EVENT_SESSION_PLACE, MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_EVENT_BUMP,
	};
	uint64_t *offsets = calloc(p->sites->len, sizeof(*offsets));
	uint64_t *cookies = calloc(p->sites->len, sizeof(*cookies));
	size_t i;
	int err = -ENOMEM;

	p->links = calloc(p->sites->len, sizeof(struct bpf_link *));
	if (!offsets || !cookies || !p->links)
		goto out;
	err = 0;
	probes_raise_files(p);
	for (i = 0; i < sizeof(order) / sizeof(order[0]) && !err; i++)
		err = probes_attach_event(p, order[i], offsets, cookies);
	if (!err && !target_alive(p->target))
		err = -ESRCH;
	if (!err && !target_same(p->target))
		err = -ESTALE;
	if (err)
		log_error("cannot attach to process %d (%s): %s; nothing stays attached",
			  p->target->pid, p->target->exe_name,
			  !target_alive(p->target) ? "it has ended"
			  : err == -ESTALE ? "it runs another executable by now; start again"
					   : strerror(-err));
	else
		p->object->bss->attached = 1;
out:
	free(offsets);
	free(cookies);
	return err;
}

/* What to use; -ENOTSUP where it was asked for and isn't there. */
static int probes_choose(enum probes_kind kind, bool *multi)
{
	*multi = kind != PROBES_PERF_EVENT && probes_has_multi();
	if (kind == PROBES_UPROBE_MULTI && !*multi) {
		log_error(
			"this kernel has no uprobe_multi links (Linux 6.6 and later do); leave out --probes");
		return -ENOTSUP;
	}
	return 0;
}

int probes_check(enum probes_kind kind)
{
	bool multi;
	int err = probes_check_rights();

	if (!err)
		err = probes_check_namespace();
	if (!err)
		err = probes_check_btf();
	return err ? err : probes_choose(kind, &multi);
}

int probes_create(const struct target *target, const struct sites *sites,
		  const struct probes_options *options, struct probes **out)
{
	struct probes *p = calloc(1, sizeof(*p));
	size_t i;
	int err;

	if (!p)
		return -ENOMEM;
	for (i = 0; i < MOQSTAT_EVENT_MAX; i++)
		p->fds[i] = -1;
	p->sites = sites;
	p->target = target;
	p->leave_out = options->leave_out;
	err = probes_check_rights();
	if (!err)
		err = probes_check_left_out(p);
	if (!err)
		err = probes_check_namespace();
	if (!err)
		err = target_check_memory(target);
	if (!err)
		err = probes_choose(options->kind, &p->multi);
	if (!err)
		err = probes_load(p, options);
	if (!err)
		err = probes_fill_sites(p);
	if (!err)
		err = probes_attach(p);
	if (err) {
		probes_destroy(p);
		return err;
	}
	*out = p;
	return 0;
}

void probes_destroy(struct probes *p)
{
	size_t i;

	if (!p)
		return;
	for (i = 0; i < MOQSTAT_EVENT_MAX; i++) {
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	}
	for (i = 0; i < p->links_len; i++)
		bpf_link__destroy(p->links[i]);
	free(p->links);
	moqstat_bpf__destroy(p->object);
	free(p);
}

struct moqstat_bpf *probes_object(const struct probes *p)
{
	return p->object;
}

const char *probes_kind_name(const struct probes *p)
{
	return p->multi ? "uprobe_multi" : "perf_event";
}

int probes_hits(const struct probes *p, size_t site, uint64_t *hits)
{
	return percpu_sum(bpf_map__fd(p->object->maps.hits), site, hits);
}
