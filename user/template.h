/* SPDX-License-Identifier: MIT */
/*
 * template.h - names with a place for what differs from relay to relay: {pid}, {host}, {unit}.
 */
#ifndef MOQSTAT_TEMPLATE_H
#define MOQSTAT_TEMPLATE_H

#include <stdbool.h>
#include <sys/types.h>

/** What is put in. */
struct template_values {
	pid_t pid;
	const char *host; /* of this machine */
	const char *unit; /* of the relay; "" where it has none */
};

/** Is every brace in `text` part of a placeholder? -EINVAL if not. */
int template_check(const char *text);

/** Does it hold this placeholder, "{pid}" say? */
bool template_holds(const char *text, const char *placeholder);

/** Put the values in. *out is the caller's to free. -ENOMEM; -EINVAL as of template_check(). */
int template_expand(const char *text, const struct template_values *values, char **out);

#endif /* MOQSTAT_TEMPLATE_H */
