/* SPDX-License-Identifier: MIT */
/*
 * scope_image.h - an executable that the site finder takes for a relay whose tiers are labels, as
 * moq-relay 0.14.12 is: the functions it knows by name, and bumps of each counter. Tests change
 * parts, or add functions of their own.
 */
#ifndef MOQSTAT_TESTS_SCOPE_IMAGE_H
#define MOQSTAT_TESTS_SCOPE_IMAGE_H

#include "elf_image.h"
#include "sites.h"

#define SCOPE	 "_ZN7moq_net5stats7Session5scope17hdf122a7a3ca85d3bE"
#define EGRESS	 "_ZN7moq_net5stats7Session6egress17hdf122a7a3ca85d3bE"
#define TIER	 "_ZN7moq_net5stats14BroadcastEntry4tier17hdf122a7a3ca85d3bE"
#define NEW	 "_ZN7moq_net5stats7Session3new17h3b5569b93cb6a6f7E"
#define TO_OWNED "_ZN7moq_net4path4Path8to_owned17h3b5569b93cb6a6f7E"
#define SESSION	 "_ZN7moq_net5stats6Handle7session17h1f9abf9be5474f5cE"
#define OPENS	 "_ZN7moq_net5stats5Scope9subscribe17h52e06436e05209bcE"
#define CLOSE                                                                      \
	"_ZN4core3ptr78drop_in_place$LT$alloc..sync..ArcInner$LT$moq_net..stats.." \
	"SessionInner$GT$$GT$17hfc66bbdca3a2ffadE"

/* A call of one of the functions in front, by number. */
#define CALL(number) "e8" number "7f7f7f "
#define CALL_TIER    CALL("00")
#define CALL_NEW     CALL("01")
#define CALL_OWN     CALL("02")

/* push rbp; mov edi, 0xd0; mov esi, 8; call [rip]; test rax, rax; je 1f; pop rbp; ret; 1: ud2 */
#define CODE_TIER "55 bfd0000000 be08000000 ff1500000000 4885c0 7402 5d c3 0f0b"
/* push rbx; mov rbx, rsi; test rsi, rsi; je 1f; lock inc [rbx+0x10]; 1: pop rbx; ret */
#define CODE_NEW "53 4889f3 4885f6 7405 f048ff4310 5b c3"

/* push rbx; mov rbx, [rsi]; test rbx, rbx; je 1f */
#define SCOPE_SELF "53 488b1e 4885db 7426 "
/* push rbx; mov rbx, rsi; … */
#define SCOPE_ITSELF "53 4889f3 4885db 7426 "
/* mov rcx, [rdx]; mov rax, [rdx+8]; mov r8, [rdx+0x10] */
#define SCOPE_PATH "488b0a 488b4208 4c8b4210 "
/* mov rax, [rbx+0x28]; mov rdi, [rax+0x10] */
#define SCOPE_SHARED "488b4328 488b7810 "
/* lea rsi, [rbx+0x30]; call tier; lock dec [rcx]; jne 1f; nop; nop; nop; nop; 1: pop rbx; ret */
#define SCOPE_LABEL "488d7330 "
#define SCOPE_END   "f048ff09 7504 90909090 5b c3"

/* push rbx; sub rsp, 0x80; mov rbx, [rdi+0x18]; mov rax, [rdi+0x20]; mov [rsp+0x38], rbx;
 * mov [rsp+0x40], rax; mov [rsp+0x48], rax; mov [rsp+0x50], rax; lea rdi, [rsp+8]; call to_owned;
 * test rax, rax; je 1f; 1: add rbx, 0x18; mov edi, 0x20; mov esi, 8; call [rip]; test rax, rax;
 * je 2f; lea rdi, [rsp+0x20]; call new; 2: add rsp, 0x80; pop rbx; ret */
#define CODE_SESSION                                                                       \
	"53 4881ec80000000 488b5f18 488b4720 48895c2438 4889442440 4889442448 4889442450 " \
	"488d7c2408 " CALL_OWN "4885c0 7400 4883c318 bf20000000 be08000000 ff1500000000 "  \
	"4885c0 740a 488d7c2420 " CALL_NEW "4881c480000000 5b c3"

/* mov rax, [rdi+0x48]; test rax, rax; je 1f; lock inc [rax+0x18]; 1: mov rax, [rdi+0x30]; ret */
#define CODE_CLOSE "488b4748 4885c0 7405 f048ff4018 488b4730 c3"

/* mov rax, [rdi]; test rax, rax; je 1f; lea rcx, [rax+0x10]; lea rdx, [rax+0x70];
 * cmp byte [rdi+8], 0; cmovne rcx, rdx; lock inc [rcx+field]; 1: ret */
#define CODE_BUMP "488b07 4885c0 7416 488d4810 488d5070 807f0800 480f45ca f048ff41%02x c3"

/** Bumps of its own, each in a function: field by field, over and over. */
#define BUMPS 16
#define PARTS 32

struct part {
	const char *name; /* of the symbol */
	const char *hex;
	uint64_t addr; /* once scanned */
};

enum part_index {
	PART_TIER = 0,
	PART_NEW,
	PART_OWN,
	PART_SCOPE,
	PART_SESSION,
	PART_CLOSE,
	PART_BUMPS,
	PART_MORE = PART_BUMPS + BUMPS, /* the first that a test adds */
};

struct scope_image {
	struct image im;
	struct part parts[PARTS];
	size_t len;
	char bumps[BUMPS][128];
};

/** Begin with a whole relay. */
void scope_image_init(struct scope_image *w);
void scope_image_deinit(struct scope_image *w);

/** Add a function. Both strings must outlive the relay. */
struct part *scope_image_add(struct scope_image *w, const char *name, const char *hex);

/** Lay the parts out, write the file and open it. */
struct elf_file *scope_image_open(struct scope_image *w);

/** Open and scan it; what is logged is put into said[size]. */
int scope_image_scan(struct scope_image *w, struct sites *out, char *said, size_t size);

/** The same, with nothing to say about it. */
void scope_image_scan_good(struct scope_image *w, struct sites *out);

#endif /* MOQSTAT_TESTS_SCOPE_IMAGE_H */
