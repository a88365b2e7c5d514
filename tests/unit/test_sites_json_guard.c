/* SPDX-License-Identifier: MIT */
/*
 * test_sites_json_guard.c - what sites know of guards goes into JSON and comes back, and values
 * that would have a program read what isn't there are refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard_lines.h"
#include "sites_json.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* One of each; test_sites_guard.c and test_sites_place.c have the assembly. */
enum {
	POINT = 0, /* mov rcx, [rsp+0x20]; mov rax, [rcx+0x10]; mov rcx, rdx; … */
	SKIP,	   /* test edi, edi; setne cl; test rax, rax; sete dl; or dl, cl; cmp dl, 1; … */
	ARC,
	LITE_ARC,
	OWNER,
	SESSION,
	PEEK,
	LIVE,
	TABLE,
	TABLE_KEY,
	INSERT,
	REMOVE,
	SAMPLES
};

static const char removing[] =
	"4885c0 740d 0fb6c9 488d0cc9 f048ff44c810 e8030000f0 e8040000f0 488b4310 4885c0 740d "
	"0fb6c9 488d0cc9 f048ff44c818 488b4330 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3";
static const char dropping[] =
	"53 4c8d7cc500 488b74c5d8 488d0c7500000000 4885c9 740f 498b7fe0 ba01000000 ff1500000000 "
	"e8070000f0 c3";

static const struct {
	const char *name, *hex;
	uint8_t event, handles; /* of the site that is meant */
} samples[SAMPLES] = {
	[POINT] = { GUARD_LITE,
		    "488b4c2420 488b4110 4889d1 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 c3",
		    MOQSTAT_EVENT_BUMP, MOQSTAT_HANDLE_GUARD },
	[SKIP] = { GUARD_LITE,
		   "85ff 0f95c1 4885c0 0f94c2 08ca 80fa01 7502 eb0f 410fb65628 488d3cd2 "
		   "f048ff44f830 c3",
		   MOQSTAT_EVENT_BUMP, MOQSTAT_HANDLE_PENDING },
	[ARC] = { GUARD_LITE,
		  "4885c0 740d 0fb6c9 488d0cc9 f048ff44c820 bf20000000 be08000000 ff1500000000 "
		  "4885c0 7400 c3",
		  MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING },
	[LITE_ARC] = { GUARD_LITE,
		       "488d7c2440 e8010000f0 488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 "
		       "bf20000000 be08000000 ff1500000000 4885c0 7400 c3",
		       MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PATH },
	[OWNER] = { GUARD_IETF, "4885c0 7410 0fb6c9 488d0cc9 f048ff84c8a0000000 4c892a 48894208 c3",
		    MOQSTAT_EVENT_PLACE, MOQSTAT_HANDLE_PENDING | MOQSTAT_HANDLE_OWNER },
	[SESSION] = { GUARD_LITE,
		      "488b03 4885c0 740d 0fb6c9 488d0cc9 f0480154c840 4c89e7 4c89ee e8020000f0 "
		      "48894320 c3",
		      MOQSTAT_EVENT_SESSION_PLACE, MOQSTAT_HANDLE_GUARD },
	[PEEK] = { GUARD_LITE,
		   "488b7320 4c39fe 7414 4885f6 740f 488b7b28 ba01000000 ff1500000000 488b4310 "
		   "4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 c3",
		   MOQSTAT_EVENT_PEEK, 0 },
	[LIVE] = { GUARD_LITE,
		   "488b4310 4885c0 740d 0fb6c9 488d0cc9 f048ff44c818 488b7320 4c39fe 7414 4885f6 "
		   "740f 488b7b28 ba01000000 ff1500000000 c3",
		   MOQSTAT_EVENT_BUMP, MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_PATH },
	[TABLE] = { GUARD_OF_TABLE, dropping, MOQSTAT_EVENT_TABLE, 0 },
	[TABLE_KEY] = { GUARD_OF_TABLE, dropping, MOQSTAT_EVENT_PEEK, MOQSTAT_HANDLE_KEY },
	[INSERT] = { GUARD_IETF, removing, MOQSTAT_EVENT_INSERT, 0 },
	[REMOVE] = { GUARD_IETF, removing, MOQSTAT_EVENT_REMOVE, 0 },
};

/* Scan a sample; returns the index of the site that is meant. */
static size_t sample_scan(int sample, struct sites *s)
{
	uint64_t function;
	size_t i;

	guard_scan(samples[sample].name, samples[sample].hex, s, &function);
	for (i = 0; i < s->len; i++) {
		if (s->list[i].addr >= function && s->list[i].what.event == samples[sample].event &&
		    s->list[i].what.handles == samples[sample].handles)
			return i;
	}
	fail_msg("no such site");
	return 0;
}

static void there_and_back(void **state)
{
	struct sites s, back;
	json_t *json;
	size_t i, at;
	int sample;

	(void)state;
	for (sample = 0; sample < SAMPLES; sample++) {
		at = sample_scan(sample, &s);
		json = sites_json_encode(&s);
		assert_non_null(json);
		assert_int_equal(sites_json_decode(json, &back), 0);
		assert_int_equal(s.len, back.len);
		for (i = 0; i < s.len; i++)
			assert_memory_equal(&s.list[i], &back.list[i], sizeof(s.list[i]));
		if (sample == POINT)
			assert_int_equal(back.list[at].what.guard.kind, MOQSTAT_OPERAND_POINT);
		if (sample == SKIP)
			assert_int_equal(back.list[at].what.skip.width, 1);
		json_decref(json);
		sites_deinit(&back);
		sites_deinit(&s);
	}
}

/* In one of the samples' site: an object's member, or a member of that. */
static const struct {
	int sample;
	const char *member, *inner;
	const char *value; /* NULL: removed */
	bool good;
} changes[] = {
	{ POINT, "handles", NULL, NULL, false },
	{ POINT, "handles", NULL, "null", false },
	{ POINT, "handles", NULL, "2", false },
	{ POINT, "handles", NULL, "\"guard\"", false },
	{ POINT, "handles", NULL, "{}", false },
	{ POINT, "handles", NULL, "[2]", false },
	{ POINT, "handles", NULL, "[\"guards\"]", false },
	{ POINT, "handles", NULL, "[\"guard\", null]", false },
	{ POINT, "handles", NULL, "[]", true },
	{ POINT, "handles", NULL, "[\"guard\", \"odd\"]", true },
	{ POINT, "handles", NULL, "[\"path\"]", false }, /* there is none */
	{ POINT, "place", NULL, NULL, false },		 /* which the handle takes */
	{ POINT, "place", NULL, "null", false },
	{ POINT, "place", NULL, "7", false },
	{ POINT, "place", "kind", "\"pointer\"", false },
	{ POINT, "place", "kind", "\"deref\"", true },
	{ POINT, "place", "reg", NULL, false },
	{ POINT, "place", "reg", "\"rip\"", false },
	{ POINT, "place", "outer", "2147483648", false },
	{ POINT, "place", "outer", "-2147483649", false },
	{ POINT, "place", "outer", "\"16\"", false },
	{ POINT, "place", "width", "3", false },
	{ SKIP, "skip", "width", "16", false },
	{ SKIP, "skip", NULL, "[]", false },
	{ SKIP, "skip", NULL, NULL, true },
	{ SKIP, "handles", NULL, "[\"owner\"]", false },
	{ ARC, "place", NULL, NULL, false },
	{ ARC, "place", NULL, "null", false },
	{ ARC, "handles", NULL, "[]", false },
	{ ARC, "handles", NULL, "[\"path\"]", false },
	{ LITE_ARC, "path", NULL, NULL, false },
	{ LITE_ARC, "place", NULL, NULL, false },
	{ LITE_ARC, "path", "kind", "\"none\"", false },
	{ OWNER, "place", NULL, NULL, false },
	{ SESSION, "place", NULL, NULL, false },
	{ SESSION, "path", NULL, NULL, false },
	{ SESSION, "tier", NULL, NULL, false },
	{ SESSION, "side", NULL, NULL, false },
	{ PEEK, "path", NULL, NULL, false },
	{ LIVE, "path", NULL, NULL, false },
	{ LIVE, "path", NULL, "null", false },
	{ TABLE, "place", NULL, NULL, false },
	{ TABLE_KEY, "path", NULL, NULL, false },
	{ INSERT, "place", NULL, NULL, false },
	{ INSERT, "path", NULL, NULL, false },
	{ REMOVE, "place", NULL, NULL, false },
	{ REMOVE, "path", NULL, NULL, false },
	{ REMOVE, "entry", NULL, NULL, false },
	{ REMOVE, "side", NULL, NULL, true }, /* one place is enough */
};

static void hostile_values_are_refused(void **state)
{
	struct sites s, out;
	json_t *json, *object;
	const char *key;
	size_t i, at;
	int rc;

	(void)state;
	for (i = 0; i < LEN(changes); i++) {
		at = sample_scan(changes[i].sample, &s);
		json = sites_json_encode(&s);
		object = json_array_get(json_object_get(json, "sites"), at);
		key = changes[i].member;
		if (changes[i].inner) {
			object = json_object_get(object, key);
			key = changes[i].inner;
		}
		assert_true(json_is_object(object));
		if (!changes[i].value)
			assert_int_equal(json_object_del(object, key), 0);
		else
			json_object_set_new(object, key,
					    json_loads(changes[i].value, JSON_DECODE_ANY, NULL));
		rc = sites_json_decode(json, &out);
		if (rc != (changes[i].good ? 0 : -EBADMSG))
			fail_msg("%zu: %s.%s = %s: %d", i, changes[i].member,
				 changes[i].inner ? changes[i].inner : "",
				 changes[i].value ? changes[i].value : "nothing", rc);
		if (!rc)
			sites_deinit(&out);
		json_decref(json);
		sites_deinit(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(hostile_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
