/* SPDX-License-Identifier: MIT */
/* test_origin.c - where the value in a register has come from. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "elf_image.h"
#include "origin.h"

/* Before the last instruction of a function; out->len is 77 if that can't be told. */
static struct origin find(const char *hex, unsigned int reg)
{
	struct origin out = { .len = 77 };
	struct image im;
	struct elf_file *f;
	struct code code;
	uint64_t addr;
	int err;

	image_init(&im);
	addr = image_function(&im, "f", hex);
	f = image_open(&im);
	assert_int_equal(code_init(f, addr, im.text_len, &code), 0);
	err = origin_find(&code, code.insns_len - 1, reg, &out);
	if (err) {
		assert_int_equal(err, -ENOENT);
		out.len = 77;
	}
	assert_int_equal(origin_is_argument(&code, code.insns_len - 1, reg, MOQSTAT_RDI),
			 !err && !out.len && out.arguments == 1u << MOQSTAT_RDI);
	code_deinit(&code);
	elf_file_destroy(f);
	image_deinit(&im);
	return out;
}

static void copies_are_followed(void **state)
{
	struct origin o;

	(void)state;
	/* mov rbx, rdi; call [rip]; mov rdi, rbx; ret */
	o = find("4889fb ff1500000000 4889df c3", MOQSTAT_RDI);
	assert_int_equal(o.len, 0);
	assert_int_equal(o.arguments, 1 << MOQSTAT_RDI);
	/* mov rbx, rdi; call [rip]; ret: a call leaves nothing in rdi */
	o = find("4889fb ff1500000000 c3", MOQSTAT_RDI);
	assert_int_equal(o.len, 1);
	assert_int_equal(o.insns[0], 1);
	assert_int_equal(o.arguments, 0);
	/* mov ebx, edi; ret: half of it */
	o = find("89fb c3", MOQSTAT_RBX);
	assert_int_equal(o.len, 1);
}

/* All ways that lead there count. */
static void ways_are_joined(void **state)
{
	struct origin o;

	(void)state;
	/* test cl, cl; je 1f; mov rbx, rdi; jmp 2f; 1: xor ebx, ebx; 2: ret */
	o = find("84c9 7405 4889fb eb02 31db c3", MOQSTAT_RBX);
	assert_int_equal(o.len, 1);
	assert_int_equal(o.insns[0], 4);
	assert_int_equal(o.arguments, 1 << MOQSTAT_RDI);
	/* test cl, cl; je 1f; mov rbx, rdi; jmp 2f; 1: mov rbx, rsi; 2: ret */
	o = find("84c9 7405 4889fb eb03 4889f3 c3", MOQSTAT_RBX);
	assert_int_equal(o.len, 0);
	assert_int_equal(o.arguments, 1 << MOQSTAT_RDI | 1 << MOQSTAT_RSI);
	/* A loop: 1: call [rip]; test cl, cl; jne 1b; ret */
	o = find("ff1500000000 84c9 75f6 c3", MOQSTAT_RBX);
	assert_int_equal(o.len, 0);
	assert_int_equal(o.arguments, 1 << MOQSTAT_RBX);
}

static void what_nothing_leads_to(void **state)
{
	struct origin o;

	(void)state;
	/* test cl, cl; je 1f; ret; push rax; pop rax; 1: ret: as where a panic lands, with anything
	 * in rbx */
	o = find("84c9 7403 c3 50 58 c3", MOQSTAT_RBX);
	assert_int_equal(o.len, 77);
	/* but a gap is one: nop; nop */
	o = find("84c9 7403 c3 90 90 c3", MOQSTAT_RBX);
	assert_int_equal(o.len, 0);
	assert_int_equal(o.arguments, 1 << MOQSTAT_RBX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_are_followed),
		cmocka_unit_test(ways_are_joined),
		cmocka_unit_test(what_nothing_leads_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
