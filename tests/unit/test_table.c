/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table.h"
#include "top_state.h"
#include "top_view.h"

#define S UINT64_C(1000000000)

static const struct top_facts facts = { .source = "http://x", .state = "live" };

static void put(struct watch_relay *relay, size_t track, const char *frame)
{
	assert_int_equal(watch_frame(relay, track, S, frame, strlen(frame)), 0);
}

static struct watch_relay *relay_of(struct watch *w, const char *name)
{
	struct watch_relay *relay;

	assert_int_equal(watch_relay(w, name, &relay), 0);
	return relay;
}

/* Rows with any counts, many of them alike. */
static void fill(struct watch *w, unsigned int n)
{
	struct watch_relay *relay = relay_of(w, "r");
	char *frame = NULL;
	size_t len;
	FILE *text = open_memstream(&frame, &len);
	unsigned int i;

	assert_non_null(text);
	fputs("{", text);
	for (i = 0; i < n; i++)
		fprintf(text, "%s\"k%05u\":{\"broadcasts\":%ld}", i ? "," : "", i, random() % 50);
	fputs("}", text);
	fclose(text);
	put(relay, 0, frame);
	free(frame);
}

/* What is looked at is what a sort of all would have there. */
static void only_what_is_seen_is_sorted(void **state)
{
	struct table all = { 0 }, part = { 0 };
	struct watch w;
	unsigned int round;

	(void)state;
	watch_init(&w);
	fill(&w, 700);
	for (round = 0; round < 60; round++) {
		struct table_wish wish = { .sort = round % 3 ? 1 : 0,
					   .reverse = round % 2,
					   .filter = round % 5 ? "" : "7" };
		size_t from = (size_t)random() % 700, count = (size_t)random() % 40, i;

		assert_int_equal(table_build(&all, &w, &wish, 0, SIZE_MAX), 0);
		assert_int_equal(table_build(&part, &w, &wish, from, count), 0);
		assert_int_equal(all.len, part.len);
		assert_int_equal(all.all, 700);
		for (i = from; i < from + count && i < all.len; i++)
			assert_ptr_equal(all.rows[i].row, part.rows[i].row);
		for (i = 1; i < all.len && wish.sort; i++)
			assert_true(wish.reverse ? all.rows[i - 1].key <= all.rows[i].key
						 : all.rows[i - 1].key >= all.rows[i].key);
	}
	free(all.rows);
	free(part.rows);
	watch_deinit(&w);
}

static void tiers_add_up(void **state)
{
	struct table_wish wish = { .sort = 1, .filter = "" };
	struct table t = { 0 };
	struct table_sums sums;
	struct watch w;
	struct watch_relay *relay;
	const struct table_column *viewers = &table_columns[TABLE_BROADCASTS].list[1];

	(void)state;
	watch_init(&w);
	relay = relay_of(&w, "r");
	put(relay, 0, "{\"a\":{\"broadcasts\":7,\"broadcasts_closed\":2}}");
	put(relay, 2, "{\"a\":{\"broadcasts\":3},\"b\":{\"broadcasts\":1}}");
	put(relay, 4, "{\"\":{\"sessions\":9,\"sessions_closed\":4}}");
	put(relay, 5, "{\"\":{\"sessions\":2,\"sessions_closed\":0}}");
	assert_int_equal(table_build(&t, &w, &wish, 0, 10), 0);
	assert_int_equal(t.len, 2);
	assert_float_equal(table_value(&t.rows[0], 0, viewers, TABLE_ALL), 8, 0);
	assert_float_equal(table_value(&t.rows[0], 0, viewers, TABLE_EXTERNAL), 5, 0);
	assert_float_equal(table_value(&t.rows[0], 0, viewers, TABLE_INTERNAL), 3, 0);
	assert_true(isnan(table_value(&t.rows[1], 0, viewers, TABLE_EXTERNAL)));
	assert_string_equal(table_tiers(&t.rows[0], 0), "both");
	assert_string_equal(table_tiers(&t.rows[1], 0), "internal");
	wish.tier = TABLE_EXTERNAL;
	assert_int_equal(table_build(&t, &w, &wish, 0, 10), 0);
	assert_int_equal(t.len, 1);
	sums = table_sum(&w, TABLE_ALL);
	assert_int_equal(sums.viewers, 9);
	assert_int_equal(sums.sessions, 7);
	assert_int_equal(table_sum(&w, TABLE_INTERNAL).sessions, 2);
	free(t.rows);
	watch_deinit(&w);
}

/* Any keys on a screen of any size, with hostile names: lines stay within it. */
static void any_screen_holds(void **state)
{
	static const int keys[] = { 's',
				    '<',
				    'r',
				    '/',
				    'p',
				    't',
				    '?',
				    TOP_KEY_UP,
				    TOP_KEY_DOWN,
				    TOP_KEY_END,
				    TOP_KEY_HOME,
				    TOP_KEY_PAGE_UP,
				    TOP_KEY_ENTER,
				    TOP_KEY_PAGE_DOWN,
				    TOP_KEY_ESCAPE,
				    TOP_KEY_TAB,
				    0x65e5,
				    TOP_KEY_ERASE };
	struct top_facts more = facts;
	struct top_state s;
	struct top_view v = { 0 };
	struct table t = { 0 };
	struct watch w;
	unsigned int round;
	size_t i, rows, columns;

	(void)state;
	watch_init(&w);
	fill(&w, 60);
	put(relay_of(&w, "other\x1b"), 1,
	    "{\"\":{},\"\\u001b[2J\":{\"bytes\":18446744073709551615},"
	    "\"\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\":{}}");
	more.problem = "\x1b[31m";
	more.message = "\n\n";
	more.opened = "\x1b[2J";
	more.opened_len = 4;
	more.opened_relay = "other\x1b";
	top_state_init(&s);
	for (round = 0; round < 6000; round++) {
		rows = (size_t)random() % 30;
		columns = (size_t)random() % 160;
		top_state_key(&s, keys[(size_t)random() % (sizeof(keys) / sizeof(keys[0]))]);
		assert_int_equal(top_view_build(&v, &more, &s, &w, &t, rows, columns), 0);
		assert_int_equal(v.len, rows);
		assert_true(s.at < t.len || !t.len);
		for (i = 0; i < v.len; i++) {
			const struct printable *p = &v.lines[i].text;

			assert_true(p->width <= columns);
			assert_true(!p->data || !strpbrk(p->data, "\x1b\n\r\t\x07"));
		}
	}
	assert_int_equal(top_view_plain(&v, &more, &s, &w, &t, "now"), 0);
	for (i = 0; i < v.len; i++)
		assert_true(!v.lines[i].text.data || !strpbrk(v.lines[i].text.data, "\x1b\n\r\t"));
	top_view_deinit(&v);
	free(t.rows);
	watch_deinit(&w);
}

static void what_nobody_knows_is_not_a_number(void **state)
{
	struct top_view v = { 0 };
	struct top_state s;
	struct table t = { 0 };
	struct watch w;
	struct watch_relay *relay;

	(void)state;
	watch_init(&w);
	relay = relay_of(&w, "r");
	put(relay, 0, "{\"a\":{\"broadcasts\":71,\"subscriptions\":73,\"bytes\":79}}");
	watch_status(
		relay,
		json_loads(
			"{\"tracks\":{\"publisher.json\":{\"subscriptions\":{\"state\":\"unavailable\","
			"\"reason\":\"x\"},\"broadcasts\":{\"state\":\"since-attach\"}}}}",
			0, NULL));
	top_state_init(&s);
	assert_int_equal(top_view_build(&v, &facts, &s, &w, &t, 4, 80), 0);
	assert_non_null(strstr(v.lines[1].text.data, "\xe2\x89\x88VIEWERS\xe2\x86\x93"));
	assert_non_null(strstr(v.lines[1].text.data, "\xe2\x8a\x98SUBSCR"));
	assert_non_null(strstr(v.lines[2].text.data, " 71 "));
	assert_null(strstr(v.lines[2].text.data, "73"));
	assert_non_null(strstr(v.lines[2].text.data, "\xe2\x80\x93")); /* no rate yet */
	top_view_deinit(&v);
	free(t.rows);
	watch_deinit(&w);
}

static void messages_are_frames_and_changes(void **state)
{
	struct watch w;
	struct watch_relay *relay;

	(void)state;
	watch_init(&w);
	relay = relay_of(&w, "r");
	/* A change needs what it changes. */
	assert_int_equal(watch_message(relay, 0, S, "{\"set\":{},\"gone\":[]}", 20), -EBADMSG);
	assert_int_equal(watch_message(relay, 0, S, "{\"full\":{\"a\":{}}}", 17), 0);
	assert_int_equal(watch_message(relay, 0, S, "{\"set\":{},\"gone\":[]}", 20), 0);
	assert_int_equal(relay->broadcasts.rows[0]->tracks, 1);
	watch_track_ended(relay, 0);
	assert_int_equal(relay->broadcasts.rows[0]->tracks, 0);
	assert_int_equal(watch_message(relay, 0, S, "{\"set\":{},\"gone\":[]}", 20), -EBADMSG);
	assert_int_equal(watch_message(relay, 0, S, "{}", 2), -EBADMSG);
	watch_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_seen_is_sorted),
		cmocka_unit_test(tiers_add_up),
		cmocka_unit_test(any_screen_holds),
		cmocka_unit_test(what_nobody_knows_is_not_a_number),
		cmocka_unit_test(messages_are_frames_and_changes),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	srandom(11);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
