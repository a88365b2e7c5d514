/* SPDX-License-Identifier: MIT */
/*
 * commands.h - what moqstat can be told to do, declared once, as settings.h declares the options.
 */
#ifndef MOQSTAT_COMMANDS_H
#define MOQSTAT_COMMANDS_H

#include <stddef.h>

#include "options.h"

struct command {
	const char *name;
	const char *const *usage; /* its arguments, a line each, then NULL */
	const char *help;	  /* what it does, in one line */
	enum options_command command;
};

extern const struct command commands[];
extern const size_t commands_len;

/** The command of this name, NULL if there is none. */
const struct command *commands_find(const char *name);

/** Its name. */
const char *commands_name(enum options_command command);

/** Whose bits these are, as "run and serve", for messages: to[size]. Returns it. */
char *commands_names(unsigned int bits, char *to, size_t size);

#endif /* MOQSTAT_COMMANDS_H */
