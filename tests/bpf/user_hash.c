/* SPDX-License-Identifier: MIT */
#include "user_hash.h"

#include "identity.h"
#include "moqstat.skel.h"

uint64_t user_hash(uint64_t low, uint64_t high, uint32_t slot, uint32_t label, const void *path,
		   uint32_t len)
{
	__typeof__(*((struct moqstat_bpf *)0)->rodata) keys = { .key_low = low, .key_high = high };
	struct moqstat_bpf object = { .rodata = &keys };

	return identity_hash(&object, slot, label, path, len);
}
