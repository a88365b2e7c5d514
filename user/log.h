/* SPDX-License-Identifier: MIT */
/*
 * log.h - the one logger: messages for people, on stderr, one line each.
 */
#ifndef MOQSTAT_LOG_H
#define MOQSTAT_LOG_H

enum log_level {
	LOG_ERROR = 0,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

enum log_format {
	LOG_TEXT = 0,
	LOG_JSON, /* one object a line: time, level, message */
};

/** Print nothing above this level. The default is LOG_INFO. */
void log_set_level(enum log_level level);

/** What a line looks like. The default is LOG_TEXT. */
void log_set_format(enum log_format format);

/** Is stderr the journal's, as JOURNAL_STREAM says (systemd.exec(5))? From then on each line has
 * its priority in front, as sd-daemon(3) has it, and the journal says the rest. */
void log_find_journal(void);

/** Who takes messages instead of stderr: one line, without what stands in front and the newline. */
typedef void (*log_taker)(enum log_level level, const char *line, void *arg);

/** Give what is said to `take` from now on, whatever the level; NULL: to stderr again. */
void log_divert(log_taker take, void *arg);

/** Print one message, with "moqstat: error: " or the like in front and a newline behind. Say what
 *  was tried on what, why it failed, and what to do. Names in it may be anybody's: control
 *  characters, and bytes that are no UTF-8, come out as \xNN. */
void log_print(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_print(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_print(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_print(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_print(LOG_DEBUG, __VA_ARGS__)

#endif /* MOQSTAT_LOG_H */
