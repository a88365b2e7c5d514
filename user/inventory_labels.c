/* SPDX-License-Identifier: MIT */
#include "inventory_labels.h"

#include <errno.h>
#include <string.h>

#include "hashbrown.h"
#include "utf8.h"

/* Times that an inner table is read anew when it has changed meanwhile: it is small. */
#define INVENTORY_LABELS_TRIES 4

/* A bucket: a path or label, and an Arc. */
struct inventory_labels_bucket {
	uint64_t text[3];
	uint64_t arc;
};

struct inventory_labels {
	const struct target *target;
	const struct layout *layout;
	struct inventory *out;
};

/* The label of which these are the words. */
static int inventory_label(const struct inventory_labels *w, const uint64_t words[3],
			   struct moqstat_label *out)
{
	uint64_t text, len;
	int err;

	memset(out, 0, sizeof(*out));
	if (!layout_text(w->layout, words, &text, &len))
		return -EAGAIN;
	out->len = len > MOQSTAT_LABEL_MAX ? MOQSTAT_LABEL_MAX + 1 : len;
	if (!len || len > MOQSTAT_LABEL_MAX)
		return 0;
	err = hashbrown_bytes(w->target, text, out->text, len);
	if (!err && !utf8_valid((const char *)out->text, len))
		err = -EAGAIN;
	return err;
}

/* A table of which each bucket is an entry: of a path by label, or of a label by root. */
static int inventory_labels_inner(const struct inventory_labels *w, uint64_t at,
				  const uint64_t path[3], const struct moqstat_label *label)
{
	struct inventory_labels_bucket bucket;
	struct hashbrown table;
	const void *used;
	size_t i;
	int err = hashbrown_read(w->target, at, sizeof(bucket), &table);

	for (i = 0; i < table.len && !err; i++) {
		struct inventory_item item = { .slot = path ? 0 : MOQSTAT_SLOT_SESSION };

		used = hashbrown_bucket(&table, i);
		if (!used)
			continue;
		memcpy(&bucket, used, sizeof(bucket));
		item.entry = bucket.arc;
		if (label)
			item.label = *label;
		else
			err = inventory_label(w, bucket.text, &item.label);
		if (!err)
			err = inventory_take(w->target, w->layout, path ? path : bucket.text, &item,
					     w->out);
	}
	if (!err)
		err = hashbrown_check(w->target, &table);
	hashbrown_deinit(&table);
	return err;
}

/* The same, anew if it has changed. */
static int inventory_labels_table(const struct inventory_labels *w, uint64_t at,
				  const uint64_t path[3], const struct moqstat_label *label)
{
	size_t len = w->out->len, skipped = w->out->skipped;
	unsigned int tries;
	int err = -EAGAIN;

	for (tries = 0; tries < INVENTORY_LABELS_TRIES && err == -EAGAIN; tries++) {
		inventory_cut(w->out, len);
		w->out->skipped = skipped;
		err = inventory_labels_inner(w, at, path, label);
	}
	return err;
}

/* A path, and its Arc of a table of labels. */
static int inventory_labels_entry(const struct inventory_labels *w, const void *bytes)
{
	struct inventory_labels_bucket bucket;
	struct inventory_arc arc;
	int err;

	memcpy(&bucket, bytes, sizeof(bucket));
	err = hashbrown_bytes(w->target, bucket.arc, &arc, sizeof(arc));
	if (!err && !inventory_arc_alive(&arc))
		err = -EAGAIN;
	return err ? err
		   : inventory_labels_table(w, bucket.arc + w->layout->tables->table_of_entry,
					    bucket.text, NULL);
}

/* A label, and a table of roots, which is read where it lies: in the bucket. */
static int inventory_labels_roots(const struct inventory_labels *w, const void *bytes, uint64_t at)
{
	struct moqstat_label label;
	uint64_t words[3];
	int err;

	memcpy(words, bytes, sizeof(words));
	err = inventory_label(w, words, &label);
	return err ? err
		   : inventory_labels_table(w, at + w->layout->tables->roots_of_bucket, NULL,
					    &label);
}

/* The table behind a lock, of entries or of sessions. */
static int inventory_labels_locked(const struct inventory_labels *w, uint64_t pointer,
				   bool sessions)
{
	size_t bucket = sessions ? w->layout->tables->sessions_bucket
				 : sizeof(struct inventory_labels_bucket);
	struct hashbrown table = { 0 };
	const void *used;
	uint64_t lock;
	size_t i;
	int err = hashbrown_bytes(w->target, pointer, &lock, sizeof(lock));

	if (!err)
		err = hashbrown_read(w->target, lock + w->layout->table_of_lock, bucket, &table);
	for (i = 0; i < table.len && !err; i++) {
		used = hashbrown_bucket(&table, i);
		if (used && sessions)
			err = inventory_labels_roots(w, used,
						     table.head.control - (i + 1) * bucket);
		else if (used)
			err = inventory_labels_entry(w, used);
	}
	if (!err)
		err = hashbrown_check(w->target, &table);
	hashbrown_deinit(&table);
	return err;
}

int inventory_labels(const struct target *target, const struct layout *layout, uint64_t shared,
		     struct inventory *out)
{
	const struct inventory_labels w = { .target = target, .layout = layout, .out = out };
	int err = -EBADMSG;

	if (layout->bucket == sizeof(struct inventory_labels_bucket))
		err = inventory_labels_locked(&w, shared + layout->entries_of_shared, false);
	return err ? err : inventory_labels_locked(&w, shared + layout->sessions_of_shared, true);
}
