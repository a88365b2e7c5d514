/* SPDX-License-Identifier: MIT */
/* x86-64 machine code, by the Zydis decoder. */
#include "code.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Jump tables longer than this are not a compiler's. */
#define CODE_TABLE_MAX 4096

/* An instruction has 15 bytes at most; a bump has at least 4 besides further prefixes. */
#define CODE_PREFIXES 11

static uint8_t code_reg(ZydisRegister reg)
{
	ZydisRegister wide = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	if (wide < ZYDIS_REGISTER_RAX || wide > ZYDIS_REGISTER_R15)
		return MOQSTAT_REG_NONE;
	return wide - ZYDIS_REGISTER_RAX; /* same order as enum moqstat_reg */
}

static bool code_reg_is_high(ZydisRegister reg)
{
	return reg == ZYDIS_REGISTER_AH || reg == ZYDIS_REGISTER_BH || reg == ZYDIS_REGISTER_CH ||
	       reg == ZYDIS_REGISTER_DH;
}

/* Can a probe compute an address with it? Not with half a register, nor with a vector. */
static bool code_reg_addresses(ZydisRegister reg)
{
	return reg == ZYDIS_REGISTER_NONE ||
	       (reg >= ZYDIS_REGISTER_RAX && reg <= ZYDIS_REGISTER_R15);
}

static struct moqstat_operand code_operand(const ZydisDecodedOperand *op)
{
	struct moqstat_operand out = { .reg = MOQSTAT_REG_NONE,
				       .index = MOQSTAT_REG_NONE,
				       .scale = 1,
				       .width = op->size / 8 <= UINT8_MAX ? op->size / 8 : 0 };
	int64_t imm;

	switch (op->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		out.reg = code_reg(op->reg.value);
		if (out.reg != MOQSTAT_REG_NONE && !code_reg_is_high(op->reg.value))
			out.kind = MOQSTAT_OPERAND_REG;
		break;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		imm = op->imm.is_signed ? op->imm.value.s : (int64_t)op->imm.value.u;
		if (imm == (int32_t)imm)
			out.kind = MOQSTAT_OPERAND_IMM;
		out.disp = imm;
		break;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		/* Thread-local memory and constants: nothing that a bump refers to. */
		if (op->mem.segment == ZYDIS_REGISTER_FS || op->mem.segment == ZYDIS_REGISTER_GS ||
		    !code_reg_addresses(op->mem.base) || !code_reg_addresses(op->mem.index) ||
		    op->mem.disp.value != (int32_t)op->mem.disp.value)
			break;
		out.kind = MOQSTAT_OPERAND_MEM;
		out.disp = op->mem.disp.value;
		if (op->mem.base != ZYDIS_REGISTER_NONE)
			out.reg = code_reg(op->mem.base);
		if (op->mem.index != ZYDIS_REGISTER_NONE) {
			out.index = code_reg(op->mem.index);
			out.scale = op->mem.scale;
		}
		break;
	default:
		break;
	}
	return out;
}

static uint8_t code_op(const ZydisDecodedInstruction *in, const ZydisDecodedOperand *ops)
{
	switch (in->mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVZX:
		return CODE_MOV;
	case ZYDIS_MNEMONIC_LEA:
		return CODE_LEA;
	case ZYDIS_MNEMONIC_ADD:
		return CODE_ADD;
	case ZYDIS_MNEMONIC_SUB:
		return CODE_SUB;
	case ZYDIS_MNEMONIC_SHL:
		return CODE_SHL;
	case ZYDIS_MNEMONIC_OR:
		return CODE_OR;
	case ZYDIS_MNEMONIC_IMUL:
		return in->operand_count_visible > 1 ? CODE_IMUL : CODE_OTHER;
	case ZYDIS_MNEMONIC_XOR:
		if (ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    ops[0].reg.value == ops[1].reg.value && ops[0].size >= 32)
			return CODE_ZERO;
		return CODE_OTHER;
	case ZYDIS_MNEMONIC_TEST:
		return CODE_TEST;
	case ZYDIS_MNEMONIC_CMP:
		return CODE_CMP;
	case ZYDIS_MNEMONIC_INC:
		return CODE_INC;
	case ZYDIS_MNEMONIC_DEC:
		return CODE_DEC;
	case ZYDIS_MNEMONIC_RET:
		return CODE_RET;
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_INT3:
	case ZYDIS_MNEMONIC_HLT:
		return CODE_TRAP;
	default:
		break;
	}
	switch (in->meta.category) {
	case ZYDIS_CATEGORY_UNCOND_BR:
		return CODE_JMP;
	case ZYDIS_CATEGORY_COND_BR:
		return CODE_JCC;
	case ZYDIS_CATEGORY_CALL:
		return CODE_CALL;
	case ZYDIS_CATEGORY_CMOV:
		return CODE_CMOV;
	default:
		return CODE_OTHER;
	}
}

static uint8_t code_cond(const ZydisDecodedInstruction *in)
{
	switch (in->mnemonic) {
	case ZYDIS_MNEMONIC_JZ:
	case ZYDIS_MNEMONIC_CMOVZ:
		return CODE_COND_ZERO;
	case ZYDIS_MNEMONIC_JNZ:
	case ZYDIS_MNEMONIC_CMOVNZ:
		return CODE_COND_NONZERO;
	default:
		return CODE_COND_OTHER;
	}
}

/* Opcodes that arch/x86/kernel/uprobes.c refuses: those of the system, and traps. */
static bool code_opcode_refused(const ZydisDecodedInstruction *in)
{
	uint8_t op = in->opcode;

	if (in->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
		return false;
	if (in->opcode_map == ZYDIS_OPCODE_MAP_0F)
		return op <= 0x01 || (op >= 0x04 && op <= 0x0c) || op == 0x30 ||
		       (op >= 0x34 && op <= 0x37) || op == 0x78 || op == 0x79;
	return in->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT &&
	       ((op >= 0x6c && op <= 0x6f) || (op >= 0xcc && op <= 0xcf) ||
		(op >= 0xe4 && op <= 0xe7) || (op >= 0xec && op <= 0xef) || op == 0xf1 ||
		op == 0xf4 || op == 0xfa || op == 0xfb);
}

/* Prefixes that it refuses: LOCK, segments other than fs and gs, 16 bits on a branch. */
static bool code_prefix_refused(const ZydisDecodedInstruction *in, bool branch)
{
	unsigned int i;

	for (i = 0; i < in->raw.prefix_count; i++) {
		switch (in->raw.prefixes[i].value) {
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0xf0:
			return true;
		case 0x66:
			if (branch)
				return true;
			break;
		default:
			break;
		}
	}
	return false;
}

/* What it emulates: nop, relative jumps and calls, jcc, push of a register. Nops of more than two
 * bytes only on newer kernels. */
static uint8_t code_class_of(const ZydisDecodedInstruction *in, const ZydisDecodedOperand *ops)
{
	bool branch = false, emulated = false;

	switch (in->meta.category) {
	case ZYDIS_CATEGORY_COND_BR:
		/* jcxz and loop share the category, but not the emulation. */
		branch = (in->opcode & 0xf0) == 0x70 ||
			 (in->opcode_map == ZYDIS_OPCODE_MAP_0F && (in->opcode & 0xf0) == 0x80);
		break;
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_CALL:
		branch = ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
		break;
	case ZYDIS_CATEGORY_NOP:
		emulated = true;
		break;
	case ZYDIS_CATEGORY_WIDENOP:
		emulated = in->opcode == 0x1f;
		break;
	case ZYDIS_CATEGORY_PUSH:
		/* With no prefix, or with 41. */
		emulated = in->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT &&
			   (in->opcode & 0xf8) == 0x50 && !in->raw.rex.W && !in->raw.rex.R &&
			   !in->raw.rex.X && in->length == 1 + in->raw.rex.B;
		break;
	default:
		break;
	}
	if (code_opcode_refused(in) || code_prefix_refused(in, branch))
		return CODE_CLASS_REFUSED;
	return branch || emulated ? CODE_CLASS_EMULATED : CODE_CLASS_STEPPED;
}

/* The number of a vector register, whatever part of it; CODE_VECTORS: it is none of the first. */
static uint8_t code_vector_reg(ZydisRegister reg)
{
	if (reg >= ZYDIS_REGISTER_XMM0 && reg <= ZYDIS_REGISTER_XMM15)
		return reg - ZYDIS_REGISTER_XMM0;
	if (reg >= ZYDIS_REGISTER_YMM0 && reg <= ZYDIS_REGISTER_YMM15)
		return reg - ZYDIS_REGISTER_YMM0;
	if (reg >= ZYDIS_REGISTER_ZMM0 && reg <= ZYDIS_REGISTER_ZMM15)
		return reg - ZYDIS_REGISTER_ZMM0;
	return CODE_VECTORS;
}

static void code_effects(const ZydisDecodedInstruction *in, const ZydisDecodedOperand *ops,
			 struct code_insn *out)
{
	unsigned int i;

	for (i = 0; i < in->operand_count; i++) {
		uint8_t reg;

		if (!(ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY) {
			out->stores = true;
			/* Somewhere else than dst, or dst is only where counting bits begins. */
			if (i > 0 || in->meta.category == ZYDIS_CATEGORY_BITBYTE)
				out->dst.width = 0;
		}
		if (ops[i].type != ZYDIS_OPERAND_TYPE_REGISTER)
			continue;
		reg = code_reg(ops[i].reg.value);
		if (reg != MOQSTAT_REG_NONE)
			out->writes |= 1u << reg;
		reg = code_vector_reg(ops[i].reg.value);
		if (reg < CODE_VECTORS)
			out->vectors |= 1u << reg;
	}
	if (in->cpu_flags)
		out->flags = (in->cpu_flags->modified | in->cpu_flags->set_0 |
			      in->cpu_flags->set_1 | in->cpu_flags->undefined) &
			     ZYDIS_CPUFLAG_ZF;
	if (out->op == CODE_CALL) {
		/* System V ABI: rax, rcx, rdx, rsi, rdi, r8 to r11 do not survive a call. */
		out->writes |= 1u << MOQSTAT_RAX | 1u << MOQSTAT_RCX | 1u << MOQSTAT_RDX |
			       1u << MOQSTAT_RSI | 1u << MOQSTAT_RDI | 0xfu << MOQSTAT_R8;
		out->writes &= ~(1u << MOQSTAT_RSP);
		out->vectors = UINT16_MAX;
		out->stores = true;
		out->flags = true;
	}
}

/* A plain copy of 16 bytes: what structs are moved about with. */
static uint8_t code_vector(const ZydisDecodedInstruction *in, const ZydisDecodedOperand *ops)
{
	ZydisRegister reg;

	switch (in->mnemonic) {
	case ZYDIS_MNEMONIC_MOVUPS:
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVDQU:
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_VMOVUPS:
	case ZYDIS_MNEMONIC_VMOVAPS:
	case ZYDIS_MNEMONIC_VMOVDQU:
	case ZYDIS_MNEMONIC_VMOVDQA:
		break;
	default:
		return 0;
	}
	reg = ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER ? ops[0].reg.value : ops[1].reg.value;
	return (ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY) !=
				       (ops[1].type == ZYDIS_OPERAND_TYPE_MEMORY) &&
			       reg >= ZYDIS_REGISTER_XMM0 && reg <= ZYDIS_REGISTER_XMM15
		       ? reg - ZYDIS_REGISTER_XMM0 + 1
		       : 0;
}

static void code_decode_one(const ZydisDecoder *decoder, const uint8_t *bytes, uint64_t left,
			    uint64_t addr, struct code_insn *out)
{
	ZydisDecodedInstruction in;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZyanU64 target;

	memset(out, 0, sizeof(*out));
	out->addr = addr;
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder, bytes, left, &in, ops))) {
		out->len = 1;
		out->op = CODE_INVALID;
		out->class = CODE_CLASS_REFUSED;
		return;
	}
	out->len = in.length;
	out->op = code_op(&in, ops);
	out->cond = code_cond(&in);
	out->class = code_class_of(&in, ops);
	out->lock = in.attributes & ZYDIS_ATTRIB_HAS_LOCK;
	if (in.operand_count_visible > 0)
		out->dst = code_operand(&ops[0]);
	if (in.operand_count_visible > 1)
		out->src = code_operand(&ops[1]);
	if (in.operand_count_visible > 2)
		out->src2 = code_operand(&ops[2]);
	if ((out->op == CODE_JMP || out->op == CODE_JCC || out->op == CODE_CALL) &&
	    ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	    ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&in, &ops[0], addr, &target)))
		out->target = target;
	if (out->op == CODE_LEA && ops[1].mem.base == ZYDIS_REGISTER_RIP &&
	    ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&in, &ops[1], addr, &target)))
		out->target = target;
	if ((out->op == CODE_JMP || out->op == CODE_CALL) &&
	    ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY && ops[0].mem.base == ZYDIS_REGISTER_RIP &&
	    ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&in, &ops[0], addr, &target)))
		out->slot = target;
	out->vector = code_vector(&in, ops);
	code_effects(&in, ops, out);
}

static int code_decode(struct code *code, const uint8_t *bytes)
{
	size_t room = code->size / 3 + 16;
	ZydisDecoder decoder;
	uint64_t at = 0;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	code->insns = malloc(room * sizeof(*code->insns));
	if (!code->insns)
		return -ENOMEM;
	while (at < code->size) {
		struct code_insn *insn;

		if (code->insns_len == room) {
			struct code_insn *more =
				realloc(code->insns, 2 * room * sizeof(*code->insns));

			if (!more)
				return -ENOMEM;
			code->insns = more;
			room *= 2;
		}
		insn = &code->insns[code->insns_len++];
		code_decode_one(&decoder, bytes + at, code->size - at, code->addr + at, insn);
		at += insn->len;
	}
	return 0;
}

static int code_edge_add(struct code *code, size_t *room, uint64_t target, uint32_t from)
{
	ptrdiff_t to = code_find(code, target);

	if (to < 0)
		return 0;
	if (code->edges_len == *room) {
		size_t more_room = *room ? 2 * *room : 64;
		struct code_edge *more = realloc(code->edges, more_room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		code->edges = more;
		*room = more_room;
	}
	code->edges[code->edges_len++] = (struct code_edge){ .to = to, .from = from };
	return 0;
}

/* A jump table is an array of 32-bit distances from its own start to places in the function. */
static int code_edges_of_table(const struct elf_file *f, struct code *code, size_t *room,
			       uint64_t table)
{
	unsigned int i;

	for (i = 0; i < CODE_TABLE_MAX; i++) {
		const uint8_t *bytes = elf_file_bytes(f, table + 4 * i, 4);
		int32_t distance;
		int err;

		if (!bytes)
			return 0;
		memcpy(&distance, bytes, 4);
		if (code_find(code, table + distance) < 0)
			return 0;
		err = code_edge_add(code, room, table + distance, CODE_EDGE_TABLE);
		if (err)
			return err;
	}
	return 0;
}

static int code_edge_compare(const void *a, const void *b)
{
	const struct code_edge *x = a, *y = b;

	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

static int code_link(const struct elf_file *f, struct code *code)
{
	bool tables = false;
	size_t i, room = 0;
	int err = 0;

	for (i = 0; i < code->insns_len; i++)
		tables |= code->insns[i].op == CODE_JMP && !code->insns[i].target;
	for (i = 0; i < code->insns_len && !err; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op == CODE_JMP || insn->op == CODE_JCC)
			err = code_edge_add(code, &room, insn->target, i);
		else if (tables && insn->op == CODE_LEA && insn->target)
			err = code_edges_of_table(f, code, &room, insn->target);
	}
	if (!err && code->edges_len)
		qsort(code->edges, code->edges_len, sizeof(*code->edges), code_edge_compare);
	return err;
}

int code_init(const struct elf_file *f, uint64_t addr, uint64_t size, struct code *out)
{
	const uint8_t *bytes = elf_file_bytes(f, addr, size);
	struct code code = { .addr = addr, .size = size };
	int err;

	if (!bytes)
		return -ERANGE;
	err = code_decode(&code, bytes);
	if (!err)
		err = code_link(f, &code);
	if (err) {
		code_deinit(&code);
		return err;
	}
	*out = code;
	return 0;
}

void code_deinit(struct code *code)
{
	if (!code)
		return;
	free(code->insns);
	free(code->edges);
	memset(code, 0, sizeof(*code));
}

ptrdiff_t code_find(const struct code *code, uint64_t addr)
{
	size_t low = 0, high = code->insns_len;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (code->insns[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < code->insns_len && code->insns[low].addr == addr ? (ptrdiff_t)low : -1;
}

size_t code_edges_to(const struct code *code, size_t insn, size_t *first)
{
	size_t low = 0, high = code->edges_len, end;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (code->edges[mid].to < insn)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < code->edges_len && code->edges[end].to == insn; end++)
		;
	*first = low;
	return end - low;
}

/* Segment, size and repetition; and REX, of which only the last one counts. */
static bool code_is_prefix(uint8_t byte)
{
	return byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e ||
	       (byte >= 0x64 && byte <= 0x67) || byte == 0xf2 || byte == 0xf3 ||
	       (byte & 0xf0) == 0x40;
}

bool code_may_bump(const uint8_t *bytes, uint64_t size)
{
	const uint8_t *at = bytes, *end = bytes + size, *op;

	/* F0, perhaps other prefixes, REX.W, then FF (inc, dec), 01, 81 or 83 (add). */
	while (end - at >= 4 && (at = memchr(at, 0xf0, end - at - 3))) {
		for (op = ++at; end - op > 2 && op - at <= CODE_PREFIXES && code_is_prefix(*op);)
			op++;
		if (op > at && (op[-1] & 0xf8) == 0x48 &&
		    (op[0] == 0xff || op[0] == 0x01 || op[0] == 0x81 || op[0] == 0x83))
			return true;
	}
	return false;
}

bool code_next_branch(const uint8_t *bytes, uint64_t size, uint64_t addr, uint64_t *at,
		      struct code_branch *out)
{
	int32_t distance;

	while (++*at + 4 <= size) {
		uint8_t op = bytes[*at - 1], before = *at > 1 ? bytes[*at - 2] : 0;
		/* call, jmp, jcc; call and jmp [rip+x] */
		bool direct = op == 0xe8 || op == 0xe9 || ((op & 0xf0) == 0x80 && before == 0x0f);
		bool through = (op == 0x15 || op == 0x25) && before == 0xff;

		if (!direct && !through)
			continue;
		memcpy(&distance, bytes + *at, 4);
		*out = (struct code_branch){ 0 };
		*(direct ? &out->target : &out->slot) = addr + *at + 4 + distance;
		return true;
	}
	return false;
}

bool code_ends(const struct code_insn *insn)
{
	return insn->op == CODE_JMP || insn->op == CODE_RET || insn->op == CODE_TRAP ||
	       insn->op == CODE_INVALID;
}

bool code_saves(const struct code_insn *insn)
{
	return insn->class == CODE_CLASS_EMULATED && insn->op == CODE_OTHER &&
	       insn->dst.kind == MOQSTAT_OPERAND_REG;
}

const char *code_reg_name(unsigned int reg)
{
	static const char *const names[] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"
	};

	return reg < sizeof(names) / sizeof(names[0]) ? names[reg] : "";
}

const char *code_class_name(enum code_class class)
{
	switch (class) {
	case CODE_CLASS_EMULATED:
		return "emulated";
	case CODE_CLASS_STEPPED:
		return "stepped";
	default:
		return "refused";
	}
}

const char *code_op_name(const struct code_insn *insn)
{
	switch (insn->op) {
	case CODE_JCC:
		return insn->cond == CODE_COND_ZERO	 ? "je"
		       : insn->cond == CODE_COND_NONZERO ? "jne"
							 : "jcc";
	case CODE_JMP:
		return "jmp";
	case CODE_CALL:
		return "call";
	default:
		if (insn->class != CODE_CLASS_EMULATED)
			return "other";
		return code_saves(insn) ? "push" : "nop";
	}
}
