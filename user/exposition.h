/* SPDX-License-Identifier: MIT */
/*
 * exposition.h - text that Prometheus reads: families of samples, in its text format 0.0.4 or in
 * OpenMetrics 1.0.
 *
 * A family is written when its first sample is; one without samples leaves no trace. What differs
 * between the formats is in here: a counter's family is named with its `_total` in the one and
 * without it in the other, units are said in the other only, which also has an end.
 */
#ifndef MOQSTAT_EXPOSITION_H
#define MOQSTAT_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "histogram.h"

enum exposition_format {
	EXPOSITION_TEXT = 0, /* 0.0.4 */
	EXPOSITION_OPENMETRICS,
};

/** The Content-Type of each. */
extern const char *const exposition_types[];

enum exposition_kind {
	EXPOSITION_COUNTER = 0,
	EXPOSITION_GAUGE,
	EXPOSITION_HISTOGRAM,
	EXPOSITION_INFO, /* a gauge that is always 1 in 0.0.4 */
};

/** A family. The name is without `_total` and `_info`, which follow from the kind. */
struct exposition_family {
	const char *name;
	enum exposition_kind kind;
	const char *unit; /* the name's last word where that is a unit, else NULL */
	const char *help; /* plain text without backslashes and line ends */
};

struct exposition_label {
	const char *name;
	const char *value; /* escaped: by exposition_escape(), or nothing in it needs that */
	size_t value_len;
};

/** A label whose value is a constant. */
#define EXPOSITION_LABEL(label, text) \
	((struct exposition_label){ .name = (label), .value = (text), .value_len = strlen(text) })

/** Text in the making. */
struct exposition {
	enum exposition_format format;
	struct frame_buf *buf; /* not owned */
	const struct exposition_family *family;
	bool begun; /* the family's first sample has been written */
	int err;    /* 0, or why there is no more text */
};

/** Begin in *buf, over what was there. It stays the caller's, as does its memory. */
void exposition_begin(struct exposition *e, enum exposition_format format, struct frame_buf *buf);

/** Samples from here on are of this family, which must outlive them. */
void exposition_family(struct exposition *e, const struct exposition_family *family);

/** One sample of a counter, a gauge or an info. */
void exposition_sample(struct exposition *e, const struct exposition_label *labels, size_t n,
		       uint64_t value);

/** The same of nanoseconds, as seconds. */
void exposition_seconds(struct exposition *e, const struct exposition_label *labels, size_t n,
			uint64_t ns);

/** All samples of a histogram, without labels of its own. */
void exposition_histogram(struct exposition *e, const struct histogram *h);

/** The end. 0, the text then NUL-terminated in the buffer; or -ENOMEM. */
int exposition_end(struct exposition *e);

/** Escape UTF-8 for a label's value; there are no characters that can't be in one. `out` has room
 *  for EXPOSITION_ESCAPED(len) bytes; returns how many it took. */
size_t exposition_escape(const char *text, size_t len, char *out);

#define EXPOSITION_ESCAPED(len) (2 * (len))

#endif /* MOQSTAT_EXPOSITION_H */
