/* SPDX-License-Identifier: MIT */
/*
 * test_discover.c - which processes of a made-up /proc are told of, and when.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "discover.h"
#include "elf_image.h"

#define LOOKS_UNTIL_ANY 16 /* every process is looked at once in so many looks */

struct fixture {
	char dir[64];
	char proc[128];
	char said[4096];
	struct discover *d;
	struct discover_look look;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	strcpy(f->dir, "/tmp/moqstat-discover-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->proc, sizeof(f->proc), "%s/proc", f->dir);
	assert_int_equal(mkdir(f->proc, 0700), 0);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	discover_destroy(f->d);
	discover_destroy(NULL);
	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	test_free(f);
	return 0;
}

/* A file below the directory; `text` may have {} where the mark of a relay goes. */
static void make_file(struct fixture *f, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	unlink(path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Something that looks like a relay, and something that doesn't. */
static void make_relay(struct fixture *f, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "\177ELF %s%s", "MOQ_STATS", "_ENABLED");
	make_file(f, name, text);
}

static void make_stranger(struct fixture *f, const char *name)
{
	make_file(f, name, "\177ELF stranger");
}

static void make_link(struct fixture *f, int pid, const char *link, const char *to)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%d/%s", f->proc, pid, link);
	unlink(path);
	assert_int_equal(symlink(to, path), 0);
}

/* Let a process run `exe`, a file below the directory. */
static void process_runs(struct fixture *f, int pid, const char *exe)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%d", f->proc, pid);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s", f->dir, exe);
	make_link(f, pid, "exe", path);
}

static void process_in(struct fixture *f, int pid, const char *cgroups)
{
	char name[64];

	snprintf(name, sizeof(name), "proc/%d/cgroup", pid);
	make_file(f, name, cgroups);
}

static void process_ends(struct fixture *f, int pid)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%d", f->proc, pid);
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* One look tells of these, and of no other; 0 ends them. */
static void assert_look(struct fixture *f, const int *expected)
{
	size_t i;

	assert_int_equal(discover_look(f->d, &f->look), 0);
	for (i = 0; i < f->look.len && expected[i]; i++)
		assert_int_equal(f->look.found[i], expected[i]);
	assert_int_equal(f->look.len, i);
	assert_int_equal(expected[i], 0);
}

#define ASSERT_LOOK(f, ...) assert_look(f, (const int[]){ __VA_ARGS__ })

static void assert_still(struct fixture *f, int looks)
{
	for (; looks; looks--)
		ASSERT_LOOK(f, 0);
}

/* Within so many looks the process is told of, once. */
static void assert_found_late(struct fixture *f, int pid)
{
	int i, found = 0;

	for (i = 0; i < LOOKS_UNTIL_ANY; i++) {
		assert_int_equal(discover_look(f->d, &f->look), 0);
		found += f->look.len;
		if (f->look.len)
			assert_int_equal(f->look.found[0], pid);
	}
	assert_int_equal(found, 1);
}

static void begin(struct fixture *f, enum discover_kind kind, const char *name)
{
	assert_int_equal(discover_create(f->proc, kind, name, &f->d), 0);
}

static void all_relays_and_no_others(void **state)
{
	struct fixture *f = *state;

	make_relay(f, "relay");
	make_stranger(f, "sh");
	process_runs(f, 100, "relay");
	process_runs(f, 99, "sh");
	process_runs(f, 1000, "relay");
	process_runs(f, 2, "gone"); /* as a kernel thread's, or of one that has ended */
	make_file(f, "proc/self", "");
	make_file(f, "proc/12x", "");
	begin(f, DISCOVER_ALL, NULL);
	ASSERT_LOOK(f, 100, 1000, 0);
	assert_int_equal(f->look.processes, 4);
	assert_int_equal(f->look.matched, 3);
	assert_still(f, 20);
	process_runs(f, 500, "relay");
	process_runs(f, 501, "sh");
	ASSERT_LOOK(f, 500, 0);
	assert_still(f, 20);
}

/* A stranger's program is read once, whoever runs it, under whatever name: should it change without
 * a trace, that isn't seen. What has its number later is another program. */
static void programs_are_looked_at_once(void **state)
{
	const char relay[] = "\177ELF MOQ_STATS", *tail = "_ENABLED";
	struct timespec times[2];
	struct fixture *f = *state;
	char path[256], other[256];
	struct stat st;
	int fd;

	make_file(f, "sh", "\177ELF stranger, as long");
	process_runs(f, 10, "sh");
	begin(f, DISCOVER_ALL, NULL);
	ASSERT_LOOK(f, 0);
	snprintf(path, sizeof(path), "%s/sh", f->dir);
	snprintf(other, sizeof(other), "%s/bash", f->dir);
	fd = open(path, O_WRONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, strlen(relay) + strlen(tail));
	assert_int_equal(write(fd, relay, strlen(relay)), strlen(relay));
	assert_int_equal(write(fd, tail, strlen(tail)), strlen(tail));
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(futimens(fd, times), 0);
	assert_int_equal(rename(path, other), 0);
	process_runs(f, 11, "bash");
	assert_still(f, 20);
	times[1].tv_sec++;
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	process_runs(f, 12, "bash");
	ASSERT_LOOK(f, 12, 0);
}

static void what_execs_is_noticed(void **state)
{
	struct fixture *f = *state;

	make_relay(f, "relay");
	make_stranger(f, "sh");
	process_runs(f, 7, "sh");
	process_runs(f, 8, "sh");
	begin(f, DISCOVER_ALL, NULL);
	assert_still(f, 3);
	process_runs(f, 7, "relay");
	ASSERT_LOOK(f, 7, 0); /* it is young */
	assert_still(f, 40);
	process_runs(f, 8, "relay");
	assert_found_late(f, 8);
	assert_still(f, 20);
	/* From one relay to another. */
	make_relay(f, "relay2");
	process_runs(f, 8, "relay2");
	assert_found_late(f, 8);
}

static void an_ended_process_gives_its_number_back(void **state)
{
	struct fixture *f = *state;

	make_relay(f, "relay");
	process_runs(f, 7, "relay");
	begin(f, DISCOVER_ALL, NULL);
	ASSERT_LOOK(f, 7, 0);
	process_ends(f, 7);
	ASSERT_LOOK(f, 0);
	process_runs(f, 7, "relay");
	ASSERT_LOOK(f, 7, 0);
	/* Between two looks. */
	assert_still(f, 20);
	discover_forget(f->d, 7);
	ASSERT_LOOK(f, 7, 0);
	discover_forget(f->d, 4711); /* no harm */
}

static void what_is_refused_stays_out(void **state)
{
	struct fixture *f = *state;

	make_relay(f, "relay");
	make_relay(f, "other");
	process_runs(f, 7, "relay");
	process_runs(f, 8, "relay");
	process_runs(f, 9, "other");
	begin(f, DISCOVER_ALL, NULL);
	ASSERT_LOOK(f, 7, 8, 9, 0);
	assert_false(discover_refused(f->d, 7));
	discover_refuse(f->d, 7);
	assert_true(discover_refused(f->d, 7));
	assert_true(discover_refused(f->d, 8)); /* found in the same look */
	assert_false(discover_refused(f->d, 9));
	assert_false(discover_refused(f->d, 4711));
	process_runs(f, 10, "relay");
	process_runs(f, 11, "other");
	ASSERT_LOOK(f, 11, 0);
	discover_refuse(f->d, 4711); /* no harm */
}

static void by_path(void **state)
{
	struct fixture *f = *state;
	char path[256], link[512];

	make_stranger(f, "relay"); /* it is the scan that decides */
	make_stranger(f, "other");
	snprintf(path, sizeof(path), "%s/relay", f->dir);
	process_runs(f, 10, "relay");
	process_runs(f, 11, "other");
	begin(f, DISCOVER_EXE, path);
	ASSERT_LOOK(f, 10, 0);
	assert_int_equal(f->look.matched, 1);
	/* Hard link: the same file by another name. */
	snprintf(link, sizeof(link), "%s/hard", f->dir);
	assert_int_equal(linkat(AT_FDCWD, path, AT_FDCWD, link, 0), 0);
	process_runs(f, 12, "hard");
	ASSERT_LOOK(f, 12, 0);
	/* An upgrade: the old file lives on, "(deleted)". */
	snprintf(link, sizeof(link), "%s (deleted)", path);
	assert_int_equal(rename(path, link), 0);
	process_runs(f, 13, "relay (deleted)");
	make_stranger(f, "relay");
	process_runs(f, 14, "relay");
	make_link(f, 10, "exe", link);
	ASSERT_LOOK(f, 13, 14, 0);
	process_runs(f, 15, "relay2 (deleted)");
	process_runs(f, 16, "other");
	assert_still(f, 20);
}

static void by_a_path_through_links(void **state)
{
	struct fixture *f = *state;
	char path[256], to[256];

	make_stranger(f, "relay-1");
	make_stranger(f, "relay-2");
	snprintf(path, sizeof(path), "%s/current", f->dir);
	snprintf(to, sizeof(to), "%s/relay-1", f->dir);
	assert_int_equal(symlink(to, path), 0);
	process_runs(f, 10, "relay-1");
	process_runs(f, 11, "relay-2");
	begin(f, DISCOVER_EXE, path);
	ASSERT_LOOK(f, 10, 0);
	snprintf(to, sizeof(to), "%s/relay-2", f->dir);
	unlink(path);
	assert_int_equal(symlink(to, path), 0);
	process_runs(f, 12, "relay-2");
	ASSERT_LOOK(f, 12, 0);
}

/* In a chroot, and in a mount namespace of its own, the path is the process's own. */
static void by_the_path_that_the_process_sees(void **state)
{
	struct fixture *f = *state;
	char path[256];

	mkdir((snprintf(path, sizeof(path), "%s/jail", f->dir), path), 0700);
	make_stranger(f, "jail/moq-relay");
	process_runs(f, 20, "jail/moq-relay");
	make_link(f, 20, "root", path);
	process_runs(f, 21, "jail/moq-relay");
	make_link(f, 21, "root", "/");
	process_runs(f, 22, "jail/moq-relay");
	make_link(f, 22, "root", "/elsewhere");
	begin(f, DISCOVER_EXE, "/moq-relay");
	ASSERT_LOOK(f, 20, 0);
}

static void a_path_must_lead_somewhere(void **state)
{
	struct fixture *f = *state;
	struct image_catch c = image_catch();
	int rc = discover_create(f->proc, DISCOVER_EXE, "no/such/relay", &f->d);

	image_caught(c, f->said, sizeof(f->said));
	assert_int_equal(rc, -ENOENT);
	assert_non_null(strstr(f->said, "--exe no/such/relay: No such file"));
	assert_null(f->d);
	/* From / on it may come to be, or be a container's. */
	assert_int_equal(discover_create(f->proc, DISCOVER_EXE, "/no/such/relay", &f->d), 0);
	ASSERT_LOOK(f, 0);
}

static void by_unit(void **state)
{
	struct fixture *f = *state;

	make_relay(f, "relay");
	make_stranger(f, "sh");
	process_runs(f, 1, "relay");
	process_in(f, 1, "0::/system.slice/moq.service\n");
	process_runs(f, 2, "sh");
	process_in(f, 2, "0::/system.slice/moq.service\n");
	process_runs(f, 3, "relay");
	process_in(f, 3, "0::/system.slice/other.service\n");
	process_runs(f, 4, "relay"); /* nobody knows */
	begin(f, DISCOVER_UNIT, "moq.service");
	ASSERT_LOOK(f, 1, 0);
	assert_int_equal(f->look.matched, 2);
	assert_int_equal(f->look.processes, 4);
	/* It is moved into the unit. */
	process_in(f, 3, "0::/system.slice/moq.service\n");
	ASSERT_LOOK(f, 3, 0);
	assert_still(f, 20);
	process_runs(f, 2, "relay");
	assert_found_late(f, 2);
}

static void without_proc_it_fails(void **state)
{
	struct fixture *f = *state;
	char away[128];

	make_relay(f, "relay");
	process_runs(f, 7, "relay");
	begin(f, DISCOVER_ALL, NULL);
	ASSERT_LOOK(f, 7, 0);
	snprintf(away, sizeof(away), "%s/away", f->dir);
	assert_int_equal(rename(f->proc, away), 0);
	assert_int_equal(discover_look(f->d, &f->look), -ENOENT);
	assert_int_equal(rename(away, f->proc), 0);
	assert_still(f, 20); /* nothing was forgotten */
}

/* The real one: this process, by its own path. */
static void this_process_is_found(void **state)
{
	struct fixture *f = *state;
	char self[PATH_MAX] = "";

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	assert_int_equal(discover_create("/proc", DISCOVER_EXE, self, &f->d), 0);
	ASSERT_LOOK(f, getpid(), 0);
	assert_true(f->look.processes > 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_relays_and_no_others),	  TEST(programs_are_looked_at_once),
		TEST(what_execs_is_noticed),	  TEST(an_ended_process_gives_its_number_back),
		TEST(what_is_refused_stays_out),  TEST(by_path),
		TEST(by_a_path_through_links),	  TEST(by_the_path_that_the_process_sees),
		TEST(a_path_must_lead_somewhere), TEST(by_unit),
		TEST(without_proc_it_fails),	  TEST(this_process_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
