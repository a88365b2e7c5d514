/* SPDX-License-Identifier: MIT */
/* fuzz_options.c - a command line: arguments with a NUL behind each. */
#include <getopt.h>
#include <string.h>

#include "fuzz.h"

#include "options.h"
#include "template.h"
#include "utf8.h"

#define OPTIONS_ARGS 32

static void options_look(const struct options *o)
{
	fuzz_check(o->interval_ms >= 10 && o->interval_ms <= 3600000);
	fuzz_check(o->max_broadcasts >= 1 && o->max_broadcasts <= 1000000);
	fuzz_check(o->pid >= 0 && o->pid <= 4194304);
	fuzz_check(!o->node || (utf8_valid(o->node, strlen(o->node)) && !template_check(o->node)));
	fuzz_check(utf8_valid(o->prefix, strlen(o->prefix)));
	if (o->command == OPTIONS_RUN)
		fuzz_check(!!o->pid + !!o->exe + !!o->unit + o->all + !!o->replay == 1);
	if (o->command == OPTIONS_SITES)
		fuzz_check(!o->pid != !o->binary);
	if (o->command == OPTIONS_CENSUS)
		fuzz_check(o->pid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	char *text = fuzz_string(&in), *at = text, *none[] = { text, NULL };
	char *argv[OPTIONS_ARGS + 2] = { "moqstat" };
	struct options o;
	int argc = 1;

	for (; argc <= OPTIONS_ARGS && at < text + size; at += strlen(at) + 1)
		argv[argc++] = at;
	/* Else it would go on in the arguments of the last time. */
	optind = 0;
	getopt_long(1, none, "", NULL, NULL);
	if (!options_parse(argc, argv, NULL, &o)) {
		options_look(&o);
		options_deinit(&o);
	}
	free(text);
	return 0;
}

void fuzz_seeds(void)
{
	static const char run[] = "run\0--pid\0001234\0--node\0{host}/{pid}\0--interval\0000.5";
	static const char all[] = "run\0--all\0--record=a-{pid}\0--max-broadcasts=77\0"
				  "--probes\0perf_event\0--identity\0guard\0--explain";
	static const char replay[] = "run\0--replay\0/dev/null\0--prefix\0.stats\0--output=jsonl";
	static const char unit[] = "run\0--unit\0moq-relay@*\0--leave-out\0publisher.bytes\0"
				   "--no-unattributed\0--no-cache";
	static const char sites[] = "sites\0--binary\0/bin/true\0--json\0--verbose";
	static const char census[] = "census\0--pid=1\0--js";

	fuzz_seed(run, sizeof(run));
	fuzz_seed(all, sizeof(all));
	fuzz_seed(replay, sizeof(replay));
	fuzz_seed(unit, sizeof(unit));
	fuzz_seed(sites, sizeof(sites));
	fuzz_seed(census, sizeof(census));
	fuzz_seed("-hV", 4);
}
