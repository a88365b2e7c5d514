/* SPDX-License-Identifier: MIT */
/*
 * relay.h - one relay: its process, where it is probed, what is counted, the stats broadcast made
 * of it, what that is worth. Or a recording of one. Nothing is shared between relays.
 */
#ifndef MOQSTAT_RELAY_H
#define MOQSTAT_RELAY_H

#include <stdbool.h>

#include "budget.h"
#include "census.h"
#include "jsonl.h"
#include "options.h"
#include "sites.h"
#include "vitals.h"

struct closer;
struct relay;

/** The sites of the executable at `path`; what is wrong with it is logged, by that name. As
 *  sites_find(). */
int relay_find_sites(const char *path, const char *name, bool cache, struct sites *out);

/** Take hold of a process and find its sites. Nothing is attached yet. `o` must outlive the result,
 *  which is ended by relay_destroy(). What is wrong is logged. *unusable, where it is given, tells
 *  whether that is the executable, so that another process of it would fare no better. Errors as of
 *  target_init() and sites_find(). */
int relay_create(pid_t pid, const struct options *o, bool *unusable, struct relay **out);

/** Attach to it, and begin its broadcast `<prefix>/node[/<node>]`; a recording of it goes to
 *  `record`, where that isn't NULL. `closer` takes its probes away in the end, and must outlive it.
 *  What fails is logged. */
int relay_attach(struct relay *r, const char *node, const char *record, struct closer *closer);

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

/** The last member of its rows, if that isn't counted; else NULL. Static text. */
const char *relay_uncounted(const struct relay *r);

/** Why relay_census() can't tell; NULL: it can. Static text. */
const char *relay_no_census(const struct relay *r);

/** What is open in it by its memory, as of census_read(). -ENOTSUP: of this executable that can't
 * be told, as relay_attach() has said. */
int relay_census(const struct relay *r, struct census *out);

/** What its probes cost and hold, after a tick; the relay's own. `measured`: the kernel measures
 *  programs now. */
const struct health_relay *relay_vitals(struct relay *r, bool measured);

/** Add what its probes have cost since the last call to *spent. 0 or -errno. */
int relay_toll(struct relay *r, struct budget_spent *spent);

/** Is a kind of payload away, or has it no probes at all, since it is read? */
bool relay_is_away(const struct relay *r, enum budget_kind kind);

/** Take the probes of a kind away, which `b` has shed, and say so. Returns 0, or what the writer
 *  gives. */
int relay_take_away(struct relay *r, enum budget_kind kind, const struct budget *b,
		    struct jsonl *out);

/** Put them back, once the closer has nothing left, without a status yet. As probes_put_back(). */
int relay_put_back(struct relay *r, enum budget_kind kind);

/** The last tick of a relay that has ended: all that it had open is closed. And a last status. */
int relay_finish(struct relay *r, struct jsonl *out);

#endif /* MOQSTAT_RELAY_H */
