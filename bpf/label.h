/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * label.h - texts in the relay's memory, and the numbers of those that are tiers' labels.
 */
#ifndef MOQSTAT_BPF_LABEL_H
#define MOQSTAT_BPF_LABEL_H

/* Where the text is that three words at `at` stand for, and how long. Not 0 where they can't be
 * read, or stand for none. */
static __always_inline int label_text(__u64 at, __u64 *text, __u64 *len)
{
	__u64 words[3];

	if (bpf_probe_read_user(words, sizeof(words), (void *)at))
		return -1;
	*text = words[1];
	*len = words[2];
	/* Shared, and not borrowed: the text stands behind the head of its Arc. */
	if (paths_shared && words[0]) {
		*text = words[0] + 16 + words[2];
		*len = words[1] - words[2];
		if (words[2] > words[1])
			return -1;
	}
	return 0;
}

/* The number of the label whose three words are at `at`, given now if it is new: two threads may
 * give one to the same label, of which the second is then nobody's. Negative: why there is none,
 * of enum moqstat_lost. */
static __noinline long label_number(__u64 at)
{
	struct moqstat_label label = {};
	__u32 *known, number;
	__u64 text, len;

	if (label_text(at, &text, &len))
		return -MOQSTAT_LOST_PATH_FAULT;
	if (!len)
		return 0;
	if (len > MOQSTAT_LABEL_MAX)
		return -MOQSTAT_LOST_TIERS_FULL;
	if (bpf_probe_read_user(label.text, len, (void *)text))
		return -MOQSTAT_LOST_PATH_FAULT;
	label.len = len;
	known = bpf_map_lookup_elem(&labels, &label);
	if (known)
		return *known;
	if (*(volatile __u32 *)&labels_used < MOQSTAT_LABELS_MAX - 1) {
		number = __sync_fetch_and_add(&labels_used, 1) + 1;
		if (number < MOQSTAT_LABELS_MAX)
			bpf_map_update_elem(&labels, &label, &number, BPF_NOEXIST);
	}
	known = bpf_map_lookup_elem(&labels, &label);
	return known ? (long)*known : -MOQSTAT_LOST_TIERS_FULL;
}

#endif
