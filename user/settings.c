/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "template.h"
#include "utf8.h"

#define RUN	       (1U << OPTIONS_RUN)
#define SITES	       (1U << OPTIONS_SITES)
#define CENSUS	       (1U << OPTIONS_CENSUS)
#define SERVE	       (1U << OPTIONS_SERVE)
#define CONFIG	       (1U << OPTIONS_CONFIG)
#define DOCTOR	       (1U << OPTIONS_DOCTOR)
#define FACTS	       (1U << OPTIONS_FACTS)
#define TOP	       (1U << OPTIONS_TOP)
#define VERIFY	       (1U << OPTIONS_VERIFY)
#define EVERY	       (~0U)

#define BROADCASTS_MAX 1000000
#define IN(member)     .offset = offsetof(struct options, member)

const struct setting settings[] = {
	{ "pid", "PID",
	  "the relay's process; it may run already, and is left untouched. moqstat ends with it",
	  .kind = SETTING_NUMBER, .low = 1, .high = 4194304,
	  .commands = RUN | SITES | CENSUS | DOCTOR | TOP | VERIFY,
	  .flags = SETTING_TARGET | SETTING_HERE, IN(pid) },
	{ "exe", "PATH",
	  "each process that runs this executable, by its path here or as the process sees it (a "
	  "container's)",
	  .kind = SETTING_TEXT, .commands = RUN | TOP, .flags = SETTING_TARGET, IN(exe) },
	{ "unit", "NAME", "the relays of a systemd unit; NAME may hold wildcards",
	  .kind = SETTING_TEXT, .commands = RUN | TOP, .flags = SETTING_TARGET, IN(unit) },
	{ "all", NULL,
	  "every process that runs a relay which is known here. With these three, relays are found "
	  "when they start, whatever ends is closed with a last frame, and moqstat runs until it "
	  "is stopped",
	  .kind = SETTING_FLAG, .commands = RUN | TOP, .flags = SETTING_TARGET, IN(all) },
	{ "replay", "FILE", "read what --record wrote instead", .kind = SETTING_TEXT,
	  .commands = RUN, .flags = SETTING_TARGET | SETTING_HERE, IN(replay) },
	{ "binary", "FILE", "an executable, instead of a process's", .kind = SETTING_TEXT,
	  .commands = SITES, .flags = SETTING_HERE, IN(binary) },
	{ "record", "FILE",
	  "also write what is counted at each tick to FILE, which is replaced; where there may be "
	  "several relays, FILE must hold {pid}",
	  .kind = SETTING_TEMPLATE, .commands = RUN, IN(record) },
	{ "node", "NODE",
	  "publish as <prefix>/node/NODE; else as <prefix>/node. NODE may hold {pid}, {host} and "
	  "{unit}, so that each relay has a name of its own; where one is taken, /PID is put "
	  "behind it",
	  .kind = SETTING_NAME, .commands = RUN | TOP | VERIFY, IN(node) },
	{ "prefix", "PATH", "where stats broadcasts live; paths under it are not counted",
	  .kind = SETTING_PATH, .fallback = ".stats", .commands = RUN | TOP | VERIFY, IN(prefix) },
	{ "depth", "N",
	  "as a relay with --stats-depth N: a stats broadcast for each group of paths, "
	  "<prefix>/GROUP/node[/NODE], GROUP being their first N segments",
	  .kind = SETTING_NUMBER, .unit = "segments", .fallback = "0", .low = 0, .high = 1024,
	  .commands = RUN, IN(depth) },
	{ "linger", "SECONDS",
	  "with --depth: how long such a broadcast outlives its last row, as the relay's "
	  "--stats-linger; unless given, as of its release: 300 from 0.17 on, before that 0",
	  .kind = SETTING_SECONDS, .unit = "seconds", .low = 0, .high = 31536000, .commands = RUN,
	  IN(linger_ms) },
	{ "interval", "SECONDS",
	  "from one tick to the next; SIGHUP to a run takes another one from the file. verify: that "
	  "of the relay, its --stats-interval",
	  .kind = SETTING_SECONDS, .unit = "seconds", .fallback = "1", .low = 0.01, .high = 3600,
	  .commands = RUN | TOP | VERIFY, .flags = SETTING_LIVE, IN(interval_ms) },
	{ "output", "WHAT",
	  "jsonl: one line a frame on standard output, the first line tells what each field is "
	  "worth; this is the default, but none with --listen",
	  .kind = SETTING_WORD, .words = { "jsonl", "none" }, .commands = RUN, IN(output) },
	{ "listen", "ADDRESS",
	  "serve over HTTP, from a process of its own without privileges: HOST:PORT, [IPV6]:PORT, "
	  "a port of the loopback, or socket: the one that the service manager passes",
	  .kind = SETTING_TEXT, .commands = RUN | SERVE, IN(listen) },
	{ "token-file", "FILE",
	  "who may read: TOKEN EXPIRY SCOPES a line, with EXPIRY a time as 2027-01-31T12:00:00Z or "
	  "never, SCOPES tracks, metrics, or both with a comma; needed for any address but a "
	  "loopback one; SIGHUP reads it again. top: the token that the agent wants, as the first "
	  "word; also in the environment, as MOQSTAT_TOKEN",
	  .kind = SETTING_TEXT, .commands = RUN | SERVE | TOP, IN(token_file) },
	{ "tls-cert", "FILE", "HTTPS, with this certificate in PEM; with --tls-key",
	  .kind = SETTING_TEXT, .commands = RUN | SERVE, IN(tls_cert) },
	{ "tls-key", "FILE", "the certificate's key in PEM", .kind = SETTING_TEXT,
	  .commands = RUN | SERVE, IN(tls_key) },
	{ "publish", "URLS",
	  "publish the stats broadcasts at a relay, over its WebSocket, as if its own statistics "
	  "were on: ws://HOST:PORT/PATH, or wss://; PATH is one that all of them are under, "
	  "/.stats say. Several URLs with blanks between them",
	  .kind = SETTING_TEXT, .commands = RUN | SERVE, .flags = SETTING_ONCE, IN(publish) },
	{ "publish-token-file", "FILE",
	  "with --publish: the token that the relays want, for every one of them; SIGHUP reads it "
	  "again, for the next connection",
	  .kind = SETTING_TEXT, .commands = RUN | SERVE, IN(publish_token_file) },
	{ "no-standing", NULL,
	  "with --publish: without subscriptions of its own to what it publishes; then a relay's HTTP "
	  "may go on giving an old frame while nobody subscribes there",
	  .kind = SETTING_FLAG, .commands = RUN | SERVE, IN(no_standing) },
	{ "metrics-max", "N",
	  "broadcasts with series of their own; more are summed up. SIGHUP to a run takes another "
	  "number from the file, for broadcasts that come",
	  .kind = SETTING_NUMBER, .unit = "broadcasts", .fallback = "1024", .low = 1,
	  .high = BROADCASTS_MAX, .commands = RUN | SERVE, .flags = SETTING_LIVE, IN(metrics_max) },
	{ "max-broadcasts", "N", "told apart at once; what exceeds it is summed up in __overflow__",
	  .kind = SETTING_NUMBER, .unit = "broadcasts", .fallback = "16384", .low = 1,
	  .high = BROADCASTS_MAX, .commands = RUN | DOCTOR | TOP | VERIFY, IN(max_broadcasts) },
	{ "probes", "KIND",
	  "auto, uprobe_multi, or perf_event: slower to attach and detach, for kernels before 6.6",
	  .kind = SETTING_WORD, .fallback = "auto",
	  .words = { "auto", "uprobe_multi", "perf_event" },
	  .commands = RUN | DOCTOR | TOP | VERIFY, IN(probes) },
	{ "identity", "HOW",
	  "auto: by the relay's own entries where its statistics are on, and by guards where they "
	  "are off; guard: by guards always, to check the one by the other",
	  .kind = SETTING_WORD, .fallback = "auto", .words = { "auto", "guard" },
	  .commands = RUN | TOP | VERIFY, IN(identity) },
	{ "hot", "HOW",
	  "how bytes, frames and groups are counted. probe: by a probe at each; read: from the "
	  "relay's own counters, which costs it nothing, but only where its statistics are on; "
	  "auto: read where that can be, else probe",
	  .kind = SETTING_WORD, .fallback = "auto", .words = { "auto", "probe", "read" },
	  .commands = RUN | TOP | VERIFY, IN(hot) },
	{ "user", "NAME",
	  "become this user before anything of a relay is read; else moqstat stays who it is. Of its "
	  "rights it keeps what attaching and reading take, in either case",
	  .kind = SETTING_TEXT, .commands = RUN | DOCTOR, IN(user) },
	{ "best-effort", NULL,
	  "count all the same where the kernel takes no probe at some site: its counter is "
	  "unavailable, and the status names the site; without this nothing is attached then",
	  .kind = SETTING_FLAG, .commands = RUN | TOP | VERIFY, IN(best_effort) },
	{ "no-unattributed", NULL,
	  "no row __unattributed__ for what happens on something that can't be named; it is "
	  "counted in the status all the same",
	  .kind = SETTING_FLAG, .commands = RUN | TOP, IN(no_unattributed) },
	{ "bpf-stats", NULL,
	  "with --listen: have the kernel measure what the probes cost, while moqstat runs; that "
	  "costs every BPF program of the machine some 60 ns a run",
	  .kind = SETTING_FLAG, .commands = RUN, IN(bpf_stats) },
	{ "budget", "PERCENT",
	  "of the machine's processor time, all its processors together, that moqstat may cost at "
	  "most: beyond, it stops counting frames, then groups, then bytes, each with a warning, and "
	  "their fields are unavailable until the load falls",
	  .kind = SETTING_PERCENT, .unit = "percent", .low = 0.01, .high = 100, .commands = RUN,
	  IN(budget) },
	{ "hit-cost", "NS",
	  "with --budget: what a hit of a probe is taken to cost; with --bpf-stats the part of it "
	  "that can be is measured",
	  .kind = SETTING_NUMBER, .unit = "nanoseconds", .fallback = "750", .low = 1,
	  .high = 100000000, .commands = RUN, IN(hit_cost) },
	{ "explain", NULL,
	  "also tell people, on standard error, what each field is worth: at the start, and "
	  "whenever that changes",
	  .kind = SETTING_FLAG, .commands = RUN, IN(explain) },
	{ "leave-out", "COUNTER",
	  "for tests: don't probe the sites of COUNTER, as `moqstat sites` calls it, to see what "
	  "notices",
	  .kind = SETTING_TEXT, .commands = RUN | TOP | VERIFY,
	  .flags = SETTING_HERE | SETTING_TESTS, IN(leave_out) },
	{ "maps", "HOW",
	  "for tests: read the counters in batches, or each by itself; auto: in batches if the "
	  "kernel can",
	  .kind = SETTING_WORD, .fallback = "auto", .words = { "auto", "batches", "each" },
	  .commands = RUN | TOP, .flags = SETTING_HERE | SETTING_TESTS, IN(maps) },
	{ "relay-url", "URL",
	  "the relay's own HTTP, http://127.0.0.1:4443 say, where its statistics are on; a query "
	  "(?jwt=TOKEN) goes along",
	  .kind = SETTING_TEXT, .commands = VERIFY, .flags = SETTING_HERE, IN(relay_url) },
	{ "insecure", NULL, "for https: any certificate will do", .kind = SETTING_FLAG,
	  .commands = VERIFY, .flags = SETTING_HERE, IN(insecure) },
	{ "seconds", "SECONDS", "for how long to compare", .kind = SETTING_SECONDS,
	  .unit = "seconds", .fallback = "30", .low = 1, .high = 86400, .commands = VERIFY,
	  .flags = SETTING_HERE, IN(seconds_ms) },
	{ "report", "FILE", "write the JSON object of --json to FILE, which is replaced",
	  .kind = SETTING_TEXT, .commands = VERIFY, .flags = SETTING_HERE, IN(report) },
	{ "check", NULL, "are the settings of the environment and the file right?",
	  .kind = SETTING_FLAG, .commands = CONFIG, .flags = SETTING_HERE, IN(check) },
	{ "print", NULL, "print what they come to, as a file, with where each is from",
	  .kind = SETTING_FLAG, .commands = CONFIG, .flags = SETTING_HERE, IN(print) },
	{ "list", NULL, "print which settings there are", .kind = SETTING_FLAG, .commands = CONFIG,
	  .flags = SETTING_HERE, IN(list) },
	{ "cost", NULL,
	  "measure what a hit costs on this machine, on moqstat's own code, and predict what a "
	  "relay will pay (root)",
	  .kind = SETTING_FLAG, .commands = SITES, .flags = SETTING_HERE, IN(cost) },
	{ "rate", "FRAMES", "with --cost: frames that the relay sends a second",
	  .kind = SETTING_NUMBER, .unit = "frames", .fallback = "100000", .low = 1,
	  .high = 1000000000, .commands = SITES, .flags = SETTING_HERE, IN(rate) },
	{ "cacert", "FILE",
	  "for https, and wss: whose certificates hold, in PEM, instead of the system's",
	  .kind = SETTING_TEXT, .commands = RUN | SERVE | TOP | VERIFY, IN(cacert) },
	{ "plain", NULL,
	  "a plain table each tick, on a terminal, too: a line with # for all, one with the "
	  "columns' names, one for each row, an empty line",
	  .kind = SETTING_FLAG, .commands = TOP, .flags = SETTING_HERE, IN(plain) },
	{ "count", "N", "so many plain tables; rates are known from the second one on",
	  .kind = SETTING_NUMBER, .low = 1, .high = INT32_MAX, .commands = TOP,
	  .flags = SETTING_HERE, IN(count) },
	{ "view", "VIEW", "broadcasts, or sessions by auth root", .kind = SETTING_WORD,
	  .fallback = "broadcasts", .words = { "broadcasts", "sessions" }, .commands = TOP,
	  .flags = SETTING_HERE, IN(view) },
	{ "sort", "COLUMN",
	  "by viewers, unless said otherwise: name, viewers, subscriptions, sources, announced, "
	  "out-bytes, out-frames, out-groups, in-bytes, in-frames, in-groups, tier; or root, "
	  "sessions, begun, ended, tier",
	  .kind = SETTING_TEXT, .commands = TOP, .flags = SETTING_HERE, IN(sort) },
	{ "reverse", NULL, "in the reverse order", .kind = SETTING_FLAG, .commands = TOP,
	  .flags = SETTING_HERE, IN(reverse) },
	{ "filter", "TEXT", "only rows with TEXT in their names", .kind = SETTING_TEXT,
	  .commands = TOP, .flags = SETTING_HERE, IN(filter) },
	{ "tier", "TIER", "whose numbers", .kind = SETTING_WORD, .fallback = "all",
	  .words = { "all", "external", "internal" }, .commands = TOP, .flags = SETTING_HERE,
	  IN(tier) },
	{ "json", NULL, "as one JSON object", .kind = SETTING_FLAG,
	  .commands = SITES | CENSUS | CONFIG | DOCTOR | FACTS | VERIFY, .flags = SETTING_HERE,
	  IN(json) },
	{ "no-cache", NULL, "scan the executable even if its sites are known from last time",
	  .kind = SETTING_FLAG, .commands = EVERY & ~CONFIG & ~SERVE & ~FACTS, IN(no_cache) },
	{ "config", "FILE",
	  "settings, one `name = value` a line; what the environment (MOQSTAT_NAME) or the command "
	  "line says counts more",
	  .kind = SETTING_TEXT, .commands = RUN | SERVE | CONFIG | DOCTOR, .flags = SETTING_HERE,
	  IN(config) },
	{ "log-format", "FORMAT",
	  "what messages on standard error look like: text, or json, one object a line with time, "
	  "level and message; in the journal each has its priority either way",
	  .kind = SETTING_WORD, .fallback = "text", .words = { "text", "json" },
	  .commands = RUN | SERVE, IN(log_format) },
	{ "verbose", NULL, "say more on standard error", .kind = SETTING_FLAG, .commands = EVERY,
	  IN(verbose) },
};
const size_t settings_len = sizeof(settings) / sizeof(settings[0]);

_Static_assert(sizeof(settings) / sizeof(settings[0]) <= OPTIONS_SETTINGS_MAX,
	       "struct options has room for every setting");
_Static_assert(sizeof(pid_t) == sizeof(uint32_t) && sizeof(enum percpu_way) == sizeof(uint32_t) &&
		       sizeof(enum options_output) == sizeof(uint32_t) &&
		       sizeof(enum log_format) == sizeof(uint32_t) &&
		       sizeof(enum table_kind) == sizeof(uint32_t) &&
		       sizeof(enum table_tier) == sizeof(uint32_t),
	       "numbers and words are of 32 bits");

const struct setting *settings_find(const char *name)
{
	size_t i;

	for (i = 0; i < settings_len; i++) {
		if (!strcmp(settings[i].name, name))
			return &settings[i];
	}
	return NULL;
}

bool settings_given(const struct options *o, const char *name)
{
	return o->given[settings_find(name) - settings] != OPTIONS_DEFAULT;
}

#define NAME_MAX_COMPARED 32

/* How many letters must be put in, left out or changed. */
static size_t settings_distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_COMPARED + 1], i, j, diagonal, above;
	size_t m = strnlen(a, NAME_MAX_COMPARED), n = strnlen(b, NAME_MAX_COMPARED);

	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 1; i <= m; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= n; j++) {
			above = row[j];
			row[j] = diagonal + (a[i - 1] != b[j - 1]);
			if (above + 1 < row[j])
				row[j] = above + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			diagonal = above;
		}
	}
	return row[n];
}

const struct setting *settings_nearest(const char *name)
{
	const struct setting *best = &settings[0];
	size_t i, distance, least = SIZE_MAX;

	for (i = 0; i < settings_len; i++) {
		distance = settings_distance(name, settings[i].name);
		if (distance < least) {
			least = distance;
			best = &settings[i];
		}
	}
	return best;
}

bool settings_configurable(const struct setting *s)
{
	return !(s->flags & SETTING_HERE);
}

static int settings_number(const struct setting *s, const char *text, const char *where, void *to)
{
	char *end;
	long value;
	uint32_t number;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < s->low || value > s->high) {
		log_error("%s: give a whole number from %.0f to %.0f", where, s->low, s->high);
		return -EINVAL;
	}
	number = value;
	memcpy(to, &number, sizeof(number));
	return 0;
}

static int settings_seconds(const struct setting *s, const char *text, const char *where, void *to)
{
	char *end;
	double seconds;
	uint64_t ms;

	errno = 0;
	seconds = strtod(text, &end);
	if (errno || end == text || *end || !isfinite(seconds) || seconds < s->low ||
	    seconds > s->high) {
		log_error("%s: give seconds from %g to %g", where, s->low, s->high);
		return -EINVAL;
	}
	ms = (uint64_t)(seconds * 1000 + 0.5);
	memcpy(to, &ms, sizeof(ms));
	return 0;
}

static int settings_percent(const struct setting *s, const char *text, const char *where, void *to)
{
	char *end;
	double percent;
	uint32_t milli;

	errno = 0;
	percent = strtod(text, &end);
	if (errno || end == text || *end || !isfinite(percent) || percent < s->low ||
	    percent > s->high) {
		log_error("%s: give a percentage from %g to %g", where, s->low, s->high);
		return -EINVAL;
	}
	milli = (uint32_t)(percent * 1000 + 0.5);
	memcpy(to, &milli, sizeof(milli));
	return 0;
}

/* "auto, batches or each" */
static void settings_words(const struct setting *s, char *to, size_t size)
{
	size_t i, at = 0;

	for (i = 0; s->words[i] && at < size; i++)
		at += snprintf(to + at, size - at, "%s%s",
			       !i		 ? ""
			       : s->words[i + 1] ? ", "
						 : " or ",
			       s->words[i]);
}

static int settings_word(const struct setting *s, const char *text, const char *where, void *to)
{
	char words[96];
	uint32_t i;

	for (i = 0; s->words[i]; i++) {
		if (!strcmp(s->words[i], text)) {
			memcpy(to, &i, sizeof(i));
			return 0;
		}
	}
	settings_words(s, words, sizeof(words));
	log_error("%s: give %s", where, words);
	return -EINVAL;
}

static int settings_flag(const char *text, const char *where, void *to)
{
	bool yes = !strcmp(text, "yes");

	if (!yes && strcmp(text, "no")) {
		log_error("%s: give yes or no", where);
		return -EINVAL;
	}
	memcpy(to, &yes, sizeof(yes));
	return 0;
}

static int settings_text(const struct setting *s, const char *text, const char *where, void *to)
{
	/* The text itself may be what a terminal should not see. */
	if ((s->kind == SETTING_PATH || s->kind == SETTING_NAME) &&
	    !utf8_valid(text, strlen(text))) {
		log_error("--%s: give a path in UTF-8", s->name);
		return -EINVAL;
	}
	if ((s->kind == SETTING_TEMPLATE || s->kind == SETTING_NAME) && template_check(text)) {
		log_error("%s: a brace that belongs to none of {pid}, {host}, {unit}", where);
		return -EINVAL;
	}
	memcpy(to, &text, sizeof(text));
	return 0;
}

static int settings_parse(const struct setting *s, const char *text, const char *where, void *to)
{
	switch (s->kind) {
	case SETTING_FLAG:
		return settings_flag(text, where, to);
	case SETTING_NUMBER:
		return settings_number(s, text, where, to);
	case SETTING_SECONDS:
		return settings_seconds(s, text, where, to);
	case SETTING_PERCENT:
		return settings_percent(s, text, where, to);
	case SETTING_WORD:
		return settings_word(s, text, where, to);
	default:
		return settings_text(s, text, where, to);
	}
}

/* Does something count more than what `source` says of it? */
static bool settings_outweighed(const struct setting *s, enum options_source source,
				const struct options *o)
{
	size_t i;

	if (o->given[s - settings] > source)
		return true;
	for (i = 0; i < settings_len && s->flags & SETTING_TARGET; i++) {
		if (settings[i].flags & SETTING_TARGET && o->given[i] > source)
			return true;
	}
	return false;
}

int settings_take(const struct setting *s, const char *text, enum options_source source,
		  const char *where, struct options *o)
{
	uint64_t unused;

	if (settings_outweighed(s, source, o))
		return settings_parse(s, text, where, &unused);
	if (settings_parse(s, text, where, (char *)o + s->offset))
		return -EINVAL;
	/* "all = no" asks for nothing, and stands in nothing's way. */
	if (s->offset != offsetof(struct options, all) || o->all)
		o->given[s - settings] = source;
	return 0;
}

void settings_default(struct options *o)
{
	size_t i;

	for (i = 0; i < settings_len; i++) {
		if (settings[i].fallback)
			settings_take(&settings[i], settings[i].fallback, OPTIONS_DEFAULT,
				      settings[i].name, o);
	}
}

static size_t settings_size(const struct setting *s)
{
	switch (s->kind) {
	case SETTING_FLAG:
		return sizeof(bool);
	case SETTING_NUMBER:
	case SETTING_WORD:
		return sizeof(uint32_t);
	case SETTING_SECONDS:
		return sizeof(uint64_t);
	default:
		return sizeof(const char *);
	}
}

void settings_copy(const struct setting *s, const struct options *from, struct options *to)
{
	memcpy((char *)to + s->offset, (const char *)from + s->offset, settings_size(s));
	to->given[s - settings] = from->given[s - settings];
}

int settings_print_value(const struct setting *s, const struct options *o, FILE *to)
{
	const void *at = (const char *)o + s->offset;
	const char *text;
	uint32_t number;
	uint64_t ms;
	int rc;

	switch (s->kind) {
	case SETTING_FLAG:
		rc = fputs(*(const bool *)at ? "yes" : "no", to);
		break;
	case SETTING_SECONDS:
		memcpy(&ms, at, sizeof(ms));
		rc = fprintf(to, "%g", (double)ms / 1000);
		break;
	case SETTING_PERCENT:
		memcpy(&number, at, sizeof(number));
		rc = fprintf(to, "%g", (double)number / 1000);
		break;
	case SETTING_NUMBER:
		memcpy(&number, at, sizeof(number));
		rc = fprintf(to, "%u", number);
		break;
	case SETTING_WORD:
		memcpy(&number, at, sizeof(number));
		rc = fputs(s->words[number], to);
		break;
	default:
		memcpy(&text, at, sizeof(text));
		rc = fputs(text ? text : "", to);
	}
	return rc < 0 ? -EIO : 0;
}
