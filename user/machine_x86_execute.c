/* SPDX-License-Identifier: MIT */
/* What x86-64 instructions do, as far as destructors use them. */
#include "machine_x86.h"

#include <errno.h>
#include <string.h>

bool machine_fail(struct machine *m, enum machine_end end)
{
	if (!m->end)
		m->end = end;
	return false;
}

static bool machine_memory_failed(struct machine *m, int err)
{
	return machine_fail(m, err == -ENOMEM  ? MACHINE_NO_MEMORY
			       : err == -E2BIG ? MACHINE_ENDLESS
					       : MACHINE_UNREADABLE);
}

static uint64_t machine_mask(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : (1ull << 8 * size) - 1;
}

uint64_t machine_address(const struct machine *m, const struct machine_operand *o)
{
	uint64_t addr = o->value;

	if (o->reg != MACHINE_NONE)
		addr += m->reg[o->reg];
	if (o->index != MACHINE_NONE)
		addr += m->reg[o->index] * o->scale;
	return addr;
}

bool machine_load(struct machine *m, uint64_t addr, void *out, size_t size, bool counts)
{
	int err = machine_memory_read(&m->memory, addr, out, size, counts);

	return !err || machine_memory_failed(m, err);
}

bool machine_store(struct machine *m, uint64_t addr, const void *in, size_t size)
{
	int err = machine_memory_write(&m->memory, addr, in, size);

	return !err || machine_memory_failed(m, err);
}

bool machine_get(struct machine *m, const struct machine_insn *in, unsigned int n, uint64_t *out)
{
	const struct machine_operand *o = &in->o[n];

	*out = 0;
	switch (o->kind) {
	case MACHINE_REG:
		*out = o->high ? m->reg[o->reg] >> 8 & 0xff
			       : m->reg[o->reg] & machine_mask(o->size);
		return true;
	case MACHINE_IMM:
		*out = o->value;
		return true;
	case MACHINE_MEM:
		return o->size <= 8 ? machine_load(m, machine_address(m, o), out, o->size,
						   !in->lock && in->op != ZYDIS_MNEMONIC_XCHG)
				    : machine_fail(m, MACHINE_UNKNOWN);
	case MACHINE_TLS:
		return true;
	default:
		return machine_fail(m, MACHINE_UNKNOWN);
	}
}

bool machine_put(struct machine *m, const struct machine_insn *in, unsigned int n, uint64_t value)
{
	const struct machine_operand *o = &in->o[n];
	uint64_t *from;

	switch (o->kind) {
	case MACHINE_REG:
		m->from[o->reg] = 0;
		if (o->high)
			m->reg[o->reg] = (m->reg[o->reg] & ~0xff00ull) | (value & 0xff) << 8;
		else if (o->size >= 4)
			m->reg[o->reg] = value & machine_mask(o->size);
		else
			m->reg[o->reg] = (m->reg[o->reg] & ~machine_mask(o->size)) |
					 (value & machine_mask(o->size));
		return true;
	case MACHINE_MEM:
		from = machine_memory_from(&m->memory, machine_address(m, o));
		if (from)
			*from = 0;
		return machine_store(m, machine_address(m, o), &value, o->size);
	case MACHINE_TLS:
		return true;
	default:
		return machine_fail(m, MACHINE_UNKNOWN);
	}
}

/* Where a value of 8 bytes that is moved was loaded from. */
static uint64_t machine_origin(struct machine *m, const struct machine_operand *o)
{
	uint64_t addr, *from;

	if (o->size != 8)
		return 0;
	if (o->kind == MACHINE_REG)
		return m->from[o->reg];
	if (o->kind != MACHINE_MEM)
		return 0;
	addr = machine_address(m, o);
	from = machine_memory_from(&m->memory, addr);
	return from ? *from : addr;
}

static void machine_flags(struct machine *m, uint64_t result, unsigned int size)
{
	result &= machine_mask(size);
	m->zf = !result;
	m->sf = result >> (8 * size - 1) & 1;
	m->pf = !__builtin_parity(result & 0xff);
}

static uint64_t machine_add(struct machine *m, uint64_t a, uint64_t b, unsigned int size)
{
	uint64_t mask = machine_mask(size), r = (a + b) & mask;

	machine_flags(m, r, size);
	m->cf = r < (a & mask);
	m->of = (~(a ^ b) & (a ^ r)) >> (8 * size - 1) & 1;
	return r;
}

uint64_t machine_sub(struct machine *m, uint64_t a, uint64_t b, unsigned int size)
{
	uint64_t mask = machine_mask(size), r = (a - b) & mask;

	machine_flags(m, r, size);
	m->cf = (a & mask) < (b & mask);
	m->of = ((a ^ b) & (a ^ r)) >> (8 * size - 1) & 1;
	return r;
}

static uint64_t machine_logic(struct machine *m, uint64_t r, unsigned int size)
{
	machine_flags(m, r, size);
	m->cf = m->of = false;
	return r;
}

static uint64_t machine_shift(struct machine *m, uint16_t op, uint64_t a, uint64_t n,
			      unsigned int size)
{
	uint64_t r;

	n &= size == 8 ? 63 : 31;
	a &= machine_mask(size);
	if (!n)
		return a;
	if (op == ZYDIS_MNEMONIC_SHL) {
		m->cf = n <= 8 * size && a >> (8 * size - n) & 1;
		r = n < 64 ? a << n : 0;
	} else if (op == ZYDIS_MNEMONIC_SHR) {
		m->cf = a >> (n - 1) & 1;
		r = a >> n;
	} else {
		int64_t s = (int64_t)(a << (64 - 8 * size)) >> (64 - 8 * size);

		m->cf = s >> (n - 1) & 1;
		r = s >> n;
	}
	machine_flags(m, r, size);
	m->of = (a ^ r) >> (8 * size - 1) & 1;
	return r;
}

bool machine_condition(const struct machine *m, uint16_t op, bool *holds)
{
	switch (op) {
#define MACHINE_CONDITION(jcc, cmov, set, value) \
	case jcc:                                \
	case cmov:                               \
	case set:                                \
		*holds = value;                  \
		return true
#define MACHINE_CC(cc, value)                                                                    \
	MACHINE_CONDITION(ZYDIS_MNEMONIC_J##cc, ZYDIS_MNEMONIC_CMOV##cc, ZYDIS_MNEMONIC_SET##cc, \
			  value)
		MACHINE_CC(Z, m->zf);
		MACHINE_CC(NZ, !m->zf);
		MACHINE_CC(B, m->cf);
		MACHINE_CC(NB, !m->cf);
		MACHINE_CC(BE, m->cf || m->zf);
		MACHINE_CC(NBE, !m->cf && !m->zf);
		MACHINE_CC(S, m->sf);
		MACHINE_CC(NS, !m->sf);
		MACHINE_CC(O, m->of);
		MACHINE_CC(NO, !m->of);
		MACHINE_CC(P, m->pf);
		MACHINE_CC(NP, !m->pf);
		MACHINE_CC(L, m->sf != m->of);
		MACHINE_CC(NL, m->sf == m->of);
		MACHINE_CC(LE, m->zf || m->sf != m->of);
		MACHINE_CC(NLE, !m->zf && m->sf == m->of);
	default:
		return false;
	}
}

bool machine_push(struct machine *m, uint64_t value, uint64_t origin)
{
	uint64_t *from;

	m->reg[MACHINE_RSP] -= 8;
	from = machine_memory_from(&m->memory, m->reg[MACHINE_RSP]);
	if (!from)
		return machine_fail(m, MACHINE_ENDLESS);
	*from = origin;
	return machine_store(m, m->reg[MACHINE_RSP], &value, 8);
}

bool machine_pop(struct machine *m, uint64_t *value, uint64_t *origin)
{
	uint64_t *from = machine_memory_from(&m->memory, m->reg[MACHINE_RSP]);

	if (!from)
		return machine_fail(m, MACHINE_TRAP);
	*origin = *from;
	m->reg[MACHINE_RSP] += 8;
	return machine_load(m, m->reg[MACHINE_RSP] - 8, value, 8, false);
}

static bool machine_move(struct machine *m, const struct machine_insn *in)
{
	uint64_t value, origin = machine_origin(m, &in->o[1]), *from;
	unsigned int bits = 64 - 8 * in->o[1].size;

	if (!machine_get(m, in, 1, &value))
		return false;
	if (in->op == ZYDIS_MNEMONIC_MOVSX || in->op == ZYDIS_MNEMONIC_MOVSXD)
		value = (int64_t)(value << bits) >> bits;
	if (!machine_put(m, in, 0, value))
		return false;
	if (in->op != ZYDIS_MNEMONIC_MOV || in->o[0].size != 8)
		return true;
	if (in->o[0].kind == MACHINE_REG) {
		m->from[in->o[0].reg] = origin;
	} else if (in->o[0].kind == MACHINE_MEM) {
		from = machine_memory_from(&m->memory, machine_address(m, &in->o[0]));
		if (from)
			*from = origin;
	}
	return true;
}

static bool machine_exchange(struct machine *m, const struct machine_insn *in)
{
	unsigned int size = in->o[0].size;
	uint64_t a, b;

	if (!machine_get(m, in, 0, &a) || !machine_get(m, in, 1, &b))
		return false;
	switch (in->op) {
	case ZYDIS_MNEMONIC_XCHG:
		return machine_put(m, in, 0, b) && machine_put(m, in, 1, a);
	case ZYDIS_MNEMONIC_XADD:
		/* Another way to let a reference go; one that would have to be understood. */
		if (in->lock)
			return machine_fail(m, MACHINE_UNKNOWN);
		b = machine_add(m, a, b, size);
		return machine_put(m, in, 1, a) && machine_put(m, in, 0, b);
	default: /* cmpxchg */
		machine_sub(m, m->reg[MACHINE_RAX], a, size);
		if (m->zf)
			return machine_put(m, in, 0, b);
		m->from[MACHINE_RAX] = 0;
		if (size >= 4)
			m->reg[MACHINE_RAX] = a;
		else
			m->reg[MACHINE_RAX] = (m->reg[MACHINE_RAX] & ~machine_mask(size)) | a;
		return true;
	}
}

static bool machine_arithmetic(struct machine *m, const struct machine_insn *in)
{
	unsigned int size = in->o[0].size;
	uint64_t a, b = 1, r;

	if (!machine_get(m, in, 0, &a))
		return false;
	if (in->o[1].kind && !machine_get(m, in, 1, &b))
		return false;
	switch (in->op) {
	case ZYDIS_MNEMONIC_ADD:
		r = machine_add(m, a, b, size);
		break;
	case ZYDIS_MNEMONIC_SUB:
		r = machine_sub(m, a, b, size);
		break;
	case ZYDIS_MNEMONIC_CMP:
		machine_sub(m, a, b, size);
		return true;
	case ZYDIS_MNEMONIC_TEST:
		machine_logic(m, a & b, size);
		return true;
	case ZYDIS_MNEMONIC_AND:
		r = machine_logic(m, a & b, size);
		break;
	case ZYDIS_MNEMONIC_OR:
		r = machine_logic(m, a | b, size);
		break;
	case ZYDIS_MNEMONIC_XOR:
		r = machine_logic(m, a ^ b, size);
		break;
	case ZYDIS_MNEMONIC_NOT:
		r = ~a;
		break;
	case ZYDIS_MNEMONIC_NEG:
		r = machine_sub(m, 0, a, size);
		break;
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC: {
		bool carry = m->cf;

		r = in->op == ZYDIS_MNEMONIC_INC ? machine_add(m, a, 1, size)
						 : machine_sub(m, a, 1, size);
		m->cf = carry;
		break;
	}
	default:
		r = machine_shift(m, in->op, a, b, size);
		break;
	}
	return machine_put(m, in, 0, r);
}

static bool machine_multiply(struct machine *m, const struct machine_insn *in)
{
	bool three = in->o[2].kind;
	uint64_t a, b;

	if (!in->o[1].kind)
		return machine_fail(m, MACHINE_UNKNOWN);
	return machine_get(m, in, three ? 1 : 0, &a) && machine_get(m, in, three ? 2 : 1, &b) &&
	       machine_put(m, in, 0, a * b);
}

static bool machine_count_zeros(struct machine *m, const struct machine_insn *in)
{
	uint64_t value;

	if (!machine_get(m, in, 1, &value))
		return false;
	m->zf = !value;
	m->cf = !value;
	if (!value && in->op == ZYDIS_MNEMONIC_BSF)
		return true;
	return machine_put(m, in, 0, value ? __builtin_ctzll(value) : 8 * in->o[1].size);
}

/* Of the instructions that leave the flags alone, or set them by rules of their own: BMI1 and BMI2.
 */
static bool machine_bits(struct machine *m, const struct machine_insn *in)
{
	unsigned int size = in->o[0].size;
	uint64_t a, b = 0, r;

	if (!machine_get(m, in, 1, &a) || (in->o[2].kind && !machine_get(m, in, 2, &b)))
		return false;
	switch (in->op) {
	case ZYDIS_MNEMONIC_BLSR:
		r = machine_logic(m, a & (a - 1), size);
		m->cf = !a;
		break;
	case ZYDIS_MNEMONIC_ANDN:
		r = machine_logic(m, ~a & b, size);
		break;
	case ZYDIS_MNEMONIC_SHLX:
		r = a << (b & (8 * size - 1));
		break;
	default: /* shrx */
		r = a >> (b & (8 * size - 1));
		break;
	}
	return machine_put(m, in, 0, r);
}

/* Everything that goes on to the next instruction. */
bool machine_execute(struct machine *m, const struct machine_insn *in)
{
	uint64_t value, origin;
	bool holds;

	switch (in->op) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
		return machine_move(m, in);
	case ZYDIS_MNEMONIC_LEA:
		return machine_put(m, in, 0, machine_address(m, &in->o[1]));
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_CMP:
	case ZYDIS_MNEMONIC_TEST:
	case ZYDIS_MNEMONIC_AND:
	case ZYDIS_MNEMONIC_OR:
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_NOT:
	case ZYDIS_MNEMONIC_NEG:
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
	case ZYDIS_MNEMONIC_SHL:
	case ZYDIS_MNEMONIC_SHR:
	case ZYDIS_MNEMONIC_SAR:
		return machine_arithmetic(m, in);
	case ZYDIS_MNEMONIC_IMUL:
		return machine_multiply(m, in);
	case ZYDIS_MNEMONIC_TZCNT:
	case ZYDIS_MNEMONIC_BSF:
		return machine_count_zeros(m, in);
	case ZYDIS_MNEMONIC_BLSR:
	case ZYDIS_MNEMONIC_ANDN:
	case ZYDIS_MNEMONIC_SHLX:
	case ZYDIS_MNEMONIC_SHRX:
		return machine_bits(m, in);
	case ZYDIS_MNEMONIC_XCHG:
	case ZYDIS_MNEMONIC_XADD:
	case ZYDIS_MNEMONIC_CMPXCHG:
		return machine_exchange(m, in);
	case ZYDIS_MNEMONIC_PUSH:
		return machine_get(m, in, 0, &value) &&
		       machine_push(m, value, machine_origin(m, &in->o[0]));
	case ZYDIS_MNEMONIC_POP:
		if (!machine_pop(m, &value, &origin) || !machine_put(m, in, 0, value))
			return false;
		if (in->o[0].kind == MACHINE_REG)
			m->from[in->o[0].reg] = origin;
		return true;
	case ZYDIS_MNEMONIC_NOP:
	case ZYDIS_MNEMONIC_PAUSE:
	case ZYDIS_MNEMONIC_MFENCE:
	case ZYDIS_MNEMONIC_ENDBR64:
		return true;
	default:
		break;
	}
	if (!machine_condition(m, in->op, &holds))
		return machine_vector(m, in);
	if (in->o[1].kind) /* cmov; clears the upper half even where it moves nothing */
		return machine_get(m, in, holds ? 1 : 0, &value) && machine_put(m, in, 0, value);
	return machine_put(m, in, 0, holds);
}
