/* SPDX-License-Identifier: MIT */
/*
 * unit.h - which systemd unit a process belongs to, by its cgroup. No systemd is asked: it names
 * the cgroup of a unit after the unit.
 */
#ifndef MOQSTAT_UNIT_H
#define MOQSTAT_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** Longest name of a unit with the NUL (systemd: UNIT_NAME_MAX). */
#define UNIT_NAME_SIZE 256

/** Bytes of /proc/PID/cgroup that are looked at, with the NUL. */
#define UNIT_TEXT_SIZE 16384

/** The pattern that `name` stands for, as systemctl has it: without a suffix it is a service. It
 * may hold wildcards. -EINVAL: empty, with a slash, or too long. */
int unit_pattern(const char *name, char out[UNIT_NAME_SIZE]);

/** The text of <proc>/<pid>/cgroup, without what goes beyond UNIT_TEXT_SIZE. 0 or -errno. */
int unit_read(const char *proc, pid_t pid, char out[UNIT_TEXT_SIZE]);

/** Does the text of /proc/PID/cgroup say that the process is in a unit that the pattern matches?
 *  Units around the innermost count, too: slices, a container's scope. */
bool unit_matches(const char *cgroups, const char *pattern);

/** The name of the innermost service or scope that the text names, a service's without the suffix;
 *  "" where there is none. */
void unit_name(const char *cgroups, char out[UNIT_NAME_SIZE]);

#endif /* MOQSTAT_UNIT_H */
