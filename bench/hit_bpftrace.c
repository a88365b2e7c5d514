// SPDX-License-Identifier: MIT
/* The peer: bpftrace scripts as one would write them, by the guard's address. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/fixture/process.h"
#include "hit.h"

struct hit_bpftrace {
	struct fixture_process process;
};

#define PROBES(fixture, what) \
	"uprobe:%s:hit_push_" what ",uprobe:%s:hit_test_" what ",uprobe:%s:hit_mov_" what
#define SCRIPT                                                                       \
	PROBES(fixture, "count")                                                     \
	" { @count[arg0] = count(); } " PROBES(fixture,                              \
					       "sum") " { @sum[arg0] = sum(arg1); }" \
						      " interval:s:1 { printf(\"ready\\n\"); }"

int hit_bpftrace_create(const char *fixture, struct hit_bpftrace **out)
{
	struct hit_bpftrace *b = calloc(1, sizeof(*b));
	char *path = realpath(fixture, NULL), line[256], *script = NULL;
	int err = b && path ? 0 : -ENOMEM;

	if (!err && asprintf(&script, SCRIPT, path, path, path, path, path, path) < 0)
		err = -ENOMEM;
	if (!err) {
		char *argv[] = { "/usr/bin/env", "bpftrace", "-e", script, NULL };

		err = fixture_process_start(&b->process, argv);
	}
	free(path);
	free(script);
	/* It says that it attaches, not that it has. A second later it has: if not, its counts will
	 * not fit. */
	while (!err && fgets(line, sizeof(line), b->process.from) && strcmp(line, "ready\n"))
		;
	if (!err && feof(b->process.from)) {
		fixture_process_end(&b->process);
		err = -ENOENT;
	}
	if (err) {
		free(b);
		return err;
	}
	*out = b;
	return 0;
}

bool hit_bpftrace_destroy(struct hit_bpftrace *b, const struct hit_program *count,
			  const struct hit_program *sum)
{
	uint64_t counted = 0, summed = 0, counts = 0, sums = 0, value;
	char line[256];
	bool fits;

	if (!b)
		return true;
	for (int i = HIT_FUNCTIONS; i < HIT_SHAPES; i++) {
		counts += count->passes[i];
		sums += sum->passes[i] * HIT_BYTES;
	}
	kill(b->process.pid, SIGINT);
	while (fgets(line, sizeof(line), b->process.from)) {
		if (sscanf(line, "@count[%*[0-9]]: %" SCNu64, &value) == 1)
			counted += value;
		if (sscanf(line, "@sum[%*[0-9]]: %" SCNu64, &value) == 1)
			summed += value;
	}
	fits = counted == counts && summed == sums;
	if (!fits)
		fprintf(stderr,
			"bpftrace counted %" PRIu64 " of %" PRIu64 ", summed %" PRIu64
			" of %" PRIu64 "\n",
			counted, counts, summed, sums);
	fixture_process_end(&b->process);
	free(b);
	return fits;
}
