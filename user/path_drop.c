/* SPDX-License-Identifier: MIT */
#include "path_drop.h"

#include <errno.h>
#include <stdlib.h>

#include "bump.h"

/* Instructions from the capacity's load to the call that frees, and from the start of what is
 * evaluated. */
#define DROP_SPAN 16
#define DROP_LEAD 12
/* Instructions behind a Stats' prefix within which its Arc is let go. */
#define DROP_ARC 10
/* Instructions from where an Arc is counted down to the call that ends it. */
#define DROP_END 12
/* Instructions that it takes more if what is freed is laid on the stack. */
#define DROP_LAID 7
/* Instructions that are walked to find a neighbour. */
#define DROP_WALK 90

static bool drop_is_word_load(const struct code_insn *insn)
{
	return insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_REG &&
	       insn->dst.width == 8 && insn->src.kind == MOQSTAT_OPERAND_MEM &&
	       insn->src.width == 8 && insn->src.reg != MOQSTAT_REG_NONE;
}

/* Start of the straight line of code that ends at `at`, not too far back. Branches may leave it. */
static size_t drop_line(const struct code *code, size_t at, size_t most)
{
	size_t first, steps;

	for (steps = 0; at > 0 && steps < most; steps++, at--) {
		if (code_edges_to(code, at, &first) || code_ends(&code->insns[at - 1]))
			break;
	}
	return at;
}

/* Does the run of code up to `call` free `size` bytes at a pointer, with alignment 1? If so, find
 * the load of the pointer. */
static bool drop_frees(const struct code *code, size_t start, size_t call, size_t *pointer)
{
	bool aligned = false, found = false;
	ptrdiff_t from;
	size_t i;

	for (i = start; i < call; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op == CODE_CALL)
			aligned = found = false;
		if (insn->op == CODE_MOV && insn->dst.kind == MOQSTAT_OPERAND_REG &&
		    insn->dst.reg == CODE_ARG2)
			aligned = insn->src.kind == MOQSTAT_OPERAND_IMM && insn->src.disp == 1;
		else if (insn->writes & (1u << CODE_ARG2))
			aligned = false;
		if (insn->writes & (1u << CODE_ARG0)) {
			from = i;
			/* By way of another register, perhaps. */
			if (insn->op == CODE_MOV && insn->src.kind == MOQSTAT_OPERAND_REG)
				from = bump_writer(code, i, insn->src.reg);
			found = from >= (ptrdiff_t)start && drop_is_word_load(&code->insns[from]);
			*pointer = from;
		}
	}
	return aligned && found;
}

/* The load of the word in front of the one that `pointer` loads: the capacity. -1: none. */
static ptrdiff_t drop_capacity(const struct code *code, size_t start, size_t call, size_t pointer)
{
	struct eval_value addresses[DROP_SPAN + DROP_LEAD + 1];
	bool loads[DROP_SPAN + DROP_LEAD + 1];
	struct eval e;
	int64_t gap;
	size_t i;

	eval_init(&e);
	for (i = start; i < call; i++) {
		loads[i - start] = drop_is_word_load(&code->insns[i]);
		if (loads[i - start])
			addresses[i - start] = eval_address(&e, &code->insns[i].src);
		eval_step(&e, &code->insns[i]);
	}
	for (i = call; i-- > start;) {
		if (loads[i - start] &&
		    eval_distance(&addresses[i - start], &addresses[pointer - start], &gap) &&
		    gap == 8)
			return i;
	}
	return -1;
}

/* Could the capacity's tests tell a borrowed text from an owned one? A plain string has one test
 * for zero; a path has another for the value that marks a borrowed one, or one for both. */
static bool drop_is_borrowable(const struct code *code, size_t load, size_t call, size_t *branch)
{
	size_t i, branches = 0;
	bool other = false;

	for (i = load + 1; i < call; i++) {
		const struct code_insn *insn = &code->insns[i];

		other |= insn->op == CODE_LEA && insn->src.scale == 2;
		other |= insn->op == CODE_ADD || insn->op == CODE_SHL;
		if (insn->op != CODE_JCC)
			continue;
		if (!branches++)
			*branch = i;
		other |= insn->cond == CODE_COND_OTHER;
	}
	return branches > 1 || (branches && other);
}

/* Where the object lies, in terms of registers at the branch. */
static bool drop_object(const struct code *code, const struct path_drop *d, size_t pointer,
			struct moqstat_operand *out)
{
	struct eval_value address;
	struct eval e;
	unsigned int reg;
	size_t i;

	if (pointer > d->branch) {
		eval_init(&e);
		for (i = d->branch + 1; i < pointer; i++)
			eval_step(&e, &code->insns[i]);
		address = eval_address(&e, &code->insns[pointer].src);
		address.constant -= 8;
		return eval_single(&address, out);
	}
	*out = code->insns[d->load].src;
	for (i = d->load; i < d->branch; i++) {
		for (reg = 0; reg < CODE_REGS; reg++) {
			if ((code->insns[i].writes & (1u << reg)) &&
			    (reg == out->reg || reg == out->index))
				return false;
		}
	}
	if (out->index != MOQSTAT_REG_NONE)
		return false;
	out->kind = MOQSTAT_OPERAND_REG;
	out->width = 8;
	return true;
}

/* The same, where that takes another register than those that the load uses. */
static bool drop_object_by_other(const struct code *code, const struct path_drop *d,
				 struct moqstat_operand *out)
{
	size_t i, start = drop_line(code, d->load, DROP_SPAN);
	struct eval_value address;
	struct eval e;
	unsigned int reg;
	int64_t gap;

	eval_init(&e);
	for (i = start; i < d->load; i++)
		eval_step(&e, &code->insns[i]);
	address = eval_address(&e, &code->insns[d->load].src);
	for (; i < d->branch; i++)
		eval_step(&e, &code->insns[i]);
	for (reg = 0; reg < sizeof(e.regs) / sizeof(e.regs[0]); reg++) {
		if (!eval_distance(&e.regs[reg], &address, &gap) || gap != (int32_t)gap)
			continue;
		*out = (struct moqstat_operand){ .kind = MOQSTAT_OPERAND_REG,
						 .reg = reg,
						 .index = MOQSTAT_REG_NONE,
						 .scale = 1,
						 .width = 8,
						 .disp = (int32_t)gap };
		return true;
	}
	return false;
}

/* Is an Arc let go that lies `shared` bytes behind the start of the path, right after it? */
static bool drop_is_prefix(const struct code *code, const struct path_drop *d, int32_t shared)
{
	const struct moqstat_operand *path = &code->insns[d->load].src;
	size_t i, k;

	for (i = d->call + 1; i < code->insns_len && i < d->call + DROP_ARC; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (!drop_is_word_load(insn) || insn->src.reg != path->reg ||
		    insn->src.index != path->index || insn->src.disp != path->disp + shared)
			continue;
		for (k = i + 1; k < code->insns_len && k <= i + 3; k++) {
			if (code->insns[k].lock && code->insns[k].op == CODE_DEC &&
			    code->insns[k].dst.reg == insn->dst.reg)
				return true;
		}
	}
	return false;
}

static bool drop_at(const struct code *code, size_t call, int32_t shared, struct path_drop *out)
{
	size_t start = drop_line(code, call, DROP_SPAN), pointer = 0;
	struct path_drop d = { .call = call };
	ptrdiff_t load;

	if (!drop_frees(code, start, call, &pointer))
		return false;
	start = drop_line(code, start, DROP_LEAD);
	load = drop_capacity(code, start, call, pointer);
	if (load < 0)
		return false;
	d.load = load;
	d.borrowable = drop_is_borrowable(code, load, call, &d.branch);
	if (!d.branch || !drop_object(code, &d, pointer, &d.object))
		return false;
	d.prefix = drop_is_prefix(code, &d, shared);
	*out = d;
	return true;
}

/* What is freed, where that is laid on the stack: as told where the ways to the call meet. */
struct drop_laid {
	struct moqstat_operand align; /* where the alignment lies */
	unsigned int size;
	unsigned int pointer;
};

/* Is an alignment of 1 laid on the stack by a run of code, beside the load of a pointer? */
static bool drop_lays(const struct code *code, size_t start, size_t end, const struct drop_laid *l,
		      size_t *pointer)
{
	bool aligned = false, found = false;
	size_t i;

	for (i = start; i < end; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (insn->op == CODE_CALL)
			aligned = found = false;
		if (insn->dst.kind == MOQSTAT_OPERAND_MEM && insn->dst.reg == l->align.reg &&
		    insn->dst.disp == l->align.disp)
			aligned = insn->op == CODE_MOV && insn->dst.width == 8 &&
				  insn->src.kind == MOQSTAT_OPERAND_IMM && insn->src.disp == 1;
		if (insn->writes & (1u << l->pointer)) {
			found = drop_is_word_load(insn);
			*pointer = i;
		}
	}
	return aligned && found;
}

/* One of the ways to where they meet: `last` is where it ends. */
static bool drop_laid_by(const struct code *code, size_t last, const struct drop_laid *l,
			 struct path_drop *d)
{
	size_t start = drop_line(code, last, DROP_SPAN + DROP_LEAD), pointer = 0;
	ptrdiff_t load, from = last + 1;

	if (!drop_lays(code, start, last + 1, l, &pointer))
		return false;
	load = drop_capacity(code, start, last + 1, pointer);
	while (from-- > (ptrdiff_t)start && !(code->insns[from].writes & (1u << l->size)))
		;
	/* What has more than a byte an item is no text. */
	if (load < 0 || from != load)
		return false;
	d->load = load;
	d->borrowable = drop_is_borrowable(code, load, last + 1, &d->branch);
	return d->branch && drop_object(code, d, pointer, &d->object);
}

/* What do the instructions from `join` to `call` take from the stack? */
static bool drop_is_laid(const struct code *code, size_t join, size_t call, struct drop_laid *out)
{
	const struct code_insn *insn = &code->insns[join];
	ptrdiff_t align = bump_writer(code, call, CODE_ARG2);
	ptrdiff_t moved = bump_writer(code, call, CODE_ARG0);

	if (insn->op != CODE_MOV || insn->dst.kind != MOQSTAT_OPERAND_MEM || insn->dst.width != 8 ||
	    insn->src.kind != MOQSTAT_OPERAND_REG || align < (ptrdiff_t)join ||
	    !drop_is_word_load(&code->insns[align]) ||
	    code->insns[align].src.index != MOQSTAT_REG_NONE)
		return false;
	out->align = code->insns[align].src;
	out->size = insn->src.reg;
	out->pointer = CODE_ARG0;
	if (moved < 0)
		return true;
	insn = &code->insns[moved];
	out->pointer = insn->src.reg;
	return insn->op == CODE_MOV && insn->src.kind == MOQSTAT_OPERAND_REG &&
	       insn->src.width == 8 && bump_writer(code, moved, insn->src.reg) < 0;
}

/* Where less is optimized, the alignment and the size are laid on the stack, an alignment of 0 if
 * there is nothing to free, and looked at again: ..; mov rdi, [pointer]; mov [align], 1;
 * lea r, [size]; jmp 2f; 1: lea r, [align]; 2: mov [r], capacity; mov rdx, [align]; test; je; ..;
 * call.
 */
static bool drop_laid_at(const struct code *code, size_t call, int32_t shared,
			 struct path_drop *out)
{
	size_t join = drop_line(code, call, DROP_SPAN), first, n, i;
	struct path_drop d = { .call = call, .more = DROP_LAID };
	struct drop_laid l;
	bool found;

	if (!drop_is_laid(code, join, call, &l))
		return false;
	n = code_edges_to(code, join, &first);
	found = join && !code_ends(&code->insns[join - 1]) && drop_laid_by(code, join - 1, &l, &d);
	for (i = first; i < first + n && !found; i++)
		found = code->edges[i].from != CODE_EDGE_TABLE &&
			code->insns[code->edges[i].from].op == CODE_JMP &&
			drop_laid_by(code, code->edges[i].from, &l, &d);
	if (!found)
		return false;
	d.prefix = drop_is_prefix(code, &d, shared);
	*out = d;
	return true;
}

/* Is it a call, the last one perhaps, of what ends an Arc with a text? */
static bool drop_ends_text(const struct code_insn *insn, const struct path_drop_how *how)
{
	size_t i;

	if (insn->op != CODE_CALL && insn->op != CODE_JMP)
		return false;
	for (i = 0; i < how->ends_len; i++) {
		if (how->ends[i] == (insn->target ? insn->target : insn->slot))
			return true;
	}
	return false;
}

/* The instruction that counts an Arc down, not far in front of the call that ends it, and nothing
 * but its branch and what the call is given in between; -1: none. */
static ptrdiff_t drop_counts_down(const struct code *code, size_t call)
{
	size_t i;

	for (i = call; i > 0 && call - i < DROP_END; i--) {
		const struct code_insn *insn = &code->insns[i - 1];

		if (insn->lock && insn->op == CODE_DEC)
			return insn->dst.disp || insn->dst.index != MOQSTAT_REG_NONE
				       ? -1
				       : (ptrdiff_t)i - 1;
		if (code_ends(insn) || insn->op == CODE_CALL)
			return -1;
	}
	return -1;
}

/* The shared text's: mov r, [path]; test r, r; je; lock dec [r]; jne; lea rdi, [path]; call. */
static bool drop_shared_at(const struct code *code, size_t call, const struct path_drop_how *how,
			   struct path_drop *out)
{
	struct path_drop d = { .call = call, .borrowable = true };
	ptrdiff_t down = drop_counts_down(code, call), load;

	if (down < 1 || code->insns[down - 1].op != CODE_JCC ||
	    code->insns[down - 1].cond != CODE_COND_ZERO)
		return false;
	d.branch = down - 1;
	load = bump_writer(code, d.branch, code->insns[down].dst.reg);
	if (load < 0 || !drop_is_word_load(&code->insns[load]))
		return false;
	d.load = load;
	if (!drop_object(code, &d, 0, &d.object) && !drop_object_by_other(code, &d, &d.object))
		return false;
	d.prefix = drop_is_prefix(code, &d, how->shared);
	*out = d;
	return true;
}

static bool drop_is_holder(const struct code_insn *insn, const struct path_drop_how *how)
{
	size_t i;

	for (i = 0; i < how->holders_len && insn->op == CODE_CALL; i++) {
		if (how->holders[i] == insn->target)
			return true;
	}
	return false;
}

int path_drops_find(const struct code *code, const struct path_drop_how *how,
		    struct path_drop **out, size_t *len)
{
	size_t i, n = 0, room = 0;
	struct path_drop *list = NULL, *grown, d;

	for (i = 0; i < code->insns_len; i++) {
		const struct code_insn *insn = &code->insns[i];

		if (drop_is_holder(insn, how))
			d = (struct path_drop){ .load = i, .branch = i, .call = i, .prefix = true };
		else if (how->arcs ? !drop_ends_text(insn, how) || !drop_shared_at(code, i, how, &d)
				   : (insn->op != CODE_CALL &&
				      (insn->op != CODE_JMP || insn->target)) ||
					     (!drop_at(code, i, how->shared, &d) &&
					      !drop_laid_at(code, i, how->shared, &d)) ||
					     !d.borrowable)
			continue;
		if (n == room) {
			room = room ? 2 * room : 16;
			grown = reallocarray(list, room, sizeof(*list));
			if (!grown) {
				free(list);
				return -ENOMEM;
			}
			list = grown;
		}
		list[n++] = d;
	}
	*out = list;
	*len = n;
	return 0;
}

const struct path_drop *path_drop_after(const struct code *code, const struct path_drop *drops,
					size_t len, size_t from, bool taken, bool beyond,
					struct moqstat_operand *address, size_t *steps)
{
	ptrdiff_t at = taken ? code_find(code, code->insns[from].target) : (ptrdiff_t)from + 1;
	struct eval_value v;
	struct eval e;
	size_t i;

	eval_init(&e);
	for (*steps = 0; at >= 0 && (size_t)at < code->insns_len && *steps < DROP_WALK; ++*steps) {
		const struct code_insn *insn = &code->insns[at];

		for (i = 0; i < len && drops[i].load != (size_t)at; i++)
			;
		if (i < len && drops[i].prefix && beyond)
			beyond = false;
		else if (i < len && !drops[i].prefix && !beyond) {
			v = eval_address(&e, &insn->src);
			return eval_single(&v, address) ? &drops[i] : NULL;
		}
		if (insn->op == CODE_JMP && insn->target) {
			at = code_find(code, insn->target);
			continue;
		}
		if (code_ends(insn))
			return NULL;
		eval_step(&e, insn);
		at++;
	}
	return NULL;
}

const struct path_drop *path_drop_before(const struct code *code, const struct path_drop *drops,
					 size_t len, size_t at, bool beyond, size_t *steps)
{
	size_t i, first;

	for (*steps = 0; at > 0 && *steps < DROP_WALK; ++*steps) {
		if (code_ends(&code->insns[at - 1])) {
			if (!code_edges_to(code, at, &first) ||
			    code->edges[first].from == CODE_EDGE_TABLE)
				return NULL;
			at = code->edges[first].from;
		} else {
			at--;
		}
		for (i = 0; i < len && drops[i].load != at; i++)
			;
		if (i < len && drops[i].prefix && beyond)
			beyond = false;
		else if (i < len && !drops[i].prefix && !beyond)
			return &drops[i];
	}
	return NULL;
}
