/* SPDX-License-Identifier: MIT */
#include "scope_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void scope_lines_init(struct scope_image *w, bool known)
{
	/* As panics tell where in the crate's sources they are. */
	const char *text = known ? "/registry/src/moq-net-0.2.13/src/stats.rs"
				 : "/registry/src/moq-net-0.2.12/src/stats.rs";

	scope_image_init(w);
	strcpy((char *)w->im.rodata, text);
	w->im.rodata_len = strlen(text);
	scope_image_add(w, REF_PATH, "c3");
	scope_image_add(w, REF_STR, "c3");
	scope_image_add(w, SYNC, "c3");
}

size_t scope_lines_add(struct scope_image *w, const struct scope_line *line)
{
	if (!strcmp(line->name, SYNC)) {
		w->parts[PART_SYNC].hex = line->hex;
		return PART_SYNC;
	}
	return scope_image_add(w, line->name, line->hex) - w->parts;
}

void scope_lines_untold(const struct sites *s)
{
	size_t i;

	assert_false(sites_told_off(s));
	for (i = 0; i < s->len; i++) {
		const struct moqstat_site *what = &s->list[i].what;

		assert_int_equal(what->handles, 0);
		assert_int_equal(what->guard.kind, MOQSTAT_OPERAND_NONE);
		assert_true(what->event == MOQSTAT_EVENT_BUMP ||
			    what->event == MOQSTAT_EVENT_ENTRY ||
			    what->event == MOQSTAT_EVENT_ENTRY_NEW ||
			    what->event == MOQSTAT_EVENT_SCOPE ||
			    what->event == MOQSTAT_EVENT_SESSION ||
			    what->event == MOQSTAT_EVENT_SESSION_BUMP ||
			    what->event == MOQSTAT_EVENT_SESSION_NEW);
		assert_true(what->event != MOQSTAT_EVENT_SESSION ||
			    what->when != MOQSTAT_WHEN_ZERO);
	}
}

static void line_assert(const struct scope_line *line)
{
	static struct scope_image w;
	char text[GUARD_TEXT];
	struct sites s;
	size_t part;

	scope_lines_init(&w, true);
	part = scope_lines_add(&w, line);
	scope_image_scan_good(&w, &s);
	assert_int_equal(s.unprobed_len, 0);
	guard_text(&s, w.parts[part].addr, text);
	if (strcmp(text, line->expected))
		fail_msg("%s: %s: expected %s, got %s", line->name, line->assembly, line->expected,
			 text);
	sites_deinit(&s);
	scope_image_deinit(&w);
	scope_lines_init(&w, false);
	scope_lines_add(&w, line);
	scope_image_scan_good(&w, &s);
	scope_lines_untold(&s);
	sites_deinit(&s);
	scope_image_deinit(&w);
}

void scope_lines_assert(const struct scope_line *lines, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		line_assert(&lines[i]);
}
