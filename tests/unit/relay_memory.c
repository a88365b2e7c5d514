/* SPDX-License-Identifier: MIT */
#include "relay_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define RELAY_EMPTY 0xff /* a control byte of hashbrown's */
#define RELAY_GROUP 16	 /* control bytes beyond those of the buckets */

void relay_memory_init(struct relay_memory *r, size_t buckets)
{
	size_t i, size = buckets * sizeof(struct relay_bucket);

	memset(r, 0, sizeof(*r));
	for (i = 0; i < RELAY_TABLES; i++) {
		r->blocks[i] = test_malloc(size + buckets + RELAY_GROUP);
		memset(r->blocks[i], 0xee, size);
		memset(r->blocks[i] + size, RELAY_EMPTY, buckets + RELAY_GROUP);
		r->tables[i].control = r->blocks[i] + size;
		r->tables[i].mask = buckets - 1;
		r->tables[i].growth_left = buckets - buckets / 8;
		r->pointers[i] = &r->tables[i];
	}
}

void relay_memory_deinit(struct relay_memory *r)
{
	size_t i;

	for (i = 0; i < RELAY_TABLES; i++)
		test_free(r->blocks[i]);
}

struct relay_bucket *relay_memory_bucket(struct relay_memory *r, size_t table, size_t at)
{
	return (struct relay_bucket *)r->tables[table].control - 1 - at;
}

struct relay_arc *relay_memory_put(struct relay_memory *r, size_t table, size_t at,
				   const char *path)
{
	struct relay_arc *arc = &r->arcs[r->arcs_len++];

	arc->strong = 2;
	arc->weak = 1;
	*relay_memory_bucket(r, table, at) = (struct relay_bucket){
		.capacity = strlen(path), .text = path, .len = strlen(path), .arc = arc
	};
	r->tables[table].control[at] = (uint8_t)(at * 37 & 0x7f);
	r->tables[table].items++;
	r->tables[table].growth_left--;
	return arc;
}
