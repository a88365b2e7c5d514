/* SPDX-License-Identifier: MIT */
/*
 * wire_hex.h - bytes that are sent and received, as tests write them: hexadecimal digits, spaces
 * between them as one likes, and text in '…'. "08 05 01 08 07 'node/n1'".
 */
#ifndef MOQSTAT_TESTS_WIRE_HEX_H
#define MOQSTAT_TESTS_WIRE_HEX_H

#include <stddef.h>
#include <stdint.h>

/** The bytes, which are so many; they take their exact room, and are freed by the caller. */
uint8_t *wire_hex(const char *text, size_t *len);

/** Bytes must be these; if they aren't, both are told. */
void wire_hex_expect(const void *data, size_t len, const char *text);

#endif /* MOQSTAT_TESTS_WIRE_HEX_H */
