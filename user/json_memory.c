/* SPDX-License-Identifier: MIT */
#include "json_memory.h"

#include <stdlib.h>

static bool json_memory_short;

static void *json_memory_malloc(size_t size)
{
	void *p = malloc(size);

	if (!p)
		json_memory_short = true;
	return p;
}

void json_memory_begin(void)
{
	json_set_alloc_funcs(json_memory_malloc, free);
	json_memory_short = false;
}

bool json_memory_failed(void)
{
	return json_memory_short;
}

char *json_memory_text(json_t *json, size_t flags)
{
	char *text = json ? json_dumps(json, flags) : NULL;

	json_decref(json);
	if (json_memory_short) {
		free(text);
		return NULL;
	}
	return text;
}
