// SPDX-License-Identifier: MIT
#include "guard.h"

#include <pthread.h>
#include <stdlib.h>

#include "table.h"

static pthread_mutex_t guard_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct guard_cell *guard_free;

static const enum fixture_counter guard_opens[] = {
	[GUARD_ANNOUNCE] = FIXTURE_ANNOUNCED,
	[GUARD_SUBSCRIPTION] = FIXTURE_SUBSCRIPTIONS,
	[GUARD_BROADCAST] = FIXTURE_BROADCASTS,
};

/* The one that was let go last, by whomever: its address means another guard at once. */
static struct guard_cell *guard_take(void)
{
	struct guard_cell *cell;

	pthread_mutex_lock(&guard_mutex);
	cell = guard_free;
	if (cell)
		guard_free = cell->next;
	pthread_mutex_unlock(&guard_mutex);
	return cell ? cell : calloc(1, sizeof(*cell));
}

static void guard_give(struct guard_cell *cell)
{
	pthread_mutex_lock(&guard_mutex);
	cell->next = guard_free;
	guard_free = cell;
	pthread_mutex_unlock(&guard_mutex);
}

static void guard_count(struct guard_tally *tally, const struct guard_cell *cell,
			enum fixture_counter counter, uint64_t n)
{
	tally->counts
		->broadcasts[cell->path][cell->role][cell->guard.tier][flood_fields[counter]] += n;
	tally->events++;
}

void guard_bump(struct guard_tally *tally, const struct guard_cell *cell,
		enum fixture_counter counter, uint64_t n)
{
	fixture_bumps[cell->role][counter](&cell->guard, n, table_path(cell->path));
	guard_count(tally, cell, counter, counter == FIXTURE_BYTES ? n : 1);
}

static void guard_open_session(struct guard_tally *tally, struct guard_cell *cell)
{
	cell->guard.entry = table_session(cell->path, cell->guard.tier, &cell->guard);
	fixture_session_open(&cell->guard);
	tally->counts->roots[cell->path][cell->guard.tier][MOQSTAT_SESSIONS]++;
	tally->events++;
}

struct guard_cell *guard_open(struct guard_tally *tally, enum guard_kind kind, uint32_t path,
			      uint32_t role, uint32_t tier)
{
	struct guard_cell *cell = guard_take();

	cell->kind = kind;
	cell->path = path;
	cell->role = role;
	cell->guard.tier = tier;
	if (kind == GUARD_SESSION) {
		guard_open_session(tally, cell);
		return cell;
	}
	cell->guard.entry = table_entry(path);
	guard_bump(tally, cell, guard_opens[kind], 1);
	cell->owner = (uintptr_t)cell;
	if (kind == GUARD_SUBSCRIPTION)
		fixture_place(&cell->guard);
	else if (kind == GUARD_ANNOUNCE)
		fixture_place_owner(cell->owner);
	return cell;
}

void guard_close(struct guard_tally *tally, struct guard_cell *cell)
{
	/* The Arc's count comes first in either kind of entry. */
	uint64_t *strong = cell->guard.entry;

	if (cell->kind == GUARD_SESSION) {
		fixture_session_close(&cell->guard);
		tally->counts->roots[cell->path][cell->guard.tier][MOQSTAT_SESSIONS_CLOSED]++;
		tally->events++;
	} else {
		guard_bump(tally, cell, guard_opens[cell->kind] + 1, 1);
	}
	table_put(strong);
	guard_give(cell);
}
