/* SPDX-License-Identifier: MIT */
#include "sites_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_memory.h"
#include "sites_json.h"
#include "utf8.h"

#define OPERAND_TEXT 64

/* An operand as people write it: "byte [rbx+0x8]". */
static const char *operand_text(const struct moqstat_operand *op, char *out)
{
	static const char *const widths[] = { "", "byte ", "word ", "", "dword " };
	const char *width = op->width < 5 ? widths[op->width] : "";
	char disp[16] = "", index[16] = "";

	if (op->disp)
		snprintf(disp, sizeof(disp), "%c0x%x", op->disp < 0 ? '-' : '+',
			 op->disp < 0 ? -(unsigned int)op->disp : (unsigned int)op->disp);
	if (op->index != MOQSTAT_REG_NONE)
		snprintf(index, sizeof(index), "+%s*%u", code_reg_name(op->index), op->scale);
	switch (op->kind) {
	case MOQSTAT_OPERAND_IMM:
		snprintf(out, OPERAND_TEXT, "%d", op->disp);
		break;
	case MOQSTAT_OPERAND_REG:
		snprintf(out, OPERAND_TEXT, "%s%s%s", width, code_reg_name(op->reg), disp);
		break;
	case MOQSTAT_OPERAND_MEM:
		snprintf(out, OPERAND_TEXT, "%s[%s%s%s]", width, code_reg_name(op->reg), index,
			 disp);
		break;
	case MOQSTAT_OPERAND_DEREF:
		snprintf(out, OPERAND_TEXT, "%s[[%s%s%s]%+d]", width, code_reg_name(op->reg), index,
			 disp, op->outer);
		break;
	case MOQSTAT_OPERAND_POINT:
		snprintf(out, OPERAND_TEXT, "[%s%s%s]%+d", code_reg_name(op->reg), index, disp,
			 op->outer);
		break;
	default:
		snprintf(out, OPERAND_TEXT, "-");
	}
	return out;
}

/* Was one of the copies found without its name? */
static bool report_is_structural(const struct sites *s, enum layout_function which)
{
	size_t i;

	for (i = 0; i < s->functions_len; i++) {
		if (s->functions[i].role == (int)which &&
		    strstr(s->functions[i].name, "(by structure)"))
			return true;
	}
	return false;
}

static void report_head(const struct sites *s, const char *name, FILE *out)
{
	static const char *const functions[] = {
		[LAYOUT_ENTRY] = "names entries",
		[LAYOUT_SUBSCRIBE] = "opens broadcasts",
		[LAYOUT_UNSUBSCRIBE] = "closes broadcasts",
		[LAYOUT_SESSION] = "opens sessions",
	};
	size_t i, closes = 0;

	fprintf(out, "executable  %s\nbuild-id    %s\nlayout      %s (%s)%s\n\n", name,
		*s->build_id ? s->build_id : "none", s->layout->name, s->layout->relays,
		s->cached ? ", from the cache" : "");
	fprintf(out, "functions\n");
	for (i = 0; i < LAYOUT_FUNCTION_MAX; i++)
		fprintf(out, "  %zu x  %-18s %s%s\n", sites_functions(s, i), functions[i],
			s->layout->functions[i],
			report_is_structural(s, i) ? ", by structure" : "");
	for (i = 0; i < s->len; i++)
		closes += s->list[i].what.event == MOQSTAT_EVENT_SESSION_BUMP &&
			  !s->list[i].what.opens;
	fprintf(out, "  %zu x  %-18s inlined\n", closes, "closes sessions");
}

static void report_counters(const struct sites *s, FILE *out)
{
	const char *reason;
	unsigned int role;
	size_t i;

	fprintf(out, "\ncounters                         bumps  statistics on     off\n");
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (i = 0; i < s->layout->frame->fields_len; i++) {
			enum moqstat_field field = s->layout->frame->fields[i].field;
			bool complete = sites_complete(s, role, field, &reason);

			fprintf(out, "  %-10s %-21s %4zu  %-18s", layout_role_name(role),
				layout_field_name(field), sites_bumps(s, role, field),
				complete ? "by entry pointer" : reason);
			if (complete)
				fprintf(out, "%s",
					sites_guarded(s, role, field, &reason) ? "by guard"
									       : reason);
			fprintf(out, "\n");
		}
	}
	if (!sites_sessions_complete(s, &reason))
		fprintf(out, "  %-10s %-21s       %s\n", "sessions", "both", reason);
	else
		fprintf(out, "  %-10s %-21s       %-18s%s\n", "sessions", "both",
			"by entry pointer",
			sites_sessions_guarded(s, &reason) ? "by guard" : reason);
}

static void report_list(const struct sites *s, FILE *out)
{
	char entry[OPERAND_TEXT], guard[OPERAND_TEXT], tier[OPERAND_TEXT], n[OPERAND_TEXT];
	size_t i;

	fprintf(out, "\n%-9s %-5s %-9s %-30s %-22s %-22s %-22s %-14s %-42s %s\n", "offset", "insn",
		"class", "counter", "E", "G", "tier", "n", "identity if off", "function");
	for (i = 0; i < s->len; i++) {
		const struct site *site = &s->list[i];
		const struct moqstat_site *what = &site->what;
		char counter[48];

		sites_counter_name(what, counter, sizeof(counter));
		fprintf(out, "0x%-7lx %-5s %-9s %-30s %-22s %-22s %-22s %-14s %-42s %s\n",
			(unsigned long)site->offset, site->insn, code_class_name(site->class),
			counter, operand_text(&what->entry, entry),
			operand_text(&site->guard, guard), operand_text(&what->tier, tier),
			operand_text(&what->n, n), sites_identity_text(site),
			s->functions[site->function].name);
	}
}

static void report_unprobed(const struct sites *s, FILE *out)
{
	size_t i;

	if (s->unprobed_len)
		fprintf(out, "\nwithout a place for a probe\n");
	for (i = 0; i < s->unprobed_len; i++) {
		const struct sites_unprobed *u = &s->unprobed[i];
		struct moqstat_site what = { .event = u->session ? MOQSTAT_EVENT_SESSION_BUMP
								 : MOQSTAT_EVENT_BUMP,
					     .role = u->role,
					     .field = u->field };
		char counter[48];

		sites_counter_name(&what, counter, sizeof(counter));
		fprintf(out, "  0x%lx  %s: %s\n", (unsigned long)u->bump, counter, u->reason);
	}
}

/* Whole or not at all. */
static int report_json(const struct sites *s, const char *name, FILE *out)
{
	json_t *object;
	char *text;

	json_memory_begin();
	object = sites_json_encode(s);
	if (json_object_set_new(object, "executable", utf8_json(name))) {
		json_decref(object);
		return -ENOMEM;
	}
	text = json_memory_text(object, JSON_INDENT(1));
	if (!text)
		return -ENOMEM;
	fprintf(out, "%s\n", text);
	free(text);
	return 0;
}

int sites_report(const struct sites *s, const char *name, bool json, FILE *out)
{
	int err = 0;

	errno = 0;
	if (json) {
		err = report_json(s, name, out);
	} else {
		report_head(s, name, out);
		report_counters(s, out);
		report_unprobed(s, out);
		report_list(s, out);
	}
	if (!err && (fflush(out) || ferror(out)))
		err = errno ? -errno : -EIO;
	return err;
}
