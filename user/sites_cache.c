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
#include <zlib.h>

#include "log.h"
#include "sites_json.h"

#ifndef MOQSTAT_VERSION
#define MOQSTAT_VERSION "unknown"
#endif

/* Raised with every change of what a scan finds or how it is written down. */
#define CACHE_SCANNER 2

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

/* CRC-32 over the code of every function, and where it lies. */
static uint32_t cache_code_sum(const struct elf_file *f)
{
	size_t i, len;
	const struct elf_symbol *symbols = elf_file_symbols(f, &len);
	uint64_t end = 0;
	uint32_t sum = crc32(0, NULL, 0);

	for (i = 0; i < len; i++) {
		const uint8_t *bytes = elf_file_bytes(f, symbols[i].addr, symbols[i].size);
		uint64_t place[] = { symbols[i].addr, symbols[i].size, 0 };

		if (!bytes || symbols[i].addr < end)
			continue;
		elf_file_offset(f, symbols[i].addr, &place[2]);
		sum = crc32(sum, (const Bytef *)place, sizeof(place));
		sum = crc32_z(sum, bytes, symbols[i].size);
		end = symbols[i].addr + symbols[i].size;
	}
	return sum;
}

static uint32_t cache_json_sum(const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	uint32_t sum = text ? crc32(0, (const Bytef *)text, strlen(text)) : 0;

	free(text);
	return sum;
}

static json_t *cache_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	json_t *json = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH)) && st.st_size < (64 << 20))
		json = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
	close(fd);
	return json;
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
	char path[PATH_MAX];
	const json_t *found;
	json_t *json;
	const char *version;
	struct sites sites;
	int err = -ENOENT;

	if (!cache_path(f, path, sizeof(path)))
		return -ENOENT;
	json = cache_read(path);
	if (!json)
		return -ENOENT;
	found = json_object_get(json, "found");
	version = json_string_value(json_object_get(json, "moqstat"));
	if (version && !strcmp(version, MOQSTAT_VERSION) &&
	    json_integer_value(json_object_get(json, "scanner")) == CACHE_SCANNER &&
	    json_integer_value(json_object_get(json, "sum")) == cache_json_sum(found) &&
	    json_integer_value(json_object_get(json, "code")) == cache_code_sum(f))
		err = sites_json_decode(found, &sites);
	json_decref(json);
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

void sites_cache_store(const struct elf_file *f, const struct sites *s)
{
	char path[PATH_MAX], temporary[PATH_MAX + 16];
	json_t *found, *json;
	int fd;

	if (!cache_path(f, path, sizeof(path)))
		return;
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		log_debug("cannot write %s: %s", temporary, strerror(errno));
		return;
	}
	found = sites_json_encode(s);
	json = json_pack("{s:s, s:i, s:I, s:I, s:O}", "moqstat", MOQSTAT_VERSION, "scanner",
			 CACHE_SCANNER, "code", (json_int_t)cache_code_sum(f), "sum",
			 (json_int_t)cache_json_sum(found), "found", found);
	if (!json || json_dumpfd(json, fd, JSON_COMPACT | JSON_SORT_KEYS) ||
	    rename(temporary, path)) {
		log_debug("cannot write %s: %s", path, strerror(errno));
		unlink(temporary);
	}
	json_decref(json);
	json_decref(found);
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
