/* SPDX-License-Identifier: MIT */
#include "toll.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "moqstat.skel.h"

enum budget_kind toll_kind(const struct moqstat_site *what)
{
	unsigned int kind;

	for (kind = 0; kind < BUDGET_KINDS; kind++) {
		if (what->event == MOQSTAT_EVENT_BUMP && what->field == budget_field(kind))
			return kind;
	}
	return BUDGET_KINDS;
}

static int toll_read_programs(const struct moqstat_bpf *object, struct toll_sums *out)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_program__type(program) != BPF_PROG_TYPE_KPROBE)
			continue;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			return -errno;
		out->runs += info.run_cnt;
		out->run_ns += info.run_time_ns;
	}
	return 0;
}

int toll_read(const struct probes *probes, const struct sites *sites, struct toll_sums *out)
{
	struct toll_sums sums = { 0 };
	uint64_t hits;
	size_t i;
	int err = toll_read_programs(probes_object(probes), &sums);

	for (i = 0; i < sites->len && !err; i++) {
		enum budget_kind kind = toll_kind(&sites->list[i].what);

		err = probes_hits(probes, i, &hits);
		if (!err)
			*(kind < BUDGET_KINDS ? &sums.hits[kind] : &sums.others) += hits;
	}
	if (!err)
		*out = sums;
	return err;
}

/* What all hits cost. Runs are counted on demand, and of every process of the executable: what
 * wasn't is a hit at its price. */
static double toll_cost(const struct toll_sums *since, uint64_t hits, uint32_t hit_ns)
{
	uint64_t unmeasured = hits > since->runs ? hits - since->runs : 0;

	return (double)since->run_ns + (double)since->runs * TOLL_TRAP * hit_ns +
	       (double)unmeasured * hit_ns;
}

void toll_take(struct toll *t, const struct toll_sums *now, uint32_t hit_ns,
	       struct budget_spent *spent)
{
	struct toll_sums since = { .others = now->others - t->last.others,
				   .runs = now->runs - t->last.runs,
				   .run_ns = now->run_ns - t->last.run_ns };
	uint64_t hits = since.others;
	unsigned int kind;
	double cost;

	for (kind = 0; kind < BUDGET_KINDS; kind++) {
		since.hits[kind] = now->hits[kind] - t->last.hits[kind];
		hits += since.hits[kind];
	}
	t->last = *now;
	if (!t->begun) {
		t->begun = true;
		return;
	}
	cost = toll_cost(&since, hits, hit_ns);
	for (kind = 0; kind < BUDGET_KINDS && hits; kind++)
		spent->kinds[kind] += (uint64_t)(cost * (double)since.hits[kind] / (double)hits);
	/* Runs that led nowhere are nobody's. */
	spent->rest += (uint64_t)(hits ? cost * (double)since.others / (double)hits : cost);
}
