/* SPDX-License-Identifier: MIT */
#include "budget.h"

#include <string.h>

enum moqstat_field budget_field(enum budget_kind kind)
{
	static const enum moqstat_field fields[BUDGET_KINDS] = {
		[BUDGET_FRAMES] = MOQSTAT_FRAMES,
		[BUDGET_GROUPS] = MOQSTAT_GROUPS,
		[BUDGET_BYTES] = MOQSTAT_BYTES,
	};

	return fields[kind];
}

const char *budget_name(enum budget_kind kind)
{
	static const char *const names[BUDGET_KINDS] = {
		[BUDGET_FRAMES] = "frames",
		[BUDGET_GROUPS] = "groups",
		[BUDGET_BYTES] = "bytes",
	};

	return names[kind];
}

void budget_init(double limit, uint64_t now_ns, struct budget *out)
{
	*out = (struct budget){ .limit = limit,
				.begun_ns = now_ns,
				.changed_ns = now_ns,
				.pause_ns = BUDGET_PAUSE_NS };
}

bool budget_due(const struct budget *b, uint64_t now_ns)
{
	return now_ns - b->begun_ns >= BUDGET_PERIOD_NS;
}

void budget_restart(struct budget *b, uint64_t now_ns)
{
	b->begun_ns = now_ns;
}

/* What the kinds behind one cost now: all of them are counted, if it is the last that was shed. */
static double budget_behind(const struct budget *b, unsigned int kind)
{
	double sum = 0;

	while (++kind < BUDGET_KINDS)
		sum += b->kinds[kind];
	return sum;
}

/* What all cost that could still be shed. */
static double budget_counted(const struct budget *b)
{
	return b->shed < BUDGET_KINDS ? b->kinds[b->shed] + budget_behind(b, b->shed) : 0;
}

static void budget_take(struct budget *b, double machine_ns, const struct budget_spent *spent)
{
	unsigned int kind;

	b->share = (double)spent->rest / machine_ns;
	for (kind = 0; kind < BUDGET_KINDS; kind++) {
		/* One that is shed may have a few hits left from before. */
		b->share += (double)spent->kinds[kind] / machine_ns;
		if (kind >= b->shed)
			b->kinds[kind] = (double)spent->kinds[kind] / machine_ns;
	}
}

static void budget_double(struct budget *b)
{
	b->pause_ns = 2 * b->pause_ns < BUDGET_PAUSE_MAX_NS ? 2 * b->pause_ns : BUDGET_PAUSE_MAX_NS;
}

static void budget_shed(struct budget *b, uint64_t now_ns)
{
	if (b->returned_ns)
		budget_double(b);
	b->behind[b->shed] = budget_behind(b, b->shed);
	b->shed++;
	b->changed_ns = now_ns;
	b->returned_ns = 0;
}

/* What the last kind that was shed would cost. 0: nobody knows. What has been foretold for so long
 * may be wrong by now. */
static double budget_foretell(const struct budget *b, uint64_t now_ns)
{
	unsigned int kind = b->shed - 1;

	if (b->behind[kind] <= 0 || now_ns - b->changed_ns >= BUDGET_PAUSE_MAX_NS)
		return 0;
	return b->kinds[kind] * budget_behind(b, kind) / b->behind[kind];
}

static bool budget_returns(const struct budget *b, uint64_t now_ns)
{
	return b->shed && now_ns - b->changed_ns >= b->pause_ns &&
	       b->share + budget_foretell(b, now_ns) <= BUDGET_RETURN * b->limit;
}

enum budget_verdict budget_judge(struct budget *b, uint64_t now_ns, unsigned int cpus,
				 const struct budget_spent *spent)
{
	if (now_ns == b->begun_ns)
		return BUDGET_STAYS;
	budget_take(b, (double)(now_ns - b->begun_ns) * cpus, spent);
	b->begun_ns = now_ns;
	if (b->returned_ns && now_ns - b->returned_ns >= BUDGET_RELAPSE_NS) {
		b->returned_ns = 0;
		b->pause_ns = BUDGET_PAUSE_NS;
	}
	b->exhausted = b->share > b->limit && budget_counted(b) <= 0;
	if (b->share > b->limit && !b->exhausted) {
		budget_shed(b, now_ns);
		return BUDGET_SHEDS;
	}
	if (!budget_returns(b, now_ns))
		return BUDGET_STAYS;
	b->shed--;
	b->changed_ns = b->returned_ns = now_ns;
	return BUDGET_RETURNS;
}

void budget_retract(struct budget *b, uint64_t now_ns)
{
	b->shed++;
	b->changed_ns = now_ns;
	b->returned_ns = 0;
	budget_double(b);
}
