/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* siphash.h - SipHash-2-4 (Aumasson, Bernstein 2012) of a path, so that strangers who choose
 * paths can't choose their hashes. Also compiled for the host, by the unit tests. */
#ifndef MOQSTAT_BPF_SIPHASH_H
#define MOQSTAT_BPF_SIPHASH_H

#define SIPHASH_WORDS_MAX (MOQSTAT_PATH_MAX / 8)

struct siphash {
	__u64 v0, v1, v2, v3;
};

static __always_inline __u64 siphash_rotate(__u64 x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static __always_inline void siphash_round(struct siphash *s)
{
	s->v0 += s->v1;
	s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
	s->v0 = siphash_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
	s->v2 = siphash_rotate(s->v2, 32);
}

static __always_inline void siphash_word(struct siphash *s, __u64 word)
{
	s->v3 ^= word;
	siphash_round(s);
	siphash_round(s);
	s->v0 ^= word;
}

/* Hash `len` bytes at `path`, which has room for MOQSTAT_PATH_MAX; bytes of the last word beyond
 * `len` are set to zero on the way. */
static __always_inline __u64 siphash_path(__u64 low, __u64 high, __u8 *path, __u32 len)
{
	struct siphash s = {
		.v0 = low ^ 0x736f6d6570736575ULL,
		.v1 = high ^ 0x646f72616e646f6dULL,
		.v2 = low ^ 0x6c7967656e657261ULL,
		.v3 = high ^ 0x7465646279746573ULL,
	};
	__u64 *words = (__u64 *)path;
	__u64 i, full = len / 8, tail = 0;

	for (i = 0; i < SIPHASH_WORDS_MAX; i++) {
		if (i >= full)
			break;
		siphash_word(&s, words[i]);
	}
	/* The verifier has lost track of the length by now. */
	asm volatile("" : "+r"(full));
	if (len % 8 && full < SIPHASH_WORDS_MAX) {
		tail = words[full] & (~0ULL >> (64 - 8 * (len % 8)));
		words[full] = tail;
	}
	siphash_word(&s, tail | (__u64)len << 56);
	s.v2 ^= 0xff;
	siphash_round(&s);
	siphash_round(&s);
	siphash_round(&s);
	siphash_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
