/* SPDX-License-Identifier: MIT */
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* From here on numbers that should be short are scaled. */
#define UNITS_LARGE 9999999.5

static const char units_letters[] = "kMGTPE";

/* Three digits at least, and at most what isn't worth a unit more. */
static void units_three(double n, char *out)
{
	snprintf(out, UNITS_SIZE, n >= 99.95 ? "%.0f" : n >= 9.995 ? "%.1f" : "%.2f", n);
}

/* Divide by thousands until it is short: which letter stands for them, or 0. */
static char units_scale(double *n)
{
	size_t i;
	char letter = 0;

	for (i = 0; *n >= 999.5 && i < strlen(units_letters); i++) {
		*n /= 1000;
		letter = units_letters[i];
	}
	return letter;
}

const char *units_bytes(double n, char *out)
{
	char letter = units_scale(&n), digits[UNITS_SIZE];

	if (!letter) {
		snprintf(out, UNITS_SIZE, "%.0f B", n);
		return out;
	}
	units_three(n, digits);
	snprintf(out, UNITS_SIZE, "%.12s %cB", digits, letter);
	return out;
}

/* A large number, with its letter. */
static const char *units_large(double n, char *out)
{
	char letter = units_scale(&n), digits[UNITS_SIZE];

	units_three(n, digits);
	snprintf(out, UNITS_SIZE, "%.12s%c", digits, letter);
	return out;
}

const char *units_rate(double n, char *out)
{
	if (n >= UNITS_LARGE)
		return units_large(n, out);
	if (n > 0 && n < .05)
		snprintf(out, UNITS_SIZE, "<0.1");
	else
		snprintf(out, UNITS_SIZE, n == 0 || n >= 99.95 ? "%.0f" : "%.1f", n);
	return out;
}

const char *units_count(double n, char *out)
{
	if (n >= UNITS_LARGE)
		return units_large(n, out);
	snprintf(out, UNITS_SIZE, "%.0f", n);
	return out;
}

const char *units_digits(uint64_t n, char *out)
{
	char plain[UNITS_SIZE];
	int len = snprintf(plain, sizeof(plain), "%" PRIu64, n), i;
	char *at = out;

	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*at++ = ',';
		*at++ = plain[i];
	}
	*at = '\0';
	return out;
}
