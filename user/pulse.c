/* SPDX-License-Identifier: MIT */
#include "pulse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

int pulse_init(uint64_t interval_ns, bool measure, struct pulse *out)
{
	*out = (struct pulse){ .interval_ns = interval_ns, .stats = -1 };
	return measure ? vitals_measure(&out->stats) : 0;
}

void pulse_deinit(struct pulse *p)
{
	if (p->stats >= 0)
		close(p->stats);
	p->stats = -1;
}

/* Resident memory of this process, bytes. */
static uint64_t pulse_resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages;
	bool read = file && fscanf(file, "%*u %lu", &pages) == 1;

	if (file)
		fclose(file);
	return read ? (uint64_t)pages * sysconf(_SC_PAGESIZE) : HEALTH_UNKNOWN;
}

static enum health_measure pulse_measure(const struct pulse *p)
{
	return p->stats >= 0 ? HEALTH_HELD : vitals_measured() ? HEALTH_SYSCTL : HEALTH_OFF;
}

static int pulse_write(const struct health *health, struct jsonl *out)
{
	json_t *json = health_json(health);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int err = text ? jsonl_write_health(out, text, strlen(text)) : -ENOMEM;

	json_decref(json);
	free(text);
	return err;
}

int pulse_beat(struct pulse *p, const struct pulse_tick *tick, struct relay *const *relays,
	       size_t len, struct jsonl *out)
{
	struct health_relay *list = calloc(len + 1, sizeof(*list));
	struct health health = { .ticks = ++p->ticks,
				 .interval_ns = p->interval_ns,
				 .skipped = tick->skipped,
				 .budget = tick->budget,
				 .cpu_ns = clock_read(CLOCK_PROCESS_CPUTIME_ID),
				 .resident_bytes = pulse_resident(),
				 .measure = pulse_measure(p),
				 .tick = &p->tick,
				 .lag = &p->lag,
				 .relays = list,
				 .relays_len = len };
	size_t i;
	int err;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < len; i++)
		list[i] = *relay_vitals(relays[i], health.measure != HEALTH_OFF);
	/* Whatever it took to ask is part of the tick. */
	histogram_observe(&p->tick, clock_read(CLOCK_MONOTONIC) - tick->begun);
	histogram_observe(&p->lag, tick->late);
	err = pulse_write(&health, out);
	free(list);
	return err;
}
