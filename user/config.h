/* SPDX-License-Identifier: MIT */
/*
 * config.h - settings from the environment and from a file, and what they come to.
 *
 * The file has one `name = value` a line, by the names of the long options. A flag's value is yes
 * or no. Empty lines and those that begin with # are left out; a value ends with its line, and
 * blanks around it don't count. In the environment the same is MOQSTAT_NAME, with _ for -.
 */
#ifndef MOQSTAT_CONFIG_H
#define MOQSTAT_CONFIG_H

#include "options.h"

/** Read if nothing else is named, and if it is there. */
#define CONFIG_FILE "/etc/moqstat/moqstat.conf"

/** Names another file. */
#define CONFIG_VARIABLE "MOQSTAT_CONFIG"

/** Take the settings of the environment, as environ(7) has it. A name that is no setting is an
 * error that names the nearest one. What is wrong is logged, all of it. 0 or -EINVAL. */
int config_environment(char *const *env, struct options *o);

/**
 * Take the settings of a file: `o->config`, or what the environment names, or CONFIG_FILE if it is
 * there. `o->file` then is its text. It must be a file that only root or this user can write. What
 * is wrong is logged, all of it, with the line. 0; -EINVAL; -EPERM: others can write it; -ENOMEM;
 * what reading it gives.
 */
int config_file(char *const *env, struct options *o);

#endif /* MOQSTAT_CONFIG_H */
