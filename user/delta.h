/* SPDX-License-Identifier: MIT */
/*
 * delta.h - what one frame of a track has that an earlier one had not.
 */
#ifndef MOQSTAT_DELTA_H
#define MOQSTAT_DELTA_H

#include <stddef.h>

#include "frame.h"

/** Write `{"set":{…},"gone":[…]}` into *buf: the rows of the frame `now` that `before` lacks or has
 *  otherwise, and the keys of those that are no more. Setting and removing them makes the one frame
 *  of the other. Returns 0; -EBADMSG where one is no frame of ours; -ENOMEM. */
int delta_build(const char *before, size_t before_len, const char *now, size_t now_len,
		struct frame_buf *buf);

#endif /* MOQSTAT_DELTA_H */
