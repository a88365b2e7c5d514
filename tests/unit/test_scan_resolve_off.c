/* SPDX-License-Identifier: MIT */
/*
 * test_scan_resolve_off.c - relays whose sessions resolve paths themselves, as moq-relay 0.17:
 * whose it is that is counted there while their statistics are off, as the code of a function
 * tells. guard_lines.h says how that is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard_lines.h"
#include "resolve_image.h"

#define HASH	     "17h0011223344556677E"
#define TRACK	     "_ZN7moq_net5model5track"
#define GROUP	     "_ZN7moq_net5model5group"
#define FRAME	     "_ZN7moq_net5model5frame"
#define ORIGIN	     "_ZN7moq_net5model11origin_impl"
#define COUNTERS     "_ZN7moq_net5stats5Scope8counters" HASH
#define METER	     GROUP "8Consumer10with_meter" HASH
#define SUBSCRIBE    OPENS
#define FETCH	     "_ZN7moq_net5stats5Scope5fetch" HASH
#define CREATE_GROUP TRACK "8Producer12create_group" HASH
#define FETCHING                                                               \
	"_ZN75_$LT$moq_net..model..track..Fetching$u20$as$u20$kio..pollable.." \
	"Pollable$GT$4poll" HASH
#define RECV_GROUP	TRACK "10Subscriber15poll_recv_group" HASH
#define INSERT_DATAGRAM TRACK "8Producer15insert_datagram" HASH
#define READ_FRAME	GROUP "8Consumer15poll_read_frame" HASH
#define READ_CHUNK	FRAME "8Consumer15poll_read_chunk" HASH
#define OPEN_FRAME	GROUP "8Producer10open_frame" HASH
#define WRITE		FRAME "12Raw$LT$G$GT$5write" HASH
#define ANNOUNCING	ORIGIN "10Announcing8announce" HASH
#define ANNOUNCER	ORIGIN "9Announcer8announce" HASH
#define HAND_OUT	ORIGIN "16AnnounceConsumer8hand_out" HASH
#define TABLE                                                                          \
	"_ZN79_$LT$hashbrown..raw..RawTable$LT$T$C$A$GT$$u20$as$u20$core..ops..drop.." \
	"Drop$GT$4drop" HASH
#define PRODUCER \
	"_ZN4core3ptr66drop_in_place$LT$moq_net..model..origin_impl..AnnounceProducer$GT$" HASH
#define DROP	   "_ZN4core3ptr45drop_in_place$LT$moq_net..stats..Announce$GT$" HASH
#define OTHER	   "_ZN7moq_net5model5other" HASH

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* test rdx, rdx; je 1f; movzx eax, cl; shl eax, 7; lock inc [rdx+rax+0x80]; 1: ret */
#define CODE_METER "4885d2 740e 0fb6c1 c1e007 f048ff840280000000 c3"

struct line {
	const char *name;
	const char *assembly;
	const char *hex;
	const char *expected;
};

static const struct line
	lines
		[] = {
			{ SUBSCRIBE,
			  "push r15; push rbx; mov r15, rsi; mov rdi, rsi; call counters; mov rbx, rax; test rax, rax; je 1f; cmp byte [r15+0x28], 0; je 2f; lock inc [rbx+0xc8]; jmp 1f; 2: lock inc [rbx+0x48]; 1: pop rbx; pop r15; ret",
			  "4157534989f74889f7e8177f7f7f4889c34885c0741641807f2800740af048ff83c8000000eb05f048ff43485b415fc3",
			  "je+14 side.subscriptions: path viewer; P r15+16, skip [r15+0], never; je+1b side.subscriptions: path viewer; P r15+16, skip [r15+0]; je+1b side.subscriptions: path viewer; P r15+16, skip [r15+0]" },
			{ CREATE_GROUP,
			  "push r14; mov r14, rsi; lea rdi, [r14+0x68]; call counters; test rax, rax; je 1f; movzx ecx, byte [r14+0x90]; shl ecx, 7; lock inc [rax+rcx+0x80]; 1: pop r14; ret",
			  "41564989f6498d7e68e8177f7f7f4885c07414410fb68e90000000c1e107f048ff840880000000415ec3",
			  "je+11 side.groups: path account; G [[r14+176]+288], P r14+120, skip [r14+104]" },
			{ CREATE_GROUP,
			  "push r14; mov r14, rsi; lea rdi, [r14+0x68]; call counters; mov r14, rbx; test rax, rax; je 1f; movzx ecx, byte [r14+0x90]; shl ecx, 7; lock inc [rax+rcx+0x80]; 1: pop r14; ret",
			  "41564989f6498d7e68e8177f7f7f4989de4885c07414410fb68e90000000c1e107f048ff840880000000415ec3",
			  "je+14 side.groups: none" },
			{ FETCH,
			  "push rbx; mov rbx, rdi; call counters; test rax, rax; je 1f; movzx ecx, byte [rbx+0x28]; shl ecx, 7; lock inc [rax+rcx+0x58]; 1: pop rbx; ret",
			  "534889fbe8177f7f7f4885c0740d0fb64b28c1e107f048ff4408585bc3",
			  "je+c side.fetches: path; P rbx+16, skip [rbx+0]" },
			{ FETCHING,
			  "push r14; sub rsp, 0x20; mov r14, rsi; lea rdi, [r14+0x98]; call counters; movzx ecx, byte [r14+0xc0]; lea rsi, [rsp+8]; mov rdx, rax; call with_meter; add rsp, 0x20; pop r14; ret",
			  "41564883ec204989f6498dbe98000000e8177f7f7f410fb68ec0000000488d7424084889c2e8187f7f7f4883c420415ec3",
			  "call+25 side.groups: path account; G [rsi+528], P r14+168, skip [r14+152], never" },
			{ RECV_GROUP,
			  "push rbx; sub rsp, 0x20; mov rbx, rsi; lea rdi, [rsi+0x118]; call counters; mov [rsp+8], rax; xor ebx, ebx; lea rsi, [rsp+0x10]; mov rdx, [rsp+8]; call with_meter; add rsp, 0x20; pop rbx; ret",
			  "534883ec204889f3488dbe18010000e8177f7f7f488944240831db488d742410488b542408e8187f7f7f4883c4205bc3",
			  "call+25 side.groups: call account; G [rsi+528], skip rsp+40, never; push+0 call:; G rsp, P rsi+296, skip [rsi+280]" },
			{ OTHER, "mov rdx, rdi; jmp 1f; nop; 1: call with_meter; ret",
			  "4889faeb0190e8187f7f7fc3", "call+6 side.groups: none; never" },
			{ READ_FRAME,
			  "push r14; mov r14, rsi; mov rax, [r14+0x1f0]; test rax, rax; je 1f; movzx ecx, byte [r14+0x1f8]; shl ecx, 7; lock inc [rax+rcx+0x78]; 1: pop r14; ret",
			  "41564989f6498b86f00100004885c07411410fb68ef8010000c1e107f048ff440878415ec3",
			  "je+f side.frames: account; G [rsi+528]" },
			{ READ_FRAME,
			  "mov rsi, [rsi]; mov rax, [rsi+0x1f0]; test rax, rax; je 1f; movzx ecx, byte [rsi+0x1f8]; shl ecx, 7; lock inc [rax+rcx+0x78]; 1: ret",
			  "488b36488b86f00100004885c074100fb68ef8010000c1e107f048ff440878c3",
			  "je+d side.frames: none" },
			{ READ_CHUNK,
			  "mov rax, [rdi+0x90]; test rax, rax; je 1f; movzx ecx, byte [rdi+0x98]; shl ecx, 7; lock add [rax+rcx+0x70], rdx; 1: ret",
			  "488b87900000004885c074100fb68f98000000c1e107f04801540870c3",
			  "je+a side.bytes: account; G [rdi+32]" },
			{ OPEN_FRAME,
			  "mov rax, [rdi+0x20]; test rax, rax; je 1f; movzx ecx, byte [rdi+0x28]; shl ecx, 7; lock inc [rax+rcx+0x78]; 1: ret",
			  "488b47204885c0740d0fb64f28c1e107f048ff440878c3",
			  "je+7 side.frames: account; G [rdi+64]" },
			{ WRITE,
			  "mov rax, [rdi+0x58]; test rax, rax; je 1f; movzx ecx, byte [rdi+0x60]; shl ecx, 7; lock add [rax+rcx+0x70], rdx; 1: ret",
			  "488b47584885c0740d0fb64f60c1e107f04801540870c3",
			  "je+7 side.bytes: account; G [rdi+64]" },
			{ WRITE,
			  "mov rax, [rdi+0x8]; test rax, rax; je 1f; movzx ecx, byte [rdi+0x10]; shl ecx, 7; lock add [rax+rcx+0x70], rdx; 1: ret",
			  "488b47084885c0740d0fb64f10c1e107f04801540870c3",
			  "je+7 side.bytes: none" },
			{ INSERT_DATAGRAM,
			  "push rbx; sub rsp, 0x40; lea rdi, [rsi+0x68]; call counters; mov [rsp+0x30], rax; mov [rsp+0x38], dl; call [rip]; mov rax, [rsp+0x30]; test rax, rax; je 1f; movzx ecx, byte [rsp+0x38]; shl ecx, 7; lock inc [rax+rcx+0x88]; 1: add rsp, 0x40; pop rbx; ret",
			  "534883ec40488d7e68e8177f7f7f488944243088542438ff1500000000488b4424304885c074110fb64c2438c1e107f048ff8408880000004883c4405bc3",
			  "je+25 side.datagrams: call; G rsp+72; push+0 call:; G rsp, P rsi+120, skip [rsi+104]" },
			{ ANNOUNCING,
			  "push r13; push r14; sub rsp, 0x68; mov r13, rdi; lea rdi, [rsp+0x20]; call counters; mov r14, rax; test rax, rax; je 1f; movzx eax, byte [rsp+0x48]; shl eax, 7; lock inc [r14+rax+0x30]; lock add [r14+rax+0x40], rbx; 1: call [rip]; movdqu xmm0, [rsp+0x8]; movdqu [r13], xmm0; mov rax, r13; add rsp, 0x68; pop r14; pop r13; ret",
			  "415541564883ec684989fd488d7c2420e8177f7f7f4989c64885c074140fb6442448c1e007f049ff440630f049015c0640ff1500000000f30f6f442408f3410f7f45004c89e84883c468415e415dc3",
			  "je+1b side.announced: owner path; G [rsp+16], P rsp+48, skip [rsp+32]; je+1b side.announced_bytes: path; P rsp+48, skip [rsp+32]" },
			{ ANNOUNCING, "push r13; push r14; sub rsp, 0x68; mov r13, rdi; lea rdi, [rsp+0x20]; call counters; mov r14, rax; test rax, rax; je 1f; movzx eax, byte [rsp+0x48]; shl eax, 7; lock inc [r14+rax+0x30]; lock add [r14+rax+0x40], rbx; 1: mov [rsp+0x10], rbx; movdqu xmm0, [rsp+0x8]; movdqu [r13], xmm0; mov rax, r13; add rsp, 0x68; pop r14; pop r13; ret",
			  "415541564883ec684989fd488d7c2420e8177f7f7f4989c64885c074140fb6442448c1e007f049ff440630f049015c064048895c2410f30f6f442408f3410f7f45004c89e84883c468415e415dc3",
			  "je+1b side.announced: none; je+1b side.announced_bytes: path; P rsp+48, skip [rsp+32]" },
			{ ANNOUNCER,
			  "push r14; mov r14, rsi; lea rdi, [r14+0x38]; call counters; test rax, rax; je 1f; movzx ecx, byte [r14+0x60]; shl ecx, 7; lock inc [rax+rcx+0x30]; lock add [rax+rcx+0x40], r15; 1: pop r14; ret",
			  "41564989f6498d7e38e8177f7f7f4885c07414410fb64e60c1e107f048ff440830f04c017c0840415ec3",
			  "je+11 side.announced: owner path; G [r14+8], P r14+72, skip [r14+56]; je+11 side.announced_bytes: path; P r14+72, skip [r14+56]" },
			{ HAND_OUT,
			  "push rbx; sub rsp, 0x40; mov rbx, rdx; lea rdi, [rsp+0x8]; call counters; test rax, rax; je 1f; movzx ecx, byte [rsp+0x30]; shl ecx, 7; lock inc [rax+rcx+0x30]; lock add [rax+rcx+0x40], r15; 1: add rsp, 0x40; pop rbx; ret",
			  "534883ec404889d3488d7c2408e8177f7f7f4885c074140fb64c2430c1e107f048ff440830f04c017c08404883c4405bc3",
			  "je+15 side.announced: owner path key; G [rbx+88], P rsp+24, skip [rsp+8]; je+15 side.announced_bytes: path; P rsp+24, skip [rsp+8]" },
			{ HAND_OUT,
			  "push rbx; sub rsp, 0x88; mov rax, [rsp+8]; test rax, rax; je 2f; lock dec [rax]; jne 2f; lea rdi, [rsp+8]; call [rip]; 2: mov rax, [rsp+0x50]; test rax, rax; je 1f; movzx ecx, byte [rsp+0x60]; shl ecx, 7; mov rdx, [rsp+0x58]; lock add [rax+rcx+0x40], rdx; lock inc [rax+rcx+0x38]; 1: add rsp, 0x88; pop rbx; ret",
			  "534881ec88000000488b4424084885c07411f048ff08750b488d7c2408ff1500000000488b4424504885c074190fb64c2460c1e107488b542458f04801540840f048ff4408384881c4880000005bc3",
			  "je+2b side.announced_bytes: owner key; G [rsp+8]; je+2b side.announced_closed: owner key; G [rsp+8]; push+0 table-drop:; G [rsi+312]" },
			{ TABLE,
			  "push r15; lea r15, [rdi+rax]; mov rcx, [rdi+rax-0x30]; test rcx, rcx; je 2f; lock dec [rcx]; jne 2f; call [rip]; 2: mov rax, [r15-0x18]; test rax, rax; je 1f; movzx ecx, byte [r15-8]; shl ecx, 7; mov rdx, [r15-0x10]; lock add [rax+rcx+0x40], rdx; lock inc [rax+rcx+0x38]; 1: pop r15; ret",
			  "41574c8d3c07488b4c07d04885c9740cf048ff097506ff1500000000498b47e84885c07418410fb64ff8c1e107498b57f0f04801540840f048ff440838415fc3",
			  "je+23 side.announced_bytes: owner key; G [r15-48]; je+23 side.announced_closed: owner key; G [r15-48]; push+0 table-drop:; G [rdi+128]" },
			{ PRODUCER,
			  "lea rdx, [rdi+0x18]; mov rcx, [rdx]; test rcx, rcx; je 1f; movzx eax, byte [rdi+0x28]; shl eax, 7; mov rsi, [rdi+0x20]; lock add [rcx+rax+0x40], rsi; lock inc [rcx+rax+0x38]; 1: ret",
			  "488d5718488b0a4885c974170fb64728c1e007488b7720f04801740140f048ff440138c3",
			  "je+a side.announced_bytes: owner; G [rdx-16]; je+a side.announced_closed: owner; G [rdx-16]" },
			{ DROP,
			  "mov rcx, [rdi]; test rcx, rcx; je 1f; movzx eax, byte [rdi+0x10]; shl eax, 7; mov rsi, [rdi+8]; lock add [rcx+rax+0x40], rsi; lock inc [rcx+rax+0x38]; 1: ret",
			  "488b0f4885c974170fb64710c1e007488b7708f04801740140f048ff440138c3",
			  "je+6 side.announced_bytes: odd; je+6 side.announced_closed: odd" },
		};

/* The relay, of that version of the crate; the last part is the line's. */
static void relay_with(const struct line *line, const char *version)
{
	resolve_again();
	strcpy((char *)resolve.im.rodata, version);
	resolve.im.rodata_len = strlen(version);
	resolve.parts[resolve.len++] = (struct resolve_part){ COUNTERS, "c3" };
	resolve.parts[resolve.len++] = (struct resolve_part){ METER, CODE_METER };
	resolve.parts[resolve.len++] = (struct resolve_part){ line->name, line->hex };
}

static uint64_t last_function(const struct sites *s)
{
	uint64_t last = 0;
	size_t i;

	for (i = 0; i < s->functions_len; i++)
		last = s->functions[i].addr > last ? s->functions[i].addr : last;
	return last;
}

static void each_line(void **state)
{
	char text[GUARD_TEXT];
	struct sites s;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(lines); i++) {
		relay_with(&lines[i], "/moq-net-0.3.18/src/stats.rs");
		resolve_scan_good(&s);
		guard_text(&s, last_function(&s), text);
		if (strcmp(text, lines[i].expected))
			fail_msg("%s: expected %s, got %s", lines[i].assembly, lines[i].expected,
				 text);
		sites_deinit(&s);
		relay_with(&lines[i], "/moq-net-0.3.17/src/stats.rs");
		resolve_scan_good(&s);
		assert_false(sites_told_off(&s));
		sites_deinit(&s);
	}
}

/* mov rax, [r14+0x68]; test rax, rax; je 1f; lock inc [rax+0xa8]; 1: test al, al; je 2f; 2:
 * pop r14; pop rbx; ret */
#define MOVE_ON "498b4668 4885c0 7408 f048ff80a8000000 84c0 7400 415e 5b c3"
/* mov rbx, [r15+0x18]; test rbx, rbx; je 1f; add rbx, 0x20; 1: */
#define SHARED_ASKED "498b5f18 4885db 7404 4883c320 "

static void roots_told(const char *move, const char *session, bool told)
{
	static const struct line nothing = { OTHER, "", "c3", "" };
	const char *reason;
	struct sites s;

	relay_with(&nothing, "/moq-net-0.3.18/src/stats.rs");
	resolve.parts[PART_MOVE].hex = move;
	resolve.parts[PART_SESSION].hex = session;
	resolve_scan_good(&s);
	assert_true(sites_sessions_complete(&s, &reason));
	assert_int_equal(sites_sessions_guarded(&s, &reason), told);
	sites_deinit(&s);
}

static void sessions(void **state)
{
	(void)state;
	roots_told(MOVE_HEAD MADE("b000") SESSION_OPENS MOVE_ON, CODE_SESSION, true);
	/* Behind what is let go there is no branch to open it at. */
	roots_told(CODE_MOVE, CODE_SESSION, false);
	/* Where a root's counters are inlined, none are where nothing is shared. */
	roots_told(MOVE_HEAD MADE("b000") SESSION_OPENS MOVE_ON,
		   SESSION_HEAD SHARED_ASKED MADE("b000") SESSION_OPENS MOVED("b000") SESSION_END,
		   true);
	roots_told(MOVE_HEAD MADE("b000") SESSION_OPENS MOVE_ON, CODE_INLINED, false);
	/* No context is allocated. */
	roots_told(MOVE_HEAD MADE("b000") SESSION_OPENS MOVE_ON,
		   SESSION_HEAD CALL_ROOTS SESSION_OPENS SESSION_END, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, resolve_setup, resolve_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_line),
		TEST(sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
