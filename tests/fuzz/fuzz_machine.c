/* SPDX-License-Identifier: MIT */
/*
 * fuzz_machine.c - code and memory of a relay that were put there to mislead whoever follows it.
 * An input is a byte of flags, the length of the code (2 bytes), the code, the memory.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"

#include "machine.h"

#define MACHINE_CODE 0x10000
#define MACHINE_DATA 0x200000

struct target {
	const uint8_t *code, *data;
	size_t code_len, data_len;
	uint8_t flags;
};

static int target_page(void *arg, uint64_t addr, uint8_t *bytes)
{
	const struct target *t = arg;
	size_t at = addr - MACHINE_DATA, len;

	fuzz_check(addr % MACHINE_PAGE == 0);
	if (addr < MACHINE_DATA || at >= t->data_len)
		return -EFAULT;
	len = t->data_len - at < MACHINE_PAGE ? t->data_len - at : MACHINE_PAGE;
	memset(bytes, 0, MACHINE_PAGE);
	memcpy(bytes, t->data + at, len);
	return 0;
}

static const uint8_t *target_code(void *arg, uint64_t addr, size_t *left)
{
	const struct target *t = arg;

	if (addr - MACHINE_CODE >= t->code_len)
		return NULL;
	*left = t->code_len - (addr - MACHINE_CODE);
	return t->code + (addr - MACHINE_CODE);
}

static bool target_leads(void *arg, uint64_t function)
{
	const struct target *t = arg;

	return function - MACHINE_CODE < t->code_len;
}

static bool target_call(void *arg, const struct machine *m, uint64_t function)
{
	size_t len;

	fuzz_check(machine_frames(m, &len) && len <= MACHINE_FRAMES_MAX);
	return target_leads(arg, function);
}

static bool target_marked(void *arg, uint64_t addr)
{
	const struct target *t = arg;

	return (addr ^ t->flags) % 4 == 0;
}

static bool target_branch(void *arg, const struct machine *m, uint64_t addr)
{
	const struct target *t = arg;

	fuzz_check(target_marked(arg, addr));
	machine_from(m, MACHINE_DATA % 16);
	return (addr ^ t->flags) % 64 != 0;
}

static bool target_release(void *arg, const struct machine *m, uint64_t count, uint64_t value)
{
	const struct target *t = arg;

	(void)m;
	return (count ^ value ^ t->flags) % 2;
}

static void target_touch(void *arg, const struct machine *m, uint64_t count, uint64_t from,
			 uint64_t end)
{
	(void)arg;
	(void)from;
	(void)end;
	(void)count;
	fuzz_check(machine_reg(m, 16) == 0);
}

static const struct machine_ops target_ops = {
	.page = target_page,
	.code = target_code,
	.call = target_call,
	.leads = target_leads,
	.marked = target_marked,
	.branch = target_branch,
	.release = target_release,
	.touch = target_touch,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct target t = { .flags = fuzz_u8(&in) };
	enum machine_end end, again;
	struct machine *m;
	uint64_t at;

	t.code = fuzz_bytes(&in, fuzz_u16(&in), &t.code_len);
	t.data = in.at;
	t.data_len = in.left;
	fuzz_check(!machine_create(&target_ops, &t, &m));
	end = machine_run(m, MACHINE_CODE, MACHINE_DATA);
	at = machine_at(m);
	fuzz_check(machine_same(m));
	/* It starts anew each time, whatever it has kept. */
	machine_forget(m);
	again = machine_run(m, MACHINE_CODE, MACHINE_DATA);
	fuzz_check(again == end && machine_at(m) == at);
	machine_destroy(m);
	return 0;
}

static void machine_seed(const uint8_t *code, size_t len)
{
	uint8_t seed[3 + 2048 + 256];
	size_t i;

	if (len > 2048)
		return;
	seed[0] = 1;
	seed[1] = (uint8_t)len;
	seed[2] = (uint8_t)(len >> 8);
	memcpy(seed + 3, code, len);
	for (i = 0; i < 256; i++)
		seed[3 + len + i] = i % 8 == 2 ? 0x20 : i % 8 == 0 ? (uint8_t)i : 0;
	fuzz_seed(seed, 3 + len + 256);
}

void fuzz_seeds(void)
{
	fuzz_unit_code(machine_seed);
}
