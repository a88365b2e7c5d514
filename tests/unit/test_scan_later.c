/* SPDX-License-Identifier: MIT */
/*
 * test_scan_later.c - relays of later releases than those that can be counted on: what is said when
 * they are refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relay_image.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define KNOWN                                                                      \
	"moq-relay 0.12.5, moq-relay 0.13.0, moq-relay 0.13.3, moq-relay 0.13.5, " \
	"moq-relay 0.14.12, moq-relay 0.17.10"

#define ANNOUNCE  "_ZN7moq_net5stats5Scope8announce17h5d81ea6629bf2c18E"
#define SUBSCRIBE "_ZN7moq_net5stats5Scope9subscribe17h52e06436e05209bcE"
#define FETCH	  "_ZN7moq_net5stats5Scope5fetch17h576ed1bf62aea633E"
#define DROP                                                                               \
	"_ZN70_$LT$moq_net..stats..Subscription$u20$as$u20$core..ops..drop..Drop$GT$4drop" \
	"17h9145a3822d590593E"

/* mov rax, [rdi]; test rax, rax; je 1f; lea rcx, [rax+0x10]; lea rdx, [rax+0x10+stride];
 * cmp byte [rdi+8], 0; cmovne rcx, rdx; lock inc [rcx+field]; 1: ret */
#define PICKED "488b07 4885c0 7419 488d4810 488d90%02x000000 807f0800 480f45ca f048ff41%02x c3"
/* mov rax, [rdi]; test rax, rax; je 1f; movzx ecx, byte [rdi+8]; imul rcx, rcx, stride;
 * lock inc [rax+rcx+0x10+field]; 1: ret */
#define INDEXED "488b07 4885c0 7414 0fb64f08 4869c9%02x000000 f048ff8408%02x000000 c3"

static struct relay relay;

static int setup(void **state)
{
	(void)state;
	relay_init(&relay);
	relay.parts_len = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	relay_deinit(&relay);
	return 0;
}

/* Functions with one bump each, the first of these names. */
static void add(const char *shape, unsigned int stride, unsigned int bumps, unsigned int fields,
		const char *const *names)
{
	static char codes[RELAY_PARTS_MAX][128];
	unsigned int i, field;

	for (i = 0; i < bumps; i++) {
		field = i % fields * 8;
		if (!strcmp(shape, PICKED))
			snprintf(codes[i], sizeof(codes[i]), PICKED, 16 + stride, field);
		else
			snprintf(codes[i], sizeof(codes[i]), INDEXED, stride, 16 + field);
		relay_add(&relay, *names ? *names++ : "more", codes[i]);
	}
}

/* Refused like that; then begin anew. */
static void assert_said(const char *expected)
{
	struct sites s = { .len = 77 };
	char said[2048], whole[2048];

	assert_int_equal(relay_scan(&relay, &s, said, sizeof(said)), -ENOTSUP);
	assert_int_equal(s.len, 77);
	snprintf(whole, sizeof(whole), "moqstat: error: %s: %s\n", relay.im.path, expected);
	assert_string_equal(said, whole);
	teardown(NULL);
	setup(NULL);
}

static const char *const names_0_14[] = { "main", DROP, ANNOUNCE, SUBSCRIBE, NULL };

#define SAID_0_14(bumps, counters)                                                           \
	"counters of moq-relay 0.14 (moq-net 0.2): " bumps " bumps of " counters             \
	" counters, one entry a tier; and moq_net::stats::Scope::announce, "                 \
	"moq_net::stats::Scope::subscribe, "                                                 \
	"<moq_net::stats::Subscription as core::ops::drop::Drop>::drop; this moqstat can't " \
	"count on it yet; run one of " KNOWN
#define SAID_NONE \
	"no layout of a moq-relay that is known here (" KNOWN "); name the executable of a relay"
#define SAID_STRIDE(stride)                                                                     \
	"unknown layout: most of its counters are " stride " bytes apart, which is so in none " \
	"that is known (" KNOWN "); run a relay of a release that is listed in the README, or " \
	"a moqstat that knows this one"

static void moq_relay_0_14(void **state)
{
	static const char *const names[] = { ANNOUNCE, NULL };

	(void)state;
	add(PICKED, 96, 17, 12, names_0_14);
	assert_said(SAID_0_14("17", "all 12"));
	add(PICKED, 96, 16, 11, names_0_14);
	assert_said(SAID_0_14("16", "11 of its 12"));
	add(INDEXED, 96, 16, 12, names);
	assert_said("counters of moq-relay 0.14 (moq-net 0.2): 16 bumps of all 12 counters, one "
		    "entry a tier; and moq_net::stats::Scope::announce; this moqstat can't count "
		    "on it yet; run one of " KNOWN);
	add(PICKED, 96, 15, 12, names_0_14);
	assert_said(SAID_NONE);
}

static void moq_relay_0_17(void **state)
{
	static const char *const names[] = { FETCH, NULL };

	(void)state;
	add(INDEXED, 128, 20, 16, names);
	assert_said("counters of moq-relay 0.15 to 0.17 (moq-net 0.3): 20 bumps of all 16 "
		    "counters, one entry a tier; and moq_net::stats::Scope::fetch; this moqstat "
		    "can't count on it yet; run one of " KNOWN);
}

/* Counters alone make no relay, nor does a name. */
static void without_the_functions(void **state)
{
	static const char *const none[] = { "main", NULL };

	(void)state;
	add(PICKED, 96, 16, 12, none);
	assert_said(SAID_STRIDE("96"));
	add(PICKED, 96, 16, 12, names_0_14);
	relay.im.stripped = relay.im.unwind = true;
	assert_said(SAID_STRIDE("96"));
	add(PICKED, 104, 16, 13, names_0_14);
	assert_said(SAID_STRIDE("104"));
	add(INDEXED, 128, 16, 16, none);
	assert_said(SAID_STRIDE("128"));
}

/* What is like a release that is known is told from that one. */
static void nearer_ones_come_first(void **state)
{
	(void)state;
	relay.parts_len = RELAY_PARTS;
	relay.parts[RELAY_SUBSCRIBE].hex = NULL;
	relay_add(&relay, "more", relay.counters[0]);
	relay_add(&relay, "more", relay.counters[1]);
	relay_add(&relay, ANNOUNCE, relay.counters[2]);
	assert_said("unknown layout: like that of moq-relay 0.12.5 (moq-net 0.1.8), but there is "
		    "no moq_net::stats::SessionBroadcasts::subscribe; run a relay of a release "
		    "that is listed in the README, or a moqstat that knows this one");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(moq_relay_0_14),
		TEST(moq_relay_0_17),
		TEST(without_the_functions),
		TEST(nearer_ones_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
