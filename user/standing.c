/* SPDX-License-Identifier: MIT */
#include "standing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"

void standing_deinit(struct standing *s)
{
	while (s->len)
		free(s->list[--s->len].broadcast);
}

/* The track that one is for, while it is announced; or NULL. */
static struct track *standing_track(const struct standing_one *one, const struct board *board)
{
	const struct board_broadcast *b = board_find_announced(board, one->broadcast);

	return b ? b->tracks[one->number] : NULL;
}

static bool standing_has(const struct standing *s, const struct board_broadcast *b, int number)
{
	size_t i;

	for (i = 0; i < s->len; i++) {
		if (s->list[i].number == number && !strcmp(s->list[i].broadcast, b->name))
			return true;
	}
	return false;
}

/* Those whose tracks are no more. The relay ends their streams by itself, with the tracks; whatever
 * was said on one that it has ended already would end the session (moq-net 0.1.8). */
static void standing_drop(struct standing *s, const struct board *board)
{
	size_t i = 0;

	while (i < s->len) {
		if (standing_track(&s->list[i], board)) {
			i++;
			continue;
		}
		free(s->list[i].broadcast);
		s->list[i] = s->list[--s->len];
	}
}

static int standing_add(struct standing *s, const struct board_broadcast *b, int number,
			uint64_t now)
{
	char *broadcast;

	if (s->len == STANDING_MAX || !b->tracks[number] || standing_has(s, b, number))
		return 0;
	broadcast = strdup(b->name);
	if (!broadcast)
		return -ENOMEM;
	s->list[s->len++] =
		(struct standing_one){ .broadcast = broadcast,
				       .number = number,
				       /* The relay must have taken in the announcement. */
				       .at = now + STANDING_PAUSE };
	return 0;
}

static int standing_subscribe(struct standing *s, struct standing_one *one,
			      const struct board *board, const char *root, struct outbox *to,
			      uint64_t now)
{
	const char *name = track_name(standing_track(one, board));
	const char *path = path_below(one->broadcast, root);
	struct wire_out out = { 0 };

	s->stream += 4;
	one->stream = s->stream;
	one->at = now;
	one->tries++;
	wire_put_subscribe(&out, s->stream, path, strlen(path), name);
	return outbox_put(to, &out, one->stream, false);
}

int standing_look(struct standing *s, const struct board *board, const char *root,
		  struct outbox *to, uint64_t now)
{
	size_t i;
	int number, err = 0;

	standing_drop(s, board);
	for (i = 0; i < board->len && !err && s->len < STANDING_MAX; i++) {
		const struct board_broadcast *b = board->list[i];

		if (!board_announced(b) || !path_below(b->name, root))
			continue;
		for (number = 0; number < TRACKS_MAX && !err; number++)
			err = standing_add(s, b, number, now);
	}
	for (i = 0; i < s->len && !err; i++) {
		struct standing_one *one = &s->list[i];

		if (!one->stream && one->tries < STANDING_TRIES && now >= one->at)
			err = standing_subscribe(s, one, board, root, to, now);
	}
	return err;
}

void standing_end(struct standing *s, uint64_t stream, uint64_t now)
{
	size_t i;

	for (i = 0; i < s->len && (!stream || s->list[i].stream != stream); i++)
		;
	if (i == s->len)
		return;
	if (now - s->list[i].at >= STANDING_HELD)
		s->list[i].tries = 0;
	s->list[i].stream = 0;
	s->list[i].at = now + (STANDING_PAUSE << s->list[i].tries);
}
