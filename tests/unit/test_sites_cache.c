/* SPDX-License-Identifier: MIT */
/*
 * test_sites_cache.c - the cache is used if it is sound, ours, and of this very executable; in any
 * other case the executable is scanned anew.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
#include <jansson.h>
#include <zlib.h>

#include "recording.h"
#include "relay_image.h"
#include "sites_cache.h"

struct fixture {
	struct relay relay;
	struct elf_file *f;
	char base[64]; /* $XDG_CACHE_HOME */
	char dir[80];
	char file[192];
	char other[192]; /* a name beside `dir` for use by a test */
};

static int setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));

	*state = x;
	relay_init(&x->relay);
	x->f = relay_open(&x->relay);
	strcpy(x->base, "/tmp/moqstat-test-XXXXXX");
	if (!mkdtemp(x->base))
		return -1;
	snprintf(x->dir, sizeof(x->dir), "%s/moqstat", x->base);
	snprintf(x->file, sizeof(x->file), "%s/sites-%s.json", x->dir, IMAGE_BUILD_ID);
	snprintf(x->other, sizeof(x->other), "%s/other", x->base);
	return setenv("XDG_CACHE_HOME", x->base, 1);
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	elf_file_destroy(x->f);
	relay_deinit(&x->relay);
	unlink(x->file);
	rmdir(x->file);
	unlink(x->other);
	unlink(x->dir);
	rmdir(x->dir);
	rmdir(x->other);
	rmdir(x->base);
	test_free(x);
	return 0;
}

/* Find the sites by way of the cache: were they in it? */
static bool found_in_cache(struct elf_file *f)
{
	struct sites s;
	bool cached;

	assert_int_equal(sites_find(f, true, NULL, NULL, &s), 0);
	assert_int_equal(s.len, RELAY_SITES);
	assert_string_equal(s.build_id, elf_file_build_id(f));
	cached = s.cached;
	sites_deinit(&s);
	return cached;
}

/* What is there now is not taken; scanning heals it. */
static void assert_scanned_anew(struct fixture *x)
{
	struct sites s = { .len = 77 };

	assert_int_equal(sites_cache_load(x->f, &s), -ENOENT);
	assert_int_equal(s.len, 77);
	assert_false(found_in_cache(x->f));
	assert_true(found_in_cache(x->f));
}

static size_t entries(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void second_time_from_the_cache(void **state)
{
	struct fixture *x = *state;
	struct sites s, back;
	struct stat st;
	size_t i;

	assert_int_equal(sites_cache_load(x->f, &back), -ENOENT);
	assert_int_equal(sites_find(x->f, true, NULL, NULL, &s), 0);
	assert_false(s.cached);
	assert_int_equal(sites_cache_load(x->f, &back), 0);
	assert_true(back.cached);
	assert_int_equal(back.len, s.len);
	for (i = 0; i < s.len; i++)
		assert_memory_equal(&back.list[i], &s.list[i], sizeof(s.list[i]));
	sites_deinit(&back);
	sites_deinit(&s);
	assert_int_equal(stat(x->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(x->dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(entries(x->dir), 1); /* nothing temporary is left */
}

static void no_cache_is_neither_read_nor_written(void **state)
{
	struct fixture *x = *state;
	struct sites s;

	assert_int_equal(sites_find(x->f, false, NULL, NULL, &s), 0);
	sites_deinit(&s);
	assert_int_equal(access(x->file, F_OK), -1);
	found_in_cache(x->f);
	assert_int_equal(sites_find(x->f, false, NULL, NULL, &s), 0);
	assert_false(s.cached);
	sites_deinit(&s);
}

static size_t file_read(const char *name, char *text, size_t size)
{
	FILE *f = fopen(name, "r");
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, size, f);
	assert_true(len < size);
	fclose(f);
	return len;
}

static void damaged_files_are_not_taken(void **state)
{
	struct fixture *x = *state;
	char *text = test_malloc(1 << 16);
	size_t len, i;
	struct sites s;

	found_in_cache(x->f);
	len = file_read(x->file, text, 1 << 16);
	assert_true(len > 1000);
	for (i = 0; i < len; i += i < 64 || len - i < 64 ? 1 : 61) {
		recording_write(x->file, text, i);
		assert_int_equal(sites_cache_load(x->f, &s), -ENOENT);
		text[i] ^= 1;
		recording_write(x->file, text, len);
		if (sites_cache_load(x->f, &s) != -ENOENT)
			fail_msg("byte %zu", i);
		text[i] ^= 1;
	}
	assert_scanned_anew(x);
	recording_write(x->file, text, len);
	assert_true(found_in_cache(x->f));
	test_free(text);
}

/* One value of the file changed, of its first line or of what was found; with `sums`, its checksum
 * is right all the same. */
static void change(struct fixture *x, const char *name, json_t *value, bool sums)
{
	char *text = test_malloc(1 << 16), *end, *first, *found;
	size_t len = file_read(x->file, text, 1 << 16);
	json_t *made, *rest;
	FILE *f;

	text[len] = '\0';
	end = strchr(text, '\n');
	assert_non_null(end);
	made = json_loadb(text, end - text, 0, NULL);
	rest = json_loads(end + 1, 0, NULL);
	assert_non_null(made);
	assert_non_null(rest);
	if (!strcmp(name, "found")) {
		json_decref(rest);
		rest = value;
	} else {
		json_object_set_new(json_object_get(made, name) ? made : rest, name, value);
	}
	found = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	assert_non_null(found);
	if (sums)
		json_object_set_new(
			made, "sum",
			json_integer((json_int_t)crc32_z(0, (const Bytef *)found, strlen(found))));
	first = json_dumps(made, JSON_COMPACT | JSON_SORT_KEYS);
	assert_non_null(first);
	f = fopen(x->file, "we");
	assert_non_null(f);
	fprintf(f, "%s\n%s", first, found);
	assert_int_equal(fclose(f), 0);
	free(first);
	free(found);
	json_decref(made);
	json_decref(rest);
	test_free(text);
}

static void foreign_files_are_not_taken(void **state)
{
	struct fixture *x = *state;

	found_in_cache(x->f);
	change(x, "layout", json_string("moq-net 0.1.8"), true); /* as it was */
	assert_true(found_in_cache(x->f));
	change(x, "moqstat", json_string("0.0.1"), true);
	assert_scanned_anew(x);
	change(x, "moqstat", json_integer(1), true);
	assert_scanned_anew(x);
	change(x, "scanner", json_integer(0), true);
	assert_scanned_anew(x);
	change(x, "sum", json_integer(0), false);
	assert_scanned_anew(x);
	change(x, "code", json_integer(0), true);
	assert_scanned_anew(x);
	change(x, "found", json_null(), true);
	assert_scanned_anew(x);
	change(x, "layout", json_string("moq-net 0.1.9"), true);
	assert_scanned_anew(x);
	change(x, "sites", json_array(), true);
	assert_scanned_anew(x);
	change(x, "unprobed", json_pack("[{}]"), true);
	assert_scanned_anew(x);
}

/* Let the code lie elsewhere: its segment in the file, all of it in memory, or the code in its
 * segment. */
static void image_move(struct image *im, bool in_file, bool in_memory, bool in_segment)
{
	uint64_t offset = in_file || in_segment ? 0x100 : 0;
	uint64_t addr = in_memory || in_segment ? 0x100 : 0;
	size_t i;

	memmove(im->bytes + IMAGE_OFFSET + offset, im->bytes + IMAGE_OFFSET, im->text_len);
	im->sections[IMAGE_SEC_TEXT].sh_offset += offset;
	im->sections[IMAGE_SEC_TEXT].sh_addr += addr;
	for (i = 1; i <= im->symbols_len; i++)
		im->symtab[i].st_value += addr;
	if (in_segment) {
		im->segments[0].p_filesz += offset;
	} else {
		im->segments[0].p_offset += offset;
		im->segments[0].p_vaddr += addr;
	}
}

static void another_executable_of_that_build_id(void **state)
{
	struct fixture *x = *state;
	struct elf_file *f;
	struct relay r;
	size_t i;

	found_in_cache(x->f);
	/* Other code, as long. */
	relay_init(&r);
	r.parts[RELAY_SESSION_CLOSE].hex = "48 8b 07 48 85 c0 74 18 f0 48 ff 40 18 48 8b 07 48 "
					   "85 c0 74 0c f0 48 ff 08 75 06 ff 25 00 00 00 00 c3";
	f = relay_open(&r);
	assert_false(found_in_cache(f));
	assert_true(found_in_cache(f));
	elf_file_destroy(f);
	relay_deinit(&r);
	assert_scanned_anew(x);
	/* The same code elsewhere. */
	for (i = 0; i < 3; i++) {
		relay_init(&r);
		elf_file_destroy(relay_open(&r));
		image_move(&r.im, i == 0, i == 1, i == 2);
		image_write(&r.im);
		assert_int_equal(elf_file_create(r.im.path, &f), 0);
		assert_false(found_in_cache(f));
		assert_true(found_in_cache(f));
		elf_file_destroy(f);
		relay_deinit(&r);
		assert_scanned_anew(x);
	}
	/* Another build-id is another file. */
	relay_init(&r);
	r.im.build_id = "ff";
	f = relay_open(&r);
	assert_false(found_in_cache(f));
	assert_true(found_in_cache(f));
	assert_int_equal(entries(x->dir), 2);
	snprintf(x->other, sizeof(x->other), "%s/sites-ff.json", x->dir);
	elf_file_destroy(f);
	relay_deinit(&r);
}

/* The build-id stays the same, the names of functions don't. */
static void a_stripped_executable_has_its_own(void **state)
{
	struct fixture *x = *state;
	struct elf_file *f;
	struct relay r;

	found_in_cache(x->f);
	relay_init(&r);
	relay_strip(&r);
	f = relay_open(&r);
	assert_false(found_in_cache(f));
	assert_true(found_in_cache(f));
	assert_true(found_in_cache(x->f));
	snprintf(x->other, sizeof(x->other), "%s/sites-%s-stripped.json", x->dir, IMAGE_BUILD_ID);
	assert_int_equal(access(x->other, F_OK), 0);
	elf_file_destroy(f);
	relay_deinit(&r);
}

static void without_a_build_id_nothing_is_kept(void **state)
{
	struct fixture *x = *state;
	struct elf_file *f;
	struct relay r;

	relay_init(&r);
	elf_file_destroy(relay_open(&r));
	r.im.note->n_type = NT_GNU_ABI_TAG;
	image_write(&r.im);
	assert_int_equal(elf_file_create(r.im.path, &f), 0);
	assert_false(found_in_cache(f));
	assert_false(found_in_cache(f));
	assert_int_equal(access(x->dir, F_OK), -1);
	elf_file_destroy(f);
	relay_deinit(&r);
}

static void what_others_could_write_is_not_taken(void **state)
{
	static const mode_t modes[] = { 0620, 0602, 0622, 0660 };
	struct fixture *x = *state;
	struct sites s;
	size_t i;

	found_in_cache(x->f);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		chmod(x->file, modes[i]);
		assert_scanned_anew(x);
	}
	chmod(x->file, 0444);
	assert_true(found_in_cache(x->f));
	chmod(x->dir, 0770);
	assert_int_equal(sites_cache_load(x->f, &s), -ENOENT);
	assert_false(found_in_cache(x->f));
	chmod(x->dir, 0707);
	assert_false(found_in_cache(x->f));
	chmod(x->dir, 0700);
	assert_true(found_in_cache(x->f));
}

static void what_others_own_is_not_taken(void **state)
{
	struct fixture *x = *state;

	if (geteuid() != 0)
		skip();
	found_in_cache(x->f);
	assert_int_equal(chown(x->file, 1, -1), 0);
	assert_scanned_anew(x);
	assert_int_equal(chown(x->dir, 1, -1), 0);
	assert_false(found_in_cache(x->f));
	assert_int_equal(chown(x->dir, 0, -1), 0);
	assert_true(found_in_cache(x->f));
}

/* Make a file that long, by spaces at its end. */
static void file_pad(const char *name, size_t size)
{
	char *spaces = test_malloc(1 << 20);
	FILE *f = fopen(name, "a");
	size_t n;

	assert_non_null(f);
	memset(spaces, ' ', 1 << 20);
	while ((size_t)ftell(f) < size) {
		n = size - ftell(f);
		assert_true(fwrite(spaces, n < 1 << 20 ? n : 1 << 20, 1, f) == 1);
	}
	fclose(f);
	test_free(spaces);
}

/* Nobody is followed, and nobody is waited for. */
static void what_is_no_file_is_not_taken(void **state)
{
	struct fixture *x = *state;
	struct stat before, after;

	found_in_cache(x->f);
	rename(x->file, x->other);
	assert_int_equal(symlink(x->other, x->file), 0);
	stat(x->other, &before);
	assert_scanned_anew(x);
	stat(x->other, &after);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	assert_int_equal(lstat(x->file, &after), 0);
	assert_true(S_ISREG(after.st_mode)); /* the link itself was replaced */
	unlink(x->file);
	assert_int_equal(mkfifo(x->file, 0600), 0);
	assert_scanned_anew(x);
	unlink(x->file);
	assert_int_equal(mkdir(x->file, 0700), 0);
	assert_false(found_in_cache(x->f)); /* can't be replaced */
	assert_false(found_in_cache(x->f));
	assert_int_equal(entries(x->dir), 1);
	rmdir(x->file);
	/* More than any relay has sites. */
	found_in_cache(x->f);
	file_pad(x->file, 64 << 20);
	assert_scanned_anew(x);
}

static void a_link_for_a_directory_is_not_used(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(mkdir(x->other, 0700), 0);
	assert_int_equal(symlink(x->other, x->dir), 0);
	assert_false(found_in_cache(x->f));
	assert_false(found_in_cache(x->f));
	assert_int_equal(entries(x->other), 0);
}

static void where_the_cache_is(void **state)
{
	struct fixture *x = *state;
	const char *home = getenv("HOME");
	char *saved = home ? strdup(home) : NULL, path[256];

	/* $HOME/.cache if the other isn't set or is relative. */
	setenv("XDG_CACHE_HOME", "relative", 1);
	setenv("HOME", x->base, 1);
	assert_false(found_in_cache(x->f));
	assert_true(found_in_cache(x->f));
	assert_int_equal(access("relative", F_OK), -1);
	unsetenv("XDG_CACHE_HOME");
	assert_true(found_in_cache(x->f));
	setenv("XDG_CACHE_HOME", "", 1);
	assert_true(found_in_cache(x->f));
	snprintf(path, sizeof(path), "%s/.cache/moqstat/sites-%s.json", x->base, IMAGE_BUILD_ID);
	assert_int_equal(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
	/* Nowhere, and nothing happens. */
	unsetenv("HOME");
	assert_false(found_in_cache(x->f));
	assert_false(found_in_cache(x->f));
	setenv("XDG_CACHE_HOME", "/nonexistent/for/sure", 1);
	assert_false(found_in_cache(x->f));
	setenv("XDG_CACHE_HOME", "/dev/null", 1);
	assert_false(found_in_cache(x->f));
	if (saved)
		setenv("HOME", saved, 1);
	free(saved);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(second_time_from_the_cache),
		TEST(no_cache_is_neither_read_nor_written),
		TEST(damaged_files_are_not_taken),
		TEST(foreign_files_are_not_taken),
		TEST(another_executable_of_that_build_id),
		TEST(a_stripped_executable_has_its_own),
		TEST(without_a_build_id_nothing_is_kept),
		TEST(what_others_could_write_is_not_taken),
		TEST(what_others_own_is_not_taken),
		TEST(what_is_no_file_is_not_taken),
		TEST(a_link_for_a_directory_is_not_used),
		TEST(where_the_cache_is),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
