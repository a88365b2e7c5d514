/* SPDX-License-Identifier: MIT */
/*
 * crowd_reader.h - one client's live events, taken in as they come and compared with those of the
 * others: what is sent of a group must be the same bytes for all who are sent it.
 */
#ifndef MOQSTAT_CROWD_READER_H
#define MOQSTAT_CROWD_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CROWD_TRACKS 6
#define CROWD_RING   64 /* groups of a track that are remembered */
#define CROWD_LINE   512

/* What is sent of a group. */
enum crowd_kind {
	CROWD_FRAME, /* the frame */
	CROWD_FULL,  /* the frame, of deltas the first */
	CROWD_DELTA, /* what has changed */
	CROWD_KINDS
};

/* The text of a group, of whoever was sent it first. */
struct crowd_text {
	uint64_t sequence;
	bool used, complete;
	char *data;
	size_t len, size;
	uint64_t first_ns, last_ns; /* when the first had all of it, and the last */
};

/* What all readers share. */
struct crowd_texts {
	const char *tracks[CROWD_TRACKS];
	size_t len;
	struct crowd_text ring[CROWD_TRACKS][CROWD_KINDS][CROWD_RING];
	FILE *out;	   /* "track TAB sequence TAB kind TAB text", each once; or NULL */
	uint64_t *spreads; /* from the first who had a group to the last, nanoseconds */
	size_t spreads_len, spreads_size;
};

struct crowd_counts {
	uint64_t bytes, events;
	uint64_t gaps;	  /* sequences that don't follow on each other */
	uint64_t lost;	  /* events that say so */
	uint64_t lagging; /* the same */
	uint64_t other;	  /* events that were not expected */
	uint64_t unlike;  /* texts that differ from what others were sent */
};

struct crowd_reader {
	struct crowd_texts *texts;
	bool delta;
	int status; /* HTTP's; 0: not there yet, -1: nothing that can be read */
	enum {
		CROWD_HEAD,
		CROWD_SIZE,
		CROWD_BODY,
		CROWD_OVER
	} at;
	size_t chunk; /* bytes of it that are to come, with the line's end behind them */
	char line[CROWD_LINE];
	size_t line_len;
	char text[CROWD_LINE]; /* a line of the events */
	size_t text_len;
	/* The event that is being read. */
	char name[128], id[128];
	bool in_data;
	bool same;
	size_t track;
	uint64_t sequence;
	struct crowd_text *compared;
	size_t compared_at;
	/* By track: the last group. */
	bool any[CROWD_TRACKS];
	uint64_t last[CROWD_TRACKS];
	struct crowd_counts counts;
};

void crowd_reader_init(struct crowd_texts *texts, bool delta, struct crowd_reader *r);

/* Take in what has come. */
void crowd_reader_take(struct crowd_reader *r, const char *data, size_t len, uint64_t now);

/* Has it a group of every track? */
bool crowd_reader_ready(const struct crowd_reader *r);

/* Write out what is still remembered, and let go of it. */
void crowd_texts_deinit(struct crowd_texts *t);

#endif /* MOQSTAT_CROWD_READER_H */
