/* SPDX-License-Identifier: MIT */
/*
 * test_code.c - what the decoder says of instructions, and of how they hang together.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "bump.h"
#include "elf_image.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void decode_one(const char *hex, struct code_insn *out)
{
	struct code code;

	image_code(hex, &code);
	assert_true(code.insns_len > 0);
	*out = code.insns[0];
	code_deinit(&code);
}

/* By the kernel's rules, arch/x86/kernel/uprobes.c. */
static void classes_are_the_kernels(void **state)
{
	static const struct {
		const char *hex, *name;
		enum code_class class;
	} cases[] = {
		{ "74 00", "je", CODE_CLASS_EMULATED },
		{ "0f 84 00 00 00 00", "je", CODE_CLASS_EMULATED },
		{ "75 00", "jne", CODE_CLASS_EMULATED },
		{ "0f 85 00 00 00 00", "jne", CODE_CLASS_EMULATED },
		{ "70 00", "jcc", CODE_CLASS_EMULATED },	     /* jo */
		{ "0f 8e 00 00 00 00", "jcc", CODE_CLASS_EMULATED }, /* jle */
		{ "eb 00", "jmp", CODE_CLASS_EMULATED },	     /* jmp short */
		{ "e9 00 00 00 00", "jmp", CODE_CLASS_EMULATED },    /* jmp near */
		{ "e8 00 00 00 00", "call", CODE_CLASS_EMULATED },   /* call rel32 */
		{ "55", "push", CODE_CLASS_EMULATED },		     /* push rbp */
		{ "41 57", "push", CODE_CLASS_EMULATED },	     /* push r15 */
		{ "90", "nop", CODE_CLASS_EMULATED },		     /* nop */
		{ "66 90", "nop", CODE_CLASS_EMULATED },	     /* xchg ax, ax */
		{ "0f 1f 44 00 00", "nop", CODE_CLASS_EMULATED },    /* nop of 5 bytes */
		{ "66 0f 1f 44 00 00", "nop", CODE_CLASS_EMULATED }, /* nop of 6 bytes */
		{ "48 85 c0", "other", CODE_CLASS_STEPPED },	     /* test rax, rax */
		{ "48 8b 07", "other", CODE_CLASS_STEPPED },	     /* mov rax, [rdi] */
		{ "48 ff 00", "other", CODE_CLASS_STEPPED },	     /* inc qword [rax] */
		{ "ff 15 00 00 00 00", "call", CODE_CLASS_STEPPED }, /* call [rip] */
		{ "ff d0", "call", CODE_CLASS_STEPPED },	     /* call rax */
		{ "ff 25 00 00 00 00", "jmp", CODE_CLASS_STEPPED },  /* jmp [rip] */
		{ "ff e1", "jmp", CODE_CLASS_STEPPED },		     /* jmp rcx */
		{ "ff 33", "other", CODE_CLASS_STEPPED },	     /* push [rbx] */
		{ "6a 01", "other", CODE_CLASS_STEPPED },	     /* push 1 */
		{ "ff f0", "other", CODE_CLASS_STEPPED },	     /* push rax, long form */
		{ "48 50", "other", CODE_CLASS_STEPPED },	     /* rex.W push rax */
		{ "66 50", "other", CODE_CLASS_STEPPED },	     /* push ax */
		{ "49 50", "other", CODE_CLASS_STEPPED },	     /* rex.WB push r8 */
		{ "45 50", "other", CODE_CLASS_STEPPED },	     /* rex.RB push r8 */
		{ "43 50", "other", CODE_CLASS_STEPPED },	     /* rex.XB push r8 */
		{ "9c", "other", CODE_CLASS_STEPPED },		     /* pushfq */
		{ "0f a0", "other", CODE_CLASS_STEPPED },	     /* push fs */
		{ "e3 00", "jcc", CODE_CLASS_STEPPED },		     /* jrcxz */
		{ "e2 00", "jcc", CODE_CLASS_STEPPED },		     /* loop */
		{ "c3", "other", CODE_CLASS_STEPPED },		     /* ret */
		{ "f3 0f 1e fa", "other", CODE_CLASS_STEPPED },	     /* endbr64 */
		{ "f0 48 ff 00", "other", CODE_CLASS_REFUSED },	     /* lock inc [rax] */
		{ "f0 48 01 08", "other", CODE_CLASS_REFUSED },	     /* lock add [rax], rcx */
		{ "f0 ff 08", "other", CODE_CLASS_REFUSED },	     /* lock dec dword [rax] */
		{ "f0 0f b1 0f", "other", CODE_CLASS_REFUSED },	     /* lock cmpxchg */
		{ "f2 f0 48 ff 00", "other", CODE_CLASS_REFUSED },   /* xacquire lock inc */
		{ "cc", "other", CODE_CLASS_REFUSED },		     /* int3 */
		{ "cd 80", "other", CODE_CLASS_REFUSED },	     /* int 0x80 */
		{ "f1", "other", CODE_CLASS_REFUSED },		     /* int1 */
		{ "cf", "other", CODE_CLASS_REFUSED },		     /* iret */
		{ "f4", "other", CODE_CLASS_REFUSED },		     /* hlt */
		{ "fa", "other", CODE_CLASS_REFUSED },		     /* cli */
		{ "ec", "other", CODE_CLASS_REFUSED },		     /* in al, dx */
		{ "6c", "other", CODE_CLASS_REFUSED },		     /* insb */
		{ "0f 0b", "other", CODE_CLASS_REFUSED },	     /* ud2 */
		{ "0f 05", "other", CODE_CLASS_REFUSED },	     /* syscall */
		{ "3e 74 00", "je", CODE_CLASS_REFUSED },	     /* je, "taken" hint */
		{ "2e 75 00", "jne", CODE_CLASS_REFUSED },	     /* jne, "not taken" hint */
		{ "3e ff e1", "jmp", CODE_CLASS_REFUSED },	     /* notrack jmp rcx */
		{ "2e 0f 1f 00", "other", CODE_CLASS_REFUSED },	     /* cs nop */
		{ "36 48 8b 07", "other", CODE_CLASS_REFUSED },	     /* mov rax, ss:[rdi] */
		{ "64 48 8b 00", "other", CODE_CLASS_STEPPED },	     /* mov rax, fs:[rax] */
		{ "66 e8 00 00 00 00 90 90", "call", CODE_CLASS_REFUSED },
		{ "06", "other", CODE_CLASS_REFUSED }, /* no instruction */
	};
	struct code_insn insn;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		decode_one(cases[i].hex, &insn);
		if (insn.class != cases[i].class || strcmp(code_op_name(&insn), cases[i].name))
			fail_msg("%s: class %s, %s", cases[i].hex, code_class_name(insn.class),
				 code_op_name(&insn));
	}
}

static void operations_are_told_apart(void **state)
{
	static const struct {
		const char *hex;
		enum code_op op;
		enum code_cond cond;
		bool ends;
	} cases[] = {
		{ "48 8b 07", CODE_MOV, CODE_COND_OTHER, false },    /* mov rax, [rdi] */
		{ "0f b6 c9", CODE_MOV, CODE_COND_OTHER, false },    /* movzx ecx, cl */
		{ "0f be c9", CODE_OTHER, CODE_COND_OTHER, false },  /* movsx ecx, cl */
		{ "48 8d 0c c9", CODE_LEA, CODE_COND_OTHER, false }, /* lea rcx, [rcx+rcx*8] */
		{ "48 05 a0 00 00 00", CODE_ADD, CODE_COND_OTHER, false },
		{ "48 2b 07", CODE_SUB, CODE_COND_OTHER, false },
		{ "48 c1 e1 04", CODE_SHL, CODE_COND_OTHER, false },
		{ "48 6b c9 50", CODE_IMUL, CODE_COND_OTHER, false },
		{ "48 0f af c1", CODE_IMUL, CODE_COND_OTHER, false },
		{ "48 f7 e9", CODE_OTHER, CODE_COND_OTHER, false }, /* imul rcx: rdx:rax */
		{ "31 c0", CODE_ZERO, CODE_COND_OTHER, false },	    /* xor eax, eax */
		{ "31 c8", CODE_OTHER, CODE_COND_OTHER, false },    /* xor eax, ecx */
		{ "30 c0", CODE_OTHER, CODE_COND_OTHER, false },    /* xor al, al */
		{ "48 0f 45 f7", CODE_CMOV, CODE_COND_NONZERO, false },
		{ "48 0f 44 c2", CODE_CMOV, CODE_COND_ZERO, false },
		{ "48 0f 42 c2", CODE_CMOV, CODE_COND_OTHER, false }, /* cmovb */
		{ "84 c9", CODE_TEST, CODE_COND_OTHER, false },
		{ "80 fa 01", CODE_CMP, CODE_COND_OTHER, false },
		{ "48 ff 00", CODE_INC, CODE_COND_OTHER, false },
		{ "48 ff 08", CODE_DEC, CODE_COND_OTHER, false },
		{ "74 00", CODE_JCC, CODE_COND_ZERO, false },
		{ "0f 85 00 00 00 00", CODE_JCC, CODE_COND_NONZERO, false },
		{ "7e 00", CODE_JCC, CODE_COND_OTHER, false },
		{ "e8 00 00 00 00", CODE_CALL, CODE_COND_OTHER, false },
		{ "eb 00", CODE_JMP, CODE_COND_OTHER, true },
		{ "ff e1", CODE_JMP, CODE_COND_OTHER, true },
		{ "c3", CODE_RET, CODE_COND_OTHER, true },
		{ "0f 0b", CODE_TRAP, CODE_COND_OTHER, true },
		{ "cc", CODE_TRAP, CODE_COND_OTHER, true },
		{ "06", CODE_INVALID, CODE_COND_OTHER, true },
	};
	struct code_insn insn;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		decode_one(cases[i].hex, &insn);
		if (insn.op != cases[i].op || insn.cond != cases[i].cond ||
		    code_ends(&insn) != cases[i].ends)
			fail_msg("%s: op %u, condition %u", cases[i].hex, insn.op, insn.cond);
	}
}

static void assert_operand(const struct moqstat_operand *op, unsigned int kind, unsigned int reg,
			   unsigned int index, unsigned int scale, int32_t disp, unsigned int width)
{
	assert_int_equal(op->kind, kind);
	assert_int_equal(op->width, width);
	if (kind == MOQSTAT_OPERAND_NONE)
		return;
	assert_int_equal(op->reg, reg);
	assert_int_equal(op->index, index);
	assert_int_equal(op->scale, scale);
	assert_int_equal(op->disp, disp);
}

#define NO_REG MOQSTAT_REG_NONE

static void operands_are_what_a_probe_can_read(void **state)
{
	struct code_insn insn;

	(void)state;
	decode_one("48 8b 8c 24 00 01 00 00", &insn); /* mov rcx, [rsp+0x100] */
	assert_operand(&insn.dst, MOQSTAT_OPERAND_REG, MOQSTAT_RCX, NO_REG, 1, 0, 8);
	assert_operand(&insn.src, MOQSTAT_OPERAND_MEM, MOQSTAT_RSP, NO_REG, 1, 0x100, 8);
	decode_one("45 0f b6 7c 9e f8", &insn); /* movzx r15d, byte [r14+rbx*4-8] */
	assert_operand(&insn.dst, MOQSTAT_OPERAND_REG, MOQSTAT_R15, NO_REG, 1, 0, 4);
	assert_operand(&insn.src, MOQSTAT_OPERAND_MEM, MOQSTAT_R14, MOQSTAT_RBX, 4, -8, 1);
	decode_one("f0 49 83 44 24 18 ff", &insn); /* lock add qword [r12+0x18], -1 */
	assert_true(insn.lock);
	assert_operand(&insn.dst, MOQSTAT_OPERAND_MEM, MOQSTAT_R12, NO_REG, 1, 0x18, 8);
	assert_int_equal(insn.src.kind, MOQSTAT_OPERAND_IMM);
	assert_int_equal(insn.src.disp, -1);
	decode_one("48 6b c9 50", &insn); /* imul rcx, rcx, 0x50 */
	assert_operand(&insn.src, MOQSTAT_OPERAND_REG, MOQSTAT_RCX, NO_REG, 1, 0, 8);
	assert_int_equal(insn.src2.disp, 0x50);
	decode_one("48 8b 04 25 00 10 00 00", &insn); /* mov rax, [0x1000] */
	assert_operand(&insn.src, MOQSTAT_OPERAND_MEM, NO_REG, NO_REG, 1, 0x1000, 8);
	/* What no operand can say has no kind. */
	decode_one("48 8b 05 10 00 00 00", &insn); /* mov rax, [rip+0x10] */
	assert_operand(&insn.src, MOQSTAT_OPERAND_NONE, 0, 0, 0, 0, 8);
	decode_one("64 48 8b 00", &insn); /* mov rax, fs:[rax] */
	assert_operand(&insn.src, MOQSTAT_OPERAND_NONE, 0, 0, 0, 0, 8);
	decode_one("88 e1", &insn); /* mov cl, ah */
	assert_operand(&insn.src, MOQSTAT_OPERAND_NONE, 0, 0, 0, 0, 1);
	decode_one("f2 0f 10 00", &insn); /* movsd xmm0, [rax] */
	assert_int_equal(insn.dst.kind, MOQSTAT_OPERAND_NONE);
	decode_one("67 48 8b 00", &insn); /* mov rax, [eax]: not [rax] */
	assert_operand(&insn.src, MOQSTAT_OPERAND_NONE, 0, 0, 0, 0, 8);
	decode_one("c4 e2 e9 90 04 08", &insn); /* vpgatherdq xmm0, [rax+xmm1], xmm2 */
	assert_int_equal(insn.src.kind, MOQSTAT_OPERAND_NONE);
	decode_one("48 b8 00 00 00 00 01 00 00 00", &insn); /* mov rax, 0x100000000 */
	assert_int_equal(insn.src.kind, MOQSTAT_OPERAND_NONE);
	decode_one("0f ae 20", &insn); /* xsave [rax]: more bytes than `width` can say */
	assert_int_equal(insn.dst.width, 0);
	assert_true(insn.stores);
}

#define BIT(reg) (1u << MOQSTAT_##reg)

static void effects_are_complete(void **state)
{
	static const struct {
		const char *hex;
		uint16_t writes;
		bool stores, flags;
	} cases[] = {
		{ "48 89 07", 0, true, false },				  /* mov [rdi], rax */
		{ "48 39 07", 0, false, true },				  /* cmp [rdi], rax */
		{ "50", BIT(RSP), true, false },			  /* push rax */
		{ "ff 33", BIT(RSP), true, false },			  /* push [rbx] */
		{ "5b", BIT(RBX) | BIT(RSP), false, false },		  /* pop rbx */
		{ "b4 01", BIT(RAX), false, false },			  /* mov ah, 1 */
		{ "48 87 d8", BIT(RAX) | BIT(RBX), false, false },	  /* xchg rax, rbx */
		{ "87 01", BIT(RAX), true, false },			  /* xchg [rcx], eax */
		{ "f0 0f b1 0f", BIT(RAX), true, true },		  /* lock cmpxchg */
		{ "48 f7 f1", BIT(RAX) | BIT(RDX), false, true },	  /* div rcx */
		{ "f3 48 ab", BIT(RCX) | BIT(RDI), true, false },	  /* rep stosq */
		{ "f3 a4", BIT(RCX) | BIT(RSI) | BIT(RDI), true, false }, /* rep movsb */
		{ "0f a2", BIT(RAX) | BIT(RBX) | BIT(RCX) | BIT(RDX), false, false }, /* cpuid */
		{ "0f 11 07", 0, true, false },		      /* movups [rdi], xmm0 */
		{ "66 48 0f 7e c0", BIT(RAX), false, false }, /* movq rax, xmm0 */
		{ "0f 95 c1", BIT(RCX), false, false },	      /* setne cl */
		{ "e8 00 00 00 00",
		  BIT(RAX) | BIT(RCX) | BIT(RDX) | BIT(RSI) | BIT(RDI) | BIT(R8) | BIT(R9) |
			  BIT(R10) | BIT(R11),
		  true, true },
	};
	struct code_insn insn;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		decode_one(cases[i].hex, &insn);
		if (insn.writes != cases[i].writes || insn.stores != cases[i].stores ||
		    insn.flags != cases[i].flags)
			fail_msg("%s: writes %04x, stores %d, flags %d", cases[i].hex, insn.writes,
				 insn.stores, insn.flags);
	}
}

static void branches_make_edges(void **state)
{
	static const char hex[] = "48 85 c0 "	       /* 0x00 test rax, rax */
				  "74 08 "	       /* 0x03 je   0x0d */
				  "0f 85 02 00 00 00 " /* 0x05 jne  0x0d */
				  "ff c8 "	       /* 0x0b dec  eax */
				  "eb f1 "	       /* 0x0d jmp  0x00 */
				  "e8 ec ff ff ff "    /* 0x0f call 0x00: no edge */
				  "74 ff "	       /* 0x14 je   0x15: into an instruction */
				  "74 7f "	       /* 0x16 je   0x97: out of the function */
				  "c3";		       /* 0x18 ret */
	struct code code;
	size_t first;

	(void)state;
	image_code(hex, &code);
	assert_int_equal(code.insns_len, 9);
	assert_int_equal(code.edges_len, 3);
	assert_int_equal(code_find(&code, IMAGE_TEXT + 0x0d), 4);
	assert_int_equal(code_find(&code, IMAGE_TEXT + 0x0e), -1);
	assert_int_equal(code_find(&code, IMAGE_TEXT - 1), -1);
	assert_int_equal(code_find(&code, IMAGE_TEXT + 0x19), -1);
	assert_int_equal(code_edges_to(&code, 0, &first), 1);
	assert_int_equal(code.edges[first].from, 4);
	assert_int_equal(code_edges_to(&code, 3, &first), 0);
	assert_int_equal(code_edges_to(&code, 4, &first), 2);
	assert_int_equal(code.edges[first].from, 1);
	assert_int_equal(code.edges[first + 1].from, 2);
	assert_int_equal(code.insns[5].target, IMAGE_TEXT);
	code_deinit(&code);
	code_deinit(NULL);
}

static void slots_are_told(void **state)
{
	static const struct {
		const char *hex;
		uint64_t slot;
	} cases[] = {
		{ "ff 15 00 10 00 00", IMAGE_TEXT + 0x1006 }, /* call [rip+0x1000] */
		{ "ff 25 f0 ff ff ff", IMAGE_TEXT - 10 },     /* jmp [rip-16] */
		{ "f2 ff 25 00 00 00 00", IMAGE_TEXT + 7 },   /* bnd jmp [rip] */
		{ "e8 00 10 00 00", 0 },		      /* call rel32 */
		{ "ff 10", 0 },				      /* call [rax] */
		{ "ff d0", 0 },				      /* call rax */
		{ "48 8b 05 00 10 00 00", 0 },		      /* mov rax, [rip+0x1000] */
		{ "ff 35 00 10 00 00", 0 },		      /* push [rip+0x1000] */
		{ "0f 84 00 10 00 00", 0 },		      /* je rel32 */
	};
	struct code_insn insn;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		decode_one(cases[i].hex, &insn);
		if (insn.slot != cases[i].slot)
			fail_msg("%s: slot %#lx", cases[i].hex, (unsigned long)insn.slot);
		assert_true(!insn.slot || !insn.target);
	}
}

/* lea rax, [rip+table]; movsxd rcx, [rax+rdi*4]; add rcx, rax; jmp rcx; inc, inc, inc */
#define TABLE_HEAD "48 8d 05 f9 ef 0f 00 48 63 0c b8 48 01 c1 "
#define TABLE_TAIL "ff c0 ff c0 ff c0 c3"

/* Edges of a function with a table of `len` distances. */
static void table_code(const char *hex, const int32_t *to, size_t len, struct code *out)
{
	struct elf_file *f;
	struct image im;
	size_t i;

	image_init(&im);
	image_function(&im, "f", hex);
	for (i = 0; i < len; i++) {
		int32_t distance = IMAGE_TEXT + to[i] - IMAGE_RODATA;

		memcpy(im.rodata + 4 * i, &distance, 4);
	}
	im.rodata_len = 4 * len;
	f = image_open(&im);
	assert_int_equal(code_init(f, IMAGE_TEXT, im.symbols[0].size, out), 0);
	elf_file_destroy(f);
	image_deinit(&im);
}

static void jump_tables_make_edges(void **state)
{
	/* To three instructions, into the middle of one, and to one again. */
	static const int32_t to[] = { 0x10, 0x14, 0x12, 0x11, 0x10 };
	struct code code;
	size_t first, i, len;

	(void)state;
	for (len = 3; len <= LEN(to); len += 2) {
		table_code(TABLE_HEAD "ff e1 " TABLE_TAIL, to, len, &code);
		assert_int_equal(code.edges_len, 3);
		for (i = 4; i < 7; i++) {
			assert_int_equal(code_edges_to(&code, i, &first), 1);
			assert_int_equal(code.edges[first].from, CODE_EDGE_TABLE);
		}
		code_deinit(&code);
	}
	/* Without an indirect jump it is no table. */
	table_code(TABLE_HEAD "90 90 " TABLE_TAIL, to, LEN(to), &code);
	assert_int_equal(code.edges_len, 0);
	code_deinit(&code);
}

static void what_is_no_instruction_is_one_byte(void **state)
{
	struct code code;

	(void)state;
	image_code("06 0e 48 85 c0 48 8b", &code); /* 2 bad, test rax, rax, half a mov */
	assert_int_equal(code.insns_len, 5);
	assert_int_equal(code.insns[0].op, CODE_INVALID);
	assert_int_equal(code.insns[0].len, 1);
	assert_int_equal(code.insns[1].op, CODE_INVALID);
	assert_int_equal(code.insns[2].op, CODE_TEST);
	assert_int_equal(code.insns[3].op, CODE_INVALID);
	assert_int_equal(code.insns[4].op, CODE_INVALID);
	code_deinit(&code);
}

static void code_must_be_in_the_file(void **state)
{
	struct image im;
	struct elf_file *f;
	struct code code;

	(void)state;
	image_init(&im);
	image_function(&im, "f", "90 90 90 c3");
	f = image_open(&im);
	assert_int_equal(code_init(f, IMAGE_TEXT, 5, &code), -ERANGE);
	assert_int_equal(code_init(f, IMAGE_TEXT - 1, 2, &code), -ERANGE);
	assert_int_equal(code_init(f, IMAGE_TEXT + 1, UINT64_MAX, &code), -ERANGE);
	assert_int_equal(code_init(f, IMAGE_TEXT + 1, 3, &code), 0);
	assert_int_equal(code.insns_len, 3);
	code_deinit(&code);
	elf_file_destroy(f);
	image_deinit(&im);
}

/* One encoding of a locked 64-bit inc or add, by number; its length, or 0 past the last. */
static size_t encode_bump(unsigned int n, uint8_t bytes[24])
{
	static const uint8_t prefixes[] = { 0, 0x66, 0x2e, 0x3e, 0xf2, 0xf3 };
	static const uint8_t opcodes[] = { 0xff, 0x01, 0x81, 0x83 }, imms[] = { 0, 0, 4, 1 };
	static const uint8_t disps[] = { 0, 1, 4 };
	unsigned int sib = n % 8 * 0x25, rm = n / 8 % 8, mod = n / 64 % 3, reg = n / 192 % 8;
	unsigned int rex = n / 1536 % 8, form = n / 12288 % 4, prefix = n / 49152;
	size_t len = 1;

	if (prefix == LEN(prefixes))
		return 0;
	memset(bytes, 0, 24);
	bytes[0] = 0xf0;
	if (prefix)
		bytes[len++] = prefixes[prefix];
	bytes[len++] = 0x48 | rex;
	bytes[len++] = opcodes[form];
	bytes[len++] = mod << 6 | (form == 1 ? reg << 3 : 0) | rm; /* else it says which */
	if (rm == 4)
		bytes[len++] = sib;
	if (mod == 0 && (rm == 5 || (rm == 4 && sib % 8 == 5)))
		len += 4;
	return len + disps[mod] + imms[form];
}

static void no_bump_escapes_the_cheap_test(void **state)
{
	struct code_insn insn;
	unsigned int n, seen = 0;
	uint8_t bytes[24];
	char hex[64];
	size_t len, i;

	(void)state;
	for (n = 0; (len = encode_bump(n, bytes)); n++) {
		for (i = 0; i < len; i++)
			snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
		if (!code_may_bump(bytes, len))
			fail_msg("%s may be one", hex);
		/* Each of these is a file, so not all. */
		if (n % 499)
			continue;
		decode_one(hex, &insn);
		assert_int_equal(insn.len, len);
		assert_int_equal(insn.class, CODE_CLASS_REFUSED);
		seen += bump_is(&insn);
	}
	assert_int_equal(n, 6 * 49152);
	assert_true(seen > 400);
}

static void the_cheap_test_stays_inside(void **state)
{
	static const uint8_t bytes[] = { 0x90, 0xf0, 0x48, 0xff, 0x00 };
	static const uint8_t many[] = { 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0x66, 0x66 };
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(bytes); len++)
		assert_false(code_may_bump(bytes, len));
	assert_true(code_may_bump(bytes, sizeof(bytes)));
	assert_true(code_may_bump(bytes + 1, sizeof(bytes) - 1));
	for (len = 0; len <= sizeof(many); len++)
		assert_false(code_may_bump(many, len));
	/* lock inc qword [r8] with a REX prefix too many, which the processor ignores; the other
	 * way round it is lock inc dword [rax]. */
	assert_true(code_may_bump((const uint8_t[]){ 0xf0, 0x40, 0x49, 0xff, 0x00 }, 5));
	assert_false(code_may_bump((const uint8_t[]){ 0xf0, 0x49, 0x40, 0xff, 0x00 }, 5));
	/* lock inc dword [rax]; inc qword [rax]; lock xadd [rax], rcx */
	assert_false(code_may_bump((const uint8_t[]){ 0xf0, 0x40, 0xff, 0x00 }, 4));
	assert_false(code_may_bump((const uint8_t[]){ 0x90, 0x48, 0xff, 0x00 }, 4));
	assert_false(code_may_bump((const uint8_t[]){ 0xf0, 0x48, 0x0f, 0xc1, 0x08 }, 5));
}

static void short_memory_is_no_harm(void **state)
{
	struct image im;
	struct elf_file *f;
	struct code code;
	size_t n;
	int rc;

	(void)state;
	assert_true(alloc_fail_works());
	image_init(&im);
	/* More instructions than the first guess has room for, and a branch. */
	image_function(&im, "f",
		       "90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 "
		       "90 90 90 90 90 90 90 90 eb de c3");
	f = image_open(&im);
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		rc = code_init(f, IMAGE_TEXT, im.symbols[0].size, &code);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(rc, -ENOMEM);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(n, 4);
	assert_int_equal(code.insns_len, 34);
	code_deinit(&code);
	elf_file_destroy(f);
	image_deinit(&im);
}

static void names_for_people(void **state)
{
	(void)state;
	assert_string_equal(code_reg_name(MOQSTAT_RAX), "rax");
	assert_string_equal(code_reg_name(MOQSTAT_RBX), "rbx");
	assert_string_equal(code_reg_name(MOQSTAT_R15), "r15");
	assert_string_equal(code_reg_name(MOQSTAT_REG_NONE), "");
	assert_string_equal(code_class_name(CODE_CLASS_EMULATED), "emulated");
	assert_string_equal(code_class_name(CODE_CLASS_STEPPED), "stepped");
	assert_string_equal(code_class_name(CODE_CLASS_REFUSED), "refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_are_the_kernels),
		cmocka_unit_test(operations_are_told_apart),
		cmocka_unit_test(operands_are_what_a_probe_can_read),
		cmocka_unit_test(effects_are_complete),
		cmocka_unit_test(branches_make_edges),
		cmocka_unit_test(slots_are_told),
		cmocka_unit_test(jump_tables_make_edges),
		cmocka_unit_test(what_is_no_instruction_is_one_byte),
		cmocka_unit_test(code_must_be_in_the_file),
		cmocka_unit_test(no_bump_escapes_the_cheap_test),
		cmocka_unit_test(the_cheap_test_stays_inside),
		cmocka_unit_test(short_memory_is_no_harm),
		cmocka_unit_test(names_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
