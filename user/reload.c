/* SPDX-License-Identifier: MIT */
#include "reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "settings.h"

/* As a file would have it; "" where there is none. NULL: no memory. */
static char *reload_text(const struct setting *s, const struct options *o)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	if (o->given[s - settings] != OPTIONS_DEFAULT || s->fallback)
		settings_print_value(s, o, to);
	if (!fclose(to))
		return text;
	free(text);
	return NULL;
}

static void reload_tell(const struct setting *s, const char *before, const char *now)
{
	if (s->flags & SETTING_LIVE)
		log_info("%s = %s from now on; it was %s", s->name, now, before);
	else
		log_warn("%s%s%s takes a restart: it stays %s", s->name,
			 *now ? " = " : ", left out,", now,
			 *before ? before : "as it was, not given");
}

/* Tell what one setting becomes. *differs counts. */
static int reload_compare(const struct setting *s, const struct options *before,
			  const struct options *now, unsigned int *differs)
{
	char *old = reload_text(s, before), *new = reload_text(s, now);
	int err = old && new ? 0 : -ENOMEM;

	if (!err && strcmp(old, new)) {
		++*differs;
		reload_tell(s, old, new);
	}
	free(old);
	free(new);
	return err;
}

int reload_apply(const struct options *now, struct options *o)
{
	const struct setting *s;
	unsigned int differs = 0;
	int err = 0;

	for (s = settings; s < settings + settings_len && !err; s++) {
		if (s->commands >> o->command & 1)
			err = reload_compare(s, o, now, &differs);
	}
	if (err)
		return err;
	for (s = settings; s < settings + settings_len; s++) {
		if (s->flags & SETTING_LIVE)
			settings_copy(s, now, o);
	}
	if (!differs)
		log_info("the settings are as they were");
	return 0;
}
