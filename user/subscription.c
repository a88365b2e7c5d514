/* SPDX-License-Identifier: MIT */
#include "subscription.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Which track of a broadcast a name means, a compressed one too: 0, or -ENOENT. Where tiers are
 * labels, which is where there are compressed tracks, one may be yet to come. */
static int subscription_name(const struct board_broadcast *one, const struct wire_text *track,
			     struct subscription *s)
{
	size_t len = track->len;

	if (!one || !len || len >= sizeof(s->name) || memchr(track->text, '\0', len))
		return -ENOENT;
	memcpy(s->name, track->text, len);
	s->name[len] = '\0';
	s->compressed = tracks_plain(s->name);
	if (s->compressed && !one->compressed)
		return -ENOENT;
	if (one->compressed && tracks_is_name(s->name))
		return 0;
	return tracks_find(&one->tiers, s->name) < 0 ? -ENOENT : 0;
}

/* Begin to read: 0; -EAGAIN the track isn't there yet; -ENOENT it isn't to be; -ENOMEM. */
static int subscription_read(struct subscription *s, const struct board *board)
{
	const struct board_broadcast *one = board_find_announced(board, s->broadcast);
	struct track *track;
	int number, err;

	if (!one)
		return -ENOENT;
	number = tracks_find(&one->tiers, s->name);
	track = number < 0 ? NULL : one->tracks[number];
	if (!track)
		return -EAGAIN;
	err = track_read(track, &s->reader);
	if (err)
		return err;
	if (track_latest(track))
		track_reader_start_at(s->reader, track_latest(track)->sequence);
	s->track = track_hold(track);
	s->base = one->begun[number];
	return 0;
}

int subscription_init(const struct board *board, char *broadcast,
		      const struct wire_request *request, struct subscription *out)
{
	int err;

	*out = (struct subscription){ .id = request->id, .broadcast = broadcast };
	if (!broadcast)
		return -ENOMEM;
	if (memchr(request->broadcast.text, '\0', request->broadcast.len))
		return -ENOENT;
	err = subscription_name(board_find_announced(board, broadcast), &request->track, out);
	if (!err)
		err = subscription_read(out, board);
	return err == -EAGAIN ? 0 : err;
}

void subscription_deinit(struct subscription *s)
{
	track_reader_destroy(s->reader);
	track_release(s->track);
	free(s->broadcast);
	memset(s, 0, sizeof(*s));
}

/* The reader's next group, or the newest one where that is far behind. */
static int subscription_take(struct subscription *s, struct group **out)
{
	const struct group *latest;
	uint64_t missed;
	int err = track_reader_next(s->reader, out, &missed);

	if (err)
		return err;
	s->skipped += missed;
	latest = track_latest(s->track);
	if (!latest || latest->sequence <= (*out)->sequence + SUBSCRIPTION_BEHIND)
		return 0;
	s->skipped += latest->sequence - (*out)->sequence;
	track_reader_start_at(s->reader, latest->sequence);
	group_release(*out);
	return track_reader_next(s->reader, out, &missed);
}

int subscription_next(struct subscription *s, const struct board *board,
		      struct subscription_group *out)
{
	struct subscription_group next;
	struct group *g;
	int err = s->reader ? 0 : subscription_read(s, board);

	if (!err)
		err = subscription_take(s, &g);
	/* What is no longer announced ends behind its last group. */
	if (err == -ENOMEM || (err == -EAGAIN && board_find_announced(board, s->broadcast)))
		return err;
	if (err)
		return -EPIPE;
	next = (struct subscription_group){
		.group = g, .sequence = s->base + g->sequence, .frame = g->frame, .len = g->len
	};
	if (s->base > WIRE_VARINT_MAX || g->sequence > WIRE_VARINT_MAX - s->base)
		err = -EPIPE;
	else if (s->compressed)
		err = group_compress(g, &next.frame, &next.len);
	if (!err) {
		*out = next;
		return 0;
	}
	group_release(g);
	s->skipped++;
	return err == -E2BIG ? -EAGAIN : err;
}
