/* SPDX-License-Identifier: MIT */
/* What is asked of decoded code, whatever it was decoded from. */
#include "code.h"

bool code_before(const struct code *code, size_t insn, bool (*take)(void *arg, size_t before),
		 void *arg)
{
	size_t i, first, len = code_edges_to(code, insn, &first);

	/* The function's beginning, whatever else leads there. */
	if (!insn)
		return false;
	for (i = first; i < first + len; i++) {
		if (code->edges[i].from == CODE_EDGE_TABLE || !take(arg, code->edges[i].from))
			return false;
	}
	if (code_ends(&code->insns[insn - 1]))
		return len > 0;
	return take(arg, insn - 1);
}

size_t code_run(const struct code *code, size_t insn)
{
	size_t first;

	while (insn > 0 && !code_edges_to(code, insn, &first) &&
	       !code_ends(&code->insns[insn - 1]) && code->insns[insn - 1].op != CODE_JCC)
		insn--;
	return insn;
}
