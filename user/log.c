/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "utf8.h"

/* A message with the longest path of the system, and what is said of it; how long that can become;
 * what stands in front. */
#define LOG_MESSAGE 8192
#define LOG_ESCAPED (5 * LOG_MESSAGE)
#define LOG_FRONT   128

static enum log_level log_level = LOG_INFO;
static enum log_format log_format;
static bool log_journal;
static log_taker log_take;
static void *log_take_arg;

void log_set_level(enum log_level level)
{
	log_level = level;
}

void log_set_format(enum log_format format)
{
	log_format = format;
}

void log_find_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uint64_t device, inode;
	struct stat st;

	log_journal = stream && sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 &&
		      !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

void log_divert(log_taker take, void *arg)
{
	log_take = take;
	log_take_arg = arg;
}

/* A character that does something to a terminal or a line: the control characters of ASCII and of
 * Latin-1, which UTF-8 begins with 0xc2; what separates lines; what turns the direction of writing.
 */
static bool log_unseen(const unsigned char *s, size_t len)
{
	if (len == 1)
		return *s < 0x20 || *s == 0x7f;
	if (len == 2)
		return s[0] == 0xc2 && s[1] < 0xa0;
	return len == 3 && s[0] == 0xe2 &&
	       ((s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) ||
		(s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
}

/* Only what can be seen, and within a JSON string if it is for one. The end of what was written. */
static char *log_escape(const char *text, bool json, char *to)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t left = strlen(text), len, i;

	for (; left; s += len, left -= len) {
		len = utf8_sequence(s, left);
		if (len && !log_unseen(s, len)) {
			if (json && (*s == '"' || *s == '\\'))
				*to++ = '\\';
			memcpy(to, s, len);
			to += len;
			continue;
		}
		len = len ? len : 1;
		for (i = 0; i < len; i++)
			to += sprintf(to, json ? "\\\\x%02x" : "\\x%02x", s[i]);
	}
	*to = '\0';
	return to;
}

static char *log_begin_json(enum log_level level, char *to)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	to += strftime(to, LOG_FRONT / 2, "{\"time\":\"%Y-%m-%dT%H:%M:%S", &utc);
	return to + sprintf(to, ".%03ldZ\",\"level\":\"%s\",\"message\":\"", now.tv_nsec / 1000000,
			    names[level]);
}

/* The whole line in one write: another process may write to the same file. */
static void log_write(enum log_level level, const char *message)
{
	static const char *const prefix[] = { "error: ", "warning: ", "", "debug: " };
	static const char priority[] = { '3', '4', '6', '7' };
	char line[LOG_FRONT + LOG_ESCAPED + 4], *to = line;
	bool json = log_format == LOG_JSON;

	if (log_journal)
		to += sprintf(to, "<%c>", priority[level]);
	if (json)
		to = log_begin_json(level, to);
	else
		to += sprintf(to, "%s%s", log_journal ? "" : "moqstat: ", prefix[level]);
	to = log_escape(message, json, to);
	to += sprintf(to, json ? "\"}\n" : "\n");
	fwrite(line, 1, to - line, stderr);
}

void log_print(enum log_level level, const char *fmt, ...)
{
	char message[LOG_MESSAGE], line[LOG_ESCAPED + 1];
	va_list args;

	if (level > log_level && !log_take)
		return;
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (!log_take) {
		log_write(level, message);
		return;
	}
	log_escape(message, false, line);
	log_take(level, line, log_take_arg);
}
