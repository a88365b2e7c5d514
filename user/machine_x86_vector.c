/* SPDX-License-Identifier: MIT */
/* What x86-64 instructions do with vectors, as far as destructors use them: SSE2, and the same as
 * AVX and AVX2 have it, with registers of 32 bytes and a third operand. */
#include "machine_x86.h"

#include <string.h>

static bool vector_get(struct machine *m, const struct machine_insn *in, unsigned int n,
		       uint8_t out[MACHINE_VECTOR])
{
	const struct machine_operand *o = &in->o[n];

	memset(out, 0, MACHINE_VECTOR);
	if (o->size > MACHINE_VECTOR)
		return machine_fail(m, MACHINE_UNKNOWN);
	if (o->kind == MACHINE_XMM) {
		memcpy(out, m->vector[o->reg], o->size);
		return true;
	}
	if (o->kind == MACHINE_MEM)
		return machine_load(m, machine_address(m, o), out, o->size, true);
	if (o->kind == MACHINE_REG) {
		memcpy(out, &m->reg[o->reg], o->size <= 8 ? o->size : 8);
		return true;
	}
	return machine_fail(m, MACHINE_UNKNOWN);
}

/* Into a register: what AVX doesn't write of it becomes zero, SSE leaves the upper half. */
static bool vector_put(struct machine *m, const struct machine_insn *in,
		       const uint8_t value[MACHINE_VECTOR])
{
	const struct machine_operand *o = &in->o[0];

	if (o->kind != MACHINE_XMM)
		return machine_fail(m, MACHINE_UNKNOWN);
	memcpy(m->vector[o->reg], value, in->vex ? MACHINE_VECTOR : 16);
	return true;
}

static bool vector_move(struct machine *m, const struct machine_insn *in)
{
	const struct machine_operand *dst = &in->o[0];
	uint8_t value[MACHINE_VECTOR];
	uint64_t word;

	if (in->o[2].kind || !vector_get(m, in, 1, value))
		return machine_fail(m, MACHINE_UNKNOWN);
	if (dst->kind == MACHINE_XMM)
		return vector_put(m, in, value);
	if (dst->kind == MACHINE_MEM)
		return machine_store(m, machine_address(m, dst), value, dst->size);
	memcpy(&word, value, 8);
	return machine_put(m, in, 0, word);
}

/* The upper bit of each byte. */
static bool vector_bits(struct machine *m, const struct machine_insn *in)
{
	uint8_t a[MACHINE_VECTOR];
	uint64_t bits = 0;
	unsigned int i;

	if (!vector_get(m, in, 1, a))
		return false;
	for (i = 0; i < in->o[1].size; i++)
		bits |= (uint64_t)(a[i] >> 7) << i;
	return machine_put(m, in, 0, bits);
}

static uint8_t vector_byte(uint16_t op, const uint8_t *a, const uint8_t *b, unsigned int i)
{
	switch (op) {
	case ZYDIS_MNEMONIC_PAND:
	case ZYDIS_MNEMONIC_VPAND:
		return a[i] & b[i];
	case ZYDIS_MNEMONIC_POR:
	case ZYDIS_MNEMONIC_VPOR:
		return a[i] | b[i];
	case ZYDIS_MNEMONIC_PCMPEQB:
	case ZYDIS_MNEMONIC_VPCMPEQB:
		return a[i] == b[i] ? 0xff : 0;
	case ZYDIS_MNEMONIC_PCMPEQD:
	case ZYDIS_MNEMONIC_VPCMPEQD:
		return memcmp(a + i / 4 * 4, b + i / 4 * 4, 4) ? 0 : 0xff;
	default: /* xor */
		return a[i] ^ b[i];
	}
}

static bool vector_combine(struct machine *m, const struct machine_insn *in)
{
	uint8_t a[MACHINE_VECTOR], b[MACHINE_VECTOR], out[MACHINE_VECTOR] = { 0 };
	unsigned int i;

	if (!vector_get(m, in, in->vex ? 1 : 0, a) || !vector_get(m, in, in->vex ? 2 : 1, b))
		return machine_fail(m, MACHINE_UNKNOWN);
	for (i = 0; i < in->o[0].size && i < MACHINE_VECTOR; i++)
		out[i] = vector_byte(in->op, a, b, i);
	return vector_put(m, in, out);
}

bool machine_vector(struct machine *m, const struct machine_insn *in)
{
	unsigned int i;

	switch (in->op) {
	case ZYDIS_MNEMONIC_MOVUPS:
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVUPD:
	case ZYDIS_MNEMONIC_MOVDQU:
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_MOVQ:
	case ZYDIS_MNEMONIC_MOVD:
	case ZYDIS_MNEMONIC_VMOVUPS:
	case ZYDIS_MNEMONIC_VMOVAPS:
	case ZYDIS_MNEMONIC_VMOVUPD:
	case ZYDIS_MNEMONIC_VMOVDQU:
	case ZYDIS_MNEMONIC_VMOVDQA:
	case ZYDIS_MNEMONIC_VMOVQ:
	case ZYDIS_MNEMONIC_VMOVD:
		return vector_move(m, in);
	case ZYDIS_MNEMONIC_PMOVMSKB:
	case ZYDIS_MNEMONIC_VPMOVMSKB:
		return vector_bits(m, in);
	case ZYDIS_MNEMONIC_PXOR:
	case ZYDIS_MNEMONIC_XORPS:
	case ZYDIS_MNEMONIC_PAND:
	case ZYDIS_MNEMONIC_POR:
	case ZYDIS_MNEMONIC_PCMPEQB:
	case ZYDIS_MNEMONIC_PCMPEQD:
	case ZYDIS_MNEMONIC_VPXOR:
	case ZYDIS_MNEMONIC_VXORPS:
	case ZYDIS_MNEMONIC_VPAND:
	case ZYDIS_MNEMONIC_VPOR:
	case ZYDIS_MNEMONIC_VPCMPEQB:
	case ZYDIS_MNEMONIC_VPCMPEQD:
		return vector_combine(m, in);
	case ZYDIS_MNEMONIC_VZEROUPPER:
		for (i = 0; i < 16; i++)
			memset(m->vector[i] + 16, 0, MACHINE_VECTOR - 16);
		return true;
	default:
		return machine_fail(m, MACHINE_UNKNOWN);
	}
}
