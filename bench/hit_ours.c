// SPDX-License-Identifier: MIT
/*
 * moqstat's own program, told of the fixture's two sites as it would be of a relay's. The fixture's
 * entry is known to it beforehand: what is measured is a hit in the midst of a broadcast.
 */
#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <moqstat.h>

#include "hit.h"
#include "moqstat.skel.h"

/* Some path's hash and its first incarnation. */
#define HASH	    0x6d6f7173746174
#define INCARNATION 1
#define CAPACITY    MOQSTAT_BROADCASTS_DEFAULT

/* Where the values lie at the fixture's `je`; see SHAPE in hit_fixture.c. */
static struct moqstat_site site_of(enum hit_shape shape)
{
	struct moqstat_site site = {
		.event = MOQSTAT_EVENT_BUMP,
		.role = MOQSTAT_PUBLISHER,
		.field = shape == HIT_ADD ? MOQSTAT_BYTES : MOQSTAT_FRAMES,
		.when = MOQSTAT_WHEN_NONZERO,
		.entry = { .kind = MOQSTAT_OPERAND_REG, .reg = MOQSTAT_RAX, .width = 8 },
		.tier = { .kind = MOQSTAT_OPERAND_MEM,
			  .reg = MOQSTAT_RDI,
			  .index = MOQSTAT_REG_NONE,
			  .scale = 1,
			  .width = 1,
			  .disp = 0x18 },
		.n = { .kind = MOQSTAT_OPERAND_IMM, .disp = 1 },
	};

	if (shape == HIT_ADD)
		site.n = (struct moqstat_operand){ .kind = MOQSTAT_OPERAND_REG,
						   .reg = MOQSTAT_RSI,
						   .width = 8 };
	return site;
}

static struct moqstat_slot_key slot_of(uint32_t tgid)
{
	return (struct moqstat_slot_key){
		.id = { .hash = HASH, .tgid = tgid, .incarnation = INCARNATION },
		.slot = MOQSTAT_PUBLISHER * MOQSTAT_TIER_MAX + HIT_TIER,
	};
}

/* Sizes as a run with the default capacity has them: a look-up in a large map costs more. */
static void set_sizes(struct moqstat_bpf *skel)
{
	bpf_map__set_max_entries(skel->maps.entries, 2 * CAPACITY);
	bpf_map__set_max_entries(skel->maps.broadcasts, CAPACITY);
	bpf_map__set_max_entries(skel->maps.roots, CAPACITY);
	bpf_map__set_max_entries(skel->maps.opened, 2 * CAPACITY);
	bpf_map__set_max_entries(skel->maps.closed, 2 * CAPACITY);
}

static int fill(struct moqstat_bpf *skel, const struct hit_target *target)
{
	struct moqstat_entry_key key = { .entry = target->entry, .tgid = target->tgid };
	struct moqstat_slot_key slot = slot_of(target->tgid);
	int err;

	for (uint32_t i = 0; i < HIT_SITES; i++) {
		struct moqstat_site site = site_of((enum hit_shape)i);

		err = bpf_map_update_elem(bpf_map__fd(skel->maps.sites), &i, &site, BPF_ANY);
		if (err)
			return err;
	}
	return bpf_map_update_elem(bpf_map__fd(skel->maps.entries), &key, &slot.id, BPF_ANY);
}

int ours_load(const struct hit_target *target, struct hit_program *program)
{
	struct moqstat_bpf *skel = moqstat_bpf__open();
	struct bpf_program *prog;
	int err;

	if (!skel)
		return -errno;
	skel->rodata->target_tgid = target->tgid;
	set_sizes(skel);
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, prog == skel->progs.bump);
	bpf_program__set_expected_attach_type(skel->progs.bump, HIT_ATTACH_TYPE);
	err = moqstat_bpf__load(skel);
	if (!err)
		err = fill(skel, target);
	if (err) {
		moqstat_bpf__destroy(skel);
		return err;
	}
	for (uint64_t i = 0; i < HIT_SITES; i++)
		program->cookies[i] = i;
	program->fd = bpf_program__fd(skel->progs.bump);
	program->state = skel;
	return 0;
}

bool ours_counted(const struct hit_program *program)
{
	const struct moqstat_bpf *skel = program->state;
	const struct moqstat_slot_key slot = slot_of(skel->rodata->target_tgid);
	int opened = bpf_map__fd(skel->maps.opened);
	uint64_t frames = hit_sum(opened, &slot, sizeof(struct moqstat_opened),
				  MOQSTAT_FIELD_CELL(MOQSTAT_FRAMES));
	uint64_t bytes = hit_sum(opened, &slot, sizeof(struct moqstat_opened),
				 MOQSTAT_FIELD_CELL(MOQSTAT_BYTES));

	return frames == program->passes[HIT_INC] && bytes == program->passes[HIT_ADD] * HIT_BYTES;
}

void ours_unload(struct hit_program *program)
{
	moqstat_bpf__destroy(program->state);
}
