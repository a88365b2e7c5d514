/* SPDX-License-Identifier: MIT */
/*
 * verify_report.h - what a verification came to: for people, and as JSON to be kept.
 */
#ifndef MOQSTAT_VERIFY_REPORT_H
#define MOQSTAT_VERIFY_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "compare.h"

/** All that there is to tell. Owns nothing. */
struct verify_told {
	const struct compare *compare;
	const char *status;	  /* the run's last status, `{"moqstat":{…}}`; NULL: none */
	const char *url;	  /* that was asked, without secrets; NULL: none */
	const char *broadcast;	  /* whose frames */
	uint64_t fetched, failed; /* frames of the relay's */
	const char *failure;	  /* why the last one failed, or "" */
	uint64_t censuses_failed;
	uint64_t untold[CENSUS_KIND_MAX]; /* most in one census */
	uint64_t tasks_untold;
	const char *no_census; /* why there is none; NULL: there is */
	double seconds;
	bool ended; /* the relay has, before the time was over */
};

enum verify_verdict {
	VERIFY_EQUAL = 0,
	VERIFY_DIFFERENT,
	VERIFY_NOTHING, /* nothing could be compared that proves anything */
	VERIFY_ENDED,	/* the relay ended too early */
};

/** The verdict, and in words why. Static text. */
enum verify_verdict verify_judge(const struct verify_told *t, const char **why);

/** Write it, as lines or as one line of JSON, whole or not at all. 0 or -errno. */
int verify_report(const struct verify_told *t, bool json, FILE *to);

#endif /* MOQSTAT_VERIFY_REPORT_H */
