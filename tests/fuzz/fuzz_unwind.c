/* SPDX-License-Identifier: MIT */
/* fuzz_unwind.c - the bytes of an .eh_frame, and what functions are made of it. */
#include "fuzz.h"

#include "elf_functions.h"
#include "elf_image.h"

#define UNWIND_AT 0x10000

static void unwind_sorted(const struct elf_functions *fs)
{
	size_t i;

	for (i = 1; i < fs->len; i++)
		fuzz_check(fs->list[i - 1].addr <= fs->list[i].addr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_functions fs = { 0 }, more = { 0 }, parts = { 0 };
	size_t half = size / 2, i, len;

	fuzz_check(!elf_functions_unwind(&fs, data, half, UNWIND_AT));
	fuzz_check(!elf_functions_unwind(&more, data + half, size - half, UNWIND_AT + half));
	fuzz_check(!elf_functions_sort(&fs));
	fuzz_check(!elf_functions_sort(&more));
	unwind_sorted(&fs);
	unwind_sorted(&more);
	fuzz_check(!elf_functions_uncovered(&fs, &more, &parts));
	for (i = 0; i < parts.len && i < 256; i++) {
		const struct elf_symbol *at = elf_functions_at(&more, parts.list[i].addr, &len);

		fuzz_check(parts.list[i].size);
		fuzz_check(!at || at->addr <= parts.list[i].addr);
	}
	elf_functions_deinit(&fs);
	elf_functions_deinit(&more);
	elf_functions_deinit(&parts);
	return 0;
}

void fuzz_seeds(void)
{
	struct image im;

	image_init(&im);
	im.unwind = true;
	image_function(&im, "a", "c3");
	image_function(&im, "b", "90 c3");
	image_function(&im, "c", "90 90 c3");
	image_build(&im);
	fuzz_seed(im.eh_frame, im.sections[IMAGE_SEC_UNWIND].sh_size);
	image_deinit(&im);
}
