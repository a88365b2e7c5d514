/* SPDX-License-Identifier: MIT */
/*
 * options.h - what is asked for: on the command line, in the environment, in a configuration file.
 * What is given there counts in this order; settings.h declares every option.
 */
#ifndef MOQSTAT_OPTIONS_H
#define MOQSTAT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "log.h"
#include "percpu.h"
#include "probes.h"
#include "table.h"

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
	OPTIONS_SERVE,
	OPTIONS_CONFIG,
	OPTIONS_DOCTOR,
	OPTIONS_FACTS, /* the command `version`; OPTIONS_VERSION is --version */
	OPTIONS_TOP,
	OPTIONS_VERIFY,
};

/** Where a value is from; what is greater counts more. */
enum options_source {
	OPTIONS_DEFAULT = 0,
	OPTIONS_FILE,
	OPTIONS_ENVIRONMENT,
	OPTIONS_ARGUMENT,
};

enum options_output {
	OPTIONS_OUTPUT_JSONL = 0,
	OPTIONS_OUTPUT_NONE,
};

/** Room for every setting. */
#define OPTIONS_SETTINGS_MAX 64

/** What was asked for. Strings point into argv, the environment, or `file`. */
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
	uint32_t depth;	    /* run: segments by which broadcasts are told apart; 0: all in one */
	uint64_t linger_ms; /* run, with depth: if given */
	uint64_t interval_ms;
	uint32_t max_broadcasts;
	enum probes_kind probes;
	enum probes_identity identity;
	enum probes_hot hot;
	const char *leave_out;
	const char *listen;		/* run, serve: an address */
	const char *publish;		/* run, serve: URLs, or NULL */
	const char *publish_token_file; /* with publish: a file, or NULL */
	bool no_standing;		/* with publish: no subscriptions of its own */
	enum options_output output;
	uint32_t metrics_max;
	const char *user;			     /* run: whom to become */
	const char *token_file, *tls_cert, *tls_key; /* with listen: files, or NULL */
	bool best_effort;
	bool bpf_stats;	   /* run: have the kernel measure programs */
	uint32_t budget;   /* run: thousandths of a percent of the machine; 0: none */
	uint32_t hit_cost; /* run, with budget: nanoseconds */
	enum percpu_way maps;
	bool explain;
	bool json;
	bool no_cache;
	bool verbose;
	enum log_format log_format;
	bool no_unattributed; /* no row for what can't be named */
	const char *url;      /* top: an agent's, or NULL */
	const char *cacert;   /* top, verify: a file, or NULL */
	const char *sort;     /* top: a column, or NULL */
	const char *filter;   /* top: or NULL */
	enum table_kind view; /* top */
	enum table_tier tier; /* top */
	bool reverse;	      /* top */
	bool plain;	      /* top */
	uint32_t count;	      /* top: 0 without end */
	bool check, print, list;
	bool cost;	       /* sites: what a hit costs, in place of the list */
	uint32_t rate;	       /* with cost: frames sent a second */
	const char *relay_url; /* verify: of the relay's own HTTP, or NULL */
	bool insecure;
	uint64_t seconds_ms; /* verify: for so long */
	const char *report;  /* verify: a file, or NULL */
	const char *config;
	unsigned char given[OPTIONS_SETTINGS_MAX]; /* enum options_source, by settings.h's table */
	char *file;				   /* the text of the configuration file, or NULL */
};

/**
 * Take the command line `argv`, the environment `env` (as environ(7)) and the configuration file.
 * What is wrong is logged. 0; -EINVAL; -ENOMEM; what reading the file gives. *out is untouched on
 * failure, else ended by options_deinit().
 */
int options_parse(int argc, char **argv, char *const *env, struct options *out);
void options_deinit(struct options *o);

/** The same settings anew: the command line's as in `before`, whose texts they stay, the others by
 * the environment and the file as they are now. Errors, and *out, as of options_parse(). */
int options_again(const struct options *before, char *const *env, struct options *out);

/** Print the help on stdout. 0 or -errno. */
int options_help(void);

#endif /* MOQSTAT_OPTIONS_H */
