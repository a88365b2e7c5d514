/* SPDX-License-Identifier: MIT */
/*
 * programs.h - the BPF programs and maps of one relay, loaded and not yet attached.
 */
#ifndef MOQSTAT_PROGRAMS_H
#define MOQSTAT_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <moqstat.h>

struct moqstat_bpf;

struct programs_options {
	pid_t pid;		   /* the relay, whose hits count */
	uint32_t max_broadcasts;   /* bounds the maps */
	bool by_guard;		   /* don't go by entry pointers, even where there are any */
	bool multi;		   /* to be attached by uprobe_multi links */
	bool paths_shared;	   /* as in struct layout */
	bool labelled;		   /* tiers are labels: its `tiers` is 1 */
	uint32_t label_of_session; /* of layout_scope, where they are */
	bool readable;		   /* entries' counters of payload may be read: these offsets */
	uint32_t read_offsets[MOQSTAT_SLOT_SESSION];
};

/** Load them under a key of their own. What fails is logged. *out is ended by
 *  moqstat_bpf__destroy(). 0 or -errno. */
int programs_load(const struct programs_options *options, struct moqstat_bpf **out);

/** Can bpf/flow.h read a site's record? It is one of the frequent bumps, whose operands lie where
 *  compilers put them: then its `plain` is to be set. */
bool programs_plain(const struct moqstat_site *site);

/** The program that runs at sites of an event: its descriptor, which the object keeps. */
int programs_at(const struct moqstat_bpf *object, enum moqstat_event event);

#endif /* MOQSTAT_PROGRAMS_H */
