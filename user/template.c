/* SPDX-License-Identifier: MIT */
#include "template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const template_names[] = { "{pid}", "{host}", "{unit}" };

#define TEMPLATE_NAMES (sizeof(template_names) / sizeof(template_names[0]))

/* Which placeholder begins here: an index, or TEMPLATE_NAMES. */
static size_t template_find(const char *text)
{
	size_t i;

	for (i = 0; i < TEMPLATE_NAMES; i++) {
		if (!strncmp(text, template_names[i], strlen(template_names[i])))
			break;
	}
	return i;
}

int template_check(const char *text)
{
	size_t found;

	while (*(text += strcspn(text, "{}"))) {
		found = template_find(text);
		if (found == TEMPLATE_NAMES)
			return -EINVAL;
		text += strlen(template_names[found]);
	}
	return 0;
}

bool template_holds(const char *text, const char *placeholder)
{
	return strstr(text, placeholder);
}

int template_expand(const char *text, const struct template_values *values, char **out)
{
	char pid[16];
	const char *const with[TEMPLATE_NAMES] = { pid, values->host, values->unit };
	size_t len, found, size;
	char *made = NULL;
	FILE *to;

	if (template_check(text))
		return -EINVAL;
	snprintf(pid, sizeof(pid), "%d", values->pid);
	to = open_memstream(&made, &size);
	if (!to)
		return -ENOMEM;
	while (*text) {
		len = strcspn(text, "{");
		fwrite(text, 1, len, to);
		text += len;
		if (!*text)
			break;
		found = template_find(text);
		/* template_check() has seen to it that there is one. */
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
		fputs(with[found], to);
		text += strlen(template_names[found]);
	}
	if (fclose(to)) {
		free(made);
		return -ENOMEM;
	}
	*out = made;
	return 0;
}
