/* SPDX-License-Identifier: MIT */
/*
 * test_recorded_memory.c - each layout against what tests/layouts/record wrote down of a real
 * relay: what it had in its memory while it served which frames.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <cmocka.h>
#include <jansson.h>

#include "frame.h"
#include "inventory.h"
#include "relay_record.h"
#include "snapshot.h"

#define BLOCKS	  128
#define ROWS	  64
#define BROADCAST 0 /* slot of an entry of the inventory */

struct block {
	uint64_t at;
	size_t len;
	uint8_t *bytes;
};

/* The relay's memory at one moment, and where the test is. */
static struct {
	struct relay_record of;
	size_t moment; /* from 1 */
	struct block blocks[BLOCKS];
	size_t len;
} recorded;

static bool block_read(uint64_t at, void *out, size_t size)
{
	size_t i;

	for (i = 0; i < recorded.len; i++) {
		const struct block *b = &recorded.blocks[i];

		if (at < b->at || at - b->at > b->len || size > b->len - (at - b->at))
			continue;
		memcpy(out, b->bytes + (at - b->at), size);
		return true;
	}
	return false;
}

/* Stands in for libc's: what was written down is what there is. */
ssize_t process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_len,
			 const struct iovec *remote, unsigned long remote_len, unsigned long flags)
{
	size_t done = 0;
	unsigned long i;

	(void)pid;
	(void)local_len;
	(void)flags;
	for (i = 0; i < remote_len; i++) {
		if (!block_read((uintptr_t)remote[i].iov_base, (char *)local[0].iov_base + done,
				remote[i].iov_len))
			break;
		done += remote[i].iov_len;
	}
	errno = EFAULT;
	return done ? (ssize_t)done : -1;
}

struct row {
	char key[64]; /* JSON; none of the load's paths needs an escape */
	uint64_t counts[MOQSTAT_FIELD_MAX];
};

static int row_compare(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

static void take_memory(json_t *memory)
{
	const char *at, *hex;
	json_t *bytes;
	size_t i;

	recorded.len = 0;
	json_object_foreach(memory, at, bytes)
	{
		struct block *b = &recorded.blocks[recorded.len++];

		assert_in_range(recorded.len, 1, BLOCKS);
		hex = json_string_value(bytes);
		b->at = strtoull(at, NULL, 16);
		b->len = strlen(hex) / 2;
		b->bytes = test_malloc(b->len);
		for (i = 0; i < b->len; i++)
			assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &b->bytes[i]), 1);
	}
}

static void forget_memory(void)
{
	while (recorded.len)
		test_free(recorded.blocks[--recorded.len].bytes);
}

/* Is anything open? Or has anything been, if a row stays? */
static bool row_is_shown(const struct row *row, bool session)
{
	unsigned int open, end = session ? MOQSTAT_SESSION_FIELD_MAX : MOQSTAT_BYTES;
	static const uint64_t nothing[MOQSTAT_FIELD_MAX];

	if (!session && recorded.of.layout->frame->stays)
		return memcmp(row->counts, nothing, sizeof(nothing)) != 0;
	for (open = 0; open < end; open += 2) {
		if (row->counts[open] != row->counts[open + 1])
			return true;
	}
	return false;
}

/* An entry's bytes: as many as glibc gives to who asks for so many. */
static void read_entry(const struct target *target, const struct inventory_item *item,
		       uint8_t *bytes, size_t room)
{
	size_t size = inventory_size(recorded.of.layout, item->slot), i;
	bool readable;

	assert_in_range(size, 24, room);
	assert_int_equal(target_read(target, &item->entry, 1, size, bytes, &readable), 0);
	assert_true(readable);
	for (i = 0; i < recorded.len; i++) {
		if (recorded.blocks[i].at == item->entry)
			assert_int_equal(recorded.blocks[i].len, (size + 8 + 15) / 16 * 16 - 8);
	}
}

/* Is the entry of a track, by its slot and, where there are labels, by these? */
static bool item_is_of_track(const struct inventory_item *item, const struct track_two *track)
{
	uint32_t slot = track->kind == TRACK_SESSIONS ? MOQSTAT_SLOT_SESSION : BROADCAST;
	const char *label = tiers_two.labels[track->tier];

	if (layout_has_labels(recorded.of.layout))
		return item->slot == slot && item->label.len == strlen(label) &&
		       !memcmp(item->label.text, label, item->label.len);
	return item->slot == slot + (slot == BROADCAST ? 0 : track->tier);
}

/* What of the relay's tables is on a track. */
static size_t rows_of_track(const struct target *target, const struct inventory *inventory,
			    const struct track_two *track, struct row *rows)
{
	bool session = track->kind == TRACK_SESSIONS;
	uint32_t tier = layout_has_labels(recorded.of.layout) ? 0 : track->tier;
	uint32_t slot = (session ? MOQSTAT_SLOT_SESSION : track->role * MOQSTAT_TIER_MAX) + tier;
	size_t i, len = 0;

	for (i = 0; i < inventory->len; i++) {
		const struct inventory_item *item = &inventory->items[i];
		uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX] = { 0 };
		uint8_t bytes[1024];

		if (!item_is_of_track(item, track))
			continue;
		read_entry(target, item, bytes, sizeof(bytes));
		inventory_counts(recorded.of.layout, item->slot, bytes, counts);
		assert_in_range(len, 0, ROWS - 1);
		snprintf(rows[len].key, sizeof(rows[len].key), "\"%.*s\"", (int)item->len,
			 item->path);
		memcpy(rows[len].counts, counts[slot], sizeof(rows[len].counts));
		len += row_is_shown(&rows[len], session);
	}
	qsort(rows, len, sizeof(*rows), row_compare);
	return len;
}

static void track_is_frame(const struct target *target, const struct inventory *inventory,
			   const struct track_two *track, const char *frame)
{
	const struct frame_schema *broadcasts = recorded.of.layout->frame, *schema;
	struct frame_row shown[ROWS];
	struct frame_buf buf = { 0 };
	struct row rows[ROWS];
	size_t i, len = rows_of_track(target, inventory, track, rows);

	schema = track->kind == TRACK_SESSIONS ? frame_schema_sessions(broadcasts) : broadcasts;
	for (i = 0; i < len; i++) {
		shown[i] = (struct frame_row){ .key = rows[i].key,
					       .key_len = strlen(rows[i].key),
					       .counts = rows[i].counts };
	}
	assert_int_equal(frame_build(schema, shown, len, &buf), 0);
	if (strcmp(buf.data, frame))
		print_error("%s, moment %zu, %s by its memory:\n", recorded.of.version,
			    recorded.moment, track->name);
	assert_string_equal(buf.data, frame);
	frame_buf_deinit(&buf);
}

/* What lies in its memory is what it served. */
static void moment_is_served(const json_t *moment)
{
	const json_t *frames = json_object_get(moment, "frames");
	uint64_t shared = json_integer_value(json_object_get(moment, "shared"));
	const struct target target = { .pid = 1 }; /* none is read */
	struct inventory inventory;
	size_t i;
	int err;

	take_memory(json_object_get(moment, "memory"));
	err = inventory_read(&target, recorded.of.layout, shared, &inventory);
	if (err)
		fail_msg("%s, moment %zu: its tables can't be read: %s", recorded.of.version,
			 recorded.moment, strerror(-err));
	for (i = 0; i < TRACKS_OF_TWO; i++)
		track_is_frame(&target, &inventory, &tracks_two[i],
			       json_string_value(json_object_get(frames, tracks_two[i].name)));
	inventory_deinit(&inventory);
	forget_memory();
}

static void memory_is_what_it_served(const struct relay_record *record)
{
	char *text = relay_record_text(record, "moments.jsonl"), *line, *rest = text;
	json_t *moment;

	memset(&recorded, 0, sizeof(recorded));
	recorded.of = *record;
	while ((line = strsep(&rest, "\n")) && *line) {
		recorded.moment++;
		moment = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(moment);
		moment_is_served(moment);
		json_decref(moment);
	}
	assert_int_equal(recorded.moment, 6);
	/* Blocks are sixteen bytes apart; what a session's has ends with its second counter. */
	assert_int_equal(record->layout->session_size, record->layout->session_close + 8);
	test_free(text);
}

static void each_memory_is_what_it_served(void **state)
{
	(void)state;
	relay_record_each(memory_is_what_it_served);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_memory_is_what_it_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
