/* SPDX-License-Identifier: MIT */
/*
 * scope_lines.h - code of one more function in a relay whose tiers are labels, by name, and whose
 * it is that is counted there while the relay's statistics are off: guard_lines.h says how that is
 * written.
 */
#ifndef MOQSTAT_TESTS_SCOPE_LINES_H
#define MOQSTAT_TESTS_SCOPE_LINES_H

#include "guard_lines.h"
#include "scope_image.h"

#define HASH	  "17h0011223344556677E"
#define MODEL	  "_ZN7moq_net5model"
#define TRACK	  MODEL "5track"
#define GROUP	  MODEL "5group"
#define FRAME	  MODEL "5frame"
#define ANNOUNCE  "_ZN7moq_net5stats5Scope8announce" HASH
#define SYNC	  MODEL "11origin_impl13sync_announce" HASH
#define ATTRIBUTE MODEL "11origin_impl16AnnounceConsumer9attribute" HASH
#define FETCH	  TRACK "8Consumer11fetch_group" HASH
#define FETCHING                                                               \
	"_ZN75_$LT$moq_net..model..track..Fetching$u20$as$u20$kio..pollable.." \
	"Pollable$GT$4poll" HASH
#define CREATE_GROUP   TRACK "8Producer12create_group" HASH
#define APPEND_GROUP   TRACK "8Producer12append_group" HASH
#define WRITE_DATAGRAM TRACK "8Producer14write_datagram" HASH
#define RECV_DATAGRAM  TRACK "10Subscriber18poll_recv_datagram" HASH
#define RECV_GROUP     TRACK "10Subscriber15poll_recv_group" HASH
#define PUBLISH	       TRACK "5Alive7publish" HASH
#define CREATE_FRAME   GROUP "8Producer12create_frame" HASH
#define WRITE_FRAME    GROUP "8Producer11write_frame" HASH
#define NEXT_FRAME     GROUP "8Consumer15poll_next_frame" HASH
#define READ_FRAME     GROUP "8Consumer15poll_read_frame" HASH
#define WRITE	       FRAME "8Producer5write" HASH
#define READ_CHUNK     FRAME "8Consumer15poll_read_chunk" HASH
#define TABLE                                                                          \
	"_ZN79_$LT$hashbrown..raw..RawTable$LT$T$C$A$GT$$u20$as$u20$core..ops..drop.." \
	"Drop$GT$4drop" HASH
#define SOURCE                                                                     \
	"_ZN4core3ptr89drop_in_place$LT$moq_net..model..origin_impl..run_source.." \
	"$u7b$$u7b$closure$u7d$$u7d$$GT$" HASH
#define TRACED                                                                           \
	"_ZN91_$LT$tracing..instrument..Instrumented$LT$T$GT$$u20$as$u20$core..future.." \
	"future..Future$GT$4poll" HASH
#define UNTRACED                                                                      \
	"_ZN7tracing10instrument1_94_$LT$impl$u20$core..ops..drop..Drop$u20$for$u20$" \
	"tracing..instrument..Instrumented$LT$T$GT$$GT$4drop" HASH
#define DROP "_ZN4core3ptr45drop_in_place$LT$moq_net..stats..Announce$GT$" HASH
#define DROP_OPTION                                                               \
	"_ZN4core3ptr73drop_in_place$LT$core..option..Option$LT$moq_net..stats.." \
	"Announce$GT$$GT$" HASH
#define CALL_ONCE "_ZN4core3ops8function6FnOnce9call_once" HASH
#define CLOSES \
	"_ZN70_$LT$moq_net..stats..Subscription$u20$as$u20$core..ops..drop..Drop$GT$4drop" HASH
#define OTHER "_ZN7moq_net5model5other" HASH
#define REF_PATH \
	"_ZN65_$LT$$RF$moq_net..path..Path$u20$as$u20$moq_net..path..AsPath$GT$7as_path" HASH
#define REF_STR "_ZN49_$LT$$RF$str$u20$as$u20$moq_net..path..AsPath$GT$7as_path" HASH

/** Parts that a line may call by number, and the function of a line behind them. */
enum {
	PART_REF_PATH = PART_MORE, /* 16 */
	PART_REF_STR,
	PART_SYNC, /* a line of that name stands in its place */
	PART_AT_HAND,
};

struct scope_line {
	const char *name, *assembly, *hex;
	const char *expected; /* of guard_text() */
};

/** Begin with a whole relay, of the release that this is known of; or of another one. */
void scope_lines_init(struct scope_image *w, bool known);

/** Add a line's function; index of its part. */
size_t scope_lines_add(struct scope_image *w, const struct scope_line *line);

/** Fail where anything is told, or there is a place that only this takes. */
void scope_lines_untold(const struct sites *s);

/** Scan each line, and fail where one is not as expected; or where anything is told in another
 *  release. */
void scope_lines_assert(const struct scope_line *lines, size_t len);

#endif /* MOQSTAT_TESTS_SCOPE_LINES_H */
