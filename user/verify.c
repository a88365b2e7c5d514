/* SPDX-License-Identifier: MIT */
#include "verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "closer.h"
#include "discover.h"
#include "files.h"
#include "group.h"
#include "log.h"
#include "loop.h"
#include "path.h"
#include "relay.h"
#include "relay_http.h"
#include "verify_report.h"

#define VERIFY_NS 1000000ULL /* in a millisecond */

/* We look so many times in an interval of the relay's, but neither more nor less often than so. */
#define VERIFY_LOOKS	4
#define VERIFY_LOOK_MIN 50
#define VERIFY_LOOK_MAX 1000

/* What was there before the probes is taken over in the first seconds. */
#define VERIFY_WARM_MS 2000

/* Censuses are this far from each other and from the ticks around them: a guard that is being made
 * or ended lies for an instant where no task holds it, though it is counted already or still. */
#define VERIFY_SETTLE_MS 50
#define VERIFY_CENSUS_MS 500
/* Between them there is at least so many times what they take. */
#define VERIFY_CENSUS_SHARE 3

/* Ticks whose frames are kept: those of four looks, of which each may have two, and some more. */
#define VERIFY_PAST 16
/* A frame of the relay's is between ours of this many looks before it was first seen, and now. */
#define VERIFY_LOOKS_BEFORE 2

/* A track that the relay's HTTP can be asked for. */
struct verify_track {
	unsigned int track;		 /* of tracks_two */
	struct group *past[VERIFY_PAST]; /* ours, by number of the tick */
	struct group *theirs;
	uint64_t looked[VERIFY_LOOKS_BEFORE]; /* tick before the last requests; 0: none */
	uint64_t low;			      /* theirs is newer than this tick; 0: compared */
	uint64_t ours_since, theirs_since;    /* CLOCK_MONOTONIC */
	bool judged;			      /* as a still one */
};

#define VERIFY_TRACKS 3

struct verify {
	const struct options *options;
	struct relay *relay;
	struct closer *closer;
	struct loop loop;
	struct jsonl out;
	struct relay_http *http; /* NULL: there is no URL */
	char *prefix, *node, *broadcast;
	struct compare compare;
	struct group *now[TRACKS_OF_TWO];
	struct verify_track tracks[VERIFY_TRACKS];
	uint64_t ticks, warm_tick;		/* the first one that is compared */
	uint64_t begin, warm, end, next_census; /* CLOCK_MONOTONIC */
	char *status;
	char failure[256];
	struct verify_told told;
};

static struct compare_text verify_text(const struct group *g)
{
	return (struct compare_text){ g->frame, g->len };
}

/* The name of the track in a line of a frame. Within names quotes are escaped. */
static bool verify_line_track(const char *line, size_t len, unsigned int *track)
{
	static const char before[] = ",\"track\":\"";
	const char *at = memmem(line, len, before, strlen(before));
	unsigned int i;

	for (i = 0; at && i < TRACKS_OF_TWO; i++) {
		const char *name = tracks_two[i].name;

		if (!strncmp(at + strlen(before), name, strlen(name)) &&
		    at[strlen(before) + strlen(name)] == '"') {
			*track = i;
			return true;
		}
	}
	return false;
}

static int verify_frame(struct verify *v, unsigned int track, const char *frame, size_t len)
{
	struct group *g = group_create(0, 0, frame, len);
	size_t i;
	int err = 0;

	if (!g)
		return -ENOMEM;
	if (v->now[track])
		err = compare_events(&v->compare, track, verify_text(v->now[track]),
				     verify_text(g));
	group_release(v->now[track]);
	v->now[track] = g;
	for (i = 0; i < VERIFY_TRACKS; i++) {
		if (v->tracks[i].track != track)
			continue;
		v->tracks[i].ours_since = clock_read(CLOCK_MONOTONIC);
		v->tracks[i].judged = false;
	}
	return err;
}

/* What the relay's machinery would write: frames, and what they are worth. */
static int verify_line(void *arg, const char *line, size_t len)
{
	static const char before[] = ",\"frame\":";
	struct verify *v = arg;
	const char *frame = memmem(line, len, before, strlen(before));
	unsigned int track;
	char *status;

	if (!frame) {
		status = strndup(line, len);
		if (!status)
			return -ENOMEM;
		free(v->status);
		v->status = status;
		return 0;
	}
	/* Tiers but the default one aren't compared. */
	if (!verify_line_track(line, len, &track))
		return 0;
	frame += strlen(before);
	/* The line ends with a brace and a newline of its own. */
	return verify_frame(v, track, frame, len - (frame - line) - strlen("}\n"));
}

static int verify_tick(struct verify *v)
{
	size_t i;
	int err = relay_tick(v->relay, &v->out);

	if (err)
		return err;
	v->ticks++;
	for (i = 0; i < VERIFY_TRACKS; i++) {
		struct verify_track *t = &v->tracks[i];

		if (!v->now[t->track])
			return -EBADMSG;
		group_release(t->past[v->ticks % VERIFY_PAST]);
		t->past[v->ticks % VERIFY_PAST] = group_hold(v->now[t->track]);
	}
	return 0;
}

/* Compare a frame of theirs, which came since tick t->low, with all of ours since. */
static int verify_between(struct verify *v, struct verify_track *t)
{
	struct compare_text ours[VERIFY_PAST];
	uint64_t tick, low = t->low;
	size_t len = 0;

	t->low = 0;
	if (!low || v->ticks - low >= VERIFY_PAST)
		return 0;
	for (tick = low; tick <= v->ticks; tick++)
		ours[len++] = verify_text(t->past[tick % VERIFY_PAST]);
	return compare_between(&v->compare, t->track, ours, len, verify_text(t->theirs));
}

static int verify_still(struct verify *v, struct verify_track *t, uint64_t now)
{
	uint64_t hold = (2 * v->options->interval_ms + 250) * VERIFY_NS;

	if (t->judged || now < t->ours_since + hold || now < t->theirs_since + hold)
		return 0;
	t->judged = true;
	return compare_still(&v->compare, t->track, verify_text(v->now[t->track]),
			     verify_text(t->theirs));
}

static void verify_fail(struct verify *v, const char *why)
{
	v->told.failed++;
	snprintf(v->failure, sizeof(v->failure), "%s", why);
}

/* A frame of theirs has come, perhaps the same as before. */
static int verify_take(struct verify *v, struct verify_track *t, const char *frame, size_t len)
{
	uint64_t now = clock_read(CLOCK_MONOTONIC);
	struct group *g;

	v->told.fetched++;
	if (t->theirs && t->theirs->len == len && !memcmp(t->theirs->frame, frame, len)) {
		memmove(&t->looked[1], &t->looked[0], sizeof(t->looked) - sizeof(t->looked[0]));
		t->looked[0] = v->ticks;
		return now >= v->warm ? verify_still(v, t, now) : 0;
	}
	g = group_create(0, 0, frame, len);
	if (!g)
		return -ENOMEM;
	t->low = t->looked[VERIFY_LOOKS_BEFORE - 1];
	if (!v->warm_tick || t->low < v->warm_tick)
		t->low = 0;
	group_release(t->theirs);
	t->theirs = g;
	t->theirs_since = now;
	t->judged = false;
	memmove(&t->looked[1], &t->looked[0], sizeof(t->looked) - sizeof(t->looked[0]));
	t->looked[0] = v->ticks;
	return 0;
}

static int verify_fetch(struct verify *v, struct verify_track *t)
{
	char *path, why[64];
	const char *frame;
	long status = 0;
	size_t len;
	int err;

	if (asprintf(&path, "/fetch/%s/%s", v->broadcast, tracks_two[t->track].name) < 0)
		return -ENOMEM;
	err = relay_http_get(v->http, path, &status);
	free(path);
	if (!err && status == 200) {
		frame = relay_http_body(v->http, &len);
		err = verify_take(v, t, frame, len);
		if (err != -EBADMSG)
			return err;
		snprintf(why, sizeof(why), "the answer is no frame");
		verify_fail(v, why);
	} else if (!err) {
		snprintf(why, sizeof(why), "HTTP %ld", status);
		verify_fail(v, why);
	} else {
		verify_fail(v, relay_http_error(v->http));
	}
	/* What came meanwhile isn't known. */
	memset(t->looked, 0, sizeof(t->looked));
	t->theirs_since = clock_read(CLOCK_MONOTONIC);
	return 0;
}

static int verify_frames(struct verify *v)
{
	size_t i;
	int err = 0;

	for (i = 0; i < VERIFY_TRACKS && !err; i++)
		err = verify_between(v, &v->tracks[i]);
	for (i = 0; i < VERIFY_TRACKS && !err; i++)
		err = verify_fetch(v, &v->tracks[i]);
	return err;
}

static int verify_opens(struct verify *v, const struct census *census, struct group *const *before)
{
	struct compare_text a[TRACKS_OF_TWO], b[TRACKS_OF_TWO];
	struct compare_opens opens;
	unsigned int i;
	int err = compare_opens_init(census, v->prefix, &opens);

	if (err)
		return err;
	for (i = 0; i < TRACKS_OF_TWO; i++) {
		a[i] = verify_text(before[i]);
		b[i] = verify_text(v->now[i]);
	}
	err = compare_census(&v->compare, &opens, a, b);
	compare_opens_deinit(&opens);
	return err;
}

/* The next of the censuses. 0 also where there is none; *taken counts. */
static int verify_take_census(struct verify *v, struct census *out, unsigned int *taken)
{
	unsigned int kind;
	int err;

	usleep(VERIFY_SETTLE_MS * 1000);
	err = relay_census(v->relay, out);
	if (err == -ENOMEM || err == -ESRCH)
		return err;
	if (err) {
		v->told.censuses_failed++;
		return 0;
	}
	++*taken;
	for (kind = 0; kind < CENSUS_KIND_MAX; kind++) {
		if (out->untold[kind] > v->told.untold[kind])
			v->told.untold[kind] = out->untold[kind];
	}
	if (out->tasks_untold > v->told.tasks_untold)
		v->told.tasks_untold = out->tasks_untold;
	return 0;
}

/* Censuses, and a tick after them; there was one just before. */
static int verify_census(struct verify *v)
{
	struct group *before[TRACKS_OF_TWO];
	struct census census[COMPARE_CENSUSES] = { 0 };
	uint64_t now, rest, begin = clock_read(CLOCK_MONOTONIC);
	unsigned int i, taken = 0;
	int err = 0;

	for (i = 0; i < TRACKS_OF_TWO; i++)
		before[i] = group_hold(v->now[i]);
	for (i = 0; i < COMPARE_CENSUSES && !err && taken == i; i++)
		err = verify_take_census(v, &census[i], &taken);
	if (!err && taken == COMPARE_CENSUSES) {
		usleep(VERIFY_SETTLE_MS * 1000);
		err = verify_tick(v);
		if (!err)
			err = verify_opens(v, census, before);
	}
	for (i = 0; i < COMPARE_CENSUSES; i++)
		census_deinit(&census[i]);
	for (i = 0; i < TRACKS_OF_TWO; i++)
		group_release(before[i]);
	now = clock_read(CLOCK_MONOTONIC);
	rest = VERIFY_CENSUS_SHARE * (now - begin);
	v->next_census =
		now + (rest > VERIFY_CENSUS_MS * VERIFY_NS ? rest : VERIFY_CENSUS_MS * VERIFY_NS);
	return err;
}

/* Counted by guards, what had happened before the probes is missing, and always will be. */
static int verify_check_whole(const struct verify *v)
{
	if (!v->http || !v->status ||
	    !strstr(v->status, "\"since-attach\",\"reason\":\"counted by guards"))
		return 0;
	if (v->options->identity != PROBES_IDENTITY_GUARD)
		log_error(
			"verify: process %d runs with its statistics off, so the frames at --relay-url "
			"are another relay's: name that one's process by --pid, or leave out "
			"--relay-url",
			relay_pid(v->relay));
	else
		log_error(
			"verify: with --identity guard counts begin now, and those of the relay began "
			"before: start it while nothing is open on the relay, or leave out --relay-url");
	return -ENOTSUP;
}

static int verify_look(struct verify *v)
{
	uint64_t now = clock_read(CLOCK_MONOTONIC);
	int err = verify_tick(v);

	if (!err && !v->warm_tick && now >= v->warm) {
		v->warm_tick = v->ticks;
		err = verify_check_whole(v);
	}
	if (!err && v->warm_tick && now >= v->next_census && !v->told.no_census)
		err = verify_census(v);
	return !err && v->http ? verify_frames(v) : err;
}

static int verify_live(struct verify *v)
{
	enum loop_event event = LOOP_TICK;
	void *owner;
	int err = 0;

	while (!err && event != LOOP_STOP && clock_read(CLOCK_MONOTONIC) < v->end) {
		err = loop_wait(&v->loop, &event, &owner);
		if (err)
			break;
		if (event == LOOP_ENDED || relay_replaced(v->relay)) {
			v->told.ended = true;
			return 0;
		}
		if (event == LOOP_TICK)
			err = verify_look(v);
		if (err == -ESRCH) {
			v->told.ended = true;
			return 0;
		}
	}
	return err;
}

/* The one relay that runs. 0: logged. */
static pid_t verify_find(void)
{
	struct discover_look look = { 0 };
	struct discover *d;
	pid_t pid = 0;
	int err = discover_create("/proc", DISCOVER_ALL, NULL, &d);

	if (err) {
		log_error("cannot look for relays: %s", strerror(-err));
		return 0;
	}
	err = discover_look(d, &look);
	if (err)
		log_error("cannot look for relays in /proc: %s", strerror(-err));
	else if (look.len == 1)
		pid = look.found[0];
	else if (look.len)
		log_error("verify: %zu relays run here (processes %d, %d%s): say which by --pid",
			  look.len, look.found[0], look.found[1], look.len > 2 ? ", …" : "");
	else
		log_error("verify: no relay among %zu processes; start one, or give --pid",
			  look.processes);
	discover_destroy(d);
	return pid;
}

static int verify_open_http(struct verify *v)
{
	const struct options *o = v->options;
	const struct relay_http_options options = { .url = o->relay_url,
						    .cacert = o->cacert,
						    .insecure = o->insecure };
	char *node = o->node ? strdup(o->node) : NULL;
	int err = o->node && !node ? -ENOMEM : relay_http_create(&options, &v->http);

	if (node)
		node[path_normalize(node, strlen(node), node)] = '\0';
	if (!err)
		err = relay_http_node(v->http, v->prefix, node, &v->node);
	free(node);
	if (!err)
		err = path_advertised(v->prefix, v->node, &v->broadcast);
	v->told.url = err ? NULL : relay_http_name(v->http);
	return err;
}

static int verify_attach(struct verify *v, pid_t pid)
{
	uint64_t look_ms = v->options->interval_ms / VERIFY_LOOKS;
	int err = closer_create(&v->closer);

	if (!err)
		err = relay_create(pid, v->options, NULL, &v->relay);
	if (!err)
		err = relay_attach(v->relay, v->node, NULL, v->closer);
	if (err)
		return err;
	v->told.no_census = relay_no_census(v->relay);
	v->compare.uncounted = relay_uncounted(v->relay);
	look_ms = look_ms < VERIFY_LOOK_MIN   ? VERIFY_LOOK_MIN
		  : look_ms > VERIFY_LOOK_MAX ? VERIFY_LOOK_MAX
					      : look_ms;
	err = loop_init(look_ms, 0, -1, &v->loop);
	if (!err)
		err = loop_watch(&v->loop, relay_pidfd(v->relay), v->relay);
	return err ? err : relay_write_status(v->relay, &v->out);
}

/* Everything up to the first tick. What is wrong is logged. */
static int verify_open(struct verify *v)
{
	const struct options *o = v->options;
	pid_t pid = o->pid ? o->pid : verify_find();
	uint64_t warm = o->seconds_ms / 4;
	int err;

	if (!pid)
		return -ESRCH;
	v->prefix = strdup(o->prefix);
	if (!v->prefix)
		return -ENOMEM;
	v->prefix[path_normalize(o->prefix, strlen(o->prefix), v->prefix)] = '\0';
	err = o->relay_url ? verify_open_http(v) : 0;
	if (!err)
		err = verify_attach(v, pid);
	if (err)
		return err;
	v->begin = clock_read(CLOCK_MONOTONIC);
	v->warm = v->begin + (warm < VERIFY_WARM_MS ? warm : VERIFY_WARM_MS) * VERIFY_NS;
	v->end = v->begin + o->seconds_ms * VERIFY_NS;
	log_info("comparing for %g seconds with %s", (double)o->seconds_ms / 1000,
		 v->http ? "the relay's own frames, and what is open by its memory"
			 : "what is open by the relay's memory");
	return 0;
}

static void verify_close(struct verify *v)
{
	size_t i, k;

	loop_deinit(&v->loop);
	jsonl_deinit(&v->out);
	relay_destroy(v->relay);
	closer_destroy(v->closer);
	relay_http_destroy(v->http);
	compare_deinit(&v->compare);
	for (i = 0; i < TRACKS_OF_TWO; i++)
		group_release(v->now[i]);
	for (i = 0; i < VERIFY_TRACKS; i++) {
		group_release(v->tracks[i].theirs);
		for (k = 0; k < VERIFY_PAST; k++)
			group_release(v->tracks[i].past[k]);
	}
	free(v->status);
	free(v->prefix);
	free(v->node);
	free(v->broadcast);
}

/* Write what it came to, and say how to exit. */
static int verify_tell(struct verify *v)
{
	const struct options *o = v->options;
	const char *why;
	FILE *file;
	int err;

	v->told.compare = &v->compare;
	v->told.status = v->status;
	v->told.broadcast = v->broadcast;
	v->told.failure = v->failure;
	v->told.seconds = (double)(clock_read(CLOCK_MONOTONIC) - v->begin) / 1e9;
	err = verify_report(&v->told, o->json, stdout);
	if (err && err != -EPIPE)
		log_error("verify: cannot write to standard output: %s", strerror(-err));
	if (o->report) {
		file = fopen(o->report, "we");
		err = file ? verify_report(&v->told, true, file) : -errno;
		if (file && fclose(file) && !err)
			err = -errno;
		if (err)
			log_error("verify: cannot write --report %s: %s", o->report,
				  strerror(-err));
	}
	switch (verify_judge(&v->told, &why)) {
	case VERIFY_EQUAL:
		return err && err != -EPIPE ? EXIT_FAILED : EXIT_DONE;
	case VERIFY_ENDED:
		return EXIT_RELAY_ENDED;
	default:
		return EXIT_FAILED;
	}
}

int verify_run(const struct options *given)
{
	struct options o = *given;
	struct verify v = { .options = &o };
	unsigned int i, n = 0;
	int status, err;

	for (i = 0; i < TRACKS_OF_TWO; i++) {
		if (tracks_two[i].tier == MOQSTAT_EXTERNAL)
			v.tracks[n++].track = i;
	}
	/* What is read from the relay would prove nothing of the probes. */
	if (o.hot == PROBES_HOT_AUTO)
		o.hot = PROBES_HOT_PROBE;
	files_raise();
	jsonl_init(&v.out, -1);
	jsonl_also(&v.out, verify_line, &v);
	err = verify_open(&v);
	if (err) {
		if (err == -ENOMEM)
			log_error("verify: no memory");
		verify_close(&v);
		return err == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	}
	err = verify_live(&v);
	if (!err)
		err = relay_write_status(v.relay, &v.out);
	if (err && err != -ENOTSUP)
		log_error("verify: cannot go on: %s", strerror(-err));
	status = err == -ENOTSUP ? EXIT_USAGE : err ? EXIT_FAILED : verify_tell(&v);
	verify_close(&v);
	return status;
}
