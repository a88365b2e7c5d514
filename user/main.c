/* SPDX-License-Identifier: MIT */
/* main.c - wiring only. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "census_report.h"
#include "config_report.h"
#include "doctor.h"
#include "listen.h"
#include "log.h"
#include "options.h"
#include "run.h"
#include "serve.h"
#include "top.h"
#include "verify.h"
#include "version.h"

/* libbpf's messages go through our logger; its warnings repeat what we say better ourselves. */
static int main_libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[1024], *rest = text, *line;
	int len = vsnprintf(text, sizeof(text), format, args);

	(void)level;
	/* What the verifier says is of several lines. */
	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			log_debug("%s", line);
	}
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

static int main_serve(const struct options *o)
{
	const struct serve_options options = { .token_file = o->token_file,
					       .certificate = o->tls_cert,
					       .key = o->tls_key,
					       .metrics_max = o->metrics_max,
					       .publish = { .urls = o->publish,
							    .token_file = o->publish_token_file,
							    .cacert = o->cacert,
							    .no_standing = o->no_standing },
					       .stay = o->listen };
	const struct listen_rules rules = { .tokens = o->token_file, .tls = o->tls_cert };
	struct serve *serve;
	int socket = -1, status, err = serve_check(&options);

	if (!err && o->listen)
		err = listen_open(o->listen, &rules, &socket);
	if (!err)
		err = serve_create(STDIN_FILENO, socket, &options, &serve);
	if (err)
		return EXIT_USAGE;
	status = serve_loop(serve);
	serve_destroy(serve);
	return status;
}

static int main_command(const struct options *options)
{
	switch (options->command) {
	case OPTIONS_RUN:
		return run(options);
	case OPTIONS_SITES:
		return run_sites(options);
	case OPTIONS_CENSUS:
		return census_report_run(options);
	case OPTIONS_SERVE:
		return main_serve(options);
	case OPTIONS_TOP:
		return top(options);
	case OPTIONS_DOCTOR:
		return doctor_run(options);
	case OPTIONS_VERIFY:
		return verify_run(options);
	case OPTIONS_CONFIG:
		return config_report_run(options);
	case OPTIONS_FACTS:
		return version_run(options);
	case OPTIONS_VERSION:
		return printf("moqstat %s\n", MOQSTAT_VERSION) < 0 || fflush(stdout) ? EXIT_FAILED
										     : EXIT_DONE;
	default:
		return options_help() ? EXIT_FAILED : EXIT_DONE;
	}
}

int main(int argc, char **argv)
{
	struct options options;
	int status;

	log_find_journal();
	if (main_check_descriptors())
		return EXIT_USAGE;

	if (options_parse(argc, argv, environ, &options))
		return EXIT_USAGE;
	signal(SIGPIPE, SIG_IGN);
	libbpf_set_print(main_libbpf_print);
	log_set_format(options.log_format);
	if (options.verbose)
		log_set_level(LOG_DEBUG);
	status = main_command(&options);
	options_deinit(&options);
	return status;
}
