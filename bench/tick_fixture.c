// SPDX-License-Identifier: MIT
/*
 * tick_fixture - a small stand-in for the relay with many broadcasts, each with one publisher and
 * one viewer, on the relay's instructions (tests/fixture/sites.c).
 *
 * usage: tick_fixture on|off BROADCASTS
 *
 * Statistics on or off. Reads lines from standard input and answers each with a dot: "open" begins
 * all broadcasts, "bump FIRST COUNT" sends a frame on so many of them, "turn FIRST COUNT" ends them
 * and begins them anew.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "../tests/fixture/sites.h"
#include "tick.h"

enum {
	INGRESS = 1,
	EGRESS = 0
}; /* enum moqstat_role */

/* What is opened on a broadcast: a publisher announces it and is subscribed to, a viewer is told of
 * it and watches it. */
static const struct {
	uint8_t role;
	uint8_t counter;
} opens[] = {
	{ INGRESS, FIXTURE_ANNOUNCED },	    { EGRESS, FIXTURE_ANNOUNCED },
	{ EGRESS, FIXTURE_BROADCASTS },	    { EGRESS, FIXTURE_SUBSCRIPTIONS },
	{ INGRESS, FIXTURE_SUBSCRIPTIONS },
};
#define OPENS (sizeof(opens) / sizeof(opens[0]))

struct guard {
	uint64_t owner; /* the agent knows the word in front of a guard, or its address */
	struct fixture_guard guard;
};

struct broadcast {
	struct guard guards[OPENS];
	struct fixture_path path;
	struct fixture_entry *entry;
	char text[TICK_PATH_SIZE];
};

/* The relay's tables as the agent finds them when it looks for what was there before: empty. */
static struct {
	uint64_t head[3];
	uint64_t control, mask, growth_left, items; /* at 0x18 */
} nothing;
static struct {
	uint64_t pad[9];
	void *entries;		       /* at 0x48 */
	void *sessions[FIXTURE_TIERS]; /* at 0x50 */
} shared = { .entries = &nothing, .sessions = { &nothing, &nothing } };

static struct fixture_stats stats;
static struct broadcast *broadcasts;
static unsigned int len;

static void open_one(struct broadcast *b, size_t i)
{
	struct guard *g = &b->guards[i];

	fixture_entry(&stats, &b->path);
	if (stats.shared && !b->entry) {
		b->entry = malloc(sizeof(*b->entry));
		fixture_entry_new(b->entry);
		memset(b->entry, 0, sizeof(*b->entry));
		b->entry->weak = b->entry->strong = 1;
	}
	if (b->entry)
		b->entry->strong++;
	g->guard.entry = b->entry;
	fixture_bumps[opens[i].role][opens[i].counter](&g->guard, 1, &b->path);
	g->owner = (uintptr_t)g;
	if (opens[i].counter == FIXTURE_SUBSCRIPTIONS)
		fixture_place(&g->guard);
	else if (opens[i].counter == FIXTURE_ANNOUNCED)
		fixture_place_owner(g->owner);
}

static void open_all(struct broadcast *b)
{
	size_t i;

	for (i = 0; i < OPENS; i++)
		open_one(b, i);
}

static void close_all(struct broadcast *b)
{
	size_t i;

	for (i = OPENS; i-- > 0;) {
		struct guard *g = &b->guards[i];

		fixture_bumps[opens[i].role][opens[i].counter + 1](&g->guard, 1, &b->path);
		if (b->entry)
			b->entry->strong--;
	}
	if (b->entry)
		b->entry->strong = 0;
	free(b->entry);
	b->entry = NULL;
}

/* A frame comes in and goes out, and now and then a group begins. */
static void bump(struct broadcast *b)
{
	static unsigned int count;
	size_t i;

	for (i = OPENS; i-- > OPENS - 2;) {
		struct fixture_guard *guard = &b->guards[i].guard;
		fixture_bump *const *bumps = fixture_bumps[opens[i].role];

		if (++count % 8 == 0)
			bumps[FIXTURE_GROUPS](guard, 1, &b->path);
		bumps[FIXTURE_BYTES](guard, 1200, &b->path);
		bumps[FIXTURE_FRAMES](guard, 1, &b->path);
	}
}

static void turn(struct broadcast *b)
{
	close_all(b);
	open_all(b);
}

static void for_each(void (*what)(struct broadcast *), unsigned int first, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		what(&broadcasts[(first + i) % len]);
}

int main(int argc, char **argv)
{
	unsigned int i, first, count;
	char word[16];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	len = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	broadcasts = calloc(len, sizeof(*broadcasts));
	if (!len || !broadcasts) {
		fputs("usage: tick_fixture on|off BROADCASTS\n", stderr);
		return 2;
	}
	stats.shared = !strcmp(argv[1], "on") ? &shared : NULL;
	for (i = 0; i < len; i++) {
		struct broadcast *b = &broadcasts[i];

		b->path.text = b->text;
		b->path.len = snprintf(b->text, sizeof(b->text), TICK_PATH, i % 97, i);
		b->path.capacity = b->path.len;
	}
	do {
		putchar('.');
		fflush(stdout);
		if (scanf("%15s %u %u", word, &first, &count) != 3)
			return 0;
		for_each(!strcmp(word, "open")	 ? open_all
			 : !strcmp(word, "bump") ? bump
						 : turn,
			 first, count);
	} while (1);
}
