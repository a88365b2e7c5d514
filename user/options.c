/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "config.h"
#include "log.h"
#include "options_top.h"
#include "settings.h"
#include "template.h"

#define OPTIONS_WHERE 512
/* What getopt_long() gives for the settings' first, and so on. */
#define OPTIONS_FIRST 256

static bool options_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !strcmp(a, b) ||
	       (!stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

static bool options_templated(const char *text)
{
	return text && strchr(text, '{');
}

/* What belongs to serving; -EINVAL where it makes no sense. */
static int options_check_listen(const struct options *o, const char *command)
{
	if (!o->listen && (o->token_file || o->tls_cert || o->tls_key || o->bpf_stats)) {
		log_error(
			"%s: --token-file, --tls-cert, --tls-key and --bpf-stats belong to --listen",
			command);
		return -EINVAL;
	}
	if (!o->tls_cert != !o->tls_key) {
		log_error("%s: --tls-cert and --tls-key belong together: give both or neither",
			  command);
		return -EINVAL;
	}
	return 0;
}

/* What belongs to publishing, likewise. */
static int options_check_publish(const struct options *o, const char *command)
{
	if (!o->publish && (o->publish_token_file || o->cacert || o->no_standing)) {
		log_error(
			"%s: --publish-token-file, --cacert and --no-standing belong to --publish",
			command);
		return -EINVAL;
	}
	return 0;
}

/* What a recording has no use for. */
static int options_check_replay(const struct options *o)
{
	if (o->explain || o->leave_out) {
		log_error("run: --explain and --leave-out belong to a live run");
		return -EINVAL;
	}
	if (o->given[settings_find("user") - settings] == OPTIONS_ARGUMENT) {
		log_error("run: --user belongs to a live run; a recording needs no rights: start "
			  "moqstat as that user");
		return -EINVAL;
	}
	if (options_templated(o->node) || options_templated(o->record)) {
		log_error("run: {pid}, {host} and {unit} mean nothing with --replay; give names "
			  "without");
		return -EINVAL;
	}
	if (o->listen || o->publish) {
		log_error("run: --%s belongs to a live run; serve a recording by `moqstat run "
			  "--replay FILE | moqstat serve --%s %s`",
			  o->listen ? "listen" : "publish", o->listen ? "listen" : "publish",
			  o->listen ? "ADDRESS" : "URL");
		return -EINVAL;
	}
	if (o->record && options_same_file(o->replay, o->record)) {
		log_error("run: --record %s: the file that --replay reads; give another",
			  o->record);
		return -EINVAL;
	}
	return 0;
}

/* What a run is told to do with what it counts. */
static int options_check_ways(const struct options *o)
{
	bool several = o->exe || o->unit || o->all;

	if (several && o->record && !template_holds(o->record, "{pid}")) {
		log_error("run: --record %s: there may be several relays; put {pid} into the "
			  "name, relay-{pid}.jsonl say",
			  o->record);
		return -EINVAL;
	}
	if (o->output == OPTIONS_OUTPUT_NONE && !o->listen && !o->record && !o->publish) {
		log_error("run: --output none: then nothing comes of it; give --listen, --publish "
			  "or --record, too");
		return -EINVAL;
	}
	if (options_check_listen(o, "run") || options_check_publish(o, "run"))
		return -EINVAL;
	if (settings_given(o, "linger") && !o->depth) {
		log_error("run: --linger belongs to --depth: with depth 0 the one broadcast is "
			  "always there");
		return -EINVAL;
	}
	if (o->explain && o->log_format == LOG_JSON) {
		log_error(
			"run: --explain is a table for people: leave it out with --log-format json; "
			"the status on standard output says the same");
		return -EINVAL;
	}
	return o->replay ? options_check_replay(o) : 0;
}

static int options_check_run(const struct options *o)
{
	if (!!o->pid + !!o->exe + !!o->unit + o->all + !!o->replay != 1) {
		log_error("run: give one of --pid PID, --exe PATH, --unit NAME, --all and "
			  "--replay FILE");
		return -EINVAL;
	}
	return options_check_ways(o);
}

static int options_check_serve(const struct options *o)
{
	if (!o->listen && !o->publish) {
		log_error("serve: give --listen ADDRESS, 127.0.0.1:9814 say, or --publish URL");
		return -EINVAL;
	}
	return options_check_listen(o, "serve") || options_check_publish(o, "serve") ? -EINVAL : 0;
}

static int options_check(const struct options *o)
{
	switch (o->command) {
	case OPTIONS_RUN:
		return options_check_run(o);
	case OPTIONS_SITES:
		if (!o->pid == !o->binary) {
			log_error("sites: give either --pid PID or --binary FILE");
			return -EINVAL;
		}
		return 0;
	case OPTIONS_CENSUS:
		if (!o->pid) {
			log_error("census: give --pid PID");
			return -EINVAL;
		}
		return 0;
	case OPTIONS_SERVE:
		return options_check_serve(o);
	case OPTIONS_TOP:
		return options_top_check(o);
	case OPTIONS_VERIFY:
		if (!o->relay_url && (o->cacert || o->insecure || settings_given(o, "node"))) {
			log_error("verify: --cacert, --insecure and --node belong to --relay-url");
			return -EINVAL;
		}
		return 0;
	case OPTIONS_CONFIG:
		if (o->check + o->print + o->list != 1) {
			log_error("config: give one of --check, --print and --list");
			return -EINVAL;
		}
		/* Who to watch may be said on the command line of `run` alone. */
		return options_check_ways(o);
	default:
		return 0;
	}
}

/* An option that this command has no use for would be a wish that nobody hears. */
static int options_check_belonging(const struct options *o)
{
	const struct setting *s;
	char names[128];

	for (s = settings; s < settings + settings_len; s++) {
		if (o->given[s - settings] != OPTIONS_ARGUMENT || s->commands >> o->command & 1)
			continue;
		log_error("%s: --%s belongs to %s, see moqstat --help", commands_name(o->command),
			  s->name, commands_names(s->commands, names, sizeof(names)));
		return -EINVAL;
	}
	return 0;
}

/* The table, as getopt_long(3) has it. */
static void options_table(struct option *table)
{
	size_t i;

	for (i = 0; i < settings_len; i++)
		table[i] = (struct option){ settings[i].name,
					    settings[i].value ? required_argument : no_argument,
					    NULL, OPTIONS_FIRST + (int)i };
	table[i++] = (struct option){ "help", no_argument, NULL, 'h' };
	table[i++] = (struct option){ "version", no_argument, NULL, 'V' };
	table[i] = (struct option){ 0 };
}

/* What getopt_long() didn't know, or found without its value. */
static void options_refuse(int option, char *const *argv)
{
	const char *word = argv[optind - 1];
	char name[64];

	if (option == ':')
		log_error("%s: requires an argument, see moqstat --help", word);
	else if (optopt >= OPTIONS_FIRST)
		log_error("%s: takes no argument", word);
	else if (optopt)
		log_error("invalid option -- '%c', see moqstat --help", optopt);
	else {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
		log_error("%s: no such option; the nearest is --%s, see moqstat --help", word,
			  settings_nearest(name)->name);
	}
}

static int options_argument(int option, struct options *o)
{
	const struct setting *s = &settings[option - OPTIONS_FIRST];
	char where[OPTIONS_WHERE];

	if (s->flags & SETTING_ONCE && o->given[s - settings] == OPTIONS_ARGUMENT) {
		log_error("--%s: is there twice; give all of it at once, with blanks between: "
			  "--%s \"A B\"",
			  s->name, s->name);
		return -EINVAL;
	}
	snprintf(where, sizeof(where), "--%s %s", s->name, optarg ? optarg : "");
	return settings_take(s, optarg ? optarg : "yes", OPTIONS_ARGUMENT, where, o);
}

/* Take the options. 1 once help or the version is asked for: what else is said doesn't matter. */
static int options_arguments(int argc, char **argv, struct options *o)
{
	struct option table[OPTIONS_SETTINGS_MAX + 3];
	int option;

	options_table(table);
	while ((option = getopt_long(argc, argv, ":hV", table, NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			o->command = option == 'h' ? OPTIONS_HELP : OPTIONS_VERSION;
			return 1;
		}
		if (option == ':' || option == '?') {
			options_refuse(option, argv);
			return -EINVAL;
		}
		if (options_argument(option, o))
			return -EINVAL;
	}
	if (o->command == OPTIONS_TOP && optind < argc)
		o->url = argv[optind++];
	if (optind < argc) {
		log_error("%s: an argument too many, see moqstat --help", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static int options_command(const char *name, struct options *o)
{
	const struct command *command = commands_find(name);
	char names[128];

	if (!command && strcmp(name, "help")) {
		log_error("%s: no such command; there are %s, see moqstat --help", name,
			  commands_names(~0U, names, sizeof(names)));
		return -EINVAL;
	}
	o->command = command ? command->command : OPTIONS_HELP;
	return 0;
}

/* What the command line leaves open. */
static int options_elsewhere(char *const *env, struct options *o)
{
	int err;

	if (!(settings_find("config")->commands >> o->command & 1))
		return 0;
	err = config_environment(env, o);
	return err ? err : config_file(env, o);
}

static int options_take(int argc, char **argv, char *const *env, struct options *o)
{
	bool named = argc > 1 && argv[1][0] != '-';
	char names[128];
	int err;

	if (named && options_command(argv[1], o))
		return -EINVAL;
	optind = named ? 2 : 1;
	err = options_arguments(argc, argv, o);
	if (err || o->command == OPTIONS_HELP) {
		if (!err && !named) {
			log_error("say what to do: %s, or --help",
				  commands_names(~0U, names, sizeof(names)));
			err = -EINVAL;
		}
		return err < 0 ? err : 0;
	}
	err = options_check_belonging(o);
	if (!err)
		err = options_elsewhere(env, o);
	return err ? err : options_check(o);
}

/* Who serves frames has no need of them on a terminal. */
static void options_complete(struct options *o)
{
	if (o->listen && !settings_given(o, "output"))
		o->output = OPTIONS_OUTPUT_NONE;
}

int options_again(const struct options *before, char *const *env, struct options *out)
{
	struct options o = { .command = before->command };
	size_t i;
	int err;

	settings_default(&o);
	for (i = 0; i < settings_len; i++) {
		if (before->given[i] == OPTIONS_ARGUMENT)
			settings_copy(&settings[i], before, &o);
	}
	err = options_elsewhere(env, &o);
	if (!err)
		err = options_check(&o);
	if (err) {
		options_deinit(&o);
		return err;
	}
	options_complete(&o);
	*out = o;
	return 0;
}

int options_parse(int argc, char **argv, char *const *env, struct options *out)
{
	struct options o = { 0 };
	int err;

	settings_default(&o);
	err = options_take(argc, argv, env, &o);
	if (err) {
		options_deinit(&o);
		return err;
	}
	options_complete(&o);
	*out = o;
	return 0;
}

void options_deinit(struct options *o)
{
	free(o->file);
	o->file = NULL;
}
