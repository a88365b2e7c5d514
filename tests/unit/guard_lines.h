/* SPDX-License-Identifier: MIT */
/*
 * guard_lines.h - code of one more function in a relay, and by what its sites tell whose guard it
 * is. Each site is its instruction, where that is in the function, what it is for, its handles,
 * and those operands that the handles take:
 *
 *     je+6 publisher.announced_closed: guard path; G rbx+16, P rbx+32
 *
 * G is the guard or its table, P the path, E and S the two places a guard is taken to (S and T
 * what a session's call tells, N the bytes of its root); "skip" is said as it is. In front of the
 * code (behind `push rbp; mov rbp, rsp`), but not counted in what is said of where sites are, entry
 * is called: so what opens there is named. "never" is a site that stands in for one that it skips.
 */
#ifndef MOQSTAT_TESTS_GUARD_LINES_H
#define MOQSTAT_TESTS_GUARD_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "relay_image.h"

#define GUARD_TEXT 1024

/** Functions that the code may call: its calls are e8, one of these, 00 00 f0. */
enum guard_callee {
	GUARD_ENTRY = 0,    /* Stats::entry */
	GUARD_SUBSCRIBE,    /* SessionBroadcasts::subscribe */
	GUARD_SESSION,	    /* StatsHandle::session */
	GUARD_INSERT,	    /* HashMap::insert */
	GUARD_REMOVE,	    /* HashMap::remove */
	GUARD_REMOVE_ENTRY, /* RawTable::remove_entry */
	GUARD_OTHER,
	GUARD_ITEM, /* lets go of what an IETF publisher keeps of a broadcast */
	GUARD_CALLEES,
	/* Of a relay whose paths share their text only: */
	GUARD_TEXT_END, /* what ends one: 9 */
	GUARD_STATS_DROP,
};

/** The relay that a function is added to; one that is changed is to have 80 bytes a tier. */
struct guard_relay {
	const char *name;		 /* as which it is to be recognised */
	void (*change)(struct relay *r); /* NULL: as relay_init() makes it */
};

struct guard_line {
	const char *assembly;
	const char *hex;
	const char *expected;
};

/** Names of the function, as symbols: of moq-lite, of IETF moq-transport, the drop of what an IETF
 *  publisher keeps of a broadcast, the drop of a table. */
#define GUARD_LITE "_ZN7moq_net4lite9publisher3run17h0011223344556677E"
/* Drops a guard that nothing else goes with. */
#define GUARD_BARE \
	"_ZN4core3ptr51drop_in_place$LT$moq_net..stats..PublisherTrack$GT$17h0011223344556677E"
#define GUARD_IETF "_ZN7moq_net4ietf9publisher3run17h0011223344556677E"
#define GUARD_OF_ITEM                                                                              \
	"_ZN4core3ptr78drop_in_place$LT$$LP$moq_net..ietf..request..RequestId$C$moq_net..Item$RP$" \
	"$GT$17h0011223344556677E"
#define GUARD_OF_TABLE                                                                         \
	"_ZN79_$LT$hashbrown..raw..RawTable$LT$T$C$A$GT$$u20$as$u20$core..ops..drop..Drop$GT$" \
	"4drop17h0011223344556677E"

/** Scan a whole relay with that function added; its address is put into *function. Ended by
 *  sites_deinit(). */
void guard_scan(const char *name, const char *hex, struct sites *out, uint64_t *function);

/** The same in any relay, and with nothing in front of the code. */
void guard_scan_of(const struct guard_relay *release, const char *name, const char *hex,
		   struct sites *out, uint64_t *function);

/** What the sites of a function are told by. */
void guard_text(const struct sites *s, uint64_t function, char out[GUARD_TEXT]);

/** Scan each line under that name, and fail the test where one is not as expected. */
void guard_lines_assert(const struct guard_line *lines, size_t len, const char *name);

/** The same in any relay, and with nothing in front of the code. */
void guard_lines_assert_of(const struct guard_relay *release, const struct guard_line *lines,
			   size_t len, const char *name);

#endif /* MOQSTAT_TESTS_GUARD_LINES_H */
