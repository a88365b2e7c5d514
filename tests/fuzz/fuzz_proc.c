/* SPDX-License-Identifier: MIT */
/*
 * fuzz_proc.c - what a process may make /proc say of it: its cgroup, its mappings, what its
 * executable holds. The first line is the pattern of a unit; the rest is each of the three.
 */
#include <fnmatch.h>
#include <string.h>

#include "fuzz.h"

#include "maps.h"
#include "marker.h"
#include "unit.h"

static void proc_unit(const char *pattern, const char *cgroups)
{
	char name[UNIT_NAME_SIZE], full[UNIT_NAME_SIZE + 16];

	if (!unit_pattern(pattern, name)) {
		fuzz_check(*name && !strchr(name, '/'));
		unit_matches(cgroups, name);
	}
	unit_name(cgroups, name);
	fuzz_check(strlen(name) < UNIT_NAME_SIZE && !strchr(name, '/') && !strchr(name, '\n'));
	/* A name that is told is one of a unit that the text names. */
	snprintf(full, sizeof(full), "%s.service", name);
	if (*name && !strpbrk(name, "*?[]\\"))
		fuzz_check(unit_matches(cgroups, full) || unit_matches(cgroups, name));
}

static void proc_maps(const char *text, size_t size)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, size, "re");
	struct maps_entry entry;
	size_t lines = 1, told = 0;
	const char *at;

	fuzz_check(file);
	for (at = text; (at = memchr(at, '\n', text + size - at)); at++)
		lines++;
	while (maps_next(file, &entry)) {
		told++;
		fuzz_check(entry.start < entry.end && entry.end <= MAPS_END);
		fuzz_check(strlen(entry.flags) == 4 && strlen(entry.path) < sizeof(entry.path));
		fuzz_check(!strchr(entry.path, '\n'));
	}
	fuzz_check(told <= lines);
	fclose(file);
}

static const char proc_mark[] = "MOQ_STATS_ENABLED";

static void proc_marker(const uint8_t *data, size_t size)
{
	bool relay, found = memmem(data, size, proc_mark, strlen(proc_mark));

	fuzz_check(!marker_check(fuzz_file(0, data, size), &relay));
	fuzz_check(relay == (found && size >= 4 && !memcmp(data, "\177ELF", 4)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	struct fuzz_in in = { data, end ? (size_t)(end - data) : 0 };
	char *pattern = fuzz_string(&in), *text;

	in = (struct fuzz_in){ end ? end + 1 : data, end ? size - (end + 1 - data) : size };
	text = fuzz_string(&in);
	proc_unit(pattern, text);
	if (size)
		proc_maps((const char *)data, size);
	proc_marker(data, size);
	free(pattern);
	free(text);
	return 0;
}

void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"moq*\n0::/system.slice/moq-relay.service\n",
		"moq-relay@a\n12:pids:/x\n1:name=systemd:/system.slice/moq-relay@a.service/x.scope\n",
		"_x.slice\n0::/_x.slice/__y.scope/\n",
		"\n55d0c0000000-55d0c1000000 r-xp 00001000 08:01 1234   /usr/bin/moq-relay (deleted)\n"
		"7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n"
		"7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                [stack]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0        [vsyscall]\n",
		"\177ELF\2\1\1 MOQ_STATS MOQ_STATS_ENABLED MOQ",
	};
	size_t i;

	for (i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed(seeds[i], strlen(seeds[i]));
}
