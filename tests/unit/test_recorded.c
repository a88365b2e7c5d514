/* SPDX-License-Identifier: MIT */
/*
 * test_recorded.c - each layout against what tests/layouts/record wrote down of a real relay: the
 * sites that were found, where objdump sees its counters bumped, and what it had in its memory
 * while it served which frames.
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
#include <zlib.h>

#include "frame.h"
#include "inventory.h"
#include "programs.h"
#include "sites_json.h"
#include "snapshot.h"

#define RECORDED  "tests/layouts/recorded/"
#define TEXT_MAX  (4u << 20)
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
	const struct layout *layout;
	char version[32];
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

/* A file of the recording, unpacked if need be, with a NUL. */
static char *recorded_text(const char *name)
{
	char path[256], *text = test_malloc(TEXT_MAX);
	gzFile file;
	int len;

	snprintf(path, sizeof(path), RECORDED "%s/%s", recorded.version, name);
	file = gzopen(path, "rb");
	if (!file)
		fail_msg("no %s: tests/layouts/record makes it", path);
	len = gzread(file, text, TEXT_MAX - 1);
	gzclose(file);
	assert_in_range(len, 1, TEXT_MAX - 2);
	text[len] = '\0';
	return text;
}

static json_t *recorded_json(const char *name)
{
	char *text = recorded_text(name);
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(json);
	test_free(text);
	return json;
}

static void recorded_sites(struct sites *out)
{
	json_t *json = recorded_json("sites.json.gz");

	assert_int_equal(sites_json_decode(json, out), 0);
	assert_ptr_equal(out->layout, recorded.layout);
	json_decref(json);
}

/* A test of one recording, for each layout: each must have one. */
static void for_each_layout(void (*test)(void))
{
	size_t i, len;
	const struct layout *all = layout_all(&len);

	for (i = 0; i < len; i++) {
		/* No relay whose tiers are labels has been recorded yet. */
		if (all[i].tiers == 1)
			continue;
		memset(&recorded, 0, sizeof(recorded));
		recorded.layout = &all[i];
		assert_int_equal(sscanf(all[i].relays, "moq-relay %31[0-9.]", recorded.version), 1);
		test();
	}
}

/* ---- the sites --------------------------------------------------------------------------------
 */

static void sites_come_back(void)
{
	char *text = recorded_text("sites.json.gz"), *again;
	struct sites s;
	json_t *json;

	recorded_sites(&s);
	json = sites_json_encode(&s);
	again = json_dumps(json, JSON_INDENT(1));
	assert_string_equal(again, text);
	free(again);
	json_decref(json);
	sites_deinit(&s);
	test_free(text);
}

/* Nothing of the layout is without sites, with statistics on or off. */
static void sites_are_complete(void)
{
	const struct frame_schema *schema = recorded.layout->frame;
	const char *why = NULL;
	struct sites s;
	size_t role, i;

	recorded_sites(&s);
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (i = 0; i < schema->fields_len; i++) {
			enum moqstat_field field = schema->fields[i].field;

			if (!sites_complete(&s, role, field, &why) ||
			    !sites_guarded(&s, role, field, &why))
				fail_msg("%s: %s.%s: %s", recorded.version, layout_role_name(role),
					 schema->fields[i].name, why);
		}
	}
	assert_true(sites_sessions_complete(&s, &why));
	assert_true(sites_sessions_guarded(&s, &why));
	assert_false(sites_openings_missed(&s));
	for (i = 0; i < s.functions_len; i++) {
		if (s.functions[i].role >= 0)
			assert_string_equal(s.functions[i].name,
					    recorded.layout->functions[s.functions[i].role]);
	}
	sites_deinit(&s);
}

static void assert_mem(const struct moqstat_operand *op, uint32_t disp, uint32_t width)
{
	assert_int_equal(op->kind, MOQSTAT_OPERAND_MEM);
	assert_int_equal(op->index, MOQSTAT_REG_NONE);
	assert_int_equal(op->disp, disp);
	assert_int_equal(op->width, width);
}

/* A BroadcastSubscription that is dropped: tier and side come behind path, counts and entry,
 * between which nothing is left. */
static void subscription_is_of_layout(const struct moqstat_site *what)
{
	const struct layout *l = recorded.layout;
	int32_t object = what->tier.disp - 40;

	assert_mem(&what->tier, object + 40, 1);
	assert_mem(&what->side, object + 41, 1);
	assert_int_equal(what->path.reg, what->guard.reg);
	assert_int_equal(what->path.disp - object, l->path_of_subscription);
	assert_int_equal(what->guard.disp - object, l->entry_of_subscription);
	assert_int_equal(7 << l->path_of_subscription / 8 | 1 << l->counts_of_subscription / 8 |
				 1 << l->entry_of_subscription / 8,
			 0x1f);
}

/* Where the layout has things, the code of the functions that get them has them, too. */
static void site_is_of_layout(const struct moqstat_site *what)
{
	const struct layout *l = recorded.layout;

	switch (what->event) {
	case MOQSTAT_EVENT_ENTRY:
		assert_mem(&what->side, l->shared_of_stats, 8);
		break;
	case MOQSTAT_EVENT_SESSION:
	case MOQSTAT_EVENT_SESSION_PLACE:
		assert_mem(&what->side, l->shared_of_stats, 8);
		assert_mem(&what->tier, l->tier_of_handle, 1);
		break;
	case MOQSTAT_EVENT_BUMP:
		if (what->field == MOQSTAT_BROADCASTS_CLOSED)
			subscription_is_of_layout(what);
		break;
	default:
		break;
	}
}

static void sites_are_of_the_layout(void)
{
	struct sites s;
	size_t i;

	recorded_sites(&s);
	for (i = 0; i < s.len; i++) {
		const struct moqstat_site *what = &s.list[i].what;

		site_is_of_layout(what);
		/* None has to be executed out of line, nor is refused by the kernel. */
		assert_int_equal(s.list[i].class, CODE_CLASS_EMULATED);
		if (what->event == MOQSTAT_EVENT_BUMP && MOQSTAT_FIELD_PAYLOAD(what->field) &&
		    !programs_plain(what))
			fail_msg("%s: 0x%llx takes the slow path", recorded.version,
				 (unsigned long long)s.list[i].addr);
	}
	sites_deinit(&s);
}

/* ---- where its counters are bumped ------------------------------------------------------------
 */

static void displacement_is_counter(const char *counter, int64_t disp)
{
	bool side = !strncmp(counter, "side.", 5);
	enum moqstat_role role = MOQSTAT_ROLE_MAX;
	enum moqstat_field field = MOQSTAT_FIELD_MAX;
	char name[64];

	/* Which role it is has been added to a pointer past the Arc's head. */
	disp += side ? recorded.layout->header : 0;
	if (layout_counter(recorded.layout, disp, &role, &field))
		fail_msg("%s: %s at %lld, where no counter is", recorded.version, counter,
			 (long long)disp);
	snprintf(name, sizeof(name), "%s.%s",
		 side && role == MOQSTAT_PUBLISHER ? "side" : layout_role_name(role),
		 layout_field_name(field));
	assert_string_equal(name, counter);
}

/* Bumps of a counter in the list, each once. */
static size_t bumps_of(const struct sites *s, const char *counter)
{
	uint64_t seen[MOQSTAT_SITES_MAX];
	size_t i, k, len = 0;
	char name[64];

	for (i = 0; i < s->len; i++) {
		sites_counter_name(&s->list[i].what, name, sizeof(name));
		if (!s->list[i].bump || strcmp(name, counter))
			continue;
		for (k = 0; k < len && seen[k] != s->list[i].bump; k++)
			;
		seen[k] = s->list[i].bump;
		len += k == len;
	}
	return len;
}

static void operands_are_counters(void)
{
	json_t *operands = recorded_json("operands.json"), *by, *number;
	const char *counter, *disp;
	struct sites s;
	size_t sum;

	recorded_sites(&s);
	/* Every field of each role; but those by side are of either, and there are sessions. */
	assert_int_equal(json_object_size(operands), 2 * recorded.layout->frame->fields_len);
	json_object_foreach(operands, counter, by)
	{
		sum = 0;
		json_object_foreach(by, disp, number)
		{
			int64_t at = strtoll(disp, NULL, 10);

			sum += json_integer_value(number);
			if (!strcmp(counter, "sessions.sessions"))
				assert_int_equal(at, recorded.layout->session_open);
			else if (!strcmp(counter, "sessions.sessions_closed"))
				assert_int_equal(at, recorded.layout->session_close);
			else
				displacement_is_counter(counter, at);
		}
		assert_int_equal(bumps_of(&s, counter), sum);
	}
	sites_deinit(&s);
	json_decref(operands);
}

/* ---- its memory -------------------------------------------------------------------------------
 */

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

/* Is anything open? */
static bool row_is_live(const struct row *row, bool session)
{
	unsigned int open, end = session ? MOQSTAT_SESSION_FIELD_MAX : MOQSTAT_BYTES;

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
	size_t size = inventory_size(recorded.layout, item->slot), i;
	bool readable;

	assert_in_range(size, 24, room);
	assert_int_equal(target_read(target, &item->entry, 1, size, bytes, &readable), 0);
	assert_true(readable);
	for (i = 0; i < recorded.len; i++) {
		if (recorded.blocks[i].at == item->entry)
			assert_int_equal(recorded.blocks[i].len, (size + 8 + 15) / 16 * 16 - 8);
	}
}

/* What of the relay's tables is on a track. */
static size_t rows_of_track(const struct target *target, const struct inventory *inventory,
			    const struct track_two *track, struct row *rows)
{
	bool session = track->kind == TRACK_SESSIONS;
	uint32_t of = session ? MOQSTAT_SLOT_SESSION + track->tier : BROADCAST;
	uint32_t slot = session ? of : track->role * MOQSTAT_TIER_MAX + track->tier;
	size_t i, len = 0;

	for (i = 0; i < inventory->len; i++) {
		const struct inventory_item *item = &inventory->items[i];
		uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX] = { 0 };
		uint8_t bytes[1024];

		if (item->slot != of)
			continue;
		read_entry(target, item, bytes, sizeof(bytes));
		inventory_counts(recorded.layout, item->slot, bytes, counts);
		assert_in_range(len, 0, ROWS - 1);
		snprintf(rows[len].key, sizeof(rows[len].key), "\"%.*s\"", (int)item->len,
			 item->path);
		memcpy(rows[len].counts, counts[slot], sizeof(rows[len].counts));
		len += row_is_live(&rows[len], session);
	}
	qsort(rows, len, sizeof(*rows), row_compare);
	return len;
}

static void track_is_frame(const struct target *target, const struct inventory *inventory,
			   const struct track_two *track, const char *frame)
{
	const struct frame_schema *schema =
		track->kind == TRACK_SESSIONS ? &frame_schema_session : recorded.layout->frame;
	struct frame_row shown[ROWS];
	struct frame_buf buf = { 0 };
	struct row rows[ROWS];
	size_t i, len = rows_of_track(target, inventory, track, rows);

	for (i = 0; i < len; i++) {
		shown[i] = (struct frame_row){ .key = rows[i].key,
					       .key_len = strlen(rows[i].key),
					       .counts = rows[i].counts };
	}
	assert_int_equal(frame_build(schema, shown, len, &buf), 0);
	if (strcmp(buf.data, frame))
		print_error("%s, moment %zu, %s by its memory:\n", recorded.version,
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
	err = inventory_read(&target, recorded.layout, shared, &inventory);
	if (err)
		fail_msg("%s, moment %zu: its tables can't be read: %s", recorded.version,
			 recorded.moment, strerror(-err));
	for (i = 0; i < TRACKS_OF_TWO; i++)
		track_is_frame(&target, &inventory, &tracks_two[i],
			       json_string_value(json_object_get(frames, tracks_two[i].name)));
	inventory_deinit(&inventory);
	forget_memory();
}

static void memory_is_what_it_served(void)
{
	char *text = recorded_text("moments.jsonl"), *line, *rest = text;
	json_t *moment;

	while ((line = strsep(&rest, "\n")) && *line) {
		recorded.moment++;
		moment = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(moment);
		moment_is_served(moment);
		json_decref(moment);
	}
	assert_int_equal(recorded.moment, 6);
	test_free(text);
}

#define EACH(name)                            \
	static void each_##name(void **state) \
	{                                     \
		(void)state;                  \
		for_each_layout(name);        \
	}

EACH(sites_come_back)
EACH(sites_are_complete)
EACH(sites_are_of_the_layout)
EACH(operands_are_counters)
EACH(memory_is_what_it_served)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sites_come_back),
		cmocka_unit_test(each_sites_are_complete),
		cmocka_unit_test(each_sites_are_of_the_layout),
		cmocka_unit_test(each_operands_are_counters),
		cmocka_unit_test(each_memory_is_what_it_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
