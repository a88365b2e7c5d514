/* SPDX-License-Identifier: GPL-2.0-only */
/* operand.h - reads what a site's record points at: registers and the relay's memory. */
#ifndef MOQSTAT_BPF_OPERAND_H
#define MOQSTAT_BPF_OPERAND_H

#include "regs_x86.h"

static __always_inline __u64 operand_narrow(__u64 value, __u8 width)
{
	if (width == 1)
		return value & 0xff;
	if (width == 2)
		return value & 0xffff;
	if (width == 4)
		return value & 0xffffffff;
	return value;
}

/* The value of an operand, 0 where there is none; not 0 where memory can't be read. */
static __noinline int operand_read(struct pt_regs *ctx, const struct moqstat_operand *op,
				   __u64 *out)
{
	__u64 at, value = 0;

	*out = 0;
	if (op->kind == MOQSTAT_OPERAND_NONE)
		return 0;
	if (op->kind == MOQSTAT_OPERAND_REG) {
		*out = operand_narrow(operand_reg(ctx, op->reg), op->width) + (__s64)op->disp;
		return 0;
	}
	if (op->kind == MOQSTAT_OPERAND_IMM) {
		*out = (__s64)op->disp;
		return 0;
	}
	at = operand_reg(ctx, op->reg) + (__s64)op->disp;
	if (op->index != MOQSTAT_REG_NONE)
		at += operand_reg(ctx, op->index) * op->scale;
	if (op->kind == MOQSTAT_OPERAND_DEREF || op->kind == MOQSTAT_OPERAND_POINT) {
		if (bpf_probe_read_user(&value, sizeof(value), (void *)at))
			return -1;
		at = value + (__s64)op->outer;
		if (op->kind == MOQSTAT_OPERAND_POINT) {
			*out = at;
			return 0;
		}
	}
	/* Never a byte beyond the operand: it may be the last of its page. */
	if (op->width == 8)
		return bpf_probe_read_user(out, 8, (void *)at);
	if (op->width == 1)
		return bpf_probe_read_user(out, 1, (void *)at);
	if (op->width == 4)
		return bpf_probe_read_user(out, 4, (void *)at);
	return bpf_probe_read_user(out, 2, (void *)at);
}

/* Does the probed branch lead to the bump? */
static __always_inline bool operand_when(struct pt_regs *ctx, __u8 when)
{
	if (when == MOQSTAT_WHEN_ALWAYS || when == MOQSTAT_WHEN_NEVER)
		return when == MOQSTAT_WHEN_ALWAYS;
	return !operand_zero(ctx) == (when == MOQSTAT_WHEN_NONZERO);
}

#endif
