/* SPDX-License-Identifier: MIT */
/* options_help.c - the help, made of what settings.h and commands.h declare. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "settings.h"

#define HELP_WIDTH  96
#define HELP_COLUMN 23

/* Print `text` from column `at` on, its lines from column `indent`. A line's end is not printed. */
static void help_wrap(const char *text, size_t at, size_t indent)
{
	size_t len;
	bool first = true;

	while (*text) {
		len = strcspn(text, " ");
		if (!first && at + 1 + len > HELP_WIDTH) {
			printf("\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)len, text);
		at += len;
		first = false;
		text += len;
		text += strspn(text, " ");
	}
}

static void help_setting(const struct setting *s)
{
	char left[64], text[1024], number[64] = "";
	int len = snprintf(left, sizeof(left), "  --%s%s%s", s->name, s->value ? " " : "",
			   s->value ? s->value : "");

	printf("%-*s", HELP_COLUMN, left);
	if (len >= HELP_COLUMN)
		printf("\n%*s", HELP_COLUMN, "");
	if (s->kind == SETTING_SECONDS || s->kind == SETTING_PERCENT)
		snprintf(number, sizeof(number), ", %g to %g", s->low, s->high);
	snprintf(text, sizeof(text), "%s%s%s%s", s->help, number, s->fallback ? "; default " : "",
		 s->fallback ? s->fallback : "");
	help_wrap(text, HELP_COLUMN, HELP_COLUMN);
	putchar('\n');
}

/* The settings of exactly these commands, if there are any. */
static void help_section(unsigned int bits)
{
	const struct setting *s;
	char names[128];
	bool any = false;

	for (s = settings; s < settings + settings_len; s++) {
		if (s->commands != bits)
			continue;
		if (!any && bits == ~0U)
			printf("\nall:\n");
		else if (!any)
			printf("\n%s:\n", commands_names(bits, names, sizeof(names)));
		any = true;
		help_setting(s);
	}
}

static void help_sections(void)
{
	const struct setting *s, *t;

	for (s = settings; s < settings + settings_len; s++) {
		for (t = settings; t < s && t->commands != s->commands; t++)
			;
		if (t == s && s->commands != ~0U)
			help_section(s->commands);
	}
	help_section(~0U);
}

static void help_commands(void)
{
	const struct command *c;
	const char *const *usage;
	const char *lead = "usage:";

	for (c = commands; c < commands + commands_len; c++) {
		for (usage = c->usage; *usage; usage++, lead = "")
			printf("%-6s moqstat %s %s\n", lead, c->name, *usage);
	}
	printf("       moqstat --help | --version\n\n");
	for (c = commands; c < commands + commands_len; c++) {
		printf("  %-10s ", c->name);
		help_wrap(c->help, 13, 13);
		putchar('\n');
	}
}

int options_help(void)
{
	/* Any of what follows may be what can't be written. */
	errno = 0;
	printf("moqstat: the statistics of a running moq-relay, from outside, by eBPF\n\n");
	help_commands();
	help_sections();
	printf("\nSettings are also taken from the environment, MOQSTAT_INTERVAL=5 say, and from\n"
	       "/etc/moqstat/moqstat.conf, interval = 5, by `run` and `serve`. The command line counts\n"
	       "most, then the environment. `moqstat config --print` tells what they come to.\n"
	       "\n"
	       "With --listen: / is a page; /fetch/<broadcast>/<track> and /announced as the relay has\n"
	       "them, of a relay from 0.14 on <track>.z, too, compressed; /events/<track>,\n"
	       "/events?track=…&track=… live events, ?delta=1 only what changes;\n"
	       "/metrics for Prometheus; /status, /healthz, /readyz.\n"
	       "\n"
	       "With --publish: the same broadcasts appear at that relay, and in its cluster, as if its\n"
	       "own statistics were on: ws://127.0.0.1:4443/.stats is one with --web-http-listen there.\n"
	       "\n"
	       "A live run needs root, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE; a kernel from 6.1 on\n"
	       "with BTF; and an x86-64 moq-relay 0.12.5, 0.13.0, 0.13.3, 0.13.5, 0.14.12\n"
	       "or 0.17.10.\n"
	       "\n"
	       "exit status: 0 done, or stopped by SIGINT or SIGTERM; 1 something failed; 2 bad\n"
	       "arguments, file or process; 3 the relay of --pid ended.\n");
	if (fflush(stdout) || ferror(stdout)) {
		clearerr(stdout);
		return errno ? -errno : -EIO;
	}
	return 0;
}
