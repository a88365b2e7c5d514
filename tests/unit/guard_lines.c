/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "eval_text.h"
#include "guard_lines.h"
#include "relay_image.h"

#define CODE_MAX 2048

static const char *const callees[GUARD_CALLEES] = {
	[GUARD_INSERT] =
		"_ZN9hashbrown3map28HashMap$LT$K$C$V$C$S$C$A$GT$6insert17h0011223344556677E",
	[GUARD_REMOVE] =
		"_ZN9hashbrown3map28HashMap$LT$K$C$V$C$S$C$A$GT$6remove17h0011223344556677E",
	[GUARD_REMOVE_ENTRY] =
		"_ZN9hashbrown3raw21RawTable$LT$T$C$A$GT$12remove_entry17h0011223344556677E",
	[GUARD_OTHER] = "_ZN9hashbrown3map28HashMap$LT$K$C$V$C$S$C$A$GT$3get17h0011223344556677E",
	[GUARD_ITEM] = GUARD_OF_ITEM,
};

/* mov rax, [rdi+0x20]; test rax, rax; je 1f; movzx ecx, byte [rdi+0x28]; lea rcx, [rcx+rcx*8];
 * lock inc [rax+rcx*8+0x18]; 1: ret */
static const char code_of_item[] = "488b4720 4885c0 740e 0fb64f28 488d0cc9 f048ff44c818 c3";

/* The same with 80 bytes a tier: lea rcx, [rcx+rcx*4]; shl ecx, 4; lock inc [rax+rcx+0x18]. */
static const char code_of_item_80[] =
	"488b4720 4885c0 7411 0fb64f28 488d0c89 c1e104 f048ff440818 c3";

/* The callees follow the parts of that release, and the function follows them. */
static void relay_with(struct relay *r, const struct guard_relay *release, const char *name,
		       const char *hex)
{
	const char *item = release->change ? code_of_item_80 : code_of_item;
	size_t i;

	relay_init(r);
	if (release->change)
		release->change(r);
	for (i = GUARD_INSERT; i < GUARD_CALLEES; i++)
		relay_add(r, callees[i], i == GUARD_ITEM ? item : "c3");
	relay_add(r, name, hex);
}

static uint64_t callee_of(const struct relay *r, uint8_t index)
{
	const struct relay_part *added = &r->parts[r->parts_len - 1];

	switch (index) {
	case GUARD_ENTRY:
		return r->parts[RELAY_ENTRY].addr;
	case GUARD_SUBSCRIBE:
		return r->parts[RELAY_SUBSCRIBE].addr;
	case GUARD_SESSION:
		return r->parts[RELAY_SESSION].addr;
	case GUARD_TEXT_END:
		return r->parts[RELAY_TEXT_END].addr;
	case GUARD_STATS_DROP:
		return r->parts[RELAY_STATS_DROP].addr;
	default:
		assert_in_range(index, GUARD_INSERT, GUARD_ITEM);
		return (added - (GUARD_CALLEES - index))->addr;
	}
}

/* Let the calls lead where they are to. */
static void link_calls(const struct relay *r, const char *hex, char *out)
{
	uint8_t code[CODE_MAX];
	size_t i, len = image_hex(hex, code, sizeof(code));
	uint32_t distance;

	for (i = 0; i + 5 <= len; i++) {
		if (code[i] != 0xe8 || code[i + 2] || code[i + 3] || code[i + 4] != 0xf0)
			continue;
		distance = callee_of(r, code[i + 1]) - (r->parts[r->parts_len - 1].addr + i + 5);
		memcpy(code + i + 1, &distance, sizeof(distance));
	}
	for (i = 0; i < len; i++)
		sprintf(out + 2 * i, "%02x", code[i]);
}

void guard_scan_of(const struct guard_relay *release, const char *name, const char *hex,
		   struct sites *out, uint64_t *function)
{
	char linked[2 * CODE_MAX + 1] = "", said[512];
	struct relay r;

	/* Once to know where everything lies. */
	relay_with(&r, release, name, hex);
	elf_file_destroy(relay_open(&r));
	link_calls(&r, hex, linked);
	relay_deinit(&r);
	relay_with(&r, release, name, linked);
	assert_int_equal(relay_scan(&r, out, said, sizeof(said)), 0);
	assert_string_equal(said, "");
	assert_string_equal(out->layout->relays, release->name);
	*function = r.parts[r.parts_len - 1].addr;
	relay_deinit(&r);
}

static const struct guard_relay release_0_12 = { .name = "moq-relay 0.12.5" };

/* What is in front of code that may open something: call entry; and what goes before that: push
 * rbp; mov rbp, rsp. */
static const char lead[] = "e8000000f0", frame[] = "55 4889e5";
#define LEAD ((sizeof(lead) - 1) / 2)

void guard_scan(const char *name, const char *hex, struct sites *out, uint64_t *function)
{
	bool leads = strcmp(name, GUARD_OF_ITEM) && strcmp(name, GUARD_OF_TABLE);
	int begin = strncmp(hex, frame, sizeof(frame) - 1) ? 0 : sizeof(frame) - 1;
	char led[4 * CODE_MAX];

	snprintf(led, sizeof(led), "%.*s%s%s", begin, hex, leads ? lead : "", hex + begin);
	guard_scan_of(&release_0_12, name, led, out, function);
	*function += leads ? LEAD : 0;
}

static void handles_put(FILE *f, uint16_t handles, bool bump)
{
	static const char *const names[] = { "pending", "guard", "owner", "path",    "peek",
					     "key",	"odd",	 "call",  "account", "viewer" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (handles & (1u << i))
			fprintf(f, " %s", names[i]);
	}
	if (!handles && bump)
		fprintf(f, " none");
}

static void operand_put(FILE *f, const char *name, const struct moqstat_operand *op, size_t *n)
{
	char text[EVAL_TEXT];

	if (!op->kind)
		return;
	eval_text_operand(op, text);
	fprintf(f, "%s%s %s", (*n)++ ? ", " : "; ", name, text);
}

static void site_put(FILE *f, const struct site *site, uint64_t function)
{
	const struct moqstat_site *what = &site->what;
	bool bump = what->event == MOQSTAT_EVENT_BUMP;
	size_t n = 0;
	char name[64];

	sites_counter_name(what, name, sizeof(name));
	fprintf(f, "%s%s+%llx %s:", ftell(f) ? "; " : "", site->insn,
		(unsigned long long)(site->addr - function), name);
	handles_put(f, what->handles, bump);
	if (!bump)
		operand_put(f, "E", &what->entry, &n);
	/* An operand that no handle takes is not looked at. */
	if (!bump || (what->handles & (MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_OWNER |
				       MOQSTAT_HANDLE_CALL | MOQSTAT_HANDLE_ACCOUNT)))
		operand_put(f, "G", &what->guard, &n);
	if (!bump || (what->handles & (MOQSTAT_HANDLE_PATH | MOQSTAT_HANDLE_VIEWER)))
		operand_put(f, "P", &what->path, &n);
	if (!bump) {
		operand_put(f, "T", &what->tier, &n);
		operand_put(f, "S", &what->side, &n);
	}
	if (what->event == MOQSTAT_EVENT_SESSION)
		operand_put(f, "N", &what->n, &n);
	if (!bump || what->handles)
		operand_put(f, "skip", &what->skip, &n);
	if (what->when == MOQSTAT_WHEN_NEVER)
		fprintf(f, "%s never", n ? "," : ";");
}

void guard_text(const struct sites *s, uint64_t function, char out[GUARD_TEXT])
{
	FILE *f = fmemopen(out, GUARD_TEXT, "w");
	size_t i;

	out[0] = '\0';
	for (i = 0; i < s->len; i++) {
		uint64_t begin = s->functions[s->list[i].function].addr;

		if (begin == function || begin == function - LEAD)
			site_put(f, &s->list[i], function);
	}
	fclose(f);
}

static void line_assert(const struct guard_line *line, struct sites *s, uint64_t function)
{
	char text[GUARD_TEXT];

	guard_text(s, function, text);
	if (strcmp(text, line->expected))
		fail_msg("%s: expected %s, got %s", line->assembly, line->expected, text);
	sites_deinit(s);
}

void guard_lines_assert(const struct guard_line *lines, size_t len, const char *name)
{
	uint64_t function;
	struct sites s;
	size_t i;

	for (i = 0; i < len; i++) {
		guard_scan(name, lines[i].hex, &s, &function);
		line_assert(&lines[i], &s, function);
	}
}

void guard_lines_assert_of(const struct guard_relay *release, const struct guard_line *lines,
			   size_t len, const char *name)
{
	uint64_t function;
	struct sites s;
	size_t i;

	for (i = 0; i < len; i++) {
		guard_scan_of(release, name, lines[i].hex, &s, &function);
		line_assert(&lines[i], &s, function);
	}
}
