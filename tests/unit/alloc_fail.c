/* SPDX-License-Identifier: MIT */
#include "alloc_fail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_memory.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

#pragma weak __real_malloc
#pragma weak __real_calloc
#pragma weak __real_realloc

/* The one place in the tests that can't do without state of its own. Volatile, because compilers
 * know that malloc() changes no variable of ours. */
static volatile size_t alloc_fail_left;
static volatile bool alloc_fail_reached;

static bool alloc_fail_now(void)
{
	if (alloc_fail_left == 0)
		return false;
	alloc_fail_left = alloc_fail_left - 1;
	if (alloc_fail_left > 0)
		return false;
	alloc_fail_reached = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return alloc_fail_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return alloc_fail_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return alloc_fail_now() ? NULL : __real_realloc(p, size);
}

/* libc's own would get to its realloc() past the wrapping. */
void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

/* And so would its strdup() to its malloc(). */
char *strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

void alloc_fail_arm(size_t n)
{
	json_memory_begin();
	alloc_fail_left = n;
	alloc_fail_reached = false;
}

bool alloc_fail_disarm(void)
{
	alloc_fail_left = 0;
	return alloc_fail_reached;
}

bool alloc_fail_works(void)
{
	void *volatile p;

	alloc_fail_arm(1);
	p = malloc(1);
	free(p);
	return alloc_fail_disarm();
}
