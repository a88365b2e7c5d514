/* SPDX-License-Identifier: MIT */
/* main.c - wiring only. */
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "census_report.h"
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

/* What is opened must not become standard output by chance. */
static int main_check_descriptors(void)
{
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
			return -1;
		if (fd == STDOUT_FILENO) {
			log_error("standard output is closed; connect it to a file or a pipe");
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options options;

	if (main_check_descriptors())
		return EXIT_USAGE;

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
	case OPTIONS_CENSUS:
		return census_report_run(&options);
	case OPTIONS_VERSION:
		return printf("moqstat %s\n", MOQSTAT_VERSION) < 0 || fflush(stdout) ? EXIT_FAILED
										     : EXIT_DONE;
	default:
		return options_help() ? EXIT_FAILED : EXIT_DONE;
	}
}
