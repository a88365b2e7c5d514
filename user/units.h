/* SPDX-License-Identifier: MIT */
/*
 * units.h - numbers as short texts for people, as the page writes them.
 */
#ifndef MOQSTAT_UNITS_H
#define MOQSTAT_UNITS_H

#include <stdint.h>

/** The longest text, its 0 included. */
#define UNITS_SIZE 32

/** A number of bytes: `0 B`, `999 B`, `1.50 kB`, `23.4 MB`. Gives `out`. */
const char *units_bytes(double n, char *out);

/** What comes in a second: `0`, `<0.1`, `7.5`, `1234`, `12.3M`. */
const char *units_rate(double n, char *out);

/** How many there are: `1234567`, `12.3M`. */
const char *units_count(double n, char *out);

/** All digits, in threes: `1,234,567`. */
const char *units_digits(uint64_t n, char *out);

#endif /* MOQSTAT_UNITS_H */
