/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "log.h"

/* Enough for perf events at the sites of a hundred relays. */
#define FILES_MANY 65536

void files_raise(void)
{
	struct rlimit limit, more;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	more = limit;
	if (more.rlim_max < FILES_MANY)
		more.rlim_cur = more.rlim_max = FILES_MANY;
	/* The latter takes CAP_SYS_RESOURCE. */
	if (setrlimit(RLIMIT_NOFILE, &more))
		setrlimit(RLIMIT_NOFILE, &limit);
}

/* Descriptors that are open now. */
static int files_count(size_t *out)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	if (!dir)
		return -errno;
	while (readdir(dir))
		n++;
	closedir(dir);
	*out = n - 3; /* ".", "..", and the directory's own */
	return 0;
}

int files_reserve(size_t more)
{
	struct rlimit limit;
	size_t open = 0;
	int err = files_count(&open);

	if (!err && getrlimit(RLIMIT_NOFILE, &limit))
		err = -errno;
	if (err) {
		log_error("cannot tell how many files are open (/proc/self/fd): %s",
			  strerror(-err));
		return err;
	}
	if (limit.rlim_cur >= open + more)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < open + more)
		limit.rlim_cur = limit.rlim_max = open + more;
	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	getrlimit(RLIMIT_NOFILE, &limit);
	log_error("cannot attach: it takes %zu file descriptors besides the %zu that are open, and "
		  "this process may have %llu; raise that limit: LimitNOFILE=%zu in its systemd "
		  "unit, or `ulimit -n %zu` as root before it is started",
		  more, open, (unsigned long long)limit.rlim_max, open + more, open + more);
	return -EMFILE;
}
