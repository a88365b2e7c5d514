/* SPDX-License-Identifier: MIT */
/*
 * collect_format.h - what collect_record.c and collect_replay.c must agree on: names and limits of
 * the recording format. The format itself is described at the top of collect_record.c.
 */
#ifndef MOQSTAT_COLLECT_FORMAT_H
#define MOQSTAT_COLLECT_FORMAT_H

#include <stddef.h>

#include <moqstat.h>

/** The version that is written and the only one that is read. */
#define COLLECT_FORMAT_VERSION 1

/** Longest line, bytes, its newline included. */
#define COLLECT_FORMAT_LINE_MAX ((size_t)64 << 20)

/** Names in a recording, by the enum's value. They are stored in files: append only. */
extern const char *const collect_format_roles[MOQSTAT_ROLE_MAX];
extern const char *const collect_format_tiers[MOQSTAT_TIER_MAX];
extern const char *const collect_format_fields[MOQSTAT_FIELD_MAX];
extern const char *const collect_format_session_fields[MOQSTAT_SESSION_FIELD_MAX];
extern const char *const collect_format_lost[MOQSTAT_LOST_MAX];

/** Index of `name` in a table of `len` names, or -ENOENT. */
int collect_format_find(const char *const *names, size_t len, const char *name);

#endif /* MOQSTAT_COLLECT_FORMAT_H */
