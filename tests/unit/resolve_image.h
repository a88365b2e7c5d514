/* SPDX-License-Identifier: MIT */
/*
 * resolve_image.h - a relay whose sessions resolve paths themselves, as moq-relay 0.17, made of
 * functions in parts.
 */
#ifndef MOQSTAT_TESTS_RESOLVE_IMAGE_H
#define MOQSTAT_TESTS_RESOLVE_IMAGE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"
#include "sites.h"

#define RESOLVE	 "_ZN7moq_net5stats12SessionInner7resolve17hdf122a7a3ca85d3bE"
#define ROOTS	 "_ZN7moq_net5stats8Registry16session_counters17hdf122a7a3ca85d3bE"
#define SESSION	 "_ZN7moq_net5stats6Handle7session17h1f9abf9be5474f5cE"
#define MOVE	 "_ZN7moq_net5stats7Session8set_tier17h1f9abf9be5474f5cE"
#define TO_OWNED "_ZN7moq_net4path4Path8to_owned17h3b5569b93cb6a6f7E"
#define AS_PATH                                                        \
	"_ZN65_$LT$$RF$moq_net..path..Path$u20$as$u20$moq_net..path.." \
	"AsPath$GT$7as_path17hba2a745f8c4f45a0E"
#define OPENS "_ZN7moq_net5stats5Scope9subscribe17h52e06436e05209bcE"
#define MODEL "_ZN7moq_net5model17h3b5569b93cb6a6f7E"
#define SCOPE "_ZN7moq_net5stats7Session5scope17hdf122a7a3ca85d3bE"
#define CLOSE                                                          \
	"_ZN70_$LT$moq_net..stats..SessionInner$u20$as$u20$core..ops." \
	".drop..Drop$GT$4drop17he6df621073d20820E"

/* A call of one of the functions in front, by number. */
#define CALL(number) "e8" number "7f7f7f "
#define CALL_PATH    CALL("00")
#define CALL_OWN     CALL("01")
#define CALL_ROOTS   CALL("02")

/* push rbx; mov r8, [rdi+0x60]; mov rax, [rdi+0x40]; mov rcx, [rdi+0x48]; mov rdx, [rdi+0x50] */
#define RESOLVE_LABEL "53 4c8b4760 488b4740 488b4f48 488b5750 "
/* mov rbx, [rdi+0x18] */
#define RESOLVE_SHARED "488b5f18 "
/* mov rax, [rsi]; mov rcx, [rsi+8]; mov rdx, [rsi+0x10] */
#define RESOLVE_PATH "488b06 488b4e08 488b5610 "
/* add rbx, 0x18 */
#define RESOLVE_TABLE "4883c318 "
/* mov edi, size; mov esi, 8; call [rip]; test rax, rax; je 1f; mov qword [rax], 1; jmp 2f; 1: ud2;
 * 2: */
#define MADE(size) "bf" size "0000 be08000000 ff1500000000 4885c0 7409 48c70001000000 eb02 0f0b "
/* The same, but: mov rdi, rax; call [rip]; instead of the store: it is moved there. */
#define MOVED(size) \
	"bf" size "0000 be08000000 ff1500000000 4885c0 740b 4889c7 ff1500000000 eb02 0f0b "
/* test cl, cl; je 3f; mov rbx, [rdx-8]; test cl, cl; jne 1f; nop; 1: mov rax, r8; mov rdx, rbx;
 * pop rbx; ret; 3: xor ebx, ebx; jmp 1b */
#define RESOLVE_GIVES "84c9 7411 488b5af8 84c9 7501 90 4c89c0 4889da 5b c3 31db ebf4"
/* The same, but: mov rbx, rdi; in place of the load */
#define RESOLVE_GIVES_ELSE "84c9 7411 4889fb 90 84c9 7501 90 4c89c0 4889da 5b c3 31db ebf4"

#define CODE_RESOLVE \
	RESOLVE_LABEL RESOLVE_SHARED RESOLVE_PATH RESOLVE_TABLE MADE("1001") RESOLVE_GIVES

/* push rbx; sub rsp, 0x60; mov [rsp+0x50], rdx; mov rbx, rdi; mov rax, [rsi]; mov rcx, [rsi+8];
 * mov rdx, [rsi+0x10]; lea rdi, [rsp+8]; lea rsi, [rsp+0x50]; call as_path */
#define ROOTS_HEAD \
	"53 4883ec60 4889542450 4889fb 488b06 488b4e08 488b5610 488d7c2408 488d742450 " CALL_PATH
/* add rbx, 0x20 */
#define ROOTS_TABLE "4883c320 "
/* add rsp, 0x60; pop rbx; ret */
#define ROOTS_END  "4883c460 5b c3"
#define CODE_ROOTS ROOTS_HEAD ROOTS_TABLE MADE("b000") ROOTS_END

/* push r15; sub rsp, 0x40; mov r15, rdi; mov rax, [r15+0x18]; …0x20, 0x28, 0x30; lea rdi, [rsp+8];
 * call to_owned; test rax, rax; je 1f; 1: */
#define SESSION_HEAD                                                                    \
	"4157 4883ec40 4989ff 498b4718 498b4720 498b4728 498b4730 488d7c2408 " CALL_OWN \
	"4885c0 7400 "
/* test rax, rax; je 1f; lock inc [rax+0xa0]; 1: */
#define SESSION_OPENS "4885c0 7408 f048ff80a0000000 "
/* add rsp, 0x40; pop r15; ret */
#define SESSION_END  "4883c440 415f c3"
#define CODE_SESSION SESSION_HEAD CALL_ROOTS SESSION_OPENS MOVED("b000") SESSION_END
#define CODE_INLINED SESSION_HEAD MADE("b000") SESSION_OPENS MOVED("b000") SESSION_END

/* push rbx; push r14; mov rbx, rsi; mov r14, [rdi]; mov rax, [rbx]; … [rbx+8]; … [rbx+0x10];
 * lea rdi, [r14+0x50]; call [rip]; test al, al; je 1f; 1: */
#define MOVE_HEAD "53 4156 4889f3 4c8b37 488b03 488b4308 488b4310 498d7e50 ff1500000000 84c0 7400 "
/* mov rax, [r14+0x68]; test rax, rax; je 1f; lock inc [rax+0xa8]; 1: pop r14; pop rbx; ret */
#define MOVE_END  "498b4668 4885c0 7408 f048ff80a8000000 415e 5b c3"
#define CODE_MOVE MOVE_HEAD MADE("b000") SESSION_OPENS MOVE_END

/* mov rax, [rdi+0x58]; test rax, rax; je 1f; lock inc [rax+0xa8]; 1: ret */
#define CODE_CLOSE "488b4758 4885c0 7408 f048ff80a8000000 c3"

/* mov rax, [rdi]; test rax, rax; je 1f; movzx ecx, byte [rdi+8]; shl ecx, 7;
 * lock inc [rax+rcx+field]; 1: ret */
#define CODE_BUMP     "488b07 4885c0 7410 0fb64f08 c1e107 f048ff8408%02x000000 c3"

#define RESOLVE_BUMPS 16
/* With some more that a test may add. */
#define RESOLVE_PARTS (12 + RESOLVE_BUMPS)

struct resolve_part {
	const char *name;
	const char *hex;
};

struct resolve_world {
	struct image im;
	struct resolve_part parts[RESOLVE_PARTS];
	size_t len;
	char bumps[RESOLVE_BUMPS][128];
};

enum resolve_part_index {
	PART_PATH = 0,
	PART_OWN,
	PART_ROOTS,
	PART_RESOLVE,
	PART_SESSION,
	PART_MOVE,
	PART_CLOSE
};

/** The relay of the test at hand: whole, from its set-up on. */
extern struct resolve_world resolve;

/** For cmocka. */
int resolve_setup(void **state);
int resolve_teardown(void **state);

/** What the scan finds in it, what it returns, and what it says. */
int resolve_scan(struct sites *out, char *said, size_t size);

/** The same, of one with nothing to say about it. */
void resolve_scan_good(struct sites *out);

/** Begin anew. */
void resolve_again(void);

#endif /* MOQSTAT_TESTS_RESOLVE_IMAGE_H */
