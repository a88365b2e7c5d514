/* SPDX-License-Identifier: MIT */
/*
 * test_elf.c - executables are read as they are, and damaged ones refused with what is wrong.
 */
#include <errno.h>
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

#include "alloc_fail.h"
#include "elf_image.h"
#include "sites.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static struct image im;

static int setup(void **state)
{
	(void)state;
	image_init(&im);
	image_function(&im, "first", "90 90 90 90 c3");
	image_function(&im, "second", "90 c3");
	memcpy(im.rodata, "constant", 8);
	im.rodata_len = 8;
	image_build(&im);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	image_deinit(&im);
	return 0;
}

static void a_sound_file_is_read(void **state)
{
	const struct elf_symbol *symbols;
	struct elf_file *f = image_open(&im);
	size_t len;

	(void)state;
	assert_string_equal(elf_file_path(f), im.path);
	assert_string_equal(elf_file_build_id(f), IMAGE_BUILD_ID);
	symbols = elf_file_symbols(f, &len);
	assert_int_equal(len, 2);
	assert_string_equal(symbols[0].name, "first");
	assert_int_equal(symbols[0].addr, IMAGE_TEXT);
	assert_int_equal(symbols[0].size, 5);
	assert_string_equal(symbols[1].name, "second");
	assert_int_equal(symbols[1].addr, IMAGE_TEXT + 16);
	elf_file_destroy(f);
	elf_file_destroy(NULL);
}

static void bytes_lie_within_one_section(void **state)
{
	struct elf_file *f = image_open(&im);

	(void)state;
	assert_memory_equal(elf_file_bytes(f, IMAGE_RODATA, 8), "constant", 8);
	assert_memory_equal(elf_file_bytes(f, IMAGE_RODATA + 7, 1), "t", 1);
	assert_memory_equal(elf_file_bytes(f, IMAGE_TEXT + 4, 1), "\xc3", 1);
	assert_null(elf_file_bytes(f, IMAGE_RODATA, 9));
	assert_null(elf_file_bytes(f, IMAGE_RODATA + 8, 1));
	assert_null(elf_file_bytes(f, IMAGE_RODATA - 1, 1));
	assert_null(elf_file_bytes(f, IMAGE_RODATA + 1, UINT64_MAX));
	assert_null(elf_file_bytes(f, 0, 1));
	assert_null(elf_file_bytes(f, UINT64_MAX, 2));
	elf_file_destroy(f);
}

static void texts_are_found(void **state)
{
	struct elf_file *f = image_open(&im);

	(void)state;
	assert_true(elf_file_has_text(f, "constant"));
	assert_true(elf_file_has_text(f, "nstan"));
	assert_true(elf_file_has_text(f, "\x90\xc3"));
	assert_false(elf_file_has_text(f, "constants"));
	assert_false(elf_file_has_text(f, "Constant"));
	/* What isn't there when it runs: a name. */
	assert_false(elf_file_has_text(f, "second"));
	elf_file_destroy(f);
	/* Nothing is in it. */
	im.rodata_len = 0;
	f = image_open(&im);
	assert_false(elf_file_has_text(f, "constant"));
	elf_file_destroy(f);
}

static void offsets_are_those_of_segments(void **state)
{
	struct elf_file *f = image_open(&im);
	uint64_t offset = 1;

	(void)state;
	assert_int_equal(elf_file_offset(f, IMAGE_TEXT, &offset), 0);
	assert_int_equal(offset, IMAGE_OFFSET);
	assert_int_equal(elf_file_offset(f, IMAGE_TEXT + im.text_len - 1, &offset), 0);
	assert_int_equal(offset, IMAGE_OFFSET + im.text_len - 1);
	assert_int_equal(elf_file_offset(f, IMAGE_RODATA + 7, &offset), 0);
	assert_memory_equal(im.bytes + offset, "t", 1);
	offset = 1;
	assert_int_equal(elf_file_offset(f, IMAGE_TEXT + im.text_len, &offset), -ERANGE);
	assert_int_equal(elf_file_offset(f, IMAGE_TEXT - 1, &offset), -ERANGE);
	assert_int_equal(offset, 1);
	elf_file_destroy(f);
	/* A segment that isn't loaded has no say. */
	im.segments[0].p_type = PT_NOTE;
	image_write(&im);
	assert_int_equal(elf_file_create(im.path, &f), 0);
	assert_int_equal(elf_file_offset(f, IMAGE_TEXT, &offset), -ERANGE);
	elf_file_destroy(f);
}

static void only_functions_in_code_count(void **state)
{
	const struct elf_symbol *symbols;
	struct elf_file *f;
	size_t len;

	(void)state;
	image_symbol(&im, "a_last", IMAGE_TEXT + 16, 2);
	image_symbol(&im, "object", IMAGE_TEXT, 1);
	im.symbols[im.symbols_len - 1].type = STT_OBJECT;
	image_symbol(&im, "empty", IMAGE_TEXT, 0);
	image_symbol(&im, "constant", IMAGE_RODATA, 8);
	image_symbol(&im, "too_long", IMAGE_TEXT + 17, 2);
	image_symbol(&im, "nowhere", 0x10, 1);
	image_symbol(&im, "endless", IMAGE_TEXT, UINT64_MAX);
	image_symbol(&im, "nameless", IMAGE_TEXT, 1);
	image_symbol(&im, "middle", IMAGE_TEXT + 3, 2);
	image_build(&im);
	im.symtab[im.symbols_len - 1].st_name = 0x7fffffff;
	image_write(&im);
	assert_int_equal(elf_file_create(im.path, &f), 0);
	symbols = elf_file_symbols(f, &len);
	assert_int_equal(len, 4);
	assert_string_equal(symbols[0].name, "first");
	assert_string_equal(symbols[1].name, "middle");
	assert_string_equal(symbols[2].name, "a_last"); /* at one place: by name */
	assert_string_equal(symbols[3].name, "second");
	elf_file_destroy(f);
}

static void names_are_those_of_places(void **state)
{
	const struct elf_symbol *at;
	struct elf_file *f;
	size_t len;

	(void)state;
	image_symbol(&im, "also_second", IMAGE_TEXT + 16, 2);
	f = image_open(&im);
	assert_string_equal(elf_file_name_at(f, IMAGE_TEXT), "first");
	assert_string_equal(elf_file_name_at(f, IMAGE_TEXT + 4), "first");
	assert_null(elf_file_name_at(f, IMAGE_TEXT + 5)); /* the padding */
	assert_null(elf_file_name_at(f, IMAGE_TEXT - 1));
	assert_null(elf_file_name_at(f, IMAGE_TEXT + 18));
	assert_null(elf_file_name_at(f, 0));
	assert_null(elf_file_name_at(f, UINT64_MAX));
	assert_string_equal(elf_file_name_at(f, IMAGE_TEXT + 17), "also_second");
	at = elf_file_symbols_at(f, IMAGE_TEXT + 17, &len); /* folded: all of them */
	assert_int_equal(len, 2);
	assert_string_equal(at[1].name, "second");
	assert_null(elf_file_symbols_at(f, IMAGE_TEXT + 18, &len));
	assert_int_equal(len, 0);
	elf_file_destroy(f);
	im.symbols_len = 0;
	f = image_open(&im);
	assert_null(elf_file_name_at(f, IMAGE_TEXT));
	elf_file_destroy(f);
}

#define SLOTS 0x600000

static void image_slots(struct image *image)
{
	const struct image_slot slots[] = {
		{ .addr = SLOTS + 16, .type = R_X86_64_JUMP_SLOT, .import = "_Unwind_Resume" },
		{ .addr = SLOTS, .type = R_X86_64_RELATIVE, .addend = IMAGE_TEXT + 16 },
		{ .addr = SLOTS + 8, .type = R_X86_64_GLOB_DAT, .import = "free" },
		{ .addr = SLOTS + 24,
		  .type = R_X86_64_GLOB_DAT,
		  .import = "exported",
		  .defined_at = IMAGE_TEXT },
		{ .addr = SLOTS + 32,
		  .type = R_X86_64_64,
		  .addend = 3,
		  .import = "exported",
		  .defined_at = IMAGE_TEXT },
		{ .addr = SLOTS + 40, .type = R_X86_64_DTPMOD64 },
		{ .addr = SLOTS + 48, .type = R_X86_64_GLOB_DAT },
	};

	memcpy(image->slots, slots, sizeof(slots));
	image->slots_len = LEN(slots);
}

static void assert_slot(const struct elf_file *f, uint64_t addr, uint64_t target,
			const char *import)
{
	const char *got_import = "none";
	uint64_t got = 1;

	assert_int_equal(elf_file_slot(f, addr, &got, &got_import), 0);
	assert_int_equal(got, target);
	if (import)
		assert_string_equal(got_import, import);
	else
		assert_null(got_import);
}

static void slots_hold_what_the_linker_puts_there(void **state)
{
	const char *import = "none";
	struct elf_file *f;
	uint64_t addr, target = 1;

	(void)state;
	image_slots(&im);
	f = image_open(&im);
	assert_slot(f, SLOTS, IMAGE_TEXT + 16, NULL);
	assert_slot(f, SLOTS + 8, 0, "free");
	assert_slot(f, SLOTS + 16, 0, "_Unwind_Resume");
	assert_slot(f, SLOTS + 24, IMAGE_TEXT, "exported");
	assert_slot(f, SLOTS + 32, IMAGE_TEXT + 3, "exported");
	/* Thread-local, without a symbol, not the slot's beginning, none. */
	for (addr = SLOTS + 40; addr <= SLOTS + 64; addr += 4)
		assert_int_equal(elf_file_slot(f, addr, &target, &import), -ENOENT);
	assert_int_equal(elf_file_slot(f, SLOTS + 4, &target, &import), -ENOENT);
	assert_int_equal(elf_file_slot(f, 0, &target, &import), -ENOENT);
	assert_int_equal(target, 1);
	assert_string_equal(import, "none");
	elf_file_destroy(f);
}

/* What a jump at the text's end through a slot, given as hexadecimal text, leads to. */
static const char *import_at(const char *prefix, uint64_t slot, char *out)
{
	char hex[64];
	struct elf_file *f;
	const char *import;
	uint64_t addr;
	int32_t distance;

	snprintf(hex, sizeof(hex), "%s ff 25 00 00 00 00 90", prefix);
	addr = image_function(&im, "stub", hex);
	distance = (int32_t)(slot - (IMAGE_TEXT + im.text_len - 1));
	memcpy(im.text + im.text_len - 5, &distance, sizeof(distance));
	f = image_open(&im);
	import = elf_file_import_at(f, addr);
	if (import)
		strcpy(out, import);
	elf_file_destroy(f);
	return import ? out : NULL;
}

static void stubs_lead_to_imports(void **state)
{
	char name[64];
	struct elf_file *f;

	(void)state;
	image_slots(&im);
	assert_string_equal(import_at("", SLOTS + 16, name), "_Unwind_Resume");
	assert_string_equal(import_at("f3 0f 1e fa", SLOTS + 8, name), "free");
	assert_string_equal(import_at("f3 0f 1e fa f2", SLOTS + 16, name), "_Unwind_Resume");
	assert_null(import_at("", SLOTS, name)); /* not imported */
	assert_null(import_at("", SLOTS + 56, name));
	f = image_open(&im);
	assert_null(elf_file_import_at(f, IMAGE_TEXT)); /* no stub */
	assert_null(elf_file_import_at(f, IMAGE_TEXT + im.text_len - 1));
	assert_null(elf_file_import_at(f, 0));
	elf_file_destroy(f);
}

static const char *build_id_of(const char *hex, char *out)
{
	struct elf_file *f;

	im.build_id = hex;
	f = image_open(&im);
	strcpy(out, elf_file_build_id(f));
	elf_file_destroy(f);
	return out;
}

#define HEX_64                                                             \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" \
	"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"

static void build_ids(void **state)
{
	char id[ELF_BUILD_ID_TEXT];
	struct elf_file *f;

	(void)state;
	assert_string_equal(build_id_of("0b", id), "0b");
	assert_string_equal(build_id_of(HEX_64, id), HEX_64);
	assert_string_equal(build_id_of(HEX_64 "40", id), "");
	im.build_id = "0b";
	image_build(&im);
	im.note->n_type = NT_GNU_ABI_TAG;
	image_write(&im);
	assert_int_equal(elf_file_create(im.path, &f), 0);
	assert_string_equal(elf_file_build_id(f), "");
	elf_file_destroy(f);
	im.note->n_type = NT_GNU_BUILD_ID;
	im.note->n_descsz = 0x7ffffff0; /* past the end of the note */
	image_write(&im);
	assert_int_equal(elf_file_create(im.path, &f), 0);
	assert_string_equal(elf_file_build_id(f), "");
	elf_file_destroy(f);
}

static void assert_refused(const char *path, int expected, const char *why)
{
	struct elf_file *f = NULL;
	char said[512];

	assert_int_equal(image_create(path, &f, said, sizeof(said)), expected);
	assert_null(f);
	if (!strstr(said, path) || !strstr(said, why) ||
	    strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("expected \"%s\": %s", why, said);
}

static void what_is_no_file_is_refused(void **state)
{
	char fifo[128];

	(void)state;
	assert_refused("/nonexistent/relay", -ENOENT, "No such file");
	assert_refused("/tmp", -ENOEXEC, "not a regular file");
	assert_refused("/dev/zero", -ENOEXEC, "not a regular file");
	snprintf(fifo, sizeof(fifo), "%s.fifo", im.path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_refused(fifo, -ENOEXEC, "not a regular file"); /* and at once */
	unlink(fifo);
}

/* What image_build() made, with one thing changed. */
/* Messages call it so, but it is opened by its path. */
static void a_file_may_have_another_name(void **state)
{
	struct sites sites = { 0 };
	struct image_catch c;
	struct elf_file *f;
	struct image image;
	char said[512];

	(void)state;
	image_init(&image);
	image_function(&image, "f", "c3");
	f = image_open(&image);
	assert_string_equal(elf_file_name(f), image.path);
	elf_file_destroy(f);
	assert_int_equal(elf_file_create_named(image.path, "the relay", &f), 0);
	assert_string_equal(elf_file_path(f), image.path);
	assert_string_equal(elf_file_name(f), "the relay");
	c = image_catch();
	assert_int_equal(sites_scan(f, NULL, NULL, &sites), -ENOTSUP);
	image_caught(c, said, sizeof(said));
	assert_non_null(strstr(said, "the relay: no layout"));
	elf_file_destroy(f);
	image_deinit(&image);
	c = image_catch();
	assert_int_equal(elf_file_create_named("/dev/zero", "the relay", &f), -ENOEXEC);
	image_caught(c, said, sizeof(said));
	assert_non_null(strstr(said, "the relay is not a regular file"));
	assert_null(strstr(said, "/dev/zero"));
}

static void assert_damage(int expected, const char *why)
{
	image_write(&im);
	assert_refused(im.path, expected, why);
	image_build(&im);
}

static void foreign_and_damaged_files_are_refused(void **state)
{
	(void)state;
	im.header->e_ident[EI_MAG1] = 'e';
	assert_damage(-ENOEXEC, "not an ELF file");
	im.header->e_machine = EM_AARCH64;
	assert_damage(-ENOTSUP, "another architecture (ELF machine 183)");
	im.header->e_type = ET_REL;
	assert_damage(-ENOEXEC, "not an executable (ELF type 1)");
	im.header->e_type = ET_CORE;
	assert_damage(-ENOEXEC, "not an executable (ELF type 4)");
	im.header->e_phnum = 0;
	assert_damage(-ENOEXEC, "no program headers");
	im.header->e_shoff = 0;
	im.header->e_shnum = 0;
	assert_damage(-ENOEXEC, "no section headers");
	im.sections[IMAGE_SEC_TEXT].sh_size = 0x10000000;
	assert_damage(-ENOEXEC, "past the end of the file");
	im.sections[IMAGE_SEC_RODATA].sh_addr = UINT64_MAX - 3;
	assert_damage(-ENOEXEC, "address is out of range");
	im.sections[IMAGE_SEC_SYMTAB].sh_entsize = 0;
	assert_damage(-ENOEXEC, "damaged");
	im.sections[IMAGE_SEC_SYMTAB].sh_entsize = 1;
	assert_damage(-ENOEXEC, "damaged");
	im.sections[IMAGE_SEC_SYMTAB].sh_offset = 0x10000000;
	assert_damage(-ENOEXEC, "symbol table can't be read");
	im.len = 63;
	assert_damage(-ENOEXEC, "not an ELF file");
	im.len = 0;
	assert_damage(-ENOEXEC, "not an ELF file");
}

static void huge_files_are_refused(void **state)
{
	(void)state;
	image_write(&im);
	assert_int_equal(truncate(im.path, (4LL << 30) + 1), 0); /* takes no room */
	assert_refused(im.path, -EFBIG, "4294967297 bytes, more than the 4294967296");
	assert_int_equal(truncate(im.path, 0), 0);
}

static void position_independent_files_are_executables_too(void **state)
{
	struct elf_file *f;

	(void)state;
	im.header->e_type = ET_DYN;
	image_write(&im);
	assert_int_equal(elf_file_create(im.path, &f), 0);
	elf_file_destroy(f);
}

static void damaged_slots(void **state)
{
	struct elf_file *f;
	const char *import;
	uint64_t target;

	(void)state;
	image_slots(&im);
	image_build(&im);
	im.sections[IMAGE_SEC_RELA].sh_entsize = 0;
	assert_damage(-ENOEXEC, "relocations can't be read");
	im.sections[IMAGE_SEC_RELA].sh_entsize = 8;
	assert_damage(-ENOEXEC, "relocations can't be read");
	im.sections[IMAGE_SEC_RELA].sh_offset = 0x10000000;
	assert_damage(-ENOEXEC, "past the end of the file");
	/* A name that can't be had leaves its slot unknown, and the others known. */
	im.dynsym[3].st_name = 0x7fffffff;
	im.rela[0].r_info = ELF64_R_INFO(0xffffffff, R_X86_64_JUMP_SLOT);
	image_write(&im);
	assert_int_equal(elf_file_create(im.path, &f), 0);
	assert_int_equal(elf_file_slot(f, SLOTS + 8, &target, &import), -ENOENT);
	assert_int_equal(elf_file_slot(f, SLOTS + 16, &target, &import), -ENOENT);
	assert_slot(f, SLOTS + 24, IMAGE_TEXT, "exported");
	elf_file_destroy(f);
	image_build(&im);
	im.sections[IMAGE_SEC_RELA].sh_link = IMAGE_SEC_TEXT;
	image_write(&im);
	assert_int_equal(elf_file_create(im.path, &f), 0);
	assert_int_equal(elf_file_slot(f, SLOTS + 8, &target, &import), -ENOENT);
	assert_slot(f, SLOTS, IMAGE_TEXT + 16, NULL);
	elf_file_destroy(f);
}

/* The section headers are at the end. */
static void cut_files_are_refused(void **state)
{
	size_t whole = im.len, cut;
	struct elf_file *f;
	char said[512];

	(void)state;
	for (cut = 1; cut < whole; cut += cut < 0x300 ? 7 : 211) {
		im.len = cut;
		image_write(&im);
		assert_int_equal(image_create(im.path, &f, said, sizeof(said)), -ENOEXEC);
	}
}

static void assert_demangled(const char *name, const char *expected)
{
	char *text = elf_demangle(name);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void rust_names_lose_their_hash(void **state)
{
	(void)state;
	assert_demangled("_ZN7moq_net5stats5Stats5entry17h354f5041d6fe0d20E",
			 "moq_net::stats::Stats::entry");
	assert_demangled("_ZN7moq_net5stats5Stats5entry17h354f5041d6fe0d20E.llvm.2756250449872919",
			 "moq_net::stats::Stats::entry");
	assert_demangled("_ZN79_$LT$moq_net..stats..BroadcastSubscription$u20$as$u20$core..ops.."
			 "drop..Drop$GT$4drop17hfab2c40aa379821eE",
			 "<moq_net::stats::BroadcastSubscription as core::ops::drop::Drop>::drop");
	assert_demangled("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar");
	/* What isn't Rust stays as it is. */
	assert_demangled("main", "main");
	assert_demangled("", "");
	assert_demangled("_ZN3fooEv", "_ZN3fooEv");
	assert_demangled("_ZN7moq_net5stats", "_ZN7moq_net5stats");
}

/* Back-references that double with each level: a terabyte of text, were it written. */
static const char doubling[] =
	"_RINvC1a1bTmmETB7_B7_ETBb_Bb_ETBj_Bj_ETBr_Br_ETBz_Bz_ETBH_BH_ETBP_BP_ETB"
	"X_BX_ETB15_B15_ETB1d_B1d_ETB1n_B1n_ETB1x_B1x_ETB1H_B1H_ETB1R_B1R_ETB21_B"
	"21_ETB2b_B2b_ETB2l_B2l_ETB2v_B2v_ETB2F_B2F_ETB2P_B2P_ETB2Z_B2Z_ETB39_B39"
	"_ETB3j_B3j_ETB3t_B3t_ETB3D_B3D_ETB3N_B3N_ETB3X_B3X_ETB47_B47_ETB4h_B4h_E"
	"TB4r_B4r_ETB4B_B4B_ETB4L_B4L_ETB4V_B4V_ETB55_B55_ETB5f_B5f_ETB5p_B5p_ETB"
	"5z_B5z_ETB5J_B5J_ETB5T_B5T_ETB63_B63_EE";

static void hostile_names_end(void **state)
{
	char name[4096], *text;
	size_t i;

	(void)state;
	assert_demangled(doubling, doubling);
	/* Longer than any relay has, in the other mangling. */
	strcpy(name, "_ZN");
	for (i = 0; i < 400; i++)
		strcat(name, "5abcde");
	strcat(name, "17h354f5041d6fe0d20E");
	text = elf_demangle(name);
	assert_non_null(text);
	assert_int_equal(strlen(text), 400 * 7 - 2);
	free(text);
}

static void short_memory_is_told(void **state)
{
	struct elf_file *f;
	char said[512];
	size_t n;
	int rc;

	(void)state;
	image_slots(&im);
	image_build(&im);
	image_write(&im);
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		rc = image_create(im.path, &f, said, sizeof(said));
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(rc, -ENOMEM);
	}
	assert_int_equal(rc, 0);
	assert_true(n > 4);
	elf_file_destroy(f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sound_file_is_read),
		TEST(bytes_lie_within_one_section),
		TEST(texts_are_found),
		TEST(offsets_are_those_of_segments),
		TEST(only_functions_in_code_count),
		TEST(names_are_those_of_places),
		TEST(slots_hold_what_the_linker_puts_there),
		TEST(stubs_lead_to_imports),
		TEST(build_ids),
		TEST(what_is_no_file_is_refused),
		TEST(a_file_may_have_another_name),
		TEST(foreign_and_damaged_files_are_refused),
		TEST(huge_files_are_refused),
		TEST(position_independent_files_are_executables_too),
		TEST(damaged_slots),
		TEST(cut_files_are_refused),
		TEST(short_memory_is_told),
		cmocka_unit_test(rust_names_lose_their_hash),
		cmocka_unit_test(hostile_names_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
