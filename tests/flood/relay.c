// SPDX-License-Identifier: MIT
/*
 * relay - a small stand-in for the relay, to be flooded: tables, entries and guards as moq-net has
 * them, with the relay's instructions at the probed places (tests/fixture/sites.c).
 *
 * usage: relay on|off
 *
 * Statistics on or off. Writes a byte once it runs, then reads bytes from standard input: at each,
 * it runs the order that it finds in the memory behind FLOOD_FD, notes there what it did, and
 * writes a byte.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include "guard.h"
#include "table.h"

/* Guards of one thread in FLOOD_BUMP, and of a pair of threads in FLOOD_HAND_OVER. */
#define GUARDS_MAX (FLOOD_PATHS * FIXTURE_ROLES * FIXTURE_TIERS * GUARD_KINDS)
#define HANDS	   64

struct worker {
	pthread_t thread;
	uint32_t index;
	struct guard_tally tally;
	uint64_t random;
};

static struct flood_shared *shared;
static struct worker workers[FLOOD_THREADS];
static struct guard_cell *swaps[FLOOD_SWAPS];
static struct guard_cell *hands[FLOOD_THREADS / 2][HANDS]; /* by pair of threads, a ring */
static bool working;

/* xorshift64* */
static uint32_t worker_random(struct worker *w, uint32_t below)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (uint32_t)((w->random * 0x2545f4914f6cdd1d) >> 40) % below;
}

static bool worker_goes_on(const struct worker *w)
{
	return w->tally.events < shared->order.events &&
	       !__atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

static struct guard_cell *worker_open(struct worker *w)
{
	const struct flood_order *order = &shared->order;
	uint32_t path = order->first + worker_random(w, order->paths);

	return guard_open(&w->tally, worker_random(w, GUARD_KINDS), path, worker_random(w, 2),
			  worker_random(w, 2));
}

static void work_bump(struct worker *w)
{
	const struct flood_order *order = &shared->order;
	struct guard_cell **guards = calloc(GUARDS_MAX, sizeof(struct guard_cell *)), **at;
	uint32_t path, role, tier, kind, len = 0, i;

	for (path = order->first; path < order->first + order->paths; path++)
		for (role = 0; role < FIXTURE_ROLES; role++)
			for (tier = 0; tier < FIXTURE_TIERS; tier++)
				for (kind = 0; kind < GUARD_KINDS; kind++)
					guards[len++] =
						guard_open(&w->tally, kind, path, role, tier);
	while (worker_goes_on(w)) {
		at = &guards[worker_random(w, len)];
		if ((*at)->kind != GUARD_SUBSCRIPTION) {
			if (worker_random(w, 16))
				continue;
		} else if (worker_random(w, 16)) {
			guard_bump(&w->tally, *at, FIXTURE_BYTES, 1 + worker_random(w, 1u << 20));
			guard_bump(&w->tally, *at, FIXTURE_FRAMES, 1);
			if (!worker_random(w, 4))
				guard_bump(&w->tally, *at, FIXTURE_GROUPS, 1);
			continue;
		}
		guard_close(&w->tally, *at);
		*at = worker_open(w);
	}
	for (i = 0; i < len; i++)
		guard_close(&w->tally, guards[i]);
	free(guards);
}

static void close_swaps(struct guard_tally *tally)
{
	struct guard_cell *cell;
	uint32_t i;

	for (i = 0; i < FLOOD_SWAPS; i++) {
		cell = __atomic_exchange_n(&swaps[i], NULL, __ATOMIC_ACQ_REL);
		if (cell)
			guard_close(tally, cell);
	}
}

static void work_churn(struct worker *w)
{
	uint32_t swap = shared->order.swaps, bumps;
	struct guard_cell *cell;

	while (worker_goes_on(w)) {
		cell = worker_open(w);
		if (cell->kind == GUARD_SUBSCRIPTION) {
			for (bumps = worker_random(w, 4); bumps; bumps--)
				guard_bump(&w->tally, cell, FIXTURE_BYTES + worker_random(w, 3),
					   worker_random(w, 65536));
		}
		if (swap && worker_random(w, 2))
			cell = __atomic_exchange_n(&swaps[worker_random(w, swap)], cell,
						   __ATOMIC_ACQ_REL);
		if (cell)
			guard_close(&w->tally, cell);
		/* Let everything end now and then. */
		if (!worker_random(w, 64))
			close_swaps(&w->tally);
	}
}

/* Even threads open, odd ones close what the one before has opened. */
static void work_hand_over(struct worker *w)
{
	struct guard_cell **hand, *cell;
	uint32_t at = 0;

	while (worker_goes_on(w)) {
		hand = &hands[w->index / 2][at % HANDS];
		cell = __atomic_load_n(hand, __ATOMIC_ACQUIRE);
		if (w->index % 2 ? !cell : !!cell) {
			sched_yield();
			continue;
		}
		if (cell)
			guard_close(&w->tally, cell);
		__atomic_store_n(hand, cell ? NULL : worker_open(w), __ATOMIC_RELEASE);
		at++;
	}
}

static void *worker_run(void *arg)
{
	static void (*const works[])(struct worker *) = {
		[FLOOD_BUMP] = work_bump,
		[FLOOD_CHURN] = work_churn,
		[FLOOD_HAND_OVER] = work_hand_over,
	};
	struct worker *w = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	if (shared->order.pinned)
		CPU_SET(flood_cpu(w->index), &cpus);
	if (shared->order.pinned && sched_setaffinity(0, sizeof(cpus), &cpus)) {
		perror("flood relay: sched_setaffinity");
		exit(1);
	}
	works[shared->order.work](w);
	shared->events[w->index] = w->tally.events;
	return NULL;
}

static void *collector_run(void *arg)
{
	(void)arg;
	while (__atomic_load_n(&working, __ATOMIC_ACQUIRE)) {
		if (shared->lives_len <
		    __atomic_load_n(&shared->told, __ATOMIC_RELAXED) + shared->order.lag)
			table_collect();
		usleep(shared->order.collect_us);
	}
	return NULL;
}

/* What was left half way between two threads. */
static void close_rest(struct guard_tally *tally)
{
	uint32_t i;

	close_swaps(tally);
	for (i = 0; i < FLOOD_THREADS / 2 * HANDS; i++) {
		if ((&hands[0][0])[i])
			guard_close(tally, (&hands[0][0])[i]);
		(&hands[0][0])[i] = NULL;
	}
}

static void run_order(void)
{
	const struct flood_order *order = &shared->order;
	pthread_t collector;
	uint32_t i;

	working = true;
	if (order->collect_us && pthread_create(&collector, NULL, collector_run, NULL))
		abort();
	for (i = 0; i < order->threads; i++) {
		workers[i] = (struct worker){ .index = i,
					      .tally.counts = &shared->counts[i],
					      .random = 0x9e3779b97f4a7c15 * (i + 1) };
		if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]))
			abort();
	}
	for (i = 0; i < order->threads; i++)
		pthread_join(workers[i].thread, NULL);
	close_rest(&workers[0].tally);
	shared->events[0] = workers[0].tally.events;
	__atomic_store_n(&working, false, __ATOMIC_RELEASE);
	if (!order->collect_us)
		return;
	pthread_join(collector, NULL);
	while (table_collect())
		;
}

int main(int argc, char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, FLOOD_FD, 0);
	if (argc != 2 || shared == MAP_FAILED) {
		fputs("usage: relay on|off 100<>MEMORY\n", stderr);
		return 2;
	}
	table_init(shared, !strcmp(argv[1], "on"));
	do {
		putchar('.');
		fflush(stdout);
		if (getchar() == EOF)
			return 0;
		run_order();
	} while (true);
}
