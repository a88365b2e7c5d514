/* SPDX-License-Identifier: MIT */
/*
 * scan_short.h - scans that run out of memory, at each allocation in turn.
 */
#ifndef MOQSTAT_TESTS_SCAN_SHORT_H
#define MOQSTAT_TESTS_SCAN_SHORT_H

#include <stddef.h>

#include "elf.h"

/** Scan the file, which is destroyed then, with an allocation that fails, each in turn: every time
 * that must be told and logged; with all of them it is recognised. Gives how often it was scanned.
 */
size_t scan_short_of_memory(struct elf_file *f);

#endif /* MOQSTAT_TESTS_SCAN_SHORT_H */
