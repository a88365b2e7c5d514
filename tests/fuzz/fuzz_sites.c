/* SPDX-License-Identifier: MIT */
/*
 * fuzz_sites.c - code, added to that of a small relay, in which sites are looked for.
 *
 * An input is a byte of flags, then functions: which name, the length (2 bytes), the code. As in
 * tests/unit/guard_lines.h, a call e8 XX 00 00 f0 leads to another function, here any by number.
 */
#include <elf.h>
#include <string.h>

#include <jansson.h>

#include "fuzz.h"

#include "bump.h"
#include "bump_pair.h"
#include "census_plan.h"
#include "path_drop.h"
#include "relay_image.h"
#include "sites.h"
#include "sites_json.h"

#define SITES_STRIPPED	 1
#define SITES_UNWIND	 2
#define SITES_ALONE	 4 /* without the relay */
#define SITES_FUNCTIONS	 24
#define SITES_TEXT_SPARE 32

static const char *const names[] = {
	"_ZN7moq_net4lite9publisher3run17h0011223344556677E",
	"_ZN7moq_net4ietf9publisher3run17h0011223344556677E",
	"_ZN4core3ptr78drop_in_place$LT$$LP$moq_net..ietf..request..RequestId$C$moq_net..Item$RP$"
	"$GT$17h0011223344556677E",
	"_ZN79_$LT$hashbrown..raw..RawTable$LT$T$C$A$GT$$u20$as$u20$core..ops..drop..Drop$GT$"
	"4drop17h0011223344556677E",
	"_ZN9hashbrown3map28HashMap$LT$K$C$V$C$S$C$A$GT$6insert17h0011223344556677E",
	"_ZN9hashbrown3map28HashMap$LT$K$C$V$C$S$C$A$GT$6remove17h0011223344556677E",
	"_ZN9hashbrown3raw21RawTable$LT$T$C$A$GT$12remove_entry17h0011223344556677E",
	"_ZN5tokio7runtime4task3raw7dealloc17h0123456789abcde5E",
	"_ZN5alloc4sync16Arc$LT$T$C$A$GT$9drop_slow17h0123456789abcde7E",
	"_ZN4core3ptr59drop_in_place$LT$moq_net..model..origin..OriginProducer$GT$"
	"17h0123456789abcdeaE",
	"_ZN4core3ptr59drop_in_place$LT$moq_net..model..origin..OriginConsumer$GT$"
	"17h0123456789abcdeaE",
	"_RNvCsfLfy6EI15iL_7___rustc14___rust_dealloc",
	"_ZN7moq_net5stats5Stats5entry17h354f5041d6fe0d20E",
	"_ZN7moq_net5stats17SessionBroadcasts9subscribe17h415078b5f47fe320E",
	"_ZN79_$LT$moq_net..stats..BroadcastSubscription$u20$as$u20$core..ops..drop..Drop$GT$"
	"4drop17hfab2c40aa379821eE",
	"_ZN7moq_net5stats11StatsHandle7session17ha50e5e83a995d5efE",
	"nothing",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

/* The relay with names, and as it is when it has none. */
static const struct image *sites_base(bool stripped)
{
	static struct relay relays[2];
	struct relay *r = &relays[stripped];

	if (!r->im.text_len) {
		relay_init(r);
		if (stripped)
			relay_strip(r);
		elf_file_destroy(relay_open(r));
		remove(r->im.path);
	}
	return &r->im;
}

static void sites_link(struct image *im, size_t from)
{
	uint32_t distance;
	size_t i;

	for (i = from; im->symbols_len && i + 5 <= im->text_len; i++) {
		uint8_t *code = im->text + i;

		if (code[0] != 0xe8 || code[2] || code[3] || code[4] != 0xf0)
			continue;
		distance = im->symbols[code[1] % im->symbols_len].addr - (IMAGE_TEXT + i + 5);
		memcpy(code + 1, &distance, sizeof(distance));
	}
}

static void sites_functions_add(struct image *im, struct fuzz_in *in)
{
	size_t len, most, from = im->text_len, i;
	const uint8_t *code;
	const char *name;

	for (i = 0; i < SITES_FUNCTIONS && in->left; i++) {
		im->text_len = (im->text_len + 15) / 16 * 16;
		if (im->text_len + SITES_TEXT_SPARE > IMAGE_TEXT_MAX)
			break;
		most = IMAGE_TEXT_MAX - im->text_len;
		name = names[fuzz_u8(in) % NAMES];
		len = fuzz_u16(in);
		code = fuzz_bytes(in, len < most ? len : most, &len);
		if (!len)
			continue;
		memcpy(im->text + im->text_len, code, len);
		image_symbol(im, name, IMAGE_TEXT + im->text_len, len);
		im->symbols[im->symbols_len - 1].unwind = true;
		im->text_len += len;
	}
	sites_link(im, from);
}

/* Words that the dynamic linker fills in, for what calls through memory. */
static void sites_slots(struct image *im)
{
	const struct image_slot slots[] = {
		{ .addr = IMAGE_RODATA, .type = R_X86_64_GLOB_DAT, .import = "malloc" },
		{ .addr = IMAGE_RODATA + 8, .type = R_X86_64_GLOB_DAT, .import = "free" },
		{ .addr = IMAGE_RODATA + 16, .type = R_X86_64_RELATIVE, .addend = IMAGE_TEXT },
		{ .addr = IMAGE_RODATA + 24,
		  .type = R_X86_64_RELATIVE,
		  .addend = IMAGE_TEXT + im->text_len / 32 * 16 },
	};

	memcpy(im->slots, slots, sizeof(slots));
	im->slots_len = sizeof(slots) / sizeof(slots[0]);
	im->rodata_len = 64;
}

/* Paths that are let go, where they own their texts and where they share them: what it calls itself
 * may be what ends one. */
static void sites_drops(const struct code *code)
{
	uint64_t ends[] = { IMAGE_TEXT, IMAGE_RODATA, code->addr, 0 };
	const uint64_t holders[] = { IMAGE_TEXT + 16 };
	const size_t ends_len = sizeof(ends) / sizeof(ends[0]);
	const struct path_drop_how hows[] = {
		{ .shared = 0x18 },
		{ .shared = 0x18,
		  .arcs = true,
		  .ends = ends,
		  .ends_len = ends_len,
		  .holders = holders,
		  .holders_len = 1 },
	};
	struct path_drop *drops;
	size_t i, k, len;

	for (i = 0; i < code->insns_len; i++) {
		if (code->insns[i].op == CODE_CALL && code->insns[i].target)
			ends[ends_len - 1] = code->insns[i].target;
	}
	for (k = 0; k < sizeof(hows) / sizeof(hows[0]); k++) {
		fuzz_check(!path_drops_find(code, &hows[k], &drops, &len));
		for (i = 0; i < len; i++)
			fuzz_check(drops[i].load < code->insns_len &&
				   drops[i].branch < code->insns_len &&
				   drops[i].call < code->insns_len);
		free(drops);
	}
}

/* The parts of the finder by themselves, which a scan uses on little of what there is. */
static void sites_code(const struct elf_file *f, const struct elf_symbol *symbol)
{
	struct bump_branch branches[BUMP_BRANCHES_MAX];
	struct bump_pair pairs[BUMP_BRANCHES_MAX];
	size_t i, len, first;
	struct code code;

	fuzz_check(!code_init(f, symbol->addr, symbol->size, &code));
	for (i = 0; i < code.insns_len; i++) {
		const struct code_insn *in = &code.insns[i];

		fuzz_check(in->len && in->addr >= symbol->addr &&
			   in->addr + in->len <= symbol->addr + symbol->size);
		fuzz_check(code_find(&code, in->addr) == (ptrdiff_t)i);
		len = code_edges_to(&code, i, &first);
		fuzz_check(first + len <= code.edges_len);
		if (!bump_is(in))
			continue;
		fuzz_check(
			code_may_bump(elf_file_bytes(f, symbol->addr, symbol->size), symbol->size));
		if (!bump_find(&code, i, branches, &len))
			fuzz_check(len && len <= BUMP_BRANCHES_MAX);
		if (!bump_pair_find(&code, i, pairs, &len))
			fuzz_check(len && len <= BUMP_BRANCHES_MAX && pairs[0].stride &&
				   pairs[0].field < pairs[0].stride);
	}
	sites_drops(&code);
	code_deinit(&code);
}

/* What was found goes through JSON and comes back. */
static void sites_through_json(const struct sites *s)
{
	json_t *json = sites_json_encode(s), *again;
	struct sites back;
	int err;

	fuzz_check(json);
	json_object_del(json, "unprobed"); /* which aren't taken back */
	err = sites_json_decode(json, &back);
	if (!s->unprobed_len) {
		fuzz_check(!err);
		again = sites_json_encode(&back);
		fuzz_check(again);
		json_object_del(again, "unprobed");
		fuzz_check(json_equal(json, again));
		json_decref(again);
	}
	if (!err)
		sites_deinit(&back);
	json_decref(json);
}

static void sites_look(const struct elf_file *f, const struct sites *s)
{
	struct census_plan *plan;
	const char *reason;
	int role, field;
	char name[64];
	size_t i;

	for (i = 0; i < s->len; i++) {
		const struct site *site = &s->list[i];

		/* Functions are probed where they begin, which the probes may refuse. */
		if (site->bump)
			fuzz_check(site->class == CODE_CLASS_EMULATED);
		fuzz_check(site->function < s->functions_len);
		sites_counter_name(&site->what, name, sizeof(name));
		fuzz_check(sites_identity_text(site));
	}
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (field = 0; field < MOQSTAT_ANNOUNCED_BYTES; field++) {
			sites_complete(s, role, field, &reason);
			sites_guarded(s, role, field, &reason);
		}
	}
	sites_through_json(s);
	if (!census_plan_create(f, s, &plan))
		census_plan_destroy(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	uint8_t flags = fuzz_u8(&in);
	const struct elf_symbol *list;
	struct elf_file *f;
	struct image im;
	struct sites s;
	size_t i, len;

	im = *sites_base(flags & SITES_STRIPPED);
	if (flags & SITES_ALONE)
		im.symbols_len = im.text_len = 0;
	im.bytes = NULL;
	im.stripped = flags & SITES_STRIPPED;
	im.unwind = flags & (SITES_STRIPPED | SITES_UNWIND);
	sites_functions_add(&im, &in);
	if (!im.text_len)
		return -1;
	sites_slots(&im);
	image_build(&im);
	if (!elf_file_create(fuzz_file(0, im.bytes, im.len), &f)) {
		list = elf_file_symbols(f, &len);
		for (i = len < SITES_FUNCTIONS ? 0 : len - SITES_FUNCTIONS; i < len; i++)
			sites_code(f, &list[i]);
		if (!sites_scan(f, NULL, NULL, &s)) {
			sites_look(f, &s);
			sites_deinit(&s);
		}
		elf_file_destroy(f);
	}
	free(im.bytes);
	return 0;
}

/* Under one name or another: what a function means depends on whose it is. */
static void sites_seed(const uint8_t *code, size_t len)
{
	uint8_t seed[4 + 1024] = { 0 };
	size_t which = code[len / 2] % NAMES;

	if (len > 1024)
		return;
	seed[0] = code[len - 1] % 2 ? SITES_STRIPPED : 0;
	seed[1] = (uint8_t)which;
	seed[2] = (uint8_t)len;
	seed[3] = (uint8_t)(len >> 8);
	memcpy(seed + 4, code, len);
	fuzz_seed(seed, 4 + len);
}

void fuzz_seeds(void)
{
	fuzz_unit_code(sites_seed);
}
