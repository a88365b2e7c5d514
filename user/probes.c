/* SPDX-License-Identifier: MIT */
#include "probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "closer.h"
#include "files.h"
#include "kernel.h"
#include "log.h"
#include "moqstat.skel.h"
#include "overflow.h"
#include "payload.h"
#include "percpu.h"
#include "programs.h"
#include "reading.h"
#include "shelter.h"
#include "uprobe.h"

/* Descriptors besides those of links to one site each: maps, programs, links to many. */
#define PROBES_FILES 64

/* Parts that are taken away each by itself: by field, and behind them the functions that are called
 * for payload. */
#define PROBES_CALLS MOQSTAT_FIELD_MAX
#define PROBES_PARTS (MOQSTAT_FIELD_MAX + 1)

struct probes {
	struct moqstat_bpf *object;
	const struct sites *sites;
	const struct target *target;
	struct probes_options options;
	bool multi;
	int event_type; /* where there is a perf event a site */
	int *links;	/* at most one a site */
	uint8_t *parts; /* by link: which probes_part() its sites are */
	size_t links_len;
	uint8_t part;		   /* that is being attached */
	size_t away[PROBES_PARTS]; /* by part: sites whose probes were taken away */
	size_t sites_hot;	   /* of payload */
	bool cold;		   /* they have no probes: their counters are read, if at all */
	bool readable;
	const char **refused; /* by site: why it has no probe; or NULL */
	size_t refused_len;
	size_t culprit; /* the first one */
};

/* Is it known of each entry whether a guard holds it, once all sites have probes? */
static bool probes_can_read(const struct probes *p)
{
	unsigned int role, field;
	const char *reason;

	if (p->options.hot == PROBES_HOT_PROBE || p->options.leave_out ||
	    p->options.identity == PROBES_IDENTITY_GUARD)
		return false;
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (field = 0; field < MOQSTAT_BYTES; field++) {
			if (!sites_complete(p->sites, role, field, &reason))
				return false;
		}
	}
	return true;
}

static int probes_load(struct probes *p)
{
	struct programs_options programs = {
		.pid = p->target->pid,
		.max_broadcasts = p->options.max_broadcasts,
		.by_guard = p->options.identity == PROBES_IDENTITY_GUARD,
		.multi = p->multi,
		.paths_shared = p->sites->layout->shared_paths,
		.labelled = layout_has_labels(p->sites->layout),
		.label_of_session =
			p->sites->layout->scope ? p->sites->layout->scope->label_of_session : 0,
	};

	if (programs.labelled && programs.by_guard) {
		log_error("--identity guard: not where tiers are labels (%s); leave it out",
			  p->sites->layout->relays);
		return -ENOTSUP;
	}
	p->readable =
		probes_can_read(p) && payload_offsets(p->sites->layout, programs.read_offsets);
	programs.readable = p->readable;
	if (!p->readable && p->options.hot == PROBES_HOT_READ) {
		log_error("--hot read: not with --identity guard or --leave-out, nor where an "
			  "opening or closing has no place to probe (see `moqstat sites`), nor "
			  "where tiers are labels (moq-relay 0.14); leave it out");
		return -ENOTSUP;
	}
	return programs_load(&programs, &p->object);
}

static int probes_fill_sites(struct probes *p)
{
	int fd = bpf_map__fd(p->object->maps.sites);
	uint32_t i;

	for (i = 0; i < p->sites->len; i++) {
		struct moqstat_site what = p->sites->list[i].what;

		what.plain = programs_plain(&what);
		if (bpf_map_update_elem(fd, &i, &what, BPF_ANY)) {
			log_error("cannot tell the programs about site %u: %s", i, strerror(errno));
			return -errno;
		}
	}
	return 0;
}

static bool probes_left_out(const struct probes *p, const struct site *site)
{
	char name[64];

	if (!p->options.leave_out)
		return false;
	sites_counter_name(&site->what, name, sizeof(name));
	return !strcmp(name, p->options.leave_out);
}

/* Is there what is to be left out? */
static int probes_check_left_out(const struct probes *p)
{
	size_t i, n = 0;

	for (i = 0; i < p->sites->len; i++)
		n += probes_left_out(p, &p->sites->list[i]);
	if (!p->options.leave_out)
		return 0;
	if (!n) {
		log_error(
			"--leave-out %s: no site counts that; `moqstat sites` lists what there is",
			p->options.leave_out);
		return -EINVAL;
	}
	log_warn("%zu site(s) of %s are not probed, as --leave-out asks: its counts are wrong", n,
		 p->options.leave_out);
	return 0;
}

/* A site that can't be probed: said at once where the others are counted without it, else it is
 * what the whole fails for. */
static int probes_refuse(struct probes *p, size_t i, const char *why)
{
	const struct site *site = &p->sites->list[i];
	char name[64];

	p->refused[i] = why;
	if (!p->refused_len++)
		p->culprit = i;
	if (!p->options.best_effort)
		return -ENOTSUP;
	sites_counter_name(&site->what, name, sizeof(name));
	log_warn("site 0x%lx of %s can't be probed: %s; what depends on it is unavailable",
		 (unsigned long)site->addr, name, why);
	return 0;
}

/* Attach a program at `len` sites, by one link if the kernel can and takes all of them; else half
 * by half, down to those that it refuses. `which` are their numbers: the programs' cookies. */
static int probes_attach_sites(struct probes *p, int prog, const uint64_t *which,
			       const uint64_t *offsets, size_t len)
{
	const char *exe = p->target->exe, *why;
	size_t half = len / 2;
	int fd = -E2BIG, err;

	if (p->multi)
		fd = uprobe_link_multi(prog, exe, offsets, which, len);
	else if (len == 1)
		fd = uprobe_link_event(prog, p->event_type, exe, *offsets, *which);
	if (fd >= 0) {
		p->parts[p->links_len] = p->part;
		p->links[p->links_len++] = fd;
		return 0;
	}
	why = uprobe_refusal(fd);
	if (len == 1)
		return why ? probes_refuse(p, *which, why) : fd;
	if (p->multi && !why)
		return fd;
	err = probes_attach_sites(p, prog, which, offsets, half);
	return err ? err : probes_attach_sites(p, prog, which + half, offsets + half, len - half);
}

static bool probes_hot(const struct site *site)
{
	return site->what.event == MOQSTAT_EVENT_BUMP && MOQSTAT_FIELD_PAYLOAD(site->what.field);
}

/* What can be taken away by itself: the field, of a site of payload; or the first of these fields
 * for all of them, if they needn't be apart; or calls. Else 0. */
static uint8_t probes_part(const struct probes *p, const struct site *site)
{
	if (site->what.event == MOQSTAT_EVENT_CALL)
		return PROBES_CALLS;
	if (!probes_hot(site))
		return 0;
	return p->options.apart ? site->what.field : MOQSTAT_BYTES;
}

static int probes_attach_event(struct probes *p, enum moqstat_event event, uint8_t part,
			       uint64_t *which, uint64_t *offsets)
{
	size_t i, len = 0;
	int err = 0;

	p->part = part;

	for (i = 0; i < p->sites->len && !err; i++) {
		const struct site *site = &p->sites->list[i];

		if (site->what.event != event || probes_part(p, site) != part || p->refused[i] ||
		    probes_left_out(p, site))
			continue;
		/* The kernel may not say so, and never fire. */
		if (site->class == CODE_CLASS_REFUSED) {
			err = probes_refuse(p, i, uprobe_refusal(-EOPNOTSUPP));
			continue;
		}
		offsets[len] = site->offset;
		which[len++] = i;
	}
	return err || !len
		       ? err
		       : probes_attach_sites(p, programs_at(p->object, event), which, offsets, len);
}

/* Without all probes but those of payload nobody knows who is held; without the last look, what was
 * counted since the last tick would go with the relay. */
static int probes_check_readable(struct probes *p)
{
	char why[256];
	int err;

	if (!p->readable)
		return 0;
	if (p->refused_len) {
		snprintf(why, sizeof(why), "other sites take no probe");
	} else {
		err = reading_watch_end(p->object);
		if (!err)
			return 0;
		snprintf(why, sizeof(why),
			 "its end can't be noticed in time, as Linux 6.16 and later do, and others "
			 "by a kprobe, which some let only CAP_SYS_ADMIN have: %s",
			 strerror(-err));
	}
	p->readable = false;
	if (p->options.hot == PROBES_HOT_READ) {
		log_error("--hot read: the counters of process %d can't be read: %s; leave it out",
			  p->target->pid, why);
		return -ENOTSUP;
	}
	log_info("bytes, frames and groups of process %d are counted by probes, not read: %s",
		 p->target->pid, why);
	return 0;
}

/* Names before what uses them, so that nothing opens unnamed in between. */
static int probes_attach_all(struct probes *p)
{
	static const enum moqstat_event order[] = {
		MOQSTAT_EVENT_ENTRY,	    MOQSTAT_EVENT_SESSION,	 MOQSTAT_EVENT_ENTRY_NEW,
		MOQSTAT_EVENT_SESSION_NEW,  MOQSTAT_EVENT_SCOPE,	 MOQSTAT_EVENT_TABLE,
		MOQSTAT_EVENT_PEEK,	    MOQSTAT_EVENT_REMOVE,	 MOQSTAT_EVENT_INSERT,
		MOQSTAT_EVENT_PLACE,	    MOQSTAT_EVENT_SESSION_PLACE, MOQSTAT_EVENT_CALL,
		MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_EVENT_BUMP,
	};
	uint64_t *which = calloc(p->sites->len, sizeof(*which));
	uint64_t *offsets = calloc(p->sites->len, sizeof(*offsets));
	size_t i;
	int err = which && offsets ? 0 : -ENOMEM;

	for (i = 0; i < sizeof(order) / sizeof(order[0]) && !err; i++)
		err = probes_attach_event(p, order[i],
					  order[i] == MOQSTAT_EVENT_CALL ? PROBES_CALLS : 0, which,
					  offsets);
	for (i = 0; i < p->sites->len; i++)
		p->sites_hot += probes_hot(&p->sites->list[i]);
	if (!err)
		err = probes_check_readable(p);
	p->cold = p->options.hot == PROBES_HOT_READ;
	for (i = MOQSTAT_BYTES; i <= MOQSTAT_GROUPS && !p->cold && !err; i++)
		err = probes_attach_event(p, MOQSTAT_EVENT_BUMP, i, which, offsets);
	free(which);
	free(offsets);
	return err;
}

static const char *probes_why(const struct probes *p, int err)
{
	if (!target_alive(p->target))
		return "it has ended";
	switch (err) {
	case -ESTALE:
		return "it runs another executable by now; start again";
	case -ENFILE:
		return "too many files are open on this machine; raise the sysctl fs.file-max";
	case -EPERM:
	case -EACCES:
		return kernel_barred();
	default:
		return strerror(-err);
	}
}

static void probes_explain(const struct probes *p, int err)
{
	const struct site *site = &p->sites->list[p->culprit];
	char name[64];

	if (!p->refused_len || p->options.best_effort || !target_alive(p->target)) {
		log_error("cannot attach to process %d (%s): %s; nothing stays attached",
			  p->target->pid, p->target->exe_name, probes_why(p, err));
		return;
	}
	sites_counter_name(&site->what, name, sizeof(name));
	log_error("cannot attach to process %d (%s): site 0x%lx of %s can't be probed: %s; nothing "
		  "stays attached; --best-effort counts without it",
		  p->target->pid, p->target->exe_name, (unsigned long)site->addr, name,
		  p->refused[p->culprit]);
}

static int probes_attach(struct probes *p)
{
	int err;

	p->links = calloc(p->sites->len, sizeof(*p->links));
	p->parts = calloc(p->sites->len, sizeof(*p->parts));
	p->refused = calloc(p->sites->len, sizeof(*p->refused));
	if (!p->links || !p->parts || !p->refused)
		return -ENOMEM;
	closer_pause(p->options.closer);
	err = probes_attach_all(p);
	closer_resume(p->options.closer);
	if (!err && !target_alive(p->target))
		err = -ESRCH;
	if (!err && !target_same(p->target))
		err = -ESTALE;
	if (!err && p->refused_len && !p->links_len)
		err = -ENOTSUP;
	if (err)
		probes_explain(p, err);
	else
		p->object->bss->attached = 1;
	return err;
}

static int probes_attach_sheltered(void *arg)
{
	return probes_attach(arg);
}

/* What to use; -ENOTSUP where it was asked for and isn't there. */
static int probes_choose(enum probes_kind kind, bool *multi, int *event_type)
{
	int err = kernel_check_btf();

	if (!err)
		err = kernel_check_cookies();
	if (err)
		return err;
	*multi = kind != PROBES_PERF_EVENT && kernel_has_multi();
	if (kind == PROBES_UPROBE_MULTI && !*multi) {
		log_error(
			"this kernel has no uprobe_multi links (Linux 6.6 and later do); leave out --probes");
		return -ENOTSUP;
	}
	*event_type = *multi ? 0 : uprobe_event_type();
	if (*event_type < 0) {
		log_error("this kernel has no uprobes as perf events (" UPROBE_TYPE_FILE
			  ": %s); run one built with CONFIG_UPROBE_EVENTS=y, as Debian's are",
			  strerror(-*event_type));
		return -ENOTSUP;
	}
	return 0;
}

int probes_check(enum probes_kind kind)
{
	bool multi;
	int event_type, err = kernel_check_rights();

	if (!err)
		err = kernel_check_namespace();
	return err ? err : probes_choose(kind, &multi, &event_type);
}

int probes_create(const struct target *target, const struct sites *sites,
		  const struct probes_options *options, struct probes **out)
{
	struct probes *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->sites = sites;
	p->target = target;
	p->options = *options;
	err = kernel_check_rights();
	if (!err)
		err = probes_check_left_out(p);
	if (!err)
		err = kernel_check_namespace();
	if (!err)
		err = target_check_memory(target);
	if (!err)
		err = probes_choose(options->kind, &p->multi, &p->event_type);
	if (!err)
		err = files_reserve(PROBES_FILES +
				    (p->multi && !options->best_effort ? 0 : sites->len));
	if (!err)
		err = probes_load(p);
	if (!err)
		err = overflow_reserve(p->object, target->pid);
	if (!err)
		err = probes_fill_sites(p);
	if (!err)
		err = shelter_run(probes_attach_sheltered, p);
	if (err) {
		probes_destroy(p);
		return err;
	}
	*out = p;
	return 0;
}

void probes_destroy(struct probes *p)
{
	if (!p)
		return;
	closer_take(p->options.closer, p->links, p->links_len);
	free(p->links);
	free(p->parts);
	free(p->refused);
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

size_t probes_sites(const struct probes *p)
{
	size_t away = 0, part;

	for (part = 0; part < MOQSTAT_FIELD_MAX; part++)
		away += p->away[part];
	return p->sites->len - p->refused_len - p->away[PROBES_CALLS] -
	       (p->cold ? p->sites_hot : away);
}

/* Hand the links of a part to the closer. */
static void probes_unlink(struct probes *p, uint8_t part)
{
	size_t i, kept = 0;

	for (i = 0; i < p->links_len; i++) {
		if (p->parts[i] == part) {
			closer_take(p->options.closer, &p->links[i], 1);
			continue;
		}
		p->parts[kept] = p->parts[i];
		p->links[kept++] = p->links[i];
	}
	p->links_len = kept;
}

static void probes_take_part(struct probes *p, uint8_t part)
{
	size_t i;

	if (p->away[part])
		return;
	for (i = 0; i < p->sites->len; i++)
		p->away[part] += probes_part(p, &p->sites->list[i]) == part && !p->refused[i];
	probes_unlink(p, part);
}

void probes_take_away(struct probes *p, enum moqstat_field field)
{
	if (!p->cold)
		probes_take_part(p, field);
}

static int probes_return_sheltered(void *arg)
{
	struct probes *p = arg;
	uint64_t *which = calloc(p->sites->len, sizeof(*which));
	uint64_t *offsets = calloc(p->sites->len, sizeof(*offsets));
	int err = which && offsets ? 0 : -ENOMEM;

	if (!err)
		err = probes_attach_event(p, MOQSTAT_EVENT_BUMP, p->part, which, offsets);
	free(which);
	free(offsets);
	return err;
}

int probes_put_back(struct probes *p, enum moqstat_field field)
{
	int err;

	if (!p->away[field] || p->cold)
		return 0;
	p->part = field;
	err = shelter_run(probes_return_sheltered, p);
	if (!err && !target_alive(p->target))
		err = -ESRCH;
	if (!err && !target_same(p->target))
		err = -ESTALE;
	if (err)
		probes_unlink(p, field);
	else
		p->away[field] = 0;
	return err;
}

bool probes_readable(const struct probes *p)
{
	return p->readable;
}

void probes_take_calls(struct probes *p)
{
	probes_take_part(p, PROBES_CALLS);
}

void probes_take_hot(struct probes *p)
{
	unsigned int part;

	for (part = MOQSTAT_BYTES; part <= MOQSTAT_GROUPS; part++)
		probes_unlink(p, part);
	p->cold = true;
}

size_t probes_cold(const struct probes *p)
{
	return p->cold ? p->sites_hot : 0;
}

int probes_hits(const struct probes *p, size_t site, uint64_t *hits)
{
	return percpu_sum(bpf_map__fd(p->object->maps.hits), site, hits);
}

const char *probes_refused(const struct probes *p, size_t site)
{
	return p->refused[site];
}
