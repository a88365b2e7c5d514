/* SPDX-License-Identifier: MIT */
#include "maps.h"

#include <inttypes.h>
#include <string.h>

/* What is in front of the path: two addresses, flags, offset, device, inode. */
#define MAPS_FRONT 256

/* Read a line without its newline. What doesn't fit is passed over, so that it isn't taken for a
 * line of its own; *whole says whether all did. False at the end. */
static bool maps_line(FILE *maps, char *line, size_t size, bool *whole)
{
	size_t len = 0;
	int c;

	while ((c = getc_unlocked(maps)) != EOF && c != '\n') {
		if (len + 1 < size)
			line[len] = (char)c;
		len++;
	}
	*whole = len < size;
	line[*whole ? len : size - 1] = '\0';
	return len || c != EOF;
}

bool maps_next(FILE *maps, struct maps_entry *out)
{
	char line[PATH_MAX + MAPS_FRONT];
	bool whole;

	while (maps_line(maps, line, sizeof(line), &whole)) {
		out->path[0] = '\0';
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %4111[^\n]",
			   &out->start, &out->end, out->flags, &out->offset, out->path) < 4 ||
		    strlen(out->flags) != 4 || out->start >= out->end || out->end > MAPS_END)
			continue;
		if (!whole || strlen(out->path) == sizeof(out->path) - 1)
			out->path[0] = '\0';
		return true;
	}
	return false;
}
