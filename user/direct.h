/* SPDX-License-Identifier: MIT */
/*
 * direct.h - a run of `moqstat top`'s own, in a child that alone has the privileges: what it writes
 * comes through a pipe, and when that is closed it detaches and ends.
 */
#ifndef MOQSTAT_DIRECT_H
#define MOQSTAT_DIRECT_H

#include "options.h"
#include "source.h"
#include "watch.h"

/** Start a run as the options say, into a watch, which must outlive the source. With `quiet` what
 * it logs is kept, and written to standard error by direct_show() or at the end. To be called while
 * this process has the privileges, and before it has threads, blocks signals or opens a screen.
 * What is wrong is logged. *out is ended by its destroy(), which waits until all is detached. */
int direct_create(const struct options *o, bool quiet, struct watch *w, struct source **out);

/** Write to standard error what was logged so far. */
void direct_show(struct source *source);

#endif /* MOQSTAT_DIRECT_H */
