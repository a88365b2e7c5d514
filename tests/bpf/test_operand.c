/* SPDX-License-Identifier: MIT */
/*
 * test_operand.c - how the programs read registers and the relay's memory: what a bump adds, and
 * where, is what the operands of its site say.
 */
#include "scene.h"

#define DATA	0x7f0000020000ULL
#define OTHER	0x7f0000030000ULL
#define PATTERN 0x8899aabbccddeeffULL

/* An identity that entry 1 has. Sites that say so by a constant leave all registers to the test. */
static const struct moqstat_id known = { .hash = 77, .tgid = SCENE_TGID, .incarnation = 1000 };

static int setup(void **state)
{
	struct moqstat_entry_key key = { .entry = 1, .tgid = SCENE_TGID };

	scene_setup(state);
	host_map_set("entries", &key, &known);
	scene_site(AT_BYTES)->entry = scene_imm(1);
	scene_site(AT_BYTES)->tier = scene_imm(MOQSTAT_EXTERNAL);
	return 0;
}

#define operand_test(f) cmocka_unit_test_setup_teardown(f, setup, scene_teardown)

static void assert_reads(struct moqstat_operand n, __u64 expected)
{
	__u64 before = scene_count(&known, 0, MOQSTAT_BYTES);

	scene_site(AT_BYTES)->n = n;
	scene_fire(AT_BYTES);
	assert_int_equal(scene_count(&known, 0, MOQSTAT_BYTES) - before, expected);
	scene_assert_lost(0, 0);
}

/* What can't be read isn't counted, but told; the site has fired all the same. */
static void assert_faults(struct moqstat_operand n)
{
	__u32 reason = MOQSTAT_LOST_OPERAND_FAULT;
	__u64 before = scene_count(&known, 0, MOQSTAT_BYTES), hits = scene_hits(AT_BYTES);

	scene_site(AT_BYTES)->n = n;
	scene_fire(AT_BYTES);
	assert_int_equal(scene_count(&known, 0, MOQSTAT_BYTES), before);
	assert_int_equal(scene_hits(AT_BYTES), hits + 1);
	scene_assert_lost(reason, 1);
	*(__u64 *)host_map_get("lost", &reason, host.cpu) = 0;
}

static void every_register(void **state)
{
	__u32 reg;

	(void)state;
	for (reg = MOQSTAT_RAX; reg <= MOQSTAT_R15; reg++)
		scene_set(reg, 1000 + reg);
	for (reg = MOQSTAT_RAX; reg <= MOQSTAT_R15; reg++)
		assert_reads(scene_reg(reg, 8), 1000 + reg);
	/* What is no register has nothing in it. */
	assert_reads(scene_reg(MOQSTAT_R15 + 1, 8), 0);
	assert_reads(scene_reg(MOQSTAT_REG_NONE, 8), 0);
}

static void widths_of_registers(void **state)
{
	struct moqstat_operand n;

	(void)state;
	scene_set(MOQSTAT_RDX, PATTERN);
	assert_reads(scene_reg(MOQSTAT_RDX, 1), 0xff);
	assert_reads(scene_reg(MOQSTAT_RDX, 2), 0xeeff);
	assert_reads(scene_reg(MOQSTAT_RDX, 4), 0xccddeeff);
	assert_reads(scene_reg(MOQSTAT_RDX, 8), PATTERN);
	/* What is added is added to the narrow value, and goes beyond its width. */
	n = scene_reg(MOQSTAT_RDX, 1);
	n.disp = 1;
	assert_reads(n, 0x100);
	n.disp = -0x100;
	assert_reads(n, -1ULL);
	n.width = 8;
	assert_reads(n, PATTERN - 0x100);
	n.disp = 0x7fffffff;
	assert_reads(n, PATTERN + 0x7fffffff);
}

static void constants(void **state)
{
	(void)state;
	assert_reads(scene_imm(0), 0);
	assert_reads(scene_imm(1), 1);
	assert_reads(scene_imm(0x7fffffff), 0x7fffffff);
	assert_reads(scene_imm(-1), -1ULL);
	assert_reads(scene_imm(-0x7fffffff - 1), 0xffffffff80000000ULL);
}

static void none_is_zero(void **state)
{
	struct moqstat_operand none = { .reg = MOQSTAT_RDX, .width = 8, .disp = 5 };

	(void)state;
	scene_set(MOQSTAT_RDX, PATTERN);
	/* Also where another number has just been read. */
	assert_reads(scene_reg(MOQSTAT_RDX, 8), PATTERN);
	assert_reads(none, 0);
	assert_int_equal(scene_hits(AT_BYTES), 2);
}

/* The operand's bytes, and never one beyond: it may be the last of its page. */
static void widths_of_memory(void **state)
{
	static const struct {
		__u8 width;
		__u64 value;
	} widths[] = { { 1, 0xff }, { 2, 0xeeff }, { 4, 0xccddeeff }, { 8, PATTERN } };
	__u64 pattern = PATTERN;
	size_t i;

	(void)state;
	scene_set(MOQSTAT_RDX, DATA);
	for (i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		host_memory_drop(DATA, 16);
		host_memory_put(DATA, &pattern, widths[i].width);
		assert_reads(scene_mem(MOQSTAT_RDX, 0, widths[i].width), widths[i].value);
		assert_faults(scene_mem(MOQSTAT_RDX, 1, widths[i].width));
		assert_faults(scene_mem(MOQSTAT_RDX, -1, widths[i].width));
	}
}

static void addresses(void **state)
{
	struct moqstat_operand n = scene_mem(MOQSTAT_RDX, 0, 8);
	__u64 cells[64];
	__u32 i;

	(void)state;
	for (i = 0; i < 64; i++)
		cells[i] = 5000 + i;
	host_memory_put(DATA, cells, sizeof(cells));
	scene_set(MOQSTAT_RDX, DATA + 256);
	scene_set(MOQSTAT_RSI, 3);
	assert_reads(n, 5032);
	n.disp = 64;
	assert_reads(n, 5040);
	n.disp = -256;
	assert_reads(n, 5000);
	/* The scale means nothing without an index. */
	n.scale = 8;
	assert_reads(n, 5000);
	n.index = MOQSTAT_RSI;
	assert_reads(n, 5003);
	for (i = 1; i <= 8; i *= 2) {
		scene_set(MOQSTAT_RSI, 24);
		n.scale = i;
		assert_reads(n, 5000 + 3 * i);
	}
	/* An index may be negative, too, and be rax, whose number is 0. */
	scene_set(MOQSTAT_RAX, -2ULL);
	n.index = MOQSTAT_RAX;
	n.disp = 0;
	assert_reads(n, 5030);
	/* Where nothing is; at the end of what there may be; in the kernel. */
	scene_set(MOQSTAT_RDX, 0);
	n = scene_mem(MOQSTAT_RDX, 0, 8);
	assert_faults(n);
	scene_set(MOQSTAT_RDX, -1ULL);
	assert_faults(n);
	scene_set(MOQSTAT_RDX, 0xffff888000000000ULL);
	assert_faults(n);
	/* What is far away wraps around. */
	scene_set(MOQSTAT_RDX, DATA + 0x10);
	scene_set(MOQSTAT_RSI, -1ULL);
	n.index = MOQSTAT_RSI;
	n.scale = 8;
	assert_reads(n, 5001);
}

static void pointers(void **state)
{
	struct moqstat_operand n = scene_mem(MOQSTAT_RDX, 8, 4);
	__u64 cells[2] = { 0, OTHER + 0x100 }, pattern = PATTERN;

	(void)state;
	scene_set(MOQSTAT_RDX, DATA);
	host_memory_put(DATA, cells, sizeof(cells));
	host_memory_put(OTHER + 0x80, &pattern, 4);
	n.outer = -0x80;
	n.kind = MOQSTAT_OPERAND_DEREF;
	assert_reads(n, 0xccddeeff);
	n.width = 8;
	assert_faults(n);
	n.width = 1;
	n.outer = -0x7d;
	assert_reads(n, 0xcc);
	n.outer = 0x80;
	assert_faults(n);

	/* The address itself, which needn't be anywhere. */
	n.kind = MOQSTAT_OPERAND_POINT;
	assert_reads(n, OTHER + 0x180);
	n.outer = -0x80;
	assert_reads(n, OTHER + 0x80);
	n.disp = 9;
	assert_faults(n);
	n.kind = MOQSTAT_OPERAND_DEREF;
	assert_faults(n);
}

/* A half that can't be read leaves nothing of the other. */
static void a_fault_in_the_middle(void **state)
{
	__u64 pattern = PATTERN;

	(void)state;
	scene_set(MOQSTAT_RDX, DATA);
	host_memory_put(DATA, &pattern, 8);
	host_memory_drop(DATA + 4, 4);
	assert_faults(scene_mem(MOQSTAT_RDX, 0, 8));
	assert_reads(scene_mem(MOQSTAT_RDX, 0, 4), 0xccddeeff);
	/* So it is with what isn't the number itself. */
	scene_site(AT_BYTES)->tier = scene_mem(MOQSTAT_RDX, 4, 1);
	assert_faults(scene_imm(1));
	scene_site(AT_BYTES)->tier = scene_imm(0);
	scene_site(AT_BYTES)->role = MOQSTAT_ROLE_MAX;
	scene_site(AT_BYTES)->side = scene_mem(MOQSTAT_RDX, 4, 1);
	assert_faults(scene_imm(1));
}

/* Without the entry pointer nobody knows whether anything is counted: no hit either. */
static void an_entry_that_faults(void **state)
{
	(void)state;
	scene_site(AT_BYTES)->entry = scene_mem(MOQSTAT_RDX, 0, 8);
	scene_site(AT_BYTES)->n = scene_imm(1);
	scene_fire(AT_BYTES);
	assert_int_equal(scene_hits(AT_BYTES), 0);
	assert_int_equal(scene_count(&known, 0, MOQSTAT_BYTES), 0);
	scene_assert_lost(MOQSTAT_LOST_OPERAND_FAULT, 1);
}

/* Each role and tier has a slot of its own; another number is none. */
static void roles_and_tiers(void **state)
{
	struct moqstat_site *site = scene_site(AT_BYTES);
	__u64 tier, role;

	(void)state;
	site->n = scene_imm(1);
	site->tier = scene_reg(MOQSTAT_RDX, 8);
	site->side = scene_reg(MOQSTAT_RSI, 8);
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (tier = 0; tier < MOQSTAT_TIER_MAX; tier++) {
			__u32 slot = role * 2 + tier;

			scene_set(MOQSTAT_RDX, tier);
			scene_set(MOQSTAT_RSI, !role);
			site->role = role;
			scene_fire(AT_BYTES);
			assert_int_equal(scene_count(&known, slot, MOQSTAT_BYTES), 1);
			site->role = MOQSTAT_ROLE_MAX;
			scene_set(MOQSTAT_RSI, role);
			scene_fire(AT_BYTES);
			assert_int_equal(scene_count(&known, slot, MOQSTAT_BYTES), 2);
		}
	}
	assert_int_equal(host_map_len("opened"), 4);
	scene_assert_lost(0, 0);
	scene_set(MOQSTAT_RDX, MOQSTAT_TIER_MAX);
	scene_fire(AT_BYTES);
	scene_set(MOQSTAT_RDX, 1ULL << 32);
	scene_fire(AT_BYTES);
	scene_set(MOQSTAT_RDX, 0);
	scene_set(MOQSTAT_RSI, MOQSTAT_ROLE_MAX);
	scene_fire(AT_BYTES);
	scene_set(MOQSTAT_RSI, -1ULL);
	scene_fire(AT_BYTES);
	scene_assert_lost(MOQSTAT_LOST_OPERAND_RANGE, 4);
	assert_int_equal(host_map_len("opened"), 4);
	assert_int_equal(scene_hits(AT_BYTES), 12);
}

/* Every field has a cell of its own, and closing ones a map of their own. */
static void fields(void **state)
{
	struct moqstat_site *site = scene_site(AT_BYTES);
	__u32 field;

	(void)state;
	for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
		site->field = field;
		site->n = scene_imm(field + 1);
		scene_fire(AT_BYTES);
	}
	for (field = 0; field < MOQSTAT_FIELD_MAX; field++)
		assert_int_equal(scene_count(&known, 0, field), field + 1);
	scene_assert_lost(0, 0);
	/* One that has no cell is told, and overruns nothing. */
	for (field = MOQSTAT_FIELD_MAX; field < 256; field++) {
		site->field = field;
		scene_fire(AT_BYTES);
	}
	scene_assert_lost(MOQSTAT_LOST_COUNTERS_FULL, 256 - MOQSTAT_FIELD_MAX);
}

/* The counts are per CPU: what is added on one is seen there, and no other is disturbed. */
static void each_cpu_its_own(void **state)
{
	struct moqstat_slot_key key = { .id = known };
	__u64 *cells;

	(void)state;
	for (host.cpu = 0; host.cpu < HOST_CPUS; host.cpu++) {
		scene_site(AT_BYTES)->n = scene_imm(10 + host.cpu);
		scene_fire(AT_BYTES);
		scene_fire(AT_BYTES);
	}
	for (host.cpu = 0; host.cpu < HOST_CPUS; host.cpu++) {
		cells = host_map_get("opened", &key, host.cpu);
		assert_int_equal(cells[MOQSTAT_FIELD_CELL(MOQSTAT_BYTES)], 2 * (10 + host.cpu));
	}
	host.cpu = 0;
	assert_int_equal(scene_hits(AT_BYTES), 2 * HOST_CPUS);
	assert_int_equal(scene_count(&known, 0, MOQSTAT_BYTES), 2 * (10 + 11 + 12 + 13));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		operand_test(every_register),
		operand_test(widths_of_registers),
		operand_test(constants),
		operand_test(none_is_zero),
		operand_test(widths_of_memory),
		operand_test(addresses),
		operand_test(pointers),
		operand_test(a_fault_in_the_middle),
		operand_test(an_entry_that_faults),
		operand_test(roles_and_tiers),
		operand_test(fields),
		operand_test(each_cpu_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
