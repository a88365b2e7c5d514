/* SPDX-License-Identifier: MIT */
#include "reading.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "inventory.h"
#include "log.h"
#include "moqstat.skel.h"
#include "payload.h"
#include "readings.h"

/* Entries that are read with one buffer. */
#define READING_CHUNK 512

/* Looks at an entry that guards are opened and closed on meanwhile, in one tick. */
#define READING_TRIES 4

/* An entry that can't be read for so long never will be. */
#define READING_PATIENCE_NS 3000000000ULL

/* An entry that is to be read. */
struct reading_item {
	struct incarnation *in;	 /* NULL: of the overflow */
	struct readings_row row; /* as it was before the entry was read, and then after */
	uint64_t base[2];	 /* opened and closed on it before the probes */
	uint64_t was[2];	 /* opened and closed on it in all before it was read */
	bool read;
};

struct reading {
	struct moqstat_bpf *object;
	const struct target *target;
	const struct layout *layout;
	struct readings rows;
	struct reading_item *items;
	size_t items_len, items_room;
	uint32_t offsets[MOQSTAT_SLOT_SESSION]; /* of payload, from the entry's address on */
	bool whole;				/* all rows have been read since reading began */
	size_t size;				/* of an entry, bytes */
	uint8_t *bytes;				/* of READING_CHUNK entries */
	uint64_t addresses[READING_CHUNK];
	bool readable[READING_CHUNK];
	void *chunk[READING_CHUNK]; /* whose they are: struct incarnation or reading_item */
	__u64 ended[MOQSTAT_SLOT_SESSION][MOQSTAT_PAYLOAD_FIELDS]; /* entries in the overflow */
	uint64_t unread;
};

int reading_create(struct moqstat_bpf *object, const struct target *target,
		   const struct layout *layout, struct reading **out)
{
	struct reading *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->object = object;
	r->target = target;
	r->layout = layout;
	r->rows.map = bpf_map__fd(object->maps.readings);
	r->size = layout_entry_size(layout);
	r->bytes = calloc(READING_CHUNK, r->size);
	if (!r->bytes) {
		free(r);
		return -ENOMEM;
	}
	payload_offsets(layout, r->offsets);
	*out = r;
	return 0;
}

void reading_destroy(struct reading *r)
{
	if (!r)
		return;
	readings_deinit(&r->rows);
	free(r->items);
	free(r->bytes);
	free(r);
}

int reading_watch_end(struct moqstat_bpf *object)
{
	object->links.ended = bpf_program__attach(object->progs.ended);
	if (object->links.ended)
		return 0;
	object->links.ending = bpf_program__attach(object->progs.ending);
	return object->links.ending ? 0 : -errno;
}

void reading_begin(struct reading *r, struct incarnations *known)
{
	unsigned int slot, field;
	size_t i;

	for (i = 0; i < known->len; i++) {
		struct incarnation *in = known->list[i];

		for (slot = 0; slot < MOQSTAT_SLOT_SESSION && in->based; slot++) {
			for (field = MOQSTAT_BYTES; field <= MOQSTAT_GROUPS; field++) {
				in->counts[slot][field] += in->base[slot][field];
				in->base[slot][field] = 0;
			}
		}
	}
	r->object->bss->reading = 1;
}

/* Is a guard open that payload may be counted on? */
static bool reading_flows(const struct incarnation *in)
{
	unsigned int slot, opens = MOQSTAT_SUBSCRIPTIONS, closes = MOQSTAT_SUBSCRIPTIONS_CLOSED;

	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		if (in->counts[slot][opens] + in->base[slot][opens] !=
		    in->counts[slot][closes] + in->base[slot][closes])
			return true;
	}
	return false;
}

/* Is its payload what is read of it? */
static bool reading_is_read(const struct incarnation *in)
{
	return in->entry && in->id.hash && in->based && !in->slot && !in->retired;
}

/* Take an entry into the list, if it is held as far as is known. */
static int reading_want(struct reading *r, const struct reading_item *item)
{
	struct reading_item *added;

	if (r->items_len == r->items_room) {
		size_t room = r->items_room ? 2 * r->items_room : 64;
		struct reading_item *grown = reallocarray(r->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		r->items = grown;
		r->items_room = room;
	}
	added = &r->items[r->items_len];
	*added = *item;
	added->was[0] = added->row.what.opened + added->base[0];
	added->was[1] = added->row.what.closed + added->base[1];
	r->items_len += (int64_t)(added->was[0] - added->was[1]) > 0;
	return 0;
}

/* Tell the programs what was open on an entry before them, once, for when the relay ends. */
static void reading_hold(const struct reading *r, const struct reading_item *item)
{
	const struct moqstat_hold hold = { .incarnation = item->in->id.incarnation,
					   .entry = item->in->entry,
					   .before = item->base[0] - item->base[1] };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &hold, .ctx_size_in = sizeof(hold));

	if (!item->in->told && hold.before)
		bpf_prog_test_run_opts(bpf_program__fd(r->object->progs.hold), &opts);
	item->in->told = true;
}

/* An entry that may be read, and its element of the map. */
static struct reading_item reading_item_of(struct incarnation *in,
					   const struct moqstat_reading *what)
{
	struct reading_item item = { .in = in, .row = { in->id.incarnation, *what } };
	unsigned int slot, field;

	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		for (field = 0; field < MOQSTAT_BYTES; field++)
			item.base[MOQSTAT_FIELD_CLOSES(field)] += in->base[slot][field];
	}
	return item;
}

/* May something have been counted on it that nobody has read? */
static bool reading_is_live(const struct incarnation *in)
{
	return reading_is_read(in) && in->held && reading_flows(in);
}

/* All that are held, of the rows that have been read. */
static int reading_want_all(struct reading *r, struct incarnations *known)
{
	static const struct moqstat_reading nothing;
	size_t i;
	int err = 0;

	r->items_len = 0;
	for (i = 0; i < known->len && !err; i++) {
		struct incarnation *in = known->list[i];
		const struct readings_row *row = readings_find(&r->rows, in->id.incarnation);

		struct reading_item item;

		if (!reading_is_live(in))
			continue;
		item = reading_item_of(in, row ? &row->what : &nothing);
		reading_hold(r, &item);
		err = reading_want(r, &item);
	}
	for (i = 0; i < r->rows.len && !err; i++) {
		if (r->rows.list[i].number >= MOQSTAT_LIFE)
			err = reading_want(r, &(struct reading_item){ .row = r->rows.list[i] });
	}
	return err;
}

/* Let numbers be those at least. */
static void reading_raise(__u64 to[MOQSTAT_SLOT_SESSION][MOQSTAT_PAYLOAD_FIELDS],
			  const __u64 from[MOQSTAT_SLOT_SESSION][MOQSTAT_PAYLOAD_FIELDS])
{
	unsigned int slot, i;

	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		for (i = 0; i < MOQSTAT_PAYLOAD_FIELDS; i++) {
			if (to[slot][i] < from[slot][i])
				to[slot][i] = from[slot][i];
		}
	}
}

/* Take in what was read of an entry, if it is to be believed. */
static bool reading_believe(const struct reading *r, struct reading_item *item,
			    const uint8_t *bytes)
{
	const uint64_t after[2] = { item->row.what.opened + item->base[0],
				    item->row.what.closed + item->base[1] };
	__u64 payload[MOQSTAT_SLOT_SESSION][MOQSTAT_PAYLOAD_FIELDS];

	if (!payload_read(r->layout, item->was, after, bytes, payload))
		return false;
	reading_raise(item->row.what.last, payload);
	if (item->in)
		item->in->payload = payload_sum(r->offsets, bytes);
	return true;
}

/* Read `len` entries of the list into the buffer, and believe them or not. */
static int reading_look_at(struct reading *r, size_t len)
{
	int err = target_read(r->target, r->addresses, len, r->size, r->bytes, r->readable);
	size_t i;

	for (i = 0; i < len && !err; i++) {
		struct reading_item *item = r->chunk[i];

		readings_read_one(&r->rows, item->row.number, &item->row.what);
		item->read = r->readable[i] && reading_believe(r, item, r->bytes + i * r->size);
		item->was[0] = item->row.what.opened + item->base[0];
		item->was[1] = item->row.what.closed + item->base[1];
	}
	return err;
}

/* Read those of the list that could not be read yet, once. */
static int reading_look(struct reading *r, size_t *left)
{
	size_t i, len = 0;
	int err = 0;

	for (i = 0; i < r->items_len && !err; i++) {
		struct reading_item *item = &r->items[i];

		if (!item->read) {
			r->chunk[len] = item;
			r->addresses[len++] = item->in ? item->in->entry : item->row.what.entry;
		}
		if (len == READING_CHUNK || (len && i + 1 == r->items_len)) {
			err = reading_look_at(r, len);
			len = 0;
		}
	}
	for (i = 0, *left = 0; i < r->items_len; i++)
		*left += !r->items[i].read;
	return err;
}

/* Note who could not be read, though a guard holds it. */
static void reading_patience(struct reading *r, const struct reading_item *item)
{
	uint64_t now = clock_read(CLOCK_MONOTONIC);
	struct incarnation *in = item->in;

	if (item->read || (int64_t)(item->was[0] - item->was[1]) <= 0) {
		in->unread = 0;
	} else if (!in->unread) {
		in->unread = now;
	} else if (now - in->unread > READING_PATIENCE_NS) {
		log_warn("the counters that the relay has for a broadcast can't be read: what it "
			 "has at 0x%llx isn't what is known of it",
			 (unsigned long long)in->entry);
		in->unread = now;
		r->unread++;
	}
}

static void reading_put(struct incarnations *known, struct incarnation *in,
			const __u64 last[MOQSTAT_SLOT_SESSION][MOQSTAT_PAYLOAD_FIELDS])
{
	unsigned int slot, i;

	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		for (i = 0; i < MOQSTAT_PAYLOAD_FIELDS; i++) {
			uint64_t *count = &in->counts[slot][MOQSTAT_BYTES + i];

			if (*count >= last[slot][i])
				continue;
			*count = last[slot][i];
			incarnations_touch(known, in);
		}
	}
}

/* Has an entry in the overflow gone? Then what it counted stays there. */
static bool reading_end(struct reading *r, const struct readings_row *row)
{
	struct moqstat_entry_key key = { .entry = row->what.entry, .tgid = r->target->pid };
	struct moqstat_id id;
	unsigned int slot, i;

	if (row->what.opened > row->what.closed ||
	    (!bpf_map_lookup_elem(bpf_map__fd(r->object->maps.entries), &key, &id) &&
	     id.incarnation == row->number))
		return false;
	readings_delete(&r->rows, row->number);
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		for (i = 0; i < MOQSTAT_PAYLOAD_FIELDS; i++)
			r->ended[slot][i] += row->what.last[slot][i];
	}
	return true;
}

/* The overflow's row is the sum of all entries that are in it. */
static void reading_overflow(struct reading *r, struct incarnations *known)
{
	__u64 sums[MOQSTAT_SLOT_SESSION][MOQSTAT_PAYLOAD_FIELDS] = { 0 };
	struct incarnation *in = incarnations_find(known, 0);
	unsigned int slot, k;
	size_t i, item = 0;

	for (i = 0; i < r->rows.len; i++) {
		const struct readings_row *row = &r->rows.list[i];

		if (row->number < MOQSTAT_LIFE)
			continue;
		/* Those of the list are in the same order, and newer. */
		for (; item < r->items_len &&
		       (r->items[item].in || r->items[item].row.number < row->number);
		     item++)
			;
		if (item < r->items_len && r->items[item].row.number == row->number)
			row = &r->items[item].row;
		if (reading_end(r, row))
			continue;
		for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
			for (k = 0; k < MOQSTAT_PAYLOAD_FIELDS; k++)
				sums[slot][k] += row->what.last[slot][k];
		}
	}
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		for (k = 0; k < MOQSTAT_PAYLOAD_FIELDS; k++)
			sums[slot][k] += r->ended[slot][k];
	}
	if (in)
		reading_put(known, in, sums);
}

/* Read the list, and take in what it came to. */
static int reading_take_items(struct reading *r, struct incarnations *known)
{
	size_t i, left = r->items_len;
	unsigned int tries;
	int err = 0;

	for (tries = 0; !err && left && tries < READING_TRIES; tries++)
		err = reading_look(r, &left);
	for (i = 0; i < r->items_len && r->items[i].in; i++) {
		reading_put(known, r->items[i].in, r->items[i].row.what.last);
		if (!err)
			reading_patience(r, &r->items[i]);
	}
	return err;
}

/* Everything: what is open and what isn't, and the overflow. */
static int reading_take_all(struct reading *r, struct incarnations *known)
{
	size_t i;
	int err = readings_read(&r->rows);

	if (!err)
		err = reading_want_all(r, known);
	if (err)
		return err;
	err = reading_take_items(r, known);
	if (err && err != -ESRCH)
		return err;
	for (i = 0; i < known->len; i++) {
		struct incarnation *in = known->list[i];
		const struct readings_row *row = readings_find(&r->rows, in->id.incarnation);

		if (row && reading_is_read(in))
			reading_put(known, in, row->what.last);
	}
	reading_overflow(r, known);
	return err;
}

/* Believe what has been read of an entry just now, by what had been counted on it before. False: it
 * is to be read again, by its element. */
static bool reading_at_once(const struct reading *r, struct reading_item *item,
			    const uint8_t *bytes)
{
	const struct incarnation *in = item->in;
	uint64_t counted[2] = { 0 };
	unsigned int slot, field, i;

	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		for (field = 0; field < MOQSTAT_BYTES; field++)
			counted[MOQSTAT_FIELD_CLOSES(field)] += in->counts[slot][field];
	}
	for (i = 0; i < 2; i++)
		item->was[i] = counted[i] + item->base[i];
	/* Not by an element that came late, or never: it lacks closings. */
	return item->row.what.opened >= counted[0] && item->row.what.closed >= counted[1] &&
	       reading_believe(r, item, bytes);
}

/* Of entries that are open, look at those whose counters aren't what they were when they were
 * believed. Whatever else lies there by now changes no number: it must be believed anew. */
static int reading_want_chunk(struct reading *r, struct incarnations *known, size_t len)
{
	int err = target_read(r->target, r->addresses, len, r->size, r->bytes, r->readable);
	size_t i;

	for (i = 0; i < len && !err; i++) {
		const uint8_t *bytes = r->bytes + i * r->size;
		struct incarnation *in = r->chunk[i];
		struct moqstat_reading what = { 0 };
		struct reading_item item;

		if (r->readable[i] && in->told && in->payload == payload_sum(r->offsets, bytes)) {
			in->unread = 0;
			continue;
		}
		readings_read_one(&r->rows, in->id.incarnation, &what);
		item = reading_item_of(in, &what);
		reading_hold(r, &item);
		if (!r->readable[i] || !reading_at_once(r, &item, bytes)) {
			err = reading_want(r, &item);
			continue;
		}
		in->unread = 0;
		reading_put(known, in, item.row.what.last);
	}
	return err;
}

static int reading_want_changed(struct reading *r, struct incarnations *known)
{
	size_t i, len = 0;
	int err = 0;

	r->items_len = 0;
	for (i = 0; i < known->len && !err; i++) {
		struct incarnation *in = known->list[i];

		if (reading_is_live(in)) {
			r->chunk[len] = in;
			r->addresses[len++] = in->entry;
		}
		if (len == READING_CHUNK || (len && i + 1 == known->len)) {
			err = reading_want_chunk(r, known, len);
			len = 0;
		}
	}
	return err;
}

/* What has changed: counters of what is open, and what the programs have noted at closings. A
 * closing is counted after that, so it has been read by now, and whose it is was touched. */
static int reading_take_changed(struct reading *r, struct incarnations *known)
{
	size_t i;
	int err = reading_want_changed(r, known);

	if (!err)
		err = reading_take_items(r, known);
	for (i = 0; i < known->touched_len && !err; i++) {
		struct incarnation *in = known->touched[i];
		struct moqstat_reading what = { 0 };

		if (!reading_is_read(in))
			continue;
		readings_read_one(&r->rows, in->id.incarnation, &what);
		reading_put(known, in, what.last);
	}
	return err;
}

int reading_take(struct reading *r, struct incarnations *known)
{
	int err = -ESRCH;

	/* Entries in the overflow are known by their rows only, and so is what an ended relay had
	 * counted last. */
	if (r->whole && !r->object->bss->lives && target_alive(r->target))
		err = reading_take_changed(r, known);
	if (err == -ESRCH) {
		err = reading_take_all(r, known);
		r->whole = !err;
	}
	if (err && err != -ESRCH) {
		log_error("cannot read the relay's counters: %s", strerror(-err));
		return err;
	}
	return 0;
}

void reading_forget(const struct reading *r, const struct incarnation *in)
{
	if (in->id.hash)
		readings_delete(&r->rows, in->id.incarnation);
}

uint64_t reading_unread(const struct reading *r)
{
	return r->unread;
}
