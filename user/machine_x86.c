/* SPDX-License-Identifier: MIT */
/* x86-64, as far as destructors use it; decoded by Zydis. */
#include "machine.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine_memory.h"

#define MACHINE_RAX  0
#define MACHINE_RSP  4
#define MACHINE_RDI  7
#define MACHINE_NONE 0xff

/* How far behind a decrement the call is that a zero leads to. */
#define MACHINE_RELEASE_NEAR 16

/* Where the outermost function returns to. */
#define MACHINE_BACK 0x00fe000000000000ull

enum machine_operand_kind {
	MACHINE_NO_OPERAND = 0,
	MACHINE_REG,
	MACHINE_XMM,
	MACHINE_MEM,
	MACHINE_IMM,
	MACHINE_TLS
};

struct machine_operand {
	uint8_t kind;
	uint8_t reg; /* or the base of memory */
	uint8_t index;
	uint8_t scale;
	uint8_t size;  /* bytes */
	bool high;     /* ah, bh, ch, dh */
	int64_t value; /* immediate, or displacement */
};

struct machine_insn {
	uint64_t addr; /* 0: free slot */
	uint64_t next;
	uint64_t target; /* of a direct branch */
	uint16_t op;	 /* ZydisMnemonic */
	bool lock;
	bool decoded;	/* else not an instruction of the function */
	int8_t marked;	/* -1: not asked yet */
	int8_t release; /* -1: not asked yet */
	struct machine_operand o[3];
};

/* Sooner or later all functions entered have been decoded. */
struct machine_code {
	struct machine_insn *list;
	size_t len, room; /* room is a power of two */
};

struct machine {
	const struct machine_ops *ops;
	void *arg;
	ZydisDecoder decoder;
	struct machine_code code;
	struct machine_memory memory;
	uint64_t reg[16];
	uint64_t from[16];
	uint8_t xmm[16][16];
	bool cf, zf, sf, of, pf;
	uint64_t ip;
	enum machine_end end;
	struct machine_frame frames[MACHINE_FRAMES_MAX];
	size_t frames_len;
};

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

static bool machine_fail(struct machine *m, enum machine_end end)
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

bool machine_read(struct machine *m, uint64_t addr, void *out, size_t size)
{
	return !machine_memory_read(&m->memory, addr, out, size, true);
}

/* ---- decoding ----------------------------------------------------------------------------- */

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
static struct machine_insn *machine_insn(struct machine *m, uint64_t addr)
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

/* ---- operands ----------------------------------------------------------------------------- */

static uint64_t machine_mask(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : (1ull << 8 * size) - 1;
}

static uint64_t machine_address(const struct machine *m, const struct machine_operand *o)
{
	uint64_t addr = o->value;

	if (o->reg != MACHINE_NONE)
		addr += m->reg[o->reg];
	if (o->index != MACHINE_NONE)
		addr += m->reg[o->index] * o->scale;
	return addr;
}

static bool machine_load(struct machine *m, uint64_t addr, void *out, size_t size, bool counts)
{
	int err = machine_memory_read(&m->memory, addr, out, size, counts);

	return !err || machine_memory_failed(m, err);
}

static bool machine_store(struct machine *m, uint64_t addr, const void *in, size_t size)
{
	int err = machine_memory_write(&m->memory, addr, in, size);

	return !err || machine_memory_failed(m, err);
}

static bool machine_get(struct machine *m, const struct machine_insn *in, unsigned int n,
			uint64_t *out)
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

static bool machine_put(struct machine *m, const struct machine_insn *in, unsigned int n,
			uint64_t value)
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

/* ---- instructions ------------------------------------------------------------------------- */

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

static uint64_t machine_sub(struct machine *m, uint64_t a, uint64_t b, unsigned int size)
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

static bool machine_condition(const struct machine *m, uint16_t op, bool *holds)
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

static bool machine_is_jcc(uint16_t op)
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

static bool machine_push(struct machine *m, uint64_t value, uint64_t origin)
{
	uint64_t *from;

	m->reg[MACHINE_RSP] -= 8;
	from = machine_memory_from(&m->memory, m->reg[MACHINE_RSP]);
	if (!from)
		return machine_fail(m, MACHINE_ENDLESS);
	*from = origin;
	return machine_store(m, m->reg[MACHINE_RSP], &value, 8);
}

static bool machine_pop(struct machine *m, uint64_t *value, uint64_t *origin)
{
	uint64_t *from = machine_memory_from(&m->memory, m->reg[MACHINE_RSP]);

	if (!from)
		return machine_fail(m, MACHINE_TRAP);
	*origin = *from;
	m->reg[MACHINE_RSP] += 8;
	return machine_load(m, m->reg[MACHINE_RSP] - 8, value, 8, false);
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

/* Does a zero here lead to a call that is to be entered? */
static bool machine_releases(struct machine *m, uint64_t next)
{
	struct machine_insn *in = machine_insn(m, next);
	uint64_t target;
	unsigned int i;

	if (!in || in->op != ZYDIS_MNEMONIC_JNZ)
		return false;
	for (i = 0, next = in->next; i < MACHINE_RELEASE_NEAR; i++, next = in->next) {
		in = machine_insn(m, next);
		if (!in || !in->decoded || machine_is_jcc(in->op) || in->op == ZYDIS_MNEMONIC_RET)
			return false;
		if (in->op != ZYDIS_MNEMONIC_CALL && in->op != ZYDIS_MNEMONIC_JMP)
			continue;
		target = in->target;
		if (!target && in->o[0].kind == MACHINE_MEM && in->o[0].reg == MACHINE_NONE &&
		    !machine_read(m, in->o[0].value, &target, 8))
			return false;
		/* A jump back to the rest of the function leads nowhere. */
		return target && m->ops->leads(m->arg, target);
	}
	return false;
}

/* lock dec, lock sub 1: of a reference count. */
static bool machine_release(struct machine *m, struct machine_insn *in)
{
	uint64_t addr = machine_address(m, &in->o[0]), next = in->next, value;
	unsigned int size = in->o[0].size;
	int8_t release = in->release;
	bool zero;

	if (!machine_get(m, in, 0, &value))
		return false;
	if (release < 0) {
		release = machine_releases(m, next);
		in = machine_insn(m, m->ip);
		if (!in)
			return machine_fail(m, MACHINE_NO_MEMORY);
		in->release = release;
	}
	if (release && size == 8) {
		zero = m->ops->release(m->arg, m, addr, value);
		machine_sub(m, zero ? 1 : 2, 1, size);
	} else {
		m->ops->touch(m->arg, m, addr);
		value = machine_sub(m, value, 1, size);
		if (!machine_put(m, in, 0, value))
			return false;
	}
	m->ip = next;
	return true;
}

static bool machine_vector_get(struct machine *m, const struct machine_insn *in, unsigned int n,
			       uint8_t out[16])
{
	const struct machine_operand *o = &in->o[n];

	memset(out, 0, 16);
	if (o->kind == MACHINE_XMM) {
		memcpy(out, m->xmm[o->reg], 16);
		return true;
	}
	if (o->kind == MACHINE_MEM && o->size <= 16)
		return machine_load(m, machine_address(m, o), out, o->size, true);
	if (o->kind == MACHINE_REG) {
		memcpy(out, &m->reg[o->reg], o->size <= 8 ? o->size : 8);
		return true;
	}
	return machine_fail(m, MACHINE_UNKNOWN);
}

static bool machine_vector_move(struct machine *m, const struct machine_insn *in)
{
	const struct machine_operand *dst = &in->o[0];
	uint8_t value[16];
	uint64_t word;

	if (!machine_vector_get(m, in, 1, value))
		return false;
	if (dst->kind == MACHINE_XMM) {
		memcpy(m->xmm[dst->reg], value, 16);
		return true;
	}
	if (dst->kind == MACHINE_MEM)
		return machine_store(m, machine_address(m, dst), value, dst->size);
	memcpy(&word, value, 8);
	return machine_put(m, in, 0, word);
}

static bool machine_vector(struct machine *m, const struct machine_insn *in)
{
	uint8_t a[16], b[16], mask = 0;
	uint64_t bits = 0;
	unsigned int i;

	switch (in->op) {
	case ZYDIS_MNEMONIC_MOVUPS:
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVUPD:
	case ZYDIS_MNEMONIC_MOVDQU:
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_MOVQ:
	case ZYDIS_MNEMONIC_MOVD:
		return machine_vector_move(m, in);
	case ZYDIS_MNEMONIC_PMOVMSKB:
		if (!machine_vector_get(m, in, 1, a))
			return false;
		for (i = 0; i < 16; i++)
			bits |= (uint64_t)(a[i] >> 7) << i;
		return machine_put(m, in, 0, bits);
	case ZYDIS_MNEMONIC_PXOR:
	case ZYDIS_MNEMONIC_XORPS:
	case ZYDIS_MNEMONIC_PAND:
	case ZYDIS_MNEMONIC_POR:
	case ZYDIS_MNEMONIC_PCMPEQB:
	case ZYDIS_MNEMONIC_PCMPEQD:
		if (!machine_vector_get(m, in, 0, a) || !machine_vector_get(m, in, 1, b) ||
		    in->o[0].kind != MACHINE_XMM)
			return machine_fail(m, MACHINE_UNKNOWN);
		for (i = 0; i < 16; i++) {
			if (in->op == ZYDIS_MNEMONIC_PCMPEQD)
				mask = memcmp(a + i / 4 * 4, b + i / 4 * 4, 4) ? 0 : 0xff;
			else
				mask = in->op == ZYDIS_MNEMONIC_PAND  ? a[i] & b[i]
				       : in->op == ZYDIS_MNEMONIC_POR ? a[i] | b[i]
				       : in->op == ZYDIS_MNEMONIC_PCMPEQB
					       ? (a[i] == b[i] ? 0xff : 0)
					       : a[i] ^ b[i];
			m->xmm[in->o[0].reg][i] = mask;
		}
		return true;
	default:
		return machine_fail(m, MACHINE_UNKNOWN);
	}
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

/* Everything that goes on to the next instruction. */
static bool machine_execute(struct machine *m, const struct machine_insn *in)
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
	if (in->lock && in->op == ZYDIS_MNEMONIC_DEC && in->o[0].kind == MACHINE_MEM)
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
	memset(m->xmm, 0, sizeof(m->xmm));
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
