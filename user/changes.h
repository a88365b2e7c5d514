/* SPDX-License-Identifier: MIT */
/*
 * changes.h - which counters something was added to since they were read last, as the programs tell
 * (bpf/count.h).
 */
#ifndef MOQSTAT_CHANGES_H
#define MOQSTAT_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include <moqstat.h>

struct moqstat_bpf;
struct ring_buffer;
struct incarnation;

struct changes {
	struct moqstat_bpf *object;
	struct ring_buffer *ring;
	struct moqstat_slot_key *keys;
	size_t len, room;
	bool all; /* there are more than could be told: everything is to be read */
};

/** Everything is to be read at first. *out stays where it is, and is ended by changes_deinit(). 0
 * or -errno. */
int changes_init(struct moqstat_bpf *object, struct changes *out);
void changes_deinit(struct changes *c);

/** Let all counters of an incarnation be read the next time, whatever the programs tell. */
void changes_add(struct changes *c, const struct incarnation *in);

/** Take what the programs have told, just before counters are read: c->keys are then those to read,
 *  each once, unless c->all. What is counted from now on is told the next time. */
void changes_take(struct changes *c);

/** They have been read. */
void changes_done(struct changes *c);

#endif /* MOQSTAT_CHANGES_H */
