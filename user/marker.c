/* SPDX-License-Identifier: MIT */
#include "marker.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER_CHUNK (1 << 20)

/* "MOQ_STATS_ENABLED", in two halves, so that this program's own text isn't taken for a relay's. */
static const char marker_head[] = "MOQ_STATS", marker_tail[] = "_ENABLED";

#define MARKER_HEAD (sizeof(marker_head) - 1)
#define MARKER_TAIL (sizeof(marker_tail) - 1)

static bool marker_find(const char *text, size_t len)
{
	const char *at, *end = text + len;

	while ((at = memmem(text, end - text, marker_head, MARKER_HEAD))) {
		text = at + MARKER_HEAD;
		if ((size_t)(end - text) >= MARKER_TAIL && !memcmp(text, marker_tail, MARKER_TAIL))
			return true;
	}
	return false;
}

/* Read the file piece by piece, the end of each in front of the next. Not by mmap(2): a file that
 * is cut off meanwhile would be a SIGBUS. */
static int marker_scan(int fd, char *buffer, bool *relay)
{
	size_t kept = 0;
	off_t at = 0;
	ssize_t n;

	*relay = false;
	for (;;) {
		n = pread(fd, buffer + kept, MARKER_CHUNK, at);
		if (n < 0)
			return -errno;
		if (!n || (!at && ((size_t)n < SELFMAG || memcmp(buffer, ELFMAG, SELFMAG))))
			return 0;
		at += n;
		*relay = marker_find(buffer, kept + n);
		if (*relay)
			return 0;
		n += kept;
		kept = (size_t)n < MARKER_HEAD + MARKER_TAIL ? (size_t)n
							     : MARKER_HEAD + MARKER_TAIL;
		memmove(buffer, buffer + n - kept, kept);
	}
}

int marker_check(const char *path, bool *relay)
{
	char *buffer = malloc(MARKER_CHUNK + MARKER_HEAD + MARKER_TAIL);
	/* What runs is no FIFO, but a test's may be. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;

	err = fd < 0 ? -errno : !buffer ? -ENOMEM : marker_scan(fd, buffer, relay);
	if (fd >= 0)
		close(fd);
	free(buffer);
	return err;
}
