/* SPDX-License-Identifier: MIT */
/*
 * budget.h - which kinds of payload are not to be probed, so that the agent costs the relay's
 * machine no more than it may. Pure: what was spent is handed in.
 *
 * Kinds are shed one at a time in their order, each after a period that cost too much, and come
 * back one at a time in the reverse order, once what they would cost leaves room: as foretold from
 * what the kinds behind them cost now and cost then, or by trying where nothing is counted that
 * could tell. Who has to be shed again soon waits twice as long the next time. See
 * docs/adr/0029-budget.md.
 */
#ifndef MOQSTAT_BUDGET_H
#define MOQSTAT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include <moqstat.h>

/** What can be shed, in this order. */
enum budget_kind {
	BUDGET_FRAMES = 0,
	BUDGET_GROUPS,
	BUDGET_BYTES,
	BUDGET_KINDS
};

/** What is judged is at least so long, nanoseconds; a tick of a second may be early. */
#define BUDGET_PERIOD_NS UINT64_C(900000000)

/** How long a kind is away at least, nanoseconds: at first, and at most; and how long it must have
 *  been back to be taken for back. */
#define BUDGET_PAUSE_NS	    UINT64_C(5000000000)
#define BUDGET_PAUSE_MAX_NS UINT64_C(640000000000)
#define BUDGET_RELAPSE_NS   UINT64_C(30000000000)

/** A kind comes back if all that is counted then costs this part of the budget at most. */
#define BUDGET_RETURN 0.75

enum budget_verdict {
	BUDGET_STAYS = 0,
	BUDGET_SHEDS,	/* one kind more: it is kind `shed - 1` now */
	BUDGET_RETURNS, /* one kind less: it is kind `shed` now */
};

/** Processor time, nanoseconds. */
struct budget_spent {
	uint64_t kinds[BUDGET_KINDS];
	uint64_t rest; /* what can't be shed */
};

struct budget {
	double limit;		     /* of the processor time that the machine has: 0 to 1 */
	unsigned int shed;	     /* so many kinds are, from the first one on */
	bool exhausted;		     /* all are, and it still costs too much */
	double share;		     /* what it cost in the last period that was judged */
	double kinds[BUDGET_KINDS];  /* of it; of what is shed, when it was counted last */
	double behind[BUDGET_KINDS]; /* what the kinds behind it cost when it was shed */
	uint64_t begun_ns;	     /* the period */
	uint64_t changed_ns;	     /* when a kind was shed or came back last */
	uint64_t returned_ns; /* when one came back last; 0: none that may have to go again */
	uint64_t pause_ns;
};

/** A kind's field. */
enum moqstat_field budget_field(enum budget_kind kind);

/** "frames", "groups", "bytes". */
const char *budget_name(enum budget_kind kind);

/** Begin at `now_ns`, of a clock that only goes forward, with nothing shed. */
void budget_init(double limit, uint64_t now_ns, struct budget *out);

/** Is the period long enough to be judged? */
bool budget_due(const struct budget *b, uint64_t now_ns);

/** Begin the period anew: what was spent in it says nothing, since a kind was half there. */
void budget_restart(struct budget *b, uint64_t now_ns);

/** Judge what was spent in the period, by a machine of `cpus`, and begin the next one. */
enum budget_verdict budget_judge(struct budget *b, uint64_t now_ns, unsigned int cpus,
				 const struct budget_spent *spent);

/** What was to return can't: it is shed as before, and waits twice as long. */
void budget_retract(struct budget *b, uint64_t now_ns);

#endif /* MOQSTAT_BUDGET_H */
