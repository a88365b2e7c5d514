/* SPDX-License-Identifier: MIT */
#include "vitals.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fill.h"
#include "log.h"
#include "moqstat.skel.h"
#include "programs.h"

#define VITALS_SYSCTL "/proc/sys/kernel/bpf_stats_enabled"

static void vitals_ask_program(int fd, bool measured, struct health_program *p)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	p->runs = p->run_ns = p->missed = HEALTH_UNKNOWN;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return;
	/* Counted on demand alone: none at all may mean that nobody has asked for it. */
	if (measured || info.run_cnt) {
		p->runs = info.run_cnt;
		p->run_ns = info.run_time_ns;
	}
	p->missed = info.recursion_misses;
}

/* Hits of the sites that lead to a program. */
static uint64_t vitals_hits(const struct vitals_source *from, int fd)
{
	const struct moqstat_bpf *object = probes_object(from->probes);
	uint64_t sum = 0, hits;
	size_t i;

	for (i = 0; i < from->sites->len; i++) {
		if (programs_at(object, from->sites->list[i].what.event) != fd)
			continue;
		if (probes_hits(from->probes, i, &hits))
			return HEALTH_UNKNOWN;
		sum += hits;
	}
	return sum;
}

static void vitals_read_programs(const struct vitals_source *from, bool count, struct vitals *v)
{
	const struct moqstat_bpf *object = probes_object(from->probes);
	struct bpf_program *program;
	size_t n = 0;

	bpf_object__for_each_program(program, object->obj)
	{
		struct health_program *p = &v->programs[n];
		int fd = bpf_program__fd(program);

		if (n++ == VITALS_MAX)
			break;
		p->name = bpf_program__name(program);
		vitals_ask_program(fd, from->measured, p);
		/* One that runs at no site has none. */
		if (count)
			p->hits = bpf_program__type(program) == BPF_PROG_TYPE_KPROBE
					  ? vitals_hits(from, fd)
					  : HEALTH_UNKNOWN;
		v->out.programs_len = n;
	}
}

/* Of most maps it must be counted; arrays are as long as they are. */
static uint64_t vitals_entries(const struct vitals_source *from, const struct bpf_map *map)
{
	const struct moqstat_bpf *object = probes_object(from->probes);
	uint64_t entries;

	if (map == object->maps.sites || map == object->maps.hits)
		return from->sites->len;
	if (map == object->maps.opened)
		return from->info->opened;
	if (map == object->maps.closed)
		return from->info->closed;
	if (fill_count(bpf_map__fd(map), bpf_map__key_size(map), bpf_map__value_size(map),
		       &entries))
		return HEALTH_UNKNOWN;
	return entries;
}

/* Names have some more room than there may be of them. */
static uint64_t vitals_max(const struct moqstat_bpf *object, const struct bpf_map *map)
{
	if (map == object->maps.broadcasts || map == object->maps.roots)
		return object->rodata->names_max;
	return bpf_map__max_entries(map);
}

static void vitals_count_maps(const struct vitals_source *from, struct vitals *v)
{
	const struct moqstat_bpf *object = probes_object(from->probes);
	struct bpf_map *map;

	v->out.maps_len = 0;
	bpf_object__for_each_map(map, object->obj)
	{
		/* Variables, and what has one element a reason, are never full; a ring that is has
		 * everything read instead. */
		if (bpf_map__is_internal(map) || map == object->maps.lost ||
		    map == object->maps.changed || v->out.maps_len == VITALS_MAX)
			continue;
		v->maps[v->out.maps_len++] =
			(struct health_map){ .name = bpf_map__name(map),
					     .entries = vitals_entries(from, map),
					     .max = vitals_max(object, map) };
	}
}

void vitals_read(const struct vitals_source *from, uint64_t now, struct vitals *v)
{
	bool count = !v->counted || now - v->counted >= VITALS_COUNT_NS;

	v->out.broadcast = from->broadcast;
	v->out.programs = v->programs;
	v->out.maps = v->maps;
	v->out.lost = from->lost;
	vitals_read_programs(from, count, v);
	if (!count)
		return;
	vitals_count_maps(from, v);
	v->counted = now;
}

int vitals_measure(int *out)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME), err = -errno;

	if (fd < 0) {
		log_error("--bpf-stats: the kernel won't measure what BPF programs cost: %s%s",
			  strerror(-err), err == -EPERM ? "; that takes CAP_SYS_ADMIN" : "");
		return err;
	}
	*out = fd;
	return 0;
}

bool vitals_measured(void)
{
	FILE *file = fopen(VITALS_SYSCTL, "re");
	int set = 0;

	if (file && fscanf(file, "%d", &set) != 1)
		set = 0;
	if (file)
		fclose(file);
	return set;
}
