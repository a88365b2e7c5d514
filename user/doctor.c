/* SPDX-License-Identifier: MIT */
#include "doctor.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "discover.h"
#include "doctor_relay.h"
#include "files.h"
#include "findings.h"
#include "kernel.h"
#include "log.h"
#include "moqstat.skel.h"
#include "overflow.h"
#include "percpu.h"
#include "privileges.h"
#include "programs.h"
#include "uprobe.h"

/* As many sites as a relay has, about. */
#define DOCTOR_SITES 700

static void doctor_kernel(struct findings *f)
{
	struct utsname name;

	if (uname(&name))
		return;
	if (strcmp(name.machine, "x86_64"))
		findings_add(f, FINDING_BAD, 0, "kernel",
			     "Linux %s on %s: moqstat and the relay must be of x86-64",
			     name.release, name.machine);
	else
		findings_add(f, FINDING_GOOD, 0, "kernel", "Linux %s on %s", name.release,
			     name.machine);
}

/* What run checks before anything else. False: then nothing more can be tried. */
static bool doctor_checks(struct findings *f)
{
	static const struct {
		const char *name, *good;
		int (*check)(void);
	} checks[] = {
		{ "rights", "CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE are there",
		  kernel_check_rights },
		{ "namespace", "the first PID namespace, which programs see",
		  kernel_check_namespace },
		{ "btf", "the kernel has its type information", kernel_check_btf },
		{ "cookies", "a program can tell which probe fired; tried", kernel_check_cookies },
	};
	struct doctor_words words;
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		doctor_listen(&words);
		if (checks[i].check()) {
			findings_add(f, FINDING_BAD, 0, checks[i].name, "%s", doctor_heard(&words));
			good = false;
		} else {
			doctor_heard(&words);
			findings_add(f, FINDING_GOOD, 0, checks[i].name, "%s", checks[i].good);
		}
	}
	return good;
}

/* What a run would give up, and as whom it would go on. */
static void doctor_privileges(struct findings *f, const struct options *o)
{
	const uint32_t action = SECCOMP_RET_ERRNO;
	struct privileges_user user;
	struct doctor_words words;
	int err;

	doctor_listen(&words);
	err = privileges_user_init(o->user, &user);
	doctor_heard(&words);
	if (err) {
		findings_add(f, FINDING_BAD, 0, "privileges", "%s", words.text);
		return;
	}
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action))
		findings_add(
			f, FINDING_BAD, 0, "privileges",
			"the kernel has no filters of system calls (%s), so a run can't be "
			"confined; run one built with CONFIG_SECCOMP_FILTER=y, as Debian's are",
			strerror(errno));
	else if (*user.name && user.uid != geteuid() && geteuid())
		findings_add(f, FINDING_BAD, 0, "privileges",
			     "only root can become %s; leave out --user", user.name);
	else
		findings_add(f, FINDING_GOOD, 0, "privileges",
			     "a run gives up what it needn't have, and goes on as user %u",
			     *user.name ? user.uid : geteuid());
	privileges_user_deinit(&user);
}

/* How probes would be attached; false if they can't be. */
static bool doctor_probes(struct findings *f, const struct options *o, bool *multi)
{
	struct doctor_words words;
	int type, err;

	*multi = o->probes != PROBES_PERF_EVENT && kernel_has_multi();
	if (*multi) {
		findings_add(f, FINDING_GOOD, 0, "probes", "by uprobe_multi links; tried");
		return true;
	}
	type = uprobe_event_type();
	if (type < 0 || o->probes == PROBES_UPROBE_MULTI) {
		findings_add(
			f, FINDING_BAD, 0, "probes",
			type < 0 ? "neither uprobe_multi links nor uprobes as perf events: run "
				   "a kernel built with CONFIG_UPROBE_EVENTS=y, as Debian's are"
				 : "no uprobe_multi links (Linux 6.6 and later have them): leave "
				   "out --probes");
		return false;
	}
	findings_add(
		f, FINDING_NOTE, 0, "probes",
		"one perf event a site: moqstat takes half a minute or more to stop; uprobe_multi "
		"links are there from Linux 6.6 on");
	doctor_listen(&words);
	err = files_reserve(DOCTOR_SITES);
	doctor_heard(&words);
	if (err)
		findings_add(f, FINDING_BAD, 0, "files", "%s", words.text);
	else
		findings_add(f, FINDING_GOOD, 0, "files", "room for %d descriptors", DOCTOR_SITES);
	return !err;
}

static void doctor_batches(struct findings *f, const struct moqstat_bpf *object)
{
	struct percpu counters = { 0 };
	struct doctor_words words;
	int err;

	doctor_listen(&words);
	err = percpu_init(bpf_map__fd(object->maps.opened), MOQSTAT_OPENED_CELLS, PERCPU_AUTO,
			  &counters);
	doctor_heard(&words);
	if (err)
		findings_add(f, FINDING_BAD, 0, "maps", "cannot be read: %s", strerror(-err));
	else if (counters.way == PERCPU_BATCHES)
		findings_add(f, FINDING_GOOD, 0, "maps", "read in batches; tried");
	else
		findings_add(
			f, FINDING_NOTE, 0, "maps",
			"read one element after another: a tick costs some seven times as much");
	percpu_deinit(&counters);
}

/* The programs themselves, with maps as large as run would make them. */
static void doctor_programs(struct findings *f, const struct options *o, bool multi)
{
	const struct programs_options options = { .pid = getpid(),
						  .max_broadcasts = o->max_broadcasts,
						  .multi = multi };
	struct moqstat_bpf *object;
	struct doctor_words words;
	int err;

	doctor_listen(&words);
	err = programs_load(&options, &object);
	if (!err) {
		err = overflow_reserve(object, getpid());
		if (err)
			moqstat_bpf__destroy(object);
	}
	doctor_heard(&words);
	if (err) {
		findings_add(f, FINDING_BAD, 0, "programs", "%s",
			     *words.text ? words.text : strerror(-err));
		return;
	}
	findings_add(f, FINDING_GOOD, 0, "programs",
		     "the kernel takes them, with maps for %u broadcasts; tried",
		     o->max_broadcasts);
	doctor_batches(f, object);
	moqstat_bpf__destroy(object);
}

/* What the machine's owner may have shut. None of it matters if the programs could be loaded. */
static void doctor_policy(struct findings *f)
{
	static const struct {
		const char *name, *file, *none;
	} files[] = {
		{ "paranoid", "/proc/sys/kernel/perf_event_paranoid", "no perf events" },
		{ "lockdown", "/sys/kernel/security/lockdown", "none" },
	};
	char line[128];
	struct rlimit limit;
	size_t i;
	FILE *from;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		from = fopen(files[i].file, "re");
		if (!from || !fgets(line, sizeof(line), from))
			snprintf(line, sizeof(line), "%s", files[i].none);
		if (from)
			fclose(from);
		line[strcspn(line, "\n")] = '\0';
		if (!strstr(line, "[confidentiality]"))
			findings_add(f, FINDING_GOOD, 0, files[i].name, "%s (%s)", line,
				     files[i].file);
		else
			findings_add(
				f, FINDING_BAD, 0, files[i].name,
				"%s: programs may not read memory; boot with lockdown=integrity "
				"or without (%s)",
				line, files[i].file);
	}
	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	snprintf(line, sizeof(line), "%llu kB", (unsigned long long)limit.rlim_cur / 1024);
	findings_add(f, FINDING_GOOD, 0, "memlock",
		     "%s; from Linux 5.11 on maps don't count against it",
		     limit.rlim_cur == RLIM_INFINITY ? "unlimited" : line);
}

/* Every relay that runs. */
static void doctor_relays(struct findings *f, const struct options *o)
{
	struct discover_look look;
	struct discover *d;
	size_t i, before = f->len;

	if (discover_create("/proc", DISCOVER_ALL, NULL, &d) || discover_look(d, &look)) {
		findings_add(f, FINDING_BAD, 0, "relays", "cannot look through /proc: %s",
			     strerror(errno));
		return;
	}
	for (i = 0; i < look.len; i++)
		doctor_relay(f, o, look.found[i]);
	if (f->len == before)
		findings_add(f, FINDING_NOTE, 0, "relays",
			     "none among %zu processes; `moqstat run --all` waits for one, --pid "
			     "tells about a process",
			     look.processes);
	discover_destroy(d);
}

int doctor_run(const struct options *o)
{
	struct findings f = { 0 };
	bool multi;
	int err;

	doctor_kernel(&f);
	if (doctor_checks(&f) && doctor_probes(&f, o, &multi))
		doctor_programs(&f, o, multi);
	doctor_privileges(&f, o);
	doctor_policy(&f);
	if (o->pid)
		doctor_relay(&f, o, o->pid);
	else
		doctor_relays(&f, o);
	err = findings_write(&f, o->json, stdout);
	if (err)
		log_error("doctor: can't write to standard output: %s", strerror(-err));
	else if (findings_count(&f, FINDING_BAD))
		err = -ENOTSUP;
	findings_deinit(&f);
	return err ? EXIT_FAILED : EXIT_DONE;
}
