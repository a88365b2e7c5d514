/* SPDX-License-Identifier: MIT */
#include "source.h"

const char *source_state_name(enum source_state state)
{
	static const char *const names[] = {
		[SOURCE_BEGINNING] = "connecting",  [SOURCE_LIVE] = "live",
		[SOURCE_CONNECTING] = "connecting", [SOURCE_WAITING] = "waiting-for-a-relay",
		[SOURCE_LAGGING] = "lagging",	    [SOURCE_UNREACHABLE] = "unreachable",
		[SOURCE_DENIED] = "denied",	    [SOURCE_ENDED] = "ended",
	};

	return names[state];
}
