/* SPDX-License-Identifier: MIT */
/*
 * Which function has given the entry that something is counted on: by where its result goes. By the
 * same an entry is told that was asked for long before, as by who waits for the peer in between.
 */
#include "scan.h"

/* How far in front of the branch of a bump the call stands: 8 instructions at most where the entry
 * stays in its register, and 26 where it has been put away. */
#define GIVER_NEAR 16
#define GIVER_PUT  48

/* Is an instruction also reached in another way than from the one before? */
static bool giver_joined(const struct code *code, size_t insn)
{
	size_t first;

	return code_edges_to(code, insn, &first) || code_ends(&code->insns[insn - 1]);
}

/* What is called right before a branch, 0 if that can't be told. */
static uint64_t giver_near(const struct code *code, size_t branch)
{
	size_t i;

	for (i = branch; i > 0 && i + GIVER_NEAR > branch; i--) {
		if (giver_joined(code, i))
			return 0;
		if (code->insns[i - 1].op == CODE_CALL)
			return code->insns[i - 1].target;
	}
	return 0;
}

/* Does the function itself change on that way what is kept there? What it calls in between, as to
 * have the length of a path, is not handed an entry to change. */
static bool giver_changed(const struct code *code, size_t from, size_t to,
			  const struct moqstat_operand *place)
{
	size_t i;

	for (i = from + 1; i < to; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op == CODE_CALL ? (insn->writes & (1u << place->reg)) != 0
					  : scan_stored(code, i - 1, i + 1, place))
			return true;
	}
	return false;
}

/* What is called in front of an instruction, on the only way there, and has its result put in a
 * place that then stays as it is; 0 if that can't be told. */
static uint64_t giver_put(const struct code *code, size_t insn, const struct moqstat_operand *place)
{
	ptrdiff_t put;
	size_t i;

	for (i = insn; i > 0 && i + GIVER_PUT > insn && !giver_joined(code, i); i--) {
		put = scan_is_put(code, i - 1, place);
		if (put >= 0)
			return giver_changed(code, put, insn, place) ? 0
								     : code->insns[i - 1].target;
	}
	return 0;
}

/* All that is called to have what is kept there; false if that can't be told. */
static bool giver_kept(const struct code *code, const struct moqstat_operand *place,
		       struct scan_givers *out)
{
	struct scan_givers found = { .len = 0 };
	ptrdiff_t call;

	if (!scan_is_kept(code, place))
		return false;
	for (call = scan_put(code, 0, place); call >= 0; call = scan_put(code, call + 1, place)) {
		if (found.len == SCAN_GIVERS_MAX || !code->insns[call].target)
			return false;
		found.addrs[found.len++] = code->insns[call].target;
	}
	*out = found;
	return true;
}

void scan_givers(const struct code *code, size_t branch, const struct moqstat_operand *entry,
		 struct scan_givers *out)
{
	struct moqstat_operand place;
	ptrdiff_t load = branch;

	*out = (struct scan_givers){ .len = 0 };
	if (scan_guard_address(code, branch, entry, &place) && place.kind == MOQSTAT_OPERAND_REG) {
		if (entry->kind == MOQSTAT_OPERAND_REG)
			load = bump_writer(code, branch, entry->reg);
		if (load >= 0)
			out->addrs[0] = giver_put(code, load, &place);
		if (!out->addrs[0] && giver_kept(code, &place, out))
			return;
	}
	if (!out->addrs[0])
		out->addrs[0] = giver_near(code, branch);
	out->len = out->addrs[0] != 0;
}
