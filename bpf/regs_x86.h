/* SPDX-License-Identifier: GPL-2.0-only */
/* regs_x86.h - the registers of x86-64 at a probe, and what the probed branch depends on. */
#ifndef MOQSTAT_BPF_REGS_X86_H
#define MOQSTAT_BPF_REGS_X86_H

#define X86_EFLAGS_ZF (1 << 6)

/* One register. Written out, since a compiler that merges the cases of the switch below into one
 * load at a computed place makes code that the verifier refuses; vmlinux/check makes sure that
 * these offsets are fixed. The unit tests compile all this for the host, which has none of that. */
#ifdef __bpf__
#define OPERAND_READ(ctx, field)                                                          \
	({                                                                                \
		__u64 value_;                                                             \
		asm volatile("%0 = *(u64 *)(%1 + %2)"                                     \
			     : "=r"(value_)                                               \
			     : "r"(ctx), "i"(__builtin_offsetof(struct pt_regs, field))); \
		value_;                                                                   \
	})
#else
#define OPERAND_READ(ctx, field) ((ctx)->field)
#endif

static __always_inline __u64 operand_reg(struct pt_regs *ctx, __u8 reg)
{
	switch (reg) {
	case MOQSTAT_RAX:
		return OPERAND_READ(ctx, ax);
	case MOQSTAT_RCX:
		return OPERAND_READ(ctx, cx);
	case MOQSTAT_RDX:
		return OPERAND_READ(ctx, dx);
	case MOQSTAT_RBX:
		return OPERAND_READ(ctx, bx);
	case MOQSTAT_RSP:
		return OPERAND_READ(ctx, sp);
	case MOQSTAT_RBP:
		return OPERAND_READ(ctx, bp);
	case MOQSTAT_RSI:
		return OPERAND_READ(ctx, si);
	case MOQSTAT_RDI:
		return OPERAND_READ(ctx, di);
	case MOQSTAT_R8:
		return OPERAND_READ(ctx, r8);
	case MOQSTAT_R9:
		return OPERAND_READ(ctx, r9);
	case MOQSTAT_R10:
		return OPERAND_READ(ctx, r10);
	case MOQSTAT_R11:
		return OPERAND_READ(ctx, r11);
	case MOQSTAT_R12:
		return OPERAND_READ(ctx, r12);
	case MOQSTAT_R13:
		return OPERAND_READ(ctx, r13);
	case MOQSTAT_R14:
		return OPERAND_READ(ctx, r14);
	case MOQSTAT_R15:
		return OPERAND_READ(ctx, r15);
	default:
		return 0;
	}
}

/* Not 0 if the zero flag is set. */
static __always_inline __u64 operand_zero(struct pt_regs *ctx)
{
	return OPERAND_READ(ctx, flags) & X86_EFLAGS_ZF;
}

#endif
