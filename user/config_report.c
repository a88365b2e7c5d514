/* SPDX-License-Identifier: MIT */
#include "config_report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "config.h"
#include "log.h"
#include "settings.h"
#include "utf8.h"

static const char *const config_report_sources[] = {
	[OPTIONS_DEFAULT] = "default",
	[OPTIONS_FILE] = "file",
	[OPTIONS_ENVIRONMENT] = "environment",
	[OPTIONS_ARGUMENT] = "argument",
};

/* Has it a value at all? */
static bool config_report_holds(const struct setting *s, const struct options *o)
{
	return o->given[s - settings] != OPTIONS_DEFAULT || s->fallback;
}

static int config_report_print(const struct options *o)
{
	const struct setting *s;
	int err;

	for (s = settings; s < settings + settings_len; s++) {
		if (!settings_configurable(s) || !config_report_holds(s, o))
			continue;
		printf("# %s\n%s = ", config_report_sources[o->given[s - settings]], s->name);
		err = settings_print_value(s, o, stdout);
		if (err)
			return err;
		putchar('\n');
	}
	return 0;
}

static json_t *config_report_value(const struct setting *s, const struct options *o)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	json_t *value = NULL;

	if (!to)
		return NULL;
	settings_print_value(s, o, to);
	if (!fclose(to))
		value = utf8_json(text);
	free(text);
	return value;
}

static json_t *config_report_values(const struct options *o)
{
	json_t *root = json_object();
	const struct setting *s;

	for (s = settings; s < settings + settings_len; s++) {
		if (settings_configurable(s) && config_report_holds(s, o))
			json_object_set_new(
				root, s->name,
				json_pack("{s:o, s:s}", "value", config_report_value(s, o),
					  "source", config_report_sources[o->given[s - settings]]));
	}
	return root;
}

static const char *const config_report_kinds[] = {
	[SETTING_FLAG] = "flag",       [SETTING_NUMBER] = "number",
	[SETTING_SECONDS] = "seconds", [SETTING_PERCENT] = "percent",
	[SETTING_WORD] = "word",       [SETTING_TEXT] = "text",
	[SETTING_PATH] = "path",       [SETTING_TEMPLATE] = "template",
	[SETTING_NAME] = "name",
};

static json_t *config_report_words(const struct setting *s)
{
	json_t *words = json_array();
	size_t i;

	for (i = 0; s->words[i]; i++)
		json_array_append_new(words, json_string(s->words[i]));
	return words;
}

static json_t *config_report_commands(const struct setting *s)
{
	json_t *names = json_array();
	size_t i;

	for (i = 0; i < commands_len; i++) {
		if (s->commands >> commands[i].command & 1)
			json_array_append_new(names, json_string(commands[i].name));
	}
	return names;
}

/* One setting as it is declared. */
static json_t *config_report_setting(const struct setting *s)
{
	json_t *entry = json_pack(
		"{s:s, s:s, s:s*, s:s*, s:s*, s:s, s:b, s:b, s:o}", "name", s->name, "type",
		config_report_kinds[s->kind], "metavar", s->value, "unit", s->unit, "default",
		s->fallback, "help", s->help, "configurable", settings_configurable(s), "testing",
		!!(s->flags & SETTING_TESTS), "commands", config_report_commands(s));

	if (s->kind == SETTING_WORD)
		json_object_set_new(entry, "words", config_report_words(s));
	if (s->high > 0)
		json_object_set_new(entry, "range", json_pack("[f, f]", s->low, s->high));
	return entry;
}

static json_t *config_report_usage(const struct command *c)
{
	json_t *lines = json_array();
	size_t i;

	for (i = 0; c->usage[i]; i++)
		json_array_append_new(lines, json_string(c->usage[i]));
	return lines;
}

static json_t *config_report_declared(void)
{
	json_t *known = json_array(), *told = json_array();
	size_t i;

	for (i = 0; i < commands_len; i++)
		json_array_append_new(told, json_pack("{s:s, s:s, s:o}", "name", commands[i].name,
						      "help", commands[i].help, "usage",
						      config_report_usage(&commands[i])));
	for (i = 0; i < settings_len; i++)
		json_array_append_new(known, config_report_setting(&settings[i]));
	return json_pack("{s:o, s:o}", "commands", told, "settings", known);
}

static void config_report_list(void)
{
	const struct setting *s;
	char names[128];

	for (s = settings; s < settings + settings_len; s++) {
		printf("%s\t%s\t%s\t%s\t%s\t%s\n", s->name, config_report_kinds[s->kind],
		       s->fallback ? s->fallback : "-",
		       settings_configurable(s) ? "file" : "command line",
		       s->commands == ~0U ? "all"
					  : commands_names(s->commands, names, sizeof(names)),
		       s->help);
	}
}

static int config_report_json(json_t *root)
{
	int rc = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;

	json_decref(root);
	return rc || putchar('\n') == EOF ? -EIO : 0;
}

int config_report_run(const struct options *o)
{
	int err = 0;

	if (o->list && o->json)
		err = config_report_json(config_report_declared());
	else if (o->list)
		config_report_list();
	else if (o->print && o->json)
		err = config_report_json(config_report_values(o));
	else if (o->print)
		err = config_report_print(o);
	else
		printf("the settings are right: %s, then the environment\n",
		       o->file ? o->config : "no file (" CONFIG_FILE " is not there)");
	errno = 0;
	if (err || fflush(stdout) || ferror(stdout)) {
		log_error("config: can't write to standard output: %s",
			  errno ? strerror(errno) : "it takes no more");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}
