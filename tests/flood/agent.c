// SPDX-License-Identifier: MIT
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../fixture/site_list.h"
#include "closer.h"
#include "collect_live.h"
#include "log.h"

#define AGENT_DRAIN_S 30

/* The small relay lies beside this program. */
static int agent_start_relay(struct agent *a, bool on)
{
	char self[4096] = "", relay[4200];
	char *argv[] = { relay, on ? "on" : "off", NULL };
	int err;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -errno;
	snprintf(relay, sizeof(relay), "%s/relay", dirname(self));
	a->memory = memfd_create("flood", MFD_CLOEXEC);
	if (a->memory < 0 || ftruncate(a->memory, sizeof(*a->shared)))
		return -errno;
	a->shared =
		mmap(NULL, sizeof(*a->shared), PROT_READ | PROT_WRITE, MAP_SHARED, a->memory, 0);
	if (a->shared == MAP_FAILED || dup2(a->memory, FLOOD_FD) < 0)
		return -errno;
	err = fixture_process_start(&a->relay, argv);
	close(FLOOD_FD);
	if (!err && fgetc(a->relay.from) != '.')
		err = -ENOEXEC;
	return err ? err : fixture_site_list(relay, &a->sites);
}

int agent_start(struct agent *a, bool on, uint32_t max_broadcasts)
{
	struct probes_options options = { .hot = PROBES_HOT_PROBE,
					  .max_broadcasts = max_broadcasts };
	struct collect_live_source source = { .target = &a->target, .prefix = ".stats" };
	int err;

	memset(a, 0, sizeof(*a));
	/* The cross-check finds that no relay bumps like this. */
	log_set_level(LOG_ERROR);
	jsonl_init(&a->out, open("/dev/null", O_WRONLY | O_CLOEXEC));
	err = agent_start_relay(a, on);
	if (!err)
		err = target_init(a->relay.pid, &a->target);
	if (!err)
		err = closer_create(&a->closer);
	options.closer = a->closer;
	if (!err)
		err = probes_create(&a->target, &a->sites, &options, &a->probes);
	source.probes = a->probes;
	source.layout = a->sites.layout;
	if (!err)
		err = collect_live_create(&source, &a->live);
	if (!err)
		tally_init(&a->tally, a->live);
	if (!err)
		err = stats_create(".stats", "flood", a->sites.layout->frame, &a->stats);
	if (err)
		fprintf(stderr, "cannot attach to the small relay: %s\n", strerror(-err));
	return err;
}

void agent_order(struct agent *a)
{
	a->shared->stop = 0;
	fputc('.', a->relay.to);
	fflush(a->relay.to);
}

bool agent_ordered(struct agent *a)
{
	struct pollfd fd = { .fd = fileno(a->relay.from), .events = POLLIN };

	if (poll(&fd, 1, 0) <= 0)
		return false;
	if (fgetc(a->relay.from) != '.') {
		fputs("the small relay has ended\n", stderr);
		exit(1);
	}
	return true;
}

int agent_tick(struct agent *a)
{
	struct stats_tick tick;

	int err = stats_tick(a->stats, &a->tally.base, &a->out, &tick);

	a->ticks++;
	__atomic_store_n(&a->shared->told, a->tally.finals_len, __ATOMIC_RELAXED);
	return err;
}

int agent_read(struct agent *a)
{
	struct collect_batch batch;
	int err = collect_read(&a->tally.base, &batch);

	collect_batch_deinit(&batch);
	return err;
}

size_t agent_drain(struct agent *a)
{
	struct timespec now;
	time_t end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + AGENT_DRAIN_S;
	/* What is shown for the last time is retired by the tick after. */
	while (!agent_tick(a) && a->tally.left && now.tv_sec < end)
		clock_gettime(CLOCK_MONOTONIC, &now);
	return a->tally.left;
}

void agent_end(struct agent *a)
{
	stats_destroy(a->stats);
	collect_destroy(a->live);
	probes_destroy(a->probes);
	closer_destroy(a->closer);
	sites_deinit(&a->sites);
	target_deinit(&a->target);
	tally_deinit(&a->tally);
	jsonl_deinit(&a->out);
	close(a->out.fd);
	if (a->relay.to)
		fixture_process_end(&a->relay);
	if (a->shared)
		munmap(a->shared, sizeof(*a->shared));
	close(a->memory);
}
