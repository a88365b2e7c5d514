/* SPDX-License-Identifier: MIT */
#include "sites_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#include <zlib.h>

#include "json_memory.h"
#include "log.h"
#include "sites_json.h"

#ifndef MOQSTAT_VERSION
#define MOQSTAT_VERSION "unknown"
#endif

/* Raised with every change of what a scan finds or how it is written down. */
#define CACHE_SCANNER 10

/* The cache's directory, made if need be; false if there is none to be had. */
static bool cache_dir(char *out, size_t size)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct stat st;
	int len;

	if (base && base[0] == '/')
		len = snprintf(out, size, "%s", base);
	else if (home && home[0] == '/')
		len = snprintf(out, size, "%s/.cache", home);
	else
		return false;
	if (len < 0 || (size_t)len + sizeof("/moqstat") > size)
		return false;
	mkdir(out, 0700);
	strcat(out, "/moqstat");
	mkdir(out, 0700);
	return !lstat(out, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static bool cache_path(const struct elf_file *f, char *out, size_t size)
{
	char dir[PATH_MAX];
	int len;

	if (!*elf_file_build_id(f) || !cache_dir(dir, sizeof(dir)))
		return false;
	/* Stripping keeps the build-id, but not the names of functions. */
	len = snprintf(out, size, "%s/sites-%s%s.json", dir, elf_file_build_id(f),
		       elf_file_is_stripped(f) ? "-stripped" : "");
	return len > 0 && (size_t)len < size;
}

/* A hash of the code of every function, and of where it lies; false: no memory. */
static bool cache_code_sum(const struct elf_file *f, json_int_t *out)
{
	size_t i, len;
	const struct elf_symbol *symbols = elf_file_symbols(f, &len);
	XXH3_state_t *state = XXH3_createState();
	uint64_t end = 0;

	if (!state)
		return false;
	XXH3_64bits_reset(state);
	for (i = 0; i < len; i++) {
		const uint8_t *bytes = elf_file_bytes(f, symbols[i].addr, symbols[i].size);
		uint64_t place[] = { symbols[i].addr, symbols[i].size, 0 };

		if (!bytes || symbols[i].addr < end)
			continue;
		elf_file_offset(f, symbols[i].addr, &place[2]);
		XXH3_64bits_update(state, place, sizeof(place));
		XXH3_64bits_update(state, bytes, symbols[i].size);
		end = symbols[i].addr + symbols[i].size;
	}
	*out = (json_int_t)XXH3_64bits_digest(state);
	XXH3_freeState(state);
	return true;
}

/* Of the second line. */
static json_int_t cache_sum(const char *text, size_t len)
{
	return (json_int_t)crc32_z(0, (const Bytef *)text, len);
}

/* A file has two lines: what it was made of, with a checksum of the rest; and what was found. */
struct cache_file {
	char *text;
	const char *found; /* in `text` */
	size_t found_len;
	json_t *made;
};

static void cache_file_deinit(struct cache_file *c)
{
	json_decref(c->made);
	free(c->text);
}

static bool cache_file_split(struct cache_file *c, size_t len)
{
	const char *end = memchr(c->text, '\n', len);

	if (!end)
		return false;
	c->found = end + 1;
	c->found_len = len - (size_t)(c->found - c->text);
	c->made = json_loadb(c->text, (size_t)(end - c->text), JSON_REJECT_DUPLICATES, NULL);
	return c->made != NULL;
}

static bool cache_file_take(struct cache_file *c, int fd, size_t size)
{
	size_t len = 0;
	ssize_t n = 1;

	c->text = malloc(size + 1);
	while (c->text && len < size && n > 0) {
		n = read(fd, c->text + len, size - len);
		len += n > 0 ? (size_t)n : 0;
	}
	return c->text && len == size && cache_file_split(c, len);
}

/* *out is ended by cache_file_deinit(), also where it can't be read. */
static bool cache_file_read(const char *path, struct cache_file *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool good = false;
	struct stat st;

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH)) && st.st_size < (64 << 20))
		good = cache_file_take(out, fd, st.st_size);
	close(fd);
	return good;
}

/* Was it made by this program, of this code, and has nothing changed it since? */
static bool cache_file_fits(const struct cache_file *c, const struct elf_file *f)
{
	const char *version = json_string_value(json_object_get(c->made, "moqstat"));
	json_int_t code;

	return version && !strcmp(version, MOQSTAT_VERSION) &&
	       json_integer_value(json_object_get(c->made, "scanner")) == CACHE_SCANNER &&
	       json_integer_value(json_object_get(c->made, "sum")) ==
		       cache_sum(c->found, c->found_len) &&
	       cache_code_sum(f, &code) &&
	       json_integer_value(json_object_get(c->made, "code")) == code;
}

/* What a file says was found. */
static int cache_file_decode(const struct cache_file *c, struct sites *out)
{
	json_t *found = json_loadb(c->found, c->found_len, JSON_REJECT_DUPLICATES, NULL);
	int err = json_memory_failed() ? -ENOMEM : found ? sites_json_decode(found, out) : -EBADMSG;

	json_decref(found);
	return err;
}

/* The same code can lie elsewhere in the file. */
static bool cache_fits(const struct elf_file *f, const struct sites *s)
{
	uint64_t offset;
	size_t i;

	for (i = 0; i < s->len; i++) {
		if (elf_file_offset(f, s->list[i].addr, &offset) || offset != s->list[i].offset)
			return false;
	}
	return true;
}

int sites_cache_load(const struct elf_file *f, struct sites *out)
{
	struct cache_file c = { 0 };
	char path[PATH_MAX];
	struct sites sites;
	int err = -ENOENT;

	if (!cache_path(f, path, sizeof(path)))
		return -ENOENT;
	json_memory_begin();
	if (cache_file_read(path, &c) && cache_file_fits(&c, f))
		err = cache_file_decode(&c, &sites);
	cache_file_deinit(&c);
	if (!err && !cache_fits(f, &sites)) {
		sites_deinit(&sites);
		err = -EBADMSG;
	}
	if (err) {
		log_debug("%s is of no use for this executable; scanning", path);
		return -ENOENT;
	}
	*out = sites;
	return 0;
}

static bool cache_write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	for (; len; text += n, len -= (size_t)n) {
		n = write(fd, text, len);
		if (n <= 0)
			return false;
	}
	return true;
}

/* Both lines. */
static bool cache_write(int fd, const struct elf_file *f, const struct sites *s)
{
	json_t *found = sites_json_encode(s), *made = NULL;
	char *text = json_dumps(found, JSON_COMPACT | JSON_SORT_KEYS), *first = NULL;
	size_t len = text ? strlen(text) : 0;
	json_int_t code;
	bool good;

	if (text && cache_code_sum(f, &code))
		made = json_pack("{s:s, s:i, s:I, s:I}", "moqstat", MOQSTAT_VERSION, "scanner",
				 CACHE_SCANNER, "code", code, "sum", cache_sum(text, len));
	if (made)
		first = json_dumps(made, JSON_COMPACT | JSON_SORT_KEYS);
	good = first && !json_memory_failed() && cache_write_all(fd, first, strlen(first)) &&
	       cache_write_all(fd, "\n", 1) && cache_write_all(fd, text, len);
	free(first);
	free(text);
	json_decref(made);
	json_decref(found);
	return good;
}

void sites_cache_store(const struct elf_file *f, const struct sites *s)
{
	char path[PATH_MAX], temporary[PATH_MAX + 16];
	int fd;

	if (!cache_path(f, path, sizeof(path)))
		return;
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		log_debug("cannot write %s: %s", temporary, strerror(errno));
		return;
	}
	json_memory_begin();
	if (!cache_write(fd, f, s) || rename(temporary, path)) {
		log_debug("cannot write %s: %s", path, strerror(errno));
		unlink(temporary);
	}
	close(fd);
}

int sites_find(const struct elf_file *f, bool cache, sites_progress progress, void *arg,
	       struct sites *out)
{
	int err;

	if (cache && !sites_cache_load(f, out))
		return 0;
	err = sites_scan(f, progress, arg, out);
	if (!err && cache)
		sites_cache_store(f, out);
	return err;
}
