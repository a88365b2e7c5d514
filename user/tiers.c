/* SPDX-License-Identifier: MIT */
#include "tiers.h"

#include <errno.h>
#include <string.h>

const struct tiers tiers_two = {
	.len = MOQSTAT_TIER_MAX,
	.labels = { [MOQSTAT_EXTERNAL] = "", [MOQSTAT_INTERNAL] = "internal" },
};

const struct tiers tiers_default = { .found = true, .len = 1 };

const struct tiers *tiers_or_two(const struct tiers *t)
{
	return t ? t : &tiers_two;
}

void tiers_init(struct tiers *out)
{
	*out = tiers_default;
}

bool tiers_has(const struct tiers *t, size_t number)
{
	return number < t->len && (!number || t->labels[number][0]);
}

int tiers_find(const struct tiers *t, const char *label, size_t len)
{
	size_t i;

	if (!len)
		return 0;
	for (i = 1; i < t->len; i++) {
		if (strlen(t->labels[i]) == len && !memcmp(t->labels[i], label, len))
			return (int)i;
	}
	return -ENOENT;
}

int tiers_add(struct tiers *t, const char *label, size_t len)
{
	int i = tiers_find(t, label, len);

	if (i >= 0)
		return i;
	if (len > MOQSTAT_LABEL_MAX || t->len == MOQSTAT_LABELS_MAX)
		return -ENOSPC;
	memcpy(t->labels[t->len], label, len);
	t->labels[t->len][len] = '\0';
	return (int)t->len++;
}
