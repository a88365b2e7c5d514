/* SPDX-License-Identifier: MIT */
/*
 * uprobe.h - links between a BPF program and instructions of an executable. Each is a descriptor,
 * and the probes are gone when that is closed.
 */
#ifndef MOQSTAT_UPROBE_H
#define MOQSTAT_UPROBE_H

#include <stddef.h>
#include <stdint.h>

/** The attach type of uprobe_multi links, which Debian 12's headers and libbpf are too old to know
 *  (Linux 6.6: include/uapi/linux/bpf.h, enum bpf_attach_type). */
#define UPROBE_ATTACH_MULTI 48

/** Where the kernel tells the type of perf events that are uprobes. */
#define UPROBE_TYPE_FILE "/sys/bus/event_source/devices/uprobe/type"

/** Have a program run at `len` file offsets of the executable at `path`, with a cookie each
 *  (`cookies` may be NULL). All of them or none. A link's descriptor, or -errno. */
int uprobe_link_multi(int prog, const char *path, const uint64_t *offsets, const uint64_t *cookies,
		      size_t len);

/** The type of perf events that are uprobes; -errno where the kernel has none (-ENOENT). */
int uprobe_event_type(void);

/** Have a program run at one file offset, by a perf event of that type. A link's descriptor, or
 *  -errno. Closing it takes up to 0.1 s (docs/adr/0013-probes.md). */
int uprobe_link_event(int prog, int type, const char *path, uint64_t offset, uint64_t cookie);

/** What is wrong with the place, where it is that which makes one of these functions fail with
 *  `err`; static text. NULL where it is something else: then another place would fare no better. */
const char *uprobe_refusal(int err);

#endif /* MOQSTAT_UPROBE_H */
