/* SPDX-License-Identifier: MIT */
/*
 * test_sites_json_scope.c - what sites know of scopes, where tiers are labels, goes into JSON and
 * comes back; and what a program would miss is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sites_json.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define OPERAND(kind_, reg_, disp_, outer_) \
	{ .kind = MOQSTAT_OPERAND_##kind_,  \
	  .reg = MOQSTAT_##reg_,            \
	  .index = MOQSTAT_REG_NONE,        \
	  .scale = 1,                       \
	  .width = 8,                       \
	  .disp = (disp_),                  \
	  .outer = (outer_) }

#define BUMP(field_)                                                              \
	.event = MOQSTAT_EVENT_BUMP, .role = MOQSTAT_ROLE_MAX, .field = (field_), \
	.entry = OPERAND(REG, RAX, 0, 0), .tier = OPERAND(IMM, REG_NONE, 0, 0),   \
	.side = OPERAND(MEM, RSI, 0x28, 0), .n = OPERAND(IMM, REG_NONE, 1, 0)

enum {
	SCOPE = 0,
	CALLED,
	ACCOUNT,
	GROUP,
	NOBODY,
	VIEWER,
	WATCHED,
	ROOT, /* a text */
	ROOT_PATH,
	CALL,
	SAMPLES
};

static const struct moqstat_site samples[SAMPLES] = {
	[SCOPE] = { BUMP(MOQSTAT_FETCHES), .handles = MOQSTAT_HANDLE_PATH,
		    .skip = OPERAND(MEM, RSI, 0, 0), .path = OPERAND(REG, RSI, 0x10, 0) },
	[CALLED] = { BUMP(MOQSTAT_DATAGRAMS), .handles = MOQSTAT_HANDLE_CALL,
		     .guard = OPERAND(REG, RSP, 0x108, 0) },
	[ACCOUNT] = { BUMP(MOQSTAT_BYTES), .handles = MOQSTAT_HANDLE_ACCOUNT,
		      .guard = OPERAND(DEREF, R14, 0x18, 0x40) },
	[GROUP] = { BUMP(MOQSTAT_GROUPS), .handles = MOQSTAT_HANDLE_PATH | MOQSTAT_HANDLE_ACCOUNT,
		    .skip = OPERAND(MEM, RSI, 0, 0), .guard = OPERAND(DEREF, RSI, 0x48, 0xf8),
		    .path = OPERAND(REG, RSI, 0x10, 0) },
	[NOBODY] = { BUMP(MOQSTAT_FRAMES), .handles = MOQSTAT_HANDLE_ACCOUNT,
		     .skip = OPERAND(IMM, REG_NONE, 0, 0), .guard = OPERAND(IMM, REG_NONE, 0, 0) },
	[VIEWER] = { BUMP(MOQSTAT_SUBSCRIPTIONS), .opens = 1,
		     .handles = MOQSTAT_HANDLE_PATH | MOQSTAT_HANDLE_VIEWER,
		     .skip = OPERAND(MEM, RSI, 0, 0), .path = OPERAND(REG, RSI, 0x10, 0) },
	[WATCHED] = { BUMP(MOQSTAT_BROADCASTS), .handles = MOQSTAT_HANDLE_VIEWER },
	[ROOT] = { .event = MOQSTAT_EVENT_SESSION,
		   .when = MOQSTAT_WHEN_ZERO,
		   .entry = OPERAND(MEM, RSP, 0x68, 0),
		   .tier = OPERAND(REG, RSP, 0x98, 0),
		   .side = OPERAND(REG, RBX, 0, 0),
		   .n = OPERAND(MEM, RSP, 0x70, 0) },
	[ROOT_PATH] = { .event = MOQSTAT_EVENT_SESSION,
			.when = MOQSTAT_WHEN_ZERO,
			.entry = OPERAND(MEM, RSP, 0x48, 0),
			.tier = OPERAND(REG, RSP, 0x88, 0),
			.side = OPERAND(REG, RBX, 0, 0) },
	[CALL] = { .event = MOQSTAT_EVENT_CALL,
		   .skip = OPERAND(MEM, RSI, 0xc0, 0),
		   .guard = OPERAND(REG, RSP, 0, 0),
		   .path = OPERAND(REG, RSI, 0xd0, 0) },
};

static struct site list[SAMPLES];
static char name[] = "f";
static struct sites_function functions[] = { { name, 0x1000, -1 } };

static json_t *encode(struct sites *s)
{
	size_t i;
	json_t *json;

	memset(list, 0, sizeof(list));
	for (i = 0; i < SAMPLES; i++) {
		list[i].addr = 0x2000 + i;
		list[i].offset = 0x1000 + i;
		list[i].bump = samples[i].event == MOQSTAT_EVENT_BUMP ? 0x3000 + i : 0;
		strcpy(list[i].insn, "je");
		list[i].what = samples[i];
	}
	*s = (struct sites){ .layout = layout_find("moq-net 0.2.13"),
			     .list = list,
			     .len = SAMPLES,
			     .functions = functions,
			     .functions_len = LEN(functions) };
	json = sites_json_encode(s);
	assert_non_null(json);
	return json;
}

static void there_and_back(void **state)
{
	struct sites s, back;
	json_t *json = encode(&s), *site;
	size_t i;

	(void)state;
	/* A number that nothing is added by isn't told. */
	json_array_foreach(json_object_get(json, "sites"), i, site)
		assert_int_equal(json_object_get(site, "n") != NULL, i != ROOT_PATH && i != CALL);
	assert_int_equal(sites_json_decode(json, &back), 0);
	assert_int_equal(back.len, SAMPLES);
	for (i = 0; i < SAMPLES; i++)
		assert_memory_equal(&list[i], &back.list[i], sizeof(list[i]));
	sites_deinit(&back);
	json_decref(json);
}

static void names(void **state)
{
	static const struct {
		int sample;
		const char *json;
	} expected[] = {
		{ CALLED, "[\"call\"]" },
		{ ACCOUNT, "[\"account\"]" },
		{ GROUP, "[\"path\",\"account\"]" },
		{ VIEWER, "[\"path\",\"viewer\"]" },
		{ CALL, "[]" },
	};
	struct sites s;
	json_t *json = encode(&s), *site;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(expected); i++) {
		site = json_array_get(json_object_get(json, "sites"), expected[i].sample);
		text = json_dumps(json_object_get(site, "handles"), JSON_COMPACT);
		assert_string_equal(text, expected[i].json);
		free(text);
	}
	assert_string_equal(json_string_value(json_object_get(site, "event")), "call");
	json_decref(json);
}

/* In one of the samples' site. */
static const struct {
	int sample;
	const char *member;
	const char *value; /* NULL: removed */
	bool good;
} changes[] = {
	{ SCOPE, "path", NULL, false },
	{ SCOPE, "skip", NULL, true },
	{ SCOPE, "skip", "{}", false },
	{ SCOPE, "handles", "[\"account\"]", false },
	{ SCOPE, "handles", "[\"call\"]", false },
	{ SCOPE, "handles", "[\"views\"]", false },
	{ CALLED, "place", NULL, false },
	{ CALLED, "place", "null", false },
	{ CALLED, "handles", "[\"call\", \"path\"]", false },
	{ ACCOUNT, "place", NULL, false },
	{ GROUP, "place", NULL, false },
	{ GROUP, "path", NULL, false },
	{ NOBODY, "place", NULL, false },
	{ WATCHED, "handles", "[\"viewer\", \"guard\"]", false },
	{ WATCHED, "n", NULL, false },
	{ WATCHED, "n", "null", false },
	{ WATCHED, "n", "7", false },
	{ ROOT, "n", NULL, true }, /* a path's, then */
	{ ROOT, "n", "null", true },
	{ ROOT, "n", "7", false },
	{ ROOT, "n", "{\"kind\": \"mem\", \"width\": 8}", false },
	{ ROOT, "entry", NULL, false },
	{ ROOT, "tier", NULL, false },
	{ ROOT, "side", NULL, false },
	{ CALL, "place", NULL, false },
	{ CALL, "path", NULL, false },
	{ CALL, "path", "null", false },
	{ CALL, "skip", NULL, true },
	{ CALL, "event", "\"calls\"", false },
};

static void incomplete_ones_are_refused(void **state)
{
	struct sites s, out;
	json_t *json, *object;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < LEN(changes); i++) {
		json = encode(&s);
		object = json_array_get(json_object_get(json, "sites"), changes[i].sample);
		if (!changes[i].value)
			assert_int_equal(json_object_del(object, changes[i].member), 0);
		else
			json_object_set_new(object, changes[i].member,
					    json_loads(changes[i].value, JSON_DECODE_ANY, NULL));
		rc = sites_json_decode(json, &out);
		if (rc != (changes[i].good ? 0 : -EBADMSG))
			fail_msg("%zu: %s = %s: %d", i, changes[i].member,
				 changes[i].value ? changes[i].value : "nothing", rc);
		if (!rc)
			sites_deinit(&out);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(names),
		cmocka_unit_test(incomplete_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
