/* SPDX-License-Identifier: MIT */
#include "top.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "access.h"
#include "client.h"
#include "clock.h"
#include "direct.h"
#include "log.h"
#include "privileges.h"
#include "screen.h"

#define TOP_MS UINT64_C(1000000)

/* Without a sample the screen is drawn so often: states change, and so does the filter. */
#define TOP_DRAW (1000 * TOP_MS)

/* Where the time between ticks isn't known, plain tables come so often while nothing changes. */
#define TOP_PRINT (10000 * TOP_MS)

/* A token, or certificates, in a file may be so long, bytes. */
#define TOP_FILE  (4 << 20)

#define TOP_LOCAL "http://127.0.0.1:9814"

struct top {
	const struct options *options;
	struct source *source;
	struct screen *screen; /* NULL: plain */
	struct watch watch, frozen;
	bool is_frozen;
	struct table table;
	struct top_view view;
	struct top_state state;
	int signals;
	long left; /* plain tables to come; -1 without end */
	bool quit;
	char name[64]; /* of the source, where it is a process */
	/* The row that is looked at by itself. */
	char *opened, *opened_relay;
	size_t opened_len;
};

/* A whole file, up to a size; what is wrong is logged. */
static int top_read_file(const char *option, const char *path, char **out)
{
	FILE *file = fopen(path, "re");
	char *text = malloc(TOP_FILE + 1);
	size_t len = 0;
	int err = 0;

	if (!file || !text) {
		err = text ? -errno : -ENOMEM;
	} else {
		len = fread(text, 1, TOP_FILE + 1, file);
		err = ferror(file) ? -EIO : len > TOP_FILE ? -EFBIG : 0;
	}
	if (file)
		fclose(file);
	if (err) {
		log_error("top: --%s %s: cannot be read: %s", option, path, strerror(-err));
		free(text);
		return err;
	}
	text[len] = '\0';
	*out = text;
	return 0;
}

/* The token: the first word of a file, which may be the server's own, or of the environment. NULL
 * where there is none. */
static int top_read_token(const struct options *o, char **out)
{
	const char *given = getenv("MOQSTAT_TOKEN");
	char *text, *word;
	int err;

	*out = NULL;
	if (!o->token_file) {
		*out = given && *given ? strdup(given) : NULL;
		return given && *given && !*out ? -ENOMEM : 0;
	}
	err = top_read_file("token-file", o->token_file, &text);
	if (err)
		return err;
	for (word = text; *word; word += strcspn(word, "\n")) {
		word += strspn(word, " \t\r\n");
		if (*word && *word != '#')
			break;
	}
	word[strcspn(word, " \t\r\n")] = '\0';
	*out = *word ? strdup(word) : NULL;
	err = !*word ? -ENODATA : *out ? 0 : -ENOMEM;
	if (err == -ENODATA)
		log_error("top: --token-file %s: there is no token in it", o->token_file);
	explicit_bzero(text, strlen(text));
	free(text);
	return err;
}

static int top_open_client(struct top *t)
{
	const struct options *o = t->options;
	char *token = NULL, *authority = NULL;
	int err = top_read_token(o, &token);

	if (!err && o->cacert)
		err = top_read_file("cacert", o->cacert, &authority);
	if (!err)
		err = client_create(o->url ? o->url : TOP_LOCAL, token, authority, &t->watch,
				    &t->source);
	access_wipe(token);
	free(authority);
	return err;
}

static bool top_is_direct(const struct options *o)
{
	return o->pid || o->exe || o->unit || o->all;
}

static int top_open_source(struct top *t, bool quiet)
{
	const struct options *o = t->options;
	int err;

	if (!top_is_direct(o)) {
		err = top_open_client(t);
	} else {
		err = direct_create(o, quiet, &t->watch, &t->source);
		if (o->pid)
			snprintf(t->name, sizeof(t->name), "process %d", o->pid);
	}
	if (err)
		return err;
	/* From here on strangers' texts are read. */
	err = privileges_drop();
	if (err)
		log_error("top: giving up privileges failed: %s", strerror(-err));
	return err;
}

static int top_open_signals(struct top *t)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return t->signals < 0 ? -errno : 0;
}

static const char *top_source_name(const struct top *t)
{
	const struct options *o = t->options;

	if (!top_is_direct(o))
		return o->url ? o->url : TOP_LOCAL;
	return o->pid ? t->name : o->exe ? o->exe : o->unit ? o->unit : "all relays";
}

static const struct watch *top_seen(const struct top *t)
{
	return t->is_frozen ? &t->frozen : &t->watch;
}

static struct top_facts top_facts(const struct top *t)
{
	const struct source *s = t->source;

	return (struct top_facts){
		.source = top_source_name(t),
		.state = source_state_name(s->state),
		.problem = *s->problem ? s->problem : NULL,
		.message = *s->message ? s->message : NULL,
		.opened = t->opened,
		.opened_len = t->opened_len,
		.opened_relay = t->opened_relay,
	};
}

static int top_draw(struct top *t)
{
	struct top_facts facts = top_facts(t);
	size_t rows, columns;
	int err;

	screen_size(t->screen, &rows, &columns);
	err = top_view_build(&t->view, &facts, &t->state, top_seen(t), &t->table, rows, columns);
	if (!err)
		screen_show(t->screen, &t->view);
	return err;
}

/* One plain table. */
static int top_print(struct top *t)
{
	struct top_facts facts = top_facts(t);
	time_t now = time(NULL);
	struct tm tm;
	char text[32];
	size_t i;
	int err;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	err = top_view_plain(&t->view, &facts, &t->state, &t->watch, &t->table, text);
	for (i = 0; !err && i < t->view.len; i++) {
		const char *line = t->view.lines[i].text.data;

		if (puts(line ? line : "") == EOF)
			err = -errno;
	}
	if (!err && fflush(stdout))
		err = -errno;
	if (t->left > 0 && !--t->left)
		t->quit = true;
	return err;
}

/* Keep the name of the row that was marked when Enter came. */
static int top_open_row(struct top *t)
{
	const struct table_row *row;

	free(t->opened);
	free(t->opened_relay);
	t->opened = t->opened_relay = NULL;
	if (t->state.at >= t->table.len) {
		t->state.over = TOP_NOTHING;
		return 0;
	}
	row = &t->table.rows[t->state.at];
	t->opened_len = row->row->name_len;
	t->opened = malloc(t->opened_len + 1);
	t->opened_relay = strdup(row->relay->name);
	if (!t->opened || !t->opened_relay)
		return -ENOMEM;
	memcpy(t->opened, row->row->name, t->opened_len + 1);
	return 0;
}

/* What is shown stays as it is, or no longer does. */
static int top_freeze(struct top *t)
{
	int err;

	if (t->state.paused == t->is_frozen)
		return 0;
	if (t->is_frozen) {
		t->is_frozen = false;
		watch_deinit(&t->frozen);
		return 0;
	}
	err = watch_copy(&t->watch, &t->frozen);
	t->is_frozen = !err;
	return err;
}

/* Take a key; the rows are those that were drawn last. */
static int top_key(struct top *t, int key)
{
	enum top_over before = t->state.over;
	int err;

	top_state_key(&t->state, key);
	if (t->state.over == TOP_DETAIL && before != TOP_DETAIL) {
		err = top_open_row(t);
		if (err)
			return err;
	}
	err = top_freeze(t);
	return err ? err : top_draw(t);
}

/* Take the signals that have come. */
static void top_signalled(struct top *t)
{
	struct signalfd_siginfo info;

	while (read(t->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGWINCH)
			t->quit = true;
		else if (t->screen)
			screen_resize(t->screen);
	}
}

static int top_input(struct top *t, const struct pollfd *fds)
{
	int key, err = 0;

	if (fds[0].revents)
		top_signalled(t);
	if (!t->screen || !fds[1].revents)
		return 0;
	/* Ready without a key: the terminal is gone. */
	key = screen_key(t->screen);
	if (key < 0 && (fds[1].revents & (POLLHUP | POLLERR)))
		t->quit = true;
	for (; key >= 0 && !err; key = screen_key(t->screen))
		err = top_key(t, key);
	t->quit |= t->state.quit;
	return err;
}

/* ms until something is due: a sample, or the screen. */
static int top_timeout(const struct top *t, uint64_t now, uint64_t draw_at)
{
	uint64_t next = watch_next(&t->watch);

	if (t->screen && draw_at < next)
		next = draw_at;
	if (next == UINT64_MAX)
		return 1000;
	next = next > now ? (next - now) / TOP_MS + 1 : 0;
	return next < 1000 ? (int)next : 1000;
}

/* Nothing has been heard of the agent at all: say so, with what to do. */
static int top_unheard(const struct top *t)
{
	const struct source *s = t->source;

	if (s->state == SOURCE_DENIED) {
		log_error("top: %s: %s; give it by --token-file FILE or in MOQSTAT_TOKEN",
			  top_source_name(t), s->problem);
		return -EACCES;
	}
	log_error(
		"top: no agent answers at %s: %s; start one by `moqstat run --pid PID --listen "
		"127.0.0.1:9814`, give the URL of another, or look directly by `moqstat top --pid "
		"PID`",
		top_source_name(t), *s->problem ? s->problem : "nothing came");
	return -ECONNREFUSED;
}

/* Wait once, and take in what came. *sampled: a tick was over. */
static int top_wait(struct top *t, uint64_t draw_at, bool *sampled)
{
	struct pollfd fds[2] = { { .fd = t->signals, .events = POLLIN },
				 { .fd = t->screen ? STDIN_FILENO : -1, .events = POLLIN } };
	uint64_t now = clock_read(CLOCK_MONOTONIC);
	int err = t->source->wait(t->source, fds, t->screen ? 2 : 1, top_timeout(t, now, draw_at));

	if (!err)
		err = top_input(t, fds);
	*sampled = watch_sample(&t->watch, clock_read(CLOCK_MONOTONIC));
	return err;
}

/* Until there is something to show: problems are told on standard error till then. */
static int top_begin(struct top *t)
{
	enum source_state state;
	bool sampled;
	int err = 0;

	do {
		err = top_wait(t, UINT64_MAX, &sampled);
		state = t->source->state;
		if (top_is_direct(t->options) && state == SOURCE_BEGINNING)
			direct_show(t->source);
		else if (!err && (state == SOURCE_UNREACHABLE || state == SOURCE_DENIED))
			return top_unheard(t);
	} while (!err && !t->quit && state == SOURCE_BEGINNING);
	return err;
}

static int top_loop(struct top *t)
{
	uint64_t now, draw_at = 0, print_at = UINT64_MAX;
	bool sampled;
	int err = 0;

	while (!err && !t->quit) {
		err = top_wait(t, draw_at, &sampled);
		now = clock_read(CLOCK_MONOTONIC);
		if (err)
			break;
		if (t->screen && (sampled || now >= draw_at)) {
			err = top_draw(t);
			draw_at = now + TOP_DRAW;
		} else if (!t->screen && (sampled || now >= print_at)) {
			err = top_print(t);
			print_at = now + TOP_PRINT;
		}
		if (!t->screen && t->source->state == SOURCE_ENDED && top_is_direct(t->options))
			break;
	}
	return err;
}

/* Is there a terminal that lines can be shown on? */
static bool top_wants_screen(const struct options *o)
{
	const char *lacks = o->plain || o->count ? "" : screen_lacks();

	if (lacks && *lacks && isatty(STDOUT_FILENO))
		log_info("top: plain tables, since %s", lacks);
	return !lacks;
}

static int top_open(struct top *t)
{
	const struct options *o = t->options;
	bool wants = top_wants_screen(o);
	int err;

	top_state_init(&t->state);
	t->state.kind = o->view;
	t->state.tier = o->tier;
	t->state.reverse[o->view] = o->reverse;
	t->left = o->count ? (long)o->count : -1;
	if (o->sort)
		t->state.sort[o->view] = (size_t)table_column(o->view, o->sort);
	if (o->filter)
		t->state.filter_len = strlen(strcpy(t->state.filter, o->filter));
	err = top_open_source(t, wants);
	if (!err)
		err = top_open_signals(t);
	if (!err)
		err = top_begin(t);
	if (!err && wants && !t->quit && t->source->state != SOURCE_ENDED)
		err = screen_create(&t->screen);
	return err;
}

static int top_exit(int err, int status)
{
	switch (err) {
	case 0:
	case -EPIPE: /* whoever read has seen enough */
		return status;
	case -EINVAL:
	case -ENOENT:
	case -EACCES:
	case -EISDIR:
	case -ENODATA:
	case -EFBIG:
		return EXIT_USAGE;
	case -ECONNREFUSED:
		return EXIT_FAILED; /* said already */
	default:
		log_error("top: cannot go on: %s", strerror(-err));
		return EXIT_FAILED;
	}
}

int top(const struct options *o)
{
	struct top t = { .options = o, .signals = -1 };
	int status = EXIT_DONE, err;

	/* Names may be in any script; numbers stay as they are. */
	setlocale(LC_CTYPE, "");
	watch_init(&t.watch);
	err = top_open(&t);
	if (!err)
		err = top_loop(&t);
	screen_destroy(t.screen);
	if (t.source)
		status = t.source->destroy(t.source);
	if (t.signals >= 0)
		close(t.signals);
	watch_deinit(&t.watch);
	watch_deinit(&t.frozen);
	free(t.table.rows);
	top_view_deinit(&t.view);
	free(t.opened);
	free(t.opened_relay);
	return top_exit(err, status);
}
