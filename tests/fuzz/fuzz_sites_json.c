/* SPDX-License-Identifier: MIT */
/* fuzz_sites_json.c - JSON that is to be the sites of an executable: alone, and in a cache's file
 * whose sums are right. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <zlib.h>

#include "fuzz.h"

#include "relay_image.h"
#include "sites_cache.h"
#include "sites_json.h"

/* An executable with a cache's file of its own. */
struct cached {
	struct relay relay;
	struct elf_file *file;
	char path[512];
	json_t *made, *found; /* the file's two lines */
};

static struct cached cached;

static void cached_end(void)
{
	char *end;

	remove(cached.path);
	while ((end = strrchr(cached.path, '/')) && end != cached.path) {
		*end = '\0';
		if (rmdir(cached.path))
			break;
	}
	json_decref(cached.made);
	json_decref(cached.found);
	elf_file_destroy(cached.file);
	relay_deinit(&cached.relay);
}

static void cached_read(struct cached *c)
{
	FILE *file = fopen(c->path, "re");

	fuzz_check(file);
	c->made = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL);
	c->found = json_loadf(file, 0, NULL);
	fuzz_check(c->made && c->found);
	fclose(file);
}

/* Whether the file could be written. */
static bool cached_write(const struct cached *c, const char *found)
{
	FILE *file = fopen(c->path, "we");
	bool good = file && !json_dumpf(c->made, file, JSON_COMPACT) &&
		    fprintf(file, "\n%s", found) > 0;

	return file && !fclose(file) && good;
}

static struct cached *cached_get(void)
{
	struct cached *c = &cached;
	char dir[] = "/tmp/moqstat-fuzz-XXXXXX";
	struct sites s;

	if (c->file)
		return c;
	fuzz_check(mkdtemp(dir));
	setenv("XDG_CACHE_HOME", dir, 1);
	snprintf(c->path, sizeof(c->path), "%s/moqstat/sites-%s.json", dir, IMAGE_BUILD_ID);
	relay_init(&c->relay);
	c->file = relay_open(&c->relay);
	remove(c->relay.im.path);
	fuzz_check(!sites_find(c->file, true, NULL, NULL, &s));
	sites_deinit(&s);
	cached_read(c);
	atexit(cached_end);
	return c;
}

/* Whether they were taken for what was found. */
static bool sites_from_cache(struct cached *c, json_t *found)
{
	char *text = json_dumps(found, JSON_COMPACT | JSON_SORT_KEYS);
	uint64_t offset;
	struct sites s;
	size_t i;

	fuzz_check(text);
	json_object_set_new(
		c->made, "sum",
		json_integer((json_int_t)crc32_z(0, (const Bytef *)text, strlen(text))));
	fuzz_check(cached_write(c, text));
	free(text);
	if (sites_cache_load(c->file, &s))
		return false;
	fuzz_check(s.cached);
	for (i = 0; i < s.len; i++)
		fuzz_check(!elf_file_offset(c->file, s.list[i].addr, &offset) &&
			   offset == s.list[i].offset);
	sites_deinit(&s);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cached *c = cached_get();
	json_t *json = json_loadb((const char *)data, size, 0, NULL), *once, *twice;
	struct sites s, back;

	if (!json)
		return 0;
	if (!sites_json_decode(json, &s)) {
		once = sites_json_encode(&s);
		fuzz_check(once && s.layout);
		fuzz_check(!sites_json_decode(once, &back));
		twice = sites_json_encode(&back);
		fuzz_check(twice && json_equal(once, twice));
		json_decref(twice);
		json_decref(once);
		sites_deinit(&back);
		sites_deinit(&s);
		sites_from_cache(c, json);
	}
	json_decref(json);
	return 0;
}

void fuzz_seeds(void)
{
	struct cached *c = cached_get();
	char *text = json_dumps(c->found, JSON_COMPACT);

	fuzz_check(text && sites_from_cache(c, c->found));
	fuzz_seed(text, strlen(text));
	free(text);
}
