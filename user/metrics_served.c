/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "metrics_node.h"

#define METRICS_LEN(array) (sizeof(array) / sizeof((array)[0]))

void metrics_write_ready(struct exposition *e, bool ready)
{
	static const struct exposition_family family = {
		"moqstat_ready", EXPOSITION_GAUGE, NULL,
		"Is what is served all there, as /readyz has it"
	};

	exposition_family(e, &family);
	exposition_sample(e, NULL, 0, ready);
}

void metrics_write_hub(struct exposition *e, const struct hub_counts *hub)
{
	static const struct exposition_family families[] = {
		{ "moqstat_server_clients", EXPOSITION_GAUGE, NULL,
		  "Clients that follow tracks live now" },
		{ "moqstat_server_subscriptions", EXPOSITION_GAUGE, NULL,
		  "Tracks that clients follow live now" },
		{ "moqstat_server_groups_sent", EXPOSITION_COUNTER, NULL,
		  "Groups handed to clients that follow" },
		{ "moqstat_server_groups_dropped", EXPOSITION_COUNTER, NULL,
		  "Groups that clients lost since they read too slowly" },
	};
	static const struct exposition_family evicted = { "moqstat_server_clients_evicted",
							  EXPOSITION_COUNTER, NULL,
							  "Clients that lost their place, by why" };
	static const char *const reasons[] = { "expired", "lagging", "stale" };
	const uint64_t values[] = { hub->sessions, hub->subscriptions, hub->sent, hub->dropped };
	const uint64_t by_reason[] = { hub->expired, hub->lagging, hub->stale };
	size_t i;

	for (i = 0; i < METRICS_LEN(families); i++) {
		exposition_family(e, &families[i]);
		exposition_sample(e, NULL, 0, values[i]);
	}
	exposition_family(e, &evicted);
	for (i = 0; i < METRICS_LEN(reasons); i++) {
		struct exposition_label label = EXPOSITION_LABEL("reason", reasons[i]);

		exposition_sample(e, &label, 1, by_reason[i]);
	}
}

void metrics_write_http(struct exposition *e, const struct http_counts *http)
{
	static const struct exposition_family families[] = {
		{ "moqstat_server_connections", EXPOSITION_GAUGE, NULL, "HTTP connections now" },
		{ "moqstat_server_connections_accepted", EXPOSITION_COUNTER, NULL,
		  "HTTP connections so far" },
		{ "moqstat_server_connections_refused", EXPOSITION_COUNTER, NULL,
		  "HTTP connections closed at once since there were too many" },
		{ "moqstat_server_connections_cut", EXPOSITION_COUNTER, NULL,
		  "HTTP connections closed since their client was too slow" },
		{ "moqstat_server_requests", EXPOSITION_COUNTER, NULL, "HTTP requests" },
		{ "moqstat_server_requests_denied", EXPOSITION_COUNTER, NULL,
		  "HTTP requests without a token that holds" },
	};
	const uint64_t values[] = { http->connections, http->accepted, http->refused,
				    http->cut,	       http->requests, http->denied };
	size_t i;

	for (i = 0; i < METRICS_LEN(families); i++) {
		exposition_family(e, &families[i]);
		exposition_sample(e, NULL, 0, values[i]);
	}
}

/* What a relay that is published at has for a value of a family. */
static uint64_t metrics_uplink_value(const struct uplink_facts *f, size_t family)
{
	const uint64_t values[] = { f->state == UPLINK_PUBLISHING && f->broadcasts,
				    f->broadcasts,
				    f->subscriptions,
				    f->connects,
				    f->failures,
				    f->groups,
				    f->bytes,
				    f->skipped };

	return values[family];
}

void metrics_write_uplinks(struct exposition *e, const struct uplinks *uplinks)
{
	static const struct exposition_family families[] = {
		{ "moqstat_publish_up", EXPOSITION_GAUGE, NULL,
		  "Has the relay been told of stats broadcasts, and holds the session" },
		{ "moqstat_publish_broadcasts", EXPOSITION_GAUGE, NULL,
		  "Stats broadcasts that the relay has been told of" },
		{ "moqstat_publish_subscriptions", EXPOSITION_GAUGE, NULL,
		  "Tracks that the relay subscribes to now" },
		{ "moqstat_publish_connects", EXPOSITION_COUNTER, NULL,
		  "Sessions that the relay agreed to" },
		{ "moqstat_publish_failures", EXPOSITION_COUNTER, NULL,
		  "Attempts and sessions that failed" },
		{ "moqstat_publish_groups", EXPOSITION_COUNTER, NULL, "Groups sent to the relay" },
		{ "moqstat_publish_sent_bytes", EXPOSITION_COUNTER, "bytes",
		  "Bytes of messages sent to the relay" },
		{ "moqstat_publish_groups_skipped", EXPOSITION_COUNTER, NULL,
		  "Groups that the relay did not get since it read too slowly" },
	};
	struct uplink_facts facts;
	size_t i, n;

	for (i = 0; i < METRICS_LEN(families) && uplinks->len; i++) {
		exposition_family(e, &families[i]);
		for (n = 0; n < uplinks->len; n++) {
			uplink_tell(uplinks->list[n], &facts);
			exposition_sample(e,
					  (struct exposition_label[]){
						  EXPOSITION_LABEL("relay", facts.name) },
					  1, metrics_uplink_value(&facts, i));
		}
	}
}
