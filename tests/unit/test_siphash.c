/* SPDX-License-Identifier: MIT */
/*
 * test_siphash.c - the BPF side's hash, compiled for the host, against the vectors of its authors
 * (key 00 01 … 0f, the message of length n being 00 01 … n-1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <moqstat.h>

#include "../../bpf/siphash.h"

#define KEY_LOW	 0x0706050403020100
#define KEY_HIGH 0x0f0e0d0c0b0a0908

static const uint64_t vectors[64] = {
	0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
	0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
	0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
	0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
	0x3f2acc7f57c29bdb, 0x699ae9f52cbe4794, 0x4bc1b3f0968dd39c, 0xbb6dc91da77961bd,
	0xbed65cf21aa2ee98, 0xd0f2cbb02e3b67c7, 0x93536795e3a33e88, 0xa80c038ccd5ccec8,
	0xb8ad50c6f649af94, 0xbce192de8a85b8ea, 0x17d835b85bbb15f3, 0x2f2e6163076bcfad,
	0xde4daaaca71dc9a5, 0xa6a2506687956571, 0xad87a3535c49ef28, 0x32d892fad841c342,
	0x7127512f72f27cce, 0xa7f32346f95978e3, 0x12e0b01abb051238, 0x15e034d40fa197ae,
	0x314dffbe0815a3b4, 0x027990f029623981, 0xcadcd4e59ef40c4d, 0x9abfd8766a33735c,
	0x0e3ea96b5304a7d0, 0xad0c42d6fc585992, 0x187306c89bc215a9, 0xd4a60abcf3792b95,
	0xf935451de4f21df2, 0xa9538f0419755787, 0xdb9acddff56ca510, 0xd06c98cd5c0975eb,
	0xe612a3cb9ecba951, 0xc766e62cfcadaf96, 0xee64435a9752fe72, 0xa192d576b245165a,
	0x0a8787bf8ecb74b2, 0x81b3e73d20b49b6f, 0x7fa8220ba3b2ecea, 0x245731c13ca42499,
	0xb78dbfaf3a8d83bd, 0xea1ad565322a1a0b, 0x60e61c23a3795013, 0x6606d7e446282b93,
	0x6ca4ecb15c5f91e1, 0x9f626da15c9625f3, 0xe51b38608ef25f57, 0x958a324ceb064572,
};

/* By OpenSSL's implementation; byte i of the message is i modulo 256. */
static const struct {
	uint32_t len;
	uint64_t hash;
} long_vectors[] = {
	{ 1000, 0xdb9b3ed69e31c9a6 },
	{ 1017, 0x2a30f8368ef45bbc },
	{ 1023, 0xea112b1bd9fa95f1 },
	{ 1024, 0x99e02727f9294127 },
};

/* A path's memory: words, so that the hash may read it as such. One more than it may touch. */
struct path {
	uint64_t words[MOQSTAT_PATH_MAX / 8 + 1];
};

static uint8_t *path_fill(struct path *p, uint32_t len)
{
	uint8_t *bytes = (uint8_t *)p->words;
	uint32_t i;

	memset(bytes, 0xee, sizeof(p->words));
	for (i = 0; i < len; i++)
		bytes[i] = i;
	return bytes;
}

static void the_authors_vectors(void **state)
{
	struct path p;
	uint32_t len;

	(void)state;
	for (len = 0; len < 64; len++)
		assert_int_equal(siphash_path(KEY_LOW, KEY_HIGH, path_fill(&p, len), len),
				 vectors[len]);
}

static void long_paths(void **state)
{
	struct path p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(long_vectors) / sizeof(long_vectors[0]); i++)
		assert_int_equal(siphash_path(KEY_LOW, KEY_HIGH, path_fill(&p, long_vectors[i].len),
					      long_vectors[i].len),
				 long_vectors[i].hash);
}

/* What an earlier, longer path left behind counts for nothing, and is wiped to the end of its
 * word; nothing else is touched. */
static void the_tail_is_zeroed(void **state)
{
	struct path p;
	uint8_t *bytes;
	uint32_t len, i;

	(void)state;
	for (len = 0; len <= MOQSTAT_PATH_MAX; len++) {
		bytes = path_fill(&p, len);
		siphash_path(KEY_LOW, KEY_HIGH, bytes, len);
		for (i = 0; i < len; i++)
			assert_int_equal(bytes[i], i & 0xff);
		for (; i % 8; i++)
			assert_int_equal(bytes[i], 0);
		for (; i < sizeof(p.words); i++)
			assert_int_equal(bytes[i], 0xee);
	}
}

static void both_halves_of_the_key_matter(void **state)
{
	struct path p;
	uint8_t *bytes = path_fill(&p, 9);
	uint64_t hash = siphash_path(1, 2, bytes, 9);

	(void)state;
	assert_int_not_equal(hash, siphash_path(3, 2, bytes, 9));
	assert_int_not_equal(hash, siphash_path(1, 3, bytes, 9));
	/* A path of zeros is not a shorter one. */
	memset(bytes, 0, 16);
	assert_int_not_equal(siphash_path(1, 2, bytes, 8), siphash_path(1, 2, bytes, 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_authors_vectors),
		cmocka_unit_test(long_paths),
		cmocka_unit_test(the_tail_is_zeroed),
		cmocka_unit_test(both_halves_of_the_key_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
