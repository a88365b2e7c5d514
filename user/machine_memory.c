/* SPDX-License-Identifier: MIT */
#include "machine_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool machine_memory_on_stack(uint64_t addr)
{
	return addr - MACHINE_STACK_AT < MACHINE_STACK;
}

void machine_memory_deinit(struct machine_memory *m)
{
	size_t i;

	for (i = 0; i < m->room; i++)
		free(m->pages[i]);
	m->room = m->len = 0;
}

void machine_memory_forget(struct machine_memory *m)
{
	while (m->len)
		m->slots[m->pages[--m->len]->slot] = 0;
}

uint64_t *machine_memory_from(struct machine_memory *m, uint64_t addr)
{
	return machine_memory_on_stack(addr) ? &m->stack_from[(addr - MACHINE_STACK_AT) / 8] : NULL;
}

static int machine_memory_page(struct machine_memory *m, uint64_t addr, struct machine_page **out)
{
	size_t slot = addr / MACHINE_PAGE * 0x9e3779b97f4a7c15ull >> 32;
	struct machine_page *p;
	int err;

	for (;; slot++) {
		slot %= MACHINE_MEMORY_SLOTS;
		if (!m->slots[slot])
			break;
		*out = m->pages[m->slots[slot] - 1];
		if ((*out)->addr == addr)
			return 0;
	}
	if (m->len == MACHINE_PAGES_MAX)
		return -E2BIG;
	if (m->len == m->room) {
		m->pages[m->room] = malloc(sizeof(**m->pages));
		if (!m->pages[m->room])
			return -ENOMEM;
		m->room++;
	}
	p = m->pages[m->len];
	err = m->page(m->arg, addr, p->seen);
	if (err)
		return err;
	p->addr = addr;
	p->slot = slot;
	memcpy(p->now, p->seen, sizeof(p->now));
	memset(p->used, 0, sizeof(p->used));
	m->slots[slot] = ++m->len;
	*out = p;
	return 0;
}

/* The piece of [addr, addr + size) that lies on one page. */
static size_t machine_memory_piece(uint64_t addr, size_t size)
{
	size_t left = MACHINE_PAGE - addr % MACHINE_PAGE;

	return size < left ? size : left;
}

int machine_memory_read(struct machine_memory *m, uint64_t addr, void *out, size_t size,
			bool counts)
{
	uint8_t *bytes = out;
	size_t n, i;

	if (machine_memory_on_stack(addr)) {
		if (size > MACHINE_STACK_AT + MACHINE_STACK - addr)
			return -EFAULT;
		memcpy(out, m->stack + (addr - MACHINE_STACK_AT), size);
		return 0;
	}
	for (; size; size -= n, addr += n, bytes += n) {
		size_t at = addr % MACHINE_PAGE;
		struct machine_page *p;
		int err = machine_memory_page(m, addr - at, &p);

		if (err)
			return err;
		n = machine_memory_piece(addr, size);
		memcpy(bytes, p->now + at, n);
		for (i = at; counts && i < at + n; i++)
			p->used[i / 8] |= 1u << i % 8;
	}
	return 0;
}

int machine_memory_write(struct machine_memory *m, uint64_t addr, const void *in, size_t size)
{
	const uint8_t *bytes = in;
	size_t n;

	if (machine_memory_on_stack(addr)) {
		if (size > MACHINE_STACK_AT + MACHINE_STACK - addr)
			return -EFAULT;
		memcpy(m->stack + (addr - MACHINE_STACK_AT), in, size);
		return 0;
	}
	for (; size; size -= n, addr += n, bytes += n) {
		size_t at = addr % MACHINE_PAGE;
		struct machine_page *p;
		int err = machine_memory_page(m, addr - at, &p);

		if (err)
			return err;
		n = machine_memory_piece(addr, size);
		memcpy(p->now + at, bytes, n);
	}
	return 0;
}

bool machine_memory_same(struct machine_memory *m)
{
	uint8_t bytes[MACHINE_PAGE];
	size_t i, k;

	for (i = 0; i < m->len; i++) {
		const struct machine_page *p = m->pages[i];
		bool used = false;

		for (k = 0; k < sizeof(p->used); k++)
			used |= p->used[k];
		if (!used)
			continue;
		if (m->page(m->arg, p->addr, bytes))
			return false;
		for (k = 0; k < MACHINE_PAGE; k++) {
			if (p->used[k / 8] >> k % 8 & 1 && bytes[k] != p->seen[k])
				return false;
		}
	}
	return true;
}
