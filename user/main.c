/* SPDX-License-Identifier: MIT */
/* main.c - wiring only. */
#include <bpf/libbpf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "options.h"
#include "run.h"

/* libbpf's messages go through our logger; its warnings repeat what we say better ourselves. */
static int main_libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[1024];
	int len = vsnprintf(line, sizeof(line), format, args);

	(void)level;
	if (len > 0 && (size_t)len < sizeof(line) && line[len - 1] == '\n')
		line[len - 1] = '\0';
	log_debug("%s", line);
	return len;
}

int main(int argc, char **argv)
{
	struct options options;

	if (options_parse(argc, argv, &options))
		return EXIT_USAGE;
	signal(SIGPIPE, SIG_IGN);
	libbpf_set_print(main_libbpf_print);
	if (options.verbose)
		log_set_level(LOG_DEBUG);
	switch (options.command) {
	case OPTIONS_RUN:
		return run(&options);
	case OPTIONS_SITES:
		return run_sites(&options);
	case OPTIONS_VERSION:
		return printf("moqstat %s\n", MOQSTAT_VERSION) < 0 || fflush(stdout) ? EXIT_FAILED
										     : EXIT_DONE;
	default:
		return options_help() ? EXIT_FAILED : EXIT_DONE;
	}
}
