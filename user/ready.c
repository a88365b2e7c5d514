/* SPDX-License-Identifier: MIT */
#include "ready.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READY_SECOND UINT64_C(1000000000)

static const char *ready_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "?";
}

static void ready_write_fields(const json_t *status, FILE *out)
{
	const char *track, *name;
	json_t *tracks = json_object_get(status, "tracks"), *fields, *field;

	json_object_foreach(tracks, track, fields)
	{
		json_object_foreach(fields, name, field)
		{
			if (!strcmp(ready_text(field, "state"), "unavailable"))
				fprintf(out, "%s: %s is unavailable: %s\n", track, name,
					ready_text(field, "reason"));
		}
	}
}

static void ready_write_sites(const json_t *status, FILE *out)
{
	const json_t *refused = json_object_get(json_object_get(status, "probes"), "refused"), *one;
	size_t i, len = json_array_size(refused);

	for (i = 0; i < len && i < READY_SITES_MAX; i++) {
		one = json_array_get(refused, i);
		fprintf(out, "no probe at site 0x%llx of %s: %s\n",
			(unsigned long long)json_integer_value(json_object_get(one, "address")),
			ready_text(one, "counter"), ready_text(one, "reason"));
	}
	if (i < len)
		fprintf(out, "no probe at %zu more sites\n", len - i);
}

/* Close a text that was written; NULL where there is nothing in it. */
static int ready_close(FILE *file, char **text, const size_t *len, char **out)
{
	bool failed = ferror(file);

	if (fclose(file) || failed) {
		free(*text);
		return -ENOMEM;
	}
	if (*len) {
		*out = *text;
		return 0;
	}
	free(*text);
	*out = NULL;
	return 0;
}

int ready_lacks(const json_t *status, char **out)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	if (!file)
		return -ENOMEM;
	ready_write_fields(status, file);
	ready_write_sites(status, file);
	return ready_close(file, &text, &len, out);
}

/* What a relay lacks, its broadcast before each line. */
static void ready_write_relay(const struct board_broadcast *one, FILE *out)
{
	const char *line, *end;
	size_t t;

	for (t = 0; t < TRACKS_OF_TWO && (one->tracks[t] || tracks_what(t).tier); t++)
		;
	/* The default tier's are all written in the first tick. */
	if (t < TRACKS_OF_TWO && !one->several)
		fprintf(out, "%s: its first tick is yet to come\n", one->name);
	for (line = one->lacks; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		fprintf(out, "%s: %.*s\n", one->name, (int)(end - line), line);
	}
}

static uint64_t ready_silence(const struct board *b, uint64_t now)
{
	return now > b->updated ? now - b->updated : 0;
}

int ready_ask(const struct board *b, uint64_t now, uint64_t stale_after, bool *ready, char **why)
{
	uint64_t silence = ready_silence(b, now);
	char *text = NULL;
	size_t len = 0, i, live = 0;
	FILE *file = open_memstream(&text, &len);
	int err;

	if (!file)
		return -ENOMEM;
	if (b->over)
		fputs("what is served has come to its end: no tick will follow\n", file);
	else if (stale_after && silence > stale_after)
		fprintf(file, "the agent has not been heard of for %llu s\n",
			(unsigned long long)(silence / READY_SECOND));
	for (i = 0; i < b->len; i++) {
		if (b->list[i]->ended)
			continue;
		live++;
		ready_write_relay(b->list[i], file);
	}
	if (!live)
		fputs("no relay is attached to\n", file);
	err = ready_close(file, &text, &len, &text);
	if (err)
		return err;
	*ready = !text;
	*why = text;
	return 0;
}

bool ready_alive(const struct board *b, uint64_t now, uint64_t dead_after)
{
	return !dead_after || ready_silence(b, now) <= dead_after;
}
