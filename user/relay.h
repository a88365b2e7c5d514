/* SPDX-License-Identifier: MIT */
/*
 * relay.h - one relay: its process, where it is probed, what is counted, the stats broadcast made
 * of it, what that is worth. Or a recording of one. Nothing is shared between relays.
 */
#ifndef MOQSTAT_RELAY_H
#define MOQSTAT_RELAY_H

#include <stdbool.h>

#include "jsonl.h"
#include "options.h"
#include "sites.h"

struct relay;

/** The sites of the executable at `path`; what is wrong with it is logged. As sites_find(). */
int relay_find_sites(const char *path, bool cache, struct sites *out);

/** Take hold of a process and find its sites. Nothing is attached yet. `o` must outlive the result,
 *  which is ended by relay_destroy(). What is wrong is logged. *unusable, where it is given, tells
 *  whether that is the executable, so that another process of it would fare no better. Errors as of
 *  target_init() and sites_find(). */
int relay_create(pid_t pid, const struct options *o, bool *unusable, struct relay **out);

/** Attach to it, and begin its broadcast `<prefix>/node[/<node>]`; a recording of it goes to
 *  `record`, where that isn't NULL. What fails is logged. */
int relay_attach(struct relay *r, const char *node, const char *record);

/** A relay that was recorded: o->replay. *out is ended by relay_destroy(). Errors are logged. */
int relay_replay(const struct options *o, struct relay **out);
void relay_destroy(struct relay *r);

pid_t relay_pid(const struct relay *r);

/** Readable once the process has ended; -1 for a recording. */
int relay_pidfd(const struct relay *r);

/** The path of its stats broadcast; "" before relay_attach(). */
const char *relay_broadcast(const struct relay *r);

/** Does the process run another program by now? Then what was attached to is gone. */
bool relay_replaced(const struct relay *r);

/** Say what the numbers are worth. Returns 0, or what the writer gives. */
int relay_write_status(struct relay *r, struct jsonl *out);

/** One tick; and a status where that has changed. As stats_tick(). */
int relay_tick(struct relay *r, struct jsonl *out);

/** The last tick of a relay that has ended: all that it had open is closed. And a last status. */
int relay_finish(struct relay *r, struct jsonl *out);

#endif /* MOQSTAT_RELAY_H */
