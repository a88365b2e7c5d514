/* SPDX-License-Identifier: MIT */
#include "elf_functions.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* How pointers are written in .eh_frame (LSB 5, 10.5.1): the low four bits tell the form, the next
 * three what is added. */
enum unwind_form {
	UNWIND_ABSOLUTE = 0x00, /* 8 bytes */
	UNWIND_UDATA4 = 0x03,
	UNWIND_UDATA8 = 0x04,
	UNWIND_SDATA4 = 0x0b,
	UNWIND_SDATA8 = 0x0c,
	UNWIND_FORM = 0x0f,
	UNWIND_RELATIVE = 0x10, /* to where the pointer itself is */
};

struct unwind {
	const uint8_t *bytes;
	uint64_t size;
	uint64_t addr;
	/* Of the CIE read last; most records refer to the same one as the one before. */
	uint64_t cie;
	int encoding; /* of addresses in its FDEs; -1: unknown */
};

int elf_functions_add(struct elf_functions *fs, uint64_t addr, uint64_t size, const char *name)
{
	if (fs->len == fs->room) {
		size_t room = fs->room ? 2 * fs->room : 64;
		struct elf_symbol *grown = reallocarray(fs->list, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		fs->list = grown;
		fs->room = room;
	}
	fs->list[fs->len++] = (struct elf_symbol){ .addr = addr, .size = size, .name = name };
	return 0;
}

void elf_functions_deinit(struct elf_functions *fs)
{
	if (!fs)
		return;
	free(fs->list);
	memset(fs, 0, sizeof(*fs));
}

static int elf_symbol_compare(const void *a, const void *b)
{
	const struct elf_symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Bits of an address by which one pass sorts. */
#define ELF_DIGIT 11

/* One pass of a radix sort: what is alike in a digit keeps its order. */
static void elf_functions_spread(const struct elf_symbol *from, struct elf_symbol *to, size_t len,
				 unsigned int shift)
{
	size_t starts[1 << ELF_DIGIT] = { 0 }, sum = 0, i;

	for (i = 0; i < len; i++)
		starts[from[i].addr >> shift & ((1 << ELF_DIGIT) - 1)]++;
	for (i = 0; i < 1 << ELF_DIGIT; i++) {
		size_t n = starts[i];

		starts[i] = sum;
		sum += n;
	}
	for (i = 0; i < len; i++)
		to[starts[from[i].addr >> shift & ((1 << ELF_DIGIT) - 1)]++] = from[i];
}

/* Those at one address, by name. */
static void elf_functions_sort_names(struct elf_functions *fs)
{
	size_t i, end;

	for (i = 0; i < fs->len; i = end) {
		for (end = i + 1; end < fs->len && fs->list[end].addr == fs->list[i].addr; end++)
			;
		if (end - i > 1)
			qsort(&fs->list[i], end - i, sizeof(*fs->list), elf_symbol_compare);
	}
}

int elf_functions_sort(struct elf_functions *fs)
{
	struct elf_symbol *other, *done;
	uint64_t last = 0;
	unsigned int shift;
	size_t i;

	if (!fs->len)
		return 0;
	other = calloc(fs->len, sizeof(*other));
	if (!other)
		return -ENOMEM;
	for (i = 0; i < fs->len; i++)
		last |= fs->list[i].addr;
	for (shift = 0; shift < 64 && last >> shift; shift += ELF_DIGIT) {
		elf_functions_spread(fs->list, other, fs->len, shift);
		done = other;
		other = fs->list;
		fs->list = done;
	}
	/* Either has room for `len`, though perhaps no more. */
	fs->room = fs->len;
	free(other);
	elf_functions_sort_names(fs);
	return 0;
}

static uint32_t unwind_u32(const struct unwind *u, uint64_t at)
{
	uint32_t value;

	memcpy(&value, u->bytes + at, sizeof(value));
	return value;
}

/* A pointer at *at, before `end`; *at moves behind it. */
static bool unwind_pointer(const struct unwind *u, uint64_t *at, uint64_t end, int encoding,
			   uint64_t *out)
{
	unsigned int form = encoding & UNWIND_FORM;
	unsigned int len = form == UNWIND_UDATA4 || form == UNWIND_SDATA4 ? 4 : 8;
	uint64_t value = 0;

	if (end - *at < len || (encoding & ~(UNWIND_FORM | UNWIND_RELATIVE)))
		return false;
	memcpy(&value, u->bytes + *at, len);
	switch (form) {
	case UNWIND_SDATA4:
		value = (uint64_t)(int64_t)(int32_t)value;
		break;
	case UNWIND_ABSOLUTE:
	case UNWIND_UDATA4:
	case UNWIND_UDATA8:
	case UNWIND_SDATA8:
		break;
	default:
		return false;
	}
	if (encoding & UNWIND_RELATIVE)
		value += u->addr + *at;
	*at += len;
	*out = value;
	return true;
}

/* Skip a LEB128 number. */
static bool unwind_skip_leb(const struct unwind *u, uint64_t *at, uint64_t end)
{
	while (*at < end) {
		if (!(u->bytes[(*at)++] & 0x80))
			return true;
	}
	return false;
}

/* The encoding that the augmentation of a CIE names: `text` is its letters, *at its data. */
static int unwind_augmentation(const struct unwind *u, const char *text, uint64_t at, uint64_t end)
{
	uint64_t ignored;

	for (; *text; text++) {
		if (*text == 'S' || *text == 'B')
			continue;
		if (at >= end)
			return -1;
		switch (*text) {
		case 'R':
			return u->bytes[at];
		case 'L':
			at++;
			break;
		case 'P':
			/* 0x80: indirect; what it points to is of no interest. */
			at++;
			if (!unwind_pointer(u, &at, end, u->bytes[at - 1] & 0x1f, &ignored))
				return -1;
			break;
		default:
			return -1;
		}
	}
	return UNWIND_ABSOLUTE;
}

/* The encoding of addresses in the FDEs of the CIE whose length is at `cie`. */
static int unwind_encoding(struct unwind *u, uint64_t cie)
{
	uint64_t at = cie + 8, end;
	const char *text, *nul;

	if (u->cie == cie)
		return u->encoding;
	u->cie = cie;
	u->encoding = -1;
	if (cie > u->size || u->size - cie < 9 || unwind_u32(u, cie + 4) ||
	    unwind_u32(u, cie) > u->size - cie - 4)
		return -1;
	end = cie + 4 + unwind_u32(u, cie);
	if (end <= at || u->bytes[at] != 1) /* version */
		return -1;
	text = (const char *)u->bytes + ++at;
	nul = memchr(text, 0, end - at);
	if (!nul)
		return -1;
	at += nul - text + 1;
	/* Alignment of code and of data; the return register, a byte in version 1. */
	if (!unwind_skip_leb(u, &at, end) || !unwind_skip_leb(u, &at, end) || at++ >= end)
		return -1;
	if (!*text)
		u->encoding = UNWIND_ABSOLUTE;
	else if (*text == 'z' && unwind_skip_leb(u, &at, end))
		u->encoding = unwind_augmentation(u, text + 1, at, end);
	return u->encoding;
}

/* The function of one FDE, between its CIE pointer at `at` and `end`. */
static bool unwind_function(struct unwind *u, uint64_t at, uint64_t end, uint64_t *addr,
			    uint64_t *size)
{
	uint32_t back = unwind_u32(u, at);
	int encoding;

	if (back > at)
		return false;
	encoding = unwind_encoding(u, at - back);
	at += 4;
	return encoding >= 0 && unwind_pointer(u, &at, end, encoding, addr) &&
	       unwind_pointer(u, &at, end, encoding & UNWIND_FORM, size);
}

int elf_functions_unwind(struct elf_functions *fs, const uint8_t *bytes, uint64_t size,
			 uint64_t addr)
{
	struct unwind u = { .bytes = bytes, .size = size, .addr = addr, .cie = UINT64_MAX };
	uint64_t at = 0, function, function_size;
	int err = 0;

	while (size - at >= 4 && !err) {
		uint64_t len = unwind_u32(&u, at);

		at += 4;
		/* UINT32_MAX, for records of more than 4 GiB, ends it as well. */
		if (len > size - at)
			break;
		if (len >= 4 && unwind_u32(&u, at) &&
		    unwind_function(&u, at, at + len, &function, &function_size))
			err = elf_functions_add(fs, function, function_size, "");
		at += len;
	}
	return err;
}

int elf_functions_uncovered(const struct elf_functions *fs, const struct elf_functions *more,
			    struct elf_functions *out)
{
	uint64_t covered = 0, done = 0;
	size_t i, next = 0;
	int err;

	for (i = 0; i < more->len; i++) {
		uint64_t at = more->list[i].addr, end = at + more->list[i].size, stop;

		if (at < done)
			at = done;
		while (at < end) {
			for (; next < fs->len && fs->list[next].addr <= at; next++) {
				if (fs->list[next].addr >= covered)
					covered = fs->list[next].addr + fs->list[next].size;
			}
			if (at < covered) {
				at = covered;
				continue;
			}
			stop = next < fs->len && fs->list[next].addr < end ? fs->list[next].addr
									   : end;
			err = elf_functions_add(out, at, stop - at, more->list[i].name);
			if (err)
				return err;
			at = stop;
		}
		if (end > done)
			done = end;
	}
	return 0;
}

const struct elf_symbol *elf_functions_at(const struct elf_functions *fs, uint64_t addr,
					  size_t *len)
{
	size_t low = 0, high = fs->len, end;

	*len = 0;
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (fs->list[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	end = low;
	while (low > 0 && fs->list[low - 1].addr == fs->list[end - 1].addr)
		low--;
	if (low == end || addr - fs->list[low].addr >= fs->list[low].size)
		return NULL;
	*len = end - low;
	return &fs->list[low];
}
