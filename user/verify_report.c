/* SPDX-License-Identifier: MIT */
#include "verify_report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "json_memory.h"

/* Tracks that the relay's HTTP can't reach: what is before a path's last slash is the broadcast. */
#define VERIFY_INTERNAL "internal/"

/* People are shown so many differences. */
#define VERIFY_LINES 20

enum verify_verdict verify_judge(const struct verify_told *t, const char **why)
{
	const struct compare_tally *of = t->compare->of;

	if (compare_found(t->compare)) {
		*why = "the differences below: don't rely on moqstat beside relays of this build";
		return VERIFY_DIFFERENT;
	}
	if (t->ended) {
		*why = "the relay ended before the time was over; nothing differed until then";
		return VERIFY_ENDED;
	}
	if (t->url && !of[COMPARE_STILL].numbers && !of[COMPARE_BETWEEN].numbers) {
		*why = "nothing could be compared with the relay's frames: none held a row long "
		       "enough; let clients publish and subscribe, or give more --seconds";
		return VERIFY_NOTHING;
	}
	if (!t->url && t->no_census) {
		*why = "nothing could be compared: of this relay it can't be told what is "
		       "open; give --relay-url beside one whose statistics are on";
		return VERIFY_NOTHING;
	}
	if (!t->url && !of[COMPARE_CENSUS].numbers) {
		*why = "nothing could be compared: nothing was open that held still from one tick "
		       "to the next; let clients publish and subscribe, or give more --seconds";
		return VERIFY_NOTHING;
	}
	if (!t->url && !t->compare->events) {
		*why = "nothing could be compared: nothing opened or closed, and what was open at "
		       "the start is known from the same memory; let clients come and go, or give "
		       "more --seconds";
		return VERIFY_NOTHING;
	}
	*why = t->url ? "every number that could be compared is the relay's own"
		      : "all that is open by the relay's memory was counted, and nothing else";
	return VERIFY_EQUAL;
}

static const char *verify_verdict_name(enum verify_verdict verdict)
{
	static const char *const names[] = { "equal", "different", "nothing-compared", "ended" };

	return names[verdict];
}

static json_t *verify_tally(const struct compare_tally *t)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "times", (json_int_t)t->times, "numbers",
			 (json_int_t)t->numbers, "exactly", (json_int_t)t->exactly, "unstable",
			 (json_int_t)t->unstable);
}

static json_t *verify_difference(const struct compare_difference *d)
{
	json_t *json = json_pack("{s:s, s:s, s:o, s:s?, s:I}", "by", compare_how_name(d->how),
				 "track", tracks_two[d->track].name, "path",
				 d->key ? json_loads(d->key, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)
					: json_null(),
				 "field", d->field, "times", (json_int_t)d->times);

	if (!d->field)
		json_object_set_new(
			json, "only",
			json_string(d->only == COMPARE_ONLY_OURS ? "moqstat" : "relay"));
	else if (d->key)
		json_object_update_new(json, json_pack("{s:[I, I], s:I}", "moqstat",
						       (json_int_t)d->low, (json_int_t)d->high,
						       "relay", (json_int_t)d->other));
	return json;
}

static json_t *verify_differences(const struct compare *c)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < c->len; i++)
		json_array_append_new(list, verify_difference(&c->list[i]));
	return list;
}

/* The relay's own frames, as a witness. */
static json_t *verify_frames(const struct verify_told *t)
{
	json_t *missing;
	unsigned int i;

	if (!t->url)
		return json_null();
	missing = json_array();
	for (i = 0; i < TRACKS_OF_TWO; i++) {
		const char *name = tracks_two[i].name;

		if (!strncmp(name, VERIFY_INTERNAL, strlen(VERIFY_INTERNAL)))
			json_array_append_new(missing, json_string(name));
	}
	return json_pack("{s:s, s:s, s:I, s:I, s:s, s:o, s:o, s:o}", "url", t->url, "broadcast",
			 t->broadcast, "fetched", (json_int_t)t->fetched, "failed",
			 (json_int_t)t->failed, "failure", t->failure, "still",
			 verify_tally(&t->compare->of[COMPARE_STILL]), "between",
			 verify_tally(&t->compare->of[COMPARE_BETWEEN]), "not_compared", missing);
}

static json_t *verify_census(const struct verify_told *t)
{
	json_t *census, *untold;
	unsigned int i;

	if (t->no_census)
		return json_pack("{s:s}", "not_compared", t->no_census);
	census = verify_tally(&t->compare->of[COMPARE_CENSUS]);
	untold = json_object();
	for (i = 0; i < CENSUS_KIND_MAX; i++)
		json_object_set_new(untold, census_kind_name(i),
				    json_integer((json_int_t)t->untold[i]));
	json_object_set_new(census, "failed", json_integer((json_int_t)t->censuses_failed));
	json_object_set_new(census, "untold", untold);
	json_object_set_new(census, "tasks_untold", json_integer((json_int_t)t->tasks_untold));
	return census;
}

static json_t *verify_json(const struct verify_told *t)
{
	json_t *status = t->status ? json_loads(t->status, JSON_ALLOW_NUL, NULL) : NULL;
	json_t *run = json_object_get(status, "moqstat"), *json;
	enum verify_verdict verdict;
	struct utsname name = { 0 };
	const char *why;
	size_t i;

	static const char *const parts[] = { "version", "relay", "probes", "lost", "tracks" };

	uname(&name);
	verdict = verify_judge(t, &why);
	json = json_pack("{s:s, s:s, s:f, s:o, s:{s:o, s:o}, s:I, s:o, s:I}", "verdict",
			 verify_verdict_name(verdict), "why", why, "seconds", t->seconds, "kernel",
			 json_sprintf("%s %s %s", name.sysname, name.release, name.machine),
			 "witnesses", "frames", verify_frames(t), "census", verify_census(t),
			 "events", (json_int_t)t->compare->events, "differences",
			 verify_differences(t->compare), "differences_more",
			 (json_int_t)t->compare->more);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		json_object_set(json, parts[i], json_object_get(run, parts[i]));
	json_decref(status);
	return json;
}

/* Some characters would change what the terminal shows. Those below a space are escaped already. */
static void verify_print_text(const char *text, FILE *to)
{
	for (; *text; text++) {
		if (*text == 0x7f || (*text == '\xc2' && ((unsigned char)text[1] & 0xe0) == 0x80)) {
			fputc('?', to);
			text += *text == '\xc2';
		} else {
			fputc(*text, to);
		}
	}
}

static void verify_print_difference(const struct compare_difference *d, FILE *to)
{
	fprintf(to, "  %s, %s ", compare_how_name(d->how), tracks_two[d->track].name);
	verify_print_text(d->key ? d->key : "", to);
	if (!d->key)
		fprintf(to, "the bytes of the frame differ, though its numbers don't");
	else if (!d->field)
		fprintf(to, ": only %s has this row",
			d->only == COMPARE_ONLY_OURS ? "moqstat" : "the relay");
	else if (d->low == d->high)
		fprintf(to, " %s: moqstat %" PRIu64 ", the relay %" PRIu64, d->field, d->low,
			d->other);
	else
		fprintf(to, " %s: moqstat %" PRIu64 " to %" PRIu64 ", the relay %" PRIu64, d->field,
			d->low, d->high, d->other);
	fprintf(to, " (%" PRIu64 " times)\n", d->times);
}

static void verify_print_tally(const char *name, const char *what, const struct compare_tally *t,
			       FILE *to)
{
	fprintf(to,
		"%-8s %" PRIu64 " %s: %" PRIu64 " numbers, %" PRIu64 " of them exactly; %" PRIu64
		" too unstable\n",
		name, t->times, what, t->numbers, t->exactly, t->unstable);
}

static void verify_print_witnesses(const struct verify_told *t, FILE *to)
{
	const struct compare *c = t->compare;
	uint64_t untold = t->tasks_untold;
	unsigned int i;

	if (t->url) {
		verify_print_tally("still", "frames of the relay's, byte for byte",
				   &c->of[COMPARE_STILL], to);
		verify_print_tally("between", "frames, between moqstat's before and after",
				   &c->of[COMPARE_BETWEEN], to);
		fprintf(to, "         not compared: the internal tracks, which the relay's HTTP "
			    "doesn't reach\n");
		if (t->failed)
			fprintf(to,
				"         %" PRIu64 " of %" PRIu64
				" requests failed, the last one: %s\n",
				t->failed, t->failed + t->fetched, t->failure);
	}
	if (t->no_census) {
		fprintf(to, "census   not compared: %s\n", t->no_census);
		return;
	}
	verify_print_tally("census", "times what is open by the relay's memory",
			   &c->of[COMPARE_CENSUS], to);
	for (i = 0; i < CENSUS_KIND_MAX; i++)
		untold += t->untold[i];
	if (untold || t->censuses_failed)
		fprintf(to,
			"         up to %" PRIu64 " guards or tasks of which it couldn't be "
			"told; %" PRIu64 " censuses failed\n",
			untold, t->censuses_failed);
	fprintf(to, "events   %" PRIu64 " openings and closings were seen\n", c->events);
}

static void verify_print(const struct verify_told *t, FILE *to)
{
	const struct compare *c = t->compare;
	enum verify_verdict verdict;
	const char *why;
	size_t i;

	verdict = verify_judge(t, &why);
	verify_print_witnesses(t, to);
	fprintf(to, "%s: %s\n", verify_verdict_name(verdict), why);
	for (i = 0; i < c->len && i < VERIFY_LINES; i++)
		verify_print_difference(&c->list[i], to);
	if (c->len + c->more > i)
		fprintf(to, "  and %" PRIu64 " more; --json tells of %d\n", c->len + c->more - i,
			COMPARE_LIST_MAX);
	if (t->url && verdict == VERIFY_DIFFERENT && !c->of[COMPARE_STILL].exactly &&
	    !c->of[COMPARE_BETWEEN].exactly)
		fprintf(to, "Not one number is the same: is %s the address of this very relay?\n",
			t->url);
}

int verify_report(const struct verify_told *t, bool json, FILE *to)
{
	char *text;
	int err = 0;

	if (!json) {
		verify_print(t, to);
		return fflush(to) || ferror(to) ? -EIO : 0;
	}
	json_memory_begin();
	text = json_memory_text(verify_json(t), JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	if (fprintf(to, "%s\n", text) < 0 || fflush(to))
		err = errno ? -errno : -EIO;
	free(text);
	return err;
}
