// SPDX-License-Identifier: MIT
/*
 * moqstat's own program, told of the fixture's sites as it would be of a relay's, with maps of the
 * size that they have by default. The fixture's entry and guard are known to it beforehand: what is
 * measured is a hit in the midst of a broadcast.
 */
#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <moqstat.h>

#include "../user/programs.h"
#include "hit.h"
#include "moqstat.skel.h"

/* Some path's hash, and its incarnation by entry and by guard. */
#define HASH	    0x6d6f7173746174
#define INCARNATION 1
#define BY_GUARD    2

static struct moqstat_operand memory(uint8_t reg, int32_t disp, uint8_t width)
{
	return (struct moqstat_operand){ .kind = MOQSTAT_OPERAND_MEM,
					 .reg = reg,
					 .index = MOQSTAT_REG_NONE,
					 .scale = 1,
					 .width = width,
					 .disp = disp };
}

static struct moqstat_operand in_register(uint8_t reg, int32_t disp)
{
	return (struct moqstat_operand){
		.kind = MOQSTAT_OPERAND_REG, .reg = reg, .width = 8, .disp = disp
	};
}

/* Where the values lie; see tests/fixture/sites.c and hit_fixture.c. */
static struct moqstat_site site_of(enum hit_site at)
{
	static const uint8_t fields[HIT_SITES] = { MOQSTAT_FRAMES, MOQSTAT_BYTES, MOQSTAT_GROUPS,
						   MOQSTAT_BYTES,  MOQSTAT_BYTES, MOQSTAT_BYTES };
	struct moqstat_site site = {
		.event = MOQSTAT_EVENT_BUMP,
		.role = MOQSTAT_PUBLISHER,
		.field = fields[at],
		.when = MOQSTAT_WHEN_NONZERO,
		.handles = MOQSTAT_HANDLE_GUARD,
		.entry = in_register(MOQSTAT_RAX, 0),
		.tier = memory(MOQSTAT_RDI, 0x18, 1),
		.n = { .kind = MOQSTAT_OPERAND_IMM, .disp = 1 },
		.guard = in_register(MOQSTAT_RDI, 0x10),
	};

	if (at == HIT_SITE_BYTES)
		site.n = memory(MOQSTAT_RDX, 0, 8);
	if (at >= HIT_SITE_PUSH) {
		site.role = MOQSTAT_SUBSCRIBER;
		site.when = MOQSTAT_WHEN_ALWAYS;
		site.entry = in_register(MOQSTAT_RCX, 0);
		site.n = in_register(MOQSTAT_RSI, 0);
	}
	return site;
}

static struct moqstat_id id_of(uint32_t tgid, uint32_t incarnation)
{
	return (struct moqstat_id){ .hash = HASH, .tgid = tgid, .incarnation = incarnation };
}

static int fill(struct moqstat_bpf *skel, const struct hit_target *target)
{
	const struct moqstat_entry_key entry = { .entry = target->entry,
						 .tgid = (uint32_t)target->pid };
	const struct moqstat_guard_key key = { .address = target->guard_off + 0x10,
					       .tgid = (uint32_t)target->pid };
	const struct moqstat_id id = id_of((uint32_t)target->pid, INCARNATION);
	const struct moqstat_guard guard = { .id = id_of((uint32_t)target->pid, BY_GUARD) };
	int err = 0;

	for (uint32_t i = 0; i < HIT_SITES && !err; i++) {
		struct moqstat_site site = site_of((enum hit_site)i);

		site.plain = programs_plain(&site);
		err = bpf_map_update_elem(bpf_map__fd(skel->maps.sites), &i, &site, BPF_ANY);
	}
	if (!err)
		err = bpf_map_update_elem(bpf_map__fd(skel->maps.entries), &entry, &id, BPF_ANY);
	if (!err)
		err = bpf_map_update_elem(bpf_map__fd(skel->maps.guards), &key, &guard, BPF_ANY);
	return err;
}

int ours_load(const struct hit_target *target, struct hit_program *program)
{
	const struct programs_options options = { .pid = target->pid,
						  .max_broadcasts = MOQSTAT_BROADCASTS_DEFAULT,
						  .multi = true };
	struct moqstat_bpf *skel;
	int err = programs_load(&options, &skel);

	if (err)
		return err;
	err = fill(skel, target);
	if (err) {
		moqstat_bpf__destroy(skel);
		return err;
	}
	program->fd = bpf_program__fd(skel->progs.bump);
	program->state = skel;
	return 0;
}

void ours_shape(struct hit_program *program, enum hit_shape shape)
{
	struct moqstat_bpf *skel = program->state;

	skel->bss->statistics_off = shape >= HIT_OFF_FRAMES && shape < HIT_FUNCTIONS;
}

static uint64_t counted(const struct moqstat_bpf *skel, uint32_t incarnation,
			enum moqstat_role role, enum moqstat_field field)
{
	const struct moqstat_slot_key slot = { .id = id_of(skel->rodata->target_tgid, incarnation),
					       .slot = role * MOQSTAT_TIER_MAX + HIT_TIER };

	return hit_sum(bpf_map__fd(skel->maps.opened), &slot, sizeof(struct moqstat_opened),
		       MOQSTAT_FIELD_CELL(field));
}

bool ours_counted(const struct hit_program *program)
{
	const struct moqstat_bpf *s = program->state;
	const uint64_t *passes = program->passes;
	uint64_t functions = 0;

	for (int i = HIT_FUNCTIONS; i < HIT_SHAPES; i++)
		functions += passes[i];
	return counted(s, INCARNATION, MOQSTAT_PUBLISHER, MOQSTAT_FRAMES) == passes[HIT_FRAMES] &&
	       counted(s, INCARNATION, MOQSTAT_PUBLISHER, MOQSTAT_BYTES) ==
		       passes[HIT_BYTES_ADD] * HIT_BYTES &&
	       counted(s, INCARNATION, MOQSTAT_PUBLISHER, MOQSTAT_GROUPS) == passes[HIT_GROUPS] &&
	       counted(s, BY_GUARD, MOQSTAT_PUBLISHER, MOQSTAT_FRAMES) == passes[HIT_OFF_FRAMES] &&
	       counted(s, BY_GUARD, MOQSTAT_PUBLISHER, MOQSTAT_BYTES) ==
		       passes[HIT_OFF_BYTES] * HIT_BYTES &&
	       counted(s, BY_GUARD, MOQSTAT_PUBLISHER, MOQSTAT_GROUPS) == passes[HIT_OFF_GROUPS] &&
	       counted(s, INCARNATION, MOQSTAT_SUBSCRIBER, MOQSTAT_BYTES) == functions * HIT_BYTES;
}

void ours_unload(struct hit_program *program)
{
	moqstat_bpf__destroy(program->state);
}
