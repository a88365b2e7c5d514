/* SPDX-License-Identifier: MIT */
/*
 * scene.h - a relay as the programs see it: its registers, paths in its memory, sites that read
 * them, and what has been counted.
 */
#ifndef MOQSTAT_SCENE_H
#define MOQSTAT_SCENE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include "host.h"

/** Its process, and threads of it. Any other process is none of ours. */
#define SCENE_TGID   1000u
#define SCENE_THREAD 1001u
#define SCENE_OTHER  1002u

/** What Stats and StatsHandle hold where the relay's statistics are on. */
#define SCENE_SHARED 0x7f0000009000ULL

/** The sites that there are. Each reads registers of its own for each operand, so that a test can
 *  put one together freely: E in rbx, tier in r8b, side in r9, n in rcx, guard in r12, path in r13;
 *  functions get their path in rsi, and the statistics in r9. */
enum scene_site {
	AT_ENTRY = 1,
	AT_ENTRY_NEW,
	AT_SESSION,
	AT_SESSION_NEW,
	AT_SESSION_OPEN,
	AT_SESSION_CLOSE,
	AT_SESSION_PLACE,
	AT_OPEN,  /* broadcasts of the publisher */
	AT_CLOSE, /* the same */
	AT_TRACK, /* subscriptions of the publisher */
	AT_TRACK_CLOSE,
	AT_BYTES, /* of the publisher */
	AT_PLACE,
	AT_OWNER,
	AT_PEEK,
	AT_PEEK_KEY,
	AT_TABLE,
	AT_INSERT,
	AT_TAKE,
	AT_SCOPE,
	AT_CALL,
	SCENE_SITES
};

/** cmocka's: a relay without paths, its statistics on, this thread of it running; and its end. */
int scene_setup(void **state);
int scene_teardown(void **state);

/** A test in such a scene. */
#define scene_test(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

/** Let the relay's statistics be off: from the next entry on, E is null. */
void scene_statistics_off(void);

struct moqstat_operand scene_imm(__s32 value);
struct moqstat_operand scene_reg(enum moqstat_reg reg, __u8 width);
struct moqstat_operand scene_mem(enum moqstat_reg reg, __s32 disp, __u8 width);

/** A site, to be changed. */
struct moqstat_site *scene_site(__u32 cookie);

void scene_set(enum moqstat_reg reg, __u64 value);
void scene_zero_flag(bool set);

/** Another thread, or process, runs. */
void scene_thread(__u32 tgid, __u32 thread);

/** A path object at `at`, its text elsewhere; returns `at`. */
__u64 scene_path(__u64 at, const char *text);
__u64 scene_path_bytes(__u64 at, const void *bytes, __u32 len);

/** Let a site fire, as it is and with the registers as they are. */
void scene_fire(__u32 cookie);

/** The same for what tests do most. Texts stand for paths. */
void scene_name(const char *text);		  /* Stats::entry begins */
void scene_new(__u64 entry, const char *text);	  /* and makes an entry */
void scene_session(const char *root, __u64 tier); /* StatsHandle::session begins */
void scene_bump(__u32 cookie, __u64 entry);	  /* on an entry */
void scene_guard_bump(__u32 cookie, __u64 guard); /* on a guard without an entry */
void scene_place(__u32 cookie, __u64 guard);	  /* it gets its place */

/** A subscription of a path begins where the statistics are off, and its guard gets its place. */
void scene_open_track(__u64 guard, const char *path);

/** What was counted, on all CPUs together. */
__u64 scene_hits(__u32 cookie);
__u64 scene_count(const struct moqstat_id *id, __u32 slot, __u32 field);

/** Of the newest identity of a path, as publisher, externally. */
__u64 scene_counted(const char *text, __u32 field);

/** Fails unless nothing but `reason` was lost, `n` times. */
void scene_assert_lost(__u32 reason, __u64 n);

/** The newest identity that a path has, of slot 0 or a root's. hash 0 if it has none. */
struct moqstat_id scene_id(const char *text, __u32 slot);

/** The identity of what has no room, or no name. */
struct moqstat_id scene_overflow(__u32 slot);
struct moqstat_id scene_unattributed(void);

/** What a path stands for, or NULL; and whether a guard is known by an address. */
const struct moqstat_path *scene_path_of(const char *text);

/** How many openings are noted with it. */
__u32 scene_opens(const char *text);
bool scene_guard_known(__u64 address, __u32 kind);

/** The identity that a pointer stands for; hash and tgid 0 if none. */
struct moqstat_id scene_entry_id(__u64 entry);

void scene_assert_id(struct moqstat_id got, struct moqstat_id expected);

#endif /* MOQSTAT_SCENE_H */
