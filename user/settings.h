/* SPDX-License-Identifier: MIT */
/*
 * settings.h - every option, declared once: what it is called, what it takes, and what it is for.
 * The command line, the environment, the configuration file, the help, the manual page and the
 * shells' completions all come from this one table.
 */
#ifndef MOQSTAT_SETTINGS_H
#define MOQSTAT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "options.h"

/** What a value is, and where it goes in struct options. */
enum setting_kind {
	SETTING_FLAG = 0, /* bool; given or not, `yes` or `no` in files */
	SETTING_NUMBER,	  /* 32 bits; whole */
	SETTING_SECONDS,  /* uint64_t, in milliseconds */
	SETTING_PERCENT,  /* 32 bits, in thousandths of a percent */
	SETTING_WORD,	  /* an enum: the place in `words` */
	SETTING_TEXT,	  /* const char *: any bytes */
	SETTING_PATH,	  /* the same, in UTF-8 */
	SETTING_TEMPLATE, /* any bytes, with places as of template.h */
	SETTING_NAME,	  /* UTF-8, with places */
};

/** Only on the command line: what is asked for at this moment, and not how it should be. */
#define SETTING_HERE 1
/** One of several ways to say the same: one that is given where it counts more takes the place of
 * all of them. */
#define SETTING_TARGET 2
/** For tests: not in completions or files. */
#define SETTING_TESTS 4
/** May change while a run goes on, at SIGHUP: a number. */
#define SETTING_LIVE 8
/** Takes several values at once, and may be given but once. */
#define SETTING_ONCE 16

struct setting {
	const char *name;     /* as in --name */
	const char *value;    /* what help calls what it takes; NULL for a flag */
	const char *help;     /* sentences, in one line */
	const char *unit;     /* of a number, or NULL */
	const char *fallback; /* the default, as text; NULL: none */
	const char *words[5]; /* SETTING_WORD: what may be given, then NULL */
	enum setting_kind kind;
	unsigned int commands; /* it belongs to: bits, 1 << enum options_command */
	unsigned int flags;    /* SETTING_* */
	size_t offset;	       /* in struct options */
	double low, high;      /* SETTING_NUMBER, SETTING_SECONDS, SETTING_PERCENT */
};

/** The table, in the order of the help; its place is what struct options' `given` is by. */
extern const struct setting settings[];
extern const size_t settings_len;

/** The setting of this name, NULL if there is none. */
const struct setting *settings_find(const char *name);

/** Has anybody said what it is to be? `name` is that of a setting. */
bool settings_given(const struct options *o, const char *name);

/** The one whose name is most like this one's; never NULL. */
const struct setting *settings_nearest(const char *name);

/** May it come from the environment or a file? */
bool settings_configurable(const struct setting *s);

/**
 * Take a value. `where` says how it was given, for messages: "--interval 0", "FILE:3: interval =
 * 0". A text stays the caller's. Where it has been given already by a source that counts more, it
 * is checked and left. 0 or -EINVAL (logged), and nothing is changed then.
 */
int settings_take(const struct setting *s, const char *text, enum options_source source,
		  const char *where, struct options *o);

/** Set what has a default to it. */
void settings_default(struct options *o);

/** Take one setting over as it is, and how it was given. Texts stay whose they are. */
void settings_copy(const struct setting *s, const struct options *from, struct options *to);

/** Print a value as a file would have it. 0 or -errno. */
int settings_print_value(const struct setting *s, const struct options *o, FILE *to);

#endif /* MOQSTAT_SETTINGS_H */
