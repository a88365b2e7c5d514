/* SPDX-License-Identifier: MIT */
#include "findings.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "json_memory.h"
#include "utf8.h"

static const char *const findings_states[] = {
	[FINDING_GOOD] = "ok",
	[FINDING_NOTE] = "note",
	[FINDING_BAD] = "bad",
};

static int findings_grow(struct findings *f)
{
	size_t room = f->room ? 2 * f->room : 32;
	struct finding *list;

	if (f->len < f->room)
		return 0;
	list = realloc(f->list, room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	f->list = list;
	f->room = room;
	return 0;
}

void findings_add(struct findings *f, enum finding_state state, pid_t pid, const char *name,
		  const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0 || findings_grow(f)) {
		if (len >= 0)
			free(text);
		f->short_of_memory = true;
		return;
	}
	f->list[f->len++] = (struct finding){ state, pid, name, text };
}

size_t findings_count(const struct findings *f, enum finding_state state)
{
	size_t i, n = 0;

	for (i = 0; i < f->len; i++)
		n += f->list[i].state == state;
	return n;
}

/* Paths may hold what would change a terminal. */
static void findings_text(const char *text, FILE *to)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			fprintf(to, "\\x%02x", (unsigned char)*text);
		else
			fputc(*text, to);
	}
}

static int findings_lines(const struct findings *f, FILE *to)
{
	size_t bad = findings_count(f, FINDING_BAD), i;
	const struct finding *at;
	pid_t pid = 0;

	for (i = 0; i < f->len; i++) {
		at = &f->list[i];
		if (at->pid != pid)
			fprintf(to, "\nprocess %d\n", at->pid);
		pid = at->pid;
		fprintf(to, "%-4s  %-12s  ", findings_states[at->state], at->name);
		findings_text(at->text, to);
		fputc('\n', to);
	}
	if (bad)
		fprintf(to, "\n`moqstat run` would not work: %zu bad, see above\n", bad);
	else
		fprintf(to, "\n`moqstat run` would work\n");
	return fflush(to) || ferror(to) ? -EIO : 0;
}

static int findings_json(const struct findings *f, FILE *to)
{
	json_t *list, *all, *one;
	char *text;
	size_t i;
	int err = 0;

	json_memory_begin();
	list = json_array();
	for (i = 0; i < f->len && !err; i++) {
		one = json_pack("{s:s, s:s, s:o}", "state", findings_states[f->list[i].state],
				"name", f->list[i].name, "text", utf8_json(f->list[i].text));
		if (f->list[i].pid)
			err = json_object_set_new(one, "pid", json_integer(f->list[i].pid));
		if (!err)
			err = json_array_append_new(list, one);
	}
	all = json_pack("{s:b, s:o}", "works", !findings_count(f, FINDING_BAD), "findings", list);
	text = json_memory_text(all, JSON_COMPACT);
	if (err || !text)
		err = -ENOMEM;
	else if (fprintf(to, "%s\n", text) < 0 || fflush(to))
		err = -EIO;
	free(text);
	return err;
}

int findings_write(const struct findings *f, bool json, FILE *to)
{
	if (f->short_of_memory)
		return -ENOMEM;
	return json ? findings_json(f, to) : findings_lines(f, to);
}

void findings_deinit(struct findings *f)
{
	size_t i;

	for (i = 0; i < f->len; i++)
		free(f->list[i].text);
	free(f->list);
	*f = (struct findings){ 0 };
}
