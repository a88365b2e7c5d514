/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - what the kernel lets this process do, found by trying, not by its version. What is
 * missing is logged, with what to do.
 */
#ifndef MOQSTAT_KERNEL_H
#define MOQSTAT_KERNEL_H

#include <stdbool.h>

/** What it takes, and the oldest that tests run on. */
#define KERNEL_LEAST  "5.15"
#define KERNEL_TESTED "6.1"

/** Has this process the capabilities that it takes, in the first user namespace? 0 or -EPERM. */
int kernel_check_rights(void);

/** Does it run in the PID namespace that the programs see? 0 or -EPERM. */
int kernel_check_namespace(void);

/** Has the kernel type information for the programs to adapt to? 0 or -ENOTSUP. */
int kernel_check_btf(void);

/** Does it tell a program which of its uprobes fired? 0 or -ENOTSUP; -EPERM where BPF is barred. */
int kernel_check_cookies(void);

/** Can one link hold many uprobes? */
bool kernel_has_multi(void);

/** Why the kernel refuses bpf(2) or perf_event_open(2) although the capabilities are there: as much
 *  as can be told, and what to do; static text. */
const char *kernel_barred(void);

#endif /* MOQSTAT_KERNEL_H */
