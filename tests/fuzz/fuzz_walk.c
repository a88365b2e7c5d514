/* SPDX-License-Identifier: MIT */
/*
 * fuzz_walk.c - destructors and the memory of a task that they are followed over, up to the report
 * of what is open. The memory is this process's own, from FUZZ_MEMORY on; a task is at its start.
 *
 * An input is the functions (how many; of each its kind, its flags, its length), the branches at
 * which guards end (how many; of each where, what, and its operands), the roots' offsets, the code
 * (length in 2 bytes) that the functions share in this order, the memory.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#include "census.h"
#include "census_name.h"
#include "census_report.h"
#include "elf_image.h"
#include "utf8.h"
#include "walk.h"

#define WALK_FUNCTIONS 8
#define WALK_CLOSES    8
#define WALK_BIAS      0x550000000000ull
#define WALK_CODE      0x1000 /* address of the first function */
#define WALK_CODE_MAX  2048

struct made {
	struct census_plan plan;
	struct reach_function functions[WALK_FUNCTIONS];
	uint8_t *code[WALK_FUNCTIONS];
	struct census_close closes[WALK_CLOSES];
	struct census_session session;
};

static struct moqstat_operand made_operand(struct fuzz_in *in)
{
	static const uint8_t widths[] = { 1, 2, 4, 8 };
	uint8_t bits = fuzz_u8(in), regs = fuzz_u8(in);

	return (struct moqstat_operand){
		.kind = bits % (MOQSTAT_OPERAND_DEREF + 1),
		.width = widths[bits >> 3 & 3],
		.scale = widths[bits >> 5 & 3],
		.reg = regs & 15,
		.index = bits >> 7 ? regs >> 4 : MOQSTAT_REG_NONE,
		.disp = (int8_t)fuzz_u8(in),
		.outer = 8,
	};
}

static int made_compare(const void *a, const void *b)
{
	const struct census_close *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void made_closes(struct made *m, struct fuzz_in *in)
{
	static const uint8_t fields[] = { MOQSTAT_ANNOUNCED_CLOSED, MOQSTAT_BROADCASTS_CLOSED,
					  MOQSTAT_SUBSCRIPTIONS_CLOSED };
	size_t i, len = fuzz_u8(in) % (WALK_CLOSES + 1);

	for (i = 0; i < len; i++) {
		struct census_close *c = &m->closes[i];
		uint8_t bits;

		c->addr = WALK_CODE + fuzz_u16(in) % WALK_CODE_MAX;
		bits = fuzz_u8(in);
		c->what.event = bits & 1 ? MOQSTAT_EVENT_SESSION_BUMP : MOQSTAT_EVENT_BUMP;
		c->what.field = bits & 1 ? MOQSTAT_SESSIONS_CLOSED : fields[bits / 2 % 3];
		c->what.role = bits / 8 % (MOQSTAT_ROLE_MAX + 1);
		c->what.entry = made_operand(in);
		c->what.tier = made_operand(in);
	}
	qsort(m->closes, len, sizeof(m->closes[0]), made_compare);
	m->plan.closes = m->closes;
	m->plan.closes_len = len;
}

static void made_functions(struct made *m, struct fuzz_in *in)
{
	size_t i, len = 1 + fuzz_u8(in) % WALK_FUNCTIONS;
	uint64_t addr = WALK_CODE;

	for (i = 0; i < len; i++) {
		struct reach_function *f = &m->functions[i];
		uint8_t flags;

		f->kind = fuzz_u8(in) % (REACH_PRODUCER + 1);
		flags = fuzz_u8(in);
		f->leads = flags & 1;
		f->arc = flags & 2;
		f->ietf = flags & 4;
		f->addr = addr;
		f->size = 1 + fuzz_u8(in);
		addr += f->size;
	}
	m->plan.reach.list = m->functions;
	m->plan.reach.len = len;
	m->plan.reach.release[0] = addr;
	m->plan.reach.release_len = 1;
	m->plan.code = m->code;
}

/* Each function's code in memory of its own. */
static void made_code(struct made *m, struct fuzz_in *in)
{
	size_t i, len, got;

	for (i = 0; i < m->plan.reach.len; i++) {
		const uint8_t *code = fuzz_bytes(in, m->functions[i].size, &got);

		len = m->functions[i].size;
		m->code[i] = malloc(len);
		fuzz_check(m->code[i]);
		memset(m->code[i], 0xc3, len);
		memcpy(m->code[i], code, got);
	}
}

static void made_read(struct made *m, struct fuzz_in *in)
{
	const struct layout *layouts;
	size_t len;

	memset(m, 0, sizeof(*m));
	made_functions(m, in);
	made_closes(m, in);
	m->session.root = (int8_t)fuzz_u8(in);
	m->session.tier = (int8_t)fuzz_u8(in);
	m->plan.sessions = &m->session;
	m->plan.sessions_len = 1;
	m->plan.producer_root = (int8_t)fuzz_u8(in);
	m->plan.consumer_root = (int8_t)fuzz_u8(in);
	layouts = layout_all(&len);
	m->plan.layout = &layouts[in->left % len];
	made_code(m, in);
}

static void walk_name(const struct walk_task *tasks, size_t len)
{
	struct census census = { 0 };
	FILE *out = fopen("/dev/null", "we");
	size_t i;

	fuzz_check(out);
	fuzz_check(!census_name(tasks, len, &census));
	for (i = 0; i < census.len; i++) {
		const struct census_item *item = &census.items[i];

		fuzz_check(item->kind < CENSUS_KIND_MAX && item->tier < MOQSTAT_TIER_MAX);
		fuzz_check(item->role <= MOQSTAT_ROLE_MAX);
		fuzz_check(utf8_valid(item->path, item->len));
	}
	fuzz_check(!census_report(&census, true, out));
	fuzz_check(!census_report(&census, false, out));
	fclose(out);
	census_deinit(&census);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct target target = { .pid = getpid(), .pidfd = -1, .exe_fd = -1 };
	struct fuzz_in in = { data, size };
	struct walk_task tasks[2];
	uint64_t header[4];
	struct walk *walk;
	struct task task;
	struct made made;
	size_t len = 0, i;
	int err;

	made_read(&made, &in);
	memcpy(header, fuzz_memory(in.at, in.left), sizeof(header));
	task = (struct task){ .addr = FUZZ_MEMORY,
			      .vtable = header[2],
			      .dealloc = WALK_BIAS + WALK_CODE };
	fuzz_check(!walk_create(&target, &made.plan, WALK_BIAS, &walk));
	for (i = 0; i < 2; i++) {
		err = walk_task(walk, &task, &tasks[len]);
		fuzz_check(!err || err == -EAGAIN || err == -ENOENT || err == -EBADMSG);
		len += !err;
	}
	if (len)
		walk_name(tasks, len);
	for (i = 0; i < len; i++)
		walk_task_deinit(&tasks[i]);
	walk_destroy(walk);
	for (i = 0; i < made.plan.reach.len; i++)
		free(made.code[i]);
	return 0;
}

static void put(uint8_t *memory, size_t at, uint64_t value)
{
	memcpy(memory + at, &value, sizeof(value));
}

static void put_path(uint8_t *memory, size_t at)
{
	put(memory, at, 8);
	put(memory, at + 8, FUZZ_MEMORY + 0x100);
	put(memory, at + 16, 8);
}

/* A task that holds a track's guard, an announce's with its path in front, an Arc with a session's
 * guard in it, a subscription. */
static void walk_memory(uint8_t memory[512])
{
	memset(memory, 0, 512);
	put(memory, 0, 0x40); /* idle, one reference */
	put(memory, 0x10, 0x7777);
	put(memory, 0x18, 1);
	put_path(memory, 0x40);
	put(memory, 0x68, FUZZ_MEMORY + 0x80);
	put(memory, 0x80, 1); /* the Arc's counts */
	put(memory, 0x88, 1);
	put_path(memory, 0xa8);
	put_path(memory, 0xc0);
	put(memory, 0xd8, FUZZ_MEMORY);
	put(memory, 0xe8, 0x100);
	memcpy(memory + 0x100, "demo/abc", 8);
}

void fuzz_seeds(void)
{
	/* The functions: a task's, a subscription's drop, what an Arc holds, a table's. */
	static const char front[] = "03 01015f 030007 000327 020507 "
				    /* Where a track's guard ends, an announce's, a session's. */
				    "03 070004 1c0720 010000 0f000c 1c0758 010000 "
				    "6f0001 1c0710 000000 "
				    "18 08 08 10 ";
	static const char task[] = "488b4720 "		     /* mov rax, [rdi+0x20] */
				   "4885c0 7400 "	     /* test rax, rax; je */
				   "488b4758 "		     /* mov rax, [rdi+0x58] */
				   "85c0 7400 "		     /* test eax, eax; je */
				   "53 4889fb "		     /* push rbx; mov rbx, rdi */
				   "488dbbc0000000 "	     /* lea rdi, [rbx+0xc0] */
				   "e83f000000 "	     /* call the subscription's drop */
				   "488b7b68 "		     /* mov rdi, [rbx+0x68] */
				   "f048ff0f 7505 "	     /* lock dec qword [rdi]; jne */
				   "e838000000 "	     /* call what the Arc holds */
				   "488b7b48 "		     /* mov rdi, [rbx+0x48] */
				   "ba01000000 "	     /* mov edx, 1 */
				   "e85a000000 "	     /* call __rust_dealloc */
				   "5b c3";		     /* pop rbx; ret */
	static const char arc[] = "488b4710 4885c0 7400 c3"; /* mov rax, [rdi+0x10]; … */
	uint8_t seed[1024];
	size_t len = image_hex(front, seed, sizeof(seed));

	memset(seed + len, 0xc3, 152);
	image_hex(task, seed + len, 96);
	image_hex(arc, seed + len + 104, 40);
	walk_memory(seed + len + 152);
	fuzz_seed(seed, len + 152 + 512);
}
