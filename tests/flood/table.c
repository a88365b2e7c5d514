// SPDX-License-Identifier: MIT
#include "table.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The relay's tables as the agent finds them when it looks for what was there before: empty. */
struct table_lock {
	uint64_t head[3];
	uint64_t control, mask, growth_left, items; /* at 0x18 */
};
static struct table_lock table_nothing;
static struct {
	uint64_t pad[9];
	struct table_lock *entries;		    /* at 0x48 */
	struct table_lock *sessions[FIXTURE_TIERS]; /* at 0x50 */
} table_shared = { .entries = &table_nothing, .sessions = { &table_nothing, &table_nothing } };

static struct flood_shared *table_out;
static struct fixture_stats table_stats;
static pthread_mutex_t table_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct fixture_entry *table_entries[FLOOD_PATHS];
static struct fixture_root *table_roots[FLOOD_PATHS][FIXTURE_TIERS];
static struct fixture_path table_paths[FLOOD_PATHS], table_root_paths[FLOOD_PATHS];

static struct fixture_path table_text(const char *format, uint32_t i)
{
	char text[32];
	int len = snprintf(text, sizeof(text), format, i);

	return (struct fixture_path){ .capacity = len, .text = strdup(text), .len = len };
}

void table_init(struct flood_shared *shared, bool on)
{
	uint32_t i;

	table_out = shared;
	table_stats.shared = on ? &table_shared : NULL;
	for (i = 0; i < FLOOD_PATHS; i++) {
		table_paths[i] = table_text(FLOOD_PATH, i);
		table_root_paths[i] = table_text(FLOOD_ROOT, i);
	}
}

const struct fixture_path *table_path(uint32_t path)
{
	return &table_paths[path];
}

/* The probed branch comes before the new memory is written, and all of it under the lock. */
struct fixture_entry *table_entry(uint32_t path)
{
	struct fixture_entry **entry = &table_entries[path];

	fixture_entry(&table_stats, &table_paths[path]);
	if (!table_stats.shared)
		return NULL;
	pthread_mutex_lock(&table_mutex);
	if (!*entry) {
		*entry = malloc(sizeof(**entry));
		fixture_entry_new(*entry);
		memset(*entry, 0, sizeof(**entry));
		(*entry)->weak = 1;
		(*entry)->strong = 1;
	}
	__atomic_add_fetch(&(*entry)->strong, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&table_mutex);
	return *entry;
}

struct fixture_root *table_session(uint32_t root, uint32_t tier, const struct fixture_guard *guard)
{
	struct fixture_root **entry = &table_roots[root][tier];

	fixture_session_place(&table_stats, &table_root_paths[root], tier, guard);
	fixture_session(&table_stats, &table_root_paths[root], tier);
	if (!table_stats.shared)
		return NULL;
	pthread_mutex_lock(&table_mutex);
	if (!*entry) {
		*entry = malloc(sizeof(**entry));
		fixture_session_new(*entry);
		memset(*entry, 0, sizeof(**entry));
		(*entry)->weak = 1;
		(*entry)->strong = 1;
	}
	__atomic_add_fetch(&(*entry)->strong, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&table_mutex);
	return *entry;
}

void table_put(uint64_t *strong)
{
	if (strong)
		__atomic_sub_fetch(strong, 1, __ATOMIC_RELEASE);
}

static struct flood_life *table_life(uint32_t path, uint32_t slot)
{
	struct flood_life *life = &table_out->lives[table_out->lives_len];

	if (table_out->lives_len == FLOOD_LIVES) {
		fputs("flood: more lives than there is room to note them\n", stderr);
		exit(1);
	}
	table_out->lives_len++;
	life->path = path;
	life->slot = slot;
	return life;
}

static bool table_unheld(const uint64_t *strong)
{
	return __atomic_load_n(strong, __ATOMIC_ACQUIRE) == 1;
}

/* As std's Arc does when the last reference goes: the count, then the memory. */
static void table_free(uint64_t *strong)
{
	__atomic_store_n(strong, 0, __ATOMIC_RELEASE);
	free(strong);
}

static uint32_t table_collect_entry(uint32_t path)
{
	struct fixture_entry *entry = table_entries[path];
	uint32_t role, tier, counter;
	struct flood_life *life;

	if (!entry || !table_unheld(&entry->strong))
		return !!entry;
	life = table_life(path, 0);
	for (role = 0; role < FIXTURE_ROLES; role++) {
		for (tier = 0; tier < FIXTURE_TIERS; tier++) {
			for (counter = 0; counter < FIXTURE_COUNTERS; counter++)
				life->counts[role][tier][flood_fields[counter]] =
					entry->counters[role][tier][counter];
		}
	}
	table_entries[path] = NULL;
	table_free(&entry->strong);
	return 0;
}

static uint32_t table_collect_root(uint32_t path, uint32_t tier)
{
	struct fixture_root *root = table_roots[path][tier];
	struct flood_life *life;

	if (!root || !table_unheld(&root->strong))
		return !!root;
	life = table_life(path, MOQSTAT_SLOT_SESSION + tier);
	life->counts[0][tier][MOQSTAT_SESSIONS] = root->sessions;
	life->counts[0][tier][MOQSTAT_SESSIONS_CLOSED] = root->sessions_closed;
	table_roots[path][tier] = NULL;
	table_free(&root->strong);
	return 0;
}

uint32_t table_collect(void)
{
	uint32_t path, tier, left = 0;

	pthread_mutex_lock(&table_mutex);
	for (path = 0; path < FLOOD_PATHS; path++) {
		left += table_collect_entry(path);
		for (tier = 0; tier < FIXTURE_TIERS; tier++)
			left += table_collect_root(path, tier);
	}
	pthread_mutex_unlock(&table_mutex);
	return left;
}
