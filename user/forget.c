/* SPDX-License-Identifier: MIT */
#include "forget.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "moqstat.skel.h"

static int forget_run(const struct moqstat_bpf *object, const struct moqstat_forget *what)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = what, .ctx_size_in = sizeof(*what));

	if (bpf_prog_test_run_opts(bpf_program__fd(object->progs.forget), &opts))
		return -errno;
	return (int)opts.retval;
}

int forget_path(const struct moqstat_bpf *object, const struct incarnation *in)
{
	const struct moqstat_path_key key = { .hash = in->id.hash,
					      .tgid = in->id.tgid,
					      .len = in->len };
	struct moqstat_forget what = {
		.map = in->slot >= MOQSTAT_SLOT_SESSION ? MOQSTAT_FORGET_ROOT_PATH
							: MOQSTAT_FORGET_PATH,
		.expected = incarnation_opens(in) * MOQSTAT_PATH_OPENED + in->id.incarnation,
	};

	_Static_assert(sizeof(key) == sizeof(what.key), "a key is two words");
	memcpy(what.key, &key, sizeof(key));
	return forget_run(object, &what);
}

int forget_entry(const struct moqstat_bpf *object, uint64_t entry, const struct moqstat_id *id)
{
	const struct moqstat_entry_key key = { .entry = entry, .tgid = id->tgid };
	struct moqstat_forget what = { .map = MOQSTAT_FORGET_ENTRY };

	_Static_assert(sizeof(key) == sizeof(what.key), "a key is two words");
	memcpy(what.key, &key, sizeof(key));
	memcpy(&what.expected, &id->tgid, sizeof(what.expected));
	return forget_run(object, &what);
}
