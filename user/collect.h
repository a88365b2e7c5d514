/* SPDX-License-Identifier: MIT */
/*
 * collect.h - what was counted, once a tick, from wherever it comes: live BPF maps or a recording.
 *
 * The batch is the only way from the left half of the house (kernel) to the right half (snapshot,
 * frame, track). It holds plain cumulative numbers; nothing in it points into a kernel map.
 */
#ifndef MOQSTAT_COLLECT_H
#define MOQSTAT_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <moqstat.h>

#include "frame.h"
#include "tiers.h"

/** One incarnation of a broadcast: cumulative counts since it began. */
struct collect_broadcast {
	const char *path;     /* UTF-8, not NUL-terminated; owned by the batch */
	size_t path_len;      /* bytes */
	uint32_t incarnation; /* rises with each new life of this path */
	bool held;	      /* the relay may still bump it; read before the counters */
	bool fresh;	      /* each guard that counts here was seen from its beginning */
	bool whole;	      /* and nothing else of this incarnation was there before the probes */
	uint32_t tier; /* where tiers are found: whose it is, and the counts of MOQSTAT_INTERNAL
			  are 0; else 0 */
	uint64_t counts[MOQSTAT_ROLE_MAX][MOQSTAT_TIER_MAX][MOQSTAT_FIELD_MAX];
	uint64_t ref; /* the backend's own handle, for retire(); 0 in recordings */
};

/** One incarnation of an auth root on one tier. */
struct collect_session {
	const char *root; /* UTF-8, not NUL-terminated; owned by the batch; may be empty */
	size_t root_len;
	uint32_t tier; /* its number */
	uint32_t incarnation;
	bool held;
	bool fresh;
	bool whole;
	uint64_t counts[MOQSTAT_SESSION_FIELD_MAX];
	uint64_t ref;
};

/** Everything counted up to one tick. Closed counters were read before any open one.
 *
 *  A backend may leave out what hasn't changed, for a caller that asks for it by saying which batch
 *  it has taken in last, if it was the last one and the one before was taken in as well. Then of a
 *  path, or of a root and tier, either every incarnation is listed or none. They are where one of
 *  them has changed or begun since the last batch, or between that and the one before; isn't held;
 *  or has nothing open; and where there are several, or were in the last batch. `__overflow__` and
 *  `__unattributed__` always are. What isn't listed goes on as it was. */
struct collect_batch {
	uint64_t since;			   /* from the caller: `number` of the last batch, or 0 */
	uint64_t number;		   /* of this one; 0: each batch lists everything */
	bool partial;			   /* only what has changed since that one is listed */
	const struct frame_schema *schema; /* of broadcasts; NULL: moq-relay 0.12's */
	const struct tiers *tiers;	   /* the backend's, valid until its end, labels being
						      added; NULL: tiers_two */
	uint64_t time_ms; /* CLOCK_REALTIME at the tick, Unix time in milliseconds */
	struct collect_broadcast *broadcasts;
	size_t broadcasts_len;
	struct collect_session *sessions;
	size_t sessions_len;
	uint64_t lost[MOQSTAT_LOST_MAX]; /* cumulative, by reason */
	char *text;			 /* storage behind the paths */
};

struct collect;

/** What a backend does. All return 0 or -errno. */
struct collect_ops {
	/** Fill *batch (zeroed by the caller but for `since`) with all there is. The end of the
	 * input is -ENODATA: a recording has been read through. */
	int (*read)(struct collect *c, struct collect_batch *batch);
	/** Forget an incarnation whose final snapshot has been emitted and that nothing holds. */
	int (*retire_broadcast)(struct collect *c, const struct collect_broadcast *b);
	int (*retire_session)(struct collect *c, const struct collect_session *s);
	void (*destroy)(struct collect *c);
};

/** A backend starts with this. */
struct collect {
	const struct collect_ops *ops;
};

/** Fill *batch from the backend, with everything. The caller frees it with collect_batch_deinit(),
 *  also after an error. Returns 0, -ENODATA at the end of a recording, or another -errno. */
int collect_read(struct collect *c, struct collect_batch *batch);

/** The same; but what hasn't changed since the batch of that number may be left out. */
int collect_read_since(struct collect *c, uint64_t number, struct collect_batch *batch);

/** Free what a batch owns and zero it. */
void collect_batch_deinit(struct collect_batch *batch);

/** End the backend. NULL is fine. */
void collect_destroy(struct collect *c);

/** Open a recording that collect_record_create() wrote, for --replay. *out is set on success only
 *  and is ended by collect_destroy(). A line that is not a batch is an error at collect_read():
 *  -EBADMSG, logged with file, line and reason. */
int collect_replay_create(const char *file, struct collect **out);

/** Wrap a backend whose relay may end while things are open, for which there is then no close to
 *  count. Takes ownership of `inner`, on success only. -ENOMEM. */
int collect_ending_create(struct collect *inner, struct collect **out);

/** The relay behind `c`, which is from collect_ending_create(), has ended: in what is read from now
 *  on, all that was open is closed, and nothing is held any more. */
void collect_ending_end(struct collect *c);

/** Wrap a backend so that each batch it reads is also appended to `file`, one JSON object a line
 *  (--record). Takes ownership of `inner`. A batch that cannot be written whole is an error of
 *  collect_read(). */
int collect_record_create(const char *file, struct collect *inner, struct collect **out);

#endif /* MOQSTAT_COLLECT_H */
