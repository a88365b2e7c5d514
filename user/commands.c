/* SPDX-License-Identifier: MIT */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#define USAGE(...)                              \
	(const char *const[])                   \
	{                                       \
		__VA_ARGS__ __VA_OPT__(, ) NULL \
	}

const struct command commands[] = {
	{ "run",
	  USAGE("--pid PID [options]", "--exe PATH | --unit NAME | --all [options]",
		"--replay FILE [options]"),
	  "emit the six stats tracks of a relay, of each relay that there is and will be, or of a "
	  "recording, which needs no root",
	  OPTIONS_RUN },
	{ "sites",
	  USAGE("--pid PID | --binary FILE [--json]",
		"--pid PID | --binary FILE --cost [--rate FRAMES] [--json]"),
	  "where the counters are bumped; or what probing them costs", OPTIONS_SITES },
	{ "census", USAGE("--pid PID [--json]"),
	  "what is open in a relay right now, by path, tier and role, from the relay's memory "
	  "alone; nothing is attached",
	  OPTIONS_CENSUS },
	{ "serve", USAGE("--listen ADDRESS", "--publish URLS"),
	  "serve over HTTP, or publish at relays, what `moqstat run` writes, read from standard "
	  "input",
	  OPTIONS_SERVE },
	{ "top", USAGE("[URL] [options]", "--pid PID | --exe PATH | --unit NAME | --all [options]"),
	  "the same as the page of `run --listen`, in a terminal: of the agent at URL, else of the "
	  "one at http://127.0.0.1:9814; or directly. ? tells its keys. Where standard output is "
	  "no terminal, plain tables",
	  OPTIONS_TOP },
	{ "doctor", USAGE("[--pid PID] [--json]"),
	  "would `moqstat run` work here, and on the relays there are? What can be tried is tried; "
	  "nothing is attached",
	  OPTIONS_DOCTOR },
	{ "verify", USAGE("[--relay-url URL] [--pid PID] [--seconds N] [options]"),
	  "count for a while as `moqstat run` does, and compare: with the relay's own frames where its "
	  "statistics are on, and with what is open by its memory",
	  OPTIONS_VERIFY },
	{ "config", USAGE("--check | --print | --list [--json]"),
	  "look at the settings of `moqstat run`: are they right, what they are and where each is "
	  "from, which there are",
	  OPTIONS_CONFIG },
	{ "version", USAGE("[--json]"),
	  "what this moqstat is made of, which relays it knows and which kernels it takes; "
	  "--version is its number alone",
	  OPTIONS_FACTS },
};
const size_t commands_len = sizeof(commands) / sizeof(commands[0]);

const struct command *commands_find(const char *name)
{
	size_t i;

	for (i = 0; i < commands_len; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

const char *commands_name(enum options_command command)
{
	size_t i;

	for (i = 0; i < commands_len; i++) {
		if (commands[i].command == command)
			return commands[i].name;
	}
	return "help";
}

char *commands_names(unsigned int bits, char *to, size_t size)
{
	size_t i, at = 0, left = 0;

	for (i = 0; i < commands_len; i++)
		left += bits >> commands[i].command & 1;
	to[0] = '\0';
	for (i = 0; i < commands_len && at < size; i++) {
		if (!(bits >> commands[i].command & 1))
			continue;
		left--;
		at += snprintf(to + at, size - at, "%s%s", commands[i].name,
			       left > 1	   ? ", "
			       : left == 1 ? " and "
					   : "");
	}
	return to;
}
