/* SPDX-License-Identifier: MIT */
/*
 * test_recorded.c - each layout against what tests/layouts/record wrote down of a real relay: the
 * sites that were found, and where objdump sees its counters bumped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "frame.h"
#include "programs.h"
#include "relay_record.h"
#include "sites_json.h"

static struct relay_record recorded;

static void recorded_sites(struct sites *out)
{
	json_t *json = relay_record_json(&recorded, "sites.json.gz");

	assert_int_equal(sites_json_decode(json, out), 0);
	assert_ptr_equal(out->layout, recorded.layout);
	json_decref(json);
}

/* ---- the sites --------------------------------------------------------------------------------
 */

static void sites_come_back(void)
{
	char *text = relay_record_text(&recorded, "sites.json.gz"), *again;
	struct sites s;
	json_t *json;

	recorded_sites(&s);
	json = sites_json_encode(&s);
	again = json_dumps(json, JSON_INDENT(1));
	assert_string_equal(again, text);
	free(again);
	json_decref(json);
	sites_deinit(&s);
	test_free(text);
}

/* Is the function there the one that the layout names so? Where tiers are labels, who inlines what
 * names entries stands for it. */
static void function_is_of_layout(const struct sites_function *f)
{
	const struct layout *l = recorded.layout;

	if (f->role == LAYOUT_ENTRY && l->scope && strcmp(f->name, l->functions[f->role]))
		assert_true(!strcmp(f->name, l->scope->functions[LAYOUT_SCOPE_EGRESS]) ||
			    !strcmp(f->name, l->scope->functions[LAYOUT_SCOPE_INGRESS]));
	else if (f->role >= 0)
		assert_string_equal(f->name, l->functions[f->role]);
}

/* Nothing of the layout is without sites, with statistics on, or off if that is known of it. */
static void sites_are_complete(void)
{
	const struct frame_schema *schema = recorded.layout->frame;
	bool guards = !recorded.layout->scope || recorded.layout->scope->off;
	const char *why = NULL;
	struct sites s;
	size_t role, i;

	recorded_sites(&s);
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (i = 0; i < schema->fields_len; i++) {
			enum moqstat_field field = schema->fields[i].field;

			if (!sites_complete(&s, role, field, &why) ||
			    sites_guarded(&s, role, field, &why) != guards)
				fail_msg("%s: %s.%s: %s", recorded.version, layout_role_name(role),
					 schema->fields[i].name, why);
		}
	}
	assert_true(sites_sessions_complete(&s, &why));
	assert_int_equal(sites_sessions_guarded(&s, &why), guards);
	assert_false(sites_openings_missed(&s));
	for (i = 0; i < s.functions_len; i++)
		function_is_of_layout(&s.functions[i]);
	sites_deinit(&s);
}

static void assert_mem(const struct moqstat_operand *op, uint32_t disp, uint32_t width)
{
	assert_int_equal(op->kind, MOQSTAT_OPERAND_MEM);
	assert_int_equal(op->index, MOQSTAT_REG_NONE);
	assert_int_equal(op->disp, disp);
	assert_int_equal(op->width, width);
}

/* A BroadcastSubscription that is dropped: tier and side come behind path, counts and entry,
 * between which nothing is left. */
static void subscription_is_of_layout(const struct moqstat_site *what)
{
	const struct layout *l = recorded.layout;
	int32_t object = what->tier.disp - 40;

	assert_mem(&what->tier, object + 40, 1);
	assert_mem(&what->side, object + 41, 1);
	assert_int_equal(what->path.reg, what->guard.reg);
	assert_int_equal(what->path.disp - object, l->path_of_subscription);
	assert_int_equal(what->guard.disp - object, l->entry_of_subscription);
	assert_int_equal(7 << l->path_of_subscription / 8 | 1 << l->counts_of_subscription / 8 |
				 1 << l->entry_of_subscription / 8,
			 0x1f);
}

/* An address that a register holds, or memory that it points to, and how many bytes on. */
static int32_t on_from(const struct moqstat_operand *op)
{
	bool outer = op->kind == MOQSTAT_OPERAND_POINT || op->kind == MOQSTAT_OPERAND_DEREF;

	assert_int_not_equal(op->kind, MOQSTAT_OPERAND_NONE);
	return outer ? op->outer : op->disp;
}

/* The same where tiers are labels: of a session's context, or of a handle; or the words themselves,
 * of whoever is called with them. */
static void site_is_of_scope(const struct moqstat_site *what)
{
	const struct layout *l = recorded.layout;
	const struct layout_scope *scope = l->scope;
	int32_t head = scope->resolves ? (int32_t)l->header : 0;

	assert_int_equal(scope->shared_of_session, scope->handle_of_session + l->shared_of_stats);
	if (what->event == MOQSTAT_EVENT_ENTRY && what->entry.kind == MOQSTAT_OPERAND_NONE) {
		assert_mem(&what->side, l->shared_of_stats, 8);
	} else if (what->event == MOQSTAT_EVENT_ENTRY) {
		assert_int_equal(what->side.reg, what->tier.reg);
		assert_int_equal(on_from(&what->side), scope->shared_of_session);
		assert_int_equal(on_from(&what->tier), scope->label_of_session);
	} else if (what->event == MOQSTAT_EVENT_SESSION && what->side.reg == what->tier.reg) {
		assert_mem(&what->side, what->tier.disp - l->tier_of_handle + l->shared_of_stats,
			   8);
	} else if (what->event == MOQSTAT_EVENT_SESSION && what->side.kind == MOQSTAT_OPERAND_MEM) {
		assert_mem(&what->side, head + scope->shared_of_session, 8);
		assert_int_equal(what->entry.reg, what->side.reg);
		assert_int_equal(what->entry.disp, head + scope->root_of_session);
	}
}

/* A session ends with what its context has as its presence, from its Arc or from behind its head.
 */
static void session_close_is_of_scope(const struct moqstat_operand *guard)
{
	const struct layout *l = recorded.layout;
	int32_t head = guard->disp - (int32_t)l->scope->presence_of_session;

	assert_true(!head || (l->scope->resolves && head == (int32_t)l->header));
}

/* Is that one of these, of which some may be NULL? */
static bool is_one_of(const char *name, const char *a, const char *b, const char *c)
{
	return (a && !strcmp(name, a)) || (b && !strcmp(name, b)) || (c && !strcmp(name, c));
}

/* What is made or opened where tiers are labels is so in a function that the layout names. */
static bool site_is_in_scope(const struct moqstat_site *what, const char *function)
{
	const char *const *functions = recorded.layout->functions;
	const char *const *scope = recorded.layout->scope->functions;
	const char *made = scope[LAYOUT_SCOPE_TIER], *opened = scope[LAYOUT_SCOPE_OPEN];

	made = made ? made : functions[LAYOUT_ENTRY];
	opened = opened ? opened : functions[LAYOUT_SESSION];
	switch (what->event) {
	case MOQSTAT_EVENT_ENTRY:
		return what->entry.kind != MOQSTAT_OPERAND_NONE ||
		       is_one_of(function, scope[LAYOUT_SCOPE_REPORT], NULL, NULL);
	case MOQSTAT_EVENT_ENTRY_NEW:
		return is_one_of(function, made, NULL, NULL);
	case MOQSTAT_EVENT_SESSION:
	case MOQSTAT_EVENT_SESSION_NEW:
		return is_one_of(function, functions[LAYOUT_SESSION], scope[LAYOUT_SCOPE_ROOTS],
				 scope[LAYOUT_SCOPE_MOVE]);
	case MOQSTAT_EVENT_SESSION_BUMP:
		return what->field == MOQSTAT_SESSIONS_CLOSED ||
		       is_one_of(function, opened, scope[LAYOUT_SCOPE_MOVE], NULL);
	default:
		return true;
	}
}

static void site_is_of_scopes_functions(const struct sites *s, const struct site *site)
{
	const char *function = s->functions[site->function].name;

	if (!site_is_in_scope(&site->what, function))
		fail_msg("%s: 0x%llx is in %s", recorded.version, (unsigned long long)site->addr,
			 function);
	if (site->what.event == MOQSTAT_EVENT_SESSION_BUMP &&
	    site->what.field == MOQSTAT_SESSIONS_CLOSED)
		session_close_is_of_scope(&site->guard);
}

/* Where the layout has things, the code of the functions that get them has them, too. */
static void site_is_of_layout(const struct moqstat_site *what)
{
	const struct layout *l = recorded.layout;

	if (l->scope) {
		site_is_of_scope(what);
		return;
	}
	switch (what->event) {
	case MOQSTAT_EVENT_ENTRY:
		assert_mem(&what->side, l->shared_of_stats, 8);
		break;
	case MOQSTAT_EVENT_SESSION:
	case MOQSTAT_EVENT_SESSION_PLACE:
		assert_mem(&what->side, l->shared_of_stats, 8);
		assert_mem(&what->tier, l->tier_of_handle, 1);
		break;
	case MOQSTAT_EVENT_BUMP:
		if (what->field == MOQSTAT_BROADCASTS_CLOSED)
			subscription_is_of_layout(what);
		break;
	default:
		break;
	}
}

static void sites_are_of_the_layout(void)
{
	struct sites s;
	size_t i;

	recorded_sites(&s);
	for (i = 0; i < s.len; i++) {
		const struct moqstat_site *what = &s.list[i].what;

		site_is_of_layout(what);
		if (recorded.layout->scope)
			site_is_of_scopes_functions(&s, &s.list[i]);
		/* None has to be executed out of line, nor is refused by the kernel. */
		assert_int_equal(s.list[i].class, CODE_CLASS_EMULATED);
		if (what->event == MOQSTAT_EVENT_BUMP && MOQSTAT_FIELD_PAYLOAD(what->field) &&
		    !recorded.layout->scope && !programs_plain(what))
			fail_msg("%s: 0x%llx takes the slow path", recorded.version,
				 (unsigned long long)s.list[i].addr);
	}
	sites_deinit(&s);
}

/* ---- where its counters are bumped ------------------------------------------------------------
 */

/* Where tiers are labels: from the entry, of either role, or from behind its head. */
static bool displacement_is_of_pair(const char *counter, int64_t disp)
{
	const uint32_t heads[] = { 0, recorded.layout->header };
	enum moqstat_role role;
	enum moqstat_field field;
	char name[64];
	size_t i;

	for (i = 0; i < 2; i++) {
		if (layout_counter(recorded.layout, disp + heads[i], &role, &field))
			continue;
		snprintf(name, sizeof(name), "side.%s", layout_field_name(field));
		if (!strcmp(name, counter))
			return true;
	}
	return false;
}

static void displacement_is_counter(const char *counter, int64_t disp)
{
	bool side = !strncmp(counter, "side.", 5);
	enum moqstat_role role = MOQSTAT_ROLE_MAX;
	enum moqstat_field field = MOQSTAT_FIELD_MAX;
	char name[64];

	if (layout_has_labels(recorded.layout)) {
		if (!displacement_is_of_pair(counter, disp))
			fail_msg("%s: %s at %lld", recorded.version, counter, (long long)disp);
		return;
	}
	/* Which role it is has been added to a pointer past the Arc's head. */
	disp += side ? recorded.layout->header : 0;
	if (layout_counter(recorded.layout, disp, &role, &field))
		fail_msg("%s: %s at %lld, where no counter is", recorded.version, counter,
			 (long long)disp);
	snprintf(name, sizeof(name), "%s.%s",
		 side && role == MOQSTAT_PUBLISHER ? "side" : layout_role_name(role),
		 layout_field_name(field));
	assert_string_equal(name, counter);
}

/* Bumps of a counter in the list, each once. */
static size_t bumps_of(const struct sites *s, const char *counter)
{
	uint64_t seen[MOQSTAT_SITES_MAX];
	size_t i, k, len = 0;
	char name[64];

	for (i = 0; i < s->len; i++) {
		sites_counter_name(&s->list[i].what, name, sizeof(name));
		if (!s->list[i].bump || strcmp(name, counter))
			continue;
		for (k = 0; k < len && seen[k] != s->list[i].bump; k++)
			;
		seen[k] = s->list[i].bump;
		len += k == len;
	}
	return len;
}

static void operands_are_counters(void)
{
	size_t fields = recorded.layout->frame->fields_len;
	json_t *operands = relay_record_json(&recorded, "operands.json"), *by, *number;
	const char *counter, *disp;
	struct sites s;
	size_t sum;

	recorded_sites(&s);
	/* Every field of each role; but those by side are of either, and there are sessions. */
	assert_int_equal(json_object_size(operands),
			 layout_has_labels(recorded.layout) ? fields + 2 : 2 * fields);
	json_object_foreach(operands, counter, by)
	{
		sum = 0;
		json_object_foreach(by, disp, number)
		{
			int64_t at = strtoll(disp, NULL, 10);

			sum += json_integer_value(number);
			if (!strcmp(counter, "sessions.sessions"))
				assert_int_equal(at, recorded.layout->session_open);
			else if (!strcmp(counter, "sessions.sessions_closed"))
				assert_int_equal(at, recorded.layout->session_close);
			else
				displacement_is_counter(counter, at);
		}
		assert_int_equal(bumps_of(&s, counter), sum);
	}
	sites_deinit(&s);
	json_decref(operands);
}

/* ---- each layout ------------------------------------------------------------------------------
 */

#define EACH(name)                                               \
	static void name##_of(const struct relay_record *record) \
	{                                                        \
		recorded = *record;                              \
		name();                                          \
	}                                                        \
	static void each_##name(void **state)                    \
	{                                                        \
		(void)state;                                     \
		relay_record_each(name##_of);                    \
	}

EACH(sites_come_back)
EACH(sites_are_complete)
EACH(sites_are_of_the_layout)
EACH(operands_are_counters)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sites_come_back),
		cmocka_unit_test(each_sites_are_complete),
		cmocka_unit_test(each_sites_are_of_the_layout),
		cmocka_unit_test(each_operands_are_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
