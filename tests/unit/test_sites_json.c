/* SPDX-License-Identifier: MIT */
/*
 * test_sites_json.c - sites come back from JSON as they went, and nothing else is taken for sites.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "relay_image.h"
#include "sites_json.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* test rax, rax; je 1f; sub rdx, 3; mov rcx, [rsp+rsi*4+0x100]; movzx ecx, byte [rcx-1];
 * lea rcx, [rcx+rcx*8]; lock add [rax+rcx*8+0x40], rdx; 1: ret */
#define ODD_OPERANDS                                      \
	"4885c0 741a 4883ea03 488b8cb400010000 0fb649ff " \
	"488d0cc9 f0480154c840 c3"

/* movzx ecx, byte [rdi+8]; lea rcx, [rcx+rcx*8]; lock inc [rax+rcx*8+0x40]; ret */
#define NO_BRANCH "0fb64f08 488d0cc9 f048ff44c840 c3"

static void scan(struct sites *out, const char *code)
{
	struct relay r;
	char said[512];

	relay_init(&r);
	relay_add(&r, "more", code);
	assert_int_equal(relay_scan(&r, out, said, sizeof(said)), 0);
	relay_deinit(&r);
}

/* Through text, as the cache has it. */
static json_t *through_text(const struct sites *s)
{
	json_t *json = sites_json_encode(s), *back;
	char *text;

	assert_non_null(json);
	text = json_dumps(json, JSON_COMPACT);
	assert_non_null(text);
	back = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_equal(json, back));
	free(text);
	json_decref(json);
	return back;
}

static void assert_same(const struct sites *a, const struct sites *b)
{
	size_t i;

	assert_ptr_equal(a->layout, b->layout);
	assert_string_equal(a->build_id, b->build_id);
	assert_int_equal(a->len, b->len);
	for (i = 0; i < a->len; i++)
		assert_memory_equal(&a->list[i], &b->list[i], sizeof(a->list[i]));
	assert_int_equal(a->functions_len, b->functions_len);
	for (i = 0; i < a->functions_len; i++) {
		assert_string_equal(a->functions[i].name, b->functions[i].name);
		assert_int_equal(a->functions[i].addr, b->functions[i].addr);
		assert_int_equal(a->functions[i].role, b->functions[i].role);
	}
	assert_int_equal(a->unprobed_len, b->unprobed_len);
}

static void there_and_back(void **state)
{
	struct sites s, back;
	json_t *json;
	size_t i, odd = 0;

	(void)state;
	scan(&s, ODD_OPERANDS);
	for (i = 0; i < s.len; i++)
		odd += s.list[i].what.tier.kind == MOQSTAT_OPERAND_DEREF &&
		       s.list[i].what.n.disp == -3;
	assert_int_equal(odd, 1);
	s.list[0].class = CODE_CLASS_STEPPED;
	s.list[1].class = CODE_CLASS_REFUSED;
	json = through_text(&s);
	assert_int_equal(sites_json_decode(json, &back), 0);
	assert_same(&s, &back);
	assert_false(s.cached);
	assert_true(back.cached);
	sites_deinit(&back);
	sites_deinit(&s);
	json_decref(json);
}

static void unprobed_bumps_are_shown_and_not_taken_back(void **state)
{
	struct sites s, back;
	const char *role, *field, *reason;
	json_t *json, *list;

	(void)state;
	scan(&s, NO_BRANCH);
	json = through_text(&s);
	list = json_object_get(json, "unprobed");
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(json_unpack(json_array_get(list, 0), "{s:s, s:s, s:s}", "role", &role,
				     "field", &field, "reason", &reason),
			 0);
	assert_string_equal(role, "publisher");
	assert_string_equal(field, "bytes");
	assert_string_equal(reason, "no branch in front");
	assert_int_equal(sites_json_decode(json, &back), -EBADMSG);
	json_decref(json);
	/* Of a session there is no role. */
	s.unprobed[0].session = true;
	s.unprobed[0].field = MOQSTAT_SESSIONS_CLOSED;
	json = through_text(&s);
	list = json_object_get(json, "unprobed");
	assert_null(json_object_get(json_array_get(list, 0), "role"));
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "field")),
			    "sessions_closed");
	json_decref(json);
	sites_deinit(&s);
}

/* The parent and the key of a place: "sites.3.entry.kind". */
static json_t *place(json_t *json, const char *path, char *key)
{
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		snprintf(key, 32, "%.*s", (int)(dot - path), path);
		json = json_is_array(json) ? json_array_get(json, atoi(key))
					   : json_object_get(json, key);
		path = dot + 1;
	}
	snprintf(key, 32, "%s", path);
	assert_non_null(json);
	return json;
}

/* Set a place to a value, or remove it if that is NULL. */
static void change(json_t *json, const char *path, const char *value)
{
	char key[32];
	json_t *parent = place(json, path, key);

	if (!value)
		assert_int_equal(json_object_del(parent, key), 0);
	else
		assert_int_equal(
			json_object_set_new(parent, key, json_loads(value, JSON_DECODE_ANY, NULL)),
			0);
}

/* Sites are in the order of events: 0 is a bump, others follow. */
enum {
	BUMP = 0,
	BUMP_ODD,
	BUMP_SIDE,
	ENTRY,
	ENTRY_NEW,
	SESSION,
	SESSION_BUMP,
	SESSION_NEW
};

static size_t find(const struct sites *s, int what)
{
	static const uint8_t events[] = {
		MOQSTAT_EVENT_BUMP,	    MOQSTAT_EVENT_BUMP,	       MOQSTAT_EVENT_BUMP,
		MOQSTAT_EVENT_ENTRY,	    MOQSTAT_EVENT_ENTRY_NEW,   MOQSTAT_EVENT_SESSION,
		MOQSTAT_EVENT_SESSION_BUMP, MOQSTAT_EVENT_SESSION_NEW,
	};
	size_t i;

	for (i = 0; i < s->len; i++) {
		const struct moqstat_site *site = &s->list[i].what;
		int kind = site->tier.kind == MOQSTAT_OPERAND_DEREF ? BUMP_ODD
			   : site->role == MOQSTAT_ROLE_MAX	    ? BUMP_SIDE
								    : BUMP;

		if (site->event == events[what] && (what > BUMP_SIDE || what == kind))
			return i;
	}
	fail_msg("no such site");
	return 0;
}

static const struct {
	int site;
	const char *path;  /* within the site */
	const char *value; /* NULL: removed */
} bad_sites[] = {
	{ BUMP, "event", "\"bumps\"" },
	{ BUMP, "event", "0" },
	{ BUMP, "event", NULL },
	{ BUMP, "counts_when", "\"sometimes\"" },
	{ BUMP, "counts_when", NULL },
	{ BUMP, "class", "\"fast\"" },
	{ BUMP, "class", NULL },
	{ BUMP, "instruction", "\"12345678\"" },
	{ BUMP, "instruction", "7" },
	{ BUMP, "instruction", NULL },
	{ BUMP, "address", "0" },
	{ BUMP, "address", "-1" },
	{ BUMP, "address", "1.5" },
	{ BUMP, "address", "\"1\"" },
	{ BUMP, "address", NULL },
	{ BUMP, "offset", "0" },
	{ BUMP, "offset", "-9223372036854775808" },
	{ BUMP, "offset", "null" },
	{ BUMP, "offset", NULL },
	{ BUMP, "bump", "0" },
	{ BUMP, "bump", "-1" },
	{ BUMP, "bump", NULL },
	{ BUMP, "function", "-1" },
	{ BUMP, "function", "20" },
	{ BUMP, "function", "true" },
	{ BUMP, "function", NULL },
	{ BUMP, "role", "\"viewer\"" },
	{ BUMP, "role", "0" },
	{ BUMP, "role", "\"by-side\"" }, /* without a side */
	{ BUMP, "role", NULL },
	{ BUMP, "field", "\"bits\"" },
	{ BUMP, "field", "\"sessions\"" },
	{ BUMP, "field", "\"announced_bytes\"" }, /* not of this layout */
	{ BUMP, "field", NULL },
	{ BUMP, "opens", "1" },
	{ BUMP, "opens", "null" },
	{ BUMP, "opens", NULL },
	{ BUMP, "n", "null" },
	{ BUMP, "n", "1" },
	{ BUMP, "n", NULL },
	{ BUMP, "tier", "null" },
	{ BUMP, "tier", NULL },
	{ BUMP, "entry", "null" },
	{ BUMP, "entry", "[]" },
	{ BUMP, "entry", NULL },
	{ BUMP, "guard", NULL },
	{ BUMP, "guard", "7" },
	{ BUMP, "guard", "{\"kind\": \"none\", \"reg\": \"rax\", \"width\": 8}" },
	{ BUMP, "side", "{}" },
	{ BUMP, "entry.kind", "\"none\"" },
	{ BUMP, "entry.kind", "\"register\"" },
	{ BUMP, "entry.kind", "2" },
	{ BUMP, "entry.kind", NULL },
	{ BUMP, "entry.reg", "\"eax\"" },
	{ BUMP, "entry.reg", "\"\"" },
	{ BUMP, "entry.reg", "0" },
	{ BUMP, "entry.reg", NULL },
	{ BUMP, "entry.width", "0" },
	{ BUMP, "entry.width", "3" },
	{ BUMP, "entry.width", "9" },
	{ BUMP, "entry.width", "264" },
	{ BUMP, "entry.width", "-8" },
	{ BUMP, "entry.width", "8.0" },
	{ BUMP, "entry.width", NULL },
	{ BUMP, "tier.disp", "2147483648" },
	{ BUMP, "tier.disp", "-2147483649" },
	{ BUMP, "tier.disp", "\"8\"" },
	{ BUMP_ODD, "tier.outer", "2147483648" },
	{ BUMP_ODD, "tier.outer", "-2147483649" },
	{ BUMP_ODD, "tier.index", "\"rip\"" },
	{ BUMP_ODD, "tier.index", "5" },
	{ BUMP_ODD, "tier.scale", "0" },
	{ BUMP_ODD, "tier.scale", "3" },
	{ BUMP_ODD, "tier.scale", "16" },
	{ BUMP_ODD, "tier.scale", "260" },
	{ BUMP_SIDE, "side", NULL },
	{ BUMP_SIDE, "side", "null" },
	{ BUMP_SIDE, "side.kind", "\"deref?\"" },
	{ ENTRY, "entry", "null" },
	{ ENTRY, "side", NULL },
	{ ENTRY_NEW, "entry", NULL },
	{ ENTRY_NEW, "entry", "null" },
	{ SESSION, "side", NULL },
	{ SESSION, "tier", NULL },
	{ SESSION_BUMP, "field", "\"bytes\"" },
	{ SESSION_BUMP, "field", NULL },
	{ SESSION_BUMP, "n", NULL },
	{ SESSION_BUMP, "bump", NULL },
	{ SESSION_BUMP, "opens", NULL },
	{ SESSION_BUMP, "entry", "null" },
	{ SESSION_NEW, "entry", "null" },
};

static const struct {
	const char *path, *value;
	int err;
} bad_wholes[] = {
	{ "layout", "\"moq-net 0.1.9\"", -ENOTSUP },
	{ "layout", "7", -EBADMSG },
	{ "layout", NULL, -EBADMSG },
	{ "build_id", "7", -EBADMSG },
	{ "build_id", NULL, -EBADMSG },
	{ "functions", "[]", -EBADMSG },
	{ "functions", "{}", -EBADMSG },
	{ "functions", NULL, -EBADMSG },
	{ "functions.0.name", "7", -EBADMSG },
	{ "functions.0.name", NULL, -EBADMSG },
	{ "functions.0.address", "0", -EBADMSG },
	{ "functions.0.address", "\"0\"", -EBADMSG },
	{ "functions.0.address", NULL, -EBADMSG },
	{ "functions.0.which", "-2", -EBADMSG },
	{ "functions.0.which", "4", -EBADMSG },
	{ "functions.0.which", "4294967296", -EBADMSG },
	{ "functions.3.which", "null", -EBADMSG },
	{ "sites", "[]", -EBADMSG },
	{ "sites", "{}", -EBADMSG },
	{ "sites", "[7]", -EBADMSG },
	{ "sites", NULL, -EBADMSG },
	{ "unprobed", "[{}]", -EBADMSG },
};

/* Decode what has one thing wrong with it. */
static void assert_bad(const json_t *good, const char *path, const char *value, int expected)
{
	json_t *json = json_deep_copy(good);
	struct sites out, before;
	int rc;

	memset(&out, 0x55, sizeof(out));
	before = out;
	change(json, path, value);
	rc = sites_json_decode(json, &out);
	if (rc != expected)
		fail_msg("%s = %s: %d", path, value ? value : "nothing", rc);
	assert_memory_equal(&out, &before, sizeof(out));
	json_decref(json);
}

static void hostile_values_are_refused(void **state)
{
	char path[64], id[2 * ELF_BUILD_ID_TEXT];
	struct sites s, out;
	json_t *good;
	size_t i;

	(void)state;
	scan(&s, ODD_OPERANDS);
	good = through_text(&s);
	for (i = 0; i < LEN(bad_sites); i++) {
		snprintf(path, sizeof(path), "sites.%zu.%s", find(&s, bad_sites[i].site),
			 bad_sites[i].path);
		assert_bad(good, path, bad_sites[i].value, -EBADMSG);
	}
	for (i = 0; i < LEN(bad_wholes); i++)
		assert_bad(good, bad_wholes[i].path, bad_wholes[i].value, bad_wholes[i].err);
	memset(id, '0', sizeof(id));
	id[0] = id[ELF_BUILD_ID_TEXT + 1] = '"';
	id[ELF_BUILD_ID_TEXT + 2] = '\0';
	assert_bad(good, "build_id", id, -EBADMSG);
	assert_int_equal(sites_json_decode(NULL, &out), -EBADMSG);
	json_decref(good);
	sites_deinit(&s);
}

static void too_many_sites_are_refused(void **state)
{
	struct sites s, back;
	json_t *json, *list;

	(void)state;
	scan(&s, ODD_OPERANDS);
	json = through_text(&s);
	list = json_object_get(json, "sites");
	while (json_array_size(list) < MOQSTAT_SITES_MAX)
		json_array_append(list, json_array_get(list, 0));
	assert_int_equal(sites_json_decode(json, &back), 0);
	assert_int_equal(back.len, MOQSTAT_SITES_MAX);
	sites_deinit(&back);
	json_array_append(list, json_array_get(list, 0));
	assert_int_equal(sites_json_decode(json, &back), -EBADMSG);
	json_decref(json);
	sites_deinit(&s);
}

/* With short memory there is no JSON, or it is whole: half of it would look as good in the cache.
 */
static void short_memory_makes_no_half_json(void **state)
{
	struct sites s, back;
	json_t *good, *json;
	size_t n;
	int rc;

	(void)state;
	scan(&s, NO_BRANCH);
	good = through_text(&s);
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		json = sites_json_encode(&s);
		if (!alloc_fail_disarm())
			break;
		if (json && !json_equal(json, good))
			fail_msg("allocation %zu", n);
		json_decref(json);
	}
	assert_true(json_equal(json, good));
	assert_true(n > 100);
	json_decref(json);
	json_object_del(good, "unprobed");
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		rc = sites_json_decode(good, &back);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(rc, -ENOMEM);
	}
	assert_int_equal(rc, 0);
	sites_deinit(&back);
	json_decref(good);
	sites_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(unprobed_bumps_are_shown_and_not_taken_back),
		cmocka_unit_test(hostile_values_are_refused),
		cmocka_unit_test(too_many_sites_are_refused),
		cmocka_unit_test(short_memory_makes_no_half_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
