/* SPDX-License-Identifier: MIT */
#include "scope_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void scope_image_init(struct scope_image *w)
{
	static const struct part parts[] = {
		[PART_TIER] = { TIER, CODE_TIER, 0 },
		[PART_NEW] = { NEW, CODE_NEW, 0 },
		[PART_OWN] = { TO_OWNED, "c3", 0 },
		[PART_SCOPE] = { SCOPE,
				 SCOPE_SELF SCOPE_PATH SCOPE_SHARED SCOPE_LABEL CALL_TIER SCOPE_END,
				 0 },
		[PART_SESSION] = { SESSION, CODE_SESSION, 0 },
		[PART_CLOSE] = { CLOSE, CODE_CLOSE, 0 },
	};
	size_t i;

	memset(w, 0, sizeof(*w));
	image_init(&w->im);
	memcpy(w->parts, parts, sizeof(parts));
	w->len = sizeof(parts) / sizeof(parts[0]);
	for (i = 0; i < BUMPS; i++) {
		snprintf(w->bumps[i], sizeof(w->bumps[i]), CODE_BUMP, (unsigned int)(i % 12 * 8));
		scope_image_add(w, "_ZN7moq_net4more17h3b5569b93cb6a6f7E", w->bumps[i]);
	}
}

void scope_image_deinit(struct scope_image *w)
{
	image_deinit(&w->im);
}

struct part *scope_image_add(struct scope_image *w, const char *name, const char *hex)
{
	assert_true(w->len < PARTS);
	w->parts[w->len] = (struct part){ .name = name, .hex = hex };
	return &w->parts[w->len++];
}

static void link_calls(struct scope_image *w)
{
	size_t i;

	for (i = 0; i + 5 <= w->im.text_len; i++) {
		uint8_t *code = w->im.text + i;
		int32_t distance;

		if (code[0] != 0xe8 || code[2] != 0x7f || code[3] != 0x7f || code[4] != 0x7f)
			continue;
		assert_in_range(code[1], 0, w->len - 1);
		distance = (int32_t)(w->parts[code[1]].addr - (IMAGE_TEXT + i + 5));
		memcpy(code + 1, &distance, sizeof(distance));
	}
}

struct elf_file *scope_image_open(struct scope_image *w)
{
	size_t i;

	for (i = 0; i < w->len; i++)
		w->parts[i].addr = image_function(&w->im, w->parts[i].name, w->parts[i].hex);
	link_calls(w);
	return image_open(&w->im);
}

int scope_image_scan(struct scope_image *w, struct sites *out, char *said, size_t size)
{
	struct elf_file *f = scope_image_open(w);
	struct image_catch c = image_catch();
	int rc = sites_scan(f, NULL, NULL, out);

	image_caught(c, said, size);
	elf_file_destroy(f);
	return rc;
}

void scope_image_scan_good(struct scope_image *w, struct sites *out)
{
	char said[1024];
	int rc = scope_image_scan(w, out, said, sizeof(said));

	assert_string_equal(said, "");
	assert_int_equal(rc, 0);
	assert_string_equal(out->layout->name, "moq-net 0.2.13");
}
