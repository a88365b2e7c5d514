/* SPDX-License-Identifier: MIT */
/*
 * frame.h - the bytes of one frame, as serde_json writes a BTreeMap<String, Snapshot>.
 *
 * One JSON object without a space: path (or auth root) to its counters, in the order of the rows.
 * Source: relay-stats text, `Snapshot`, `SessionSnapshot` and flush_track.
 */
#ifndef MOQSTAT_FRAME_H
#define MOQSTAT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One member of a row's object: its name in JSON, and which of the row's counts it shows. */
struct frame_field {
	const char *name;   /* plain ASCII, written without escapes */
	unsigned int field; /* enum moqstat_field, or moqstat_session_field in session frames */
};

/** The members of every row of a track, in the order of the JSON. */
struct frame_schema {
	const char *name; /* in recordings, e.g. "0.12": the first release of the relay with it */
	const struct frame_field *fields;
	size_t fields_len;
	const char *const *also; /* other names with the same numbers, each in front of its field's,
				    or NULL; NULL: no field has any */
	const char *more;	 /* a member behind these of which nothing is counted, zeros, with
				    the comma in front; or NULL */
	const char *uncounted;	 /* its name; or NULL */
	const struct frame_schema *sessions; /* that of session tracks, where it is another; or NULL
					      */
	uint32_t linger_ms; /* for how long a stats broadcast of one group of paths outlives the
			       last of these, unless the relay is told otherwise */
	bool stays;	    /* a row of which anything was ever counted is in every frame as long as
			       its path has an entry; else while it is live or has changed */
	bool compressed;    /* beside each track there is one of the same frames, compressed */
};

/** Broadcast tracks of moq-relay 0.12.5 (moq-net 0.1.8): nine fields. */
extern const struct frame_schema frame_schema_broadcast_0_12;

/** The same from moq-relay 0.13.1 (moq-net 0.1.14) on: announced_bytes is the third of ten. */
extern const struct frame_schema frame_schema_broadcast_0_13;

/** The same from moq-relay 0.14 (moq-net 0.2) on: with fetches and datagrams, twelve. */
extern const struct frame_schema frame_schema_broadcast_0_14;

/** The same in moq-relay 0.17 (moq-net 0.3): half of it under two names, and what was given up on.
 */
extern const struct frame_schema frame_schema_broadcast_0_17;

/** The schema of broadcast tracks of that name, or NULL. */
const struct frame_schema *frame_schema_find(const char *name);

/** Session tracks, but where a schema has others: sessions, sessions_closed. */
extern const struct frame_schema frame_schema_session;

/** That of the session tracks beside broadcast tracks of a schema. */
const struct frame_schema *frame_schema_sessions(const struct frame_schema *broadcasts);

/** The bytes of one row, as in the frame. */
struct frame_text {
	uint32_t len;
	char bytes[];
};

/** Where they are kept as long as the counts stay the same. Zeroed before the first use. */
struct frame_cache {
	struct frame_text *text; /* NULL: none were made so far */
	bool stale;		 /* the counts have changed since */
};

/** Empty it. */
void frame_cache_deinit(struct frame_cache *cache);

/** One row: a key and the counts behind it. Owns nothing. */
struct frame_row {
	const char *key; /* a JSON string with its quotes, from frame_quote() */
	size_t key_len;	 /* bytes */
	const uint64_t *counts;
	struct frame_cache *cache; /* NULL: none */
};

/** Where frames are built, tick after tick; zeroed before its first use. */
struct frame_buf {
	char *data; /* NUL-terminated once a frame has been built */
	size_t len; /* bytes of the frame, without the NUL */
	size_t size;
};

/** Free what the buffer owns and zero it. NULL is fine. */
void frame_buf_deinit(struct frame_buf *buf);

/** Make the bytes of all rows whose caches are empty or stale. *changed is set if any of them are
 *  other bytes than were there. 0 or -ENOMEM: some are done then. */
int frame_refresh(const struct frame_schema *schema, const struct frame_row *rows, size_t rows_len,
		  bool *changed);

/** Build the frame of rows_len rows, which the caller has sorted by the bytes of their paths, into
 *  *buf over what was there. No rows make `{}`. Returns 0 or -ENOMEM, *buf then as before. */
int frame_build(const struct frame_schema *schema, const struct frame_row *rows, size_t rows_len,
		struct frame_buf *buf);

/** Write `len` bytes of UTF-8 at `text` as a JSON string with quotes, escaped as serde_json does.
 *  *out is NUL-terminated and freed by the caller. Returns 0, -EILSEQ where the text is not UTF-8,
 *  or -ENOMEM. */
int frame_quote(const char *text, size_t len, char **out, size_t *out_len);

#endif /* MOQSTAT_FRAME_H */
