/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line.
 */
#ifndef MOQSTAT_OPTIONS_H
#define MOQSTAT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "probes.h"

/** How moqstat ends. Stable: scripts rely on them. */
enum options_exit {
	EXIT_DONE = 0,	      /* did what was asked, or was stopped by SIGINT or SIGTERM */
	EXIT_FAILED = 1,      /* something failed on the way: output, memory, the kernel */
	EXIT_USAGE = 2,	      /* bad arguments, files or targets: asking again won't help */
	EXIT_RELAY_ENDED = 3, /* the relay of --pid ended; a last tick was written */
};

enum options_command {
	OPTIONS_HELP = 0,
	OPTIONS_VERSION,
	OPTIONS_RUN,
	OPTIONS_SITES,
	OPTIONS_CENSUS,
};

/** What was asked for. Strings point into argv. */
struct options {
	enum options_command command;
	pid_t pid;	  /* 0: none given */
	const char *exe;  /* run: the path of an executable */
	const char *unit; /* run: a systemd unit */
	bool all;	  /* run: every relay */
	const char *binary;
	const char *replay;
	const char *record; /* a template, likewise */
	const char *node;   /* a template, as template.h has it */
	const char *prefix;
	uint64_t interval_ms;
	uint32_t max_broadcasts;
	enum probes_kind probes;
	enum probes_identity identity;
	const char *leave_out;
	bool explain;
	bool json;
	bool no_cache;
	bool verbose;
	bool no_unattributed; /* no row for what can't be named */
};

/** Parse the command line. What is wrong is logged. 0 or -EINVAL. */
int options_parse(int argc, char **argv, struct options *out);

/** Print the help on stdout. 0 or -errno. */
int options_help(void);

#endif /* MOQSTAT_OPTIONS_H */
