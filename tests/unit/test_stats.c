/* SPDX-License-Identifier: MIT */
/*
 * test_stats.c - ticks from a backend that keeps its incarnations until they are retired, as the
 * live one does, to the lines that come out.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "alloc_fail.h"
#include "life.h"
#include "stats.h"

#define FAKE_MAX 256
#define ROUNDS	 64 /* most readings of a tick */

/** A backend of given incarnations. */
struct fake {
	struct collect base;
	struct collect_broadcast broadcasts[FAKE_MAX];
	size_t broadcasts_len;
	struct collect_session sessions[8];
	size_t sessions_len;
	unsigned int retired[FAKE_MAX]; /* by broadcast: how often */
	unsigned int sessions_retired[8];
	uint64_t lost[MOQSTAT_LOST_MAX];
	const struct tiers *tiers;
	size_t reads;
	int err;      /* what to fail with */
	bool endless; /* each reading finds another life of "a" */
};

struct fixture {
	struct fake fake;
	struct stats *stats;
	struct stats_tick tick;
	FILE *file;
	struct jsonl out;
	char text[1 << 17];
};

static struct collect_broadcast *fake_life(struct fake *f, struct collect_broadcast b)
{
	assert_true(f->broadcasts_len < FAKE_MAX);
	f->broadcasts[f->broadcasts_len] = b;
	return &f->broadcasts[f->broadcasts_len++];
}

static int fake_read(struct collect *c, struct collect_batch *batch)
{
	struct fake *f = (struct fake *)c;
	size_t i;

	f->reads++;
	if (f->err)
		return f->err;
	if (f->endless)
		fake_life(f, life("a", (uint32_t)f->broadcasts_len, false, 1, 1));
	batch->broadcasts = calloc(f->broadcasts_len + 1, sizeof(*batch->broadcasts));
	batch->sessions = calloc(f->sessions_len + 1, sizeof(*batch->sessions));
	if (!batch->broadcasts || !batch->sessions)
		return -ENOMEM;
	for (i = 0; i < f->broadcasts_len; i++) {
		if (f->retired[i])
			continue;
		batch->broadcasts[batch->broadcasts_len] = f->broadcasts[i];
		batch->broadcasts[batch->broadcasts_len++].ref = i;
	}
	for (i = 0; i < f->sessions_len; i++) {
		if (f->sessions_retired[i])
			continue;
		batch->sessions[batch->sessions_len] = f->sessions[i];
		batch->sessions[batch->sessions_len++].ref = i;
	}
	memcpy(batch->lost, f->lost, sizeof(batch->lost));
	batch->tiers = f->tiers;
	return 0;
}

static int fake_retire_broadcast(struct collect *c, const struct collect_broadcast *b)
{
	((struct fake *)c)->retired[b->ref]++;
	return 0;
}

static int fake_retire_session(struct collect *c, const struct collect_session *s)
{
	((struct fake *)c)->sessions_retired[s->ref]++;
	return 0;
}

static const struct collect_ops fake_ops = {
	.read = fake_read,
	.retire_broadcast = fake_retire_broadcast,
	.retire_session = fake_retire_session,
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	f->fake.base.ops = &fake_ops;
	f->file = tmpfile();
	assert_non_null(f->file);
	jsonl_init(&f->out, fileno(f->file));
	return stats_create("/.stats/", "n1", &frame_schema_broadcast_0_12, &f->stats);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	stats_destroy(f->stats);
	jsonl_deinit(&f->out);
	fclose(f->file);
	test_free(f);
	return 0;
}

static int tick(struct fixture *f)
{
	f->fake.reads = 0;
	return stats_tick(f->stats, &f->fake.base, &f->out, &f->tick);
}

/* All that was written since the last time. */
static const char *lines(struct fixture *f)
{
	size_t len;

	rewind(f->file);
	len = fread(f->text, 1, sizeof(f->text) - 1, f->file);
	assert_true(feof(f->file));
	f->text[len] = '\0';
	rewind(f->file);
	assert_int_equal(ftruncate(fileno(f->file), 0), 0);
	return f->text;
}

/* A frame as `a:1/0 b:2/2`, the first two counts of each row. */
static size_t describe_frame(json_t *frame, char *out, size_t size)
{
	const char *key;
	json_t *row, *open;
	size_t len = 0;

	json_object_foreach(frame, key, row)
	{
		open = json_object_get(row, "sessions") ? json_object_get(row, "sessions")
							: json_object_get(row, "announced");
		len += (size_t)snprintf(
			out + len, size - len, "%s%s:%d/%d", len ? " " : "", key,
			(int)json_integer_value(open),
			(int)json_integer_value(json_object_get(
				row, json_object_get(row, "sessions") ? "sessions_closed"
								      : "announced_closed")));
	}
	return len;
}

/* One tick; what it wrote on a track as `sequence{frame} …`. */
static const char *tick_track(struct fixture *f, const char *track)
{
	static char text[4096];
	const char *line, *next;
	unsigned int written = 0;
	size_t len = 0;

	assert_int_equal(tick(f), 0);
	text[0] = '\0';
	for (line = lines(f); *line; line = next) {
		json_t *json = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);

		assert_non_null(json);
		next = strchr(line, '\n') + 1;
		written++;
		if (!strcmp(json_string_value(json_object_get(json, "track")), track)) {
			len += (size_t)snprintf(
				text + len, sizeof(text) - len, "%s%d{", len ? " " : "",
				(int)json_integer_value(json_object_get(json, "sequence")));
			len += describe_frame(json_object_get(json, "frame"), text + len,
					      sizeof(text) - len);
			len += (size_t)snprintf(text + len, sizeof(text) - len, "}");
		}
		json_decref(json);
	}
	assert_int_equal(f->tick.written, written);
	return text;
}

#define TICK(f, expected) assert_string_equal(tick_track(f, "publisher.json"), expected)

static void first_tick_writes_all_tracks(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tick(f), 0);
	assert_int_equal(f->tick.written, 6);
	assert_int_equal(f->fake.reads, 1);
#define LINE(track) \
	"{\"broadcast\":\".stats/node/n1\",\"track\":\"" track "\",\"sequence\":0,\"frame\":{}}\n"
	assert_string_equal(lines(f),
			    LINE("publisher.json") LINE("subscriber.json")
				    LINE("internal/publisher.json") LINE("internal/subscriber.json")
					    LINE("sessions.json") LINE("internal/sessions.json"));
	assert_int_equal(tick(f), 0);
	assert_int_equal(f->tick.written, 0);
	assert_string_equal(lines(f), "");
}

static void names_without_a_node(void **state)
{
	struct fixture *f = *state;

	stats_destroy(f->stats);
	assert_int_equal(stats_create("x", NULL, &frame_schema_broadcast_0_12, &f->stats), 0);
	assert_int_equal(tick(f), 0);
	assert_non_null(strstr(lines(f), "{\"broadcast\":\"x/node\",\"track\""));
	stats_destroy(NULL);
}

static void lives_within_a_tick_come_out_in_turn(void **state)
{
	struct fixture *f = *state;
	size_t i;

	/* Not in their order. */
	fake_life(&f->fake, life("a", 9, false, 3, 3));
	fake_life(&f->fake, life("a", 2, false, 1, 1));
	fake_life(&f->fake, life("a", 5, false, 2, 2));
	fake_life(&f->fake, life("b", 3, true, 8, 2));
	TICK(f, "0{a:1/1 b:8/2} 1{a:2/2 b:8/2} 2{a:3/3 b:8/2}");
	assert_int_equal(f->fake.reads, 3);
	TICK(f, "3{b:8/2}");
	assert_int_equal(f->fake.reads, 1);
	TICK(f, "");
	for (i = 0; i < 3; i++)
		assert_int_equal(f->fake.retired[i], 1);
	assert_int_equal(f->fake.retired[3], 0);
}

/* As with the relay, a frame that says the same as the one before isn't written. */
static void lives_that_look_the_same_are_told_once(void **state)
{
	struct fixture *f = *state;

	fake_life(&f->fake, life("a", 1, false, 1, 1));
	fake_life(&f->fake, life("a", 2, false, 1, 1));
	TICK(f, "0{a:1/1}");
	assert_int_equal(f->fake.reads, 2);
	TICK(f, "1{}");
	assert_int_equal(f->fake.retired[0], 1);
	assert_int_equal(f->fake.retired[1], 1);
}

static void finished_lives_give_way_to_the_next(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast *first, *third;

	first = fake_life(&f->fake, life("a", 1, true, 4, 1));
	TICK(f, "0{a:4/1}");
	*first = life("a", 1, false, 4, 4);
	fake_life(&f->fake, life("a", 2, false, 2, 2));
	third = fake_life(&f->fake, life("a", 3, true, 7, 5));
	TICK(f, "1{a:4/4} 2{a:2/2} 3{a:7/5}");
	assert_int_equal(f->fake.reads, 3);
	TICK(f, "");
	*third = life("a", 3, true, 7, 7);
	TICK(f, "4{a:7/7}");
	TICK(f, "5{}");
	*third = life("a", 3, false, 7, 7);
	TICK(f, "");
	assert_int_equal(f->fake.retired[0] + f->fake.retired[1] + f->fake.retired[2], 3);
	TICK(f, "");
	assert_int_equal(f->fake.retired[2], 1);
}

static void sessions_come_out_in_turn(void **state)
{
	struct fixture *f = *state;

	f->fake.sessions[0] = session("r", MOQSTAT_INTERNAL, 1, false, 2, 2);
	f->fake.sessions[1] = session("r", MOQSTAT_INTERNAL, 2, true, 5, 1);
	f->fake.sessions[2] = session("r", MOQSTAT_EXTERNAL, 3, true, 1, 0);
	f->fake.sessions_len = 3;
	assert_string_equal(tick_track(f, "internal/sessions.json"), "0{r:2/2} 1{r:5/1}");
	assert_int_equal(f->fake.sessions_retired[0], 1);
	assert_int_equal(f->fake.sessions_retired[1] + f->fake.sessions_retired[2], 0);
}

static void assert_names(struct fixture *f, const char *expected)
{
	char names[512] = "";
	const char *line, *at;

	for (line = lines(f); *line; line = strchr(line, '\n') + 1) {
		at = strstr(line, "\"track\":\"") + strlen("\"track\":\"");
		strncat(names, at, strchr(at, '"') - at);
		strcat(names, " ");
	}
	assert_string_equal(names, expected);
}

/* The tracks of the default tier are there from the beginning, each other one from its first row
 * on, and then for ever. */
static void a_tier_that_is_found_has_tracks_from_its_first_row_on(void **state)
{
	struct fixture *f = *state;
	struct tiers tiers;
	struct collect_broadcast *one;

	tiers_init(&tiers);
	f->fake.tiers = &tiers;
	assert_int_equal(tick(f), 0);
	assert_names(f, "publisher.json subscriber.json sessions.json ");
	assert_int_equal(tiers_add(&tiers, "sjc", 3), 1);
	one = fake_life(&f->fake, life("a", 1, true, 1, 0));
	one->tier = 1;
	assert_int_equal(tick(f), 0);
	assert_names(f, "sjc/publisher.json ");
	assert_int_equal(tiers_add(&tiers, "a/b", 3), 2);
	f->fake.sessions[0] = session("r", 2, 1, true, 2, 1);
	f->fake.sessions_len = 1;
	/* The same path on another tier is another broadcast. */
	one = fake_life(&f->fake, life("a", 2, true, 0, 0));
	one->tier = 2;
	one->counts[MOQSTAT_SUBSCRIBER][MOQSTAT_EXTERNAL][MOQSTAT_FETCHES] = 7;
	assert_int_equal(tick(f), 0);
	assert_names(f, "a/b/subscriber.json a/b/sessions.json ");
	f->fake.broadcasts[0] = life("a", 1, false, 1, 1);
	f->fake.broadcasts[0].tier = 1;
	assert_string_equal(tick_track(f, "sjc/publisher.json"), "1{a:1/1}");
	assert_string_equal(tick_track(f, "sjc/publisher.json"), "2{}");
	assert_int_equal(f->fake.retired[0], 1);
	assert_int_equal(f->fake.retired[1], 0);
}

static void held_life_lets_the_next_wait(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast *first = fake_life(&f->fake, life("a", 1, true, 4, 1));
	int i;

	fake_life(&f->fake, life("a", 2, false, 2, 2));
	fake_life(&f->fake, life("a", 3, true, 3, 0));
	for (i = 0; i < 3; i++) {
		TICK(f, i ? "" : "0{a:4/1}");
		assert_int_equal(f->fake.reads, 1);
	}
	first->held = false;
	/* It has nothing new to show, so the next comes at once. */
	TICK(f, "1{a:2/2} 2{a:3/0}");
}

static void a_tick_ends_however_many_lives_wait(void **state)
{
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < 100; i++)
		fake_life(&f->fake, life("a", (uint32_t)i, false, 1 + i, 1 + i));
	assert_int_equal(tick(f), 0);
	assert_int_equal(f->fake.reads, ROUNDS);
	assert_int_equal(f->tick.written, 6 + ROUNDS - 1);
	/* The rest comes with the next. */
	lines(f);
	assert_int_equal(tick(f), 0);
	assert_int_equal(f->fake.reads, 100 - ROUNDS);
	assert_int_equal(f->tick.written, 100 - ROUNDS);
	lines(f);
	TICK(f, "100{}");
	for (i = 0; i < 100; i++)
		assert_int_equal(f->fake.retired[i], 1);
}

static void a_tick_ends_although_lives_go_on_coming(void **state)
{
	struct fixture *f = *state;

	fake_life(&f->fake, life("a", 0, false, 1, 1));
	f->fake.endless = true;
	assert_int_equal(tick(f), 0);
	assert_int_equal(f->fake.reads, ROUNDS);
}

/* What wasn't written was not told: its incarnation must stay. */
static void nothing_is_retired_unless_written(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast *b = fake_life(&f->fake, life("a", 1, true, 1, 0));
	struct jsonl closed;
	int fds[2];

	f->fake.sessions[f->fake.sessions_len++] = session("r", MOQSTAT_EXTERNAL, 1, false, 0, 0);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	jsonl_init(&closed, fds[1]);
	assert_int_equal(stats_tick(f->stats, &f->fake.base, &closed, &f->tick), -EPIPE);
	assert_int_equal(f->fake.sessions_retired[0], 0);
	assert_int_equal(tick(f), 0);
	assert_int_equal(f->fake.sessions_retired[0], 1);
	*b = life("a", 1, false, 1, 1);
	lines(f);
	TICK(f, "1{a:1/1}");
	assert_int_equal(stats_tick(f->stats, &f->fake.base, &closed, &f->tick), -EPIPE);
	assert_int_equal(f->fake.retired[0], 0);
	assert_int_equal(tick(f), 0);
	assert_int_equal(f->fake.retired[0], 1);
	jsonl_deinit(&closed);
	close(fds[1]);
}

static void losses_are_told(void **state)
{
	struct fixture *f = *state;

	f->fake.lost[MOQSTAT_LOST_ENTRY_UNKNOWN] = 7;
	f->fake.lost[MOQSTAT_LOST_PATH_INVALID] = 3;
	f->fake.lost[MOQSTAT_LOST_CLOSE_UNSEEN] = 100;
	fake_life(&f->fake, life("a", 1, false, 2, 7));
	fake_life(&f->fake, life("a", 2, true, 1, 21));
	fake_life(&f->fake, life("b", 3, true, 0, 300));
	TICK(f, "0{a:2/2} 1{a:1/1}");
	assert_int_equal(f->tick.lost[MOQSTAT_LOST_ENTRY_UNKNOWN], 7);
	assert_int_equal(f->tick.lost[MOQSTAT_LOST_PATH_INVALID], 3);
	assert_int_equal(f->tick.lost[MOQSTAT_LOST_PATH_FAULT], 0);
	/* Each once, however often it was read, and whether retired or not. */
	assert_int_equal(f->tick.lost[MOQSTAT_LOST_CLOSE_UNSEEN], 100 + 5 + 20 + 300);
	assert_int_equal(f->fake.retired[0], 1);
	f->fake.lost[MOQSTAT_LOST_CLOSE_UNSEEN] = 101;
	f->fake.broadcasts[2] = life("b", 3, true, 300, 300);
	TICK(f, "2{b:300/300}");
	assert_int_equal(f->tick.lost[MOQSTAT_LOST_CLOSE_UNSEEN], 101 + 5 + 20);
}

static void errors_of_the_backend_are_passed_on(void **state)
{
	static const int errors[] = { -ENODATA, -EBADMSG, -ENOMEM };
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		f->fake.err = errors[i];
		assert_int_equal(tick(f), errors[i]);
		assert_int_equal(f->fake.reads, 1);
		assert_int_equal(f->tick.written, 0);
		assert_string_equal(lines(f), "");
	}
	f->fake.err = 0;
	fake_life(&f->fake, life("\xff", 1, false, 1, 0));
	assert_int_equal(tick(f), -EILSEQ);
	assert_string_equal(lines(f), "");
	assert_int_equal(f->fake.retired[0], 0);
}

/* Wherever memory runs short, the tick says so and retires nothing of what it hasn't told. */
static void short_memory_is_told(void **state)
{
	struct fixture *f = *state;
	struct stats *stats = NULL;
	size_t n;
	int err;

	fake_life(&f->fake, life("a", 1, false, 0, 0));
	fake_life(&f->fake, life("b", 2, true, 1, 0));
	assert_true(alloc_fail_works());
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		err = stats_create("p", "n", &frame_schema_broadcast_0_12, &stats);
		if (!err)
			err = stats_tick(stats, &f->fake.base, &f->out, &f->tick);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(f->fake.retired[0], 0);
		stats_destroy(stats);
		stats = NULL;
		jsonl_deinit(&f->out);
	}
	stats_destroy(stats);
	assert_int_equal(err, 0);
	assert_int_equal(f->fake.retired[0], 1);
	assert_in_range(n, 60, 120);
}

/* What was written: `broadcast track sequence` of each frame that isn't empty, `broadcast ended`.
 */
static const char *brief(struct fixture *f)
{
	static char text[4096];
	const char *line, *next;
	size_t len = 0;

	text[0] = '\0';
	for (line = lines(f); *line; line = next) {
		json_t *json = json_loads(line, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL);
		json_t *ended = json_object_get(json, "ended");
		const char *broadcast =
			json_string_value(json_object_get(ended ? ended : json, "broadcast"));

		assert_string_equal(
			json_string_value(json_object_get(ended ? ended : json, "relay")),
			".stats/node/n1");
		next = strchr(line, '\n') + 1;
		if (ended)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s ended; ",
						broadcast);
		else if (json_object_size(json_object_get(json, "frame")))
			len += (size_t)snprintf(
				text + len, sizeof(text) - len, "%s %s %d; ", broadcast,
				json_string_value(json_object_get(json, "track")),
				(int)json_integer_value(json_object_get(json, "sequence")));
		json_decref(json);
	}
	return text;
}

#define BRIEF(f, expected)                               \
	do {                                             \
		assert_int_equal(tick(f), 0);            \
		assert_string_equal(brief(f), expected); \
	} while (0)

static void sort_by(struct fixture *f, unsigned int segments)
{
	const struct stats_depth depth = { .segments = segments };

	assert_int_equal(stats_sort(f->stats, &depth), 0);
}

/* None without a row; each by itself; in the end the end of those that are left. */
static void several_broadcasts_have_lives_of_their_own(void **state)
{
	struct fixture *f = *state;

	sort_by(f, 1);
	assert_string_equal(stats_broadcast(f->stats), ".stats/node/n1");
	BRIEF(f, "");
	fake_life(&f->fake, life("b/x", 1, true, 1, 0));
	fake_life(&f->fake, life("a", 2, true, 1, 0));
	f->fake.sessions[f->fake.sessions_len++] = session("", MOQSTAT_INTERNAL, 1, true, 1, 0);
	BRIEF(f, ".stats/node/n1 internal/sessions.json 0; .stats/a/node/n1 publisher.json 0; "
		 ".stats/b/node/n1 publisher.json 0; ");
	BRIEF(f, "");
	f->fake.broadcasts[0] = life("b/x", 1, false, 1, 1);
	BRIEF(f, ".stats/b/node/n1 publisher.json 1; ");
	BRIEF(f, ".stats/b/node/n1 ended; ");
	fake_life(&f->fake, life("b/y", 3, true, 1, 0));
	BRIEF(f, ".stats/b/node/n1 publisher.json 0; ");
	assert_int_equal(stats_finish(f->stats, &f->out), 0);
	assert_string_equal(brief(f), ".stats/node/n1 ended; .stats/a/node/n1 ended; "
				      ".stats/b/node/n1 ended; ");
	assert_int_equal(stats_finish(f->stats, &f->out), 0);
	assert_string_equal(brief(f), "");
}

/* More readings, because of one, don't shorten the life of another. */
static void several_broadcasts_end_with_ticks(void **state)
{
	struct fixture *f = *state;

	sort_by(f, 1);
	fake_life(&f->fake, life("a", 1, false, 1, 1));
	fake_life(&f->fake, life("a", 2, false, 2, 2));
	fake_life(&f->fake, life("b", 3, false, 1, 1));
	BRIEF(f, ".stats/a/node/n1 publisher.json 0; .stats/b/node/n1 publisher.json 0; "
		 ".stats/a/node/n1 publisher.json 1; ");
	assert_int_equal(f->fake.retired[2], 1);
	fake_life(&f->fake, life("b", 4, true, 3, 0));
	BRIEF(f, ".stats/a/node/n1 ended; .stats/b/node/n1 publisher.json 1; ");
}

/* What is under the prefix begins none, and yet goes; closes that were held back are counted after
 * the end. Any byte may be in a name. */
static void several_broadcasts_of_odd_names(void **state)
{
	struct fixture *f = *state;

	sort_by(f, 2);
	fake_life(&f->fake, life(".stats/node/n1", 1, false, 1, 0));
	fake_life(&f->fake, life("a/b/c", 2, false, 1, 4))->path_len = 3;
	f->fake.broadcasts[1].path = "a\0b";
	assert_int_equal(tick(f), 0);
	assert_non_null(
		strstr(lines(f), "{\"broadcast\":\".stats/a\\u0000b/node/n1\",\"relay\":\""));
	assert_int_equal(f->fake.retired[0], 1);
	assert_int_equal(tick(f), 0);
	assert_int_equal(tick(f), 0);
	assert_int_equal(f->fake.retired[1], 1);
	assert_int_equal(f->tick.lost[MOQSTAT_LOST_CLOSE_UNSEEN], 3);
}

static int group_setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_tick_writes_all_tracks),
		TEST(names_without_a_node),
		TEST(lives_within_a_tick_come_out_in_turn),
		TEST(lives_that_look_the_same_are_told_once),
		TEST(finished_lives_give_way_to_the_next),
		TEST(sessions_come_out_in_turn),
		TEST(a_tier_that_is_found_has_tracks_from_its_first_row_on),
		TEST(held_life_lets_the_next_wait),
		TEST(a_tick_ends_however_many_lives_wait),
		TEST(a_tick_ends_although_lives_go_on_coming),
		TEST(several_broadcasts_have_lives_of_their_own),
		TEST(several_broadcasts_end_with_ticks),
		TEST(several_broadcasts_of_odd_names),
		TEST(nothing_is_retired_unless_written),
		TEST(losses_are_told),
		TEST(errors_of_the_backend_are_passed_on),
		TEST(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
