/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzz targets share. A target is one file, fuzz_NAME.c, with the two functions
 * below; the Makefile finds it. It is built twice: with libFuzzer to look for new inputs
 * (`make fuzz`), and with fuzz_main.c to replay the known ones (`make check`).
 *
 * A target fails by a sanitizer's report, by fuzz_check(), or by taking too long.
 */
#ifndef MOQSTAT_TESTS_FUZZ_H
#define MOQSTAT_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** Of the target: take one input. Returns 0; -1 where it is of no use as a seed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Of the target: hand the inputs that its own code makes to fuzz_seed(). Those that are files
 *  are in tests/fuzz/corpus/NAME. */
void fuzz_seeds(void);

/** A seed. The bytes are copied. */
void fuzz_seed(const void *data, size_t size);

/** What must hold for every input. */
#define fuzz_check(what) ((what) ? (void)0 : fuzz_failed(#what, __FILE__, __LINE__))

/** Say so and abort. */
_Noreturn void fuzz_failed(const char *what, const char *file, int line);

/** The input as it is taken apart; what lies beyond its end is zero. */
struct fuzz_in {
	const uint8_t *at;
	size_t left;
};
uint8_t fuzz_u8(struct fuzz_in *in);
uint16_t fuzz_u16(struct fuzz_in *in);

/** The next bytes: at most `most`, as many as there are. */
const uint8_t *fuzz_bytes(struct fuzz_in *in, size_t most, size_t *len);

/** What is left as a string; freed by the caller. */
char *fuzz_string(struct fuzz_in *in);

/** A file that exists only in memory, with this content, and the path that opens it; the same file
 *  each time for one `which` (below 4). */
const char *fuzz_file(unsigned int which, const void *data, size_t size);

/** The path again, with the file as it is. */
const char *fuzz_path(unsigned int which);

/** What is in that file now; freed by the caller, with a NUL behind it. */
char *fuzz_file_content(unsigned int which, size_t *size);

/** Memory of this process at an address that is the same in every run: FUZZ_MEMORY, as long as
 *  FUZZ_MEMORY_SIZE, with the bytes at its beginning and zeros behind. Around it is none. */
#define FUZZ_MEMORY	 0x300000000000ull
#define FUZZ_MEMORY_SIZE (16u * 4096)
uint8_t *fuzz_memory(const void *data, size_t size);

/** Go through the machine code that unit tests give in hexadecimal, in tests/unit/test_*.c. */
void fuzz_unit_code(void (*each)(const uint8_t *code, size_t len));

#endif /* MOQSTAT_TESTS_FUZZ_H */
