/* SPDX-License-Identifier: MIT */
/*
 * alloc_fail.h - make the n-th allocation fail, to walk every path that short memory opens.
 *
 * Test binaries are linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc; that catches what
 * user/ asks for, and by json_memory.c what jansson does. Without those options
 * alloc_fail_works() is false.
 */
#ifndef MOQSTAT_TESTS_ALLOC_FAIL_H
#define MOQSTAT_TESTS_ALLOC_FAIL_H

#include <stdbool.h>
#include <stddef.h>

/** From now on the n-th allocation fails, counted from 1, and those after it do not. 0: none. */
void alloc_fail_arm(size_t n);

/** End it. Returns whether the n-th allocation was reached: a sweep is over when it was not. */
bool alloc_fail_disarm(void);

/** Whether the wrapping is linked in. */
bool alloc_fail_works(void);

#endif /* MOQSTAT_TESTS_ALLOC_FAIL_H */
