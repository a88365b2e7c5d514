/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "recording.h"

int recording_temp(char *name, size_t size)
{
	int fd;

	snprintf(name, size, "/tmp/moqstat-test-XXXXXX");
	fd = mkstemp(name);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

void recording_write(const char *name, const char *text, size_t len)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
}

int recording_read(struct collect *c, struct collect_batch *batch, char *said, size_t size)
{
	FILE *caught = tmpfile();
	int before = dup(STDERR_FILENO), rc;
	size_t len;

	fflush(stderr);
	dup2(fileno(caught), STDERR_FILENO);
	rc = collect_read(c, batch);
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(caught);
	len = fread(said, 1, size - 1, caught);
	said[len] = '\0';
	fclose(caught);
	return rc;
}
