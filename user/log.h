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

/** Print nothing above this level. The default is LOG_INFO. */
void log_set_level(enum log_level level);

/** Print one message, with "moqstat: error: " or the like in front and a newline behind. Say what
 *  was tried on what, why it failed, and what to do. */
void log_print(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_print(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_print(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_print(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_print(LOG_DEBUG, __VA_ARGS__)

#endif /* MOQSTAT_LOG_H */
