/* SPDX-License-Identifier: MIT */
#include "labels.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "moqstat.skel.h"
#include "utf8.h"

void labels_init(struct moqstat_bpf *object, struct labels *out)
{
	out->object = object;
	tiers_init(&out->tiers);
}

void labels_take(struct tiers *tiers, const struct moqstat_label *label, uint32_t number)
{
	const char *text = (const char *)label->text;

	if (!number || number >= MOQSTAT_LABELS_MAX || !label->len ||
	    label->len > MOQSTAT_LABEL_MAX || memchr(text, '\0', label->len) ||
	    !utf8_valid(text, label->len))
		return;
	memcpy(tiers->labels[number], text, label->len);
	tiers->labels[number][label->len] = '\0';
	if (tiers->len <= number)
		tiers->len = number + 1;
}

static void labels_read(struct labels *l)
{
	int map = bpf_map__fd(l->object->maps.labels);
	struct moqstat_label label, last;
	bool more = !bpf_map_get_next_key(map, NULL, &label);
	uint32_t number;

	/* None is ever taken out, so the walk never begins anew. */
	while (more) {
		if (!bpf_map_lookup_elem(map, &label, &number))
			labels_take(&l->tiers, &label, number);
		last = label;
		more = !bpf_map_get_next_key(map, &last, &label);
	}
}

bool labels_known(struct labels *l, uint32_t number)
{
	if (!number || number >= MOQSTAT_LABELS_MAX)
		return !number;
	if (!*l->tiers.labels[number])
		labels_read(l);
	return *l->tiers.labels[number];
}

int labels_number(struct labels *l, const struct moqstat_label *label, uint32_t *out)
{
	uint32_t *used = &l->object->bss->labels_used, number;
	int map = bpf_map__fd(l->object->maps.labels);

	if (label->len > MOQSTAT_LABEL_MAX)
		return -ENOSPC;
	if (!label->len) {
		*out = 0;
		return 0;
	}
	if (!bpf_map_lookup_elem(map, label, out))
		return 0;
	/* The programs draw from the same counter, which is mapped into this process, and may be
	 * first: then this number is nobody's. */
	if (__atomic_load_n(used, __ATOMIC_SEQ_CST) < MOQSTAT_LABELS_MAX - 1) {
		number = __atomic_add_fetch(used, 1, __ATOMIC_SEQ_CST);
		if (number < MOQSTAT_LABELS_MAX)
			bpf_map_update_elem(map, label, &number, BPF_NOEXIST);
	}
	return bpf_map_lookup_elem(map, label, out) ? -ENOSPC : 0;
}
