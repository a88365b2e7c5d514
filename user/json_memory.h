/* SPDX-License-Identifier: MIT */
/*
 * json_memory.h - whether jansson lacked memory. It doesn't always say so: the lexer of
 * jansson 2.14 leaves out a byte of a string and goes on, so that a broadcast comes out under
 * another name; what writes text leaves out a piece; and what builds objects can leave out a
 * member. So its allocations go through here, and what was read or made while one of them failed is
 * not used.
 *
 * Jansson has its functions for allocation once in a process, and so has this what it notes.
 */
#ifndef MOQSTAT_JSON_MEMORY_H
#define MOQSTAT_JSON_MEMORY_H

#include <jansson.h>
#include <stdbool.h>

/** Let jansson allocate through this, and begin. Any number of times. */
void json_memory_begin(void);

/** Has it lacked memory since json_memory_begin()? */
bool json_memory_failed(void);

/** The text of what was made since then, and NULL if any of it lacked memory; freed by the caller.
 *  The reference is taken over; NULL is fine. */
char *json_memory_text(json_t *json, size_t flags);

#endif /* MOQSTAT_JSON_MEMORY_H */
