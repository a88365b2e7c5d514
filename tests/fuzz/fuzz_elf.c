/* SPDX-License-Identifier: MIT */
/* fuzz_elf.c - a file that is to be an executable. */
#include <string.h>

#include "fuzz.h"

#include "elf.h"
#include "relay_image.h"
#include "sites.h"

/* Functions looked at closer. */
#define ELF_LOOKS 64

static void elf_look(const struct elf_file *f)
{
	uint64_t offset, target, before = 0;
	const char *import;
	size_t i, len, at_len;
	const struct elf_symbol *at, *list = elf_file_symbols(f, &len);
	char *text;

	for (i = 0; i < len; i++) {
		fuzz_check(list[i].size && list[i].addr >= before);
		before = list[i].addr;
		fuzz_check(elf_file_bytes(f, list[i].addr, list[i].size));
		if (i >= ELF_LOOKS)
			continue;
		at = elf_file_symbols_at(f, list[i].addr, &at_len);
		fuzz_check(at && at_len && at >= list && at + at_len <= list + len);
		fuzz_check(at->addr <= list[i].addr && list[i].addr - at->addr < at->size);
		elf_file_offset(f, list[i].addr, &offset);
		elf_file_import_at(f, list[i].addr);
		elf_file_slot(f, list[i].addr, &target, &import);
		text = elf_demangle(list[i].name);
		fuzz_check(text);
		free(text);
	}
	fuzz_check(strlen(elf_file_build_id(f)) < ELF_BUILD_ID_TEXT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_file *f;
	struct sites s;

	if (elf_file_create(fuzz_file(0, data, size), &f))
		return 0;
	elf_look(f);
	if (!sites_scan(f, NULL, NULL, &s)) {
		fuzz_check(s.layout && s.len);
		sites_deinit(&s);
	}
	elf_file_destroy(f);
	return 0;
}

void fuzz_seeds(void)
{
	struct relay r;
	int i;

	for (i = 0; i < 2; i++) {
		relay_init(&r);
		if (i)
			relay_strip(&r);
		elf_file_destroy(relay_open(&r));
		fuzz_seed(r.im.bytes, r.im.len);
		relay_deinit(&r);
	}
}
