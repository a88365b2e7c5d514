/* SPDX-License-Identifier: MIT */
/*
 * pace.h - how fast lines are taken in while they come faster than readers take what they are sent.
 *
 * Where many frames come at once, each is handed to all whose sockets take it before the next one
 * is taken in, and who would lose that one may read first; but not for long. See
 * docs/adr/0018-serving.md. Pure; times are of one clock that doesn't go back, nanoseconds.
 */
#ifndef MOQSTAT_PACE_H
#define MOQSTAT_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	bool more;	    /* there may be lines that were not taken yet; the owner's to set */
	unsigned int burst; /* frames that were taken since there was nothing to take */
	uint64_t behind;    /* when the first one of these was */
	uint64_t taken;	    /* when the last one was */
	uint64_t patience;  /* ns that those who read slowly may yet be waited for */
};

void pace_init(struct pace *out);

/** A frame was taken. */
void pace_took(struct pace *p, uint64_t now);

/** There was nothing more to take. */
void pace_rest(struct pace *p);

/** Must the lines wait until all have got the frame that was taken last, as far as they take it, or
 * until nobody would lose the next one? `busy`: somebody takes something right now; `full`:
 * somebody would lose the next one. */
bool pace_holds(const struct pace *p, uint64_t now, bool busy, bool full);

/** So long it has waited, the lines having had to or not. */
void pace_waited(struct pace *p, bool held, uint64_t ns);

/** Milliseconds that nothing may come for, of at most `timeout`. */
int pace_timeout(const struct pace *p, uint64_t now, bool held, int timeout);

#endif /* MOQSTAT_PACE_H */
