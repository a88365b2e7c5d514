/* SPDX-License-Identifier: MIT */
/*
 * readings.h - the map `readings`: what the programs know of each entry besides its counts.
 */
#ifndef MOQSTAT_READINGS_H
#define MOQSTAT_READINGS_H

#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>
#include <moqstat.h>

/** An element. */
struct readings_row {
	uint64_t number; /* incarnation, or MOQSTAT_LIFE and more of one in the overflow */
	struct moqstat_reading what;
};

/** All of them; zeroed before the first use. */
struct readings {
	int map;		   /* descriptor; not owned */
	struct readings_row *list; /* sorted by number */
	size_t len, room;
};

/** Read the whole map. Nobody but this process takes elements out of it. 0 or -errno. */
int readings_read(struct readings *r);
void readings_deinit(struct readings *r);

/** One of those that have been read, or NULL. */
const struct readings_row *readings_find(const struct readings *r, uint64_t number);

/** Read one element anew. Where there is none, nothing was opened or closed on the entry since the
 *  probes: then *what stays as it is. */
void readings_read_one(const struct readings *r, uint64_t number, struct moqstat_reading *what);

/** Take an element out. */
void readings_delete(const struct readings *r, uint64_t number);

#endif /* MOQSTAT_READINGS_H */
