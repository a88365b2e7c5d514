/* SPDX-License-Identifier: MIT */
#include "doctor_relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "census.h"
#include "log.h"
#include "sites_cache.h"
#include "target.h"
#include "unit.h"
#include "worth.h"

static void doctor_take(enum log_level level, const char *line, void *arg)
{
	struct doctor_words *words = arg;

	if (level <= LOG_WARN)
		snprintf(words->text, sizeof(words->text), "%s", line);
}

void doctor_listen(struct doctor_words *words)
{
	words->text[0] = '\0';
	log_divert(doctor_take, words);
}

const char *doctor_heard(struct doctor_words *words)
{
	log_divert(NULL, NULL);
	return words->text;
}

static void doctor_process(struct findings *f, const struct target *t)
{
	char *cgroups = malloc(UNIT_TEXT_SIZE), unit[UNIT_NAME_SIZE] = "", line[256], file[64];
	struct doctor_words words;
	int filter = 0;
	FILE *status;

	if (cgroups && !unit_read("/proc", t->pid, cgroups))
		unit_name(cgroups, unit);
	free(cgroups);
	findings_add(f, FINDING_GOOD, t->pid, "process", "runs %s%s%s", t->exe_name,
		     *unit ? ", in the unit " : "", unit);
	doctor_listen(&words);
	if (target_check_memory(t))
		findings_add(f, FINDING_BAD, t->pid, "memory", "%s", doctor_heard(&words));
	else
		findings_add(f, FINDING_GOOD, t->pid, "memory", "can be read");
	doctor_heard(&words);
	snprintf(file, sizeof(file), "/proc/%d/status", t->pid);
	status = fopen(file, "re");
	while (status && fgets(line, sizeof(line), status))
		sscanf(line, "Seccomp: %d", &filter);
	if (status)
		fclose(status);
	findings_add(f, FINDING_GOOD, t->pid, "seccomp",
		     filter ? "a filter is on it; probes at branches need no system call, and "
			      "uretprobes, which do, aren't used"
			    : "no filter is on it");
}

/* A counter that would be unavailable, with the reason. */
static bool doctor_field(struct findings *f, pid_t pid, const struct sites *s, unsigned int role,
			 enum moqstat_field field)
{
	const char *reason;
	bool complete = sites_complete(s, role, field, &reason);

	if (complete && sites_guarded(s, role, field, &reason))
		return true;
	findings_add(f, FINDING_NOTE, pid, "field", "%s.%s is unavailable%s: %s",
		     layout_role_name(role), layout_field_name(field),
		     complete ? " where the relay's statistics are off" : "", reason);
	return false;
}

static void doctor_fields(struct findings *f, pid_t pid, const struct sites *s)
{
	const struct frame_schema *schema = s->layout->frame;
	const char *reason;
	bool whole = true;
	unsigned int role;
	size_t i;

	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (i = 0; i < schema->fields_len; i++)
			whole &= doctor_field(f, pid, s, role, schema->fields[i].field);
	}
	if (!sites_sessions_complete(s, &reason) || !sites_sessions_guarded(s, &reason)) {
		whole = false;
		findings_add(f, FINDING_NOTE, pid, "field", "sessions are unavailable: %s", reason);
	}
	if (whole)
		findings_add(f, FINDING_GOOD, pid, "fields", "all can be counted");
}

static void doctor_sites(struct findings *f, pid_t pid, const struct sites *s)
{
	size_t i, known = 0;

	for (i = 0; i < s->functions_len; i++)
		known += s->functions[i].role >= 0;
	findings_add(f, FINDING_GOOD, pid, "layout", "%s (%s), build-id %s", s->layout->name,
		     s->layout->relays, *s->build_id ? s->build_id : "none");
	findings_add(f, s->unprobed_len ? FINDING_NOTE : FINDING_GOOD, pid, "sites",
		     "%zu places to probe, %zu functions known, %zu counters' bumps that can't be "
		     "probed",
		     s->len, known, s->unprobed_len);
	doctor_fields(f, pid, s);
}

/* From what is open: each guard holds a pointer to the relay's own counters, if there are any. */
static void doctor_statistics(struct findings *f, const struct target *t,
			      const struct census_plan *plan)
{
	struct doctor_words words;
	struct census census;
	size_t i, on = 0, off = 0;
	int err;

	doctor_listen(&words);
	err = census_read(t, plan, &census);
	doctor_heard(&words);
	if (err) {
		findings_add(f, FINDING_NOTE, t->pid, "open", "cannot be told: %s",
			     *words.text ? words.text : strerror(-err));
		return;
	}
	for (i = 0; i < census.len; i++) {
		on += census.items[i].kind != CENSUS_SESSION && census.items[i].entry;
		off += census.items[i].kind != CENSUS_SESSION && !census.items[i].entry;
	}
	findings_add(f, FINDING_GOOD, t->pid, "open",
		     "%zu announcements, subscriptions and sessions are open", census.len);
	findings_add(
		f, FINDING_GOOD, t->pid, "statistics",
		on    ? "the relay's own are on"
		: off ? "the relay's own are off"
		      : "nothing is open from which to tell whether the relay's own are on; it "
			"works either way");
	census_deinit(&census);
}

static int doctor_executable(struct findings *f, const struct options *o, const struct target *t)
{
	struct census_plan *plan = NULL;
	struct doctor_words words;
	struct elf_file *file;
	struct sites sites;
	int err;

	doctor_listen(&words);
	err = elf_file_create_named(t->exe, t->exe_name, &file);
	if (!err) {
		err = sites_find(file, !o->no_cache, NULL, NULL, &sites);
		if (err)
			elf_file_destroy(file);
	}
	doctor_heard(&words);
	if (err) {
		findings_add(f, FINDING_BAD, t->pid, "layout", "%s",
			     *words.text ? words.text : strerror(-err));
		return err;
	}
	doctor_sites(f, t->pid, &sites);
	doctor_listen(&words);
	err = census_plan_create(file, &sites, &plan);
	doctor_heard(&words);
	if (err)
		findings_add(f, FINDING_NOTE, t->pid, "open",
			     "what is open when moqstat comes can't be told: %s",
			     err == -ENOTSUP ? "the executable has no symbols that name its types"
					     : strerror(-err));
	else
		doctor_statistics(f, t, plan);
	census_plan_destroy(plan);
	sites_deinit(&sites);
	elf_file_destroy(file);
	return 0;
}

void doctor_relay(struct findings *f, const struct options *o, pid_t pid)
{
	struct doctor_words words;
	struct target target;

	doctor_listen(&words);
	if (target_init(pid, &target)) {
		findings_add(f, FINDING_BAD, pid, "process", "%s", doctor_heard(&words));
		return;
	}
	doctor_heard(&words);
	doctor_process(f, &target);
	doctor_executable(f, o, &target);
	target_deinit(&target);
}
