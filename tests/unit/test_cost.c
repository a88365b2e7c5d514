/* SPDX-License-Identifier: MIT */
/* test_cost.c - what is predicted from the cost of a hit; and which sites go the short way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cost.h"
#include "programs.h"

static const struct cost cost = { .on = { 600, 640 }, .off = { 530, 560 } };

static json_t *report(struct site *list, size_t len, double rate)
{
	const struct sites sites = { .list = list, .len = len };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_t *json;

	assert_int_equal(cost_report(&cost, &sites, rate, true, out), 0);
	fclose(out);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	free(text);
	return json;
}

static double number(const json_t *json, const char *mode, const char *name)
{
	return json_number_value(json_object_get(json_object_get(json, mode), name));
}

static struct site bump(uint64_t at, enum moqstat_role role, enum moqstat_field field)
{
	return (struct site){ .addr = at,
			      .bump = at,
			      .what = {
				      .event = MOQSTAT_EVENT_BUMP, .role = role, .field = field } };
}

static void two_hits_a_frame(void **state)
{
	/* Copies of a site are in other transports: a frame passes one. */
	struct site list[] = { bump(0x10, MOQSTAT_PUBLISHER, MOQSTAT_FRAMES),
			       bump(0x20, MOQSTAT_PUBLISHER, MOQSTAT_FRAMES),
			       bump(0x30, MOQSTAT_PUBLISHER, MOQSTAT_BYTES),
			       bump(0x40, MOQSTAT_SUBSCRIBER, MOQSTAT_BYTES) };
	json_t *json = report(list, 4, 100000);

	(void)state;
	assert_true(number(json, "statistics_on", "frame_sent_ns") == 1240);
	assert_true(number(json, "statistics_off", "frame_sent_ns") == 1090);
	assert_true(number(json, "statistics_off", "frame_received_ns") == 560);
	assert_float_equal(number(json, "statistics_off", "processors"), 0.109, 1e-9);
	json_decref(json);
}

/* As the scan finds them in a release build. */
static struct moqstat_site usual(void)
{
	return (struct moqstat_site){
		.event = MOQSTAT_EVENT_BUMP,
		.role = MOQSTAT_PUBLISHER,
		.field = MOQSTAT_BYTES,
		.when = MOQSTAT_WHEN_NONZERO,
		.handles = MOQSTAT_HANDLE_GUARD,
		.entry = { .kind = MOQSTAT_OPERAND_REG, .width = 8 },
		.tier = { .kind = MOQSTAT_OPERAND_MEM,
			  .index = MOQSTAT_REG_NONE,
			  .width = 1,
			  .disp = 24 },
		.n = { .kind = MOQSTAT_OPERAND_MEM, .index = MOQSTAT_REG_NONE, .width = 8 },
		.guard = { .kind = MOQSTAT_OPERAND_REG, .width = 8, .disp = 16 },
	};
}

/* What bpf/flow.h doesn't ask for must not be there. */
static void plain_sites(void **state)
{
	struct moqstat_site s = usual();

	(void)state;
	assert_true(programs_plain(&s));
#define NOT_PLAIN(field, value)                   \
	do {                                      \
		s = usual();                      \
		s.field = value;                  \
		assert_false(programs_plain(&s)); \
	} while (0)
	NOT_PLAIN(event, MOQSTAT_EVENT_SESSION_BUMP);
	NOT_PLAIN(role, MOQSTAT_ROLE_MAX);
	NOT_PLAIN(field, MOQSTAT_SUBSCRIPTIONS);
	NOT_PLAIN(field, MOQSTAT_SUBSCRIPTIONS_CLOSED);
	NOT_PLAIN(opens, 1);
	NOT_PLAIN(when, MOQSTAT_WHEN_ZERO);
	NOT_PLAIN(when, MOQSTAT_WHEN_ALWAYS);
	NOT_PLAIN(handles, MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_PEEK);
	NOT_PLAIN(handles, MOQSTAT_HANDLE_PENDING);
	NOT_PLAIN(skip.kind, MOQSTAT_OPERAND_MEM);
	NOT_PLAIN(entry.kind, MOQSTAT_OPERAND_MEM);
	NOT_PLAIN(entry.disp, 8);
	NOT_PLAIN(entry.width, 4);
	NOT_PLAIN(tier.kind, MOQSTAT_OPERAND_REG);
	NOT_PLAIN(tier.width, 4);
	NOT_PLAIN(tier.index, MOQSTAT_RAX);
	NOT_PLAIN(n.width, 4);
	NOT_PLAIN(n.index, MOQSTAT_RAX);
	NOT_PLAIN(n.kind, MOQSTAT_OPERAND_DEREF);
	NOT_PLAIN(n.kind, MOQSTAT_OPERAND_IMM); /* of 0 */
	NOT_PLAIN(guard.kind, MOQSTAT_OPERAND_MEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_hits_a_frame),
		cmocka_unit_test(plain_sites),
	};

	return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
