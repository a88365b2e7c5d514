/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The kinds of units that have cgroups. */
static const char *const unit_suffixes[] = { ".service", ".scope", ".slice",
					     ".socket",	 ".mount", ".swap" };

#define UNIT_SUFFIXES (sizeof(unit_suffixes) / sizeof(unit_suffixes[0]))

static bool unit_ends(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	return len > suffix_len && !strcmp(name + len - suffix_len, suffix);
}

int unit_pattern(const char *name, char out[UNIT_NAME_SIZE])
{
	size_t i;
	int len;

	for (i = 0; i < UNIT_SUFFIXES && !unit_ends(name, unit_suffixes[i]); i++)
		;
	if (!*name || strchr(name, '/'))
		return -EINVAL;
	len = snprintf(out, UNIT_NAME_SIZE, "%s%s", name, i < UNIT_SUFFIXES ? "" : ".service");
	return len < UNIT_NAME_SIZE ? 0 : -EINVAL;
}

int unit_read(const char *proc, pid_t pid, char out[UNIT_TEXT_SIZE])
{
	char path[4096];
	size_t len = 0;
	ssize_t n = 0;
	int fd, err;

	snprintf(path, sizeof(path), "%s/%d/cgroup", proc, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < UNIT_TEXT_SIZE - 1 && (n = read(fd, out + len, UNIT_TEXT_SIZE - 1 - len)) > 0)
		len += n;
	err = n < 0 ? -errno : 0;
	close(fd);
	out[len] = '\0';
	return err;
}

/* The cgroup path of a line "ID:CONTROLLERS:PATH" of systemd's own hierarchy: that of cgroup v2, or
 * the named one of v1. NULL for any other. */
static const char *unit_line_path(const char *line)
{
	const char *controllers = strchr(line, ':');

	if (!controllers)
		return NULL;
	if (!strncmp(line, "0::", 3))
		return line + 3;
	return strncmp(controllers, ":name=systemd:", 14) ? NULL : controllers + 14;
}

/* The next component of *path, which is moved on; false at the end of the line. systemd puts an
 * underscore in front of what the kernel could take for a file of its own, and of underscores. */
static bool unit_component(const char **path, char out[UNIT_NAME_SIZE])
{
	size_t len;

	do {
		*path += strspn(*path, "/");
		len = strcspn(*path, "/\n");
		if (!len)
			return false;
		snprintf(out, UNIT_NAME_SIZE, "%.*s", (int)len, *path);
		*path += len;
	} while (len >= UNIT_NAME_SIZE);
	if (*out == '_')
		memmove(out, out + 1, strlen(out));
	return true;
}

static const char *unit_next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end && end[1] ? end + 1 : NULL;
}

bool unit_matches(const char *cgroups, const char *pattern)
{
	char name[UNIT_NAME_SIZE];
	const char *line, *path;

	for (line = cgroups; line; line = unit_next_line(line)) {
		path = unit_line_path(line);
		while (path && unit_component(&path, name)) {
			if (!fnmatch(pattern, name, FNM_NOESCAPE))
				return true;
		}
	}
	return false;
}

void unit_name(const char *cgroups, char out[UNIT_NAME_SIZE])
{
	char name[UNIT_NAME_SIZE];
	const char *line, *path;

	*out = '\0';
	for (line = cgroups; line && !*out; line = unit_next_line(line)) {
		path = unit_line_path(line);
		while (path && unit_component(&path, name)) {
			if (unit_ends(name, ".service"))
				snprintf(out, UNIT_NAME_SIZE, "%.*s",
					 (int)(strlen(name) - strlen(".service")), name);
			else if (unit_ends(name, ".scope"))
				snprintf(out, UNIT_NAME_SIZE, "%s", name);
		}
	}
}
