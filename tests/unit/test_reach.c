/* SPDX-License-Identifier: MIT */
/*
 * test_reach.c - destructors put together by hand: which of them lead to the end of a guard, what
 * else they are, and what a plan makes of them.
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

#include "alloc_fail.h"
#include "census_plan.h"
#include "elf_image.h"
#include "reach.h"
#include "relocation.h"

/* Names as rustc mangles them. */
#define GUARD	"_ZN4core3ptr26drop_in_place$LT$guard$GT$17h0123456789abcde1E"
#define CALLER	"_ZN4core3ptr27drop_in_place$LT$caller$GT$17h0123456789abcde2E"
#define OUTSIDE "_ZN5relay3run17h0123456789abcde3E"
#define OTHER	"_ZN4core3ptr26drop_in_place$LT$other$GT$17h0123456789abcde4E"
#define TASK	"_ZN5tokio7runtime4task3raw7dealloc17h0123456789abcde5E"
#define TABLE \
	"_ZN79_$LT$hashbrown..raw..RawTable$LT$T$C$A$GT$$u20$as$u20$core..ops..drop..Drop$GT$4drop17h0123456789abcde6E"
#define SLOW "_ZN5alloc4sync16Arc$LT$T$C$A$GT$9drop_slow17h0123456789abcde7E"
#define IETF \
	"_ZN4core3ptr86drop_in_place$LT$moq_net..ietf..publisher..Publisher$LT$qmux..session..Session$GT$$GT$17h0123456789abcde8E"
#define IETF_RUN \
	"_ZN4core3ptr99drop_in_place$LT$moq_net..ietf..publisher..Publisher$LT$S$GT$..run..$u7b$$u7b$closure$u7d$$u7d$$GT$17h0123456789abcde9E"
#define PRODUCER \
	"_ZN4core3ptr59drop_in_place$LT$moq_net..model..origin..OriginProducer$GT$17h0123456789abcdeaE"
#define PRODUCER_OPTION \
	"_ZN4core3ptr87drop_in_place$LT$core..option..Option$LT$moq_net..model..origin..OriginProducer$GT$$GT$17h0123456789abcdebE"
#define DEALLOC "_RNvCsfLfy6EI15iL_7___rustc14___rust_dealloc"

struct whole {
	struct image im;
	struct elf_file *file;
	struct site site;
	struct sites sites;
	struct reach reach;
};

/* call or jmp from the byte after `from` + 5. */
static void transfer(char *hex, size_t size, const char *op, uint64_t from, uint64_t to)
{
	uint32_t distance = to - (from + 5);

	snprintf(hex, size, "%s%02x%02x%02x%02xc3", op, distance & 0xff, distance >> 8 & 0xff,
		 distance >> 16 & 0xff, distance >> 24);
}

static uint64_t next_function(const struct image *im)
{
	return IMAGE_TEXT + (im->text_len + 15) / 16 * 16;
}

static uint64_t caller(struct whole *w, const char *name, const char *op, uint64_t to)
{
	char hex[32];

	transfer(hex, sizeof(hex), op, next_function(&w->im), to);
	return image_function(&w->im, name, hex);
}

static void begin(struct whole *w)
{
	memset(w, 0, sizeof(*w));
	image_init(&w->im);
	w->site.addr = image_function(&w->im, GUARD, "4885c0 7400 c3") + 3;
	w->site.what = (struct moqstat_site){ .event = MOQSTAT_EVENT_BUMP,
					      .field = MOQSTAT_ANNOUNCED_CLOSED };
	w->sites = (struct sites){ .layout = layout_find("moq-net 0.1.8"),
				   .list = &w->site,
				   .len = 1 };
	image_function(&w->im, DEALLOC, "c3");
}

static void done(struct whole *w)
{
	reach_deinit(&w->reach);
	elf_file_destroy(w->file);
	image_deinit(&w->im);
}

static const struct reach_function *find(const struct whole *w, uint64_t addr)
{
	const struct reach_function *f = reach_find(&w->reach, addr);

	return f && f->addr == addr ? f : NULL;
}

static bool leads(const struct whole *w, uint64_t addr)
{
	const struct reach_function *f = find(w, addr);

	return f && f->leads;
}

static void callers_lead_to_a_guard(void **state)
{
	uint64_t direct, jumps, twice, outside, beyond, other;
	struct whole w;

	(void)state;
	begin(&w);
	direct = caller(&w, CALLER "1", "e8", IMAGE_TEXT);
	jumps = caller(&w, CALLER "2", "e9", IMAGE_TEXT);
	twice = caller(&w, CALLER "3", "e8", direct);
	/* What isn't a destructor leads nowhere, nor what it is called by. */
	outside = caller(&w, OUTSIDE, "e8", IMAGE_TEXT);
	beyond = caller(&w, CALLER "4", "e8", outside);
	other = image_function(&w.im, OTHER, "c3");
	w.file = image_open(&w.im);
	assert_int_equal(reach_create(w.file, &w.sites, &w.reach), 0);
	assert_true(leads(&w, IMAGE_TEXT));
	assert_true(leads(&w, direct) && leads(&w, jumps) && leads(&w, twice));
	assert_null(find(&w, outside));
	assert_null(find(&w, beyond));
	assert_null(find(&w, other));
	assert_ptr_equal(reach_find(&w.reach, direct + 1), find(&w, direct));
	assert_int_equal(w.reach.release_len, 1);
	done(&w);
}

static void kinds_by_their_names(void **state)
{
	uint64_t task, table, slow, half, run, producer, option;
	struct whole w;

	(void)state;
	begin(&w);
	task = caller(&w, TASK, "e8", IMAGE_TEXT);
	table = image_function(&w.im, TABLE, "c3");
	slow = caller(&w, SLOW, "e8", IMAGE_TEXT);
	half = image_function(&w.im, IETF, "c3");
	run = caller(&w, IETF_RUN, "e8", IMAGE_TEXT);
	producer = image_function(&w.im, PRODUCER, "c3");
	option = caller(&w, PRODUCER_OPTION, "e8", IMAGE_TEXT);
	w.file = image_open(&w.im);
	assert_int_equal(reach_create(w.file, &w.sites, &w.reach), 0);
	assert_int_equal(find(&w, task)->kind, REACH_TASK);
	assert_true(find(&w, task)->leads);
	assert_int_equal(find(&w, table)->kind, REACH_TABLE);
	assert_false(find(&w, table)->leads);
	assert_true(find(&w, slow)->arc);
	assert_int_equal(find(&w, half)->kind, REACH_HOLDER);
	assert_true(find(&w, half)->ietf);
	assert_int_equal(find(&w, run)->kind, REACH_PLAIN);
	assert_true(find(&w, run)->ietf && find(&w, run)->leads);
	assert_int_equal(find(&w, producer)->kind, REACH_PRODUCER);
	assert_false(find(&w, producer)->ietf);
	assert_int_equal(find(&w, option)->kind, REACH_PLAIN);
	done(&w);
}

static void without_names_it_is_refused(void **state)
{
	struct whole w;

	(void)state;
	memset(&w, 0, sizeof(w));
	image_init(&w.im);
	w.site.addr = image_function(&w.im, "f", "4885c0 7400 c3") + 3;
	w.site.what = (struct moqstat_site){ .field = MOQSTAT_ANNOUNCED_CLOSED };
	w.sites =
		(struct sites){ .layout = layout_find("moq-net 0.1.8"), .list = &w.site, .len = 1 };
	w.file = image_open(&w.im);
	assert_int_equal(reach_create(w.file, &w.sites, &w.reach), -ENOTSUP);
	done(&w);
}

static void plan_has_code_and_closes(void **state)
{
	struct census_plan *plan;
	struct whole w;
	size_t i;

	(void)state;
	begin(&w);
	caller(&w, TASK, "e8", IMAGE_TEXT);
	/* mov rbx, rdi; mov rdi, [rbx + 0x20]; mov edx, 1; and once more on another way */
	image_function(&w.im, PRODUCER,
		       "4889fb 488b7b20 ba01000000 e800000000"
		       "488b7b20 ba01000000 488b7b08 ba08000000 c3");
	w.file = image_open(&w.im);
	assert_int_equal(census_plan_create(w.file, &w.sites, &plan), 0);
	assert_int_equal(plan->producer_root, 0x18);
	assert_int_equal(plan->consumer_root, -1);
	assert_non_null(census_plan_close(plan, w.site.addr));
	assert_null(census_plan_close(plan, w.site.addr + 1));
	for (i = 0; i < plan->reach.len; i++)
		assert_memory_equal(plan->code[i],
				    elf_file_bytes(w.file, plan->reach.list[i].addr, 1), 1);
	census_plan_destroy(plan);
	census_plan_destroy(NULL);
	done(&w);
}

static void session_lies_beside_its_root(void **state)
{
	struct census_plan *plan;
	struct sites_function function;
	char hex[256], call[32];
	uint64_t session, at;
	struct whole w;

	(void)state;
	begin(&w);
	session = image_function(&w.im, "session", "c3");
	function = (struct sites_function){ .addr = session, .role = LAYOUT_SESSION };
	w.sites.functions = &function;
	w.sites.functions_len = 1;
	/* movzx edx, byte [rbx + 0x680]; lea rsi, [rbx + 0x3c8]; call [rip]; lea rsi, [rbx +
	 * 0x668]; call session; mov [rbx + 0x798], rax */
	at = next_function(&w.im) + 7 + 7 + 6 + 7;
	transfer(call, sizeof(call), "e8", at, session);
	call[10] = '\0';
	snprintf(hex, sizeof(hex),
		 "0fb69380060000 488db3c8030000 ff1500000000 488db368060000 %s 48898398070000 c3",
		 call);
	image_function(&w.im, OUTSIDE, hex);
	w.file = image_open(&w.im);
	assert_int_equal(census_plan_create(w.file, &w.sites, &plan), 0);
	assert_int_equal(plan->sessions_len, 1);
	assert_int_equal(plan->sessions[0].root, 0x668 - 0x798);
	assert_int_equal(plan->sessions[0].tier, 0x680 - 0x798);
	census_plan_destroy(plan);
	done(&w);
}

static void relocations_are_found(void **state)
{
	static const struct relocation list[] = { { 0x10, 1 }, { 0x18, 2 }, { 0x30, 3 } };

	(void)state;
	assert_int_equal(relocation_find(list, 3, 0x10), 1);
	assert_int_equal(relocation_find(list, 3, 0x18), 2);
	assert_int_equal(relocation_find(list, 3, 0x30), 3);
	assert_int_equal(relocation_find(list, 3, 0x20), 0);
	assert_int_equal(relocation_find(list, 3, 0x31), 0);
	assert_int_equal(relocation_find(NULL, 0, 0x10), 0);
}

static void memory_that_is_short(void **state)
{
	struct census_plan *plan;
	struct whole w;
	size_t n;

	(void)state;
	if (!alloc_fail_works())
		skip();
	begin(&w);
	caller(&w, TASK, "e8", IMAGE_TEXT);
	w.file = image_open(&w.im);
	for (n = 1;; n++) {
		int err;

		plan = NULL;
		alloc_fail_arm(n);
		err = census_plan_create(w.file, &w.sites, &plan);
		if (!alloc_fail_disarm())
			break;
		if (!err)
			census_plan_destroy(plan); /* a name that could not be demangled */
		else
			assert_null(plan);
	}
	census_plan_destroy(plan);
	assert_true(n > 5);
	done(&w);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(callers_lead_to_a_guard),
		cmocka_unit_test(kinds_by_their_names),
		cmocka_unit_test(without_names_it_is_refused),
		cmocka_unit_test(plan_has_code_and_closes),
		cmocka_unit_test(session_lies_beside_its_root),
		cmocka_unit_test(relocations_are_found),
		cmocka_unit_test(memory_that_is_short),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
