/* SPDX-License-Identifier: MIT */
/*
 * relay_record.h - what tests/layouts/record wrote down of real relays, one of each layout.
 */
#ifndef MOQSTAT_TESTS_RELAY_RECORD_H
#define MOQSTAT_TESTS_RELAY_RECORD_H

#include <jansson.h>

#include "layout.h"

/** The one that a test is about. */
struct relay_record {
	const struct layout *layout;
	char version[32]; /* "0.12.5" */
};

/** Test one after the other: each layout must have one. */
void relay_record_each(void (*test)(const struct relay_record *record));

/** A file of it, unpacked if need be, with a NUL, for test_free(). */
char *relay_record_text(const struct relay_record *record, const char *name);

/** The same, parsed, for json_decref(). */
json_t *relay_record_json(const struct relay_record *record, const char *name);

#endif /* MOQSTAT_TESTS_RELAY_RECORD_H */
