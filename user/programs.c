/* SPDX-License-Identifier: MIT */
#include "programs.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "kernel.h"
#include "log.h"
#include "moqstat.skel.h"
#include "overflow.h"
#include "uprobe.h"

/* Changes told of between two readings: where there are more, reading everything is as quick. Each
 * takes 32 bytes; a power of two of pages. */
#define PROGRAMS_CHANGED_MIN 65536
#define PROGRAMS_CHANGED     16 /* bytes a broadcast */

/* Guards remembered at once, however few the broadcasts. */
#define PROGRAMS_GUARDS_MIN 16384

/* How long loading is tried anew while signals disturb it. */
#define PROGRAMS_PATIENCE_NS 10000000000ULL

int programs_at(const struct moqstat_bpf *object, enum moqstat_event event)
{
	switch (event) {
	case MOQSTAT_EVENT_BUMP:
		return bpf_program__fd(object->progs.bump);
	case MOQSTAT_EVENT_SESSION_BUMP:
		return bpf_program__fd(object->progs.session_bump);
	case MOQSTAT_EVENT_ENTRY:
		return bpf_program__fd(object->progs.entry);
	case MOQSTAT_EVENT_SESSION:
		return bpf_program__fd(object->progs.session);
	case MOQSTAT_EVENT_PLACE:
		return bpf_program__fd(object->progs.place);
	case MOQSTAT_EVENT_SESSION_PLACE:
		return bpf_program__fd(object->progs.session_place);
	case MOQSTAT_EVENT_PEEK:
		return bpf_program__fd(object->progs.peek);
	case MOQSTAT_EVENT_TABLE:
		return bpf_program__fd(object->progs.table);
	case MOQSTAT_EVENT_INSERT:
		return bpf_program__fd(object->progs.insert);
	case MOQSTAT_EVENT_REMOVE:
		return bpf_program__fd(object->progs.take);
	case MOQSTAT_EVENT_SCOPE:
		return bpf_program__fd(object->progs.scope);
	case MOQSTAT_EVENT_CALL:
		return bpf_program__fd(object->progs.call);
	default:
		return bpf_program__fd(object->progs.allocated);
	}
}

static uint32_t programs_changed(uint32_t max_broadcasts)
{
	uint32_t bytes = PROGRAMS_CHANGED_MIN;

	while (bytes / PROGRAMS_CHANGED < max_broadcasts && bytes < 1U << 30)
		bytes *= 2;
	return bytes;
}

static bool programs_in_register(const struct moqstat_operand *op)
{
	return op->kind == MOQSTAT_OPERAND_REG && op->width == 8;
}

static bool programs_in_memory(const struct moqstat_operand *op, uint8_t width)
{
	return op->kind == MOQSTAT_OPERAND_MEM && op->index == MOQSTAT_REG_NONE &&
	       op->width == width;
}

bool programs_plain(const struct moqstat_site *site)
{
	const struct moqstat_operand *n = &site->n;

	return site->event == MOQSTAT_EVENT_BUMP && site->role < MOQSTAT_ROLE_MAX &&
	       MOQSTAT_FIELD_PAYLOAD(site->field) && !site->opens &&
	       site->when == MOQSTAT_WHEN_NONZERO && site->handles == MOQSTAT_HANDLE_GUARD &&
	       site->skip.kind == MOQSTAT_OPERAND_NONE && programs_in_register(&site->entry) &&
	       !site->entry.disp && programs_in_memory(&site->tier, 1) &&
	       programs_in_register(&site->guard) &&
	       ((n->kind == MOQSTAT_OPERAND_IMM && n->disp == 1) || programs_in_register(n) ||
		programs_in_memory(n, 8));
}

static int programs_size_maps(struct moqstat_bpf *object, const struct programs_options *options)
{
	uint32_t max_broadcasts = options->max_broadcasts;
	struct {
		struct bpf_map *map;
		uint32_t entries;
	} sizes[] = {
		/* Names have some more room, for what is on its way in or out. */
		{ object->maps.broadcasts, max_broadcasts + max_broadcasts / 4 + 64 },
		{ object->maps.roots, max_broadcasts + max_broadcasts / 4 + 64 },
		{ object->maps.long_names, 2 * (max_broadcasts + max_broadcasts / 4 + 64) },
		/* Pointers of entries that are gone stay until they are swept. */
		{ object->maps.entries, 4 * max_broadcasts },
		{ object->maps.paths, max_broadcasts },
		{ object->maps.root_paths, max_broadcasts },
		{ object->maps.guards, 8 * max_broadcasts + PROGRAMS_GUARDS_MIN },
		/* Of a broadcast's four slots two are in use as a rule; and there are roots. */
		{ object->maps.opened, 3 * max_broadcasts + OVERFLOW_SLOTS },
		{ object->maps.closed, 3 * max_broadcasts + OVERFLOW_SLOTS },
		{ object->maps.changed, programs_changed(max_broadcasts) },
		/* Those with a name, and entries in the overflow. */
		{ object->maps.readings, options->readable ? 2 * max_broadcasts + 64 : 1 },
		{ object->maps.calls, options->labelled ? MOQSTAT_PENDING_MAX : 1 },
		/* Of tracks, of which a broadcast has a few. */
		{ object->maps.accounts, options->labelled ? 4 * max_broadcasts : 1 },
	};
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !err; i++)
		err = bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);
	return err;
}

/* What the programs are told once and for all. */
static int programs_configure(struct moqstat_bpf *object, const struct programs_options *options)
{
	struct bpf_program *prog;
	uint64_t key[2];
	uint32_t slot;

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return -EIO;
	object->rodata->target_tgid = options->pid;
	object->rodata->key_low = key[0];
	object->rodata->key_high = key[1];
	object->rodata->names_max = options->max_broadcasts;
	object->rodata->by_guard = options->by_guard;
	object->rodata->paths_shared = options->paths_shared;
	object->rodata->labelled = options->labelled;
	object->rodata->label_of_session = options->label_of_session;
	bpf_object__for_each_program(prog, object->obj)
	{
		if (options->multi && bpf_program__type(prog) == BPF_PROG_TYPE_KPROBE &&
		    prog != object->progs.ending)
			bpf_program__set_expected_attach_type(prog, UPROBE_ATTACH_MULTI);
	}
	object->rodata->readable = options->readable;
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++)
		object->rodata->read_offsets[slot] = options->read_offsets[slot];
	return programs_size_maps(object, options);
}

static void programs_explain(int err, uint32_t max_broadcasts)
{
	if (err == -ENOMEM)
		log_error(
			"cannot load the BPF programs: no memory for maps of %u broadcasts on %d CPUs; "
			"give a smaller --max-broadcasts",
			max_broadcasts, libbpf_num_possible_cpus());
	else if (err == -EPERM)
		log_error("cannot load the BPF programs: %s", kernel_barred());
	else
		log_error(
			"cannot load the BPF programs: %s; the kernel must be 6.1 or later and allow "
			"BPF (see `dmesg` for lockdown), --verbose shows its reasons",
			strerror(-err));
}

static int programs_try(const struct programs_options *options, struct moqstat_bpf **out)
{
	struct moqstat_bpf *object = moqstat_bpf__open();
	int err;

	if (!object)
		return -errno;
	err = programs_configure(object, options);
	if (!err)
		err = moqstat_bpf__load(object);
	if (err) {
		moqstat_bpf__destroy(object);
		return err;
	}
	*out = object;
	return 0;
}

int programs_load(const struct programs_options *options, struct moqstat_bpf **out)
{
	uint64_t began = clock_read(CLOCK_MONOTONIC);
	int err;

	/* The kernel gives up checking a program when a signal comes, a SIGSTOP too; libbpf tries
	 * that again, but five times only. */
	do
		err = programs_try(options, out);
	while (err == -EAGAIN && clock_read(CLOCK_MONOTONIC) - began < PROGRAMS_PATIENCE_NS);
	if (err)
		programs_explain(err, options->max_broadcasts);
	return err;
}
