/* SPDX-License-Identifier: MIT */
#include "census_report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json_memory.h"
#include "log.h"
#include "sites_cache.h"

static const char *census_report_role(uint8_t role)
{
	return role < MOQSTAT_ROLE_MAX ? layout_role_name(role) : NULL;
}

static const char *census_report_tier(uint8_t tier)
{
	return tier == MOQSTAT_INTERNAL ? "internal" : "external";
}

static json_t *census_report_address(uint64_t address)
{
	char text[24];

	if (!address)
		return json_null();
	snprintf(text, sizeof(text), "%#" PRIx64, address);
	return json_string(text);
}

static json_t *census_report_item(const struct census_item *i)
{
	json_t *item = json_pack(
		"{s:s, s:s#, s:s, s:s*, s:o, s:b, s:o, s:o, s:o}", "kind",
		census_kind_name(i->kind), i->kind == CENSUS_SESSION ? "root" : "path", i->path,
		(int)i->len, "tier", census_report_tier(i->tier), "role",
		census_report_role(i->role), "guard", census_report_address(i->guard), "shared",
		i->shared, "entry", census_report_address(i->entry), "owner",
		census_report_address(i->owner), "table", census_report_address(i->table));

	if (item && i->key && json_object_set_new(item, "key", json_stringn(i->key, i->key_len))) {
		json_decref(item);
		return NULL;
	}
	return item;
}

static int census_report_json(const struct census *c, FILE *out)
{
	json_t *items, *untold, *all;
	char *text;
	size_t i;
	int err = 0;

	json_memory_begin();
	items = json_array();
	untold = json_object();
	for (i = 0; i < c->len && !err; i++)
		err = json_array_append_new(items, census_report_item(&c->items[i]));
	for (i = 0; i < CENSUS_KIND_MAX && !err; i++)
		err = json_object_set_new(untold, census_kind_name(i), json_integer(c->untold[i]));
	all = json_pack("{s:o, s:o, s:I, s:I}", "open", items, "untold", untold, "tasks",
			(json_int_t)c->tasks, "tasks_untold", (json_int_t)c->tasks_untold);
	/* Whole or not at all. */
	text = json_memory_text(all, JSON_COMPACT);
	if (err || !text)
		err = -ENOMEM;
	else if (fprintf(out, "%s\n", text) < 0)
		err = -EIO;
	free(text);
	return err;
}

/* Do two items count together? */
static bool census_report_same(const struct census_item *a, const struct census_item *b)
{
	return a->kind == b->kind && a->role == b->role && a->tier == b->tier && a->len == b->len &&
	       !memcmp(a->path, b->path, a->len);
}

/* Control characters would change what the terminal shows. */
static void census_report_text(const char *text, size_t len, FILE *out)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			fprintf(out, "\\x%02x", (unsigned char)text[i]);
		else
			fputc(text[i], out);
	}
	fputc('\n', out);
}

static int census_report_lines(const struct census *c, FILE *out)
{
	size_t i, k, untold = c->tasks_untold;

	for (i = 0; i < c->len; i = k) {
		const struct census_item *item = &c->items[i];

		for (k = i + 1; k < c->len && census_report_same(item, &c->items[k]); k++)
			;
		fprintf(out, "%-9s  %-10s  %-8s  %6zu  ", census_kind_name(item->kind),
			item->role < MOQSTAT_ROLE_MAX ? census_report_role(item->role) : "-",
			census_report_tier(item->tier), k - i);
		census_report_text(item->path, item->len, out);
	}
	for (i = 0; i < CENSUS_KIND_MAX; i++) {
		if (c->untold[i])
			fprintf(out, "%-9s  %-10s  %-8s  %6zu  whose can't be told\n",
				census_kind_name(i), "-", "-", c->untold[i]);
	}
	if (untold)
		fprintf(out, "%zu task(s) kept changing: what they hold can't be told\n", untold);
	return ferror(out) ? -EIO : 0;
}

int census_report(const struct census *c, bool json, FILE *out)
{
	int err = json ? census_report_json(c, out) : census_report_lines(c, out);

	if (!err && fflush(out))
		err = errno ? -errno : -EIO;
	return err;
}

static int census_report_plan(const struct options *o, const struct target *target,
			      struct census_plan **out)
{
	struct elf_file *f;
	struct sites sites;
	int err = elf_file_create_named(target->exe, target->exe_name, &f);

	if (err)
		return err;
	err = sites_find(f, !o->no_cache, NULL, NULL, &sites);
	if (!err) {
		err = layout_has_labels(sites.layout) ? -ENOSYS
						      : census_plan_create(f, &sites, out);
		if (err)
			log_error("what is open in %s can't be told: %s", target->exe_name,
				  err == -ENOSYS
					  ? "of a release whose tiers are labels it isn't known "
					    "yet; `moqstat run` shows what is open while its "
					    "statistics are on"
				  : err == -ENOTSUP
					  ? "it has no symbols that name its types; install "
					    "moq-relay unstripped, as `cargo install` does"
					  : strerror(-err));
		sites_deinit(&sites);
	}
	elf_file_destroy(f);
	return err;
}

static double census_report_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int census_report_run(const struct options *o)
{
	struct census_plan *plan = NULL;
	struct target target = { 0 };
	struct census census;
	double began;
	int err = target_init(o->pid, &target);

	if (!err)
		err = target_check_memory(&target);
	if (!err)
		err = census_report_plan(o, &target, &plan);
	if (err) {
		target_deinit(&target);
		return err == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	}
	began = census_report_now();
	err = census_read(&target, plan, &census);
	if (err)
		log_error("cannot tell what is open in process %d: %s", target.pid, strerror(-err));
	log_debug("the relay's memory was read in %.1f ms", 1e3 * (census_report_now() - began));
	if (!err) {
		err = census_report(&census, o->json, stdout);
		if (err && err != -EPIPE)
			log_error("cannot write to standard output: %s", strerror(-err));
		census_deinit(&census);
	}
	census_plan_destroy(plan);
	target_deinit(&target);
	if (err == -ESRCH)
		return EXIT_RELAY_ENDED;
	return err && err != -EPIPE ? EXIT_FAILED : EXIT_DONE;
}
