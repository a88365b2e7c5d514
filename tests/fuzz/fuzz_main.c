/* SPDX-License-Identifier: MIT */
/*
 * fuzz_main.c - a fuzz target without the fuzzer: takes the seeds that the target makes and those
 * in the files and directories named, one after the other.
 *
 * usage: NAME [FILE|DIRECTORY…]      the last line is "N passed, N failed, N skipped"
 *        NAME --seeds DIRECTORY      only write the seeds that the target makes
 *
 * The first input that fails ends it, and is told by name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#include "log.h"

/* Seconds of the processor that one input may take. */
#define FUZZ_SECONDS 5

const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "max_allocation_size_mb=256:hard_rss_limit_mb=1024:allocator_may_return_null=0";
}

static const char *fuzz_dir;   /* where seeds are written, or NULL: they are tried */
static unsigned int fuzz_made; /* seeds by the target */

/* Shared with the process that tries the inputs, so that it may end as it likes. */
static struct fuzz_progress {
	unsigned int done;
	char name[4096]; /* of the input that is tried */
} *fuzz_progress;

/* SIGPROF after so many seconds of the processor, which others don't make longer. */
static void fuzz_timer(unsigned int seconds)
{
	const struct itimerval timer = { .it_value.tv_sec = seconds };

	fuzz_check(!setitimer(ITIMER_PROF, &timer, NULL));
}

static void fuzz_try(const char *name, const uint8_t *data, size_t size)
{
	/* A copy of its own size, so that a byte too many is noticed. */
	uint8_t *copy = malloc(size ? size : 1);

	fuzz_check(copy);
	if (size)
		memcpy(copy, data, size);
	snprintf(fuzz_progress->name, sizeof(fuzz_progress->name), "%s", name);
	/* What is said of input that is no failure is of no interest. */
	fuzz_check(!ftruncate(STDERR_FILENO, 0));
	fuzz_timer(FUZZ_SECONDS);
	LLVMFuzzerTestOneInput(copy, size);
	fuzz_timer(0);
	free(copy);
	fuzz_progress->done++;
}

void fuzz_seed(const void *data, size_t size)
{
	char name[4096];
	FILE *file;

	snprintf(name, sizeof(name), "%s/made-%03u", fuzz_dir ? fuzz_dir : ".", fuzz_made++);
	if (!fuzz_dir) {
		fuzz_try(strrchr(name, '/') + 1, data, size);
		return;
	}
	file = fopen(name, "we");
	fuzz_check(file);
	fuzz_check(fwrite(data, 1, size, file) == size);
	fuzz_check(!fclose(file));
}

static void fuzz_try_file(const char *name)
{
	FILE *file = fopen(name, "re");
	struct stat st;
	uint8_t *data;

	fuzz_check(file);
	fuzz_check(!fstat(fileno(file), &st));
	data = malloc(st.st_size + 1);
	fuzz_check(data);
	fuzz_check(fread(data, 1, st.st_size, file) == (size_t)st.st_size);
	fclose(file);
	fuzz_try(name, data, st.st_size);
	free(data);
}

static void fuzz_try_all(const char *name)
{
	struct dirent **list;
	int i, len = scandir(name, &list, NULL, alphasort);
	char path[4096];

	if (len < 0) {
		if (errno == ENOTDIR)
			fuzz_try_file(name);
		return;
	}
	for (i = 0; i < len; i++) {
		snprintf(path, sizeof(path), "%s/%s", name, list[i]->d_name);
		if (list[i]->d_name[0] != '.')
			fuzz_try_file(path);
		free(list[i]);
	}
	free(list);
}

/* Standard error to a file in memory; returns it as a stream. */
static FILE *fuzz_catch(void)
{
	int fd = memfd_create("said", MFD_CLOEXEC);
	FILE *file = fdopen(fd, "r");

	fuzz_check(file && !fcntl(fd, F_SETFL, O_RDWR | O_APPEND));
	fuzz_check(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
	return file;
}

/* Tells what became of the process; returns how many inputs failed. */
static unsigned int fuzz_judge(pid_t pid, FILE *said)
{
	char line[4096];
	int status;

	fuzz_check(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	rewind(said);
	while (fgets(line, sizeof(line), said))
		fputs(line, stdout);
	printf("failed: %s: %s %d\n", fuzz_progress->name,
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF ? "took too long, signal"
	       : WIFSIGNALED(status)				  ? "ended by signal"
								  : "exit status",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return 1;
}

int main(int argc, char **argv)
{
	unsigned int failed;
	FILE *said;
	pid_t pid;
	int i;

	log_set_level(LOG_ERROR);
	if (argc == 3 && !strcmp(argv[1], "--seeds")) {
		fuzz_dir = argv[2];
		fuzz_seeds();
		return 0;
	}
	fuzz_progress = mmap(NULL, sizeof(*fuzz_progress), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fuzz_check(fuzz_progress != MAP_FAILED);
	said = fuzz_catch();
	pid = fork();
	fuzz_check(pid >= 0);
	if (!pid) {
		fuzz_seeds();
		for (i = 1; i < argc; i++)
			fuzz_try_all(argv[i]);
		return 0;
	}
	failed = fuzz_judge(pid, said);
	printf("%u passed, %u failed, 0 skipped\n", fuzz_progress->done, failed);
	return fuzz_progress->done && !failed ? 0 : 1;
}
