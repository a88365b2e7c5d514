/* SPDX-License-Identifier: MIT */
/*
 * outlet.h - lines to a reader that must never be waited for: what it doesn't take at once is kept,
 * up to a bound, and what is beyond that is dropped, line by line.
 */
#ifndef MOQSTAT_OUTLET_H
#define MOQSTAT_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** So many bytes are kept for a reader at most; and of lines that it must get so many more. */
#define OUTLET_BYTES_MAX  (256 << 20)
#define OUTLET_BYTES_MORE (16 << 20)

struct outlet_line;

struct outlet {
	int fd;				  /* non-blocking; not owned */
	struct outlet_line *first, *last; /* what waits; each is let go of when it is taken */
	size_t taken;			  /* bytes of the first one */
	size_t bytes;			  /* of all of them */
	size_t most;			  /* of all of them at once, since there were none */
	uint64_t dropped;		  /* lines */
};

/** Begin with a pipe or socket that doesn't block. */
void outlet_init(struct outlet *o, int fd);
void outlet_deinit(struct outlet *o);

/** Hand over a line, its newline included. 0, also where it is dropped; -ENOBUFS where it must not
 * be, and yet is; -EPIPE nobody reads any more, or what write() failed with. */
int outlet_write(struct outlet *o, const char *line, size_t len, bool must);

/** Go on with what waits, as fd is writable again. Errors as of outlet_write(). */
int outlet_flush(struct outlet *o);

/** Does anything wait? */
bool outlet_waits(const struct outlet *o);

#endif /* MOQSTAT_OUTLET_H */
