/* SPDX-License-Identifier: MIT */
/*
 * scan_short.h - scans that run out of memory, at each allocation in turn.
 */
#ifndef MOQSTAT_TESTS_SCAN_SHORT_H
#define MOQSTAT_TESTS_SCAN_SHORT_H

#include <stddef.h>

#include "relay_image.h"

/** Scan the relay with an allocation that fails, each in turn: every time that must be told and
 *  logged; with all of them it is recognised. Gives how often it was scanned. */
size_t scan_short_of_memory(struct relay *relay);

#endif /* MOQSTAT_TESTS_SCAN_SHORT_H */
