/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bucket.h"
#include "clock.h"
#include "log.h"
#include "path.h"

/* Most frames of one track in a tick. */
#define STATS_ROUNDS 64

struct stats {
	char *broadcast;
	const struct frame_schema *schema;
	struct stats_depth depth;
	struct buckets buckets;
	uint64_t number; /* of the last batch that all buckets have taken in; or 0 */
	struct frame_buf frame;
	struct crosscheck crosscheck;
};

int stats_create(const char *prefix, const char *node, const struct frame_schema *schema,
		 struct stats **out)
{
	struct stats *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->schema = schema;
	err = path_advertised(prefix, node, &s->broadcast);
	if (!err)
		err = buckets_init(prefix, node, 0, &s->buckets);
	if (err) {
		stats_destroy(s);
		return err;
	}
	*out = s;
	return 0;
}

int stats_sort(struct stats *s, const struct stats_depth *depth)
{
	struct buckets sorted;
	int err = buckets_init(s->buckets.prefix, s->buckets.node, depth->segments, &sorted);

	if (err) {
		buckets_deinit(&sorted);
		return err;
	}
	buckets_deinit(&s->buckets);
	s->buckets = sorted;
	s->depth = *depth;
	return 0;
}

void stats_destroy(struct stats *s)
{
	if (!s)
		return;
	buckets_deinit(&s->buckets);
	frame_buf_deinit(&s->frame);
	crosscheck_deinit(&s->crosscheck);
	free(s->broadcast);
	free(s);
}

const char *stats_broadcast(const struct stats *s)
{
	return s->broadcast;
}

const struct crosscheck *stats_crosscheck(const struct stats *s)
{
	return &s->crosscheck;
}

void stats_lapse(struct stats *s, enum moqstat_field field, const char *reason, bool now)
{
	crosscheck_lapse(&s->crosscheck, field, reason, now);
}

static struct stats_cost stats_now(void)
{
	return (struct stats_cost){ clock_read(CLOCK_MONOTONIC),
				    clock_read(CLOCK_THREAD_CPUTIME_ID) };
}

/* What has passed since the last stage belongs to this one. */
static void stats_note(struct stats_tick *tick, enum stats_stage stage, struct stats_cost *since)
{
	const struct stats_cost now = stats_now();

	tick->costs[stage].wall += now.wall - since->wall;
	tick->costs[stage].cpu += now.cpu - since->cpu;
	*since = now;
}

/* Is there such a track before there is a row to show on it? Those of a tier that was found begin
 * with their first one each. Source: moq-stats 0.1.5, the collection of frames. */
static bool stats_always(const struct tiers *tiers, unsigned int i)
{
	return !tiers->found || !tracks_what(i).tier;
}

/* Build one track's frame if it is a new one: other paths, or other bytes of one. Nothing equals no
 * frame, so an idle `{}` is written once. 1 where there is one to write. Source: relay-stats text,
 * flush_track. */
static int stats_build(struct stats *s, const struct bucket *b, unsigned int i,
		       const struct snapshot_tick *shown)
{
	const struct frame_schema *schema = tracks_what(i).kind == TRACK_SESSIONS
						    ? frame_schema_sessions(s->schema)
						    : s->schema;
	const struct bucket_track *track = &b->tracks[i];
	bool changed = shown->news[i] == SNAPSHOT_ROWS || track->again || !track->sequence;
	int err = 0;

	if (!track->sequence && !shown->rows_len[i] && !stats_always(shown->tiers, i))
		return 0;
	if (changed || shown->news[i] == SNAPSHOT_COUNTS)
		err = frame_refresh(schema, shown->rows[i], shown->rows_len[i], &changed);
	if (!err && changed)
		err = frame_build(schema, shown->rows[i], shown->rows_len[i], &s->frame);
	return err ? err : changed;
}

/* The broadcast of a bucket, in a line. */
static struct jsonl_broadcast stats_named(const struct stats *s, const struct bucket *b)
{
	return (struct jsonl_broadcast){ .name = b->broadcast,
					 .len = b->broadcast_len,
					 .relay = s->depth.segments ? s->broadcast : NULL };
}

static int stats_write_track(struct stats *s, struct bucket *b, unsigned int i,
			     const struct snapshot_tick *shown, struct jsonl *out,
			     struct stats_tick *tick, struct stats_cost *since)
{
	const struct jsonl_broadcast broadcast = stats_named(s, b);
	struct bucket_track *track = &b->tracks[i];
	char name[TRACK_NAME_MAX];
	int err = stats_build(s, b, i, shown);

	stats_note(tick, STATS_FRAME, since);
	if (err <= 0)
		return err;
	err = jsonl_write_frame_of(out, &broadcast, tracks_name(shown->tiers, i, name),
				   track->sequence, s->frame.data, s->frame.len);
	track->again = err;
	track->sequence += !err;
	tick->written += !err;
	tick->bytes += err ? 0 : s->frame.len;
	stats_note(tick, STATS_OUTPUT, since);
	return err;
}

static void stats_retire(struct collect *c, const struct collect_batch *batch,
			 const struct snapshot_tick *shown)
{
	size_t i;

	for (i = 0; i < shown->retire_len[TRACK_BROADCASTS]; i++)
		c->ops->retire_broadcast(c, &batch->broadcasts[shown->retire[TRACK_BROADCASTS][i]]);
	for (i = 0; i < shown->retire_len[TRACK_SESSIONS]; i++)
		c->ops->retire_session(c, &batch->sessions[shown->retire[TRACK_SESSIONS][i]]);
}

/* The batch that all have taken in, or none. */
static uint64_t stats_number(const struct stats *s)
{
	return s->number == s->crosscheck.number ? s->number : 0;
}

/* One reading of a tick, and what it has to do. */
struct stats_round {
	struct collect *collect;
	struct collect_batch batch;
	struct jsonl *out;
	struct stats_tick *tick;
	struct stats_cost since;
	bool first; /* of the tick */
};

/* Write what is shown of a bucket, by what is to become of it. */
static int stats_write(struct stats *s, struct bucket *b, const struct snapshot_tick *shown,
		       enum bucket_fate fate, struct stats_round *r)
{
	const struct jsonl_broadcast broadcast = stats_named(s, b);
	unsigned int i;
	int err = 0;

	if (fate == BUCKET_ENDS)
		err = jsonl_write_end(r->out, &broadcast);
	b->over = !err && (fate == BUCKET_ENDS || fate == BUCKET_NEVER);
	for (i = 0; i < shown->tracks && !err; i++) {
		if (fate == BUCKET_SHOWN)
			err = stats_write_track(s, b, i, shown, r->out, r->tick, &r->since);
		else
			b->tracks[i].again |= shown->news[i] != SNAPSHOT_NOTHING;
	}
	return err;
}

/* What becomes of a bucket. With depth 0 the one is there always. */
static enum bucket_fate stats_judge(const struct stats *s, struct bucket *b,
				    const struct stats_round *r)
{
	if (!s->depth.segments)
		return BUCKET_SHOWN;
	return bucket_judge(b, r->first, r->batch.time_ms,
			    s->depth.linger ? s->depth.linger_ms : s->schema->linger_ms);
}

/* A bucket of which a partial batch lists nothing is as it was. */
static int stats_pass_by(struct stats *s, struct bucket *b, struct stats_round *r)
{
	const struct snapshot_tick nothing = { .tiers = tiers_or_two(r->batch.tiers) };

	return stats_write(s, b, &nothing, stats_judge(s, b, r), r);
}

static int stats_take(struct stats *s, struct bucket *b, const struct collect_batch *part,
		      struct stats_round *r)
{
	struct snapshot_tick shown;
	unsigned int i;
	int err = snapshot_update(b->snapshot, part, &shown);

	stats_note(r->tick, STATS_SNAPSHOT, &r->since);
	if (err) {
		log_error("cannot take in what was collected: %s", strerror(-err));
		return err;
	}
	b->any = shown.any;
	err = stats_write(s, b, &shown, stats_judge(s, b, r), r);
	if (err) {
		for (i = 0; i < TRACKS_MAX; i++)
			b->tracks[i].again = true;
		snapshot_rollback(b->snapshot);
		return err;
	}
	stats_retire(r->collect, part, &shown);
	b->any = shown.stays;
	b->waiting = shown.waiting;
	b->held_back = shown.held_back + shown.held_back_retired;
	stats_note(r->tick, STATS_RETIRE, &r->since);
	return 0;
}

/* Each bucket's part of a batch, in their order. */
static int stats_take_all(struct stats *s, struct stats_round *r)
{
	struct buckets_at at = { 0 };
	struct collect_batch part;
	size_t i;
	int err = buckets_sort(&s->buckets, &r->batch);

	for (i = 0; i < s->buckets.len && !err; i++) {
		struct bucket *b = s->buckets.list[i];

		part = buckets_part(&s->buckets, &r->batch, b, &at);
		if (s->depth.segments && part.partial && !part.broadcasts_len && !part.sessions_len)
			err = stats_pass_by(s, b, r);
		else
			err = stats_take(s, b, &part, r);
	}
	return err;
}

/* One reading and what it shows. */
static int stats_round(struct stats *s, struct stats_round *r)
{
	int err = collect_read_since(r->collect, stats_number(s), &r->batch);

	s->number = 0;
	stats_note(r->tick, STATS_COLLECT, &r->since);
	if (err)
		return err;
	if (r->batch.schema)
		s->schema = r->batch.schema;
	err = crosscheck_update(&s->crosscheck, &r->batch);
	stats_note(r->tick, STATS_CHECK, &r->since);
	if (err) {
		log_error("cannot take in what was collected: %s", strerror(-err));
		return err;
	}
	err = stats_take_all(s, r);
	buckets_sweep(&s->buckets);
	if (err)
		return err;
	s->number = r->batch.number;
	crosscheck_warn(&s->crosscheck, s->broadcast);
	memcpy(r->tick->lost, r->batch.lost, sizeof(r->tick->lost));
	r->tick->lost[MOQSTAT_LOST_CLOSE_UNSEEN] += buckets_held_back(&s->buckets);
	return 0;
}

int stats_tick(struct stats *s, struct collect *c, struct jsonl *out, struct stats_tick *tick)
{
	unsigned int round;
	int err = 0;

	memset(tick, 0, sizeof(*tick));
	/* Several lives of a broadcast within one tick are shown one after the other. */
	for (round = 0; !err && round < STATS_ROUNDS; round++) {
		struct stats_round r = { .collect = c,
					 .out = out,
					 .tick = tick,
					 .since = stats_now(),
					 .first = !round };

		err = stats_round(s, &r);
		collect_batch_deinit(&r.batch);
		stats_note(tick, STATS_RETIRE, &r.since);
		if (!buckets_waiting(&s->buckets))
			break;
	}
	return err;
}

int stats_finish(struct stats *s, struct jsonl *out)
{
	size_t i;
	int err = 0;

	for (i = 0; i < s->buckets.len && s->depth.segments && !err; i++) {
		struct bucket *b = s->buckets.list[i];
		const struct jsonl_broadcast broadcast = stats_named(s, b);

		if (b->begun)
			err = jsonl_write_end(out, &broadcast);
		b->over = !err;
	}
	buckets_sweep(&s->buckets);
	return err;
}
