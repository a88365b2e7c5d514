/* SPDX-License-Identifier: MIT */
#include "pace.h"

/* Beyond so many frames at once each is handed out before the next one is taken in; but for no
 * longer than this, */
#define PACE_BURST     8
#define PACE_BREATH_NS (UINT64_C(250) * 1000000)

/* and for so long in all while there is ever more to take in: so slow are not the clients. */
#define PACE_BREATHS_NS (UINT64_C(30) * 1000000000)

/* Who would lose the next frame may read first, as long, but of all time only a tenth, up to this:
 * the others wait as well. */
#define PACE_PATIENCE_NS (UINT64_C(10) * 1000000000)
#define PACE_PATIENCE	 10

void pace_init(struct pace *out)
{
	*out = (struct pace){ .patience = PACE_PATIENCE_NS };
}

void pace_took(struct pace *p, uint64_t now)
{
	p->taken = now;
	p->behind = p->burst++ ? p->behind : now;
}

void pace_rest(struct pace *p)
{
	p->more = false;
	p->burst = 0;
}

bool pace_holds(const struct pace *p, uint64_t now, bool busy, bool full)
{
	if (now - p->taken >= PACE_BREATH_NS)
		return false;
	return (p->more && p->burst > PACE_BURST && now - p->behind < PACE_BREATHS_NS && busy) ||
	       (p->patience && full);
}

void pace_waited(struct pace *p, bool held, uint64_t ns)
{
	if (held)
		p->patience -= ns < p->patience ? ns : p->patience;
	else
		p->patience += ns / PACE_PATIENCE;
	if (p->patience > PACE_PATIENCE_NS)
		p->patience = PACE_PATIENCE_NS;
}

int pace_timeout(const struct pace *p, uint64_t now, bool held, int timeout)
{
	int breath;

	if (!held)
		return p->more ? 0 : timeout;
	breath = (p->taken + PACE_BREATH_NS - now) / 1000000 + 1;
	return timeout < breath ? timeout : breath;
}
