/* SPDX-License-Identifier: MIT */
/*
 * relay_image.h - an executable that the site finder takes for a relay: the functions it knows by
 * name, in the shapes that moq-relay 0.12.5 has them, and one bump of each counter. Tests change
 * or leave out a part, or add functions of their own.
 */
#ifndef MOQSTAT_TESTS_RELAY_IMAGE_H
#define MOQSTAT_TESTS_RELAY_IMAGE_H

#include "elf_image.h"
#include "sites.h"

enum relay_part_index {
	RELAY_ENTRY = 0,
	RELAY_SUBSCRIBE,
	RELAY_UNSUBSCRIBE,
	RELAY_SESSION,
	RELAY_SESSION_CLOSE,
	RELAY_COUNTERS, /* the first of them: publisher.announced */
};

/** Counters that are bumped in functions of their own: all but the two of broadcasts. */
#define RELAY_COUNTERS_LEN 14
#define RELAY_PARTS	   (RELAY_COUNTERS + RELAY_COUNTERS_LEN)
#define RELAY_PARTS_MAX	   40

/** Counters with those of announced_bytes, which the later releases have besides. */
#define RELAY_COUNTERS_MAX 16

/** Parts that moq-relay 0.13.3, and 0.13.5, have behind the RELAY_PARTS: the two more counters; and
 *  then what ends a shared text, the drop of a path that calls it, and that of a Stats. */
#define RELAY_PARTS_0_13_3 (RELAY_PARTS + 2)
#define RELAY_TEXT_END	   RELAY_PARTS_0_13_3
#define RELAY_PATH_DROP	   (RELAY_TEXT_END + 1)
#define RELAY_STATS_DROP   (RELAY_TEXT_END + 2)
#define RELAY_PARTS_0_13_5 (RELAY_TEXT_END + 3)

/** Sites of the whole: 14 counters; broadcasts and both ways into its close; two functions and what
 *  they allocate; a session's open and close. */
#define RELAY_SITES 23

struct relay_part {
	const char *name; /* of the symbol */
	const char *hex;  /* its code; NULL: left out */
	uint64_t addr;	  /* once open */
	int calls;     /* index of the part that its `call`s to the next instruction go to; or -1 */
	bool by_index; /* its calls and jumps, e8 or e9, then the index of a part, 00 00 f0, go
			* there; and ff 15, the same, by way of a slot */
};

struct relay {
	struct image im;
	struct relay_part parts[RELAY_PARTS_MAX];
	size_t parts_len;
	char counters[RELAY_COUNTERS_MAX][128];
	char heads[RELAY_PARTS][512];
};

/** Begin with a whole relay. The functions of counters are called as the counter:
 *  "publisher.bytes". */
void relay_init(struct relay *r);
void relay_deinit(struct relay *r);

/** Let the functions find the tables where moq-relay 0.13.0 has them. */
void relay_tables_0_13(struct relay *r);

/** Let the counters of broadcasts' tracks be 88 bytes apart, as in no release. */
void relay_stride_88(struct relay *r);

/** Let it be moq-relay 0.13.3, with ten counters; or 0.13.5, whose paths share their text, too. */
void relay_0_13_3(struct relay *r);
void relay_0_13_5(struct relay *r);

/** Let the drop of a BroadcastSubscription look for its entry there: 0x20 up to 0.13.3, then 0. */
void relay_entry_of_subscription(struct relay *r, uint8_t offset);

/** Let the function that makes entries be another one, behind what tells where its table is. */
void relay_entry(struct relay *r, const char *hex);

/** Leave out the names: what the functions do with their arguments still tells them. */
void relay_strip(struct relay *r);

/** Add a function. Both strings must outlive the relay. */
void relay_add(struct relay *r, const char *name, const char *hex);

/** The same with what it calls by index. */
void relay_add_calling(struct relay *r, const char *name, const char *hex);

/** Lay the parts out, write the file and open it. */
struct elf_file *relay_open(struct relay *r);

/** Open and scan it; what is logged is put into said[size]. */
int relay_scan(struct relay *r, struct sites *out, char *said, size_t size);

#endif /* MOQSTAT_TESTS_RELAY_IMAGE_H */
