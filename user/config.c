/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "settings.h"

#define CONFIG_SIZE_MAX 65536
#define CONFIG_PREFIX	"MOQSTAT_"
#define CONFIG_WHERE	512

/* Variables that begin alike and are no settings. */
static const char *const config_others[] = { CONFIG_VARIABLE, "MOQSTAT_TOKEN" };

static bool config_other(const char *entry)
{
	size_t i, len = strcspn(entry, "=");

	for (i = 0; i < sizeof(config_others) / sizeof(config_others[0]); i++) {
		if (strlen(config_others[i]) == len && !strncmp(entry, config_others[i], len))
			return true;
	}
	return false;
}

/* The name of an option, of a variable's. */
static void config_option_name(const char *variable, size_t len, char *to, size_t size)
{
	size_t i;

	for (i = 0; i < len && i + 1 < size; i++)
		to[i] = variable[i] == '_' ? '-' : (char)tolower((unsigned char)variable[i]);
	to[i] = '\0';
}

/* Find what is called so, for `where`; -EINVAL (logged) if it can't be set this way. */
static int config_find(const char *name, const char *where, const struct setting **out)
{
	const struct setting *s = settings_find(name);

	if (!s) {
		log_error("%s: no such setting; the nearest is %s, see `moqstat config --list`",
			  where, settings_nearest(name)->name);
		return -EINVAL;
	}
	if (!settings_configurable(s)) {
		log_error("%s: only on the command line, as --%s", where, s->name);
		return -EINVAL;
	}
	*out = s;
	return 0;
}

int config_environment(char *const *env, struct options *o)
{
	const struct setting *s;
	char name[64], where[CONFIG_WHERE];
	const char *text;
	int err = 0;

	for (; env && *env; env++) {
		text = strchr(*env, '=');
		if (strncmp(*env, CONFIG_PREFIX, strlen(CONFIG_PREFIX)) || !text ||
		    config_other(*env))
			continue;
		text++;
		config_option_name(*env + strlen(CONFIG_PREFIX),
				   text - *env - strlen(CONFIG_PREFIX) - 1, name, sizeof(name));
		snprintf(where, sizeof(where), "environment: %s", *env);
		if (config_find(name, where, &s) ||
		    settings_take(s, text, OPTIONS_ENVIRONMENT, where, o))
			err = -EINVAL;
	}
	return err;
}

/* May somebody else have written it? It decides what a privileged process does. */
static int config_trusted(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISREG(st.st_mode) &&
	    ((st.st_mode & (S_IWGRP | S_IWOTH)) || (st.st_uid && st.st_uid != geteuid()))) {
		log_error("%s: others can write it, so its settings aren't taken; chown it to root "
			  "and chmod go-w it",
			  path);
		return -EPERM;
	}
	return 0;
}

/* Read all of it; what is no text is -EINVAL. */
static int config_slurp(int fd, char **out)
{
	char *text = malloc(CONFIG_SIZE_MAX + 1);
	size_t len = 0;
	ssize_t got;
	int err;

	if (!text)
		return -ENOMEM;
	while ((got = read(fd, text + len, CONFIG_SIZE_MAX + 1 - len)) > 0)
		len += got;
	err = got < 0 ? -errno : len > CONFIG_SIZE_MAX ? -EFBIG : 0;
	if (!err && memchr(text, '\0', len))
		err = -EINVAL;
	if (err) {
		free(text);
		return err;
	}
	text[len] = '\0';
	*out = text;
	return 0;
}

static const char *config_why(int err)
{
	switch (err) {
	case -EFBIG:
		return "it has more than 64 kB";
	case -EINVAL:
		return "there is a NUL byte in it";
	default:
		return strerror(-err);
	}
}

/* The text of a file. What is wrong is logged, but not that there is none if it needn't be. */
static int config_open(const char *path, bool needed, char **out)
{
	int err, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		err = -errno;
	else
		err = config_trusted(fd, path);
	if (!err)
		err = config_slurp(fd, out);
	if (fd >= 0)
		close(fd);
	if (err && err != -EPERM && (needed || (err != -ENOENT && err != -ENOTDIR)))
		log_error("%s: can't read the configuration file: %s", path, config_why(err));
	return err;
}

/* Cut the blanks off both ends, in place. */
static char *config_trim(char *text)
{
	size_t len;

	text += strspn(text, " \t\r");
	len = strlen(text);
	while (len && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* One line: its text is cut up. `lines[]` tells where each setting was given. */
static int config_line(char *line, const char *path, unsigned int number, unsigned int *lines,
		       struct options *o)
{
	char *name = config_trim(line), *equals, *value;
	const struct setting *s;
	char where[CONFIG_WHERE];

	if (!*name || *name == '#')
		return 0;
	equals = strchr(name, '=');
	if (!equals) {
		log_error("%s:%u: %s: give name = value", path, number, name);
		return -EINVAL;
	}
	*equals = '\0';
	name = config_trim(name);
	value = config_trim(equals + 1);
	snprintf(where, sizeof(where), "%s:%u: %s = %s", path, number, name, value);
	if (config_find(name, where, &s))
		return -EINVAL;
	if (lines[s - settings]) {
		log_error("%s: line %u says so already; leave one of them", where,
			  lines[s - settings]);
		return -EINVAL;
	}
	lines[s - settings] = number;
	return settings_take(s, value, OPTIONS_FILE, where, o);
}

static int config_lines(char *text, const char *path, struct options *o)
{
	unsigned int number = 0, lines[OPTIONS_SETTINGS_MAX] = { 0 };
	char *line;
	int err = 0;

	while ((line = strsep(&text, "\n"))) {
		if (config_line(line, path, ++number, lines, o))
			err = -EINVAL;
	}
	return err;
}

int config_file(char *const *env, struct options *o)
{
	const char *path = o->config;
	char *text;
	int err;

	for (; !path && env && *env; env++) {
		if (!strncmp(*env, CONFIG_VARIABLE "=", strlen(CONFIG_VARIABLE "=")))
			path = *env + strlen(CONFIG_VARIABLE "=");
	}
	err = config_open(path ? path : CONFIG_FILE, path, &text);
	if (err)
		return !path && (err == -ENOENT || err == -ENOTDIR) ? 0 : err;
	o->file = text;
	o->config = path ? path : CONFIG_FILE;
	return config_lines(text, o->config, o);
}
