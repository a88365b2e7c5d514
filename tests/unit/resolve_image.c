/* SPDX-License-Identifier: MIT */
#include "resolve_image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct resolve_world resolve;

int resolve_setup(void **state)
{
	static const struct resolve_part parts[] = {
		[PART_PATH] = { AS_PATH, "c3" },
		[PART_OWN] = { TO_OWNED, "c3" },
		[PART_ROOTS] = { ROOTS, CODE_ROOTS },
		[PART_RESOLVE] = { RESOLVE, CODE_RESOLVE },
		[PART_SESSION] = { SESSION, CODE_SESSION },
		[PART_MOVE] = { MOVE, CODE_MOVE },
		[PART_CLOSE] = { CLOSE, CODE_CLOSE },
	};
	size_t i;

	(void)state;
	memset(&resolve, 0, sizeof(resolve));
	image_init(&resolve.im);
	memcpy(resolve.parts, parts, sizeof(parts));
	resolve.len = sizeof(parts) / sizeof(parts[0]);
	for (i = 0; i < RESOLVE_BUMPS; i++) {
		/* Behind the four of what was given up on. */
		snprintf(resolve.bumps[i], sizeof(resolve.bumps[i]), CODE_BUMP,
			 (unsigned int)(0x30 + i % 12 * 8));
		resolve.parts[resolve.len++] = (struct resolve_part){ MODEL, resolve.bumps[i] };
	}
	return 0;
}

int resolve_teardown(void **state)
{
	(void)state;
	image_deinit(&resolve.im);
	return 0;
}

static void link_calls(const uint64_t *addrs)
{
	size_t i;

	for (i = 0; i + 5 <= resolve.im.text_len; i++) {
		uint8_t *code = resolve.im.text + i;
		int32_t distance;

		if (code[0] != 0xe8 || code[2] != 0x7f || code[3] != 0x7f || code[4] != 0x7f)
			continue;
		distance = (int32_t)(addrs[code[1]] - (IMAGE_TEXT + i + 5));
		memcpy(code + 1, &distance, sizeof(distance));
	}
}

int resolve_scan(struct sites *out, char *said, size_t size)
{
	uint64_t addrs[RESOLVE_PARTS];
	struct image_catch c;
	struct elf_file *f;
	size_t i;
	int rc;

	for (i = 0; i < resolve.len; i++)
		addrs[i] = image_function(&resolve.im, resolve.parts[i].name, resolve.parts[i].hex);
	link_calls(addrs);
	f = image_open(&resolve.im);
	c = image_catch();
	rc = sites_scan(f, NULL, NULL, out);
	image_caught(c, said, size);
	elf_file_destroy(f);
	return rc;
}

void resolve_scan_good(struct sites *out)
{
	char said[1024];
	int rc = resolve_scan(out, said, sizeof(said));

	assert_string_equal(said, "");
	assert_int_equal(rc, 0);
	assert_string_equal(out->layout->name, "moq-net 0.3.18");
}

void resolve_again(void)
{
	resolve_teardown(NULL);
	resolve_setup(NULL);
}
