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
#define RELAY_PARTS_MAX	   32

/** Sites of the whole: 14 counters; broadcasts and both ways into its close; two functions and what
 *  they allocate; a session's open and close. */
#define RELAY_SITES 23

struct relay_part {
	const char *name; /* of the symbol */
	const char *hex;  /* its code; NULL: left out */
	uint64_t addr;	  /* once open */
	int calls; /* index of the part that its `call`s to the next instruction go to; or -1 */
};

struct relay {
	struct image im;
	struct relay_part parts[RELAY_PARTS_MAX];
	size_t parts_len;
	char counters[RELAY_COUNTERS_LEN][128];
	char heads[RELAY_PARTS][512];
};

/** Begin with a whole relay. The functions of counters are called as the counter:
 *  "publisher.bytes". */
void relay_init(struct relay *r);
void relay_deinit(struct relay *r);

/** Let the functions find the tables where moq-relay 0.13.0 has them. */
void relay_tables_0_13(struct relay *r);

/** Let the counters have another stride than 72 bytes: that of moq-relay 0.13. */
void relay_stride_80(struct relay *r);

/** Let the function that makes entries be another one, behind what tells where its table is. */
void relay_entry(struct relay *r, const char *hex);

/** Leave out the names: what the functions do with their arguments still tells them. */
void relay_strip(struct relay *r);

/** Add a function. Both strings must outlive the relay. */
void relay_add(struct relay *r, const char *name, const char *hex);

/** Lay the parts out, write the file and open it. */
struct elf_file *relay_open(struct relay *r);

/** Open and scan it; what is logged is put into said[size]. */
int relay_scan(struct relay *r, struct sites *out, char *said, size_t size);

#endif /* MOQSTAT_TESTS_RELAY_IMAGE_H */
