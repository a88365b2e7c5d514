/* SPDX-License-Identifier: MIT */
#include "eval_text.h"

#include <stdio.h>
#include <string.h>

void eval_text_operand(const struct moqstat_operand *op, char out[EVAL_TEXT])
{
	char place[64], index[16] = "";

	if (op->index != MOQSTAT_REG_NONE)
		snprintf(index, sizeof(index), "+%s*%u", code_reg_name(op->index), op->scale);
	snprintf(place, sizeof(place), "[%s%s%+d]", code_reg_name(op->reg), index, op->disp);
	switch (op->kind) {
	case MOQSTAT_OPERAND_REG:
		snprintf(out, EVAL_TEXT, op->disp ? "%s%+d" : "%s", code_reg_name(op->reg),
			 op->disp);
		break;
	case MOQSTAT_OPERAND_MEM:
		snprintf(out, EVAL_TEXT, "%s", place);
		break;
	case MOQSTAT_OPERAND_DEREF:
		snprintf(out, EVAL_TEXT, "[%s%+d]", place, op->outer);
		break;
	case MOQSTAT_OPERAND_POINT:
		snprintf(out, EVAL_TEXT, "%s%+d", place, op->outer);
		break;
	case MOQSTAT_OPERAND_IMM:
		snprintf(out, EVAL_TEXT, "%d", op->disp);
		break;
	default:
		snprintf(out, EVAL_TEXT, "opaque%d", op->disp);
	}
	if (op->width != 8)
		snprintf(out + strlen(out), EVAL_TEXT - strlen(out), ":%u", op->width);
}

void eval_text(const struct eval_value *v, char out[EVAL_TEXT])
{
	char atom[EVAL_TEXT];
	unsigned int i;
	FILE *f = fmemopen(out, EVAL_TEXT, "w");

	if (!v->known) {
		fprintf(f, "?");
		fclose(f);
		return;
	}
	for (i = 0; i < v->terms_len; i++) {
		eval_text_operand(&v->terms[i].atom, atom);
		fprintf(f, i ? " + " : "");
		if (v->terms[i].factor != 1)
			fprintf(f, "%lld*", (long long)v->terms[i].factor);
		fprintf(f, "%s", atom);
	}
	if (!i)
		fprintf(f, "%lld", (long long)v->constant);
	else if (v->constant)
		fprintf(f, " %c %lld", v->constant < 0 ? '-' : '+',
			v->constant < 0 ? -(long long)v->constant : (long long)v->constant);
	if (v->chooses) {
		eval_text_operand(&v->choice, atom);
		fprintf(f, " (%s%s: %+lld)", atom, v->choice_bit ? "&1" : "", (long long)v->delta);
	}
	fclose(f);
}
