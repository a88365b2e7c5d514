/* SPDX-License-Identifier: MIT */
#include "scan_short.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "elf_image.h"
#include "sites.h"

size_t scan_short_of_memory(struct elf_file *f)
{
	struct sites s;
	char said[512];
	size_t n;
	int rc;

	for (n = 1;; n++) {
		struct image_catch c = image_catch();

		alloc_fail_arm(n);
		rc = sites_scan(f, NULL, NULL, &s);
		image_caught(c, said, sizeof(said));
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_non_null(strstr(said, "scanning failed: Cannot allocate memory"));
	}
	assert_int_equal(rc, 0);
	sites_deinit(&s);
	elf_file_destroy(f);
	return n;
}
