/* SPDX-License-Identifier: MIT */
/*
 * jsonl.h - JSON lines to a file descriptor, each of them whole.
 *
 * A line is handed to the kernel in one write(), and in more only where the kernel takes a part.
 * Where an error cuts a line in two, whatever came next would be read as its rest; the writer then
 * stays closed and says the same error each time.
 */
#ifndef MOQSTAT_JSONL_H
#define MOQSTAT_JSONL_H

#include <stddef.h>
#include <stdint.h>

#define JSONL_STOPS 2

/** A writer of lines. */
struct jsonl {
	int fd;			   /* not owned */
	int stop_fds[JSONL_STOPS]; /* not owned; -1: none */
	int torn;		   /* 0, or the -errno that left part of a line behind */
	int failed;		   /* 0, or the -errno of the last line that couldn't be written */
	int (*also)(void *arg, const char *line, size_t len);
	void *also_arg;
	char *line;
	size_t line_size;
};

/** Hand every line to someone else as well, before it is written: 0, or an error that is then
 *  the writer's own. */
void jsonl_also(struct jsonl *j, int (*also)(void *arg, const char *line, size_t len), void *arg);

/** Write to `fd`, which stays the caller's; -1: nowhere, but see jsonl_also(). SIGPIPE must be
 * ignored, so that a closed pipe is -EPIPE and not the end of the process. */
void jsonl_init(struct jsonl *j, int fd);

/** Give up on a reader that stalls once one of the two (a signalfd and a pidfd, say) becomes
 *  readable: the writer then returns -ECANCELED. Without it a stalled reader is waited for without
 *  end. */
void jsonl_stop_on(struct jsonl *j, int stop_fd, int other_fd);

/** Free what the writer owns; fd stays open. NULL is fine. */
void jsonl_deinit(struct jsonl *j);

/** Write the line of one frame: `{"broadcast":…,"track":…,"sequence":N,"frame":…}`. `broadcast`
 *  and `track` are UTF-8 and are escaped, the frame goes out byte for byte. Returns 0; -EILSEQ
 *  where a name is not UTF-8; -ENOMEM; or what write() failed with: -EPIPE, -ENOSPC, ... */
int jsonl_write_frame(struct jsonl *j, const char *broadcast, const char *track, uint64_t sequence,
		      const char *frame, size_t frame_len);

/** One of several broadcasts of a relay; owns nothing. */
struct jsonl_broadcast {
	const char *name; /* UTF-8 of any bytes, ended by a 0 */
	size_t len;
	const char *relay; /* the broadcast that its status names; NULL: this is the only one */
};

/** Write the line of one frame of it: `{"broadcast":…,"relay":…,"track":…,"sequence":N,"frame":…}`,
 *  or as above. */
int jsonl_write_frame_of(struct jsonl *j, const struct jsonl_broadcast *b, const char *track,
			 uint64_t sequence, const char *frame, size_t frame_len);

/** Write the line of its end, `{"ended":{"broadcast":…,"relay":…}}`: it is no longer announced, and
 *  what comes under its name later is another one. */
int jsonl_write_end(struct jsonl *j, const struct jsonl_broadcast *b);

/** Write the line that says what the counts are worth: `{"moqstat":…}` around `len` bytes of JSON,
 *  an object. Errors as of jsonl_write_frame(). */
int jsonl_write_status(struct jsonl *j, const char *json, size_t len);

/** Hand the line of the agent's own numbers, `{"health":{…}}`, to the one of jsonl_also() alone. */
int jsonl_write_health(struct jsonl *j, const char *json, size_t len);

/** Write `len` bytes that end with the line's newline. Waits where fd is a full non-blocking pipe.
 *  Returns 0 or what write() failed with. */
int jsonl_write_line(struct jsonl *j, const char *line, size_t len);

#endif /* MOQSTAT_JSONL_H */
