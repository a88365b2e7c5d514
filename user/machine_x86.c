/* SPDX-License-Identifier: MIT */
/* A run on x86-64: calls, jumps, and references that are let go. */
#include "machine_x86.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How far behind a decrement the call is that a zero leads to. */
#define MACHINE_RELEASE_NEAR 16

/* Where the outermost function returns to. */
#define MACHINE_BACK 0x00fe000000000000ull

int machine_create(const struct machine_ops *ops, void *arg, struct machine **out)
{
	struct machine *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->ops = ops;
	m->arg = arg;
	m->memory.page = ops->page;
	m->memory.arg = arg;
	ZydisDecoderInit(&m->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	*out = m;
	return 0;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	machine_memory_deinit(&m->memory);
	free(m->code.list);
	free(m);
}

void machine_forget(struct machine *m)
{
	machine_memory_forget(&m->memory);
}

bool machine_same(struct machine *m)
{
	return machine_memory_same(&m->memory);
}

uint64_t machine_at(const struct machine *m)
{
	return m->ip;
}

uint64_t machine_reg(const struct machine *m, unsigned int reg)
{
	return reg < 16 ? m->reg[reg] : 0;
}

uint64_t machine_from(const struct machine *m, unsigned int reg)
{
	return reg < 16 ? m->from[reg] : 0;
}

const struct machine_frame *machine_frames(const struct machine *m, size_t *len)
{
	*len = m->frames_len;
	return m->frames;
}

bool machine_read(struct machine *m, uint64_t addr, void *out, size_t size)
{
	return !machine_memory_read(&m->memory, addr, out, size, true);
}

static bool machine_return(struct machine *m)
{
	uint64_t back, origin;

	if (!machine_pop(m, &back, &origin))
		return false;
	if (!m->frames_len || m->frames[--m->frames_len].back != back)
		return machine_fail(m, MACHINE_TRAP);
	m->ip = back;
	if (back == MACHINE_BACK)
		return machine_fail(m, MACHINE_DONE), false;
	return true;
}

/* A function that isn't entered does nothing and returns 0. */
static void machine_skip(struct machine *m)
{
	m->reg[MACHINE_RAX] = 0;
	m->from[MACHINE_RAX] = 0;
}

static bool machine_enter(struct machine *m, uint64_t function, uint64_t back)
{
	if (m->frames_len == MACHINE_FRAMES_MAX)
		return machine_fail(m, MACHINE_ENDLESS);
	m->frames[m->frames_len++] = (struct machine_frame){
		.function = function,
		.self = m->reg[MACHINE_RDI],
		.back = back,
	};
	m->ip = function;
	return true;
}

static bool machine_call(struct machine *m, const struct machine_insn *in)
{
	uint64_t target = in->target;

	if (!target && !machine_get(m, in, 0, &target))
		return false;
	if (!m->ops->call(m->arg, m, target)) {
		machine_skip(m);
		return true;
	}
	return machine_push(m, in->next, 0) && machine_enter(m, target, in->next);
}

/* Within the function, or to another one in its place. */
static bool machine_jump(struct machine *m, const struct machine_insn *in)
{
	uint64_t target = in->target, back;
	size_t left;
	const uint8_t *here, *there;

	if (!target && !machine_get(m, in, 0, &target))
		return false;
	/* Functions are contiguous: in the same one, the same number of bytes from its end. */
	here = m->ops->code(m->arg, in->addr, &left);
	back = in->addr + left;
	there = m->ops->code(m->arg, target, &left);
	if (here && there && target + left == back &&
	    target != m->frames[m->frames_len - 1].function) {
		m->ip = target;
		return true;
	}
	if (m->ops->call(m->arg, m, target)) {
		m->frames_len--;
		return machine_enter(m, target, m->frames[m->frames_len].back);
	}
	machine_skip(m);
	return machine_return(m);
}

/* The function that is called if there is a zero here, or 0. */
static uint64_t machine_end_of(struct machine *m, uint64_t next)
{
	struct machine_insn *in = machine_insn(m, next);
	uint64_t target;
	unsigned int i;

	if (!in || in->op != ZYDIS_MNEMONIC_JNZ)
		return 0;
	for (i = 0, next = in->next; i < MACHINE_RELEASE_NEAR; i++, next = in->next) {
		in = machine_insn(m, next);
		if (!in || !in->decoded || machine_is_jcc(in->op) || in->op == ZYDIS_MNEMONIC_RET)
			return 0;
		if (in->op != ZYDIS_MNEMONIC_CALL && in->op != ZYDIS_MNEMONIC_JMP)
			continue;
		target = in->target;
		if (!target && in->o[0].kind == MACHINE_MEM && in->o[0].reg == MACHINE_NONE &&
		    !machine_read(m, in->o[0].value, &target, 8))
			return 0;
		return target;
	}
	return 0;
}

/* Of a reference count, as it may be. */
static bool machine_is_decrement(const struct machine_insn *in)
{
	if (!in->lock || in->o[0].kind != MACHINE_MEM)
		return false;
	return in->op == ZYDIS_MNEMONIC_DEC ||
	       (in->o[1].kind == MACHINE_IMM &&
		((in->op == ZYDIS_MNEMONIC_SUB && in->o[1].value == 1) ||
		 (in->op == ZYDIS_MNEMONIC_ADD && in->o[1].value == -1)));
}

static bool machine_release(struct machine *m, struct machine_insn *in)
{
	uint64_t addr = machine_address(m, &in->o[0]), next = in->next, value;
	unsigned int size = in->o[0].size;
	int8_t release = in->release;
	uint64_t end = in->end;
	bool zero;

	if (!machine_get(m, in, 0, &value))
		return false;
	if (release < 0) {
		end = machine_end_of(m, next);
		/* A jump back to the rest of the function leads nowhere. */
		release = end && m->ops->leads(m->arg, end);
		in = machine_insn(m, m->ip);
		if (!in)
			return machine_fail(m, MACHINE_NO_MEMORY);
		in->release = release;
		in->end = end;
	}
	if (release && size == 8) {
		zero = m->ops->release(m->arg, m, addr, value);
		machine_sub(m, zero ? 1 : 2, 1, size);
	} else {
		m->ops->touch(m->arg, m, addr, machine_from(m, in->o[0].reg), end);
		value = machine_sub(m, value, 1, size);
		if (!machine_put(m, in, 0, value))
			return false;
	}
	m->ip = next;
	return true;
}

static bool machine_step(struct machine *m)
{
	struct machine_insn *in = machine_insn(m, m->ip);
	uint64_t next;
	bool holds;

	if (!in)
		return machine_fail(m, MACHINE_NO_MEMORY);
	if (!in->decoded)
		return machine_fail(m, MACHINE_UNKNOWN);
	next = in->next;
	switch (in->op) {
	case ZYDIS_MNEMONIC_RET:
		return machine_return(m);
	case ZYDIS_MNEMONIC_JMP:
		return machine_jump(m, in);
	case ZYDIS_MNEMONIC_CALL:
		m->ip = next;
		return machine_call(m, in);
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_INT3:
	case ZYDIS_MNEMONIC_HLT:
		return machine_fail(m, MACHINE_TRAP);
	default:
		break;
	}
	if (machine_is_jcc(in->op)) {
		if (in->marked < 0)
			in->marked = m->ops->marked(m->arg, m->ip);
		if (in->marked && !m->ops->branch(m->arg, m, m->ip))
			return machine_fail(m, MACHINE_STOPPED);
		machine_condition(m, in->op, &holds);
		m->ip = next;
		if (!holds)
			return true;
		in = machine_insn(m, in->addr);
		return in ? machine_jump(m, in) : machine_fail(m, MACHINE_NO_MEMORY);
	}
	if (machine_is_decrement(in))
		return machine_release(m, in);
	if (!machine_execute(m, in))
		return machine_fail(m, MACHINE_UNKNOWN);
	m->ip = next;
	return true;
}

enum machine_end machine_run(struct machine *m, uint64_t addr, uint64_t self)
{
	unsigned int steps = 0;

	memset(m->reg, 0, sizeof(m->reg));
	memset(m->from, 0, sizeof(m->from));
	memset(m->vector, 0, sizeof(m->vector));
	/* What the last run left must not decide anything in this one. */
	m->cf = m->zf = m->sf = m->of = m->pf = false;
	memset(m->memory.stack, 0, sizeof(m->memory.stack));
	memset(m->memory.stack_from, 0, sizeof(m->memory.stack_from));
	m->end = MACHINE_DONE;
	m->frames_len = 0;
	m->reg[MACHINE_RSP] = MACHINE_STACK_AT + MACHINE_STACK - 256;
	m->reg[MACHINE_RDI] = self;
	if (!machine_push(m, MACHINE_BACK, 0) || !machine_enter(m, addr, MACHINE_BACK))
		return m->end;
	while (machine_step(m)) {
		if (++steps == MACHINE_STEPS_MAX)
			return MACHINE_ENDLESS;
	}
	return m->end;
}
