/* SPDX-License-Identifier: MIT */
/*
 * test_machine.c - the machine executes what the processor executes: the same code, with the same
 * input, on both. And what only the machine does: calls that are skipped, references that are let
 * go, where a value came from, memory that changes, code that can't be followed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf_image.h"
#include "machine.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Code lies in one mapping that the processor can run, data in another. */
#define DATA_WORDS (2 * MACHINE_PAGE / 8)

struct bench {
	uint8_t *code;
	size_t code_len;
	uint64_t *data;
	uint64_t gone;	 /* a page that can't be read */
	uint64_t enter;	 /* the function that calls enter; 0: any in the code */
	uint64_t marked; /* the branch that is marked */
	unsigned int marks, releases, touches, skipped;
	bool zero; /* what release() answers */
	uint64_t released, value, touched, from;
	struct machine *m;
};

static int bench_page(void *arg, uint64_t addr, uint8_t *bytes)
{
	struct bench *b = arg;

	if (addr == b->gone || addr < MACHINE_PAGE)
		return -14;
	memcpy(bytes, (const void *)(uintptr_t)addr, MACHINE_PAGE);
	return 0;
}

static bool bench_in_code(const struct bench *b, uint64_t addr)
{
	return addr - (uint64_t)(uintptr_t)b->code < b->code_len;
}

static const uint8_t *bench_code(void *arg, uint64_t addr, size_t *left)
{
	struct bench *b = arg;

	if (!bench_in_code(b, addr))
		return NULL;
	*left = (uint64_t)(uintptr_t)b->code + b->code_len - addr;
	return (const uint8_t *)(uintptr_t)addr;
}

static bool bench_leads(void *arg, uint64_t function)
{
	struct bench *b = arg;

	return b->enter ? function == b->enter : bench_in_code(b, function);
}

static bool bench_call(void *arg, const struct machine *m, uint64_t function)
{
	struct bench *b = arg;

	if (bench_leads(b, function))
		return true;
	b->skipped++;
	b->from = machine_from(m, MOQSTAT_RDI);
	return false;
}

static bool bench_marked(void *arg, uint64_t addr)
{
	struct bench *b = arg;

	return addr == b->marked;
}

static bool bench_branch(void *arg, const struct machine *m, uint64_t addr)
{
	struct bench *b = arg;

	assert_int_equal(addr, b->marked);
	b->from = machine_from(m, MOQSTAT_RAX);
	b->marks++;
	return b->zero;
}

static bool bench_release(void *arg, const struct machine *m, uint64_t count, uint64_t value)
{
	struct bench *b = arg;

	(void)m;
	b->releases++;
	b->released = count;
	b->value = value;
	return b->zero;
}

static void bench_touch(void *arg, const struct machine *m, uint64_t count, uint64_t from,
			uint64_t end)
{
	struct bench *b = arg;

	(void)m;
	(void)from;
	(void)end;
	b->touches++;
	b->touched = count;
}

static const struct machine_ops bench_ops = {
	.page = bench_page,
	.code = bench_code,
	.call = bench_call,
	.leads = bench_leads,
	.marked = bench_marked,
	.branch = bench_branch,
	.release = bench_release,
	.touch = bench_touch,
};

static void *bench_map(size_t size, int protection)
{
	void *at = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(at != MAP_FAILED);
	return at;
}

static void bench_init(struct bench *b, const char *hex)
{
	memset(b, 0, sizeof(*b));
	b->code = bench_map(MACHINE_PAGE, PROT_READ | PROT_WRITE);
	b->code_len = image_hex(hex, b->code, MACHINE_PAGE);
	assert_int_equal(mprotect(b->code, MACHINE_PAGE, PROT_READ | PROT_EXEC), 0);
	b->data = bench_map(8 * DATA_WORDS, PROT_READ | PROT_WRITE);
	assert_int_equal(machine_create(&bench_ops, b, &b->m), 0);
}

static void bench_deinit(struct bench *b)
{
	machine_destroy(b->m);
	munmap(b->code, MACHINE_PAGE);
	munmap(b->data, 8 * DATA_WORDS);
}

static enum machine_end bench_run(struct bench *b)
{
	machine_forget(b->m);
	return machine_run(b->m, (uintptr_t)b->code, (uintptr_t)b->data);
}

/* ---- the same as the processor -------------------------------------------------------------- */

/* Every one leaves its results in the words that rdi points to. */
static const struct {
	const char *name, *hex;
} codes[] = {
	{ "arithmetic_64",
	  "488b07488b57084801d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0"
	  "450fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947104c894718"
	  "488b07488b57084829d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0"
	  "450fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947204c894728"
	  "488b07488b57084821d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0"
	  "450fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947304c894738"
	  "488b07488b57084809d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0"
	  "450fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947404c894748"
	  "488b07488b57084831d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0"
	  "450fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947504c894758"
	  "488b07488b57084839d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0"
	  "450fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947604c894768"
	  "488b07488b57084885d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0"
	  "450fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947704c894778"
	  "c3" },
	{ "arithmetic_32",
	  "488b07488b570801d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c045"
	  "0fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947104c89471848"
	  "8b07488b570829d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450f"
	  "b6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947204c894728488b"
	  "07488b570821d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450fb6"
	  "c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947304c894738488b07"
	  "488b570809d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450fb6c9"
	  "450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947404c894748488b0748"
	  "8b570831d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450fb6c945"
	  "0fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947504c894758488b07488b"
	  "570839d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450fb6c9450f"
	  "b6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947604c894768488b07488b57"
	  "0885d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450fb6c9450fb6"
	  "d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947704c894778c3" },
	{ "arithmetic_8",
	  "488b07488b570800d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c045"
	  "0fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947104c89471848"
	  "8b07488b570828d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450f"
	  "b6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947204c894728488b"
	  "07488b570820d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450fb6"
	  "c9450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947304c894738488b07"
	  "488b570808d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450fb6c9"
	  "450fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947404c894748488b0748"
	  "8b570830d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450fb6c945"
	  "0fb6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947504c894758488b07488b"
	  "570838d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450fb6c9450f"
	  "b6d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947604c894768488b07488b57"
	  "0884d0410f94c0410f92c1410f98c2410f90c30f9ec10fb6c9400f96c6400fb6f6450fb6c0450fb6c9450fb6"
	  "d2450fb6db4f8d04484f8d04904f8d04d8c1e1044901c8c1e6054901f0488947704c894778c3" },
	{ "unary",
	  "488b0748f7d8410f94c0410f98c2410f90c3450fb6c0450fb6d2450fb6db4f8d04904f8d04d8488947104c89"
	  "4718488b0748ffc0410f94c0410f98c2410f90c3450fb6c0450fb6d2450fb6db4f8d04904f8d04d848894720"
	  "4c894728488b0748ffc8410f94c0410f98c2410f90c3450fb6c0450fb6d2450fb6db4f8d04904f8d04d84889"
	  "47304c894738488b07fec0410f94c0410f98c2410f90c3450fb6c0450fb6d2450fb6db4f8d04904f8d04d848"
	  "8947404c894748488b07ffc8410f94c0410f98c2410f90c3450fb6c0450fb6d2450fb6db4f8d04904f8d04d8"
	  "488947504c894758488b0766f7d8410f94c0410f98c2410f90c3450fb6c0450fb6d2450fb6db4f8d04904f8d"
	  "04d8488947604c894768488b074883e801410f94c0410f98c2410f90c3450fb6c0450fb6d2450fb6db4f8d04"
	  "904f8d04d8488947704c89477848f75708c3" },
	{ "shifts",
	  "488b0748c1e00348894710488b0748c1e80548894718488b0748c1f80748894720488b07c1e0094889472848"
	  "8b0766d1e848894730488b07c0f80248894738488b074869c06001000048894740488b070faf470848894748"
	  "488b074863c048894750488b070fbec048894758488b07f3480fbcc048894760488b078d4480074889476848"
	  "8b070fb6c448894770c3" },
	{ "moves",
	  "488b07488b57084839d0480f44c8b901000000480f42ca48894f104887471848894720480fc1572848895730"
	  "488b473848c7c105000000f0480fb14f38f0480fb14f4048894748c647500766c747523412834f541048b800"
	  "0000000000008031c0483b070f904758b003b40448894760f048834f6801c3" },
	{ "vectors",
	  "0f1007f30f6f4f10660fd7c0894720f7d06685c00f944724660f74c1660fd7c8894f28f30f6f17660f76d10f"
	  "115730660fefc90f114f40660f6ed8660fd65f500f57e40f28ec0f116f58f30fbcc00fbc0f894f68c3" },
	{ "vectors of AVX2",
	  "c5fc1007c5fe6f4f20c5fa6f5708c5fd74d9c5fdd7c3894740c5f9d7ca894f44c5fd766720c5fe7f6748c5fd"
	  "efe9c5d5dbf1c5cdebfac5fc117f68c5f857c0c5fc1187880000000f104f10c5fc118fa8000000c57a7e4708"
	  "c57c1187c8000000c5796e0fc461f97ec8488987e8000000c57e6f17c441796fdac4417c28e2c5f877c57c11"
	  "a7f0000000c57c119f10010000c4417a7eeaf3450f7ef2c57c11af30010000440f11b750010000c5f877c3" },
	{ "bits of BMI1 and BMI2",
	  "488b07488b5708c4e2f0f3c848894f104889cec4e2f0f3c8410f94c0410f92c1410f98c2410f90c3450fb6c0"
	  "450fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d84c894718c4e270f3c848894f20c4e270f3c8410f"
	  "94c0410f92c1410f98c2410f90c3450fb6c0450fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d84c89"
	  "4728c4e2f8f2ca48894f30c4e2f8f2ca410f94c0410f92c1410f98c2410f90c3450fb6c0450fb6c9450fb6d2"
	  "450fb6db4f8d04484f8d04904f8d04d84c894738c4e278f24f0848894f40c4e278f24f08410f94c0410f92c1"
	  "410f98c2410f90c3450fb6c0450fb6c9450fb6d2450fb6db4f8d04484f8d04904f8d04d84c8947484839d0c4"
	  "e2e9f7c848894f50410f94c0410f92c1410f98c2410f90c3450fb6c0450fb6c9450fb6d2450fb6db4f8d0448"
	  "4f8d04904f8d04d84c894758c4e269f7c848894f60c4e2ebf7c848894f68c4e26bf7c848894f70c3" },
	{ "calls",
	  "5341544889fb4531e4488d0d480000000fb60383e003486304814801c8ffe04983c4014983c40a4889dfe818"
	  "0000004901c4488d7b08e80c0000004a8d042048894310415c5bc38b0725ff0000007407ffc883f80377f9c3"
	  "c7ffffffcbffffffcfffffffdaffffff" },
};

/* Edges of every width, and whatever else comes. */
static uint64_t operand(unsigned int round, unsigned int index)
{
	static const uint64_t edges[] = { 0,	      1,	  2,	       0x7f,
					  0x80,	      0xff,	  0x7fff,      0x7fffffff,
					  0x80000000, 0xffffffff, 0x100000000, INT64_MAX,
					  1ull << 63, UINT64_MAX };
	uint64_t mixed = (round * 0x9e3779b97f4a7c15ull) ^ ((index + 1) * 0xbf58476d1ce4e5b9ull);

	if (round < LEN(edges) * LEN(edges))
		return edges[index % 2 ? round / LEN(edges) : round % LEN(edges)];
	return mixed ^ mixed >> 29;
}

/* Can this processor run it? */
static bool runs_here(const char *name)
{
	if (strstr(name, "AVX2"))
		return __builtin_cpu_supports("avx2");
	return !strstr(name, "BMI2") ||
	       (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"));
}

static void same_as_the_processor(void **state)
{
	uint64_t before[64], after[64];
	unsigned int i, round, k;
	struct bench b;

	(void)state;
	for (i = 0; i < LEN(codes); i++) {
		if (!runs_here(codes[i].name))
			continue;
		bench_init(&b, codes[i].hex);
		for (round = 0; round < 1000; round++) {
			void (*native)(uint64_t *) = (void (*)(uint64_t *))(uintptr_t)b.code;

			for (k = 0; k < LEN(before); k++)
				b.data[k] = before[k] = operand(round, k);
			if (bench_run(&b) != MACHINE_DONE)
				fail_msg("%s: ends at +%#zx", codes[i].name,
					 (size_t)(machine_at(b.m) - (uintptr_t)b.code));
			assert_memory_equal(b.data, before, sizeof(before)); /* untouched */
			assert_true(machine_read(b.m, (uintptr_t)b.data, after, sizeof(after)));
			native(b.data);
			for (k = 0; k < LEN(after); k++) {
				if (after[k] != b.data[k])
					fail_msg("%s, round %u: word %u is %#llx, not %#llx",
						 codes[i].name, round, k,
						 (unsigned long long)after[k],
						 (unsigned long long)b.data[k]);
			}
		}
		bench_deinit(&b);
	}
}

static void other_functions_are_skipped(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, "534889fb488b7b08488b03ffd048894310488b035bffe0");
	b.data[0] = (uintptr_t)bench_init; /* not in the code */
	b.data[1] = 99;
	b.data[2] = 7;
	assert_int_equal(bench_run(&b), MACHINE_DONE);
	assert_int_equal(b.skipped, 2); /* the call, and the jump at the end */
	assert_true(machine_read(b.m, (uintptr_t)(b.data + 2), &b.value, 8));
	assert_int_equal(b.value, 0); /* what it returned */
	assert_int_equal(b.from, (uintptr_t)(b.data + 1));
	bench_deinit(&b);
}

static void references_are_let_go_as_asked(void **state)
{
	uint64_t word;
	struct bench b;

	(void)state;
	bench_init(&b, "488b07f048ff0875094883c708e801000000c348c7074d000000c3");
	b.data[0] = (uintptr_t)(b.data + 4);
	b.data[4] = 3;
	b.zero = true;
	assert_int_equal(bench_run(&b), MACHINE_DONE);
	assert_int_equal(b.releases, 1);
	assert_int_equal(b.released, (uintptr_t)(b.data + 4));
	assert_int_equal(b.value, 3);
	assert_true(machine_read(b.m, (uintptr_t)(b.data + 1), &word, 8));
	assert_int_equal(word, 77); /* the destructor ran, though there are three references */
	b.zero = false;
	assert_int_equal(bench_run(&b), MACHINE_DONE);
	assert_int_equal(b.releases, 2);
	assert_true(machine_read(b.m, (uintptr_t)(b.data + 1), &word, 8));
	assert_int_equal(word, 0);
	bench_deinit(&b);
}

static void other_counts_go_down_by_themselves(void **state)
{
	uint64_t word;
	struct bench b;

	(void)state;
	bench_init(&b, "488b07f048ff4808750848c7471005000000c3");
	b.data[0] = (uintptr_t)(b.data + 4);
	b.data[5] = 1;
	assert_int_equal(bench_run(&b), MACHINE_DONE);
	assert_int_equal(b.releases, 0);
	assert_int_equal(b.touches, 1);
	assert_int_equal(b.touched, (uintptr_t)(b.data + 5));
	assert_true(machine_read(b.m, (uintptr_t)(b.data + 2), &word, 8));
	assert_int_equal(word, 5);
	assert_int_equal(b.data[5], 1);
	bench_deinit(&b);
}

static void origin_is_known_across_the_stack(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, "534889fb488b43185031c0594889c84885c07401905bc3");
	b.marked = (uintptr_t)b.code + 18;
	b.zero = true;
	assert_int_equal(bench_run(&b), MACHINE_DONE);
	assert_int_equal(b.marks, 1);
	assert_int_equal(b.from, (uintptr_t)(b.data + 3));
	b.zero = false;
	assert_int_equal(bench_run(&b), MACHINE_STOPPED);
	bench_deinit(&b);
}

static void changes_are_noticed(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, "488b07f048ff0875094883c708e801000000c348c7074d000000c3");
	b.data[0] = (uintptr_t)(b.data + 4);
	b.data[4] = 3;
	assert_int_equal(bench_run(&b), MACHINE_DONE);
	assert_true(machine_same(b.m));
	b.data[4] = 4; /* a reference count may change */
	assert_true(machine_same(b.m));
	b.data[7] = 1; /* not looked at */
	assert_true(machine_same(b.m));
	b.data[0]++; /* what it followed */
	assert_false(machine_same(b.m));
	bench_deinit(&b);
}

static void what_cannot_be_followed(void **state)
{
	static const struct {
		const char *hex;
		enum machine_end end;
	} bad[] = {
		{ "0f0b", MACHINE_TRAP },
		{ "cc", MACHINE_TRAP },
		{ "90", MACHINE_UNKNOWN },	     /* runs out of the function */
		{ "0fa2c3", MACHINE_UNKNOWN },	     /* cpuid */
		{ "f0480fc107c3", MACHINE_UNKNOWN }, /* lock xadd [rdi], rax */
		{ "ebfe", MACHINE_ENDLESS },	     /* jumps to itself */
		{ "5858c3", MACHINE_TRAP },	     /* pops more than was pushed */
		{ "6a07c3", MACHINE_TRAP },	     /* returns to somewhere else */
		{ "e8fbffffffc3", MACHINE_ENDLESS }, /* calls itself */
		{ "31c0488b00c3", MACHINE_UNREADABLE },
		{ "31c0ffe0", MACHINE_DONE }, /* jumps to nowhere: a function not entered */
	};
	unsigned int i;
	struct bench b;

	(void)state;
	for (i = 0; i < LEN(bad); i++) {
		enum machine_end end;

		bench_init(&b, bad[i].hex);
		end = bench_run(&b);
		if (end != bad[i].end)
			fail_msg("%s: %d, not %d", bad[i].hex, end, bad[i].end);
		bench_deinit(&b);
	}
}

static void memory_that_is_not_there(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, "488b07c3"); /* mov rax, [rdi]; ret */
	assert_int_equal(bench_run(&b), MACHINE_DONE);
	b.gone = (uintptr_t)b.data;
	assert_int_equal(bench_run(&b), MACHINE_UNREADABLE);
	machine_forget(b.m);
	/* Across the end of what is there. */
	b.gone = (uintptr_t)b.data + MACHINE_PAGE;
	assert_int_equal(machine_run(b.m, (uintptr_t)b.code, b.gone - 4), MACHINE_UNREADABLE);
	assert_int_equal(machine_run(b.m, (uintptr_t)b.code, b.gone - 8), MACHINE_DONE);
	bench_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_the_processor),
		cmocka_unit_test(other_functions_are_skipped),
		cmocka_unit_test(references_are_let_go_as_asked),
		cmocka_unit_test(other_counts_go_down_by_themselves),
		cmocka_unit_test(origin_is_known_across_the_stack),
		cmocka_unit_test(changes_are_noticed),
		cmocka_unit_test(what_cannot_be_followed),
		cmocka_unit_test(memory_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
