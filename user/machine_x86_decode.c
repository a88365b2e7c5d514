/* SPDX-License-Identifier: MIT */
/* x86-64 instructions, by the Zydis decoder; each decoded once. */
#include "machine_x86.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t machine_gpr(ZydisRegister reg)
{
	ZydisRegister wide = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	return wide >= ZYDIS_REGISTER_RAX && wide <= ZYDIS_REGISTER_R15 ? wide - ZYDIS_REGISTER_RAX
									: MACHINE_NONE;
}

static bool machine_operand(const ZydisDecodedOperand *op, uint64_t next,
			    struct machine_operand *out)
{
	memset(out, 0, sizeof(*out));
	out->size = op->size / 8;
	out->reg = out->index = MACHINE_NONE;
	switch (op->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		if (op->reg.value >= ZYDIS_REGISTER_XMM0 && op->reg.value <= ZYDIS_REGISTER_XMM15) {
			out->kind = MACHINE_XMM;
			out->reg = op->reg.value - ZYDIS_REGISTER_XMM0;
			return true;
		}
		if (op->reg.value >= ZYDIS_REGISTER_YMM0 && op->reg.value <= ZYDIS_REGISTER_YMM15) {
			out->kind = MACHINE_XMM;
			out->reg = op->reg.value - ZYDIS_REGISTER_YMM0;
			return true;
		}
		out->kind = MACHINE_REG;
		out->reg = machine_gpr(op->reg.value);
		out->high =
			op->reg.value >= ZYDIS_REGISTER_AH && op->reg.value <= ZYDIS_REGISTER_BH;
		return out->reg != MACHINE_NONE;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		out->kind = MACHINE_IMM;
		out->value = op->imm.is_signed ? op->imm.value.s : (int64_t)op->imm.value.u;
		return true;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		out->kind =
			op->mem.segment == ZYDIS_REGISTER_FS || op->mem.segment == ZYDIS_REGISTER_GS
				? MACHINE_TLS
				: MACHINE_MEM;
		out->value = op->mem.disp.value;
		out->scale = op->mem.scale;
		if (op->mem.base == ZYDIS_REGISTER_RIP)
			out->value += next;
		else if (op->mem.base != ZYDIS_REGISTER_NONE)
			out->reg = machine_gpr(op->mem.base);
		if (op->mem.index != ZYDIS_REGISTER_NONE)
			out->index = machine_gpr(op->mem.index);
		return true;
	default:
		return false;
	}
}

static void machine_decode(struct machine *m, uint64_t addr, struct machine_insn *out)
{
	ZydisDecodedInstruction in;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	const uint8_t *bytes;
	size_t left, i;

	memset(out, 0, sizeof(*out));
	out->addr = addr;
	out->marked = out->release = -1;
	bytes = m->ops->code(m->arg, addr, &left);
	if (!bytes || !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&m->decoder, bytes, left, &in, ops)))
		return;
	out->decoded = true;
	out->op = in.mnemonic;
	out->next = addr + in.length;
	out->lock = in.attributes & ZYDIS_ATTRIB_HAS_LOCK;
	out->vex = in.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX;
	if (ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && ops[0].imm.is_relative &&
	    in.operand_count_visible) {
		out->target = out->next + ops[0].imm.value.s;
		return;
	}
	for (i = 0; i < 3 && i < in.operand_count_visible; i++) {
		if (!machine_operand(&ops[i], out->next, &out->o[i]) &&
		    in.mnemonic != ZYDIS_MNEMONIC_NOP)
			out->decoded = false;
	}
}

static int machine_grow(struct machine_code *c)
{
	struct machine_code grown = { .room = c->room ? 2 * c->room : 4096, .len = c->len };
	size_t i, k;

	grown.list = calloc(grown.room, sizeof(*grown.list));
	if (!grown.list)
		return -ENOMEM;
	for (i = 0; i < c->room; i++) {
		if (!c->list[i].addr)
			continue;
		for (k = c->list[i].addr; grown.list[k & (grown.room - 1)].addr; k++)
			;
		grown.list[k & (grown.room - 1)] = c->list[i];
	}
	free(c->list);
	*c = grown;
	return 0;
}

/* The instruction at an address; NULL only for lack of memory. Valid until the next call. */
struct machine_insn *machine_insn(struct machine *m, uint64_t addr)
{
	struct machine_code *c = &m->code;
	size_t k;

	if (c->len * 2 >= c->room && machine_grow(c))
		return NULL;
	for (k = addr; c->list[k & (c->room - 1)].addr; k++) {
		if (c->list[k & (c->room - 1)].addr == addr)
			return &c->list[k & (c->room - 1)];
	}
	machine_decode(m, addr, &c->list[k & (c->room - 1)]);
	c->len++;
	return &c->list[k & (c->room - 1)];
}

bool machine_is_jcc(uint16_t op)
{
	switch (op) {
	case ZYDIS_MNEMONIC_JZ:
	case ZYDIS_MNEMONIC_JNZ:
	case ZYDIS_MNEMONIC_JB:
	case ZYDIS_MNEMONIC_JNB:
	case ZYDIS_MNEMONIC_JBE:
	case ZYDIS_MNEMONIC_JNBE:
	case ZYDIS_MNEMONIC_JS:
	case ZYDIS_MNEMONIC_JNS:
	case ZYDIS_MNEMONIC_JO:
	case ZYDIS_MNEMONIC_JNO:
	case ZYDIS_MNEMONIC_JP:
	case ZYDIS_MNEMONIC_JNP:
	case ZYDIS_MNEMONIC_JL:
	case ZYDIS_MNEMONIC_JNL:
	case ZYDIS_MNEMONIC_JLE:
	case ZYDIS_MNEMONIC_JNLE:
		return true;
	default:
		return false;
	}
}
