/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forget.h - takes an element out of a map if, and only if, it is still what the agent has seen.
 *
 * The system call that takes one out asks no questions: what a program had put there meanwhile
 * would be lost with it. Here it is marked by a compare-and-swap of the very word that programs
 * change, and then taken out; a program that comes upon the mark looks again. The agent runs this
 * by BPF_PROG_TEST_RUN, which for this type of program keeps the CPU to itself, so that the mark is
 * to be seen for a moment only.
 */
#ifndef MOQSTAT_BPF_FORGET_H
#define MOQSTAT_BPF_FORGET_H

/* How often to look whether an element that is marked is out: some 100 microseconds. */
#define FORGET_LOOKS 4096

/* The word of an identity that tells its incarnation from all others. */
static __always_inline __u64 *forget_tag(struct moqstat_id *id)
{
	return (__u64 *)&id->tgid;
}

static __always_inline __u64 *forget_word(__u64 map, const void *key)
{
	struct moqstat_path *path;
	struct moqstat_id *id;

	if (map == MOQSTAT_FORGET_ENTRY) {
		id = bpf_map_lookup_elem(&entries, key);
		return id ? forget_tag(id) : NULL;
	}
	if (map == MOQSTAT_FORGET_ROOT_PATH)
		path = bpf_map_lookup_elem(&root_paths, key);
	else
		path = bpf_map_lookup_elem(&paths, key);
	return path ? &path->state : NULL;
}

struct forget_look {
	__u64 map;
	__u64 key[2];
	__u64 *word;
};

static long forget_look(__u32 i, struct forget_look *look)
{
	(void)i;
	return forget_word(look->map, look->key) != look->word;
}

/* Wait until the element whose word this is, and is marked, has left its map. */
static __always_inline void forget_wait(__u64 map, const void *key, __u64 *word)
{
	struct forget_look look = { .map = map, .word = word };

	__builtin_memcpy(look.key, key, sizeof(look.key));
	bpf_loop(FORGET_LOOKS, forget_look, &look, 0);
}

/* The context is a struct moqstat_forget. */
SEC("raw_tp")
int forget(__u64 *ctx)
{
	__u64 map = ctx[0], key[2] = { ctx[1], ctx[2] }, expected = ctx[3], was, gone;
	__u32 shift = map == MOQSTAT_FORGET_ENTRY ? 32 : 0; /* of the incarnation in the word */
	__u64 *word = forget_word(map, key);

	if (!word)
		return MOQSTAT_FORGOT_NOTHING;
	gone = expected | (__u64)MOQSTAT_GONE << shift;
	was = __sync_val_compare_and_swap(word, expected, gone);
	if ((__u32)(was >> shift) != (__u32)(expected >> shift))
		return MOQSTAT_FORGOT_NOTHING;
	if (was != expected)
		return MOQSTAT_FORGOT_NOT;
	if (map == MOQSTAT_FORGET_ENTRY)
		bpf_map_delete_elem(&entries, key);
	else if (map == MOQSTAT_FORGET_ROOT_PATH)
		bpf_map_delete_elem(&root_paths, key);
	else
		bpf_map_delete_elem(&paths, key);
	return MOQSTAT_FORGOT;
}

#endif
