/* SPDX-License-Identifier: MIT */
/*
 * recording.h - files for the tests of recordings, and what is logged about them.
 */
#ifndef MOQSTAT_TESTS_RECORDING_H
#define MOQSTAT_TESTS_RECORDING_H

#include <stddef.h>

#include "collect.h"

/** Make an empty temporary file and put its name into name[size]. Returns 0 or -errno. */
int recording_temp(char *name, size_t size);

/** Write the file anew. */
void recording_write(const char *name, const char *text, size_t len);

/** collect_read() with what it logs caught in said[size], NUL-terminated. */
int recording_read(struct collect *c, struct collect_batch *batch, char *said, size_t size);

#endif /* MOQSTAT_TESTS_RECORDING_H */
