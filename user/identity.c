/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include <bpf/libbpf.h>
#include <string.h>

#include <moqstat.h>

#include "../bpf/siphash.h"
#include "moqstat.skel.h"

uint64_t identity_hash(const struct moqstat_bpf *object, uint32_t slot, uint32_t label,
		       const char *path, uint32_t len)
{
	uint8_t text[MOQSTAT_PATH_MAX] = { 0 };
	uint64_t hash;

	memcpy(text, path, len);
	hash = siphash_path(object->rodata->key_low,
			    object->rodata->key_high ^ MOQSTAT_NAME_KIND(slot, label), text, len);
	return hash ? hash : 1;
}
