/* SPDX-License-Identifier: MIT */
#include "crosscheck.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collect_format.h"
#include "log.h"

/* Checks between what two threads of the relay do have this long to come true. */
#define CROSSCHECK_SETTLE_MS 1000

/* So many frames without a byte are no accident. */
#define CROSSCHECK_FRAMES 16

#define CROSSCHECK_SLOTS  (MOQSTAT_ROLE_MAX * MOQSTAT_TIER_MAX)

/* An incarnation whose counts contradict each other, unless the next batch has what lacks. */
struct crosscheck_suspect {
	uint64_t hash; /* of the path and tier; with the number, near enough to an identity */
	uint32_t incarnation;
	uint64_t rules;	   /* that it breaks; bits of crosscheck_bit() and crosscheck_relay_bit() */
	uint64_t since_ms; /* those that may take their time */
	bool listed;	   /* in the batch that is being taken in */
	bool held;	   /* if it isn't, it is listed for as long as it is there */
};

/* `cause` can't be counted without `effect` being counted before, by the same guard or by one that
 * it needs: so if there was any of the first, a later reading has some of the second. */
struct crosscheck_rule {
	enum moqstat_field cause;
	enum moqstat_field effect;
	enum moqstat_role role; /* MOQSTAT_ROLE_MAX: either */
	bool whole;		/* needs a whole incarnation; else a fresh one will do */
	bool settles;		/* another thread does the one than the other */
	const char *reason;
};

static const struct crosscheck_rule crosscheck_rules[] = {
	{ MOQSTAT_FRAMES, MOQSTAT_GROUPS, MOQSTAT_ROLE_MAX, false, false,
	  "frames were counted that belong to no group counted: some probes of it did not fire" },
	{ MOQSTAT_BYTES, MOQSTAT_FRAMES, MOQSTAT_ROLE_MAX, false, false,
	  "bytes were counted that belong to no frame counted: some probes of it did not fire" },
	{ MOQSTAT_BYTES, MOQSTAT_GROUPS, MOQSTAT_ROLE_MAX, false, false,
	  "bytes were counted that belong to no group counted: some probes of it did not fire" },
	{ MOQSTAT_GROUPS, MOQSTAT_SUBSCRIPTIONS, MOQSTAT_ROLE_MAX, false, false,
	  "groups were counted without a subscription: some probes of it did not fire" },
	{ MOQSTAT_FRAMES, MOQSTAT_SUBSCRIPTIONS, MOQSTAT_ROLE_MAX, false, false,
	  "frames were counted without a subscription: some probes of it did not fire" },
	{ MOQSTAT_BROADCASTS, MOQSTAT_SUBSCRIPTIONS, MOQSTAT_ROLE_MAX, true, false,
	  "a broadcast was counted as subscribed to, but no subscription: some probes of it did not fire" },
	/* Not so on the other side: a publisher may send before it has confirmed. */
	{ MOQSTAT_GROUPS, MOQSTAT_BROADCASTS, MOQSTAT_PUBLISHER, true, false,
	  "groups were sent on a broadcast that nobody was counted to watch: some probes of it did not fire" },
	/* Not so on the other side: a client may subscribe to what it knows without announcement.
	 */
	{ MOQSTAT_GROUPS, MOQSTAT_ANNOUNCED, MOQSTAT_SUBSCRIBER, true, true,
	  "groups came on a broadcast without an announcement: some probes of it did not fire" },
};

#define CROSSCHECK_RULES (sizeof(crosscheck_rules) / sizeof(crosscheck_rules[0]))

/* What a relay sends it has received, on whichever tier: publisher `cause`, subscriber `effect`.
 * Not where tiers are labels: what was received is in another row if it is of another tier; and
 * such a relay keeps what it has for a while after its publisher has gone (--cluster-linger), and
 * sends it to those who come then, with counters that begin anew. */
static const struct crosscheck_rule crosscheck_relayed[] = {
	{ MOQSTAT_GROUPS, MOQSTAT_SUBSCRIPTIONS, MOQSTAT_SUBSCRIBER, true, true,
	  "groups were sent on, but no subscription to their publisher was counted: some probes of it did not fire" },
	{ MOQSTAT_GROUPS, MOQSTAT_GROUPS, MOQSTAT_SUBSCRIBER, true, true,
	  "groups were sent on that were not counted as received: some probes of it did not fire" },
	{ MOQSTAT_FRAMES, MOQSTAT_FRAMES, MOQSTAT_SUBSCRIBER, true, true,
	  "frames were sent on that were not counted as received: some probes of it did not fire" },
	{ MOQSTAT_BYTES, MOQSTAT_BYTES, MOQSTAT_SUBSCRIBER, true, true,
	  "bytes were sent on that were not counted as received: some probes of it did not fire" },
};

#define CROSSCHECK_RELAYED     (sizeof(crosscheck_relayed) / sizeof(crosscheck_relayed[0]))

#define CROSSCHECK_OPEN_MISSED "more was closed than opened: some of its probes did not fire"
#define CROSSCHECK_CLOSE_MISSED \
	"the relay had ended what was never counted as closed: some of its probes did not fire"
#define CROSSCHECK_BYTES_MISSED \
	"frames were sent, of a broadcast that has bytes, but not one byte on any: its probes did not fire"

#define CROSSCHECK_REUSED \
	"where some were open that never closed there are others by now: some of its probes did not fire"

static uint64_t crosscheck_bit(size_t rule, unsigned int slot)
{
	return 1ULL << (rule * CROSSCHECK_SLOTS + slot);
}

static uint64_t crosscheck_relay_bit(size_t rule)
{
	return 1ULL << (CROSSCHECK_RULES * CROSSCHECK_SLOTS + rule);
}

#define CROSSCHECK_SENT_BIT crosscheck_relay_bit(CROSSCHECK_RELAYED)

_Static_assert(CROSSCHECK_RULES *CROSSCHECK_SLOTS + CROSSCHECK_RELAYED < 64, "a bit a rule");

/* FNV-1a: strangers choose paths, but one that collides gains nothing: numbers are never given
 * twice in a run. */
static uint64_t crosscheck_hash(const char *path, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)path[i]) * 0x100000001b3ULL;
	return hash;
}

static int crosscheck_compare(const void *a, const void *b)
{
	const struct crosscheck_suspect *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->incarnation < y->incarnation ? -1 : x->incarnation > y->incarnation;
}

static uint64_t crosscheck_sum(const struct collect_broadcast *b, enum moqstat_role role,
			       enum moqstat_field field)
{
	uint64_t sum = 0;
	unsigned int tier;

	for (tier = 0; tier < MOQSTAT_TIER_MAX; tier++)
		sum += b->counts[role][tier][field];
	return sum;
}

/* A group that was fetched belongs to no subscription, and nobody watches its broadcast. */
static bool crosscheck_fetched(const struct crosscheck_rule *rule, const uint64_t *counts)
{
	return counts[MOQSTAT_FETCHES] &&
	       (rule->effect == MOQSTAT_SUBSCRIPTIONS || rule->effect == MOQSTAT_BROADCASTS);
}

/* Does a slot break a rule, as far as one reading can tell? */
static bool crosscheck_breaks(const struct crosscheck_rule *rule, const struct collect_broadcast *b,
			      unsigned int slot)
{
	enum moqstat_role role = slot / MOQSTAT_TIER_MAX;
	const uint64_t *counts = b->counts[role][slot % MOQSTAT_TIER_MAX];

	return (rule->role == role || rule->role == MOQSTAT_ROLE_MAX) &&
	       (rule->whole ? b->whole : b->fresh) && counts[rule->cause] &&
	       !counts[rule->effect] && !crosscheck_fetched(rule, counts);
}

/* Is a field known to be amiss already, or to lack something? */
static bool crosscheck_known(const struct crosscheck *c, unsigned int role, unsigned int field)
{
	return c->missed[role][field] || c->lapse[field];
}

/* The rules that an incarnation breaks, of those whose field isn't known to be amiss already. */
static uint64_t crosscheck_judge(const struct crosscheck *c, const struct collect_batch *batch,
				 const struct collect_broadcast *b)
{
	bool labels = batch->tiers && batch->tiers->found;
	uint64_t broken = 0;
	unsigned int slot;
	size_t i;

	if (!b->fresh)
		return 0;
	for (i = 0; i < CROSSCHECK_RULES; i++) {
		const struct crosscheck_rule *rule = &crosscheck_rules[i];

		for (slot = 0; slot < CROSSCHECK_SLOTS; slot++) {
			if (!crosscheck_known(c, slot / MOQSTAT_TIER_MAX, rule->effect) &&
			    crosscheck_breaks(rule, b, slot))
				broken |= crosscheck_bit(i, slot);
		}
	}
	for (i = 0; i < CROSSCHECK_RELAYED && b->whole && !labels; i++) {
		const struct crosscheck_rule *rule = &crosscheck_relayed[i];

		if (!crosscheck_known(c, MOQSTAT_SUBSCRIBER, rule->effect) &&
		    crosscheck_sum(b, MOQSTAT_PUBLISHER, rule->cause) &&
		    !crosscheck_sum(b, MOQSTAT_SUBSCRIBER, rule->effect))
			broken |= crosscheck_relay_bit(i);
	}
	if (!c->sent && b->whole && !crosscheck_known(c, MOQSTAT_PUBLISHER, MOQSTAT_BYTES) &&
	    crosscheck_sum(b, MOQSTAT_PUBLISHER, MOQSTAT_FRAMES) >= CROSSCHECK_FRAMES &&
	    crosscheck_sum(b, MOQSTAT_SUBSCRIBER, MOQSTAT_BYTES))
		broken |= CROSSCHECK_SENT_BIT;
	return broken;
}

/* Which rules take their time? */
static uint64_t crosscheck_settling(void)
{
	uint64_t bits = CROSSCHECK_SENT_BIT;
	unsigned int slot;
	size_t i;

	for (i = 0; i < CROSSCHECK_RULES; i++) {
		for (slot = 0; slot < CROSSCHECK_SLOTS && crosscheck_rules[i].settles; slot++)
			bits |= crosscheck_bit(i, slot);
	}
	for (i = 0; i < CROSSCHECK_RELAYED; i++)
		bits |= crosscheck_relay_bit(i);
	return bits;
}

/* Rules that were broken and still are. */
static void crosscheck_condemn(struct crosscheck *c, uint64_t bits)
{
	unsigned int slot;
	size_t i;

	for (i = 0; i < CROSSCHECK_RULES; i++) {
		for (slot = 0; slot < CROSSCHECK_SLOTS; slot++) {
			if (bits & crosscheck_bit(i, slot))
				c->missed[slot / MOQSTAT_TIER_MAX][crosscheck_rules[i].effect] =
					crosscheck_rules[i].reason;
		}
	}
	for (i = 0; i < CROSSCHECK_RELAYED; i++) {
		if (bits & crosscheck_relay_bit(i))
			c->missed[MOQSTAT_SUBSCRIBER][crosscheck_relayed[i].effect] =
				crosscheck_relayed[i].reason;
	}
	if (bits & CROSSCHECK_SENT_BIT)
		c->missed[MOQSTAT_PUBLISHER][MOQSTAT_BYTES] = CROSSCHECK_BYTES_MISSED;
}

/* A suspect is one still. */
static void crosscheck_confirm(struct crosscheck *c, const struct collect_batch *batch,
			       const struct crosscheck_suspect *before,
			       struct crosscheck_suspect *now)
{
	const uint64_t settling = crosscheck_settling();
	uint64_t still = now->rules & before->rules;

	if ((still & settling) && before->since_ms <= now->since_ms)
		now->since_ms = before->since_ms;
	if (batch->time_ms - now->since_ms < CROSSCHECK_SETTLE_MS)
		still &= ~settling;
	crosscheck_condemn(c, still);
}

/* The rules whose fields aren't known to be amiss yet. */
static uint64_t crosscheck_open(const struct crosscheck *c)
{
	uint64_t bits = c->sent || crosscheck_known(c, MOQSTAT_PUBLISHER, MOQSTAT_BYTES)
				? 0
				: CROSSCHECK_SENT_BIT;
	unsigned int slot;
	size_t i;

	for (i = 0; i < CROSSCHECK_RULES; i++) {
		for (slot = 0; slot < CROSSCHECK_SLOTS; slot++) {
			if (!crosscheck_known(c, slot / MOQSTAT_TIER_MAX,
					      crosscheck_rules[i].effect))
				bits |= crosscheck_bit(i, slot);
		}
	}
	for (i = 0; i < CROSSCHECK_RELAYED; i++) {
		if (!crosscheck_known(c, MOQSTAT_SUBSCRIBER, crosscheck_relayed[i].effect))
			bits |= crosscheck_relay_bit(i);
	}
	return bits;
}

/* Suspects that a partial batch doesn't list are as they were. */
static void crosscheck_unlisted(struct crosscheck *c, const struct collect_batch *batch,
				struct crosscheck_suspect *suspects, size_t *len)
{
	size_t i;

	for (i = 0; i < c->suspects_len && batch->partial; i++) {
		const struct crosscheck_suspect *before = &c->suspects[i];
		struct crosscheck_suspect now = *before;

		now.rules &= crosscheck_open(c);
		now.since_ms = batch->time_ms;
		if (before->listed || !before->held || !now.rules)
			continue;
		crosscheck_confirm(c, batch, before, &now);
		suspects[(*len)++] = now;
	}
}

/* Judge by two readings: what happened before the first of them ended is in the second one. So the
 * counts of one reading needn't be of one moment. */
static void crosscheck_payload(struct crosscheck *c, const struct collect_batch *batch,
			       struct crosscheck_suspect *suspects, size_t *len)
{
	size_t i;

	for (i = 0; i < c->suspects_len; i++)
		c->suspects[i].listed = false;
	for (i = 0; i < batch->broadcasts_len; i++) {
		const struct collect_broadcast *b = &batch->broadcasts[i];
		struct crosscheck_suspect now = { .rules = crosscheck_judge(c, batch, b) },
					  *before = NULL;

		if (!now.rules && !c->suspects_len)
			continue;
		now.hash = crosscheck_hash(b->path, b->path_len) ^ b->tier;
		now.incarnation = b->incarnation;
		now.held = b->held;
		now.since_ms = batch->time_ms;
		if (c->suspects_len)
			before = bsearch(&now, c->suspects, c->suspects_len, sizeof(now),
					 crosscheck_compare);
		if (before)
			before->listed = true;
		if (!now.rules)
			continue;
		if (before)
			crosscheck_confirm(c, batch, before, &now);
		suspects[(*len)++] = now;
	}
	crosscheck_unlisted(c, batch, suspects, len);
}

/* Opens and closes: of one reading, since every closed counter was read before any open one. */
static void crosscheck_pairs(struct crosscheck *c, const struct collect_broadcast *b,
			     enum moqstat_role role, enum moqstat_tier tier)
{
	const uint64_t *counts = b->counts[role][tier];
	unsigned int field;

	for (field = 1; field < MOQSTAT_FIELD_MAX; field++) {
		uint64_t opened = counts[field - 1], closed = counts[field];

		if (!MOQSTAT_FIELD_CLOSES(field) || opened == closed)
			continue;
		if (b->whole && closed > opened && !c->missed[role][field - 1])
			c->missed[role][field - 1] = CROSSCHECK_OPEN_MISSED;
		/* What isn't held was read after its end. */
		if (b->whole && closed < opened && !b->held && !c->missed[role][field])
			c->missed[role][field] = CROSSCHECK_CLOSE_MISSED;
		if (!b->whole && closed > opened && !c->gap[role][field])
			c->gap[role][field] =
				"closes were seen whose opening was not; they are held back";
	}
}

static void crosscheck_sessions(struct crosscheck *c, const struct collect_session *s)
{
	uint64_t opened = s->counts[MOQSTAT_SESSIONS], closed = s->counts[MOQSTAT_SESSIONS_CLOSED];

	if (s->whole && closed > opened && !c->sessions_missed[MOQSTAT_SESSIONS])
		c->sessions_missed[MOQSTAT_SESSIONS] = CROSSCHECK_OPEN_MISSED;
	if (s->whole && closed < opened && !s->held && !c->sessions_missed[MOQSTAT_SESSIONS_CLOSED])
		c->sessions_missed[MOQSTAT_SESSIONS_CLOSED] = CROSSCHECK_CLOSE_MISSED;
	if (!s->whole && closed > opened && !c->sessions_gap[MOQSTAT_SESSIONS_CLOSED])
		c->sessions_gap[MOQSTAT_SESSIONS_CLOSED] =
			"closes were seen whose opening was not; they are held back";
}

static bool crosscheck_named(const char *text, size_t len, const char *name)
{
	return len == strlen(name) && !memcmp(text, name, len);
}

/* What is summed up under another name: the fields that were. */
static void crosscheck_summed(struct crosscheck *c, const struct collect_broadcast *b,
			      const char *reason)
{
	unsigned int role, field;

	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
			if (!c->gap[role][field] && crosscheck_sum(b, role, field))
				c->gap[role][field] = reason;
		}
	}
}

static void crosscheck_all(const char *reason, bool opens, struct crosscheck *c)
{
	unsigned int role, field;

	for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
		for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
			if (!c->gap[role][field] &&
			    (opens || MOQSTAT_FIELD_CLOSES(field) || field >= MOQSTAT_BYTES))
				c->gap[role][field] = reason;
		}
	}
	for (field = 0; field < MOQSTAT_SESSION_FIELD_MAX; field++) {
		if (!c->sessions_gap[field] && (opens || MOQSTAT_FIELD_CLOSES(field)))
			c->sessions_gap[field] = reason;
	}
}

/* Only where entries' own counters are read. */
static void crosscheck_payload_gap(const char *reason, struct crosscheck *c)
{
	unsigned int role, field;

	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (field = MOQSTAT_BYTES; field <= MOQSTAT_GROUPS; field++) {
			if (!c->gap[role][field])
				c->gap[role][field] = reason;
		}
	}
}

/* What was lost without a row that tells of which fields. */
static void crosscheck_lost(struct crosscheck *c, const uint64_t *lost)
{
	static const char *const reasons[MOQSTAT_LOST_MAX] = {
		[MOQSTAT_LOST_ENTRY_NULL] = "some bumps had no entry and are missing (entry_null)",
		[MOQSTAT_LOST_ENTRY_UNKNOWN] =
			"some bumps were on entries without a name and are missing (entry_unknown)",
		[MOQSTAT_LOST_ENTRIES_FULL] =
			"there was no room to remember some entries (entries_full)",
		[MOQSTAT_LOST_COUNTERS_FULL] =
			"there was no room to count some bumps (counters_full)",
		[MOQSTAT_LOST_PENDING_FULL] =
			"some names were forgotten before they were used (pending_full)",
		[MOQSTAT_LOST_OPERAND_FAULT] =
			"some bumps could not be read and are missing (operand_fault)",
		[MOQSTAT_LOST_OPERAND_RANGE] =
			"some bumps made no sense and are missing (operand_range)",
		[MOQSTAT_LOST_PATH_INVALID] =
			"some paths are no UTF-8 and are not shown (path_invalid)",
		[MOQSTAT_LOST_TIERS_FULL] =
			"some tiers are not counted: they are too many, or their names too long (tiers_full)",
	};
	unsigned int i;

	for (i = 0; i < MOQSTAT_LOST_MAX; i++) {
		if (lost[i] && reasons[i])
			crosscheck_all(reasons[i], true, c);
	}
	if (lost[MOQSTAT_LOST_READINGS_FULL])
		crosscheck_payload_gap(
			"there was no room to note what some entries had counted (readings_full)",
			c);
	if (lost[MOQSTAT_LOST_COUNTERS_UNREAD])
		crosscheck_payload_gap(
			"what some entries had counted could not be read (counters_unread)", c);
	if (lost[MOQSTAT_LOST_GUARDS_FULL])
		crosscheck_all("there was no room to remember some guards (guards_full)", false, c);
}

/* Where a guard was that never closed there is another by now. */
static void crosscheck_reused(struct crosscheck *c, const uint64_t *lost)
{
	unsigned int role;

	for (role = 0; role < MOQSTAT_ROLE_MAX && lost[MOQSTAT_LOST_GUARD_REUSED]; role++) {
		if (!c->missed[role][MOQSTAT_SUBSCRIPTIONS_CLOSED])
			c->missed[role][MOQSTAT_SUBSCRIPTIONS_CLOSED] = CROSSCHECK_REUSED;
	}
	if (lost[MOQSTAT_LOST_SESSION_REUSED] && !c->sessions_missed[MOQSTAT_SESSIONS_CLOSED])
		c->sessions_missed[MOQSTAT_SESSIONS_CLOSED] = CROSSCHECK_REUSED;
}

static void crosscheck_gaps(struct crosscheck *c, const struct collect_batch *batch)
{
	static const char overflow[] = "some of it is summed up in __overflow__";
	uint64_t unknown = batch->lost[MOQSTAT_LOST_GUARD_UNKNOWN];
	unsigned int role, field;
	size_t i;

	crosscheck_lost(c, batch->lost);
	c->told = batch->partial ? c->told : 0;
	for (i = 0; i < batch->broadcasts_len; i++) {
		const struct collect_broadcast *b = &batch->broadcasts[i];

		/* Those that the relay itself calls so may be fresh. */
		if (b->fresh)
			continue;
		if (crosscheck_named(b->path, b->path_len, "__overflow__"))
			crosscheck_summed(c, b, overflow);
		if (!crosscheck_named(b->path, b->path_len, "__unattributed__"))
			continue;
		crosscheck_summed(c, b, "some of it can't be named, and is in __unattributed__");
		c->told = 0;
		for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
			for (field = 0; field < MOQSTAT_FIELD_MAX; field++)
				c->told +=
					field == MOQSTAT_BYTES ? 0 : crosscheck_sum(b, role, field);
		}
	}
	/* Sessions have no such row. */
	if (unknown > c->told && !c->sessions_gap[MOQSTAT_SESSIONS_CLOSED])
		c->sessions_gap[MOQSTAT_SESSIONS_CLOSED] =
			"it can't be told whose some of the guards are that were closed (guard_unknown)";
	for (i = 0; i < batch->sessions_len; i++) {
		const struct collect_session *s = &batch->sessions[i];

		if (s->fresh || !crosscheck_named(s->root, s->root_len, "__overflow__"))
			continue;
		for (field = 0; field < MOQSTAT_SESSION_FIELD_MAX; field++) {
			if (s->counts[field] && !c->sessions_gap[field])
				c->sessions_gap[field] = overflow;
		}
	}
}

/* What the rows tell of each other. Not if counters had no room: then an opening may be in the
 * overflow and its close in a row, so no row proves anything. The number of suspects. */
static size_t crosscheck_rows(struct crosscheck *c, const struct collect_batch *batch,
			      struct crosscheck_suspect *suspects)
{
	size_t i, len = 0;
	unsigned int slot;

	crosscheck_payload(c, batch, suspects, &len);
	for (i = 0; i < batch->broadcasts_len; i++) {
		for (slot = 0; slot < CROSSCHECK_SLOTS; slot++)
			crosscheck_pairs(c, &batch->broadcasts[i], slot / MOQSTAT_TIER_MAX,
					 slot % MOQSTAT_TIER_MAX);
	}
	for (i = 0; i < batch->sessions_len; i++)
		crosscheck_sessions(c, &batch->sessions[i]);
	return len;
}

int crosscheck_update(struct crosscheck *c, const struct collect_batch *batch)
{
	size_t room = batch->broadcasts_len + c->suspects_len + 1, i, len = 0;
	struct crosscheck_suspect *suspects = calloc(room, sizeof(*suspects));

	if (!suspects)
		return -ENOMEM;
	for (i = 0; i < batch->broadcasts_len && !c->sent; i++)
		c->sent = crosscheck_sum(&batch->broadcasts[i], MOQSTAT_PUBLISHER, MOQSTAT_BYTES);
	if (!batch->lost[MOQSTAT_LOST_COUNTERS_FULL])
		len = crosscheck_rows(c, batch, suspects);
	crosscheck_reused(c, batch->lost);
	crosscheck_gaps(c, batch);
	qsort(suspects, len, sizeof(*suspects), crosscheck_compare);
	free(c->suspects);
	c->suspects = suspects;
	c->suspects_len = len;
	c->number = batch->number;
	return 0;
}

void crosscheck_lapse(struct crosscheck *c, enum moqstat_field field, const char *reason, bool now)
{
	c->lapse[field] = reason;
	c->lapsing[field] = now;
}

void crosscheck_warn(struct crosscheck *c, const char *broadcast)
{
	unsigned int role, field;

	for (role = 0; role <= MOQSTAT_ROLE_MAX; role++) {
		bool sessions = role == MOQSTAT_ROLE_MAX;
		unsigned int fields = sessions ? (unsigned int)MOQSTAT_SESSION_FIELD_MAX
					       : (unsigned int)MOQSTAT_FIELD_MAX;

		for (field = 0; field < fields; field++) {
			const char *reason =
				sessions ? c->sessions_missed[field] : c->missed[role][field];

			if (!reason || c->warned[role][field])
				continue;
			c->warned[role][field] = true;
			log_warn("%s: %s %s is unavailable from now on: %s", broadcast,
				 sessions ? "sessions" : collect_format_roles[role],
				 sessions ? collect_format_session_fields[field]
					  : collect_format_fields[field],
				 reason);
		}
	}
}

void crosscheck_deinit(struct crosscheck *c)
{
	if (!c)
		return;
	free(c->suspects);
	memset(c, 0, sizeof(*c));
}
