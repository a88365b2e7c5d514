/* SPDX-License-Identifier: MIT */
/*
 * doctor_relay.h - the part of `moqstat doctor` that looks at one relay.
 */
#ifndef MOQSTAT_DOCTOR_RELAY_H
#define MOQSTAT_DOCTOR_RELAY_H

#include <sys/types.h>

#include "findings.h"
#include "options.h"

#define DOCTOR_WORDS 1024

/** What the last error or warning said, in the place of stderr. */
struct doctor_words {
	char text[DOCTOR_WORDS];
};

/** Keep what is logged from now on. */
void doctor_listen(struct doctor_words *words);

/** Let it go to stderr again. What was said last; "" for nothing. */
const char *doctor_heard(struct doctor_words *words);

/** Find out about a process: is it a relay that run would attach to, and what would its numbers be
 *  worth? */
void doctor_relay(struct findings *f, const struct options *o, pid_t pid);

#endif /* MOQSTAT_DOCTOR_RELAY_H */
