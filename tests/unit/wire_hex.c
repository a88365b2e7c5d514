/* SPDX-License-Identifier: MIT */
#include "wire_hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int wire_hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	assert_non_null(at);
	return at - digits;
}

uint8_t *wire_hex(const char *text, size_t *len)
{
	uint8_t *all = malloc(strlen(text) + 1), *exact;
	size_t n = 0;

	assert_non_null(all);
	while (*text) {
		if (*text == '\'') {
			while (*++text != '\'')
				all[n++] = *text;
			text++;
		} else if (*text == ' ') {
			text++;
		} else {
			all[n++] = wire_hex_digit(text[0]) << 4 | wire_hex_digit(text[1]);
			text += 2;
		}
	}
	/* So that a byte too many that is read is noticed. */
	exact = malloc(n ? n : 1);
	assert_non_null(exact);
	memcpy(exact, all, n);
	free(all);
	*len = n;
	return exact;
}

static void wire_hex_print(const char *what, const uint8_t *data, size_t len)
{
	size_t i, most = len < 64 ? len : 64;
	char line[3 * 64 + 1] = "";

	for (i = 0; i < most; i++)
		snprintf(line + 3 * i, 4, " %02x", data[i]);
	print_error("%s, %zu bytes:%s%s\n", what, len, line, most < len ? " ..." : "");
}

void wire_hex_expect(const void *data, size_t len, const char *text)
{
	size_t expected_len;
	uint8_t *expected = wire_hex(text, &expected_len);
	bool same = len == expected_len && (!len || !memcmp(data, expected, len));

	if (!same) {
		wire_hex_print("expected", expected, expected_len);
		wire_hex_print("there is", data, len);
	}
	free(expected);
	if (!same)
		fail_msg("not the bytes %s", text);
}
