/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "path.h"
#include "snapshot.h"
#include "track.h"

/* Most frames of one track in a tick. */
#define STATS_ROUNDS 64

struct stats {
	char *broadcast;
	const struct frame_schema *schema;
	struct snapshot *snapshot;
	struct track tracks[SNAPSHOT_TRACK_MAX];
	struct frame_buf frame;
	struct crosscheck crosscheck;
};

int stats_create(const char *prefix, const char *node, const struct frame_schema *schema,
		 struct stats **out)
{
	struct stats *s = calloc(1, sizeof(*s));
	unsigned int i;
	int err;

	if (!s)
		return -ENOMEM;
	s->schema = schema;
	for (i = 0; i < SNAPSHOT_TRACK_MAX; i++)
		track_init(&s->tracks[i], snapshot_tracks[i].name);
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
	unsigned int i;

	if (!s)
		return;
	for (i = 0; i < SNAPSHOT_TRACK_MAX; i++)
		track_deinit(&s->tracks[i]);
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

/* Build one track's frame and write it if it is a new one. */
static int stats_write_track(struct stats *s, unsigned int i, const struct snapshot_tick *shown,
			     struct jsonl *out, struct stats_tick *tick)
{
	const struct frame_schema *schema =
		snapshot_tracks[i].kind == SNAPSHOT_SESSIONS ? &frame_schema_session : s->schema;
	struct track *track = &s->tracks[i];
	int err;

	err = frame_build(schema, shown->rows[i], shown->rows_len[i], &s->frame);
	if (err)
		return err;
	err = track_write(track, s->frame.data, s->frame.len);
	if (err <= 0)
		return err;
	tick->written++;
	return jsonl_write_frame(out, s->broadcast, track->name, track->next_sequence - 1,
				 s->frame.data, s->frame.len);
}

static void stats_retire(struct collect *c, const struct collect_batch *batch,
			 const struct snapshot_tick *shown)
{
	size_t i;

	for (i = 0; i < shown->retire_len[SNAPSHOT_BROADCASTS]; i++)
		c->ops->retire_broadcast(c,
					 &batch->broadcasts[shown->retire[SNAPSHOT_BROADCASTS][i]]);
	for (i = 0; i < shown->retire_len[SNAPSHOT_SESSIONS]; i++)
		c->ops->retire_session(c, &batch->sessions[shown->retire[SNAPSHOT_SESSIONS][i]]);
}

/* One reading and what it shows. */
static int stats_round(struct stats *s, struct collect *c, struct jsonl *out,
		       struct stats_tick *tick, size_t *waiting)
{
	struct collect_batch batch = { 0 };
	struct snapshot_tick shown;
	unsigned int i;
	int err;

	err = collect_read(c, &batch);
	if (err)
		goto end;
	err = crosscheck_update(&s->crosscheck, &batch);
	if (!err)
		err = snapshot_update(s->snapshot, &batch, &shown);
	if (err) {
		log_error("cannot take in what was collected: %s", strerror(-err));
		goto end;
	}
	for (i = 0; i < SNAPSHOT_TRACK_MAX && !err; i++)
		err = stats_write_track(s, i, &shown, out, tick);
	if (err) {
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
