/* SPDX-License-Identifier: MIT */
#include "walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "log.h"
#include "machine.h"
#include "utf8.h"

/* No path is longer; the relay's own limit for a message is below. */
#define WALK_TEXT_MAX 65536

/* What a session with 100,000 announces comes to, and no more. */
#define WALK_EVENTS_MAX (1u << 20)

/* More references than any relay has. */
#define WALK_COUNT_MAX (1u << 24)

/* BroadcastSubscription ends with tier and side, behind path, counts and entry. */
#define WALK_SUBSCRIPTION_FLAGS 5

/* An Arc that was entered. */
struct walk_arc {
	uint64_t count; /* its address; 0: none */
	uint64_t walk;	/* by which walk */
	bool kept;	/* which came to an end */
};

struct walk {
	const struct target *target;
	const struct census_plan *plan;
	uint64_t bias;
	struct machine *machine;
	struct walk_arc *arcs; /* a set */
	size_t arcs_len, arcs_room;
	uint64_t walks;		/* so far */
	struct walk_task *task; /* of the walk under way */
	int err;
};

static const struct reach_function *walk_function(const struct walk *w, uint64_t addr)
{
	return reach_find(&w->plan->reach, addr - w->bias);
}

/* What the functions that are being executed tell of an event: the innermost hash table that is
 * dropped, whose session it is, and how many Arcs deep it is. */
static void walk_where(const struct walk *w, struct walk_event *e)
{
	size_t len;
	const struct machine_frame *frames = machine_frames(w->machine, &len);

	while (len-- > 0) {
		const struct reach_function *f = walk_function(w, frames[len].function);

		if (f && f->kind == REACH_TABLE && !e->table)
			e->table = frames[len].self;
		e->ietf |= f && f->ietf;
		e->arcs += f && f->arc;
	}
}

static struct walk_event *walk_add(struct walk *w, enum walk_kind kind, uint64_t at)
{
	struct walk_task *t = w->task;

	if (t->len == WALK_EVENTS_MAX) {
		w->err = -EBADMSG;
		return NULL;
	}
	if (t->len == t->room) {
		size_t room = t->room ? 2 * t->room : 32;
		struct walk_event *grown = reallocarray(t->list, room, sizeof(*grown));

		if (!grown) {
			w->err = -ENOMEM;
			return NULL;
		}
		t->list = grown;
		t->room = room;
	}
	t->list[t->len] = (struct walk_event){ .kind = kind, .at = at };
	walk_where(w, &t->list[t->len]);
	return &t->list[t->len++];
}

static int walk_page(void *arg, uint64_t addr, uint8_t *bytes)
{
	struct walk *w = arg;
	bool readable = false;
	int err = target_read(w->target, &addr, 1, MACHINE_PAGE, bytes, &readable);

	return err ? err : readable ? 0 : -EFAULT;
}

static const uint8_t *walk_code(void *arg, uint64_t addr, size_t *left)
{
	struct walk *w = arg;
	const struct reach_function *f = walk_function(w, addr);

	if (!f)
		return NULL;
	*left = f->addr + f->size - (addr - w->bias);
	return w->plan->code[f - w->plan->reach.list] + (addr - w->bias - f->addr);
}

/* A copy of the text of a path; false if that's not what it is. What owns its text has the capacity
 * for it; what borrows it has another first word than any capacity. */
static bool walk_text(struct walk *w, uint64_t at, struct walk_text *out)
{
	const struct layout *l = w->plan->layout;
	uint64_t words[3], text, len;
	char *bytes;

	if (!machine_read(w->machine, at, words, sizeof(words)) ||
	    !layout_text(l, words, &text, &len) || len > WALK_TEXT_MAX ||
	    (!l->shared_paths && words[0] != 1ull << 63 && words[0] < len))
		return false;
	bytes = malloc(len + 1);
	if (!bytes) {
		w->err = -ENOMEM;
		return false;
	}
	if ((len && !machine_read(w->machine, text, bytes, len)) || !utf8_valid(bytes, len)) {
		free(bytes);
		return false;
	}
	out->bytes = bytes;
	out->len = len;
	out->last = words[2];
	return true;
}

static void walk_root(struct walk *w, enum walk_kind kind, int64_t offset)
{
	struct walk_event *e;

	if (offset < 0)
		return;
	e = walk_add(w, kind, machine_reg(w->machine, CODE_ARG0) + offset);
	if (e && !walk_text(w, e->at, &e->text))
		w->task->len--;
}

static void walk_subscription(struct walk *w)
{
	uint64_t at = machine_reg(w->machine, CODE_ARG0), words[6];
	const struct layout *l = w->plan->layout;
	struct walk_event *e = walk_add(w, WALK_SUBSCRIPTION, at);

	if (!e)
		return;
	if (!machine_read(w->machine, at, words, sizeof(words)) ||
	    !walk_text(w, at + l->path_of_subscription, &e->text)) {
		w->task->len--;
		return;
	}
	e->value = words[l->counts_of_subscription / 8];
	e->owner = words[l->entry_of_subscription / 8];
	e->tier = words[WALK_SUBSCRIPTION_FLAGS] & 0xff;
	e->role = words[WALK_SUBSCRIPTION_FLAGS] >> 8 & 0xff;
}

static bool walk_is_release(const struct walk *w, uint64_t function)
{
	size_t i;

	for (i = 0; i < w->plan->reach.release_len; i++) {
		if (w->plan->reach.release[i] == function - w->bias)
			return true;
	}
	return false;
}

/* Text is freed with alignment 1: where it was referred to from is where its {cap, ptr, len} is. */
static void walk_freed(struct walk *w)
{
	uint64_t from = machine_from(w->machine, CODE_ARG0);
	struct walk_event *e;

	if (machine_reg(w->machine, CODE_ARG2) != 1 || !from)
		return;
	e = walk_add(w, WALK_STRING, from - 8);
	if (e && !walk_text(w, e->at, &e->text))
		w->task->len--;
}

static bool walk_call(void *arg, const struct machine *m, uint64_t function)
{
	struct walk *w = arg;
	const struct reach_function *f = walk_function(w, function);
	struct walk_event *e;
	uint64_t value;

	if (f && f->addr == function - w->bias) {
		if (f->kind == REACH_CONSUMER)
			walk_root(w, WALK_CONSUMER_ROOT, w->plan->consumer_root);
		else if (f->kind == REACH_PRODUCER)
			walk_root(w, WALK_PRODUCER_ROOT, w->plan->producer_root);
		else if (f->kind == REACH_SUBSCRIPTION)
			walk_subscription(w);
		else
			return f->leads || f->kind == REACH_HOLDER || f->kind == REACH_TABLE;
		return false;
	}
	if (walk_is_release(w, function)) {
		walk_freed(w);
		return false;
	}
	/* Another destructor: what it refers to may tell which objects belong together. */
	value = machine_reg(m, CODE_ARG0);
	if (value && machine_read(w->machine, value, &value, sizeof(value)) && value) {
		e = walk_add(w, WALK_TOUCH, machine_reg(m, CODE_ARG0));
		if (e)
			e->value = value;
	}
	return false;
}

static bool walk_leads(void *arg, uint64_t function)
{
	struct walk *w = arg;
	const struct reach_function *f = walk_function(w, function);

	return f && f->addr == function - w->bias && f->leads;
}

static bool walk_marked(void *arg, uint64_t addr)
{
	struct walk *w = arg;

	return census_plan_close(w->plan, addr - w->bias);
}

/* The address that an operand is at, and what it holds. */
static bool walk_operand(struct walk *w, const struct moqstat_operand *op, uint64_t *at,
			 uint64_t *value)
{
	uint64_t addr = 0, held = 0;

	*at = 0;
	switch (op->kind) {
	case MOQSTAT_OPERAND_IMM:
		*value = op->disp;
		return true;
	case MOQSTAT_OPERAND_REG:
		*at = machine_from(w->machine, op->reg);
		held = machine_reg(w->machine, op->reg);
		if (op->width < 8)
			held &= (1ull << 8 * op->width) - 1;
		*value = held + op->disp;
		return true;
	case MOQSTAT_OPERAND_MEM:
	case MOQSTAT_OPERAND_DEREF:
		addr = machine_reg(w->machine, op->reg) + op->disp;
		if (op->index != MOQSTAT_REG_NONE)
			addr += machine_reg(w->machine, op->index) * op->scale;
		if (op->kind == MOQSTAT_OPERAND_DEREF) {
			if (!machine_read(w->machine, addr, &held, 8))
				return false;
			addr = held + op->outer;
			held = 0;
		}
		*at = addr;
		if (!machine_read(w->machine, addr, &held, op->width))
			return false;
		*value = held;
		return true;
	default:
		return false;
	}
}

static bool walk_session(struct walk *w, const struct moqstat_site *what)
{
	struct walk_event *e = walk_add(w, WALK_SESSION, 0);
	const struct census_session *s = w->plan->sessions;
	uint8_t tier = 0;

	if (!e || !walk_operand(w, &what->entry, &e->at, &e->value))
		return false;
	e->tier = MOQSTAT_TIER_MAX;
	/* Where several codes make sessions, each its own way, none can be told. */
	if (w->plan->sessions_len == 1 && e->at &&
	    machine_read(w->machine, e->at + s->tier, &tier, 1) && tier < MOQSTAT_TIER_MAX &&
	    walk_text(w, e->at + s->root, &e->text))
		e->tier = tier;
	return true;
}

static bool walk_branch(void *arg, const struct machine *m, uint64_t addr)
{
	struct walk *w = arg;
	const struct census_close *close = census_plan_close(w->plan, addr - w->bias);
	const struct moqstat_site *what = &close->what;
	struct walk_event *e;
	uint64_t tier, at;

	(void)m;
	if (what->event == MOQSTAT_EVENT_SESSION_BUMP)
		return walk_session(w, what);
	if (what->field == MOQSTAT_BROADCASTS_CLOSED)
		return true;
	e = walk_add(w, what->field == MOQSTAT_ANNOUNCED_CLOSED ? WALK_ANNOUNCE : WALK_TRACK, 0);
	if (!e || !walk_operand(w, &what->entry, &e->at, &e->value) || !e->at ||
	    !walk_operand(w, &what->tier, &at, &tier) || tier >= MOQSTAT_TIER_MAX ||
	    what->role >= MOQSTAT_ROLE_MAX)
		return false;
	e->role = what->role;
	e->tier = tier;
	return machine_read(w->machine, e->at - 8, &e->owner, 8);
}

/* The place of an Arc in the set of those that were entered: where it is, or where it would be. */
static size_t walk_slot(const struct walk_arc *arcs, size_t room, uint64_t count)
{
	size_t slot = count * 0x9e3779b97f4a7c15ull >> 32;

	while (arcs[slot & (room - 1)].count && arcs[slot & (room - 1)].count != count)
		slot++;
	return slot & (room - 1);
}

/* Was an Arc entered before, in any task? From now on it was. A walk that came to nothing doesn't
 * count. */
static bool walk_seen(struct walk *w, uint64_t count)
{
	size_t i, room = w->arcs_room ? 2 * w->arcs_room : 1024;
	struct walk_arc *grown;

	if (2 * w->arcs_len >= w->arcs_room) {
		grown = calloc(room, sizeof(*grown));
		if (!grown) {
			w->err = -ENOMEM;
			return true;
		}
		for (i = 0; i < w->arcs_room; i++) {
			if (w->arcs[i].count)
				grown[walk_slot(grown, room, w->arcs[i].count)] = w->arcs[i];
		}
		free(w->arcs);
		w->arcs = grown;
		w->arcs_room = room;
	}
	i = walk_slot(w->arcs, w->arcs_room, count);
	if (w->arcs[i].count == count && (w->arcs[i].kept || w->arcs[i].walk == w->walks))
		return true;
	w->arcs_len += !w->arcs[i].count;
	w->arcs[i] = (struct walk_arc){ .count = count, .walk = w->walks };
	return false;
}

/* What the last walk entered was told, and isn't to be told again. */
static void walk_keep(struct walk *w, const struct walk_task *t)
{
	size_t i, slot;

	for (i = 0; i < t->len; i++) {
		if (t->list[i].kind != WALK_ARC)
			continue;
		slot = walk_slot(w->arcs, w->arcs_room, t->list[i].at);
		if (w->arcs[slot].count)
			w->arcs[slot].kept = true;
	}
}

static bool walk_release(void *arg, const struct machine *m, uint64_t count, uint64_t value)
{
	struct walk *w = arg;
	struct walk_event *e = walk_add(w, WALK_ARC, count);
	bool seen;

	(void)m;
	if (!e || !value || value > WALK_COUNT_MAX) {
		w->err = w->err ? w->err : -EAGAIN;
		return false;
	}
	e->value = value;
	seen = walk_seen(w, count);
	return !seen && !w->err;
}

static bool walk_ends_text(const struct walk *w, uint64_t function)
{
	size_t i;

	for (i = 0; i < w->plan->texts.ends_len; i++) {
		if (w->plan->texts.ends[i] == function - w->bias)
			return true;
	}
	return false;
}

/* A path's text is shared: where its Arc was referred to from is where the path is. */
static void walk_touch(void *arg, const struct machine *m, uint64_t count, uint64_t from,
		       uint64_t end)
{
	bool text = end && from && walk_ends_text(arg, end);
	struct walk_event *e = walk_add(arg, text ? WALK_STRING : WALK_TOUCH, text ? from : 0);

	(void)m;
	if (!e)
		return;
	e->value = count;
	if (text && !walk_text(arg, from, &e->text))
		((struct walk *)arg)->task->len--;
}

static const struct machine_ops walk_ops = {
	.page = walk_page,
	.code = walk_code,
	.call = walk_call,
	.leads = walk_leads,
	.marked = walk_marked,
	.branch = walk_branch,
	.release = walk_release,
	.touch = walk_touch,
};

int walk_create(const struct target *target, const struct census_plan *plan, uint64_t bias,
		struct walk **out)
{
	struct walk *w = calloc(1, sizeof(*w));
	int err = w ? machine_create(&walk_ops, w, &w->machine) : -ENOMEM;

	if (err) {
		free(w);
		return err;
	}
	w->target = target;
	w->plan = plan;
	w->bias = bias;
	*out = w;
	return 0;
}

void walk_destroy(struct walk *w)
{
	if (!w)
		return;
	machine_destroy(w->machine);
	free(w->arcs);
	free(w);
}

void walk_task_deinit(struct walk_task *t)
{
	size_t i;

	for (i = 0; i < t->len; i++)
		free(t->list[i].text.bytes);
	free(t->list);
	memset(t, 0, sizeof(*t));
}

static enum task_state walk_state(struct walk *w, const struct task *task)
{
	uint64_t header[4];
	bool readable = false;

	if (target_read(w->target, &task->addr, 1, sizeof(header), header, &readable) ||
	    !readable || header[2] != task->vtable)
		return TASK_GONE;
	return task_state(header);
}

int walk_task(struct walk *w, const struct task *task, struct walk_task *out)
{
	enum task_state state = walk_state(w, task);
	struct walk_task t = { .task = *task };
	enum machine_end end;
	int err = 0;

	if (state != TASK_IDLE)
		return state == TASK_GONE ? -ENOENT : -EAGAIN;
	w->task = &t;
	w->err = 0;
	w->walks++;
	machine_forget(w->machine);
	end = machine_run(w->machine, task->dealloc, task->addr);
	err = w->err ? w->err : end == MACHINE_NO_MEMORY ? -ENOMEM : end ? -EBADMSG : 0;
	state = walk_state(w, task);
	if (state != TASK_IDLE)
		err = state == TASK_GONE ? -ENOENT : -EAGAIN;
	else if (err != -ENOMEM && !machine_same(w->machine))
		err = -EAGAIN;
	if (err == -EBADMSG)
		log_debug("task %#" PRIx64 ": its destructor can't be followed beyond %#" PRIx64
			  " (%d)",
			  task->addr, machine_at(w->machine) - w->bias, end);
	if (err) {
		walk_task_deinit(&t);
		return err;
	}
	walk_keep(w, &t);
	*out = t;
	return 0;
}
