/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "log.h"
#include "path.h"
#include "snapshot.h"

/* Most frames of one track in a tick. */
#define STATS_ROUNDS 64

/* What was written on a track. Nobody reads its frames here but to tell them from the next one,
 * which the snapshot does; so none is kept. */
struct stats_track {
	uint64_t sequence; /* of the next frame */
	bool again;	   /* the last one was not written whole */
};

struct stats {
	char *broadcast;
	const struct frame_schema *schema;
	struct snapshot *snapshot;
	struct stats_track tracks[TRACKS_MAX];
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
		err = snapshot_create(prefix, &s->snapshot);
	if (err) {
		stats_destroy(s);
		return err;
	}
	*out = s;
	return 0;
}

void stats_destroy(struct stats *s)
{
	if (!s)
		return;
	snapshot_destroy(s->snapshot);
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
static int stats_build(struct stats *s, unsigned int i, const struct snapshot_tick *shown)
{
	const struct frame_schema *schema = tracks_what(i).kind == TRACK_SESSIONS
						    ? frame_schema_sessions(s->schema)
						    : s->schema;
	const struct stats_track *track = &s->tracks[i];
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

static int stats_write_track(struct stats *s, unsigned int i, const struct snapshot_tick *shown,
			     struct jsonl *out, struct stats_tick *tick, struct stats_cost *since)
{
	struct stats_track *track = &s->tracks[i];
	char name[TRACK_NAME_MAX];
	int err = stats_build(s, i, shown);

	stats_note(tick, STATS_FRAME, since);
	if (err <= 0)
		return err;
	err = jsonl_write_frame(out, s->broadcast, tracks_name(shown->tiers, i, name),
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

/* The batch that both have taken in, or none. */
static uint64_t stats_number(const struct stats *s)
{
	uint64_t number = snapshot_number(s->snapshot);

	return number == s->crosscheck.number ? number : 0;
}

/* One reading and what it shows. */
static int stats_round(struct stats *s, struct collect *c, struct jsonl *out,
		       struct stats_tick *tick, size_t *waiting)
{
	struct collect_batch batch = { 0 };
	struct snapshot_tick shown;
	struct stats_cost since = stats_now();
	unsigned int i;
	int err;

	err = collect_read_since(c, stats_number(s), &batch);
	stats_note(tick, STATS_COLLECT, &since);
	if (err)
		goto end;
	if (batch.schema)
		s->schema = batch.schema;
	err = crosscheck_update(&s->crosscheck, &batch);
	stats_note(tick, STATS_CHECK, &since);
	if (!err)
		err = snapshot_update(s->snapshot, &batch, &shown);
	if (err) {
		log_error("cannot take in what was collected: %s", strerror(-err));
		goto end;
	}
	stats_note(tick, STATS_SNAPSHOT, &since);
	for (i = 0; i < shown.tracks && !err; i++)
		err = stats_write_track(s, i, &shown, out, tick, &since);
	if (err) {
		for (i = 0; i < TRACKS_MAX; i++)
			s->tracks[i].again = true;
		snapshot_rollback(s->snapshot);
		goto end;
	}
	crosscheck_warn(&s->crosscheck, s->broadcast);
	stats_retire(c, &batch, &shown);
	memcpy(tick->lost, batch.lost, sizeof(tick->lost));
	tick->lost[MOQSTAT_LOST_CLOSE_UNSEEN] += shown.held_back + shown.held_back_retired;
	*waiting = shown.waiting;
end:
	collect_batch_deinit(&batch);
	stats_note(tick, STATS_RETIRE, &since);
	return err;
}

int stats_tick(struct stats *s, struct collect *c, struct jsonl *out, struct stats_tick *tick)
{
	size_t waiting = 0;
	unsigned int round;
	int err;

	memset(tick, 0, sizeof(*tick));
	err = stats_round(s, c, out, tick, &waiting);
	/* Several lives of a broadcast within one tick are shown one after the other. */
	for (round = 1; !err && waiting && round < STATS_ROUNDS; round++)
		err = stats_round(s, c, out, tick, &waiting);
	return err;
}
