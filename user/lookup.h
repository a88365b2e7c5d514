/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - the addresses of a host, looked up while others go on: by a thread of the C library's
 * (getaddrinfo_a(3)).
 */
#ifndef MOQSTAT_LOOKUP_H
#define MOQSTAT_LOOKUP_H

#include <stddef.h>

/** Room for an address as text. */
#define LOOKUP_ADDRESS_MAX 64

struct lookup;

/** Have the C library load what it takes for this, while it still may; a thread's end, above all,
 * takes a library that it loads at the first one. */
void lookup_prepare(void);

/** Begin to look for a host of that name; an IP address needs no looking. *out is ended by
 *  lookup_destroy(), at any time. -ENOMEM; -EAGAIN the system has no thread for it. */
int lookup_create(const char *host, struct lookup **out);
void lookup_destroy(struct lookup *l);

/** Its address of a number, counted from 0 and around again, as text, and *count, how many there
 *  are. 0; -EAGAIN not yet; -ENOENT there is none, and *why tells. */
int lookup_address(struct lookup *l, unsigned int number, char out[LOOKUP_ADDRESS_MAX],
		   unsigned int *count, const char **why);

#endif /* MOQSTAT_LOOKUP_H */
