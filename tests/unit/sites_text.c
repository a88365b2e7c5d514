/* SPDX-License-Identifier: MIT */
#include "sites_text.h"

#include <stdio.h>

#include "eval_text.h"

/* A function of a relay_image has at most so many bytes. */
#define FUNCTION_MAX 0x100

static void operand_put(FILE *f, const char *what, const struct moqstat_operand *op)
{
	char text[EVAL_TEXT];

	if (op->kind == MOQSTAT_OPERAND_NONE)
		return;
	eval_text_operand(op, text);
	fprintf(f, " %s %s,", what, text);
}

static void site_put(FILE *f, const struct site *site)
{
	static const char *const whens[] = { "always", "nonzero", "zero" };
	char name[64];

	sites_counter_name(&site->what, name, sizeof(name));
	fprintf(f, "%s%s %s:", ftell(f) ? "; " : "", site->insn, name);
	operand_put(f, "E", &site->what.entry);
	operand_put(f, "G", &site->guard);
	operand_put(f, "T", &site->what.tier);
	operand_put(f, "S", &site->what.side);
	operand_put(f, "N", &site->what.n);
	fprintf(f, " %s%s", whens[site->what.when], site->what.opens ? ", opens" : "");
}

void sites_text(const struct sites *s, uint64_t function, char out[SITES_TEXT])
{
	FILE *f = fmemopen(out, SITES_TEXT, "w");
	struct moqstat_site what = { 0 };
	char name[64];
	size_t i;

	out[0] = '\0';
	for (i = 0; i < s->len; i++) {
		if (s->functions[s->list[i].function].addr == function)
			site_put(f, &s->list[i]);
	}
	for (i = 0; i < s->unprobed_len; i++) {
		if (s->unprobed[i].bump < function ||
		    s->unprobed[i].bump >= function + FUNCTION_MAX)
			continue;
		what.event =
			s->unprobed[i].session ? MOQSTAT_EVENT_SESSION_BUMP : MOQSTAT_EVENT_BUMP;
		what.role = s->unprobed[i].role;
		what.field = s->unprobed[i].field;
		sites_counter_name(&what, name, sizeof(name));
		fprintf(f, "%sunprobed %s: %s", ftell(f) ? "; " : "", name, s->unprobed[i].reason);
	}
	fclose(f);
}
