/* SPDX-License-Identifier: MIT */
#include "relay_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <zlib.h>

#define RECORD_TEXT_MAX (4u << 20)

void relay_record_each(void (*test)(const struct relay_record *record))
{
	size_t i, len;
	const struct layout *all = layout_all(&len);

	for (i = 0; i < len; i++) {
		struct relay_record record = { .layout = &all[i] };

		assert_int_equal(sscanf(all[i].relays, "moq-relay %31[0-9.]", record.version), 1);
		test(&record);
	}
}

char *relay_record_text(const struct relay_record *record, const char *name)
{
	char path[256], *text = test_malloc(RECORD_TEXT_MAX);
	gzFile file;
	int len;

	snprintf(path, sizeof(path), "tests/layouts/recorded/%s/%s", record->version, name);
	file = gzopen(path, "rb");
	if (!file)
		fail_msg("no %s: tests/layouts/record makes it", path);
	len = gzread(file, text, RECORD_TEXT_MAX - 1);
	gzclose(file);
	assert_in_range(len, 1, RECORD_TEXT_MAX - 2);
	text[len] = '\0';
	return text;
}

json_t *relay_record_json(const struct relay_record *record, const char *name)
{
	char *text = relay_record_text(record, name);
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(json);
	test_free(text);
	return json;
}
