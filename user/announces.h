/* SPDX-License-Identifier: MIT */
/*
 * announces.h - a relay's request for announcements: what is under its prefix, and what it has been
 * told of that. Pure.
 */
#ifndef MOQSTAT_ANNOUNCES_H
#define MOQSTAT_ANNOUNCES_H

#include <stddef.h>

#include "board.h"
#include "wire.h"

struct announces {
	char *base;   /* the path that names are told without; normalised */
	char **names; /* that it has been told, whole and in order */
	size_t len;
};

/** Begin with nothing told. `base` is taken over, also where that is NULL. 0 or -ENOMEM. */
int announces_init(char *base, struct announces *out);
void announces_deinit(struct announces *a);

/** Put the first answer: all that is announced now, at once. 0 or -ENOMEM, after which the request
 *  is good for nothing. */
int announces_begin(struct announces *a, const struct board *board, struct wire_out *out);

/** Put what has come and gone since it was told last, if anything has. Likewise. */
int announces_go_on(struct announces *a, const struct board *board, struct wire_out *out);

#endif /* MOQSTAT_ANNOUNCES_H */
