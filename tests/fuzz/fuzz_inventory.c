/* SPDX-License-Identifier: MIT */
/* fuzz_inventory.c - the memory of a relay in which its tables are said to be: here, this process's
 * own, from FUZZ_MEMORY on. */
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#include "inventory.h"
#include "utf8.h"

/* Where a seed has its parts: what Stats points to, locks, buckets, Arcs, text. */
#define AT_TABLES 0x100
#define AT_MEMORY 0x400
#define AT_ARCS	  0x800
#define AT_TEXT	  0xc00

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct target target = { .pid = getpid(), .pidfd = -1, .exe_fd = -1 };
	const struct layout *layout = layout_find("moq-net 0.1.8");
	struct inventory inventory;
	size_t i;

	fuzz_check(layout);
	fuzz_memory(data, size);
	if (inventory_read(&target, layout, FUZZ_MEMORY, &inventory))
		return 0;
	for (i = 0; i < inventory.len; i++) {
		const struct inventory_item *item = &inventory.items[i];

		fuzz_check(item->len <= MOQSTAT_PATH_MAX && utf8_valid(item->path, item->len));
		fuzz_check(item->slot < MOQSTAT_SLOT_MAX);
		fuzz_check(inventory_size(layout, item->slot) < 1024);
	}
	inventory_deinit(&inventory);
	return 0;
}

static void put(uint8_t *memory, size_t at, uint64_t value)
{
	memcpy(memory + at, &value, sizeof(value));
}

void fuzz_seeds(void)
{
	const struct layout *layout = layout_find("moq-net 0.1.8");
	uint8_t memory[4096] = { 0 };
	size_t i, k;

	for (i = 0; i < 3; i++) {
		const size_t pointer =
			i ? layout->sessions_of_shared + (i - 1) * 8 : layout->entries_of_shared;
		const size_t lock = AT_TABLES + i * 0x40, block = AT_MEMORY + i * 0x100;
		const size_t control = block + 4 * 32;

		put(memory, pointer, FUZZ_MEMORY + lock);
		put(memory, lock + layout->table_of_lock, FUZZ_MEMORY + control);
		put(memory, lock + layout->table_of_lock + 8, 3);
		put(memory, lock + layout->table_of_lock + 16, 1);
		put(memory, lock + layout->table_of_lock + 24, 2);
		memset(memory + control, 0xff, 4);
		for (k = 0; k < 2; k++) {
			const size_t bucket = control - (k + 1) * 32;

			memory[control + k] = 0x11;
			put(memory, bucket, 8);
			put(memory, bucket + 8, FUZZ_MEMORY + AT_TEXT + 8 * k);
			put(memory, bucket + 16, 5 + k);
			put(memory, bucket + 24, FUZZ_MEMORY + AT_ARCS + 0x20 * k);
			put(memory, AT_ARCS + 0x20 * k, 2);
			put(memory, AT_ARCS + 0x20 * k + 8, 1);
		}
	}
	memcpy(memory + AT_TEXT, "demo/abc demo/xyz", 17);
	fuzz_seed(memory, sizeof(memory));
}
