/* SPDX-License-Identifier: MIT */
/*
 * test_elf_stripped.c - functions without symbols: what .eh_frame tells of them, and the code that
 * nothing tells of.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "elf_functions.h"
#include "elf_image.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static struct image im;

static int setup(void **state)
{
	(void)state;
	image_init(&im);
	image_function(&im, "first", "90 90 90 90 c3");
	image_function(&im, "second", "90 c3");
	image_function(&im, "third", "90 90 c3");
	im.stripped = true;
	im.unwind = true;
	image_build(&im);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	image_deinit(&im);
	return 0;
}

/* The functions of a file as text: "name@offset+size " from the beginning of the text. */
static char *functions_text(const struct elf_file *f, char *out, size_t room)
{
	size_t i, len, at = 0;
	const struct elf_symbol *list = elf_file_symbols(f, &len);

	*out = '\0';
	for (i = 0; i < len && at < room; i++)
		at += snprintf(out + at, room - at, "%s@%lx+%lx ", list[i].name,
			       (unsigned long)(list[i].addr - IMAGE_TEXT),
			       (unsigned long)list[i].size);
	return out;
}

static void assert_functions(const char *expected)
{
	char text[512];
	struct elf_file *f;

	image_write(&im);
	assert_int_equal(elf_file_create(im.path, &f), 0);
	assert_string_equal(functions_text(f, text, sizeof(text)), expected);
	elf_file_destroy(f);
}

static void functions_are_those_of_the_unwinder(void **state)
{
	struct elf_file *f = image_open(&im);

	(void)state;
	assert_functions("@0+5 @10+2 @20+3 ");
	assert_null(elf_file_name_at(f, IMAGE_TEXT));
	assert_string_equal(elf_file_build_id(f), IMAGE_BUILD_ID);
	assert_true(elf_file_is_stripped(f));
	elf_file_destroy(f);
}

static void symbols_come_first(void **state)
{
	struct elf_file *f;

	(void)state;
	im.stripped = false;
	f = image_open(&im);
	assert_false(elf_file_is_stripped(f));
	elf_file_destroy(f);
	assert_functions("first@0+5 second@10+2 third@20+3 ");
	/* Some have lost theirs. */
	im.symtab[2].st_info = ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE);
	assert_functions("first@0+5 @10+2 third@20+3 ");
	/* Symbols that say something else are right; what they leave is a function of its own. */
	im.symtab[1].st_value += 2;
	im.symtab[1].st_size = 1;
	im.symtab[2].st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC);
	im.symtab[2].st_size = 4;
	assert_functions("first@2+1 @3+2 second@10+4 third@20+3 ");
}

static void no_code_is_left_out(void **state)
{
	(void)state;
	im.unwind = false;
	image_build(&im);
	assert_functions("@0+23 ");
	im.unwind = true;
	im.symbols[1].unwind = false;
	image_build(&im);
	assert_functions("@0+5 @5+1b @20+3 ");
	/* Padding is none, in whichever way it is done. */
	memset(im.bytes + IMAGE_OFFSET + 5, 0, 0xb);
	memset(im.bytes + IMAGE_OFFSET + 0x10, 0x90, 0x10);
	assert_functions("@0+5 @20+3 ");
}

/* The FDEs are at IMAGE_CIE and every IMAGE_FDE bytes; the fields of one. */
static uint32_t *fde(unsigned int i)
{
	return (uint32_t *)(im.eh_frame + IMAGE_CIE + i * IMAGE_FDE);
}

static void records_of_no_use_are_left_out(void **state)
{
	static const struct {
		unsigned int at; /* byte of the CIE */
		uint8_t value;
	} cies[] = {
		{ 4, 1 },		    /* is none */
		{ 8, 2 },		    /* another version */
		{ 9, 'e' },		    /* an augmentation of which the length isn't given */
		{ 10, 'x' },		    /* one that isn't known */
		{ 12, 0x81 },		    /* see below: alignment that runs on and on */
		{ 16, 0x2b },		    /* relative to the text */
		{ 16, 0x9b },		    /* indirect */
		{ 16, 0x1f }, { 16, 0x01 }, /* LEB128 */
		{ 16, 0x02 },		    /* 2 bytes */
		{ 16, 0xff },		    /* omitted */
		{ 0, 5 },		    /* ends before its augmentation */
		{ 0, 12 },		    /* ends before its data */
	};
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cies); i++) {
		image_build(&im);
		im.eh_frame[cies[i].at] = cies[i].value;
		if (cies[i].at == 12)
			memset(im.eh_frame + 12, 0x81, IMAGE_CIE - 12);
		assert_functions("@0+23 ");
	}
	image_build(&im);
	fde(1)[1] = 0x7fffffff; /* a CIE before the section */
	assert_functions("@0+5 @5+1b @20+3 ");
	fde(1)[1] = 4; /* itself */
	assert_functions("@0+5 @5+1b @20+3 ");
	fde(1)[1] = 0; /* a CIE, and a bad one */
	assert_functions("@0+5 @5+1b @20+3 ");
	image_build(&im);
	fde(1)[2] = 0x70000000; /* nowhere */
	assert_functions("@0+5 @5+1b @20+3 ");
	image_build(&im);
	fde(1)[3] = 0; /* no bytes */
	assert_functions("@0+5 @5+1b @20+3 ");
	image_build(&im);
	fde(1)[3] = 0x7fffffff; /* out of the text */
	assert_functions("@0+5 @5+1b @20+3 ");
}

static void damaged_lengths_end_it(void **state)
{
	(void)state;
	fde(1)[0] = 0x10000;
	assert_functions("@0+5 @5+1e ");
	fde(1)[0] = UINT32_MAX; /* of 64 bits */
	assert_functions("@0+5 @5+1e ");
	fde(1)[0] = 3;
	assert_functions("@0+5 @5+1e ");
	image_build(&im);
	im.sections[IMAGE_SEC_UNWIND].sh_size = 0;
	assert_functions("@0+23 ");
	im.sections[IMAGE_SEC_UNWIND].sh_size = 3;
	assert_functions("@0+23 ");
	im.sections[IMAGE_SEC_UNWIND].sh_name = 0x7fffffff;
	assert_functions("@0+23 ");
}

/* An end mark in the middle, as of several .eh_frame put together, is none. */
static void an_end_mark_is_passed(void **state)
{
	(void)state;
	memmove(im.eh_frame + IMAGE_CIE + IMAGE_FDE + 4, fde(1), 2 * IMAGE_FDE);
	memset(fde(1), 0, 4);
	((uint32_t *)(im.eh_frame + IMAGE_CIE + IMAGE_FDE + 4))[1] += 4;
	((uint32_t *)(im.eh_frame + IMAGE_CIE + IMAGE_FDE + 4))[2] -= 4;
	((uint32_t *)(im.eh_frame + IMAGE_CIE + 2 * IMAGE_FDE + 4))[1] += 4;
	((uint32_t *)(im.eh_frame + IMAGE_CIE + 2 * IMAGE_FDE + 4))[2] -= 4;
	im.sections[IMAGE_SEC_UNWIND].sh_size += 4;
	assert_functions("@0+5 @10+2 @20+3 ");
}

static void functions_that_overlap_count_once(void **state)
{
	(void)state;
	fde(0)[3] = 0x11; /* over the second, whose own end is left */
	assert_functions("@0+11 @11+1 @20+3 ");
}

/* Bytes of a CIE and one FDE in each form that a compiler may choose. */
static void forms_of_addresses(void **state)
{
	static const struct {
		const char *hex;
		uint64_t addr, size;
	} cases[] = {
		/* zR, absolute, 8 bytes */
		{ "0d000000 00000000 01 7a5200 01 78 10 01 00"
		  " 15000000 15000000 0010400000000000 2300000000000000 00",
		  0x401000, 0x23 },
		/* No augmentation: the same. */
		{ "08000000 00000000 01 00 01 78"
		  " 14000000 10000000 0010400000000000 2300000000000000",
		  0, 0 },
		{ "09000000 00000000 01 00 01 78 10"
		  " 14000000 11000000 0010400000000000 2300000000000000",
		  0x401000, 0x23 },
		/* zR, absolute, 4 bytes, unsigned and signed */
		{ "0d000000 00000000 01 7a5200 01 78 10 01 03 0d000000 15000000 001040f0 23000000 00",
		  0xf0401000, 0x23 },
		{ "0d000000 00000000 01 7a5200 01 78 10 01 0b 0d000000 15000000 001040f0 23000000 00",
		  0xfffffffff0401000, 0x23 },
		/* zR, relative, 8 bytes */
		{ "0d000000 00000000 01 7a5200 01 78 10 01 1c"
		  " 15000000 15000000 f0ffffffffffffff 2300000000000000 00",
		  0x1000 + 0x19 - 16, 0x23 },
		/* zPLR: a personality, indirect; then that of the language's data */
		{ "15000000 00000000 01 7a504c5200 01 78 10 07 9b 44332211 1b 1b"
		  " 11000000 1d000000 00000000 23000000 04 00000000",
		  0x1000 + 0x21, 0x23 },
		/* zPLRS: of a signal's frame, and the personality by an absolute address */
		{ "1a000000 00000000 01 7a504c5253 00 01 78 10 0b 00 8877665544332211 1b 1b"
		  " 11000000 22000000 00000000 23000000 04 00000000",
		  0x1000 + 0x26, 0x23 },
		/* zPR, whose personality is cut off */
		{ "0f000000 00000000 01 7a505200 01 78 10 02 1b 11"
		  " 11000000 17000000 00000000 23000000 04 00000000",
		  0, 0 },
		/* An FDE that is cut off within the size */
		{ "0d000000 00000000 01 7a5200 01 78 10 01 03 0b000000 15000000 00104000 230000", 0,
		  0 },
	};
	uint8_t bytes[128];
	size_t i, len;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		struct elf_functions fs = { 0 };

		len = image_hex(cases[i].hex, bytes, sizeof(bytes));
		assert_int_equal(elf_functions_unwind(&fs, bytes, len, 0x1000), 0);
		if (fs.len != !!cases[i].size)
			fail_msg("%s: %zu functions", cases[i].hex, fs.len);
		if (fs.len &&
		    (fs.list[0].addr != cases[i].addr || fs.list[0].size != cases[i].size))
			fail_msg("%s: 0x%lx + 0x%lx", cases[i].hex, (unsigned long)fs.list[0].addr,
				 (unsigned long)fs.list[0].size);
		elf_functions_deinit(&fs);
		elf_functions_deinit(NULL);
	}
}

/* Wherever it is cut, and with any byte of it at either extreme, nothing behind is read (which the
 * sanitizers watch). */
static void hostile_bytes(void **state)
{
	size_t len = IMAGE_CIE + 3 * IMAGE_FDE, cut, at;
	static const uint8_t extremes[] = { 0, 1, 0x7f, 0x80, 0xff };
	struct elf_functions fs = { 0 };
	uint8_t *bytes;

	(void)state;
	for (cut = 0; cut <= len; cut++) {
		bytes = malloc(cut ? cut : 1);
		assert_non_null(bytes);
		memcpy(bytes, im.eh_frame, cut);
		fs.len = 0;
		assert_int_equal(elf_functions_unwind(&fs, bytes, cut, IMAGE_UNWIND), 0);
		assert_true(fs.len <= 3);
		free(bytes);
	}
	bytes = malloc(len);
	assert_non_null(bytes);
	for (at = 0; at < len * LEN(extremes); at++) {
		memcpy(bytes, im.eh_frame, len);
		bytes[at / LEN(extremes)] = extremes[at % LEN(extremes)];
		assert_int_equal(elf_functions_unwind(&fs, bytes, len, UINT64_MAX - 16), 0);
	}
	free(bytes);
	elf_functions_deinit(&fs);
}

static void much_code_without_functions_is_refused(void **state)
{
	struct elf_file *f = NULL;
	char said[512];

	(void)state;
	im.unwind = false;
	image_build(&im);
	im.sections[IMAGE_SEC_TEXT].sh_size = (4 << 20) + 1;
	image_write(&im);
	assert_int_equal(truncate(im.path, 5 << 20), 0);
	assert_int_equal(image_create(im.path, &f, said, sizeof(said)), -ENODATA);
	assert_null(f);
	assert_non_null(strstr(said, im.path));
	assert_non_null(strstr(said, "4194305 bytes of code at 0x401000"));
	im.sections[IMAGE_SEC_TEXT].sh_size = 4 << 20;
	image_write(&im);
	assert_int_equal(truncate(im.path, 5 << 20), 0);
	assert_int_equal(elf_file_create(im.path, &f), 0);
	elf_file_destroy(f);
}

static void short_memory_is_told(void **state)
{
	struct elf_file *f;
	char said[512];
	size_t n;
	int rc;

	(void)state;
	image_write(&im);
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		rc = image_create(im.path, &f, said, sizeof(said));
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(rc, -ENOMEM);
	}
	assert_int_equal(rc, 0);
	assert_true(n > 8);
	elf_file_destroy(f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* By all digits of the address, then by name. */
static void functions_are_sorted(void **state)
{
	static const char *const names[] = { "b", "a", "c" };
	struct elf_functions fs = { 0 };
	uint64_t addr = 1;
	unsigned int i;

	(void)state;
	assert_int_equal(elf_functions_sort(&fs), 0);
	for (i = 0; i < 3000; i++) {
		addr = addr * 0x5851f42d4c957f2d + 1;
		/* Of all widths; each third one is where the one before it is. */
		assert_int_equal(
			elf_functions_add(&fs, i % 3 == 2 ? fs.list[i - 1].addr : addr >> i % 64, 1,
					  names[i % 3]),
			0);
	}
	assert_int_equal(elf_functions_sort(&fs), 0);
	assert_int_equal(fs.len, 3000);
	for (i = 1; i < fs.len; i++) {
		const struct elf_symbol *a = &fs.list[i - 1], *b = &fs.list[i];

		assert_true(a->addr < b->addr ||
			    (a->addr == b->addr && strcmp(a->name, b->name) <= 0));
	}
	elf_functions_deinit(&fs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_sorted),
		TEST(functions_are_those_of_the_unwinder),
		TEST(symbols_come_first),
		TEST(no_code_is_left_out),
		TEST(records_of_no_use_are_left_out),
		TEST(damaged_lengths_end_it),
		TEST(an_end_mark_is_passed),
		TEST(functions_that_overlap_count_once),
		cmocka_unit_test(forms_of_addresses),
		TEST(hostile_bytes),
		TEST(much_code_without_functions_is_refused),
		TEST(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
