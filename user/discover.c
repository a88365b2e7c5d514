/* SPDX-License-Identifier: MIT */
#include "discover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "marker.h"
#include "unit.h"

/* A process may become another program after its first look: between fork and exec, or when a
 * script hands over. So it is looked at in each of its first looks, and now and then afterwards. */
#define DISCOVER_YOUNG 8
#define DISCOVER_EVERY 16

/* Executables remembered at most; then all are forgotten, and looked at once more. */
#define DISCOVER_EXES_MAX 4096

/* An executable. Another file may come to have its number, so there is its size, and the time of
 * its last change; not that of its inode, since a new name for the file, or none any more, changes
 * that too. */
struct discover_exe {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
	bool relay; /* may be one */
};

struct discover_process {
	pid_t pid;
	uint32_t looks;
	struct discover_exe exe; /* what it ran at the last look; ino 0 if that isn't known */
	bool told;		 /* of, running this */
};

struct discover {
	char *proc;
	enum discover_kind kind;
	char *name;
	struct discover_process *list; /* by pid */
	size_t len;
	struct discover_exe *exes;
	size_t exes_len;
	pid_t *found;
	size_t found_len;
	uint32_t looks;
};

int discover_create(const char *proc, enum discover_kind kind, const char *name,
		    struct discover **out)
{
	struct discover *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->kind = kind;
	d->proc = strdup(proc);
	if (name)
		d->name =
			kind == DISCOVER_EXE && *name != '/' ? realpath(name, NULL) : strdup(name);
	err = !d->proc ? -ENOMEM : name && !d->name ? -errno : 0;
	if (err) {
		if (d->proc)
			log_error("--exe %s: %s; give the path of an executable, from / on", name,
				  strerror(-err));
		discover_destroy(d);
		return err;
	}
	*out = d;
	return 0;
}

void discover_destroy(struct discover *d)
{
	if (!d)
		return;
	free(d->proc);
	free(d->name);
	free(d->list);
	free(d->exes);
	free(d->found);
	free(d);
}

static int discover_compare(const void *a, const void *b)
{
	const struct discover_process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static struct discover_process *discover_find(const struct discover *d, pid_t pid)
{
	const struct discover_process key = { .pid = pid };

	return d->len ? bsearch(&key, d->list, d->len, sizeof(key), discover_compare) : NULL;
}

/* The numbers of all processes there are, sorted. */
static int discover_list(const struct discover *d, struct discover_process **out, size_t *out_len)
{
	struct discover_process *list = NULL, *grown;
	size_t len = 0, room = 0;
	struct dirent *entry;
	DIR *dir = opendir(d->proc);
	char *end;
	long pid;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		pid = strtol(entry->d_name, &end, 10);
		if (*end || pid <= 0 || pid > INT32_MAX)
			continue;
		if (len == room) {
			room = room ? 2 * room : 256;
			grown = reallocarray(list, room, sizeof(*grown));
			if (!grown) {
				free(list);
				closedir(dir);
				return -ENOMEM;
			}
			list = grown;
		}
		list[len++] = (struct discover_process){ .pid = pid };
	}
	closedir(dir);
	if (len)
		qsort(list, len, sizeof(*list), discover_compare);
	*out = list;
	*out_len = len;
	return 0;
}

/* Take in the new list, with what is known of those that were there before. */
static int discover_update(struct discover *d)
{
	struct discover_process *list = NULL;
	size_t i, k = 0, len = 0;
	pid_t *found;
	int err = discover_list(d, &list, &len);

	if (err)
		return err;
	found = reallocarray(d->found, len + 1, sizeof(*found));
	if (!found) {
		free(list);
		return -ENOMEM;
	}
	for (i = 0; i < len; i++) {
		while (k < d->len && d->list[k].pid < list[i].pid)
			k++;
		if (k < d->len && d->list[k].pid == list[i].pid)
			list[i] = d->list[k];
	}
	free(d->list);
	d->list = list;
	d->len = len;
	d->found = found;
	d->found_len = 0;
	return 0;
}

static bool discover_exe_same(const struct discover_exe *a, const struct discover_exe *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static struct discover_exe *discover_exe_find(const struct discover *d,
					      const struct discover_exe *exe)
{
	size_t i;

	for (i = 0; i < d->exes_len; i++) {
		if (discover_exe_same(&d->exes[i], exe))
			return &d->exes[i];
	}
	return NULL;
}

static int discover_exe_remember(struct discover *d, const struct discover_exe *exe, bool relay)
{
	struct discover_exe *known = discover_exe_find(d, exe);

	if (!known) {
		if (!d->exes)
			d->exes = calloc(DISCOVER_EXES_MAX, sizeof(*d->exes));
		if (!d->exes)
			return -ENOMEM;
		if (d->exes_len == DISCOVER_EXES_MAX)
			d->exes_len = 0;
		known = &d->exes[d->exes_len++];
		*known = *exe;
	}
	known->relay = relay;
	return 0;
}

static void discover_path(const struct discover *d, pid_t pid, const char *what, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%d/%s", d->proc, pid, what);
}

/* What a link reads; "" where it can't be read. */
static void discover_link(const struct discover *d, pid_t pid, const char *what, char out[PATH_MAX])
{
	char path[PATH_MAX];
	ssize_t len;

	discover_path(d, pid, what, path);
	len = readlink(path, out, PATH_MAX - 1);
	out[len < 0 ? 0 : len] = '\0';
}

/* Is `path` the link's, but for what the kernel puts behind the path of a file that was replaced?
 */
static bool discover_is_path(const char *link, const char *path)
{
	size_t len = strlen(path);

	return !strncmp(link, path, len) && (!link[len] || !strcmp(link + len, " (deleted)"));
}

/* Does the process run the executable that --exe names? */
static bool discover_is_exe(const struct discover *d, const struct discover_process *p)
{
	char link[PATH_MAX], root[PATH_MAX], resolved[PATH_MAX];
	struct stat st;
	size_t len;

	if (!stat(d->name, &st) && st.st_dev == p->exe.dev && st.st_ino == p->exe.ino)
		return true;
	discover_link(d, p->pid, "exe", link);
	if (discover_is_path(link, d->name))
		return true;
	/* That of a file that has been replaced, where the name leads through links. */
	if (realpath(d->name, resolved) && discover_is_path(link, resolved))
		return true;
	/* From another mount namespace the link is what the process sees, unless it lies below our
	 * own root, as in a chroot. */
	discover_link(d, p->pid, "root", root);
	len = strlen(root);
	return len > 1 && !strncmp(link, root, len) && discover_is_path(link + len, d->name);
}

static bool discover_in_unit(const struct discover *d, const struct discover_process *p)
{
	char text[UNIT_TEXT_SIZE];

	return !unit_read(d->proc, p->pid, text) && unit_matches(text, d->name);
}

/* Whether the executable may be a relay: remembered, or looked at now. False also where it can't
 * be read; *known tells. */
static int discover_check_exe(struct discover *d, struct discover_process *p, bool *relay)
{
	const struct discover_exe *known = discover_exe_find(d, &p->exe);
	char path[PATH_MAX], link[PATH_MAX];
	int err = 0;

	if (known) {
		*relay = known->relay;
	} else if (d->kind == DISCOVER_EXE) {
		*relay = true; /* what was asked for by name is looked at by the scan */
		err = discover_exe_remember(d, &p->exe, true);
	} else {
		discover_path(d, p->pid, "exe", path);
		err = marker_check(path, relay);
		if (!err)
			err = discover_exe_remember(d, &p->exe, *relay);
	}
	if (err == -EACCES) {
		/* Once; it stays so. */
		discover_link(d, p->pid, "exe", link);
		log_warn(
			"process %d: whether it is a relay can't be told, as moqstat's user may not "
			"read %s",
			p->pid, link);
		return discover_exe_remember(d, &p->exe, false);
	}
	if (!err && !*relay && d->kind != DISCOVER_EXE) {
		discover_link(d, p->pid, "exe", link);
		log_debug("process %d (%s) is no relay that is known here", p->pid, link);
	}
	return err;
}

/* A closer look at one process. Whatever can't be read is looked at again another time. */
static int discover_process(struct discover *d, struct discover_process *p,
			    struct discover_look *out)
{
	struct discover_exe exe = { 0 };
	char path[PATH_MAX];
	bool relay = false;
	struct stat st;
	int err;

	p->looks++;
	discover_path(d, p->pid, "exe", path);
	if (!stat(path, &st))
		exe = (struct discover_exe){ .dev = st.st_dev,
					     .ino = st.st_ino,
					     .size = st.st_size,
					     .changed = st.st_mtim };
	if (!exe.ino)
		return 0; /* a kernel thread, or it has ended, or it is none of our business */
	/* While it runs, the number is the file's. */
	if (exe.dev == p->exe.dev && exe.ino == p->exe.ino && (p->told || d->kind != DISCOVER_UNIT))
		return 0;
	p->exe = exe;
	p->told = false;
	if (d->kind == DISCOVER_EXE ? !discover_is_exe(d, p)
				    : d->kind == DISCOVER_UNIT && !discover_in_unit(d, p))
		return 0;
	out->matched++;
	err = discover_check_exe(d, p, &relay);
	if (err == -ENOMEM)
		return err;
	if (err) {
		p->exe.ino = 0;
		return 0;
	}
	p->told = true;
	if (relay)
		d->found[d->found_len++] = p->pid;
	return 0;
}

int discover_look(struct discover *d, struct discover_look *out)
{
	struct discover_look look = { 0 };
	int err = discover_update(d);
	size_t i;

	d->looks++;
	for (i = 0; i < d->len && !err; i++) {
		struct discover_process *p = &d->list[i];

		if (p->looks < DISCOVER_YOUNG || (d->looks + p->pid) % DISCOVER_EVERY == 0)
			err = discover_process(d, p, &look);
	}
	if (err)
		return err;
	look.found = d->found;
	look.len = d->found_len;
	look.processes = d->len;
	*out = look;
	return 0;
}

void discover_refuse(struct discover *d, pid_t pid)
{
	const struct discover_process *p = discover_find(d, pid);

	if (p && p->exe.ino)
		discover_exe_remember(d, &p->exe, false);
}

bool discover_refused(const struct discover *d, pid_t pid)
{
	const struct discover_process *p = discover_find(d, pid);
	const struct discover_exe *exe = p ? discover_exe_find(d, &p->exe) : NULL;

	return exe && !exe->relay;
}

void discover_forget(struct discover *d, pid_t pid)
{
	struct discover_process *p = discover_find(d, pid);

	if (p)
		*p = (struct discover_process){ .pid = pid };
}
