/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relay_image.h"

static const char code_of_entry[] = "55 "		 /* push rbp */
				    "bf 30 01 00 00 "	 /* mov edi, 0x130 */
				    "be 08 00 00 00 "	 /* mov esi, 8 */
				    "ff 15 00 00 00 00 " /* call [rip] */
				    "48 85 c0 "		 /* test rax, rax */
				    "74 04 "		 /* je 1f */
				    "f0 48 ff 00 "	 /* lock inc qword [rax] */
				    "5d "		 /* 1: pop rbp */
				    "c3";		 /* ret */

static const char code_of_subscribe[] = "41 56 "		/* push r14 */
					"49 89 f6 "		/* mov r14, rsi */
					"48 8b 44 24 10 "	/* mov rax, [rsp+0x10] */
					"08 ca "		/* or dl, cl */
					"80 fa 01 "		/* cmp dl, 1 */
					"75 0c "		/* jne 1f */
					"41 0f b6 56 28 "	/* movzx edx, byte [r14+0x28] */
					"41 0f b6 4e 29 "	/* movzx ecx, byte [r14+0x29] */
					"eb 25 "		/* jmp 2f */
					"41 0f b6 4e 29 "	/* 1: movzx ecx, byte [r14+0x29] */
					"41 0f b6 56 28 "	/* movzx edx, byte [r14+0x28] */
					"48 8d 70 10 "		/* lea rsi, [rax+0x10] */
					"48 8d b8 a0 00 00 00 " /* lea rdi, [rax+0xa0] */
					"84 c9 "		/* test cl, cl */
					"48 0f 45 f7 "		/* cmovne rsi, rdi */
					"48 8d 3c d2 "		/* lea rdi, [rdx+rdx*8] */
					"f0 48 ff 44 fe 20 " /* lock inc qword [rsi+rdi*8+0x20] */
					"41 5e "	     /* 2: pop r14 */
					"c3";		     /* ret */

static const char code_of_unsubscribe[] = "41 56 "	       /* push r14 */
					  "49 89 fe "	       /* mov r14, rdi */
					  "87 03 "	       /* xchg [rbx], eax */
					  "83 f8 02 "	       /* cmp eax, 2 */
					  "74 2e "	       /* je 3f */
					  "49 8b 46 20 "       /* mov rax, [r14+0x20] */
					  "48 85 c0 "	       /* test rax, rax */
					  "74 22 "	       /* je 2f */
					  "41 0f b6 4e 28 "    /* 1: movzx ecx, byte [r14+0x28] */
					  "48 8d 50 10 "       /* lea rdx, [rax+0x10] */
					  "48 05 a0 00 00 00 " /* add rax, 0xa0 */
					  "41 80 7e 29 00 "    /* cmp byte [r14+0x29], 0 */
					  "48 0f 44 c2 "       /* cmove rax, rdx */
					  "48 8d 0c c9 "       /* lea rcx, [rcx+rcx*8] */
					  "f0 48 ff 44 c8 28 " /* lock inc qword [rax+rcx*8+0x28] */
					  "41 5e "	       /* 2: pop r14 */
					  "c3 "		       /* ret */
					  "48 89 df "	       /* 3: mov rdi, rbx */
					  "ff 15 00 00 00 00 " /* call [rip] */
					  "49 8b 46 20 "       /* mov rax, [r14+0x20] */
					  "48 85 c0 "	       /* test rax, rax */
					  "75 c9 "	       /* jne 1b */
					  "eb e9";	       /* jmp 2b */

static const char code_of_session[] = "55 "		   /* push rbp */
				      "bf 20 00 00 00 "	   /* mov edi, 0x20 */
				      "be 08 00 00 00 "	   /* mov esi, 8 */
				      "ff 15 00 00 00 00 " /* call [rip] */
				      "48 85 c0 "	   /* test rax, rax */
				      "74 0f "		   /* je 3f */
				      "31 c9 "		   /* xor ecx, ecx */
				      "87 4d 00 "	   /* xchg [rbp], ecx */
				      "83 f9 02 "	   /* cmp ecx, 2 */
				      "74 07 "		   /* je 2f */
				      "f0 48 ff 40 10 "	   /* 1: lock inc qword [rax+0x10] */
				      "5d "		   /* 3: pop rbp */
				      "c3 "		   /* ret */
				      "48 89 ef "	   /* 2: mov rdi, rbp */
				      "48 89 c3 "	   /* mov rbx, rax */
				      "ff 15 00 00 00 00 " /* call [rip] */
				      "48 89 d8 "	   /* mov rax, rbx */
				      "eb e8";		   /* jmp 1b */

static const char code_of_session_close[] = "48 8b 07 "		 /* mov rax, [rdi] */
					    "48 85 c0 "		 /* test rax, rax */
					    "74 19 "		 /* je 1f */
					    "f0 48 ff 40 18 "	 /* lock inc qword [rax+0x18] */
					    "48 8b 07 "		 /* mov rax, [rdi] */
					    "48 85 c0 "		 /* test rax, rax */
					    "74 0c "		 /* je 1f */
					    "f0 48 ff 08 "	 /* lock dec qword [rax] */
					    "75 06 "		 /* jne 1f */
					    "ff 25 00 00 00 00 " /* jmp [rip] */
					    "c3";		 /* 1: ret */

static const char code_of_counter[] =
	"48 8b 07 "		      /* mov rax, [rdi] */
	"48 85 c0 "		      /* test rax, rax */
	"74 11 "		      /* je 1f */
	"0f b6 4f 08 "		      /* movzx ecx, byte [rdi+8] */
	"48 8d 0c c9 "		      /* lea rcx, [rcx+rcx*8] */
	"f0 48 ff 84 c8 78 56 34 12 " /* lock inc qword [rax+rcx*8+0x12345678] */
	"c3";			      /* 1: ret */

static const char code_of_counter_80[] =
	"48 8b 07 "		      /* mov rax, [rdi] */
	"48 85 c0 "		      /* test rax, rax */
	"74 14 "		      /* je 1f */
	"0f b6 4f 08 "		      /* movzx ecx, byte [rdi+8] */
	"48 8d 0c 89 "		      /* lea rcx, [rcx+rcx*4] */
	"c1 e1 04 "		      /* shl ecx, 4 */
	"f0 48 ff 84 08 78 56 34 12 " /* lock inc qword [rax+rcx+0x12345678] */
	"c3";			      /* 1: ret */

static const char code_of_counter_88[] =
	"48 8b 07 "		      /* mov rax, [rdi] */
	"48 85 c0 "		      /* test rax, rax */
	"74 11 "		      /* je 1f */
	"0f b6 4f 08 "		      /* movzx ecx, byte [rdi+8] */
	"48 6b c9 58 "		      /* imul rcx, rcx, 88 */
	"f0 48 ff 84 08 78 56 34 12 " /* lock inc qword [rax+rcx+0x12345678] */
	"c3";			      /* 1: ret */

static const char code_of_subscribe_80[] = "41 56 "	     /* push r14 */
					   "49 89 f6 "	     /* mov r14, rsi */
					   "48 8b 44 24 10 " /* mov rax, [rsp+0x10] */
					   "08 ca "	     /* or dl, cl */
					   "80 fa 01 "	     /* cmp dl, 1 */
					   "75 0c "	     /* jne 1f */
					   "41 0f b6 56 28 " /* movzx edx, byte [r14+0x28] */
					   "41 0f b6 4e 29 " /* movzx ecx, byte [r14+0x29] */
					   "eb 29 "	     /* jmp 2f */
					   "41 0f b6 4e 29 " /* 1: movzx ecx, byte [r14+0x29] */
					   "41 0f b6 56 28 " /* movzx edx, byte [r14+0x28] */
					   "48 8d 70 10 "    /* lea rsi, [rax+0x10] */
					   "48 8d b8 b0 00 00 00 " /* lea rdi, [rax+0xb0] */
					   "84 c9 "		   /* test cl, cl */
					   "48 0f 45 f7 "	   /* cmovne rsi, rdi */
					   "48 8d 3c 92 "	   /* lea rdi, [rdx+rdx*4] */
					   "48 c1 e7 04 "	   /* shl rdi, 4 */
					   "f0 48 ff 44 3e 28 " /* lock inc qword [rsi+rdi+0x28] */
					   "41 5e "		/* 2: pop r14 */
					   "c3";		/* ret */

static const char code_of_unsubscribe_80[] =
	"41 56 "	     /* push r14 */
	"49 89 fe "	     /* mov r14, rdi */
	"87 03 "	     /* xchg [rbx], eax */
	"83 f8 02 "	     /* cmp eax, 2 */
	"74 32 "	     /* je 3f */
	"49 8b 46 20 "	     /* mov rax, [r14+0x20] */
	"48 85 c0 "	     /* test rax, rax */
	"74 26 "	     /* je 2f */
	"41 0f b6 4e 28 "    /* 1: movzx ecx, byte [r14+0x28] */
	"48 8d 50 10 "	     /* lea rdx, [rax+0x10] */
	"48 05 b0 00 00 00 " /* add rax, 0xb0 */
	"41 80 7e 29 00 "    /* cmp byte [r14+0x29], 0 */
	"48 0f 44 c2 "	     /* cmove rax, rdx */
	"48 8d 0c 89 "	     /* lea rcx, [rcx+rcx*4] */
	"48 c1 e1 04 "	     /* shl rcx, 4 */
	"f0 48 ff 44 08 30 " /* lock inc qword [rax+rcx+0x30] */
	"41 5e "	     /* 2: pop r14 */
	"c3 "		     /* ret */
	"48 89 df "	     /* 3: mov rdi, rbx */
	"ff 15 00 00 00 00 " /* call [rip] */
	"49 8b 46 20 "	     /* mov rax, [r14+0x20] */
	"48 85 c0 "	     /* test rax, rax */
	"75 c5 "	     /* jne 1b */
	"eb e9";	     /* jmp 2b */

/* A path lets go of the text that it shares; what ends the text is another function. */
static const char code_of_path_drop[] = "48 8b 07 "	  /* mov rax, [rdi] */
					"48 85 c0 "	  /* test rax, rax */
					"74 0b "	  /* je 1f */
					"f0 48 ff 08 "	  /* lock dec qword [rax] */
					"75 05 "	  /* jne 1f */
					"e8 00 00 00 00 " /* call end */
					"c3";		  /* 1: ret */

/* The same functions as far as structure is concerned: what they do with their arguments, before
 * what is above. */
static const char head_of_entry[] = "55 "		  /* push rbp */
				    "48 8b 5f 18 "	  /* mov rbx, [rdi+0x18] */
				    "48 85 db "		  /* test rbx, rbx */
				    "74 02 "		  /* je 1f */
				    "ff c0 "		  /* inc eax */
				    "48 8b 4e 08 "	  /* 1: mov rcx, [rsi+8] */
				    "4c 8b 63 48 "	  /* mov r12, [rbx+0x48] */
				    "5d ";		  /* pop rbp */
static const char head_of_subscribe[] = "55 "		  /* push rbp */
					"48 89 f3 "	  /* mov rbx, rsi */
					"48 89 df "	  /* mov rdi, rbx */
					"48 89 d6 "	  /* mov rsi, rdx */
					"e8 00 00 00 00 " /* call entry */
					"48 89 de "	  /* mov rsi, rbx */
					"5d ";		  /* pop rbp */
static const char head_of_session[] = "55 "		  /* push rbp */
				      "4c 8b 77 18 "	  /* mov r14, [rdi+0x18] */
				      "44 0f b6 7f 20 "	  /* movzx r15d, byte [rdi+0x20] */
				      "0f 10 46 08 "	  /* movups xmm0, [rsi+8] */
				      "4f 8b 6c fe 50 "	  /* mov r13, [r14+r15*8+0x50] */
				      "5d ";		  /* pop rbp */
static const char head_of_opening[] = "e8 00 00 00 00 ";  /* call entry */

static const char *const names[RELAY_COUNTERS] = {
	[RELAY_ENTRY] = "_ZN7moq_net5stats5Stats5entry17h354f5041d6fe0d20E",
	[RELAY_SUBSCRIBE] = "_ZN7moq_net5stats17SessionBroadcasts9subscribe17h415078b5f47fe320E",
	[RELAY_UNSUBSCRIBE] = "_ZN79_$LT$moq_net..stats..BroadcastSubscription$u20$as$u20$core.."
			      "ops..drop..Drop$GT$4drop17hfab2c40aa379821eE",
	[RELAY_SESSION] = "_ZN7moq_net5stats11StatsHandle7session17ha50e5e83a995d5efE",
	[RELAY_SESSION_CLOSE] = "_ZN4core3ptr47drop_in_place$LT$moq_net..stats..SessionStats$GT$"
				"17h0123456789abcdefE",
};

static const char *const codes[RELAY_COUNTERS] = {
	[RELAY_ENTRY] = code_of_entry,
	[RELAY_SUBSCRIBE] = code_of_subscribe,
	[RELAY_UNSUBSCRIBE] = code_of_unsubscribe,
	[RELAY_SESSION] = code_of_session,
	[RELAY_SESSION_CLOSE] = code_of_session_close,
};

/* In the order of memory; broadcasts lie between the two groups. Offsets from the entry's Arc, on
 * the external tier, by stride; announced_bytes came with the longer one. */
static const struct {
	const char *name;
	uint32_t of_72, of_80;
} counters[RELAY_COUNTERS_MAX] = {
	{ "publisher.announced", 0x10, 0x10 },
	{ "publisher.announced_closed", 0x18, 0x18 },
	{ "publisher.subscriptions", 0x20, 0x28 },
	{ "publisher.subscriptions_closed", 0x28, 0x30 },
	{ "publisher.bytes", 0x40, 0x48 },
	{ "publisher.frames", 0x48, 0x50 },
	{ "publisher.groups", 0x50, 0x58 },
	{ "subscriber.announced", 0xa0, 0xb0 },
	{ "subscriber.announced_closed", 0xa8, 0xb8 },
	{ "subscriber.subscriptions", 0xb0, 0xc8 },
	{ "subscriber.subscriptions_closed", 0xb8, 0xd0 },
	{ "subscriber.bytes", 0xd0, 0xe8 },
	{ "subscriber.frames", 0xd8, 0xf0 },
	{ "subscriber.groups", 0xe0, 0xf8 },
	{ "publisher.announced_bytes", 0, 0x20 },
	{ "subscriber.announced_bytes", 0, 0xc0 },
};

/* Or is counted without a guard, but named before, too. */
static bool counter_opens(size_t i)
{
	return (strstr(counters[i].name, "announced") ||
		strstr(counters[i].name, "subscriptions")) &&
	       !strstr(counters[i].name, "_closed");
}

static void relay_head(struct relay *r, size_t part, const char *head)
{
	char *room = r->heads[part];
	int len = snprintf(room, sizeof(r->heads[part]), "%s%s", head, r->parts[part].hex);

	assert_true(len > 0 && (size_t)len < sizeof(r->heads[part]));
	r->parts[part].hex = room;
}

/* Put the offset into the last four bytes of the bump. */
static void counter_set(struct relay *r, size_t i, const char *code, uint32_t offset)
{
	char disp[12], *at;
	int len = snprintf(r->counters[i], sizeof(r->counters[i]), "%s%s",
			   counter_opens(i) ? head_of_opening : "", code);

	assert_true(len > 0 && (size_t)len < sizeof(r->counters[i]));
	snprintf(disp, sizeof(disp), "%02x 00 00 00", offset);
	at = strstr(r->counters[i], "78 56 34 12");
	assert_non_null(at);
	memcpy(at, disp, strlen(disp));
	if (counter_opens(i))
		r->parts[RELAY_COUNTERS + i].calls = RELAY_ENTRY;
}

void relay_entry(struct relay *r, const char *hex)
{
	r->parts[RELAY_ENTRY].hex = hex;
	relay_head(r, RELAY_ENTRY, head_of_entry);
}

void relay_init(struct relay *r)
{
	size_t i;

	memset(r, 0, sizeof(*r));
	image_init(&r->im);
	for (i = 0; i < RELAY_COUNTERS; i++)
		relay_add(r, names[i], codes[i]);
	relay_head(r, RELAY_ENTRY, head_of_entry);
	relay_head(r, RELAY_SESSION, head_of_session);
	relay_head(r, RELAY_SUBSCRIBE, head_of_subscribe);
	r->parts[RELAY_SUBSCRIBE].calls = RELAY_ENTRY;
	for (i = 0; i < RELAY_COUNTERS_LEN; i++) {
		relay_add(r, counters[i].name, r->counters[i]);
		counter_set(r, i, code_of_counter, counters[i].of_72);
	}
}

void relay_deinit(struct relay *r)
{
	image_deinit(&r->im);
}

static void relay_replace(struct relay *r, size_t part, const char *old, const char *new)
{
	char *at = strstr(r->heads[part], old);

	assert_non_null(at);
	memcpy(at, new, strlen(new));
}

void relay_tables_0_13(struct relay *r)
{
	relay_replace(r, RELAY_ENTRY, "4c 8b 63 48", "4c 8b 63 58");
	relay_replace(r, RELAY_SESSION, "4f 8b 6c fe 50", "4f 8b 6c fe 60");
}

void relay_stride_88(struct relay *r)
{
	size_t i;

	for (i = 0; i < RELAY_COUNTERS_LEN; i++)
		counter_set(r, i, code_of_counter_88, counters[i].of_72);
}

void relay_0_13_3(struct relay *r)
{
	size_t i;

	relay_tables_0_13(r);
	relay_replace(r, RELAY_ENTRY, "bf 30 01 00 00", "bf 50 01 00 00");
	r->parts[RELAY_SUBSCRIBE].hex = code_of_subscribe_80;
	relay_head(r, RELAY_SUBSCRIBE, head_of_subscribe);
	r->parts[RELAY_UNSUBSCRIBE].hex = code_of_unsubscribe_80;
	for (i = 0; i < RELAY_COUNTERS_MAX; i++) {
		if (i >= RELAY_COUNTERS_LEN)
			relay_add(r, counters[i].name, r->counters[i]);
		counter_set(r, i, code_of_counter_80, counters[i].of_80);
	}
}

/* mov rax, [r14+offset], in both places. */
void relay_entry_of_subscription(struct relay *r, uint8_t offset)
{
	static const char load[] = "49 8b 46 ";
	char *room = r->heads[RELAY_UNSUBSCRIBE], disp[3];

	snprintf(disp, sizeof(disp), "%02x", offset);
	if (r->parts[RELAY_UNSUBSCRIBE].hex != room)
		strcpy(room, r->parts[RELAY_UNSUBSCRIBE].hex);
	r->parts[RELAY_UNSUBSCRIBE].hex = room;
	while ((room = strstr(room, load))) {
		room += strlen(load);
		memcpy(room, disp, 2);
	}
}

void relay_0_13_5(struct relay *r)
{
	relay_0_13_3(r);
	relay_entry_of_subscription(r, 0);
	relay_add(r, "end of a text", "c3");
	relay_add(r, "_ZN4core3ptr40drop_in_place$LT$moq_net..path..Path$GT$17h0123456789abcdefE",
		  code_of_path_drop);
	r->parts[r->parts_len - 1].calls = (int)r->parts_len - 2;
	relay_add(r, "_ZN4core3ptr42drop_in_place$LT$moq_net..stats..Stats$GT$17h0123456789abcdefE",
		  "c3");
}

void relay_strip(struct relay *r)
{
	r->im.stripped = true;
	r->im.unwind = true;
}

void relay_add(struct relay *r, const char *name, const char *hex)
{
	assert_true(r->parts_len < RELAY_PARTS_MAX);
	r->parts[r->parts_len++] = (struct relay_part){ .name = name, .hex = hex, .calls = -1 };
}

void relay_add_calling(struct relay *r, const char *name, const char *hex)
{
	relay_add(r, name, hex);
	r->parts[r->parts_len - 1].by_index = true;
}

static uint64_t relay_end(const struct relay *r, const struct relay_part *part)
{
	uint64_t end = part->addr + strlen(part->hex) / 2;
	size_t i;

	for (i = 0; i < r->im.symbols_len; i++) {
		if (r->im.symbols[i].addr == part->addr)
			end = part->addr + r->im.symbols[i].size;
	}
	return end;
}

/* Where slots lie. */
#define RELAY_SLOTS 0x520000

static uint64_t relay_slot(struct relay *r, uint64_t addr)
{
	struct image_slot *slot = &r->im.slots[r->im.slots_len];

	assert_true(r->im.slots_len < IMAGE_SLOTS_MAX);
	slot->addr = RELAY_SLOTS + 8 * r->im.slots_len++;
	slot->type = R_X86_64_RELATIVE;
	slot->addend = (int64_t)addr;
	return slot->addr;
}

static void relay_link_by_index(struct relay *r, const struct relay_part *part)
{
	static const uint8_t mark[] = { 0, 0, 0xf0 };
	uint64_t at, end = relay_end(r, part);

	for (at = part->addr; at + 6 <= end; at++) {
		uint8_t *code = r->im.text + (at - IMAGE_TEXT);
		bool slot = code[0] == 0xff && code[1] == 0x15, jumps = code[0] == 0xe9;
		uint8_t *where = code + 1 + slot;
		int32_t distance;
		uint64_t to;

		if ((!slot && !jumps && code[0] != 0xe8) || memcmp(where + 1, mark, sizeof(mark)))
			continue;
		assert_in_range(*where, 0, r->parts_len - 1);
		to = r->parts[*where].addr;
		to = slot ? relay_slot(r, to) : to;
		distance = (int32_t)(to - (at + slot + 5));
		memcpy(where, &distance, sizeof(distance));
	}
}

/* Every e8 00 00 00 00 of a part calls another one. */
static void relay_link(struct relay *r, const struct relay_part *part)
{
	static const uint8_t next[] = { 0xe8, 0, 0, 0, 0 };
	uint64_t at, end = relay_end(r, part);

	for (at = part->addr; at + sizeof(next) <= end; at++) {
		uint8_t *code = r->im.text + (at - IMAGE_TEXT);
		int32_t distance = (int32_t)(r->parts[part->calls].addr - (at + sizeof(next)));

		if (!memcmp(code, next, sizeof(next)))
			memcpy(code + 1, &distance, sizeof(distance));
	}
}

struct elf_file *relay_open(struct relay *r)
{
	size_t i;

	for (i = 0; i < r->parts_len; i++) {
		if (r->parts[i].hex)
			r->parts[i].addr =
				image_function(&r->im, r->parts[i].name, r->parts[i].hex);
	}
	for (i = 0; i < r->parts_len; i++) {
		if (r->parts[i].hex && r->parts[i].calls >= 0)
			relay_link(r, &r->parts[i]);
		if (r->parts[i].hex && r->parts[i].by_index)
			relay_link_by_index(r, &r->parts[i]);
	}
	return image_open(&r->im);
}

int relay_scan(struct relay *r, struct sites *out, char *said, size_t size)
{
	struct elf_file *f = relay_open(r);
	struct image_catch c = image_catch();
	int rc = sites_scan(f, NULL, NULL, out);

	image_caught(c, said, size);
	elf_file_destroy(f);
	return rc;
}
