/* SPDX-License-Identifier: MIT */
#include "shedding.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "closer.h"
#include "log.h"

void shedding_init(const struct options *o, struct closer *closer, struct shedding *out)
{
	*out = (struct shedding){ .on = o->budget, .stale = true, .closer = closer };
	budget_init((double)o->budget / 100000, clock_read(CLOCK_MONOTONIC), &out->budget);
	out->health.limit_ppm = 10 * (uint64_t)o->budget;
}

void shedding_begin(struct shedding *s)
{
	if (s->on)
		s->begun = clock_read(CLOCK_THREAD_CPUTIME_ID);
}

void shedding_end(struct shedding *s)
{
	if (s->on)
		s->ticks += clock_read(CLOCK_THREAD_CPUTIME_ID) - s->begun;
}

const struct health_budget *shedding_health(const struct shedding *s)
{
	return s->on ? &s->health : NULL;
}

/* What was spent since the last time. Of a relay that can't be asked nothing is known. */
static struct budget_spent shedding_spent(struct shedding *s, struct relay *const *relays,
					  size_t len)
{
	struct budget_spent spent = { .rest = s->ticks };
	size_t i;
	int err;

	s->ticks = 0;
	for (i = 0; i < len; i++) {
		err = relay_toll(relays[i], &spent);
		if (err)
			log_debug("what the probes of process %d cost can't be told: %s",
				  relay_pid(relays[i]), strerror(-err));
	}
	return spent;
}

/* What is shed is away from every relay that has it, also from those that are new. */
static int shedding_take_away(struct shedding *s, struct relay *const *relays, size_t len,
			      struct jsonl *out)
{
	unsigned int kind;
	size_t i;
	int err = 0;

	for (i = 0; i < len; i++) {
		for (kind = 0; kind < s->budget.shed && !err; kind++) {
			if (relay_is_away(relays[i], kind))
				continue;
			err = relay_take_away(relays[i], kind, &s->budget, out);
			s->stale = true;
		}
	}
	return err;
}

static int shedding_shed(struct shedding *s, struct relay *const *relays, size_t len,
			 struct jsonl *out)
{
	unsigned int kind = s->budget.shed - 1;

	log_warn("moqstat costs %.3g %% of the machine, of --budget %g %%: %s are no longer "
		 "counted, and unavailable until the load falls",
		 100 * s->budget.share, 100 * s->budget.limit, budget_name(kind));
	s->health.now[kind] = true;
	s->health.times[kind]++;
	return shedding_take_away(s, relays, len, out);
}

/* Whether all relays that still run have them back. */
static bool shedding_put_back(struct relay *const *relays, size_t len, enum budget_kind kind)
{
	size_t i;
	int err;

	for (i = 0; i < len; i++) {
		err = relay_is_away(relays[i], kind) ? relay_put_back(relays[i], kind) : 0;
		/* Its end is noticed by the next tick. */
		if (!err || err == -ESRCH || err == -ESTALE)
			continue;
		log_warn("%s of process %d can't be counted again: %s; trying again later",
			 budget_name(kind), relay_pid(relays[i]), strerror(-err));
		return false;
	}
	return true;
}

static int shedding_return(struct shedding *s, struct relay *const *relays, size_t len,
			   struct jsonl *out)
{
	unsigned int kind = s->budget.shed;
	size_t i;
	int err = 0;

	s->stale = true;
	if (!shedding_put_back(relays, len, kind)) {
		budget_retract(&s->budget, clock_read(CLOCK_MONOTONIC));
		return shedding_take_away(s, relays, len, out);
	}
	log_warn("moqstat costs %.3g %% of the machine, of --budget %g %%: %s are counted again, "
		 "without what came meanwhile",
		 100 * s->budget.share, 100 * s->budget.limit, budget_name(kind));
	s->health.now[kind] = false;
	for (i = 0; i < len && !err; i++)
		err = relay_write_status(relays[i], out);
	return err;
}

/* Said once, until it is over. */
static void shedding_tell(struct shedding *s)
{
	if (s->budget.exhausted && !s->told)
		log_warn(
			"moqstat costs %.3g %% of the machine, of --budget %g %%, though no payload "
			"is counted: nothing is left to shed",
			100 * s->budget.share, 100 * s->budget.limit);
	s->told = s->budget.exhausted;
}

static int shedding_judge(struct shedding *s, struct relay *const *relays, size_t len,
			  struct jsonl *out)
{
	const struct budget_spent spent = shedding_spent(s, relays, len);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	enum budget_verdict verdict =
		budget_judge(&s->budget, clock_read(CLOCK_MONOTONIC), cpus > 0 ? cpus : 1, &spent);

	s->health.cost_ppm = (uint64_t)(1e6 * s->budget.share);
	shedding_tell(s);
	switch (verdict) {
	case BUDGET_SHEDS:
		return shedding_shed(s, relays, len, out);
	case BUDGET_RETURNS:
		return shedding_return(s, relays, len, out);
	default:
		return 0;
	}
}

int shedding_tick(struct shedding *s, struct relay *const *relays, size_t len, struct jsonl *out)
{
	int err;

	if (!s->on)
		return 0;
	err = shedding_take_away(s, relays, len, out);
	if (err)
		return err;
	/* What is being closed still costs, and must be gone before it is put back. */
	if (closer_left(s->closer)) {
		s->stale = true;
		return 0;
	}
	if (s->stale) {
		shedding_spent(s, relays, len);
		budget_restart(&s->budget, clock_read(CLOCK_MONOTONIC));
		s->stale = false;
		return 0;
	}
	if (!budget_due(&s->budget, clock_read(CLOCK_MONOTONIC)))
		return 0;
	return shedding_judge(s, relays, len, out);
}
