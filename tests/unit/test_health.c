/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <moqstat.h>

#include "alloc_fail.h"
#include "health.h"

static const struct health_program programs[] = {
	{ "bump", 19, 23, 4100, 0 },
	{ "peek", HEALTH_UNKNOWN, HEALTH_UNKNOWN, HEALTH_UNKNOWN, 7 },
	{ "bump", 1, 2, 100, 1 },
};
static const struct health_map maps[] = { { "opened", 12, 65536 } };
static uint64_t lost[MOQSTAT_LOST_MAX];

static struct health make(struct histogram *tick, struct health_relay *relay)
{
	lost[MOQSTAT_LOST_ENTRY_UNKNOWN] = 3;
	*relay = (struct health_relay){ .broadcast = ".stats/node/n\"1",
					.programs = programs,
					.programs_len = 3,
					.maps = maps,
					.maps_len = 1,
					.lost = lost };
	memset(tick, 0, sizeof(*tick));
	histogram_observe(tick, 300000);
	return (struct health){ .ticks = 812,
				.interval_ns = 250000000,
				.measure = HEALTH_HELD,
				.skipped = 0,
				.cpu_ns = HEALTH_UNKNOWN,
				.resident_bytes = UINT64_MAX - 1,
				.tick = tick,
				.relays = relay,
				.relays_len = 1 };
}

/* What the header says of the shape, and what it says of what isn't known. */
static void it_has_the_shape_that_is_said(void **state)
{
	struct health_relay r;
	struct histogram tick, back;
	struct health h = make(&tick, &r);
	json_t *json = health_json(&h), *relay, *part;

	(void)state;
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "version")), MOQSTAT_VERSION);
	assert_int_equal(health_number(json, "ticks"), 812);
	assert_int_equal(health_number(json, "interval_ns"), 250000000);
	assert_string_equal(json_string_value(json_object_get(json, "bpf_stats")), "held");
	assert_int_equal(health_number(json, "skipped"), 0);
	assert_true(health_number(json, "cpu_ns") == HEALTH_UNKNOWN);
	assert_null(json_object_get(json, "cpu_ns"));
	/* The largest that JSON carries, which isn't taken for what isn't known. */
	assert_true(health_number(json, "resident_bytes") == INT64_MAX);
	assert_int_equal(histogram_read(json_object_get(json, "tick"), &back), 0);
	assert_memory_equal(&tick, &back, sizeof(tick));
	assert_null(json_object_get(json, "lag"));

	relay = json_object_get(json_object_get(json, "relays"), ".stats/node/n\"1");
	part = json_object_get(json_object_get(relay, "programs"), "bump");
	assert_int_equal(health_number(part, "hits"), 20);
	assert_int_equal(health_number(part, "runs"), 25);
	assert_int_equal(health_number(part, "run_ns"), 4200);
	assert_int_equal(health_number(part, "missed"), 1);
	part = json_object_get(json_object_get(relay, "programs"), "peek");
	assert_int_equal(json_object_size(part), 1);
	assert_int_equal(health_number(part, "missed"), 7);
	part = json_object_get(json_object_get(relay, "maps"), "opened");
	assert_int_equal(health_number(part, "entries"), 12);
	assert_int_equal(health_number(part, "max"), 65536);
	part = json_object_get(relay, "lost");
	assert_int_equal(json_object_size(part), MOQSTAT_LOST_MAX - 1);
	assert_int_equal(health_number(part, "entry_unknown"), 3);
	assert_int_equal(health_number(part, "entry_null"), 0);
	json_decref(json);
}

static void a_budget_is_told(void **state)
{
	const struct health_budget budget = { .limit_ppm = 10000,
					      .now = { [BUDGET_FRAMES] = true },
					      .times = {
						      [BUDGET_FRAMES] = 3, [BUDGET_BYTES] = 1 } };
	struct health h = { .budget = &budget };
	json_t *json = health_json(&h), *part, *shed;

	(void)state;
	part = json_object_get(json, "budget");
	shed = json_object_get(part, "shed");
	assert_int_equal(health_number(part, "limit_ppm"), 10000);
	assert_int_equal(health_number(part, "cost_ppm"), 0);
	assert_int_equal(json_object_size(shed), BUDGET_KINDS);
	assert_int_equal(health_number(json_object_get(shed, "frames"), "now"), 1);
	assert_int_equal(health_number(json_object_get(shed, "frames"), "times"), 3);
	assert_int_equal(health_number(json_object_get(shed, "bytes"), "now"), 0);
	assert_int_equal(health_number(json_object_get(shed, "bytes"), "times"), 1);
	json_decref(json);
	h.budget = NULL;
	json = health_json(&h);
	assert_null(json_object_get(json, "budget"));
	json_decref(json);
}

static void what_is_no_number_is_not_known(void **state)
{
	json_t *json = json_pack("{s:i, s:s, s:f}", "a", -1, "b", "1", "c", 1.0);

	(void)state;
	assert_true(health_number(json, "a") == HEALTH_UNKNOWN);
	assert_true(health_number(json, "b") == HEALTH_UNKNOWN);
	assert_true(health_number(json, "c") == HEALTH_UNKNOWN);
	assert_true(health_number(json, "d") == HEALTH_UNKNOWN);
	assert_true(health_number(NULL, "a") == HEALTH_UNKNOWN);
	json_decref(json);
}

static void without_relays_there_are_none(void **state)
{
	struct health h = { 0 };
	json_t *json = health_json(&h);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "bpf_stats")), "off");
	assert_true(json_is_object(json_object_get(json, "relays")));
	assert_int_equal(json_object_size(json_object_get(json, "relays")), 0);
	json_decref(json);
}

static void short_memory_is_told(void **state)
{
	struct health_relay r;
	struct histogram tick;
	struct health h = make(&tick, &r);
	json_t *json;
	size_t n;

	(void)state;
	assert_true(alloc_fail_works());
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		json = health_json(&h);
		if (!alloc_fail_disarm())
			break;
		assert_null(json);
	}
	assert_non_null(json);
	assert_true(n > 50);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_the_shape_that_is_said),
		cmocka_unit_test(what_is_no_number_is_not_known),
		cmocka_unit_test(without_relays_there_are_none),
		cmocka_unit_test(short_memory_is_told),
		cmocka_unit_test(a_budget_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
