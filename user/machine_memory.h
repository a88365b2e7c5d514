/* SPDX-License-Identifier: MIT */
/*
 * machine_memory.h - a private copy of another process's memory, page by page as it is asked for.
 */
#ifndef MOQSTAT_MACHINE_MEMORY_H
#define MOQSTAT_MACHINE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"

#define MACHINE_MEMORY_SLOTS (4 * MACHINE_PAGES_MAX) /* a power of two */

struct machine_page {
	uint64_t addr;
	size_t slot;
	uint8_t seen[MACHINE_PAGE];	/* as it was in the process */
	uint8_t now[MACHINE_PAGE];	/* with what the run has written */
	uint8_t used[MACHINE_PAGE / 8]; /* bytes that count for machine_memory_same() */
};

struct machine_memory {
	int (*page)(void *arg, uint64_t addr, uint8_t bytes[MACHINE_PAGE]);
	void *arg;
	struct machine_page *pages[MACHINE_PAGES_MAX];
	size_t len;			      /* pages in use */
	size_t room;			      /* pages allocated */
	uint16_t slots[MACHINE_MEMORY_SLOTS]; /* index + 1 by hash of address */
	uint8_t stack[MACHINE_STACK];
	uint64_t stack_from[MACHINE_STACK / 8]; /* where what was pushed had been loaded from */
};

void machine_memory_deinit(struct machine_memory *m);

/** Forget all pages. */
void machine_memory_forget(struct machine_memory *m);

/** `counts`: what is read must not change until machine_memory_same(). -EFAULT: not readable;
 *  -E2BIG: too many pages; -ENOMEM. */
int machine_memory_read(struct machine_memory *m, uint64_t addr, void *out, size_t size,
			bool counts);
int machine_memory_write(struct machine_memory *m, uint64_t addr, const void *in, size_t size);

bool machine_memory_same(struct machine_memory *m);

/** Where a word on the private stack was loaded from; NULL if the address isn't one. */
uint64_t *machine_memory_from(struct machine_memory *m, uint64_t addr);

#endif /* MOQSTAT_MACHINE_MEMORY_H */
