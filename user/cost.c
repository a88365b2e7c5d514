/* SPDX-License-Identifier: MIT */
#include "cost.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cost_x86.h"
#include "json_memory.h"
#include "kernel.h"
#include "log.h"
#include "moqstat.skel.h"
#include "percpu.h"
#include "probes.h"
#include "programs.h"
#include "uprobe.h"

#define COST_ROUNDS 21
#define COST_HITS   2000
#define COST_SELF   "/proc/self/exe"

/* A run: the programs, attached to this process. */
struct cost_run {
	struct moqstat_bpf *object;
	int links[COST_BUMPS];
	uint64_t counters[18]; /* what the functions bump: nine of either tier */
	struct cost_guard on, off;
	uint64_t passes[COST_BUMPS];
};

/* ---- attaching to itself ---- */

struct cost_place {
	uint64_t address, offset;
};

static int cost_find(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct cost_place *place = arg;
	size_t i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint64_t at = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && place->address >= at &&
		    place->address - at < p->p_filesz) {
			place->offset = place->address - at + p->p_offset;
			return 1;
		}
	}
	return 0;
}

static struct moqstat_site cost_site(enum cost_bump bump)
{
	const struct moqstat_operand memory = { .kind = MOQSTAT_OPERAND_MEM,
						.reg = COST_GUARD,
						.index = MOQSTAT_REG_NONE,
						.scale = 1,
						.width = 1,
						.disp = 8 };
	struct moqstat_site site = {
		.event = MOQSTAT_EVENT_BUMP,
		.field = bump == COST_BYTES ? MOQSTAT_BYTES : MOQSTAT_FRAMES,
		.when = MOQSTAT_WHEN_NONZERO,
		.handles = MOQSTAT_HANDLE_GUARD,
		.entry = { .kind = MOQSTAT_OPERAND_REG, .reg = COST_ENTRY, .width = 8 },
		.tier = memory,
		.n = { .kind = MOQSTAT_OPERAND_IMM, .disp = 1 },
		.guard = { .kind = MOQSTAT_OPERAND_REG, .reg = COST_GUARD, .width = 8 },
	};

	if (bump == COST_BYTES) {
		site.n = memory;
		site.n.reg = COST_N;
		site.n.width = 8;
		site.n.disp = 0;
	}
	site.plain = programs_plain(&site);
	return site;
}

/* Whose counters they are: one broadcast's, known in both ways. */
static int cost_fill(struct cost_run *r)
{
	const uint32_t tgid = (uint32_t)getpid();
	const struct moqstat_id id = { .hash = 1, .tgid = tgid, .incarnation = 1 };
	const struct moqstat_entry_key entry = { .entry = (uintptr_t)r->counters, .tgid = tgid };
	const struct moqstat_guard_key key = { .address = (uintptr_t)&r->off, .tgid = tgid };
	const struct moqstat_guard guard = { .id = id };
	uint32_t i;
	int err = 0;

	for (i = 0; i < COST_BUMPS && !err; i++) {
		struct moqstat_site site = cost_site(i);

		err = bpf_map_update_elem(bpf_map__fd(r->object->maps.sites), &i, &site, BPF_ANY);
	}
	if (!err)
		err = bpf_map_update_elem(bpf_map__fd(r->object->maps.entries), &entry, &id,
					  BPF_ANY);
	if (!err)
		err = bpf_map_update_elem(bpf_map__fd(r->object->maps.guards), &key, &guard,
					  BPF_ANY);
	return err;
}

static int cost_attach(struct cost_run *r, bool multi)
{
	const char *const at[COST_BUMPS] = { cost_frames_je, cost_bytes_je };
	int prog = bpf_program__fd(r->object->progs.bump);
	uint64_t i;

	for (i = 0; i < COST_BUMPS; i++) {
		struct cost_place place = { .address = (uintptr_t)at[i] };

		if (!dl_iterate_phdr(cost_find, &place))
			return -ENOENT;
		r->links[i] = multi ? uprobe_link_multi(prog, COST_SELF, &place.offset, &i, 1)
				    : uprobe_link_event(prog, uprobe_event_type(), COST_SELF,
							place.offset, i);
		if (r->links[i] < 0)
			return r->links[i];
	}
	return 0;
}

/* ---- measuring ---- */

static double cost_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double cost_pass(struct cost_run *r, enum cost_bump bump, bool off)
{
	cost_bump *f = bump == COST_BYTES ? cost_bytes : cost_frames;
	const struct cost_guard *guard = off ? &r->off : &r->on;
	const uint64_t n = 1200;
	double begin;
	size_t i;

	r->object->bss->statistics_off = off;
	begin = cost_now();
	for (i = 0; i < COST_HITS; i++)
		f(guard, &n);
	r->passes[bump] += COST_HITS;
	return (cost_now() - begin) / COST_HITS;
}

static int cost_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* All take turns, so that what else the machine does falls on all alike. */
static void cost_rounds(struct cost_run *r, struct cost *out)
{
	double samples[2][COST_BUMPS][COST_ROUNDS];
	size_t round, off, bump;

	for (round = 0; round < COST_ROUNDS; round++) {
		for (off = 0; off < 2; off++) {
			for (bump = 0; bump < COST_BUMPS; bump++)
				samples[off][bump][round] = cost_pass(r, bump, off);
		}
	}
	for (off = 0; off < 2; off++) {
		for (bump = 0; bump < COST_BUMPS; bump++) {
			double *list = samples[off][bump];

			qsort(list, COST_ROUNDS, sizeof(*list), cost_order);
			(off ? out->off : out->on)[bump] = list[COST_ROUNDS / 2];
		}
	}
}

/* A probe that stays silent costs nothing. */
static int cost_prove(const struct cost_run *r)
{
	uint64_t hits;
	uint32_t i;
	int err = 0;

	for (i = 0; i < COST_BUMPS && !err; i++) {
		err = percpu_sum(bpf_map__fd(r->object->maps.hits), i, &hits);
		if (!err && hits != r->passes[i])
			err = -EIO;
	}
	return err;
}

int cost_measure(struct cost *out)
{
	struct cost_run r = { .links = { -1, -1 }, .on = { .entry = r.counters } };
	struct programs_options options = { .pid = getpid(),
					    .max_broadcasts = MOQSTAT_BROADCASTS_DEFAULT };
	struct cost cost;
	int err = probes_check(PROBES_AUTO), i;

	if (err)
		return err;
	options.multi = kernel_has_multi();
	err = programs_load(&options, &r.object);
	if (err)
		return err;
	err = cost_fill(&r);
	if (!err)
		err = cost_attach(&r, options.multi);
	if (!err) {
		cost_rounds(&r, &cost);
		err = cost_prove(&r);
	}
	if (err)
		log_error("cannot measure a hit on moqstat's own code: %s",
			  err == -EIO ? "its probes don't fire on each pass" : strerror(-err));
	else
		*out = cost;
	for (i = 0; i < COST_BUMPS; i++) {
		if (r.links[i] >= 0)
			close(r.links[i]);
	}
	moqstat_bpf__destroy(r.object);
	return err;
}

/* ---- telling ---- */

/* Nanoseconds that a frame of one chunk takes on its way in or out: a hit on frames and one on
 * bytes, as far as there are such sites. */
static double cost_frame(const struct sites *s, enum moqstat_role role,
			 const double bumps[COST_BUMPS], unsigned int *hits)
{
	bool frames = sites_bumps(s, role, MOQSTAT_FRAMES) > 0;
	bool bytes = sites_bumps(s, role, MOQSTAT_BYTES) > 0;

	*hits = frames + bytes;
	return frames * bumps[COST_FRAMES] + bytes * bumps[COST_BYTES];
}

static int cost_json(const struct cost *c, const struct sites *s, double rate, FILE *out)
{
	const double *const bumps[2] = { c->on, c->off };
	unsigned int hits, i;
	json_t *json;
	char *text;

	json_memory_begin();
	json = json_object();
	for (i = 0; i < 2; i++) {
		double sent = cost_frame(s, MOQSTAT_PUBLISHER, bumps[i], &hits);
		double received = cost_frame(s, MOQSTAT_SUBSCRIBER, bumps[i], &hits);

		json_object_set_new(json, i ? "statistics_off" : "statistics_on",
				    json_pack("{s:f, s:f, s:f, s:f, s:f}", "frames_hit_ns",
					      bumps[i][COST_FRAMES], "bytes_hit_ns",
					      bumps[i][COST_BYTES], "frame_sent_ns", sent,
					      "frame_received_ns", received, "processors",
					      sent * rate / 1e9));
	}
	json_object_set_new(json, "frames_per_s", json_real(rate));
	text = json_memory_text(json, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	if (!text)
		return -ENOMEM;
	fprintf(out, "%s\n", text);
	free(text);
	return 0;
}

static void cost_text(const struct cost *c, const struct sites *s, double rate, FILE *out)
{
	static const char *const roles[] = { "a frame sent", "a frame received" };
	double sent[2], on, off;
	unsigned int role, hits;

	fprintf(out,
		"measured here and now, on moqstat's own code   statistics on        off\n"
		"  a hit on frames or groups                      %8.0f ns %8.0f ns\n"
		"  a hit on bytes                                 %8.0f ns %8.0f ns\n",
		c->on[COST_FRAMES], c->off[COST_FRAMES], c->on[COST_BYTES], c->off[COST_BYTES]);
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		on = cost_frame(s, role, c->on, &hits);
		off = cost_frame(s, role, c->off, &hits);
		fprintf(out, "  %-18s %u hits                       %8.0f ns %8.0f ns\n",
			roles[role], hits, on, off);
	}
	sent[0] = cost_frame(s, MOQSTAT_PUBLISHER, c->on, &hits);
	sent[1] = cost_frame(s, MOQSTAT_PUBLISHER, c->off, &hits);
	fprintf(out,
		"predicted: %.0f frames sent a second take       %8.1f %%  %8.1f %%  of a processor\n"
		"A frame in several chunks takes another hit on bytes for each; a group one more. With the\n"
		"statistics on this is what --hot probe takes; by itself moqstat reads them, without hits.\n",
		rate, sent[0] * rate / 1e7, sent[1] * rate / 1e7);
}

int cost_report(const struct cost *c, const struct sites *s, double frames_per_s, bool json,
		FILE *out)
{
	int err = 0;

	errno = 0;
	if (json)
		err = cost_json(c, s, frames_per_s, out);
	else
		cost_text(c, s, frames_per_s, out);
	if (!err && (fflush(out) || ferror(out)))
		err = errno ? -errno : -EIO;
	return err;
}
