/* SPDX-License-Identifier: MIT */
/*
 * test_stats_partial.c - batches that list only what has changed give the same frames, retire the
 * same and find the same contradictions as batches that list everything: two of everything, one fed
 * this way and one that way, with the same random events.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "stats.h"

#define PATHS  12
#define LIVES  4000
#define TICKS  3000
#define OUTPUT (1 << 16)

/* One incarnation of a broadcast, or of a root. */
struct one {
	unsigned int path;
	bool root;
	bool held, fresh;
	unsigned int retired;
	uint64_t touched; /* number of the reading that it changed before */
	uint64_t counts[MOQSTAT_ROLE_MAX][MOQSTAT_TIER_MAX][MOQSTAT_FIELD_MAX];
};

/* A backend, and what is fed by it. */
struct side {
	struct collect base;
	bool partial; /* it may leave things out */
	bool followed;
	uint64_t number, listed, time_ms;
	struct one *lives;
	size_t lives_len;
	struct stats *stats;
	FILE *file;
	struct jsonl out;
	char text[OUTPUT];
};

static char path_texts[PATHS][16];
static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1d) >> 40) % below;
}

static bool one_open(const struct one *o)
{
	const uint64_t *counts = &o->counts[0][0][0];
	size_t i;

	for (i = 0; i < sizeof(o->counts) / sizeof(*counts); i += 2) {
		if (MOQSTAT_FIELD_CLOSES(i % MOQSTAT_FIELD_MAX + 1) && counts[i] > counts[i + 1])
			return true;
	}
	return false;
}

/* As collect.h has it. */
static bool side_lists(const struct side *s, const struct one *o)
{
	size_t i;

	if (o->touched + 2 >= s->number || !o->held || !one_open(o))
		return true;
	for (i = 0; i < s->lives_len; i++) {
		if (&s->lives[i] != o && !s->lives[i].retired && s->lives[i].path == o->path &&
		    s->lives[i].root == o->root)
			return true;
	}
	return false;
}

static int side_read(struct collect *c, struct collect_batch *batch)
{
	struct side *s = (struct side *)c;
	size_t i;

	batch->number = s->partial ? s->number + 1 : 0;
	batch->partial = s->partial && s->number && s->followed && batch->since == s->number;
	s->followed = batch->since == s->number;
	batch->time_ms = s->time_ms;
	s->number++;
	batch->broadcasts = calloc(s->lives_len + 1, sizeof(*batch->broadcasts));
	batch->sessions = calloc(s->lives_len + 1, sizeof(*batch->sessions));
	for (i = 0; i < s->lives_len; i++) {
		const struct one *o = &s->lives[i];
		const char *text = path_texts[o->path];

		if (o->retired || (batch->partial && !side_lists(s, o)))
			continue;
		s->listed++;
		if (o->root) {
			struct collect_session *session = &batch->sessions[batch->sessions_len++];

			*session = (struct collect_session){ text,	  strlen(text), 0,
							     (uint32_t)i, o->held,	o->fresh,
							     o->fresh,	  { 0 },	i };
			memcpy(session->counts, o->counts[0][0], sizeof(session->counts));
		} else {
			struct collect_broadcast *b = &batch->broadcasts[batch->broadcasts_len++];

			*b = (struct collect_broadcast){ .path = text,
							 .path_len = strlen(text),
							 .incarnation = (uint32_t)i,
							 .held = o->held,
							 .fresh = o->fresh,
							 .whole = o->fresh,
							 .ref = i };
			memcpy(b->counts, o->counts, sizeof(b->counts));
		}
	}
	return 0;
}

/* Those that are left of its path are listed once more. */
static int side_retire(struct collect *c, uint64_t ref)
{
	struct side *s = (struct side *)c;
	size_t i;

	s->lives[ref].retired++;
	for (i = 0; i < s->lives_len; i++) {
		if (s->lives[i].path == s->lives[ref].path &&
		    s->lives[i].root == s->lives[ref].root)
			s->lives[i].touched = s->number;
	}
	return 0;
}

static int side_retire_broadcast(struct collect *c, const struct collect_broadcast *b)
{
	return side_retire(c, b->ref);
}

static int side_retire_session(struct collect *c, const struct collect_session *s)
{
	return side_retire(c, s->ref);
}

static const struct collect_ops side_ops = {
	.read = side_read,
	.retire_broadcast = side_retire_broadcast,
	.retire_session = side_retire_session,
};

static void side_init(struct side *s, bool partial)
{
	memset(s, 0, sizeof(*s));
	s->base.ops = &side_ops;
	s->partial = partial;
	s->lives = test_calloc(LIVES, sizeof(*s->lives));
	s->file = tmpfile();
	assert_non_null(s->file);
	jsonl_init(&s->out, fileno(s->file));
	assert_int_equal(stats_create("p3", "n1", &frame_schema_broadcast_0_12, &s->stats), 0);
}

static void side_deinit(struct side *s)
{
	stats_destroy(s->stats);
	jsonl_deinit(&s->out);
	fclose(s->file);
	test_free(s->lives);
}

/* What it wrote since the last time. */
static const char *side_text(struct side *s)
{
	size_t len;

	rewind(s->file);
	len = fread(s->text, 1, sizeof(s->text) - 1, s->file);
	s->text[len] = '\0';
	rewind(s->file);
	assert_int_equal(ftruncate(fileno(s->file), 0), 0);
	return s->text;
}

/* The newest of a path, or NULL. */
static struct one *side_newest(struct side *s, unsigned int path, bool root)
{
	size_t i;

	for (i = s->lives_len; i-- > 0;) {
		if (s->lives[i].path == path && s->lives[i].root == root)
			return s->lives[i].retired ? NULL : &s->lives[i];
	}
	return NULL;
}

/* The same event on either side, `what` being drawn before. */
static void side_event(struct side *s, unsigned int path, bool root, const uint32_t *what)
{
	struct one *o = side_newest(s, path, root);
	unsigned int slot = root ? 0 : what[1] % (MOQSTAT_ROLE_MAX * MOQSTAT_TIER_MAX), field;
	uint64_t *counts;

	if (!o || !o->held || what[0] == 0) {
		if (o && o->held) {
			o->held = false;
			o->touched = s->number;
		}
		assert_in_range(s->lives_len, 0, LIVES - 1);
		o = &s->lives[s->lives_len++];
		*o = (struct one){ .path = path, .root = root, .held = true, .fresh = what[2] % 3 };
	}
	o->touched = s->number;
	counts = o->counts[slot / MOQSTAT_TIER_MAX][slot % MOQSTAT_TIER_MAX];
	field = what[3] % (root ? MOQSTAT_SESSION_FIELD_MAX : MOQSTAT_FIELD_MAX);
	counts[field] += 1 + what[4] % 3;
	if (what[0] == 1)
		o->held = false;
	/* All is closed. */
	for (slot = 0; slot < MOQSTAT_ROLE_MAX * MOQSTAT_TIER_MAX && what[0] < 4; slot++) {
		counts = o->counts[slot / MOQSTAT_TIER_MAX][slot % MOQSTAT_TIER_MAX];
		for (field = 1; field < MOQSTAT_BYTES; field += 2)
			counts[field] = counts[field - 1];
	}
}

static void events(struct side *sides)
{
	uint32_t what[5], n = draw(4), i, side;

	while (n--) {
		unsigned int path = draw(PATHS);
		bool root = !draw(3);

		for (i = 0; i < 5; i++)
			what[i] = draw(i ? 1000 : 20);
		for (side = 0; side < 2; side++)
			side_event(&sides[side], path, root, what);
	}
}

static void assert_alike(struct side *sides)
{
	const struct crosscheck *one = stats_crosscheck(sides[0].stats),
				*other = stats_crosscheck(sides[1].stats);
	size_t i;

	assert_string_equal(side_text(&sides[0]), side_text(&sides[1]));
	for (i = 0; i < sides[0].lives_len; i++) {
		assert_int_equal(sides[0].lives[i].retired, sides[1].lives[i].retired);
		assert_in_range(sides[0].lives[i].retired, 0, 1);
	}
	assert_memory_equal(one->missed, other->missed, sizeof(one->missed));
	assert_memory_equal(one->gap, other->gap, sizeof(one->gap));
	assert_memory_equal(one->sessions_missed, other->sessions_missed,
			    sizeof(one->sessions_missed));
	assert_memory_equal(one->sessions_gap, other->sessions_gap, sizeof(one->sessions_gap));
}

/* Now and then another reads in between, or the output fails. */
static void run(uint64_t seed, const struct stats_depth *depth)
{
	static struct side sides[2];
	struct stats_tick ticks[2];
	struct jsonl full;
	unsigned int i, side;

	random_state = seed * 0x9e3779b97f4a7c15;
	jsonl_init(&full, open("/dev/full", O_WRONLY | O_CLOEXEC));
	for (side = 0; side < 2; side++) {
		side_init(&sides[side], side);
		assert_int_equal(stats_sort(sides[side].stats, depth), 0);
	}
	for (i = 0; i < TICKS && sides[0].lives_len < LIVES - 8; i++) {
		bool reads = !draw(50), fails = !draw(40);

		events(sides);
		for (side = 0; side < 2; side++) {
			struct side *s = &sides[side];
			struct collect_batch batch;
			int err;

			s->time_ms += 300;
			if (reads) {
				assert_int_equal(collect_read(&s->base, &batch), 0);
				collect_batch_deinit(&batch);
			}
			err = stats_tick(s->stats, &s->base, fails ? &full : &s->out, &ticks[side]);
			assert_true(!err || (fails && err == -ENOSPC));
		}
		assert_alike(sides);
		assert_memory_equal(ticks[0].lost, ticks[1].lost, sizeof(ticks[0].lost));
		assert_int_equal(ticks[0].written, ticks[1].written);
	}
	/* And it was worth it. */
	assert_true(sides[1].listed < sides[0].listed);
	for (side = 0; side < 2; side++)
		side_deinit(&sides[side]);
	close(full.fd);
	jsonl_deinit(&full);
}

static void partial_batches_tell_the_same(void **state)
{
	unsigned int i;

	const struct stats_depth depth = { 0 };

	(void)state;
	log_set_level(LOG_ERROR);
	for (i = 0; i < PATHS; i++)
		snprintf(path_texts[i], sizeof(path_texts[i]), "p%u%s", i, i % 5 ? "" : "/\"x\"\n");
	for (i = 1; i <= 4; i++)
		run(i, &depth);
}

/* Nor does it matter where they are sorted into several broadcasts, whether those linger or not. */
static void partial_batches_of_several_tell_the_same(void **state)
{
	struct stats_depth depth = { .segments = 1, .linger = true };
	unsigned int i;

	(void)state;
	log_set_level(LOG_ERROR);
	for (i = 0; i < PATHS; i++)
		snprintf(path_texts[i], sizeof(path_texts[i]), i == 3 ? "p%u/%u" : "%u/%u", i % 4,
			 i);
	for (i = 1; i <= 4; i++, depth.linger_ms += 500)
		run(i, &depth);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partial_batches_tell_the_same),
		cmocka_unit_test(partial_batches_of_several_tell_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
