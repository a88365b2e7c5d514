/* SPDX-License-Identifier: MIT */
/*
 * files.h - how many file descriptors this process may have open. Limits of memory don't matter:
 * from Linux 5.11 on maps count as memory of the process's cgroup, not against RLIMIT_MEMLOCK.
 */
#ifndef MOQSTAT_FILES_H
#define MOQSTAT_FILES_H

#include <stddef.h>

/** Allow as many descriptors as this process may allow itself: the hard limit. */
void files_raise(void);

/** See to it that `more` descriptors can be opened besides those that are: raise the soft limit,
 * and with CAP_SYS_RESOURCE the hard one. 0; -EMFILE, with what to set logged; other -errno. */
int files_reserve(size_t more);

#endif /* MOQSTAT_FILES_H */
