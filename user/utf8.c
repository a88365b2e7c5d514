/* SPDX-License-Identifier: MIT */
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

/* The second byte has a narrower range after four of the lead bytes: that is where overlong forms
 * and surrogates hide. */
size_t utf8_sequence(const unsigned char *s, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (left < len)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

bool utf8_valid(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0, step;

	while (i < len) {
		step = utf8_sequence(s + i, len - i);
		if (step == 0)
			return false;
		i += step;
	}
	return true;
}

json_t *utf8_json(const char *name)
{
	static const char replacement[] = "\xef\xbf\xbd";
	const unsigned char *s = (const unsigned char *)name;
	size_t i, step, used = 0, len = strlen(name);
	char *text = malloc(3 * len + 1);
	json_t *json;

	if (!text)
		return NULL;
	for (i = 0; i < len; i += step ? step : 1) {
		step = utf8_sequence(s + i, len - i);
		memcpy(text + used, step ? name + i : replacement, step ? step : 3);
		used += step ? step : 3;
	}
	json = json_stringn_nocheck(text, used);
	free(text);
	return json;
}
